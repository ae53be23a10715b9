/* Signatures against the examples of RFC 5702, RFC 6605 and RFC 8080, each rule of RFC 4035 §5.3.1,
 * and the canonical form. */
#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "core/dnssec/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_SIZE_MAX = 1 << 22 };

static struct arena arena;

static int arena_setup(void **state)
{
    (void)state;
    arena_open(&arena, ARENA_SIZE_MAX);
    return 0;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct name name_of(const char *text)
{
    struct name_buffer buffer;
    struct name name, copy;
    struct problem problem = {0};
    assert_int_equal(name_parse(span_of_text(text), NULL, &buffer, &name, &problem), OK);
    assert_int_equal(name_copy(&arena, name, &copy), OK);
    return copy;
}

static struct span rdata_of(uint16_t type, const char *text)
{
    uint8_t bytes[2048];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct problem problem = {0};
    if (rdata_parse_text(type, span_of_text(text), &NAME_ROOT, &writer, &problem) != OK) {
        fail_msg("%s: %s", text, problem.sentence);
    }
    struct span copy;
    assert_int_equal(arena_copy(&arena, writer_written(&writer), &copy), OK);
    return copy;
}

static struct rrset rrset_of(const char *owner, uint16_t type, uint32_t ttl_s,
                             const char *const *texts)
{
    struct rrset_builder builder;
    struct rrset rrset;
    rrset_begin(&builder, &arena, name_of(owner), type, ttl_s);
    for (size_t i = 0; texts[i] != NULL; i++) {
        rrset_add(&builder, rdata_of(type, texts[i]));
    }
    assert_int_equal(rrset_finish(&builder, &rrset), OK);
    return rrset;
}

static int64_t time_of(const char *text)
{
    int64_t time_s;
    assert_int_equal(text_read_rfc3339(span_of_text(text), &time_s), OK);
    return time_s;
}

static const struct {
    const char *why;
    const char *zone;
    const char *dnskey;
    const char *ds; /* NULL: none published */
    uint16_t tag;
    const char *owner;
    uint16_t type;
    const char *rdata;
    const char *rrsig;
    const char *now;
} VECTORS[] = {
    {"RFC 5702 §6.1, RSASHA256 of 512 bits", "example.net.",
     "256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/"
     "DlUmObdk=",
     NULL, 9033, "www.example.net.", TYPE_A, "192.0.2.91",
     "A 8 3 3600 20300101000000 20000101000000 9033 example.net. "
     "kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/"
     "lPtPiVYP4bwg==",
     "2020-01-01T00:00:00Z"},
    {"RFC 5702 §6.2, RSASHA512", "example.net.",
     "256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/"
     "AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12Z"
     "TSncorffcGmhOL",
     NULL, 3740, "www.example.net.", TYPE_A, "192.0.2.91",
     "A 10 3 3600 20300101000000 20000101000000 3740 example.net. "
     "tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/"
     "zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
     "2020-01-01T00:00:00Z"},
    {"RFC 6605 §6.1, ECDSA P-256", "example.net.",
     "257 3 13 "
     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
     "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17", 55648,
     "www.example.net.", TYPE_A, "192.0.2.1",
     "A 13 3 3600 20100909100439 20100812100439 55648 example.net. "
     "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
     "2010-08-20T00:00:00Z"},
    {"RFC 6605 §6.2, ECDSA P-384", "example.net.",
     "257 3 14 "
     "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/"
     "uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
     "10771 14 4 "
     "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df98"
     "3d"
     "6",
     10771, "www.example.net.", TYPE_A, "192.0.2.1",
     "A 14 3 3600 20100909102025 20100812102025 10771 example.net. "
     "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSP"
     "dz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
     "2010-08-20T00:00:00Z"},
    {"RFC 8080 §6.1, Ed25519", "example.com.",
     "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
     "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b", 3613,
     "example.com.", TYPE_MX, "10 mail.example.com.",
     "MX 15 2 3600 1440021600 1438207200 3613 example.com. "
     "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
     "2015-08-10T00:00:00Z"},
    {"RFC 8080 §6.1, Ed25519, the second key", "example.com.",
     "257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
     "35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c", 35217,
     "example.com.", TYPE_MX, "10 mail.example.com.",
     "MX 15 2 3600 1440021600 1438207200 35217 example.com. "
     "zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
     "2015-08-10T00:00:00Z"},
    {"RFC 8080 §6.2, Ed448", "example.com.",
     "257 3 16 "
     "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
     "9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7", 9713,
     "example.com.", TYPE_MX, "10 mail.example.com.",
     "MX 16 2 3600 1440021600 1438207200 9713 example.com. "
     "3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/"
     "NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
     "2015-08-10T00:00:00Z"},
};

static void published_signatures_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(VECTORS); i++) {
        struct dnskey dnskey;
        struct rrsig rrsig;
        assert_int_equal(dnskey_read(rdata_of(TYPE_DNSKEY, VECTORS[i].dnskey), &dnskey), OK);
        assert_int_equal(dnskey.tag, VECTORS[i].tag);
        assert_int_equal(rrsig_read(rdata_of(TYPE_RRSIG, VECTORS[i].rrsig), &rrsig), OK);
        if (VECTORS[i].ds != NULL) {
            struct ds ds;
            struct span expected = rdata_of(TYPE_DS, VECTORS[i].ds);
            assert_int_equal(ds_read(expected, &ds), OK);
            assert_true(ds_matches(&ds, name_of(VECTORS[i].zone), &dnskey));
            uint8_t bytes[64];
            struct writer made = writer_over(bytes, sizeof bytes);
            assert_int_equal(ds_make(name_of(VECTORS[i].zone), dnskey.rdata, ds.digest_type, &made),
                             OK);
            assert_true(span_equal(expected, writer_written(&made)));
        }
        struct rrset rrset = rrset_of(VECTORS[i].owner, VECTORS[i].type, 3600,
                                      (const char *[]){VECTORS[i].rdata, NULL});
        uint8_t labels = 0;
        enum verify_result result = verify_rrsig(&rrset, &rrsig, name_of(VECTORS[i].zone), &dnskey,
                                                 time_of(VECTORS[i].now), NULL, &arena, &labels);
        if (result != VERIFY_GOOD || labels != rrset.owner.label_count) {
            fail_msg("%s: %s", VECTORS[i].why, verify_result_text(result));
        }
    }
}

