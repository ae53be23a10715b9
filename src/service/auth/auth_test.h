#pragma once
/* For the tests of this folder: a server with zones, questions to it and what it answers. Include
 * after cmocka.h. */
#include "core/dnssec/chain.h"
#include "core/zone/test_zone.h"
#include "service/auth/auth.h"

enum { AUTH_TEST_NOW_S = 1790000000 };

TEST_HELPER void test_fill(void *self, void *bytes, size_t len)
{
    uint64_t *seed = self;
    uint8_t *octets = bytes;
    for (size_t i = 0; i < len; i++) {
        octets[i] = (uint8_t)test_random(seed);
    }
}

TEST_HELPER struct moment test_moment(int64_t after_s)
{
    return (struct moment){.wall_ns = (AUTH_TEST_NOW_S + after_s) * MOMENT_NS_PER_S,
                           .mono_ns = (1000 + after_s) * MOMENT_NS_PER_S};
}

TEST_HELPER void test_give(struct auth *auth, enum event_kind kind, int64_t after_s,
                           struct outbox *outbox)
{
    struct event event = {.kind = kind, .now = test_moment(after_s)};
    outbox_reset(outbox);
    auth_handle(auth, &event, outbox);
}

/* Hands the server a message of a client's. */
TEST_HELPER void test_send(struct auth *auth, enum transport transport, struct span wire,
                           struct outbox *outbox)
{
    struct event event = {.kind = EVENT_QUERY, .now = test_moment(0)};
    event.query = (struct event_query){
        .channel = 7,
        .transport = transport,
        .peer = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 200}, .port = 40000},
        .message = wire,
        .idle_ms = transport_is_stream(transport) ? 30000 : 0};
    outbox_reset(outbox);
    auth_handle(auth, &event, outbox);
}

TEST_HELPER const struct effect *test_effect(const struct outbox *outbox, enum effect_kind kind,
                                             size_t index)
{
    for (size_t i = 0; i < outbox->count; i++) {
        if (outbox->effects[i].kind == kind && index-- == 0) {
            return &outbox->effects[i];
        }
    }
    return NULL;
}

/* Asks and reads the one answer; its RRsets live in `arena`. */
TEST_HELPER void test_ask(struct auth *auth, enum transport transport, struct question question,
                          bool wants_dnssec, struct arena *arena, struct message *answer)
{
    uint8_t bytes[600];
    struct outbox outbox;
    outbox_open(&outbox, 4 << 20);
    struct span query = message_make_query(bytes, sizeof bytes, 99, FLAG_RD, question, wants_dnssec,
                                           wants_dnssec ? 1232 : 0);
    test_send(auth, transport, query, &outbox);
    assert_int_equal(outbox.count, 1);
    const struct effect *reply = test_effect(&outbox, EFFECT_REPLY, 0);
    assert_non_null(reply);
    assert_int_equal(reply->reply.channel, 7);
    assert_int_equal(message_read(reply->reply.message, arena, answer), OK);
    assert_int_equal(answer->id, 99);
    assert_true(message_answers(answer, 99, question, true));
    outbox_close(&outbox);
}

/* Asks what the judge wants to know until it has a verdict. */
TEST_HELPER struct judgement test_judge(struct auth *auth, const struct trust_anchor *anchor,
                                        struct question question)
{
    enum { EVIDENCE_MAX = 24 };
    struct evidence evidence[EVIDENCE_MAX] = {0};
    struct chain_result result = {0};
    struct arena arena;
    size_t count = 0;
    arena_open(&arena, 8 << 20);
    struct chain_budget budget = {CHAIN_SIGNATURE_CHECKS_MAX, {CHAIN_HASHES_MAX}};
    while (!result.is_final) {
        struct message answer;
        assert_true(count < EVIDENCE_MAX);
        test_ask(auth, TRANSPORT_TCP, question, true, &arena, &answer);
        evidence[count++] =
            (struct evidence){.name = answer.question.name,
                              .type = question.type,
                              .rcode = answer.rcode,
                              .answer = answer.sections[SECTION_ANSWER].rrsets,
                              .answer_count = answer.sections[SECTION_ANSWER].count,
                              .authority = answer.sections[SECTION_AUTHORITY].rrsets,
                              .authority_count = answer.sections[SECTION_AUTHORITY].count};
        struct chain_input input = {.anchors = anchor,
                                    .anchor_count = 1,
                                    .evidence = evidence,
                                    .evidence_count = count,
                                    .now_s = AUTH_TEST_NOW_S + 60,
                                    .scratch = &arena};
        chain_judge(&input, &budget, &result);
        question = (struct question){result.next_name, result.next_type, CLASS_IN};
    }
    arena_close(&arena);
    return result.judgement;
}
