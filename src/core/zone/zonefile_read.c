/* Master files (RFC 1035 §5): entries become records; what owner, TTL and class a record has when
 * it does not say. */
#include "core/zone/zonefile_read.h"

#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_MAX = 60 };

struct zonefile_frame *zonefile_top(struct zonefile_reading *reading)
{
    return &reading->frames[reading->depth - 1];
}

struct problem *zonefile_place(struct zonefile_reading *reading, uint32_t line, uint32_t column)
{
    reading->problem.status = OK;
    reading->problem.line = line;
    reading->problem.column = column;
    return &reading->problem;
}

void zonefile_tell(struct zonefile_reading *reading, struct problem *problem)
{
    problem_place(problem, zonefile_top(reading)->file, problem->line, problem->column);
    reading->finding_count++;
    if (reading->sink->problem != NULL && reading->finding_count <= ZONEFILE_FINDINGS_MAX) {
        reading->sink->problem(reading->sink->user, problem);
    }
}

void zonefile_expected(struct zonefile_reading *reading, const struct rdata_token *token,
                       const char *expected)
{
    char found[FOUND_MAX];
    size_t len = 0;
    for (size_t i = 0; i < token->text.len && len < sizeof found - 1; i++) {
        uint8_t octet = token->text.bytes[i];
        found[len++] = octet >= 0x20 && octet < 0x7f ? (char)octet : '?';
    }
    found[len] = '\0';
    struct problem *problem = zonefile_place(reading, token->line, token->column);
    (void)problem_set(problem, MALFORMED, "expected %s, found \"%s\"", expected, found);
    zonefile_tell(reading, problem);
}

/* What stands between the owner and the type. */
struct record_head {
    size_t at; /* the next token */
    uint16_t type;
    uint16_t class_;
    uint32_t ttl_s;
    bool has_class, has_ttl;
};

static void tell_missing(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                         const char *expected)
{
    const struct rdata_token *last = &entry->tokens[entry->count - 1];
    struct problem *problem =
        zonefile_place(reading, last->line, last->column + (uint32_t)last->text.len);
    (void)problem_set(problem, MALFORMED, "expected %s, found the end of the record", expected);
    zonefile_tell(reading, problem);
}

static bool read_owner(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    struct zonefile_frame *frame = zonefile_top(reading);
    const struct rdata_token *token = &entry->tokens[0];
    if (entry->has_blank_owner) {
        if (reading->is_owner_guessed) {
            reading->needs_order = true;
            return false;
        }
        if (!frame->has_owner) {
            zonefile_expected(reading, token, "an owner name, as there is no record before");
        }
        return frame->has_owner;
    }
    if (frame->owner_text.len != 0 && span_equal(token->text, frame->owner_text)) {
        return true;
    }
    struct problem *problem = zonefile_place(reading, token->line, token->column);
    reading->is_owner_guessed = false;
    frame->has_owner =
        name_parse(token->text, &frame->origin, &frame->owner_octets, &frame->owner, problem) == OK;
    frame->owner_text = frame->has_owner ? token->text : SPAN_EMPTY;
    frame->is_owner_inside =
        frame->has_owner &&
        (reading->apex == NULL || name_is_at_or_below(frame->owner, *reading->apex));
    if (!frame->has_owner) {
        zonefile_tell(reading, problem);
    }
    return frame->has_owner;
}

/* TTL and class in either order, then the type. */
static bool read_head(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                      struct record_head *head)
{
    for (; head->at < entry->count; head->at++) {
        const struct rdata_token *token = &entry->tokens[head->at];
        struct span text = token->text;
        bool is_number = text.len != 0 && text.bytes[0] >= '0' && text.bytes[0] <= '9';
        bool is_in = text.len == 2 && text.bytes[0] == 'I' && text.bytes[1] == 'N';
        if (is_number && !head->has_ttl) {
            if (text_read_ttl(text, &head->ttl_s) != OK) {
                zonefile_expected(reading, token, "a TTL from 0 to 2147483647 seconds");
                return false;
            }
            head->has_ttl = true;
        } else if (is_in && !token->is_quoted && !head->has_class) { /* no type is called so */
            head->class_ = CLASS_IN;
            head->has_class = true;
        } else if (!token->is_quoted && type_parse(text, &head->type) == OK) {
            if (type_is_meta(head->type)) {
                zonefile_expected(reading, token, "a type that zones may hold");
                return false;
            }
            head->at++;
            return true;
        } else if (!head->has_class && class_parse(text, &head->class_) == OK) {
            head->has_class = true;
        } else {
            zonefile_expected(reading, token, "a TTL, a class or an RR type");
            return false;
        }
    }
    tell_missing(reading, entry, "an RR type");
    return false;
}

static bool settle_ttl(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                       struct record_head *head)
{
    if (head->has_ttl) {
        reading->has_ttl_last = true;
        reading->ttl_last_s = head->ttl_s;
        return true;
    }
    if (!reading->has_ttl_default && !reading->has_ttl_last && reading->is_ahead) {
        reading->needs_order = true;
        return false;
    }
    if (!reading->has_ttl_default && !reading->has_ttl_last) {
        zonefile_expected(reading, &entry->tokens[head->at - 1],
                          "a TTL before the type, as there is neither $TTL nor a record with one");
        return false;
    }
    head->ttl_s = reading->has_ttl_default ? reading->ttl_default_s : reading->ttl_last_s;
    return true;
}

