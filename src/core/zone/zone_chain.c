/* Writing the denial chain: NSEC over the names in canonical order (RFC 4034 §4), NSEC3 over their
 * hashes with the empty non-terminals (RFC 5155 §7.1); no salt and no iterations (RFC 9276 §3.1).
 */
#include "core/zone/zone_chain.h"

#include "core/base/text.h"
#include "core/dnssec/denial.h"

#include <stdlib.h>
#include <string.h>

enum { NSEC3_OWNER_LABEL_LEN = 32 };

void chain_walk_begin(struct chain_walk *walk, const struct zone *zone)
{
    walk->zone = zone;
    walk->above = (struct name){NULL, 0, 0};
    zone_walk(zone, &walk->cursor);
}

const struct zone_node *chain_walk_next(struct chain_walk *walk, enum chain_place *place)
{
    const struct zone_node *node = zone_walk_next(&walk->cursor);
    if (node == NULL) {
        return NULL;
    }
    if (walk->above.len != 0 && name_is_below(node->owner, walk->above)) {
        *place = CHAIN_BELOW;
        return node;
    }
    walk->above.len = 0;
    bool is_apex = name_equal(node->owner, zone_apex(walk->zone));
    bool is_cut = !is_apex && zone_node_rrset(node, TYPE_NS) != NULL;
    *place = is_cut ? CHAIN_CUT : CHAIN_AUTHORITATIVE;
    if (is_cut || zone_node_rrset(node, TYPE_DNAME) != NULL) {
        walk->above = node->owner;
    }
    return node;
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

struct chain_run {
    const struct zone *plain;
    struct zone_builder *builder;
    enum zone_denial denial;
    bool has_zonemd;
    uint32_t ttl_s; /* RFC 9077: the negative TTL */
    struct arena arena;
    struct arena scratch;
    uint8_t *rdata; /* RDATA_SIZE octets */
};

enum { RDATA_SIZE = 65535 };

static void types_insert(uint16_t *types, size_t *count, uint16_t type)
{
    size_t at = *count;
    while (at > 0 && types[at - 1] > type) {
        types[at] = types[at - 1];
        at--;
    }
    types[at] = type;
    (*count)++;
}

/* The bitmap of a node, NULL for an empty non-terminal. */
static enum status chain_write_bitmap(struct chain_run *run, const struct zone_node *node,
                                      enum chain_place place, struct writer *rdata)
{
    if (node == NULL) {
        return OK;
    }
    size_t count = 0;
    arena_reset(&run->scratch);
    uint16_t *types = arena_take_array(&run->scratch, node->rrset_count + 3U, sizeof *types);
    if (types == NULL) {
        return NO_MEMORY;
    }
    bool is_signed = run->denial == ZONE_NSEC;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        uint16_t type = node->rrsets[i]->type;
        bool is_signed_type = chain_signs(place, type);
        is_signed = is_signed || is_signed_type;
        if (is_signed_type || (place == CHAIN_CUT && type == TYPE_NS)) {
            types_insert(types, &count, type);
        }
    }
    if (is_signed) {
        types_insert(types, &count, TYPE_RRSIG);
    }
    if (run->denial == ZONE_NSEC) {
        types_insert(types, &count, TYPE_NSEC);
    }
    if (run->has_zonemd && name_equal(node->owner, zone_apex(run->plain))) {
        types_insert(types, &count, TYPE_ZONEMD);
    }
    bitmap_write(types, count, rdata);
    return OK;
}

static enum status nsec_add(struct chain_run *run, const struct zone_node *node,
                            enum chain_place place, struct name next)
{
    struct writer rdata = writer_over(run->rdata, RDATA_SIZE);
    name_write(next, &rdata);
    enum status status = chain_write_bitmap(run, node, place, &rdata);
    if (status == OK) {
        status = rdata.status;
    }
    if (status == OK) {
        status = zone_build_add(run->builder, node->owner, TYPE_NSEC, run->ttl_s,
                                writer_written(&rdata));
    }
    return status;
}

static enum status chain_build_nsec(struct chain_run *run)
{
    struct chain_walk walk;
    chain_walk_begin(&walk, run->plain);
    const struct zone_node *last = NULL;
    enum chain_place last_place = CHAIN_AUTHORITATIVE;
    enum chain_place place;
    enum status status = OK;
    for (const struct zone_node *node;
         status == OK && (node = chain_walk_next(&walk, &place)) != NULL;) {
        if (place == CHAIN_BELOW) {
            continue;
        }
        if (last != NULL) {
            status = nsec_add(run, last, last_place, node->owner);
        }
        last = node;
        last_place = place;
    }
    if (status == OK && last != NULL) {
        status = nsec_add(run, last, last_place, zone_apex(run->plain));
    }
    return status;
}

/* One name of the NSEC3 chain. */
struct hashed {
    uint8_t hash[NSEC3_HASH_LEN];
    enum chain_place place;
    const struct zone_node *node; /* NULL: an empty non-terminal */
};

struct hashed_list {
    struct hashed *items; /* NULL while they are only counted */
    size_t count;
};

