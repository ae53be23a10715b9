/* The registry with fake events over real records in memory: sessions, rights, results, repeated
 * commands, a restart, and what its signers can transfer. */
#include "service/registry/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/epp.h"
#include "core/proto/epp_grammar.h"
#include "core/zone/transfer.h"
#include "service/registry/registry_state.h"
#include "world/real/world.h"

enum { SESSION_ONE = 1, SESSION_TWO = 2, SCRATCH_MAX = 64 << 20 };
#define START_S INT64_C(1790000000)
#define FRAME_START "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command>"
#define FRAME_END(transaction) "<clTRID>" transaction "</clTRID></command></epp>"
#define DOMAIN "xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\""
#define SECDNS "xmlns:s=\"urn:ietf:params:xml:ns:secDNS-1.1\""
#define DIGEST "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
#define DS                                                                                         \
    "<s:dsData><s:keyTag>1</s:keyTag><s:alg>13</s:alg><s:digestType>2</s:digestType>"              \
    "<s:digest>" DIGEST "</s:digest></s:dsData>"
#define NS(hosts) "<d:ns>" hosts "</d:ns>"
#define HOST(name) "<d:hostAttr><d:hostName>" name "</d:hostName></d:hostAttr>"
#define GLUE(name, address)                                                                        \
    "<d:hostAttr><d:hostName>" name "</d:hostName><d:hostAddr ip=\"v4\">" address                  \
    "</d:hostAddr></d:hostAttr>"
#define AUTH "<d:authInfo><d:pw>2fooBAR</d:pw></d:authInfo>"
#define CREATE(transaction, name, body)                                                            \
    FRAME_START "<create><d:create " DOMAIN "><d:name>" name "</d:name>" body AUTH                 \
                "</d:create></create>" FRAME_END(transaction)
#define INFO(name, auth)                                                                           \
    FRAME_START "<info><d:info " DOMAIN "><d:name>" name "</d:name>" auth                          \
                "</d:info></info>" FRAME_END("INFO-1")
#define DELETE(transaction, name)                                                                  \
    FRAME_START "<delete><d:delete " DOMAIN "><d:name>" name                                       \
                "</d:name></d:delete></delete>" FRAME_END(transaction)
#define UPDATE(transaction, name, body)                                                            \
    FRAME_START "<update><d:update " DOMAIN "><d:name>" name "</d:name>" body                      \
                "</d:update></update>" FRAME_END(transaction)
#define KEYS(transaction, name, attribute, body)                                                   \
    FRAME_START "<update><d:update " DOMAIN "><d:name>" name                                       \
                "</d:name></d:update></update><extension><s:update " attribute SECDNS ">" body     \
                "</s:update></extension>" FRAME_END(transaction)

struct bench {
    struct world *world;
    struct records records;
    struct registry *registry;
    struct outbox outbox;
    struct moment now;
    struct arena arena;
    struct epp_response response;
    bool is_answered, is_closed;
};

static void fill_zero(void *self, void *bytes, size_t len)
{
    uint8_t *next = self;
    memset(bytes, (*next)++, len);
}

static bool password_matches(void *user, struct span password_hash, struct span given)
{
    (void)user;
    return span_equal(password_hash, given);
}

static const uint8_t com_octets[] = {3, 'c', 'o', 'm', 0};
static const uint8_t xyz_octets[] = {3, 'x', 'y', 'z', 0};
static const uint8_t server_octets[] = {1, 'a', 3, 'n', 'i', 'c', 3, 'c', 'o', 'm', 0};
static const struct name com = {com_octets, sizeof com_octets, 1};
static const struct name server = {server_octets, sizeof server_octets, 3};

