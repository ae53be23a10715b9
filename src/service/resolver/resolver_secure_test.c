/* The resolver that validates: who is told what, with which flags, and what is never passed on. */
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

static int open_validating(void **state)
{
    (void)state;
    fake_world_start(&world, true);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    fake_world_close(&world);
    return 0;
}

struct row {
    const char *name;
    uint16_t type;
    uint16_t flags;
    unsigned how;
    const char *expected;
    enum ede ede;
    const char *why;
};

static void assert_row(const struct row *row)
{
    const struct fake_reply *reply =
        fake_ask(&world.net, row->name, row->type, (uint16_t)(FLAG_RD | row->flags), row->how);
    const char *printed = fake_print(&world.net, reply);
    enum ede ede = reply == NULL ? EDE_NONE : reply->ede;
    if (strcmp(printed, row->expected) != 0 || ede != row->ede) {
        fail_msg("%s (%s):\n  got      %s (EDE %d %s)\n  expected %s (EDE %d)", row->name, row->why,
                 printed, ede, reply == NULL ? "" : reply->ede_text, row->expected, row->ede);
    }
}

#define WWW "www.example.com. A 192.0.2.80"
#define SIGNED_WWW WWW " www.example.com. RRSIG A"
#define SIGNED_SOA "example.com. SOA ... example.com. RRSIG SOA"

static const struct row rows[] = {
    {"www.example.com.", TYPE_A, 0, FAKE_DO, "NOERROR AD | " SIGNED_WWW " |", EDE_NONE,
     "DO: AD and the signatures"},
    {"www.example.com.", TYPE_A, FLAG_AD, 0, "NOERROR AD | " WWW " |", EDE_NONE,
     "AD in the query: AD without signatures (RFC 6840 5.7)"},
    {"www.example.com.", TYPE_A, FLAG_AD, FAKE_PLAIN, "NOERROR AD | " WWW " |", EDE_NONE,
     "the same without EDNS"},
    {"www.example.com.", TYPE_A, 0, 0, "NOERROR | " WWW " |", EDE_NONE,
     "neither: no AD (RFC 6840 5.8)"},
    {"www.example.com.", TYPE_A, FLAG_CD, FAKE_DO, "NOERROR | " SIGNED_WWW " |", EDE_NONE,
     "CD: the client judges for itself"},
    {"here.example.com.", TYPE_A, 0, FAKE_DO,
     "NOERROR AD | here.example.com. CNAME www.example.com. here.example.com. RRSIG "
     "CNAME " SIGNED_WWW " |",
     EDE_NONE, "each link of the chain is secure"},
    {"there.example.com.", TYPE_A, FLAG_AD, 0,
     "NOERROR | there.example.com. CNAME www.glueless.com. www.glueless.com. A 192.0.2.90 |",
     EDE_NONE, "one insecure link takes AD away"},
    {"a.inside.example.com.", TYPE_A, FLAG_AD, 0,
     "NOERROR AD | inside.example.com. DNAME wild.example.com. a.inside.example.com. CNAME "
     "a.wild.example.com. a.wild.example.com. A 192.0.2.81 |",
     EDE_NONE, "a DNAME, then a wildcard"},
    {"b.wild.example.com.", TYPE_A, 0, FAKE_DO,
     "NOERROR AD | b.wild.example.com. A 192.0.2.81 b.wild.example.com. RRSIG A | "
     "*.wild.example.com. NSEC ... *.wild.example.com. RRSIG NSEC",
     EDE_NONE, "a wildcard comes with its proof"},
    {"www.example.com.", TYPE_MX, 0, FAKE_DO,
     "NOERROR AD | | " SIGNED_SOA " www.example.com. NSEC ... www.example.com. RRSIG NSEC",
     EDE_NONE, "no such type, proved"},
    {"www.example.com.", TYPE_MX, FLAG_AD, 0, "NOERROR AD | | example.com. SOA ...", EDE_NONE,
     "without DO no proofs, but AD"},
    {"missing.example.com.", TYPE_A, FLAG_AD, 0, "NXDOMAIN AD | | example.com. SOA ...", EDE_NONE,
     "no such name, proved"},
    {"nowhere.example.com.", TYPE_A, FLAG_AD, 0,
     "NXDOMAIN AD | nowhere.example.com. CNAME missing.example.com. | example.com. SOA ...",
     EDE_NONE, "an alias to a name that is proved not to be"},
    {"tree.example.com.", TYPE_A, FLAG_AD, 0, "NOERROR AD | | example.com. SOA ...", EDE_NONE,
     "an empty non-terminal"},
    {"missing.", TYPE_A, FLAG_AD, 0, "NXDOMAIN AD | | . SOA ...", EDE_NONE, "denied by the root"},
    {"example.com.", TYPE_DS, FLAG_AD, 0, "NOERROR AD | example.com. DS ... |", EDE_NONE,
     "a DS is secure in its parent"},
    {"example.com.", TYPE_DNSKEY, FLAG_AD, 0, "NOERROR AD | example.com. DNSKEY ... |", EDE_NONE,
     "the keys themselves"},
    {"glueless.com.", TYPE_DS, FLAG_AD, 0, "NOERROR AD | | com. SOA ...", EDE_NONE,
     "that there is no DS is secure"},
    {"www.glueless.com.", TYPE_A, FLAG_AD, FAKE_DO, "NOERROR | www.glueless.com. A 192.0.2.90 |",
     EDE_NONE, "no DS: insecure, and an answer all the same"},
    {"ns1.hosting.net.", TYPE_A, FLAG_AD, 0, "NOERROR | ns1.hosting.net. A 192.0.2.30 |", EDE_NONE,
     "a whole TLD without DS"},
    {"www.expired.com.", TYPE_A, 0, FAKE_DO, "SERVFAIL | |", EDE_SIGNATURE_EXPIRED,
     "signatures that were valid once"},
    {"www.expired.com.", TYPE_A, FLAG_CD, 0, "NOERROR | www.expired.com. A 192.0.2.91 |", EDE_NONE,
     "CD: bogus data is for those who ask for it"},
    {"www.expired.com.", TYPE_A, 0, FAKE_PLAIN, "SERVFAIL | |", EDE_NONE,
     "and for nobody else afterwards"},
    {"www.stripped.com.", TYPE_A, 0, 0, "SERVFAIL | |", EDE_DNSKEY_MISSING,
     "a DS at the parent, DNSSEC switched off at the provider"},
    {"www.stripped.com.", TYPE_A, FLAG_CD, 0, "NOERROR | www.stripped.com. A 192.0.2.92 |",
     EDE_NONE, "the same with CD"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_row(&rows[i]); /* with what the rows before it left in the cache */
    }
    uint32_t asked = world.net.asked;
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_row(&rows[i]); /* all from the cache */
    }
    assert_int_equal(world.net.asked, asked);
}

