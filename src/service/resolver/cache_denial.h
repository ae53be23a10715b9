#pragma once
/* NSEC and NSEC3 records that were found secure, a list in canonical order for each zone, so that
 * names that were never asked for can be denied with them (RFC 8198). An NSEC3 list holds one set
 * of parameters; its order is that of the hashes, which is that of the owners. Opt-out records have
 * no place here. Only the thread that writes the cache comes here. */
#include "service/resolver/cache.h"

enum {
    DENIAL_ZONES_MAX = 1024,
    DENIAL_RECORDS_MAX = 4096 /* of one zone, so that adding one stays cheap */
};

struct denial_zone {
    struct name name;
    struct name_buffer octets;
    uint16_t type; /* TYPE_NSEC or TYPE_NSEC3; 0: no record yet */
    /* NSEC3 only. */
    uint16_t iterations;
    uint8_t salt_len;
    uint8_t salt[UINT8_MAX];
    struct cache_entry *soa; /* held; NULL: not known. answer[0] is the SOA, answer[1] its RRSIGs */
    /* Internal. */
    struct cache_entry **records; /* held; answer[0] is the NSEC or NSEC3, answer[1] its RRSIGs */
    size_t count;
    size_t room;
    size_t hand; /* where the search for a record that may go begins */
    uint8_t uses;
    uint64_t hash;
    size_t slot;
};

struct denials;
enum status denials_open(size_t size_max, uint64_t seed, struct denials **denials) MUST_USE;
void denials_close(struct denials *denials);

/* An SOA, NSEC or NSEC3 RRset of the zone and its RRSIG RRset, both copied. Of a newer set of
 * parameters, or of the other kind, it takes the place of all before it. */
struct denial_draft {
    struct name zone;
    const struct rrset *rrset;
    const struct rrset *rrsigs;
    int64_t expires_ns;
};
void denials_put(struct denials *denials, const struct denial_draft *draft, int64_t now_ns);
/* The deepest zone that something is known of, at the name or above it. NULL, or valid until the
 * next denials_put. */
struct denial_zone *denials_find(struct denials *denials, struct name name);
/* The record at `name` or the last one before it; in a list of NSEC3, the last of all comes before
 * the first. NULL where there is none, or it has expired. */
struct cache_entry *denial_zone_before(struct denial_zone *zone, struct name name, int64_t now_ns);

/* All that could speak about names at or below `name`. */
void denials_forget(struct denials *denials, struct name name);
size_t denials_size(const struct denials *denials);
