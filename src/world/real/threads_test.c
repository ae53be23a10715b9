/* Every piece is done once whatever the width, its results are seen, and a crew does job after
 * job. */
#include "world/real/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>

#include <cmocka.h>

enum { PIECES = 1000, JOBS = 200 };

struct tally {
    uint32_t done[PIECES];
    atomic_uint_least32_t running;
    atomic_uint_least32_t most;
};

static void count_piece(void *user, size_t index)
{
    struct tally *tally = user;
    uint32_t running = atomic_fetch_add(&tally->running, 1) + 1;
    uint32_t most = atomic_load(&tally->most);
    while (running > most && !atomic_compare_exchange_weak(&tally->most, &most, running)) {
    }
    tally->done[index]++;
    atomic_fetch_sub(&tally->running, 1);
}

static void check_jobs(const struct parallel *parallel, size_t jobs)
{
    static struct tally tally;
    tally = (struct tally){.running = 0};
    for (size_t job = 0; job < jobs; job++) {
        parallel->run(parallel->self, count_piece, &tally, job % 7 == 0 ? 0 : PIECES);
        if (job % 7 == 0) {
            parallel->run(parallel->self, count_piece, &tally, PIECES);
        }
    }
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(tally.done[i], jobs);
    }
    assert_in_range(atomic_load(&tally.most), 1, parallel->width);
}

static void each_piece_is_done_once(void **state)
{
    (void)state;
    static const unsigned widths[] = {1, 2, 3, 8};
    check_jobs(parallel_none(), 3);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct threads *threads;
        assert_int_equal(threads_open(widths[i], &threads), OK);
        assert_int_equal(threads_parallel(threads)->width, widths[i]);
        check_jobs(threads_parallel(threads), JOBS);
        threads_close(threads);
    }
}

static void width_follows_the_machine_and_the_limit(void **state)
{
    (void)state;
    struct threads *threads;
    assert_int_equal(threads_open(0, &threads), OK);
    assert_in_range(threads_parallel(threads)->width, 1, PARALLEL_WIDTH_MAX);
    threads_close(threads);
    assert_int_equal(threads_open(100000, &threads), OK);
    assert_int_equal(threads_parallel(threads)->width, PARALLEL_WIDTH_MAX);
    threads_close(threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_piece_is_done_once),
        cmocka_unit_test(width_follows_the_machine_and_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
