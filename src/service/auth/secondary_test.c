/* A primary and a secondary under virtual time: the zone follows by NOTIFY, IXFR and refresh, over
 * a bad network and over crashes; it is not served when it should not be, and what is not signed as
 * agreed is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/crypto/digest.h"
#include "core/zone/zone_verify.h"
#include "service/auth/auth_test.h"
#include "world/sim/sim.h"

enum { REFRESH_S = 20, RETRY_S = 5, EXPIRE_S = 120 };
#define SECONDS(count) ((int64_t)(count)*MOMENT_NS_PER_S)

static const uint8_t SECRETS[2][32] = {{1}, {2}};

/* What the primary says of its versions by ZONEMD. */
enum said { SAID_NOTHING, SAID_RIGHT, SAID_WRONG };

struct server {
    struct sim *sim;
    size_t node;
    struct auth *auth;
    struct disk disk;
    bool has_disk;
    struct auth_zone_options zone;
    struct auth_peer notify;
    struct auth_grant grant;
    struct tsig_key key;
    struct name_buffer key_name, zone_name;
    uint32_t serial; /* of the primary's next start */
    enum said said;
    bool dribbles; /* it sends a small record of a transfer now and then, without end */
    uint64_t channel;
    uint16_t id;
};

struct pair {
    struct sim *sim;
    struct server primary, secondary;
};

static const struct address ADDRESSES[2] = {
    {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 1}, .port = 53},
    {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 2}, .port = 53},
};

/* Version `serial`: one address says which it is, and many names make a transfer of some size. */
static struct zone *make_version(const struct zone *from, uint32_t serial)
{
    struct zone_builder *builder = test_change("example.", from);
    char line[200];
    if (from == NULL) {
        test_add(builder, "example. NS ns.example.");
        test_add(builder, "ns.example. A 192.0.2.1");
        for (int i = 0; i < 1500; i++) {
            snprintf(line, sizeof line, "host%d.example. TXT \"some text for host %d\"", i, i);
            test_add(builder, line);
        }
    } else {
        snprintf(line, sizeof line, "version.example. TXT \"%u\"", zone_serial(from));
        test_remove(builder, line);
        snprintf(line, sizeof line, "example. SOA ns.example. h.example. %u %d %d %d 5",
                 zone_serial(from), REFRESH_S, RETRY_S, EXPIRE_S);
        test_remove(builder, line);
    }
    snprintf(line, sizeof line, "version.example. TXT \"%u\"", serial);
    test_add(builder, line);
    snprintf(line, sizeof line, "example. SOA ns.example. h.example. %u %d %d %d 5", serial,
             REFRESH_S, RETRY_S, EXPIRE_S);
    test_add(builder, line);
    return zone_build_finish(builder);
}

/* The version with that said of it; takes over the reference. */
static struct zone *say_zonemd(struct zone *version, enum said said)
{
    char line[512];
    uint8_t digest[DIGEST_LEN_MAX];
    size_t len = 0;
    struct zone_builder *builder;
    if (said == SAID_NOTHING) {
        return version;
    }
    assert_int_equal(zone_digest(version, 1, digest, &len), OK);
    digest[7] ^= said == SAID_WRONG;
    int at = snprintf(line, sizeof line, "example. ZONEMD %u 1 1 ", zone_serial(version));
    for (size_t i = 0; i < len; i++) {
        at += snprintf(line + at, sizeof line - (size_t)at, "%02x", digest[i]);
    }
    assert_int_equal(zone_build(zone_apex(version), version, &builder), OK);
    test_add(builder, line);
    zone_release(version);
    return zone_build_finish(builder);
}

enum { DRIBBLE_S = 10 };
static const uint64_t DRIBBLE_TIMER = UINT64_MAX;

