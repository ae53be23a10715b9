/* Places and sentences for people. */
#include "core/base/problem.h"

#include <stdarg.h>
#include <stdio.h>

enum status problem_set(struct problem *problem, enum status status, const char *format, ...)
{
    require(status != OK);
    if (problem != NULL) {
        problem->status = status;
        va_list args;
        va_start(args, format);
        vsnprintf(problem->sentence, sizeof problem->sentence, format, args);
        va_end(args);
    }
    return status;
}

void problem_place(struct problem *problem, const char *place, uint32_t line, uint32_t column)
{
    if (problem == NULL) {
        return;
    }
    snprintf(problem->place, sizeof problem->place, "%s", place);
    problem->line = line;
    problem->column = column;
}

const char *problem_print(const struct problem *problem, char *text, size_t text_size)
{
    if (problem->line != 0 && problem->column != 0) {
        snprintf(text, text_size, "%s:%u:%u: %s", problem->place, problem->line, problem->column,
                 problem->sentence);
    } else if (problem->line != 0) {
        snprintf(text, text_size, "%s:%u: %s", problem->place, problem->line, problem->sentence);
    } else if (problem->place[0] != '\0') {
        snprintf(text, text_size, "%s: %s", problem->place, problem->sentence);
    } else {
        snprintf(text, text_size, "%s", problem->sentence);
    }
    return text;
}
