/* Zones without a version: who hears why, and what becomes of one that an operator added and waits
 * for; and a catalog that is told to the holders of its grants alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/dnssec/verdict.h"
#include "service/auth/auth_state.h"
#include "service/auth/auth_test.h"

#include <string.h>

enum { REQUEST = 77 };

static const char WHY[] = "line 7 is broken";
static const struct address CLIENT = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 200}};
static const struct address STRANGER = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 1}};

struct bench {
    struct auth *auth;
    struct outbox outbox;
    struct arena arena;
    uint64_t seed;
    struct entropy entropy;
    struct auth_grant grant;
    struct name_buffer buffers[3];
    struct auth_catalog generated, listing;
    bool is_removed;
};

static struct auth_zone_options make_added(struct bench *bench)
{
    return (struct auth_zone_options){.name = test_name("new.test.", &bench->buffers[2]),
                                      .listing = &bench->listing,
                                      .asks_why = true,
                                      .primary = {.address = STRANGER}};
}

static enum status bench_add(void *user, struct name name, struct span pattern, struct moment now,
                             struct writer *text)
{
    struct bench *bench = user;
    struct problem problem = {0};
    struct auth_zone_options options = make_added(bench);
    (void)name;
    (void)pattern;
    writer_text(text, "added\n");
    return auth_add(bench->auth, &options, now, &problem);
}

static enum status bench_remove(void *user, struct name name, struct moment now,
                                struct outbox *outbox, struct writer *text)
{
    struct bench *bench = user;
    (void)text;
    bench->is_removed = true;
    return auth_remove(bench->auth, name, now, outbox);
}

/* A zone that waits for versions, and a catalog; both are for one client. */
static void begin(struct bench *bench, struct address granted)
{
    *bench = (struct bench){.seed = 5, .grant = {.address = granted}};
    bench->entropy = (struct entropy){test_fill, &bench->seed};
    bench->generated.role = AUTH_CATALOG_GENERATE;
    const struct auth_zone_options zones[] = {
        {.name = test_name("wait.test.", &bench->buffers[0]),
         .is_pushed = true,
         .grants = &bench->grant,
         .grant_count = 1},
        {.name = test_name("all.cat.", &bench->buffers[1]),
         .is_private = true,
         .catalog = &bench->generated,
         .grants = &bench->grant,
         .grant_count = 1},
    };
    bench->listing = (struct auth_catalog){
        .role = AUTH_CATALOG_MEMBER, .zone = zones[1].name, .group = SPAN_LITERAL("signed")};
    const struct auth_options options = {
        .zones = zones,
        .zone_count = LEN(zones),
        .entropy = &bench->entropy,
        .manager = {.user = bench, .add = bench_add, .remove = bench_remove}};
    struct problem problem = {0};
    assert_int_equal(auth_open(&options, &bench->auth, &problem), OK);
    outbox_open(&bench->outbox, 1 << 20);
    arena_open(&bench->arena, 4 << 20);
    test_give(bench->auth, EVENT_START, 0, &bench->outbox);
}

static void end(struct bench *bench)
{
    auth_close(bench->auth);
    outbox_close(&bench->outbox);
    arena_close(&bench->arena);
}

static struct message ask(struct bench *bench, struct name name, uint16_t type)
{
    struct message answer;
    struct question question = {name, type, CLASS_IN};
    test_ask(bench->auth, TRANSPORT_TCP, question, true, &bench->arena, &answer);
    return answer;
}

static bool says(const struct message *answer, const char *text)
{
    struct span value;
    return edns_find(&answer->edns, EDNS_OPTION_EDE, &value) && value.len > 2 &&
           span_equal(span_part(value, 2, value.len - 2), span_of_text(text));
}

static void test_who_may_have_the_zone_hears_why(void **state)
{
    (void)state;
    static const struct address *const granted[] = {&CLIENT, &STRANGER};
    for (size_t i = 0; i < LEN(granted); i++) {
        struct bench bench;
        begin(&bench, *granted[i]);
        struct name name = test_name("wait.test.", &bench.buffers[0]);
        assert_int_equal(auth_explain(bench.auth, name, WHY), OK);
        struct message soa = ask(&bench, name, TYPE_SOA);
        assert_int_equal(soa.rcode, RCODE_SERVFAIL);
        assert_int_equal(says(&soa, WHY), i == 0);
        struct message axfr = ask(&bench, name, TYPE_AXFR);
        assert_int_equal(axfr.rcode, i == 0 ? RCODE_SERVFAIL : RCODE_REFUSED);
        assert_int_equal(says(&axfr, WHY), i == 0);
        static const char *const lines[] = {"wait.test. SOA ns.wait.test. h.wait.test. 1 2 3 4 5",
                                            "wait.test. NS ns.wait.test."};
        struct zone *version = test_zone("wait.test.", lines, LEN(lines));
        assert_int_equal(auth_push(bench.auth, version, test_moment(1), &bench.outbox), OK);
        assert_int_equal(ask(&bench, name, TYPE_SOA).rcode, RCODE_NOERROR);
        assert_int_equal(bench.auth->note_count, 0);
        end(&bench);
    }
}