static void test_rows_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        fake_control(&world.net, "flush");
        assert_row(&rows[i]);
    }
}

/* S1: somebody answers in the provider's place with an address of his own. */
static size_t forge_address(struct fake_net *net, const struct fake_server *server, uint8_t *bytes,
                            size_t len, size_t size)
{
    (void)net;
    (void)size;
    static const uint8_t TRUE_ADDRESS[] = {0, 4, 192, 0, 2, 80};
    if (server == world.example_server) {
        uint8_t *at = memmem(bytes, len, TRUE_ADDRESS, sizeof TRUE_ADDRESS);
        if (at != NULL) {
            at[2] = at[3] = at[4] = at[5] = 6;
        }
    }
    return len;
}

static void test_forged(void **state)
{
    (void)state;
    world.net.forge = forge_address;
    struct row row = {"www.example.com.", TYPE_A, 0, 0, "SERVFAIL | |", EDE_BOGUS, "forged"};
    assert_row(&row);
    uint32_t asked = world.net.asked;
    assert_row(&row);
    assert_int_equal(world.net.asked, asked); /* remembered, with its reason */
    row.flags = FLAG_CD;
    row.expected = "NOERROR | www.example.com. A 6.6.6.6 |";
    row.ede = EDE_NONE;
    assert_row(&row);
    world.net.forge = NULL;
    fake_pass_s(&world.net, RESOLVER_BOGUS_TTL_MAX_S + 1); /* but not for long */
    assert_row(&rows[0]);
}

static size_t fail_keys(struct fake_net *net, const struct fake_server *server, uint8_t *bytes,
                        size_t len, size_t size)
{
    (void)net;
    (void)size;
    static const uint8_t QUESTION[] = {0, TYPE_DNSKEY, 0, CLASS_IN};
    if (server == world.com_server && memmem(bytes, len, QUESTION, sizeof QUESTION) != NULL) {
        bytes[3] = (uint8_t)((bytes[3] & 0xf0) | RCODE_SERVFAIL);
    }
    return len;
}

static void test_evidence_missing(void **state)
{
    (void)state;
    world.net.forge = fail_keys;
    static const struct row failed = {"www.example.com.",
                                      TYPE_A,
                                      0,
                                      0,
                                      "SERVFAIL | |",
                                      EDE_NO_REACHABLE_AUTHORITY,
                                      "the TLD's keys are not to be had"};
    assert_row(&failed);
    world.net.forge = NULL;
    fake_pass_s(&world.net, RESOLVER_FAILURE_TTL_S + 1);
    assert_row(&rows[0]);
}

/* Signatures that end before the TTL does: the data must not be secure for longer (RFC 4035
 * 5.3.3). */