/* A key of the test's own zone. */
static struct signing_key signing_key_make(uint8_t algorithm, uint16_t flags)
{
    struct signing_key made;
    assert_int_equal(key_generate(algorithm, algorithm_find(algorithm)->bits_default, &made.key),
                     OK);
    uint8_t bytes[KEY_PUBLIC_LEN_MAX + 4];
    struct writer writer = writer_over(bytes, sizeof bytes);
    dnskey_write(flags, algorithm, key_public(made.key), &writer);
    struct span copy;
    assert_int_equal(arena_copy(&arena, writer_written(&writer), &copy), OK);
    assert_int_equal(dnskey_read(copy, &made.dnskey), OK);
    return made;
}

static struct rrsig sign(const struct rrset *rrset, const char *zone, const struct signing_key *key,
                         int64_t inception_s, int64_t expiration_s)
{
    uint8_t bytes[1024];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct sign_times times = {inception_s, expiration_s};
    assert_int_equal(sign_rrset(rrset, name_of(zone), key, times, &arena, &writer), OK);
    struct span copy;
    struct rrsig rrsig;
    assert_int_equal(arena_copy(&arena, writer_written(&writer), &copy), OK);
    assert_int_equal(rrsig_read(copy, &rrsig), OK);
    return rrsig;
}

enum { NOW_S = 1800000000, DAY_S = 86400 };

