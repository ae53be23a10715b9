/* Views of bytes: making, comparing and cutting them. */
#include "core/base/span.h"

#include <string.h>

struct span span_of(const void *bytes, size_t len)
{
    require(bytes != NULL || len == 0);
    return (struct span){bytes, len};
}

struct span span_of_text(const char *text)
{
    return (struct span){(const uint8_t *)text, strlen(text)};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.bytes[i]) != lower(b.bytes[i])) {
            return false;
        }
    }
    return true;
}

int span_compare(struct span a, struct span b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.bytes, b.bytes, shared);
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

struct span span_part(struct span whole, size_t at, size_t len)
{
    require(at <= whole.len && len <= whole.len - at);
    return (struct span){whole.bytes == NULL ? NULL : whole.bytes + at, len};
}
