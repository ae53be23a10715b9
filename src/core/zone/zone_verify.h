#pragma once
/* The judge of a whole signed zone, apart from the signing code: every RRSIG by the published keys,
 * each authoritative RRset signed by each algorithm (RFC 4035 §2.2), glue and cut NS unsigned, the
 * apex sets, the denial chain complete and exact, ZONEMD. */
#include "core/base/parallel.h"
#include "core/dnssec/chain.h"
#include "core/zone/zone.h"

enum { ZONE_VERIFY_KEYS_MAX = 64 }; /* zone keys in one DNSKEY set */

/* The RRSIGs of a version by the keys they name. */
struct zone_verify_key {
    uint8_t algorithm;
    uint16_t tag;
    size_t rrsigs;
};

struct zone_verify_report {
    size_t rrsigs_checked; /* by cryptography */
    size_t faults;
    int64_t earliest_expiration_s; /* of all RRSIGs; INT64_MAX without any */
    bool is_zonemd_checked;
    bool is_whole; /* nothing was taken from the version before */
    int64_t judged_at_s;
    size_t key_count;
    struct zone_verify_key keys[ZONE_VERIFY_KEYS_MAX];
};

struct zone_verify_options {
    int64_t now_s;
    const struct trust_anchor
        *anchors; /* of the apex; without any, the zone's own KSKs are taken as they are */
    size_t anchor_count;
    bool needs_zonemd; /* a missing ZONEMD is a fault */
    /* A version that was found good: only what differs from it is checked, and what else the
     * difference may spoil. The verdict is that of a whole verification; where it cannot be told
     * from the difference (other keys, another kind of denial), the whole is verified. Cost:
     * O(changes * log n) with `before_report`, what zone_verify reported of `before`; without it
     * the times of all signatures are looked at. NULL: all is verified. */
    const struct zone *before;
    const struct zone_verify_report *before_report;
    const struct parallel *parallel; /* NULL: the caller's thread alone */
    /* Above 1: only the apex and one RRset of so many, chosen by a hash of owner and type, is
     * checked by cryptography; all else is judged as ever. */
    uint32_t sample_every;
    /* Told now and then in the caller's thread, in names of the zone; may be NULL. */
    void (*progress)(void *user, size_t done, size_t total);
};

/* OK without faults, MISMATCH with any; each fault names the record. The faults and their order are
 * the same for every number of threads: the apex, then the names in canonical order, then the
 * records of no name and ZONEMD. */
enum status zone_verify(const struct zone *zone, const struct zone_verify_options *options,
                        void (*fault)(void *user, const struct problem *problem), void *user,
                        struct zone_verify_report *report) MUST_USE;
/* What the zone's ZONEMD records say of it (RFC 8976 §4): one that fits is enough. NO_MEMORY. */
enum zonemd_verdict {
    ZONEMD_GOOD,
    ZONEMD_ABSENT,
    ZONEMD_WRONG,    /* the zone is another than was digested */
    ZONEMD_UNUSABLE, /* no record has a scheme and hash that can be checked */
};
enum status zone_check_zonemd(const struct zone *zone, enum zonemd_verdict *verdict) MUST_USE;
/* The SIMPLE digest of RFC 8976 §3.3.1 (SHA-384 or SHA-512 by hash algorithm 1 or 2). */
enum status zone_digest(const struct zone *zone, uint8_t hash_algorithm, uint8_t *digest,
                        size_t *digest_len) MUST_USE;
