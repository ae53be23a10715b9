#pragma once
/* What every file knows: sizes, the mark for results that must be read, and the assertion that
 * stays on. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* States what the programmer promised; never what the input said. Stays on in production. */
#define require(fact) ((fact) ? (void)0 : require_failed(#fact, __FILE__, __LINE__))

_Noreturn void require_failed(const char *fact, const char *file, int line);
