/* $GENERATE FIRST-LAST[/STEP] RECORD: the record once for each number, with $ and
 * ${OFFSET[,WIDTH[,BASE]]} in its fields replaced by the number, as BIND has it. */
#include "core/zone/zonefile_read.h"

#include "core/base/text.h"
#include "core/dns/rdata_table.h"

#include <string.h>

enum { NUMBER_MAX = INT32_MAX, WIDTH_MAX = 255 };

struct range {
    uint64_t first, last, step;
};

static bool read_range(struct span text, struct range *range)
{
    const uint8_t *dash = text.len == 0 ? NULL : memchr(text.bytes, '-', text.len);
    if (dash == NULL) {
        return false;
    }
    size_t dash_at = (size_t)(dash - text.bytes);
    struct span last = span_part(text, dash_at + 1, text.len - dash_at - 1);
    const uint8_t *slash = last.len == 0 ? NULL : memchr(last.bytes, '/', last.len);
    range->step = 1;
    if (slash != NULL) {
        size_t slash_at = (size_t)(slash - last.bytes);
        struct span step = span_part(last, slash_at + 1, last.len - slash_at - 1);
        last.len = slash_at;
        if (text_read_u64(step, NUMBER_MAX, &range->step) != OK || range->step == 0) {
            return false;
        }
    }
    return text_read_u64(span_part(text, 0, dash_at), NUMBER_MAX, &range->first) == OK &&
           text_read_u64(last, NUMBER_MAX, &range->last) == OK && range->first <= range->last;
}

struct modifier {
    int64_t offset;
    uint64_t width;
    uint8_t base; /* d o x X n N */
};

/* What stands between ${ and }. */
static bool read_modifier(struct span text, struct modifier *modifier)
{
    struct span parts[3] = {SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY};
    size_t count = 0;
    for (size_t i = 0, from = 0; i <= text.len; i++) {
        if (i == text.len || text.bytes[i] == ',') {
            if (count == LEN(parts)) {
                return false;
            }
            parts[count++] = span_part(text, from, i - from);
            from = i + 1;
        }
    }
    *modifier = (struct modifier){0, 0, 'd'};
    bool is_negative = parts[0].len != 0 && parts[0].bytes[0] == '-';
    struct span offset_text = is_negative ? span_part(parts[0], 1, parts[0].len - 1) : parts[0];
    uint64_t offset;
    if (text_read_u64(offset_text, NUMBER_MAX, &offset) != OK ||
        (count > 1 && text_read_u64(parts[1], WIDTH_MAX, &modifier->width) != OK) ||
        (count > 2 && (parts[2].len != 1 || memchr("doxXnN", parts[2].bytes[0], 6) == NULL))) {
        return false;
    }
    modifier->offset = is_negative ? -(int64_t)offset : (int64_t)offset;
    modifier->base = count > 2 ? parts[2].bytes[0] : 'd';
    return true;
}

/* Hexadecimal digits with dots, the last first, as ip6.arpa wants them. The dots count for the
 * width too, so an even one ends with a dot: as BIND has it. */
static void write_nibbles(struct writer *out, uint64_t value, uint64_t width, bool is_upper)
{
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    uint64_t written = 0;
    do {
        writer_u8(out, (uint8_t)digits[value & 15]);
        value >>= 4;
        written++;
        if (value != 0 || written < width) {
            writer_u8(out, '.');
            written++;
        }
    } while (value != 0 || written < width);
}

static bool write_number(struct writer *out, uint64_t number, const struct modifier *modifier)
{
    int64_t value = (int64_t)number + modifier->offset;
    int width = (int)modifier->width;
    if (value < 0) {
        return false;
    }
    switch (modifier->base) {
    case 'o':
        writer_print(out, "%0*llo", width, (unsigned long long)value);
        break;
    case 'x':
        writer_print(out, "%0*llx", width, (unsigned long long)value);
        break;
    case 'X':
        writer_print(out, "%0*llX", width, (unsigned long long)value);
        break;
    case 'n':
    case 'N':
        write_nibbles(out, (uint64_t)value, modifier->width, modifier->base == 'N');
        break;
    default:
        writer_print(out, "%0*lld", width, (long long)value);
    }
    return true;
}

/* Behind a dollar sign; moves `at` behind what belongs to it. */
static bool expand_dollar(struct span text, size_t *at, uint64_t number, struct writer *out)
{
    struct modifier modifier = {0, 0, 'd'};
    if (*at < text.len && text.bytes[*at] == '$') {
        *at += 1;
        writer_u8(out, '$');
        return true;
    }
    if (*at < text.len && text.bytes[*at] == '{') {
        const uint8_t *brace = memchr(text.bytes + *at, '}', text.len - *at);
        size_t from = *at + 1;
        if (brace == NULL) {
            return false;
        }
        *at = (size_t)(brace - text.bytes) + 1;
        if (!read_modifier(span_part(text, from, *at - 1 - from), &modifier)) {
            return false;
        }
    }
    return write_number(out, number, &modifier);
}

