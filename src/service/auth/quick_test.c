/* Two servers with the same zone, secrets and rates are asked the same questions at the same times:
 * one by the short way, and by the careful one where that leaves a question; the other by the
 * careful way alone. Their answers are equal octet for octet, and so are their counters. With a
 * number as argument the questions are others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/auth/auth_state.h"
#include "service/auth/auth_test.h"

enum { QUESTIONS = 20000, QUERY_MAX = 1024, OPTIONS_MAX = 400, COOKIES = 32, ROUND_MAX = 16 };

static uint64_t first_seed = 1;

struct side {
    struct auth *auth;
    uint64_t entropy_seed;
    struct entropy entropy;
    struct outbox outbox;
};

struct pair {
    struct side quick, careful;
    struct test_keys keys;
    struct zone *zone;
    uint64_t seed;
    uint8_t cookies[COOKIES][COOKIE_LEN]; /* that were given out */
    uint64_t cookie_count;
    int64_t now_ms;
    uint32_t batch_max; /* 1 where it matters in which order answers are booked */
    size_t quick_count, dropped_count;
};

/* ------------------------------------------------------------------ servers */

static struct zone *make_zone(struct test_keys *keys, enum zone_denial denial)
{
    static const char *const lines[] = {
        "example. SOA ns.example. h.example. 1 3600 600 86400 300",
        "example. NS ns.example.",
        "example. TXT \"apex\"",
        "example. NS ns2.t.example.",
        "example. NS ns.elsewhere.test.",
        "ns.example. A 192.0.2.1",
        "ns.example. AAAA 2001:db8::1",
        "a.example. MX 10 ns.example.",
        "a.example. A 192.0.2.2",
        "a.example. AAAA 2001:db8::2",
        "m.example. CNAME a.example.",
        "s.example. NS ns.s.example.",
        "s.example. NS ns.example.",
        "ns.s.example. A 192.0.2.3",
        "t.example. NS ns1.elsewhere.test.",
        "t.example. NS NS2.Elsewhere.test.",
        "t.example. DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000007",
        "u.example. NS ns.t.example.",
        "u.example. NS NS2.T.example.",
        "u.example. NS ns.s.example.",
        "u.example. NS ns.u.example.",
        "ns.t.example. AAAA 2001:db8::4",
        "ns2.t.example. A 192.0.2.4",
        "ns.u.example. A 192.0.2.5",
        "b.c.d.example. TXT \"below two empty names\"",
    };
    struct zone_builder *builder = test_change("example.", NULL);
    for (size_t i = 0; i < LEN(lines); i++) {
        test_add(builder, lines[i]);
    }
    for (int i = 0; i < 60; i++) { /* pages that begin with glue */
        char line[100];
        snprintf(line, sizeof line, "w.example. NS h%02d.w.example.", i);
        test_add(builder, line);
        snprintf(line, sizeof line, "h%02d.w.example. A 192.0.2.6", i);
        test_add(builder, line);
    }
    for (int i = 0; i < 30; i++) {
        char line[100];
        snprintf(line, sizeof line, "big.example. TXT \"a text that is not short, number %d\"", i);
        test_add(builder, line);
    }
    struct zone *plain = zone_build_finish(builder);
    struct zone_sign_policy policy = {.denial = denial};
    test_keys_add(keys, ALGORITHM_ECDSAP256SHA256, true, true);
    struct zone *zone = test_sign(plain, NULL, keys, &policy, AUTH_TEST_NOW_S);
    zone_release(plain);
    return zone;
}

static void side_open(struct side *side, struct auth_options options)
{
    side->entropy_seed = 5;
    side->entropy = (struct entropy){test_fill, &side->entropy_seed};
    options.entropy = &side->entropy;
    assert_int_equal(auth_open(&options, &side->auth, NULL), OK);
    outbox_open(&side->outbox, 16 << 20);
    test_give(side->auth, EVENT_START, 0, &side->outbox);
}

static void side_close(struct side *side)
{
    outbox_close(&side->outbox);
    auth_close(side->auth);
}

/* ------------------------------------------------------------------ queries */

static void add_option(struct writer *options, uint16_t code, const uint8_t *bytes, size_t len)
{
    writer_u16(options, code);
    writer_u16(options, (uint16_t)len);
    writer_span(options, span_of(bytes, len));
}

static void draw_cookie(struct pair *pair, struct writer *options)
{
    uint8_t cookie[44];
    test_fill(&pair->seed, cookie, sizeof cookie);
    uint32_t kind = test_random(&pair->seed) % 8;
    size_t len = kind < 3 ? COOKIE_CLIENT_LEN : kind < 7 ? COOKIE_LEN : kind * 5 % 43;
    if (kind >= 3 && kind < 7 && pair->cookie_count > 0) {
        memcpy(cookie, pair->cookies[test_random(&pair->seed) % COOKIES], COOKIE_LEN);
        cookie[COOKIE_LEN - 1] ^= kind == 3; /* forged */
    }
    add_option(options, EDNS_OPTION_COOKIE, cookie, len);
}