static void dribble(struct server *server, const struct event *event, struct outbox *outbox)
{
    struct message_writer writer;
    uint8_t *bytes = arena_take(&outbox->scratch, MESSAGE_UDP_LEN_MIN);
    struct zone *version = make_version(NULL, server->serial);
    message_begin(&writer, bytes, MESSAGE_UDP_LEN_MIN, server->id, FLAG_QR | FLAG_AA, OPCODE_QUERY,
                  RCODE_NOERROR);
    const struct rrset *record = event->kind == EVENT_QUERY
                                     ? zone_soa(version)
                                     : zone_find_rrset(version, zone_apex(version), TYPE_NS);
    assert_int_equal(message_add_rrset(&writer, SECTION_ANSWER, record), OK);
    outbox_add(outbox, EFFECT_REPLY)->reply =
        (struct effect_reply){.channel = server->channel, .message = message_end(&writer)};
    outbox_timer(outbox, DRIBBLE_TIMER, event->now.mono_ns + SECONDS(DRIBBLE_S));
    zone_release(version);
}

/* Does the primary dribble instead of what a server does? */
static bool handle_dribble(struct server *server, const struct event *event, struct outbox *outbox)
{
    bool is_transfer = event->kind == EVENT_QUERY && transport_is_stream(event->query.transport);
    bool is_due = event->kind == EVENT_TIMER && event->timer == DRIBBLE_TIMER;
    if (!server->dribbles || (!is_transfer && !is_due)) {
        return is_due;
    }
    if (is_transfer) {
        struct message message;
        struct name_buffer buffer;
        assert_int_equal(message_read_query(event->query.message, &buffer, &message), OK);
        server->channel = event->query.channel;
        server->id = message.id;
    }
    dribble(server, event, outbox);
    return true;
}

/* The primary's operator speaks "push SERIAL"; all else is the server's. */
static void server_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct server *server = state;
    uint32_t serial;
    char line[64];
    if (handle_dribble(server, event, outbox)) {
        return;
    }
    if (event->kind == EVENT_CONTROL) {
        snprintf(line, sizeof line, "%.*s", (int)event->control.line.len,
                 (const char *)event->control.line.bytes);
    }
    if (event->kind != EVENT_CONTROL || sscanf(line, "push %u", &serial) != 1) {
        auth_handle(server->auth, event, outbox);
    }
    if (event->kind == EVENT_START && server->zone.is_pushed) {
        struct zone *version = say_zonemd(make_version(NULL, server->serial), server->said);
        assert_int_equal(auth_push(server->auth, version, event->now, outbox), OK);
    } else if (event->kind == EVENT_CONTROL && sscanf(line, "push %u", &serial) == 1) {
        struct zone *before = make_version(NULL, server->serial);
        struct zone *version = make_version(before, serial);
        zone_release(before);
        version = say_zonemd(version, server->said);
        assert_int_equal(auth_push(server->auth, version, event->now, outbox), OK);
        server->serial = serial;
        outbox_add(outbox, EFFECT_CONTROL)->control =
            (struct effect_control){event->control.request, false, SPAN_LITERAL("pushed\n")};
    }
}

static struct node server_open(void *user, struct moment now)
{
    (void)now;
    struct server *server = user;
    struct problem problem = {0};
    struct auth_options options = {.zones = &server->zone,
                                   .zone_count = 1,
                                   .keys = &server->key,
                                   .key_count = 1,
                                   .disk = server->has_disk ? &server->disk : NULL,
                                   .entropy = sim_entropy(server->sim, server->node),
                                   .log = sim_log(server->sim, server->node)};
    assert_int_equal(auth_open(&options, &server->auth, &problem), OK);
    return (struct node){server_handle, server};
}

static void server_close(void *user)
{
    struct server *server = user;
    auth_close(server->auth);
    server->auth = NULL;
}

static void add_server(struct pair *pair, struct server *server, const char *name, size_t index)
{
    server->sim = pair->sim;
    server->node =
        sim_add_node(pair->sim, name, (struct sim_life){server_open, server_close, server});
    sim_listen(pair->sim, server->node, ADDRESSES[index]);
    server->key = (struct tsig_key){test_name("key.", &server->key_name), TSIG_HMAC_SHA256,
                                    span_of(SECRETS[0], sizeof SECRETS[0])};
    server->zone.name = test_name("example.", &server->zone_name);
    server->grant = (struct auth_grant){.key = &server->key};
    server->zone.grants = &server->grant;
    server->zone.grant_count = 1;
}

