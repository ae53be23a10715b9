/* A row for each rule about keys: what is offered, the code and the sentence. */
#include "service/registry/key_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/dnssec/dnskey.h"

static const uint8_t com_octets[] = {3, 'c', 'o', 'm', 0};
static const uint8_t owner_octets[] = {1, 'a', 3, 'c', 'o', 'm', 0};
static const struct name com = {com_octets, sizeof com_octets, 1};
static const struct name owner = {owner_octets, sizeof owner_octets, 2};

enum { KEYS_MADE = 4, DNSKEY_LEN_MAX = 4 + KEY_PUBLIC_LEN_MAX, DS_LEN_MAX = 4 + DIGEST_LEN_MAX };

/* Keys that are real, made once. */
static struct made {
    struct key *key;
    uint8_t dnskey_bytes[DNSKEY_LEN_MAX];
    struct span dnskey;
    struct epp_key key_form, sha256, sha384; /* the DS forms have no key with them */
    uint8_t digest_bytes[2][DS_LEN_MAX];
} made[KEYS_MADE];

static struct epp_key ds_form(struct made *key, uint8_t type, uint8_t *bytes)
{
    struct writer rdata = writer_over(bytes, DS_LEN_MAX);
    assert_int_equal(ds_make(owner, key->dnskey, type, &rdata), OK);
    struct ds ds;
    assert_int_equal(ds_read(writer_written(&rdata), &ds), OK);
    return (struct epp_key){.has_ds = true,
                            .ds_tag = ds.tag,
                            .ds_algorithm = ds.algorithm,
                            .ds_digest_type = ds.digest_type,
                            .ds_digest = ds.digest};
}

static int keys_make(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS_MADE; i++) {
        struct made *key = &made[i];
        assert_int_equal(key_generate(ALGORITHM_ECDSAP256SHA256, 0, &key->key), OK);
        struct writer rdata = writer_over(key->dnskey_bytes, sizeof key->dnskey_bytes);
        dnskey_write(DNSKEY_FLAGS_KSK, ALGORITHM_ECDSAP256SHA256, key_public(key->key), &rdata);
        key->dnskey = writer_written(&rdata);
        key->key_form = (struct epp_key){.has_key = true,
                                         .key_flags = DNSKEY_FLAGS_KSK,
                                         .key_protocol = 3,
                                         .key_algorithm = ALGORITHM_ECDSAP256SHA256,
                                         .key_public = key_public(key->key)};
        key->sha256 = ds_form(key, DS_DIGEST_SHA256, key->digest_bytes[0]);
        key->sha384 = ds_form(key, DS_DIGEST_SHA384, key->digest_bytes[1]);
    }
    return 0;
}

static int keys_close(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS_MADE; i++) {
        key_close(made[i].key);
    }
    return 0;
}

static struct epp_key both_forms(void)
{
    struct epp_key key = made[0].sha256;
    key.has_key = true;
    key.key_flags = DNSKEY_FLAGS_KSK;
    key.key_protocol = 3;
    key.key_algorithm = ALGORITHM_ECDSAP256SHA256;
    key.key_public = made[0].key_form.key_public;
    return key;
}

/* What a row does to a good key. */
static void as_it_is(struct epp_key *key)
{
    (void)key;
}
static void protocol_2(struct epp_key *key)
{
    key->key_protocol = 2;
}
static void flags_zsk(struct epp_key *key)
{
    key->key_flags = DNSKEY_FLAGS_ZSK;
}
static void flags_1(struct epp_key *key)
{
    key->key_flags = 1;
}
static void flags_revoked(struct epp_key *key)
{
    key->key_flags = 385;
}
static void flags_odd(struct epp_key *key)
{
    key->key_flags = 259;
}
static void algorithm_5(struct epp_key *key)
{
    key->key_algorithm = key->ds_algorithm = ALGORITHM_RSASHA1;
}
static void algorithm_253(struct epp_key *key)
{
    key->key_algorithm = key->ds_algorithm = 253;
}
static void algorithm_other(struct epp_key *key)
{
    key->ds_algorithm = ALGORITHM_ECDSAP384SHA384;
}
static void key_too_short(struct epp_key *key)
{
    key->key_public.len--;
}
static void key_of_other_algorithm(struct epp_key *key)
{
    key->key_algorithm = ALGORITHM_ED25519;
}
static void key_with_sha1(struct epp_key *key)
{
    key->ds_digest_type = DS_DIGEST_SHA1;
    key->ds_digest.len = 20;
}
static void digest_gost(struct epp_key *key)
{
    key->ds_digest_type = 3;
}
static void digest_too_short(struct epp_key *key)
{
    key->ds_digest.len--;
}
static void tag_other(struct epp_key *key)
{
    key->ds_tag ^= 1;
}
static void digest_of_another(struct epp_key *key)
{
    key->ds_digest = made[1].sha256.ds_digest;
}