static void each_algorithm_signs_what_it_verifies(void **state)
{
    (void)state;
    struct key_cache *cache;
    assert_int_equal(key_cache_open(2, &cache), OK);
    struct rrset rrset = rrset_of("A.Example.", TYPE_MX, 300,
                                  (const char *[]){"20 B.Example.", "10 a.example.", NULL});
    for (size_t i = 0; algorithm_at(i) != NULL; i++) {
        if (!algorithm_at(i)->can_sign) {
            continue;
        }
        struct signing_key key = signing_key_make(algorithm_at(i)->number, DNSKEY_FLAGS_ZSK);
        struct rrsig rrsig = sign(&rrset, "EXAMPLE.", &key, NOW_S - DAY_S, NOW_S + DAY_S);
        uint8_t labels;
        struct rrset changed = rrset_of("a.eXample.", TYPE_MX, 7,
                                        (const char *[]){"10 A.example.", "20 b.example.", NULL});
        for (int again = 0; again < 2; again++) { /* case, order and TTL do not count */
            assert_int_equal(verify_rrsig(&changed, &rrsig, name_of("example."), &key.dnskey, NOW_S,
                                          cache, &arena, &labels),
                             VERIFY_GOOD);
        }
        changed = rrset_of("a.example.", TYPE_MX, 300,
                           (const char *[]){"10 a.example.", "20 c.example.", NULL});
        assert_int_equal(verify_rrsig(&changed, &rrsig, name_of("example."), &key.dnskey, NOW_S,
                                      cache, &arena, &labels),
                         VERIFY_BAD_SIGNATURE);
        key_close(key.key);
    }
    key_cache_close(cache);
}

static void duplicates_and_disorder_change_nothing(void **state)
{
    (void)state;
    struct signing_key key = signing_key_make(ALGORITHM_ECDSAP256SHA256, DNSKEY_FLAGS_ZSK);
    struct rrset rrset = rrset_of("a.example.", TYPE_A, 300,
                                  (const char *[]){"192.0.2.1", "192.0.2.2", "192.0.2.3", NULL});
    struct rrsig rrsig = sign(&rrset, "example.", &key, NOW_S, NOW_S + DAY_S);
    static const uint8_t DISORDERED[] = {0, 4, 192, 0, 2, 3, 0, 4, 192, 0, 2, 1,
                                         0, 4, 192, 0, 2, 3, 0, 4, 192, 0, 2, 2};
    struct rrset raw = rrset;
    raw.rdata = DISORDERED;
    raw.rdata_len = sizeof DISORDERED;
    raw.count = 4;
    uint8_t labels;
    assert_int_equal(
        verify_rrsig(&raw, &rrsig, name_of("example."), &key.dnskey, NOW_S, NULL, &arena, &labels),
        VERIFY_GOOD);
    key_close(key.key);
}

static void wildcards_are_signed_as_such(void **state)
{
    (void)state;
    struct signing_key key = signing_key_make(ALGORITHM_ED25519, DNSKEY_FLAGS_ZSK);
    const char *const text[] = {"192.0.2.1", NULL};
    struct rrset wildcard = rrset_of("*.w.example.", TYPE_A, 300, text);
    struct rrsig rrsig = sign(&wildcard, "example.", &key, NOW_S, NOW_S + DAY_S);
    assert_int_equal(rrsig.labels, 2);
    static const struct {
        const char *why;
        const char *owner;
        enum verify_result result;
        uint8_t labels;
    } ROWS[] = {
        {"the wildcard itself", "*.w.example.", VERIFY_GOOD, 3},
        {"one label below", "a.w.example.", VERIFY_GOOD, 2},
        {"three labels below", "a.b.c.w.example.", VERIFY_GOOD, 2},
        {"a wildcard below the wildcard", "*.b.w.example.", VERIFY_GOOD, 2},
        {"beside it", "a.v.example.", VERIFY_BAD_SIGNATURE, 0},
        {"above it", "w.example.", VERIFY_BAD_SIGNATURE, 0},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct rrset rrset = rrset_of(ROWS[i].owner, TYPE_A, 300, text);
        uint8_t labels = 0;
        enum verify_result result = verify_rrsig(&rrset, &rrsig, name_of("example."), &key.dnskey,
                                                 NOW_S, NULL, &arena, &labels);
        if (result != ROWS[i].result || labels != ROWS[i].labels) {
            fail_msg("%s: %s, %u labels", ROWS[i].why, verify_result_text(result), labels);
        }
    }
    key_close(key.key);
}

