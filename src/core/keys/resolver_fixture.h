#pragma once
/* Validating resolvers for the exploration of key changes, written apart from the predicate: each
 * knows some algorithms and digest types, and is lenient, or demands every algorithm of the DS set,
 * or of the DNSKEY set. And what their caches can hold: for each content how many ticks a cache may
 * still hold it, kept from what servers serve at each tick, without any knowledge of `alive`. */
#include "core/base/base.h"

enum {
    RESOLVER_KEYS_MAX = 4,
    RESOLVER_DS_MAX = 16,   /* contents of a DS set in a world */
    RESOLVER_SETS_MAX = 16, /* contents of a DNSKEY set */
    RESOLVER_MIXES_MAX = 16,
    RESOLVER_SOURCES = 2,
    RESOLVER_SERVERS = 2 /* of each place */
};

/* A DS set: for each key the digest types, as bits 1 (SHA-1) and 2 (SHA-256). */
struct resolver_ds {
    uint8_t digests[RESOLVER_KEYS_MAX];
};

struct resolver_set {
    uint8_t published, signers;
};

/* The contents that take part, and for how long caches hold each. */
struct resolver_world {
    size_t key_count;
    uint8_t algorithm[RESOLVER_KEYS_MAX]; /* 0 or 1 */
    size_t ds_count, set_count, mix_count;
    struct resolver_ds ds[RESOLVER_DS_MAX];
    struct resolver_set sets[RESOLVER_SETS_MAX];
    uint8_t mixes[RESOLVER_MIXES_MAX];
    uint8_t ds_ticks, no_ds_ticks, set_ticks, no_set_ticks, mix_ticks, ns_ticks;
    /* For which kinds of resolvers it is bogus, as bits; filled in by resolver_judge_all. */
    uint64_t bogus[RESOLVER_DS_MAX][RESOLVER_SETS_MAX][RESOLVER_MIXES_MAX];
    uint64_t bogus_chain[RESOLVER_DS_MAX][RESOLVER_SETS_MAX][RESOLVER_MIXES_MAX];
    uint64_t strictest; /* the kinds that demand every DNSKEY algorithm */
};

void resolver_judge_all(struct resolver_world *world);

/* Contents by their index in the world; only octets, so that equal states are equal octets. */
struct resolver_caches {
    uint8_t ds_served[RESOLVER_SERVERS];
    uint8_t ns_served[RESOLVER_SERVERS]; /* sources as bits */
    uint8_t set_served[RESOLVER_SOURCES][RESOLVER_SERVERS];
    uint8_t mix_served[RESOLVER_SOURCES][RESOLVER_SERVERS];
    uint8_t ds_left[RESOLVER_DS_MAX];
    uint8_t ns_left[4];
    uint8_t set_left[RESOLVER_SETS_MAX];
    uint8_t mix_left[RESOLVER_MIXES_MAX];
    uint8_t chain_left[RESOLVER_DS_MAX][RESOLVER_SETS_MAX];
};

/* Somebody asks everything he can, now. */
void resolver_ask(const struct resolver_world *world, struct resolver_caches *caches);
/* A tick passes, in which somebody asks all the time. */
void resolver_tick(const struct resolver_world *world, struct resolver_caches *caches);
/* Which kinds of resolvers can be bogus. */
uint64_t resolver_find_bogus(const struct resolver_world *world,
                             const struct resolver_caches *caches);
