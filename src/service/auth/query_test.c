/* What surrounds an answer: which messages get none, which a refusal, and what a small datagram
 * holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/dnssec/verdict.h"
#include "core/zone/transfer.h"
#include "service/auth/auth_test.h"

static const uint8_t SECRET[32] = {7};

struct fixture {
    struct zone *zone;
    struct name_buffer buffers[2];
    struct auth_zone_options zone_options;
    struct auth_grant grant;
    struct tsig_key key;
    uint64_t seed;
    struct entropy entropy;
    struct auth *auth;
    struct outbox outbox;
    struct arena arena;
};

static struct zone *make_zone(void)
{
    struct zone_builder *builder = test_change("example.", NULL);
    char line[200];
    test_add(builder, "example. SOA ns.example. h.example. 1 3600 600 86400 300");
    test_add(builder, "example. NS ns.example.");
    test_add(builder, "ns.example. A 192.0.2.1");
    for (int i = 0; i < 12; i++) { /* A referral whose glue does not fit 512 octets. */
        snprintf(line, sizeof line, "wide.example. NS nameserver-%d.wide.example.", i);
        test_add(builder, line);
        snprintf(line, sizeof line, "nameserver-%d.wide.example. AAAA 2001:db8::%d", i, i + 1);
        test_add(builder, line);
    }
    for (int i = 0; i < 12; i++) { /* One whose sibling glue does not. */
        snprintf(line, sizeof line, "lucky.example. NS nameserver-%d.wide.example.", i);
        test_add(builder, line);
    }
    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof line, "big.example. TXT \"a text that is not short, number %d\"", i);
        test_add(builder, line);
    }
    return zone_build_finish(builder);
}

/* With what the test adds to the options of a plain server. */
static void begin_with(struct fixture *fixture, struct auth_options options)
{
    *fixture = (struct fixture){.seed = 3};
    fixture->entropy = (struct entropy){test_fill, &fixture->seed};
    fixture->zone = make_zone();
    fixture->key = (struct tsig_key){test_name("key.", &fixture->buffers[0]), TSIG_HMAC_SHA256,
                                     span_of(SECRET, sizeof SECRET)};
    fixture->grant = (struct auth_grant){.key = &fixture->key};
    fixture->zone_options =
        (struct auth_zone_options){.name = test_name("example.", &fixture->buffers[1]),
                                   .fixed = fixture->zone,
                                   .grants = &fixture->grant,
                                   .grant_count = 1};
    options.zones = &fixture->zone_options;
    options.zone_count = 1;
    options.keys = &fixture->key;
    options.key_count = 1;
    options.version = "vouch";
    options.identity = "one";
    options.entropy = &fixture->entropy;
    struct problem problem = {0};
    assert_int_equal(auth_open(&options, &fixture->auth, &problem), OK);
    outbox_open(&fixture->outbox, 64 << 20);
    arena_open(&fixture->arena, 64 << 20);
}

static void begin(struct fixture *fixture)
{
    begin_with(fixture, (struct auth_options){0});
}

static void end(struct fixture *fixture)
{
    auth_close(fixture->auth);
    zone_release(fixture->zone);
    outbox_close(&fixture->outbox);
    arena_close(&fixture->arena);
}

/* The one answer to a message; NULL when there is none. */
static const struct message *send(struct fixture *fixture, enum transport transport,
                                  struct span wire)
{
    test_send(fixture->auth, transport, wire, &fixture->outbox);
    const struct effect *reply = test_effect(&fixture->outbox, EFFECT_REPLY, 0);
    if (reply == NULL) {
        return NULL;
    }
    struct message *answer = arena_take(&fixture->arena, sizeof *answer);
    assert_int_equal(message_read(reply->reply.message, &fixture->arena, answer), OK);
    return answer;
}

/* A message with everything free. */
struct form {
    uint16_t flags;
    uint8_t opcode;
    int questions;
    const char *name;
    uint16_t type, class_;
    bool has_edns;
    uint8_t version;
    uint16_t udp_size;
    struct span options;
};