static void registry_begin(struct bench *bench, uint32_t delegation_ttl_s)
{
    static struct registry_server servers[1];
    static struct registry_tld_options tlds[2];
    static struct address signer = {ADDRESS_IPV4, {127, 0, 0, 9}, 5353};
    static uint8_t next_random;
    static struct entropy entropy = {fill_zero, &next_random};
    static const struct registry_registrar_options registrars[] = {
        {SPAN_LITERAL("RegOne"), SPAN_LITERAL("secret-1"), {NULL, 0}},
        {SPAN_LITERAL("RegTwo"), SPAN_LITERAL("secret-2"), {NULL, 0}},
        {SPAN_LITERAL("RegCert"), SPAN_LITERAL("secret-3"), SPAN_LITERAL("digest of its cert")},
    };
    servers[0] = (struct registry_server){server, {{ADDRESS_IPV4, {127, 0, 0, 1}, 0}}, 1};
    tlds[0] = (struct registry_tld_options){.name = com,
                                            .has_dnssec = true,
                                            .keys_max = 2,
                                            .form = REGISTRY_FORM_EITHER,
                                            .servers = servers,
                                            .server_count = 1,
                                            .soa = {server, 1800, 900, 604800, 300},
                                            .apex_ttl_s = 3600,
                                            .delegation_ttl_s = delegation_ttl_s,
                                            .ds_ttl_s = 60,
                                            .dsync_target = server,
                                            .dsync_port = 5300,
                                            .notify = &signer,
                                            .notify_count = 1,
                                            .allow_transfer = &signer,
                                            .allow_transfer_count = 1};
    tlds[1] = tlds[0];
    tlds[1].name = (struct name){xyz_octets, sizeof xyz_octets, 1};
    tlds[1].has_dnssec = false;
    tlds[1].dsync_target = (struct name){NULL, 0, 0};
    const struct registry_options options = {.server_name = "test registry",
                                             .tlds = tlds,
                                             .tld_count = LEN(tlds),
                                             .registrars = registrars,
                                             .registrar_count = LEN(registrars),
                                             .records = &bench->records,
                                             .entropy = &entropy,
                                             .password_matches = password_matches};
    struct problem problem = {.status = OK};
    if (registry_open(&options, bench->now, &bench->registry, &problem) != OK) {
        fail_msg("%s", problem.sentence);
    }
}

static int bench_open(void **state)
{
    static struct bench opened;
    opened = (struct bench){.now = {START_S * MOMENT_NS_PER_S, 0}};
    const struct world_options options = {.name = "test", .log_level = LOG_ERROR};
    struct problem problem = {.status = OK};
    assert_int_equal(world_open(&options, &opened.world, &problem), OK);
    assert_int_equal(world_records(opened.world, "sqlite::memory:", &opened.records, &problem), OK);
    outbox_open(&opened.outbox, SCRATCH_MAX);
    arena_open(&opened.arena, SCRATCH_MAX);
    registry_begin(&opened, 30);
    *state = &opened;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *bench = *state;
    registry_close(bench->registry);
    outbox_close(&bench->outbox);
    arena_close(&bench->arena);
    world_close(bench->world);
    return 0;
}

static void handle(struct bench *bench, struct event event)
{
    event.now = bench->now;
    outbox_reset(&bench->outbox);
    registry_handle(bench->registry, &event, &bench->outbox);
}

/* What the registry answers to a session, if anything. */
static void look(struct bench *bench, uint64_t session)
{
    bench->is_answered = bench->is_closed = false;
    for (size_t i = 0; i < bench->outbox.count; i++) {
        const struct effect *effect = &bench->outbox.effects[i];
        if (effect->kind == EFFECT_EPP_CLOSE && effect->epp.session == session) {
            bench->is_closed = true;
        }
        if (effect->kind == EFFECT_EPP_SEND && effect->epp.session == session) {
            struct problem problem = {.status = OK};
            arena_reset(&bench->arena);
            if (epp_response_read(effect->epp.frame, &bench->arena, &bench->response, &problem) !=
                OK) {
                fail_msg("%s", problem.sentence);
            }
            if (!epp_grammar_agrees(effect->epp.frame)) {
                fail_msg("no frame of RFC 5730: %.*s", (int)effect->epp.frame.len,
                         effect->epp.frame.bytes);
            }
            bench->is_answered = true;
        }
    }
}

static int run(struct bench *bench, uint64_t session, const char *frame)
{
    handle(bench, (struct event){.kind = EVENT_EPP_FRAME,
                                 .epp = {.session = session, .frame = span_of_text(frame)}});
    look(bench, session);
    return bench->is_answered ? (int)bench->response.code : 0;
}

static void open_session(struct bench *bench, uint64_t session)
{
    handle(bench, (struct event){.kind = EVENT_EPP_OPENED,
                                 .epp = {.session = session,
                                         .peer = {ADDRESS_IPV4, {127, 0, 0, (uint8_t)session}}}});
    look(bench, session);
}

static int login_as(struct bench *bench, uint64_t session, const char *client, const char *password,
                    const char *extension)
{
    char frame[1024];
    snprintf(frame, sizeof frame,
             FRAME_START "<login><clID>%s</clID><pw>%s</pw><options><version>1.0</version>"
                         "<lang>en</lang></options><svcs>"
                         "<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>%s</svcs></login>"
                         "</command></epp>",
             client, password, extension);
    return run(bench, session, frame);
}

#define WITH_SECDNS                                                                                \
    "<svcExtension><extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI></svcExtension>"

static void begin_sessions(struct bench *bench)
{
    open_session(bench, SESSION_ONE);
    assert_int_equal(login_as(bench, SESSION_ONE, "RegOne", "secret-1", WITH_SECDNS), EPP_OK);
    open_session(bench, SESSION_TWO);
    assert_int_equal(login_as(bench, SESSION_TWO, "RegTwo", "secret-2", ""), EPP_OK);
}

