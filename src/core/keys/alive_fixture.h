#pragma once
/* A zone's state for tests, from the words of caches_fixture.h: one server of the parent and one of
 * each source, TTLs per list, and changes that are seen everywhere after a given delay. */
#include "core/keys/alive.h"
#include "core/keys/caches_fixture.h"

struct alive_times {
    uint32_t ds_s, keys_s, zone_s, ns_s, apex_s;  /* TTLs */
    uint32_t negative_parent_s, negative_child_s; /* of empty sets */
    uint32_t parent_delay_s, child_delay_s;       /* until seen at all servers */
};

enum { ALIVE_FIXTURE_PENDING_MAX = 32 };

struct alive_pending {
    int64_t at_s;
    struct alive_decision decision;
};

struct alive_fixture {
    struct alive alive;
    struct alive_policy policy;
    struct safe_policy safe;
    struct alive_times times;
    struct caches names; /* the keys by their names */
    int64_t now_s;
    size_t pending_count;
    struct alive_pending pending[ALIVE_FIXTURE_PENDING_MAX];
};

void fixture_open(struct alive_fixture *fixture, const struct alive_times *times);
/* Everything in the line is current and nothing else was ever there; `N=` defaults to source 0. */
void fixture_begin(struct alive_fixture *fixture, const char *line);
struct safe_change fixture_word(struct alive_fixture *fixture, const char *word);
struct alive_decision fixture_decision(const struct alive_fixture *fixture,
                                       const struct safe_change *change);
/* Is the change allowed now? */
struct safe_verdict fixture_ask(const struct alive_fixture *fixture,
                                const struct safe_change *change);
/* Decides it now; servers show it after the delay of its place. */
void fixture_make(struct alive_fixture *fixture, const struct safe_change *change);
/* To the next answer or death, at most `until_s`; false when there is none. */
bool fixture_wait(struct alive_fixture *fixture, int64_t until_s);
/* Nothing is alive but what is current. */
bool fixture_is_at_rest(const struct alive_fixture *fixture);
