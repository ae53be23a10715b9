/* A client and a server without sockets: what comes through, what is lost on the way, what a
 * hostile side may not do, and what is answered to datagrams of no connection. */
#include "world/real/quic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "world/real/test_certificate.h"

#include "world/real/quic_pair.h"

enum { TALKS_MAX = 2000, LONG_LEN = 60000 };

static uint8_t octets[LONG_LEN];

static void open_shaken(struct pair *pair)
{
    pair_open(pair);
    pair_dial(pair);
    pair_talk(pair);
    while (pair->server.quic == NULL || !quic_is_shaken(pair->server.quic)) {
        assert_true(pair_wait(pair, 1)); /* datagrams are paced */
    }
    assert_true(quic_is_shaken(pair->client.quic));
    assert_true(quic_is_shaken(pair->server.quic));
}

static struct quic_stream *say(struct quic *quic, size_t len, bool is_last)
{
    struct quic_stream *stream = quic_stream_open(quic);
    assert_non_null(stream);
    assert_int_equal(quic_stream_send(stream, span_of(octets, 2), span_of(octets, len), is_last),
                     OK);
    return stream;
}

static void octets_go_both_ways(void **state)
{
    (void)state;
    struct pair pair;
    open_shaken(&pair);
    (void)say(pair.client.quic, 100, true);
    pair_talk(&pair);
    assert_int_equal(pair.server.taken, 102);
    assert_int_equal(pair.server.ends, 1);
    octets[LONG_LEN - 1] = 77;
    for (size_t i = 0; i < 10; i++) { /* more pieces than a frame is offered at once */
        assert_int_equal(
            quic_stream_send(pair.server.last, SPAN_LITERAL("abc"), SPAN_LITERAL("d"), false), OK);
    }
    assert_int_equal(
        quic_stream_send(pair.server.last, SPAN_LITERAL("abc"), span_of(octets, LONG_LEN), true),
        OK);
    assert_int_equal(quic_held(pair.server.quic), LONG_LEN + 43);
    for (size_t i = 0; i < TALKS_MAX && pair.server.gone == 0; i++) {
        pair_talk(&pair);
        pair_wait(&pair, 1);
    }
    assert_int_equal(pair.client.taken, LONG_LEN + 43);
    assert_int_equal(pair.client.last_octet, 77);
    assert_int_equal(pair.client.ends, 1);
    assert_int_equal(pair.client.gone, 1);
    assert_int_equal(quic_held(pair.server.quic), 0);
    assert_int_equal(quic_unsent(pair.server.quic), 0);
    assert_int_equal(quic_acknowledged(pair.server.quic), LONG_LEN + 43);
    pair_close(&pair);
}

static void what_is_lost_is_said_again(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair);
    pair_dial(&pair);
    pair.client.deaf = 3;
    pair.server.deaf = 4;
    for (size_t i = 0; i < TALKS_MAX && !quic_is_shaken(pair.client.quic); i++) {
        pair_talk(&pair);
        pair_wait(&pair, 2);
    }
    (void)say(pair.client.quic, LONG_LEN, true);
    for (size_t i = 0; i < TALKS_MAX && pair.server.ends == 0; i++) {
        pair_talk(&pair);
        pair_wait(&pair, 2);
    }
    assert_int_equal(pair.server.taken, LONG_LEN + 2);
    pair_close(&pair);
}

static void streams_are_granted_one_by_one(void **state)
{
    (void)state;
    struct pair pair;
    open_shaken(&pair);
    for (size_t i = 0; i < 4; i++) {
        (void)say(pair.client.quic, 10, true);
    }
    assert_null(quic_stream_open(pair.client.quic));
    pair_talk(&pair);
    assert_int_equal(pair.server.ends, 4);
    assert_null(quic_stream_open(pair.client.quic));
    quic_grant(pair.server.quic);
    pair_talk(&pair);
    (void)say(pair.client.quic, 10, true);
    assert_null(quic_stream_open(pair.client.quic));
    pair_close(&pair);
}

static void who_does_not_read_is_sent_no_more(void **state)
{
    (void)state;
    struct pair pair;
    open_shaken(&pair);
    for (size_t i = 0; i < 4; i++) {
        (void)say(pair.client.quic, 10, true);
        pair_talk(&pair);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(
                quic_stream_send(pair.server.last, SPAN_EMPTY, span_of(octets, LONG_LEN), false),
                OK);
        }
        for (size_t j = 0; j < 20; j++) {
            pair_talk(&pair);
            pair_wait(&pair, 1);
        }
    }
    /* The window of all streams together, as the client never says that it used anything. */
    assert_int_equal(pair.client.taken, QUIC_IN_MAX);
    assert_int_equal(quic_unsent(pair.server.quic), 8 * LONG_LEN - QUIC_IN_MAX);
    assert_true(quic_held(pair.server.quic) >= quic_unsent(pair.server.quic));
    quic_used(pair.client.quic, QUIC_IN_MAX);
    for (size_t j = 0; j < 20; j++) {
        pair_talk(&pair);
        pair_wait(&pair, 1);
    }
    assert_int_equal(pair.client.taken, 2 * QUIC_IN_MAX);
    pair_close(&pair);
}

