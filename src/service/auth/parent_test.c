/* News for the parent: where DSYNC is looked for, who is told of what, how often, and when nobody
 * is (RFC 9859). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/auth/auth_state.h"
#include "service/auth/auth_test.h"

enum { STEPS_MAX = 6, ATTEMPTS = 6 };

static const struct address RESOLVER = {ADDRESS_IPV4, {192, 0, 2, 53}, 53};

struct bench {
    struct auth *auth;
    struct outbox outbox;
    uint64_t seed;
    struct entropy entropy;
    char zone[64];
};

/* What is asked of the resolver, and what it says: a record; "SOA NAME": there is none in that
 * zone; "" : SERVFAIL. */
struct step {
    const char *name;
    uint16_t type;
    const char *answer;
};

struct course {
    const char *zone;
    struct step steps[STEPS_MAX];
    const char *told; /* address and port that gets NOTIFY; NULL: nobody */
    const char *why;
};

#define TARGET "CDS NOTIFY 5300 n.test."
static const struct course courses[] = {
    {"a.test.",
     {{"a._dsync.test.", TYPE_DSYNC, TARGET}, {"n.test.", TYPE_A, "192.0.2.9"}},
     "192.0.2.9@5300",
     "the parent is right above"},
    {"a.test.",
     {{"a._dsync.test.", TYPE_DSYNC, TARGET},
      {"n.test.", TYPE_A, "SOA test."},
      {"n.test.", TYPE_AAAA, "2001:db8::9"}},
     "2001:db8::9@5300",
     "only by IPv6"},
    {"a.b.test.",
     {{"a._dsync.b.test.", TYPE_DSYNC, "SOA test."},
      {"a.b._dsync.test.", TYPE_DSYNC, TARGET},
      {"n.test.", TYPE_A, "192.0.2.9"}},
     "192.0.2.9@5300",
     "the parent's apex is further up"},
    {"a.b.test.",
     {{"a._dsync.b.test.", TYPE_DSYNC, "SOA test."},
      {"a.b._dsync.test.", TYPE_DSYNC, "SOA test."},
      {"_dsync.test.", TYPE_DSYNC, TARGET},
      {"n.test.", TYPE_A, "192.0.2.9"}},
     "192.0.2.9@5300",
     "no wildcard there"},
    {"a.test.",
     {{"a._dsync.test.", TYPE_DSYNC, "SOA test."}, {"_dsync.test.", TYPE_DSYNC, "SOA test."}},
     NULL,
     "the parent wants nothing"},
    {"a.test.", {{"a._dsync.test.", TYPE_DSYNC, "SOA other."}}, NULL, "a zone that is not above"},
    {"a.test.", {{"a._dsync.test.", TYPE_DSYNC, ""}}, NULL, "the resolver fails"},
    {"a.test.",
     {{"a._dsync.test.", TYPE_DSYNC, "CSYNC NOTIFY 53 n.test."}},
     NULL,
     "other news are wanted"},
    {"a.test.", {{"a._dsync.test.", TYPE_DSYNC, "CDS 2 53 n.test."}}, NULL, "an unknown scheme"},
    {"a.test.", {{"a._dsync.test.", TYPE_DSYNC, "CDS NOTIFY 0 n.test."}}, NULL, "port 0"},
    {"a.test.",
     {{"a._dsync.test.", TYPE_DSYNC, TARGET},
      {"n.test.", TYPE_A, "SOA test."},
      {"n.test.", TYPE_AAAA, "SOA test."}},
     NULL,
     "a target without address"},
};

static struct zone *version(const struct bench *bench, unsigned serial, const char *more)
{
    char lines[3][200];
    const char *all[3] = {lines[0], lines[1], lines[2]};
    snprintf(lines[0], sizeof lines[0], "%s SOA n.test. h.test. %u 3600 900 604800 300",
             bench->zone, serial);
    snprintf(lines[1], sizeof lines[1], "%s NS n.test.", bench->zone);
    snprintf(lines[2], sizeof lines[2], "%s %s", bench->zone, more == NULL ? "" : more);
    return test_zone(bench->zone, all, more == NULL ? 2 : 3);
}

static void push(struct bench *bench, unsigned serial, const char *more)
{
    outbox_reset(&bench->outbox);
    assert_int_equal(
        auth_push(bench->auth, version(bench, serial, more), test_moment(0), &bench->outbox), OK);
}

