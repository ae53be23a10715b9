/* The next signed version made from a change, against all of it signed anew: the same owners, types
 * and denial chain, each version good to the judge, and no more signatures made than it takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "core/dnssec/denial.h"
#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"

enum { NOW = 1785542400 }; /* 2026-08-01T00:00:00Z */

/* Pieces in the order a busy machine might take them. */
static void run_backward(void *self, void (*work)(void *user, size_t index), void *user,
                         size_t count)
{
    (void)self;
    while (count > 0) {
        work(user, --count);
    }
}

static const struct parallel BACKWARD = {.self = NULL, .width = 3, .run = run_backward};

static const char *random_owner(uint64_t *random, char owner[64])
{
    static const char *const labels[] = {"a", "b", "*", "deep", "x"};
    size_t depth = 1 + test_random(random) % 3;
    size_t len = 0;
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)snprintf(owner + len, 64 - len, "%s%s.",
                                labels[test_random(random) % LEN(labels)],
                                test_random(random) % 2 != 0 ? "1" : "");
    }
    snprintf(owner + len, 64 - len, "example.");
    return owner;
}

/* Adds or takes away a record; what is not there cannot be taken. */
static void edit_once(struct zone_builder *builder, uint64_t *random)
{
    static const char *const rdata[] = {
        "A 192.0.2.7",
        "A 192.0.2.8",
        "TXT \"x\"",
        "NS ns.example.",
        "NS ns2.example.",
        "DNAME elsewhere.test.",
        "DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000",
        "AAAA 2001:db8::7"};
    static const char *const at_apex[] = {"A 192.0.2.9", "TXT \"apex\"", "NS ns3.example.",
                                          "MX 1 a.example."};
    char owner[64];
    char line[300];
    if (test_random(random) % 8 == 0) {
        snprintf(line, sizeof line, "example. %s", at_apex[test_random(random) % LEN(at_apex)]);
    } else {
        snprintf(line, sizeof line, "%s %s", random_owner(random, owner),
                 rdata[test_random(random) % LEN(rdata)]);
    }
    struct test_record record;
    test_record_read(line, &record);
    enum status status =
        test_random(random) % 2 == 0
            ? zone_build_add(builder, record.owner, record.type, 3600, record.rdata)
            : zone_build_remove(builder, record.owner, record.type, record.rdata);
    assert_true(status == OK || status == NOT_FOUND);
}

/* RRsets that no zone may have together are taken out again: DS without a cut, two DNAMEs. */
static void mend(struct zone_builder *builder, const struct zone *zone)
{
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        const struct rrset *dname = zone_node_rrset(node, TYPE_DNAME);
        bool is_cut = zone_node_rrset(node, TYPE_NS) != NULL;
        const struct rrset *ds = zone_node_rrset(node, TYPE_DS);
        struct rrset none = {.owner = node->owner, .class_ = CLASS_IN};
        if (ds != NULL && !is_cut) {
            none.type = TYPE_DS;
            assert_int_equal(zone_build_set(builder, &none), OK);
        }
        if (dname != NULL && is_cut) {
            none.type = TYPE_DNAME;
            assert_int_equal(zone_build_set(builder, &none), OK);
        }
    }
}

static struct zone *edited(const struct zone *from, size_t edits, uint64_t *random)
{
    struct zone_builder *builder = test_change("example.", from);
    for (size_t i = 0; i < edits; i++) {
        edit_once(builder, random);
    }
    struct zone *raw = zone_build_finish(builder);
    assert_non_null(raw);
    builder = test_change("example.", raw);
    mend(builder, raw);
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    zone_release(raw);
    return zone;
}

static bool is_versions_own(const struct rrset *rrset)
{
    return rrset->type == TYPE_RRSIG || rrset->type == TYPE_SOA || rrset->type == TYPE_ZONEMD;
}