static void a_stream_taken_back_holds_nothing(void **state)
{
    (void)state;
    struct pair pair;
    open_shaken(&pair);
    struct quic_stream *stream = say(pair.client.quic, 10, false);
    pair_talk(&pair);
    assert_int_equal(
        quic_stream_send(pair.server.last, SPAN_EMPTY, span_of(octets, LONG_LEN), false), OK);
    quic_stream_reset(stream, 3);
    pair_talk(&pair);
    assert_int_equal(pair.server.cuts, 1);
    assert_int_equal(pair.server.gone, 1);
    assert_int_equal(quic_held(pair.server.quic), 0);
    assert_int_equal(quic_unsent(pair.server.quic), 0);
    pair_close(&pair);
}

static void the_end_is_told(void **state)
{
    (void)state;
    struct pair pair;
    open_shaken(&pair);
    quic_end(pair.server.quic, 2);
    pair_talk(&pair);
    assert_int_equal(pair_to_client(&pair, SPAN_LITERAL("anything")), CLOSED);
    assert_string_equal(quic_reason(pair.client.quic),
                        "the other side ended it with the protocol's error 2");
    pair_close(&pair);
}

static void another_name_is_not_believed(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair);
    pair_dial(&pair);
    quic_close(pair.client.quic);
    struct quic_options options = pair_options(&pair, false);
    options.host_name = "other.test";
    const struct quic_owner owner = pair_owner(&pair.client, false);
    const struct quic_path path = {pair.path.remote, pair.path.local, pair.path.len};
    pair.client.quic = quic_open_client(&options, &owner, &path, pair.now_ns);
    pair_talk(&pair);
    assert_false(quic_is_shaken(pair.client.quic));
    assert_non_null(strstr(quic_reason(pair.client.quic), "NOT trusted"));
    pair_close(&pair);
}

static void silence_ends_a_handshake(void **state)
{
    (void)state;
    struct pair pair;
    pair_open(&pair);
    pair_dial(&pair);
    pair_carry(&pair, true);
    assert_non_null(pair.server.quic);
    pair.server.deaf = 1;
    enum status status = OK;
    size_t sent = 0;
    for (size_t i = 0; i < TALKS_MAX && status == OK; i++) {
        uint8_t room[QUIC_DATAGRAM_SIZE];
        struct quic_path to;
        size_t len = 1;
        while (status == OK && len != 0) {
            status = quic_fill(pair.server.quic, pair.now_ns, room, &len, &to);
            sent += len;
        }
        quic_note_sent(pair.server.quic, pair.now_ns);
        pair.now_ns = quic_due_ns(pair.server.quic);
        assert_true(pair.now_ns != INT64_MAX);
        status = quic_expire(pair.server.quic, pair.now_ns);
    }
    assert_int_equal(status, CLOSED);
    assert_true(pair.now_ns <= MOMENT_NS_PER_S + (int64_t)5001 * MOMENT_NS_PER_MS);
    /* RFC 9000 §8.1: no more than three times what an address that may be forged has sent. */
    assert_true(sent > 0 && sent <= 3 * QUIC_DATAGRAM_SIZE);
    pair_close(&pair);
}

/* ------------------------------------------------------------------ without a connection */

static size_t first_datagram(struct pair *pair, uint8_t room[QUIC_DATAGRAM_SIZE])
{
    size_t len;
    struct quic_path path;
    assert_int_equal(quic_fill(pair->client.quic, pair->now_ns, room, &len, &path), OK);
    assert_int_equal(len, QUIC_DATAGRAM_SIZE);
    return len;
}

static void a_token_proves_an_address(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t first[QUIC_DATAGRAM_SIZE], retry[QUIC_DATAGRAM_SIZE], second[QUIC_DATAGRAM_SIZE];
    pair_open(&pair);
    pair.entropy.fill(pair.entropy.self, &pair.keys, sizeof pair.keys);
    pair_dial(&pair);
    struct quic_arrival arrival = pair_arrival(&pair, span_of(first, first_datagram(&pair, first)));
    assert_int_equal(quic_read_header(arrival.datagram).kind, QUIC_OF_CONNECTION);
    assert_int_equal(quic_judge_hello(&arrival, &pair.keys), QUIC_HELLO_UNPROVEN);
    size_t len = quic_write_retry(&arrival, &pair.keys, &pair.entropy, retry);
    assert_true(len > 0 && len < QUIC_DATAGRAM_SIZE / 3);
    assert_int_equal(pair_to_client(&pair, span_of(retry, len)), OK);
    arrival = pair_arrival(&pair, span_of(second, first_datagram(&pair, second)));
    assert_int_equal(quic_judge_hello(&arrival, &pair.keys), QUIC_HELLO_PROVEN);

    struct quic_arrival elsewhere = arrival;
    elsewhere.path.remote.ipv4.sin_addr.s_addr ^= 1;
    assert_int_equal(quic_judge_hello(&elsewhere, &pair.keys), QUIC_HELLO_FORGED);
    struct quic_arrival late = arrival;
    late.now_ns += (int64_t)(QUIC_TOKEN_MS + 1) * MOMENT_NS_PER_MS;
    assert_int_equal(quic_judge_hello(&late, &pair.keys), QUIC_HELLO_FORGED);
    struct quic_keys others = pair.keys;
    others.tokens[0] ^= 1;
    assert_int_equal(quic_judge_hello(&arrival, &others), QUIC_HELLO_FORGED);
    assert_true(quic_write_refusal(arrival.datagram, retry) > 0);

    assert_int_equal(pair_to_server(&pair, arrival.datagram), OK);
    pair_talk(&pair);
    assert_true(quic_is_shaken(pair.client.quic));
    pair_close(&pair);
}

