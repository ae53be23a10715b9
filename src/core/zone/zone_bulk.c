/* Entries and full pages of a whole zone in one go: how an entry is packed when its RRsets are
 * ready, and how pages are filled level by level, several at a time. */
#include "core/zone/zone_bulk.h"

#include <stdlib.h>
#include <string.h>

struct zone_entry *zone_bulk_entry(struct name owner, struct span key, const struct rrset *rrsets,
                                   uint16_t count)
{
    size_t rdata_len = 0;
    uint32_t record_count = 0;
    for (uint16_t i = 0; i < count; i++) {
        rdata_len += rrsets[i].rdata_len;
        record_count += rrsets[i].count;
    }
    size_t slot = sizeof(struct rrset);
    struct zone_entry *entry =
        malloc(sizeof *entry + count * slot + owner.len + key.len + rdata_len);
    if (entry == NULL) {
        return NULL;
    }
    struct rrset *own = (struct rrset *)(entry + 1);
    uint8_t *at = (uint8_t *)(own + count);
    memcpy(at, owner.octets, owner.len);
    owner.octets = at;
    at += owner.len;
    memcpy(at, key.bytes, key.len);
    at += key.len;
    for (uint16_t i = 0; i < count; i++) {
        own[i] = rrsets[i];
        own[i].owner = owner;
        own[i].class_ = CLASS_IN;
        memcpy(at, rrsets[i].rdata, rrsets[i].rdata_len);
        own[i].rdata = at;
        at += rrsets[i].rdata_len;
    }
    atomic_init(&entry->references, 1);
    entry->record_count = record_count;
    entry->node = (struct zone_node){owner, own, count, (uint16_t)key.len};
    return entry;
}

struct zone_bulk_item zone_bulk_item_of(struct zone_entry *entry)
{
    bool is_counted = entry->record_count < UINT16_MAX;
    return (struct zone_bulk_item){.entry = entry,
                                   .earliest_s = zone_node_earliest_s(&entry->node),
                                   .record_count =
                                       is_counted ? (uint16_t)entry->record_count : UINT16_MAX};
}

/* A level of the tree being filled: pages from what stands below them. */
struct level {
    const struct zone_bulk_item *items; /* of leaves */
    struct zone_page *const *children;  /* of the others */
    size_t count;                       /* of what stands below */
    struct zone_page **pages;           /* NULL where memory failed */
    size_t page_count;
    size_t pages_each; /* of one piece of work */
};

static struct zone_page *leaf_fill(const struct zone_bulk_item *items, uint16_t count)
{
    struct zone_page *page = zone_page_make(true, count);
    if (page == NULL) {
        return NULL;
    }
    struct zone_entry **entries = zone_page_entries(page);
    uint32_t *expires_s = zone_page_expires_s(page);
    page->count = count;
    for (uint16_t i = 0; i < count; i++) {
        entries[i] = items[i].entry;
        expires_s[i] = items[i].earliest_s;
    }
    zone_page_describe_keys(page);
    return page;
}

static struct zone_page *above_fill(struct zone_page *const *children, uint16_t count)
{
    struct zone_page *page = zone_page_make(false, count);
    if (page == NULL) {
        return NULL;
    }
    page->count = count;
    for (uint16_t i = 0; i < count; i++) {
        zone_page_children(page)[i] = children[i];
        zone_page_firsts(page)[i] = zone_page_first(children[i]);
        zone_page_expires_s(page)[i] = zone_page_earliest_s(children[i]);
    }
    zone_page_describe_keys(page);
    return page;
}

static void level_fill(void *user, size_t index)
{
    const struct level *level = user;
    size_t to = (index + 1) * level->pages_each;
    to = to < level->page_count ? to : level->page_count;
    for (size_t i = index * level->pages_each; i < to; i++) {
        size_t at = i * PAGE_ENTRIES_MAX;
        size_t left = level->count - at;
        uint16_t count = left < PAGE_ENTRIES_MAX ? (uint16_t)left : PAGE_ENTRIES_MAX;
        level->pages[i] = level->items != NULL ? leaf_fill(level->items + at, count)
                                               : above_fill(level->children + at, count);
    }
}

