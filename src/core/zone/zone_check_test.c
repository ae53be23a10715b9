/* Each check of the table with a zone that it finds wrong and one that it does not, and the same
 * findings for every width. */
#include "core/zone/zone_check.h"

#include "core/zone/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t EXAMPLE_OCTETS[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
static const struct name EXAMPLE = {EXAMPLE_OCTETS, sizeof EXAMPLE_OCTETS, 1};

/* An apex that no check minds; NS are outside, so that rows say what they need themselves. */
#define SOA "@ 60 SOA ns.test. h.test. 1 7200 900 604800 300\n"
#define NS "@ 60 NS ns.test.\n@ 60 NS ns2.test.\n"
#define APEX SOA NS
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct row {
    const char *check;
    const char *why;
    const char *text;
    size_t findings; /* of this check; of errors and warnings of any other there are none, but where
                        `others` says so */
    bool others;
} ROWS[] = {
    {"soa-missing", "no SOA", NS, 1, false},
    {"soa-missing", "an SOA", APEX, 0, false},
    {"soa-below", "one at a host", APEX "a 60 SOA b. c. 1 2 3 4 5\n", 1, false},
    {"soa-below", "only at the apex", APEX "a 60 A 192.0.2.1\n", 0, false},
    {"ns-missing", "none at the apex", SOA "a 60 NS b.test.\n", 1, false},
    {"ns-missing", "two", APEX, 0, false},
    {"ns-address", "inside without address", SOA "@ 60 NS a\n@ 60 NS b.test.\n", 1, false},
    {"ns-address", "inside with other data", SOA "@ 60 NS a\n@ 60 NS b.test.\na 60 TXT x\n", 1,
     false},
    {"ns-address", "inside with an address", SOA "@ 60 NS a\n@ 60 NS b.test.\na 60 AAAA ::1\n", 0,
     false},
    {"ns-address", "by a wildcard", SOA "@ 60 NS a\n@ 60 NS b.test.\n* 60 A 192.0.2.1\n", 0, false},
    {"ns-address", "an alias is another check's", SOA "@ 60 NS a\n@ 60 NS b.test.\na 60 CNAME c.\n",
     0, true},
    {"ns-address", "below a delegation without glue: the parent's matter",
     SOA "@ 60 NS a.sub\n@ 60 NS b.test.\nsub 60 NS c.test.\n", 0, false},
    {"ds-at-apex", "at the apex", APEX "@ 60 DS 1 13 2 " DIGEST "\n", 1, false},
    {"ds-at-apex", "at a delegation", APEX "a 60 NS b.\na 60 DS 1 13 2 " DIGEST "\n", 0, false},
    {"cname-beside", "beside A", APEX "a 60 CNAME b.\na 60 A 192.0.2.1\n", 1, false},
    {"cname-beside", "at the apex: beside SOA and NS", APEX "@ 60 CNAME b.\n", 2, false},
    {"cname-beside", "beside NSEC", APEX "a 60 CNAME b.\na 60 NSEC c CNAME NSEC\n", 0, false},
    {"several", "two CNAMEs", APEX "a 60 CNAME b.\na 60 CNAME c.\n", 1, false},
    {"several", "two SOAs", APEX "@ 60 SOA ns.test. h.test. 2 7200 900 604800 300\n", 1, false},
    {"several", "two DNAMEs", APEX "a 60 DNAME b.\na 60 DNAME c.\n", 1, false},
    {"several", "two of another type", APEX "a 60 A 192.0.2.1\na 60 A 192.0.2.2\n", 0, false},
    {"several", "the same twice is one", APEX "a 60 CNAME b.\na 60 CNAME B.\n", 0, false},
    {"below-dname", "right below", APEX "a 60 DNAME b.\nc.a 60 A 192.0.2.1\n", 1, false},
    {"below-dname", "far below", APEX "a 60 DNAME b.\nd.c.a 60 A 192.0.2.1\n", 1, false},
    {"below-dname", "below a DNAME at the apex", APEX "@ 60 DNAME b.\na 60 A 192.0.2.1\n", 1,
     false},
    {"below-dname", "beside it", APEX "a 60 DNAME b.\na 60 A 192.0.2.1\nab 60 A 192.0.2.1\n", 0,
     false},
    {"dname-at-cut", "beside NS", APEX "a 60 DNAME b.\na 60 NS c.\n", 1, true},
    {"dname-at-cut", "at the apex", APEX "@ 60 DNAME b.\n", 0, false},
    {"below-cut", "a text", APEX "a 60 NS b.\nc.a 60 TXT x\n", 1, false},
    {"below-cut", "glue", APEX "a 60 NS b.a\nb.a 60 A 192.0.2.1\n", 0, false},
    {"beside-cut", "a text", APEX "a 60 NS b.\na 60 TXT x\n", 1, false},
    {"beside-cut", "DS and glue", APEX "a 60 NS a\na 60 A 192.0.2.1\na 60 DS 1 13 2 " DIGEST "\n",
     0, false},
    {"ds-without-ns", "DS alone", APEX "a 60 DS 1 13 2 " DIGEST "\n", 1, false},
    {"ds-without-ns", "DS and NS", APEX "a 60 NS b.\na 60 DS 1 13 2 " DIGEST "\n", 0, false},
    {"glue-missing", "inside, no address", APEX "a 60 NS b.a\na 60 NS c.\n", 1, false},
    {"glue-missing", "at the cut, no address", APEX "a 60 NS a\n", 1, false},
    {"glue-missing", "inside, a text", APEX "a 60 NS b.a\nb.a 60 TXT x\n", 1, true},
    {"glue-missing", "inside, far away",
     APEX "a 60 NS z.a\nb.a 60 A 192.0.2.1\nc.a 60 A 192.0.2.1\nd.a 60 A 192.0.2.1\n"
          "e.a 60 A 192.0.2.1\nf.a 60 A 192.0.2.1\ng.a 60 A 192.0.2.1\nh.a 60 A 192.0.2.1\n"
          "i.a 60 A 192.0.2.1\nz.a 60 A 192.0.2.1\n",
     0, false},
    {"glue-missing", "inside, an address", APEX "a 60 NS B.A\nb.a 60 A 192.0.2.1\n", 0, false},
    {"glue-missing", "outside", APEX "a 60 NS b.\na 60 NS c.example.test.\n", 0, false},
    {"wildcard", "NS", APEX "*.a 60 NS b.\n", 1, false},
    {"wildcard", "DNAME", APEX "*.a 60 DNAME b.\n", 1, false},
    {"wildcard", "DS", APEX "*.a 60 DS 1 13 2 " DIGEST "\n", 1, true},
    {"wildcard", "an address", APEX "*.a 60 A 192.0.2.1\n", 0, false},
    {"target-alias", "MX to CNAME", APEX "a 60 MX 1 b\nb 60 CNAME c.\n", 1, false},
    {"target-alias", "SRV to CNAME", APEX "_x._tcp 60 SRV 1 2 3 b\nb 60 CNAME c.\n", 1, false},
    {"target-alias", "NS to CNAME", APEX "a 60 NS b\nb 60 CNAME c.\n", 1, false},
    {"target-alias", "NS of the zone to CNAME", SOA "@ 60 NS b\n@ 60 NS c.\nb 60 CNAME c.\n", 1,
     false},
    {"target-alias", "MX to a host", APEX "a 60 MX 1 b\nb 60 A 192.0.2.1\n", 0, false},
    {"target-address", "MX to nothing", APEX "a 60 MX 1 b\n", 1, false},
    {"target-address", "MX to a text", APEX "a 60 MX 1 b\nb 60 TXT x\n", 1, false},
    {"target-address", "SRV to an empty name", APEX "_x 60 SRV 1 2 3 b\nc.b 60 TXT x\n", 1, false},
    {"target-address", "NS to nothing beside it", APEX "a 60 NS b\n", 1, false},
    {"target-address", "no mail at all (RFC 7505)", APEX "a 60 MX 0 .\n", 0, false},
    {"target-address", "below another delegation", APEX "a 60 NS x.b\nb 60 NS c.\n", 0, false},
    {"target-address", "below a DNAME", APEX "a 60 MX 1 x.b\nb 60 DNAME c.\n", 0, false},
    {"target-address", "by a wildcard", APEX "a 60 MX 1 b.w\n*.w 60 A 192.0.2.1\n", 0, false},
    {"target-number", "MX", APEX "a 60 MX 1 192.0.2.1.\n", 1, false},
    {"target-number", "CNAME", APEX "a 60 CNAME 192.0.2.1.\n", 1, false},
    {"target-number", "longer numbers", APEX "a 60 MX 1 1920.0.2.1.\n", 0, false},
    {"alias", "to nothing", APEX "a 60 CNAME b\n", 1, false},
    {"alias", "to itself", APEX "a 60 CNAME a\n", 1, false},
    {"alias", "in a ring", APEX "a 60 CNAME b\nb 60 CNAME c\nc 60 CNAME a\n", 3, false},
    {"alias", "to a host by an alias", APEX "a 60 CNAME b\nb 60 CNAME c\nc 60 A 192.0.2.1\n", 0,
     false},
    {"alias", "by a wildcard", APEX "a 60 CNAME b.w\n*.w 60 A 192.0.2.1\n", 0, false},
    {"alias", "out of the zone", APEX "a 60 CNAME b.\n", 0, false},
    {"apex-only", "DNSKEY at a host", APEX "a 60 DNSKEY 256 3 13 AAAA\n", 1, false},
    {"apex-only", "CDS at a delegation", APEX "a 60 NS b.\na 60 CDS 0 0 0 00\n", 1, true},
    {"apex-only", "CDS that signals", APEX "_DSboot.c.d._signal.a 60 CDS 0 0 0 00\n", 0, false},
    {"apex-only", "CSYNC where CDS may be", APEX "_dsboot.c._signal.a 60 CSYNC 1 0 A\n", 1, false},
    {"apex-only", "at the apex", APEX "@ 60 CDS 0 0 0 00\n@ 60 NSEC3PARAM 1 0 0 -\n", 0, false},
    {"ds-digest", "too short", APEX "a 60 NS b.\na 60 DS 1 13 2 aabb\n", 1, false},
    {"ds-digest", "the length of another type", APEX "a 60 NS b.\na 60 DS 1 13 4 " DIGEST "\n", 1,
     false},
    {"ds-digest", "right", APEX "a 60 NS b.\na 60 DS 1 13 2 " DIGEST "\n", 0, false},
    {"ds-digest", "a type of the future", APEX "a 60 NS b.\na 60 DS 1 13 99 aabb\n", 0, false},
    {"dnskey", "protocol", APEX "@ 60 DNSKEY 256 2 13 AAAA\n", 1, false},
    {"dnskey", "no zone flag", APEX "@ 60 DNSKEY 0 3 13 AAAA\n", 1, false},
    {"dnskey", "both right", APEX "@ 60 DNSKEY 257 3 13 AAAA\n", 0, false},
    {"nsec3-iterations", "some", APEX "@ 60 NSEC3PARAM 1 0 10 -\n", 1, false},
    {"nsec3-iterations", "none", APEX "@ 60 NSEC3PARAM 1 0 0 -\n", 0, false},
    {"rrsig-over", "over",
     APEX "a 60 A 192.0.2.1\na 60 RRSIG A 13 2 60 20010101000000 20000101000000 1 @ AAAA\n", 1,
     false},
    {"rrsig-over", "not over",
     APEX "a 60 A 192.0.2.1\na 60 RRSIG A 13 2 60 20300101000000 20000101000000 1 @ AAAA\n", 0,
     false},
    {"svcb-alias", "with parameters", APEX "a 60 HTTPS 0 b. port=1\n", 1, false},
    {"svcb-alias", "beside a service", APEX "a 60 SVCB 0 b.\na 60 SVCB 1 c.\n", 1, false},
    {"svcb-alias", "alone", APEX "a 60 HTTPS 0 b.\n", 0, false},
    {"svcb-alias", "services", APEX "a 60 HTTPS 1 . port=1\na 60 HTTPS 2 .\n", 0, false},
    {"spf", "two policies", APEX "a 60 TXT \"v=spf1 -all\"\na 60 TXT v=spf1\n", 1, false},
    {"spf", "type SPF alone", APEX "a 60 SPF \"v=spf1 -all\"\n", 1, false},
    {"spf", "one, and another text", APEX "a 60 TXT \"v=spf1 -all\"\na 60 TXT v=spf10\n", 0, false},
    {"ns-single", "one", SOA "@ 60 NS ns.test.\n", 1, false},
    {"ns-single", "two", APEX, 0, false},
    {"soa-times", "expire too short", "@ 60 SOA ns.test. h.test. 1 7200 900 8000 300\n" NS, 1,
     false},
    {"soa-times", "minimum too long", "@ 60 SOA ns.test. h.test. 1 7200 900 604800 90000\n" NS, 1,
     false},
    {"soa-times", "as recommended", APEX, 0, false},
    {"soa-serial", "0", "@ 60 SOA ns.test. h.test. 0 7200 900 604800 300\n" NS, 1, false},
    {"soa-serial", "1", APEX, 0, false},
    {"glue-unneeded", "nobody names it", APEX "a 60 NS b.\nc.a 60 A 192.0.2.1\n", 1, false},
    {"glue-unneeded", "another delegation names it",
     APEX "a 60 NS b.\nc.a 60 A 192.0.2.1\nz 60 NS c.a\n", 0, false},
    {"glue-unneeded", "the zone itself names it",
     SOA "@ 60 NS c.a\n@ 60 NS b.\na 60 NS b.\nc.a 60 A 192.0.2.1\n", 0, false},
    {"glue-unneeded", "its own delegation names it", APEX "a 60 NS b.a\nb.a 60 A 192.0.2.1\n", 0,
     false},
    {"apex-missing", "no apex", "a 60 A 192.0.2.1\n", 1, false},
    {"apex-missing", "an apex", APEX, 0, false},
};

