#pragma once
/* A header field as nghttp2 wants it, for both halves of HTTP/2; the texts outlive the call it is
 * handed to. */
#include <nghttp2/nghttp2.h>
#include <string.h>

/* nghttp2 takes octets that it does not write as writable. */
static inline nghttp2_nv field_of(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}