static size_t fill(const struct form *form, uint8_t bytes[1024])
{
    struct message_writer writer;
    struct name_buffer buffer;
    struct question question = {test_name(form->name, &buffer), form->type, form->class_};
    message_begin(&writer, bytes, 1024, 0xabcd, form->flags, form->opcode, 0);
    for (int i = 0; i < form->questions; i++) {
        message_add_question(&writer, question);
    }
    if (form->has_edns) {
        struct edns edns = {
            .version = form->version, .udp_size = form->udp_size, .options = form->options};
        message_add_edns(&writer, &edns, 0);
    }
    return message_end(&writer).len;
}

enum { NO_ANSWER = 0xffff };

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct form form;
        uint16_t rcode;
    } rows[] = {
        {"a plain question",
         {.questions = 1, .name = "example.", .type = TYPE_SOA, .class_ = 1},
         0},
        {"an answer is never answered",
         {.flags = FLAG_QR, .questions = 1, .name = "example.", .type = TYPE_SOA, .class_ = 1},
         NO_ANSWER},
        {"no question", {.questions = 0, .name = "example."}, RCODE_FORMERR},
        {"two questions (RFC 9619)",
         {.questions = 2, .name = "example.", .type = TYPE_SOA, .class_ = 1},
         RCODE_FORMERR},
        {"IQUERY",
         {.opcode = 1, .questions = 1, .name = "example.", .type = 1, .class_ = 1},
         RCODE_NOTIMP},
        {"UPDATE without a key",
         {.opcode = OPCODE_UPDATE,
          .questions = 1,
          .name = "example.",
          .type = TYPE_SOA,
          .class_ = 1},
         RCODE_REFUSED},
        {"UPDATE of a name that is no zone",
         {.opcode = OPCODE_UPDATE,
          .questions = 1,
          .name = "ns.example.",
          .type = TYPE_SOA,
          .class_ = 1},
         RCODE_NOTAUTH},
        {"UPDATE that names no SOA",
         {.opcode = OPCODE_UPDATE, .questions = 1, .name = "example.", .type = 1, .class_ = 1},
         RCODE_FORMERR},
        {"UPDATE of class CH",
         {.opcode = OPCODE_UPDATE,
          .questions = 1,
          .name = "example.",
          .type = TYPE_SOA,
          .class_ = CLASS_CH},
         RCODE_NOTAUTH},
        {"NOTIFY for a zone from a file",
         {.opcode = OPCODE_NOTIFY,
          .questions = 1,
          .name = "example.",
          .type = TYPE_SOA,
          .class_ = 1},
         RCODE_REFUSED},
        {"NOTIFY for a zone that is not here",
         {.opcode = OPCODE_NOTIFY, .questions = 1, .name = "test.", .type = TYPE_SOA, .class_ = 1},
         RCODE_NOTAUTH},
        {"EDNS 1",
         {.questions = 1,
          .name = "example.",
          .type = TYPE_SOA,
          .class_ = 1,
          .has_edns = true,
          .version = 1,
          .udp_size = 1232},
         RCODE_BADVERS},
        {"class ANY",
         {.questions = 1, .name = "example.", .type = TYPE_SOA, .class_ = 255},
         RCODE_REFUSED},
        {"class HS",
         {.questions = 1, .name = "example.", .type = TYPE_SOA, .class_ = 4},
         RCODE_REFUSED},
        {"CH version.bind",
         {.questions = 1, .name = "Version.Bind.", .type = TYPE_TXT, .class_ = CLASS_CH},
         0},
        {"CH id.server",
         {.questions = 1, .name = "id.server.", .type = TYPE_TXT, .class_ = CLASS_CH},
         0},
        {"CH anything else",
         {.questions = 1, .name = "authors.bind.", .type = TYPE_TXT, .class_ = CLASS_CH},
         RCODE_REFUSED},
        {"type OPT",
         {.questions = 1, .name = "example.", .type = TYPE_OPT, .class_ = 1},
         RCODE_FORMERR},
        {"type MAILA",
         {.questions = 1, .name = "example.", .type = 254, .class_ = 1},
         RCODE_NOTIMP},
        {"AXFR by UDP without a key",
         {.questions = 1, .name = "example.", .type = TYPE_AXFR, .class_ = 1},
         RCODE_REFUSED},
        {"AXFR of a name that is no zone",
         {.questions = 1, .name = "ns.example.", .type = TYPE_AXFR, .class_ = 1},
         RCODE_NOTAUTH},
    };
    struct fixture fixture;
    begin(&fixture);
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[1024];
        size_t len = fill(&rows[i].form, bytes);
        const struct message *answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, len));
        uint16_t rcode = answer == NULL ? NO_ANSWER : answer->rcode;
        if (rcode != rows[i].rcode) {
            fail_msg("%s: %s", rows[i].why, rcode_text(rcode));
        }
        if (answer != NULL) {
            assert_int_equal(answer->id, 0xabcd);
            assert_int_equal(answer->opcode, rows[i].form.opcode);
            assert_int_equal(answer->edns.is_present, rows[i].form.has_edns);
            assert_int_equal(answer->edns.version, 0);
        }
    }
    end(&fixture);
}