enum offered { KEY_FORM, DS_FORM, BOTH_FORMS };

static const struct {
    const char *why;
    enum offered offered;
    void (*change)(struct epp_key *key);
    enum registry_form form;
    bool lacks_dnssec, lacks_hosts, is_removed;
    enum epp_code code; /* EPP_OK: taken */
    const char *sentence;
} rows[] = {
    {"a KSK", KEY_FORM, as_it_is, REGISTRY_FORM_EITHER, .code = EPP_OK},
    {"a ZSK, or a key that is both", KEY_FORM, flags_zsk, REGISTRY_FORM_EITHER, .code = EPP_OK},
    {"a DS", DS_FORM, as_it_is, REGISTRY_FORM_EITHER, .code = EPP_OK},
    {"a DS with its key", BOTH_FORMS, as_it_is, REGISTRY_FORM_DS, .code = EPP_OK},
    {"a key where keys are taken", KEY_FORM, as_it_is, REGISTRY_FORM_KEY, .code = EPP_OK},
    {"a TLD without DNSSEC", KEY_FORM, as_it_is, REGISTRY_FORM_EITHER, .lacks_dnssec = true,
     .code = EPP_DATA_POLICY, .sentence = "com. does not support DNSSEC"},
    {"removal in a TLD without DNSSEC", KEY_FORM, as_it_is, REGISTRY_FORM_EITHER,
     .lacks_dnssec = true, .is_removed = true, .code = EPP_DATA_POLICY,
     .sentence = "does not support DNSSEC"},
    {"a key where DS are taken", KEY_FORM, as_it_is, REGISTRY_FORM_DS, .code = EPP_POLICY_ERROR,
     .sentence = "taken as DS records"},
    {"a DS where keys are taken", DS_FORM, as_it_is, REGISTRY_FORM_KEY, .code = EPP_POLICY_ERROR,
     .sentence = "taken as public keys"},
    {"protocol 2", KEY_FORM, protocol_2, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "must be 3, not 2"},
    {"no zone key", KEY_FORM, flags_1, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "lack the zone key bit"},
    {"a revoked key", KEY_FORM, flags_revoked, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "revoked"},
    {"unknown flags", KEY_FORM, flags_odd, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "256 or 257, not 259"},
    {"SHA-1 algorithm", KEY_FORM, algorithm_5, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "rests on SHA-1"},
    {"SHA-1 algorithm as DS", DS_FORM, algorithm_5, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "rests on SHA-1"},
    {"private algorithm", DS_FORM, algorithm_253, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "algorithm 253 is not taken"},
    {"DS and key of two algorithms", BOTH_FORMS, algorithm_other, REGISTRY_FORM_EITHER,
     .code = EPP_POLICY_ERROR, .sentence = "says algorithm 14 but its key says 13"},
    {"an octet is missing", KEY_FORM, key_too_short, REGISTRY_FORM_EITHER, .code = EPP_VALUE_SYNTAX,
     .sentence = "not a public key of algorithm 13"},
    {"key of another algorithm", KEY_FORM, key_of_other_algorithm, REGISTRY_FORM_EITHER,
     .code = EPP_VALUE_SYNTAX, .sentence = "not a public key of algorithm 15"},
    {"SHA-1 digest", DS_FORM, key_with_sha1, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "digest type 1 (SHA-1)"},
    {"GOST digest", DS_FORM, digest_gost, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "digest type 3"},
    {"a digest too short", DS_FORM, digest_too_short, REGISTRY_FORM_EITHER,
     .code = EPP_VALUE_SYNTAX, .sentence = "has 32 octets, not 31"},
    {"another key's tag", BOTH_FORMS, tag_other, REGISTRY_FORM_EITHER, .code = EPP_POLICY_ERROR,
     .sentence = "but that of the key given with it"},
    {"another key's digest", BOTH_FORMS, digest_of_another, REGISTRY_FORM_EITHER,
     .code = EPP_POLICY_ERROR, .sentence = "is not that of the key given with it"},
    {"a domain without name servers", KEY_FORM, as_it_is, REGISTRY_FORM_EITHER, .lacks_hosts = true,
     .code = EPP_DATA_POLICY, .sentence = "without name servers"},
    {"removal of what is not there", KEY_FORM, as_it_is, REGISTRY_FORM_EITHER, .is_removed = true,
     .code = EPP_DOES_NOT_EXIST, .sentence = "there is no key"},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct epp_key offered = rows[i].offered == KEY_FORM  ? made[0].key_form
                                 : rows[i].offered == DS_FORM ? made[0].sha256
                                                              : both_forms();
        rows[i].change(&offered);
        struct registry_tld_options tld = {
            .name = com, .has_dnssec = !rows[i].lacks_dnssec, .keys_max = 4, .form = rows[i].form};
        struct key_request request = {.tld = &tld,
                                      .owner = owner,
                                      .added = &offered,
                                      .removed = &offered,
                                      .added_count = rows[i].is_removed ? 0 : 1,
                                      .removed_count = rows[i].is_removed ? 1 : 0,
                                      .has_hosts = !rows[i].lacks_hosts};
        struct arena arena;
        arena_open(&arena, 1 << 20);
        struct registry_key keys[REGISTRY_DS_MAX];
        size_t count = 0;
        struct key_refusal refusal = {.code = EPP_OK};
        enum status status = key_rules_apply(&request, &arena, keys, &count, &refusal);
        bool is_right = rows[i].code == EPP_OK
                            ? status == OK && count == 1
                            : status == REFUSED && refusal.code == rows[i].code &&
                                  strstr(refusal.sentence, rows[i].sentence) != NULL;
        if (!is_right) {
            fail_msg("%s: %s, %d, \"%s\"", rows[i].why, status_text(status), (int)refusal.code,
                     refusal.sentence);
        }
        arena_close(&arena);
    }
}

