/* Any octets as a form and as a cookie field; what was read is inside what was given. */
#include "core/proto/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct form form;
    arena_open(&arena, 1 << 20);
    if (html_read_form(span_of(data, size), &arena, &form) == OK) {
        size_t len = 0;
        for (size_t i = 0; i < form.count; i++) {
            len += form.fields[i].name.len + form.fields[i].value.len;
        }
        require(len <= size);
    }
    struct span cookie = html_cookie(span_of(data, size), "vouch");
    require(cookie.len <= size);
    arena_close(&arena);
    return 0;
}
