/* The pages of a zone: when a page may be changed in place, how it is copied, split and merged.
 * A page with one reference on a path of pages with one reference each, from a root that one
 * builder holds, is seen by nobody else; every other page is copied before it is changed. */
#include "core/zone/zone_tree.h"

#include "core/base/reader.h"

#include <stdlib.h>
#include <string.h>

enum { TREE_DEPTH_MAX = ZONE_DEPTH_MAX };

/* True when that was the last reference. */
static bool reference_drop(atomic_uint_least32_t *references)
{
    return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

static void reference_add(atomic_uint_least32_t *references)
{
    atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
}

struct zone_entry *zone_entry_of(const struct zone_node *node)
{
    /* Every node of a zone stands in an entry; the reference count is all that is written there. */
    uintptr_t at = (uintptr_t)node - offsetof(struct zone_entry, node);
    return (struct zone_entry *)at;
}

struct zone_entry *zone_entry_hold(const struct zone_node *node)
{
    struct zone_entry *entry = zone_entry_of(node);
    reference_add(&entry->references);
    return entry;
}

uint32_t zone_node_earliest_s(const struct zone_node *node)
{
    uint32_t earliest_s = ZONE_EXPIRES_NEVER;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type != TYPE_RRSIG) {
            continue;
        }
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
            struct reader reader = reader_over(rdata);
            (void)reader_span(&reader, 8); /* covers, algorithm, labels, original TTL */
            uint32_t expiration_s = reader_u32(&reader);
            bool is_earlier = reader.status == OK && expiration_s < earliest_s;
            earliest_s = is_earlier ? expiration_s : earliest_s;
        }
    }
    return earliest_s;
}

void zone_entry_release(struct zone_entry *entry)
{
    if (entry != NULL && reference_drop(&entry->references)) {
        free(entry);
    }
}

struct zone_page *zone_page_hold(struct zone_page *page)
{
    if (page != NULL) {
        reference_add(&page->references);
    }
    return page;
}

static void leaf_release_entries(struct zone_page *leaf)
{
    for (uint16_t i = 0; i < leaf->count; i++) {
        zone_entry_release(leaf->entries[i]);
    }
}

void zone_page_release(struct zone_page *page)
{
    if (page == NULL || !reference_drop(&page->references)) {
        return;
    }
    struct zone_page *path[TREE_DEPTH_MAX];
    uint16_t at[TREE_DEPTH_MAX] = {0};
    int depth = 1;
    path[0] = page;
    while (depth > 0) {
        struct zone_page *top = path[depth - 1];
        if (top->is_leaf || at[depth - 1] == top->count) {
            if (top->is_leaf) {
                leaf_release_entries(top);
            }
            free(top);
            depth--;
            continue;
        }
        struct zone_page *child = top->children[at[depth - 1]++];
        if (reference_drop(&child->references)) {
            require(depth < TREE_DEPTH_MAX);
            path[depth] = child;
            at[depth++] = 0;
        }
    }
}

const struct zone_entry *zone_page_first(const struct zone_page *page)
{
    return page->is_leaf ? page->entries[0] : page->firsts[0];
}

static const struct zone_entry *page_entry(const struct zone_page *page, uint16_t at)
{
    return page->is_leaf ? page->entries[at] : page->firsts[at];
}

uint32_t zone_page_earliest_s(const struct zone_page *page)
{
    uint32_t earliest_s = ZONE_EXPIRES_NEVER;
    for (uint16_t i = 0; page != NULL && i < page->count; i++) {
        earliest_s = page->earliest_s[i] < earliest_s ? page->earliest_s[i] : earliest_s;
    }
    return earliest_s;
}

static struct span page_key(const struct zone_page *page, uint16_t at)
{
    return zone_entry_key(page_entry(page, at));
}

/* The octets that two keys begin with both, as many as a page can keep. */
static uint8_t keys_common_len(struct span a, struct span b)
{
    size_t limit = a.len < b.len ? a.len : b.len;
    limit = limit < PAGE_PREFIX_MAX ? limit : PAGE_PREFIX_MAX;
    size_t len = 0;
    while (len < limit && a.bytes[len] == b.bytes[len]) {
        len++;
    }
    return (uint8_t)len;
}

