/* The lexical side of master files (RFC 1035 §5.1): blanks, comments, quotes, escapes, parentheses,
 * line ends of either kind. A broken entry is cut to its end, so that one fault is one finding. */
#include "core/zone/zonefile_lexer.h"

enum mark { MARK_NONE, MARK_BLANK, MARK_LINE_END, MARK_STOP, MARK_QUOTE, MARK_ESCAPE };

static const uint8_t MARKS[256] = {
    [' '] = MARK_BLANK,     ['\t'] = MARK_BLANK, ['\r'] = MARK_BLANK,
    ['\n'] = MARK_LINE_END, [';'] = MARK_STOP,   ['('] = MARK_STOP,
    [')'] = MARK_STOP,      ['"'] = MARK_QUOTE,  ['\\'] = MARK_ESCAPE,
};

struct cutting {
    struct zonefile_lexer *lexer;
    struct zonefile_entry *entry;
    struct problem *problem;
    uint32_t depth; /* of open parentheses */
    uint32_t open_line, open_column;
};

struct zonefile_lexer zonefile_lexer_over(struct span text)
{
    return (struct zonefile_lexer){text, 0, 0, 1};
}

static uint32_t column(const struct zonefile_lexer *lexer, size_t at)
{
    size_t from_line = at - lexer->line_at;
    return from_line < UINT32_MAX ? (uint32_t)from_line + 1 : UINT32_MAX;
}

/* The first fault of an entry is the one to tell. */
static void fault(struct cutting *cutting, uint32_t line, uint32_t at_column, enum status status,
                  const char *sentence)
{
    if (cutting->problem->status == OK) {
        cutting->problem->line = line;
        cutting->problem->column = at_column;
        (void)problem_set(cutting->problem, status, "%s", sentence);
    }
}

static void end_line(struct zonefile_lexer *lexer)
{
    lexer->at++;
    lexer->line_at = lexer->at;
    lexer->line++;
}

static void add_token(struct cutting *cutting, size_t from, size_t len, bool is_quoted)
{
    struct zonefile_lexer *lexer = cutting->lexer;
    struct zonefile_entry *entry = cutting->entry;
    if (entry->count == entry->size) {
        fault(cutting, lexer->line, column(lexer, from), LIMIT_REACHED,
              "the record has too many fields");
        return;
    }
    entry->tokens[entry->count++] =
        (struct rdata_token){span_part(lexer->text, from, len), is_quoted, lexer->line,
                             column(lexer, from - (is_quoted ? 1 : 0))};
}

/* Behind the opening quote. Moves to the closing quote, or to the line's end when there is none. */
static bool find_quote(struct zonefile_lexer *lexer)
{
    for (; lexer->at < lexer->text.len; lexer->at++) {
        uint8_t octet = lexer->text.bytes[lexer->at];
        if (octet == '"') {
            return true;
        }
        if (octet == '\n') {
            return false;
        }
        if (octet == '\\' && lexer->at + 1 < lexer->text.len &&
            lexer->text.bytes[lexer->at + 1] != '\n') {
            lexer->at++;
        }
    }
    return false;
}

static void cut_quoted(struct cutting *cutting)
{
    struct zonefile_lexer *lexer = cutting->lexer;
    size_t from = ++lexer->at;
    if (!find_quote(lexer)) {
        fault(cutting, lexer->line, column(lexer, from - 1), MALFORMED,
              "the quote that begins here has no end on its line");
        return;
    }
    add_token(cutting, from, lexer->at - from, true);
    lexer->at++;
}

/* A word. A quote right behind "=" belongs to it, as in alpn="h2,h3". */
static void cut_word(struct cutting *cutting)
{
    struct zonefile_lexer *lexer = cutting->lexer;
    struct span text = lexer->text;
    size_t from = lexer->at;
    while (lexer->at < text.len) {
        enum mark mark = MARKS[text.bytes[lexer->at]];
        if (mark == MARK_NONE) {
            lexer->at++;
        } else if (mark == MARK_ESCAPE) {
            lexer->at++;
            bool has_more = lexer->at < text.len && text.bytes[lexer->at] != '\n';
            lexer->at += has_more ? 1 : 0;
        } else if (mark == MARK_QUOTE && lexer->at > from && text.bytes[lexer->at - 1] == '=') {
            size_t quote_at = lexer->at++;
            if (!find_quote(lexer)) {
                fault(cutting, lexer->line, column(lexer, quote_at), MALFORMED,
                      "the quote that begins here has no end on its line");
                return;
            }
            lexer->at++;
        } else {
            break;
        }
    }
    add_token(cutting, from, lexer->at - from, false);
}

static void skip_comment(struct zonefile_lexer *lexer)
{
    while (lexer->at < lexer->text.len && lexer->text.bytes[lexer->at] != '\n') {
        lexer->at++;
    }
}

static void cut_stop(struct cutting *cutting, uint8_t octet)
{
    struct zonefile_lexer *lexer = cutting->lexer;
    if (octet == ';') {
        skip_comment(lexer);
        return;
    }
    if (octet == '(') {
        if (cutting->depth++ == 0) {
            cutting->open_line = lexer->line;
            cutting->open_column = column(lexer, lexer->at);
        }
    } else if (cutting->depth == 0) {
        fault(cutting, lexer->line, column(lexer, lexer->at), MALFORMED,
              "this closing parenthesis was never opened");
    } else {
        cutting->depth--;
    }
    lexer->at++;
}

/* One step; false at the end of the entry. */
static bool cut_step(struct cutting *cutting)
{
    struct zonefile_lexer *lexer = cutting->lexer;
    if (lexer->at >= lexer->text.len) {
        if (cutting->depth != 0) {
            fault(cutting, cutting->open_line, cutting->open_column, MALFORMED,
                  "the parenthesis that opens here is never closed");
        }
        return false;
    }
    uint8_t octet = lexer->text.bytes[lexer->at];
    switch (MARKS[octet]) {
    case MARK_BLANK:
        lexer->at++;
        return true;
    case MARK_LINE_END:
        end_line(lexer);
        return cutting->depth != 0;
    case MARK_STOP:
        cut_stop(cutting, octet);
        return true;
    case MARK_QUOTE:
        cut_quoted(cutting);
        return true;
    default: /* a word, which may begin with an escape */
        cut_word(cutting);
        return true;
    }
}

bool zonefile_lexer_next(struct zonefile_lexer *lexer, struct zonefile_entry *entry,
                         struct problem *problem)
{
    struct cutting cutting = {lexer, entry, problem, 0, 0, 0};
    problem->status = OK;
    while (lexer->at < lexer->text.len) {
        entry->count = 0;
        entry->has_blank_owner = MARKS[lexer->text.bytes[lexer->at]] == MARK_BLANK;
        while (cut_step(&cutting)) {
        }
        if (entry->count != 0 || problem->status != OK) {
            return true;
        }
    }
    return false;
}
