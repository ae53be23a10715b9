#pragma once
/* The signed version of a zone: DNSKEY set, denial chain, RRSIGs; what is still good of the version
 * before is reused. */
#include "core/base/parallel.h"
#include "core/dnssec/sign.h"
#include "core/zone/zone.h"

enum zone_denial { ZONE_NSEC, ZONE_NSEC3, ZONE_NSEC3_OPT_OUT };
enum zone_serial_policy {
    ZONE_SERIAL_KEEP,
    ZONE_SERIAL_INCREMENT,
    ZONE_SERIAL_UNIXTIME,
    ZONE_SERIAL_DATE
};

enum {
    ZONE_KEYS_MAX = 32,
    ZONE_REFRESH_NODES_MAX = 4096 /* renewed in one version that is made from a change */
};

struct zone_key {
    struct signing_key signing; /* signing.key NULL: published only */
    bool is_published;          /* stands in the DNSKEY RRset */
    bool signs_keys;            /* signs the DNSKEY, CDS and CDNSKEY RRsets */
    bool signs_zone;            /* signs all else */
};

struct zone_sign_policy {
    enum zone_denial denial;
    enum zone_serial_policy serial;
    uint32_t dnskey_ttl_s; /* 0: the SOA's TTL */
    /* 0 in the next four is the default. */
    uint32_t validity_s; /* life of a new RRSIG (default 14 days) */
    uint32_t refresh_s;  /* an RRSIG with less life left is made anew (default half of that) */
    uint32_t jitter_s;   /* expirations are spread over this much (default 1/14 of the validity), by
                            a hash of owner and type */
    uint32_t inception_offset_s; /* backdating for clock skew (default 1 hour) */
    bool has_zonemd;             /* ZONEMD SIMPLE SHA-384 (RFC 8976) */
    bool has_cds;                /* CDS and CDNSKEY of the keys with SEP that sign keys */
    bool asks_for_no_ds; /* then in their place the form that has the parent delete all DS records
                            (RFC 8078 §4) */
    uint8_t cds_digest;  /* of the CDS; 0: SHA-256 */
    bool has_csync;      /* CSYNC for the name servers and their addresses, in place of the owner's;
                            its serial is that of the version in which they changed last */
};

struct zone_sign_input {
    /* The data as its owner wants it (DNSSEC records in it are passed over, except DS). */
    const struct zone *unsigned_zone;
    /* The last signed version, or NULL. It was made by zone_sign. */
    const struct zone *signed_before;
    /* The owner's data that it was made from, or NULL. With it the cost follows the change, as long
     * as keys and denial stay the same; shared structure is what makes the change quick to find. */
    const struct zone *unsigned_before;
    const struct zone_key *keys;
    size_t key_count; /* at most ZONE_KEYS_MAX; no two that sign with one tag and algorithm */
    struct zone_sign_policy policy;
    int64_t now_s;
    const struct parallel *parallel; /* NULL: one piece after another */
    /* The caller's one reference to unsigned_zone goes over to the call, which lets go of each node
     * once it is signed: half the memory. */
    bool gives_away;
    /* Told, from any of the threads, that so many more nodes are done; may be NULL. */
    void (*passed)(void *user, size_t nodes);
    void *passed_user;
};

struct zone_sign_report {
    size_t rrsigs_made;
    size_t rrsigs_kept; /* counted only where they were looked at */
    bool is_incremental;
    /* When the earliest RRSIGs want renewal, a little late so that some are renewed together;
     * INT64_MAX when nothing was signed. */
    int64_t refresh_at_s;
};

/* The serial follows the policy, but is always newer than that of the version before. `*next` is
 * NULL with OK when nothing needs to change. */
enum status zone_sign(const struct zone_sign_input *input, struct zone **next,
                      struct zone_sign_report *report, struct problem *problem) MUST_USE;

/* The zone without any DNSSEC record (DS stays at cuts). */
enum status zone_strip(const struct zone *zone, struct zone **stripped) MUST_USE;
