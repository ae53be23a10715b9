/* Keys that live in a token sign what DNSSEC verifies, come back by the few lines of a file that
 * hold no secret, and are refused with a reason when file and token do not fit. */
#include "core/keys/hsm_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "world/real/test_token.h"

enum { MESSAGES = 100, FILE_LEN_MAX = 1024 };

static const uint8_t algorithms[] = {ALGORITHM_RSASHA256, ALGORITHM_RSASHA512,
                                     ALGORITHM_ECDSAP256SHA256, ALGORITHM_ECDSAP384SHA384,
                                     ALGORITHM_ED25519};

static struct pkcs11 *open_token(void)
{
    struct pkcs11 *pkcs11 = NULL;
    struct problem problem = {0};
    if (!test_token.is_there) {
        skip();
    }
    assert_int_equal(test_token_open("vouch", "pin", &pkcs11, &problem), OK);
    return pkcs11;
}

/* More messages than go to the token at once, each checked by the public half alone. */
static void signs(struct key *key)
{
    static uint8_t signatures[MESSAGES][KEY_SIGNATURE_LEN_MAX];
    static uint8_t messages[MESSAGES][2];
    struct key_signing signings[MESSAGES];
    struct problem problem = {0};
    struct key *checker = NULL;
    for (size_t i = 0; i < MESSAGES; i++) {
        messages[i][0] = (uint8_t)i;
        signings[i] = (struct key_signing){span_of(messages[i], 2), signatures[i]};
    }
    assert_int_equal(key_sign_batch(key, signings, MESSAGES), OK);
    assert_int_equal(key_of_public(key_algorithm(key), key_public(key), &checker, &problem), OK);
    for (size_t i = 0; i < MESSAGES; i++) {
        struct span signature = span_of(signatures[i], key_signature_len(key));
        assert_int_equal(key_verify(checker, &signings[i].message, 1, signature), OK);
    }
    key_close(checker);
}

static void pairs_are_made_written_and_found_again(void **state)
{
    (void)state;
    struct pkcs11 *pkcs11 = open_token();
    const struct hsm *hsm = pkcs11_hsm(pkcs11);
    for (size_t i = 0; i < LEN(algorithms); i++) {
        struct hsm_pair made, found;
        struct key *key = NULL, *again = NULL;
        struct problem problem = {0};
        uint8_t bytes[FILE_LEN_MAX];
        struct writer file = writer_over(bytes, sizeof bytes);
        bool leaks = algorithms[i] == ALGORITHM_ED25519 && __lsan_disable != NULL;
        if (leaks) {
            __lsan_disable();
        }
        uint16_t bits = algorithm_find(algorithms[i])->bits_default;
        struct span id = span_of(&algorithms[i], 1);
        assert_int_equal(hsm_pair_generate(&made, hsm, algorithms[i], bits, id, &key, &problem),
                         OK);
        assert_true(key_can_sign(key));
        signs(key);
        hsm_pair_write(&made, algorithms[i], &file);
        assert_int_equal(file.status, OK);
        assert_true(hsm_pair_is(writer_written(&file)));
        assert_int_equal(hsm_pair_read(&found, hsm, writer_written(&file), &again, &problem), OK);
        assert_int_equal(key_algorithm(again), algorithms[i]);
        assert_true(span_equal(key_public(key), key_public(again)));
        signs(again);
        if (leaks) {
            __lsan_enable();
        }
        struct writer secret = writer_over(bytes, sizeof bytes);
        assert_int_not_equal(key_write_private(key, &secret), OK); /* it never comes out */
        key_close(key);
        key_close(again);
        assert_int_equal(hsm_pair_destroy(&found, &problem), OK);
        assert_int_equal(hsm_pair_read(&found, hsm, writer_written(&file), &again, &problem),
                         NOT_FOUND);
    }
    pkcs11_close(pkcs11);
}

static const char *file_of(const char *algorithm, const char *uri, char text[FILE_LEN_MAX])
{
    uint8_t label[FILE_LEN_MAX];
    struct writer base64 = writer_over(label, sizeof label - 1);
    text_write_base64(&base64, span_of_text(uri));
    label[base64.len] = '\0';
    snprintf(text, FILE_LEN_MAX,
             "Private-key-format: v1.3\r\nAlgorithm: %s\r\n"
             "Engine: cGtjczExAA==\r\nLabel: %.600s\r\n",
             algorithm, (const char *)label);
    return text;
}

static void broken_files_get_a_sentence(void **state)
{
    (void)state;
    struct pkcs11 *pkcs11 = open_token();
    static const struct {
        const char *why, *algorithm, *uri;
        enum status status;
    } cases[] = {
        {"not in the token", "13 (X)", "pkcs11:id=%00%01", NOT_FOUND},
        {"the id behind another attribute", "13", "pkcs11:token=a;id=abc;type=private", NOT_FOUND},
        {"no id", "13", "pkcs11:object=key", MALFORMED},
        {"an empty id", "13", "pkcs11:id=", MALFORMED},
        {"half an escape", "13", "pkcs11:id=%4", MALFORMED},
        {"no escape at all", "13", "pkcs11:id=%xy", MALFORMED},
        {"an id inside another word", "13", "pkcs11:uid=abc", MALFORMED},
        {"an algorithm of no module", "5", "pkcs11:id=abc", UNSUPPORTED},
        {"no number", "RSA", "pkcs11:id=abc", MALFORMED},
        {"an id that is too long", "13",
         "pkcs11:id=0123456789012345678901234567890123456789012345678901234567890123456789",
         MALFORMED},
    };
    for (size_t i = 0; i < LEN(cases); i++) {
        char text[FILE_LEN_MAX];
        struct hsm_pair pair;
        struct key *key = NULL;
        struct problem problem = {0};
        struct span file = span_of_text(file_of(cases[i].algorithm, cases[i].uri, text));
        enum status status = hsm_pair_read(&pair, pkcs11_hsm(pkcs11), file, &key, &problem);
        if (status != cases[i].status || problem.sentence[0] == '\0') {
            fail_msg("%s: %s (%s)", cases[i].why, status_text(status), problem.sentence);
        }
        assert_int_equal(hsm_pair_read(&pair, NULL, file, &key, &problem), UNSUPPORTED);
    }
    assert_false(hsm_pair_is(SPAN_LITERAL("Private-key-format: v1.3\nPrivateKey: Label\n")));
    pkcs11_close(pkcs11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_made_written_and_found_again),
        cmocka_unit_test(broken_files_get_a_sentence),
    };
    return cmocka_run_group_tests(tests, test_token_make, test_token_remove);
}