/* Each prefix of a question, and the question with an octet behind it. */
static void test_broken_messages(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t bytes[1024] = {0};
    struct form form = {.questions = 1, .name = "example.", .type = TYPE_SOA, .class_ = 1};
    begin(&fixture);
    size_t whole = fill(&form, bytes);
    for (size_t len = 0; len <= whole + 1; len++) {
        const struct message *answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, len));
        if (len < MESSAGE_HEADER_LEN) {
            assert_null(answer);
        } else {
            assert_int_equal(answer->rcode, len == whole ? RCODE_NOERROR : RCODE_FORMERR);
            assert_int_equal(answer->id, 0xabcd);
        }
    }
    end(&fixture);
}

static void test_truncation(void **state)
{
    (void)state;
    static const struct {
        const char *why, *name;
        uint16_t type, udp_size; /* 0: no EDNS */
        bool is_truncated;
    } rows[] = {
        {"a large answer by plain UDP", "big.example.", TYPE_TXT, 0, true},
        {"and with all the room there is", "big.example.", TYPE_TXT, 65535, true},
        {"a referral whose glue does not fit (RFC 9471)", "x.wide.example.", TYPE_A, 0, true},
        {"the same with room", "x.wide.example.", TYPE_A, 1232, false},
        {"glue of siblings is left out instead", "x.lucky.example.", TYPE_A, 0, false},
        {"a small answer", "ns.example.", TYPE_A, 0, false},
    };
    struct fixture fixture;
    begin(&fixture);
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[1024];
        struct form form = {.questions = 1,
                            .name = rows[i].name,
                            .type = rows[i].type,
                            .class_ = CLASS_IN,
                            .has_edns = rows[i].udp_size != 0,
                            .udp_size = rows[i].udp_size};
        size_t len = fill(&form, bytes);
        const struct message *answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, len));
        size_t limit = rows[i].udp_size == 0 ? 512 : 1232;
        size_t sent = test_effect(&fixture.outbox, EFFECT_REPLY, 0)->reply.message.len;
        if (sent > limit || ((answer->flags & FLAG_TC) != 0) != rows[i].is_truncated) {
            fail_msg("%s: %zu octets, flags %x", rows[i].why, sent, answer->flags);
        }
        answer = send(&fixture, TRANSPORT_TCP, span_of(bytes, len));
        assert_int_equal(answer->flags & FLAG_TC, 0);
    }
    end(&fixture);
}

/* What an answer says on each transport of how long it is kept, and how long it is itself. */
static void test_streams(void **state)
{
    (void)state;
    static const uint8_t keepalive[] = {0, EDNS_OPTION_KEEPALIVE, 0, 0};
    static const struct {
        enum transport transport;
        bool asks, is_told, is_padded;
        const char *why;
    } rows[] = {
        {TRANSPORT_UDP, true, false, false, "RFC 7828 §3.2.1: not over UDP"},
        {TRANSPORT_TCP, false, false, false, "nobody asked"},
        {TRANSPORT_TCP, true, true, false, "RFC 7828 §3.3.2; RFC 7830 §6: no padding in the clear"},
        {TRANSPORT_TLS, true, true, true, "RFC 8467 §4.1"},
        {TRANSPORT_TLS, false, false, true, "padded whether asked or not"},
    };
    struct fixture fixture;
    begin(&fixture);
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[1024];
        struct span value;
        struct form form = {.questions = 1,
                            .name = "example.",
                            .type = TYPE_SOA,
                            .class_ = 1,
                            .has_edns = true,
                            .udp_size = 1232};
        form.options = rows[i].asks ? span_of(keepalive, sizeof keepalive) : SPAN_EMPTY;
        const struct message *answer =
            send(&fixture, rows[i].transport, span_of(bytes, fill(&form, bytes)));
        size_t len = test_effect(&fixture.outbox, EFFECT_REPLY, 0)->reply.message.len;
        bool is_told = edns_find(&answer->edns, EDNS_OPTION_KEEPALIVE, &value);
        if (is_told != rows[i].is_told || (len % 468 == 0) != rows[i].is_padded) {
            fail_msg("%s: %zu octets", rows[i].why, len);
        }
        assert_true(!is_told || (value.len == 2 && value.bytes[0] == 1 && value.bytes[1] == 44));
    }
    end(&fixture);
}

