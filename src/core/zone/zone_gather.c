/* From records in the order of a file to entries in canonical order: one owner at a time is open,
 * packed when the next one comes; where the names turn back a new rising run of entries begins, and
 * at the end neighbouring runs are merged until one is left. */
#include "core/zone/zone_gather.h"

#include "core/dns/rdata.h"
#include "core/zone/zone_bulk.h"

#include <stdlib.h>
#include <string.h>

enum { OWNER_OCTETS_MAX = 1 << 28 }; /* of all rdata of one name */

struct gathered_record {
    uint16_t type;
    uint16_t covers;
    uint16_t len;
    uint32_t ttl_s; /* of the last of its kind */
    size_t ttl_at;  /* `at` of the record that gave the TTL */
    size_t at;      /* of its length and rdata in the gathering's octets; rises as they come */
};

struct zone_gathering {
    enum status status; /* the first failure */
    bool has_nsec3;
    uint16_t ttl_differs; /* the lowest type of the open owner with different TTLs, or 0 */
    /* The open owner. */
    struct name owner; /* len 0: none is open */
    struct name_buffer owner_octets;
    struct gathered_record *records;
    size_t record_count, record_size;
    uint8_t *octets;
    size_t octets_len, octets_size;
    /* What its records become. */
    struct rrset *rrsets;
    size_t rrset_size;
    uint8_t *packed;
    size_t packed_size;
    /* The entries so far, and where each rising run of them begins. */
    struct zone_bulk_item *items;
    size_t item_count, item_size;
    size_t *runs;
    size_t run_count, run_size;
};

/* Grows a table of `item` octets a slot to hold `count`; false without memory. */
static bool table_grow(void **table, size_t *size, size_t count, size_t item)
{
    if (count <= *size) {
        return true;
    }
    size_t grown = *size < 16 ? 16 : *size * 2;
    grown = grown < count ? count : grown;
    void *moved = grown > SIZE_MAX / item ? NULL : realloc(*table, grown * item);
    if (moved == NULL) {
        return false;
    }
    *table = moved;
    *size = grown;
    return true;
}

enum status zone_gather_open(struct zone_gathering **gathering)
{
    *gathering = calloc(1, sizeof **gathering);
    return *gathering == NULL ? NO_MEMORY : OK;
}

void zone_gather_close(struct zone_gathering *gathering)
{
    if (gathering == NULL) {
        return;
    }
    for (size_t i = 0; i < gathering->item_count; i++) {
        zone_entry_release(gathering->items[i].entry);
    }
    free(gathering->items);
    free(gathering->runs);
    free(gathering->records);
    free(gathering->octets);
    free(gathering->rrsets);
    free(gathering->packed);
    free(gathering);
}

static struct span record_rdata(const struct zone_gathering *gathering,
                                const struct gathered_record *record)
{
    return span_of(gathering->octets + record->at + 2, record->len);
}

static bool is_of_one_rrset(const struct gathered_record *a, const struct gathered_record *b)
{
    return a->type == b->type && a->covers == b->covers;
}

static int compare_records(const struct zone_gathering *gathering, const struct gathered_record *a,
                           const struct gathered_record *b)
{
    if (!is_of_one_rrset(a, b)) {
        int types = (int)a->type - (int)b->type;
        return types != 0 ? types : (int)a->covers - (int)b->covers;
    }
    return rrset_compare_rdata(a->type, record_rdata(gathering, a), record_rdata(gathering, b));
}

