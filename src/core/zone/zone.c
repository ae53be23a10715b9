/* Looking things up in a zone version: exact names, neighbours in canonical order, and what follows
 * from them: existence, closest encloser, cuts and DNAMEs. */
#include "core/base/reader.h"
#include "core/zone/zone_tree.h"

#include <stdlib.h>
#include <string.h>

struct zone *zone_make(struct name apex)
{
    struct zone *zone = calloc(1, sizeof *zone + apex.len);
    if (zone != NULL) {
        atomic_init(&zone->references, 1);
        zone->apex = apex;
        zone->apex.octets = memcpy(zone->apex_octets, apex.octets, apex.len);
    }
    return zone;
}

struct zone *zone_hold(const struct zone *zone)
{
    /* A version is immutable but for its reference count, which is atomic. */
    struct zone *held = (struct zone *)(uintptr_t)zone;
    atomic_fetch_add_explicit(&held->references, 1, memory_order_relaxed);
    return held;
}

void zone_release(struct zone *zone)
{
    if (zone == NULL ||
        atomic_fetch_sub_explicit(&zone->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    zone_page_release(zone->root);
    zone_page_release(zone->nsec3_root);
    free(zone);
}

struct name zone_apex(const struct zone *zone)
{
    return zone->apex;
}

size_t zone_record_count(const struct zone *zone)
{
    return zone->record_count;
}

size_t zone_node_count(const struct zone *zone)
{
    return zone->node_count;
}

static const struct zone_node *entry_node(const struct zone_entry *entry)
{
    return entry == NULL ? NULL : &entry->node;
}

struct span zone_node_key(const struct zone_node *node)
{
    return span_of(node->owner.octets + node->owner.len, node->key_len);
}

const struct zone_node *zone_find(const struct zone *zone, struct name name)
{
    uint8_t key[NAME_KEY_MAX];
    return entry_node(zone_tree_find(zone->root, span_of(key, name_key(name, key))));
}

static const struct rrset *node_find(const struct zone_node *node, uint16_t type, uint16_t covers)
{
    uint16_t low = 0;
    uint16_t high = node->rrset_count;
    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        const struct rrset *rrset = &node->rrsets[middle];
        if (rrset->type < type || (rrset->type == type && rrset->covers < covers)) {
            low = (uint16_t)(middle + 1);
        } else {
            high = middle;
        }
    }
    bool is_found = low < node->rrset_count && node->rrsets[low].type == type &&
                    node->rrsets[low].covers == covers;
    return is_found ? &node->rrsets[low] : NULL;
}

const struct rrset *zone_node_rrset(const struct zone_node *node, uint16_t type)
{
    return node_find(node, type, 0);
}

const struct rrset *zone_node_rrsigs(const struct zone_node *node, uint16_t covers)
{
    return node_find(node, TYPE_RRSIG, covers);
}

const struct rrset *zone_find_rrset(const struct zone *zone, struct name name, uint16_t type)
{
    const struct zone_node *node = zone_find(zone, name);
    return node == NULL ? NULL : zone_node_rrset(node, type);
}

/* The neighbours of a name: the entry at or before it, and the one behind that. */
struct neighbours {
    const struct zone_entry *before; /* at or before */
    const struct zone_entry *after;
};

static struct neighbours zone_neighbours(const struct zone *zone, struct name name)
{
    uint8_t key[NAME_KEY_MAX];
    struct zone_cursor cursor;
    zone_tree_seek(zone->root, span_of(key, name_key(name, key)), &cursor);
    struct neighbours found;
    found.before = zone_tree_at(&cursor);
    found.after = zone_tree_next(zone->root, &cursor);
    return found;
}

/* The owner of NSEC3 alone is a hash, not a name of the zone (RFC 5155 §7.2.8). */
static bool entry_is_hash(const struct zone_entry *entry)
{
    const struct zone_node *node = &entry->node;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type != TYPE_NSEC3 && rrset->covers != TYPE_NSEC3) {
            return false;
        }
    }
    return true;
}

bool zone_has_name(const struct zone *zone, struct name name)
{
    struct neighbours found = zone_neighbours(zone, name);
    if (found.before != NULL && name_equal(found.before->node.owner, name)) {
        return !entry_is_hash(found.before);
    }
    return found.after != NULL && name_is_below(found.after->node.owner, name);
}

uint8_t zone_closest_encloser(const struct zone *zone, struct name name)
{
    /* In canonical order the names that share most with `name` are its neighbours, so every
     * existing ancestor is an ancestor of one of the two. */
    struct neighbours found = zone_neighbours(zone, name);
    uint8_t labels = zone->apex.label_count;
    if (found.before != NULL && !entry_is_hash(found.before)) {
        uint8_t common = name_common_labels(found.before->node.owner, name);
        labels = common > labels ? common : labels;
    }
    if (found.after != NULL && !entry_is_hash(found.after)) {
        uint8_t common = name_common_labels(found.after->node.owner, name);
        labels = common > labels ? common : labels;
    }
    return labels;
}

