/* Versions on disk: they come back as they were, those before as well, after any kill, fault and
 * damage; and what is no change of a version is never applied to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/store/fake_disk.h"
#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_change.h"
#include "core/zone/zone_journal.h"
#include "core/zone/zone_keep.h"

enum { VERSIONS = 40 };

static enum status differ(void *user, bool is_added, const struct rrset *record)
{
    (void)user;
    (void)is_added;
    (void)record;
    return MISMATCH;
}

static bool is_same(const struct zone *a, const struct zone *b)
{
    const struct rrset *soa = zone_soa(a);
    return rrset_equal(soa, zone_soa(b)) && soa->ttl_s == zone_soa(b)->ttl_s &&
           zone_record_count(a) == zone_record_count(b) && zone_diff(a, b, differ, NULL) == OK;
}

static void set_serial(struct zone_builder *builder, const struct zone *from, uint32_t serial)
{
    char line[100];
    if (from != NULL) {
        snprintf(line, sizeof line, "example. SOA ns.example. h.example. %u 20 5 120 5",
                 zone_serial(from));
        test_remove(builder, line);
    }
    snprintf(line, sizeof line, "example. SOA ns.example. h.example. %u 20 5 120 5", serial);
    test_add(builder, line);
}

/* A version with `count` names more or fewer than the one before, as `random` wills. */
static struct zone *make_next(const struct zone *from, int count, uint64_t *random)
{
    struct zone_builder *builder = test_change("example.", from);
    set_serial(builder, from, from == NULL ? 1 : zone_serial(from) + 1);
    if (from == NULL) {
        test_add(builder, "example. NS ns.example.");
        test_add(builder, "ns.example. A 192.0.2.1");
    }
    for (int i = 0; i < count; i++) {
        char line[400];
        struct test_record record;
        uint32_t pick = test_random(random);
        snprintf(line, sizeof line, "h%u.example. TXT \"%0200u\"", pick % 500, pick / 500 % 4);
        test_record_read(line, &record);
        if (pick % 3 == 0) {
            (void)!zone_build_remove(builder, record.owner, record.type, record.rdata);
        } else {
            assert_int_equal(zone_build_add(builder, record.owner, record.type,
                                            pick % 7 == 0 ? 60 : 300, record.rdata),
                             OK);
        }
    }
    struct zone *next = zone_build_finish(builder);
    assert_non_null(next);
    return next;
}

struct bench {
    struct fake_disk memory;
    struct disk disk;
    struct zone_journal *journal;
    struct zone_history history; /* as it came back last */
    struct problem problem;
    struct zone *versions[VERSIONS];
    size_t count;
    uint64_t random;
};

static void bench_reopen(struct bench *bench)
{
    struct name_buffer buffer;
    zone_history_release(&bench->history);
    zone_journal_close(bench->journal);
    bench->journal = NULL;
    bench->problem = (struct problem){0};
    assert_int_equal(zone_journal_open(&bench->disk, test_name("example.", &buffer), ".version",
                                       &bench->journal, &bench->history, &bench->problem),
                     OK);
}

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.random = 42};
    bench->disk = fake_disk_open(&bench->memory);
    bench_reopen(bench);
    assert_int_equal(bench->history.count, 0);
}

static void bench_close(struct bench *bench)
{
    zone_history_release(&bench->history);
    zone_journal_close(bench->journal);
    for (size_t i = 0; i < bench->count; i++) {
        zone_release(bench->versions[i]);
    }
    fake_disk_close(&bench->memory);
}

static enum status bench_keep(struct bench *bench, int changes)
{
    const struct zone *from = bench->count == 0 ? NULL : bench->versions[bench->count - 1];
    struct zone *next = make_next(from, changes, &bench->random);
    bench->versions[bench->count++] = next;
    return zone_journal_keep(bench->journal, next, &bench->problem);
}

/* The history is that of our versions, up to the last. */
static void check_history(const struct bench *bench, size_t at_least)
{
    const struct zone_history *history = &bench->history;
    assert_true(history->count >= at_least && history->count <= bench->count);
    for (size_t i = 0; i < history->count; i++) {
        const struct zone *kept = bench->versions[bench->count - history->count + i];
        assert_int_equal(zone_serial(history->versions[i]), zone_serial(kept));
        assert_true(is_same(history->versions[i], kept));
    }
}

static void test_versions_come_back(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < VERSIONS; i++) {
        assert_int_equal(bench_keep(&bench, i == 0 ? 400 : 10), OK);
        if (i % 3 == 0) {
            bench_reopen(&bench);
            assert_int_equal(bench.problem.status, OK);
            check_history(&bench, i + 1 < ZONE_HISTORY_MAX ? i + 1 : ZONE_HISTORY_MAX);
        }
    }
    assert_int_equal(bench.memory.count, 2); /* one whole, one log */
    bench_close(&bench);
}

