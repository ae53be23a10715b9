/* How the denials of a zone are kept in order, and which of them go when there are too many. */
#include "service/resolver/cache_denial.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/table.h"
#include "core/dnssec/denial.h"

enum { ROOM_MIN = 8, ZONE_USES_MAX = 3 };

struct denials {
    struct table table; /* of zones by the hash of their names */
    struct denial_zone *zones[DENIAL_ZONES_MAX];
    size_t zone_count;
    size_t hand;
    size_t size;
    size_t size_max;
    uint64_t seed;
};

/* --- records of a zone --- */

static void record_release(struct denials *denials, struct cache_entry *entry)
{
    if (entry != NULL) {
        denials->size -= entry->size;
        cache_entry_release(entry);
    }
}

static void records_clear(struct denials *denials, struct denial_zone *zone)
{
    for (size_t i = 0; i < zone->count; i++) {
        record_release(denials, zone->records[i]);
    }
    zone->count = 0;
    zone->hand = 0;
    zone->type = 0;
}

/* The first record that is not before `name`. */
static size_t records_search(const struct denial_zone *zone, struct name name)
{
    size_t low = 0;
    size_t high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(zone->records[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct denial_zone *zone, size_t index, struct name name)
{
    return index < zone->count && name_equal(zone->records[index]->name, name);
}

static void record_remove(struct denials *denials, struct denial_zone *zone, size_t index)
{
    record_release(denials, zone->records[index]);
    zone->count--;
    memmove(&zone->records[index], &zone->records[index + 1],
            (zone->count - index) * sizeof(struct cache_entry *));
}

/* CLOCK, as in the cache: what has denied something lately stays for another round. */
static void record_evict(struct denials *denials, struct denial_zone *zone, int64_t now_ns)
{
    for (;; zone->hand++) {
        zone->hand = zone->hand < zone->count ? zone->hand : 0;
        struct cache_entry *entry = zone->records[zone->hand];
        if (entry->expires_ns <= now_ns || entry->uses == 0) {
            record_remove(denials, zone, zone->hand);
            return;
        }
        entry->uses = 0;
    }
}

static bool records_grow(struct denial_zone *zone)
{
    if (zone->count < zone->room) {
        return true;
    }
    size_t room = zone->room == 0 ? ROOM_MIN : zone->room * 2;
    struct cache_entry **records =
        realloc((void *)zone->records, room * sizeof(struct cache_entry *));
    if (records == NULL) {
        return false;
    }
    zone->records = records;
    zone->room = room;
    return true;
}

static void record_insert(struct denials *denials, struct denial_zone *zone,
                          struct cache_entry *entry, int64_t now_ns)
{
    size_t index = records_search(zone, entry->name);
    if (is_at(zone, index, entry->name)) {
        record_remove(denials, zone, index);
    } else if (zone->count == DENIAL_RECORDS_MAX) {
        record_evict(denials, zone, now_ns);
        index = records_search(zone, entry->name);
    }
    if (!records_grow(zone)) {
        return;
    }
    memmove(&zone->records[index + 1], &zone->records[index],
            (zone->count - index) * sizeof(struct cache_entry *));
    zone->records[index] = cache_entry_hold(entry);
    zone->count++;
    denials->size += entry->size;
}

/* --- zones --- */

static void zone_drop(struct denials *denials, struct denial_zone *zone)
{
    records_clear(denials, zone);
    record_release(denials, zone->soa);
    table_remove(&denials->table, zone->hash);
    denials->zone_count--;
    denials->zones[zone->slot] = denials->zones[denials->zone_count];
    denials->zones[zone->slot]->slot = zone->slot;
    denials->size -= sizeof *zone;
    free((void *)zone->records);
    free(zone);
}

static void zones_evict_for(struct denials *denials, size_t size_more)
{
    while (denials->zone_count > 0 && (denials->zone_count == DENIAL_ZONES_MAX ||
                                       denials->size + size_more > denials->size_max)) {
        denials->hand = denials->hand < denials->zone_count ? denials->hand : 0;
        struct denial_zone *zone = denials->zones[denials->hand];
        if (zone->uses == 0) {
            zone_drop(denials, zone);
        } else {
            zone->uses--;
            denials->hand++;
        }
    }
}

static struct denial_zone *zone_find(const struct denials *denials, struct name name)
{
    struct denial_zone *zone = table_find(&denials->table, name_hash(name, denials->seed));
    return zone != NULL && name_equal(zone->name, name) ? zone : NULL;
}

static struct denial_zone *zone_make(struct denials *denials, struct name name)
{
    uint64_t hash = name_hash(name, denials->seed);
    struct denial_zone *zone = table_find(&denials->table, hash);
    if (zone != NULL) {
        zone_drop(denials, zone); /* of another name with that hash */
    }
    zone = calloc(1, sizeof *zone);
    if (zone == NULL) {
        return NULL;
    }
    name_copy_to(name, &zone->octets, &zone->name);
    zone->hash = hash;
    zone->slot = denials->zone_count++;
    denials->zones[zone->slot] = zone;
    denials->size += sizeof *zone;
    table_set(&denials->table, hash, zone);
    return zone;
}

/* What the zone holds from now on. False for a record that denies nothing here. */
static bool zone_fit(struct denials *denials, struct denial_zone *zone, const struct rrset *rrset)
{
    struct nsec3 nsec3 = {0};
    if (rrset->type == TYPE_NSEC3 && nsec3_read(rrset_only(rrset), &nsec3) != OK) {
        return false;
    }
    bool is_same = zone->type == rrset->type && zone->iterations == nsec3.iterations &&
                   span_equal(span_of(zone->salt, zone->salt_len), nsec3.salt);
    if (!is_same) {
        records_clear(denials, zone);
        zone->type = rrset->type;
        zone->iterations = nsec3.iterations;
        zone->salt_len = (uint8_t)nsec3.salt.len;
        if (nsec3.salt.len > 0) {
            memcpy(zone->salt, nsec3.salt.bytes, nsec3.salt.len);
        }
    }
    return true;
}

/* An opt-out span may hide names (RFC 5155 §6): it denies nothing for sure (RFC 8198 §5.2). */
static bool is_of_use(const struct rrset *rrset)
{
    struct nsec3 nsec3;
    return rrset->type != TYPE_NSEC3 ||
           (nsec3_read(rrset_only(rrset), &nsec3) == OK && nsec3.algorithm == NSEC3_HASH_SHA1 &&
            nsec3.flags == 0 && nsec3.iterations <= NSEC3_ITERATIONS_MAX);
}

static struct cache_entry *entry_of(const struct denial_draft *draft)
{
    const struct rrset pair[] = {*draft->rrset, *draft->rrsigs};
    const struct cache_draft entry = {.name = draft->rrset->owner,
                                      .type = draft->rrset->type,
                                      .kind = CACHE_POSITIVE,
                                      .rank = CACHE_RANK_ANSWER,
                                      .answer = pair,
                                      .answer_count = LEN(pair)};
    return cache_entry_make(&entry, draft->expires_ns);
}

void denials_put(struct denials *denials, const struct denial_draft *draft, int64_t now_ns)
{
    struct cache_entry *entry =
        draft->rrset->count == 1 && is_of_use(draft->rrset) ? entry_of(draft) : NULL;
    if (entry == NULL) {
        return;
    }
    size_t size_more = entry->size + sizeof(struct denial_zone);
    struct denial_zone *zone = NULL;
    if (size_more <= denials->size_max / 8) {
        zones_evict_for(denials, size_more);
        zone = zone_find(denials, draft->zone);
        zone = zone != NULL ? zone : zone_make(denials, draft->zone);
    }
    if (zone != NULL && draft->rrset->type == TYPE_SOA) {
        record_release(denials, zone->soa);
        zone->soa = cache_entry_hold(entry);
        denials->size += entry->size;
    } else if (zone != NULL && zone_fit(denials, zone, draft->rrset)) {
        record_insert(denials, zone, entry, now_ns);
    }
    cache_entry_release(entry);
}

struct denial_zone *denials_find(struct denials *denials, struct name name)
{
    for (int labels = name.label_count; denials->zone_count > 0 && labels >= 0; labels--) {
        struct denial_zone *zone = zone_find(denials, name_ancestor(name, (uint8_t)labels));
        if (zone != NULL) {
            zone->uses = ZONE_USES_MAX;
            return zone;
        }
    }
    return NULL;
}

struct cache_entry *denial_zone_before(struct denial_zone *zone, struct name name, int64_t now_ns)
{
    size_t index = records_search(zone, name);
    if (!is_at(zone, index, name)) {
        bool is_ring = zone->type == TYPE_NSEC3;
        index = index == 0 && is_ring ? zone->count : index;
        if (index == 0) {
            return NULL;
        }
        index--;
    }
    struct cache_entry *entry = zone->records[index];
    if (entry->expires_ns <= now_ns) {
        return NULL;
    }
    entry->uses = 1;
    return entry;
}

/* --- all --- */

enum status denials_open(size_t size_max, uint64_t seed, struct denials **denials)
{
    struct denials *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->size_max = size_max;
    opened->seed = seed;
    *denials = opened;
    return OK;
}

void denials_close(struct denials *denials)
{
    if (denials != NULL) {
        denials_forget(denials, NAME_ROOT);
        table_close(&denials->table);
        free(denials);
    }
}

void denials_forget(struct denials *denials, struct name name)
{
    for (size_t i = 0; i < denials->zone_count;) {
        struct denial_zone *zone = denials->zones[i];
        if (name_is_at_or_below(zone->name, name) || name_is_at_or_below(name, zone->name)) {
            zone_drop(denials, zone); /* another has its place now */
        } else {
            i++;
        }
    }
}

size_t denials_size(const struct denials *denials)
{
    return denials->size;
}