/* Fills the level's pages; on failure all it stands on is released. */
static enum status level_make(struct level *level, const struct parallel *parallel)
{
    enum { PAGES_EACH = 256 };
    level->page_count = (level->count + PAGE_ENTRIES_MAX - 1) / PAGE_ENTRIES_MAX;
    level->pages_each = PAGES_EACH;
    level->pages = calloc(level->page_count, sizeof *level->pages);
    bool is_good = level->pages != NULL;
    if (is_good) {
        size_t pieces = (level->page_count + PAGES_EACH - 1) / PAGES_EACH;
        parallel->run(parallel->self, level_fill, level, pieces);
    }
    for (size_t i = 0; level->pages != NULL && i < level->page_count; i++) {
        is_good = is_good && level->pages[i] != NULL;
    }
    if (is_good) {
        return OK;
    }
    for (size_t i = 0; level->pages != NULL && i < level->page_count; i++) {
        free(level->pages[i]); /* but not what it points to: that goes below */
    }
    for (size_t i = 0; i < level->count; i++) {
        if (level->items != NULL) {
            zone_entry_release(level->items[i].entry);
        } else {
            zone_page_release(level->children[i]);
        }
    }
    free(level->pages);
    return NO_MEMORY;
}

static enum status tree_make(const struct zone_bulk_item *items, size_t count,
                             const struct parallel *parallel, struct zone_page **root)
{
    *root = NULL;
    if (count == 0) {
        return OK;
    }
    struct level level = {.items = items, .count = count};
    enum status status = level_make(&level, parallel);
    while (status == OK && level.page_count > 1) {
        struct level above = {.children = level.pages, .count = level.page_count};
        status = level_make(&above, parallel_none());
        free(level.pages);
        level = above;
    }
    if (status == OK) {
        *root = level.pages[0];
        free(level.pages);
    }
    return status;
}

/* The entries that own NSEC3 once more, by their hashes, which are their keys. */
static enum status ring_make(struct zone *zone, const struct zone_bulk_item *items, size_t count,
                             const struct parallel *parallel)
{
    struct zone_bulk_item *hashed = malloc((count == 0 ? 1 : count) * sizeof *hashed);
    if (hashed == NULL) {
        return NO_MEMORY;
    }
    size_t hashed_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct zone_entry *entry = items[i].entry;
        if (zone_node_rrset(&entry->node, TYPE_NSEC3) != NULL) {
            atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
            hashed[hashed_count++] = items[i];
        }
    }
    enum status status = tree_make(hashed, hashed_count, parallel, &zone->nsec3_root);
    free(hashed);
    return status;
}

enum status zone_bulk_finish(struct name apex, const struct zone_bulk_item *items, size_t count,
                             bool has_nsec3, const struct parallel *parallel, struct zone **zone)
{
    *zone = NULL;
    struct zone *made = zone_make(apex);
    if (made == NULL) {
        for (size_t i = 0; i < count; i++) {
            zone_entry_release(items[i].entry);
        }
        return NO_MEMORY;
    }
    made->node_count = count;
    for (size_t i = 0; i < count; i++) {
        bool is_counted = items[i].record_count < UINT16_MAX;
        made->record_count += is_counted ? items[i].record_count : items[i].entry->record_count;
    }
    enum status status = tree_make(items, count, parallel, &made->root);
    if (status == OK && has_nsec3) {
        status = ring_make(made, items, count, parallel);
    }
    if (status != OK) {
        zone_release(made);
        return status;
    }
    uint8_t key[NAME_KEY_MAX];
    made->apex_entry = zone_tree_find(made->root, span_of(key, name_key(apex, key)));
    *zone = made;
    return OK;
}