static void each_rule_about_rrsig_fields_is_kept(void **state)
{
    (void)state;
    struct signing_key key = signing_key_make(ALGORITHM_ECDSAP256SHA256, DNSKEY_FLAGS_ZSK);
    static const struct {
        const char *why;
        const char *owner;
        uint16_t type;
        const char *rdata;
        const char *signer;
        const char *zone;
        int64_t inception_s, expiration_s;
        int labels; /* written over the signed ones; -1: not */
        enum verify_result result;
    } ROWS[] = {
        {"as it should be", "a.example.", TYPE_A, "192.0.2.1", "example.", "example.", NOW_S, NOW_S,
         -1, VERIFY_GOOD},
        {"expired a second ago", "a.example.", TYPE_A, "192.0.2.1", "example.", "example.",
         NOW_S - 9, NOW_S - 1, -1, VERIFY_EXPIRED},
        {"valid in a second", "a.example.", TYPE_A, "192.0.2.1", "example.", "example.", NOW_S + 1,
         NOW_S + 9, -1, VERIFY_NOT_YET_VALID},
        {"the end before the beginning", "a.example.", TYPE_A, "192.0.2.1", "example.", "example.",
         NOW_S + 5, NOW_S - 5, -1, VERIFY_EXPIRED},
        {"signed by the parent of the zone", "a.b.example.", TYPE_A, "192.0.2.1", "example.",
         "b.example.", NOW_S, NOW_S, -1, VERIFY_WRONG_SIGNER},
        {"signed by a zone below", "a.b.example.", TYPE_A, "192.0.2.1", "b.example.", "example.",
         NOW_S, NOW_S, -1, VERIFY_WRONG_SIGNER},
        {"a DS signed by the zone it speaks of", "b.example.", TYPE_DS,
         "1 13 1 "
         "0000000000000000000000000000000000000000",
         "b.example.", "b.example.", NOW_S, NOW_S, -1, VERIFY_WRONG_SIGNER},
        {"more Labels than the owner has", "a.example.", TYPE_A, "192.0.2.1", "example.",
         "example.", NOW_S, NOW_S, 3, VERIFY_BAD_LABELS},
        {"the asterisk counted as a label", "*.example.", TYPE_A, "192.0.2.1", "example.",
         "example.", NOW_S, NOW_S, 2, VERIFY_BAD_LABELS},
        {"fewer Labels than the signer has: a wildcard outside the zone", "a.b.example.", TYPE_A,
         "192.0.2.1", "b.example.", "b.example.", NOW_S, NOW_S, 1, VERIFY_BAD_LABELS},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct rrset rrset =
            rrset_of(ROWS[i].owner, ROWS[i].type, 300, (const char *[]){ROWS[i].rdata, NULL});
        struct rrsig rrsig =
            sign(&rrset, ROWS[i].signer, &key, ROWS[i].inception_s, ROWS[i].expiration_s);
        rrsig.labels = ROWS[i].labels < 0 ? rrsig.labels : (uint8_t)ROWS[i].labels;
        uint8_t labels;
        enum verify_result result = verify_rrsig(&rrset, &rrsig, name_of(ROWS[i].zone), &key.dnskey,
                                                 NOW_S, NULL, &arena, &labels);
        if (result != ROWS[i].result) {
            fail_msg("%s: %s", ROWS[i].why, verify_result_text(result));
        }
    }
    struct rrset rrset = rrset_of("a.example.", TYPE_A, 300, (const char *[]){"192.0.2.1", NULL});
    struct rrsig rrsig = sign(&rrset, "example.", &key, NOW_S, NOW_S);
    uint8_t labels;
    struct dnskey broken = key.dnskey;
    broken.public_key.len--;
    assert_int_equal(
        verify_rrsig(&rrset, &rrsig, name_of("example."), &broken, NOW_S, NULL, &arena, &labels),
        VERIFY_BAD_KEY);
    broken = key.dnskey;
    broken.algorithm = rrsig.algorithm = 250;
    assert_int_equal(
        verify_rrsig(&rrset, &rrsig, name_of("example."), &broken, NOW_S, NULL, &arena, &labels),
        VERIFY_UNKNOWN_ALGORITHM);
    key_close(key.key);
}

