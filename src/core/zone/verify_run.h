#pragma once
/* Inside the judge of a zone: what its files share. Nothing of the signer is used here. */
#include "core/zone/zone_verify.h"

/* What a name is to the judge (RFC 4035 §2.2). */
enum verify_place {
    VERIFY_AUTHORITATIVE, /* each RRset is signed */
    VERIFY_CUT,           /* DS and NSEC are signed, NS and glue are not */
    VERIFY_HIDDEN,        /* below a cut or a DNAME: nothing is signed */
    VERIFY_HASHED         /* an owner made from a hash: NSEC3 and its RRSIGs alone */
};

enum { VERIFY_KEYS_MAX = 64 };

struct verify_run {
    const struct zone *zone;
    const struct zone_verify_options *options;
    void (*fault)(void *user, const struct problem *problem);
    void *user;
    struct zone_verify_report *report;
    struct dnskey keys[VERIFY_KEYS_MAX]; /* with the zone flag and protocol 3 */
    size_t key_count;
    bool is_algorithm_needed[256]; /* of a key that is not revoked */
    bool is_known_good;            /* nodes shared with `before` need no cryptography */
    struct key_cache *key_cache;
    struct arena scratch; /* dies with each RRset */
    struct arena arena;   /* dies with the run */
    enum status status;   /* the first failure that is no verdict */
};

void verify_fault(struct verify_run *run, struct name owner, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* A failure of memory or the library: the run has no verdict. */
void verify_fail(struct verify_run *run, enum status status);

/* The place of each node of a canonical walk. */
struct verify_walk {
    const struct zone *zone;
    struct zone_cursor cursor;
    const struct zone_node *cover; /* the cut or DNAME above, or NULL */
};
void verify_walk_begin(struct verify_walk *walk, const struct zone *zone);
const struct zone_node *verify_walk_next(struct verify_walk *walk, enum verify_place *place);

/* Is that RRset to be signed there? */
bool verify_wants_rrsig(enum verify_place place, uint16_t type);

/* The bitmap of an NSEC or NSEC3 must name exactly the types there. `node` NULL: an empty
 * non-terminal. */
void verify_bitmap(struct verify_run *run, const struct zone_node *node, struct name owner,
                   enum verify_place place, struct span bitmap);
void verify_nsec_chain(struct verify_run *run);
void verify_nsec3_chain(struct verify_run *run);
void verify_zonemd(struct verify_run *run);