/* Of equal records the one given first comes first. */
static int compare_for_sort(const void *left, const void *right, void *user)
{
    const struct gathered_record *a = left, *b = right;
    int order = compare_records(user, a, b);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static void note_ttl(struct zone_gathering *gathering, const struct gathered_record *a,
                     const struct gathered_record *b)
{
    bool is_lowest = gathering->ttl_differs == 0 || a->type < gathering->ttl_differs;
    if (a->ttl_s != b->ttl_s && is_lowest) {
        gathering->ttl_differs = a->type;
    }
}

/* The open owner's records by type and in canonical order, each once (RFC 2181 §5). */
static void sort_records(struct zone_gathering *gathering)
{
    struct gathered_record *records = gathering->records;
    bool is_sorted = true;
    for (size_t i = 1; i < gathering->record_count && is_sorted; i++) {
        is_sorted = compare_records(gathering, &records[i - 1], &records[i]) < 0;
    }
    if (is_sorted) {
        return;
    }
    qsort_r(records, gathering->record_count, sizeof *records, compare_for_sort, gathering);
    size_t kept = 0;
    for (size_t i = 1; i < gathering->record_count; i++) {
        if (compare_records(gathering, &records[kept], &records[i]) != 0) {
            records[++kept] = records[i];
            continue;
        }
        note_ttl(gathering, &records[kept], &records[i]);
        records[kept].ttl_s = records[i].ttl_s; /* it came later */
        records[kept].ttl_at = records[i].ttl_at;
    }
    gathering->record_count = kept + 1;
}

/* The rdata of an RRset in one piece: as it was stored, or, when its records did not come one
 * behind the other in their order, copied to `packed`. */
static const uint8_t *pack_rdata(const struct zone_gathering *gathering,
                                 const struct gathered_record *records, size_t count,
                                 uint8_t **packed)
{
    bool is_packed = true;
    for (size_t i = 1; i < count && is_packed; i++) {
        is_packed = records[i].at == records[i - 1].at + 2 + records[i - 1].len;
    }
    if (is_packed) {
        return gathering->octets + records[0].at;
    }
    const uint8_t *from = *packed;
    for (size_t i = 0; i < count; i++) {
        size_t len = 2 + (size_t)records[i].len;
        memcpy(*packed, gathering->octets + records[i].at, len);
        *packed += len;
    }
    return from;
}

static enum status make_rrset(struct zone_gathering *gathering,
                              const struct gathered_record *records, size_t count, uint8_t **packed,
                              struct rrset *rrset)
{
    size_t len = 0, ttl_at = 0;
    uint32_t ttl_s = 0;
    for (size_t i = 0; i < count; i++) {
        len += 2 + (size_t)records[i].len;
        note_ttl(gathering, &records[0], &records[i]);
        if (records[i].ttl_at >= ttl_at) {
            ttl_at = records[i].ttl_at;
            ttl_s = records[i].ttl_s;
        }
    }
    if (count > RRSET_RECORDS_MAX || len > UINT32_MAX) {
        return LIMIT_REACHED;
    }
    *rrset = (struct rrset){.type = records[0].type,
                            .covers = records[0].covers,
                            .class_ = CLASS_IN,
                            .count = (uint16_t)count,
                            .ttl_s = ttl_s,
                            .rdata_len = (uint32_t)len,
                            .rdata = pack_rdata(gathering, records, count, packed)};
    gathering->has_nsec3 = gathering->has_nsec3 || rrset->type == TYPE_NSEC3;
    return OK;
}

/* The open owner's RRsets from its sorted records. */
static enum status make_rrsets(struct zone_gathering *gathering, uint16_t *rrset_count)
{
    const struct gathered_record *records = gathering->records;
    uint8_t *packed = gathering->packed;
    *rrset_count = 0;
    for (size_t from = 0, to; from < gathering->record_count; from = to) {
        for (to = from + 1; to < gathering->record_count;) {
            if (!is_of_one_rrset(&records[from], &records[to])) {
                break;
            }
            to++;
        }
        if (*rrset_count == UINT16_MAX) {
            return LIMIT_REACHED;
        }
        if (!table_grow((void **)&gathering->rrsets, &gathering->rrset_size, *rrset_count + 1U,
                        sizeof gathering->rrsets[0])) {
            return NO_MEMORY;
        }
        enum status status = make_rrset(gathering, records + from, to - from, &packed,
                                        &gathering->rrsets[(*rrset_count)++]);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

/* Closes the open owner; what it owns becomes an entry. */
static enum status pack_owner(struct zone_gathering *gathering, struct zone_bulk_item *item)
{
    uint16_t rrset_count;
    uint8_t key[NAME_KEY_MAX];
    gathering->ttl_differs = 0;
    sort_records(gathering);
    if (!table_grow((void **)&gathering->packed, &gathering->packed_size, gathering->octets_len,
                    1)) {
        return NO_MEMORY;
    }
    enum status status = make_rrsets(gathering, &rrset_count);
    if (status != OK) {
        return status;
    }
    size_t key_len = name_key(gathering->owner, key);
    struct zone_entry *entry =
        zone_bulk_entry(gathering->owner, span_of(key, key_len), gathering->rrsets, rrset_count);
    gathering->owner.len = 0;
    gathering->record_count = 0;
    gathering->octets_len = 0;
    if (entry == NULL) {
        return NO_MEMORY;
    }
    *item = zone_bulk_item_of(entry);
    item->ttl_differs = gathering->ttl_differs;
    return OK;
}

/* Puts the packed owner behind the others: on the run under way when it rises, else on a new one.
 */
static enum status close_owner(struct zone_gathering *gathering)
{
    if (gathering->owner.len == 0 || gathering->status != OK) {
        return gathering->status;
    }
    size_t count = gathering->item_count;
    if (!table_grow((void **)&gathering->items, &gathering->item_size, count + 1,
                    sizeof gathering->items[0]) ||
        !table_grow((void **)&gathering->runs, &gathering->run_size, gathering->run_count + 1,
                    sizeof gathering->runs[0])) {
        gathering->status = NO_MEMORY;
        return NO_MEMORY;
    }
    struct zone_bulk_item *item = &gathering->items[count];
    gathering->status = pack_owner(gathering, item);
    if (gathering->status == OK) {
        gathering->item_count++;
        if (count == 0 || zone_bulk_compare(item - 1, item) >= 0) {
            gathering->runs[gathering->run_count++] = count;
        }
    }
    return gathering->status;
}

static enum status open_owner(struct zone_gathering *gathering, struct name owner)
{
    bool is_open = gathering->owner.len == owner.len &&
                   (memcmp(gathering->owner.octets, owner.octets, owner.len) == 0 ||
                    name_equal(gathering->owner, owner));
    if (is_open) {
        return gathering->status;
    }
    enum status status = close_owner(gathering);
    if (status == OK) {
        name_copy_to(owner, &gathering->owner_octets, &gathering->owner);
    }
    return status;
}

/* The covered type of an RRSIG, 0 of anything else. */
static uint16_t rdata_covers(uint16_t type, struct span rdata)
{
    return type == TYPE_RRSIG && rdata.len >= 2 ? (uint16_t)(rdata.bytes[0] << 8 | rdata.bytes[1])
                                                : 0;
}

/* The same record again right behind itself, as a careless $GENERATE makes it a million times. */
static bool is_repeated(struct zone_gathering *gathering, uint16_t type, uint32_t ttl_s,
                        struct span rdata)
{
    if (gathering->record_count == 0) {
        return false;
    }
    struct gathered_record *last = &gathering->records[gathering->record_count - 1];
    return last->type == type && last->ttl_s == ttl_s && last->len == rdata.len &&
           span_equal(record_rdata(gathering, last), rdata);
}

/* A record of the open owner. */
static enum status add_record(struct zone_gathering *gathering, uint16_t type, uint32_t ttl_s,
                              struct span rdata)
{
    require(rdata.len <= RDATA_LEN_MAX);
    size_t count = gathering->record_count;
    size_t at = gathering->octets_len;
    if (is_repeated(gathering, type, ttl_s, rdata)) {
        return OK;
    }
    if (at + 2 + rdata.len > OWNER_OCTETS_MAX) {
        return LIMIT_REACHED;
    }
    if (!table_grow((void **)&gathering->records, &gathering->record_size, count + 1,
                    sizeof gathering->records[0]) ||
        !table_grow((void **)&gathering->octets, &gathering->octets_size, at + 2 + rdata.len, 1)) {
        return NO_MEMORY;
    }
    gathering->records[count] = (struct gathered_record){.type = type,
                                                         .covers = rdata_covers(type, rdata),
                                                         .len = (uint16_t)rdata.len,
                                                         .ttl_s = ttl_s,
                                                         .ttl_at = at,
                                                         .at = at};
    uint8_t *to = gathering->octets + at;
    to[0] = (uint8_t)(rdata.len >> 8);
    to[1] = (uint8_t)rdata.len;
    if (rdata.len != 0) {
        memcpy(to + 2, rdata.bytes, rdata.len);
    }
    gathering->octets_len = at + 2 + rdata.len;
    gathering->record_count++;
    return OK;
}

enum status zone_gather_add(struct zone_gathering *gathering, struct name owner, uint16_t type,
                            uint32_t ttl_s, struct span rdata)
{
    enum status status = open_owner(gathering, owner);
    if (status != OK) {
        return status;
    }
    gathering->status = add_record(gathering, type, ttl_s, rdata);
    return gathering->status;
}

/* All items of all gatherings in one table. */
struct joining {
    struct zone_bulk_runs runs;
    size_t item_size, run_size;
    bool has_nsec3;
};

static enum status take_entry(struct zone_gathering *gathering, const struct zone_entry *entry)
{
    const struct zone_node *node = &entry->node;
    if (gathering->owner.len == 0) {
        name_copy_to(node->owner, &gathering->owner_octets, &gathering->owner);
    }
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
            enum status status = add_record(gathering, rrset->type, rrset->ttl_s, rdata);
            if (status != OK) {
                return status;
            }
        }
    }
    return OK;
}

/* Makes one item of `count` items of the same name, in the place of the first. */
static enum status combine(struct zone_gathering *gathering, struct zone_bulk_item *items,
                           size_t count)
{
    enum status status = OK;
    uint16_t ttl_differs = 0;
    for (size_t i = 0; i < count && status == OK; i++) {
        status = take_entry(gathering, items[i].entry);
        bool is_lowest = ttl_differs == 0 || items[i].ttl_differs < ttl_differs;
        if (items[i].ttl_differs != 0 && is_lowest) {
            ttl_differs = items[i].ttl_differs;
        }
    }
    struct zone_bulk_item combined;
    if (status == OK) {
        status = pack_owner(gathering, &combined);
    }
    if (status != OK) {
        return status;
    }
    if (combined.ttl_differs == 0 || (ttl_differs != 0 && ttl_differs < combined.ttl_differs)) {
        combined.ttl_differs = ttl_differs;
    }
    for (size_t i = 0; i < count; i++) {
        zone_entry_release(items[i].entry);
        items[i].entry = NULL;
    }
    items[0] = combined;
    return OK;
}

/* Each name once. On failure the items behind stay as they are. */
static enum status combine_equals(struct joining *joining, struct zone_gathering *gathering)
{
    struct zone_bulk_item *items = joining->runs.items;
    size_t kept = 0, at = 0;
    enum status status = OK;
    while (at < joining->runs.count && status == OK) {
        size_t same = 1;
        while (at + same < joining->runs.count &&
               zone_bulk_compare(&items[at], &items[at + same]) == 0) {
            same++;
        }
        status = same > 1 ? combine(gathering, &items[at], same) : OK;
        if (status == OK) {
            items[kept++] = items[at];
            at += same;
        }
    }
    memmove(items + kept, items + at, (joining->runs.count - at) * sizeof *items);
    joining->runs.count -= at - kept;
    return status;
}

/* The items of one gathering go behind the others. */
static enum status join_items(struct joining *joining, struct zone_gathering *gathering)
{
    enum status status = close_owner(gathering);
    if (status != OK) {
        return status;
    }
    if (!table_grow((void **)&joining->runs.starts, &joining->run_size,
                    joining->runs.start_count + gathering->run_count,
                    sizeof *joining->runs.starts)) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < gathering->run_count; i++) {
        joining->runs.starts[joining->runs.start_count++] =
            joining->runs.count + gathering->runs[i];
    }
    if (joining->runs.count == 0) { /* the first one's table as it is */
        free(joining->runs.items);
        joining->runs.items = gathering->items;
        joining->item_size = gathering->item_size;
        gathering->items = NULL;
        gathering->item_size = 0;
    } else if (!table_grow((void **)&joining->runs.items, &joining->item_size,
                           joining->runs.count + gathering->item_count,
                           sizeof *joining->runs.items)) {
        return NO_MEMORY;
    } else if (gathering->item_count != 0) {
        memcpy(joining->runs.items + joining->runs.count, gathering->items,
               gathering->item_count * sizeof *joining->runs.items);
    }
    joining->runs.count += gathering->item_count;
    joining->has_nsec3 = joining->has_nsec3 || gathering->has_nsec3;
    gathering->item_count = 0;
    gathering->run_count = 0;
    return OK;
}