struct tally {
    const char *check;
    size_t findings;
    size_t others; /* errors and warnings of other checks */
    char text[8192];
    size_t len;
};

static void tally_finding(void *user, const struct zone_finding *finding)
{
    struct tally *tally = user;
    char name[NAME_TEXT_MAX];
    bool is_meant = strcmp(finding->check, tally->check) == 0;
    tally->findings += is_meant ? 1 : 0;
    tally->others += !is_meant && finding->severity != ZONE_NOTE ? 1 : 0;
    int len = snprintf(tally->text + tally->len, sizeof tally->text - tally->len,
                       "  %s %s %s: %s\n", finding->check, ZONE_SEVERITY_WORDS[finding->severity],
                       name_print(finding->owner, name), finding->sentence);
    tally->len += len > 0 && (size_t)len < sizeof tally->text - tally->len ? (size_t)len : 0;
}

static void say_problem(void *user, const struct problem *problem)
{
    (void)user;
    print_error("%u:%u: %s\n", problem->line, problem->column, problem->sentence);
}

static struct zone *load(struct span text)
{
    struct zone *zone = NULL;
    struct zonefile_source source = {.file = "f", .text = text, .origin = EXAMPLE};
    assert_int_equal(zonefile_load(&source, EXAMPLE, say_problem, NULL, &zone), OK);
    return zone;
}