static void open_pair(struct pair *pair, uint64_t seed)
{
    struct sim_options options = {
        .seed = seed, .wall_s = AUTH_TEST_NOW_S, .delay_min_us = 500, .delay_max_us = 20000};
    *pair = (struct pair){.sim = sim_open(&options)};
    add_server(pair, &pair->primary, "primary", 0);
    add_server(pair, &pair->secondary, "secondary", 1);
    pair->primary.zone.is_pushed = true;
    pair->primary.serial = 1;
    pair->primary.notify = (struct auth_peer){ADDRESSES[1], &pair->primary.key};
    pair->primary.zone.notify = &pair->primary.notify;
    pair->primary.zone.notify_count = 1;
    pair->secondary.zone.primary = (struct auth_peer){ADDRESSES[0], &pair->secondary.key};
    pair->secondary.disk = sim_disk(pair->sim, pair->secondary.node, "state");
    pair->secondary.has_disk = true;
    sim_start(pair->sim, pair->primary.node);
    sim_start(pair->sim, pair->secondary.node);
}

/* The serial that the secondary serves; 0 when it answers SERVFAIL. */
static uint32_t served(struct pair *pair)
{
    uint8_t bytes[600];
    struct arena arena;
    struct name_buffer buffer;
    struct message answer;
    struct span wire;
    uint32_t serial = 0;
    arena_open(&arena, 1 << 20);
    struct question question = {test_name("version.example.", &buffer), TYPE_TXT, CLASS_IN};
    struct sim_question asked = {
        ADDRESSES[1], TRANSPORT_TCP,
        message_make_query(bytes, sizeof bytes, 1, 0, question, true, 1232), 3000};
    assert_int_equal(sim_ask(pair->sim, &asked, &arena, &wire), OK);
    assert_int_equal(message_read(wire, &arena, &answer), OK);
    if (answer.rcode == RCODE_NOERROR) {
        assert_int_equal(answer.sections[SECTION_ANSWER].count, 1);
        struct span rdata = rrset_only(&answer.sections[SECTION_ANSWER].rrsets[0]);
        for (size_t i = 1; i < rdata.len; i++) {
            serial = serial * 10 + (uint32_t)(rdata.bytes[i] - '0');
        }
    } else {
        assert_int_equal(answer.rcode, RCODE_SERVFAIL);
        struct span ede;
        assert_true(edns_find(&answer.edns, EDNS_OPTION_EDE, &ede));
    }
    arena_close(&arena);
    return serial;
}

static void push(struct pair *pair, uint32_t serial)
{
    char line[40];
    struct arena arena;
    struct span text;
    arena_open(&arena, 1 << 16);
    snprintf(line, sizeof line, "push %u", serial);
    assert_int_equal(sim_control(pair->sim, pair->primary.node, line, &arena, &text), OK);
    arena_close(&arena);
}

static uint64_t count_of(struct pair *pair, size_t node, const char *counter)
{
    struct arena arena;
    struct span text;
    unsigned long long count = 0;
    arena_open(&arena, 1 << 16);
    assert_int_equal(sim_control(pair->sim, node, "stats", &arena, &text), OK);
    const char *all = arena_text(&arena, text);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s: ", counter);
    const char *at = strstr(all, wanted);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(wanted), "%llu", &count), 1);
    arena_close(&arena);
    return count;
}

static void test_follows_by_notify(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 1);
    sim_run(pair.sim, SECONDS(3));
    assert_int_equal(served(&pair), 1);
    assert_int_equal(count_of(&pair, pair.primary.node, "transfers-out[axfr]"), 1);
    uint64_t told = count_of(&pair, pair.primary.node, "notify[out]");
    for (uint32_t serial = 2; serial < 5; serial++) {
        push(&pair, serial);
        sim_run(pair.sim, SECONDS(1));
        assert_int_equal(served(&pair), serial);
    }
    assert_int_equal(count_of(&pair, pair.primary.node, "transfers-out[axfr]"), 1);
    assert_int_equal(count_of(&pair, pair.primary.node, "transfers-out[ixfr]"), 3);
    assert_int_equal(count_of(&pair, pair.primary.node, "notify[out]"), told + 3);
    sim_close(pair.sim);
}

/* Without NOTIFY the refresh finds the news. */
static void test_follows_by_refresh(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 2);
    sim_run(pair.sim, SECONDS(3));
    sim_set_loss(pair.sim, 100, 0);
    push(&pair, 2);
    sim_run(pair.sim, SECONDS(1));
    assert_int_equal(served(&pair), 1);
    sim_set_loss(pair.sim, 0, 0);
    sim_run(pair.sim, SECONDS(REFRESH_S + RETRY_S + 5));
    assert_int_equal(served(&pair), 2);
    sim_close(pair.sim);
}