void zone_page_describe_keys(struct zone_page *page)
{
    if (page->count == 0) {
        page->prefix_len = 0;
        return;
    }
    struct span first = page_key(page, 0);
    /* In order, so what the first and the last share they all share. */
    page->prefix_len = keys_common_len(first, page_key(page, (uint16_t)(page->count - 1)));
    memcpy(page->prefix, first.bytes, page->prefix_len);
    for (uint16_t i = 0; i < page->count; i++) {
        page->heads[i] = zone_key_head(page_key(page, i), page->prefix_len);
    }
}

/* After the slot at `at` was filled, the others being described: all again where it does not share
 * their prefix. */
static void page_describe_key(struct zone_page *page, uint16_t at)
{
    struct span key = page_key(page, at);
    if (page->count == 1 || key.len < page->prefix_len ||
        memcmp(key.bytes, page->prefix, page->prefix_len) != 0) {
        zone_page_describe_keys(page);
        return;
    }
    page->heads[at] = zone_key_head(key, page->prefix_len);
}

uint16_t zone_page_count_among(const struct zone_page *page, struct span key, uint16_t low)
{
    uint64_t head = page->heads[low];
    uint16_t high = low;
    while (high < page->count && page->heads[high] == head) {
        high++;
    }
    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (span_compare(page_key(page, middle), key) <= 0) {
            low = (uint16_t)(middle + 1);
        } else {
            high = middle;
        }
    }
    return low;
}

uint16_t zone_page_count_before_head(const struct zone_page *page, struct span key, bool *is_tied)
{
    size_t shared = key.len < page->prefix_len ? key.len : page->prefix_len;
    int order = memcmp(key.bytes, page->prefix, shared);
    *is_tied = false;
    if (order != 0 || shared < page->prefix_len) {
        return order > 0 ? page->count : 0;
    }
    uint64_t head = zone_key_head(key, page->prefix_len);
    uint16_t low = 0;
    uint16_t left = page->count;
    while (left > 0) { /* a step without a branch on what was compared */
        uint16_t half = (uint16_t)(left / 2);
        bool is_before = page->heads[low + half] < head;
        low = is_before ? (uint16_t)(low + half + 1) : low;
        left = is_before ? (uint16_t)(left - half - 1) : half;
    }
    *is_tied = low < page->count && page->heads[low] == head;
    return low;
}

uint16_t zone_page_count_at_or_before(const struct zone_page *page, struct span key)
{
    bool is_tied;
    uint16_t low = zone_page_count_before_head(page, key, &is_tied);
    return is_tied ? zone_page_count_among(page, key, low) : low;
}

/* The same for those < key. */
static uint16_t page_count_before(const struct zone_page *page, struct span key)
{
    uint16_t count = zone_page_count_at_or_before(page, key);
    bool has_key =
        count > 0 && span_equal(zone_entry_key(page_entry(page, (uint16_t)(count - 1))), key);
    return has_key ? (uint16_t)(count - 1) : count;
}

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
        page = page->is_leaf ? NULL : page->children[before - 1];
    }
}

void zone_tree_seek(struct zone_page *root, struct span key, struct zone_cursor *cursor)
{
    tree_seek(root, key, zone_page_count_at_or_before, cursor);
}

void zone_tree_seek_before(struct zone_page *root, struct span key, struct zone_cursor *cursor)
{
    tree_seek(root, key, page_count_before, cursor);
}

const struct zone_entry *zone_tree_at(const struct zone_cursor *cursor)
{
    if (cursor->depth <= 0) {
        return NULL;
    }
    const struct zone_page *leaf = cursor->path[cursor->depth - 1];
    return leaf->entries[cursor->at[cursor->depth - 1]];
}

static const struct zone_entry *cursor_descend(struct zone_page *page, struct zone_cursor *cursor)
{
    while (page != NULL) {
        require(cursor->depth < TREE_DEPTH_MAX);
        cursor->path[cursor->depth] = page;
        cursor->at[cursor->depth++] = 0;
        page = page->is_leaf ? NULL : page->children[0];
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
            return page->is_leaf ? page->entries[at] : cursor_descend(page->children[at], cursor);
        }
        cursor->depth--;
    }
    cursor->depth = -1;
    return NULL;
}

