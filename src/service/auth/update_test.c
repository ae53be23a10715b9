/* The way of an UPDATE through a server that forwards it: who is let through, that none goes twice,
 * and when the client hears what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/zone/transfer.h"
#include "service/auth/auth_test.h"

static const uint8_t SECRET[32] = {1};
static const struct address PRIMARY = {
    .family = ADDRESS_IPV4, .octets = {192, 0, 2, 1}, .port = 53};

static const char *const lines[] = {
    "example. SOA ns.example. h.example. 7 20 5 120 5",
    "example. NS ns.example.",
    "ns.example. A 192.0.2.1",
};

struct bench {
    uint64_t seed;
    struct entropy entropy;
    struct name_buffer key_name, zone_name;
    struct tsig_key key;
    struct auth_zone_options zone;
    struct auth *auth;
    struct zone *version;
    struct outbox outbox;
    struct arena arena;
    struct tsig_session session; /* the client's */
    uint8_t sent[1024];
    size_t sent_len;
};

static void answer(struct bench *bench, uint64_t ask, enum status outcome, struct span wire)
{
    struct event event = {.kind = EVENT_ANSWER, .now = test_moment(1)};
    event.answer = (struct event_answer){ask, outcome, wire};
    auth_handle(bench->auth, &event, &bench->outbox);
}

static uint16_t id_of(struct span message)
{
    return (uint16_t)(message.bytes[0] << 8 | message.bytes[1]);
}

/* The whole zone, as the primary sends it. */
static void give_zone(struct bench *bench)
{
    const struct effect *ask = test_effect(&bench->outbox, EFFECT_ASK, 0);
    assert_non_null(ask);
    uint8_t bytes[8192];
    struct transfer_out *transfer;
    struct question question = {bench->zone.name, TYPE_AXFR, CLASS_IN};
    uint64_t number = ask->ask.ask;
    assert_int_equal(transfer_out_open(&bench->version, 1, TYPE_AXFR, 0, question,
                                       id_of(ask->ask.message), &transfer),
                     OK);
    struct span message = transfer_out_next(transfer, bytes, sizeof bytes);
    answer(bench, number, OK, message);
    transfer_out_close(transfer);
}

static void bench_open(struct bench *bench)
{
    struct problem problem = {0};
    *bench = (struct bench){.seed = 7};
    bench->entropy = (struct entropy){test_fill, &bench->seed};
    bench->key = (struct tsig_key){test_name("key.", &bench->key_name), TSIG_HMAC_SHA256,
                                   span_of(SECRET, sizeof SECRET)};
    bench->zone = (struct auth_zone_options){.name = test_name("example.", &bench->zone_name),
                                             .primary = {PRIMARY, NULL},
                                             .forwards_updates = true};
    bench->version = test_zone("example.", lines, LEN(lines));
    outbox_open(&bench->outbox, 1 << 24);
    arena_open(&bench->arena, 1 << 20);
    struct auth_options options = {.zones = &bench->zone,
                                   .zone_count = 1,
                                   .keys = &bench->key,
                                   .key_count = 1,
                                   .entropy = &bench->entropy};
    assert_int_equal(auth_open(&options, &bench->auth, &problem), OK);
    test_give(bench->auth, EVENT_START, 0, &bench->outbox);
    give_zone(bench);
}

static void bench_close(struct bench *bench)
{
    tsig_end(&bench->session);
    auth_close(bench->auth);
    zone_release(bench->version);
    outbox_close(&bench->outbox);
    arena_close(&bench->arena);
}

static void write_update(struct bench *bench, uint16_t id, bool is_signed)
{
    struct message_writer writer;
    struct question question = {bench->zone.name, TYPE_SOA, CLASS_IN};
    message_begin(&writer, bench->sent, sizeof bench->sent, id, 0, OPCODE_UPDATE, RCODE_NOERROR);
    message_add_question(&writer, question);
    bench->sent_len = message_end(&writer).len;
    if (is_signed) {
        tsig_end(&bench->session);
        tsig_begin(&bench->session, &bench->key);
        assert_int_equal(tsig_sign(&bench->session, bench->sent, sizeof bench->sent,
                                   &bench->sent_len, AUTH_TEST_NOW_S, 0),
                         OK);
    }
}

