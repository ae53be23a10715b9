/* A binary heap of pointers whose items know their position. */
#include "core/base/heap.h"

#include <stdlib.h>

enum { HEAP_SIZE_FIRST = 64 };

static bool item_is_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_put(struct heap *heap, size_t index, struct heap_item *item)
{
    heap->items[index] = item;
    item->position = index + 1;
}

/* Moves the item from `index` towards the top as far as it belongs. */
static void heap_rise(struct heap *heap, size_t index, struct heap_item *item)
{
    while (index > 0) {
        size_t above = (index - 1) / 2;
        if (!item_is_before(item, heap->items[above])) {
            break;
        }
        heap_put(heap, index, heap->items[above]);
        index = above;
    }
    heap_put(heap, index, item);
}

static void heap_sink(struct heap *heap, size_t index, struct heap_item *item)
{
    for (;;) {
        size_t below = 2 * index + 1;
        if (below >= heap->count) {
            break;
        }
        if (below + 1 < heap->count && item_is_before(heap->items[below + 1], heap->items[below])) {
            below++;
        }
        if (!item_is_before(heap->items[below], item)) {
            break;
        }
        heap_put(heap, index, heap->items[below]);
        index = below;
    }
    heap_put(heap, index, item);
}

static void heap_grow(struct heap *heap)
{
    size_t size = heap->size == 0 ? HEAP_SIZE_FIRST : heap->size * 2;
    struct heap_item **items = realloc(heap->items, size * sizeof items[0]);
    require(items != NULL); /* a pointer for each item that its owner already has memory for */
    heap->items = items;
    heap->size = size;
}

void heap_set(struct heap *heap, struct heap_item *item, int64_t at)
{
    heap_remove(heap, item);
    if (heap->count == heap->size) {
        heap_grow(heap);
    }
    item->at = at;
    item->order = heap->order_next++;
    heap->count++;
    heap_rise(heap, heap->count - 1, item);
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
    if (item->position == 0) {
        return;
    }
    size_t index = item->position - 1;
    require(index < heap->count && heap->items[index] == item);
    item->position = 0;
    heap->count--;
    struct heap_item *last = heap->items[heap->count];
    if (last == item) {
        return;
    }
    if (index > 0 && item_is_before(last, heap->items[(index - 1) / 2])) {
        heap_rise(heap, index, last);
    } else {
        heap_sink(heap, index, last);
    }
}

struct heap_item *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->items[0];
}

void heap_close(struct heap *heap)
{
    free(heap->items);
    *heap = (struct heap){0};
}
