#pragma once
/* A breadth-first walk over all states of a bounded world: what servers serve and caches hold
 * (resolver_fixture.h), beside what `alive` makes of it, with every change taken that `safe` allows
 * and with every wait, at every moment. One tick is one second. */
#include "core/keys/alive.h"
#include "core/keys/resolver_fixture.h"
#include "core/keys/safe.h"

struct explore_world {
    const char *name;
    struct resolver_world resolvers; /* what caches do */
    bool is_strict;
    uint32_t clauses;
    struct alive_policy policy; /* what `alive` believes of caches */
    size_t source_count;
    bool has_lag;         /* the second server of each place takes up a change any time later */
    bool stays_secure;    /* an empty DS set is not among the changes */
    bool stops_at_bogus;  /* at the first, as mutation tests want */
    bool starts_anywhere; /* from every settled state, broken ones too; else from the first contents
                             of each list */
    /* Contents that source 1 may serve, as bits by index; source 0 may serve the others too. */
    uint16_t sets_of[RESOLVER_SOURCES], mixes_of[RESOLVER_SOURCES];
    uint8_t start_set[RESOLVER_SOURCES], start_mix[RESOLVER_SOURCES], start_ds;
    bool knows_one_server; /* of each place: a mutation */
    int cuts_ttl_of;       /* enum alive_list: `alive` is told a TTL one tick too short; -1: none */
    int goal_ds;           /* two sources: this DS set with source 1 alone is the goal */
    size_t versions_max;   /* of one list in caches at once; no change while there are so many */
    size_t states_max;     /* the walk fails above it */
};

struct explore_result {
    size_t states, transitions, refusals;
    size_t bogus;      /* steps that make a kind of resolver bogus that was not before */
    size_t inexact;    /* states in which `alive` and the caches hold different versions */
    size_t unnoticed;  /* of these: a cache holds what `alive` takes for dead */
    size_t safe_ends;  /* settled secure states that were reached, nothing else being alive */
    size_t safe_total; /* settled secure states that there are; source 0 only */
    size_t stuck;      /* states in which the predicate refuses an empty DS set */
    size_t goals;      /* states in which nothing but the goal is alive */
    bool is_complete;
};

struct explore_result explore(struct explore_world *world);
