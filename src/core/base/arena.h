#pragma once
/* A lifetime: many allocations, one release. Names of arenas say when they end: scratch (the
 * event), task (the query or session), snapshot (the zone version). */
#include "core/base/span.h"
#include "core/base/status.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *newest;
    size_t taken;    /* octets handed out and chunk overhead */
    size_t size_max; /* never exceeded */
};

/* Opens an empty arena; nothing is allocated until something is taken. */
void arena_open(struct arena *arena, size_t size_max);
/* Zeroed memory aligned for any type, or NULL when the cap is reached. `size` may be 0. */
void *arena_take(struct arena *arena, size_t size) MUST_USE;
/* `count` items of `size`; NULL also when the product overflows. */
void *arena_take_array(struct arena *arena, size_t count, size_t size) MUST_USE;
/* A copy of the bytes; OK or NO_MEMORY. */
enum status arena_copy(struct arena *arena, struct span bytes, struct span *copy) MUST_USE;
/* A NUL-terminated copy, or NULL. */
char *arena_text(struct arena *arena, struct span text) MUST_USE;
/* A printed text, or NULL. */
char *arena_print(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* Forgets everything taken; keeps one chunk for the next use. */
void arena_reset(struct arena *arena);
/* What many arenas and zones that are gone have left free goes back to the system. Not cheap: after
 * a start, or a change of thousands of things. */
void arena_return_free(void);
/* Returns all memory. The arena may be opened again. */
void arena_close(struct arena *arena);
