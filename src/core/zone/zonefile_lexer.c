/* The lexical side of master files (RFC 1035 §5.1): blanks, comments, quotes, escapes, parentheses,
 * line ends of either kind. A broken entry is cut to its end, so that one fault is one finding.
 *
 * There are two ways to cut an entry. Nearly every line of a large zone is plain: words and blanks,
 * without quotes, escapes, comments or parentheses. For those the octets of a window of the text
 * have been marked in bit masks beforehand, and a word begins and ends where the mask of blanks
 * changes. Every other line is cut octet by octet. */
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

void zonefile_lexer_open(struct zonefile_lexer *lexer, struct span text, zonefile_scan *scan)
{
    lexer->text = text;
    lexer->at = 0;
    lexer->line_at = 0;
    lexer->line = 1;
    lexer->scan = scan;
    lexer->window_at = 0;
    lexer->window_blocks = 0;
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

/* Marks the window that begins here: whole blocks only, so at the end of the text it may be empty.
 */
static void window_move(struct zonefile_lexer *lexer)
{
    size_t blocks = (lexer->text.len - lexer->at) / 64;
    lexer->window_at = lexer->at;
    lexer->window_blocks = blocks < ZONEFILE_WINDOW_BLOCKS ? blocks : ZONEFILE_WINDOW_BLOCKS;
    lexer->scan(lexer->text.bytes + lexer->at, lexer->window_blocks, lexer->marks);
}

/* Where the words of a plain line begin and end, by turns, counted from the window's start. */
struct plain_line {
    uint16_t edges[ZONEFILE_WINDOW_BLOCKS * 64];
    size_t edge_count;
    size_t end; /* the newline */
};

enum plainness { LINE_PLAIN, LINE_NOT_PLAIN, LINE_CUT_OFF /* by the end of the window */ };

static enum plainness find_edges(const struct zonefile_lexer *lexer, struct plain_line *line)
{
    size_t from = lexer->at - lexer->window_at;
    uint64_t before = ((uint64_t)1 << from % 64) - 1; /* the line before counts as blank */
    uint64_t blank_before = 1;
    line->edge_count = 0;
    for (size_t block = from / 64; block < lexer->window_blocks; block++) {
        const struct zonefile_marks *marks = &lexer->marks[block];
        uint64_t newlines = marks->newlines & ~before;
        uint64_t line_part = (newlines ^ (newlines - 1)) & ~before; /* up to the first newline */
        if ((marks->specials & line_part) != 0) {
            return LINE_NOT_PLAIN;
        }
        uint64_t blanks = marks->blanks | before;
        uint64_t edges = (blanks ^ (blanks << 1 | blank_before)) & line_part;
        for (; edges != 0; edges &= edges - 1) {
            line->edges[line->edge_count++] =
                (uint16_t)(block * 64 + (unsigned)__builtin_ctzll(edges));
        }
        if (newlines != 0) {
            line->end = block * 64 + (unsigned)__builtin_ctzll(newlines);
            return LINE_PLAIN;
        }
        blank_before = blanks >> 63;
        before = 0;
    }
    return LINE_CUT_OFF;
}

/* Cuts the line that begins here if it is plain and ends within a window. */
static bool cut_plain_line(struct zonefile_lexer *lexer, struct zonefile_entry *entry)
{
    struct plain_line line;
    enum plainness plainness = LINE_CUT_OFF;
    if (lexer->at - lexer->window_at < lexer->window_blocks * 64) {
        plainness = find_edges(lexer, &line);
    }
    if (plainness == LINE_CUT_OFF && lexer->at != lexer->window_at) {
        window_move(lexer);
        plainness = find_edges(lexer, &line);
    }
    if (plainness != LINE_PLAIN) {
        return false;
    }
    const uint8_t *window = lexer->text.bytes + lexer->window_at;
    uint32_t column_offset = (uint32_t)(lexer->at - lexer->window_at) - 1;
    entry->count = line.edge_count / 2;
    for (size_t i = 0; i < entry->count; i++) {
        uint16_t from = line.edges[2 * i], to = line.edges[2 * i + 1];
        entry->tokens[i] = (struct rdata_token){
            {window + from, (size_t)(to - from)}, false, lexer->line, from - column_offset};
    }
    lexer->at = lexer->window_at + line.end;
    end_line(lexer);
    return true;
}

/* Cuts the entry that begins here, whatever it is. */
static void cut_entry(struct zonefile_lexer *lexer, struct zonefile_entry *entry,
                      struct problem *problem)
{
    struct cutting cutting = {lexer, entry, problem, 0, 0, 0};
    entry->count = 0;
    while (cut_step(&cutting)) {
    }
}

bool zonefile_lexer_next(struct zonefile_lexer *lexer, struct zonefile_entry *entry,
                         struct problem *problem)
{
    problem->status = OK;
    while (lexer->at < lexer->text.len) {
        entry->has_blank_owner = MARKS[lexer->text.bytes[lexer->at]] == MARK_BLANK;
        if (!cut_plain_line(lexer, entry)) {
            cut_entry(lexer, entry, problem);
        }
        if (entry->count != 0 || problem->status != OK) {
            return true;
        }
    }
    return false;
}