static void each_check_finds_its_fault_alone(void **state)
{
    (void)state;
    static struct tally tally;
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct zone *zone = load(span_of_text(ROWS[i].text));
        tally = (struct tally){.check = ROWS[i].check};
        struct zone_check_aim aim = {.now_s = 1767225600, .finding = tally_finding, .user = &tally};
        struct zone_check_count count;
        assert_int_equal(zone_check_all(zone, &aim, &count), OK);
        bool is_alone = ROWS[i].others || tally.others == 0 || ROWS[i].findings == 0 ||
                        strcmp(ROWS[i].check, "apex-missing") == 0;
        if (tally.findings != ROWS[i].findings || !is_alone) {
            print_error("%s, %s:\n%s", ROWS[i].check, ROWS[i].why, tally.text);
            fail();
        }
        zone_release(zone);
    }
}

static void each_check_has_a_good_and_a_bad_row(void **state)
{
    (void)state;
    enum zone_severity severity;
    const char *asks;
    const char *name;
    for (size_t i = 0; (name = zone_check_name(i, &severity, &asks)) != NULL; i++) {
        bool has_good = false, has_bad = false;
        for (size_t j = 0; j < LEN(ROWS); j++) {
            bool is_its = strcmp(ROWS[j].check, name) == 0;
            has_good = has_good || (is_its && ROWS[j].findings == 0);
            has_bad = has_bad || (is_its && ROWS[j].findings != 0);
        }
        if (!has_good || !has_bad || asks[0] == '\0') {
            fail_msg("%s", name);
        }
    }
}

