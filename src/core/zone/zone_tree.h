#pragma once
/* Inside a zone: the persistent B+tree of entries in canonical order. Pages and entries are
 * reference counted and never change once another version can see them; a change copies the path
 * to its leaf. Only zone.c and builder.c include this. */
#include <stdatomic.h>

#include "core/zone/zone.h"

/* A node with everything it owns in one block of memory: this struct, the RRset pointers, the
 * RRsets, the owner's octets, the sort key (name_key) and the rdata. */
struct zone_entry {
    atomic_uint_least32_t references;
    uint32_t record_count;
    uint16_t key_len; /* the key stands behind the owner's octets */
    struct zone_node node;
};

struct zone_page;

struct zone {
    atomic_uint_least32_t references;
    struct zone_page *root;       /* NULL: an empty zone */
    struct zone_page *nsec3_root; /* the entries that own NSEC3 once more, a ring of hashes */
    const struct zone_entry *apex_entry;
    size_t record_count;
    size_t node_count;
    struct name apex;
    struct name_buffer apex_buffer;
};

struct span zone_entry_key(const struct zone_entry *entry);
void zone_entry_release(struct zone_entry *entry); /* NULL is fine */

struct zone_page *zone_page_hold(struct zone_page *page); /* NULL is fine */
void zone_page_release(struct zone_page *page);           /* NULL is fine */

/* NULL when no entry has that key. O(log n). */
struct zone_entry *zone_tree_find(struct zone_page *root, struct span key);
/* Puts the cursor on the greatest entry <= key, or before the first. */
void zone_tree_seek(struct zone_page *root, struct span key, struct zone_cursor *cursor);
/* The entry under the cursor, NULL before the first and behind the last. */
const struct zone_entry *zone_tree_at(const struct zone_cursor *cursor);
const struct zone_entry *zone_tree_next(struct zone_page *root, struct zone_cursor *cursor);

/* Adds the entry, or puts it in place of the one with the same key. Takes over the reference, also
 * on failure. Pages seen by others are copied first. */
enum status zone_tree_put(struct zone_page **root, struct zone_entry *entry) MUST_USE;
/* Takes away the entry with that key; it must be there. */
enum status zone_tree_remove(struct zone_page **root, struct span key) MUST_USE;