/* Fails where a differs from b in more than how fresh its signatures are. */
static void assert_same_but_fresh(const struct zone *a, const struct zone *b, const char *what)
{
    struct zone_cursor a_cursor, b_cursor;
    zone_walk(a, &a_cursor);
    zone_walk(b, &b_cursor);
    for (;;) {
        const struct zone_node *one = zone_walk_next(&a_cursor);
        const struct zone_node *other = zone_walk_next(&b_cursor);
        if (one == NULL || other == NULL) {
            assert_true(one == other);
            return;
        }
        char name[NAME_TEXT_MAX], other_name[NAME_TEXT_MAX];
        name_print(one->owner, name);
        if (!name_equal(one->owner, other->owner) || one->rrset_count != other->rrset_count) {
            fail_msg("%s: %s (%u) against %s (%u)", what, name, one->rrset_count,
                     name_print(other->owner, other_name), other->rrset_count);
        }
        for (uint16_t i = 0; i < one->rrset_count; i++) {
            const struct rrset *left = &one->rrsets[i];
            const struct rrset *right = &other->rrsets[i];
            bool is_same = left->type == right->type && left->covers == right->covers &&
                           left->count == right->count && left->ttl_s == right->ttl_s;
            if (!is_same || (!is_versions_own(left) && !rrset_equal(left, right))) {
                fail_msg("%s: %s differs in type %u", what, name, left->type);
            }
        }
    }
}

struct signing {
    struct test_keys keys;
    struct zone_sign_policy policy;
    struct zone *data;    /* the last of the owner's */
    struct zone *version; /* and what it was signed to */
    int64_t now_s;
    struct zone_sign_report report;
};

static struct zone *sign(struct signing *signing, const struct zone *data, bool is_whole)
{
    struct zone_sign_input input = {.unsigned_zone = data,
                                    .signed_before = is_whole ? NULL : signing->version,
                                    .unsigned_before = is_whole ? NULL : signing->data,
                                    .keys = signing->keys.keys,
                                    .key_count = signing->keys.count,
                                    .policy = signing->policy,
                                    .now_s = signing->now_s,
                                    .parallel = &BACKWARD};
    struct zone *next = NULL;
    struct problem problem = {0};
    if (zone_sign(&input, &next, &signing->report, &problem) != OK) {
        fail_msg("signing: %s", problem.sentence);
    }
    return next;
}

/* The next version, checked in every way; `data` is taken over. */
static void step(struct signing *signing, struct zone *data, const char *what)
{
    struct zone *whole = sign(signing, data, true);
    struct zone *next = sign(signing, data, false);
    if (next == NULL) { /* nothing changed */
        assert_same_but_fresh(signing->version, whole, what);
    } else {
        assert_same_but_fresh(next, whole, what);
        test_verify_good(next, NULL, signing->now_s);
        if (signing->version != NULL) {
            assert_true(serial_is_newer(zone_serial(next), zone_serial(signing->version)));
        }
        zone_release(signing->version);
        signing->version = next;
    }
    zone_release(whole);
    zone_release(signing->data);
    signing->data = data;
}

static void signing_begin(struct signing *signing, enum zone_denial denial)
{
    static const char *const lines[] = {
        "example. SOA ns.example. root.example. 7 3600 900 604800 300",
        "example. NS ns.example.",
        "ns.example. A 192.0.2.1",
    };
    *signing = (struct signing){.policy = {.denial = denial}, .now_s = NOW};
    test_keys_add(&signing->keys, ALGORITHM_ED25519, true, false);
    test_keys_add(&signing->keys, ALGORITHM_ED25519, false, true);
    step(signing, test_zone("example.", lines, LEN(lines)), "the beginning");
}

static void signing_end(struct signing *signing)
{
    zone_release(signing->data);
    zone_release(signing->version);
    test_keys_close(&signing->keys);
}

static void test_random_edits(void **state)
{
    (void)state;
    uint64_t seed = 20260802;
    print_message("seed %llu\n", (unsigned long long)seed);
    uint64_t random = seed;
    size_t incremental = 0;
    for (size_t chain = 0; chain < 18; chain++) {
        struct signing signing;
        char what[80];
        signing_begin(&signing, (enum zone_denial)(chain % 3));
        signing.policy.has_zonemd = chain % 4 == 3;
        signing.policy.has_cds = chain % 2 == 1;
        step(&signing, edited(signing.data, 60, &random), "filled");
        for (size_t version = 0; version < 30; version++) {
            snprintf(what, sizeof what, "chain %zu version %zu", chain, version);
            size_t edits = 1 + test_random(&random) % (version % 10 == 9 ? 80 : 6);
            signing.now_s += test_random(&random) % 86400;
            step(&signing, edited(signing.data, edits, &random), what);
            incremental += signing.report.is_incremental;
        }
        signing_end(&signing);
    }
    assert_int_equal(incremental, 18 * 30);
}

