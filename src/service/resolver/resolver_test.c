/* The resolver among servers that behave well or badly, without validation: the way down the tree,
 * aliases, denials, the cache, and what must not be believed. */
#include "service/resolver/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "service/resolver/fake_world.h"
#include "service/resolver/resolver_limits.h"

static struct fake_world world;

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

static void assert_answer(const char *name, uint16_t type, unsigned how, const char *expected)
{
    const struct fake_reply *reply = fake_ask(&world.net, name, type, FLAG_RD, how);
    const char *printed = fake_print(&world.net, reply);
    if (strcmp(printed, expected) != 0) {
        fail_msg("%s %u:\n  got      %s\n  expected %s\n  %s", name, type, printed, expected,
                 reply == NULL ? "" : reply->ede_text);
    }
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        const char *expected;
        const char *why;
    } rows[] = {
        {"www.example.com.", TYPE_A, "NOERROR | www.example.com. A 192.0.2.80 |",
         "two referrals, then the answer"},
        {"here.example.com.", TYPE_A,
         "NOERROR | here.example.com. CNAME www.example.com. www.example.com. A 192.0.2.80 |",
         "an alias in the zone"},
        {"here.example.com.", TYPE_CNAME, "NOERROR | here.example.com. CNAME www.example.com. |",
         "the alias itself"},
        {"there.example.com.", TYPE_A,
         "NOERROR | there.example.com. CNAME www.glueless.com. www.glueless.com. A 192.0.2.90 |",
         "an alias across zones, to one whose server has no glue"},
        {"nowhere.example.com.", TYPE_A,
         "NXDOMAIN | nowhere.example.com. CNAME missing.example.com. | example.com. SOA ...",
         "the rcode is that of the end of the chain"},
        {"www.moved.example.com.", TYPE_A,
         "NOERROR | moved.example.com. DNAME glueless.com. www.moved.example.com. CNAME "
         "www.glueless.com. www.glueless.com. A 192.0.2.90 |",
         "a DNAME and what it stands for"},
        {"moved.example.com.", TYPE_A, "NOERROR | | example.com. SOA ...",
         "a DNAME says nothing about its owner"},
        {"www.moved.example.com.", TYPE_CNAME,
         "NOERROR | moved.example.com. DNAME glueless.com. www.moved.example.com. CNAME "
         "www.glueless.com. | glueless.com. SOA ...",
         "below a DNAME there are no CNAMEs of their own"},
        {"a.wild.example.com.", TYPE_A, "NOERROR | a.wild.example.com. A 192.0.2.81 |",
         "a wildcard"},
        {"www.example.com.", TYPE_MX, "NOERROR | | example.com. SOA ...", "no such type"},
        {"missing.example.com.", TYPE_A, "NXDOMAIN | | example.com. SOA ...", "no such name"},
        {"tree.example.com.", TYPE_A, "NOERROR | | example.com. SOA ...", "an empty non-terminal"},
        {"zero.example.com.", TYPE_A, "NOERROR | zero.example.com. A 192.0.2.82 |",
         "a TTL of 0 is still an answer"},
        {"missing.", TYPE_A, "NXDOMAIN | | . SOA ...", "a TLD that is not there"},
        {"example.com.", TYPE_DS, "NOERROR | example.com. DS ... |", "the parent has the DS"},
        {"glueless.com.", TYPE_DS, "NOERROR | | com. SOA ...", "the parent denies the DS"},
        {"example.com.", TYPE_NS,
         "NOERROR | example.com. NS ns1.example.com. example.com. NS ns2.example.com. |",
         "NS as the child has them"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_answer(rows[i].name, rows[i].type, 0, rows[i].expected);
        assert_answer(rows[i].name, rows[i].type, FAKE_PLAIN, rows[i].expected);
    }
}

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *reason; /* a part of it */
        const char *why;
    } rows[] = {
        {"circle-a.example.com.", "circle", "aliases that lead back"},
        {"chain0.example.com.", "too long", "more aliases than the limit"},
        {"www.loop-a.com.", "depend on themselves", "two zones whose servers are in each other"},
        {"www.dead.com.", "192.0.2.66", "a server that does not answer, by its address"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct fake_reply *reply = fake_ask(&world.net, rows[i].name, TYPE_A, FLAG_RD, 0);
        assert_non_null(reply);
        assert_int_equal(reply->message.rcode, RCODE_SERVFAIL);
        assert_int_not_equal(reply->ede, EDE_NONE);
        if (strstr(reply->ede_text, rows[i].reason) == NULL) {
            fail_msg("%s: %s", rows[i].name, reply->ede_text);
        }
    }
}

