#pragma once
/* Inside the judge of a zone: what its files share. Nothing of the signer is used here. */
#include "core/dnssec/denial.h"
#include "core/zone/zone_verify.h"

#include <stdatomic.h>

/* What a name is to the judge (RFC 4035 §2.2). */
enum verify_place {
    VERIFY_AUTHORITATIVE, /* each RRset is signed */
    VERIFY_CUT,           /* DS and NSEC are signed, NS and glue are not */
    VERIFY_HIDDEN,        /* below a cut or a DNAME: nothing is signed */
    VERIFY_HASHED         /* an owner made from a hash: NSEC3 and its RRSIGs alone */
};

enum {
    VERIFY_CHAINS_MAX = 4,            /* NSEC3PARAM records */
    VERIFY_QUEUE_MAX = 64,            /* signatures checked together */
    VERIFY_MESSAGES_SIZE = 256 << 10, /* what they sign */
    VERIFY_PIECE_NAMES = 64           /* one piece of work; its faults are put in order */
};

/* A key of the DNSKEY set with the zone flag and protocol 3. */
struct verify_key {
    struct dnskey dnskey;
    struct key *key;           /* NULL: cannot be used */
    enum verify_result result; /* why not */
};

/* One record of an NSEC3 chain. */
struct verify_link {
    uint8_t hash[NSEC3_HASH_LEN]; /* of the owner */
    const struct zone_node *node;
};

/* An NSEC3 chain that an NSEC3PARAM record announces. Its links are collected only when the whole
 * zone is verified; a change finds them in the zone. */
struct verify_chain {
    struct span salt;
    uint16_t iterations;
    struct verify_link *links; /* ascending; NULL: not collected */
    size_t link_count;
    uint32_t *starts; /* by the first bits of a hash: the first link at or behind them */
    unsigned start_bits;
    atomic_uchar *is_matched; /* of each link: by a name that exists */
};

struct verify_fault {
    struct verify_fault *next;
    uint64_t order;      /* in its piece */
    bool is_of_ancestor; /* found anew by each piece below that name; told once */
    struct name owner;
    struct problem problem;
};

/* One thread's part of a run. */
struct verify_worker {
    struct verify_run *run;
    struct key *keys[ZONE_VERIFY_KEYS_MAX]; /* this thread's, shared from the run's at first use */
    struct zone_verify_report counts;       /* added up at the end */
    struct verify_queue *queue;             /* made at first use */
    struct verify_fault **faults;           /* of the piece at hand, by order */
    uint64_t order;                         /* of the next fault */
    struct arena arena;                     /* faults; dies with the wave */
    enum status status;                     /* the first failure that is no verdict */
};

struct verify_run {
    const struct zone *zone;
    const struct zone_verify_options *options;
    void (*fault)(void *user, const struct problem *problem);
    void *user;
    struct zone_verify_report *report;
    struct name apex;
    struct verify_key keys[ZONE_VERIFY_KEYS_MAX];
    size_t key_count;
    bool is_algorithm_needed[256]; /* of a key that is not revoked */
    bool has_nsec;
    struct verify_chain chains[VERIFY_CHAINS_MAX];
    size_t chain_count;
    struct verify_worker *workers; /* the first is also the caller's own */
    unsigned worker_count;
    struct name told[NAME_LABELS_MAX + 1]; /* by label count: the last such ancestors */
    struct verify_fault *own_faults;       /* of the caller's worker, outside the pieces */
    atomic_bool is_undecided; /* what differs does not tell: the whole must be verified */
    struct arena arena;       /* dies with the run */
};

