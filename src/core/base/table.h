#pragma once
/* Finds a thing by its number. */
#include "core/base/base.h"

struct table_slot {
    uint64_t key;
    void *value; /* NULL: the slot is free */
};

struct table {
    struct table_slot *slots;
    size_t count;
    size_t size; /* a power of two, or 0 */
};

/* A zeroed table is open and empty. NULL when there is none. O(1). */
void *table_find(const struct table *table, uint64_t key);
/* `value` is not NULL; takes the place of an older one under that key. */
void table_set(struct table *table, uint64_t key, void *value);
/* Takes it out and returns it; NULL when there was none. */
void *table_remove(struct table *table, uint64_t key);
/* Any one value, for taking all out; NULL when it is empty. No order is promised. */
void *table_any(const struct table *table);
/* Returns the memory of the table, not that of the values. */
void table_close(struct table *table);