/* None, one or some of: COOKIE (twice now and then), NSID, client subnet, padding, keepalive and
 * what nobody knows; seldom one that goes beyond the end. */
static struct span draw_options(struct pair *pair, uint8_t bytes[OPTIONS_MAX])
{
    static const uint16_t others[] = {8, EDNS_OPTION_KEEPALIVE, EDNS_OPTION_PADDING, 65001,
                                      EDNS_OPTION_EDE};
    struct writer options = writer_over(bytes, OPTIONS_MAX);
    uint8_t zeros[32] = {0};
    for (uint32_t left = test_random(&pair->seed) % 4; left > 0; left--) {
        switch (test_random(&pair->seed) % 4) {
        case 0:
        case 1:
            draw_cookie(pair, &options);
            break;
        case 2:
            add_option(&options, EDNS_OPTION_NSID, zeros, 0);
            break;
        default:
            add_option(&options, others[test_random(&pair->seed) % LEN(others)], zeros,
                       test_random(&pair->seed) % sizeof zeros);
            break;
        }
    }
    size_t cut = test_random(&pair->seed) % 64 == 0 && options.len > 0 ? 1 : 0;
    return span_of(bytes, options.len - cut);
}

static struct span draw_query(struct pair *pair, uint8_t bytes[QUERY_MAX])
{
    static const char *const names[] = {
        "example.",     "ns.example.", "a.example.",    "A.eXample.",    "m.example.",
        "x.s.example.", "s.example.",  "t.example.",    "y.t.example.",  "x.u.example.",
        "big.example.", "no.example.", "NOPE.example.", "c.d.example.",  "d.example.",
        "z.d.example.", "test.",       "x.y.example.",  "ns.s.example.", "b.c.d.example.",
        "wa.example.",  "w.example.",  "x.w.example."};
    static const uint16_t types[] = {TYPE_A,    TYPE_AAAA, TYPE_NS,  TYPE_DS,
                                     TYPE_TXT,  TYPE_SOA,  TYPE_MX,  TYPE_DNSKEY,
                                     TYPE_NSEC, TYPE_ANY,  TYPE_SRV, TYPE_HTTPS};
    static const uint16_t flags[] = {0, FLAG_RD, FLAG_RD | FLAG_CD, FLAG_AD};
    static const uint16_t sizes[] = {0, 511, 512, 700, 1232, 4096};
    uint8_t raw[OPTIONS_MAX];
    struct name_buffer buffer;
    struct message_writer writer;
    uint64_t *seed = &pair->seed;
    struct question question = {test_name(names[test_random(seed) % LEN(names)], &buffer),
                                types[test_random(seed) % LEN(types)], CLASS_IN};
    message_begin(&writer, bytes, QUERY_MAX, (uint16_t)test_random(seed),
                  flags[test_random(seed) % LEN(flags)], OPCODE_QUERY, 0);
    message_add_question(&writer, question);
    if (test_random(seed) % 8 != 0) {
        struct edns edns = {.udp_size = sizes[test_random(seed) % LEN(sizes)],
                            .wants_dnssec = test_random(seed) % 2 == 0,
                            .options = draw_options(pair, raw)};
        message_add_edns(&writer, &edns, 0);
    }
    return message_end(&writer);
}

static struct address draw_client(struct pair *pair)
{
    uint32_t drawn = test_random(&pair->seed);
    struct address client = {.family = drawn % 4 == 0 ? ADDRESS_IPV6 : ADDRESS_IPV4, .port = 4000};
    client.octets[0] = (uint8_t)(drawn >> 8) % 4;
    client.octets[3] = (uint8_t)(drawn >> 16) % 2;
    return client;
}

/* ------------------------------------------------------------------ answers */

static struct moment now(const struct pair *pair)
{
    struct moment moment = test_moment(0);
    moment.mono_ns += pair->now_ms * MOMENT_NS_PER_MS;
    moment.wall_ns += pair->now_ms * MOMENT_NS_PER_MS;
    return moment;
}

static struct span answer_carefully(struct side *side, const struct datagram *datagram,
                                    struct moment moment)
{
    struct event event = {.kind = EVENT_QUERY, .now = moment};
    event.query = (struct event_query){.channel = 7,
                                       .transport = TRANSPORT_UDP,
                                       .peer = datagram->peer,
                                       .message = datagram->message};
    outbox_reset(&side->outbox);
    auth_handle(side->auth, &event, &side->outbox);
    const struct effect *reply = test_effect(&side->outbox, EFFECT_REPLY, 0);
    return reply == NULL ? SPAN_EMPTY : reply->reply.message;
}

static void keep_cookie(struct pair *pair, struct span answer)
{
    struct name_buffer buffer;
    struct message message;
    struct span cookie;
    if (answer.len > 0 && message_read_query(answer, &buffer, &message) == OK &&
        edns_find(&message.edns, EDNS_OPTION_COOKIE, &cookie) && cookie.len == COOKIE_LEN) {
        memcpy(pair->cookies[pair->cookie_count++ % COOKIES], cookie.bytes, COOKIE_LEN);
    }
}

