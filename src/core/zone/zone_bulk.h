#pragma once
/* Zones made in one go: records become entries without a search, entries become full pages, and
 * several threads may do both. */
#include "core/base/parallel.h"
#include "core/zone/zone_tree.h"

/* An entry with one reference that owns copies of everything. `key` is the owner's name_key. The
 * RRsets stand in rising order of (type, covers), none is empty, their records are sorted
 * canonically without duplicates; their owners and classes are not looked at. NULL without memory.
 */
struct zone_entry *zone_bulk_entry(struct name owner, struct span key, const struct rrset *rrsets,
                                   uint16_t count);

/* An entry on its way into a zone, with what would cost a look into it. Small, as there is one for
 * each name. */
struct zone_bulk_item {
    struct zone_entry *entry;
    uint32_t earliest_s;   /* as zone_node_earliest_s says it */
    uint16_t record_count; /* UINT16_MAX: that or more, the entry knows */
    uint16_t ttl_differs;  /* a type that was given with different TTLs; 0: none, or not known */
};
struct zone_bulk_item zone_bulk_item_of(struct zone_entry *entry);

int zone_bulk_compare(const struct zone_bulk_item *a, const struct zone_bulk_item *b); /* by key */

/* Items in runs of rising keys: run i begins at starts[i], the first at 0. */
struct zone_bulk_runs {
    struct zone_bulk_item *items;
    size_t count;
    size_t *starts;
    size_t start_count;
    bool has_equals; /* told by the merge: some key stands more than once */
};
/* Makes one run of them; equal keys stay in the order they were in. OK or NO_MEMORY. */
enum status zone_bulk_merge(struct zone_bulk_runs *runs) MUST_USE;

/* A version with one reference of entries in rising order of their keys, each key once, all at or
 * below the apex. Takes over the references of the entries, on failure too; the array stays the
 * caller's. `has_nsec3`: false promises that none owns NSEC3. OK or NO_MEMORY. */
enum status zone_bulk_finish(struct name apex, const struct zone_bulk_item *items, size_t count,
                             bool has_nsec3, const struct parallel *parallel,
                             struct zone **zone) MUST_USE;
