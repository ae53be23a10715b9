/* The lines of master files that are no records: $ORIGIN and $INCLUDE (RFC 1035 §5.1), $TTL (RFC
 * 2308 §4), and BIND's $GENERATE. */
#include "core/zone/zonefile_read.h"

#include "core/base/text.h"

#include <string.h>

static bool has_count(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                      size_t min, size_t max, const char *form)
{
    if (entry->count >= min && entry->count <= max) {
        return true;
    }
    size_t at = entry->count < min ? 0 : max;
    zonefile_expected(reading, &entry->tokens[at], form);
    return false;
}

static bool read_name(struct zonefile_reading *reading, const struct rdata_token *token,
                      struct name_buffer *buffer, struct name *name)
{
    struct problem *problem = zonefile_place(reading, token->line, token->column);
    if (name_parse(token->text, &zonefile_top(reading)->origin, buffer, name, problem) == OK) {
        return true;
    }
    zonefile_tell(reading, problem);
    return false;
}

static void set_origin(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    struct zonefile_frame *frame = zonefile_top(reading);
    struct name_buffer buffer;
    struct name origin;
    if (has_count(reading, entry, 2, 2, "$ORIGIN and a domain name") &&
        read_name(reading, &entry->tokens[1], &buffer, &origin)) {
        name_copy_to(origin, &frame->origin_octets, &frame->origin);
        frame->owner_text = SPAN_EMPTY; /* the same text is another name from here on */
    }
}

static void set_ttl(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    uint32_t ttl_s;
    if (!has_count(reading, entry, 2, 2, "$TTL and a TTL")) {
        return;
    }
    if (text_read_ttl(entry->tokens[1].text, &ttl_s) != OK) {
        zonefile_expected(reading, &entry->tokens[1], "a TTL from 0 to 2147483647 seconds");
        return;
    }
    reading->has_ttl_default = true;
    reading->ttl_default_s = ttl_s;
}

static void refuse_include(struct zonefile_reading *reading, const struct rdata_token *file,
                           enum status status, const char *why)
{
    struct problem *problem = zonefile_place(reading, file->line, file->column);
    (void)problem_set(problem, status, "cannot include %.*s: %s",
                      (int)(file->text.len < 150 ? file->text.len : 150),
                      (const char *)file->text.bytes, why);
    zonefile_tell(reading, problem);
}

/* The new frame starts with the owner of the including file, which has its own back afterwards. */
static void push_frame(struct zonefile_reading *reading, const struct rdata_token *file,
                       struct name origin, struct span text)
{
    struct zonefile_frame *before = zonefile_top(reading);
    struct zonefile_frame *frame = &reading->frames[reading->depth++];
    zonefile_lexer_open(&frame->lexer, text, before->lexer.scan);
    name_copy_to(origin, &frame->origin_octets, &frame->origin);
    frame->has_owner = before->has_owner;
    frame->owner_text = SPAN_EMPTY;
    if (before->has_owner) {
        name_copy_to(before->owner, &frame->owner_octets, &frame->owner);
        frame->is_owner_inside = before->is_owner_inside;
    }
    memcpy(frame->file, file->text.bytes, file->text.len);
    frame->file[file->text.len] = '\0';
    zonefile_tell_file(reading);
}

static void include(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    const struct rdata_token *file = &entry->tokens[1];
    struct name origin = zonefile_top(reading)->origin;
    struct name_buffer buffer;
    char path[ZONEFILE_FILE_NAME_MAX] = {0};
    struct span text;
    if (!has_count(reading, entry, 2, 3, "$INCLUDE, a file and at most an origin") ||
        (entry->count == 3 && !read_name(reading, &entry->tokens[2], &buffer, &origin))) {
        return;
    }
    if (reading->is_ahead) {
        reading->needs_order = true; /* files are opened in order */
    } else if (reading->source->open_include == NULL) {
        refuse_include(reading, file, REFUSED, "files may not include others here");
    } else if (reading->depth == LEN(reading->frames)) {
        refuse_include(reading, file, LIMIT_REACHED, "files include each other too deeply");
    } else if (reading->include_count == ZONEFILE_INCLUDES_MAX) {
        refuse_include(reading, file, LIMIT_REACHED, "too many files are included");
    } else if (file->text.len == 0 || file->text.len >= sizeof path ||
               memchr(file->text.bytes, 0, file->text.len) != NULL) {
        refuse_include(reading, file, MALFORMED, "this is no file name");
    } else {
        memcpy(path, file->text.bytes, file->text.len);
        reading->include_count++;
        enum status status =
            reading->source->open_include(reading->source->include_user, path, &text);
        if (status != OK) {
            refuse_include(reading, file, status, status_text(status));
            return;
        }
        push_frame(reading, file, origin, text);
    }
}

static const struct {
    const char *word;
    void (*read)(struct zonefile_reading *reading, const struct zonefile_entry *entry);
} DIRECTIVES[] = {
    {"$ORIGIN", set_origin},
    {"$TTL", set_ttl},
    {"$INCLUDE", include},
    {"$GENERATE", zonefile_generate},
};

void zonefile_read_directive(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    for (size_t i = 0; i < LEN(DIRECTIVES); i++) {
        if (span_equal_nocase(entry->tokens[0].text, span_of_text(DIRECTIVES[i].word))) {
            DIRECTIVES[i].read(reading, entry);
            return;
        }
    }
    zonefile_expected(reading, &entry->tokens[0], "$ORIGIN, $TTL, $INCLUDE or $GENERATE");
}
