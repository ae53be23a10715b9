#pragma once
/* Memory of the world's own things that live and die with a connection, and the byte queue that
 * each connection has for each direction. */
#include "core/base/span.h"
#include "core/base/status.h"

/* Zeroed; NULL when there is none, and then the one connection that wanted it ends. */
void *memory_take(size_t size) MUST_USE;
/* The same at a multiple of `alignment`, which divides `size`. */
void *memory_take_aligned(size_t alignment, size_t size) MUST_USE;
void memory_give_back(void *memory);

/* A queue of bytes: appended behind, taken from the front. A zeroed buffer is open and empty. */
struct buffer {
    uint8_t *bytes;
    size_t start; /* of what is left */
    size_t len;   /* of what is left */
    size_t size;
};

/* Room for `len` more octets, to be filled and counted by buffer_added; NULL without memory. */
uint8_t *buffer_room(struct buffer *buffer, size_t len) MUST_USE;
void buffer_added(struct buffer *buffer, size_t len);
/* OK or NO_MEMORY. */
enum status buffer_append(struct buffer *buffer, struct span bytes) MUST_USE;
/* What is left. The view holds until the next append. */
struct span buffer_bytes(const struct buffer *buffer);
/* Drops `len` octets from the front; the memory goes back when nothing is left. */
void buffer_drop(struct buffer *buffer, size_t len);
void buffer_close(struct buffer *buffer);
