/* The zones of a server: found by the longest match in a table that other threads read while zones
 * come and go. Also how timers and asks are numbered so that they lead back to their zone. */
#include "service/auth/auth_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    KIND_BITS = 3, /* of enum auth_timer */
    SLOT_BITS = 8,
    INDEX_BITS = 24,
    ASK_SEQUENCE_MASK = (1 << 28) - 1, /* leaves room for a composer to count its members */
    TABLE_SIZE_MIN = 16,
};

static_assert(AUTH_SLOT_PARENT < 1 << SLOT_BITS, "a slot for each ask");
static_assert(AUTH_ZONES_MAX < 1 << INDEX_BITS, "an index for each zone");

/* Once a slot has a hash it keeps it as long as the table lives: so readers need no lock, and what
 * was taken out leaves a mark behind until the table is made anew. */
struct zone_slot {
    struct auth_zone *_Atomic zone; /* NULL: the search ends here */
    uint32_t hash;                  /* of its key */
};

struct zone_table {
    size_t size; /* a power of two, at least a third larger than what is used */
    size_t used; /* slots with a zone, or with a mark */
    struct zone_table *next_gone;
    struct zone_slot slots[];
};

/* What stands in a slot whose zone was taken out: no zone has that address. */
static struct auth_zone *gone_mark(const struct auth *auth)
{
    return (struct auth_zone *)(uintptr_t)auth;
}

static uint64_t hash_octet(uint64_t hash, uint8_t octet)
{
    return (hash ^ octet) * UINT64_C(0x100000001b3);
}

