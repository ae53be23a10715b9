#pragma once
/* A bounded cursor that writes into a buffer of the caller's, with a sticky error: after the first
 * failure every write is a no-op and `status` says NO_SPACE. Numbers are big-endian, as in DNS. */
#include "core/base/span.h"
#include "core/base/status.h"

struct writer {
    uint8_t *bytes;
    size_t size;
    size_t len;         /* written so far */
    enum status status; /* OK, or the first failure */
};

struct writer writer_over(void *bytes, size_t size);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u48(struct writer *writer, uint64_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_span(struct writer *writer, struct span bytes);
void writer_text(struct writer *writer, const char *text); /* without the NUL */
void writer_decimal(struct writer *writer, uint64_t value);
void writer_print(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Leaves `len` zero octets and returns their offset, to be filled by writer_patch_*. */
size_t writer_reserve(struct writer *writer, size_t len);
void writer_patch_u16(struct writer *writer, size_t at, uint16_t value); /* no-op after a failure */
void writer_fail(struct writer *writer, enum status status);
/* Takes back everything behind `len` and clears a failure that came after it. */
void writer_rewind(struct writer *writer, size_t len);
struct span writer_written(const struct writer *writer);
size_t writer_left(const struct writer *writer);
