/* The log under every kill and every single fault: what was confirmed is there again, in order, and
 * what was not is there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/store/fake_disk.h"
#include "core/store/journal.h"

enum { ENTRIES = 12, TASK_MAX = 1 << 24 };

static const uint8_t LABELS[2][JOURNAL_LABEL_LEN] = {{1, 2, 3}, {4, 5, 6}};

/* Content number `i`: of different lengths, one of them empty. */
static struct span content_of(uint64_t i, uint8_t bytes[64])
{
    size_t len = (size_t)(i * 7 % 64);
    memset(bytes, (int)(i + 'A'), 64);
    return span_of(bytes, len);
}

static void check_entries(const struct journal_entries *entries, uint64_t first, size_t count)
{
    assert_int_equal(entries->count, count);
    for (size_t i = 0; i < entries->count; i++) {
        uint8_t bytes[64];
        assert_int_equal(entries->entries[i].sequence, first + i);
        assert_true(span_equal(entries->entries[i].content, content_of(first + i, bytes)));
    }
}

static void fill(struct journal *journal, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[64];
        assert_int_equal(journal_append(journal, content_of(journal->next, bytes)), OK);
    }
}

struct bench {
    struct fake_disk memory;
    struct disk disk;
    struct journal journal;
    struct arena task;
    struct journal_entries entries;
    struct problem damage;
};

static void bench_reopen(struct bench *bench)
{
    arena_reset(&bench->task);
    bench->damage = (struct problem){0};
    assert_int_equal(journal_open(&bench->journal, &bench->disk, "log", &bench->task,
                                  &bench->entries, &bench->damage),
                     OK);
}

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){0};
    bench->disk = fake_disk_open(&bench->memory);
    arena_open(&bench->task, TASK_MAX);
    bench_reopen(bench);
    assert_false(bench->journal.is_written);
    assert_int_equal(journal_begin(&bench->journal, LABELS[0]), OK);
}

static void bench_close(struct bench *bench)
{
    fake_disk_close(&bench->memory);
    arena_close(&bench->task);
}

static void test_entries_come_back(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    fill(&bench.journal, ENTRIES);
    bench_reopen(&bench);
    check_entries(&bench.entries, 0, ENTRIES);
    assert_memory_equal(bench.journal.label, LABELS[0], JOURNAL_LABEL_LEN);
    assert_int_equal(bench.damage.status, OK);
    fill(&bench.journal, 1); /* and it goes on */
    bench_reopen(&bench);
    check_entries(&bench.entries, 0, ENTRIES + 1);
    bench_close(&bench);
}

/* Every length that a kill may leave: the whole entries are there, and the log goes on. */
static void test_a_kill_at_any_octet(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    uint64_t ends[ENTRIES + 1];
    for (size_t i = 0; i < ENTRIES; i++) {
        fill(&bench.journal, 1);
        ends[i] = bench.journal.size;
    }
    struct fake_file *file = fake_disk_find(&bench.memory, "log");
    size_t whole_len = file->len;
    uint8_t *whole = malloc(whole_len);
    memcpy(whole, file->bytes, whole_len);
    for (size_t len = 0; len < whole_len; len++) {
        fake_file_set(file, span_of(whole, len));
        bench_reopen(&bench);
        size_t good = 0;
        while (good < ENTRIES && ends[good] <= len) {
            good++;
        }
        check_entries(&bench.entries, 0, good);
        uint64_t head_len = ends[0] - 28; /* of the file; the first entry is empty */
        bool is_clean = len == 0 || len == head_len || (good > 0 && ends[good - 1] == len);
        assert_int_equal(bench.damage.status == OK, is_clean);
        if (!bench.journal.is_written) {
            assert_int_equal(journal_begin(&bench.journal, LABELS[0]), OK);
        }
        fill(&bench.journal, 2);
        bench_reopen(&bench);
        check_entries(&bench.entries, 0, good + 2);
        assert_int_equal(bench.damage.status, OK);
    }
    free(whole);
    bench_close(&bench);
}

/* Any octet changed: everything before it is there, nothing from it on, and it is said. */
static void test_damage_is_cut_and_told(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    fill(&bench.journal, ENTRIES);
    struct fake_file *file = fake_disk_find(&bench.memory, "log");
    size_t whole_len = file->len;
    uint8_t *whole = malloc(whole_len);
    memcpy(whole, file->bytes, whole_len);
    for (size_t at = 0; at < whole_len; at++) {
        fake_file_set(file, span_of(whole, whole_len));
        file->bytes[at] ^= 0x41;
        bench_reopen(&bench);
        assert_true(bench.entries.count < ENTRIES);
        assert_true(bench.journal.size <= at);
        check_entries(&bench.entries, 0, bench.entries.count);
        assert_true(bench.damage.status != OK && strstr(bench.damage.sentence, "octets") != NULL);
        assert_string_equal(bench.damage.place, "log");
    }
    free(whole);
    bench_close(&bench);
}

