#pragma once
/* Inside of zonefile: cutting a text into entries (records and directives) and those into tokens.
 */
#include "core/dns/rdata.h"

struct zonefile_lexer {
    struct span text;
    size_t at;
    size_t line_at; /* where the current line begins */
    uint32_t line;
};

struct zonefile_entry {
    struct rdata_token *tokens; /* of the caller's */
    size_t size;
    size_t count;
    bool has_blank_owner; /* the line begins with a blank: the owner is that of the record before */
};

struct zonefile_lexer zonefile_lexer_over(struct span text);
/* The next entry that has tokens; false at the end. With a `problem` whose status is not OK the
 * entry is broken and the lexer stands behind it. Tokens are views of the text. */
bool zonefile_lexer_next(struct zonefile_lexer *lexer, struct zonefile_entry *entry,
                         struct problem *problem);
