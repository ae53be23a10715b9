#pragma once
/* What each kind of option accepts; used by config.c alone. */
#include "core/base/config.h"

struct config_value {
    const char *text;
    uint64_t number; /* NUMBER, SECONDS; for BOOL 0 or 1; else 0 */
};

/* Checks `value->text` against the option and fills the number. On a fault `sentence` says what is
 * wrong and what would be right. */
enum status config_value_check(const struct config_option *option, struct config_value *value,
                               char sentence[PROBLEM_SENTENCE_MAX]) MUST_USE;
/* A few words for the reference: "number 1..65535", "yes or no". */
void config_value_describe(const struct config_option *option, struct writer *text);
