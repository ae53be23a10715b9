/* The pages of a zone: what stands where in one, what it keeps of the keys below it, and how its
 * slots are copied and moved. Which page may be changed is the business of those who change trees.
 */
#include "core/zone/zone_page.h"

#include "core/base/reader.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct zone_page) == 64, "the heads begin with a line of the caches");
static_assert(PAGE_ENTRIES_MAX <= UINT8_MAX, "the room of a page is counted in an octet");

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
        zone_entry_release(zone_page_entries(leaf)[i]);
    }
}

void zone_page_release(struct zone_page *page)
{
    if (page == NULL || !reference_drop(&page->references)) {
        return;
    }
    struct zone_page *path[ZONE_DEPTH_MAX];
    uint16_t at[ZONE_DEPTH_MAX] = {0};
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
        struct zone_page *child = zone_page_children(top)[at[depth - 1]++];
        if (reference_drop(&child->references)) {
            require(depth < ZONE_DEPTH_MAX);
            path[depth] = child;
            at[depth++] = 0;
        }
    }
}

const struct zone_entry *zone_page_first(const struct zone_page *page)
{
    return page->is_leaf ? zone_page_entries(page)[0] : zone_page_firsts(page)[0];
}

const struct zone_entry *zone_page_entry(const struct zone_page *page, uint16_t at)
{
    return page->is_leaf ? zone_page_entries(page)[at] : zone_page_firsts(page)[at];
}

uint32_t zone_page_earliest_s(const struct zone_page *page)
{
    uint32_t earliest_s = ZONE_EXPIRES_NEVER;
    const uint32_t *expires_s = page == NULL ? NULL : zone_page_expires_s(page);
    for (uint16_t i = 0; page != NULL && i < page->count; i++) {
        earliest_s = expires_s[i] < earliest_s ? expires_s[i] : earliest_s;
    }
    return earliest_s;
}

static struct span page_key(const struct zone_page *page, uint16_t at)
{
    return zone_entry_key(zone_page_entry(page, at));
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

void zone_page_describe_key(struct zone_page *page, uint16_t at)
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

uint16_t zone_page_count_before(const struct zone_page *page, struct span key)
{
    uint16_t count = zone_page_count_at_or_before(page, key);
    bool has_key =
        count > 0 && span_equal(zone_entry_key(zone_page_entry(page, (uint16_t)(count - 1))), key);
    return has_key ? (uint16_t)(count - 1) : count;
}

struct zone_page *zone_page_make(bool is_leaf, uint16_t size)
{
    size_t pointers = is_leaf ? 1 : 2; /* a leaf has no children, and so no firsts of them */
    size_t slot = sizeof(uint64_t) + pointers * sizeof(void *) + sizeof(uint32_t);
    size_t padding = is_leaf ? 0 : size % 2 * sizeof(uint32_t);
    require(size > 0 && size <= PAGE_ENTRIES_MAX);
    struct zone_page *page = malloc(sizeof *page + size * slot + padding);
    if (page != NULL) {
        atomic_init(&page->references, 1);
        page->count = 0;
        page->size = (uint8_t)size;
        page->prefix_len = 0;
        page->is_leaf = is_leaf;
    }
    return page;
}

void zone_page_copy_slots(struct zone_page *to, uint16_t to_at, const struct zone_page *from,
                          uint16_t from_at, uint16_t count)
{
    memmove(zone_page_expires_s(to) + to_at, zone_page_expires_s(from) + from_at,
            count * sizeof(uint32_t));
    memmove(to->heads + to_at, from->heads + from_at, count * sizeof(to->heads[0]));
    if (to->is_leaf) {
        memmove(zone_page_entries(to) + to_at, zone_page_entries(from) + from_at,
                count * sizeof(zone_page_entries(to)[0]));
        return;
    }
    memmove(zone_page_children(to) + to_at, zone_page_children(from) + from_at,
            count * sizeof(zone_page_children(to)[0]));
    memmove(zone_page_firsts(to) + to_at, zone_page_firsts(from) + from_at,
            count * sizeof(zone_page_firsts(to)[0]));
}

static void page_hold_slots(struct zone_page *page)
{
    for (uint16_t i = 0; i < page->count; i++) {
        reference_add(page->is_leaf ? &zone_page_entries(page)[i]->references
                                    : &zone_page_children(page)[i]->references);
    }
}

enum status zone_page_own(struct zone_page **slot)
{
    struct zone_page *shared = *slot;
    if (shared->size == PAGE_ENTRIES_MAX &&
        atomic_load_explicit(&shared->references, memory_order_acquire) == 1) {
        return OK;
    }
    struct zone_page *own = zone_page_make(shared->is_leaf, PAGE_ENTRIES_MAX);
    if (own == NULL) {
        return NO_MEMORY;
    }
    own->count = shared->count;
    own->prefix_len = shared->prefix_len;
    memcpy(own->prefix, shared->prefix, shared->prefix_len);
    zone_page_copy_slots(own, 0, shared, 0, shared->count);
    page_hold_slots(own);
    *slot = own;
    zone_page_release(shared);
    return OK;
}

void zone_page_open_slot(struct zone_page *page, uint16_t at)
{
    require(page->count < page->size);
    zone_page_copy_slots(page, (uint16_t)(at + 1), page, at, (uint16_t)(page->count - at));
    page->count++;
}

void zone_page_close_slot(struct zone_page *page, uint16_t at)
{
    zone_page_copy_slots(page, at, page, (uint16_t)(at + 1), (uint16_t)(page->count - at - 1));
    page->count--;
}
