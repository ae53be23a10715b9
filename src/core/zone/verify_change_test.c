/* The judge of a change and the judge of a whole zone come to the same verdict: over random zones,
 * random changes of them and, in each, one fault planted at random. And: the number of threads and
 * the order in which they work change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/dnssec/denial.h"
#include "core/zone/test_random_zone.h"

enum {
    NOW = 1785542400, /* 2026-08-01T00:00:00Z */
    ZONES = 16,       /* of each kind of denial */
    CHANGES = 3,      /* of each zone */
    FAULTS = 8        /* in each change */
};

/* A fake crew: more workers than threads, in another order each time. */
struct fake_crew {
    struct parallel parallel;
    uint64_t random;
};

static void fake_run(void *self, void (*work)(void *user, size_t index), void *user, size_t count)
{
    struct fake_crew *crew = self;
    size_t first = test_random(&crew->random) % count;
    for (size_t i = 0; i < count; i++) {
        work(user, (first + i) % count);
    }
}

/* One fault. */

enum fault_kind {
    DROP_RRSET,
    DROP_RRSIGS,
    DROP_NODE,
    ADD_RRSET,
    ADD_CUT,
    ADD_DNAME,
    BREAK_BIT,
    RAISE_TTL,
    MOVE_RRSET,  /* a copy at another name */
    STALE_RRSET, /* as in the version before */
    STALE_NODE,
    CHANGE_FLAGS, /* of an NSEC3 */
    FAULT_KIND_COUNT
};

static const struct zone_node *draw_node(struct universe *universe, const struct zone *before,
                                         const struct zone *zone)
{
    struct zone_cursor cursor;
    if (draw(universe, 2) == 0) { /* among what changed */
        struct zone_comparison comparison;
        struct zone_change change;
        const struct zone_node *chosen = NULL;
        zone_compare(before, zone, &comparison);
        for (uint32_t i = 1; zone_compare_next(&comparison, &change); i++) {
            if (change.after != NULL && draw(universe, i) == 0) {
                chosen = change.after;
            }
        }
        if (chosen != NULL) {
            return chosen;
        }
    }
    zone_walk(zone, &cursor);
    const struct zone_node *node = NULL;
    for (size_t i = draw(universe, (uint32_t)zone_node_count(zone)) + 1; i > 0; i--) {
        node = zone_walk_next(&cursor);
    }
    return node;
}

static void set_empty(struct zone_builder *builder, const struct rrset *rrset)
{
    struct rrset none = *rrset;
    none.count = 0;
    none.rdata_len = 0;
    assert_int_equal(zone_build_set(builder, &none), OK);
}

static void set_node(struct zone_builder *builder, const struct zone_node *is,
                     const struct zone_node *was)
{
    for (uint16_t i = 0; is != NULL && i < is->rrset_count; i++) {
        set_empty(builder, &is->rrsets[i]);
    }
    for (uint16_t i = 0; was != NULL && i < was->rrset_count; i++) {
        assert_int_equal(zone_build_set(builder, &was->rrsets[i]), OK);
    }
}

static void set_changed_bytes(struct zone_builder *builder, const struct rrset *rrset, size_t at,
                              uint8_t bits)
{
    static uint8_t bytes[1 << 16];
    assert_true(rrset->rdata_len <= sizeof bytes);
    memcpy(bytes, rrset->rdata, rrset->rdata_len);
    bytes[at] ^= bits;
    struct rrset broken = *rrset;
    broken.rdata = bytes;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(&broken); rrset_next(&cursor, &rdata);) {
        if (rdata_check(broken.type, rdata) != OK) {
            return; /* no zone can hold it */
        }
    }
    assert_int_equal(zone_build_set(builder, &broken), OK);
}