/* To keep a small change must not cost what the zone costs. */
static void test_a_change_costs_a_change(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_int_equal(bench_keep(&bench, 2000), OK);
    size_t whole = fake_disk_find(&bench.memory, "zone/example.version")->len;
    assert_int_equal(bench_keep(&bench, 1), OK);
    const struct fake_file *log = fake_disk_find(&bench.memory, "zone/example.version-log");
    assert_true(log->len < 600 && whole > 50000);
    uint32_t writes = bench.memory.writes;
    assert_int_equal(bench_keep(&bench, 1), OK);
    assert_int_equal(bench.memory.writes, writes + 1);
    bench_close(&bench);
}

/* Changes enough for the log to be shortened, a few times. */
static void test_the_log_stays_bounded(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    size_t shortened = 0, before = 0;
    for (size_t i = 0; i < VERSIONS; i++) {
        assert_int_equal(bench_keep(&bench, 700), OK);
        assert_int_equal(bench.problem.status, OK);
        const struct fake_file *log = fake_disk_find(&bench.memory, "zone/example.version-log");
        size_t len = log == NULL ? 0 : log->len;
        assert_true(len < 2 * ZONE_JOURNAL_LEN_MIN);
        shortened += len < before;
        if (len < before || i % 5 == 0) {
            bench_reopen(&bench);
            assert_int_equal(bench.problem.status, OK);
            check_history(&bench, i < 2 ? i + 1 : 2); /* history outlives the shortening */
        }
        before = len;
    }
    assert_true(shortened >= 2);
    bench_close(&bench);
}

/* The n-th write fails, for every n, in every way: what was confirmed is there after a restart, or
 * the one version more that was not. Zones grow so that the log is shortened on the way. */
static void run_with_fault(uint32_t at, enum fake_fault fault, bool is_for_good, bool *is_last)
{
    struct bench bench;
    bench_open(&bench);
    bench.memory.fault_at = at;
    bench.memory.fault = fault;
    bench.memory.is_broken_for_good = is_for_good;
    size_t confirmed = 0;
    for (size_t i = 0; i < 8; i++) {
        if (bench_keep(&bench, 1600) == OK) {
            confirmed = bench.count;
        } else { /* as a service: it goes on from the last good one */
            zone_release(bench.versions[--bench.count]);
        }
    }
    *is_last = bench.memory.writes < at;
    bench.memory.fault_at = 0;
    bench_reopen(&bench);
    size_t count = bench.history.count;
    assert_true(count > 0 || confirmed == 0);
    if (confirmed > 0) {
        const struct zone *last = bench.history.versions[count - 1];
        uint32_t serial = zone_serial(last);
        uint32_t good = zone_serial(bench.versions[confirmed - 1]);
        assert_true(serial == good || serial == good + 1);
        assert_true(serial != good || is_same(last, bench.versions[confirmed - 1]));
    }
    bench_close(&bench);
}

static void test_every_single_fault(void **state)
{
    (void)state;
    bool is_last = false;
    for (uint32_t at = 1; !is_last; at++) {
        for (int fault = FAKE_FAULT_NOTHING; fault <= FAKE_FAULT_ALL; fault++) {
            run_with_fault(at, (enum fake_fault)fault, false, &is_last);
            run_with_fault(at, (enum fake_fault)fault, true, &is_last);
        }
        assert_true(at < 100);
    }
}

/* A damaged log gives the versions before the damage, and says what is lost; a damaged whole
 * version is no zone. */
static void test_damage_is_told(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_int_equal(bench_keep(&bench, 100), OK);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(bench_keep(&bench, 5), OK);
    }
    struct fake_file *log = fake_disk_find(&bench.memory, "zone/example.version-log");
    log->bytes[log->len - 1] ^= 1;
    bench_reopen(&bench);
    assert_true(bench.problem.status != OK);
    zone_release(bench.versions[--bench.count]);
    check_history(&bench, 5);
    assert_int_equal(bench_keep(&bench, 5), OK);
    bench_reopen(&bench);
    assert_int_equal(bench.problem.status, OK);
    check_history(&bench, 6);
    struct fake_file *whole = fake_disk_find(&bench.memory, "zone/example.version");
    whole->bytes[whole->len / 2] ^= 1;
    bench_reopen(&bench);
    assert_true(bench.problem.status != OK && bench.history.count == 0);
    assert_int_equal(bench_keep(&bench, 5), OK);
    bench_reopen(&bench);
    check_history(&bench, 1);
    assert_int_equal(bench.history.count, 1);
    bench_close(&bench);
}