/* Faults: verify_fault.c. They wait in their piece until verify_tell. */
void verify_fault(struct verify_worker *worker, struct name owner, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The place in the order for a fault that is found later. */
uint64_t verify_order(struct verify_worker *worker);
void verify_fault_at(struct verify_worker *worker, uint64_t order, struct name owner,
                     const char *format, ...) PRINTF_LIKE(4, 5);
void verify_fault_of_ancestor(struct verify_worker *worker, struct name owner,
                              const char *sentence);
/* A failure of memory or the library: the run has no verdict. */
void verify_fail(struct verify_worker *worker, enum status status);
void verify_tell(struct verify_run *run, const struct verify_fault *faults);
void verify_tell_own(struct verify_run *run); /* the caller's own */
/* Calls check(worker, user, piece) for each piece on all threads, and flushes after each. */
struct verify_pieces {
    void (*check)(struct verify_worker *worker, void *user, size_t piece);
    void *user;
    size_t count;
    struct verify_fault **faults; /* `count`, NULL each */
};
void verify_spread(struct verify_run *run, const struct verify_pieces *pieces);

/* Places: verify_place.c. */
/* The highest cut or DNAME strictly above a name, or NULL. O(log n). */
const struct zone_node *verify_cover(const struct zone *zone, struct name name);
bool verify_covers(const struct zone *zone, const struct zone_node *node); /* a cut or DNAME */
enum verify_place verify_place_of(const struct zone *zone, const struct zone_node *node);
/* An unsigned delegation, which an opt-out span may leave out. */
bool verify_is_insecure(const struct zone_node *node, enum verify_place place);
/* Does that name take part in the denial chain by itself? */
bool verify_is_in_chain(enum verify_place place);
bool verify_is_name(const struct zone *zone, struct name name); /* it has a node of the chain */
/* The neighbours of a name among those that take part; NULL when there is none. */
const struct zone_node *verify_chain_before(const struct zone *zone, struct name name);
const struct zone_node *verify_chain_after(const struct zone *zone, const struct zone_node *node);
/* The lowest ancestor of a name of the chain that the name before it, in canonical order, is at or
 * below: it and those above it have been met. */
struct name verify_ancestor_seen(const struct zone *zone, struct name name);
/* The greatest name there could be below `name`, and right before it (not of the root). */
void verify_name_last_below(struct name name, struct name_buffer *buffer, struct name *last);
void verify_name_before(struct name name, struct name_buffer *buffer, struct name *before);
/* The place of each node of a canonical walk. */
struct verify_walk {
    const struct zone *zone;
    struct zone_cursor cursor;
    const struct zone_node *cover; /* the cut or DNAME above, or NULL */
};
const struct zone_node *verify_walk_next(struct verify_walk *walk, enum verify_place *place);

/* Signatures: verify_signature.c. */
void verify_signatures_close(struct verify_worker *worker); /* the worker's queue and keys */
/* Checks one signature over an RRset of the zone, later when it can wait; a fault is reported. */
void verify_signature(struct verify_worker *worker, const struct rrset *rrset, struct span rdata,
                      bool is_known_good);
void verify_flush(struct verify_worker *worker);
/* At once, by that key alone. */
bool verify_signature_is_good(struct verify_worker *worker, const struct rrset *rrset,
                              const struct rrsig *rrsig, size_t key);

/* Rules of a name: verify_name.c. `before` is the node of the version that was verified, or NULL.
 */
void verify_name(struct verify_worker *worker, const struct zone_node *node,
                 enum verify_place place, const struct zone_node *before);

/* The apex: verify_apex.c. False when there is no key to verify anything with. */
bool verify_apex(struct verify_worker *worker);

/* Denial: verify_nsec.c and verify_nsec3.c. */
/* The bitmap of an NSEC or NSEC3 must name exactly the types there. `node` NULL: an empty
 * non-terminal. */
void verify_bitmap(struct verify_worker *worker, const struct zone_node *node, struct name owner,
                   enum verify_place place, struct span bitmap);
/* The one NSEC of a name and its bitmap; false after a fault. */
bool verify_nsec_read(struct verify_worker *worker, const struct zone_node *node,
                      enum verify_place place, struct nsec *nsec);
/* `next` NULL: the apex. */
void verify_nsec_next(struct verify_worker *worker, uint64_t order, const struct zone_node *node,
                      const struct nsec *nsec, const struct zone_node *next);
void verify_nsec_hidden(struct verify_worker *worker, const struct zone_node *node);

/* Finds run->has_nsec and run->chains. */
void verify_chains_read(struct verify_worker *worker);
enum status verify_chains_collect(struct verify_run *run) MUST_USE;
/* The record for a hash, or the one whose span it falls into. Where a record of no announced chain
 * is in the way, the run is marked as undecided. */
struct verify_record {
    const struct zone_node *node; /* NULL: the chain is empty */
    struct nsec3 nsec3;
    bool is_exact;
    size_t link; /* where links were collected */
};
struct verify_record verify_record_find(struct verify_run *run, const struct zone *zone,
                                        const struct verify_chain *chain,
                                        const uint8_t hash[NSEC3_HASH_LEN]);
/* The chain's record of a node; false when it has none, or one that cannot be read. */
bool verify_record_of(const struct verify_chain *chain, const struct zone_node *node,
                      struct nsec3 *nsec3);
/* The hash that the owner says; false when it is none. */
bool verify_record_hash(const struct verify_run *run, const struct zone_node *node,
                        uint8_t hash[NSEC3_HASH_LEN]);
/* A name that must have its record; with `may_be_left_out` an opt-out span serves as well. `node`
 * NULL: an empty non-terminal. */
struct verify_expected {
    struct name name;
    const struct zone_node *node;
    enum verify_place place;
    bool may_be_left_out;
};
void verify_record_expect(struct verify_worker *worker, const struct verify_chain *chain,
                          const struct verify_expected *expected);
/* The same of an empty non-terminal that was expected already, and turns out to be above a name
 * that may not be left out. */
void verify_record_require(struct verify_worker *worker, const struct verify_chain *chain,
                           struct name name);
/* The owner's form, one record for each chain, and each leading to the next. */
void verify_record_links(struct verify_worker *worker, const struct zone_node *node);
void verify_record_leads(struct verify_worker *worker, const struct verify_chain *chain,
                         const struct zone_node *node, const uint8_t hash[NSEC3_HASH_LEN]);
void verify_records_of_no_name(struct verify_worker *worker);

/* The zone as a whole: verify_whole.c. */
void verify_whole(struct verify_run *run);
/* What differs from options->before: verify_change.c. False when the whole must be verified;
 * nothing has been told then. */
bool verify_change(struct verify_run *run);

void verify_zonemd(struct verify_worker *worker);
