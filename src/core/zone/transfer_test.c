/* Transfers: random versions there and back, and what a broken or hostile primary may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"

enum { ID = 4711, MESSAGE_SIZE = 4096 };

static bool zones_equal(const struct zone *a, const struct zone *b)
{
    uint8_t left[DIGEST_LEN_MAX], right[DIGEST_LEN_MAX];
    size_t len = 0;
    assert_int_equal(zone_digest(a, 1, left, &len), OK);
    assert_int_equal(zone_digest(b, 1, right, &len), OK);
    return zone_record_count(a) == zone_record_count(b) && memcmp(left, right, len) == 0;
}

static struct zone *random_version(const struct zone *from, uint32_t serial, uint64_t *random)
{
    struct zone_builder *builder = test_change("example.", from);
    if (from != NULL) {
        assert_int_equal(
            zone_build_remove(builder, zone_apex(from), TYPE_SOA, rrset_only(zone_soa(from))), OK);
    }
    char line[200];
    snprintf(line, sizeof line, "example. SOA ns.example. root.example. %u 3600 900 604800 300",
             serial);
    test_add(builder, line);
    test_add(builder, "example. NS ns.example.");
    size_t changes = test_random(random) % 200;
    for (size_t i = 0; i < changes; i++) {
        struct test_record record;
        snprintf(line, sizeof line, "n%u.example. A 192.0.2.%u", test_random(random) % 300,
                 test_random(random) % 3);
        test_record_read(line, &record);
        enum status status =
            test_random(random) % 2
                ? zone_build_remove(builder, record.owner, record.type, record.rdata)
                : zone_build_add(builder, record.owner, record.type,
                                 test_random(random) % 8 ? 3600 : 60, record.rdata);
        assert_true(status == OK || status == NOT_FOUND);
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

/* A whole transfer; returns the new version, or NULL when the held one is up to date. */
static struct zone *transfer(struct zone *const *history, size_t count, uint16_t type,
                             const struct zone *held)
{
    struct transfer_out *out;
    struct transfer_in *in;
    struct question question = {zone_apex(history[0]), type, CLASS_IN};
    uint32_t serial = held == NULL ? 0 : zone_serial(held);
    assert_int_equal(transfer_out_open(history, count, type, serial, question, ID, &out), OK);
    assert_int_equal(transfer_in_open(question.name, held, &in), OK);
    enum transfer_state state = TRANSFER_MORE;
    uint8_t bytes[MESSAGE_SIZE];
    struct problem problem = {0};
    for (;;) {
        struct span message = transfer_out_next(out, bytes, sizeof bytes);
        if (message.len == 0) {
            break;
        }
        assert_int_equal(state, TRANSFER_MORE);
        state = transfer_in_add(in, message, &problem);
        if (state == TRANSFER_FAILED) {
            fail_msg("%s", problem.sentence);
        }
    }
    assert_true(state == TRANSFER_DONE || state == TRANSFER_UP_TO_DATE);
    struct zone *zone = state == TRANSFER_DONE ? transfer_in_finish(in) : NULL;
    transfer_out_close(out);
    transfer_in_close(in);
    return zone;
}

static void test_random_versions_arrive_as_they_are(void **state)
{
    (void)state;
    enum { VERSIONS = 12 };
    uint64_t seed = 99;
    print_message("seed %llu\n", (unsigned long long)seed);
    uint64_t random = seed;
    struct zone *history[VERSIONS];
    for (uint32_t i = 0; i < VERSIONS; i++) {
        /* Across the end of the serial numbers (RFC 1982). */
        history[i] = random_version(i == 0 ? NULL : history[i - 1], 4294967290U + i, &random);
    }
    const struct zone *current = history[VERSIONS - 1];
    struct zone *whole = transfer(history, VERSIONS, TYPE_AXFR, NULL);
    assert_true(zones_equal(whole, current));
    zone_release(whole);
    for (size_t i = 0; i < VERSIONS - 1; i++) {
        struct zone *next = transfer(history, VERSIONS, TYPE_IXFR, history[i]);
        assert_true(zones_equal(next, current));
        zone_release(next);
    }
    assert_null(transfer(history, VERSIONS, TYPE_IXFR, current));
    struct zone *all = transfer(history + 5, VERSIONS - 5, TYPE_IXFR, history[0]);
    assert_true(zones_equal(all, current)); /* forgotten: the whole zone instead */
    zone_release(all);
    for (size_t i = 0; i < VERSIONS; i++) {
        zone_release(history[i]);
    }
}

