/* Zones that come and go in a running server: each question is answered from the zone with the
 * longest name above it, as a search through all of them says, and nobody is waited for more often
 * than needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/auth/auth_state.h"
#include "service/auth/auth_test.h"

enum { NAMES = 400, STEPS = 3000, LABELS_MAX = 5 };

static size_t waits;

static void count_wait(void *self)
{
    (void)self;
    waits++;
}

/* Names of few labels over few letters, so that they lie below each other; in any case. */
static struct name random_name(uint64_t *seed, struct name_buffer *buffer)
{
    char text[64];
    size_t len = 0;
    for (uint64_t labels = test_random(seed) % LABELS_MAX; labels > 0; labels--) {
        static const char letters[] = "abcABC";
        text[len++] = letters[test_random(seed) % 6];
        text[len++] = '.';
    }
    text[len] = 0;
    return test_name(len == 0 ? "." : text, buffer);
}

struct bench {
    struct auth *auth;
    struct name names[NAMES]; /* of the zones that are there; of no octets: none */
    struct name_buffer buffers[NAMES];
    struct outbox outbox;
    uint64_t seed;
};

static struct name *find_slowly(struct bench *bench, struct name name, bool exactly)
{
    struct name *best = NULL;
    for (size_t i = 0; i < NAMES; i++) {
        struct name *zone = &bench->names[i];
        if (zone->octets == NULL || !name_is_at_or_below(name, *zone) ||
            (exactly && !name_equal(name, *zone))) {
            continue;
        }
        best = best == NULL || zone->label_count > best->label_count ? zone : best;
    }
    return best;
}

static void add_or_remove(struct bench *bench)
{
    struct name_buffer buffer;
    struct name name = random_name(&bench->seed, &buffer);
    struct name *there = find_slowly(bench, name, true);
    struct auth_zone_options options = {.name = name, .is_pushed = true};
    struct problem problem = {0};
    if (there != NULL && test_random(&bench->seed) % 2 == 0) {
        assert_int_equal(auth_add(bench->auth, &options, test_moment(0), &problem), EXISTS);
    } else if (there != NULL) {
        assert_int_equal(auth_remove(bench->auth, name, test_moment(0), &bench->outbox), OK);
        there->octets = NULL;
    } else {
        assert_int_equal(auth_remove(bench->auth, name, test_moment(0), &bench->outbox), NOT_FOUND);
        assert_int_equal(auth_add(bench->auth, &options, test_moment(0), &problem), OK);
        size_t i = 0;
        while (bench->names[i].octets != NULL) {
            i++;
        }
        name_copy_to(name, &bench->buffers[i], &bench->names[i]);
    }
}

static void check_finding(struct bench *bench)
{
    struct name_buffer buffer;
    struct name name = random_name(&bench->seed, &buffer);
    const struct auth_zone *found = auth_find_zone(bench->auth, name);
    const struct name *right = find_slowly(bench, name, false);
    assert_int_equal(found == NULL, right == NULL);
    assert_true(found == NULL || name_equal(found->name, *right));
    found = auth_find_zone_exactly(bench->auth, name);
    right = find_slowly(bench, name, true);
    assert_int_equal(found == NULL, right == NULL);
}

static void open_bench(struct bench *bench, uint64_t seed, const struct grace *grace,
                       const struct entropy *entropy)
{
    struct auth_options options = {.entropy = entropy, .grace = grace};
    struct problem problem = {0};
    *bench = (struct bench){.seed = seed};
    outbox_open(&bench->outbox, 1 << 20);
    assert_int_equal(auth_open(&options, &bench->auth, &problem), OK);
    test_give(bench->auth, EVENT_START, 0, &bench->outbox);
}

static void test_come_and_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct bench *bench = malloc(sizeof *bench);
        uint64_t entropy_seed = seed;
        struct entropy entropy = {test_fill, &entropy_seed};
        const struct grace grace = {NULL, count_wait};
        assert_non_null(bench);
        open_bench(bench, seed, &grace, &entropy);
        for (int step = 0; step < STEPS; step++) {
            add_or_remove(bench);
            check_finding(bench);
            if (step % 7 == 0) {
                test_give(bench->auth, EVENT_RELOAD, step, &bench->outbox);
            }
        }
        outbox_close(&bench->outbox);
        auth_close(bench->auth);
        free(bench);
    }
}

/* However many go in one event, readers are waited for once. */
static void test_one_wait(void **state)
{
    (void)state;
    struct bench *bench = malloc(sizeof *bench);
    uint64_t entropy_seed = 1;
    struct entropy entropy = {test_fill, &entropy_seed};
    const struct grace grace = {NULL, count_wait};
    assert_non_null(bench);
    open_bench(bench, 9, &grace, &entropy);
    for (int step = 0; step < 100; step++) {
        add_or_remove(bench);
    }
    for (size_t i = 0; i < NAMES; i++) {
        if (bench->names[i].octets != NULL) {
            assert_int_equal(
                auth_remove(bench->auth, bench->names[i], test_moment(0), &bench->outbox), OK);
        }
    }
    waits = 0;
    test_give(bench->auth, EVENT_RELOAD, 1, &bench->outbox);
    assert_int_equal(waits, 1);
    test_give(bench->auth, EVENT_RELOAD, 2, &bench->outbox);
    assert_int_equal(waits, 1);
    assert_int_equal(bench->auth->zone_count, 0);
    outbox_close(&bench->outbox);
    auth_close(bench->auth);
    free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_one_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
