#pragma once
/* A zone version: immutable, in canonical order, sharing structure with the version it came from.
 * Readers hold a reference and never wait. */
#include "core/base/arena.h"
#include "core/dns/rrset.h"

struct zone; /* reference counted */

/* One owner name with its RRsets, sorted by (type, covers). Names that own nothing (empty
 * non-terminals) have no node. A node lives as long as the snapshot it was found in. */
struct zone_node {
    struct name owner;
    const struct rrset *rrsets;
    uint16_t rrset_count;
    uint16_t key_len; /* of the key that the zone sorts it by, behind the owner's octets */
};

struct zone *zone_hold(const struct zone *zone); /* one more reference */
void zone_release(struct zone *zone);            /* NULL is fine */
struct name zone_apex(const struct zone *zone);
size_t zone_record_count(const struct zone *zone);
size_t zone_node_count(const struct zone *zone);

struct span zone_node_key(const struct zone_node *node); /* the name_key of its owner */
/* NULL when the name owns nothing. O(log n). */
const struct zone_node *zone_find(const struct zone *zone, struct name name);
const struct rrset *zone_node_rrset(const struct zone_node *node,
                                    uint16_t type); /* NULL when absent; not for RRSIG */
const struct rrset *zone_node_rrsigs(const struct zone_node *node, uint16_t covers);
const struct rrset *zone_find_rrset(const struct zone *zone, struct name name, uint16_t type);
/* The name owns records or has a descendant that does. */
bool zone_has_name(const struct zone *zone, struct name name);
/* Label count of the deepest existing ancestor-or-self (closest encloser, RFC 4592 §3.3.1); `name`
 * is in the zone. */
uint8_t zone_closest_encloser(const struct zone *zone, struct name name);
/* The highest node strictly below the apex and at or above `name` that owns NS (a zone cut); NULL
 * when none. */
const struct zone_node *zone_find_cut(const struct zone *zone, struct name name);
/* The highest node strictly above `name`, apex included, that owns DNAME; NULL when none. */
const struct zone_node *zone_find_dname(const struct zone *zone, struct name name);
/* The node with the greatest owner <= name in canonical order (cyclic never: NULL before the
 * first). */
const struct zone_node *zone_at_or_before(const struct zone *zone, struct name name);
/* The node with the greatest NSEC3 owner <= `name`, a hash below the apex; before the first hash it
 * is the last, as the chain is a ring. NULL when the zone has no NSEC3. */
const struct zone_node *zone_nsec3_at_or_before(const struct zone *zone, struct name name);
/* Canonical walk: the first node; the node after `name` (NULL at the end). */
const struct zone_node *zone_first(const struct zone *zone);
const struct zone_node *zone_after(const struct zone *zone, struct name name);
/* A whole walk in O(n): starts before the first node. Holds no reference. */
struct zone_cursor {
    const struct zone *zone;
    void *path[16];
    uint16_t at[16];
    int depth;
};
void zone_walk(const struct zone *zone, struct zone_cursor *cursor);
const struct zone_node *zone_walk_next(struct zone_cursor *cursor);

/* Expirations are the RRSIGs' own 32 bits, taken as seconds since 1970: in order until 2106. */

/* The earliest expiration of any RRSIG of the zone, INT64_MAX without one. O(1). */
int64_t zone_earliest_expiration_s(const struct zone *zone);
/* The next node in canonical order behind `after` (NULL: from the first) that owns an RRSIG which
 * expires before `before_s`; NULL when none is left. O(log n). */
const struct zone_node *zone_next_expiring(const struct zone *zone, const struct name *after,
                                           int64_t before_s);
/* The earliest expiration of the node's own RRSIGs, INT64_MAX without one. O(RRSIGs). */
int64_t zone_node_expiration_s(const struct zone_node *node);

/* A name whose records differ between two versions. */
struct zone_change {
    const struct zone_node *before; /* NULL: the name came */
    const struct zone_node *after;  /* NULL: the name went */
};
enum { ZONE_DEPTH_MAX = 16 };
/* One version's place in a comparison: a page or an entry that has not been looked into. */
struct zone_compare_side {
    void *root;
    void *path[ZONE_DEPTH_MAX];
    uint16_t at[ZONE_DEPTH_MAX];
    int depth;
    int height; /* of the whole tree */
    bool is_over;
};
struct zone_comparison {
    struct zone_compare_side before, after;
    size_t pages_entered; /* what it cost so far, for tests */
};
/* Starts the names that differ, in canonical order; either version may be NULL, for an empty one.
 * What both share is passed by, so it costs O(changes * log n). Holds no reference. */
void zone_compare(const struct zone *before, const struct zone *after,
                  struct zone_comparison *comparison);
bool zone_compare_next(struct zone_comparison *comparison,
                       struct zone_change *change); /* false at the end */
/* The content of `whole` in a version that shares with `base` all that both have, or `whole` itself
 * where that would save little; with one reference of the caller's. `differing` names differ; there
 * may be more where much does. Takes as long as a walk over both where they share nothing. */
struct zone *zone_share(const struct zone *base, const struct zone *whole,
                        size_t *differing) MUST_USE;

const struct rrset *
zone_soa(const struct zone *zone);             /* NULL only in a zone that was not checked */
uint32_t zone_serial(const struct zone *zone); /* 0 without SOA */
uint32_t zone_negative_ttl_s(const struct zone *zone); /* min(SOA TTL, MINIMUM), RFC 2308 §3 */

/* Makes the next version: from an existing one (shared, cost in proportion to the change) or from
 * nothing. */
struct zone_builder;
enum status zone_build(struct name apex, const struct zone *from,
                       struct zone_builder **builder) MUST_USE;
/* Adds one record; a duplicate is left out, a different TTL of the RRset: the last one wins for
 * all. Class IN; the rdata has passed rdata_check. Records of an RRset stand in canonical order
 * (RFC 4034 §6.3). BAD_ARGUMENT: not at or below the apex; NO_MEMORY and LIMIT_REACHED (records of
 * one RRset) stay: zone_build_finish then gives NULL. */
enum status zone_build_add(struct zone_builder *builder, struct name owner, uint16_t type,
                           uint32_t ttl_s, struct span rdata) MUST_USE;
/* Takes one record away; NOT_FOUND when it is not there. */
enum status zone_build_remove(struct zone_builder *builder, struct name owner, uint16_t type,
                              struct span rdata) MUST_USE;
/* Would the next version hold that record, with whatever TTL? */
bool zone_build_has(struct zone_builder *builder, struct name owner, uint16_t type,
                    struct span rdata);
/* Puts a whole RRset in place of what stood there (covers counts); an empty one removes. */
enum status zone_build_set(struct zone_builder *builder, const struct rrset *rrset) MUST_USE;
/* What the next version would hold; NULL when nothing. Valid until the next change. */
const struct rrset *zone_build_rrset(struct zone_builder *builder, struct name owner, uint16_t type,
                                     uint16_t covers);
/* The new version, with one reference, or NULL after a NO_MEMORY or LIMIT_REACHED; the builder is
 * gone. */
struct zone *zone_build_finish(struct zone_builder *builder);
void zone_build_cancel(struct zone_builder *builder); /* NULL is fine */