/* The first slot from `at` on that something expires in before then, or count. */
static uint16_t page_find_expiring(const struct zone_page *page, uint16_t at, uint32_t before_s)
{
    while (at < page->count && page->earliest_s[at] >= before_s) {
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
            return page->entries[at];
        }
        page = page->children[at];
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
            return page->entries[at];
        }
        page = page->children[at];
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
            struct zone_entry *entry = page->entries[before - 1];
            return span_equal(zone_entry_key(entry), key) ? entry : NULL;
        }
        page = page->children[before - 1];
    }
    return NULL;
}

/* A leaf has no room for children, which it never looks at. Not inlined: the compiler would take
 * the shorter leaf for a mistake. */
__attribute__((noinline)) static size_t leaf_size(uint16_t count)
{
    return offsetof(struct zone_page, entries) + count * sizeof(struct zone_entry *);
}

static struct zone_page *page_make(bool is_leaf, uint16_t size)
{
    struct zone_page *page = malloc(is_leaf ? leaf_size(size) : sizeof *page);
    if (page != NULL) {
        atomic_init(&page->references, 1);
        page->count = 0;
        page->prefix_len = 0;
        page->is_leaf = is_leaf;
        page->is_short = size < PAGE_ENTRIES_MAX;
    }
    return page;
}

struct zone_page *zone_page_make(bool is_leaf)
{
    return page_make(is_leaf, PAGE_ENTRIES_MAX);
}

struct zone_page *zone_page_make_short(uint16_t count)
{
    return page_make(true, count);
}

/* Copies `count` slots; the references of what they point to are the caller's affair. */
static void page_copy_slots(struct zone_page *to, uint16_t to_at, const struct zone_page *from,
                            uint16_t from_at, uint16_t count)
{
    memmove(to->earliest_s + to_at, from->earliest_s + from_at, count * sizeof(to->earliest_s[0]));
    memmove(to->heads + to_at, from->heads + from_at, count * sizeof(to->heads[0]));
    if (to->is_leaf) {
        memmove(to->entries + to_at, from->entries + from_at, count * sizeof(to->entries[0]));
        return;
    }
    memmove(to->children + to_at, from->children + from_at, count * sizeof(to->children[0]));
    memmove(to->firsts + to_at, from->firsts + from_at, count * sizeof(to->firsts[0]));
}

static void page_hold_slots(struct zone_page *page)
{
    for (uint16_t i = 0; i < page->count; i++) {
        reference_add(page->is_leaf ? &page->entries[i]->references
                                    : &page->children[i]->references);
    }
}

/* Makes `*slot` a page that only its parent sees, with room for all that a page may have. */
static enum status page_own(struct zone_page **slot)
{
    struct zone_page *shared = *slot;
    if (!shared->is_short && atomic_load_explicit(&shared->references, memory_order_acquire) == 1) {
        return OK;
    }
    struct zone_page *own = zone_page_make(shared->is_leaf);
    if (own == NULL) {
        return NO_MEMORY;
    }
    own->count = shared->count;
    own->prefix_len = shared->prefix_len;
    memcpy(own->prefix, shared->prefix, shared->prefix_len);
    page_copy_slots(own, 0, shared, 0, shared->count);
    page_hold_slots(own);
    *slot = own;
    zone_page_release(shared);
    return OK;
}

static void page_open_slot(struct zone_page *page, uint16_t at)
{
    require(page->count < PAGE_ENTRIES_MAX);
    page_copy_slots(page, (uint16_t)(at + 1), page, at, (uint16_t)(page->count - at));
    page->count++;
}

static void page_close_slot(struct zone_page *page, uint16_t at)
{
    page_copy_slots(page, at, page, (uint16_t)(at + 1), (uint16_t)(page->count - at - 1));
    page->count--;
}

