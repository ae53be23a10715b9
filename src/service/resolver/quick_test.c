/* The short way gives octet for octet what the careful way gives, or leaves the question. */
#include "service/resolver/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "service/resolver/fake_world.h"

enum { SIZE = 1232 };

static struct fake_world world;

struct row {
    const char *name;
    uint16_t type;
    uint16_t flags;
    bool wants_dnssec;
    uint16_t udp_size; /* 0: no EDNS */
    bool is_answered;  /* by the short way, once the careful way has */
    const char *why;
};

static const struct row rows[] = {
    {"www.example.com.", TYPE_A, FLAG_RD, true, 1232, true, "secure data"},
    {"WWW.Example.COM.", TYPE_A, FLAG_RD, true, 1232, true, "the case of the question is kept"},
    {"www.example.com.", TYPE_A, FLAG_RD, false, 0, true, "without EDNS"},
    {"www.example.com.", TYPE_A, FLAG_RD | FLAG_AD, false, 1232, true, "AD without DO"},
    {"www.example.com.", TYPE_A, FLAG_RD | FLAG_CD, true, 1232, true, "CD: no AD"},
    {"www.example.com.", TYPE_A, 0, true, 1232, false, "without RD it is refused"},
    {"www.example.com.", TYPE_ANY, FLAG_RD, true, 1232, false, "ANY"},
    {"www.example.com.", TYPE_MX, FLAG_RD, true, 1232, true, "no such type"},
    {"www.example.com.", TYPE_MX, FLAG_RD, false, 1232, true, "no such type, no proofs wanted"},
    {"missing.example.com.", TYPE_A, FLAG_RD, true, 1232, true, "no such name"},
    {"missing.example.com.", TYPE_TXT, FLAG_RD, true, 1232, true, "nor with another type"},
    {"missing.example.com.", TYPE_DS, FLAG_RD, true, 1232, true, "a DS is denied by itself"},
    {"a.wild.example.com.", TYPE_A, FLAG_RD, true, 1232, true, "a wildcard with its proof"},
    {"here.example.com.", TYPE_A, FLAG_RD, true, 1232, true, "an alias"},
    {"here.example.com.", TYPE_CNAME, FLAG_RD, true, 1232, true, "the alias itself"},
    {"there.example.com.", TYPE_A, FLAG_RD, true, 1232, true, "an alias to an insecure zone"},
    {"nowhere.example.com.", TYPE_A, FLAG_RD, true, 1232, true, "an alias to no name"},
    {"www.moved.example.com.", TYPE_A, FLAG_RD, true, 1232, false, "a DNAME is the careful way's"},
    {"root-key-sentinel-is-ta-00001.wild.example.com.", TYPE_A, FLAG_RD, true, 1232, false,
     "of a sentinel the careful way knows more"},
    {"zero.example.com.", TYPE_A, FLAG_RD, true, 1232, false, "a TTL of 0 is not kept"},
    {"example.com.", TYPE_DNSKEY, FLAG_RD, true, 512, true, "truncated"},
};

static struct span query_make(const struct row *row, uint8_t bytes[SIZE])
{
    struct name_buffer buffer;
    struct question question = {.type = row->type, .class_ = CLASS_IN};
    assert_int_equal(name_parse(span_of_text(row->name), NULL, &buffer, &question.name, NULL), OK);
    return message_make_query(bytes, SIZE, 0x1234, row->flags, question, row->wants_dnssec,
                              row->udp_size);
}

/* What the careful way replies at once; empty when it asks others first. */
static struct span answer_carefully(struct span query, struct outbox *outbox)
{
    struct event event = {
        .kind = EVENT_QUERY,
        .now = world.net.now,
        .query = {.channel = 1, .peer = fake_address("192.0.2.200"), .message = query}};
    resolver_handle(world.net.resolver, &event, outbox);
    for (size_t i = 0; i < outbox->count; i++) {
        if (outbox->effects[i].kind == EFFECT_REPLY) {
            return outbox->effects[i].reply.message;
        }
    }
    return SPAN_EMPTY;
}

static void assert_row(const struct row *row)
{
    uint8_t query_bytes[SIZE];
    uint8_t reply_bytes[SIZE];
    struct datagram datagram = {.peer = fake_address("192.0.2.200"),
                                .message = query_make(row, query_bytes),
                                .reply = reply_bytes,
                                .reply_size = sizeof reply_bytes};
    fake_ask(&world.net, row->name, row->type, FLAG_RD, FAKE_DO);
    fake_pass_s(&world.net, 3);
    resolver_answer(world.net.resolver, world.net.now, &datagram, 1);
    if ((datagram.reply_len != 0) != row->is_answered) {
        fail_msg("%s (%s): answered %d", row->name, row->why, datagram.reply_len != 0);
    }
    if (datagram.reply_len == 0) {
        return;
    }
    struct outbox outbox;
    outbox_open(&outbox, 1 << 20);
    struct span expected = answer_carefully(datagram.message, &outbox);
    if (!span_equal(expected, span_of(reply_bytes, datagram.reply_len))) {
        fail_msg("%s (%s): %zu octets, the careful way has %zu", row->name, row->why,
                 datagram.reply_len, expected.len);
    }
    outbox_close(&outbox);
}

static void test_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        fake_world_start(&world, true);
        assert_row(&rows[i]);
        fake_world_close(&world);
    }
}

/* Nothing is answered that the careful way has not, nor what has expired or was flushed. */
static void test_life(void **state)
{
    (void)state;
    uint8_t query_bytes[SIZE];
    uint8_t reply_bytes[SIZE];
    struct datagram datagram = {.peer = fake_address("192.0.2.200"),
                                .message = query_make(&rows[0], query_bytes),
                                .reply = reply_bytes,
                                .reply_size = sizeof reply_bytes};
    fake_world_start(&world, true);
    struct fake_net *net = &world.net;
    resolver_answer(net->resolver, net->now, &datagram, 1);
    assert_int_equal(datagram.reply_len, 0);
    fake_ask(net, "www.example.com.", TYPE_A, FLAG_RD | FLAG_CD, FAKE_DO);
    resolver_answer(net->resolver, net->now, &datagram, 1);
    assert_int_equal(datagram.reply_len, 0); /* nobody has judged it */
    fake_ask(net, "www.example.com.", TYPE_A, FLAG_RD, FAKE_DO);
    resolver_answer(net->resolver, net->now, &datagram, 1);
    assert_int_not_equal(datagram.reply_len, 0);
    assert_non_null(strstr(fake_control(net, "stats"), "secure"));
    fake_pass_s(net, 301);
    resolver_answer(net->resolver, net->now, &datagram, 1);
    assert_int_equal(datagram.reply_len, 0);
    fake_ask(net, "www.example.com.", TYPE_A, FLAG_RD, FAKE_DO);
    fake_control(net, "flush");
    resolver_answer(net->resolver, net->now, &datagram, 1);
    assert_int_equal(datagram.reply_len, 0);
    fake_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_life)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
