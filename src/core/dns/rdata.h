#pragma once
/* Rdata in uncompressed wire form, described by a table of fields per type: reading, checking,
 * printing and canonicalising need no code per type. Unknown types are opaque (RFC 3597). */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/dns/name.h"
#include "core/dns/type.h"

enum { RDATA_LEN_MAX = 65535 };

/* Reads `rdlength` octets of rdata at the cursor over a whole message, checks them against the
 * type's fields, and writes them uncompressed. Names are decompressed only in the types of RFC 1035
 * and the few where RFC 3597 §4 asks for it. */
enum status rdata_read(struct reader *message, uint16_t type, uint16_t rdlength,
                       struct writer *rdata) MUST_USE;
/* The same for rdata that stands alone and has no compression. */
enum status rdata_check(uint16_t type, struct span rdata) MUST_USE;
/* Canonical form (RFC 4034 §6.2 as corrected by RFC 6840 §5.1): names of the listed types in lower
 * case. The length does not change. */
void rdata_write_canonical(uint16_t type, struct span rdata, struct writer *canonical);
/* Presentation form, one line, names absolute; at most RDATA_TEXT_LEN_MAX octets. Generic form
 * where the other cannot say it, or has more than RDATA_TEXT_TOKENS_MAX fields: what is written
 * here can always be read again. Rdata must have passed rdata_check. */
void rdata_write_text(uint16_t type, struct span rdata, struct writer *text);
/* `\# LEN HEX` (RFC 3597 §5). */
void rdata_write_generic(struct span rdata, struct writer *text);
/* One token of presentation form, as the zone file lexer or a caller cuts it. */
struct rdata_token {
    struct span text; /* quotes removed, escapes left in */
    bool is_quoted;
    uint32_t line, column;
};
/* From presentation form or `\#`. `problem` gets line and column of the token at fault, or the
 * column behind the last token when one is missing, and what was expected. Its place is kept. */
enum status rdata_parse(uint16_t type, const struct rdata_token *tokens, size_t count,
                        const struct name *origin, struct writer *rdata,
                        struct problem *problem) MUST_USE;
/* A whole rdata text, cut here at blanks outside quotes; line 1, columns from 1. No parentheses or
 * comments: those are of zone files. */
enum { RDATA_TEXT_TOKENS_MAX = 512, RDATA_TEXT_LEN_MAX = 1 << 20 };
enum status rdata_parse_text(uint16_t type, struct span text, const struct name *origin,
                             struct writer *rdata, struct problem *problem) MUST_USE;
/* The name inside rdata that message compression (RFC 3597 §4), additional processing or glue look
 * at: NS, MX, SRV, CNAME, DNAME, PTR, SOA's first. False when the type has none. */
bool rdata_target(uint16_t type, struct span rdata, struct name *target);
/* Calls for compressing: writes rdata into a message, handing each compressible name to
 * `write_name`. */
void rdata_write_message(uint16_t type, struct span rdata, struct writer *message,
                         void (*write_name)(void *user, struct name name, struct writer *message),
                         void *user);
