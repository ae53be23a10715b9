/* Messages: what is taken apart must be what was put together, each fault of a hostile sender is
 * refused, and the work it can cause is bounded. */
#include "core/base/text.h"
#include "core/dns/message.h"
#include "core/dns/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct name parsed(const char *text, struct name_buffer *buffer)
{
    struct name name;
    assert_int_equal(name_parse(span_of_text(text), &NAME_ROOT, buffer, &name, NULL), OK);
    return name;
}

static struct rrset made(struct arena *arena, const char *owner, uint16_t type,
                         const char *const *texts)
{
    struct name_buffer buffer;
    struct rrset_builder builder;
    struct rrset rrset;
    rrset_begin(&builder, arena, parsed(owner, &buffer), type, 300);
    for (; *texts != NULL; texts++) {
        uint8_t bytes[600];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        struct problem problem = {0};
        assert_int_equal(rdata_parse_text(type, span_of_text(*texts), &NAME_ROOT, &rdata, &problem),
                         OK);
        rrset_add(&builder, writer_written(&rdata));
    }
    assert_int_equal(rrset_finish(&builder, &rrset), OK);
    return rrset;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct rrset answer =
        made(&arena, "www.example.", TYPE_CNAME, (const char *[]){"a.example.", NULL});
    struct rrset authority = made(&arena, "example.", TYPE_NS,
                                  (const char *[]){"ns1.example.", "ns2.sub.example.", NULL});
    struct rrset glue =
        made(&arena, "NS1.example.", TYPE_A, (const char *[]){"192.0.2.1", "192.0.2.2", NULL});
    uint8_t bytes[1232];
    struct message_writer writer;
    struct name_buffer buffer;
    struct question question = {parsed("www.example.", &buffer), TYPE_A, CLASS_IN};
    message_begin(&writer, bytes, sizeof bytes, 0x1234, FLAG_QR | FLAG_AA, OPCODE_QUERY, 0);
    message_add_question(&writer, question);
    message_keep(&writer, 11 + 8);
    assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, &answer), OK);
    assert_int_equal(message_add_rrset(&writer, SECTION_AUTHORITY, &authority), OK);
    assert_int_equal(message_add_rrset(&writer, SECTION_ADDITIONAL, &glue), OK);
    uint8_t option_bytes[8];
    struct writer options = writer_over(option_bytes, sizeof option_bytes);
    edns_add_ede(&options, 18, SPAN_LITERAL("no"));
    struct edns edns = {
        .wants_dnssec = true, .udp_size = 1232, .options = writer_written(&options)};
    message_add_edns(&writer, &edns, RCODE_BADVERS);
    struct span wire = message_end(&writer);
    /* Header 12, question 17, CNAME 2+10+4, NS 2+10+6 and 2+10+10, A 2+10+4 twice, OPT 19. */
    assert_int_equal(wire.len, 12 + 17 + 16 + 18 + 22 + 2 * 16 + 19);

    struct message message;
    assert_int_equal(message_read(wire, &arena, &message), OK);
    assert_int_equal(message.id, 0x1234);
    assert_int_equal(message.flags, FLAG_QR | FLAG_AA);
    assert_int_equal(message.rcode, RCODE_BADVERS);
    assert_true(message.edns.wants_dnssec);
    struct span ede;
    assert_true(edns_find(&message.edns, EDNS_OPTION_EDE, &ede));
    assert_int_equal(ede.len, 4);
    assert_false(edns_find(&message.edns, EDNS_OPTION_NSID, &ede));
    assert_int_equal(message.sections[SECTION_ANSWER].count, 1);
    assert_true(rrset_equal(&message.sections[SECTION_ANSWER].rrsets[0], &answer));
    assert_true(rrset_equal(&message.sections[SECTION_AUTHORITY].rrsets[0], &authority));
    assert_true(rrset_equal(&message.sections[SECTION_ADDITIONAL].rrsets[0], &glue));
    arena_close(&arena);
}

/* Whatever is in it, and with room for a TSIG behind it, a padded message fills whole blocks, or
 * all there is. */