static bool asks_for_no_ds(const struct zone *version)
{
    static const uint8_t no_ds[] = {0, 0, 0, 0, 0}, no_key[] = {0, 0, 3, 0, 0};
    const struct rrset *cds = zone_find_rrset(version, zone_apex(version), TYPE_CDS);
    const struct rrset *cdnskey = zone_find_rrset(version, zone_apex(version), TYPE_CDNSKEY);
    return cds != NULL && cdnskey != NULL && cds->count == 1 && cdnskey->count == 1 &&
           span_equal(rrset_only(cds), span_of(no_ds, sizeof no_ds)) &&
           span_equal(rrset_only(cdnskey), span_of(no_key, sizeof no_key));
}

static void test_keys_and_policies_change(void **state)
{
    (void)state;
    uint64_t random = 77;
    struct signing signing;
    signing_begin(&signing, ZONE_NSEC);
    step(&signing, edited(signing.data, 40, &random), "filled");
    test_keys_add(&signing.keys, ALGORITHM_ED25519, false, true);
    step(&signing, edited(signing.data, 2, &random), "another zone key");
    assert_false(signing.report.is_incremental);
    step(&signing, edited(signing.data, 2, &random), "after it");
    assert_true(signing.report.is_incremental);
    test_keys_add(&signing.keys, ALGORITHM_ED25519, true, false);
    step(&signing, edited(signing.data, 2, &random), "another key of keys");
    assert_true(signing.report.is_incremental); /* only the apex knows of it */
    signing.keys.keys[1].signs_zone = false;
    step(&signing, edited(signing.data, 2, &random), "a zone key that only stands there");
    assert_false(signing.report.is_incremental);
    static const enum zone_denial denials[] = {ZONE_NSEC3,         ZONE_NSEC3_OPT_OUT, ZONE_NSEC,
                                               ZONE_NSEC3_OPT_OUT, ZONE_NSEC3,         ZONE_NSEC};
    for (size_t i = 0; i < LEN(denials); i++) {
        signing.policy.denial = denials[i];
        step(&signing, edited(signing.data, 2, &random), "another kind of denial");
        assert_false(signing.report.is_incremental);
        step(&signing, edited(signing.data, 2, &random), "the same kind of denial");
        assert_true(signing.report.is_incremental);
    }
    signing.policy.has_cds = true;
    step(&signing, zone_hold(signing.data), "CDS");
    signing.policy.cds_digest = DS_DIGEST_SHA384;
    step(&signing, zone_hold(signing.data), "another digest in the CDS");
    signing.policy.asks_for_no_ds = true;
    step(&signing, zone_hold(signing.data), "a CDS that deletes");
    assert_true(asks_for_no_ds(signing.version));
    signing.policy.asks_for_no_ds = false;
    step(&signing, zone_hold(signing.data), "a CDS that deletes no more");
    assert_true(signing.report.is_incremental);
    signing.policy.dnskey_ttl_s = 60;
    step(&signing, zone_hold(signing.data), "the TTL of the keys");
    struct zone_builder *builder = test_change("example.", signing.data);
    test_remove(builder, "example. SOA ns.example. root.example. 7 3600 900 604800 300");
    test_add(builder, "example. SOA ns.example. root.example. 7 3600 900 604800 200");
    step(&signing, zone_build_finish(builder), "another negative TTL");
    assert_false(signing.report.is_incremental);
    step(&signing, zone_hold(signing.data), "nothing");
    signing_end(&signing);
}

