/* Making the next version of a zone. One owner name at a time is open for changes: its RRsets are
 * taken apart when they are first touched and written back as one packed entry when another owner
 * is opened. */
#include "core/dns/rdata.h"
#include "core/zone/zone_tree.h"

#include <stdlib.h>
#include <string.h>

struct staged_record {
    size_t at; /* offset of the rdata in the builder's bytes */
    uint16_t len;
};

struct staged_rrset {
    uint16_t type;
    uint16_t covers;
    uint32_t ttl_s;
    const struct rrset *source; /* not touched yet: stands in the open entry; else NULL */
    struct staged_record *records;
    size_t count;
    size_t size;
    bool is_sorted; /* canonically, without duplicates */
};

struct zone_builder {
    struct zone *zone;        /* the version in the making: apex, counts and root */
    bool is_open;             /* an owner is open */
    bool is_changed;          /* and differs from its entry */
    enum status status;       /* the first failure of memory; nothing is finished after it */
    struct zone_entry *entry; /* the open owner's entry, held; NULL when it owned nothing */
    struct name owner;
    struct name_buffer owner_buffer;
    uint8_t key[NAME_KEY_MAX];
    size_t key_len;
    struct staged_rrset *rrsets; /* sorted by (type, covers) */
    size_t rrset_count;
    size_t rrset_size;
    uint8_t *bytes;
    size_t bytes_len;
    size_t bytes_size;
};

/* Grows a table of `item` octets a slot to hold `count`; false without memory. */
static bool table_grow(void **table, size_t *size, size_t count, size_t item)
{
    if (count <= *size) {
        return true;
    }
    size_t grown = *size < 8 ? 8 : *size * 2;
    grown = grown < count ? count : grown;
    void *moved = grown > SIZE_MAX / item ? NULL : realloc(*table, grown * item);
    if (moved == NULL) {
        return false;
    }
    *table = moved;
    *size = grown;
    return true;
}

enum status zone_build(struct name apex, const struct zone *from, struct zone_builder **builder)
{
    struct zone_builder *made = calloc(1, sizeof *made);
    struct zone *zone = zone_make(apex);
    if (made == NULL || zone == NULL) {
        free(made);
        free(zone);
        return NO_MEMORY;
    }
    if (from != NULL) {
        require(name_equal(from->apex, apex));
        zone->root = zone_page_hold(from->root);
        zone->nsec3_root = zone_page_hold(from->nsec3_root);
        zone->record_count = from->record_count;
        zone->node_count = from->node_count;
    }
    made->zone = zone;
    *builder = made;
    return OK;
}

static void staged_clear(struct zone_builder *builder)
{
    for (size_t i = 0; i < builder->rrset_count; i++) {
        free(builder->rrsets[i].records);
    }
    builder->rrset_count = 0;
    builder->bytes_len = 0;
    zone_entry_release(builder->entry);
    builder->entry = NULL;
    builder->is_open = false;
    builder->is_changed = false;
}

static struct span staged_rdata(const struct zone_builder *builder,
                                const struct staged_record *record)
{
    return span_of(builder->bytes + record->at, record->len);
}

/* What records are compared with while an RRset is sorted. */
struct staged_order {
    const struct zone_builder *builder;
    uint16_t type;
};

static int staged_compare(const void *a, const void *b, void *user)
{
    const struct staged_order *order = user;
    return rrset_compare_rdata(order->type, staged_rdata(order->builder, a),
                               staged_rdata(order->builder, b));
}

/* Sorted canonically, each record once (RFC 2181 §5). */
static void staged_sort(struct zone_builder *builder, struct staged_rrset *rrset)
{
    if (rrset->is_sorted || rrset->source != NULL) {
        return;
    }
    rrset->is_sorted = true;
    if (rrset->count == 0) {
        return;
    }
    struct staged_order order = {builder, rrset->type};
    qsort_r(rrset->records, rrset->count, sizeof rrset->records[0], staged_compare, &order);
    size_t kept = 1;
    for (size_t i = 1; i < rrset->count; i++) {
        if (staged_compare(&rrset->records[kept - 1], &rrset->records[i], &order) != 0) {
            rrset->records[kept++] = rrset->records[i];
        }
    }
    rrset->count = kept;
}