static void test_servers(void **state)
{
    (void)state;
    static const struct {
        enum fake_mood mood;
        bool is_answered;
        bool uses_tcp;
        const char *why;
    } rows[] = {
        {FAKE_HONEST, true, false, "one question, one answer"},
        {FAKE_SILENT, false, false, "nobody answers"},
        {FAKE_REFUSING, false, false, "every server refuses"},
        {FAKE_FAILING, false, false, "every server fails"},
        {FAKE_TRUNCATING, true, true, "TC leads to TCP"},
        {FAKE_WITHOUT_EDNS, true, false, "FORMERR leads to a query without EDNS"},
        {FAKE_LAME, false, false, "a referral upward leads nowhere"},
        {FAKE_CACHING, false, false, "RA without AA is somebody's cache"},
        {FAKE_DROPS_FIRST, true, false, "a lost query is sent again"},
        {FAKE_GUESSING, true, true, "many wrong ids lead to TCP"},
        {FAKE_WRONG_QUESTION, true, false, "an answer to another question is ignored"},
        {FAKE_GARBLING, true, false, "a broken message is ignored"},
        {FAKE_WRONG_CASE, true, false, "an answer in another case is ignored"},
        {FAKE_ECHOING, true, false, "a query is not an answer"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        fake_world_close(&world);
        fake_world_start(&world, false);
        world.example_server->mood = rows[i].mood;
        const struct fake_reply *reply =
            fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
        const char *expected =
            rows[i].is_answered ? "NOERROR | www.example.com. A 192.0.2.80 |" : "SERVFAIL | |";
        const char *printed = fake_print(&world.net, reply);
        if (strcmp(printed, expected) != 0 || (world.net.asked_tcp > 0) != rows[i].uses_tcp) {
            fail_msg("%s: %s (%u by TCP)", rows[i].why, printed, world.net.asked_tcp);
        }
        assert_true(world.net.asked <= 12);
    }
}

/* One server of two is bad: the other one answers, whichever was asked first. */
static void test_second_server(void **state)
{
    (void)state;
    static const enum fake_mood moods[] = {FAKE_SILENT, FAKE_REFUSING, FAKE_FAILING, FAKE_LAME,
                                           FAKE_CACHING};
    for (size_t i = 0; i < LEN(moods); i++) {
        fake_world_close(&world);
        fake_world_start(&world, false);
        struct fake_server *second = fake_add_server(&world.net, "192.0.2.21");
        fake_serve(second, world.example);
        world.example_server->mood = moods[i];
        assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
        assert_answer("www.example.com.", TYPE_TXT, 0,
                      "NOERROR | www.example.com. TXT \"hello\" |");
        world.example_server->mood = FAKE_HONEST;
    }
}

static void test_cache(void **state)
{
    (void)state;
    assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
    uint32_t asked = world.net.asked;
    fake_pass_s(&world.net, 100);
    const struct fake_reply *reply = fake_ask(&world.net, "WWW.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(world.net.asked, asked);
    uint32_t ttl_s = reply->message.sections[SECTION_ANSWER].rrsets[0].ttl_s;
    assert_in_range(ttl_s, 198, 200);
    fake_pass_s(&world.net, 201);
    fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    /* The delegation is still known; the first of its servers to be asked may be the silent one. */
    assert_in_range(world.net.asked, asked + 1, asked + 2);
    assert_answer("missing.example.com.", TYPE_A, 0, "NXDOMAIN | | example.com. SOA ...");
    asked = world.net.asked;
    assert_answer("missing.example.com.", TYPE_TXT, 0, "NXDOMAIN | | example.com. SOA ...");
    assert_int_equal(world.net.asked, asked); /* the name is denied with all its types */
    fake_pass_s(&world.net, 31);              /* the SOA's MINIMUM is 30 */
    fake_ask(&world.net, "missing.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(world.net.asked, asked + 1);
    fake_ask(&world.net, "zero.example.com.", TYPE_A, FLAG_RD, 0);
    asked = world.net.asked;
    fake_ask(&world.net, "zero.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(world.net.asked, asked + 1); /* a TTL of 0 is not kept */
    assert_non_null(strstr(fake_control(&world.net, "stats"), "cache-hits: 2\n"));
    assert_non_null(strstr(fake_control(&world.net, "flush-name example.com"), "flushed"));
    fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(world.net.asked, asked + 3); /* com refers again */
    assert_non_null(strstr(fake_control(&world.net, "flush"), "flushed"));
    fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    assert_in_range(world.net.asked, asked + 6, asked + 7);
}

/* RFC 9520: what failed is not asked again at once. */
static void test_failure_cache(void **state)
{
    (void)state;
    world.example_server->mood = FAKE_FAILING;
    assert_answer("www.example.com.", TYPE_A, 0, "SERVFAIL | |");
    uint32_t asked = world.net.asked;
    assert_answer("www.example.com.", TYPE_A, 0, "SERVFAIL | |");
    assert_int_equal(world.net.asked, asked);
    world.example_server->mood = FAKE_HONEST;
    fake_pass_s(&world.net, RESOLVER_FAILURE_TTL_S + 1);
    assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
}

static void test_many_clients(void **state)
{
    (void)state;
    uint64_t first = fake_send(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    for (int i = 1; i < RESOLVER_WAITING_MAX; i++) {
        fake_send(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    }
    uint64_t too_many = fake_send(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(fake_reply_to(&world.net, too_many)->message.rcode, RCODE_SERVFAIL);
    fake_settle(&world.net);
    assert_int_equal(world.example_server->queries, 1);
    assert_in_range(world.net.asked, 3, 4); /* the zone's other server may be tried; it is dead */
    for (uint64_t channel = first; channel < too_many; channel++) {
        assert_int_equal(fake_reply_to(&world.net, channel)->message.rcode, RCODE_NOERROR);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct fake_net *net = &world.net;
    assert_int_equal(fake_ask(net, "www.example.com.", TYPE_A, 0, 0)->message.rcode, RCODE_REFUSED);
    assert_int_equal(fake_ask(net, "example.com.", TYPE_AXFR, FLAG_RD, 0)->message.rcode,
                     RCODE_NOTIMP);
    assert_int_equal(fake_ask(net, "example.com.", 0, FLAG_RD, 0)->message.rcode, RCODE_FORMERR);
    assert_answer("example.com.", TYPE_ANY, 0, "NOERROR | example.com. HINFO \"RFC8482\" \"\" |");
    assert_int_equal(net->asked, 0);
    resolver_close(net->resolver);
    net->resolver = NULL;
    struct resolver_prefix allowed;
    assert_int_equal(resolver_prefix_read(SPAN_LITERAL("192.0.2.96/30"), &allowed), OK);
    struct resolver_options options = fake_options(net, &world.root_hint);
    options.allowed = &allowed;
    options.allowed_count = 1;
    fake_start(net, &options);
    assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
    resolver_close(net->resolver);
    net->resolver = NULL;
    allowed.bits = 31; /* .96 and .97: the client is .99 */
    fake_start(net, &options);
    const struct fake_reply *reply = fake_ask(net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(reply->message.rcode, RCODE_REFUSED);
    assert_int_equal(reply->ede, EDE_PROHIBITED);
}

static void test_local_names(void **state)
{
    (void)state;
    assert_answer("localhost.", TYPE_A, 0, "NOERROR | localhost. A 127.0.0.1 |");
    assert_answer("x.localhost.", TYPE_AAAA, 0, "NOERROR | x.localhost. AAAA ::1 |");
    assert_answer("1.0.0.127.in-addr.arpa.", TYPE_PTR, 0,
                  "NOERROR | 1.0.0.127.in-addr.arpa. PTR localhost. |");
    assert_answer("1.2.168.192.in-addr.arpa.", TYPE_PTR, 0,
                  "NXDOMAIN | | 168.192.in-addr.arpa. SOA ...");
    assert_answer("a.onion.", TYPE_A, 0, "NXDOMAIN | | onion. SOA ...");
    assert_int_equal(world.net.asked, 0);
}

/* --- poisoning --- */

static const struct fake_server *forged_server; /* whose answers get the forged record */
static const char *forged_line;
static enum section forged_section;

/* Adds one record to every answer of that server. */
static size_t forge_record(struct fake_net *net, const struct fake_server *server, uint8_t *bytes,
                           size_t len, size_t size)
{
    if (server != forged_server) {
        return len;
    }
    struct message message;
    uint8_t *copy = arena_take(&net->arena, len);
    memcpy(copy, bytes, len);
    assert_int_equal(message_read(span_of(copy, len), &net->arena, &message), OK);
    struct fake_zone *forged = fake_add_zone(net, "forged.", "");
    fake_add_record(net, forged, forged_line);
    struct message_writer writer;
    message_begin(&writer, bytes, size, message.id, message.flags, 0, message.rcode);
    message_add_question(&writer, message.question);
    for (int section = 0; section < SECTION_COUNT; section++) {
        for (size_t i = 0; i < message.sections[section].count; i++) {
            assert_int_equal(message_add_rrset(&writer, (enum section)section,
                                               &message.sections[section].rrsets[i]),
                             OK);
        }
        if (section == (int)forged_section) {
            assert_int_equal(message_add_rrset(&writer, forged_section, &forged->rrsets[0]), OK);
        }
    }
    net->zone_count--; /* only its record was wanted */
    forged->rrset_count = 0;
    return message_end(&writer).len;
}

static void test_poisoning(void **state)
{
    (void)state;
    static const struct {
        const char *asked; /* the zone whose server lies */
        const char *ask;
        uint16_t type;
        enum section section;
        const char *line;
        const char *why;
    } rows[] = {
        {"example.com.", "www.example.com.", TYPE_A, SECTION_ADDITIONAL,
         "www.glueless.com. 9999 A 6.6.6.6", "an address of another zone, in additional"},
        {"example.com.", "www.example.com.", TYPE_A, SECTION_ANSWER,
         "www.glueless.com. 9999 A 6.6.6.6", "an address of another zone, in the answer"},
        {"example.com.", "here.example.com.", TYPE_A, SECTION_ANSWER,
         "www.glueless.com. 9999 A 6.6.6.6", "behind an alias"},
        {"example.com.", "www.example.com.", TYPE_A, SECTION_AUTHORITY, "com. 9999 NS ns.evil.",
         "NS of the parent beside an answer"},
        {"example.com.", "www.example.com.", TYPE_A, SECTION_AUTHORITY,
         "glueless.com. 9999 NS ns.evil.", "NS of a sibling beside an answer"},
        {"example.com.", "missing.example.com.", TYPE_A, SECTION_AUTHORITY,
         "glueless.com. 9999 NS ns.evil.", "NS of a sibling beside a denial"},
        {"example.com.", "missing.example.com.", TYPE_A, SECTION_AUTHORITY,
         "com. 9999 SOA ns.evil. evil. 1 1 1 1 9999", "the parent's SOA"},
        {"example.com.", "www.example.com.", TYPE_A, SECTION_ANSWER, "com. 9999 DNAME evil.",
         "a DNAME above the zone"},
        {"com.", "www.example.com.", TYPE_A, SECTION_ADDITIONAL, "ns1.hosting.net. 9999 A 6.6.6.6",
         "glue outside the zone asked"},
        {"example.com.", "www.example.com.", TYPE_TXT, SECTION_ANSWER,
         "www.example.com. 9999 A 6.6.6.6", "another type of the name asked"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        fake_world_close(&world);
        fake_world_start(&world, false);
        struct fake_server *evil = fake_add_server(&world.net, "6.6.6.6");
        fake_serve(evil,
                   fake_add_zone(&world.net, "glueless.com.", "www.glueless.com. 300 A 6.6.6.6"));
        fake_serve(evil, fake_add_zone(&world.net, "evil.", "ns.evil. 300 A 6.6.6.6"));
        forged_server =
            strcmp(rows[i].asked, "com.") == 0 ? world.com_server : world.example_server;
        forged_line = rows[i].line;
        forged_section = rows[i].section;
        world.net.forge = forge_record;
        fake_ask(&world.net, rows[i].ask, rows[i].type, FLAG_RD, 0);
        world.net.forge = NULL;
        const char *dump = fake_control(&world.net, "dump");
        if (strstr(dump, "evil") != NULL) {
            fail_msg("%s: %s", rows[i].why, dump);
        }
        const char *printed =
            fake_print(&world.net, fake_ask(&world.net, "www.glueless.com.", TYPE_A, FLAG_RD, 0));
        if (strcmp(printed, "NOERROR | www.glueless.com. A 192.0.2.90 |") != 0 ||
            evil->queries != 0) {
            fail_msg("%s: %s", rows[i].why, printed);
        }
        assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
    }
}

/* A ghost domain: the parent has taken the delegation back, the child goes on saying that it is
 * there. Asking for its NS must not keep it alive (CVE-2022-30698). */
static void test_ghost(void **state)
{
    (void)state;
    assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
    fake_world_close(&world);
    fake_world_open(&world);
    struct resolver_options options = fake_options(&world.net, &world.root_hint);
    fake_start(&world.net, &options);
    fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    for (size_t i = 0; i < world.com->rrset_count; i++) {
        struct rrset *rrset = &world.com->rrsets[i];
        if (rrset->type == TYPE_NS && rrset->owner.label_count == 2 &&
            span_equal(name_label(rrset->owner, 0), SPAN_LITERAL("example"))) {
            rrset->type = TYPE_TXT; /* taken back */
        }
    }
    for (int i = 0; i < 6; i++) {
        fake_pass_s(&world.net, 120);
        fake_ask(&world.net, "example.com.", TYPE_NS, FLAG_RD, 0);
        fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    }
    fake_pass_s(&world.net, 301);
    const struct fake_reply *reply = fake_ask(&world.net, "www.example.com.", TYPE_A, FLAG_RD, 0);
    assert_int_equal(reply->message.rcode, RCODE_NXDOMAIN);
}

/* NXNSAttack (CVE-2020-8616): a delegation with many name servers that have no address. */
static void test_nxns(void **state)
{
    (void)state;
    char line[200];
    for (int i = 0; i < 60; i++) {
        snprintf(line, sizeof line, "attack.net. 600 NS ns%d.victim%d.com.", i, i);
        fake_add_record(&world.net, world.net_zone, line);
    }
    assert_answer("www.attack.net.", TYPE_A, 0, "SERVFAIL | |");
    assert_true(world.net.asked < 30);
}

/* A delegation whose servers never answer costs little time and few queries. */
static void test_many_dead(void **state)
{
    (void)state;
    char line[200];
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof line, "dead.net. 600 NS ns%d.dead.net.", i);
        fake_add_record(&world.net, world.net_zone, line);
        snprintf(line, sizeof line, "ns%d.dead.net. 600 A 192.0.2.%d", i, 100 + i);
        fake_add_record(&world.net, world.net_zone, line);
    }
    int64_t before_ns = world.net.now.mono_ns;
    uint64_t channel = fake_send(&world.net, "www.dead.net.", TYPE_A, FLAG_RD, 0);
    fake_settle(&world.net);
    assert_int_equal(fake_reply_to(&world.net, channel)->message.rcode, RCODE_SERVFAIL);
    assert_true(world.net.asked <= RESOLVER_FETCH_QUERIES_MAX + 1);
    assert_true(world.net.now.mono_ns - before_ns < 60LL * MOMENT_NS_PER_S);
}

/* --- forwarding --- */

static void test_forwarding(void **state)
{
    (void)state;
    fake_world_close(&world);
    fake_world_open(&world);
    /* A server with all the zones stands for a resolver. */
    struct fake_server *other = fake_add_server(&world.net, "192.0.2.53");
    fake_serve(other, world.example);
    fake_serve(other, world.glueless);
    struct resolver_server forwarders[] = {{.address = fake_address("192.0.2.54")},
                                           {.address = other->address}};
    struct resolver_zone zone = {NAME_ROOT, false, forwarders, LEN(forwarders)};
    struct resolver_options options = fake_options(&world.net, NULL);
    options.zones = &zone;
    options.zone_count = 1;
    fake_start(&world.net, &options);
    assert_answer("www.example.com.", TYPE_A, 0, "NOERROR | www.example.com. A 192.0.2.80 |");
    assert_answer("there.example.com.", TYPE_A, 0,
                  "NOERROR | there.example.com. CNAME www.glueless.com. www.glueless.com. A "
                  "192.0.2.90 |");
    assert_answer("missing.example.com.", TYPE_A, 0, "NXDOMAIN | | example.com. SOA ...");
    assert_answer("www.example.net.", TYPE_A, 0, "SERVFAIL | |");
    other->mood = FAKE_CACHING;
    assert_answer("www.example.com.", TYPE_TXT, 0, "NOERROR | www.example.com. TXT \"hello\" |");
}

static void test_truncation(void **state)
{
    (void)state;
    char line[300];
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "big.hosting.net. 300 TXT \"%02d%080d\"", i, 0);
        fake_add_record(&world.net, world.hosting, line);
    }
    const struct fake_reply *reply = fake_ask(&world.net, "big.hosting.net.", TYPE_TXT, FLAG_RD, 0);
    assert_string_equal(fake_print(&world.net, reply), "NOERROR TC | |");
    assert_true(reply->len <= RESOLVER_UDP_SIZE);
    reply = fake_ask(&world.net, "big.hosting.net.", TYPE_TXT, FLAG_RD, FAKE_TCP);
    assert_int_equal(reply->message.sections[SECTION_ANSWER].rrsets[0].count, 20);
    reply = fake_ask(&world.net, "big.hosting.net.", TYPE_TXT, FLAG_RD, FAKE_PLAIN);
    assert_string_equal(fake_print(&world.net, reply), "NOERROR TC | |");
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_plain, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_answers),       ROW(test_failures),   ROW(test_servers),
        ROW(test_second_server), ROW(test_cache),      ROW(test_failure_cache),
        ROW(test_many_clients),  ROW(test_refused),    ROW(test_local_names),
        ROW(test_poisoning),     ROW(test_ghost),      ROW(test_nxns),
        ROW(test_many_dead),     ROW(test_forwarding), ROW(test_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
