#pragma once
/* Inside a zone: entries and the pages of the tree that they stand in. Both are reference counted
 * and never change once another version can see them. */
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
 * entries, each a miss of the caches, only where eight octets do not decide. Behind the heads
 * stand, `size` of each: what the slots point to, the earliest expirations, and in a page above the
 * leaves the first entries. */
struct zone_page {
    atomic_uint_least32_t references;
    uint16_t count;
    uint8_t size; /* slots there is room for: small zones are many, and have pages as small */
    bool is_leaf;
    uint8_t prefix_len; /* octets that all keys here begin with; not always as many as could be */
    uint8_t prefix[PAGE_PREFIX_MAX];
    uint64_t heads[]; /* of each key, what follows the prefix (zone_key_head) */
};

static inline void *zone_page_behind_heads(const struct zone_page *page)
{
    return (void *)(uintptr_t)(page->heads + page->size);
}
/* Of a leaf. */
static inline struct zone_entry **zone_page_entries(const struct zone_page *page)
{
    return zone_page_behind_heads(page);
}
/* Of a page above the leaves. */
static inline struct zone_page **zone_page_children(const struct zone_page *page)
{
    return zone_page_behind_heads(page);
}
/* The earliest expiration at or below each slot, ZONE_EXPIRES_NEVER without an RRSIG. */
static inline uint32_t *zone_page_expires_s(const struct zone_page *page)
{
    return (uint32_t *)(zone_page_entries(page) + page->size);
}
/* Of a page above the leaves: the leftmost entry below each child, which the child keeps alive. */
static inline const struct zone_entry **zone_page_firsts(const struct zone_page *page)
{
    void *behind = zone_page_expires_s(page) + page->size + page->size % 2;
    return behind;
}

static const uint32_t ZONE_EXPIRES_NEVER = UINT32_MAX;

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
/* Empty, with room for so many slots, at most PAGE_ENTRIES_MAX; NULL without memory. */
struct zone_page *zone_page_make(bool is_leaf, uint16_t size);
/* Makes `*slot` a page that only its parent sees, with room for all that a page may have. */
enum status zone_page_own(struct zone_page **slot) MUST_USE;
/* Copies `count` slots; the references of what they point to are the caller's affair. */
void zone_page_copy_slots(struct zone_page *to, uint16_t to_at, const struct zone_page *from,
                          uint16_t from_at, uint16_t count);
void zone_page_open_slot(struct zone_page *page, uint16_t at); /* to be filled */
void zone_page_close_slot(struct zone_page *page, uint16_t at);
/* The earliest expiration below a page; ZONE_EXPIRES_NEVER of NULL. */
uint32_t zone_page_earliest_s(const struct zone_page *page);
/* The leftmost at or below the slot. */
const struct zone_entry *zone_page_entry(const struct zone_page *page, uint16_t at);
const struct zone_entry *zone_page_first(const struct zone_page *page); /* the leftmost below it */
/* After its slots were filled: what the page keeps of their keys. */
void zone_page_describe_keys(struct zone_page *page);
/* After the slot at `at` was filled, the others being described: all again where it does not share
 * their prefix. */
void zone_page_describe_key(struct zone_page *page, uint16_t at);
/* How many slots of the page are < key. */
uint16_t zone_page_count_before(const struct zone_page *page, struct span key);
/* How many slots of the page are <= key. */
uint16_t zone_page_count_at_or_before(const struct zone_page *page, struct span key);
/* The same in two steps. How many are < key, as far as heads tell; those behind with the head of
 * the key are tied. */
uint16_t zone_page_count_before_head(const struct zone_page *page, struct span key, bool *is_tied);
/* How many are <= key, the first tied one being at `low`. */
uint16_t zone_page_count_among(const struct zone_page *page, struct span key, uint16_t low);
