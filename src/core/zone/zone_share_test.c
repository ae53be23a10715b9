/* Versions that share what they have in common: the content of the whole one, the pages of the
 * other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/zone_tree.h"

enum { NAMES = 500 };

/* Hosts below example., every `left_out`-th not there, every `other`-th with another address; 0:
 * none. */
static struct zone *zone_of_hosts(const char *apex, size_t left_out, size_t other)
{
    char line[160];
    struct zone_builder *builder = test_change(apex, NULL);
    snprintf(line, sizeof line, "%s SOA a. b. 1 1 1 1 1", apex);
    test_add(builder, line);
    for (size_t i = 1; i <= NAMES; i++) {
        if (left_out != 0 && i % left_out == 0) {
            continue;
        }
        snprintf(line, sizeof line, "n%zu.%s A 192.0.2.%d", i, apex,
                 other != 0 && i % other == 0 ? 2 : 1);
        test_add(builder, line);
        if (i % 10 == 0) { /* the tree of hashes is shared too */
            snprintf(line, sizeof line,
                     "%032zu.%s NSEC3 1 0 0 - 00000000000000000000000000000000 A", i, apex);
            test_add(builder, line);
        }
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

static size_t count_changes(const struct zone *before, const struct zone *after)
{
    struct zone_comparison comparison;
    struct zone_change change;
    size_t count = 0;
    zone_compare(before, after, &comparison);
    while (zone_compare_next(&comparison, &change)) {
        count++;
    }
    return count;
}

static const struct share_row {
    const char *reason;
    const char *apex;
    size_t left_out, other; /* of the version read whole */
    bool is_shared;
    size_t differing; /* 0: not looked at, but for the first */
} rows[] = {
    {"nothing differs: all is shared", "example.", 0, 0, true, 0},
    {"records of some names differ", "example.", 0, 100, true, 5},
    {"names went, their hashes with them", "example.", 100, 0, true, 10},
    {"both", "example.", 100, 99, true, 15},
    {"half differs: it stays what it is", "example.", 0, 2, false, 0},
    {"another zone shares nothing", "example.net.", 0, 0, false, 0},
};

static void test_share(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct share_row *row = &rows[i];
        struct zone *base = zone_of_hosts("example.", 0, 0);
        struct zone *whole = zone_of_hosts(row->apex, row->left_out, row->other);
        size_t differing;
        print_message("%s\n", row->reason);
        struct zone *shared = zone_share(base, whole, &differing);
        assert_int_equal(shared != whole, row->is_shared);
        assert_int_equal(count_changes(whole, shared), 0);
        assert_int_equal(zone_record_count(shared), zone_record_count(whole));
        assert_int_equal(zone_node_count(shared), zone_node_count(whole));
        if (row->is_shared) {
            assert_int_equal(differing, row->differing);
            assert_int_equal(count_changes(base, shared), row->differing);
            struct zone_comparison walk;
            struct zone_change change;
            zone_compare(base, shared, &walk);
            while (zone_compare_next(&walk, &change)) {
            }
            assert_true(walk.pages_entered <= 8 * (row->differing + 1)); /* the rest is one */
        } else {
            assert_true(differing > 0);
        }
        zone_release(base);
        zone_release(whole);
        assert_int_equal(count_changes(shared, shared), 0); /* it lives without them */
        zone_release(shared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