static bool reason_has(const struct bench *bench, const char *words)
{
    char text[512];
    size_t len =
        bench->response.reason.len < sizeof text ? bench->response.reason.len : sizeof text - 1;
    memcpy(text, len == 0 ? "" : (const char *)bench->response.reason.bytes, len);
    text[len] = '\0';
    return strstr(text, words) != NULL;
}

/* Transfers, as a signer would. */

static struct zone *transfer(struct bench *bench, const struct zone *held, size_t *octets)
{
    uint8_t bytes[512];
    struct message_writer writer;
    uint16_t type = held == NULL ? TYPE_AXFR : TYPE_IXFR;
    message_begin(&writer, bytes, sizeof bytes, 7, 0, OPCODE_QUERY, RCODE_NOERROR);
    message_add_question(&writer, (struct question){com, type, CLASS_IN});
    if (held != NULL) {
        assert_int_equal(message_add_rrset(&writer, SECTION_AUTHORITY, zone_soa(held)), OK);
    }
    handle(bench, (struct event){.kind = EVENT_QUERY,
                                 .query = {.channel = 1,
                                           .transport = TRANSPORT_TCP,
                                           .peer = {ADDRESS_IPV4, {127, 0, 0, 9}, 40000},
                                           .message = message_end(&writer)}});
    struct transfer_in *in;
    assert_int_equal(transfer_in_open(com, held, &in), OK);
    enum transfer_state state = TRANSFER_MORE;
    struct problem problem = {.status = OK};
    *octets = 0;
    for (size_t i = 0; i < bench->outbox.count && state == TRANSFER_MORE; i++) {
        if (bench->outbox.effects[i].kind == EFFECT_REPLY) {
            struct span message = bench->outbox.effects[i].reply.message;
            *octets += message.len;
            state = transfer_in_add(in, message, &problem);
        }
    }
    if (state != TRANSFER_DONE) {
        fail_msg("the transfer is not done: %s", problem.sentence);
    }
    struct zone *zone = transfer_in_finish(in);
    transfer_in_close(in);
    return zone;
}

struct changes {
    size_t added, removed;
};
static enum status count_change(void *user, bool is_added, const struct rrset *record)
{
    (void)record;
    struct changes *changes = user;
    *(is_added ? &changes->added : &changes->removed) += 1;
    return OK;
}

static struct changes difference(const struct zone *from, const struct zone *to)
{
    struct changes changes = {0};
    assert_int_equal(zone_diff(from, to, count_change, &changes), OK);
    return changes;
}

static void test_logins(void **state)
{
    struct bench *bench = *state;
    open_session(bench, SESSION_ONE);
    assert_true(bench->is_answered && bench->response.is_greeting);
    assert_int_equal(run(bench, SESSION_ONE, INFO("a.com", "")), EPP_USE_ERROR);
    assert_int_equal(run(bench, SESSION_ONE, "<!DOCTYPE a><a/>"), EPP_SYNTAX_ERROR);
    assert_false(bench->is_closed);
    assert_int_equal(login_as(bench, SESSION_ONE, "RegCert", "secret-3", ""),
                     EPP_AUTHENTICATION_ERROR); /* without its certificate */
    assert_int_equal(login_as(bench, SESSION_ONE, "Nobody", "secret-1", ""),
                     EPP_AUTHENTICATION_ERROR);
    assert_int_equal(login_as(bench, SESSION_ONE, "RegOne", "secret-2", ""),
                     EPP_AUTHENTICATION_CLOSING);
    assert_true(bench->is_closed);
    assert_int_equal(login_as(bench, SESSION_ONE, "RegOne", "secret-1", ""), 0);
    for (unsigned i = 0; i < 7; i++) { /* the same host, ever new sessions */
        handle(bench, (struct event){.kind = EVENT_EPP_CLOSED, .epp = {.session = SESSION_ONE}});
        open_session(bench, SESSION_ONE);
        (void)login_as(bench, SESSION_ONE, "RegOne", "secret-2", "");
    }
    handle(bench, (struct event){.kind = EVENT_EPP_CLOSED, .epp = {.session = SESSION_ONE}});
    open_session(bench, SESSION_ONE);
    assert_true(bench->is_closed && !bench->is_answered);
    bench->now.wall_ns += (int64_t)301 * MOMENT_NS_PER_S;
    open_session(bench, SESSION_ONE);
    assert_int_equal(login_as(bench, SESSION_ONE, "RegOne", "secret-1", ""), EPP_OK);
    assert_int_equal(login_as(bench, SESSION_ONE, "RegOne", "secret-1", ""), EPP_USE_ERROR);
    assert_int_equal(run(bench, SESSION_ONE, FRAME_START "<logout/>" FRAME_END("OUT-1")), EPP_BYE);
    assert_true(bench->is_closed);
}

