/* The form in which trust anchors that follow rolls are kept: records as in a zone file, what is
 * known of each in a comment behind it, as Unbound writes and reads them. */
#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "core/dnssec/anchor_roll.h"

#include <inttypes.h>
#include <string.h>

enum { ANCHORS_ARENA_SIZE = 4 << 20, TIME_WORDS_SIZE = 32 };

/* --- reading --- */

struct file_reader {
    struct anchor_point *point;
    int64_t now_s;
    bool is_begun; /* the zone is known */
    struct problem *problem;
};

static bool begins_with(struct span text, const char *word)
{
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.bytes, word, len) == 0;
}

/* Where the words stand in the text; its length when they do not. */
static size_t find(struct span text, const char *words)
{
    size_t at = 0;
    while (at < text.len && !begins_with(span_part(text, at, text.len - at), words)) {
        at++;
    }
    return at;
}

/* The number behind the words; false when there is none. */
static bool number_after(struct span text, const char *words, int64_t *number)
{
    size_t begin = find(text, words) + strlen(words);
    size_t end = begin;
    while (end < text.len && text.bytes[end] >= '0' && text.bytes[end] <= '9') {
        end++;
    }
    uint64_t value = 0;
    if (end <= begin ||
        text_read_u64(span_part(text, begin, end - begin), INT64_MAX, &value) != OK) {
        return false;
    }
    *number = (int64_t)value;
    return true;
}

static int64_t within(int64_t value, int64_t most)
{
    return value > most ? most : value;
}

static void read_header(struct file_reader *reader, struct span line)
{
    struct anchor_point *point = reader->point;
    int64_t number = 0;
    if (number_after(line, ";;last_queried: ", &number)) {
        point->asked_s = number;
    } else if (number_after(line, ";;last_success: ", &number)) {
        point->seen_s = number;
    } else if (number_after(line, ";;next_probe_time: ", &number)) {
        point->next_s = number;
    } else if (number_after(line, ";;query_failed: ", &number)) {
        point->failures = (uint32_t)within(number, UINT32_MAX);
    } else if (number_after(line, ";;query_interval: ", &number)) {
        point->interval_s = (uint32_t)within(number, ANCHOR_ASK_MAX_S);
    } else if (number_after(line, ";;retry_time: ", &number)) {
        point->retry_s = (uint32_t)within(number, ANCHOR_RETRY_MAX_S);
    }
}

static enum status add(struct file_reader *reader, const struct trust_anchor *anchor)
{
    struct anchor_point *point = reader->point;
    if (!reader->is_begun) {
        reader->is_begun = true;
        name_copy_to(anchor->zone, &point->zone_octets, &point->zone);
    }
    if (!name_equal(point->zone, anchor->zone)) {
        return problem_set(reader->problem, MALFORMED,
                           "the keys of one such file are those of one zone");
    }
    enum status status = anchor_point_add(point, anchor, reader->now_s);
    return status == OK ? OK
                        : problem_set(reader->problem, status,
                                      "there are too many keys, or one is too long");
}

/* A record, with its state behind it. */
static enum status read_key(struct file_reader *reader, struct span line)
{
    enum { FLAGS_LOW_AT = 1 };
    struct anchor_record record;
    size_t comment_at = find(line, ";");
    struct span comment = span_part(line, comment_at, line.len - comment_at);
    int64_t state = 0;
    int64_t since_s = reader->now_s;
    enum status status =
        trust_anchor_read(span_part(line, 0, comment_at), &record, reader->problem);
    if (status != OK) {
        return status;
    }
    if (!number_after(comment, ";;state=", &state) || state >= ANCHOR_STATE_COUNT) {
        return problem_set(reader->problem, MALFORMED, "the state of the key is missing");
    }
    if (state == ANCHOR_START) {
        return OK;
    }
    number_after(comment, ";;lastchange=", &since_s);
    if (record.type == TYPE_DNSKEY) {
        record.octets[FLAGS_LOW_AT] &= (uint8_t)~DNSKEY_FLAG_REVOKE;
    }
    size_t count = reader->is_begun ? reader->point->key_count : 0;
    struct trust_anchor anchor = {record.zone, record.type, record.rdata};
    status = add(reader, &anchor);
    if (status == OK && reader->point->key_count == count + 1) {
        struct anchor_key *key = &reader->point->keys[count];
        key->state = (enum anchor_state)state;
        key->since_s = since_s;
        key->ttl_s = record.ttl_s;
    }
    return status;
}