/* The first node with `type` among the ancestors of `name` with `from` to `to` labels. */
static const struct zone_node *zone_find_highest(const struct zone *zone, struct name name,
                                                 uint16_t type, unsigned from, unsigned to)
{
    for (unsigned labels = from; labels <= to; labels++) {
        const struct zone_node *node = zone_find(zone, name_ancestor(name, (uint8_t)labels));
        if (node != NULL && zone_node_rrset(node, type) != NULL) {
            return node;
        }
    }
    return NULL;
}

const struct zone_node *zone_find_cut(const struct zone *zone, struct name name)
{
    uint8_t deepest = zone_closest_encloser(zone, name);
    return zone_find_highest(zone, name, TYPE_NS, zone->apex.label_count + 1U, deepest);
}

const struct zone_node *zone_find_dname(const struct zone *zone, struct name name)
{
    unsigned deepest = zone_closest_encloser(zone, name);
    if (deepest == name.label_count) {
        if (deepest == zone->apex.label_count) {
            return NULL;
        }
        deepest--;
    }
    return zone_find_highest(zone, name, TYPE_DNAME, zone->apex.label_count, deepest);
}

const struct zone_node *zone_at_or_before(const struct zone *zone, struct name name)
{
    return entry_node(zone_neighbours(zone, name).before);
}

const struct zone_node *zone_nsec3_at_or_before(const struct zone *zone, struct name name)
{
    uint8_t key[NAME_KEY_MAX];
    struct zone_cursor cursor;
    zone_tree_seek(zone->nsec3_root, span_of(key, name_key(name, key)), &cursor);
    const struct zone_entry *found = zone_tree_at(&cursor);
    if (found == NULL) { /* before the first hash stands the last */
        memset(key, 0xff, sizeof key);
        zone_tree_seek(zone->nsec3_root, span_of(key, sizeof key), &cursor);
        found = zone_tree_at(&cursor);
    }
    return entry_node(found);
}

const struct zone_node *zone_first(const struct zone *zone)
{
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    return zone_walk_next(&cursor);
}

const struct zone_node *zone_after(const struct zone *zone, struct name name)
{
    return entry_node(zone_neighbours(zone, name).after);
}

void zone_walk(const struct zone *zone, struct zone_cursor *cursor)
{
    cursor->zone = zone;
    cursor->depth = 0;
}

const struct zone_node *zone_walk_next(struct zone_cursor *cursor)
{
    return entry_node(zone_tree_next(cursor->zone->root, cursor));
}

const struct rrset *zone_soa(const struct zone *zone)
{
    return zone->apex_entry == NULL ? NULL : zone_node_rrset(&zone->apex_entry->node, TYPE_SOA);
}

static int64_t expiration_or_never(uint32_t expiration_s)
{
    return expiration_s == ZONE_EXPIRES_NEVER ? INT64_MAX : expiration_s;
}

int64_t zone_earliest_expiration_s(const struct zone *zone)
{
    return expiration_or_never(zone_page_earliest_s(zone->root));
}

int64_t zone_node_expiration_s(const struct zone_node *node)
{
    return expiration_or_never(zone_node_earliest_s(node));
}

const struct zone_node *zone_next_expiring(const struct zone *zone, const struct name *after,
                                           int64_t before_s)
{
    if (before_s <= 0) {
        return NULL;
    }
    uint32_t limit_s = before_s < ZONE_EXPIRES_NEVER ? (uint32_t)before_s : ZONE_EXPIRES_NEVER;
    struct zone_cursor cursor = {.zone = zone};
    uint8_t key[NAME_KEY_MAX];
    if (after != NULL) {
        zone_tree_seek(zone->root, span_of(key, name_key(*after, key)), &cursor);
    }
    return entry_node(zone_tree_next_expiring(zone->root, &cursor, limit_s));
}

/* The five numbers at the end of SOA rdata: serial, refresh, retry, expire, minimum. */
static uint32_t soa_number(const struct rrset *soa, size_t index)
{
    if (soa == NULL) {
        return 0;
    }
    struct span rdata = rrset_only(soa);
    size_t from_end = (5 - index) * 4;
    if (rdata.len < from_end) {
        return 0;
    }
    struct reader reader = reader_over(span_part(rdata, rdata.len - from_end, 4));
    return reader_u32(&reader);
}

uint32_t zone_serial(const struct zone *zone)
{
    return soa_number(zone_soa(zone), 0);
}

uint32_t zone_negative_ttl_s(const struct zone *zone)
{
    const struct rrset *soa = zone_soa(zone);
    uint32_t minimum = soa_number(soa, 4);
    return soa != NULL && soa->ttl_s < minimum ? soa->ttl_s : minimum;
}