/* In order: each row stands on those above. Session two did not name secDNS. */
static const struct {
    const char *why;
    uint64_t session;
    const char *frame;
    int code;
    const char *reason;
} commands[] = {
    {"a name that is none", 1, CREATE("C-01", "-a.com", ""), 2005, "labels are"},
    {"another registry's TLD", 1, CREATE("C-02", "a.org", ""), 2306, "not below a domain"},
    {"too deep", 1, CREATE("C-03", "b.a.com", ""), 2306, "one label below com"},
    {"the registry's own", 1, CREATE("C-04", "nic.com", ""), 2306, "reserved"},
    {"glue is missing", 1, CREATE("C-05", "a.com", NS(HOST("ns.a.com"))), 2003, "needs addresses"},
    {"glue of others", 1, CREATE("C-06", "a.com", NS(GLUE("ns.b.com", "192.0.2.1"))), 2306,
     "outside the domain"},
    {"address that is none", 1, CREATE("C-07", "a.com", NS(GLUE("ns.a.com", "224.0.0.1"))), 2005,
     "not a host's address"},
    {"eleven years", 1, CREATE("C-08", "a.com", "<d:period unit=\"y\">11</d:period>"), 2004,
     "at most 10"},
    {"a good one", 1, CREATE("C-09", "A.com", NS(GLUE("ns.a.com", "192.0.2.1") HOST("ns.b.net"))),
     1000, ""},
    {"taken", 2, CREATE("C-10", "a.com", ""), 2302, "registered already"},
    {"not delegated", 2, CREATE("C-11", "b.com", ""), 1000, ""},
    {"without DNSSEC", 1, CREATE("C-12", "a.xyz", NS(HOST("ns.b.net"))), 1000, ""},
    {"info of the sponsor", 1, INFO("a.com", ""), 1000, ""},
    {"info of another", 2, INFO("a.com", ""), 2201, "another registrar"},
    {"info of another with the secret", 2, INFO("a.com", AUTH), 1000, ""},
    {"info with a wrong secret", 2, INFO("a.com", "<d:authInfo><d:pw>guess</d:pw></d:authInfo>"),
     2202, "authorization information"},
    {"info of nothing", 1, INFO("c.com", ""), 2303, "not registered"},
    {"update of another's", 2, UPDATE("U-01", "a.com", "<d:add>" NS(HOST("x.net")) "</d:add>"),
     2201, "another registrar"},
    {"delete of another's", 2, DELETE("D-01", "a.com"), 2201, "another registrar"},
    {"update of nothing", 1, UPDATE("U-02", "c.com", "<d:rem>" NS(HOST("x.net")) "</d:rem>"), 2303,
     "not registered"},
    {"a host that is there", 1, UPDATE("U-03", "a.com", "<d:add>" NS(HOST("ns.b.net")) "</d:add>"),
     2302, "already"},
    {"a host that is not", 1, UPDATE("U-04", "a.com", "<d:rem>" NS(HOST("x.net")) "</d:rem>"), 2303,
     "not a name server"},
    {"status of the registry", 1,
     UPDATE("U-05", "a.com", "<d:add><d:status s=\"serverHold\"/></d:add>"), 2306,
     "set by the registry alone"},
    {"secDNS not named in the login", 2, KEYS("K-01", "b.com", "", "<s:add>" DS "</s:add>"), 2103,
     "not named"},
    {"urgent", 1, KEYS("K-02", "a.com", "urgent=\"1\" ", "<s:add>" DS "</s:add>"), 2102, "urgent"},
    {"maxSigLife", 1, KEYS("K-03", "a.com", "", "<s:chg><s:maxSigLife>9</s:maxSigLife></s:chg>"),
     2102, "maxSigLife"},
    {"a TLD without DNSSEC", 1, KEYS("K-04", "a.xyz", "", "<s:add>" DS "</s:add>"), 2308,
     "xyz. does not support DNSSEC"},
    {"a key", 1, KEYS("K-05", "a.com", "", "<s:add>" DS "</s:add>"), 1000, ""},
    {"the key again", 1, KEYS("K-06", "a.com", "", "<s:add>" DS "</s:add>"), 2302, "there already"},
    {"its name servers go while it has keys", 1,
     UPDATE("U-06", "a.com",
            "<d:rem>" NS(GLUE("ns.a.com", "192.0.2.1") HOST("ns.b.net")) "</d:rem>"),
     2308, "without name servers"},
    {"the key goes", 1, KEYS("K-07", "a.com", "", "<s:rem>" DS "</s:rem>"), 1000, ""},
    {"the key goes again", 1, KEYS("K-08", "a.com", "", "<s:rem>" DS "</s:rem>"), 2303, "no key"},
    {"protected by its sponsor", 1,
     UPDATE("U-07", "a.com", "<d:add><d:status s=\"clientUpdateProhibited\"/></d:add>"), 1000, ""},
    {"while protected", 1, KEYS("K-09", "a.com", "", "<s:add>" DS "</s:add>"), 2304,
     "clientUpdateProhibited"},
    {"protection goes", 1,
     UPDATE("U-08", "a.com", "<d:rem><d:status s=\"clientUpdateProhibited\"/></d:rem>"), 1000, ""},
    {"renew", 1, FRAME_START "<renew/>" FRAME_END("R-01"), 2101, "not offered"},
    {"no messages", 1, FRAME_START "<poll op=\"req\"/>" FRAME_END("P-01"), 1300, ""},
    {"ack of none", 1, FRAME_START "<poll op=\"ack\" msgID=\"7\"/>" FRAME_END("P-02"), 2303,
     "no message"},
    {"the end", 1, DELETE("D-02", "a.com"), 1000, ""},
    {"the end again", 1, DELETE("D-03", "a.com"), 2303, "not registered"},
};

