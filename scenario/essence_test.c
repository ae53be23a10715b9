/* The tour's essence in the simulator, under many seeds and with machines that die; and that its
 * oracle sees a broken world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/essence.h"

static void expect_good(const struct lab_keys *keys, const struct essence_plan *plan)
{
    struct essence essence;
    char fault[WATCH_FAULT_SIZE];
    essence_open(&essence, keys, plan);
    essence_run_all(&essence);
    snprintf(fault, sizeof fault, "%s", essence.watch.fault);
    essence_close(&essence);
    if (fault[0] != '\0') {
        fail_msg("seed %llu: %s", (unsigned long long)plan->lab.seed, fault);
    }
}

static void test_quiet(void **state)
{
    struct essence_plan plan = {.lab = {.seed = 1, .is_loud = true}};
    expect_good(*state, &plan);
}

static int setup(void **state)
{
    *state = lab_keys_open();
    return 0;
}

static int teardown(void **state)
{
    lab_keys_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