/* A copy of `rdata` in the builder's bytes. */
static bool staged_store(struct zone_builder *builder, struct span rdata,
                         struct staged_record *record)
{
    size_t needed = builder->bytes_len + rdata.len;
    if (!table_grow((void **)&builder->bytes, &builder->bytes_size, needed + 1, 1)) {
        return false;
    }
    if (rdata.len != 0) {
        memcpy(builder->bytes + builder->bytes_len, rdata.bytes, rdata.len);
    }
    *record = (struct staged_record){builder->bytes_len, (uint16_t)rdata.len};
    builder->bytes_len = needed;
    return true;
}

static enum status staged_add(struct zone_builder *builder, struct staged_rrset *rrset,
                              struct span rdata)
{
    if (rdata.len > RDATA_LEN_MAX) {
        return TOO_LONG;
    }
    if (rrset->count >= 2 * RRSET_RECORDS_MAX) {
        staged_sort(builder, rrset);
        if (rrset->count >= RRSET_RECORDS_MAX) {
            return LIMIT_REACHED;
        }
    }
    if (!table_grow((void **)&rrset->records, &rrset->size, rrset->count + 1,
                    sizeof rrset->records[0]) ||
        !staged_store(builder, rdata, &rrset->records[rrset->count])) {
        return NO_MEMORY;
    }
    rrset->count++;
    rrset->is_sorted = false;
    return OK;
}

/* Takes an untouched RRset apart so that it can be changed. */
static enum status staged_touch(struct zone_builder *builder, struct staged_rrset *rrset)
{
    const struct rrset *source = rrset->source;
    if (source == NULL) {
        return OK;
    }
    rrset->source = NULL;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(source); rrset_next(&cursor, &rdata);) {
        enum status status = staged_add(builder, rrset, rdata);
        if (status != OK) {
            return status;
        }
    }
    rrset->is_sorted = true; /* as every stored RRset */
    return OK;
}

/* The packed form of the open owner. */

struct entry_size {
    size_t total;
    size_t rdata_len;
    uint32_t record_count;
    uint16_t rrset_count;
};

static enum status staged_measure(const struct zone_builder *builder, struct entry_size *size)
{
    *size = (struct entry_size){0};
    for (size_t i = 0; i < builder->rrset_count; i++) {
        const struct staged_rrset *rrset = &builder->rrsets[i];
        size_t count = rrset->source != NULL ? rrset->source->count : rrset->count;
        if (count == 0) {
            continue;
        }
        if (count > RRSET_RECORDS_MAX) {
            return LIMIT_REACHED;
        }
        size_t len = rrset->source != NULL ? rrset->source->rdata_len : 2 * count;
        for (size_t j = 0; rrset->source == NULL && j < count; j++) {
            len += rrset->records[j].len;
        }
        if (len > UINT32_MAX) {
            return LIMIT_REACHED;
        }
        size->rdata_len += len;
        size->record_count += (uint32_t)count;
        size->rrset_count++;
    }
    size->total = sizeof(struct zone_entry) + size->rrset_count * sizeof(struct rrset) +
                  builder->owner.len + builder->key_len + size->rdata_len;
    return OK;
}

static size_t staged_write_rdata(const struct zone_builder *builder,
                                 const struct staged_rrset *rrset, uint8_t *to)
{
    if (rrset->source != NULL) {
        memcpy(to, rrset->source->rdata, rrset->source->rdata_len);
        return rrset->source->rdata_len;
    }
    uint8_t *start = to;
    for (size_t i = 0; i < rrset->count; i++) {
        struct span rdata = staged_rdata(builder, &rrset->records[i]);
        *to++ = (uint8_t)(rdata.len >> 8);
        *to++ = (uint8_t)rdata.len;
        memcpy(to, rdata.bytes, rdata.len);
        to += rdata.len;
    }
    return (size_t)(to - start);
}

