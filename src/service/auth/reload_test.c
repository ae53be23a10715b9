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
    struct errand *sent[16]; /* not done yet, in order */
    size_t sent_count;
    uint32_t serial; /* of the file; 0: it cannot be read */
    uint64_t state;  /* of the file; 0: it cannot be told */
    size_t reads, configurations;
    struct effect_control told; /* the last answer to a control request */
    char told_text[200];
};

static void keep_errand(void *self, struct errand *errand)
{
    struct bench *bench = self;
    assert_true(bench->sent_count < LEN(bench->sent));
    bench->sent[bench->sent_count++] = errand;
}

static struct zone *zone_of_serial(struct name apex, uint32_t serial)
{
    char name[NAME_TEXT_MAX], soa[NAME_TEXT_MAX + 80], ns[NAME_TEXT_MAX + 80];
    const char *lines[] = {soa, ns};
    name_print(apex, name);
    snprintf(soa, sizeof soa, "%s SOA ns.example. h.example. %u 1 1 1 1", name, serial);
    snprintf(ns, sizeof ns, "%s NS ns.elsewhere.", name);
    return test_zone(name, lines, LEN(lines));
}

static uint64_t state_of(void *user, const char *path)
{
    const struct bench *bench = user;
    assert_string_equal(path, "file");
    return bench->state;
}

static void read_file(void *user, struct auth_file *file)
{
    struct bench *bench = user;
    const struct zonefile_states states = {state_of, bench};
    assert_ptr_equal(file->origin, bench);
    file->is_same = !file->is_forced && zonefile_seen_is_same(&file->seen, "file", &states);
    if (file->is_same) {
        return;
    }
    bench->reads++;
    zonefile_seen_close(&file->seen);
    zonefile_seen_add(&file->seen, "file", bench->state);
    file->version = bench->serial == 0 ? NULL : zone_of_serial(file->name, bench->serial);
}

/* As `vouch serve` does it. */
static enum status add_later(struct bench *bench, struct name name, struct moment now)
{
    const struct auth_zone_options options = {
        .name = name, .is_fixed_later = true, .origin = bench};
    struct problem problem = {0};
    return auth_add(bench->auth, &options, now, &problem);
}