struct
try {
    const struct epp_key *added, *removed;
    size_t added_count, removed_count;
    bool removes_all;
    enum epp_code code;
    size_t count; /* of DS records afterwards; unchanged after a refusal */
    const char *why;
};

static void tries_run(const struct try *tries, size_t try_count, uint32_t keys_max)
{
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct registry_tld_options tld = {
        .name = com, .has_dnssec = true, .keys_max = keys_max, .form = REGISTRY_FORM_EITHER};
    struct registry_key kept[REGISTRY_DS_MAX];
    size_t kept_count = 0;
    for (size_t i = 0; i < try_count; i++) {
        struct registry_key keys[REGISTRY_DS_MAX];
        size_t count = kept_count;
        memcpy(keys, kept, sizeof keys);
        struct key_request request = {.tld = &tld,
                                      .owner = owner,
                                      .added = tries[i].added,
                                      .removed = tries[i].removed,
                                      .added_count = tries[i].added_count,
                                      .removed_count = tries[i].removed_count,
                                      .removes_all = tries[i].removes_all,
                                      .has_hosts = true};
        struct key_refusal refusal = {.code = EPP_OK};
        enum status status = key_rules_apply(&request, &arena, keys, &count, &refusal);
        if (status == OK) {
            memcpy(kept, keys, sizeof kept);
            kept_count = count;
        }
        if (refusal.code != tries[i].code || kept_count != tries[i].count) {
            fail_msg("%s: %d, %zu, \"%s\"", tries[i].why, (int)refusal.code, kept_count,
                     refusal.sentence);
        }
    }
    arena_close(&arena);
}

static void test_sets(void **state)
{
    (void)state;
    const struct epp_key first_two[] = {made[0].key_form, made[1].key_form};
    const struct epp_key twice[] = {made[2].key_form, made[2].key_form};
    const struct try tries[] = {
        {.added = first_two, .added_count = 2, .code = EPP_OK, .count = 2, .why = "two keys"},
        {.added = first_two, .added_count = 1, .code = EPP_EXISTS, .count = 2, .why = "again"},
        {.added = &made[0].sha256,
         .added_count = 1,
         .code = EPP_EXISTS,
         .count = 2,
         .why = "the same key as DS"},
        {.added = twice,
         .added_count = 2,
         .code = EPP_EXISTS,
         .count = 2,
         .why = "twice in one command"},
        {.added = &made[2].key_form,
         .added_count = 1,
         .code = EPP_DATA_POLICY,
         .count = 2,
         .why = "a third of two"},
        {.added = &made[0].sha384,
         .added_count = 1,
         .code = EPP_OK,
         .count = 3,
         .why = "another digest of a key that is there is no third key"},
        {.added = &made[2].key_form,
         .removed = &made[1].key_form,
         .added_count = 1,
         .removed_count = 1,
         .code = EPP_OK,
         .count = 3,
         .why = "one goes, one comes"},
        {.removed = &made[0].sha256,
         .removed_count = 1,
         .code = EPP_OK,
         .count = 2,
         .why = "removal as DS of what came as key"},
        {.removed = &made[0].sha256,
         .removed_count = 1,
         .code = EPP_DOES_NOT_EXIST,
         .count = 2,
         .why = "removal twice"},
        {.added = &made[3].key_form,
         .added_count = 1,
         .removes_all = true,
         .code = EPP_OK,
         .count = 1,
         .why = "all go, one comes"},
        {.removes_all = true, .code = EPP_OK, .count = 0, .why = "all go"},
    };
    tries_run(tries, LEN(tries), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_sets)};
    return cmocka_run_group_tests(tests, keys_make, keys_close);
}