/* A name of the zone that is the owner of an NSEC3 record too. */
static void test_a_name_like_a_hash(void **state)
{
    (void)state;
    uint64_t random = 5;
    struct signing signing;
    signing_begin(&signing, ZONE_NSEC3);
    struct name_buffer buffer;
    uint8_t hash[NSEC3_HASH_LEN];
    assert_int_equal(nsec3_hash(test_name("ns.example.", &buffer), SPAN_EMPTY, 0, hash), OK);
    char label[40] = {0};
    struct writer text = writer_over(label, sizeof label - 1);
    text_write_base32hex(&text, span_of(hash, sizeof hash));
    char line[100];
    snprintf(line, sizeof line, "%s.example. A 192.0.2.55", label);
    for (size_t i = 0; i < 6; i++) {
        struct zone_builder *builder = test_change("example.", signing.data);
        if (i % 2 == 0) {
            test_add(builder, line);
        } else {
            test_remove(builder, line);
        }
        step(&signing, zone_build_finish(builder), i % 2 == 0 ? "it comes" : "it goes");
        step(&signing, edited(signing.data, 5, &random), "others beside it");
    }
    struct zone_builder *builder = test_change("example.", signing.data);
    test_add(builder, line);
    step(&signing, zone_build_finish(builder), "it comes again");
    builder = test_change("example.", signing.data);
    test_remove(builder, "ns.example. A 192.0.2.1"); /* the hash goes, the name stays */
    step(&signing, zone_build_finish(builder), "the other goes");
    signing_end(&signing);
}

