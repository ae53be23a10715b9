/* Hints for mistyped words. */
#include "core/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void nearest_finds_what_was_meant(void **state)
{
    (void)state;
    static const char *const WORDS[] = {"serve",   "sign",     "verify",
                                        "resolve", "registry", "registrar"};
    static const struct {
        const char *typed;
        const char *meant;
        const char *reason;
    } ROWS[] = {
        {"srve", "serve", "a letter is missing"},
        {"sevre", "serve", "two letters are swapped"},
        {"signn", "sign", "a letter too many"},
        {"VERIFY", "verify", "case does not count"},
        {"registrer", "registrar", "a wrong letter"},
        {"resolver", "resolve", "a longer form of the word"},
        {"xyzzy", NULL, "nothing is near"},
        {"", NULL, "nothing was typed"},
        {"a", NULL, "one letter says nothing"},
        {"serveserveserveserveserveserveserveserveserve", NULL, "longer than any word"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        const char *got = nearest_word(span_of_text(ROWS[i].typed), WORDS, LEN(WORDS));
        if (ROWS[i].meant == NULL ? got != NULL : got == NULL || strcmp(got, ROWS[i].meant) != 0) {
            fail_msg("%s: %s gave %s", ROWS[i].reason, ROWS[i].typed, got == NULL ? "none" : got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_finds_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