/* What a zone adds to the rules. */
static bool is_of_zone(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                       const struct record_head *head)
{
    struct name owner = zonefile_top(reading)->owner;
    if (reading->apex == NULL) {
        return true;
    }
    if (head->class_ != CLASS_IN) {
        zonefile_expected(reading, &entry->tokens[head->at - 1], "a record of class IN");
        return false;
    }
    if (!zonefile_top(reading)->is_owner_inside) {
        char printed[NAME_TEXT_MAX], apex[NAME_TEXT_MAX];
        struct problem *problem =
            zonefile_place(reading, entry->tokens[0].line, entry->tokens[0].column);
        (void)problem_set(problem, MALFORMED, "%.150s is outside of the zone %.150s",
                          name_print(owner, printed), name_print(*reading->apex, apex));
        zonefile_tell(reading, problem);
        return false;
    }
    return true;
}

static void hand_over(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                      const struct record_head *head, struct span rdata)
{
    struct rrset record = {
        .owner = zonefile_top(reading)->owner,
        .type = head->type,
        .covers = head->type == TYPE_RRSIG ? (uint16_t)(rdata.bytes[2] << 8 | rdata.bytes[3]) : 0,
        .class_ = head->class_,
        .count = 1,
        .ttl_s = head->ttl_s,
        .rdata_len = (uint32_t)rdata.len,
        .rdata = rdata.bytes,
    };
    reading->stop = reading->sink->record(reading->sink->user, &record, entry->tokens[0].line);
}

void zonefile_read_record(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    struct record_head head = {.at = entry->has_blank_owner ? 0 : 1, .class_ = reading->class_};
    if (!read_owner(reading, entry) || !read_head(reading, entry, &head) ||
        !settle_ttl(reading, entry, &head)) {
        return;
    }
    reading->class_ = head.class_;
    struct writer rdata = writer_over(reading->rdata, sizeof reading->rdata);
    size_t len_at = writer_reserve(&rdata, 2);
    const struct rdata_token *type_token = &entry->tokens[head.at - 1];
    struct problem *problem = zonefile_place(reading, type_token->line,
                                             type_token->column + (uint32_t)type_token->text.len);
    enum status status = rdata_parse(head.type, entry->tokens + head.at, entry->count - head.at,
                                     &zonefile_top(reading)->origin, &rdata, problem);
    if (status != OK) {
        zonefile_tell(reading, problem);
    } else if (is_of_zone(reading, entry, &head)) {
        writer_patch_u16(&rdata, len_at, (uint16_t)(rdata.len - 2));
        hand_over(reading, entry, &head, writer_written(&rdata));
    }
}

static void read_entry(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    const struct rdata_token *first = &entry->tokens[0];
    if (!entry->has_blank_owner && !first->is_quoted && first->text.bytes[0] == '$') {
        zonefile_read_directive(reading, entry);
    } else {
        zonefile_read_record(reading, entry);
    }
}

void zonefile_tell_file(struct zonefile_reading *reading)
{
    if (reading->sink->file != NULL) {
        reading->sink->file(reading->sink->user, zonefile_top(reading)->file);
    }
}

static void leave_file(struct zonefile_reading *reading)
{
    if (reading->depth > 1) {
        reading->depth--;
        zonefile_tell_file(reading);
    }
}

/* Tells that what was read is not looked at again but by reading it anew. */
static void pass(struct zonefile_reading *reading)
{
    struct zonefile_frame *frame = &reading->frames[0];
    frame->owner_text = SPAN_EMPTY;
    if (reading->source->passed != NULL) {
        reading->source->passed(reading->source->passed_user, reading->passed_at, frame->lexer.at);
    }
    reading->passed_at = frame->lexer.at;
}

void zonefile_reading_run(struct zonefile_reading *reading, size_t to)
{
    const struct zonefile_lexer *outer = &reading->frames[0].lexer;
    while (reading->stop == OK && !reading->needs_order && (reading->depth > 1 || outer->at < to)) {
        struct zonefile_entry entry = {reading->tokens, LEN(reading->tokens), 0, false};
        struct problem *problem = zonefile_place(reading, 0, 0);
        if (!zonefile_lexer_next(&zonefile_top(reading)->lexer, &entry, problem)) {
            leave_file(reading);
        } else if (problem->status != OK) {
            zonefile_tell(reading, problem);
        } else {
            read_entry(reading, &entry);
        }
        if (outer->at - reading->passed_at >= ZONEFILE_PASSED_EVERY) {
            pass(reading);
        }
    }
    pass(reading);
}

void zonefile_state_begin(const struct zonefile_source *source, struct zonefile_state *state)
{
    *state = (struct zonefile_state){.line = 1,
                                     .class_ = CLASS_IN,
                                     .has_ttl_default = source->ttl_default_s != 0,
                                     .ttl_default_s = source->ttl_default_s};
    name_copy_to(source->origin, &state->origin_octets, &state->origin);
}