#define SOA(serial) "example. SOA ns.example. root.example. " serial " 3600 900 604800 300"

struct fault_row {
    const char *lines[10]; /* in order; "--" begins a new message */
    bool is_incremental;   /* asked by IXFR from serial 7 */
    enum transfer_state expected;
    const char *sentence; /* of a failure */
};

static const struct fault_row rows[] = {
    {{SOA("8"), "example. NS ns.test.", SOA("8")}, false, TRANSFER_DONE, ""},
    {{SOA("8"), "--", "example. NS ns.test.", "--", SOA("8")}, false, TRANSFER_DONE, ""},
    {{SOA("8"), SOA("7"), "old.example. A 192.0.2.1", SOA("8"), "new.example. A 192.0.2.2",
      SOA("8")},
     true,
     TRANSFER_DONE,
     ""},
    {{SOA("9"), SOA("7"), SOA("8"), SOA("8"), SOA("9"), SOA("9")}, true, TRANSFER_DONE, ""},
    {{SOA("7")}, true, TRANSFER_UP_TO_DATE, ""},
    {{SOA("6")}, true, TRANSFER_UP_TO_DATE, ""},
    {{SOA("8")}, true, TRANSFER_MORE, ""},
    {{SOA("8"), "example. NS ns.test."}, false, TRANSFER_MORE, ""},
    {{"example. NS ns.test.", SOA("8")}, false, TRANSFER_FAILED, "begins with the zone's SOA"},
    {{SOA("8"), "example. NS ns.test.", SOA("9")}, false, TRANSFER_FAILED, "another version"},
    {{SOA("8"), "example. NS ns.test.", SOA("8"), "example. NS ns.test."},
     false,
     TRANSFER_FAILED,
     "behind the closing SOA"},
    {{SOA("8"), "other.test. A 192.0.2.1", SOA("8")}, false, TRANSFER_FAILED, "not in the zone"},
    {{SOA("8"), "a.example. SOA a. b. 1 1 1 1 1", SOA("8")},
     false,
     TRANSFER_FAILED,
     "SOA below the apex"},
    {{SOA("8"), SOA("7"), "gone.example. A 192.0.2.1", SOA("8"), SOA("8")},
     true,
     TRANSFER_FAILED,
     "has no such record"},
    {{SOA("8"), SOA("7"), SOA("8"), "old.example. A 192.0.2.1", SOA("8")},
     true,
     TRANSFER_FAILED,
     "has it already"},
    {{SOA("8"), SOA("7"), "old.example. A 192.0.2.1", SOA("8"), "old.example. A 192.0.2.1",
      SOA("8")},
     true,
     TRANSFER_DONE,
     ""},
    {{SOA("9"), SOA("7"), SOA("8"), "new.example. A 192.0.2.1", SOA("8"), SOA("9"),
      "new.example. A 192.0.2.1", SOA("9")},
     true,
     TRANSFER_FAILED,
     "has it already"},
    {{SOA("8"), SOA("6"), SOA("8"), SOA("8")}, true, TRANSFER_FAILED, "does not begin where"},
    {{SOA("9"), SOA("7"), SOA("6"), SOA("6"), SOA("9"), SOA("9")},
     true,
     TRANSFER_FAILED,
     "out of order"},
    {{SOA("9"), SOA("7"), SOA("7"), SOA("7"), SOA("9"), SOA("9")},
     true,
     TRANSFER_FAILED,
     "out of order"},
    {{SOA("9"), SOA("7"), SOA("10"), SOA("9")}, true, TRANSFER_FAILED, "out of order"},
    {{SOA("9"), SOA("7"), SOA("8"), SOA("9")}, true, TRANSFER_FAILED, "does not begin where"},
    {{SOA("6"), "example. NS ns.test.", SOA("6")}, true, TRANSFER_FAILED, "nothing newer"},
    {{"--"}, false, TRANSFER_FAILED, "without records"},
};

static struct span finish_message(struct message_writer *writer)
{
    struct span message = message_end(writer);
    assert_true(message.len > 0);
    return message;
}