static void the_rest_is_answered_with_less(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t room[QUIC_DATAGRAM_SIZE], answer[QUIC_DATAGRAM_SIZE];
    pair_open(&pair);
    pair_dial(&pair);
    size_t len = first_datagram(&pair, room);
    static const struct {
        uint8_t first;
        uint8_t version[4];
        size_t len;
        enum quic_kind kind;
        const char *why;
    } ROWS[] = {
        {0xc0, {0, 0, 0, 1}, QUIC_DATAGRAM_SIZE, QUIC_OF_CONNECTION, "version 1"},
        {0xc0, {0, 0, 0, 2}, QUIC_DATAGRAM_SIZE, QUIC_OTHER_VERSION, "none of ours"},
        {0xc0, {0xff, 0, 0, 29}, QUIC_DATAGRAM_SIZE, QUIC_OTHER_VERSION, "a draft"},
        {0xc0, {0, 0, 0, 2}, QUIC_DATAGRAM_SIZE - 1, QUIC_NOTHING, "RFC 9000 §6.1: too short"},
        {0xc0, {0, 0, 0, 0}, QUIC_DATAGRAM_SIZE, QUIC_NOTHING, "an offer of versions"},
        {0x40, {0, 0, 0, 0}, 30, QUIC_OF_CONNECTION, "a short header"},
        {0x40, {0, 0, 0, 0}, 8, QUIC_NOTHING, "shorter than an ID"},
        {0xc0, {0, 0, 0, 1}, 6, QUIC_NOTHING, "no ID"},
        {0, {0, 0, 0, 0}, 0, QUIC_NOTHING, "nothing"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        room[0] = ROWS[i].first;
        memcpy(room + 1, ROWS[i].version, sizeof ROWS[i].version);
        struct span datagram = span_of(room, ROWS[i].len);
        if (quic_read_header(datagram).kind != ROWS[i].kind) {
            fail_msg("%s", ROWS[i].why);
        }
        if (ROWS[i].kind == QUIC_OTHER_VERSION) {
            len = quic_write_versions(datagram, &pair.entropy, answer);
            assert_true(len > 0 && len < 64);
            assert_int_equal(quic_read_header(span_of(answer, len)).kind, QUIC_NOTHING);
        }
    }
    room[0] = 0x40;
    for (size_t size = 9; size < 100; size++) {
        len = quic_write_reset(span_of(room, size), &pair.keys, &pair.entropy, answer);
        assert_true(len < size && (len > 0) == (size > 21));
    }
    pair_close(&pair);
}

static void who_has_forgotten_says_so(void **state)
{
    (void)state;
    struct pair pair;
    uint8_t room[QUIC_DATAGRAM_SIZE], answer[QUIC_DATAGRAM_SIZE];
    size_t len;
    struct quic_path path;
    open_shaken(&pair);
    (void)say(pair.client.quic, 100, true);
    assert_int_equal(quic_fill(pair.client.quic, pair.now_ns, room, &len, &path), OK);
    assert_int_equal(room[0] & 0x80, 0);
    len = quic_write_reset(span_of(room, len), &pair.keys, &pair.entropy, answer);
    assert_true(len > 0);
    answer[len - 1] ^= 1;
    assert_int_equal(pair_to_client(&pair, span_of(answer, len)), OK);
    answer[len - 1] ^= 1;
    assert_int_equal(pair_to_client(&pair, span_of(answer, len)), CLOSED);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_go_both_ways),
        cmocka_unit_test(what_is_lost_is_said_again),
        cmocka_unit_test(streams_are_granted_one_by_one),
        cmocka_unit_test(who_does_not_read_is_sent_no_more),
        cmocka_unit_test(a_stream_taken_back_holds_nothing),
        cmocka_unit_test(the_end_is_told),
        cmocka_unit_test(another_name_is_not_believed),
        cmocka_unit_test(silence_ends_a_handshake),
        cmocka_unit_test(a_token_proves_an_address),
        cmocka_unit_test(the_rest_is_answered_with_less),
        cmocka_unit_test(who_has_forgotten_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
