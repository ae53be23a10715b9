/* Changing the tree of a zone: when a page may be changed in place, and how pages are split and
 * merged. A page with one reference on a path of pages with one reference each, from a root that
 * one builder holds, is seen by nobody else; every other page is copied before it is changed. */
#include "core/zone/zone_tree.h"

#include <stdlib.h>

enum { TREE_DEPTH_MAX = ZONE_DEPTH_MAX };

/* What a page keeps beside the child at `at`, after a change in it. */
static void page_describe_child(struct zone_page *parent, uint16_t at)
{
    zone_page_firsts(parent)[at] = zone_page_first(zone_page_children(parent)[at]);
    zone_page_describe_key(parent, at);
    zone_page_expires_s(parent)[at] = zone_page_earliest_s(zone_page_children(parent)[at]);
}

/* Splits the full child at `at` of a page with room. At the far right only one slot moves, so that
 * a zone built in order fills its pages. */
static enum status page_split_child(struct zone_page *parent, uint16_t at, bool is_appending)
{
    struct zone_page *left = zone_page_children(parent)[at];
    struct zone_page *right = zone_page_make(left->is_leaf, PAGE_ENTRIES_MAX);
    if (right == NULL) {
        return NO_MEMORY;
    }
    uint16_t kept = is_appending ? PAGE_ENTRIES_MAX - 1 : PAGE_ENTRIES_MAX / 2;
    right->count = (uint16_t)(left->count - kept);
    zone_page_copy_slots(right, 0, left, kept, right->count);
    left->count = kept;
    zone_page_describe_keys(left);
    zone_page_describe_keys(right);
    zone_page_open_slot(parent, (uint16_t)(at + 1));
    zone_page_children(parent)[at + 1] = right;
    zone_page_firsts(parent)[at + 1] = zone_page_first(right);
    page_describe_child(parent, at);
    page_describe_child(parent, (uint16_t)(at + 1));
    return OK;
}

/* A full root goes below a new one. */
static enum status root_raise(struct zone_page **root)
{
    struct zone_page *raised = zone_page_make(false, PAGE_ENTRIES_MAX);
    if (raised == NULL) {
        return NO_MEMORY;
    }
    raised->count = 1;
    zone_page_children(raised)[0] = *root;
    page_describe_child(raised, 0);
    *root = raised;
    return OK;
}

static enum status root_prepare(struct zone_page **root)
{
    if (*root == NULL) {
        *root = zone_page_make(true, PAGE_ENTRIES_MAX);
        return *root == NULL ? NO_MEMORY : OK;
    }
    enum status status = zone_page_own(root);
    if (status == OK && (*root)->count == PAGE_ENTRIES_MAX) {
        status = root_raise(root);
    }
    return status;
}

/* Which child `key` belongs to: the last one that begins at or before it, or the first. */
static uint16_t page_child_for(const struct zone_page *page, struct span key)
{
    uint16_t before = zone_page_count_at_or_before(page, key);
    return before == 0 ? 0 : (uint16_t)(before - 1);
}

/* The pages from the root to a leaf, all owned, and the child taken in each. */
struct path {
    struct zone_page *pages[TREE_DEPTH_MAX];
    uint16_t at[TREE_DEPTH_MAX];
    int depth;
};

static void path_push(struct path *path, struct zone_page *page, uint16_t at)
{
    require(path->depth < TREE_DEPTH_MAX);
    path->pages[path->depth] = page;
    path->at[path->depth++] = at;
}

/* After a change in the leaf: what the pages on the way up keep beside it. */
static void path_refresh(const struct path *path)
{
    for (int i = path->depth - 1; i > 0; i--) {
        page_describe_child(path->pages[i - 1], path->at[i - 1]);
    }
}

/* Owns the path to the leaf for `key`, splitting full pages on the way down. */
static enum status path_prepare_put(struct zone_page *root, struct span key, struct path *path)
{
    struct zone_page *page = root;
    while (!page->is_leaf) {
        uint16_t at = page_child_for(page, key);
        enum status status = zone_page_own(&zone_page_children(page)[at]);
        if (status == OK && zone_page_children(page)[at]->count == PAGE_ENTRIES_MAX) {
            struct span last =
                zone_entry_key(zone_page_entry(zone_page_children(page)[at], PAGE_ENTRIES_MAX - 1));
            status = page_split_child(page, at, span_compare(last, key) < 0);
            at = page_child_for(page, key);
        }
        if (status != OK) {
            return status;
        }
        path_push(path, page, at);
        page = zone_page_children(page)[at];
    }
    uint16_t before = zone_page_count_at_or_before(page, key);
    path_push(path, page, before);
    return OK;
}

