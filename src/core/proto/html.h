#pragma once
/* HTML as text: a template with `{}` for each value, every value escaped. Markup comes only from
 * templates that stand in the program; nothing from outside reaches a page any other way. */
#include "core/base/arena.h"
#include "core/base/writer.h"

/* For element content and quoted attribute values. Control characters but tab and newline become
 * U+FFFD. */
void html_write_escaped(struct writer *page, struct span text);
/* Writes the template with its `{}` replaced in order; the counts must agree. */
void html_fill(struct writer *page, const char *template_text, const char *const *values,
               size_t count);
/* html_fill with the count taken from the arguments, each a NUL-terminated text. */
#define HTML_FILL(page, template_text, ...)                                                        \
    html_fill((page), (template_text), (const char *const[]){__VA_ARGS__},                         \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

enum { FORM_LEN_MAX = 64 * 1024, FORM_FIELDS_MAX = 64 };

struct form_field {
    struct span name, value; /* decoded */
};
struct form {
    struct form_field fields[FORM_FIELDS_MAX];
    size_t count;
};
/* application/x-www-form-urlencoded, as a body or a query; the decoded octets land in `arena`.
 * MALFORMED (a broken escape), TOO_LONG, LIMIT_REACHED (fields). */
enum status html_read_form(struct span text, struct arena *arena, struct form *form) MUST_USE;
/* The first field of that name; empty when there is none. */
struct span html_form_value(const struct form *form, const char *name);
/* The value of a cookie in a Cookie field's value (RFC 6265 §5.4); empty when there is none. */
struct span html_cookie(struct span field, const char *name);
