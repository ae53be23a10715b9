/* The steps of a search and what is fetched ahead of each. */
#include "core/zone/zone_seek.h"

#include "core/zone/zone_tree.h"

enum {
    CACHE_LINE = 64,
    /* All of a full page that a search looks at, wherever in a line it begins: a pointer in the
     * middle that had to be waited for took a tenth of all of a server's time. */
    PAGE_AHEAD = sizeof(struct zone_page) +
                 PAGE_ENTRIES_MAX * (sizeof(uint64_t) + sizeof(struct zone_entry *)) + CACHE_LINE,
    ENTRY_AHEAD = 768, /* a signed delegation; more of a larger one comes as it is read */
};

static void fetch(const void *at, size_t len)
{
    for (size_t i = 0; i < len; i += CACHE_LINE) {
        __builtin_prefetch((const uint8_t *)at + i);
    }
}

static void begin(struct zone_seek *seek, const struct zone_page *root, struct span key)
{
    *seek = (struct zone_seek){.page = root, .key = key, .is_settled = root == NULL};
}

void zone_seek_name(struct zone_seek *seek, const struct zone *zone, struct span key)
{
    begin(seek, zone->root, key);
}

void zone_seek_nsec3(struct zone_seek *seek, const struct zone *zone, struct span key)
{
    begin(seek, zone->nsec3_root, key);
}

/* In a leaf the last look is into an entry, which is fetched first. */
static void reach_leaf(struct zone_seek *seek)
{
    const struct zone_page *leaf = seek->page;
    bool is_tied;
    uint16_t low = zone_page_count_before_head(leaf, seek->key, &is_tied);
    seek->is_leaf = true;
    seek->count = low;
    seek->is_exact = is_tied;
    uint16_t at = is_tied || low == 0 ? low : (uint16_t)(low - 1);
    if (at < leaf->count) {
        fetch(zone_page_entries(leaf)[at], ENTRY_AHEAD);
    }
}

static void settle(struct zone_seek *seek)
{
    const struct zone_page *leaf = seek->page;
    if (seek->is_exact) {
        seek->count = zone_page_count_among(leaf, seek->key, seek->count);
        seek->is_exact =
            seek->count > 0 &&
            span_equal(zone_entry_key(zone_page_entries(leaf)[seek->count - 1]), seek->key);
    }
    seek->is_settled = true;
}

bool zone_seek_step(struct zone_seek *seek)
{
    if (seek->is_settled) {
        return false;
    }
    if (seek->is_leaf) {
        settle(seek);
        return false;
    }
    if (seek->page->is_leaf) {
        reach_leaf(seek);
        return true;
    }
    uint16_t count = zone_page_count_at_or_before(seek->page, seek->key);
    if (count == 0) { /* before the first name of all */
        seek->page = NULL;
        seek->is_settled = true;
        return false;
    }
    if (count < seek->page->count) {
        seek->fork = seek->page;
        seek->fork_at = count;
    }
    seek->page = zone_page_children(seek->page)[count - 1];
    fetch(seek->page, PAGE_AHEAD);
    return true;
}

const struct zone_node *zone_seek_found(const struct zone_seek *seek)
{
    require(seek->is_settled);
    return seek->is_exact ? &zone_page_entries(seek->page)[seek->count - 1]->node : NULL;
}

const struct zone_node *zone_seek_before(const struct zone_seek *seek, uint16_t back)
{
    require(seek->is_settled);
    return seek->page != NULL && seek->count > back
               ? &zone_page_entries(seek->page)[seek->count - 1 - back]->node
               : NULL;
}

const struct zone_node *zone_seek_after(const struct zone_seek *seek)
{
    require(seek->is_settled);
    if (seek->page == NULL) {
        return NULL;
    }
    if (seek->count < seek->page->count) {
        return &zone_page_entries(seek->page)[seek->count]->node;
    }
    return seek->fork == NULL ? NULL : &zone_page_firsts(seek->fork)[seek->fork_at]->node;
}
