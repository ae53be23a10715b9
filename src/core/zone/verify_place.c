/* What each name of a zone is: authoritative, a cut, hidden below one or below a DNAME, or the hash
 * of a name; and which names are neighbours in the denial chain. */
#include "core/zone/verify_run.h"

#include <string.h>

static bool is_hashed_owner(const struct zone_node *node)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type != TYPE_NSEC3 && rrset->covers != TYPE_NSEC3) {
            return false;
        }
    }
    return true;
}

static bool is_cut(const struct zone *zone, const struct zone_node *node)
{
    return node->owner.label_count != zone_apex(zone).label_count &&
           zone_node_rrset(node, TYPE_NS) != NULL;
}

bool verify_covers(const struct zone *zone, const struct zone_node *node)
{
    return is_cut(zone, node) || zone_node_rrset(node, TYPE_DNAME) != NULL;
}

const struct zone_node *verify_cover(const struct zone *zone, struct name name)
{
    const struct zone_node *cut = zone_find_cut(zone, name);
    const struct zone_node *dname = zone_find_dname(zone, name);
    if (cut != NULL && cut->owner.label_count == name.label_count) {
        cut = NULL; /* the name itself; then there is no cut above it */
    }
    if (cut == NULL || dname == NULL) {
        return cut == NULL ? dname : cut;
    }
    return cut->owner.label_count <= dname->owner.label_count ? cut : dname;
}

enum verify_place verify_place_of(const struct zone *zone, const struct zone_node *node)
{
    if (is_hashed_owner(node)) {
        return VERIFY_HASHED;
    }
    if (verify_cover(zone, node->owner) != NULL) {
        return VERIFY_HIDDEN;
    }
    return is_cut(zone, node) ? VERIFY_CUT : VERIFY_AUTHORITATIVE;
}

bool verify_is_insecure(const struct zone_node *node, enum verify_place place)
{
    return place == VERIFY_CUT && zone_node_rrset(node, TYPE_DS) == NULL;
}

bool verify_is_in_chain(enum verify_place place)
{
    return place == VERIFY_AUTHORITATIVE || place == VERIFY_CUT;
}

bool verify_is_name(const struct zone *zone, struct name name)
{
    const struct zone_node *node = zone_find(zone, name);
    return node != NULL && verify_is_in_chain(verify_place_of(zone, node));
}

const struct zone_node *verify_walk_next(struct verify_walk *walk, enum verify_place *place)
{
    const struct zone_node *node = zone_walk_next(&walk->cursor);
    if (node == NULL) {
        return NULL;
    }
    if (is_hashed_owner(node)) {
        *place = VERIFY_HASHED;
        return node;
    }
    if (walk->cover != NULL && name_is_below(node->owner, walk->cover->owner)) {
        *place = VERIFY_HIDDEN;
        return node;
    }
    walk->cover = verify_covers(walk->zone, node) ? node : NULL;
    *place = is_cut(walk->zone, node) ? VERIFY_CUT : VERIFY_AUTHORITATIVE;
    return node;
}

/* Puts labels of the greatest octets in front of the `len` octets at the end of the buffer while
 * they fit. The first `taken` octets of the buffer are free. */
static void fill_below(struct name_buffer *buffer, size_t taken, uint8_t label_count,
                       struct name *last)
{
    enum { LABEL_MAX = 63 };
    while (taken >= 2) {
        size_t len = taken - 1 < LABEL_MAX ? taken - 1 : LABEL_MAX;
        taken -= len + 1;
        buffer->octets[taken] = (uint8_t)len;
        memset(buffer->octets + taken + 1, 0xff, len);
        label_count++;
    }
    *last = (struct name){.octets = buffer->octets + taken,
                          .len = (uint8_t)(NAME_LEN_MAX - taken),
                          .label_count = label_count};
}

void verify_name_last_below(struct name name, struct name_buffer *buffer, struct name *last)
{
    size_t taken = NAME_LEN_MAX - (size_t)name.len;
    memcpy(buffer->octets + taken, name.octets, name.len);
    fill_below(buffer, taken, name.label_count, last);
}

/* The last octet of the label one less, then the greatest of what can stand behind and below it
 * (RFC 4471 §3.1). */
void verify_name_before(struct name name, struct name_buffer *buffer, struct name *before)
{
    enum { LABEL_MAX = 63 };
    struct span label = name_label(name, 0);
    struct name parent = name_parent(name);
    uint8_t octets[LABEL_MAX];
    size_t len = label.len;
    size_t free_len = NAME_LEN_MAX - (size_t)parent.len; /* for the label and below */
    memcpy(octets, label.bytes, len);
    uint8_t last = octets[len - 1];
    last = last >= 'A' && last <= 'Z' ? (uint8_t)(last + 'a' - 'A') : last;
    if (last == 0) {
        len--;
    } else {
        last--;
        /* Capital letters stand where the small ones do. */
        octets[len - 1] = last >= 'A' && last <= 'Z' ? 'A' - 1 : last;
        size_t len_max = free_len - 1 < LABEL_MAX ? free_len - 1 : LABEL_MAX;
        memset(octets + len, 0xff, len_max - len);
        len = len_max;
    }
    memcpy(buffer->octets + free_len, parent.octets, parent.len);
    if (len == 0) {
        *before = (struct name){buffer->octets + free_len, parent.len, parent.label_count};
        return;
    }
    size_t taken = free_len - len - 1;
    buffer->octets[taken] = (uint8_t)len;
    memcpy(buffer->octets + taken + 1, octets, len);
    fill_below(buffer, taken, (uint8_t)(parent.label_count + 1), before);
}

const struct zone_node *verify_chain_before(const struct zone *zone, struct name name)
{
    struct name_buffer buffer;
    struct name at = name;
    const struct zone_node *node = NULL;
    do {
        if (at.label_count == zone_apex(zone).label_count) {
            return NULL;
        }
        verify_name_before(at, &buffer, &at);
        node = zone_at_or_before(zone, at);
        if (node == NULL) {
            return NULL;
        }
        at = node->owner;
    } while (is_hashed_owner(node));
    const struct zone_node *cover = verify_cover(zone, node->owner);
    return cover == NULL ? node : cover;
}

struct name verify_ancestor_seen(const struct zone *zone, struct name name)
{
    uint8_t apex_labels = zone_apex(zone).label_count;
    struct name top = name_ancestor(name, apex_labels);
    struct name at = name;
    if (name.label_count <= apex_labels + 1) {
        return top;
    }
    /* Only within the child of the apex above the name: hashes stand beside it, in great number. */
    struct name child = name_ancestor(name, (uint8_t)(apex_labels + 1));
    for (;;) {
        struct name_buffer buffer;
        verify_name_before(at, &buffer, &at);
        const struct zone_node *node = zone_at_or_before(zone, at);
        if (node == NULL || !name_is_at_or_below(node->owner, child)) {
            return top;
        }
        if (!is_hashed_owner(node)) {
            return name_ancestor(name, name_common_labels(node->owner, name));
        }
        at = node->owner;
    }
}

const struct zone_node *verify_chain_after(const struct zone *zone, const struct zone_node *node)
{
    struct name_buffer buffer;
    struct name at = node->owner;
    if (verify_covers(zone, node)) {
        verify_name_last_below(at, &buffer, &at);
    }
    const struct zone_node *next = zone_after(zone, at);
    while (next != NULL && is_hashed_owner(next)) {
        next = zone_after(zone, next->owner);
    }
    return next;
}