/* Two entries that change places, and one that is left out: neither passes for a log. */
static void test_order_and_holes_show(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    uint64_t ends[3];
    uint8_t same[] = "the same content, and so the same length";
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(journal_append(&bench.journal, span_of(same, sizeof same)), OK);
        ends[i] = bench.journal.size;
    }
    struct fake_file *file = fake_disk_find(&bench.memory, "log");
    size_t len = (size_t)(ends[2] - ends[1]);
    uint8_t swapped[200];
    memcpy(swapped, file->bytes + ends[0], len);
    memmove(file->bytes + ends[0], file->bytes + ends[1], len);
    memcpy(file->bytes + ends[1], swapped, len);
    bench_reopen(&bench);
    assert_int_equal(bench.entries.count, 1);
    bench_close(&bench);
}

/* For each n and each way, the n-th write fails: what was confirmed is there after a restart, and
 * at most one more. */
static void run_with_fault(uint32_t fault_at, enum fake_fault fault, bool is_for_good)
{
    struct bench bench;
    bench_open(&bench);
    bench.memory.fault_at = fault_at;
    bench.memory.fault = fault;
    bench.memory.is_broken_for_good = is_for_good;
    uint64_t confirmed = 0;
    for (size_t i = 0; i < ENTRIES; i++) {
        uint8_t bytes[64];
        if (i == ENTRIES / 2) {
            (void)!journal_rebase(&bench.journal, LABELS[1], 3, 1000);
        }
        if (journal_append(&bench.journal, content_of(bench.journal.next, bytes)) == OK) {
            confirmed = bench.journal.next;
        }
    }
    bench.memory.fault_at = 0;
    bench_reopen(&bench);
    uint64_t next = bench.journal.next;
    assert_true(next == confirmed || next == confirmed + 1);
    check_entries(&bench.entries, bench.journal.first, (size_t)(next - bench.journal.first));
    fill(&bench.journal, bench.journal.is_written ? 1 : 0);
    bench_close(&bench);
}

static void test_every_single_fault(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < ENTRIES + 4; at++) {
        for (int fault = FAKE_FAULT_NOTHING; fault <= FAKE_FAULT_ALL; fault++) {
            run_with_fault(at, (enum fake_fault)fault, false);
            run_with_fault(at, (enum fake_fault)fault, true);
        }
    }
}

static void test_rebase_keeps_the_newest(void **state)
{
    (void)state;
    static const struct {
        size_t count_max, len_max, kept;
        const char *why;
    } rows[] = {
        {3, 1000, 3, "as many as were asked for"},
        {100, 100000, ENTRIES, "all, where there is room"},
        {0, 1000, 0, "none"},
        {100, 60, 1,
         "no more octets than were asked for: the last has 13, the one before 6 and "
         "each 28 beside"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct bench bench;
        bench_open(&bench);
        fill(&bench.journal, ENTRIES);
        assert_int_equal(
            journal_rebase(&bench.journal, LABELS[1], rows[i].count_max, rows[i].len_max), OK);
        fill(&bench.journal, 2);
        bench_reopen(&bench);
        if (bench.entries.count != rows[i].kept + 2) {
            fail_msg("%s: %zu entries are kept", rows[i].why, bench.entries.count - 2);
        }
        check_entries(&bench.entries, ENTRIES - rows[i].kept, rows[i].kept + 2);
        assert_int_equal(bench.journal.base_sequence, ENTRIES);
        assert_memory_equal(bench.journal.label, LABELS[1], JOURNAL_LABEL_LEN);
        bench_close(&bench);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    uint8_t *large = calloc(1, JOURNAL_ENTRY_LEN_MAX + 1);
    assert_int_equal(journal_append(&bench.journal, span_of(large, JOURNAL_ENTRY_LEN_MAX + 1)),
                     LIMIT_REACHED);
    bench.journal.size = JOURNAL_SIZE_MAX - 100;
    bench.journal.is_written = true;
    assert_int_equal(journal_append(&bench.journal, span_of(large, 73)), LIMIT_REACHED);
    free(large);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_come_back),
        cmocka_unit_test(test_a_kill_at_any_octet),
        cmocka_unit_test(test_damage_is_cut_and_told),
        cmocka_unit_test(test_order_and_holes_show),
        cmocka_unit_test(test_every_single_fault),
        cmocka_unit_test(test_rebase_keeps_the_newest),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