static struct zone_entry *staged_pack(const struct zone_builder *builder,
                                      const struct entry_size *size)
{
    struct zone_entry *entry = malloc(size->total);
    if (entry == NULL) {
        return NULL;
    }
    struct rrset *rrsets = (struct rrset *)(entry + 1);
    uint8_t *at = (uint8_t *)(rrsets + size->rrset_count);
    struct name owner = builder->owner;
    memcpy(at, owner.octets, owner.len);
    owner.octets = at;
    at += owner.len;
    memcpy(at, builder->key, builder->key_len);
    at += builder->key_len;
    uint16_t count = 0;
    for (size_t i = 0; i < builder->rrset_count; i++) {
        const struct staged_rrset *staged = &builder->rrsets[i];
        size_t records = staged->source != NULL ? staged->source->count : staged->count;
        if (records == 0) {
            continue;
        }
        size_t len = staged_write_rdata(builder, staged, at);
        rrsets[count] = (struct rrset){.owner = owner,
                                       .type = staged->type,
                                       .covers = staged->covers,
                                       .class_ = CLASS_IN,
                                       .count = (uint16_t)records,
                                       .ttl_s = staged->ttl_s,
                                       .rdata_len = (uint32_t)len,
                                       .rdata = at};
        count++;
        at += len;
    }
    atomic_init(&entry->references, 1);
    entry->record_count = size->record_count;
    entry->node = (struct zone_node){owner, rrsets, count, (uint16_t)builder->key_len};
    return entry;
}

static bool entry_has_nsec3(const struct zone_entry *entry)
{
    return entry != NULL && zone_node_rrset(&entry->node, TYPE_NSEC3) != NULL;
}

/* Keeps the tree of hashes in step with the tree of names. */
static enum status nsec3_store(struct zone *zone, const struct zone_entry *standing,
                               struct zone_entry *packed)
{
    if (entry_has_nsec3(packed)) {
        return zone_tree_put(&zone->nsec3_root, zone_entry_hold(&packed->node));
    }
    return entry_has_nsec3(standing) ? zone_tree_remove(&zone->nsec3_root, zone_entry_key(standing))
                                     : OK;
}

/* Puts `packed` in place of `standing`, which the caller holds; NULL is nothing. Takes over the
 * reference to `packed`. */
static enum status zone_store(struct zone *zone, const struct zone_entry *standing,
                              struct zone_entry *packed)
{
    size_t record_count = packed == NULL ? 0 : packed->record_count;
    enum status status = nsec3_store(zone, standing, packed);
    if (status != OK) {
        zone_entry_release(packed);
        return status;
    }
    if (packed != NULL) {
        status = zone_tree_put(&zone->root, packed);
    } else if (standing != NULL) {
        status = zone_tree_remove(&zone->root, zone_entry_key(standing));
    }
    if (status != OK) {
        return status;
    }
    zone->record_count += record_count;
    zone->node_count += packed != NULL;
    if (standing != NULL) {
        zone->record_count -= standing->record_count;
        zone->node_count--;
    }
    return OK;
}

/* Puts the packed form of the open owner into the tree, or takes its entry away. */
static enum status staged_store_entry(struct zone_builder *builder)
{
    for (size_t i = 0; i < builder->rrset_count; i++) {
        staged_sort(builder, &builder->rrsets[i]);
    }
    struct entry_size size;
    enum status status = staged_measure(builder, &size);
    if (status != OK) {
        return status;
    }
    struct zone_entry *packed = NULL;
    if (size.rrset_count > 0) {
        packed = staged_pack(builder, &size);
        if (packed == NULL) {
            return NO_MEMORY;
        }
    }
    return zone_store(builder->zone, builder->entry, packed);
}

static enum status builder_close_owner(struct zone_builder *builder)
{
    if (builder->is_open && builder->is_changed && builder->status == OK) {
        builder->status = staged_store_entry(builder);
    }
    staged_clear(builder);
    return builder->status;
}

static enum status builder_load_entry(struct zone_builder *builder)
{
    const struct zone_node *node = &builder->entry->node;
    if (!table_grow((void **)&builder->rrsets, &builder->rrset_size, node->rrset_count,
                    sizeof builder->rrsets[0])) {
        return NO_MEMORY;
    }
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        builder->rrsets[builder->rrset_count++] = (struct staged_rrset){.type = rrset->type,
                                                                        .covers = rrset->covers,
                                                                        .ttl_s = rrset->ttl_s,
                                                                        .source = rrset,
                                                                        .is_sorted = true};
    }
    return OK;
}