static void test_commands(void **state)
{
    struct bench *bench = *state;
    begin_sessions(bench);
    for (size_t i = 0; i < LEN(commands); i++) {
        int code = run(bench, commands[i].session, commands[i].frame);
        if (code != commands[i].code || !reason_has(bench, commands[i].reason)) {
            fail_msg("%s: %d \"%.*s\"", commands[i].why, code, (int)bench->response.reason.len,
                     bench->response.reason.bytes);
        }
    }
}

static void test_repeated(void **state)
{
    struct bench *bench = *state;
    begin_sessions(bench);
    static const char create[] = CREATE("SAME-1", "a.com", NS(HOST("ns.b.net")));
    size_t octets;
    struct zone *before = transfer(bench, NULL, &octets);
    char transaction[64];
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(run(bench, SESSION_ONE, create), EPP_OK);
        struct span given = bench->response.server_transaction;
        assert_true(given.len < sizeof transaction);
        if (i == 0) {
            snprintf(transaction, sizeof transaction, "%.*s", (int)given.len, given.bytes);
        } else {
            assert_true(span_equal(given, span_of_text(transaction)));
        }
        if (i == 1) { /* also across a restart */
            registry_close(bench->registry);
            registry_begin(bench, 30);
            begin_sessions(bench);
        }
    }
    assert_int_equal(run(bench, SESSION_TWO, create), EPP_EXISTS); /* another's is another */
    struct zone *after = transfer(bench, NULL, &octets);
    assert_int_equal(zone_serial(after), zone_serial(before) + 1);
    zone_release(before);
    zone_release(after);
}

static void test_zone_and_restart(void **state)
{
    struct bench *bench = *state;
    begin_sessions(bench);
    size_t octets;
    struct zone *empty = transfer(bench, NULL, &octets);
    assert_int_equal(zone_serial(empty), START_S);
    assert_int_equal(zone_record_count(empty), 5); /* SOA, NS and its address, two DSYNC */
    (void)run(bench, SESSION_ONE,
              CREATE("Z-01", "a.com", NS(GLUE("ns.a.com", "192.0.2.1") HOST("ns.b.net"))));
    struct zone *delegated = transfer(bench, empty, &octets);
    struct changes changes = difference(empty, delegated);
    assert_int_equal(changes.added, 3); /* two NS and glue */
    assert_int_equal(changes.removed, 0);
    assert_int_equal(run(bench, SESSION_ONE, KEYS("Z-02", "a.com", "", "<s:add>" DS "</s:add>")),
                     EPP_OK);
    struct zone *before = transfer(bench, NULL, &octets);
    size_t whole = octets;
    registry_close(bench->registry);
    registry_begin(bench, 30);
    struct zone *after = transfer(bench, NULL, &octets);
    assert_int_equal(zone_serial(after), zone_serial(before));
    changes = difference(before, after);
    assert_int_equal(changes.added + changes.removed, 0);
    struct zone *step = transfer(bench, delegated, &octets); /* by the history kept */
    assert_true(octets < whole);
    changes = difference(delegated, step);
    assert_int_equal(changes.added, 1); /* the DS alone */
    assert_int_equal(changes.removed, 0);
    zone_release(step);
    step = transfer(bench, empty, &octets);
    assert_int_equal(difference(step, after).added, 0);
    registry_close(bench->registry);
    registry_begin(bench, 31); /* another TTL: another version */
    struct zone *changed = transfer(bench, NULL, &octets);
    assert_int_equal(zone_serial(changed), zone_serial(after) + 1);
    begin_sessions(bench);
    assert_int_equal(run(bench, SESSION_ONE, DELETE("Z-03", "a.com")), EPP_OK);
    struct zone *gone = transfer(bench, changed, &octets);
    changes = difference(empty, gone);
    assert_int_equal(changes.added + changes.removed, 0);
    struct zone *all[] = {empty, delegated, before, after, step, changed, gone};
    for (size_t i = 0; i < LEN(all); i++) {
        zone_release(all[i]);
    }
}