static void test_nsid(void **state)
{
    (void)state;
    static const uint8_t nsid[] = {0, EDNS_OPTION_NSID, 0, 0};
    struct fixture fixture;
    uint8_t bytes[1024];
    struct span value;
    struct form form = {.questions = 1,
                        .name = "example.",
                        .type = TYPE_SOA,
                        .class_ = 1,
                        .has_edns = true,
                        .udp_size = 1232};
    begin(&fixture);
    const struct message *answer =
        send(&fixture, TRANSPORT_UDP, span_of(bytes, fill(&form, bytes)));
    assert_false(edns_find(&answer->edns, EDNS_OPTION_NSID, &value));
    form.options = span_of(nsid, sizeof nsid);
    answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, fill(&form, bytes)));
    assert_true(edns_find(&answer->edns, EDNS_OPTION_NSID, &value));
    assert_true(span_equal(value, SPAN_LITERAL("one")));
    end(&fixture);
}

/* RFC 9567 §6.2: every answer with EDNS says who is told of failures. */
static void test_report_agent(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool has_edns;
        const char *why;
    } rows[] = {
        {"example.", true, "an answer"},
        {"missing.example.", true, "a denial"},
        {"elsewhere.", true, "a refusal"},
        {"example.", false, "without EDNS there is no place for it"},
    };
    struct name_buffer buffer;
    struct name agent = test_name("agent.test.", &buffer);
    struct fixture fixture;
    begin_with(&fixture, (struct auth_options){.report_agent = agent});
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[1024];
        struct span value;
        struct form form = {.questions = 1,
                            .name = rows[i].name,
                            .type = TYPE_SOA,
                            .class_ = 1,
                            .has_edns = rows[i].has_edns,
                            .udp_size = 1232};
        const struct message *answer =
            send(&fixture, TRANSPORT_UDP, span_of(bytes, fill(&form, bytes)));
        bool is_told = edns_find(&answer->edns, EDNS_OPTION_REPORT_CHANNEL, &value);
        if (is_told != rows[i].has_edns || (is_told && !span_equal(value, name_span(agent)))) {
            fail_msg("%s", rows[i].why);
        }
    }
    end(&fixture);
}

/* Sends a question signed with that key and gives the answer's rcode and TSIG check. */
static uint16_t ask_signed(struct fixture *fixture, struct tsig_key key, int64_t now_s,
                           enum status *checked)
{
    uint8_t bytes[1024];
    uint16_t error;
    struct tsig_session session;
    struct form form = {.questions = 1, .name = "example.", .type = TYPE_SOA, .class_ = 1};
    size_t len = fill(&form, bytes);
    tsig_begin(&session, &key);
    assert_int_equal(tsig_sign(&session, bytes, sizeof bytes, &len, now_s, 0), OK);
    const struct message *answer = send(fixture, TRANSPORT_UDP, span_of(bytes, len));
    struct span wire = test_effect(&fixture->outbox, EFFECT_REPLY, 0)->reply.message;
    *checked = tsig_check(&session, wire, answer->tsig_at, now_s, &error);
    tsig_end(&session);
    return answer->rcode;
}