/* The last piece first: what is found must not depend on the order. */
static void run_backwards(void *self, void (*work)(void *user, size_t index), void *user,
                          size_t count)
{
    (void)self;
    while (count > 0) {
        work(user, --count);
    }
}
static const struct parallel BACKWARDS = {.width = 4, .run = run_backwards};

/* A zone of many pages with a fault here and there, and glue far from who names it. */
static struct zone *make_large_zone(void)
{
    enum { NAMES = 5000, LINE_MAX = 200 };
    char *text = test_malloc(NAMES * LINE_MAX);
    size_t len = (size_t)snprintf(text, LINE_MAX, "%s", APEX);
    for (int i = 0; i < NAMES; i++) {
        static const char *const forms[] = {"n%d 60 NS a.n%d\na.n%d 60 A 192.0.2.1\n",
                                            "n%d 60 NS b.n%d\nx.n%d 60 TXT a\n",
                                            "n%d 60 NS y.n%d\nz.n%d 60 A 192.0.2.1\n",
                                            "n%d 60 DNAME b.\na.n%d 60 TXT a\nb.n%d 60 TXT a\n"};
        int form = i % 97 == 0 ? 1 + i / 97 % 3 : 0;
        len += (size_t)snprintf(text + len, LINE_MAX, forms[form], i, i, i);
    }
    struct zone *zone = load(span_of(text, len));
    test_free(text);
    return zone;
}

