/* The exhaustive exploration: in every bounded world, whatever allowed changes are made at whatever
 * moments, no resolver is ever bogus; every settled secure state can be reached without a moment of
 * insecurity; and with any one clause of the predicate left out, or any one wait cut short, some
 * resolver is. The sizes are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/keys/explore_fixture.h"

/* Two keys: of one algorithm, or of two. Six DNSKEY sets, four mixes, four DS sets. */
static const struct resolver_set TWO_KEYS[] = {{0, 0}, {1, 1}, {2, 2}, {3, 1}, {3, 2}, {3, 3}};

static struct explore_world two_keys(const char *name, bool two_algorithms)
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
static struct explore_world digest_types(const char *name)
{
    struct explore_world world = two_keys(name, false);
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

/* P signs with the first key, Q with the second; each may publish the other's. */
static struct explore_world two_sources(const char *name)
{
    struct explore_world world = two_keys(name, false);
    world.source_count = 2;
    world.sets_of[0] = 1U << 1 | 1U << 3;           /* {p}/p, {p,q}/p */
    world.sets_of[1] = 1U << 0 | 1U << 2 | 1U << 4; /* none, {q}/q, {p,q}/q */
    world.mixes_of[0] = 1U << 1;
    world.mixes_of[1] = 1U << 0 | 1U << 2;
    world.start_set[1] = 0;
    world.start_mix[1] = 0;
    world.resolvers.ds_ticks = 1;
    return world;
}

static struct explore_result run(struct explore_world *world)
{
    struct explore_result result = explore(world);
    print_message("%s: %zu states, %zu steps, %zu changes refused, %zu bogus, %zu inexact, %zu of "
                  "%zu settled secure states\n",
                  world->name, result.states, result.transitions, result.refusals, result.bogus,
                  result.inexact, result.safe_ends, result.safe_total);
    return result;
}

static void check(struct explore_world *world)
{
    struct explore_result result = run(world);
    assert_true(result.is_complete);
    assert_int_equal(result.bogus, 0);
    assert_int_equal(result.unnoticed, 0);
    assert_int_equal(result.stuck, 0);
    if (!world->has_lag) {
        assert_int_equal(result.inexact, 0);
    }
    if (world->source_count == 1) {
        assert_int_equal(result.safe_ends, result.safe_total);
    }
}

static void one_algorithm(void **state)
{
    (void)state;
    struct explore_world world = two_keys("one algorithm", false);
    check(&world);
    world.name = "one algorithm, always secure";
    world.stays_secure = true;
    check(&world);
}

static void two_algorithms(void **state)
{
    (void)state;
    struct explore_world world = two_keys("two algorithms, strict", true);
    world.stays_secure = true;
    check(&world);
    world.name = "two algorithms, lenient";
    world.is_strict = false;
    check(&world);
}

static void digests(void **state)
{
    (void)state;
    struct explore_world world = digest_types("digest types");
    check(&world);
}

static void sources(void **state)
{
    (void)state;
    struct explore_world world = two_sources("two sources");
    check(&world);
}

static void broken(void **state)
{
    (void)state;
    struct explore_world world = two_keys("from every settled state, broken ones too", true);
    world.starts_anywhere = true;
    world.resolvers.ds_ticks = 1;
    check(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_algorithm), cmocka_unit_test(two_algorithms),
        cmocka_unit_test(digests),       cmocka_unit_test(sources),
        cmocka_unit_test(broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