static void test_tsig(void **state)
{
    (void)state;
    static const uint8_t other_secret[32] = {8};
    struct fixture fixture;
    struct name_buffer buffer;
    enum status checked;
    begin(&fixture);
    assert_int_equal(ask_signed(&fixture, fixture.key, AUTH_TEST_NOW_S, &checked), RCODE_NOERROR);
    assert_int_equal(checked, OK);
    struct tsig_key key = fixture.key;
    key.secret = span_of(other_secret, sizeof other_secret);
    assert_int_equal(ask_signed(&fixture, key, AUTH_TEST_NOW_S, &checked), RCODE_NOTAUTH);
    assert_int_equal(checked, MISMATCH); /* BADSIG, unsigned */
    key = fixture.key;
    key.name = test_name("unknown.", &buffer);
    assert_int_equal(ask_signed(&fixture, key, AUTH_TEST_NOW_S, &checked), RCODE_NOTAUTH);
    assert_int_equal(checked, NOT_FOUND); /* BADKEY, unsigned */
    assert_int_equal(ask_signed(&fixture, fixture.key, AUTH_TEST_NOW_S - 400, &checked),
                     RCODE_NOTAUTH);
    assert_int_equal(checked, EXPIRED); /* BADTIME, signed */
    end(&fixture);
}

/* A whole AXFR by TCP: every message signed, the SOA first and last, all records there. */
static void test_axfr(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t bytes[1024];
    struct tsig_session session;
    struct transfer_in *transfer;
    struct problem problem = {0};
    enum transfer_state got = TRANSFER_MORE;
    begin(&fixture);
    struct form form = {.questions = 1, .name = "example.", .type = TYPE_AXFR, .class_ = 1};
    size_t len = fill(&form, bytes);
    assert_int_equal(send(&fixture, TRANSPORT_TCP, span_of(bytes, len))->rcode, RCODE_REFUSED);
    tsig_begin(&session, &fixture.key);
    assert_int_equal(tsig_sign(&session, bytes, sizeof bytes, &len, AUTH_TEST_NOW_S, 0), OK);
    test_send(fixture.auth, TRANSPORT_TCP, span_of(bytes, len), &fixture.outbox);
    assert_int_equal(transfer_in_open(fixture.zone_options.name, NULL, &transfer), OK);
    const struct effect *reply;
    for (size_t i = 0; (reply = test_effect(&fixture.outbox, EFFECT_REPLY, i)) != NULL; i++) {
        struct message message;
        struct name_buffer buffer;
        uint16_t error;
        struct span wire = reply->reply.message;
        assert_int_equal(got, TRANSFER_MORE);
        assert_int_equal(message_read_query(wire, &buffer, &message), OK);
        assert_int_equal(tsig_check(&session, wire, message.tsig_at, AUTH_TEST_NOW_S, &error), OK);
        assert_int_equal(message.id, 0xabcd);
        got = transfer_in_add(transfer, wire, &problem);
    }
    assert_int_equal(got, TRANSFER_DONE);
    struct zone *zone = transfer_in_finish(transfer);
    assert_int_equal(zone_record_count(zone), zone_record_count(fixture.zone));
    zone_release(zone);
    transfer_in_close(transfer);
    tsig_end(&session);
    end(&fixture);
}

/* Asks for the SOA with a COOKIE option of these octets; the cookie of the answer. */
static const struct message *ask_with_cookie(struct fixture *fixture, enum transport transport,
                                             int questions, struct span cookie,
                                             struct span *returned)
{
    uint8_t bytes[1024];
    uint8_t option[4 + 40];
    struct writer options = writer_over(option, sizeof option);
    writer_u16(&options, EDNS_OPTION_COOKIE);
    writer_u16(&options, (uint16_t)cookie.len);
    writer_span(&options, cookie);
    struct form form = {.questions = questions,
                        .name = "example.",
                        .type = TYPE_SOA,
                        .class_ = CLASS_IN,
                        .has_edns = true,
                        .udp_size = 1232,
                        .options = writer_written(&options)};
    size_t len = fill(&form, bytes);
    const struct message *answer = send(fixture, transport, span_of(bytes, len));
    *returned = SPAN_EMPTY;
    if (answer != NULL) {
        (void)edns_find(&answer->edns, EDNS_OPTION_COOKIE, returned);
    }
    return answer;
}

