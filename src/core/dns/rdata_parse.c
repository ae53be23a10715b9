/* From tokens to rdata: the field table as a grammar, the generic form of RFC 3597 §5, and the
 * cutting of a text into tokens. */
#include "core/dns/rdata_parse.h"

#include "core/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { FOUND_TEXT_MAX = 48 };

static void place(struct problem *problem, uint32_t line, uint32_t column)
{
    if (problem != NULL) {
        problem->line = line;
        problem->column = column;
    }
}

/* What stands there, short and printable, for a sentence. */
static void print_found(struct span text, char found[FOUND_TEXT_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < FOUND_TEXT_MAX - 4; i++) {
        uint8_t octet = text.bytes[i];
        found[len++] = octet >= 0x20 && octet < 0x7f ? (char)octet : '?';
    }
    snprintf(found + len, FOUND_TEXT_MAX - len, "%s", len < text.len ? "..." : "");
}

enum status rdata_expected(struct rdata_input *input, const struct rdata_token *token,
                           const char *expected)
{
    char found[FOUND_TEXT_MAX];
    print_found(token->text, found);
    place(input->problem, token->line, token->column);
    return problem_set(input->problem, MALFORMED, "expected %s, found \"%s\"", expected, found);
}

const struct rdata_token *rdata_take(struct rdata_input *input, const char *expected)
{
    if (input->at < input->count) {
        return &input->tokens[input->at++];
    }
    if (input->count != 0) {
        const struct rdata_token *last = &input->tokens[input->count - 1];
        uint32_t quotes = last->is_quoted ? 2 : 0;
        place(input->problem, last->line, last->column + (uint32_t)last->text.len + quotes);
    }
    (void)problem_set(input->problem, MALFORMED, "expected %s, found the end of the record",
                      expected);
    return NULL;
}

enum status rdata_parse_number(struct rdata_input *input, uint64_t max, const char *expected,
                               uint64_t *number)
{
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    if (token->is_quoted || text_read_u64(token->text, max, number) != OK) {
        return rdata_expected(input, token, expected);
    }
    return OK;
}

static bool is_generic(const struct rdata_input *input)
{
    const struct rdata_token *token = input->tokens;
    return input->count != 0 && !token->is_quoted && span_equal(token->text, SPAN_LITERAL("\\#"));
}

/* The digits of one token; half an octet may be held over to the next. */
static enum status parse_hex_token(struct rdata_input *input, const struct rdata_token *token,
                                   uint8_t pair[2], size_t *held)
{
    if (*held == 0 && token->text.len % 2 == 0 && writer_left(input->out) >= token->text.len / 2) {
        return text_read_base16(token->text, input->out) == MALFORMED
                   ? rdata_expected(input, token, "hexadecimal digits")
                   : OK;
    }
    for (size_t i = 0; i < token->text.len; i++) {
        pair[(*held)++] = token->text.bytes[i];
        if (*held < 2) {
            continue;
        }
        *held = 0;
        if (text_read_base16(span_of(pair, 2), input->out) == MALFORMED) {
            return rdata_expected(input, token, "hexadecimal digits");
        }
    }
    return input->out->status == OK ? OK : rdata_expected(input, token, "fewer octets");
}

enum status rdata_parse_hex(struct rdata_input *input)
{
    uint8_t pair[2];
    size_t held = 0;
    const struct rdata_token *token = NULL;
    while (input->at < input->count) {
        token = &input->tokens[input->at++];
        enum status status = parse_hex_token(input, token, pair, &held);
        if (status != OK) {
            return status;
        }
    }
    return held == 0 ? OK : rdata_expected(input, token, "an even number of hexadecimal digits");
}

/* `\# LEN HEX...`. The octets of a known type must be what that type allows. */
static enum status parse_generic(struct rdata_input *input, uint16_t type)
{
    uint64_t len;
    const struct rdata_token *first = &input->tokens[input->at++];
    enum status status = rdata_parse_number(input, RDATA_LEN_MAX,
                                            "the number of octets, 0 to 65535, after \\#", &len);
    if (status == OK) {
        status = rdata_parse_hex(input);
    }
    if (status != OK) {
        return status;
    }
    struct span rdata =
        span_part(writer_written(input->out), input->start, input->out->len - input->start);
    if (rdata.len != len) {
        place(input->problem, input->tokens[1].line, input->tokens[1].column);
        return problem_set(input->problem, MALFORMED, "%u octets are announced, but %zu follow",
                           (unsigned)len, rdata.len);
    }
    if (rdata_check(type, rdata) != OK) {
        char mnemonic[TYPE_TEXT_MAX];
        place(input->problem, first->line, first->column);
        return problem_set(input->problem, MALFORMED, "these octets are no %s rdata",
                           type_print(type, mnemonic));
    }
    return OK;
}

