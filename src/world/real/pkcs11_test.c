/* A real token (SoftHSM2 in a folder of the test's own): pairs are made, found and removed, what
 * the token signs verifies with its public half, also from several threads, and every wrong start
 * says what is wrong. */
#include "core/crypto/digest.h"
#include "core/crypto/key.h"
#include "world/real/pkcs11.h"
#include "world/real/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "world/real/test_token.h"

enum { SIGNINGS = 20, PIECES = 8, RSA_BITS = 2048 };

struct kind_case {
    enum hsm_kind kind;
    uint8_t algorithm;
    enum digest digest;
    const char *name;
};

static const struct kind_case kind_cases[] = {
    {HSM_P256, ALGORITHM_ECDSAP256SHA256, DIGEST_SHA256, "P-256"},
    {HSM_P384, ALGORITHM_ECDSAP384SHA384, DIGEST_SHA384, "P-384"},
    {HSM_ED25519, ALGORITHM_ED25519, DIGEST_SHA256, "Ed25519"},
    {HSM_RSA, ALGORITHM_RSASHA256, DIGEST_SHA256, "RSA"},
};

/* What an RRSIG of that kind signs, as the token wants it. */
static struct span input_of(const struct kind_case *kind, struct span message, uint8_t bytes[128])
{
    static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                          0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                          0x01, 0x05, 0x00, 0x04, 0x20};
    if (kind->kind == HSM_ED25519) {
        return message;
    }
    size_t before = kind->kind == HSM_RSA ? sizeof digest_info : 0;
    memcpy(bytes, digest_info, before);
    assert_int_equal(digest_make(kind->digest, &message, 1, bytes + before), OK);
    return span_of(bytes, before + digest_len(kind->digest));
}

static struct key *public_key(const struct kind_case *kind, const struct hsm_public *public_half)
{
    uint8_t bytes[KEY_PUBLIC_LEN_MAX];
    struct writer field = writer_over(bytes, sizeof bytes);
    if (kind->kind == HSM_RSA) {
        writer_u8(&field, (uint8_t)public_half->exponent.len);
        writer_span(&field, public_half->exponent);
        writer_span(&field, public_half->modulus);
    } else {
        writer_span(&field, public_half->point);
    }
    struct key *key = NULL;
    struct problem problem = {0};
    assert_int_equal(key_of_public(kind->algorithm, writer_written(&field), &key, &problem), OK);
    return key;
}

static void signs_and_verifies(const struct hsm *hsm, const struct kind_case *kind,
                               const struct hsm_key *id, const struct hsm_public *public_half)
{
    uint8_t inputs[SIGNINGS][128];
    uint8_t signatures[SIGNINGS][HSM_SIGNATURE_LEN_MAX];
    struct hsm_signing signings[SIGNINGS];
    struct problem problem = {0};
    struct key *key = public_key(kind, public_half);
    for (uint8_t i = 0; i < SIGNINGS; i++) {
        struct span message = span_of(&i, 1);
        signings[i] = (struct hsm_signing){.input = input_of(kind, message, inputs[i]),
                                           .signature = signatures[i]};
    }
    static uint8_t numbers[SIGNINGS];
    for (uint8_t i = 0; i < SIGNINGS; i++) {
        numbers[i] = i;
        if (kind->kind == HSM_ED25519) {
            signings[i].input = span_of(&numbers[i], 1);
        }
    }
    if (hsm->sign(hsm->self, id, signings, SIGNINGS, &problem) != OK) {
        fail_msg("%s: %s", kind->name, problem.sentence);
    }
    for (uint8_t i = 0; i < SIGNINGS; i++) {
        struct span message = span_of(&numbers[i], 1);
        struct span signature = span_of(signatures[i], signings[i].signature_len);
        assert_int_equal(key_verify(key, &message, 1, signature), OK);
        message = SPAN_LITERAL("another");
        assert_int_equal(key_verify(key, &message, 1, signature), MISMATCH);
    }
    key_close(key);
}

static void each_kind_of_key_signs(void **state)
{
    (void)state;
    if (!test_token.is_there) {
        skip();
    }
    struct pkcs11 *pkcs11;
    struct problem problem = {0};
    assert_int_equal(test_token_open("vouch", "pin", &pkcs11, &problem), OK);
    const struct hsm *hsm = pkcs11_hsm(pkcs11);
    for (size_t i = 0; i < LEN(kind_cases); i++) {
        struct hsm_key id = {kind_cases[i].kind, span_of_text(kind_cases[i].name)};
        struct hsm_public made, found;
        struct arena arena;
        arena_open(&arena, 1 << 16);
        assert_int_equal(hsm->find(hsm->self, &id, &arena, &found, &problem), NOT_FOUND);
        bool leaks = kind_cases[i].kind == HSM_ED25519 && __lsan_disable != NULL;
        if (leaks) {
            __lsan_disable();
        }
        assert_int_equal(hsm->generate(hsm->self, &id, RSA_BITS, &arena, &made, &problem), OK);
        assert_int_equal(hsm->generate(hsm->self, &id, RSA_BITS, &arena, &made, &problem), EXISTS);
        assert_int_equal(hsm->find(hsm->self, &id, &arena, &found, &problem), OK);
        signs_and_verifies(hsm, &kind_cases[i], &id, &found);
        if (leaks) {
            __lsan_enable();
        }
        arena_close(&arena);
    }
    pkcs11_close(pkcs11);
}