/* Sends it; the ask that goes to the primary, or 0. */
static uint64_t send_update(struct bench *bench)
{
    test_send(bench->auth, TRANSPORT_UDP, span_of(bench->sent, bench->sent_len), &bench->outbox);
    const struct effect *ask = test_effect(&bench->outbox, EFFECT_ASK, 0);
    if (ask == NULL) {
        return 0;
    }
    assert_true(span_equal(ask->ask.message, span_of(bench->sent, bench->sent_len)));
    assert_int_equal(ask->ask.transport, TRANSPORT_TCP);
    return ask->ask.ask;
}

static size_t write_answer(const struct bench *bench, uint16_t id, uint16_t rcode, uint8_t *bytes)
{
    struct message_writer writer;
    struct question question = {bench->zone.name, TYPE_SOA, CLASS_IN};
    message_begin(&writer, bytes, 512, id, FLAG_QR, OPCODE_UPDATE, rcode);
    message_add_question(&writer, question);
    return message_end(&writer).len;
}

/* The RCODE that the client got, or -1 when it got nothing. */
static int replied(const struct bench *bench)
{
    const struct effect *reply = test_effect(&bench->outbox, EFFECT_REPLY, 0);
    if (reply == NULL) {
        return -1;
    }
    assert_int_equal(reply->reply.channel, 7);
    return reply->reply.message.bytes[3] & 0xf;
}

static void test_without_a_key_none_goes_on(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_update(&bench, 1, false);
    assert_int_equal(send_update(&bench), 0);
    assert_int_equal(replied(&bench), RCODE_REFUSED);
    write_update(&bench, 1, true);
    bench.sent[bench.sent_len - 20] ^= 1; /* inside the MAC */
    assert_int_equal(send_update(&bench), 0);
    assert_int_equal(replied(&bench), RCODE_NOTAUTH);
    bench_close(&bench);
}

static void test_the_client_hears_when_the_version_is_here(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t bytes[512];
    bench_open(&bench);
    write_update(&bench, 1, true);
    uint64_t ask = send_update(&bench);
    assert_true(ask != 0 && replied(&bench) == -1);
    assert_int_equal(send_update(&bench), 0); /* the client asks again: it is under way */
    assert_int_equal(replied(&bench), -1);
    outbox_reset(&bench.outbox);
    answer(&bench, ask, OK, span_of(bytes, write_answer(&bench, 2, RCODE_NOERROR, bytes)));
    assert_int_equal(bench.outbox.count, 0); /* of another question */
    answer(&bench, ask, OK, span_of(bytes, write_answer(&bench, 1, RCODE_NOERROR, bytes)));
    assert_int_equal(replied(&bench), -1);
    const struct effect *serial = test_effect(&bench.outbox, EFFECT_ASK, 0);
    assert_non_null(serial); /* what is the serial now? */
    uint64_t serial_ask = serial->ask.ask;
    struct message_writer writer;
    struct question question = {bench.zone.name, TYPE_SOA, CLASS_IN};
    message_begin(&writer, bytes, sizeof bytes, id_of(serial->ask.message), FLAG_QR | FLAG_AA,
                  OPCODE_QUERY, RCODE_NOERROR);
    message_add_question(&writer, question);
    assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, zone_soa(bench.version)), OK);
    answer(&bench, serial_ask, OK, message_end(&writer));
    assert_int_equal(replied(&bench), RCODE_NOERROR);
    bench_close(&bench);
}

