/* Signing against judging: what the signer makes, the judge accepts, for every algorithm and kind
 * of denial; and what is still good is used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"

enum { NOW = 1785542400 }; /* 2026-08-01T00:00:00Z */

static const char *const example[] = {
    "example. SOA ns.example. root.example. 7 3600 900 604800 300",
    "example. NS ns.example.",
    "example. NS ns.elsewhere.test.",
    "example. MX 10 Mail.Example.",
    "ns.example. A 192.0.2.1",
    "ns.example. AAAA 2001:db8::1",
    "mail.example. A 192.0.2.2",
    "*.wild.example. TXT \"any\"",
    "www.example. CNAME mail.example.",
    "secure.example. NS ns.secure.example.",
    ("secure.example. DS 12345 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000"),
    "ns.secure.example. A 192.0.2.3",
    "insecure.example. NS ns.insecure.example.",
    "ns.insecure.example. A 192.0.2.4",
    "x.only.example. NS ns.example.",
    "y.under.deep.example. A 192.0.2.5",
    "old.example. DNAME new.example.",
    "odd.example. TYPE65280 \\# 3 010203",
    "_dsboot.a.test._signal.ns.example. CDNSKEY 257 3 15 AAAA",
    ("_dsboot.a.test._signal.ns.example. CDS 12345 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000"),
};

struct sign_row {
    uint8_t algorithm;
    enum zone_denial denial;
    bool has_zonemd;
    bool has_cds;
    bool is_csk;
    const char *why;
};

static const struct sign_row sign_rows[] = {
    {ALGORITHM_RSASHA256, ZONE_NSEC, true, false, false, "as the root is signed"},
    {ALGORITHM_RSASHA512, ZONE_NSEC3, false, true, false, "RSA with NSEC3"},
    {ALGORITHM_ECDSAP256SHA256, ZONE_NSEC, false, true, false, "our default"},
    {ALGORITHM_ECDSAP256SHA256, ZONE_NSEC3_OPT_OUT, true, true, true, "as a TLD is signed"},
    {ALGORITHM_ECDSAP384SHA384, ZONE_NSEC3, true, true, false, "P-384"},
    {ALGORITHM_ED25519, ZONE_NSEC3, false, false, true, "one key for all"},
    {ALGORITHM_ED448, ZONE_NSEC, true, true, true, "Ed448"},
};

static void test_what_is_signed_is_judged_good(void **state)
{
    (void)state;
    struct zone *zone = test_zone("example.", example, LEN(example));
    for (size_t i = 0; i < LEN(sign_rows); i++) {
        const struct sign_row *row = &sign_rows[i];
        struct test_keys keys = {.count = 0};
        test_keys_add(&keys, row->algorithm, true, row->is_csk);
        if (!row->is_csk) {
            test_keys_add(&keys, row->algorithm, false, true);
        }
        struct zone_sign_policy policy = {
            .denial = row->denial, .has_zonemd = row->has_zonemd, .has_cds = row->has_cds};
        struct zone *next = test_sign(zone, NULL, &keys, &policy, NOW);
        struct zone_verify_options options = {.now_s = NOW, .needs_zonemd = row->has_zonemd};
        struct zone_verify_report report;
        struct test_faults faults = {0};
        if (zone_verify(next, &options, test_fault_note, &faults, &report) != OK) {
            fail_msg("algorithm %u (%s): %s", row->algorithm, row->why, faults.all);
        }
        assert_true(report.rrsigs_checked > 10);
        assert_int_equal(report.is_zonemd_checked, row->has_zonemd);
        assert_true(report.earliest_expiration_s > NOW + 13 * 86400 - 1);
        zone_release(next);
        test_keys_close(&keys);
    }
    zone_release(zone);
}