static bool is_blank(struct span line)
{
    size_t at = 0;
    while (at < line.len &&
           (line.bytes[at] == ' ' || line.bytes[at] == '\t' || line.bytes[at] == '\r')) {
        at++;
    }
    return at == line.len;
}

static enum status read_states(struct file_reader *reader, struct span text)
{
    enum status status = OK;
    uint32_t number = 0;
    for (size_t at = 0; at < text.len && status == OK;) {
        struct span rest = span_part(text, at, text.len - at);
        struct span line = span_part(rest, 0, find(rest, "\n"));
        at += line.len + 1;
        number++;
        if (line.len > 0 && line.bytes[0] == ';') {
            read_header(reader, line);
        } else if (!is_blank(line)) {
            status = read_key(reader, line);
        }
    }
    if (status != OK && reader->problem != NULL) {
        reader->problem->line = number;
    }
    return status;
}

static enum status read_plain(struct file_reader *reader, struct span text)
{
    struct arena arena;
    const struct trust_anchor *anchors = NULL;
    size_t count = 0;
    arena_open(&arena, ANCHORS_ARENA_SIZE);
    enum status status = trust_anchors_read(text, &arena, &anchors, &count, reader->problem);
    for (size_t i = 0; i < count && status == OK; i++) {
        status = add(reader, &anchors[i]);
    }
    arena_close(&arena);
    return status;
}

enum status anchor_file_read(struct span text, int64_t now_s, struct anchor_point *point,
                             struct problem *problem)
{
    struct file_reader reader = {.point = point, .now_s = now_s, .problem = problem};
    bool has_states = find(text, ";;state=") < text.len;
    if (text.len > ANCHOR_FILE_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "a file of a zone's keys has at most %d octets",
                           ANCHOR_FILE_LEN_MAX);
    }
    anchor_point_open(point, NAME_ROOT);
    enum status status = has_states ? read_states(&reader, text) : read_plain(&reader, text);
    return status == OK && !reader.is_begun
               ? problem_set(problem, MALFORMED, "there is no key in the file")
               : status;
}

/* --- writing --- */

static void write_time(struct writer *text, const char *words, int64_t wall_s)
{
    writer_print(text, "%s%" PRId64 " ;;", words, wall_s);
    text_write_rfc3339(text, wall_s);
    writer_text(text, "\n");
}

static void write_key(const struct anchor_point *point, const struct anchor_key *key,
                      struct writer *text)
{
    enum { FLAGS_LOW_AT = 1 };
    uint8_t rdata[ANCHOR_RDATA_LEN_MAX];
    memcpy(rdata, key->rdata, key->rdata_len);
    bool is_revoked = key->state == ANCHOR_REVOKED || key->state == ANCHOR_REMOVED;
    if (is_revoked && key->type == TYPE_DNSKEY) {
        rdata[FLAGS_LOW_AT] |= DNSKEY_FLAG_REVOKE;
    }
    name_write_text(point->zone, text);
    writer_print(text, "\t%" PRIu32 "\tIN\t", key->ttl_s);
    type_write(key->type, text);
    writer_text(text, "\t");
    rdata_write_text(key->type, span_of(rdata, key->rdata_len), text);
    writer_print(text, " ;{id = %u} ;;state=%d [ %s ] ;;count=0 ;;lastchange=%" PRId64 " ;;",
                 key->tag, (int)key->state, anchor_state_text(key->state), key->since_s);
    text_write_rfc3339(text, key->since_s);
    writer_text(text, "\n");
}

void anchor_file_write(const struct anchor_point *point, struct writer *text)
{
    struct trust_anchor anchors[ANCHOR_ROLL_KEYS_MAX];
    writer_text(text, "; autotrust trust anchor file: the resolver writes it (RFC 5011)\n");
    if (anchor_point_anchors(point, anchors) == 0) {
        writer_text(text,
                    ";;REVOKED\n; The zone has revoked all its keys, and it is as if it had "
                    "never had one.\n; To begin anew, write its DS or DNSKEY records here.\n");
    }
    writer_text(text, ";;id: ");
    name_write_text(point->zone, text);
    writer_text(text, " 1\n");
    write_time(text, ";;last_queried: ", point->asked_s);
    write_time(text, ";;last_success: ", point->seen_s);
    write_time(text, ";;next_probe_time: ", point->next_s);
    writer_print(text, ";;query_failed: %" PRIu32 "\n", point->failures);
    writer_print(text, ";;query_interval: %" PRIu32 "\n", point->interval_s);
    writer_print(text, ";;retry_time: %" PRIu32 "\n", point->retry_s);
    for (size_t i = 0; i < point->key_count; i++) {
        write_key(point, &point->keys[i], text);
    }
}