static void bench_open(struct bench *bench, const char *zone, bool has_resolver)
{
    struct name_buffer buffer;
    struct auth_zone_options options = {.name = test_name(zone, &buffer), .is_pushed = true};
    struct problem problem = {0};
    *bench = (struct bench){.seed = 1};
    bench->entropy = (struct entropy){test_fill, &bench->seed};
    snprintf(bench->zone, sizeof bench->zone, "%s", zone);
    outbox_open(&bench->outbox, 1 << 20);
    struct auth_options server = {.zones = &options,
                                  .zone_count = 1,
                                  .entropy = &bench->entropy,
                                  .dsync_resolver = has_resolver ? RESOLVER : (struct address){0}};
    assert_int_equal(auth_open(&server, &bench->auth, &problem), OK);
    test_give(bench->auth, EVENT_START, 0, &bench->outbox);
    push(bench, 1, NULL);
    assert_null(test_effect(&bench->outbox, EFFECT_ASK, 0)); /* nothing is known to be new */
}

static void bench_close(struct bench *bench)
{
    auth_close(bench->auth);
    outbox_close(&bench->outbox);
}

/* The ask under way, and the message in it; the outbox is reset with the next event. */
static const struct effect_ask *asked(const struct bench *bench, struct name_buffer *buffer,
                                      struct message *message)
{
    const struct effect *effect = test_effect(&bench->outbox, EFFECT_ASK, 0);
    if (effect != NULL) {
        assert_int_equal(message_read_query(effect->ask.message, buffer, message), OK);
    }
    return effect == NULL ? NULL : &effect->ask;
}

static void answer(struct bench *bench, uint64_t ask, enum status outcome, struct span message)
{
    struct event event = {.kind = EVENT_ANSWER, .now = test_moment(0)};
    event.answer = (struct event_answer){.ask = ask, .outcome = outcome, .message = message};
    outbox_reset(&bench->outbox);
    auth_handle(bench->auth, &event, &bench->outbox);
}

static void add_record(struct message_writer *writer, enum section section, struct name owner,
                       uint16_t type, const char *text)
{
    struct arena arena;
    struct rrset rrset;
    struct rrset_builder builder;
    uint8_t bytes[300];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {0};
    arena_open(&arena, 1 << 16);
    assert_int_equal(rdata_parse_text(type, span_of_text(text), NULL, &rdata, &problem), OK);
    rrset_begin(&builder, &arena, owner, type, 60);
    rrset_add(&builder, writer_written(&rdata));
    assert_int_equal(rrset_finish(&builder, &rrset), OK);
    assert_int_equal(message_add_rrset(writer, section, &rrset), OK);
    arena_close(&arena);
}

static void resolve(struct bench *bench, const struct step *step, const char *why)
{
    struct message query;
    struct name_buffer buffer, wanted, origin;
    const struct effect_ask *ask = asked(bench, &buffer, &query);
    assert_non_null(ask);
    assert_int_equal(ask->transport, TRANSPORT_TCP);
    assert_memory_equal(&ask->server, &RESOLVER, sizeof RESOLVER);
    if (query.question.type != step->type ||
        !name_equal(query.question.name, test_name(step->name, &wanted))) {
        char text[NAME_TEXT_MAX];
        fail_msg("%s: %s was asked for", why, name_print(query.question.name, text));
    }
    uint8_t bytes[512];
    struct message_writer writer;
    bool is_failure = step->answer[0] == '\0';
    message_begin(&writer, bytes, sizeof bytes, query.id, FLAG_QR | FLAG_RA, OPCODE_QUERY,
                  is_failure ? RCODE_SERVFAIL : RCODE_NOERROR);
    message_add_question(&writer, query.question);
    if (strncmp(step->answer, "SOA ", 4) == 0) {
        add_record(&writer, SECTION_AUTHORITY, test_name(step->answer + 4, &origin), TYPE_SOA,
                   "n.test. h.test. 1 2 3 4 5");
    } else if (!is_failure) {
        add_record(&writer, SECTION_ANSWER, query.question.name, step->type, step->answer);
    }
    answer(bench, ask->ask, OK, message_end(&writer));
}

/* Where the NOTIFY under way goes and what about; it is answered. */
static void hear(struct bench *bench, uint16_t type, const char *told, const char *why)
{
    struct message notify;
    struct name_buffer buffer, zone;
    char text[ADDRESS_TEXT_MAX];
    const struct effect_ask *ask = asked(bench, &buffer, &notify);
    if (ask == NULL) {
        fail_msg("%s: nobody is told", why);
        return;
    }
    assert_string_equal(address_print(ask->server, text), told);
    assert_int_equal(ask->transport, TRANSPORT_UDP);
    assert_int_equal(notify.opcode, OPCODE_NOTIFY);
    assert_int_equal(notify.question.type, type);
    assert_true(name_equal(notify.question.name, test_name(bench->zone, &zone)));
    uint8_t bytes[512];
    struct message_writer writer;
    message_begin(&writer, bytes, sizeof bytes, notify.id, FLAG_QR, OPCODE_NOTIFY, RCODE_NOERROR);
    message_add_question(&writer, notify.question);
    answer(bench, ask->ask, OK, message_end(&writer));
}