static void times_are_serial_numbers(void **state)
{
    (void)state;
    static const struct {
        uint32_t time_s;
        int64_t now_s, expected_s;
    } ROWS[] = {
        {1800000000u, 1800000000, 1800000000},
        {0xffffffffu, 0xfffffff0, 0xffffffff},
        {5, 0xfffffff0, 0x100000005},           /* after 2106 */
        {0xfffffff0u, 0x100000005, 0xfffffff0}, /* before it */
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        assert_int_equal(rrsig_time_s(ROWS[i].time_s, ROWS[i].now_s), ROWS[i].expected_s);
    }
}

static void broken_rdata_is_malformed(void **state)
{
    (void)state;
    struct dnskey dnskey;
    struct ds ds;
    struct rrsig rrsig;
    struct span good = rdata_of(TYPE_RRSIG, VECTORS[4].rrsig);
    for (size_t len = 0; len <= 18 + 13; len++) { /* up to where the signature would begin */
        assert_int_not_equal(rrsig_read(span_part(good, 0, len), &rrsig), OK);
    }
    assert_int_equal(rrsig_read(good, &rrsig), OK);
    assert_int_equal(rrsig.prefix.len + rrsig.signature.len, good.len);
    assert_int_not_equal(dnskey_read(SPAN_LITERAL("\1\1\3"), &dnskey), OK);
    assert_int_not_equal(ds_read(SPAN_LITERAL("\1\1\3\2"), &ds), OK);
    uint8_t bytes[64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    assert_int_equal(ds_make(NAME_ROOT, rdata_of(TYPE_DNSKEY, VECTORS[4].dnskey), 3, &writer),
                     UNSUPPORTED);
}

static void the_real_root_key_has_its_tag_and_ds(void **state)
{
    (void)state;
    struct dnskey dnskey;
    struct ds ds;
    assert_int_equal(
        dnskey_read(
            rdata_of(
                TYPE_DNSKEY,
                "257 3 8 "
                "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExO"
                "LAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3E"
                "gVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6n"
                "WeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555"
                "KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="),
            &dnskey),
        OK);
    assert_int_equal(dnskey.tag, 20326);
    assert_true(dnskey_is_zone_key(&dnskey));
    assert_int_equal(
        ds_read(rdata_of(TYPE_DS,
                         "20326 8 2 "
                         "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"),
                &ds),
        OK);
    assert_true(ds_matches(&ds, NAME_ROOT, &dnskey));
    assert_false(ds_matches(&ds, name_of("example."), &dnskey));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_verify),
        cmocka_unit_test(each_algorithm_signs_what_it_verifies),
        cmocka_unit_test(duplicates_and_disorder_change_nothing),
        cmocka_unit_test(wildcards_are_signed_as_such),
        cmocka_unit_test(each_rule_about_rrsig_fields_is_kept),
        cmocka_unit_test(times_are_serial_numbers),
        cmocka_unit_test(broken_rdata_is_malformed),
        cmocka_unit_test(the_real_root_key_has_its_tag_and_ds),
    };
    return cmocka_run_group_tests(tests, arena_setup, arena_teardown);
}
