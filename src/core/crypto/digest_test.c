/* The published examples of FIPS 180-4, RFC 2202 and RFC 4231. */
#include "core/crypto/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *why;
    enum digest digest;
    const char *key; /* NULL: a plain digest */
    const char *text;
    const char *expected; /* base16 */
};

static const struct row ROWS[] = {
    {"FIPS 180-4: SHA-1 of abc", DIGEST_SHA1, NULL, "abc",
     "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"SHA-1 of nothing", DIGEST_SHA1, NULL, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"FIPS 180-4: SHA-256 of abc", DIGEST_SHA256, NULL, "abc",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"FIPS 180-4: SHA-384 of abc", DIGEST_SHA384, NULL, "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7"},
    {"FIPS 180-4: SHA-512 of abc", DIGEST_SHA512, NULL, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"RFC 2202 test case 2", DIGEST_SHA1, "Jefe", "what do ya want for nothing?",
     "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {"RFC 4231 test case 2", DIGEST_SHA256, "Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"RFC 4231 test case 2", DIGEST_SHA384, "Jefe", "what do ya want for nothing?",
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
     "8e2240ca5e69e2c78b3239ecfab21649"},
    {"RFC 4231 test case 2", DIGEST_SHA512, "Jefe", "what do ya want for nothing?",
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
     "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    {"a MAC with an empty key", DIGEST_SHA256, "", "",
     "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

static void print_base16(const uint8_t *bytes, size_t len, char *text)
{
    for (size_t i = 0; i < len; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void digests_and_macs_match_the_published_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(ROWS); i++) {
        const struct row *row = &ROWS[i];
        struct span whole = span_of_text(row->text);
        for (size_t cut = 0; cut <= whole.len; cut++) { /* the cut between parts changes nothing */
            struct span parts[] = {span_part(whole, 0, cut),
                                   span_part(whole, cut, whole.len - cut)};
            uint8_t out[DIGEST_LEN_MAX];
            enum status status = row->key == NULL ? digest_make(row->digest, parts, LEN(parts), out)
                                                  : digest_hmac(row->digest, span_of_text(row->key),
                                                                parts, LEN(parts), out);
            assert_int_equal(status, OK);
            char text[2 * DIGEST_LEN_MAX + 1];
            print_base16(out, digest_len(row->digest), text);
            if (strcmp(text, row->expected) != 0) {
                fail_msg("%s: %s", row->why, text);
            }
        }
    }
}

static void a_stream_may_be_given_up(void **state)
{
    (void)state;
    struct digest_stream *stream;
    assert_int_equal(digest_open(DIGEST_SHA256, &stream), OK);
    digest_add(stream, SPAN_LITERAL("half of it"));
    assert_int_equal(digest_close(stream, NULL), OK);
}

static void a_stream_begins_anew(void **state)
{
    (void)state;
    struct digest_stream *stream;
    assert_int_equal(digest_open(DIGEST_SHA1, &stream), OK);
    for (size_t i = 0; i < 3; i++) {
        struct span text = SPAN_LITERAL("again");
        uint8_t expected[DIGEST_LEN_MAX];
        uint8_t found[DIGEST_LEN_MAX];
        digest_add(stream, text);
        assert_int_equal(digest_take(stream, found), OK);
        assert_int_equal(digest_make(DIGEST_SHA1, &text, 1, expected), OK);
        assert_memory_equal(found, expected, digest_len(DIGEST_SHA1));
    }
    assert_int_equal(digest_close(stream, NULL), OK);
}

static void secrets_compare_by_value_and_can_be_wiped(void **state)
{
    (void)state;
    assert_true(secret_equal(SPAN_LITERAL("same"), SPAN_LITERAL("same")));
    assert_false(secret_equal(SPAN_LITERAL("same"), SPAN_LITERAL("sama")));
    assert_false(secret_equal(SPAN_LITERAL("same"), SPAN_LITERAL("sam")));
    assert_true(secret_equal(SPAN_EMPTY, SPAN_EMPTY));
    uint8_t secret[] = {1, 2, 3};
    secret_wipe(secret, sizeof secret);
    assert_memory_equal(secret, "\0\0\0", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_and_macs_match_the_published_ones),
        cmocka_unit_test(a_stream_begins_anew),
        cmocka_unit_test(a_stream_may_be_given_up),
        cmocka_unit_test(secrets_compare_by_value_and_can_be_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
