/* The exhaustive exploration: in every bounded world, whatever allowed changes are made at whatever
 * moments, no resolver is ever bogus; every settled secure state can be reached without a moment of
 * insecurity; and with any one clause of the predicate left out, or any one wait cut short, some
 * resolver is. The sizes are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/keys/explore_worlds_fixture.h"

static struct explore_result run(struct explore_world *world)
{
    struct explore_result result = explore(world);
    print_message("%s: %zu states, %zu steps, %zu changes refused, %zu steps into bogus\n",
                  world->name, result.states, result.transitions, result.refusals, result.bogus);
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
        assert_true(result.safe_total > 0);
        assert_int_equal(result.safe_ends, result.safe_total);
    } else {
        assert_true(result.goals > 0);
    }
}

static void nobody_is_ever_bogus(void **state)
{
    (void)state;
    struct explore_world worlds[] = {
        world_two_keys("one algorithm, secure or not", false),
        world_two_keys("one algorithm, always secure", false),
        world_two_keys("two algorithms, strict", true),
        world_two_keys("two algorithms, lenient", true),
        world_digest_types("two digest types"),
        world_two_sources("move from P to Q, always secure"),
        world_lagging("a lagging server at each place"),
        world_anywhere("from every settled state, broken ones too"),
    };
    worlds[1].stays_secure = true;
    worlds[3].is_strict = false;
    for (size_t i = 0; i < LEN(worlds); ++i) {
        check(&worlds[i]);
    }
}

/* A world in which the fault must be found. */
static void must_find(struct explore_world world, uint32_t without, bool is_strict)
{
    world.clauses = SAFE_ALL & ~without;
    world.is_strict = is_strict;
    world.stops_at_bogus = true;
    struct explore_result result = run(&world);
    assert_true(result.bogus > 0);
}

static void every_clause_is_needed(void **state)
{
    (void)state;
    must_find(world_two_keys("without C1", false), SAFE_DS_SIGNS, true);
    must_find(world_digest_types("without digest types"), SAFE_DIGEST_TYPES, true);
    must_find(world_two_keys("without C2, C3 being off", false), SAFE_DATA, false);
    must_find(world_two_keys("without C3, keys", true), SAFE_ALGORITHM_KEYS, true);
    must_find(world_two_keys("without C3, data", true), SAFE_ALGORITHM_DATA, true);
    must_find(world_two_keys("without chains", false), SAFE_CHAINS, true);
    must_find(world_two_keys("without old versions", false), SAFE_OLD_VERSIONS, true);
    must_find(world_two_sources("without combinations across sources"), SAFE_ACROSS_SOURCES, true);
    must_find(world_anywhere("without audiences, from a broken start"), SAFE_AUDIENCES, true);
}

static void every_wait_is_needed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum alive_list list;
    } CUT[] = {
        {"TTL of the DS set cut", ALIVE_DS},
        {"TTL of the DNSKEY set cut", ALIVE_DNSKEY},
        {"TTL of the data cut", ALIVE_SIGNERS},
        {"TTL of the NS set cut", ALIVE_NS},
    };
    for (size_t i = 0; i < LEN(CUT); ++i) {
        struct explore_world world = CUT[i].list == ALIVE_NS ? world_two_sources(CUT[i].name)
                                                             : world_two_keys(CUT[i].name, false);
        world.cuts_ttl_of = (int)CUT[i].list;
        must_find(world, 0, true);
    }
    struct explore_world world = world_lagging("one server of each place is not watched");
    world.knows_one_server = true;
    must_find(world, 0, true);
}

/* One combination as the predicate's input. */
static struct caches one_way(const struct resolver_world *world, size_t d, size_t s, size_t m)
{
    struct held held = {.dies_s = CACHES_FOREVER, .is_held = true};
    struct caches caches = {.key_count = world->key_count,
                            .reached = 1,
                            .ds_count = 1,
                            .dnskeys_count = 1,
                            .signers_count = 1};
    for (size_t k = 0; k < world->key_count; ++k) {
        caches.keys[k] = (struct caches_key){(uint8_t)(8 + world->algorithm[k]), (uint16_t)k};
        for (uint8_t type = 1; type <= 2; ++type) {
            if ((world->ds[d].digests[k] & type) != 0) {
                assert_true(ds_set_add(&caches.ds[0].set, (struct ds_entry){(uint8_t)k, type}));
            }
        }
    }
    caches.ds[0].held = caches.dnskeys[0].held = caches.signers[0].held = held;
    caches.dnskeys[0].set = (struct dnskey_set){world->sets[s].published, world->sets[s].signers};
    caches.signers[0].signers = world->mixes[m];
    return caches;
}

static void compare_with_resolvers(const struct resolver_world *world)
{
    const struct safe_policy lenient = {false, SAFE_ALL}, strict = {true, SAFE_ALL};
    for (size_t i = 0; i < world->ds_count * world->set_count * world->mix_count; ++i) {
        size_t d = i / world->mix_count / world->set_count;
        size_t s = i / world->mix_count % world->set_count, m = i % world->mix_count;
        struct caches caches = one_way(world, d, s, m);
        bool is_good = (world->bogus[d][s][m] & ~world->strictest) == 0;
        assert_int_equal(safe_state(&caches, &lenient).is_safe, is_good);
        assert_int_equal(safe_state(&caches, &strict).is_safe, world->bogus[d][s][m] == 0);
    }
}

/* C1 and C2 hold if and only if no lenient validator and none that demands every DS algorithm is
 * bogus, whatever it supports; with C3, none that demands every DNSKEY algorithm. */
static void clauses_are_exact(void **state)
{
    (void)state;
    size_t compared = 0;
    for (uint8_t chunk = 0; chunk < 16; ++chunk) {
        struct resolver_world world = {.key_count = 3,
                                       .algorithm = {0, 0, 1},
                                       .ds_count = 16,
                                       .set_count = 16,
                                       .mix_count = 8,
                                       .mixes = {0, 1, 2, 3, 4, 5, 6, 7}};
        for (uint8_t i = 0; i < 16; ++i) {
            world.ds[i] = (struct resolver_ds){{i & 3, i >> 2, chunk & 3}};
            uint8_t both = (uint8_t)((chunk >> 2) << 4 | i);
            world.sets[i] = (struct resolver_set){both & 7, both >> 3};
        }
        resolver_judge_all(&world);
        compare_with_resolvers(&world);
        compared += world.ds_count * world.set_count * world.mix_count;
    }
    print_message("%zu combinations judged as by resolvers\n", compared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clauses_are_exact),
        cmocka_unit_test(nobody_is_ever_bogus),
        cmocka_unit_test(every_clause_is_needed),
        cmocka_unit_test(every_wait_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
