/* The exploration with larger bounds, run by hand: longer TTLs, more versions at once, more starts.
 * Exits 1 when a resolver was bogus, or a walk did not come to its end. */
#include <stdio.h>

#include "core/keys/explore_worlds_fixture.h"

static struct explore_world longer(struct explore_world world, uint8_t ds_ticks, uint8_t ticks,
                                   size_t versions_max)
{
    world.resolvers.ds_ticks = ds_ticks;
    world.resolvers.set_ticks = ticks;
    world.resolvers.mix_ticks = ticks;
    world.versions_max = versions_max;
    world.states_max = 2000000;
    return world;
}

/* Both providers may also serve nothing, and the DS set may be empty. */
static struct explore_world any_move(const char *name)
{
    struct explore_world world = world_two_sources(name);
    world.stays_secure = false;
    world.sets_of[0] |= 1U << 0;
    world.sets_of[1] |= 1U << 0;
    world.mixes_of[0] |= 1U << 0;
    world.mixes_of[1] |= 1U << 0;
    return world;
}

/* The zone at Q is signed by another algorithm. */
static struct explore_world move_of_algorithms(const char *name)
{
    struct explore_world world = any_move(name);
    world.resolvers.algorithm[1] = 1;
    return world;
}

int main(void)
{
    struct explore_world worlds[] = {
        longer(world_two_keys("one algorithm", false), 2, 2, 2),
        longer(world_two_keys("one algorithm, three versions", false), 2, 1, 3),
        longer(world_two_keys("two algorithms, strict", true), 3, 2, 3),
        longer(world_two_keys("two algorithms, lenient", true), 3, 2, 3),
        longer(world_digest_types("two digest types"), 2, 2, 2),
        longer(any_move("any move between two sources"), 1, 1, 2),
        longer(move_of_algorithms("any move between two algorithms"), 1, 1, 2),
        longer(world_lagging("a lagging server at each place"), 2, 2, 2),
        longer(world_anywhere("from every settled state"), 2, 1, 2),
        longer(world_anywhere("from every settled state, lenient"), 2, 1, 2),
    };
    worlds[3].is_strict = false;
    worlds[LEN(worlds) - 1].is_strict = false;
    bool is_good = true;
    for (size_t i = 0; i < LEN(worlds); ++i) {
        struct explore_result result = explore(&worlds[i]);
        printf("%s: %zu states, %zu steps, %zu changes refused, %zu steps into bogus%s\n",
               worlds[i].name, result.states, result.transitions, result.refusals, result.bogus,
               result.is_complete ? "" : ", not at its end");
        (void)fflush(stdout);
        is_good = is_good && result.is_complete && result.bogus == 0 && result.unnoticed == 0 &&
                  result.stuck == 0;
    }
    return is_good ? 0 : 1;
}