static void test_bad_network(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 20; seed++) {
        struct pair pair;
        open_pair(&pair, seed);
        sim_set_loss(pair.sim, 40, 20);
        sim_run(pair.sim, SECONDS(10));
        push(&pair, 2);
        sim_run(pair.sim, SECONDS(1));
        push(&pair, 3);
        sim_run(pair.sim, SECONDS(2 * REFRESH_S));
        assert_int_equal(served(&pair), 3);
        sim_close(pair.sim);
    }
}

/* After a restart the kept version is served at once, without the primary; after EXPIRE it is not
 * any more (RFC 1035 §4.3.5), and when the primary is back it is. */
static void test_restart_and_expiry(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 3);
    sim_run(pair.sim, SECONDS(3));
    sim_crash(pair.sim, pair.primary.node);
    sim_crash(pair.sim, pair.secondary.node);
    sim_run(pair.sim, SECONDS(30));
    sim_start(pair.sim, pair.secondary.node);
    assert_int_equal(served(&pair), 1);
    sim_run(pair.sim, SECONDS(EXPIRE_S - 60)); /* about 90 s since the primary was heard */
    assert_int_equal(served(&pair), 1);
    sim_run(pair.sim, SECONDS(60));
    assert_int_equal(served(&pair), 0);
    sim_crash(pair.sim, pair.secondary.node);
    sim_start(pair.sim, pair.secondary.node);
    assert_int_equal(served(&pair), 0); /* a restart does not make it young again */
    sim_start(pair.sim, pair.primary.node);
    sim_run(pair.sim, SECONDS(RETRY_S * 3));
    assert_int_equal(served(&pair), 1);
    sim_close(pair.sim);
}

/* Power may go in any write: what is there afterwards is one version or the other, or nothing. */
static void test_power_loss(void **state)
{
    (void)state;
    for (uint32_t writes = 0; writes < 4; writes++) {
        struct pair pair;
        open_pair(&pair, 30 + writes);
        sim_crash_at_write(pair.sim, pair.secondary.node, writes);
        sim_run(pair.sim, SECONDS(3));
        push(&pair, 2);
        sim_run(pair.sim, SECONDS(60));
        if (!sim_is_alive(pair.sim, pair.secondary.node)) {
            sim_start(pair.sim, pair.secondary.node);
        }
        sim_run(pair.sim, SECONDS(10));
        assert_int_equal(served(&pair), 2);
        sim_close(pair.sim);
    }
}

/* The n-th write to the secondary's disk fails, and some after it: it serves on, and after a
 * restart without its primary it has what was kept, if not the last. */
static void test_a_disk_that_fails(void **state)
{
    (void)state;
    uint32_t writes = 1;
    for (uint32_t at = 0; at < writes; at++) {
        struct pair pair;
        open_pair(&pair, 40 + at);
        uint32_t before = sim_write_count(pair.sim, pair.secondary.node);
        sim_fail_at_write(pair.sim, pair.secondary.node, at, at % 3 + 1);
        sim_run(pair.sim, SECONDS(2));
        for (uint32_t serial = 2; serial <= 6; serial++) {
            push(&pair, serial);
            sim_run(pair.sim, SECONDS(2));
            assert_int_equal(served(&pair), serial);
        }
        writes = sim_write_count(pair.sim, pair.secondary.node) - before;
        sim_fail_at_write(pair.sim, pair.secondary.node, 0, 0);
        sim_crash(pair.sim, pair.primary.node);
        sim_crash(pair.sim, pair.secondary.node);
        sim_start(pair.sim, pair.secondary.node);
        sim_run(pair.sim, SECONDS(1));
        uint32_t kept = served(&pair);
        assert_true(kept >= 1 && kept <= 6);
        pair.primary.serial = 7;
        sim_start(pair.sim, pair.primary.node);
        sim_run(pair.sim, SECONDS(3 * REFRESH_S));
        assert_int_equal(served(&pair), 7);
        sim_close(pair.sim);
    }
    assert_true(writes > 5);
}