enum status zone_tree_put(struct zone_page **root, struct zone_entry *entry)
{
    struct span key = zone_entry_key(entry);
    struct path path = {.depth = 0};
    enum status status = root_prepare(root);
    if (status == OK) {
        status = path_prepare_put(*root, key, &path);
    }
    if (status != OK) {
        zone_entry_release(entry);
        return status;
    }
    struct zone_page *leaf = path.pages[path.depth - 1];
    uint16_t before = path.at[path.depth - 1];
    struct zone_entry *replaced = NULL;
    if (before > 0 && span_equal(zone_entry_key(zone_page_entries(leaf)[before - 1]), key)) {
        before--;
        replaced = zone_page_entries(leaf)[before];
    } else {
        zone_page_open_slot(leaf, before);
    }
    zone_page_entries(leaf)[before] = entry;
    zone_page_expires_s(leaf)[before] = zone_node_earliest_s(&entry->node);
    zone_page_describe_key(leaf, before);
    path_refresh(&path);
    zone_entry_release(replaced);
    return OK;
}

static enum status path_prepare_remove(struct zone_page **root, struct span key, struct path *path)
{
    enum status status = zone_page_own(root);
    struct zone_page *page = *root;
    while (status == OK && !page->is_leaf) {
        uint16_t at = page_child_for(page, key);
        status = zone_page_own(&zone_page_children(page)[at]);
        path_push(path, page, at);
        page = zone_page_children(page)[at];
    }
    if (status == OK) {
        uint16_t before = zone_page_count_at_or_before(page, key);
        require(before > 0);
        path_push(path, page, (uint16_t)(before - 1));
    }
    return status;
}

/* Puts the slots of the child at `at` + 1 behind those of the child at `at` when few are left. Both
 * are optional savings: without memory they stay apart. */
static void page_merge_children(struct zone_page *parent, uint16_t at)
{
    struct zone_page *left = zone_page_children(parent)[at];
    struct zone_page *right = zone_page_children(parent)[at + 1];
    if (left->count + right->count > PAGE_ENTRIES_MAX * 3 / 4 ||
        zone_page_own(&zone_page_children(parent)[at]) != OK ||
        zone_page_own(&zone_page_children(parent)[at + 1]) != OK) {
        return;
    }
    left = zone_page_children(parent)[at];
    right = zone_page_children(parent)[at + 1];
    zone_page_copy_slots(left, left->count, right, 0, right->count);
    left->count = (uint16_t)(left->count + right->count);
    zone_page_describe_keys(left);
    free(right); /* owned, and its slots have moved */
    zone_page_close_slot(parent, (uint16_t)(at + 1));
    page_describe_child(parent, at);
}

/* Takes empty pages away and merges thin ones, from the leaf up. */
static void path_shrink(struct zone_page **root, struct path *path)
{
    for (int i = path->depth - 1; i > 0; i--) {
        struct zone_page *page = path->pages[i];
        struct zone_page *parent = path->pages[i - 1];
        uint16_t at = path->at[i - 1];
        if (page->count == 0) {
            zone_page_release(page);
            zone_page_close_slot(parent, at);
            continue;
        }
        page_describe_child(parent, at);
        if (page->count >= PAGE_ENTRIES_FEW || parent->count < 2) {
            continue;
        }
        page_merge_children(parent, at + 1 < parent->count ? at : (uint16_t)(at - 1));
    }
    struct zone_page *top = *root;
    while (top != NULL && (top->count == 0 || (!top->is_leaf && top->count == 1))) {
        *root = top->count == 0 ? NULL : zone_page_children(top)[0];
        free(top); /* owned; its only child has moved up */
        top = *root;
        if (top != NULL && atomic_load_explicit(&top->references, memory_order_acquire) != 1) {
            return;
        }
    }
}

enum status zone_tree_remove(struct zone_page **root, struct span key)
{
    require(*root != NULL);
    struct path path = {.depth = 0};
    enum status status = path_prepare_remove(root, key, &path);
    if (status != OK) {
        return status;
    }
    struct zone_page *leaf = path.pages[path.depth - 1];
    uint16_t at = path.at[path.depth - 1];
    struct zone_entry *removed = zone_page_entries(leaf)[at];
    require(span_equal(zone_entry_key(removed), key));
    zone_page_close_slot(leaf, at);
    path_shrink(root, &path);
    zone_entry_release(removed);
    return OK;
}
