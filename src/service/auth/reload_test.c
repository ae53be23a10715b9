/* Files that are read beside the service: what comes of them when the zone, its file or the
 * configuration changes meanwhile. The errands are done when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/auth/auth_state.h"
#include "service/auth/auth_test.h"

struct bench {
    struct auth *auth;
    struct outbox outbox;
    struct errands errands;
    struct errand *sent[8]; /* not done yet, in order */
    size_t sent_count;
    uint32_t serial; /* of the file; 0: it cannot be read */
    size_t reads, configurations;
};

static void keep_errand(void *self, struct errand *errand)
{
    struct bench *bench = self;
    assert_true(bench->sent_count < LEN(bench->sent));
    bench->sent[bench->sent_count++] = errand;
}

static struct zone *zone_of_serial(uint32_t serial)
{
    char soa[80];
    const char *lines[] = {soa, "example. NS ns.example.", "ns.example. A 192.0.2.1"};
    snprintf(soa, sizeof soa, "example. SOA ns.example. h.example. %u 1 1 1 1", serial);
    return test_zone("example.", lines, LEN(lines));
}

static struct zone *read_file(void *user, struct name name, const void *origin)
{
    struct bench *bench = user;
    struct name_buffer buffer;
    assert_ptr_equal(origin, bench);
    assert_true(name_equal(name, test_name("example.", &buffer)));
    bench->reads++;
    return bench->serial == 0 ? NULL : zone_of_serial(bench->serial);
}

static enum status reconfigure(void *user, struct moment now, struct outbox *outbox,
                               struct writer *text)
{
    struct bench *bench = user;
    (void)now, (void)outbox, (void)text;
    bench->configurations++;
    return OK;
}

/* A server with one zone of serial 1. */
static void open_bench(struct bench *bench)
{
    struct name_buffer buffer;
    struct problem problem = {0};
    struct zone *first = zone_of_serial(1);
    *bench = (struct bench){.errands = {bench, keep_errand}};
    const struct auth_zone_options zone = {
        .name = test_name("example.", &buffer), .fixed = first, .origin = bench};
    const struct auth_options options = {.zones = &zone,
                                         .zone_count = 1,
                                         .errands = &bench->errands,
                                         .reload = read_file,
                                         .reload_user = bench,
                                         .manager = {.user = bench, .reconfigure = reconfigure}};
    outbox_open(&bench->outbox, 1 << 20);
    assert_int_equal(auth_open(&options, &bench->auth, &problem), OK);
    zone_release(first);
    test_give(bench->auth, EVENT_START, 0, &bench->outbox);
}

static void close_bench(struct bench *bench)
{
    outbox_close(&bench->outbox);
    auth_close(bench->auth);
}

/* As the world does it, its errands being those sent before. */
static void do_errands(struct bench *bench)
{
    size_t count = bench->sent_count;
    for (size_t i = 0; i < count; i++) {
        bench->sent[i]->run(bench->sent[i]);
    }
    for (size_t i = 0; i < count; i++) {
        struct event event = {
            .kind = EVENT_TIMER, .now = test_moment(1), .timer = bench->sent[i]->timer};
        bench->sent[i]->is_done = true;
        outbox_reset(&bench->outbox);
        auth_handle(bench->auth, &event, &bench->outbox);
    }
    memmove(bench->sent, bench->sent + count, (bench->sent_count - count) * sizeof bench->sent[0]);
    bench->sent_count -= count;
}

static void reload(struct bench *bench)
{
    test_give(bench->auth, EVENT_RELOAD, 0, &bench->outbox);
}

static uint32_t served_serial(const struct bench *bench)
{
    struct name_buffer buffer;
    const struct auth_zone *zone =
        auth_find_zone_exactly(bench->auth, test_name("example.", &buffer));
    return zone == NULL ? 0 : zone_serial(auth_zone_version(zone));
}

static void test_serials(void **state)
{
    static const struct {
        const char *reason;
        uint32_t serial, served;
    } rows[] = {
        {"a newer one is taken", 2, 2},
        {"the same is nothing new", 1, 1},
        {"an older one is an error of the operator's", 4000000000, 1},
        {"what cannot be read changes nothing", 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct bench bench;
        open_bench(&bench);
        print_message("%s\n", rows[i].reason);
        bench.serial = rows[i].serial;
        reload(&bench);
        assert_int_equal(bench.reads, 0); /* it is not done in the service's thread */
        assert_int_equal(served_serial(&bench), 1);
        do_errands(&bench);
        assert_int_equal(bench.reads, 1);
        assert_int_equal(served_serial(&bench), rows[i].served);
        assert_int_equal(bench.sent_count, 0);
        close_bench(&bench);
    }
}

/* The file may have changed after it was read, and the terms it is read in are not taken away. */
static void test_again(void **state)
{
    struct bench bench;
    (void)state;
    open_bench(&bench);
    bench.serial = 2;
    reload(&bench);
    reload(&bench);
    reload(&bench);
    assert_int_equal(bench.configurations, 1);
    assert_int_equal(bench.sent_count, 1);
    do_errands(&bench);
    assert_int_equal(bench.configurations, 2);
    bench.serial = 3;
    assert_int_equal(bench.sent_count, 1);
    do_errands(&bench);
    assert_int_equal(served_serial(&bench), 3);
    assert_int_equal(bench.configurations, 2);
    assert_int_equal(bench.sent_count, 0);
    close_bench(&bench);
}

/* The operator asks for that zone alone, twice. */
static void test_zone_again(void **state)
{
    struct bench bench;
    struct name_buffer buffer;
    (void)state;
    open_bench(&bench);
    struct auth_zone *zone = auth_find_zone_exactly(bench.auth, test_name("example.", &buffer));
    bench.serial = 2;
    auth_reload_zone(bench.auth, zone, test_moment(0), &bench.outbox);
    auth_reload_zone(bench.auth, zone, test_moment(0), &bench.outbox);
    do_errands(&bench);
    assert_int_equal(bench.sent_count, 1); /* what was read first may be old */
    bench.serial = 3;
    do_errands(&bench);
    assert_int_equal(served_serial(&bench), 3);
    close_bench(&bench);
}

static void test_gone(void **state)
{
    struct bench bench;
    struct name_buffer buffer;
    (void)state;
    open_bench(&bench);
    bench.serial = 2;
    reload(&bench);
    assert_int_equal(
        auth_remove(bench.auth, test_name("example.", &buffer), test_moment(0), &bench.outbox), OK);
    do_errands(&bench);
    assert_int_equal(served_serial(&bench), 0);
    assert_int_equal(bench.auth->reading_count, 0);
    close_bench(&bench);
}

/* The server ends before the file was read, and after. */
static void test_end(void **state)
{
    (void)state;
    for (int has_run = 0; has_run < 2; has_run++) {
        struct bench bench;
        open_bench(&bench);
        bench.serial = 2;
        reload(&bench);
        if (has_run) {
            bench.sent[0]->run(bench.sent[0]);
        }
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serials),    cmocka_unit_test(test_again),
        cmocka_unit_test(test_zone_again), cmocka_unit_test(test_gone),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