static void sign_piece(void *user, size_t index)
{
    const struct hsm *hsm = user;
    const struct kind_case *kind = &kind_cases[index % 2];
    struct hsm_key id = {kind->kind, span_of_text(kind->name)};
    struct hsm_public found;
    struct problem problem = {0};
    struct arena arena;
    arena_open(&arena, 1 << 16);
    uint8_t input[128];
    uint8_t signature[HSM_SIGNATURE_LEN_MAX];
    struct span message = SPAN_LITERAL("message");
    struct hsm_signing signing = {.input = input_of(kind, message, input), .signature = signature};
    enum status status = hsm->find(hsm->self, &id, &arena, &found, &problem);
    for (int i = 0; i < SIGNINGS && status == OK; i++) {
        status = hsm->sign(hsm->self, &id, &signing, 1, &problem);
    }
    require(status == OK);
    struct key *key = public_key(kind, &found);
    require(key_verify(key, &message, 1, span_of(signature, signing.signature_len)) == OK);
    key_close(key);
    arena_close(&arena);
}

static void keys_outlive_a_restart_and_serve_threads(void **state)
{
    (void)state;
    if (!test_token.is_there) {
        skip();
    }
    struct pkcs11 *pkcs11;
    struct threads *threads;
    struct problem problem = {0};
    assert_int_equal(test_token_open("vouch", "pin", &pkcs11, &problem), OK);
    struct hsm hsm = *pkcs11_hsm(pkcs11);
    assert_int_equal(threads_open(4, &threads), OK);
    const struct parallel *parallel = threads_parallel(threads);
    parallel->run(parallel->self, sign_piece, &hsm, PIECES);
    threads_close(threads);
    struct hsm_key id = {HSM_P256, SPAN_LITERAL("P-256")};
    assert_int_equal(hsm.remove(hsm.self, &id, &problem), OK);
    assert_int_equal(hsm.remove(hsm.self, &id, &problem), NOT_FOUND);
    struct hsm_signing none = {.input = SPAN_EMPTY};
    assert_int_equal(hsm.sign(hsm.self, &id, &none, 1, &problem), NOT_FOUND);
    pkcs11_close(pkcs11);
}

static void a_wrong_start_says_what_is_wrong(void **state)
{
    (void)state;
    if (!test_token.is_there) {
        skip();
    }
    char uri[300];
    char pinless[300];
    snprintf(pinless, sizeof pinless, "pkcs11:token=vouch?module-path=%s", TOKEN_MODULE);
    snprintf(uri, sizeof uri, "pkcs11:token=vouch?module-path=%s&pin-value=1234", TOKEN_MODULE);
    const struct {
        const char *uri, *token, *pin;
        enum status status;
        const char *word;
    } cases[] = {
        {"nonsense", NULL, NULL, MALFORMED, "pkcs11:"},
        {"pkcs11:token=vouch", NULL, NULL, BAD_ARGUMENT, "module-path"},
        {"pkcs11:token=vouch?module-path=/nowhere.so", NULL, NULL, NOT_FOUND, "/nowhere.so"},
        {uri, NULL, NULL, REFUSED, "pin-source"},
        {pinless, NULL, NULL, BAD_ARGUMENT, "pin-source"},
        {NULL, "other", "pin", NOT_FOUND, "token"},
        {NULL, "vouch", "pin-wrong", CRYPTO_FAILED, "log in"},
        {NULL, "vouch", "pin-open", REFUSED, "0600"},
        {NULL, "vouch", "pin-none", NOT_FOUND, "pin-none"},
    };
    for (size_t i = 0; i < LEN(cases); i++) {
        struct pkcs11 *pkcs11;
        struct problem problem = {0};
        enum status status = cases[i].uri != NULL
                                 ? pkcs11_open(cases[i].uri, &pkcs11, &problem)
                                 : test_token_open(cases[i].token, cases[i].pin, &pkcs11, &problem);
        assert_int_equal(status, cases[i].status);
        assert_null(pkcs11);
        assert_non_null(strstr(problem.sentence, cases[i].word));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_key_signs),
        cmocka_unit_test(keys_outlive_a_restart_and_serve_threads),
        cmocka_unit_test(a_wrong_start_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, test_token_make, test_token_remove);
}
