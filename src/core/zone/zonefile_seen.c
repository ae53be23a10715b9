/* How the states of several files become one number. */
#include "core/zone/zonefile_seen.h"

#include <stdlib.h>
#include <string.h>

enum { STATE_UNKNOWN = 1 }; /* of some file, and so of all: nothing that is added changes that */

/* Against chance, not against an attacker: who can write to the files needs no collision. */
static uint64_t mix(uint64_t state, uint64_t more)
{
    state = (state ^ more) * UINT64_C(0x9e3779b97f4a7c15);
    state = (state ^ state >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return state ^ state >> 29;
}

static uint64_t mix_file(uint64_t all, const char *path, uint64_t state)
{
    if (all == STATE_UNKNOWN || state == 0) {
        return STATE_UNKNOWN;
    }
    for (const char *at = path; *at != 0; at++) {
        all = mix(all, (uint8_t)*at);
    }
    all = mix(all, state);
    return all <= STATE_UNKNOWN ? STATE_UNKNOWN + 1 : all;
}

static size_t includes_len(const char *includes)
{
    size_t len = 0;
    while (includes != NULL && includes[len] != 0) {
        len += strlen(includes + len) + 1;
    }
    return len;
}

void zonefile_seen_add(struct zonefile_seen *seen, const char *path, uint64_t state)
{
    bool is_first = seen->state == 0;
    seen->state = mix_file(seen->state, path, state);
    if (is_first || seen->state == STATE_UNKNOWN) {
        return;
    }
    size_t len = includes_len(seen->includes);
    size_t more = strlen(path) + 1;
    char *includes = realloc(seen->includes, len + more + 1);
    if (includes == NULL) {
        seen->state = STATE_UNKNOWN;
        return;
    }
    memcpy(includes + len, path, more);
    includes[len + more] = 0;
    seen->includes = includes;
}

bool zonefile_seen_is_same(const struct zonefile_seen *seen, const char *path,
                           const struct zonefile_states *states)
{
    if (seen->state <= STATE_UNKNOWN) {
        return false;
    }
    uint64_t now = mix_file(0, path, states->of(states->user, path));
    const char *include = seen->includes;
    while (now != STATE_UNKNOWN && include != NULL && *include != 0) {
        now = mix_file(now, include, states->of(states->user, include));
        include += strlen(include) + 1;
    }
    return now == seen->state;
}

void zonefile_seen_close(struct zonefile_seen *seen)
{
    free(seen->includes);
    *seen = (struct zonefile_seen){0};
}
