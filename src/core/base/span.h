#pragma once
/* A view of bytes that somebody else owns. Never NUL-terminated. */
#include "core/base/base.h"

struct span {
    const uint8_t *bytes; /* may be NULL when len is 0 */
    size_t len;
};

#define SPAN_EMPTY ((struct span){NULL, 0})
/* The octets of a string literal, without its NUL. */
#define SPAN_LITERAL(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

struct span span_of(const void *bytes, size_t len);
struct span span_of_text(const char *text); /* up to the NUL */
bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b); /* ASCII letters only */
/* Like memcmp, then the shorter first: the order of RFC 4034 §6.3. */
int span_compare(struct span a, struct span b);
/* The part from `at` of `len` octets; both must lie inside. */
struct span span_part(struct span whole, size_t at, size_t len);
