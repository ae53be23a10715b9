/* A hash table with linear probing. Keys are our own numbers, never chosen by others, so a fixed
 * mix is enough. */
#include "core/base/table.h"

#include <stdlib.h>

enum { TABLE_SIZE_FIRST = 64 };

static size_t key_mix(uint64_t key)
{
    key ^= key >> 32;
    key *= 0x9E3779B97F4A7C15u;
    key ^= key >> 29;
    return (size_t)key;
}

/* The slot of the key, or the free slot where it would go. */
static size_t slot_find(const struct table *table, uint64_t key)
{
    size_t at = key_mix(key) & (table->size - 1);
    while (table->slots[at].value != NULL && table->slots[at].key != key) {
        at = (at + 1) & (table->size - 1);
    }
    return at;
}

void *table_find(const struct table *table, uint64_t key)
{
    return table->count == 0 ? NULL : table->slots[slot_find(table, key)].value;
}

static void table_grow(struct table *table)
{
    struct table grown = {.size = table->size == 0 ? TABLE_SIZE_FIRST : table->size * 2};
    grown.slots = calloc(grown.size, sizeof grown.slots[0]);
    require(grown.slots != NULL); /* a slot for each value that its owner already has memory for */
    for (size_t i = 0; i < table->size; i++) {
        if (table->slots[i].value != NULL) {
            grown.slots[slot_find(&grown, table->slots[i].key)] = table->slots[i];
            grown.count++;
        }
    }
    free(table->slots);
    *table = grown;
}

void table_set(struct table *table, uint64_t key, void *value)
{
    require(value != NULL);
    if (4 * (table->count + 1) > 3 * table->size) {
        table_grow(table);
    }
    struct table_slot *slot = &table->slots[slot_find(table, key)];
    table->count += slot->value == NULL ? 1 : 0;
    *slot = (struct table_slot){key, value};
}

void *table_remove(struct table *table, uint64_t key)
{
    if (table->count == 0) {
        return NULL;
    }
    size_t hole = slot_find(table, key);
    void *removed = table->slots[hole].value;
    if (removed == NULL) {
        return NULL;
    }
    /* Those behind the hole move up unless they would pass their own place. */
    size_t mask = table->size - 1;
    for (size_t at = (hole + 1) & mask; table->slots[at].value != NULL; at = (at + 1) & mask) {
        size_t home = key_mix(table->slots[at].key) & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (struct table_slot){0};
    table->count--;
    return removed;
}

void *table_any(const struct table *table)
{
    for (size_t i = 0; i < table->size; i++) {
        if (table->slots[i].value != NULL) {
            return table->slots[i].value;
        }
    }
    return NULL;
}

void table_close(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}
