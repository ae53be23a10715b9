#pragma once
/* An RRset: all records of one owner, class and type (and, for RRSIG, of one covered type: RFC 4034
 * §3 gives those their covered RRset's TTL). A value and a view: it owns nothing. */
#include "core/base/arena.h"
#include "core/dns/name.h"
#include "core/dns/type.h"

enum { RRSET_RECORDS_MAX = 65535 };

struct rrset {
    struct name owner;
    uint16_t type;
    uint16_t covers; /* the covered type of an RRSIG RRset; else 0 */
    uint16_t class_;
    uint16_t count; /* records; 0 is an empty RRset, as in an UPDATE or a question */
    uint32_t ttl_s;
    uint32_t rdata_len;   /* octets at `rdata` */
    const uint8_t *rdata; /* count times: length (2 octets, big-endian), rdata. No order promised
                             but where said */
};

/* Walks the records: `for (struct rrset_cursor c = rrset_first(&s); rrset_next(&c, &rdata);)`. */
struct rrset_cursor {
    const uint8_t *at;
    const uint8_t *end;
};
struct rrset_cursor rrset_first(const struct rrset *rrset);
bool rrset_next(struct rrset_cursor *cursor, struct span *rdata);
/* The first record's rdata; count > 0. */
struct span rrset_only(const struct rrset *rrset);
bool rrset_has(const struct rrset *rrset, struct span rdata); /* canonical equality */
/* The canonical order of two rdata of one type (RFC 4034 §6.3). */
int rrset_compare_rdata(uint16_t type, struct span a, struct span b);
/* Same owner, type, covers, class and records, in any order and case; the TTL is not compared. */
bool rrset_equal(const struct rrset *a, const struct rrset *b);

/* Collects records into an RRset in an arena. */
struct rrset_builder {
    struct arena *arena;
    struct rrset rrset;
    uint8_t *bytes;
    size_t size;
    enum status status; /* sticky */
};
void rrset_begin(struct rrset_builder *builder, struct arena *arena, struct name owner,
                 uint16_t type, uint32_t ttl_s);
/* Adds one record (class IN). For RRSIG the covered type is taken from the first rdata. A duplicate
 * is left out. */
void rrset_add(struct rrset_builder *builder, struct span rdata);
/* Sorted canonically (RFC 4034 §6.3), the owner copied. */
enum status rrset_finish(struct rrset_builder *builder, struct rrset *rrset) MUST_USE;
enum status rrset_copy(struct arena *arena, const struct rrset *rrset, struct rrset *copy) MUST_USE;
/* Presentation form, a line each record with a newline. */
void rrset_write_text(const struct rrset *rrset, struct writer *text);