static void test_signature_life(void **state)
{
    (void)state;
    world.net.times.expiration_s = moment_wall_s(world.net.now) + 100;
    fake_sign(&world.net, world.example);
    assert_row(&rows[0]);
    fake_pass_s(&world.net, 101);
    static const struct row expired = {"www.example.com.",    TYPE_A, 0, 0, "SERVFAIL | |",
                                       EDE_SIGNATURE_EXPIRED, "over"};
    assert_row(&expired);
}

/* The DS goes, and when its TTL has passed the domain is insecure, whatever its keys' TTL. */
static void test_ds_removed(void **state)
{
    (void)state;
    assert_row(&rows[1]);
    struct fake_net *net = &world.net;
    fake_remove(world.com, TYPE_DS);
    fake_remove(world.com, TYPE_NSEC);
    fake_sign(net, world.com);
    fake_pass_s(net, 301);
    static const struct row insecure = {"www.example.com.",    TYPE_A,   FLAG_AD,       0,
                                        "NOERROR | " WWW " |", EDE_NONE, "insecure now"};
    assert_row(&insecure);
}

static void test_anchors(void **state)
{
    (void)state;
    struct fake_net *net = &world.net;
    struct resolver_options options = fake_options(net, &world.root_hint);
    struct trust_anchor anchor = fake_anchor(net, world.com);
    options.is_validating = true;
    options.anchors = &anchor;
    options.anchor_count = 1;
    fake_restart(net, &options);
    assert_row(&rows[1]);
    static const struct row outside = {
        "missing.", TYPE_A, FLAG_AD, 0, "NXDOMAIN | | . SOA ...", EDE_NONE, "no anchor above it"};
    assert_row(&outside);
    static const struct row above = {
        "com.", TYPE_DS, FLAG_AD, 0, "NOERROR | com. DS ... |", EDE_NONE, "the DS is the root's"};
    assert_row(&above);
    /* The DS form of the same anchor. */
    uint8_t bytes[128];
    struct writer ds = writer_over(bytes, sizeof bytes);
    assert_int_equal(
        ds_make(world.com->apex, world.com->keys[0].signing.dnskey.rdata, DS_DIGEST_SHA256, &ds),
        OK);
    anchor = (struct trust_anchor){world.com->apex, TYPE_DS, writer_written(&ds)};
    fake_restart(net, &options);
    assert_row(&rows[1]);
    /* An anchor that is not the zone's key. */
    anchor = (struct trust_anchor){world.com->apex, TYPE_DNSKEY,
                                   world.root->keys[0].signing.dnskey.rdata};
    fake_restart(net, &options);
    static const struct row wrong = {"www.example.com.",
                                     TYPE_A,
                                     0,
                                     0,
                                     "SERVFAIL | |",
                                     EDE_DNSKEY_MISSING,
                                     "keys that no anchor points at"};
    assert_row(&wrong);
}

/* A forwarder that validates for itself gets everything through the other side. */
static void test_forwarder(void **state)
{
    (void)state;
    struct fake_net *net = &world.net;
    struct fake_server *other = fake_add_server(net, "192.0.2.53");
    const struct fake_zone *zones[] = {world.root,    world.com,      world.example,
                                       world.expired, world.stripped, world.net_zone};
    for (size_t i = 0; i < LEN(zones); i++) {
        fake_serve(other, zones[i]);
    }
    struct resolver_options options = fake_options(net, NULL);
    options.is_validating = true;
    options.anchors = &world.anchor;
    options.anchor_count = 1;
    struct resolver_server server = {.address = other->address};
    struct resolver_zone zone = {NAME_ROOT, false, &server, 1};
    options.zones = &zone;
    options.zone_count = 1;
    fake_restart(net, &options);
    for (size_t i = 0; i < 6; i++) {
        assert_row(&rows[i]);
    }
    static const struct row expired = {
        "www.expired.com.",           TYPE_A, 0, 0, "SERVFAIL | |", EDE_SIGNATURE_EXPIRED,
        "expired through a forwarder"};
    assert_row(&expired);
    assert_int_equal(world.root_server->queries, 0);
    assert_int_equal(world.com_server->queries, 0);
}

static void test_statistics(void **state)
{
    (void)state;
    assert_row(&rows[0]);
    assert_row(&rows[0]);
    const char *stats = fake_control(&world.net, "stats");
    assert_non_null(strstr(stats, "cache-hits: 1\n"));
    assert_non_null(strstr(stats, "cache-misses: 1\n"));
    assert_non_null(strstr(stats, "verdicts[secure]: 2\n"));
    assert_non_null(strstr(fake_control(&world.net, "status"), "validating"));
    assert_non_null(strstr(fake_control(&world.net, "nonsense"), "unknown"));
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, open_validating, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(test_rows),           ROW(test_rows_apart),
        ROW(test_forged),         ROW(test_evidence_missing),
        ROW(test_signature_life), ROW(test_ds_removed),
        ROW(test_anchors),        ROW(test_forwarder),
        ROW(test_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