static enum transfer_state play(const struct fault_row *row, struct transfer_in *in,
                                struct problem *problem)
{
    uint8_t bytes[MESSAGE_SIZE];
    struct message_writer writer;
    enum transfer_state state = TRANSFER_MORE;
    message_begin(&writer, bytes, sizeof bytes, ID, FLAG_QR | FLAG_AA, OPCODE_QUERY, 0);
    for (size_t i = 0; i < LEN(row->lines) && row->lines[i] != NULL; i++) {
        if (strcmp(row->lines[i], "--") == 0) {
            state = transfer_in_add(in, finish_message(&writer), problem);
            message_begin(&writer, bytes, sizeof bytes, ID, FLAG_QR | FLAG_AA, OPCODE_QUERY, 0);
            continue;
        }
        struct test_record record;
        test_record_read(row->lines[i], &record);
        struct rrset rrset = {.owner = record.owner,
                              .type = record.type,
                              .class_ = CLASS_IN,
                              .ttl_s = 3600,
                              .count = 1};
        assert_int_equal(message_add_record(&writer, SECTION_ANSWER, &rrset, record.rdata), OK);
    }
    return state == TRANSFER_MORE ? transfer_in_add(in, finish_message(&writer), problem) : state;
}

static void test_each_broken_transfer_is_refused(void **state)
{
    (void)state;
    static const char *const held_lines[] = {SOA("7"), "example. NS ns.test.",
                                             "old.example. A 192.0.2.1"};
    struct zone *held = test_zone("example.", held_lines, LEN(held_lines));
    for (size_t i = 0; i < LEN(rows); i++) {
        struct transfer_in *in;
        struct problem problem = {0};
        assert_int_equal(
            transfer_in_open(zone_apex(held), rows[i].is_incremental ? held : NULL, &in), OK);
        enum transfer_state got = play(&rows[i], in, &problem);
        if (got != rows[i].expected || strstr(problem.sentence, rows[i].sentence) == NULL) {
            fail_msg("row %zu: state %d, sentence %s", i, got, problem.sentence);
        }
        if (got == TRANSFER_DONE) {
            struct zone *zone = transfer_in_finish(in);
            assert_int_equal(zone_serial(zone), transfer_in_serial(in));
            zone_release(zone);
        }
        if (got == TRANSFER_FAILED) { /* and stays so */
            assert_int_equal(play(&rows[0], in, NULL), TRANSFER_FAILED);
        }
        transfer_in_close(in);
    }
    assert_int_equal(zone_record_count(held), LEN(held_lines));
    zone_release(held);
}

/* A message that repeats the question repeats ours (RFC 5936 §2.2.1). */
static void test_the_question_is_ours(void **state)
{
    (void)state;
    static const char *const lines[] = {SOA("7"), "example. NS ns.test."};
    struct zone *version = test_zone("example.", lines, LEN(lines));
    const struct question questions[] = {{zone_apex(version), TYPE_AXFR, CLASS_IN},
                                         {zone_apex(version), TYPE_IXFR, CLASS_IN},
                                         {zone_apex(version), TYPE_AXFR, CLASS_CH},
                                         {NAME_ROOT, TYPE_AXFR, CLASS_IN}};
    for (size_t i = 0; i < LEN(questions); i++) {
        struct transfer_out *out;
        struct transfer_in *in;
        struct problem problem = {0};
        uint8_t bytes[MESSAGE_SIZE];
        assert_int_equal(transfer_out_open(&version, 1, TYPE_AXFR, 0, questions[i], ID, &out), OK);
        assert_int_equal(transfer_in_open(zone_apex(version), NULL, &in), OK);
        enum transfer_state got =
            transfer_in_add(in, transfer_out_next(out, bytes, sizeof bytes), &problem);
        assert_int_equal(got, i == 0 ? TRANSFER_DONE : TRANSFER_FAILED);
        transfer_out_close(out);
        transfer_in_close(in);
    }
    zone_release(version);
}

static void test_serial_arithmetic(void **state)
{
    (void)state;
    assert_true(serial_is_newer(1, 0));
    assert_true(serial_is_newer(0, 4294967295U));
    assert_false(serial_is_newer(5, 5));
    assert_false(serial_is_newer(4, 5));
    assert_false(serial_is_newer(0x80000000U, 0)); /* undefined: taken as not newer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_versions_arrive_as_they_are),
        cmocka_unit_test(test_each_broken_transfer_is_refused),
        cmocka_unit_test(test_the_question_is_ours),
        cmocka_unit_test(test_serial_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
