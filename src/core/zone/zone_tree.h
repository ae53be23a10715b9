#pragma once
/* Inside a zone: the persistent B+tree of entries in canonical order. A change copies the path to
 * its leaf. Beside each entry and child its page keeps the earliest expiration of an RRSIG at or
 * below it. Only the files that look things up in a zone or build one include this. */
#include "core/zone/zone_page.h"

struct zone {
    atomic_uint_least32_t references;
    struct zone_page *root;       /* NULL: an empty zone */
    struct zone_page *nsec3_root; /* the entries that own NSEC3 once more, a ring of hashes */
    const struct zone_entry *apex_entry;
    size_t record_count;
    size_t node_count;
    struct name apex;
    uint8_t apex_octets[];
};

/* Without pages, with one reference; NULL without memory. */
struct zone *zone_make(struct name apex);

/* NULL when no entry has that key. O(log n). */
struct zone_entry *zone_tree_find(struct zone_page *root, struct span key);
/* Puts the cursor on the greatest entry <= key, or before the first. */
void zone_tree_seek(struct zone_page *root, struct span key, struct zone_cursor *cursor);
/* The same for the greatest entry < key. */
void zone_tree_seek_before(struct zone_page *root, struct span key, struct zone_cursor *cursor);
/* The entry under the cursor, NULL before the first and behind the last. */
const struct zone_entry *zone_tree_at(const struct zone_cursor *cursor);
const struct zone_entry *zone_tree_next(struct zone_page *root, struct zone_cursor *cursor);
/* The next entry behind the cursor that has an RRSIG which expires before that; the cursor moves
 * onto it, or to the end. O(log n). */
const struct zone_entry *zone_tree_next_expiring(struct zone_page *root, struct zone_cursor *cursor,
                                                 uint32_t before_s);

/* Adds the entry, or puts it in place of the one with the same key. Takes over the reference, also
 * on failure. Pages seen by others are copied first. */
enum status zone_tree_put(struct zone_page **root, struct zone_entry *entry) MUST_USE;
/* Takes away the entry with that key; it must be there. */
enum status zone_tree_remove(struct zone_page **root, struct span key) MUST_USE;

/* The next version's entry for its owner, packed already, in place of what stood there. Takes over
 * the reference, on failure too; a failure stays. */
enum status zone_build_put(struct zone_builder *builder, struct zone_entry *entry) MUST_USE;
/* Takes the whole node away; OK also when there is none. */
enum status zone_build_drop(struct zone_builder *builder, struct name owner) MUST_USE;