static void test_a_refusal_goes_back_at_once(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t bytes[512];
    bench_open(&bench);
    write_update(&bench, 1, true);
    uint64_t ask = send_update(&bench);
    outbox_reset(&bench.outbox);
    answer(&bench, ask, OK, span_of(bytes, write_answer(&bench, 1, RCODE_YXDOMAIN, bytes)));
    assert_int_equal(replied(&bench), RCODE_YXDOMAIN);
    bench_close(&bench);
}

static void test_silence_is_a_signed_failure(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    write_update(&bench, 1, true);
    uint64_t ask = send_update(&bench);
    outbox_reset(&bench.outbox);
    answer(&bench, ask, TIMED_OUT, SPAN_EMPTY);
    assert_int_equal(replied(&bench), RCODE_SERVFAIL);
    struct span reply = test_effect(&bench.outbox, EFFECT_REPLY, 0)->reply.message;
    struct message message;
    struct name_buffer buffer;
    uint16_t error;
    assert_int_equal(message_read_query(reply, &buffer, &message), OK);
    assert_int_equal(
        tsig_check(&bench.session, reply, message.tsig_at, AUTH_TEST_NOW_S + 1, &error), OK);
    outbox_reset(&bench.outbox);
    answer(&bench, ask, TIMED_OUT, SPAN_EMPTY); /* it is over */
    assert_int_equal(bench.outbox.count, 0);
    bench_close(&bench);
}

static void test_there_is_room_for_so_many(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (uint16_t id = 1; id <= AUTH_FORWARDS_MAX; id++) {
        write_update(&bench, id, true);
        assert_true(send_update(&bench) != 0);
    }
    write_update(&bench, AUTH_FORWARDS_MAX + 1, true);
    assert_int_equal(send_update(&bench), 0);
    assert_int_equal(replied(&bench), RCODE_SERVFAIL);
    bench_close(&bench);
}

static uint16_t count_update(void *user, const struct auth_update *update, struct moment now)
{
    size_t *count = user;
    (void)now;
    assert_int_equal(update->key.len, 5);
    ++*count;
    return *count == 1 ? RCODE_YXDOMAIN : *count == 2 ? RCODE_SERVFAIL : RCODE_NOERROR;
}

/* At who makes the change: the same message again gets the same answer, and is made once. */
static void test_no_update_is_made_twice(void **state)
{
    (void)state;
    struct bench bench;
    size_t count = 0;
    struct problem problem = {0};
    bench_open(&bench);
    auth_close(bench.auth);
    bench.zone = (struct auth_zone_options){.name = bench.zone.name, .is_pushed = true};
    struct auth_options options = {.zones = &bench.zone,
                                   .zone_count = 1,
                                   .keys = &bench.key,
                                   .key_count = 1,
                                   .entropy = &bench.entropy,
                                   .update = count_update,
                                   .update_user = &count};
    assert_int_equal(auth_open(&options, &bench.auth, &problem), OK);
    static const struct {
        uint16_t id;
        size_t count;
        int rcode;
        const char *why;
    } rows[] = {
        {1, 1, RCODE_YXDOMAIN, "the first"},
        {1, 1, RCODE_YXDOMAIN, "the same again"},
        {2, 2, RCODE_SERVFAIL, "another, which fails"},
        {2, 3, RCODE_NOERROR, "the same again may go better"},
        {2, 3, RCODE_NOERROR, "and once more"},
        {3, 4, RCODE_NOERROR, "a third"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        write_update(&bench, rows[i].id, true);
        assert_int_equal(send_update(&bench), 0);
        if (count != rows[i].count || replied(&bench) != rows[i].rcode) {
            fail_msg("%s: made %zu times, answered %d", rows[i].why, count, replied(&bench));
        }
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_key_none_goes_on),
        cmocka_unit_test(test_the_client_hears_when_the_version_is_here),
        cmocka_unit_test(test_a_refusal_goes_back_at_once),
        cmocka_unit_test(test_silence_is_a_signed_failure),
        cmocka_unit_test(test_there_is_room_for_so_many),
        cmocka_unit_test(test_no_update_is_made_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