static const struct effect *find_effect(const struct bench *bench, enum effect_kind kind)
{
    for (size_t i = 0; i < bench->outbox.count; i++) {
        if (bench->outbox.effects[i].kind == kind) {
            return &bench->outbox.effects[i];
        }
    }
    return NULL;
}

static void test_notify(void **state)
{
    struct bench *bench = *state;
    begin_sessions(bench);
    (void)run(bench, SESSION_ONE, CREATE("N-01", "a.com", ""));
    assert_null(find_effect(bench, EFFECT_ASK)); /* nothing of it is in the zone */
    (void)run(bench, SESSION_ONE,
              UPDATE("N-02", "a.com", "<d:add>" NS(HOST("ns.b.net")) "</d:add>"));
    const struct effect *ask = find_effect(bench, EFFECT_ASK);
    assert_non_null(ask);
    struct event event = {.kind = EVENT_ANSWER,
                          .answer = {.ask = ask->ask.ask, .outcome = TIMED_OUT}};
    uint32_t timeout_ms = ask->ask.timeout_ms;
    handle(bench, event);
    ask = find_effect(bench, EFFECT_ASK);
    assert_non_null(ask);
    assert_int_equal(ask->ask.timeout_ms, 2 * timeout_ms);
    uint8_t answer[512];
    assert_true(ask->ask.message.len <= sizeof answer);
    memcpy(answer, ask->ask.message.bytes, ask->ask.message.len);
    answer[2] |= 0x80; /* QR */
    event.answer = (struct event_answer){ask->ask.ask, OK, span_of(answer, ask->ask.message.len)};
    answer[0] ^= 1; /* another id: not an answer to this */
    handle(bench, event);
    assert_null(find_effect(bench, EFFECT_ASK_DONE));
    answer[0] ^= 1;
    handle(bench, event);
    assert_non_null(find_effect(bench, EFFECT_ASK_DONE));
}

static struct span ask_control(struct bench *bench, const char *line)
{
    handle(bench, (struct event){.kind = EVENT_CONTROL,
                                 .control = {.request = 1, .line = span_of_text(line)}});
    const struct effect *effect = find_effect(bench, EFFECT_CONTROL);
    assert_non_null(effect);
    return effect->control.is_failure ? SPAN_EMPTY : effect->control.text;
}

static void test_pause(void **state)
{
    struct bench *bench = *state;
    begin_sessions(bench);
    (void)run(bench, SESSION_ONE, CREATE("H-01", "a.com", ""));
    assert_true(ask_control(bench, "pause").len > 0);
    assert_int_equal(
        run(bench, SESSION_ONE, UPDATE("H-02", "a.com", "<d:add>" NS(HOST("ns.b.net")) "</d:add>")),
        0);
    assert_int_equal(run(bench, SESSION_ONE, INFO("a.com", "")), 0); /* in order */
    assert_int_equal(run(bench, SESSION_TWO, INFO("a.com", AUTH)), EPP_OK);
    assert_int_equal(bench->response.domain.host_count, 0);
    (void)ask_control(bench, "resume");
    look(bench, SESSION_ONE);
    assert_int_equal(bench->response.verb, EPP_DOMAIN_INFO);
    assert_int_equal(bench->response.domain.host_count, 1);
    assert_true(ask_control(bench, "pause").len > 0); /* who leaves takes its command along */
    assert_int_equal(run(bench, SESSION_ONE, KEYS("H-03", "a.com", "", "<s:add>" DS "</s:add>")),
                     0);
    handle(bench, (struct event){.kind = EVENT_EPP_CLOSED, .epp = {.session = SESSION_ONE}});
    (void)ask_control(bench, "resume");
    assert_null(find_effect(bench, EFFECT_EPP_SEND));
}