static void test_padding(void **state)
{
    (void)state;
    static const struct {
        size_t size, kept_more, text_len;
        size_t wanted;
        const char *why;
    } rows[] = {
        {4096, 0, 0, 468, "the smallest"},
        {4096, 0, 432, 468, "one octet more would need another block"},
        {4096, 0, 433, 936, "that octet"},
        {4096, 100, 0, 368, "a TSIG of 100 octets makes it a whole block"},
        {300, 0, 0, 300, "a message cannot be larger than it may be"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[4096];
        uint8_t option_bytes[512] = {0, 10, (uint8_t)(rows[i].text_len >> 8),
                                     (uint8_t)rows[i].text_len};
        struct edns edns = {.udp_size = 1232,
                            .padding_block = EDNS_PADDING_BLOCK_RESPONSE,
                            .options = span_of(option_bytes, 4 + rows[i].text_len)};
        struct message_writer writer;
        message_begin(&writer, bytes, rows[i].size, 1, FLAG_QR, OPCODE_QUERY, RCODE_NOERROR);
        message_add_question(&writer, (struct question){NAME_ROOT, TYPE_NS, CLASS_IN});
        if (rows[i].size == sizeof bytes) {
            message_keep(&writer, 11 + edns.options.len + EDNS_PADDING_ROOM + rows[i].kept_more);
        }
        message_add_edns(&writer, &edns, RCODE_NOERROR);
        struct span wire = message_end(&writer);
        if (wire.len != rows[i].wanted) {
            fail_msg("%s: %zu octets, not %zu", rows[i].why, wire.len, rows[i].wanted);
        }
        struct message message;
        struct name_buffer buffer;
        assert_int_equal(message_read_query(wire, &buffer, &message), OK);
    }
}

static void test_no_space_takes_back(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct rrset big =
        made(&arena, "a.b.c.example.", TYPE_NS, (const char *[]){"n1.x.test.", "n2.y.test.", NULL});
    struct rrset small = made(&arena, "y.test.", TYPE_A, (const char *[]){"192.0.2.1", NULL});
    uint8_t bytes[100];
    struct message_writer writer;
    struct name_buffer buffer;
    struct question question = {parsed("example.", &buffer), TYPE_NS, CLASS_IN};
    message_begin(&writer, bytes, 72, 1, FLAG_QR, OPCODE_QUERY, 0);
    message_add_question(&writer, question);
    assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, &big), NO_SPACE);
    assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, &small), OK);
    struct message message;
    assert_int_equal(message_read(message_end(&writer), &arena, &message), OK);
    assert_true(rrset_equal(&message.sections[SECTION_ANSWER].rrsets[0], &small));
    arena_close(&arena);
}

/* Transfers keep the case of each name; answers may not care (RFC 5936 §3.4). */
static void test_case(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct rrset rrset = made(&arena, "WWW.Example.", TYPE_A, (const char *[]){"192.0.2.1", NULL});
    for (int keeps_case = 0; keeps_case < 2; keeps_case++) {
        uint8_t bytes[200];
        struct message_writer writer;
        struct name_buffer buffer;
        struct question question = {parsed("www.example.", &buffer), TYPE_A, CLASS_IN};
        message_begin(&writer, bytes, sizeof bytes, 1, FLAG_QR, OPCODE_QUERY, 0);
        writer.keeps_case = keeps_case != 0;
        message_add_question(&writer, question);
        assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, &rrset), OK);
        struct message message;
        assert_int_equal(message_read(message_end(&writer), &arena, &message), OK);
        struct name owner = message.sections[SECTION_ANSWER].rrsets[0].owner;
        assert_int_equal(span_equal(name_span(owner), name_span(rrset.owner)), keeps_case);
    }
    arena_close(&arena);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *hex;
        enum status status;
    } rows[] = {
        {"an empty header is a message", "000100000000000000000000", OK},
        {"a header cut short", "0001000000000000000000", MALFORMED},
        {"a question",
         "00010000000100000000000000"
         "00010001",
         OK},
        {"data behind the end", "0001000000010000000000000000010001ff", MALFORMED},
        {"more questions counted than there are", "0001000000020000000000000000010001", MALFORMED},
        {"more records counted than fit", "000100000000ffffffffffff", MALFORMED},
        {"a record whose rdata is cut", "00010000000000010000000000000100010000000000040102ff",
         MALFORMED},
        {"an A of five octets", "000100000000000100000000000001000100000000000501020304ff",
         MALFORMED},
        {"an owner that points forward", "000100000000000100000000c00e00010001000000000004c0000201",
         MALFORMED},
        {"an owner that points at itself",
         "000100000000000100000000c00c00010001000000000004c0000201", MALFORMED},
        {"OPT in additional", "00010000000000000000000100002904d000000000000000", MALFORMED},
        {"OPT whole", "00010000000000000000000100002904d0000000000000", OK},
        {"OPT not at the root",
         "0001000000000000000000010161"
         "00002904d0000000000000",
         MALFORMED},
        {"OPT in answer", "00010000000000010000000000002904d0000000000000", MALFORMED},
        {"two OPT", "00010000000000000000000200002904d000000000000000002904d0000000000000",
         MALFORMED},
        {"an option longer than OPT", "00010000000000000000000100002904d0000000000004000a0008",
         MALFORMED},
        {"TSIG that is not last",
         "0001000000000000000000020000fa00ff0000000000000000002904d0000000000000", MALFORMED},
        {"TSIG of class IN", "0001000000000000000000010000fa0001000000000000", MALFORMED},
        {"TSIG with a TTL", "0001000000000000000000010000fa00ff000000010000", MALFORMED},
        {"TSIG in authority", "0001000000000000000100000000fa00ff000000000000", MALFORMED},
        {"an empty RRset of class ANY, as in UPDATE",
         "000128000000000100000000000001"
         "00ff000000000000",
         OK},
        {"an empty A of class IN",
         "000100000000000100000000000001"
         "0001000000000000",
         MALFORMED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[256];
        struct writer wire = writer_over(bytes, sizeof bytes);
        char upper[520];
        size_t len = strlen(rows[i].hex);
        for (size_t j = 0; j <= len; j++) {
            char c = rows[i].hex[j];
            upper[j] = c >= 'a' && c <= 'f' ? (char)(c - 32) : c;
        }
        assert_int_equal(text_read_base16(span_of_text(upper), &wire), OK);
        struct arena arena;
        struct message message;
        struct name_buffer buffer;
        arena_open(&arena, 1 << 20);
        enum status status = message_read(writer_written(&wire), &arena, &message);
        if (status != rows[i].status) {
            fail_msg("%s: %s", rows[i].why, status_text(status));
        }
        if (status == OK) { /* what servers read is no stricter */
            assert_int_equal(message_read_query(writer_written(&wire), &buffer, &message), OK);
        }
        arena_close(&arena);
    }
}