static struct zone *random_zone(uint64_t *random)
{
    struct zone_builder *builder = test_change("example.", NULL);
    for (size_t i = 0; i < 4; i++) {
        test_add(builder, example[i]);
    }
    test_add(builder, "ns.example. A 192.0.2.1");
    size_t count = test_random(random) % 60;
    for (size_t i = 0; i < count; i++) {
        static const char *const rdata[] = {"A 192.0.2.7", "TXT \"x\"", "NS ns.example.",
                                            "MX 1 a.example."};
        char line[200];
        snprintf(line, sizeof line, "%c%u.%c%s%s.example. %s", 'a' + (int)(test_random(random) % 3),
                 test_random(random) % 4, 'a' + (int)(test_random(random) % 4),
                 test_random(random) % 2 ? ".z" : "", test_random(random) % 5 ? "" : ".*",
                 rdata[test_random(random) % LEN(rdata)]);
        test_add(builder, line);
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

static void test_random_zones_over_time(void **state)
{
    (void)state;
    uint64_t seed = 4242;
    print_message("seed %llu\n", (unsigned long long)seed);
    uint64_t random = seed;
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, false);
    test_keys_add(&keys, ALGORITHM_ED25519, false, true);
    for (size_t chain = 0; chain < 12; chain++) {
        struct zone_sign_policy policy = {.denial = (enum zone_denial)(chain % 3),
                                          .has_zonemd = chain % 2 == 0};
        struct zone *before = NULL;
        int64_t now_s = NOW;
        for (size_t version = 0; version < 5; version++) {
            struct zone *zone = random_zone(&random);
            struct zone *next = test_sign(zone, before, &keys, &policy, now_s);
            zone_release(zone);
            if (next == NULL) {
                continue;
            }
            test_verify_good(next, NULL, now_s);
            if (before != NULL) {
                test_verify_good(next, before, now_s);
                assert_true(serial_is_newer(zone_serial(next), zone_serial(before)));
            }
            zone_release(before);
            before = next;
            now_s += test_random(&random) % (5 * 86400);
        }
        zone_release(before);
    }
    test_keys_close(&keys);
}

static size_t count_new_rrsigs(const struct zone *before, const struct zone *next)
{
    size_t count = 0;
    struct zone_cursor cursor;
    zone_walk(next, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        const struct zone_node *old = zone_find(before, node->owner);
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            const struct rrset *rrsigs = &node->rrsets[i];
            if (rrsigs->type != TYPE_RRSIG) {
                continue;
            }
            const struct rrset *standing =
                old == NULL ? NULL : zone_node_rrsigs(old, rrsigs->covers);
            count += standing == NULL || !rrset_equal(standing, rrsigs);
        }
    }
    return count;
}

static void test_good_signatures_stay(void **state)
{
    (void)state;
    struct zone *zone = test_zone("example.", example, LEN(example));
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ECDSAP256SHA256, true, false);
    test_keys_add(&keys, ALGORITHM_ECDSAP256SHA256, false, true);
    struct zone_sign_policy policy = {.denial = ZONE_NSEC, .serial = ZONE_SERIAL_INCREMENT};
    struct zone *first = test_sign(zone, NULL, &keys, &policy, NOW);
    assert_int_equal(zone_serial(first), 8);

    struct zone *same = test_sign(zone, first, &keys, &policy, NOW + 3600);
    assert_null(same); /* nothing changed, nothing due */

    struct zone_builder *builder = test_change("example.", zone);
    test_add(builder, "mail.example. A 192.0.2.99");
    struct zone *changed = zone_build_finish(builder);
    struct zone *second = test_sign(changed, first, &keys, &policy, NOW + 3600);
    assert_int_equal(zone_serial(second), 9);
    assert_int_equal(count_new_rrsigs(first, second), 2); /* the A RRset and the SOA */
    test_verify_good(second, first, NOW + 3600);

    int64_t later = NOW + 3600 + 8 * 86400; /* past half of 14 days: all are due */
    struct zone *third = test_sign(changed, second, &keys, &policy, later);
    assert_int_equal(zone_serial(third), 10);
    assert_true(count_new_rrsigs(second, third) > 10);
    test_verify_good(third, second, later);
    zone_release(zone);
    zone_release(changed);
    zone_release(first);
    zone_release(second);
    zone_release(third);
    test_keys_close(&keys);
}