static enum status manage_add(void *user, struct name name, struct span pattern, struct moment now,
                              struct writer *text)
{
    (void)pattern;
    writer_text(text, "added too early\n");
    return add_later(user, name, now);
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
    struct zone *first = zone_of_serial(test_name("example.", &buffer), 1);
    *bench = (struct bench){.errands = {bench, keep_errand}};
    const struct auth_zone_options zone = {
        .name = test_name("example.", &buffer), .fixed = first, .origin = bench};
    const struct auth_options options = {
        .zones = &zone,
        .zone_count = 1,
        .errands = &bench->errands,
        .reload = read_file,
        .reload_user = bench,
        .manager = {.user = bench, .add = manage_add, .reconfigure = reconfigure}};
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

static void note_answer(struct bench *bench)
{
    const struct effect *effect = test_effect(&bench->outbox, EFFECT_CONTROL, 0);
    if (effect != NULL) {
        bench->told = effect->control;
        snprintf(bench->told_text, sizeof bench->told_text, "%.*s", (int)effect->control.text.len,
                 (const char *)effect->control.text.bytes);
    }
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
        note_answer(bench);
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

/* What is read at the second of two reloads, the file having been read at the first. */
static void test_changed(void **state)
{
    static const struct {
        const char *reason;
        uint64_t before, after; /* states of the file */
        uint32_t serial;        /* of the file at the first reload; 0: it cannot be read */
        bool is_alone;          /* the second reload names the zone */
        size_t reads;           /* by the second */
    } rows[] = {
        {"a file that did not change is not read again", 7, 7, 2, false, 0},
        {"one that changed is", 7, 8, 2, false, 1},
        {"so is one of which it cannot be told whether it will", 0, 0, 2, false, 1},
        {"and one that is asked for by name", 7, 7, 2, true, 1},
        {"what could not be read is looked at again, so that it is said again", 7, 7, 0, false, 1},
        {"so is a file whose serial is too low", 7, 7, 4000000000, false, 1},
        {"what is served already counts as taken", 7, 7, 1, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct bench bench;
        struct name_buffer buffer;
        open_bench(&bench);
        print_message("%s\n", rows[i].reason);
        bench.serial = rows[i].serial;
        bench.state = rows[i].before;
        reload(&bench);
        do_errands(&bench);
        assert_int_equal(bench.reads, 1);
        bench.reads = 0;
        bench.state = rows[i].after;
        if (rows[i].is_alone) {
            auth_reload_zone(bench.auth,
                             auth_find_zone_exactly(bench.auth, test_name("example.", &buffer)),
                             test_moment(0), &bench.outbox);
        } else {
            reload(&bench);
        }
        do_errands(&bench);
        assert_int_equal(bench.reads, rows[i].reads);
        bench.reads = 0;
        bench.state += 100; /* and it goes on being seen */
        bench.serial = 3;
        reload(&bench);
        do_errands(&bench);
        assert_int_equal(bench.reads, 1);
        assert_int_equal(served_serial(&bench), 3);
        close_bench(&bench);
    }
}

/* Many come in one event: their files are read beside the service, some at a time. */
static void test_many_come(void **state)
{
    enum { COUNT = 300 };
    struct bench bench;
    (void)state;
    open_bench(&bench);
    bench.serial = 5;
    for (int i = 0; i < COUNT; i++) {
        struct name_buffer buffer;
        char text[20];
        snprintf(text, sizeof text, "z%d.test.", i);
        assert_int_equal(add_later(&bench, test_name(text, &buffer), test_moment(0)), OK);
    }
    struct event event = {.kind = EVENT_METRICS, .now = test_moment(0)};
    outbox_reset(&bench.outbox);
    auth_handle(bench.auth, &event, &bench.outbox);
    assert_int_equal(bench.reads, 0);
    for (int turns = 0; bench.sent_count > 0 || bench.auth->sweep != SWEEP_NONE; turns++) {
        assert_true(turns < COUNT && bench.auth->reading_count <= 5);
        do_errands(&bench);
        outbox_reset(&bench.outbox);
        auth_handle(bench.auth, &event, &bench.outbox);
    }
    assert_int_equal(bench.reads, COUNT);
    for (size_t i = 0; i < bench.auth->place_count; i++) {
        const struct zone *version = auth_zone_version(bench.auth->places[i]);
        assert_non_null(version);
        assert_true(name_equal(zone_apex(version), bench.auth->places[i]->name));
    }
    close_bench(&bench);
}

/* Who adds a zone hears of it when its file was read. */
static void test_add_answered(void **state)
{
    static const struct {
        const char *reason;
        uint32_t serial;
        bool is_removed; /* before its file was read */
        bool is_failure;
        const char *text;
    } rows[] = {
        {"it is served", 4, false, false, "added\n"},
        {"its file is not there yet", 0, false, false,
         "added; its file cannot be read yet, see the log\n"},
        {"it went meanwhile", 4, true, true, "the zone went before its file was read\n"},
    };
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct bench bench;
        struct name_buffer buffer;
        struct event event = {.kind = EVENT_CONTROL, .now = test_moment(0)};
        open_bench(&bench);
        print_message("%s\n", rows[i].reason);
        bench.serial = rows[i].serial;
        event.control =
            (struct event_control){.request = 77, .line = SPAN_LITERAL("add new.test. some")};
        outbox_reset(&bench.outbox);
        auth_handle(bench.auth, &event, &bench.outbox);
        assert_null(test_effect(&bench.outbox, EFFECT_CONTROL, 0));
        assert_int_equal(bench.reads, 0);
        struct name name = test_name("new.test.", &buffer);
        if (rows[i].is_removed) {
            assert_int_equal(auth_remove(bench.auth, name, test_moment(0), &bench.outbox), OK);
        }
        do_errands(&bench);
        assert_int_equal(bench.reads, 1);
        assert_int_equal(bench.told.request, 77);
        assert_int_equal(bench.told.is_failure, rows[i].is_failure);
        assert_string_equal(bench.told_text, rows[i].text);
        assert_int_equal(auth_zone_is_served(bench.auth, name),
                         rows[i].serial != 0 && !rows[i].is_removed);
        do_errands(&bench);
        assert_int_equal(bench.reads, 1);
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serials),    cmocka_unit_test(test_again),
        cmocka_unit_test(test_zone_again), cmocka_unit_test(test_gone),
        cmocka_unit_test(test_end),        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_many_come),  cmocka_unit_test(test_add_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
