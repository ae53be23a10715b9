/* The judge: times, anchors and algorithms; and the real root zone with any record altered, removed
 * or added. The table of faults is in verify_fault_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/zonefile.h"

enum { NOW = 1785542400 }; /* 2026-08-01T00:00:00Z */

static const char *const example[] = {
    "example. SOA ns.example. root.example. 7 3600 900 604800 3600",
    "example. NS ns.example.",
    "ns.example. A 192.0.2.1",
    "mail.example. A 192.0.2.2",
    "mail.example. TXT \"here\"",
    "secure.example. NS ns.secure.example.",
    ("secure.example. DS 12345 13 2 "
     "0000000000000000000000000000000000000000000000000000000000000000"),
    "ns.secure.example. A 192.0.2.3",
    "plain.example. NS ns.plain.example.",
    "ns.plain.example. A 192.0.2.4",
    "y.under.deep.example. A 192.0.2.5",
};

static void expect_fault(const struct zone *zone, const struct zone_verify_options *options,
                         const char *expected, const char *why)
{
    struct zone_verify_report report;
    struct test_faults faults = {0};
    assert_int_equal(zone_verify(zone, options, test_fault_note, &faults, &report), MISMATCH);
    assert_int_equal(report.faults, faults.count);
    if (faults.count == 0 || strstr(faults.all, expected) == NULL) {
        fail_msg("%s: wanted \"%s\" among\n%s", why, expected, faults.all);
    }
}

static void test_times_anchors_and_algorithms(void **state)
{
    (void)state;
    struct zone *zone = test_zone("example.", example, LEN(example));
    struct test_keys keys = {.count = 0};
    test_keys_add(&keys, ALGORITHM_ED25519, true, false);
    test_keys_add(&keys, ALGORITHM_ED25519, false, true);
    struct zone_sign_policy policy = {.denial = ZONE_NSEC};
    struct zone *good = test_sign(zone, NULL, &keys, &policy, NOW);
    struct zone_verify_options options = {.now_s = NOW + 15 * 86400, .before = good};
    expect_fault(good, &options, "expired", "too late, also when nothing differs");
    options.now_s = NOW - 86400;
    expect_fault(good, &options, "", "too early");

    uint8_t bytes[200];
    struct writer ds = writer_over(bytes, sizeof bytes);
    assert_int_equal(
        ds_make(zone_apex(zone), keys.keys[0].signing.dnskey.rdata, DS_DIGEST_SHA256, &ds), OK);
    struct trust_anchor anchor = {
        .zone = zone_apex(zone), .type = TYPE_DS, .rdata = writer_written(&ds)};
    options = (struct zone_verify_options){.now_s = NOW, .anchors = &anchor, .anchor_count = 1};
    struct zone_verify_report report;
    assert_int_equal(zone_verify(good, &options, NULL, NULL, &report), OK);
    bytes[10] ^= 1;
    expect_fault(good, &options, "no trust anchor", "a DS of another key");
    anchor = (struct trust_anchor){zone_apex(zone), TYPE_DNSKEY, keys.keys[1].signing.dnskey.rdata};
    expect_fault(good, &options, "no trust anchor", "a key that does not sign the keys");

    test_keys_add(&keys, ALGORITHM_ECDSAP256SHA256, false, true);
    struct zone *mixed = test_sign(zone, NULL, &keys, &policy, NOW);
    options = (struct zone_verify_options){.now_s = NOW};
    expect_fault(mixed, &options, "DNSKEY has no RRSIG of algorithm 13",
                 "each algorithm signs the keys too (RFC 4035 §2.2)");
    zone_release(mixed);
    zone_release(good);
    zone_release(zone);
    test_keys_close(&keys);
}

/* The real root. */

static struct zone *load_real(const char *file, struct arena *arena)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/data/%s", VOUCH_SOURCE_ROOT, file);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    enum { REAL_LEN_MAX = 4 << 20 };
    char *text = arena_take(arena, REAL_LEN_MAX);
    assert_non_null(text);
    size_t len = fread(text, 1, REAL_LEN_MAX, stream);
    fclose(stream);
    struct zonefile_source source = {.file = file, .text = span_of(text, len), .origin = NAME_ROOT};
    struct test_faults faults = {0};
    struct zone *zone;
    if (zonefile_load(&source, NAME_ROOT, test_fault_note, &faults, &zone) != OK) {
        fail_msg("%s", faults.all);
    }
    return zone;
}