static void test_control(void **state)
{
    struct bench *bench = *state;
    begin_sessions(bench);
    (void)run(bench, SESSION_ONE, CREATE("L-01", "a.com", ""));
    static const char *const refused[] = {"",
                                          "what",
                                          "lock",
                                          "lock b.com",
                                          "pause now",
                                          "domain-info",
                                          "domain-info a.org",
                                          "registrar-add x h",
                                          "registrar-add RegNew h 12"};
    for (size_t i = 0; i < LEN(refused); i++) {
        if (ask_control(bench, refused[i]).len > 0) {
            fail_msg("\"%s\" is taken", refused[i]);
        }
    }
    static const char *const taken[] = {"status",
                                        "tld-list",
                                        "domain-list",
                                        "domain-list com",
                                        "domain-info a.com",
                                        "lock a.com",
                                        "help",
                                        "registrar-add RegNew secret-9"};
    for (size_t i = 0; i < LEN(taken); i++) {
        if (ask_control(bench, taken[i]).len == 0) {
            fail_msg("\"%s\" is refused", taken[i]);
        }
    }
    assert_int_equal(run(bench, SESSION_ONE, DELETE("L-02", "a.com")), EPP_STATUS_PROHIBITS);
    assert_int_equal(run(bench, SESSION_ONE, FRAME_START "<poll op=\"req\"/>" FRAME_END("L-03")),
                     EPP_ACK_TO_DEQUEUE);
    assert_true(
        span_equal(bench->response.queue_text, SPAN_LITERAL("a.com is locked by the registry")));
    assert_int_equal(
        run(bench, SESSION_ONE, FRAME_START "<poll op=\"ack\" msgID=\"1\"/>" FRAME_END("L-04")),
        EPP_OK);
    assert_true(ask_control(bench, "unlock a.com").len > 0);
    assert_int_equal(run(bench, SESSION_ONE, DELETE("L-05", "a.com")), EPP_OK);
    open_session(bench, 3);
    assert_int_equal(login_as(bench, 3, "RegNew", "secret-9", ""), EPP_OK);
}

static uint16_t ask_dns(struct bench *bench, uint16_t type, uint8_t last_octet,
                        enum transport transport)
{
    uint8_t bytes[512];
    struct span query = message_make_query(bytes, sizeof bytes, 9, 0,
                                           (struct question){com, type, CLASS_IN}, false, 1232);
    handle(bench, (struct event){.kind = EVENT_QUERY,
                                 .query = {.channel = 1,
                                           .transport = transport,
                                           .peer = {ADDRESS_IPV4, {127, 0, 0, last_octet}, 40000},
                                           .message = query}});
    const struct effect *reply = find_effect(bench, EFFECT_REPLY);
    assert_non_null(reply);
    struct name_buffer buffer;
    struct message message;
    assert_int_equal(message_read_query(reply->reply.message, &buffer, &message), OK);
    assert_int_equal(message.id, 9);
    return message.rcode;
}

static void test_questions(void **state)
{
    struct bench *bench = *state;
    enum { SIGNER = 9, STRANGER = 8 };
    assert_int_equal(ask_dns(bench, TYPE_SOA, SIGNER, TRANSPORT_UDP), RCODE_NOERROR);
    assert_int_equal(ask_dns(bench, TYPE_SOA, STRANGER, TRANSPORT_UDP), RCODE_REFUSED);
    assert_int_equal(ask_dns(bench, TYPE_AXFR, STRANGER, TRANSPORT_TCP), RCODE_REFUSED);
    assert_int_equal(ask_dns(bench, TYPE_AXFR, SIGNER, TRANSPORT_UDP), RCODE_FORMERR);
    assert_int_equal(ask_dns(bench, TYPE_IXFR, SIGNER, TRANSPORT_TCP), RCODE_FORMERR);
    assert_int_equal(ask_dns(bench, TYPE_NS, SIGNER, TRANSPORT_UDP), RCODE_REFUSED);
}

/* NOTIFY of a child's news (RFC 9859). */
static uint16_t tell(struct bench *bench, const char *child, uint16_t type, uint8_t last_octet)
{
    uint8_t bytes[512];
    struct name_buffer buffer;
    struct name name;
    assert_int_equal(name_parse(span_of_text(child), NULL, &buffer, &name, NULL), OK);
    struct message_writer writer;
    message_begin(&writer, bytes, sizeof bytes, 9, FLAG_AA, OPCODE_NOTIFY, RCODE_NOERROR);
    message_add_question(&writer, (struct question){name, type, CLASS_IN});
    handle(bench, (struct event){.kind = EVENT_QUERY,
                                 .query = {.channel = 1,
                                           .transport = TRANSPORT_UDP,
                                           .peer = {ADDRESS_IPV4, {192, 0, 2, last_octet}, 40000},
                                           .message = message_end(&writer)}});
    const struct effect *reply = find_effect(bench, EFFECT_REPLY);
    assert_non_null(reply);
    struct message message;
    assert_int_equal(message_read_query(reply->reply.message, &buffer, &message), OK);
    assert_int_equal(message.opcode, OPCODE_NOTIFY);
    return message.rcode;
}