static enum status builder_open_owner(struct zone_builder *builder, struct name owner)
{
    if (builder->status != OK) {
        return builder->status;
    }
    if (builder->is_open && name_equal(builder->owner, owner)) {
        return OK;
    }
    enum status status = builder_close_owner(builder);
    if (status != OK) {
        return status;
    }
    if (!name_is_at_or_below(owner, builder->zone->apex)) {
        return BAD_ARGUMENT;
    }
    builder->key_len = name_key(owner, builder->key);
    builder->entry = zone_tree_find(builder->zone->root, span_of(builder->key, builder->key_len));
    struct name kept = builder->entry == NULL ? owner : builder->entry->node.owner; /* its case */
    name_copy_to(kept, &builder->owner_buffer, &builder->owner);
    builder->is_open = true;
    if (builder->entry == NULL) {
        return OK;
    }
    atomic_fetch_add_explicit(&builder->entry->references, 1, memory_order_relaxed);
    builder->status = builder_load_entry(builder);
    return builder->status;
}

/* Where (type, covers) stands or would stand among the open owner's RRsets. */
static size_t staged_place(const struct zone_builder *builder, uint16_t type, uint16_t covers)
{
    size_t at = 0;
    while (at < builder->rrset_count &&
           (builder->rrsets[at].type < type ||
            (builder->rrsets[at].type == type && builder->rrsets[at].covers < covers))) {
        at++;
    }
    return at;
}

static struct staged_rrset *staged_find(const struct zone_builder *builder, uint16_t type,
                                        uint16_t covers)
{
    size_t at = staged_place(builder, type, covers);
    bool is_found = at < builder->rrset_count && builder->rrsets[at].type == type &&
                    builder->rrsets[at].covers == covers;
    return is_found ? &builder->rrsets[at] : NULL;
}

static struct staged_rrset *staged_make(struct zone_builder *builder, uint16_t type,
                                        uint16_t covers)
{
    struct staged_rrset *found = staged_find(builder, type, covers);
    if (found != NULL) {
        return found;
    }
    if (!table_grow((void **)&builder->rrsets, &builder->rrset_size, builder->rrset_count + 1,
                    sizeof builder->rrsets[0])) {
        return NULL;
    }
    size_t at = staged_place(builder, type, covers);
    memmove(builder->rrsets + at + 1, builder->rrsets + at,
            (builder->rrset_count - at) * sizeof builder->rrsets[0]);
    builder->rrset_count++;
    builder->rrsets[at] = (struct staged_rrset){.type = type, .covers = covers, .is_sorted = true};
    return &builder->rrsets[at];
}

/* The covered type of an RRSIG, 0 of anything else. */
static uint16_t rdata_covers(uint16_t type, struct span rdata)
{
    if (type != TYPE_RRSIG || rdata.len < 2) {
        return 0;
    }
    return (uint16_t)(rdata.bytes[0] << 8 | rdata.bytes[1]);
}

enum status zone_build_add(struct zone_builder *builder, struct name owner, uint16_t type,
                           uint32_t ttl_s, struct span rdata)
{
    enum status status = builder_open_owner(builder, owner);
    if (status != OK) {
        return status;
    }
    struct staged_rrset *rrset = staged_make(builder, type, rdata_covers(type, rdata));
    status = rrset == NULL ? NO_MEMORY : staged_touch(builder, rrset);
    if (status == OK) {
        status = staged_add(builder, rrset, rdata);
    }
    if (status != OK) {
        builder->status = status;
        return status;
    }
    rrset->ttl_s = ttl_s;
    builder->is_changed = true;
    return OK;
}

/* Index of the record that is canonically equal, or count. */
static size_t staged_search(struct zone_builder *builder, struct staged_rrset *rrset,
                            struct span rdata)
{
    staged_sort(builder, rrset);
    size_t low = 0;
    size_t high = rrset->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct span there = staged_rdata(builder, &rrset->records[middle]);
        int order = rrset_compare_rdata(rrset->type, there, rdata);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return rrset->count;
}

static enum status staged_remove(struct zone_builder *builder, struct staged_rrset *rrset,
                                 struct span rdata)
{
    size_t at = staged_search(builder, rrset, rdata);
    if (at == rrset->count) {
        return NOT_FOUND;
    }
    memmove(rrset->records + at, rrset->records + at + 1,
            (rrset->count - at - 1) * sizeof rrset->records[0]);
    rrset->count--;
    builder->is_changed = true;
    return OK;
}

