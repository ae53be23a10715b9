/* Looking things up in the tree of a zone, and walking through it. */
#include "core/zone/zone_tree.h"

enum { TREE_DEPTH_MAX = ZONE_DEPTH_MAX };

static void tree_seek(struct zone_page *root, struct span key,
                      uint16_t (*count)(const struct zone_page *page, struct span key),
                      struct zone_cursor *cursor)
{
    cursor->depth = 0;
    struct zone_page *page = root;
    while (page != NULL) {
        uint16_t before = count(page, key);
        if (before == 0) { /* only at the root or never: children are chosen by their first */
            cursor->depth = 0;
            return;
        }
        require(cursor->depth < TREE_DEPTH_MAX);
        cursor->path[cursor->depth] = page;
        cursor->at[cursor->depth++] = (uint16_t)(before - 1);
        page = page->is_leaf ? NULL : zone_page_children(page)[before - 1];
    }
}

void zone_tree_seek(struct zone_page *root, struct span key, struct zone_cursor *cursor)
{
    tree_seek(root, key, zone_page_count_at_or_before, cursor);
}

void zone_tree_seek_before(struct zone_page *root, struct span key, struct zone_cursor *cursor)
{
    tree_seek(root, key, zone_page_count_before, cursor);
}

const struct zone_entry *zone_tree_at(const struct zone_cursor *cursor)
{
    if (cursor->depth <= 0) {
        return NULL;
    }
    const struct zone_page *leaf = cursor->path[cursor->depth - 1];
    return zone_page_entries(leaf)[cursor->at[cursor->depth - 1]];
}

static const struct zone_entry *cursor_descend(struct zone_page *page, struct zone_cursor *cursor)
{
    while (page != NULL) {
        require(cursor->depth < TREE_DEPTH_MAX);
        cursor->path[cursor->depth] = page;
        cursor->at[cursor->depth++] = 0;
        page = page->is_leaf ? NULL : zone_page_children(page)[0];
    }
    return zone_tree_at(cursor);
}

const struct zone_entry *zone_tree_next(struct zone_page *root, struct zone_cursor *cursor)
{
    if (cursor->depth < 0 || root == NULL) {
        return NULL;
    }
    if (cursor->depth == 0) {
        return cursor_descend(root, cursor);
    }
    while (cursor->depth > 0) {
        struct zone_page *page = cursor->path[cursor->depth - 1];
        uint16_t at = ++cursor->at[cursor->depth - 1];
        if (at < page->count) {
            return page->is_leaf ? zone_page_entries(page)[at]
                                 : cursor_descend(zone_page_children(page)[at], cursor);
        }
        cursor->depth--;
    }
    cursor->depth = -1;
    return NULL;
}

/* The first slot from `at` on that something expires in before then, or count. */
static uint16_t page_find_expiring(const struct zone_page *page, uint16_t at, uint32_t before_s)
{
    while (at < page->count && zone_page_expires_s(page)[at] >= before_s) {
        at++;
    }
    return at;
}

const struct zone_entry *zone_tree_next_expiring(struct zone_page *root, struct zone_cursor *cursor,
                                                 uint32_t before_s)
{
    struct zone_page *page = cursor->depth == 0 ? root : NULL;
    while (page == NULL && cursor->depth > 0) {
        page = cursor->path[cursor->depth - 1];
        uint16_t at = (uint16_t)(cursor->at[cursor->depth - 1] + 1);
        at = page_find_expiring(page, at, before_s);
        if (at == page->count) {
            cursor->depth--;
            page = NULL;
            continue;
        }
        cursor->at[cursor->depth - 1] = at;
        if (page->is_leaf) {
            return zone_page_entries(page)[at];
        }
        page = zone_page_children(page)[at];
    }
    while (page != NULL) {
        uint16_t at = page_find_expiring(page, 0, before_s);
        if (at == page->count) { /* only at the root: its slots said so of what is below them */
            break;
        }
        require(cursor->depth < TREE_DEPTH_MAX);
        cursor->path[cursor->depth] = page;
        cursor->at[cursor->depth++] = at;
        if (page->is_leaf) {
            return zone_page_entries(page)[at];
        }
        page = zone_page_children(page)[at];
    }
    cursor->depth = -1;
    return NULL;
}

struct zone_entry *zone_tree_find(struct zone_page *root, struct span key)
{
    struct zone_page *page = root;
    while (page != NULL) {
        uint16_t before = zone_page_count_at_or_before(page, key);
        if (before == 0) {
            return NULL;
        }
        if (page->is_leaf) {
            struct zone_entry *entry = zone_page_entries(page)[before - 1];
            return span_equal(zone_entry_key(entry), key) ? entry : NULL;
        }
        page = zone_page_children(page)[before - 1];
    }
    return NULL;
}
