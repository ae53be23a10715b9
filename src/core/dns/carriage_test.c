/* How long HTTP may keep an answer, and which queries QUIC does not carry. */
#include "core/base/text.h"
#include "core/dns/carriage.h"
#include "core/dns/message.h"
#include "core/dns/rdata.h"
#include "core/dns/rdata_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGE_SIZE = 512, RECORDS_MAX = 3 };

struct stated {
    uint16_t type;
    uint32_t ttl_s;
    const char *text;
    enum section section;
};

static void add(struct message_writer *writer, const struct stated *stated)
{
    uint8_t bytes[2 + 256];
    struct problem problem = {0};
    struct writer rdata = writer_over(bytes + 2, sizeof bytes - 2);
    assert_int_equal(
        rdata_parse_text(stated->type, span_of_text(stated->text), &NAME_ROOT, &rdata, &problem),
        OK);
    struct rrset rrset = {.owner = NAME_ROOT,
                          .type = stated->type,
                          .class_ = CLASS_IN,
                          .ttl_s = stated->ttl_s,
                          .count = 1};
    assert_int_equal(message_add_record(writer, stated->section, &rrset, writer_written(&rdata)),
                     OK);
}

#define SOA(ttl, minimum)                                                                          \
    {                                                                                              \
        TYPE_SOA, ttl, "a. b. 1 2 3 4 " minimum, SECTION_AUTHORITY                                 \
    }
#define ADDRESS(ttl)                                                                               \
    {                                                                                              \
        TYPE_A, ttl, "192.0.2.1", SECTION_ANSWER                                                   \
    }

static void an_answer_is_as_fresh_as_its_records(void **state)
{
    (void)state;
    static const struct {
        uint16_t flags, rcode;
        struct stated records[RECORDS_MAX];
        uint32_t lifetime_s;
        const char *why;
    } ROWS[] = {
        {FLAG_QR, RCODE_NOERROR, {ADDRESS(300), ADDRESS(60), ADDRESS(600)}, 60, "the smallest"},
        {FLAG_QR, RCODE_NOERROR, {ADDRESS(0), ADDRESS(60)}, 0, "a TTL of 0 counts"},
        {FLAG_QR, RCODE_NOERROR, {ADDRESS(300), SOA(10, "10")}, 300, "its authority does not"},
        {FLAG_QR, RCODE_NOERROR, {SOA(900, "30")}, 30, "NODATA: RFC 2308 §5, the minimum"},
        {FLAG_QR, RCODE_NXDOMAIN, {SOA(20, "3600")}, 20, "NXDOMAIN: the TTL where it is less"},
        {FLAG_QR, RCODE_NXDOMAIN, {ADDRESS(50), SOA(20, "20")}, 20, "behind an alias: the less"},
        {FLAG_QR, RCODE_NOERROR, {{TYPE_NS, 500, "a.", SECTION_AUTHORITY}}, 0, "a referral"},
        {FLAG_QR, RCODE_SERVFAIL, {ADDRESS(300)}, 0, "a failure"},
        {FLAG_QR | FLAG_TC, RCODE_NOERROR, {ADDRESS(300)}, 0, "a part of an answer"},
        {0, RCODE_NOERROR, {ADDRESS(300)}, 0, "a question"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t bytes[MESSAGE_SIZE];
        struct message_writer writer;
        message_begin(&writer, bytes, sizeof bytes, 0, ROWS[i].flags, OPCODE_QUERY, ROWS[i].rcode);
        message_add_question(&writer, (struct question){NAME_ROOT, TYPE_A, CLASS_IN});
        for (size_t at = 0; at < RECORDS_MAX && ROWS[i].records[at].text != NULL; at++) {
            add(&writer, &ROWS[i].records[at]);
        }
        uint32_t lifetime_s = carriage_lifetime_s(message_end(&writer));
        if (lifetime_s != ROWS[i].lifetime_s) {
            fail_msg("%s: %u, not %u", ROWS[i].why, lifetime_s, ROWS[i].lifetime_s);
        }
    }
    assert_int_equal(carriage_lifetime_s(SPAN_LITERAL("no message")), 0);
}

static void quic_carries_no_id_and_no_keepalive(void **state)
{
    (void)state;
    static const struct {
        uint16_t id, flags;
        const char *options;
        size_t options_len;
        bool is_fit;
        const char *why;
    } ROWS[] = {
        {0, 0, "", 0, true, "plain"},
        {1, 0, "", 0, false, "RFC 9250 §4.2.1: an ID"},
        {0, FLAG_QR, "", 0, false, "an answer is no query"},
        {0, 0, "\0\x0b\0\0", 4, false, "RFC 9250 §5.5.2: edns-tcp-keepalive"},
        {0, 0, "\0\x0c\0\1\0", 5, true, "padding"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t bytes[MESSAGE_SIZE];
        struct message_writer writer;
        message_begin(&writer, bytes, sizeof bytes, ROWS[i].id, ROWS[i].flags, OPCODE_QUERY, 0);
        message_add_question(&writer, (struct question){NAME_ROOT, TYPE_A, CLASS_IN});
        message_keep(&writer, 11 + ROWS[i].options_len);
        struct edns edns = {.udp_size = 1232,
                            .options = span_of(ROWS[i].options, ROWS[i].options_len)};
        message_add_edns(&writer, &edns, 0);
        if (carriage_is_fit_for_quic(message_end(&writer)) != ROWS[i].is_fit) {
            fail_msg("%s", ROWS[i].why);
        }
    }
    assert_true(carriage_is_fit_for_quic(SPAN_LITERAL("\0\0\0\0\xff\0\0\0\0\0\0\0")));
    assert_false(carriage_is_fit_for_quic(SPAN_LITERAL("\0\0\0\0\0\0\0\0\0\0\0")));
    assert_false(carriage_is_fit_for_quic(SPAN_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_as_fresh_as_its_records),
        cmocka_unit_test(quic_carries_no_id_and_no_keepalive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
