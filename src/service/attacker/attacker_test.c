/* The attacker of labs: passes everything while it is off; forges address answers, and only those,
 * while it is on. */
#include "service/attacker/attacker.h"

#include "core/dns/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { OUTBOX_MAX = 1 << 20 };

static struct attacker *opened(void)
{
    struct attacker_options options = {.server_count = 1};
    assert_int_equal(address_read(SPAN_LITERAL("192.0.2.53@53"), 53, &options.servers[0]), OK);
    assert_int_equal(address_read(SPAN_LITERAL("203.0.113.66"), 0, &options.own_ipv4), OK);
    assert_int_equal(address_read(SPAN_LITERAL("2001:db8::66"), 0, &options.own_ipv6), OK);
    struct attacker *attacker;
    assert_int_equal(attacker_open(&options, &attacker), OK);
    return attacker;
}

static void control(struct attacker *attacker, const char *line, struct outbox *outbox)
{
    struct event event = {.kind = EVENT_CONTROL, .control = {1, span_of_text(line)}};
    outbox_reset(outbox);
    attacker_handle(attacker, &event, outbox);
    assert_int_equal(outbox->count, 1);
    assert_int_equal(outbox->effects[0].kind, EFFECT_CONTROL);
}

static void query(struct attacker *attacker, uint16_t type, struct outbox *outbox)
{
    uint8_t bytes[512];
    struct name_buffer buffer;
    struct name name;
    assert_int_equal(name_parse(SPAN_LITERAL("WwW.example.com."), NULL, &buffer, &name, NULL), OK);
    struct question question = {name, type, CLASS_IN};
    struct span message = message_make_query(bytes, sizeof bytes, 4242, 0, question, true, 1232);
    struct event event = {.kind = EVENT_QUERY, .query = {.channel = 9, .message = message}};
    outbox_reset(outbox);
    attacker_handle(attacker, &event, outbox);
    assert_int_equal(outbox->count, 1);
}

static void test_passes_while_off(void **state)
{
    (void)state;
    struct outbox outbox;
    outbox_open(&outbox, OUTBOX_MAX);
    struct attacker *attacker = opened();
    query(attacker, TYPE_A, &outbox);
    assert_int_equal(outbox.effects[0].kind, EFFECT_ASK);
    assert_int_equal(outbox.effects[0].ask.server.port, 53);
    uint64_t ask = outbox.effects[0].ask.ask;
    struct event answer = {.kind = EVENT_ANSWER, .answer = {ask, OK, SPAN_LITERAL("the answer")}};
    outbox_reset(&outbox);
    attacker_handle(attacker, &answer, &outbox);
    assert_int_equal(outbox.count, 2);
    assert_int_equal(outbox.effects[0].kind, EFFECT_REPLY);
    assert_int_equal(outbox.effects[0].reply.channel, 9);
    assert_true(span_equal(outbox.effects[0].reply.message, SPAN_LITERAL("the answer")));
    outbox_reset(&outbox);
    attacker_handle(attacker, &answer, &outbox); /* a second one belongs to nobody */
    assert_int_equal(outbox.count, 0);
    attacker_close(attacker);
    outbox_close(&outbox);
}

static void test_forges_addresses_while_on(void **state)
{
    (void)state;
    struct outbox outbox;
    outbox_open(&outbox, OUTBOX_MAX);
    struct attacker *attacker = opened();
    control(attacker, "attack on", &outbox);
    query(attacker, TYPE_A, &outbox);
    assert_int_equal(outbox.effects[0].kind, EFFECT_REPLY);
    struct arena arena;
    arena_open(&arena, OUTBOX_MAX);
    struct message message;
    assert_int_equal(message_read(outbox.effects[0].reply.message, &arena, &message), OK);
    assert_int_equal(message.id, 4242);
    assert_int_equal(message.sections[SECTION_ANSWER].count, 1);
    assert_true(span_equal(rrset_only(&message.sections[SECTION_ANSWER].rrsets[0]),
                           span_of("\xcb\x00\x71\x42", 4)));
    query(attacker, TYPE_AAAA, &outbox);
    assert_int_equal(outbox.effects[0].kind, EFFECT_REPLY);
    query(attacker, TYPE_DNSKEY, &outbox); /* keys it cannot forge, so it lets them pass */
    assert_int_equal(outbox.effects[0].kind, EFFECT_ASK);
    control(attacker, "attack off", &outbox);
    query(attacker, TYPE_A, &outbox);
    assert_int_equal(outbox.effects[0].kind, EFFECT_ASK);
    control(attacker, "attack", &outbox);
    assert_true(outbox.effects[0].control.is_failure);
    arena_close(&arena);
    attacker_close(attacker);
    outbox_close(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes_while_off),
                                       cmocka_unit_test(test_forges_addresses_while_on)};
    return cmocka_run_group_tests_name("service/attacker", tests, NULL, NULL);
}