static bool is_unsigned_there(const struct zone_node *node, uint16_t type)
{
    return zone_node_rrsigs(node, type) == NULL;
}

/* A change to one record: 0 alters its last bit, 1 removes it, 2 adds one beside it. */
static struct zone *change_record(const struct zone *zone, const struct rrset *rrset, int change)
{
    struct zone_builder *builder = test_change(".", zone);
    struct span rdata = rrset_only(rrset);
    uint8_t bytes[2048];
    assert_true(rdata.len > 0 && rdata.len <= sizeof bytes);
    memcpy(bytes, rdata.bytes, rdata.len);
    size_t at = rrset->type == TYPE_NS ? 1 : rdata.len - 1; /* inside a label, or the end */
    bytes[at] ^= 1;
    if (change != 2) {
        assert_int_equal(zone_build_remove(builder, rrset->owner, rrset->type, rdata), OK);
    }
    if (change != 1) {
        assert_int_equal(zone_build_add(builder, rrset->owner, rrset->type, rrset->ttl_s,
                                        span_of(bytes, rdata.len)),
                         OK);
    }
    return zone_build_finish(builder);
}

static void expect_named(const struct zone *changed, const struct zone *before,
                         const struct rrset *rrset, bool is_unsigned)
{
    struct zone_verify_options options = {.now_s = NOW, .needs_zonemd = true, .before = before};
    struct zone_verify_report report;
    struct test_faults faults = {0};
    char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX];
    name_print(rrset->owner, name);
    type_print(rrset->type, type);
    assert_int_equal(zone_verify(changed, &options, test_fault_note, &faults, &report), MISMATCH);
    const char *expected = is_unsigned ? "ZONEMD mismatch" : name;
    if (strstr(faults.all, expected) == NULL) {
        fail_msg("%s %s: wanted %s among\n%s", name, type, expected, faults.all);
    }
}

static void test_the_real_root(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 32 << 20);
    struct zone *root = load_real("root-2026073102-signed.zone", &arena);
    struct zone_verify_options options = {.now_s = NOW, .needs_zonemd = true};
    struct zone_verify_report report;
    struct test_faults faults = {0};
    if (zone_verify(root, &options, test_fault_note, &faults, &report) != OK) {
        fail_msg("%s", faults.all);
    }
    assert_int_equal(report.rrsigs_checked, 2792);
    assert_true(report.is_zonemd_checked);
    uint64_t seed = 20260801;
    print_message("seed %llu\n", (unsigned long long)seed);
    size_t unsigned_count = 0;
    uint64_t random = seed;
    for (int i = 0; i < 60; i++) {
        struct zone_cursor cursor;
        const struct zone_node *node = NULL;
        zone_walk(root, &cursor);
        size_t skip = test_random(&random) % zone_node_count(root);
        for (size_t j = 0; j <= skip; j++) {
            node = zone_walk_next(&cursor);
        }
        while (i % 2 == 0 && node->rrset_count < 5) { /* most names are glue: take a signed one */
            const struct zone_node *next = zone_walk_next(&cursor);
            node = next == NULL ? zone_first(root) : next;
        }
        const struct rrset *rrset = &node->rrsets[test_random(&random) % node->rrset_count];
        bool is_unsigned = rrset->type != TYPE_RRSIG && is_unsigned_there(node, rrset->type);
        /* A delegation is named by its NSEC when its last NS goes. */
        int change = i % 3;
        struct zone *changed = change_record(root, rrset, change);
        expect_named(changed, root, rrset, is_unsigned);
        unsigned_count += is_unsigned;
        zone_release(changed);
    }
    assert_in_range(unsigned_count, 10, 50); /* of both kinds enough */
    zone_release(root);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_anchors_and_algorithms),
        cmocka_unit_test(test_the_real_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