static void tell_ttls(const struct zone_gather_aim *aim, const struct zone_bulk_runs *runs)
{
    for (size_t i = 0; aim->ttl_differs != NULL && i < runs->count; i++) {
        const struct zone_bulk_item *item = &runs->items[i];
        const struct rrset *rrset = NULL;
        for (uint16_t j = 0; item->ttl_differs != 0 && rrset == NULL; j++) {
            const struct rrset *at = &item->entry->node.rrsets[j]; /* one has that type */
            rrset = at->type == item->ttl_differs ? at : NULL;
        }
        if (rrset != NULL) {
            aim->ttl_differs(aim->user, rrset->owner, rrset->type, rrset->ttl_s);
        }
    }
}

enum status zone_gather_join(const struct zone_gather_aim *aim,
                             struct zone_gathering *const *gatherings, size_t count,
                             struct zone **zone)
{
    struct joining joining = {.has_nsec3 = false};
    struct zone_bulk_runs *runs = &joining.runs;
    enum status status = OK;
    *zone = NULL;
    for (size_t i = 0; i < count && status == OK; i++) {
        status = join_items(&joining, gatherings[i]);
    }
    status = status == OK ? zone_bulk_merge(runs) : status;
    if (status == OK && runs->has_equals) {
        status = combine_equals(&joining, gatherings[0]);
    }
    free(runs->starts);
    if (status == OK) {
        tell_ttls(aim, runs);
        status = zone_bulk_finish(aim->apex, runs->items, runs->count, joining.has_nsec3,
                                  aim->parallel, zone);
    } else {
        for (size_t i = 0; i < runs->count; i++) {
            zone_entry_release(runs->items[i].entry);
        }
    }
    free(runs->items);
    return status;
}
