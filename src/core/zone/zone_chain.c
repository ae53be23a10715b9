/* Who is in the denial chain and what its records say. */
#include "core/zone/zone_chain.h"

#include "core/base/text.h"
#include "core/zone/zone_tree.h"

#include <string.h>

bool chain_is_made(struct name owner, uint16_t type)
{
    switch (type) {
    case TYPE_CDS:
    case TYPE_CDNSKEY:
        return !ds_is_signal(owner);
    case TYPE_RRSIG:
    case TYPE_NSEC:
    case TYPE_DNSKEY:
    case TYPE_NSEC3:
    case TYPE_NSEC3PARAM:
    case TYPE_ZONEMD:
        return true;
    default: /* any other number is the owner's */
        return false;
    }
}

bool chain_has_data(const struct zone_node *node)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        if (!chain_is_made(node->owner, node->rrsets[i].type)) {
            return true;
        }
    }
    return false;
}

bool chain_signs(enum chain_place place, uint16_t type)
{
    if (type == TYPE_NSEC3) {
        return true; /* its owner is a hash, wherever that lies */
    }
    switch (place) {
    case CHAIN_AUTHORITATIVE:
        return type != TYPE_RRSIG;
    case CHAIN_CUT:
        return type == TYPE_DS || type == TYPE_NSEC;
    case CHAIN_BELOW:
        return false;
    }
    return false;
}

static bool node_is_cut(const struct zone *zone, const struct zone_node *node)
{
    bool is_apex = node->owner.label_count == zone->apex.label_count;
    return !is_apex && zone_node_rrset(node, TYPE_NS) != NULL;
}

bool chain_hides_below(const struct zone *zone, const struct zone_node *node)
{
    return node_is_cut(zone, node) || zone_node_rrset(node, TYPE_DNAME) != NULL;
}

void chain_walk_begin(struct chain_walk *walk, const struct zone *zone)
{
    walk->zone = zone;
    walk->above = (struct name){NULL, 0, 0};
    zone_walk(zone, &walk->cursor);
}

const struct zone_node *chain_walk_next(struct chain_walk *walk, enum chain_place *place)
{
    const struct zone_node *node = zone_walk_next(&walk->cursor);
    while (node != NULL && !chain_has_data(node)) {
        node = zone_walk_next(&walk->cursor);
    }
    if (node == NULL) {
        return NULL;
    }
    if (walk->above.len != 0 && name_is_below(node->owner, walk->above)) {
        *place = CHAIN_BELOW;
        return node;
    }
    walk->above.len = 0;
    *place = node_is_cut(walk->zone, node) ? CHAIN_CUT : CHAIN_AUTHORITATIVE;
    if (chain_hides_below(walk->zone, node)) {
        walk->above = node->owner;
    }
    return node;
}

/* The highest cut or DNAME strictly above the name; NULL when the name is in the chain. */
static const struct zone_node *chain_hider(const struct zone *zone, struct name name)
{
    const struct zone_node *cut = zone_find_cut(zone, name);
    const struct zone_node *dname = zone_find_dname(zone, name);
    if (cut != NULL && cut->owner.label_count >= name.label_count) {
        cut = NULL;
    }
    bool is_dname_higher =
        cut == NULL || (dname != NULL && dname->owner.label_count < cut->owner.label_count);
    return is_dname_higher ? dname : cut;
}

enum chain_place chain_place_of(const struct zone *zone, struct name name)
{
    if (chain_hider(zone, name) != NULL) {
        return CHAIN_BELOW;
    }
    const struct zone_node *node = zone_find(zone, name);
    return node != NULL && node_is_cut(zone, node) ? CHAIN_CUT : CHAIN_AUTHORITATIVE;
}

static const struct zone_node *node_of(const struct zone_entry *entry)
{
    return entry == NULL ? NULL : &entry->node;
}

const struct zone_node *chain_behind(const struct zone *zone, struct name top)
{
    uint8_t key[NAME_KEY_MAX];
    size_t len = name_key(top, key);
    if (len == 0) {
        return NULL; /* the root: nothing is behind it */
    }
    /* The key ends with the 0 of its last label; those of all names below go on behind it, and 1
     * is more than all of them and less than any other label's octet there. */
    key[len - 1] = 1;
    struct zone_cursor cursor;
    zone_tree_seek(zone->root, span_of(key, len), &cursor);
    return node_of(zone_tree_next(zone->root, &cursor));
}

