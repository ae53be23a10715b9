/* Home of malloc in the real world. */
#include "world/real/memory.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER_SIZE_FIRST = 2048, BUFFER_SIZE_KEPT = 65536 };

void *memory_take(size_t size)
{
    return calloc(1, size);
}

void *memory_take_aligned(size_t alignment, size_t size)
{
    void *taken = aligned_alloc(alignment, size);
    return taken == NULL ? NULL : memset(taken, 0, size);
}

void memory_give_back(void *memory)
{
    free(memory);
}

uint8_t *buffer_room(struct buffer *buffer, size_t len)
{
    if (buffer->size - buffer->start - buffer->len >= len && buffer->bytes != NULL) {
        return buffer->bytes + buffer->start + buffer->len;
    }
    if (buffer->start != 0) { /* what is left goes to the front first */
        memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->len);
        buffer->start = 0;
    }
    size_t wanted;
    if (__builtin_add_overflow(buffer->len, len, &wanted)) {
        return NULL;
    }
    size_t size = buffer->size == 0 ? BUFFER_SIZE_FIRST : buffer->size;
    while (size < wanted) {
        size = size > SIZE_MAX / 2 ? wanted : size * 2;
    }
    if (size != buffer->size) {
        uint8_t *bytes = realloc(buffer->bytes, size);
        if (bytes == NULL) {
            return NULL;
        }
        buffer->bytes = bytes;
        buffer->size = size;
    }
    return buffer->bytes + buffer->len;
}

void buffer_added(struct buffer *buffer, size_t len)
{
    require(len <= buffer->size - buffer->start - buffer->len);
    buffer->len += len;
}

enum status buffer_append(struct buffer *buffer, struct span bytes)
{
    if (bytes.len == 0) {
        return OK;
    }
    uint8_t *room = buffer_room(buffer, bytes.len);
    if (room == NULL) {
        return NO_MEMORY;
    }
    memcpy(room, bytes.bytes, bytes.len);
    buffer_added(buffer, bytes.len);
    return OK;
}

struct span buffer_bytes(const struct buffer *buffer)
{
    return buffer->len == 0 ? SPAN_EMPTY : span_of(buffer->bytes + buffer->start, buffer->len);
}

void buffer_drop(struct buffer *buffer, size_t len)
{
    require(len <= buffer->len);
    buffer->start += len;
    buffer->len -= len;
    if (buffer->len == 0) {
        buffer->start = 0;
        if (buffer->size > BUFFER_SIZE_KEPT) {
            buffer_close(buffer);
        }
    }
}

void buffer_close(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
