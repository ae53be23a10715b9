/* Chunks that double up to a bound, and the bump pointer in the newest. Home of malloc for
 * everything with a lifetime. */
#include "core/base/arena.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE_MIN = 4096, CHUNK_SIZE_MAX = 1 << 20, ALIGNMENT = alignof(max_align_t) };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_open(struct arena *arena, size_t size_max)
{
    *arena = (struct arena){NULL, 0, size_max};
}

static struct arena_chunk *chunk_add(struct arena *arena, size_t size_wanted)
{
    size_t size = arena->newest == NULL ? CHUNK_SIZE_MIN : arena->newest->size * 2;
    size = size > CHUNK_SIZE_MAX ? CHUNK_SIZE_MAX : size;
    size_t left = arena->size_max - arena->taken;
    size = size > left ? left : size;
    size = size < size_wanted ? size_wanted : size;
    if (size_wanted > left) {
        return NULL;
    }
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->older = arena->newest;
    chunk->size = size;
    chunk->used = 0;
    arena->newest = chunk;
    return chunk;
}

void *arena_take(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    rounded = rounded == 0 ? ALIGNMENT : rounded;
    if (rounded > arena->size_max - arena->taken) {
        return NULL;
    }
    struct arena_chunk *chunk = arena->newest;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        chunk = chunk_add(arena, rounded);
        if (chunk == NULL) {
            return NULL;
        }
    }
    void *taken = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->taken += rounded;
    memset(taken, 0, rounded);
    return taken;
}

void *arena_take_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    return arena_take(arena, total);
}

enum status arena_copy(struct arena *arena, struct span bytes, struct span *copy)
{
    uint8_t *taken = arena_take(arena, bytes.len);
    if (taken == NULL) {
        return NO_MEMORY;
    }
    if (bytes.len != 0) {
        memcpy(taken, bytes.bytes, bytes.len);
    }
    *copy = span_of(taken, bytes.len);
    return OK;
}

char *arena_text(struct arena *arena, struct span text)
{
    char *taken = text.len == SIZE_MAX ? NULL : arena_take(arena, text.len + 1);
    if (taken != NULL && text.len != 0) {
        memcpy(taken, text.bytes, text.len);
    }
    return taken;
}

char *arena_print(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *taken = len < 0 ? NULL : arena_take(arena, (size_t)len + 1);
    if (taken != NULL) {
        vsnprintf(taken, (size_t)len + 1, format, again);
    }
    va_end(again);
    return taken;
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = arena->newest;
    if (kept != NULL) {
        struct arena_chunk *older = kept->older;
        while (older != NULL) {
            struct arena_chunk *next = older->older;
            free(older);
            older = next;
        }
        kept->older = NULL;
        kept->used = 0;
        if (kept->size > CHUNK_SIZE_MAX) { /* one huge allocation must not stay for ever */
            free(kept);
            arena->newest = NULL;
        }
    }
    arena->taken = 0;
}

void arena_close(struct arena *arena)
{
    struct arena_chunk *chunk = arena->newest;
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
    *arena = (struct arena){NULL, 0, 0};
}

void arena_return_free(void)
{
    malloc_trim(0);
}