static void plant(struct universe *universe, struct zone_builder *builder,
                  const struct zone *before, const struct zone *zone)
{
    const struct zone_node *node = draw_node(universe, before, zone);
    const struct rrset *rrset = &node->rrsets[draw(universe, node->rrset_count)];
    const struct rrset *rrsigs =
        rrset->type == TYPE_RRSIG ? rrset : zone_node_rrsigs(node, rrset->type);
    const struct zone_node *was = zone_find(before, node->owner);
    const struct zone_node *other = draw_node(universe, before, zone);
    struct rrset changed = *rrset;
    struct name_buffer buffer;
    switch ((enum fault_kind)draw(universe, FAULT_KIND_COUNT)) {
    case DROP_RRSET:
        set_empty(builder, rrset);
        return;
    case DROP_RRSIGS:
        if (rrsigs != NULL) {
            set_empty(builder, rrsigs);
        }
        return;
    case DROP_NODE:
        set_node(builder, node, NULL);
        return;
    case ADD_RRSET:
        assert_int_equal(
            zone_build_add(builder, node->owner, TYPE_A, 3600, SPAN_LITERAL("\300\0\2\377")), OK);
        return;
    case ADD_CUT:
        assert_int_equal(
            zone_build_add(builder, node->owner, TYPE_NS, 3600, name_span(zone_apex(zone))), OK);
        return;
    case ADD_DNAME:
        changed.owner = test_name("b.example.", &buffer);
        assert_int_equal(
            zone_build_add(builder, changed.owner, TYPE_DNAME, 3600, name_span(zone_apex(zone))),
            OK);
        return;
    case BREAK_BIT:
        set_changed_bytes(builder, rrset, 2 + draw(universe, rrset->rdata_len - 2),
                          (uint8_t)(1u << draw(universe, 8)));
        return;
    case RAISE_TTL:
        changed.ttl_s += 1;
        assert_int_equal(zone_build_set(builder, &changed), OK);
        return;
    case MOVE_RRSET:
        changed.owner = other->owner;
        assert_int_equal(zone_build_set(builder, &changed), OK);
        return;
    case STALE_RRSET:
        if (was != NULL && was->rrset_count > 0) {
            assert_int_equal(
                zone_build_set(builder, &was->rrsets[draw(universe, was->rrset_count)]), OK);
        }
        return;
    case STALE_NODE:
        set_node(builder, node, was);
        return;
    case CHANGE_FLAGS:
        rrset = zone_node_rrset(node, TYPE_NSEC3);
        if (rrset != NULL) {
            set_changed_bytes(builder, rrset, 2 + 1, NSEC3_FLAG_OPT_OUT);
        }
        return;
    case FAULT_KIND_COUNT:
        break;
    }
}

struct tally {
    size_t good, bad, whole; /* verdicts; changes that were judged as a whole */
};

/* Both verdicts, and that the crew's is the same in every word. */
static void expect_same_verdict(const struct zone *zone, const struct zone *before,
                                const struct zone_verify_report *before_report, uint64_t seed,
                                struct tally *tally)
{
    struct fake_crew crew = {{NULL, 3, fake_run}, seed};
    crew.parallel.self = &crew;
    struct zone_verify_options options = {.now_s = NOW};
    struct zone_verify_report whole, change, spread;
    static struct test_faults whole_faults, change_faults, spread_faults;
    whole_faults = change_faults = spread_faults = (struct test_faults){0};
    enum status expected = zone_verify(zone, &options, test_fault_note, &whole_faults, &whole);
    options.before = before;
    options.before_report = before_report;
    enum status found = zone_verify(zone, &options, test_fault_note, &change_faults, &change);
    if (found != expected) {
        fail_msg("seed %llu: as a whole %s, the change %s\nwhole:\n%schange:\n%s",
                 (unsigned long long)seed, status_text(expected), status_text(found),
                 whole_faults.all, change_faults.all);
    }
    for (size_t i = 0; found == OK && before_report != NULL && i < whole.key_count; i++) {
        assert_int_equal(whole.keys[i].tag, change.keys[i].tag);
        assert_int_equal(whole.keys[i].rrsigs, change.keys[i].rrsigs);
    }
    options.parallel = &crew.parallel;
    assert_int_equal(zone_verify(zone, &options, test_fault_note, &spread_faults, &spread),
                     expected);
    assert_string_equal(spread_faults.all, change_faults.all);
    assert_int_equal(spread.rrsigs_checked, change.rrsigs_checked);
    options.before = NULL;
    spread_faults = (struct test_faults){0};
    assert_int_equal(zone_verify(zone, &options, test_fault_note, &spread_faults, &spread),
                     expected);
    assert_string_equal(spread_faults.all, whole_faults.all);
    assert_int_equal(spread.faults, whole.faults);
    tally->good += expected == OK;
    tally->bad += expected != OK;
    tally->whole += change.is_whole;
}