static bool shows_metric(struct bench *bench, const char *line)
{
    handle(bench, (struct event){.kind = EVENT_METRICS});
    const struct effect *effect = find_effect(bench, EFFECT_METRICS);
    assert_non_null(effect);
    char result[16];
    int count = 0;
    assert_int_equal(sscanf(line, "%15s %d", result, &count), 2);
    for (size_t i = 0; i < effect->metrics.count; i++) {
        const struct metric *metric = &effect->metrics.rows[i];
        if (strcmp(metric->family->name, "vouch_registry_notifies_total") == 0 &&
            span_equal(metric->label, span_of_text(result))) {
            return metric->value == count;
        }
    }
    return false;
}

static void test_news_of_children(void **state)
{
    struct bench *bench = *state;
    enum { ONE = 1, OTHER = 2 };
    begin_sessions(bench);
    (void)run(bench, SESSION_ONE, CREATE("S-01", "a.com", NS(HOST("ns.b.net"))));
    (void)run(bench, SESSION_ONE, CREATE("S-02", "b.com", ""));
    (void)run(bench, SESSION_ONE, CREATE("S-03", "a.xyz", NS(HOST("ns.b.net"))));
    assert_int_equal(tell(bench, "A.com.", TYPE_CDS, ONE), RCODE_NOERROR);
    assert_true(shows_metric(bench, "queued 1"));
    assert_int_equal(tell(bench, "a.com.", TYPE_CDS, OTHER), RCODE_NOERROR);
    assert_true(shows_metric(bench, "repeated 1"));
    assert_int_equal(tell(bench, "a.com.", TYPE_CSYNC, ONE), RCODE_NOERROR);
    assert_true(shows_metric(bench, "queued 2"));
    assert_int_equal(tell(bench, "b.com.", TYPE_CDS, ONE), RCODE_REFUSED);   /* not delegated */
    assert_int_equal(tell(bench, "c.com.", TYPE_CDS, ONE), RCODE_REFUSED);   /* not there */
    assert_int_equal(tell(bench, "x.a.com.", TYPE_CDS, ONE), RCODE_REFUSED); /* not ours */
    assert_int_equal(tell(bench, "com.", TYPE_CDS, ONE), RCODE_REFUSED);
    assert_int_equal(tell(bench, "a.xyz.", TYPE_CDS, ONE), RCODE_REFUSED); /* without DSYNC */
    assert_true(shows_metric(bench, "refused 5"));
    assert_int_equal(tell(bench, "com.", TYPE_SOA, ONE), RCODE_NOTIMP);
    for (size_t i = 0; i < REGISTRY_SCAN_PEER_ASKS_MAX; i++) {
        assert_int_equal(tell(bench, "a.com.", TYPE_CDS, ONE), RCODE_NOERROR);
    }
    assert_true(shows_metric(bench, "limited 2")); /* two were counted before */
    assert_int_equal(tell(bench, "a.com.", TYPE_CDS, OTHER), RCODE_NOERROR);
    assert_true(shows_metric(bench, "limited 2")); /* others are still heard */
    bench->now.wall_ns += (int64_t)REGISTRY_SCAN_PAUSE_S * MOMENT_NS_PER_S;
    assert_int_equal(tell(bench, "a.com.", TYPE_CDS, ONE), RCODE_NOERROR);
    assert_true(shows_metric(bench, "queued 3"));
}

/* As many children as there are places, and one more. */
static void test_places_for_news_are_finite(void **state)
{
    struct bench *bench = *state;
    for (int64_t i = 0; i < REGISTRY_SCANS_MAX; i++) {
        bench->registry->scans[i] =
            (struct registry_scan){.child = server, .type = TYPE_CDS, .asked_s = START_S + (i > 0)};
    }
    begin_sessions(bench);
    (void)run(bench, SESSION_ONE, CREATE("S-01", "a.com", NS(HOST("ns.b.net"))));
    assert_int_equal(tell(bench, "a.com.", TYPE_CDS, 1), RCODE_NOERROR);
    assert_true(shows_metric(bench, "limited 1"));
    bench->now.wall_ns += (int64_t)REGISTRY_SCAN_PAUSE_S * MOMENT_NS_PER_S;
    assert_int_equal(tell(bench, "a.com.", TYPE_CDS, 1), RCODE_NOERROR);
    assert_true(shows_metric(bench, "queued 1"));
    assert_int_equal(tell(bench, "a.com.", TYPE_CSYNC, 1), RCODE_NOERROR);
    assert_true(shows_metric(bench, "limited 2"));
}

int main(void)
{
#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_logins),           WITH_BENCH(test_commands),
        WITH_BENCH(test_repeated),         WITH_BENCH(test_zone_and_restart),
        WITH_BENCH(test_notify),           WITH_BENCH(test_pause),
        WITH_BENCH(test_control),          WITH_BENCH(test_questions),
        WITH_BENCH(test_news_of_children), WITH_BENCH(test_places_for_news_are_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
