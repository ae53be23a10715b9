/* The only place where numbers become bytes. */
#include "core/base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct writer writer_over(void *bytes, size_t size)
{
    return (struct writer){bytes, size, 0, OK};
}

void writer_fail(struct writer *writer, enum status status)
{
    require(status != OK);
    if (writer->status == OK) {
        writer->status = status;
    }
}

size_t writer_left(const struct writer *writer)
{
    return writer->status == OK ? writer->size - writer->len : 0;
}

static uint8_t *room(struct writer *writer, size_t len)
{
    if (writer->status != OK || len > writer->size - writer->len) {
        writer_fail(writer, NO_SPACE);
        return NULL;
    }
    uint8_t *at = writer->bytes + writer->len;
    writer->len += len;
    return at;
}

static void number(struct writer *writer, uint64_t value, size_t len)
{
    uint8_t *at = room(writer, len);
    for (size_t i = 0; at != NULL && i < len; i++) {
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    }
}

void writer_u8(struct writer *writer, uint8_t value)
{
    if (writer->status == OK && writer->len < writer->size) { /* most of all calls */
        writer->bytes[writer->len++] = value;
    } else {
        writer_fail(writer, NO_SPACE);
    }
}

void writer_u16(struct writer *writer, uint16_t value)
{
    number(writer, value, 2);
}

void writer_u32(struct writer *writer, uint32_t value)
{
    number(writer, value, 4);
}

void writer_u48(struct writer *writer, uint64_t value)
{
    number(writer, value, 6);
}

void writer_u64(struct writer *writer, uint64_t value)
{
    number(writer, value, 8);
}

void writer_span(struct writer *writer, struct span bytes)
{
    uint8_t *at = room(writer, bytes.len);
    if (at != NULL && bytes.len != 0) {
        memcpy(at, bytes.bytes, bytes.len);
    }
}

void writer_text(struct writer *writer, const char *text)
{
    writer_span(writer, span_of_text(text));
}

void writer_decimal(struct writer *writer, uint64_t value)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    writer_span(writer, span_of(digits + at, sizeof digits - at));
}

void writer_print(struct writer *writer, const char *format, ...)
{
    if (writer->status != OK) {
        return;
    }
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        writer_fail(writer, TOO_LONG);
        return;
    }
    writer_span(writer, span_of(text, (size_t)len));
}

size_t writer_reserve(struct writer *writer, size_t len)
{
    size_t at = writer->len;
    uint8_t *octets = room(writer, len);
    if (octets != NULL) {
        memset(octets, 0, len);
    }
    return at;
}

void writer_patch_u16(struct writer *writer, size_t at, uint16_t value)
{
    if (writer->status != OK) {
        return;
    }
    require(at + 2 <= writer->len);
    writer->bytes[at] = (uint8_t)(value >> 8);
    writer->bytes[at + 1] = (uint8_t)value;
}

void writer_rewind(struct writer *writer, size_t len)
{
    require(len <= writer->len);
    writer->len = len;
    writer->status = OK;
}

struct span writer_written(const struct writer *writer)
{
    return span_of(writer->bytes, writer->len);
}
