/* The order of a DS set, so that equal sets are equal values. */
#include "core/keys/caches.h"

static int ds_entry_compare(struct ds_entry a, struct ds_entry b)
{
    return a.key != b.key ? a.key - b.key : a.digest_type - b.digest_type;
}

bool ds_set_add(struct ds_set *set, struct ds_entry entry)
{
    size_t at = 0;
    while (at < set->count && ds_entry_compare(set->entries[at], entry) < 0) {
        ++at;
    }
    if (at < set->count && ds_entry_compare(set->entries[at], entry) == 0) {
        return true;
    }
    if (set->count == CACHES_DS_MAX) {
        return false;
    }
    for (size_t i = set->count; i > at; --i) {
        set->entries[i] = set->entries[i - 1];
    }
    set->entries[at] = entry;
    set->count++;
    return true;
}

bool ds_set_equal(const struct ds_set *a, const struct ds_set *b)
{
    bool is_equal = a->count == b->count;
    for (size_t i = 0; is_equal && i < a->count; ++i) {
        is_equal = ds_entry_compare(a->entries[i], b->entries[i]) == 0;
    }
    return is_equal;
}
