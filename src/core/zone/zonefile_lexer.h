#pragma once
/* Inside of zonefile: cutting a text into entries (records and directives) and those into tokens.
 */
#include "core/dns/rdata.h"
#include "core/zone/zonefile_scan.h"

enum { ZONEFILE_WINDOW_BLOCKS = 64 };

struct zonefile_lexer {
    struct span text;
    size_t at;
    size_t line_at; /* where the current line begins */
    uint32_t line;
    zonefile_scan *scan;
    size_t window_at; /* the marks are those of the blocks from here */
    size_t window_blocks;
    struct zonefile_marks marks[ZONEFILE_WINDOW_BLOCKS];
};

struct zonefile_entry {
    struct rdata_token *tokens; /* of the caller's, room for ZONEFILE_TOKENS_MIN at least */
    size_t size;
    size_t count;
    bool has_blank_owner; /* the line begins with a blank: the owner is that of the record before */
};
enum { ZONEFILE_TOKENS_MIN = ZONEFILE_WINDOW_BLOCKS * 64 / 2 };

/* `scan` marks the octets: zonefile_scan_best() but in tests. */
void zonefile_lexer_open(struct zonefile_lexer *lexer, struct span text, zonefile_scan *scan);
/* The next entry that has tokens; false at the end. With a `problem` whose status is not OK the
 * entry is broken and the lexer stands behind it. Tokens are views of the text. */
bool zonefile_lexer_next(struct zonefile_lexer *lexer, struct zonefile_entry *entry,
                         struct problem *problem);