static uint32_t hash_end(uint64_t hash)
{
    return (uint32_t)((hash ^ hash >> 29) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t hash_key(const struct auth *auth, struct span key)
{
    uint64_t hash = auth->seed;
    for (size_t i = 0; i < key.len; i++) {
        hash = hash_octet(hash, key.bytes[i]);
    }
    return hash_end(hash);
}

static struct zone_slot *find_slot(const struct auth *auth, struct zone_table *table,
                                   struct span key, uint32_t hash)
{
    size_t mask = table->size - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct zone_slot *slot = &table->slots[at];
        struct auth_zone *zone = atomic_load_explicit(&slot->zone, memory_order_acquire);
        if (zone == NULL) {
            return NULL;
        }
        if (slot->hash == hash && zone != gone_mark(auth) && span_equal(auth_zone_key(zone), key)) {
            return slot;
        }
    }
}

static struct auth_zone *find_exactly(const struct auth *auth, struct span key, uint32_t hash)
{
    struct zone_table *table = atomic_load_explicit(&auth->table, memory_order_acquire);
    struct zone_slot *slot = find_slot(auth, table, key, hash);
    struct auth_zone *zone =
        slot == NULL ? NULL : atomic_load_explicit(&slot->zone, memory_order_acquire);
    return zone == gone_mark(auth) ? NULL : zone;
}

struct auth_zone *auth_find_zone_exactly(const struct auth *auth, struct name name)
{
    uint8_t bytes[NAME_KEY_MAX];
    struct span key = span_of(bytes, name_key(name, bytes));
    return find_exactly(auth, key, hash_key(auth, key));
}

/* The hashes of all ancestors come from one walk, since a key begins with theirs. */
struct auth_zone *auth_find_zone_by_key(const struct auth *auth, struct span key)
{
    uint32_t hashes[NAME_LABELS_MAX + 1];
    uint16_t ends[NAME_LABELS_MAX + 1];
    uint8_t labels_max = atomic_load_explicit(&auth->labels_max, memory_order_relaxed);
    uint8_t labels = 0;
    uint64_t hash = auth->seed;
    hashes[0] = hash_end(hash);
    ends[0] = 0;
    for (size_t i = 0; i < key.len && labels < labels_max; i++) {
        hash = hash_octet(hash, key.bytes[i]);
        if (key.bytes[i] == 0) {
            labels++;
            hashes[labels] = hash_end(hash);
            ends[labels] = (uint16_t)(i + 1);
        }
    }
    for (;; labels--) {
        struct auth_zone *zone =
            find_exactly(auth, span_part(key, 0, ends[labels]), hashes[labels]);
        if (zone != NULL || labels == 0) {
            return zone;
        }
    }
}

struct auth_zone *auth_find_zone(const struct auth *auth, struct name name)
{
    uint8_t bytes[NAME_KEY_MAX];
    uint8_t labels_max = atomic_load_explicit(&auth->labels_max, memory_order_relaxed);
    uint8_t labels = name.label_count < labels_max ? name.label_count : labels_max;
    return auth_find_zone_by_key(auth,
                                 span_of(bytes, name_key(name_ancestor(name, labels), bytes)));
}

/* ------------------------------------------------------------------ the set changes */

static void put(struct zone_table *table, struct auth_zone *zone, uint32_t hash)
{
    size_t mask = table->size - 1;
    size_t at = hash & mask;
    while (atomic_load_explicit(&table->slots[at].zone, memory_order_relaxed) != NULL) {
        at = (at + 1) & mask;
    }
    table->slots[at].hash = hash;
    atomic_store_explicit(&table->slots[at].zone, zone, memory_order_release);
    table->used++;
}

/* A table for so many zones and half as many more. */
static struct zone_table *table_make(size_t zone_count)
{
    size_t size = TABLE_SIZE_MIN;
    while (size * 2 < zone_count * 3) {
        size *= 2;
    }
    struct zone_table *table = calloc(1, sizeof *table + size * sizeof *table->slots);
    if (table != NULL) {
        table->size = size;
    }
    return table;
}

/* Room for `more` zones: a new table where the one there is has too little, which stays until
 * nobody reads it. */
static enum status table_reserve(struct auth *auth, size_t more)
{
    struct zone_table *before = atomic_load(&auth->table);
    if (before != NULL && (before->used + more) * 4 <= before->size * 3) {
        return OK;
    }
    struct zone_table *table = table_make((auth->zone_count + more) * 5 / 4);
    if (table == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < auth->place_count; i++) {
        if (auth->places[i] != NULL) {
            put(table, auth->places[i], hash_key(auth, auth_zone_key(auth->places[i])));
        }
    }
    atomic_store(&auth->table, table);
    if (before != NULL) {
        before->next_gone = auth->tables_gone;
        auth->tables_gone = before;
    }
    return OK;
}

static enum status places_reserve(struct auth *auth, size_t more)
{
    size_t size = auth->zone_count + more;
    if (size <= auth->place_size) {
        return OK;
    }
    size = more == 1 && size < auth->place_size * 2 ? auth->place_size * 2 : size;
    struct auth_zone **places = realloc(auth->places, size * sizeof(struct auth_zone *));
    if (places == NULL) {
        return NO_MEMORY;
    }
    auth->places = places;
    auth->place_size = size;
    return OK;
}

enum status auth_zones_reserve(struct auth *auth, size_t more)
{
    enum status status = places_reserve(auth, more);
    return status == OK ? table_reserve(auth, more) : status;
}

enum status auth_zones_put(struct auth *auth, struct auth_zone *zone)
{
    enum status status = auth_zones_reserve(auth, 1);
    if (status != OK) {
        return status;
    }
    while (auth->place_free < auth->place_count && auth->places[auth->place_free] != NULL) {
        auth->place_free++;
    }
    zone->index = (uint32_t)auth->place_free;
    auth->place_count += auth->place_free == auth->place_count;
    auth->places[auth->place_free++] = zone;
    auth->zone_count++;
    uint8_t labels = zone->name.label_count;
    if (labels > atomic_load(&auth->labels_max)) {
        atomic_store(&auth->labels_max, labels);
    }
    put(atomic_load(&auth->table), zone, hash_key(auth, auth_zone_key(zone)));
    return OK;
}

void auth_zones_take_out(struct auth *auth, struct auth_zone *zone)
{
    struct span key = auth_zone_key(zone);
    struct zone_slot *slot = find_slot(auth, atomic_load(&auth->table), key, hash_key(auth, key));
    require(slot != NULL && atomic_load(&slot->zone) == zone);
    atomic_store(&slot->zone, gone_mark(auth));
    auth->places[zone->index] = NULL;
    auth->place_free = zone->index < auth->place_free ? zone->index : auth->place_free;
    auth->zone_count--;
}

void auth_zones_let_go(struct auth *auth)
{
    while (auth->tables_gone != NULL) {
        struct zone_table *next = auth->tables_gone->next_gone;
        free(auth->tables_gone);
        auth->tables_gone = next;
    }
}

void auth_zones_close(struct auth *auth)
{
    auth_zones_let_go(auth);
    free(atomic_load(&auth->table));
    free(auth->places);
}

/* ------------------------------------------------------------------ numbers */

uint64_t auth_timer_id(enum auth_timer kind, size_t index)
{
    return (uint64_t)index << KIND_BITS | (uint64_t)kind;
}

enum auth_timer auth_timer_kind(uint64_t timer)
{
    return (enum auth_timer)(timer & ((1U << KIND_BITS) - 1));
}

size_t auth_timer_index(uint64_t timer)
{
    return (size_t)(timer >> KIND_BITS);
}

struct auth_zone *auth_zone_at(const struct auth *auth, size_t index)
{
    return index < auth->place_count ? auth->places[index] : NULL;
}

uint64_t auth_ask_id(struct auth *auth, const struct auth_zone *zone, size_t slot)
{
    uint64_t sequence = ++auth->ask_sequence & ASK_SEQUENCE_MASK;
    return (sequence << INDEX_BITS | zone->index) << SLOT_BITS | slot;
}

struct auth_zone *auth_ask_zone(struct auth *auth, uint64_t ask, size_t *slot)
{
    *slot = (size_t)(ask & ((1U << SLOT_BITS) - 1));
    return auth_zone_at(auth, (size_t)(ask >> SLOT_BITS & ((1U << INDEX_BITS) - 1)));
}
