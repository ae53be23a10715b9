/* The form of trust anchor files: DS and DNSKEY records as in a zone file, one a line or within
 * parentheses, as `unbound-anchor`, `dig` and Debian's dns-root-data write them. */
#include "core/base/text.h"
#include "core/dns/rdata.h"
#include "core/dnssec/chain.h"

enum { ANCHORS_MAX = 100, RECORD_LEN_MAX = TRUST_ANCHOR_LEN_MAX, FILE_LEN_MAX = 1 << 20 };

struct anchor_reader {
    struct span text;
    size_t at;
    uint32_t line;
    struct arena *arena;
    struct trust_anchor *anchors;
    size_t count;
    struct problem *problem;
};

static enum status fail(struct anchor_reader *reader, uint32_t line, const char *sentence)
{
    enum status status = problem_set(reader->problem, MALFORMED, "%s", sentence);
    if (reader->problem != NULL) {
        reader->problem->line = line;
    }
    return status;
}

/* One record on one line: comments gone, parentheses and the newlines inside them made blanks. */
static enum status record_next(struct anchor_reader *reader, struct writer *record, uint32_t *line)
{
    unsigned depth = 0;
    bool is_comment = false;
    *line = reader->line;
    for (; reader->at < reader->text.len; reader->at++) {
        const uint8_t octet = reader->text.bytes[reader->at];
        if (octet == '\n') {
            reader->line++;
            is_comment = false;
            if (depth == 0) {
                reader->at++;
                return record->status;
            }
            writer_u8(record, ' ');
        } else if (is_comment || octet == ';') {
            is_comment = true;
        } else if (octet == '(') {
            depth++;
            writer_u8(record, ' ');
        } else if (octet == ')') {
            if (depth == 0) {
                return fail(reader, *line, "a closing parenthesis has no opening one");
            }
            depth--;
            writer_u8(record, ' ');
        } else {
            writer_u8(record, octet == '\r' || octet == '\t' ? ' ' : octet);
        }
    }
    return depth == 0 ? record->status : fail(reader, *line, "a parenthesis is not closed");
}

static bool is_space(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

static struct span word_next(struct span *text)
{
    size_t at = 0;
    while (at < text->len && is_space(text->bytes[at])) {
        at++;
    }
    size_t end = at;
    while (end < text->len && !is_space(text->bytes[end])) {
        end++;
    }
    struct span word = span_part(*text, at, end - at);
    *text = span_part(*text, end, text->len - end);
    return word;
}

static bool is_ttl(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.bytes[i] < '0' || word.bytes[i] > '9') {
            return false;
        }
    }
    return word.len != 0;
}

static enum status add_anchor(struct anchor_reader *reader, struct name zone, uint16_t type,
                              struct span rdata, uint32_t line)
{
    struct dnskey dnskey;
    if (type == TYPE_DNSKEY &&
        (dnskey_read(rdata, &dnskey) != OK || !dnskey_is_zone_key(&dnskey))) {
        return fail(reader, line, "the DNSKEY is no zone key, or it is revoked");
    }
    if (reader->count == ANCHORS_MAX) {
        return fail(reader, line, "there are too many trust anchors");
    }
    struct trust_anchor *anchor = &reader->anchors[reader->count];
    anchor->type = type;
    enum status status = name_copy(reader->arena, zone, &anchor->zone);
    if (status == OK) {
        status = arena_copy(reader->arena, rdata, &anchor->rdata);
    }
    reader->count += status == OK ? 1 : 0;
    return status;
}

/* OWNER [TTL] [IN] [TTL] DS|DNSKEY RDATA. */
enum status trust_anchor_read(struct span text, struct anchor_record *record,
                              struct problem *problem)
{
    struct span word = word_next(&text);
    enum status status = name_parse(word, &NAME_ROOT, &record->zone_octets, &record->zone, problem);
    if (status != OK) {
        return status;
    }
    record->ttl_s = 0;
    for (word = word_next(&text); is_ttl(word) || span_equal_nocase(word, SPAN_LITERAL("IN"));
         word = word_next(&text)) {
        if (is_ttl(word) && text_read_ttl(word, &record->ttl_s) != OK) {
            return problem_set(problem, MALFORMED, "the TTL is too large");
        }
    }
    if (type_parse(word, &record->type) != OK ||
        (record->type != TYPE_DS && record->type != TYPE_DNSKEY)) {
        return problem_set(problem, MALFORMED, "a trust anchor is a DS or a DNSKEY record");
    }
    struct writer rdata = writer_over(record->octets, sizeof record->octets);
    status = rdata_parse_text(record->type, text, &NAME_ROOT, &rdata, problem);
    record->rdata = writer_written(&rdata);
    return status;
}

static enum status read_record(struct anchor_reader *reader, struct span text, uint32_t line)
{
    struct span rest = text;
    struct anchor_record record;
    if (word_next(&rest).len == 0) {
        return OK;
    }
    enum status status = trust_anchor_read(text, &record, reader->problem);
    return status != OK ? status : add_anchor(reader, record.zone, record.type, record.rdata, line);
}

enum status trust_anchors_read(struct span text, struct arena *arena,
                               const struct trust_anchor **anchors, size_t *count,
                               struct problem *problem)
{
    if (text.len > FILE_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "a file of trust anchors has at most %d octets",
                           FILE_LEN_MAX);
    }
    struct anchor_reader reader = {.text = text, .line = 1, .arena = arena, .problem = problem};
    reader.anchors = arena_take_array(arena, ANCHORS_MAX, sizeof *reader.anchors);
    if (reader.anchors == NULL) {
        return NO_MEMORY;
    }
    while (reader.at < text.len) {
        uint8_t bytes[RECORD_LEN_MAX];
        struct writer record = writer_over(bytes, sizeof bytes);
        uint32_t line;
        enum status status = record_next(&reader, &record, &line);
        if (status == NO_SPACE) {
            return fail(&reader, line, "the record is too long");
        }
        if (status == OK) {
            status = read_record(&reader, writer_written(&record), line);
        }
        if (status != OK) {
            if (problem != NULL) {
                problem->line = line;
            }
            return status;
        }
    }
    *anchors = reader.anchors;
    *count = reader.count;
    return reader.count != 0 ? OK : fail(&reader, 0, "there is no trust anchor in the file");
}

enum status trust_anchors_of_root(struct arena *arena, const struct trust_anchor **anchors,
                                  size_t *count)
{
    static const char IANA[] =
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
        ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n";
    struct problem problem = {0};
    enum status status = trust_anchors_read(span_of_text(IANA), arena, anchors, count, &problem);
    require(status == OK || status == NO_MEMORY);
    return status;
}

bool trust_covers(struct name zone, struct name name, uint16_t type)
{
    bool is_above = type == TYPE_DS && !name_is_root(name);
    return is_above ? name_is_below(name, zone) : name_is_at_or_below(name, zone);
}
