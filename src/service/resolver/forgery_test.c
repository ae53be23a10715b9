/* An attacker who sees nothing of the way between the resolver and the servers, but has questions
 * asked and answers them first: with guessed ports and ids, or with the right ones where a server
 * gives cookies. Nothing of it may ever be believed (RFC 5452, RFC 7873). With a number as its
 * argument it makes so many tries. */
#include "core/base/text.h"
#include "service/resolver/fake_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PORTS = 64512, TRIES_A_QUERY = 200, QUESTIONS_A_LIFE = 1000 };

static struct fake_world world;
static uint64_t tries_max = 100000;
static const uint8_t EVIL[] = {192, 0, 2, 66};

/* An answer to the query under way that could not be better but for its id. */
static void forge(uint16_t id)
{
    struct fake_net *net = &world.net;
    struct fake_pending *pending = &net->pending[0];
    struct name_buffer buffer;
    struct message query;
    assert_int_equal(message_read_query(span_of(pending->bytes, pending->len), &buffer, &query),
                     OK);
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    struct message_writer writer;
    struct rrset evil = {.owner = query.question.name,
                         .type = TYPE_A,
                         .class_ = CLASS_IN,
                         .count = 1,
                         .ttl_s = 86400};
    uint8_t rdata[2 + sizeof EVIL] = {0, sizeof EVIL, 192, 0, 2, 66};
    evil.rdata = rdata;
    evil.rdata_len = sizeof rdata;
    message_begin(&writer, bytes, sizeof bytes, id, FLAG_QR | FLAG_AA, OPCODE_QUERY, RCODE_NOERROR);
    message_add_question(&writer, query.question);
    assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, &evil), OK);
    fake_answer_with(net, OK, message_end(&writer));
}

static uint16_t pending_id(void)
{
    const uint8_t *bytes = world.net.pending[0].bytes;
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Of the query under way: each try hits the port with one chance in PORTS. */
static void guess(uint64_t *tries, uint64_t *hits)
{
    struct fake_net *net = &world.net;
    uint64_t ask = net->pending[0].ask;
    uint32_t port = entropy_below(&net->entropy, PORTS);
    for (int i = 0; i < TRIES_A_QUERY && net->pending_count > 0; i++) {
        bool is_open = net->pending[0].ask == ask && net->pending[0].transport == TRANSPORT_UDP;
        ++*tries;
        if (is_open && entropy_below(&net->entropy, PORTS) == port) {
            ++*hits;
            forge(entropy_u16(&net->entropy));
        }
    }
}

static void assert_honest(uint64_t channel)
{
    const struct fake_reply *reply = fake_reply_to(&world.net, channel);
    assert_non_null(reply);
    const struct message_section *answer = &reply->message.sections[SECTION_ANSWER];
    for (size_t i = 0; i < answer->count; i++) {
        struct span rdata = rrset_only(&answer->rrsets[i]);
        assert_false(span_equal(rdata, span_of(EVIL, sizeof EVIL)));
    }
}

static uint64_t ask_new(uint64_t number)
{
    char name[64];
    snprintf(name, sizeof name, "n%llu.example.com.", (unsigned long long)number);
    return fake_send(&world.net, name, TYPE_A, FLAG_RD, 0);
}

static void life_new(uint64_t number)
{
    if (number % QUESTIONS_A_LIFE == 0) {
        struct resolver_options options = fake_options(&world.net, &world.root_hint);
        fake_restart(&world.net, &options);
    }
}

static void test_guessing(void **state)
{
    (void)state;
    uint64_t hits = 0;
    uint64_t number = 0;
    for (uint64_t tries = 0; tries < tries_max; number++) {
        life_new(number);
        uint64_t channel = ask_new(number);
        while (world.net.pending_count > 0) {
            guess(&tries, &hits);
            if (world.net.pending_count > 0) {
                fake_carry(&world.net);
            }
        }
        fake_settle(&world.net);
        assert_honest(channel);
    }
    printf("%llu questions; %llu tries hit the port\n", (unsigned long long)number,
           (unsigned long long)hits);
}

/* Port and id are known; the cookie is not. */
static void test_cookies(void **state)
{
    (void)state;
    world.example_server->mood = FAKE_COOKIES;
    uint64_t forged = 0;
    for (uint64_t number = 0; number < tries_max / 100; number++) {
        life_new(number);
        bool is_first = number % QUESTIONS_A_LIFE == 0; /* here it learns of the cookies */
        uint64_t channel = ask_new(number);
        while (!is_first && world.net.pending_count > 0) {
            bool is_udp = world.net.pending[0].transport == TRANSPORT_UDP;
            if (is_udp &&
                address_equal(world.net.pending[0].server, world.example_server->address)) {
                forged++;
                forge(pending_id());
            }
            if (world.net.pending_count > 0) {
                fake_carry(&world.net);
            }
        }
        fake_settle(&world.net);
        assert_honest(channel);
    }
    assert_true(forged > tries_max / 200);
}

static int open_plain(void **state)
{
    (void)state;
    fake_world_start(&world, false);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fake_world_close(&world);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_guessing, open_plain, close_world),
        cmocka_unit_test_setup_teardown(test_cookies, open_plain, close_world),
    };
    if (argc > 1 && text_read_u64(span_of_text(argv[1]), UINT32_MAX, &tries_max) != OK) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