static enum status parse_fields(struct rdata_input *input, uint16_t type);

enum status rdata_parse(uint16_t type, const struct rdata_token *tokens, size_t count,
                        const struct name *origin, struct writer *rdata, struct problem *problem)
{
    struct rdata_input input = {tokens, count, 0, origin, rdata, rdata->len, problem};
    enum status status =
        is_generic(&input) ? parse_generic(&input, type) : parse_fields(&input, type);
    if (status != OK) {
        return status;
    }
    if (rdata->status != OK || rdata->len - input.start > RDATA_LEN_MAX) {
        place(problem, count == 0 ? 0 : tokens[0].line, count == 0 ? 0 : tokens[0].column);
        return problem_set(problem, TOO_LONG, "the rdata is longer than 65535 octets");
    }
    if (input.at < input.count) {
        return rdata_expected(&input, &input.tokens[input.at], "the end of the record");
    }
    return OK;
}

static enum status parse_fields(struct rdata_input *input, uint16_t type)
{
    const struct rdata_layout *layout = rdata_layout(type);
    enum status status = OK;
    for (size_t i = 0; i < RDATA_FIELDS_MAX && layout->fields[i] != FIELD_END; i++) {
        size_t before = input->out->len;
        status = rdata_parse_field(layout->fields[i], input);
        bool is_last = i + 1 == RDATA_FIELDS_MAX || layout->fields[i + 1] == FIELD_END;
        if (status == OK && is_last && input->out->len - before < layout->rest_min &&
            input->out->status == OK) {
            const char *more = layout->rest_min > 1 ? "more octets" : "a last field";
            const struct rdata_token *token = rdata_take(input, more);
            return token == NULL ? MALFORMED : rdata_expected(input, token, more);
        }
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

/* A word up to a blank, or what stands between two quotes; quotes within a word (key="a b") belong
 * to it. */
static enum status cut_token(struct span text, size_t *at, struct rdata_token *token)
{
    size_t from = *at;
    token->is_quoted = text.bytes[from] == '"';
    bool is_inside = token->is_quoted;
    size_t i = token->is_quoted ? from + 1 : from;
    for (; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (octet == '\\' && i + 1 < text.len) {
            i++;
        } else if (octet == '"' && token->is_quoted) {
            break;
        } else if (octet == '"') {
            is_inside = !is_inside;
        } else if (!is_inside && (octet == ' ' || octet == '\t')) {
            break;
        }
    }
    bool has_end = token->is_quoted ? i < text.len : !is_inside;
    size_t text_at = token->is_quoted ? from + 1 : from;
    token->text = span_part(text, text_at, i - text_at);
    token->line = 1;
    token->column = (uint32_t)from + 1;
    *at = token->is_quoted && has_end ? i + 1 : i;
    return has_end ? OK : MALFORMED;
}

enum status rdata_parse_text(uint16_t type, struct span text, const struct name *origin,
                             struct writer *rdata, struct problem *problem)
{
    struct rdata_token tokens[RDATA_TEXT_TOKENS_MAX];
    size_t count = 0;
    if (text.len > RDATA_TEXT_LEN_MAX) {
        place(problem, 1, 1);
        return problem_set(problem, TOO_LONG, "the text is too long");
    }
    for (size_t at = 0; at < text.len;) {
        if (text.bytes[at] == ' ' || text.bytes[at] == '\t') {
            at++;
            continue;
        }
        if (count == LEN(tokens)) {
            place(problem, 1, (uint32_t)at + 1);
            return problem_set(problem, TOO_LONG, "the text has more than %d fields",
                               RDATA_TEXT_TOKENS_MAX);
        }
        if (cut_token(text, &at, &tokens[count]) != OK) {
            place(problem, 1, tokens[count].column);
            return problem_set(problem, MALFORMED, "the quote that begins here has no end");
        }
        count++;
    }
    return rdata_parse(type, tokens, count, origin, rdata, problem);
}