static void the_width_changes_nothing(void **state)
{
    (void)state;
    struct zone *zone = make_large_zone();
    static struct tally one, four;
    struct zone_check_count one_count, four_count;
    one = (struct tally){.check = ""};
    four = (struct tally){.check = ""};
    struct zone_check_aim aim = {.finding = tally_finding, .user = &one};
    assert_int_equal(zone_check_all(zone, &aim, &one_count), OK);
    aim = (struct zone_check_aim){.finding = tally_finding, .user = &four, .parallel = &BACKWARDS};
    assert_int_equal(zone_check_all(zone, &aim, &four_count), OK);
    assert_true(one_count.of[ZONE_ERROR] > 30 && one_count.of[ZONE_WARNING] > 30 &&
                one_count.of[ZONE_NOTE] > 10);
    assert_memory_equal(&one_count, &four_count, sizeof one_count);
    assert_string_equal(one.text, four.text);
    zone_release(zone);
}

static void a_million_findings_are_counted_and_few_told(void **state)
{
    (void)state;
    enum { NAMES = 3000, LINE_MAX = 100 };
    char *text = test_malloc(NAMES * LINE_MAX);
    size_t len = (size_t)snprintf(text, LINE_MAX * 4, "%s", APEX);
    for (int i = 0; i < NAMES; i++) {
        len += (size_t)snprintf(text + len, LINE_MAX, "n%d 60 MX 1 nobody\n", i);
    }
    struct zone *zone = load(span_of(text, len));
    static struct tally tally;
    tally = (struct tally){.check = "target-address"};
    struct zone_check_aim aim = {.finding = tally_finding, .user = &tally};
    struct zone_check_count count;
    assert_int_equal(zone_check_all(zone, &aim, &count), OK);
    assert_int_equal(count.of[ZONE_WARNING], NAMES);
    assert_int_equal(tally.findings, ZONE_CHECK_FINDINGS_MAX);
    zone_release(zone);
    test_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_check_finds_its_fault_alone),
        cmocka_unit_test(each_check_has_a_good_and_a_bad_row),
        cmocka_unit_test(the_width_changes_nothing),
        cmocka_unit_test(a_million_findings_are_counted_and_few_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
