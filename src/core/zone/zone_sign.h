#pragma once
/* The signed version of a zone: DNSKEY set, denial chain, RRSIGs; what is still good of the version
 * before is reused. */
#include "core/dnssec/sign.h"
#include "core/zone/zone.h"

enum zone_denial { ZONE_NSEC, ZONE_NSEC3, ZONE_NSEC3_OPT_OUT };
enum zone_serial_policy {
    ZONE_SERIAL_KEEP,
    ZONE_SERIAL_INCREMENT,
    ZONE_SERIAL_UNIXTIME,
    ZONE_SERIAL_DATE
};

enum { ZONE_KEYS_MAX = 32 };

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
    bool has_cds;                /* CDS (SHA-256) and CDNSKEY of the keys with SEP that sign keys */
};

/* The serial follows the policy, but is always newer than that of `before`.
 * `unsigned_zone`: the data as its owner wants it (DNSSEC records in it are dropped, except DS).
 * `before`: the last signed version or NULL. `*next` is NULL with OK when nothing needs to change.
 * `refresh_at_s`: when the earliest RRSIGs want renewal, a little late so that some are
 * renewed together; INT64_MAX when nothing was signed. */
enum status zone_sign(const struct zone *unsigned_zone, const struct zone *before,
                      const struct zone_key *keys, size_t key_count,
                      const struct zone_sign_policy *policy, int64_t now_s, struct zone **next,
                      int64_t *refresh_at_s, struct problem *problem) MUST_USE;

/* The zone without any DNSSEC record (DS stays at cuts). */
enum status zone_strip(const struct zone *zone, struct zone **stripped) MUST_USE;