/* IXFR goes on behind a restart: the versions before the last come back with it. */
static void test_history_outlives_a_crash(void **state)
{
    (void)state;
    struct pair pair;
    struct arena arena;
    struct span text;
    open_pair(&pair, 60);
    sim_run(pair.sim, SECONDS(2));
    for (uint32_t serial = 2; serial <= 6; serial++) {
        push(&pair, serial);
        sim_run(pair.sim, SECONDS(2));
    }
    sim_crash(pair.sim, pair.secondary.node);
    sim_start(pair.sim, pair.secondary.node);
    sim_run(pair.sim, SECONDS(1));
    arena_open(&arena, 1 << 16);
    assert_int_equal(
        sim_control(pair.sim, pair.secondary.node, "zone-status example.", &arena, &text), OK);
    assert_non_null(memmem(text.bytes, text.len, "versions-kept: 6\n", 17));
    arena_close(&arena);
    sim_close(pair.sim);
}

/* Where a version must speak for itself, one that does not, or wrongly, is not taken, and the one
 * before goes on being served (RFC 8976 §4). */
static void test_zonemd(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 70);
    sim_crash(pair.sim, pair.secondary.node); /* before it has asked anything */
    pair.secondary.zone.verifies_zonemd = true;
    sim_start(pair.sim, pair.secondary.node);
    sim_run(pair.sim, SECONDS(3));
    assert_int_equal(served(&pair), 0);
    static const struct {
        const char *why;
        enum said said;
        uint32_t serial, served;
    } rows[] = {{"the first that says what it is", SAID_RIGHT, 2, 2},
                {"altered on its way", SAID_WRONG, 3, 2},
                {"says nothing", SAID_NOTHING, 4, 2},
                {"right again, by AXFR", SAID_RIGHT, 5, 5},
                {"right again, by IXFR", SAID_RIGHT, 6, 6}};
    for (size_t i = 0; i < LEN(rows); i++) {
        print_message("%s\n", rows[i].why);
        pair.primary.said = rows[i].said;
        push(&pair, rows[i].serial);
        sim_run(pair.sim, SECONDS(2 * RETRY_S));
        assert_int_equal(served(&pair), rows[i].served);
    }
    sim_close(pair.sim);
}

static void test_lower_serial(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 4);
    sim_run(pair.sim, SECONDS(3));
    push(&pair, 5);
    sim_run(pair.sim, SECONDS(2));
    assert_int_equal(served(&pair), 5);
    push(&pair, 3);
    sim_run(pair.sim, SECONDS(REFRESH_S * 2));
    assert_int_equal(served(&pair), 5);
    push(&pair, 4294967295U); /* lower too, by serial arithmetic (RFC 1982) */
    sim_run(pair.sim, SECONDS(REFRESH_S * 2));
    assert_int_equal(served(&pair), 5);
    push(&pair, 6);
    sim_run(pair.sim, SECONDS(2));
    assert_int_equal(served(&pair), 6);
    sim_close(pair.sim);
}

/* A primary that was set back does not vouch for our version, and is taken when the operator says
 * so; whatever it has then is kept, and IXFR goes on from there. */
static void test_set_back(void **state)
{
    (void)state;
    struct pair pair;
    struct arena arena;
    struct span text;
    open_pair(&pair, 8);
    arena_open(&arena, 1 << 16);
    sim_run(pair.sim, SECONDS(3));
    push(&pair, 5);
    sim_run(pair.sim, SECONDS(2));
    push(&pair, 3);
    sim_run(pair.sim, SECONDS(EXPIRE_S - 20));
    assert_int_equal(served(&pair), 5);
    sim_run(pair.sim, SECONDS(40));
    assert_int_equal(served(&pair), 0); /* expired: nobody vouched for it */
    assert_int_equal(
        sim_control(pair.sim, pair.secondary.node, "retransfer example", &arena, &text), OK);
    sim_run(pair.sim, SECONDS(2));
    assert_int_equal(served(&pair), 3);
    push(&pair, 4);
    sim_run(pair.sim, SECONDS(2));
    assert_int_equal(served(&pair), 4);
    assert_int_equal(count_of(&pair, pair.primary.node, "transfers-out[ixfr]"), 2);
    sim_crash(pair.sim, pair.primary.node);
    sim_crash(pair.sim, pair.secondary.node);
    sim_start(pair.sim, pair.secondary.node);
    assert_int_equal(served(&pair), 4);
    arena_close(&arena);
    sim_close(pair.sim);
}

