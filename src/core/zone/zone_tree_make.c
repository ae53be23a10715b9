/* A tree made in one go: entries come in canonical order, so each page is filled to the brim and
 * hung into its parent before the next one is begun. */
#include "core/zone/zone_tree.h"

void zone_tree_make(struct zone_tree_maker *maker)
{
    *maker = (struct zone_tree_maker){.status = OK};
}

/* The open page of that level; NULL without memory. */
static struct zone_page *maker_page(struct zone_tree_maker *maker, int level)
{
    require(level < ZONE_DEPTH_MAX);
    if (maker->pages[level] == NULL) {
        maker->pages[level] = zone_page_make(level == 0);
        maker->height = level < maker->height ? maker->height : level + 1;
    }
    return maker->pages[level];
}

/* Hangs the open page of that level into its parent; parents that are full go up before it. */
static enum status maker_hang(struct zone_tree_maker *maker, int level)
{
    int top = level + 1;
    while (maker->pages[top] != NULL && maker->pages[top]->count == PAGE_ENTRIES_MAX) {
        top++;
    }
    for (int i = top - 1; i >= level; i--) {
        struct zone_page *page = maker->pages[i];
        struct zone_page *parent = maker_page(maker, i + 1);
        if (parent == NULL) {
            return NO_MEMORY;
        }
        parent->children[parent->count] = page;
        parent->firsts[parent->count] = zone_page_first(page);
        parent->earliest_s[parent->count++] = zone_page_earliest_s(page);
        maker->pages[i] = NULL;
    }
    return OK;
}

void zone_tree_append(struct zone_tree_maker *maker, struct zone_entry *entry,
                      uint32_t expiration_s)
{
    if (maker->status == OK && maker->pages[0] != NULL &&
        maker->pages[0]->count == PAGE_ENTRIES_MAX) {
        maker->status = maker_hang(maker, 0);
    }
    struct zone_page *leaf = maker->status == OK ? maker_page(maker, 0) : NULL;
    if (leaf == NULL) {
        maker->status = NO_MEMORY;
        zone_entry_release(entry);
        return;
    }
    leaf->entries[leaf->count] = entry;
    leaf->earliest_s[leaf->count++] = expiration_s;
}

enum status zone_tree_finish(struct zone_tree_maker *maker, struct zone_page **root)
{
    *root = NULL;
    for (int level = 0; maker->status == OK && level < maker->height - 1; level++) {
        if (maker->pages[level] != NULL) {
            maker->status = maker_hang(maker, level);
        }
    }
    if (maker->status == OK && maker->height > 0) {
        *root = maker->pages[maker->height - 1];
        return OK;
    }
    for (int level = 0; level < maker->height; level++) {
        zone_page_release(maker->pages[level]);
    }
    return maker->status;
}