static void test_cookies(void **state)
{
    (void)state;
    static const uint8_t client[COOKIE_CLIENT_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct span half = span_of(client, sizeof client);
    struct fixture fixture;
    struct span first, second;
    begin(&fixture);
    const struct message *answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 1, half, &first);
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_int_equal(first.len, COOKIE_LEN);
    assert_memory_equal(first.bytes, client, sizeof client);
    answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 1, first, &second);
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_true(span_equal(first, second)); /* it is young: it stays */
    answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 0, first, &second);
    assert_int_equal(answer->rcode, RCODE_NOERROR); /* the cookie alone (RFC 7873 §5.4) */
    assert_int_equal(answer->question_count, 0);
    assert_true(span_equal(first, second));
    uint8_t forged[COOKIE_LEN];
    memcpy(forged, first.bytes, sizeof forged);
    forged[COOKIE_LEN - 1] ^= 1;
    answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 1, span_of(forged, sizeof forged), &second);
    assert_int_equal(answer->rcode, RCODE_NOERROR); /* it is not demanded */
    assert_true(span_equal(first, second));         /* made anew within the same second */
    answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 0, span_of(forged, sizeof forged), &second);
    assert_int_equal(answer->rcode, RCODE_BADCOOKIE);
    for (size_t len = 0; len <= 40; len++) {
        static const uint8_t zeros[44];
        answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 1, span_of(zeros, len), &second);
        bool is_possible = len == 8 || (len >= 16 && len <= 40);
        assert_int_equal(answer->rcode, is_possible ? RCODE_NOERROR : RCODE_FORMERR);
    }
    end(&fixture);
}

static void test_cookies_by_option(void **state)
{
    (void)state;
    static const uint8_t client[COOKIE_CLIENT_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t secrets[2][COOKIE_SECRET_LEN] = {{1}, {2}};
    struct span half = span_of(client, sizeof client);
    struct fixture fixture;
    struct span first, second;
    begin_with(&fixture, (struct auth_options){.ignores_cookies = true});
    assert_int_equal(ask_with_cookie(&fixture, TRANSPORT_UDP, 1, half, &first)->rcode, 0);
    assert_int_equal(first.len, 0);
    end(&fixture);

    begin_with(&fixture, (struct auth_options){.requires_cookies = true});
    const struct message *answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 1, half, &first);
    assert_int_equal(answer->rcode, RCODE_BADCOOKIE);
    assert_int_equal(answer->sections[SECTION_ANSWER].count, 0);
    assert_int_equal(ask_with_cookie(&fixture, TRANSPORT_UDP, 1, first, &second)->rcode, 0);
    assert_int_equal(ask_with_cookie(&fixture, TRANSPORT_TCP, 1, half, &second)->rcode, 0);
    end(&fixture);

    /* Two servers with one secret, and one that still accepts what it made before. */
    struct auth_options old = {.cookie_secrets = &secrets[1], .cookie_secret_count = 1};
    struct auth_options both = {.cookie_secrets = secrets, .cookie_secret_count = 2};
    uint8_t cookie[COOKIE_LEN];
    begin_with(&fixture, old);
    (void)ask_with_cookie(&fixture, TRANSPORT_UDP, 1, half, &first);
    memcpy(cookie, first.bytes, sizeof cookie);
    end(&fixture);
    both.requires_cookies = true;
    begin_with(&fixture, both);
    answer = ask_with_cookie(&fixture, TRANSPORT_UDP, 1, span_of(cookie, sizeof cookie), &second);
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_memory_not_equal(second.bytes, cookie, sizeof cookie); /* by the first secret now */
    end(&fixture);
}

/* A flood of one question: so many a second are answered, of the rest each second truncated; by
 * TCP, with a good cookie or a signature all are. */