/* Any octet of a whole version changed, and any length it is cut to: it is no version. */
static void test_a_damaged_whole_version_is_none(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer;
    struct zone_kept kept;
    bench_open(&bench);
    assert_int_equal(bench_keep(&bench, 3), OK);
    struct fake_file *file = fake_disk_find(&bench.memory, "zone/example.version");
    size_t len = file->len;
    for (size_t at = 0; at < 2 * len; at++) {
        struct zone *version = NULL;
        if (at < len) {
            file->bytes[at] ^= 0x55;
        } else {
            file->len = at - len;
        }
        enum status status = zone_keep_read(&bench.disk, test_name("example.", &buffer), ".version",
                                            &version, &kept);
        assert_true((status == MALFORMED || status == MISMATCH) && version == NULL);
        if (at < len) {
            file->bytes[at] ^= 0x55;
        }
        file->len = len;
    }
    bench_reopen(&bench);
    check_history(&bench, 1);
    bench_close(&bench);
}

/* A kill between the whole version and its log: the log of the one before is passed by. */
static void test_a_log_of_another_base_is_not_used(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_int_equal(bench_keep(&bench, 100), OK);
    assert_int_equal(bench_keep(&bench, 5), OK);
    struct fake_file *log = fake_disk_find(&bench.memory, "zone/example.version-log");
    uint8_t *old = malloc(log->len);
    size_t old_len = log->len;
    memcpy(old, log->bytes, old_len);
    zone_journal_close(bench.journal);
    bench.journal = NULL;
    fake_disk_remove(&bench.memory, "zone/example.version");
    bench_reopen(&bench); /* a log without a zone is nothing */
    assert_int_equal(bench.history.count, 0);
    assert_int_equal(bench_keep(&bench, 5), OK);
    fake_file_set(fake_disk_need(&bench.memory, "zone/example.version-log"), span_of(old, old_len));
    bench_reopen(&bench);
    assert_int_equal(bench.history.count, 1);
    check_history(&bench, 1);
    free(old);
    bench_close(&bench);
}

/* The longest names fit into a file's name, and two of them into two. */
static void test_long_names_have_files(void **state)
{
    (void)state;
    uint8_t octets[2][NAME_LEN_MAX];
    char files[2][ZONE_KEEP_NAME_MAX];
    for (int i = 0; i < 2; i++) {
        for (size_t at = 0; at < NAME_LEN_MAX; at += 2) {
            octets[i][at] = at == NAME_LEN_MAX - 1 ? 0 : 1;
            octets[i][at + (at < NAME_LEN_MAX - 1)] = at == NAME_LEN_MAX - 1 ? 0 : 0xff;
        }
    }
    octets[1][251] = 'a';
    for (int i = 0; i < 2; i++) {
        struct reader reader = reader_over(span_of(octets[i], NAME_LEN_MAX));
        struct name name = name_read(&reader);
        assert_int_equal(reader.status, OK);
        assert_true(strlen(zone_keep_name(name, ".version-log", files[i])) < 200);
    }
    assert_string_not_equal(files[0], files[1]);
}

static void test_changes_go_both_ways(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct zone_change_buffer buffer = {.len_max = 1 << 20};
    struct zone *from = make_next(NULL, 300, &random);
    for (int i = 0; i < 50; i++) {
        struct zone *to = make_next(from, i * 3, &random), *back = NULL, *forth = NULL;
        assert_int_equal(zone_change_write(from, to, &buffer), OK);
        struct span change = span_of(buffer.bytes, buffer.len);
        assert_int_equal(zone_change_apply(from, change, false, &forth), OK);
        assert_int_equal(zone_change_apply(to, change, true, &back), OK);
        assert_true(is_same(forth, to) && is_same(back, from));
        assert_int_equal(zone_change_apply(to, change, false, &forth), MALFORMED);
        assert_int_equal(zone_change_apply(from, change, true, &back), MALFORMED);
        assert_int_equal(
            zone_change_apply(from, span_part(change, 0, change.len - 1), false, &back), MALFORMED);
        zone_release(forth);
        zone_release(back);
        zone_release(from);
        from = to;
    }
    buffer.len_max = 100;
    struct zone *to = make_next(from, 100, &random);
    assert_int_equal(zone_change_write(from, to, &buffer), LIMIT_REACHED);
    zone_release(to);
    zone_release(from);
    zone_change_close(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_come_back),
        cmocka_unit_test(test_a_change_costs_a_change),
        cmocka_unit_test(test_the_log_stays_bounded),
        cmocka_unit_test(test_every_single_fault),
        cmocka_unit_test(test_damage_is_told),
        cmocka_unit_test(test_a_damaged_whole_version_is_none),
        cmocka_unit_test(test_a_log_of_another_base_is_not_used),
        cmocka_unit_test(test_changes_go_both_ways),
        cmocka_unit_test(test_long_names_have_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