static void change_zone(struct universe *universe)
{
    for (uint32_t i = 1 + draw(universe, 3); i > 0; i--) {
        size_t line = draw(universe, (uint32_t)universe->count);
        universe->is_in[line] = !universe->is_in[line];
    }
}

static void judge_random_zone(struct universe *universe, const struct test_keys *keys,
                              enum zone_denial denial, struct tally *tally)
{
    const struct zone_sign_policy policy = {.denial = denial, .serial = ZONE_SERIAL_INCREMENT};
    struct zone *data = make_zone(universe);
    struct zone *before = test_sign(data, NULL, keys, &policy, NOW);
    zone_release(data);
    for (int i = 0; i < CHANGES; i++) {
        struct zone_verify_options options = {.now_s = NOW};
        struct zone_verify_report report, next_report;
        assert_int_equal(zone_verify(before, &options, NULL, NULL, &report), OK);
        change_zone(universe);
        data = make_zone(universe);
        struct zone *next = test_sign(data, before, keys, &policy, NOW);
        zone_release(data);
        if (next == NULL) {
            continue; /* the lines said the same */
        }
        struct tally good = {0};
        expect_same_verdict(next, before, &report, universe->random, &good);
        assert_int_equal(good.bad, 0);
        assert_int_equal(good.whole, 0);
        assert_int_equal(zone_verify(next, &options, NULL, NULL, &next_report), OK);
        for (int j = 0; j < FAULTS; j++) {
            uint64_t seed = universe->random;
            struct zone_builder *builder = test_change("example.", next);
            plant(universe, builder, before, next);
            struct zone *bad = zone_build_finish(builder);
            assert_non_null(bad);
            /* Together with the change, or all the change there is. */
            bool is_alone = j % 2 == 0;
            const struct zone_verify_report *known = is_alone ? &next_report : &report;
            expect_same_verdict(bad, is_alone ? next : before, j % 4 == 3 ? NULL : known, seed,
                                tally);
            zone_release(bad);
        }
        zone_release(before);
        before = next;
    }
    zone_release(before);
}

static void judge_random_zones(enum zone_denial denial)
{
    struct universe *universe = calloc(1, sizeof *universe);
    assert_non_null(universe);
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, false);
    test_keys_add(&keys, ALGORITHM_ED25519, false, true);
    struct tally tally = {0};
    const char *wanted = getenv("SEED");
    uint64_t seed = wanted == NULL ? 20261124 : strtoull(wanted, NULL, 10);
    print_message("seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < ZONES; i++) {
        draw_lines(universe, seed * 1000003 + i * 7919 + 1);
        judge_random_zone(universe, &keys, denial, &tally);
    }
    print_message("%zu good, %zu bad, %zu of them judged as a whole\n", tally.good, tally.bad,
                  tally.whole);
    assert_true(tally.bad > tally.good && tally.whole < (tally.good + tally.bad) / 2);
    test_keys_close(&keys);
    free(universe);
}

static void test_nsec(void **state)
{
    (void)state;
    judge_random_zones(ZONE_NSEC);
}

static void test_nsec3(void **state)
{
    (void)state;
    judge_random_zones(ZONE_NSEC3);
}

static void test_opt_out(void **state)
{
    (void)state;
    judge_random_zones(ZONE_NSEC3_OPT_OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nsec),
        cmocka_unit_test(test_nsec3),
        cmocka_unit_test(test_opt_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