static void compare(struct pair *pair, const struct datagram *datagram)
{
    struct span careful = answer_carefully(&pair->careful, datagram, now(pair));
    bool is_left = datagram->reply_len == 0 && !datagram->is_dropped;
    struct span quick = is_left ? answer_carefully(&pair->quick, datagram, now(pair))
                                : span_of(datagram->reply, datagram->reply_len);
    pair->quick_count += !is_left;
    pair->dropped_count += datagram->is_dropped;
    if (!span_equal(quick, careful)) {
        struct name_buffer buffer;
        struct message message;
        char name[NAME_TEXT_MAX];
        enum status status = message_read_query(datagram->message, &buffer, &message);
        fail_msg("%s %u (%s), DO %d, size %u: %zu octets the short way, %zu the careful one",
                 name_print(message.question.name, name), message.question.type,
                 status_text(status), message.edns.wants_dnssec, message.edns.udp_size, quick.len,
                 careful.len);
    }
    keep_cookie(pair, careful);
}

/* Batches of questions, a while apart; once a day has passed, with another secret. */
static void compare_all(struct pair *pair)
{
    static uint8_t queries[ROUND_MAX][QUERY_MAX];
    static uint8_t replies[ROUND_MAX][QUERY_MAX * 5];
    for (size_t asked = 0; asked < QUESTIONS;) {
        struct datagram datagrams[ROUND_MAX];
        size_t count = 1 + test_random(&pair->seed) % pair->batch_max;
        for (size_t i = 0; i < count; i++) {
            datagrams[i] = (struct datagram){.peer = draw_client(pair),
                                             .message = draw_query(pair, queries[i]),
                                             .reply = replies[i],
                                             .reply_size = sizeof replies[i]};
        }
        auth_answer(pair->quick.auth, now(pair), datagrams, count);
        for (size_t i = 0; i < count; i++) {
            compare(pair, &datagrams[i]);
        }
        asked += count;
        pair->now_ms += test_random(&pair->seed) % (3 * pair->batch_max);
        if (asked / (QUESTIONS / 4) != (asked - count) / (QUESTIONS / 4)) {
            struct event due = {.kind = EVENT_TIMER,
                                .now = now(pair),
                                .timer = auth_timer_id(AUTH_TIMER_SECRETS, 0)};
            auth_handle(pair->quick.auth, &due, &pair->quick.outbox);
            auth_handle(pair->careful.auth, &due, &pair->careful.outbox);
        }
    }
}

static void check(enum zone_denial denial, struct auth_options options)
{
    struct pair pair = {.seed = first_seed,
                        .batch_max = options.rate.per_second > 0 ? 1 : ROUND_MAX};
    struct name_buffer buffer;
    pair.zone = make_zone(&pair.keys, denial);
    struct auth_zone_options zone = {.name = test_name("example.", &buffer), .fixed = pair.zone};
    options.zones = &zone;
    options.zone_count = 1;
    options.identity = "one of many";
    side_open(&pair.quick, options);
    side_open(&pair.careful, options);
    compare_all(&pair);
    for (int i = 0; i < AUTH_COUNTER_COUNT; i++) {
        if (pair.quick.auth->counters[i] != pair.careful.auth->counters[i]) {
            fail_msg("counter %d: %llu the short way, %llu the careful one", i,
                     (unsigned long long)pair.quick.auth->counters[i],
                     (unsigned long long)pair.careful.auth->counters[i]);
        }
    }
    assert_true(pair.quick_count > QUESTIONS / 4);
    assert_true(options.ignores_cookies || pair.cookie_count > QUESTIONS / 8);
    assert_true((pair.dropped_count > 0) == (options.rate.per_second > 0));
    side_close(&pair.quick);
    side_close(&pair.careful);
    zone_release(pair.zone);
    test_keys_close(&pair.keys);
}

static void test_plain(void **state)
{
    (void)state;
    check(ZONE_NSEC, (struct auth_options){0});
    check(ZONE_NSEC3, (struct auth_options){.udp_size_ipv4 = 4096, .udp_size_ipv6 = 700});
    check(ZONE_NSEC3_OPT_OUT, (struct auth_options){.ignores_cookies = true});
    struct name_buffer buffer;
    check(ZONE_NSEC, (struct auth_options){.report_agent = test_name("agent.test.", &buffer)});
}

static void test_cookies(void **state)
{
    (void)state;
    static const uint8_t secrets[2][COOKIE_SECRET_LEN] = {{1}, {2}};
    check(ZONE_NSEC, (struct auth_options){.requires_cookies = true});
    check(ZONE_NSEC,
          (struct auth_options){.cookie_secrets = secrets, .cookie_secret_count = LEN(secrets)});
}

static void test_rates(void **state)
{
    (void)state;
    struct rate_options rate = {
        .per_second = 20, .slip = 2, .accounts = 64, .ipv4_prefix_len = 24, .ipv6_prefix_len = 56};
    check(ZONE_NSEC, (struct auth_options){.rate = rate});
    rate.slip = 3;
    check(ZONE_NSEC3_OPT_OUT, (struct auth_options){.rate = rate, .requires_cookies = true});
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_rates),
    };
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : first_seed;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
