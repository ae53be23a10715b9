#pragma once
/* The judge of a whole signed zone, apart from the signing code: every RRSIG by the published keys,
 * each authoritative RRset signed by each algorithm (RFC 4035 §2.2), glue and cut NS unsigned, the
 * denial chain complete and exact, ZONEMD. */
#include "core/dnssec/chain.h"
#include "core/zone/zone.h"

struct zone_verify_options {
    int64_t now_s;
    const struct trust_anchor
        *anchors; /* of the apex; without any, the zone's own KSKs are taken as they are */
    size_t anchor_count;
    bool needs_zonemd; /* a missing ZONEMD is a fault */
    const struct zone
        *before; /* a version that was verified already: only what differs is checked; NULL: all */
};
struct zone_verify_report {
    size_t rrsigs_checked;
    size_t faults;
    int64_t earliest_expiration_s;
    bool is_zonemd_checked;
};
/* OK without faults, MISMATCH with any; each fault names the record. */
enum status zone_verify(const struct zone *zone, const struct zone_verify_options *options,
                        void (*fault)(void *user, const struct problem *problem), void *user,
                        struct zone_verify_report *report) MUST_USE;
/* The SIMPLE digest of RFC 8976 §3.3.1 (SHA-384 or SHA-512 by hash algorithm 1 or 2). */
enum status zone_digest(const struct zone *zone, uint8_t hash_algorithm, uint8_t *digest,
                        size_t *digest_len) MUST_USE;
