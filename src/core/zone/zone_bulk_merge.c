/* Sorting entries that are mostly in order: rising runs are merged, neighbour by neighbour, until
 * one is left. A few names out of order cost a few searches; a zone without any order costs no more
 * than sorting does. */
#include "core/zone/zone_bulk.h"

#include <stdlib.h>
#include <string.h>

int zone_bulk_compare(const struct zone_bulk_item *a, const struct zone_bulk_item *b)
{
    return span_compare(zone_entry_key(a->entry), zone_entry_key(b->entry));
}

/* How many of the items of a rising run come before `item`; of an equal one `equals` says it. In
 * leaps from the front, so that a near place is found soon and a far one not late. */
static size_t count_before(struct zone_bulk_runs *runs, const struct zone_bulk_item *items,
                           size_t count, const struct zone_bulk_item *item, bool equals)
{
    size_t low = 0, leap = 1;
    bool is_leaping = true;
    for (size_t high = count; low < high;) {
        size_t at = is_leaping ? low + leap - 1 : low + (high - low) / 2;
        at = at < high ? at : high - 1;
        int order = zone_bulk_compare(&items[at], item);
        runs->has_equals = runs->has_equals || order == 0;
        if (order < 0 || (order == 0 && equals)) {
            low = at + 1;
            leap *= 2;
        } else {
            high = at;
            is_leaping = false;
        }
    }
    return low;
}

/* Merges two neighbouring rising runs; of equal names those of the left one stay in front. */
static enum status merge_runs(struct zone_bulk_runs *runs, size_t from, size_t middle, size_t to)
{
    struct zone_bulk_item *items = runs->items;
    size_t at = from + count_before(runs, items + from, middle - from, &items[middle], true);
    size_t aside_count = middle - at;
    if (aside_count == 0) {
        return OK;
    }
    struct zone_bulk_item *aside = malloc(aside_count * sizeof *aside);
    if (aside == NULL) {
        return NO_MEMORY;
    }
    memcpy(aside, items + at, aside_count * sizeof *items);
    size_t right = middle;
    for (size_t i = 0; i < aside_count; i++) {
        size_t passed = count_before(runs, items + right, to - right, &aside[i], false);
        memmove(items + at, items + right, passed * sizeof *items);
        at += passed;
        right += passed;
        items[at++] = aside[i];
    }
    free(aside);
    return OK;
}

/* Merges run `i` with its right neighbour, where it has one. */
static enum status merge_with_next(struct zone_bulk_runs *runs, size_t i)
{
    if (i + 1 == runs->start_count) {
        return OK;
    }
    size_t to = i + 2 < runs->start_count ? runs->starts[i + 2] : runs->count;
    return merge_runs(runs, runs->starts[i], runs->starts[i + 1], to);
}

enum status zone_bulk_merge(struct zone_bulk_runs *runs)
{
    enum status status = OK;
    while (runs->start_count > 1 && status == OK) {
        size_t kept = 0;
        for (size_t i = 0; i < runs->start_count && status == OK; i += 2) {
            status = merge_with_next(runs, i);
            runs->starts[kept++] = runs->starts[i];
        }
        runs->start_count = kept;
    }
    return status;
}
