/* Transfers out as their asker takes them: no more is made than there is room for, and what nobody
 * reads is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/zone/transfer.h"
#include "service/auth/auth_test.h"

#include <stdio.h>

enum { RECORDS = 4000, PORTION_MAX = 2 * MESSAGE_LEN_MAX, CHANNEL = 7 };

struct fixture {
    struct name_buffer name;
    struct zone *zone;
    struct auth_grant grant;
    struct auth_zone_options zone_options;
    uint64_t seed;
    struct entropy entropy;
    struct auth *auth;
    struct outbox outbox;
};

static void begin(struct fixture *fixture)
{
    struct zone_builder *builder = test_change("example.", NULL);
    char line[300];
    test_add(builder, "example. SOA ns.example. h.example. 1 3600 600 86400 300");
    test_add(builder, "example. NS ns.example.");
    for (int i = 0; i < RECORDS; i++) {
        snprintf(line, sizeof line, "name-%d.example. TXT \"%0100d\"", i, i);
        test_add(builder, line);
    }
    *fixture = (struct fixture){.seed = 3, .zone = zone_build_finish(builder)};
    fixture->entropy = (struct entropy){test_fill, &fixture->seed};
    fixture->grant.address = (struct address){.family = ADDRESS_IPV4, .octets = {192, 0, 2, 200}};
    fixture->zone_options =
        (struct auth_zone_options){.name = test_name("example.", &fixture->name),
                                   .fixed = fixture->zone,
                                   .grants = &fixture->grant,
                                   .grant_count = 1};
    const struct auth_options options = {
        .zones = &fixture->zone_options, .zone_count = 1, .entropy = &fixture->entropy};
    struct problem problem = {0};
    assert_int_equal(auth_open(&options, &fixture->auth, &problem), OK);
    outbox_open(&fixture->outbox, 64 << 20);
}

static void end(struct fixture *fixture)
{
    auth_close(fixture->auth);
    zone_release(fixture->zone);
    outbox_close(&fixture->outbox);
}

static void ask(struct fixture *fixture, enum transport transport)
{
    uint8_t bytes[600];
    struct question question = {fixture->zone_options.name, TYPE_AXFR, CLASS_IN};
    struct span query = message_make_query(bytes, sizeof bytes, 5, 0, question, false, 0);
    test_send(fixture->auth, transport, query, &fixture->outbox);
}

static void tell_room(struct fixture *fixture, uint64_t channel, bool is_closed)
{
    struct event event = {.kind = EVENT_ROOM,
                          .now = test_moment(0),
                          .room = {.channel = channel, .is_closed = is_closed}};
    outbox_reset(&fixture->outbox);
    auth_handle(fixture->auth, &event, &fixture->outbox);
}

static bool awaits_room(const struct fixture *fixture)
{
    const struct effect *effect = test_effect(&fixture->outbox, EFFECT_AWAIT_ROOM, 0);
    return effect != NULL && effect->channel == CHANNEL;
}

/* The messages of one portion into the transfer; how many octets they are. */
static size_t take(const struct fixture *fixture, struct transfer_in *transfer,
                   enum transfer_state *state)
{
    size_t octets = 0;
    const struct effect *reply;
    for (size_t i = 0; (reply = test_effect(&fixture->outbox, EFFECT_REPLY, i)) != NULL; i++) {
        struct problem problem = {0};
        *state = transfer_in_add(transfer, reply->reply.message, &problem);
        octets += reply->reply.message.len;
    }
    return octets;
}

static void test_portions(void **unused)
{
    (void)unused;
    struct fixture fixture;
    struct transfer_in *transfer;
    enum transfer_state state = TRANSFER_MORE;
    begin(&fixture);
    assert_int_equal(transfer_in_open(fixture.zone_options.name, NULL, &transfer), OK);
    ask(&fixture, TRANSPORT_TCP);
    size_t portions = 1;
    assert_in_range(take(&fixture, transfer, &state), 1, PORTION_MAX);
    while (awaits_room(&fixture)) {
        bool was_last = state == TRANSFER_DONE;  /* the end is found when more is asked for */
        tell_room(&fixture, CHANNEL + 1, false); /* another's room is none of this one's */
        assert_int_equal(fixture.outbox.count, 0);
        tell_room(&fixture, CHANNEL, false);
        assert_in_range(take(&fixture, transfer, &state), was_last ? 0 : 1,
                        was_last ? 0 : PORTION_MAX);
        portions++;
    }
    assert_int_equal(state, TRANSFER_DONE);
    assert_true(portions > 2);
    struct zone *zone = transfer_in_finish(transfer);
    assert_int_equal(zone_record_count(zone), zone_record_count(fixture.zone));
    tell_room(&fixture, CHANNEL, false);
    assert_int_equal(fixture.outbox.count, 0);
    zone_release(zone);
    transfer_in_close(transfer);
    end(&fixture);
}

static void test_nobody_reads(void **unused)
{
    (void)unused;
    struct fixture fixture;
    begin(&fixture);
    for (int i = 0; i < 3 * AUTH_STREAMS_MAX; i++) { /* places come back */
        ask(&fixture, TRANSPORT_TCP);
        assert_true(awaits_room(&fixture));
        tell_room(&fixture, CHANNEL, true);
        assert_int_equal(fixture.outbox.count, 0);
        tell_room(&fixture, CHANNEL, false);
        assert_int_equal(fixture.outbox.count, 0);
    }
    end(&fixture);
}

static bool is_refused(struct fixture *fixture)
{
    struct message message;
    struct name_buffer name;
    ask(fixture, TRANSPORT_TCP);
    struct span answer = test_effect(&fixture->outbox, EFFECT_REPLY, 0)->reply.message;
    assert_int_equal(message_read_query(answer, &name, &message), OK);
    return message.rcode == RCODE_SERVFAIL;
}

static void test_one_host_does_not_get_all(void **unused)
{
    (void)unused;
    struct fixture fixture;
    int count = 0;
    begin(&fixture);
    while (!is_refused(&fixture)) {
        count++;
    }
    assert_int_equal(count, AUTH_STREAMS_MAX - AUTH_STREAMS_SPARE);
    end(&fixture);
}

/* RFC 9103 §7.2 */
static void test_old_tls(void **unused)
{
    (void)unused;
    struct fixture fixture;
    struct message message;
    struct name_buffer name;
    begin(&fixture);
    ask(&fixture, TRANSPORT_TLS);
    assert_int_equal(fixture.outbox.count, 1);
    struct span answer = test_effect(&fixture.outbox, EFFECT_REPLY, 0)->reply.message;
    assert_int_equal(message_read_query(answer, &name, &message), OK);
    assert_int_equal(message.rcode, RCODE_REFUSED);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_portions),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_one_host_does_not_get_all),
        cmocka_unit_test(test_old_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
