/* A control socket's answer, for a person or as JSON: what was refused is no output for people. */
#include "command/control_show.h"

#include "command/command.h"
#include "core/base/arena.h"
#include "core/base/text.h"
#include "world/real/world.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_LEN_MAX = 64 << 20, NUMBER_DIGITS_MAX = 15 /* exact wherever JSON is read */ };

static json_t *value_make(struct span value)
{
    uint64_t number;
    bool is_number = value.len > 0 && value.len <= NUMBER_DIGITS_MAX &&
                     (value.len == 1 || value.bytes[0] != '0') &&
                     text_read_u64(value, INT64_MAX, &number) == OK;
    return is_number ? json_integer((json_int_t)number)
                     : json_stringn((const char *)value.bytes, value.len);
}

/* The object that a line belongs to: the last one, or the first of a block. */
static json_t *object_at(json_t *objects, bool *is_new)
{
    if (*is_new || json_array_size(objects) == 0) {
        json_array_append_new(objects, json_object());
        *is_new = false;
    }
    return json_array_get(objects, json_array_size(objects) - 1);
}

static void read_lines(struct span text, json_t *objects, json_t *lines)
{
    bool is_new = false;
    for (size_t from = 0; from < text.len;) {
        const uint8_t *end = memchr(text.bytes + from, '\n', text.len - from);
        size_t len = end == NULL ? text.len - from : (size_t)(end - text.bytes) - from;
        struct span line = span_part(text, from, len);
        from += len + 1;
        const uint8_t *colon = line.len == 0 ? NULL : memmem(line.bytes, line.len, ": ", 2);
        if (colon != NULL) {
            size_t key_len = (size_t)(colon - line.bytes);
            struct span value = span_part(line, key_len + 2, line.len - key_len - 2);
            json_object_setn_new(object_at(objects, &is_new), (const char *)line.bytes, key_len,
                                 value_make(value));
        } else if (line.len > 0) {
            json_array_append_new(lines, json_stringn((const char *)line.bytes, line.len));
        }
        is_new = is_new || line.len == 0;
    }
}

static int print_json(struct span text, bool is_done, enum control_form form)
{
    json_t *objects = json_array();
    json_t *lines = json_array();
    read_lines(text, objects, lines);
    json_t *whole = json_pack("{s:b, s:O, s:O}", "done", is_done, "answer", objects, "text", lines);
    json_t *none = json_object();
    const json_t *shown = whole;
    if (form == CONTROL_AS_OBJECT) {
        shown = json_array_size(objects) > 0 ? json_array_get(objects, 0) : none;
    }
    int failed = json_dumpf(shown, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(none);
    json_decref(whole);
    json_decref(objects);
    json_decref(lines);
    puts("");
    return failed == 0 ? EXIT_DONE : EXIT_FAILED;
}

int control_show(const char *command, const char *socket_path, const char *line,
                 enum control_form form)
{
    struct arena arena;
    struct problem problem = {0};
    struct span text = SPAN_EMPTY;
    arena_open(&arena, ANSWER_LEN_MAX);
    enum status status = control_ask(socket_path, line, &arena, &text, &problem);
    int code = status == OK ? EXIT_DONE : EXIT_FAILED;
    if (status == REFUSED && text.len > 0 && form == CONTROL_AS_JSON) {
        (void)print_json(text, false, form);
    } else if (status == REFUSED && text.len > 0) {
        fprintf(stderr, "vouch %s: %.*s", command, (int)text.len, (const char *)text.bytes);
    } else if (status != OK) {
        code = command_failed(command, &problem);
    } else if (form != CONTROL_AS_TEXT) {
        code = print_json(text, true, form);
    } else {
        fwrite(text.bytes, 1, text.len, stdout);
    }
    arena_close(&arena);
    return code;
}