/* What a page keeps beside the child at `at`, after a change in it. */
static void page_describe_child(struct zone_page *parent, uint16_t at)
{
    parent->firsts[at] = zone_page_first(parent->children[at]);
    page_describe_key(parent, at);
    parent->earliest_s[at] = zone_page_earliest_s(parent->children[at]);
}

/* Splits the full child at `at` of a page with room. At the far right only one slot moves, so that
 * a zone built in order fills its pages. */
static enum status page_split_child(struct zone_page *parent, uint16_t at, bool is_appending)
{
    struct zone_page *left = parent->children[at];
    struct zone_page *right = zone_page_make(left->is_leaf);
    if (right == NULL) {
        return NO_MEMORY;
    }
    uint16_t kept = is_appending ? PAGE_ENTRIES_MAX - 1 : PAGE_ENTRIES_MAX / 2;
    right->count = (uint16_t)(left->count - kept);
    page_copy_slots(right, 0, left, kept, right->count);
    left->count = kept;
    zone_page_describe_keys(left);
    zone_page_describe_keys(right);
    page_open_slot(parent, (uint16_t)(at + 1));
    parent->children[at + 1] = right;
    parent->firsts[at + 1] = zone_page_first(right);
    page_describe_child(parent, at);
    page_describe_child(parent, (uint16_t)(at + 1));
    return OK;
}

/* A full root goes below a new one. */
static enum status root_raise(struct zone_page **root)
{
    struct zone_page *raised = zone_page_make(false);
    if (raised == NULL) {
        return NO_MEMORY;
    }
    raised->count = 1;
    raised->children[0] = *root;
    page_describe_child(raised, 0);
    *root = raised;
    return OK;
}

static enum status root_prepare(struct zone_page **root)
{
    if (*root == NULL) {
        *root = zone_page_make(true);
        return *root == NULL ? NO_MEMORY : OK;
    }
    enum status status = page_own(root);
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
        enum status status = page_own(&page->children[at]);
        if (status == OK && page->children[at]->count == PAGE_ENTRIES_MAX) {
            struct span last = zone_entry_key(page_entry(page->children[at], PAGE_ENTRIES_MAX - 1));
            status = page_split_child(page, at, span_compare(last, key) < 0);
            at = page_child_for(page, key);
        }
        if (status != OK) {
            return status;
        }
        path_push(path, page, at);
        page = page->children[at];
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
    if (before > 0 && span_equal(zone_entry_key(leaf->entries[before - 1]), key)) {
        before--;
        replaced = leaf->entries[before];
    } else {
        page_open_slot(leaf, before);
    }
    leaf->entries[before] = entry;
    leaf->earliest_s[before] = zone_node_earliest_s(&entry->node);
    page_describe_key(leaf, before);
    path_refresh(&path);
    zone_entry_release(replaced);
    return OK;
}

static enum status path_prepare_remove(struct zone_page **root, struct span key, struct path *path)
{
    enum status status = page_own(root);
    struct zone_page *page = *root;
    while (status == OK && !page->is_leaf) {
        uint16_t at = page_child_for(page, key);
        status = page_own(&page->children[at]);
        path_push(path, page, at);
        page = page->children[at];
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
    struct zone_page *left = parent->children[at];
    struct zone_page *right = parent->children[at + 1];
    if (left->count + right->count > PAGE_ENTRIES_MAX * 3 / 4 ||
        page_own(&parent->children[at]) != OK || page_own(&parent->children[at + 1]) != OK) {
        return;
    }
    left = parent->children[at];
    right = parent->children[at + 1];
    page_copy_slots(left, left->count, right, 0, right->count);
    left->count = (uint16_t)(left->count + right->count);
    zone_page_describe_keys(left);
    free(right); /* owned, and its slots have moved */
    page_close_slot(parent, (uint16_t)(at + 1));
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
            page_close_slot(parent, at);
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
        *root = top->count == 0 ? NULL : top->children[0];
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
    struct zone_entry *removed = leaf->entries[at];
    require(span_equal(zone_entry_key(removed), key));
    page_close_slot(leaf, at);
    path_shrink(root, &path);
    zone_entry_release(removed);
    return OK;
}
