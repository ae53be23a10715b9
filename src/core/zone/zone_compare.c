/* What differs between two versions of a zone, by one walk over both trees that passes by every
 * page and every entry that both share. */
#include "core/zone/zone_tree.h"

#include <string.h>

static void side_begin(struct zone_compare_side *side, const struct zone *zone)
{
    *side = (struct zone_compare_side){.root = zone == NULL ? NULL : zone->root};
    side->is_over = side->root == NULL;
    for (const struct zone_page *page = side->root; page != NULL; side->height++) {
        page = page->is_leaf ? NULL : zone_page_children(page)[0];
    }
}

void zone_compare(const struct zone *before, const struct zone *after,
                  struct zone_comparison *comparison)
{
    comparison->pages_entered = 0;
    side_begin(&comparison->before, before);
    side_begin(&comparison->after, after);
}

/* What the side stands on has that many levels of pages: 0 is an entry. */
static int side_height(const struct zone_compare_side *side)
{
    return side->height - side->depth;
}

/* The entry or page the side stands on. */
static void *side_current(const struct zone_compare_side *side)
{
    if (side->depth == 0) {
        return side->root;
    }
    const struct zone_page *page = side->path[side->depth - 1];
    uint16_t at = side->at[side->depth - 1];
    return page->is_leaf ? (void *)zone_page_entries(page)[at]
                         : (void *)zone_page_children(page)[at];
}

static const struct zone_entry *side_first(const struct zone_compare_side *side)
{
    void *current = side_current(side);
    return side_height(side) == 0 ? current : zone_page_first(current);
}

/* Into the page it stands on. */
static void side_enter(struct zone_compare_side *side, struct zone_comparison *comparison)
{
    void *current = side_current(side);
    require(side_height(side) > 0 && side->depth < ZONE_DEPTH_MAX);
    side->path[side->depth] = current;
    side->at[side->depth++] = 0;
    comparison->pages_entered++;
}

/* Past what it stands on. */
static void side_pass(struct zone_compare_side *side)
{
    while (side->depth > 0) {
        const struct zone_page *page = side->path[side->depth - 1];
        if (++side->at[side->depth - 1] < page->count) {
            return;
        }
        side->depth--;
    }
    side->is_over = true;
}

static bool node_is_same(const struct zone_node *a, const struct zone_node *b)
{
    if (a->rrset_count != b->rrset_count || !span_equal(name_span(a->owner), name_span(b->owner))) {
        return false;
    }
    for (uint16_t i = 0; i < a->rrset_count; i++) {
        const struct rrset *one = &a->rrsets[i];
        const struct rrset *other = &b->rrsets[i];
        if (one->type != other->type || one->covers != other->covers ||
            one->ttl_s != other->ttl_s ||
            !span_equal(span_of(one->rdata, one->rdata_len),
                        span_of(other->rdata, other->rdata_len))) {
            return false;
        }
    }
    return true;
}

/* One side holds what begins before the other side: goes into it, or takes its entry. */
static const struct zone_node *side_take(struct zone_compare_side *side,
                                         struct zone_comparison *comparison)
{
    if (side_height(side) > 0) {
        side_enter(side, comparison);
        return NULL;
    }
    const struct zone_entry *entry = side_current(side);
    side_pass(side);
    return &entry->node;
}

/* Both begin with the same name: the higher goes down to the lower, and two entries are compared.
 */
static void both_take(struct zone_comparison *comparison, struct zone_change *change)
{
    struct zone_compare_side *before = &comparison->before;
    struct zone_compare_side *after = &comparison->after;
    int before_height = side_height(before);
    int after_height = side_height(after);
    if (side_current(before) == side_current(after)) {
        side_pass(before);
        side_pass(after);
        return;
    }
    if (before_height > 0 && before_height >= after_height) {
        side_enter(before, comparison);
    }
    if (after_height > 0 && after_height >= before_height) {
        side_enter(after, comparison);
    }
    if (before_height == 0 && after_height == 0) {
        change->before = side_take(before, comparison);
        change->after = side_take(after, comparison);
        if (node_is_same(change->before, change->after)) {
            *change = (struct zone_change){NULL, NULL};
        }
    }
}

bool zone_compare_next(struct zone_comparison *comparison, struct zone_change *change)
{
    struct zone_compare_side *before = &comparison->before;
    struct zone_compare_side *after = &comparison->after;
    *change = (struct zone_change){NULL, NULL};
    while (change->before == NULL && change->after == NULL) {
        if (before->is_over && after->is_over) {
            return false;
        }
        int order = before->is_over  ? 1
                    : after->is_over ? -1
                                     : span_compare(zone_entry_key(side_first(before)),
                                                    zone_entry_key(side_first(after)));
        if (order < 0) {
            change->before = side_take(before, comparison);
        } else if (order > 0) {
            change->after = side_take(after, comparison);
        } else {
            both_take(comparison, change);
        }
    }
    return true;
}