static void test_a_private_zone_is_for_its_grants_alone(void **state)
{
    (void)state;
    static const struct address *const granted[] = {&CLIENT, &STRANGER};
    for (size_t i = 0; i < LEN(granted); i++) {
        struct bench bench;
        begin(&bench, *granted[i]);
        struct name_buffer buffer;
        uint16_t rcode = i == 0 ? RCODE_NOERROR : RCODE_REFUSED;
        assert_int_equal(ask(&bench, test_name("all.cat.", &buffer), TYPE_SOA).rcode, rcode);
        assert_int_equal(ask(&bench, test_name("version.all.cat.", &buffer), TYPE_TXT).rcode,
                         rcode);
        end(&bench);
    }
}

static void control(struct bench *bench, const char *line)
{
    struct event event = {.kind = EVENT_CONTROL,
                          .now = test_moment(1),
                          .control = {.request = REQUEST, .line = span_of_text(line)}};
    outbox_reset(&bench->outbox);
    auth_handle(bench->auth, &event, &bench->outbox);
}

/* The transfer that was asked for last is refused, for that reason or without any. */
static void refuse(struct bench *bench, const char *why, int64_t after_s)
{
    const struct effect *effect = test_effect(&bench->outbox, EFFECT_ASK, 0);
    assert_non_null(effect);
    struct message asked;
    struct name_buffer buffer;
    assert_int_equal(message_read_query(effect->ask.message, &buffer, &asked), OK);
    assert_true(asked.edns.is_present);
    uint8_t bytes[600], raw[100];
    struct writer options = writer_over(raw, sizeof raw);
    struct message_writer writer;
    message_begin(&writer, bytes, sizeof bytes, asked.id, FLAG_QR, OPCODE_QUERY, RCODE_SERVFAIL);
    message_add_question(&writer, asked.question);
    if (why != NULL) {
        edns_add_ede(&options, EDE_NOT_READY, span_of_text(why));
    }
    const struct edns edns = {.udp_size = 1232, .options = writer_written(&options)};
    message_add_edns(&writer, &edns, RCODE_SERVFAIL);
    struct event event = {
        .kind = EVENT_ANSWER,
        .now = test_moment(after_s),
        .answer = {.ask = effect->ask.ask, .outcome = OK, .message = message_end(&writer)}};
    outbox_reset(&bench->outbox);
    auth_handle(bench->auth, &event, &bench->outbox);
}

static bool is_told(const struct bench *bench, bool is_failure, const char *text)
{
    const struct effect *effect = test_effect(&bench->outbox, EFFECT_CONTROL, 0);
    return effect != NULL && effect->control.request == REQUEST &&
           effect->control.is_failure == is_failure &&
           span_equal(effect->control.text, span_of_text(text));
}

static size_t member_count(const struct bench *bench)
{
    struct name_buffer buffer;
    const struct auth_zone *zone =
        auth_find_zone_exactly(bench->auth, test_name("all.cat.", &buffer));
    return zone_node_count(auth_zone_newest(zone));
}

static void make_catalogs(struct bench *bench, int64_t after_s)
{
    struct event event = {.kind = EVENT_TIMER,
                          .now = test_moment(after_s),
                          .timer = auth_timer_id(AUTH_TIMER_CATALOG, 0)};
    outbox_reset(&bench->outbox);
    auth_handle(bench->auth, &event, &bench->outbox);
}

static void test_what_cannot_be_had_is_not_added(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, CLIENT);
    size_t names = member_count(&bench);
    control(&bench, "add new.test signed");
    assert_null(test_effect(&bench.outbox, EFFECT_CONTROL, 0)); /* not yet */
    refuse(&bench, "line\n7", 2);
    assert_true(is_told(&bench, true, "not added: line 7\n"));
    assert_true(bench.is_removed);
    assert_int_equal(bench.auth->waiting_count, 0);
    assert_int_equal(bench.auth->note_count, 0);
    make_catalogs(&bench, 3);
    assert_int_equal(member_count(&bench), names);
    end(&bench);
}

static void test_who_does_not_say_why_is_waited_for(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, CLIENT);
    size_t names = member_count(&bench);
    control(&bench, "add new.test signed");
    refuse(&bench, NULL, 2);
    assert_null(test_effect(&bench.outbox, EFFECT_CONTROL, 0));
    make_catalogs(&bench, 3);
    assert_true(member_count(&bench) > names); /* it is listed meanwhile */
    struct event event = {.kind = EVENT_TIMER,
                          .now = test_moment(1000),
                          .timer = auth_timer_id(AUTH_TIMER_WAITING, 0)};
    outbox_reset(&bench.outbox);
    auth_handle(bench.auth, &event, &bench.outbox);
    assert_true(
        is_told(&bench, false, "added; the signer has not handed it out yet, see zone-status\n"));
    assert_false(bench.is_removed);
    end(&bench);
}

static void test_one_that_goes_is_not_waited_for(void **state)
{
    (void)state;
    struct bench bench;
    begin(&bench, CLIENT);
    control(&bench, "add new.test signed");
    control(&bench, "remove new.test");
    assert_true(is_told(&bench, true, "the zone was removed meanwhile\n"));
    assert_int_equal(bench.auth->waiting_count, 0);
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_have_the_zone_hears_why),
        cmocka_unit_test(test_a_private_zone_is_for_its_grants_alone),
        cmocka_unit_test(test_what_cannot_be_had_is_not_added),
        cmocka_unit_test(test_who_does_not_say_why_is_waited_for),
        cmocka_unit_test(test_one_that_goes_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
