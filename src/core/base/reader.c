/* The only place where bytes become numbers. */
#include "core/base/reader.h"

struct reader reader_over(struct span bytes)
{
    return (struct reader){bytes, 0, OK};
}

void reader_fail(struct reader *reader, enum status status)
{
    require(status != OK);
    if (reader->status == OK) {
        reader->status = status;
    }
}

size_t reader_left(const struct reader *reader)
{
    return reader->status == OK ? reader->bytes.len - reader->at : 0;
}

struct span reader_span(struct reader *reader, size_t len)
{
    if (len > reader_left(reader)) {
        reader_fail(reader, TRUNCATED);
        return SPAN_EMPTY;
    }
    struct span part = span_part(reader->bytes, reader->at, reader->status == OK ? len : 0);
    reader->at += part.len;
    return part;
}

struct span reader_rest(struct reader *reader)
{
    return reader_span(reader, reader_left(reader));
}

static uint64_t number(struct reader *reader, size_t len)
{
    struct span octets = reader_span(reader, len);
    uint64_t value = 0;
    for (size_t i = 0; i < octets.len; i++) {
        value = value << 8 | octets.bytes[i];
    }
    return value;
}

uint8_t reader_u8(struct reader *reader)
{
    return (uint8_t)number(reader, 1);
}

uint16_t reader_u16(struct reader *reader)
{
    return (uint16_t)number(reader, 2);
}

uint32_t reader_u32(struct reader *reader)
{
    return (uint32_t)number(reader, 4);
}

uint64_t reader_u48(struct reader *reader)
{
    return number(reader, 6);
}

uint64_t reader_u64(struct reader *reader)
{
    return number(reader, 8);
}

enum status reader_end(const struct reader *reader)
{
    if (reader->status != OK) {
        return reader->status;
    }
    return reader->at == reader->bytes.len ? OK : MALFORMED;
}
