#pragma once
/* A bounded cursor over bytes with a sticky error: after the first failure every read gives zeros,
 * so a parser reads like its format and checks `status` once at the end. Numbers are big-endian, as
 * in DNS. */
#include "core/base/span.h"
#include "core/base/status.h"

struct reader {
    struct span bytes;
    size_t at;          /* never beyond bytes.len */
    enum status status; /* OK, or the first failure */
};

struct reader reader_over(struct span bytes);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u48(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
/* The next `len` octets as a view; empty after a failure. */
struct span reader_span(struct reader *reader, size_t len);
/* All that is left, as a view. */
struct span reader_rest(struct reader *reader);
size_t reader_left(const struct reader *reader);
/* Records a failure found by the caller, unless one is recorded already. */
void reader_fail(struct reader *reader, enum status status);
/* OK only when nothing failed and nothing is left (else MALFORMED). */
enum status reader_end(const struct reader *reader) MUST_USE;
