#pragma once
/* The denial chain as the signer writes it: which names are in it, in which order, and with which
 * types; NSEC over the names in canonical order (RFC 4034 §4), NSEC3 over their hashes with the
 * empty non-terminals (RFC 5155 §7.1), with no salt and no iterations (RFC 9276 §3.1).
 *
 * Under opt-out RFC 5155 §7.1, as its erratum 3441 has it, lets a signer leave out an empty
 * non-terminal that only unsigned delegations bring in. We leave out none. Without the record the
 * closest encloser that can be proved is further up, and where a wildcard stands there it seems to
 * stand in for all below the empty non-terminal: the true NODATA and NXDOMAIN answers there have no
 * proof that a validator accepts. The judge (zone_verify.h) takes both forms, as zones that others
 * signed are valid too; a zone of the other form that we change gets the records of the empty
 * non-terminals above each name that is touched. */
#include "core/dnssec/denial.h"
#include "core/zone/zone_sign.h"

/* What a node is to the signer. */
enum chain_place {
    CHAIN_AUTHORITATIVE, /* everything is signed */
    CHAIN_CUT,           /* a delegation: DS and NSEC are signed, NS and glue are not */
    CHAIN_BELOW          /* glue, or hidden below a cut or a DNAME: nothing is signed */
};

/* Does a signer make RRsets of that type at that name? They are no data of the zone's owner. */
bool chain_is_made(struct name owner, uint16_t type);
/* Does the node own data? */
bool chain_has_data(const struct zone_node *node);
/* Is the RRset signed? Not for RRSIG itself. */
bool chain_signs(enum chain_place place, uint16_t type);
/* Does everything below the node belong elsewhere: a cut, or a DNAME? */
bool chain_hides_below(const struct zone *zone, const struct zone_node *node);

/* Tells the place of each node with data in a canonical walk. */
struct chain_walk {
    const struct zone *zone;
    struct zone_cursor cursor;
    struct name above; /* the cut or DNAME last met; len 0: none */
};
void chain_walk_begin(struct chain_walk *walk, const struct zone *zone);
const struct zone_node *chain_walk_next(struct chain_walk *walk, enum chain_place *place);

/* The same for one name of the zone. O(labels * log n). */
enum chain_place chain_place_of(const struct zone *zone, struct name name);
/* The neighbours of a name among the nodes that are not below a cut or DNAME; NULL when there is
 * none on that side. O(labels * log n). */
const struct zone_node *chain_after(const struct zone *zone, struct name name);
const struct zone_node *chain_before(const struct zone *zone, struct name name);
/* The first node behind the subtree of a name. */
const struct zone_node *chain_behind(const struct zone *zone, struct name top);

/* The rdata of the record for a name that owns `types`, in any order; NSEC, NSEC3 and RRSIG are
 * added where they belong. The types array has room for two more. */
struct chain_types {
    uint16_t *types;
    size_t count;
    enum chain_place place;
};
void chain_write_nsec(struct name next, const struct chain_types *types, struct writer *rdata);
/* The bitmap of an NSEC3. */
void chain_write_bitmap(const struct chain_types *types, struct writer *bitmap);
void chain_write_nsec3(enum zone_denial denial, const uint8_t next[NSEC3_HASH_LEN],
                       struct span bitmap, struct writer *rdata);
enum { CHAIN_BITMAP_LEN_MAX = 256 * 34, CHAIN_HASH_LABEL_LEN = 32 };

/* The hash of a name by a stream of SHA-1 that is used again and again. */
enum status chain_hash(struct digest_stream *sha1, struct name name,
                       uint8_t hash[NSEC3_HASH_LEN]) MUST_USE;
/* Between a hash and the owner of its NSEC3. */
enum status chain_hash_owner(struct name apex, const uint8_t hash[NSEC3_HASH_LEN],
                             struct name_buffer *buffer, struct name *owner) MUST_USE;
/* False when the name cannot be one. */
bool chain_owner_hash(struct name apex, struct name owner, uint8_t hash[NSEC3_HASH_LEN]);
