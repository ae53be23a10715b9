#pragma once
/* What a person must know to mend something: where it is, and one sentence. Filled once, at the
 * place that knows. */
#include "core/base/status.h"

enum { PROBLEM_SENTENCE_MAX = 400, PROBLEM_PLACE_MAX = 200 };

struct problem {
    enum status status;            /* OK while nothing is wrong */
    char place[PROBLEM_PLACE_MAX]; /* file name, option, zone; empty when there is none */
    uint32_t line;                 /* from 1; 0 when there is none */
    uint32_t column;               /* from 1, in octets; 0 when there is none */
    char sentence[PROBLEM_SENTENCE_MAX];
};

/* Fills the sentence and the status, keeps the place; returns `status`, so that a caller can
 * `return problem_set(...)`. `problem` may be NULL: then only the status is returned. */
enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);
void problem_place(struct problem *problem, const char *place, uint32_t line, uint32_t column);
/* "PLACE:LINE:COLUMN: SENTENCE" with what there is of it; returns `text`. */
const char *problem_print(const struct problem *problem, char *text, size_t text_size);