static void test_serials(void **state)
{
    (void)state;
    static const struct {
        enum zone_serial_policy policy;
        uint32_t before;
        uint32_t owners;
        uint32_t expected;
        const char *why;
    } rows[] = {
        {ZONE_SERIAL_KEEP, 0, 7, 7, "the owner's serial"},
        {ZONE_SERIAL_KEEP, 7, 9, 9, "the owner's, newer than the last"},
        {ZONE_SERIAL_KEEP, 9, 7, 10, "an owner's serial that went back does not take ours along"},
        {ZONE_SERIAL_INCREMENT, 0, 7, 8, "one more than the owner's"},
        {ZONE_SERIAL_INCREMENT, 4294967295U, 7, 7, "RFC 1982: 7 is newer than 2^32-1"},
        {ZONE_SERIAL_INCREMENT, 4294967295U, 4294967295U, 0, "RFC 1982: around the end"},
        {ZONE_SERIAL_UNIXTIME, 0, 7, NOW, "the time"},
        {ZONE_SERIAL_UNIXTIME, NOW + 5U, 7, NOW + 6U, "never back, also when the clock went back"},
        {ZONE_SERIAL_DATE, 0, 7, 2026080100, "the day"},
        {ZONE_SERIAL_DATE, 2026080100, 7, 2026080101, "twice on one day"},
    };
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, true);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct zone_sign_policy policy = {.denial = ZONE_NSEC, .serial = ZONE_SERIAL_KEEP};
        struct zone *before = NULL;
        char line[200];
        if (rows[i].before != 0) {
            snprintf(line, sizeof line, "example. SOA a. b. %u 1 1 1 1", rows[i].before);
            const char *const old[] = {line, "example. NS ns.test."};
            struct zone *zone = test_zone("example.", old, LEN(old));
            before = test_sign(zone, NULL, &keys, &policy, NOW);
            zone_release(zone);
        }
        snprintf(line, sizeof line, "example. SOA a. b. %u 1 1 1 1", rows[i].owners);
        const char *const new[] = {line, "example. NS ns2.test."};
        struct zone *zone = test_zone("example.", new, LEN(new));
        policy.serial = rows[i].policy;
        struct zone *next = test_sign(zone, before, &keys, &policy, NOW);
        if (zone_serial(next) != rows[i].expected) {
            fail_msg("%u after %u gave %u, not %u: %s", rows[i].owners, rows[i].before,
                     zone_serial(next), rows[i].expected, rows[i].why);
        }
        zone_release(zone);
        zone_release(before);
        zone_release(next);
    }
    test_keys_close(&keys);
}

static void test_keys_come_and_go(void **state)
{
    (void)state;
    struct zone *zone = test_zone("example.", example, LEN(example));
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, true);
    struct zone_sign_policy policy = {.denial = ZONE_NSEC};
    struct zone *first = test_sign(zone, NULL, &keys, &policy, NOW);
    test_keys_add(&keys, ALGORITHM_ED25519, true, true);
    struct zone *both = test_sign(zone, first, &keys, &policy, NOW + 60);
    test_verify_good(both, NULL, NOW + 60);
    const struct zone_node *apex = zone_find(both, zone_apex(both));
    assert_int_equal(zone_node_rrset(apex, TYPE_DNSKEY)->count, 2);
    assert_int_equal(zone_node_rrsigs(apex, TYPE_NS)->count, 2);
    keys.keys[0].is_published = keys.keys[0].signs_keys = keys.keys[0].signs_zone = false;
    struct zone *second = test_sign(zone, both, &keys, &policy, NOW + 120);
    test_verify_good(second, NULL, NOW + 120);
    apex = zone_find(second, zone_apex(second));
    assert_int_equal(zone_node_rrset(apex, TYPE_DNSKEY)->count, 1);
    assert_int_equal(zone_node_rrsigs(apex, TYPE_NS)->count, 1);
    struct zone *stripped;
    assert_int_equal(zone_strip(second, &stripped), OK);
    assert_int_equal(zone_record_count(stripped), LEN(example));
    zone_release(zone);
    zone_release(first);
    zone_release(both);
    zone_release(second);
    zone_release(stripped);
    test_keys_close(&keys);
}

struct csync_row {
    const char *removed, *added; /* in the owner's data; NULL: nothing */
    bool is_new;                 /* the serial becomes that of this version */
    bool has_none;
    const char *types;
    const char *why;
};

static const struct csync_row csync_rows[] = {
    {NULL, NULL, true, false, "A NS AAAA", "the first"},
    {NULL, "a.example. A 192.0.2.9", false, false, "A NS AAAA", "a name that is no name server's"},
    {NULL, "ns.example. A 192.0.2.9", true, false, "A NS AAAA", "another address of one inside"},
    {"ns.example. AAAA 2001:db8::1", NULL, true, false, "A NS AAAA", "one address less"},
    {NULL, "example. CSYNC 1 0 MX", false, false, "A NS AAAA", "one written by the owner"},
    {NULL, "example. NS ns2.elsewhere.test.", true, false, "A NS AAAA", "a name server comes"},
    {"example. NS ns.example.", NULL, true, false, "NS", "none inside is left"},
    {NULL, "ns.example. A 192.0.2.10", false, false, "NS", "an address that is no glue any more"},
    {NULL, NULL, false, true, "MX", "switched off: the owner's again"},
};