static void test_rates(void **state)
{
    (void)state;
    static const uint8_t client[COOKIE_CLIENT_LEN] = {9};
    struct rate_options limit = {
        .per_second = 10, .slip = 2, .accounts = 100, .ipv4_prefix_len = 24, .ipv6_prefix_len = 56};
    static const struct {
        const char *name;
        uint16_t type;
        const char *why;
    } rows[] = {{"example.", TYPE_SOA, "data"},
                {"nx%d.example.", TYPE_A, "random names share an account"},
                {"x%d.wide.example.", TYPE_A, "below a delegation too"},
                {"%d.test.", TYPE_A, "and refusals"}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct fixture fixture;
        size_t whole = 0, truncated = 0, dropped = 0;
        begin_with(&fixture, (struct auth_options){.rate = limit});
        for (int j = 0; j < 50; j++) {
            char name[64];
            uint8_t bytes[1024];
            snprintf(name, sizeof name, rows[i].name, j);
            struct form form = {.questions = 1,
                                .name = name,
                                .type = rows[i].type,
                                .class_ = CLASS_IN,
                                .has_edns = true,
                                .udp_size = 1232};
            size_t len = fill(&form, bytes);
            const struct message *answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, len));
            dropped += answer == NULL;
            truncated += answer != NULL && (answer->flags & FLAG_TC) != 0;
            whole += answer != NULL && (answer->flags & FLAG_TC) == 0;
            assert_non_null(send(&fixture, TRANSPORT_TCP, span_of(bytes, len)));
        }
        if (whole != 10 || truncated != 20 || dropped != 20) {
            fail_msg("%s: %zu whole, %zu truncated, %zu dropped", rows[i].why, whole, truncated,
                     dropped);
        }
        struct span cookie, other;
        (void)ask_with_cookie(&fixture, TRANSPORT_TCP, 1, span_of(client, sizeof client), &cookie);
        for (int j = 0; j < 50; j++) {
            const struct message *answer =
                ask_with_cookie(&fixture, TRANSPORT_UDP, 1, cookie, &other);
            assert_int_equal(answer->sections[SECTION_ANSWER].count, 1);
        }
        end(&fixture);
    }
}

static void test_udp_size(void **state)
{
    (void)state;
    static const struct {
        uint16_t option, asked;
        size_t most;
    } rows[] = {{0, 4096, 1232}, {4096, 4096, 4096}, {512, 4096, 512}, {4096, 700, 700}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct fixture fixture;
        uint8_t bytes[1024];
        begin_with(&fixture, (struct auth_options){.udp_size_ipv4 = rows[i].option});
        struct form form = {.questions = 1,
                            .name = "lucky.example.",
                            .type = TYPE_A,
                            .class_ = CLASS_IN,
                            .has_edns = true,
                            .udp_size = rows[i].asked};
        size_t len = fill(&form, bytes);
        const struct message *answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, len));
        uint16_t told = rows[i].option == 0 ? 1232 : rows[i].option;
        assert_int_equal(answer->edns.udp_size, told);
        size_t size = test_effect(&fixture.outbox, EFFECT_REPLY, 0)->reply.message.len;
        assert_true(size <= rows[i].most);
        end(&fixture);
    }
}

/* Who may see EDNS is told why. */
static void test_reasons(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        uint16_t rcode, ede;
    } rows[] = {{"elsewhere.test.", TYPE_A, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE},
                {"example.", 253 /* MAILB */, RCODE_NOTIMP, EDE_NOT_SUPPORTED},
                {"example.", TYPE_AXFR, RCODE_REFUSED, EDE_PROHIBITED}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct fixture fixture;
        uint8_t bytes[1024];
        struct span reason;
        begin(&fixture);
        struct form form = {.questions = 1,
                            .name = rows[i].name,
                            .type = rows[i].type,
                            .class_ = CLASS_IN,
                            .has_edns = true,
                            .udp_size = 1232};
        size_t len = fill(&form, bytes);
        const struct message *answer = send(&fixture, TRANSPORT_UDP, span_of(bytes, len));
        assert_int_equal(answer->rcode, rows[i].rcode);
        assert_true(edns_find(&answer->edns, EDNS_OPTION_EDE, &reason));
        struct reader reader = reader_over(reason);
        assert_int_equal(reader_u16(&reader), rows[i].ede);
        end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),     cmocka_unit_test(test_broken_messages),
        cmocka_unit_test(test_truncation),   cmocka_unit_test(test_nsid),
        cmocka_unit_test(test_report_agent), cmocka_unit_test(test_streams),
        cmocka_unit_test(test_tsig),         cmocka_unit_test(test_axfr),
        cmocka_unit_test(test_cookies),      cmocka_unit_test(test_cookies_by_option),
        cmocka_unit_test(test_rates),        cmocka_unit_test(test_udp_size),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