static void test_signatures_made(void **state)
{
    (void)state;
    static const struct {
        const char *added;
        enum zone_denial denial;
        size_t made;
        const char *why;
    } rows[] = {
        {"ns.example. A 192.0.2.77", ZONE_NSEC, 2, "the RRset and the SOA"},
        {"ns.example. A 192.0.2.77", ZONE_NSEC3, 2, "the RRset and the SOA"},
        {"ns.example. TXT \"x\"", ZONE_NSEC, 3, "and the NSEC with its bitmap"},
        {"new.example. A 192.0.2.77", ZONE_NSEC, 4, "and the NSEC before it"},
        {"new.example. A 192.0.2.77", ZONE_NSEC3, 4, "RRset, SOA, its NSEC3 and the one before"},
        {"a.b.example. A 192.0.2.77", ZONE_NSEC3, 6, "and an empty non-terminal with neighbour"},
        {"cut.example. NS ns.test.", ZONE_NSEC, 3, "NS is not signed"},
        {"cut.example. NS ns.test.", ZONE_NSEC3_OPT_OUT, 1, "nothing but the SOA"},
        {"cut.b.example. NS ns.test.", ZONE_NSEC3_OPT_OUT, 3, "an empty non-terminal, neighbour"},
        {"glue.old.example. A 192.0.2.1", ZONE_NSEC, 1, "glue is not signed"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct signing signing;
        signing_begin(&signing, rows[i].denial);
        struct zone_builder *builder = test_change("example.", signing.data);
        test_add(builder, "old.example. NS ns.test.");
        for (char name = 'a'; name < 'z'; name++) { /* so that neighbours do not meet */
            char line[40];
            snprintf(line, sizeof line, "%c%c.example. A 192.0.2.1", name, name);
            test_add(builder, line);
        }
        step(&signing, zone_build_finish(builder), "filled");
        builder = test_change("example.", signing.data);
        test_add(builder, rows[i].added);
        struct zone *data = zone_build_finish(builder);
        struct zone *next = sign(&signing, data, false);
        if (signing.report.rrsigs_made != rows[i].made) {
            fail_msg("%s, denial %d: %zu made, not %zu: %s", rows[i].added, (int)rows[i].denial,
                     signing.report.rrsigs_made, rows[i].made, rows[i].why);
        }
        zone_release(next);
        step(&signing, data, rows[i].added);
        signing_end(&signing);
    }
}

static void test_renewal_is_spread(void **state)
{
    (void)state;
    struct signing signing;
    uint64_t random = 3;
    for (size_t row = 0; row < 3; row++) {
        signing_begin(&signing, (enum zone_denial)row);
        step(&signing, edited(signing.data, 80, &random), "filled");
        size_t versions = 0;
        for (size_t i = 0; i < 40; i++) {
            int64_t due_s = signing.report.refresh_at_s;
            assert_true(due_s > signing.now_s && due_s < signing.now_s + 14 * 86400);
            signing.now_s = due_s;
            struct zone *before = zone_hold(signing.version);
            struct zone *next = sign(&signing, signing.data, false);
            assert_non_null(next);
            assert_true(signing.report.is_incremental);
            versions += signing.report.rrsigs_made < 10;
            test_verify_good(next, before, signing.now_s);
            zone_release(before);
            zone_release(signing.version);
            signing.version = next;
        }
        assert_true(versions > 20); /* jitter: never all at once */
        test_verify_good(signing.version, NULL, signing.now_s);
        signing_end(&signing);
    }
}

static void test_given_away(void **state)
{
    (void)state;
    uint64_t random = 9;
    for (size_t row = 0; row < 6; row++) {
        struct signing signing;
        signing_begin(&signing, (enum zone_denial)(row % 3));
        struct zone *data = edited(signing.data, 80, &random);
        struct zone_sign_input input = {.unsigned_zone = data,
                                        .keys = signing.keys.keys,
                                        .key_count = signing.keys.count,
                                        .policy = signing.policy,
                                        .now_s = NOW,
                                        .parallel = &BACKWARD};
        struct zone *kept = NULL;
        struct zone *next = NULL;
        struct problem problem = {0};
        struct zone_sign_report report;
        assert_int_equal(zone_sign(&input, &kept, &report, &problem), OK);
        input.gives_away = true;
        input.key_count = row < 3 ? input.key_count : 0; /* gone also when it cannot be signed */
        assert_int_equal(zone_sign(&input, &next, &report, &problem), row < 3 ? OK : BAD_ARGUMENT);
        if (next != NULL) {
            assert_same_but_fresh(next, kept, "given away");
        }
        zone_release(next);
        zone_release(kept);
        signing_end(&signing);
    }
}

/* A backend that signs by another key and fails at one call. */
struct failing {
    struct key *key;
    size_t calls_left; /* SIZE_MAX: it never fails */
    size_t calls;
};

static enum status sign_or_fail(void *self, const struct key_signing *signings, size_t count)
{
    struct failing *failing = self;
    failing->calls++;
    if (failing->calls_left != SIZE_MAX && failing->calls_left-- == 0) {
        return CRYPTO_FAILED;
    }
    return key_sign_batch(failing->key, signings, count);
}

/* Each of the calls in turn; none may leave a version behind. */
static void fail_each_call(struct signing *signing, const struct zone *data, bool is_whole,
                           struct failing *failing)
{
    struct zone *next = sign(signing, data, is_whole);
    zone_release(next);
    size_t calls = failing->calls;
    assert_true(calls >= 2);
    for (size_t i = 0; i < calls; i++) {
        struct zone_sign_input input = {.unsigned_zone = data,
                                        .signed_before = is_whole ? NULL : signing->version,
                                        .unsigned_before = is_whole ? NULL : signing->data,
                                        .keys = signing->keys.keys,
                                        .key_count = signing->keys.count,
                                        .policy = signing->policy,
                                        .now_s = NOW};
        struct problem problem = {0};
        failing->calls_left = i;
        next = NULL;
        assert_int_equal(zone_sign(&input, &next, &signing->report, &problem), CRYPTO_FAILED);
        assert_null(next);
        assert_non_null(strstr(problem.sentence, "(failing) did not sign"));
    }
}

static void test_each_failure_of_a_backend_is_told(void **state)
{
    (void)state;
    static const struct key_backend backend = {.name = "failing", .sign = sign_or_fail};
    uint64_t random = 21;
    for (size_t row = 0; row < 6; row++) {
        struct signing signing;
        signing_begin(&signing, (enum zone_denial)(row % 3));
        signing.policy.has_zonemd = row >= 3;
        struct key **key = &signing.keys.keys[1].signing.key;
        struct failing failing = {.key = *key, .calls_left = SIZE_MAX};
        assert_int_equal(key_of_backend(ALGORITHM_ED25519, key_public(failing.key), &backend,
                                        &failing, key, NULL),
                         OK);
        struct zone *data = edited(signing.data, 70, &random);
        fail_each_call(&signing, data, row % 2 == 0, &failing);
        key_close(*key);
        *key = failing.key;
        zone_release(data);
        signing_end(&signing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_edits),
        cmocka_unit_test(test_keys_and_policies_change),
        cmocka_unit_test(test_a_name_like_a_hash),
        cmocka_unit_test(test_signatures_made),
        cmocka_unit_test(test_renewal_is_spread),
        cmocka_unit_test(test_given_away),
        cmocka_unit_test(test_each_failure_of_a_backend_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