static bool is_left_to_opt_out(const struct chain_run *run, const struct zone_node *node,
                               enum chain_place place)
{
    return run->denial == ZONE_NSEC3_OPT_OUT && place == CHAIN_CUT &&
           zone_node_rrset(node, TYPE_DS) == NULL;
}

static enum status hashed_add(struct hashed_list *list, struct name name,
                              const struct zone_node *node, enum chain_place place)
{
    if (list->items == NULL) {
        list->count++;
        return OK;
    }
    struct hashed *item = &list->items[list->count++];
    item->node = node;
    item->place = place;
    return nsec3_hash(name, SPAN_EMPTY, 0, item->hash);
}

/* Lists every name that has an NSEC3 record. An ancestor of a name that is no ancestor of the name
 * before it and owns nothing is an empty non-terminal. */
static enum status hashed_collect(const struct chain_run *run, struct hashed_list *list)
{
    struct chain_walk walk;
    chain_walk_begin(&walk, run->plain);
    struct name last = zone_apex(run->plain);
    enum chain_place place;
    for (const struct zone_node *node; (node = chain_walk_next(&walk, &place)) != NULL;) {
        if (place == CHAIN_BELOW || is_left_to_opt_out(run, node, place)) {
            continue;
        }
        uint8_t labels = name_common_labels(last, node->owner);
        while (++labels < node->owner.label_count) {
            enum status status = hashed_add(list, name_ancestor(node->owner, labels), NULL, place);
            if (status != OK) {
                return status;
            }
        }
        enum status status = hashed_add(list, node->owner, node, place);
        if (status != OK) {
            return status;
        }
        last = node->owner;
    }
    return OK;
}

static int hashed_compare(const void *a, const void *b)
{
    const struct hashed *left = a;
    const struct hashed *right = b;
    return memcmp(left->hash, right->hash, NSEC3_HASH_LEN);
}

static enum status nsec3_add(struct chain_run *run, const struct hashed *item,
                             const struct hashed *next)
{
    uint8_t label[NSEC3_OWNER_LABEL_LEN];
    struct writer text = writer_over(label, sizeof label);
    text_write_base32hex(&text, span_of(item->hash, NSEC3_HASH_LEN));
    struct name_buffer buffer;
    struct name owner;
    enum status status =
        name_make_child(writer_written(&text), zone_apex(run->plain), &buffer, &owner);
    if (status != OK) {
        return status;
    }
    struct writer rdata = writer_over(run->rdata, RDATA_SIZE);
    writer_u8(&rdata, NSEC3_HASH_SHA1);
    writer_u8(&rdata, run->denial == ZONE_NSEC3_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0);
    writer_u16(&rdata, 0); /* iterations */
    writer_u8(&rdata, 0);  /* salt */
    writer_u8(&rdata, NSEC3_HASH_LEN);
    writer_span(&rdata, span_of(next->hash, NSEC3_HASH_LEN));
    status = chain_write_bitmap(run, item->node, item->place, &rdata);
    if (status == OK) {
        status = rdata.status;
    }
    if (status == OK) {
        status =
            zone_build_add(run->builder, owner, TYPE_NSEC3, run->ttl_s, writer_written(&rdata));
    }
    return status;
}

static enum status chain_build_nsec3(struct chain_run *run)
{
    struct hashed_list list = {NULL, 0};
    enum status status = hashed_collect(run, &list);
    if (status != OK || list.count == 0) {
        return status;
    }
    size_t count = list.count;
    list.items = arena_take_array(&run->arena, count, sizeof *list.items);
    if (list.items == NULL) {
        return NO_MEMORY;
    }
    list.count = 0;
    status = hashed_collect(run, &list);
    if (status != OK) {
        return status;
    }
    qsort(list.items, count, sizeof *list.items, hashed_compare);
    for (size_t i = 0; status == OK && i < count; i++) {
        const struct hashed *next = &list.items[(i + 1) % count];
        if (count > 1 && hashed_compare(&list.items[i], next) == 0) {
            return MISMATCH; /* two names with one SHA-1: the zone needs another name, or NSEC */
        }
        status = nsec3_add(run, &list.items[i], next);
    }
    return status;
}

enum status chain_build(const struct zone *plain, enum zone_denial denial, bool has_zonemd,
                        struct zone_builder *builder)
{
    struct chain_run run = {.plain = plain,
                            .builder = builder,
                            .denial = denial,
                            .has_zonemd = has_zonemd,
                            .ttl_s = zone_negative_ttl_s(plain)};
    arena_open(&run.arena, SIZE_MAX / 2); /* in proportion to the zone, which has its own limits */
    arena_open(&run.scratch, 1 << 20);
    run.rdata = arena_take(&run.arena, RDATA_SIZE);
    enum status status = NO_MEMORY;
    if (run.rdata != NULL) {
        status = denial == ZONE_NSEC ? chain_build_nsec(&run) : chain_build_nsec3(&run);
    }
    arena_close(&run.scratch);
    arena_close(&run.arena);
    return status;
}