/* A transfer that brings next to nothing is cut off, however long it would go on. */
static void test_a_primary_that_dribbles(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 9);
    sim_crash(pair.sim, pair.secondary.node); /* before it has asked anything */
    pair.secondary.zone.primary.key = NULL;
    pair.primary.dribbles = true;
    sim_start(pair.sim, pair.secondary.node);
    size_t node = pair.secondary.node;
    sim_run(pair.sim, SECONDS(110));
    assert_int_equal(count_of(&pair, node, "transfers-in[failed]"), 0);
    sim_run(pair.sim, SECONDS(20));
    assert_int_equal(count_of(&pair, node, "transfers-in[failed]"), 1);
    pair.primary.dribbles = false;
    pair.secondary.zone.primary.key = &pair.secondary.key;
    sim_crash(pair.sim, node);
    sim_start(pair.sim, node);
    sim_run(pair.sim, SECONDS(3));
    assert_int_equal(served(&pair), 1);
    sim_close(pair.sim);
}

static void test_wrong_key(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair, 5);
    sim_crash(pair.sim, pair.secondary.node); /* before it has asked anything */
    pair.secondary.key.secret = span_of(SECRETS[1], sizeof SECRETS[1]);
    sim_start(pair.sim, pair.secondary.node);
    sim_run(pair.sim, SECONDS(60));
    assert_int_equal(served(&pair), 0);
    assert_int_equal(count_of(&pair, pair.primary.node, "transfers-out[axfr]"), 0);
    assert_true(count_of(&pair, pair.secondary.node, "transfers-in[failed]") > 2);
    push(&pair, 2); /* what it answers to NOTIFY is not believed: it is told six times in all */
    uint64_t told = count_of(&pair, pair.primary.node, "notify[out]");
    sim_run(pair.sim, SECONDS(100));
    assert_int_equal(count_of(&pair, pair.primary.node, "notify[out]"), told + 5);
    sim_close(pair.sim);
}

/* `retransfer` takes all again; `zone-status` and `zone-dump` tell of it; nonsense is refused. */
static void test_operator(void **state)
{
    (void)state;
    struct pair pair;
    struct arena arena;
    struct span text;
    open_pair(&pair, 6);
    arena_open(&arena, 4 << 20);
    sim_run(pair.sim, SECONDS(3));
    size_t node = pair.secondary.node;
    assert_int_equal(sim_control(pair.sim, node, "retransfer example", &arena, &text), OK);
    sim_run(pair.sim, SECONDS(2));
    assert_int_equal(count_of(&pair, pair.primary.node, "transfers-out[axfr]"), 2);
    assert_int_equal(sim_control(pair.sim, node, "zone-status example.", &arena, &text), OK);
    const char *said = arena_text(&arena, text);
    assert_non_null(strstr(said, "served: yes\n"));
    assert_non_null(strstr(said, "serial: 1\n"));
    assert_int_equal(sim_control(pair.sim, node, "zone-dump example.", &arena, &text), OK);
    assert_non_null(strstr(arena_text(&arena, text), "version.example."));
    assert_int_equal(sim_control(pair.sim, node, "zone-status other.", &arena, &text), REFUSED);
    assert_int_equal(sim_control(pair.sim, node, "zone-status", &arena, &text), REFUSED);
    assert_int_equal(sim_control(pair.sim, node, "dance", &arena, &text), REFUSED);
    arena_close(&arena);
    sim_close(pair.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_by_notify),
        cmocka_unit_test(test_follows_by_refresh),
        cmocka_unit_test(test_bad_network),
        cmocka_unit_test(test_restart_and_expiry),
        cmocka_unit_test(test_power_loss),
        cmocka_unit_test(test_a_disk_that_fails),
        cmocka_unit_test(test_history_outlives_a_crash),
        cmocka_unit_test(test_zonemd),
        cmocka_unit_test(test_lower_serial),
        cmocka_unit_test(test_set_back),
        cmocka_unit_test(test_a_primary_that_dribbles),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