static bool expand(struct span text, uint64_t number, struct writer *out)
{
    for (size_t at = 0; at < text.len;) {
        uint8_t octet = text.bytes[at++];
        if (octet == '$') {
            if (!expand_dollar(text, &at, number, out)) {
                return false;
            }
            continue;
        }
        bool is_escape = octet == '\\' && at < text.len;
        if (!is_escape || text.bytes[at] != '$') {
            writer_u8(out, octet);
        }
        if (is_escape) {
            writer_u8(out, text.bytes[at++]);
        }
    }
    return out->status == OK;
}

/* The fields of one record; columns stay those of the template. */
static bool expand_fields(struct zonefile_reading *reading, const struct zonefile_entry *entry,
                          uint64_t number)
{
    struct writer out = writer_over(reading->expanded_octets, sizeof reading->expanded_octets);
    for (size_t i = 2; i < entry->count; i++) {
        size_t from = out.len;
        if (!expand(entry->tokens[i].text, number, &out)) {
            zonefile_expected(reading, &entry->tokens[i],
                              "$ or ${OFFSET,WIDTH,BASE} with a result from 0");
            return false;
        }
        reading->expanded[i - 2] = entry->tokens[i];
        reading->expanded[i - 2].text = span_part(writer_written(&out), from, out.len - from);
    }
    return true;
}

/* BIND takes the rdata for one field, so who writes for BIND puts quotes around several, as in
 * `MX "10 mail$"`. In types that begin with a text the quotes are the text's own. */
static bool is_quoted_rdata(const struct zonefile_reading *reading, size_t count)
{
    const struct rdata_token *last = &reading->expanded[count - 1];
    uint16_t type;
    return count >= 3 && last->is_quoted &&
           type_parse(reading->expanded[count - 2].text, &type) == OK &&
           rdata_layout(type)->fields[0] != FIELD_STRINGS;
}

/* Cuts the last field into those that its quotes hold together; the number of fields then. */
static size_t cut_quoted_rdata(struct zonefile_reading *reading, size_t count)
{
    struct zonefile_lexer lexer;
    struct problem problem;
    struct rdata_token quoted = reading->expanded[count - 1];
    struct zonefile_entry cut = {reading->expanded + count - 1, LEN(reading->expanded) - count + 1,
                                 0, false};
    if (cut.size < ZONEFILE_TOKENS_MIN) {
        return count; /* no record has so many fields */
    }
    zonefile_lexer_open(&lexer, quoted.text, zonefile_top(reading)->lexer.scan);
    bool is_cut = zonefile_lexer_next(&lexer, &cut, &problem) && problem.status == OK &&
                  lexer.at == quoted.text.len;
    if (!is_cut) {
        reading->expanded[count - 1] = quoted;
        return count;
    }
    for (size_t i = 0; i < cut.count; i++) {
        cut.tokens[i].line = quoted.line;
        cut.tokens[i].column = quoted.column;
    }
    return count - 1 + cut.count;
}

void zonefile_generate(struct zonefile_reading *reading, const struct zonefile_entry *entry)
{
    struct range range;
    if (entry->count < 4) {
        zonefile_expected(reading, &entry->tokens[0], "$GENERATE, a range and a record");
        return;
    }
    if (!read_range(entry->tokens[1].text, &range) ||
        (range.last - range.first) / range.step >= ZONEFILE_GENERATE_MAX) {
        zonefile_expected(reading, &entry->tokens[1],
                          "a range as 1-10 or 0-254/2 with at most 1048576 numbers");
        return;
    }
    size_t findings_before = reading->finding_count;
    for (uint64_t number = range.first; number <= range.last; number += range.step) {
        if (!expand_fields(reading, entry, number)) {
            return;
        }
        size_t count = entry->count - 2;
        if (is_quoted_rdata(reading, count)) {
            count = cut_quoted_rdata(reading, count);
        }
        struct zonefile_entry record = {reading->expanded, LEN(reading->expanded), count, false};
        zonefile_top(reading)->owner_text =
            SPAN_EMPTY; /* its octets are those of the next record */
        zonefile_read_record(reading, &record);
        zonefile_top(reading)->owner_text = SPAN_EMPTY;
        if (reading->stop != OK || reading->needs_order ||
            reading->finding_count != findings_before) {
            return; /* the same finding a million times helps nobody */
        }
    }
}
