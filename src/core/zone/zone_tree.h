#pragma once
/* Inside a zone: the persistent B+tree of entries in canonical order. Pages and entries are
 * reference counted and never change once another version can see them; a change copies the path
 * to its leaf. Beside each entry and child its page keeps the earliest expiration of an RRSIG at or
 * below it. Only the files that look things up in a zone or build one include this. */
#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#include "core/zone/zone.h"

/* A node with everything it owns in one block of memory: this struct, the RRsets, the owner's
 * octets, the sort key (name_key) and the rdata. */
struct zone_entry {
    atomic_uint_least32_t references;
    uint32_t record_count;
    struct zone_node node;
};

/* 32 keeps a copied path of a zone of millions of names below 4 KiB. */
enum { PAGE_ENTRIES_MAX = 32, PAGE_ENTRIES_FEW = 8, PAGE_PREFIX_MAX = 55 };

/* The octets that the keys of a page differ in stand in the page, so that a search looks into
 * entries, each a miss of the caches, only where eight octets do not decide. */
struct zone_page {
    atomic_uint_least32_t references;
    uint16_t count;
    bool is_leaf;
    bool is_short;      /* a leaf without room for more than it has: it is copied to be changed */
    uint8_t prefix_len; /* octets that all keys here begin with; not always as many as could be */
    uint8_t prefix[PAGE_PREFIX_MAX];
    uint64_t heads[PAGE_ENTRIES_MAX]; /* of each key, what follows the prefix (zone_key_head) */
    /* The earliest expiration at or below each slot, ZONE_EXPIRES_NEVER without an RRSIG. */
    uint32_t earliest_s[PAGE_ENTRIES_MAX];
    union {
        struct zone_entry *entries[PAGE_ENTRIES_MAX];
        struct {
            struct zone_page *children[PAGE_ENTRIES_MAX];
            /* The leftmost entry below each child, which the child keeps alive. */
            const struct zone_entry *firsts[PAGE_ENTRIES_MAX];
        };
    };
};

static const uint32_t ZONE_EXPIRES_NEVER = UINT32_MAX;

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

/* The earliest of the node's RRSIGs; ZONE_EXPIRES_NEVER without any. O(RRSIGs). */
uint32_t zone_node_earliest_s(const struct zone_node *node);
struct zone_entry *zone_entry_of(const struct zone_node *node);   /* the entry around it */
struct zone_entry *zone_entry_hold(const struct zone_node *node); /* one more reference to it */
static inline struct span zone_entry_key(const struct zone_entry *entry)
{
    const struct name *owner = &entry->node.owner;
    return (struct span){owner->octets + owner->len, entry->node.key_len};
}
/* Eight octets of a key from `at` on as a number, zeros behind its end. Keys of the same first `at`
 * octets are in the order of these numbers where those differ. */
static inline uint64_t zone_key_head(struct span key, size_t at)
{
    uint64_t head = 0;
    if (key.len >= at + sizeof head) {
        memcpy(&head, key.bytes + at, sizeof head);
    } else if (key.len > at) {
        memcpy(&head, key.bytes + at, key.len - at);
    }
    return be64toh(head);
}
void zone_entry_release(struct zone_entry *entry); /* NULL is fine */

struct zone_page *zone_page_hold(struct zone_page *page); /* NULL is fine */
void zone_page_release(struct zone_page *page);           /* NULL is fine */

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
/* The earliest expiration below a page; ZONE_EXPIRES_NEVER of NULL. */
uint32_t zone_page_earliest_s(const struct zone_page *page);
struct zone_page *zone_page_make(bool is_leaf); /* empty, NULL without memory */
/* A leaf for so many entries and no more: small zones are many. */
struct zone_page *zone_page_make_short(uint16_t count);
/* Without pages, with one reference; NULL without memory. */
struct zone *zone_make(struct name apex);
const struct zone_entry *zone_page_first(const struct zone_page *page); /* the leftmost below it */
/* After its slots were filled: what the page keeps of their keys. */
void zone_page_describe_keys(struct zone_page *page);
/* How many slots of the page are <= key. */
uint16_t zone_page_count_at_or_before(const struct zone_page *page, struct span key);
/* The same in two steps. How many are < key, as far as heads tell; those behind with the head of
 * the key are tied. */
uint16_t zone_page_count_before_head(const struct zone_page *page, struct span key, bool *is_tied);
/* How many are <= key, the first tied one being at `low`. */
uint16_t zone_page_count_among(const struct zone_page *page, struct span key, uint16_t low);

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