static void test_where_it_is_looked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(courses); i++) {
        const struct course *course = &courses[i];
        struct bench bench;
        bench_open(&bench, course->zone, true);
        push(&bench, 2, "CDS 0 0 0 00");
        for (size_t j = 0; j < STEPS_MAX && course->steps[j].name != NULL; j++) {
            resolve(&bench, &course->steps[j], course->why);
        }
        if (course->told != NULL) {
            hear(&bench, TYPE_CDS, course->told, course->why);
        }
        if (test_effect(&bench.outbox, EFFECT_ASK, 0) != NULL) {
            fail_msg("%s: it does not end", course->why);
        }
        bench_close(&bench);
    }
}

static void find_target(struct bench *bench, const char *dsync)
{
    const struct step steps[] = {{"a._dsync.test.", TYPE_DSYNC, dsync},
                                 {"n.test.", TYPE_A, "192.0.2.9"}};
    for (size_t i = 0; i < LEN(steps); i++) {
        resolve(bench, &steps[i], dsync);
    }
}

static void test_only_news_are_told(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "a.test.", true);
    push(&bench, 2, "CDNSKEY 0 3 0 AA==");
    find_target(&bench, TARGET);
    hear(&bench, TYPE_CDS, "192.0.2.9@5300", "CDNSKEY");
    push(&bench, 3, "CDNSKEY 0 3 0 AA==");
    assert_null(test_effect(&bench.outbox, EFFECT_ASK, 0));
    push(&bench, 4, "CSYNC 4 3 NS"); /* CDNSKEY went, CSYNC came */
    find_target(&bench, TARGET);
    hear(&bench, TYPE_CDS, "192.0.2.9@5300", "the first");
    find_target(&bench, "CSYNC NOTIFY 54 n.test.");
    hear(&bench, TYPE_CSYNC, "192.0.2.9@54", "the second");
    assert_null(test_effect(&bench.outbox, EFFECT_ASK, 0));
    bench_close(&bench);
    bench_open(&bench, "a.test.", false);
    push(&bench, 2, "CDS 0 0 0 00");
    assert_null(test_effect(&bench.outbox, EFFECT_ASK, 0)); /* there is no resolver to ask */
    bench_close(&bench);
}

static void test_who_is_silent_is_told_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, "a.test.", true);
    push(&bench, 2, "CDS 0 0 0 00");
    find_target(&bench, TARGET);
    uint32_t timeout_ms = 0;
    for (size_t i = 0; i < ATTEMPTS; i++) {
        const struct effect *effect = test_effect(&bench.outbox, EFFECT_ASK, 0);
        assert_non_null(effect);
        assert_true(effect->ask.timeout_ms > timeout_ms);
        timeout_ms = effect->ask.timeout_ms;
        answer(&bench, effect->ask.ask, TIMED_OUT, SPAN_EMPTY);
    }
    assert_null(test_effect(&bench.outbox, EFFECT_ASK, 0));
    push(&bench, 3, NULL); /* more news: told anew */
    const struct effect *refused = test_effect(&bench.outbox, EFFECT_ASK, 0);
    assert_non_null(refused);
    answer(&bench, refused->ask.ask, REFUSED, SPAN_EMPTY); /* no resolver is there: not at once */
    assert_null(test_effect(&bench.outbox, EFFECT_ASK, 0));
    const struct effect *timer = test_effect(&bench.outbox, EFFECT_TIMER, 0);
    assert_non_null(timer);
    struct event later = {.kind = EVENT_TIMER, .now = test_moment(2), .timer = timer->timer.timer};
    outbox_reset(&bench.outbox);
    auth_handle(bench.auth, &later, &bench.outbox);
    assert_non_null(test_effect(&bench.outbox, EFFECT_ASK, 0));
    push(&bench, 4, "CDS 0 0 0 00");
    assert_non_null(test_effect(&bench.outbox, EFFECT_ASK_DONE, 0)); /* instead of the one before */
    find_target(&bench, TARGET);
    struct name_buffer buffer;
    assert_int_equal(
        auth_remove(bench.auth, test_name("a.test.", &buffer), test_moment(0), &bench.outbox), OK);
    assert_non_null(test_effect(&bench.outbox, EFFECT_ASK_DONE, 0));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_is_looked_for),
        cmocka_unit_test(test_only_news_are_told),
        cmocka_unit_test(test_who_is_silent_is_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
