#pragma once
/* Everything about one zone that some cache may hold at one instant: versions of the DS set, of the
 * DNSKEY sets, of what signs the data, of the name servers, and chains that a validator has judged
 * under a DS set that is gone. Values only; `alive` makes them from what was decided and seen, and
 * `safe` judges them. `D`, `K` and `S` in the comments are a DS set, a DNSKEY set and the signers
 * of an RRset. */
#include <assert.h>

#include "core/base/base.h"

enum {
    CACHES_KEYS_MAX = 32,     /* keys of a zone in any version that is alive */
    CACHES_SOURCES_MAX = 8,   /* providers of a zone that may be reached at once */
    CACHES_DS_MAX = 16,       /* records of a DS set */
    CACHES_VERSIONS_MAX = 24, /* versions of one list, all sources together */
    CACHES_CHAINS_MAX = 32
};

#define CACHES_FOREVER INT64_MAX /* dies only after something else has changed */
static_assert(CACHES_KEYS_MAX <= 32 && CACHES_SOURCES_MAX <= 8, "sets are bits of their types");

struct caches_key {
    uint8_t algorithm;
    uint16_t tag;
};

struct ds_entry {
    uint8_t key; /* index of the key; the entry's algorithm is the key's */
    uint8_t digest_type;
};

/* In the order of key, then digest type, each entry once. */
struct ds_set {
    uint8_t count;
    struct ds_entry entries[CACHES_DS_MAX];
};

/* Sets of keys are bits by the key's index. */
struct dnskey_set {
    uint32_t published;
    uint32_t signers; /* whose RRSIGs are over the DNSKEY RRset */
};

struct held {
    int64_t dies_s;  /* no cache can hold it from then on */
    uint8_t source;  /* 0 for a DS set */
    bool is_current; /* published now, or decided and not yet refused */
    bool is_held; /* some cache can hold it; false where no alive NS version leads to its source */
};

struct held_ds {
    struct ds_set set;
    struct held held;
};

struct held_dnskeys {
    struct dnskey_set set;
    struct held held;
};

/* One entry for each distinct mix of signers in the zone. */
struct held_signers {
    uint32_t signers;
    struct held held;
};

struct held_chain {
    struct ds_set ds;
    struct dnskey_set keys;
    int64_t dies_s;
};

struct caches {
    size_t key_count;
    struct caches_key keys[CACHES_KEYS_MAX];
    uint8_t reached; /* sources that an alive NS version leads to, as bits */
    size_t ds_count, dnskeys_count, signers_count, chain_count;
    struct held_ds ds[CACHES_VERSIONS_MAX];
    struct held_dnskeys dnskeys[CACHES_VERSIONS_MAX];
    struct held_signers signers[CACHES_VERSIONS_MAX];
    struct held_chain chains[CACHES_CHAINS_MAX];
};

bool ds_set_add(struct ds_set *set, struct ds_entry entry) MUST_USE; /* false: the set is full */
bool ds_set_equal(const struct ds_set *a, const struct ds_set *b);