const struct zone_node *chain_after(const struct zone *zone, struct name name)
{
    const struct zone_node *own = zone_find(zone, name);
    bool is_hidden = own != NULL && chain_hides_below(zone, own);
    const struct zone_node *node = is_hidden ? chain_behind(zone, name) : zone_after(zone, name);
    while (node != NULL) {
        const struct zone_node *hider = chain_hider(zone, node->owner);
        if (hider != NULL) {
            node = chain_behind(zone, hider->owner);
            continue;
        }
        if (chain_has_data(node)) {
            return node;
        }
        node = zone_after(zone, node->owner);
    }
    return NULL;
}

const struct zone_node *chain_before(const struct zone *zone, struct name name)
{
    for (;;) {
        uint8_t key[NAME_KEY_MAX];
        struct zone_cursor cursor;
        zone_tree_seek_before(zone->root, span_of(key, name_key(name, key)), &cursor);
        const struct zone_node *node = node_of(zone_tree_at(&cursor));
        if (node == NULL) {
            return NULL;
        }
        const struct zone_node *hider = chain_hider(zone, node->owner);
        if (hider != NULL) {
            return hider;
        }
        if (chain_has_data(node)) {
            return node;
        }
        name = node->owner;
    }
}

/* Keeps the types that a bitmap of that place shows, and puts them in order. */
static size_t types_filter(const struct chain_types *types, bool *is_signed)
{
    size_t count = 0;
    for (size_t i = 0; i < types->count; i++) {
        uint16_t type = types->types[i];
        bool is_signed_type = chain_signs(types->place, type);
        *is_signed = *is_signed || is_signed_type;
        if (!is_signed_type && (types->place != CHAIN_CUT || type != TYPE_NS)) {
            continue;
        }
        size_t at = count++;
        for (; at > 0 && types->types[at - 1] > type; at--) {
            types->types[at] = types->types[at - 1];
        }
        types->types[at] = type;
    }
    return count;
}

static void types_insert(uint16_t *types, size_t *count, uint16_t type)
{
    size_t at = (*count)++;
    for (; at > 0 && types[at - 1] > type; at--) {
        types[at] = types[at - 1];
    }
    types[at] = type;
}

void chain_write_nsec(struct name next, const struct chain_types *types, struct writer *rdata)
{
    bool is_signed = true; /* the NSEC itself */
    size_t count = types_filter(types, &is_signed);
    types_insert(types->types, &count, TYPE_RRSIG);
    types_insert(types->types, &count, TYPE_NSEC);
    name_write(next, rdata);
    bitmap_write(types->types, count, rdata);
}

void chain_write_bitmap(const struct chain_types *types, struct writer *bitmap)
{
    bool is_signed = false;
    size_t count = types_filter(types, &is_signed);
    if (is_signed) {
        types_insert(types->types, &count, TYPE_RRSIG);
    }
    bitmap_write(types->types, count, bitmap);
}

void chain_write_nsec3(enum zone_denial denial, const uint8_t next[NSEC3_HASH_LEN],
                       struct span bitmap, struct writer *rdata)
{
    writer_u8(rdata, NSEC3_HASH_SHA1);
    writer_u8(rdata, denial == ZONE_NSEC3_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0);
    writer_u16(rdata, 0); /* iterations */
    writer_u8(rdata, 0);  /* salt */
    writer_u8(rdata, NSEC3_HASH_LEN);
    writer_span(rdata, span_of(next, NSEC3_HASH_LEN));
    writer_span(rdata, bitmap);
}

enum status chain_hash(struct digest_stream *sha1, struct name name, uint8_t hash[NSEC3_HASH_LEN])
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(name, &buffer, &lower);
    digest_add(sha1, name_span(lower));
    return digest_take(sha1, hash);
}

enum status chain_hash_owner(struct name apex, const uint8_t hash[NSEC3_HASH_LEN],
                             struct name_buffer *buffer, struct name *owner)
{
    uint8_t label[CHAIN_HASH_LABEL_LEN];
    struct writer text = writer_over(label, sizeof label);
    text_write_base32hex(&text, span_of(hash, NSEC3_HASH_LEN));
    return name_make_child(writer_written(&text), apex, buffer, owner);
}

bool chain_owner_hash(struct name apex, struct name owner, uint8_t hash[NSEC3_HASH_LEN])
{
    if (owner.label_count != apex.label_count + 1 ||
        name_label(owner, 0).len != CHAIN_HASH_LABEL_LEN) {
        return false;
    }
    struct writer octets = writer_over(hash, NSEC3_HASH_LEN);
    return text_read_base32hex(name_label(owner, 0), &octets) == OK && octets.len == NSEC3_HASH_LEN;
}