/* What the header and the question said is known even of a broken message. */
static void test_failure_keeps_question(void **state)
{
    (void)state;
    uint8_t bytes[600];
    struct name_buffer buffer;
    struct question question = {parsed("www.example.", &buffer), TYPE_A, CLASS_IN};
    size_t len = message_make_query(bytes, sizeof bytes, 77, FLAG_RD, question, true, 1232).len;
    struct message message;
    struct name_buffer read;
    assert_int_equal(message_read_query(span_of(bytes, len - 1), &read, &message), MALFORMED);
    assert_int_equal(message.id, 77);
    assert_int_equal(message.flags, FLAG_RD);
    assert_true(name_equal(message.question.name, question.name));
    assert_int_equal(message.question.type, TYPE_A);
}

static void test_answers(void **state)
{
    (void)state;
    struct name_buffer buffers[2];
    struct question question = {parsed("WwW.example.", &buffers[0]), TYPE_A, CLASS_IN};
    struct message good = {.id = 5, .flags = FLAG_QR, .question_count = 1, .question = question};
    assert_true(message_answers(&good, 5, question, true));
    struct message other = good;
    other.question.name = parsed("www.example.", &buffers[1]);
    assert_true(message_answers(&other, 5, question, false));
    assert_false(message_answers(&other, 5, question, true));
    assert_false(message_answers(&good, 6, question, true));
    other = good;
    other.flags = 0;
    assert_false(message_answers(&other, 5, question, true));
    other = good;
    other.question.type = TYPE_AAAA;
    assert_false(message_answers(&other, 5, question, true));
    other = good;
    other.question_count = 0;
    assert_false(message_answers(&other, 5, question, true));
}

/* 64 kB of different names, and of records of one RRset spread among others: gathered in one pass.
 * Quadratic work would take minutes here. */
static void test_large(void **state)
{
    (void)state;
    static uint8_t bytes[MESSAGE_LEN_MAX];
    struct writer wire = writer_over(bytes, sizeof bytes);
    writer_u64(&wire, 0x0001800000000000); /* id, QR, no question; answers are patched */
    writer_u32(&wire, 0);
    uint16_t count = 0;
    for (; writer_left(&wire) >= 40; count++) {
        if (count % 2 == 0) {
            writer_u8(&wire, 0);
        } else {
            writer_print(&wire, "%c%04x", 4, count);
            writer_u8(&wire, 0);
        }
        writer_u16(&wire, TYPE_A);
        writer_u16(&wire, CLASS_IN);
        writer_u32(&wire, 60);
        writer_u16(&wire, 4);
        writer_u32(&wire, count);
    }
    writer_patch_u16(&wire, 6, count);
    struct arena arena;
    struct message message;
    arena_open(&arena, 4 << 20);
    clock_t start = clock();
    assert_int_equal(message_read(writer_written(&wire), &arena, &message), OK);
    assert_true(clock() - start < CLOCKS_PER_SEC);
    assert_int_equal(message.sections[SECTION_ANSWER].count, 1 + count / 2);
    assert_int_equal(message.sections[SECTION_ANSWER].rrsets[0].count, (count + 1) / 2);
    arena_close(&arena);
}

static enum status count_record(void *user, const struct rrset *record)
{
    size_t *count = user;
    assert_int_equal(record->count, 1);
    ++*count;
    return *count == 3 ? LIMIT_REACHED : OK;
}

static void test_walk(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct rrset rrset =
        made(&arena, "a.example.", TYPE_A, (const char *[]){"192.0.2.1", "192.0.2.2", NULL});
    for (int times = 1; times <= 2; times++) {
        uint8_t bytes[300];
        struct message_writer writer;
        size_t count = 0;
        message_begin(&writer, bytes, sizeof bytes, 1, FLAG_QR, OPCODE_QUERY, 0);
        for (int i = 0; i < times; i++) {
            assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, &rrset), OK);
        }
        enum status status = message_walk_answers(message_end(&writer), count_record, &count);
        assert_int_equal(status, times == 1 ? OK : LIMIT_REACHED);
        assert_int_equal(count, times == 1 ? 2 : 3);
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_no_space_takes_back),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_failure_keeps_question),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