void zonefile_state_copy(const struct zonefile_state *from, struct zonefile_state *to)
{
    *to = *from;
    name_copy_to(from->origin, &to->origin_octets, &to->origin);
    if (from->has_owner) {
        name_copy_to(from->owner, &to->owner_octets, &to->owner);
    }
}

/* Not all files of Windows editors can be read: some begin with a mark of their encoding. */
static void skip_order_mark(struct zonefile_reading *reading)
{
    static const uint8_t MARK[] = {0xef, 0xbb, 0xbf};
    struct zonefile_lexer *lexer = &zonefile_top(reading)->lexer;
    if (lexer->at == 0 && lexer->text.len >= sizeof MARK &&
        memcmp(lexer->text.bytes, MARK, sizeof MARK) == 0) {
        struct problem *problem = zonefile_place(reading, 1, 1);
        (void)problem_set(problem, MALFORMED,
                          "expected a record or a directive, found a byte order mark (U+FEFF): "
                          "save the file as UTF-8 without it");
        zonefile_tell(reading, problem);
        lexer->at = sizeof MARK;
    }
}

void zonefile_reading_begin(struct zonefile_reading *reading, const struct zonefile_source *source,
                            const struct zonefile_sink *sink, const struct name *apex,
                            const struct zonefile_state *state)
{
    reading->source = source;
    reading->sink = sink;
    reading->apex = apex;
    reading->class_ = state->class_;
    reading->has_ttl_default = state->has_ttl_default;
    reading->has_ttl_last = state->has_ttl_last;
    reading->ttl_default_s = state->ttl_default_s;
    reading->ttl_last_s = state->ttl_last_s;
    reading->include_count = state->include_count;
    reading->finding_count = 0;
    reading->passed_at = state->at;
    reading->is_ahead = false;
    reading->is_owner_guessed = false;
    reading->needs_order = false;
    reading->stop = OK;
    reading->problem.status = OK;
    reading->depth = 1;
    struct zonefile_frame *frame = zonefile_top(reading);
    zonefile_lexer_open(&frame->lexer, source->text, zonefile_scan_best());
    frame->lexer.at = state->at;
    frame->lexer.line_at = state->at;
    frame->lexer.line = state->line;
    snprintf(frame->file, sizeof frame->file, "%s", source->file == NULL ? "" : source->file);
    name_copy_to(state->origin, &frame->origin_octets, &frame->origin);
    frame->owner_text = SPAN_EMPTY;
    frame->has_owner = state->has_owner;
    if (state->has_owner) {
        name_copy_to(state->owner, &frame->owner_octets, &frame->owner);
        frame->is_owner_inside = apex == NULL || name_is_at_or_below(frame->owner, *apex);
    }
    skip_order_mark(reading);
}

void zonefile_reading_ahead(struct zonefile_reading *reading)
{
    reading->is_ahead = true;
    reading->is_owner_guessed = true;
    reading->has_ttl_last = false;
}

void zonefile_reading_state(const struct zonefile_reading *reading, struct zonefile_state *state)
{
    const struct zonefile_frame *frame = &reading->frames[0];
    *state = (struct zonefile_state){.at = frame->lexer.at,
                                     .line = frame->lexer.line,
                                     .has_owner = frame->has_owner,
                                     .is_owner_guessed = reading->is_owner_guessed,
                                     .has_ttl_default = reading->has_ttl_default,
                                     .has_ttl_last = reading->has_ttl_last,
                                     .ttl_default_s = reading->ttl_default_s,
                                     .ttl_last_s = reading->ttl_last_s,
                                     .class_ = reading->class_,
                                     .include_count = reading->include_count};
    name_copy_to(frame->origin, &state->origin_octets, &state->origin);
    if (frame->has_owner) {
        name_copy_to(frame->owner, &state->owner_octets, &state->owner);
    }
}

void zonefile_tell_more(const struct zonefile_source *source, size_t count,
                        void (*tell)(void *user, const struct problem *problem), void *user)
{
    struct problem problem = {OK};
    if (count > ZONEFILE_FINDINGS_MAX && tell != NULL) {
        problem_place(&problem, source->file == NULL ? "" : source->file, 0, 0);
        (void)problem_set(&problem, LIMIT_REACHED, "%zu more findings are not shown",
                          count - ZONEFILE_FINDINGS_MAX);
        tell(user, &problem);
    }
}

enum status zonefile_read(const struct zonefile_source *source, const struct zonefile_sink *sink)
{
    struct zonefile_reading *reading = malloc(sizeof *reading);
    struct zonefile_state state;
    if (reading == NULL) {
        return NO_MEMORY;
    }
    zonefile_state_begin(source, &state);
    zonefile_reading_begin(reading, source, sink, NULL, &state);
    zonefile_reading_run(reading, source->text.len);
    zonefile_tell_more(source, reading->finding_count, sink->problem, sink->user);
    enum status status = reading->stop != OK           ? reading->stop
                         : reading->finding_count != 0 ? MALFORMED
                                                       : OK;
    free(reading);
    return status;
}
