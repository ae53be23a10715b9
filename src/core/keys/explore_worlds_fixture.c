/* The bounded worlds that are explored. */
#include "core/keys/explore_worlds_fixture.h"

#include <string.h>

/* Two keys: of one algorithm, or of two. Six DNSKEY sets, four mixes, four DS sets. */
static const struct resolver_set TWO_KEYS[] = {{0, 0}, {1, 1}, {2, 2}, {3, 1}, {3, 2}, {3, 3}};

struct explore_world world_two_keys(const char *name, bool two_algorithms)
{
    struct explore_world world = {
        .name = name,
        .is_strict = true,
        .clauses = SAFE_ALL,
        .policy = {.hops = 1},
        .source_count = 1,
        .sets_of = {UINT16_MAX, UINT16_MAX},
        .mixes_of = {UINT16_MAX, UINT16_MAX},
        .start_set = {1},
        .start_mix = {1},
        .start_ds = 1,
        .cuts_ttl_of = -1,
        .versions_max = 2,
        .states_max = 400000,
        .resolvers = {.key_count = 2,
                      .algorithm = {0, two_algorithms},
                      .ds_count = 4,
                      .set_count = LEN(TWO_KEYS),
                      .mix_count = 4,
                      .ds = {{{0, 0}}, {{2, 0}}, {{0, 2}}, {{2, 2}}},
                      .mixes = {0, 1, 2, 3},
                      .ds_ticks = 2,
                      .no_ds_ticks = 1,
                      .set_ticks = 1,
                      .no_set_ticks = 1,
                      .mix_ticks = 1,
                      .ns_ticks = 1},
    };
    memcpy(world.resolvers.sets, TWO_KEYS, sizeof TWO_KEYS);
    return world;
}

/* Both keys with any of two digest types; both sign the data. */
struct explore_world world_digest_types(const char *name)
{
    struct explore_world world = world_two_keys(name, false);
    world.resolvers.ds_count = 16;
    for (uint8_t d = 0; d < 16; ++d) {
        world.resolvers.ds[d] = (struct resolver_ds){{d & 3, d >> 2}};
    }
    world.resolvers.mix_count = 1;
    world.resolvers.mixes[0] = 3;
    world.start_mix[0] = 0;
    world.start_ds = 2;
    world.resolvers.ds_ticks = 1;
    return world;
}

/* P signs with the first key, Q with the second; each may publish the other's. From P alone. */
struct explore_world world_two_sources(const char *name)
{
    struct explore_world world = world_two_keys(name, false);
    world.source_count = 2;
    world.stays_secure = true;
    world.sets_of[0] = 1U << 1 | 1U << 3; /* {p}/p, {p,q}/p */
    world.sets_of[1] = 1U << 2 | 1U << 4; /* {q}/q, {p,q}/q */
    world.mixes_of[0] = 1U << 1;
    world.mixes_of[1] = 1U << 2;
    world.start_set[1] = 2;
    world.start_mix[1] = 2;
    world.goal_ds = 2;
    world.resolvers.ds_ticks = 1;
    return world;
}

/* Every place has a second server that takes up changes any time later. */
struct explore_world world_lagging(const char *name)
{
    struct explore_world world = world_two_keys(name, false);
    world.has_lag = true;
    world.stays_secure = true;
    world.resolvers.ds_ticks = 1;
    /* {a}/a, {b}/b, {a,b}/both; {a}, {b}. */
    world.resolvers.set_count = 3;
    world.resolvers.sets[0] = (struct resolver_set){1, 1};
    world.resolvers.sets[1] = (struct resolver_set){2, 2};
    world.resolvers.sets[2] = (struct resolver_set){3, 3};
    world.resolvers.mix_count = 2;
    world.resolvers.mixes[0] = 1;
    world.resolvers.mixes[1] = 2;
    world.start_set[0] = 0;
    world.start_mix[0] = 0;
    return world;
}

struct explore_world world_anywhere(const char *name)
{
    struct explore_world world = world_two_keys(name, true);
    world.starts_anywhere = true;
    world.resolvers.ds_ticks = 1;
    return world;
}