/* RFC 7477: which serial and which types a CSYNC shows, made from a change and made whole. */
static void check_csync(bool is_incremental)
{
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, true);
    struct zone *data = test_zone("example.", example, LEN(example));
    struct zone *before = NULL;
    uint32_t serial = 0;
    for (size_t i = 0; i < LEN(csync_rows); i++) {
        const struct csync_row *row = &csync_rows[i];
        struct zone_builder *builder = test_change("example.", data);
        if (row->removed != NULL) {
            test_remove(builder, row->removed);
        }
        if (row->added != NULL) {
            test_add(builder, row->added);
        }
        struct zone *changed = zone_build_finish(builder);
        struct zone *next = NULL;
        struct zone_sign_report report;
        struct zone_sign_input input = {.unsigned_zone = changed,
                                        .signed_before = before,
                                        .unsigned_before = is_incremental ? data : NULL,
                                        .keys = keys.keys,
                                        .key_count = keys.count,
                                        .policy = {.has_csync = !row->has_none},
                                        .now_s = NOW};
        assert_int_equal(zone_sign(&input, &next, &report, NULL), OK);
        if (next == NULL) {
            next = zone_hold(before);
        }
        test_verify_good(next, NULL, NOW);
        serial = row->is_new ? zone_serial(next) : row->has_none ? 1 : serial;
        char wanted[80], shown[80] = "";
        snprintf(wanted, sizeof wanted, "%u %d %s", serial, row->has_none ? 0 : 3, row->types);
        struct writer text = writer_over(shown, sizeof shown - 1);
        const struct rrset *csync = zone_find_rrset(next, zone_apex(next), TYPE_CSYNC);
        assert_non_null(csync);
        rdata_write_text(TYPE_CSYNC, rrset_only(csync), &text);
        if (strcmp(shown, wanted) != 0) {
            fail_msg("%s: CSYNC %s, not %s", row->why, shown, wanted);
        }
        zone_release(before);
        zone_release(data);
        before = next;
        data = changed;
    }
    zone_release(before);
    zone_release(data);
    test_keys_close(&keys);
}

static void test_csync_follows_the_delegation(void **state)
{
    (void)state;
    check_csync(false);
    check_csync(true);
}

static void test_what_cannot_be_signed_is_said(void **state)
{
    (void)state;
    static const char *const no_soa[] = {"example. NS ns.test."};
    struct zone *good = test_zone("example.", example, LEN(example));
    struct zone *bad = test_zone("example.", no_soa, LEN(no_soa));
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, false);
    struct zone_sign_policy policy = {.denial = ZONE_NSEC};
    struct zone *next = NULL;
    struct zone_sign_report report;
    struct problem problem = {0};
    struct zone_sign_input input = {
        .unsigned_zone = good, .keys = keys.keys, .key_count = 1, .policy = policy, .now_s = NOW};
    assert_int_equal(zone_sign(&input, &next, &report, &problem), BAD_ARGUMENT);
    assert_non_null(strstr(problem.sentence, "no key that signs the zone"));
    keys.keys[0].signs_zone = true;
    problem = (struct problem){0};
    input.unsigned_zone = bad;
    assert_int_equal(zone_sign(&input, &next, &report, &problem), BAD_ARGUMENT);
    assert_non_null(strstr(problem.sentence, "no SOA"));
    input.unsigned_zone = good;
    input.key_count = 2;
    keys.keys[1] = keys.keys[0];
    problem = (struct problem){0};
    assert_int_equal(zone_sign(&input, &next, &report, &problem), BAD_ARGUMENT);
    assert_non_null(strstr(problem.sentence, "one tag and algorithm"));
    input.key_count = 1;
    input.policy.validity_s = 100;
    input.policy.refresh_s = 100;
    assert_int_equal(zone_sign(&input, &next, &report, NULL), BAD_ARGUMENT);
    assert_null(next);
    zone_release(good);
    zone_release(bad);
    test_keys_close(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_signed_is_judged_good),
        cmocka_unit_test(test_random_zones_over_time),
        cmocka_unit_test(test_good_signatures_stay),
        cmocka_unit_test(test_serials),
        cmocka_unit_test(test_keys_come_and_go),
        cmocka_unit_test(test_csync_follows_the_delegation),
        cmocka_unit_test(test_what_cannot_be_signed_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
