#pragma once
/* Things in order of a time: the earliest first, and among equal times the one that was set first.
 * The item stands inside its owner, so that it can be moved and taken out. */
#include "core/base/base.h"

struct heap_item {
    int64_t at;
    uint64_t order;  /* among equal times */
    size_t position; /* from 1; 0: in no heap. Zero an item before its first use */
};

struct heap {
    struct heap_item **items;
    size_t count;
    size_t size;
    uint64_t order_next;
};

/* A zeroed heap is open and empty. Puts the item in, or moves it; either way it goes behind its
 * equals. O(log count). */
void heap_set(struct heap *heap, struct heap_item *item, int64_t at);
/* Takes the item out if it is in. */
void heap_remove(struct heap *heap, struct heap_item *item);
/* The earliest, or NULL. */
struct heap_item *heap_first(const struct heap *heap);
/* Returns the memory of the heap, not that of the items. */
void heap_close(struct heap *heap);