enum status zone_build_remove(struct zone_builder *builder, struct name owner, uint16_t type,
                              struct span rdata)
{
    enum status status = builder_open_owner(builder, owner);
    if (status != OK) {
        return status;
    }
    struct staged_rrset *rrset = staged_find(builder, type, rdata_covers(type, rdata));
    if (rrset == NULL || rdata.len > RDATA_LEN_MAX) {
        return NOT_FOUND;
    }
    status = staged_touch(builder, rrset);
    if (status != OK) {
        builder->status = status;
        return status;
    }
    return staged_remove(builder, rrset, rdata);
}

bool zone_build_has(struct zone_builder *builder, struct name owner, uint16_t type,
                    struct span rdata)
{
    if (rdata.len > RDATA_LEN_MAX || builder_open_owner(builder, owner) != OK) {
        return false;
    }
    struct staged_rrset *rrset = staged_find(builder, type, rdata_covers(type, rdata));
    return rrset != NULL && staged_touch(builder, rrset) == OK &&
           staged_search(builder, rrset, rdata) < rrset->count;
}

enum status zone_build_set(struct zone_builder *builder, const struct rrset *rrset)
{
    enum status status = builder_open_owner(builder, rrset->owner);
    if (status != OK) {
        return status;
    }
    struct staged_rrset *staged = staged_make(builder, rrset->type, rrset->covers);
    if (staged == NULL) {
        builder->status = NO_MEMORY;
        return NO_MEMORY;
    }
    staged->source = NULL;
    staged->count = 0;
    staged->ttl_s = rrset->ttl_s;
    builder->is_changed = true;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        status = staged_add(builder, staged, rdata);
        if (status != OK) {
            builder->status = status;
            return status;
        }
    }
    return OK;
}

/* What stands under that key is held for the length of the call: the tree lets go of it. */
static enum status builder_replace(struct zone_builder *builder, struct span key,
                                   struct zone_entry *packed)
{
    enum status status = builder_close_owner(builder);
    if (status != OK) {
        zone_entry_release(packed);
        return status;
    }
    struct zone_entry *standing = zone_tree_find(builder->zone->root, key);
    if (standing != NULL) {
        standing = zone_entry_hold(&standing->node);
    }
    builder->status = zone_store(builder->zone, standing, packed);
    zone_entry_release(standing);
    return builder->status;
}

enum status zone_build_put(struct zone_builder *builder, struct zone_entry *entry)
{
    return builder_replace(builder, zone_entry_key(entry), entry);
}

enum status zone_build_drop(struct zone_builder *builder, struct name owner)
{
    uint8_t key[NAME_KEY_MAX];
    return builder_replace(builder, span_of(key, name_key(owner, key)), NULL);
}

const struct rrset *zone_build_rrset(struct zone_builder *builder, struct name owner, uint16_t type,
                                     uint16_t covers)
{
    if (builder_close_owner(builder) != OK) {
        return NULL;
    }
    uint8_t key[NAME_KEY_MAX];
    struct span wanted = span_of(key, name_key(owner, key));
    const struct zone_entry *entry = zone_tree_find(builder->zone->root, wanted);
    if (entry == NULL) {
        return NULL;
    }
    return type == TYPE_RRSIG ? zone_node_rrsigs(&entry->node, covers)
                              : zone_node_rrset(&entry->node, type);
}

static void builder_free(struct zone_builder *builder)
{
    staged_clear(builder);
    free(builder->rrsets);
    free(builder->bytes);
    free(builder);
}

struct zone *zone_build_finish(struct zone_builder *builder)
{
    enum status status = builder_close_owner(builder);
    struct zone *zone = builder->zone;
    builder_free(builder);
    if (status != OK) {
        zone_release(zone);
        return NULL;
    }
    uint8_t key[NAME_KEY_MAX];
    zone->apex_entry = zone_tree_find(zone->root, span_of(key, name_key(zone->apex, key)));
    return zone;
}

void zone_build_cancel(struct zone_builder *builder)
{
    if (builder != NULL) {
        zone_release(builder->zone);
        builder_free(builder);
    }
}
