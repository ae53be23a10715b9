#pragma once
/* What the files of the signer share: the run, and the workers that make signed nodes. */
#include "core/zone/zone_bulk.h"
#include "core/zone/zone_chain.h"

enum { SIGN_APEX_RRSETS_MAX = 6, SIGN_BATCH_MAX = 64, SIGN_GROUP_MAX = 64 };

struct sign_run {
    const struct zone_sign_input *input;
    const struct zone *before;      /* or NULL */
    struct zone_sign_policy policy; /* with the defaults filled in */
    const struct parallel *parallel;
    struct name_buffer apex_buffer;
    struct name apex;
    /* What stands at the apex beside the owner's data; and the SOA, in place of his, with the
     * serial of the version before, so that equal versions are seen to be equal. */
    struct rrset apex_rrsets[SIGN_APEX_RRSETS_MAX];
    size_t apex_rrset_count;
    struct rrset soa;
    uint32_t owners_serial;
    uint32_t denial_ttl_s;             /* RFC 9077: the negative TTL */
    bool was_published[ZONE_KEYS_MAX]; /* in the version before, and told apart by tag there */
    struct arena arena;                /* lives as long as the run */
    struct sign_worker *workers;       /* one for each piece that runs at the same time */
    bool is_given_away;                /* the whole way lets go of the owner's data */
    bool is_changed;
    struct problem *problem;
};

/* A node as it should be. */
struct sign_want {
    struct name owner;
    const struct zone_node *data;   /* the owner's; NULL: none */
    const struct zone_node *before; /* of the signed version before; NULL: none */
    enum chain_place place;
    struct name next;  /* for its NSEC; len 0: it has none */
    struct span nsec3; /* rdata of its NSEC3; len 0: it has none */
    bool lets_go;      /* the reference to `data` is released when the node is done */
};

struct sign_node {
    struct sign_want want;
    struct zone_bulk_item *slot;
    struct rrset *rrsets; /* by (type, covers) */
    uint16_t count;
    bool is_as_before;
    bool is_as_data;
};

/* Makes nodes, some at a time, so that signatures come in batches. Belongs to one thread at a time.
 */
struct sign_worker {
    struct sign_run *run;
    atomic_bool is_taken;
    struct key *keys[ZONE_KEYS_MAX]; /* shared with the caller's; NULL until needed */
    struct digest_stream *sha1;      /* NULL until needed */
    struct key_signing signings[ZONE_KEYS_MAX][SIGN_BATCH_MAX];
    size_t signing_counts[ZONE_KEYS_MAX];
    struct sign_node nodes[SIGN_GROUP_MAX];
    size_t node_count;
    struct arena arena; /* what the open group needs */
    enum status status; /* the first failure */
    /* When it was a key's: which, and the first record that it was asked to sign. */
    const struct zone_key *failed_key;
    uint16_t failed_type;
    struct name_buffer failed_buffer;
    struct name failed_owner;
    size_t rrsigs_made;
    size_t rrsigs_kept;
    size_t nodes_before; /* how many had a node in the version before */
    bool is_changed;
};

enum status sign_workers_open(struct sign_run *run) MUST_USE;
void sign_workers_close(struct sign_run *run); /* adds up what they saw; NULL is fine */
/* The first failure of any; `problem` says which key it was when it was one. */
enum status sign_workers_status(const struct sign_run *run) MUST_USE;
struct sign_worker *sign_worker_take(struct sign_run *run);
void sign_worker_give(struct sign_worker *worker); /* finishes the open group */
/* Makes a node; its entry, or NULL when it owns nothing, is in the slot when the worker is given
 * back. What `want` points to lives that long. */
void sign_worker_add(struct sign_worker *worker, const struct sign_want *want,
                     struct zone_bulk_item *slot);
/* The types that the data and the signer bring to a node, for its bitmap; in the worker's arena. */
enum status sign_worker_types(struct sign_worker *worker, const struct zone_node *data,
                              enum chain_place place, struct chain_types *types) MUST_USE;
struct digest_stream *sign_worker_sha1(struct sign_worker *worker); /* NULL: OpenSSL failed */

/* RRSIGs of an RRset by every key that signs it, made anew; for the SOA and ZONEMD. */
enum status sign_worker_rrsigs(struct sign_worker *worker, const struct rrset *rrset,
                               struct rrset *rrsigs) MUST_USE;

/* The serial of the version in the making: newer than that before, whatever the policy and the
 * owner's file say. */
uint32_t sign_serial(const struct sign_run *run);
/* The record, where the policy asks for one: that of the version before as long as the delegation
 * it speaks of is the same. */
void sign_add_csync(const struct sign_run *run, struct rrset_builder *csync);

/* All nodes anew, into a zone made in one go: the version but for its serial. */
enum status sign_whole(struct sign_run *run, struct zone **version) MUST_USE;
/* Can the version be made from the one before by looking at what changed? */
bool sign_change_serves(const struct sign_run *run);
/* The nodes that a change touches, into a builder that began from the version before; NULL when
 * there are so many that the whole way is shorter. */
enum status sign_change(struct sign_run *run, struct zone_builder **builder) MUST_USE;

/* Names in no order, each perhaps more than once, until they are sorted. */
struct sign_names {
    struct name *names; /* views */
    size_t count;
    size_t size;
    enum status status; /* NO_MEMORY stays */
};
void sign_names_add(struct sign_run *run, struct sign_names *list, struct name name);
void sign_names_sort(struct sign_names *list); /* canonically, each once */

/* What a change does to the NSEC3 ring: a hash that comes, goes, or has another record. */
struct ring_hash {
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t next[NSEC3_HASH_LEN];
    bool was;
    bool is_wanted;
    bool has_bitmap;  /* else it is that of the version before */
    struct name name; /* len 0: only known by its hash */
    struct span bitmap;
    size_t wanted_at_or_before; /* places in the list, round the ring; SIZE_MAX: none is wanted */
    size_t wanted_at_or_after;
};
struct ring_change {
    struct sign_run *run;
    struct ring_hash *hashes; /* by hash, each once, when it is ready */
    size_t count;
    size_t size;
};
/* What becomes of the ring when those names have changed; adds the owners of all NSEC3 records that
 * must be looked at to the names. */
enum status sign_ring_change(struct ring_change *change, struct sign_names *names) MUST_USE;
/* The hash with that owner; NULL when it stays as it is. */
const struct ring_hash *sign_ring_find(const struct ring_change *change, struct name owner);
