/* What a browser sends and what it must be sent: escaping, form encoding, cookies. */
#include "core/proto/html.h"

#include <string.h>

void html_write_escaped(struct writer *page, struct span text)
{
    static const char *const escapes[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;",
    };
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (escapes[octet] != NULL) {
            writer_text(page, escapes[octet]);
        } else if ((octet < 0x20 && octet != '\t' && octet != '\n') || octet == 0x7f) {
            writer_text(page, "&#xfffd;");
        } else {
            writer_u8(page, octet);
        }
    }
}

void html_fill(struct writer *page, const char *template_text, const char *const *values,
               size_t count)
{
    size_t used = 0;
    const char *at = template_text;
    for (const char *hole; (hole = strstr(at, "{}")) != NULL; at = hole + 2) {
        require(used < count);
        writer_span(page, span_of(at, (size_t)(hole - at)));
        html_write_escaped(page, span_of_text(values[used++]));
    }
    require(used == count);
    writer_text(page, at);
}

static int hex_value(uint8_t octet)
{
    if (octet >= '0' && octet <= '9') {
        return octet - '0';
    }
    octet |= 0x20;
    return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

static enum status part_decode(struct span text, struct arena *arena, struct span *decoded)
{
    uint8_t *octets = arena_take(arena, text.len);
    if (octets == NULL) {
        return NO_MEMORY;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (octet == '+') {
            octet = ' ';
        } else if (octet == '%') {
            int high = text.len - i > 2 ? hex_value(text.bytes[i + 1]) : -1;
            int low = text.len - i > 2 ? hex_value(text.bytes[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return MALFORMED;
            }
            octet = (uint8_t)(high * 16 + low);
            i += 2;
        }
        octets[len++] = octet;
    }
    *decoded = span_of(octets, len);
    return OK;
}

/* The offset of `octet` in `text`, or its length. */
static size_t octet_find(struct span text, uint8_t octet)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.bytes, octet, text.len);
    return found == NULL ? text.len : (size_t)(found - text.bytes);
}

static enum status field_read(struct span pair, struct arena *arena, struct form_field *field)
{
    size_t equals = octet_find(pair, '=');
    enum status status = part_decode(span_part(pair, 0, equals), arena, &field->name);
    if (status == OK && equals < pair.len) {
        status =
            part_decode(span_part(pair, equals + 1, pair.len - equals - 1), arena, &field->value);
    }
    return status;
}

enum status html_read_form(struct span text, struct arena *arena, struct form *form)
{
    form->count = 0;
    if (text.len > FORM_LEN_MAX) {
        return TOO_LONG;
    }
    while (text.len > 0) {
        size_t end = octet_find(text, '&');
        if (end > 0) {
            if (form->count == FORM_FIELDS_MAX) {
                return LIMIT_REACHED;
            }
            form->fields[form->count] = (struct form_field){SPAN_EMPTY, SPAN_EMPTY};
            enum status status =
                field_read(span_part(text, 0, end), arena, &form->fields[form->count]);
            if (status != OK) {
                return status;
            }
            form->count++;
        }
        size_t next = end < text.len ? end + 1 : end;
        text = span_part(text, next, text.len - next);
    }
    return OK;
}

struct span html_form_value(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (span_equal(form->fields[i].name, span_of_text(name))) {
            return form->fields[i].value;
        }
    }
    return SPAN_EMPTY;
}

struct span html_cookie(struct span field, const char *name)
{
    struct span wanted = span_of_text(name);
    while (field.len > 0) {
        size_t end = octet_find(field, ';');
        struct span pair = span_part(field, 0, end);
        while (pair.len > 0 && pair.bytes[0] == ' ') {
            pair = span_part(pair, 1, pair.len - 1);
        }
        size_t equals = octet_find(pair, '=');
        if (equals < pair.len && span_equal(span_part(pair, 0, equals), wanted)) {
            return span_part(pair, equals + 1, pair.len - equals - 1);
        }
        size_t next = end < field.len ? end + 1 : end;
        field = span_part(field, next, field.len - next);
    }
    return SPAN_EMPTY;
}
