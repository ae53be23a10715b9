/* How entries are found (open addressing with linear probing over a keyed hash, in words that hold
 * a part of the hash beside the pointer, so that a search touches no entry but the right one), who
 * must go when memory is short, and when the memory of what was taken out may be used again. */
#include "service/resolver/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/moment.h"
#include "core/crypto/siphash.h"
#include "service/resolver/cache_denial.h"

enum {
    SLOTS_MIN = 1024,
    SIZE_PER_SLOT = 256, /* a usual entry, so that slots and memory run out together */
    USES_MAX = 3,        /* rounds of the hand that an entry outlives without being used */
    RETIRED_MAX = 256,   /* taken out, but perhaps still read */
    RETIRED_SIZE_MAX = 1 << 20,
    DENIALS_PART = 8, /* of the memory: the most that denials get */
    TAG_SHIFT = 48    /* pointers of user space have no bits from here on */
};

struct cache {
    _Atomic uint64_t *slots; /* 0: free; else the entry and the top bits of its hash */
    size_t slot_count;       /* a power of two */
    size_t count;
    size_t size;
    size_t size_max;
    size_t hand;
    uint64_t evictions;
    struct denials *denials;
    const struct grace *grace;
    uint8_t key[SIPHASH_KEY_LEN];
    size_t retired_count;
    size_t retired_size;
    struct cache_entry *retired[RETIRED_MAX];
};

/* --- slots --- */

static const uint64_t POINTER_MASK = ((uint64_t)1 << TAG_SHIFT) - 1;

static struct cache_entry *word_entry(uint64_t word)
{
    return (struct cache_entry *)(uintptr_t)(word & POINTER_MASK);
}

static bool word_fits(uint64_t word, uint64_t hash)
{
    return word >> TAG_SHIFT == hash >> TAG_SHIFT;
}

static struct cache_entry *slot_entry(const struct cache *cache, size_t at)
{
    return word_entry(atomic_load_explicit(&cache->slots[at], memory_order_relaxed));
}

static void slot_set(struct cache *cache, size_t at, struct cache_entry *entry)
{
    uint64_t word = 0;
    if (entry != NULL) {
        require(((uintptr_t)entry & ~POINTER_MASK) == 0);
        word = (uint64_t)(uintptr_t)entry | (entry->hash & ~POINTER_MASK);
    }
    /* Whoever finds the word finds what the entry holds. */
    atomic_store_explicit(&cache->slots[at], word, memory_order_release);
}

/* --- keys --- */

/* Answers, delegations and failures of one (name, type) live side by side. */
enum shelf { SHELF_ANSWER, SHELF_DELEGATION, SHELF_FAILURE };

static enum shelf shelf_of(enum cache_kind kind)
{
    static const enum shelf SHELVES[] = {
        [CACHE_POSITIVE] = SHELF_ANSWER, [CACHE_NODATA] = SHELF_ANSWER,
        [CACHE_NXDOMAIN] = SHELF_ANSWER, [CACHE_DELEGATION] = SHELF_DELEGATION,
        [CACHE_FAILURE] = SHELF_FAILURE,
    };
    return SHELVES[kind];
}

struct cache_place cache_place_of(const struct cache *cache, struct name name)
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(name, &buffer, &lower);
    return (struct cache_place){siphash_2_4(cache->key, name_span(lower))};
}

/* Of what nobody can foresee, so any mixing will do; this one loses nothing and spreads the type
 * over all bits. */
static uint64_t place_hash(struct cache_place place, uint16_t type, enum shelf shelf)
{
    uint64_t hash = place.name_hash + ((uint64_t)type << 2 | (uint64_t)shelf);
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static bool is_entry_of(const struct cache_entry *entry, uint64_t hash, struct name name,
                        uint16_t type)
{
    return entry->hash == hash && entry->type == type && name_equal(entry->name, name);
}

/* Where it stands or would stand. */
static size_t slot_find(const struct cache *cache, uint64_t hash, struct name name, uint16_t type)
{
    size_t mask = cache->slot_count - 1;
    size_t at = hash & mask;
    for (uint64_t word; (word = atomic_load_explicit(&cache->slots[at], memory_order_relaxed)) != 0;
         at = (at + 1) & mask) {
        if (word_fits(word, hash) && is_entry_of(word_entry(word), hash, name, type)) {
            break;
        }
    }
    return at;
}

/* --- what was taken out --- */

static void retired_free(struct cache *cache)
{
    if (cache->grace != NULL && cache->retired_count > 0) {
        cache->grace->wait(cache->grace->self);
    }
    for (size_t i = 0; i < cache->retired_count; i++) {
        cache_entry_release(cache->retired[i]);
    }
    cache->retired_count = 0;
    cache->retired_size = 0;
}

/* The cache's hold of an entry ends when nobody can be reading it. */
static void retire(struct cache *cache, struct cache_entry *entry)
{
    if (cache->grace == NULL) {
        cache_entry_release(entry);
        return;
    }
    cache->retired[cache->retired_count++] = entry;
    cache->retired_size += entry->size;
    if (cache->retired_count == RETIRED_MAX || cache->retired_size > RETIRED_SIZE_MAX) {
        retired_free(cache);
    }
}

/* Empties a slot and moves back what would no longer be found across the gap. Another thread may
 * miss an entry that is being moved, and leaves the question to us. */
static void slot_empty(struct cache *cache, size_t at)
{
    size_t mask = cache->slot_count - 1;
    struct cache_entry *entry = slot_entry(cache, at);
    size_t gap = at;
    struct cache_entry *next_entry;
    for (size_t next = (gap + 1) & mask; (next_entry = slot_entry(cache, next)) != NULL;
         next = (next + 1) & mask) {
        size_t home = next_entry->hash & mask;
        if (((next - home) & mask) >= ((next - gap) & mask)) {
            slot_set(cache, gap, next_entry);
            gap = next;
        }
    }
    slot_set(cache, gap, NULL);
    cache->count--;
    cache->size -= entry->size;
    retire(cache, entry);
}

/* --- room --- */

static bool is_full(const struct cache *cache, size_t size_more)
{
    return cache_size(cache) + size_more > cache->size_max ||
           cache->count + 1 > cache->slot_count / 4 * 3;
}

/* Has the entry earned another round of the hand? */
static bool is_spared(struct cache_entry *entry, int64_t now_ns)
{
    uint8_t uses = atomic_load_explicit(&entry->uses, memory_order_relaxed);
    if (entry->expires_ns <= now_ns || uses == 0) {
        return false;
    }
    atomic_store_explicit(&entry->uses, uses - 1, memory_order_relaxed);
    return true;
}

/* CLOCK with a small count: what is never asked for again (names made up by an attacker, most of
 * all names there are) goes in the first round, what was used often stays for some more. The hand
 * goes over a table whose order is that of a hash, so nobody can foresee where it is. */
static void evict_for(struct cache *cache, size_t size_more, int64_t now_ns)
{
    while (cache->count > 0 && is_full(cache, size_more)) {
        struct cache_entry *entry = slot_entry(cache, cache->hand);
        if (entry == NULL || is_spared(entry, now_ns)) {
            cache->hand = (cache->hand + 1) & (cache->slot_count - 1);
            continue;
        }
        slot_empty(cache, cache->hand); /* another may have moved here: the hand stays */
        cache->evictions++;
    }
}

/* Written only where it changes: others read the same line. */
static void entry_use(struct cache_entry *entry)
{
    uint8_t uses = atomic_load_explicit(&entry->uses, memory_order_relaxed);
    if (uses < USES_MAX) {
        atomic_store_explicit(&entry->uses, uses + 1, memory_order_relaxed);
    }
}

/* --- the table --- */

enum status cache_open(size_t size_max, const struct entropy *entropy, const struct grace *grace,
                       struct cache **cache)
{
    struct cache *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->slot_count = SLOTS_MIN;
    while (opened->slot_count < size_max / SIZE_PER_SLOT) {
        opened->slot_count *= 2;
    }
    opened->size_max = size_max;
    opened->grace = grace;
    entropy->fill(entropy->self, opened->key, sizeof opened->key);
    opened->slots = calloc(opened->slot_count, sizeof *opened->slots);
    if (opened->slots == NULL ||
        denials_open(size_max / DENIALS_PART, entropy_u64(entropy), &opened->denials) != OK) {
        cache_close(opened);
        return NO_MEMORY;
    }
    *cache = opened;
    return OK;
}

void cache_close(struct cache *cache)
{
    if (cache != NULL && cache->slots != NULL) {
        cache_flush(cache);
    }
    if (cache != NULL) {
        denials_close(cache->denials);
        free((void *)(uintptr_t)cache->slots);
        free(cache);
    }
}

static bool must_stay(const struct cache_entry *old, const struct cache_entry *new, int64_t now_ns)
{
    return old->expires_ns > now_ns && old->rank > new->rank &&
           old->kind == CACHE_POSITIVE &&cache_entry_verdict(old, now_ns) != VERDICT_BOGUS;
}

void cache_put(struct cache *cache, struct cache_entry *entry, int64_t now_ns)
{
    struct cache_place place = cache_place_of(cache, entry->name);
    uint64_t hash = place_hash(place, entry->type, shelf_of(entry->kind));
    size_t at = slot_find(cache, hash, entry->name, entry->type);
    struct cache_entry *old = slot_entry(cache, at);
    if (old == entry || (old != NULL && must_stay(old, entry, now_ns))) {
        return;
    }
    if (old != NULL) {
        slot_empty(cache, at);
    }
    if (entry->size > cache->size_max / 8) {
        return; /* one entry must not displace the rest */
    }
    evict_for(cache, entry->size, now_ns);
    at = slot_find(cache, hash, entry->name, entry->type);
    entry->hash = hash;
    entry->life_s = entry->life_s != 0 ? entry->life_s : cache_entry_ttl(entry, now_ns);
    cache->count++;
    cache->size += entry->size;
    slot_set(cache, at, cache_entry_hold(entry));
}

static struct cache_entry *find_live(struct cache *cache, struct cache_place place,
                                     struct name name, uint16_t type, enum shelf shelf,
                                     int64_t now_ns)
{
    uint64_t hash = place_hash(place, type, shelf);
    struct cache_entry *entry = slot_entry(cache, slot_find(cache, hash, name, type));
    if (entry == NULL || entry->expires_ns <= now_ns) {
        return NULL;
    }
    entry_use(entry);
    return entry;
}

struct cache_entry *cache_find(struct cache *cache, struct name name, uint16_t type, int64_t now_ns)
{
    struct cache_place place = cache_place_of(cache, name);
    struct cache_entry *entry = find_live(cache, place, name, type, SHELF_ANSWER, now_ns);
    if (entry == NULL && type != TYPE_DS) {
        entry = find_live(cache, place, name, 0, SHELF_ANSWER, now_ns);
        bool is_of_another = entry != NULL && entry->asked_type != type &&
                             cache_entry_verdict(entry, now_ns) == VERDICT_BOGUS;
        entry = is_of_another ? NULL : entry;
    }
    return entry;
}

struct cache_entry *cache_find_stale(struct cache *cache, struct name name, uint16_t type)
{
    return find_live(cache, cache_place_of(cache, name), name, type, SHELF_ANSWER, INT64_MIN);
}

struct cache_entry *cache_find_delegation(struct cache *cache, struct name cut, int64_t now_ns)
{
    return find_live(cache, cache_place_of(cache, cut), cut, TYPE_NS, SHELF_DELEGATION, now_ns);
}

struct cache_entry *cache_find_failure(struct cache *cache, struct name name, uint16_t type,
                                       int64_t now_ns)
{
    return find_live(cache, cache_place_of(cache, name), name, type, SHELF_FAILURE, now_ns);
}

/* --- for other threads --- */

void cache_prefetch(const struct cache *cache, struct cache_place place, uint16_t type)
{
    uint64_t hash = place_hash(place, type, SHELF_ANSWER);
    __builtin_prefetch((const void *)(uintptr_t)&cache->slots[hash & (cache->slot_count - 1)]);
}

/* As slot_find, but the table may change under it: so it goes over each slot once at most, and the
 * words that it reads are whole. */
struct cache_entry *cache_peek(const struct cache *cache, struct cache_place place,
                               struct name name, uint16_t type, int64_t now_ns)
{
    uint64_t hash = place_hash(place, type, SHELF_ANSWER);
    size_t mask = cache->slot_count - 1;
    for (size_t i = 0; i <= mask; i++) {
        uint64_t word =
            atomic_load_explicit(&cache->slots[(hash + i) & mask], memory_order_acquire);
        if (word == 0) {
            return NULL;
        }
        struct cache_entry *entry = word_entry(word);
        if (word_fits(word, hash) && is_entry_of(entry, hash, name, type)) {
            if (!cache_entry_is_open(entry) || entry->expires_ns <= now_ns) {
                return NULL;
            }
            entry_use(entry);
            return entry;
        }
    }
    return NULL;
}

/* --- for the operator --- */

void cache_flush(struct cache *cache)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        struct cache_entry *entry = slot_entry(cache, i);
        if (entry != NULL) {
            slot_set(cache, i, NULL);
            retire(cache, entry);
        }
    }
    retired_free(cache);
    cache->count = 0;
    cache->size = 0;
    if (cache->denials != NULL) {
        denials_forget(cache->denials, NAME_ROOT);
    }
}

size_t cache_flush_name(struct cache *cache, struct name name)
{
    size_t count = 0;
    denials_forget(cache->denials, name);
    for (size_t at = 0; at < cache->slot_count;) {
        struct cache_entry *entry = slot_entry(cache, at);
        if (entry != NULL && name_is_at_or_below(entry->name, name)) {
            slot_empty(cache, at);
            count++;
        } else {
            at++;
        }
    }
    return count;
}

size_t cache_count(const struct cache *cache)
{
    return cache->count;
}

size_t cache_size(const struct cache *cache)
{
    return cache->size + denials_size(cache->denials);
}

struct denials *cache_denials(struct cache *cache)
{
    return cache->denials;
}

uint64_t cache_evictions(const struct cache *cache)
{
    return cache->evictions;
}

void cache_each(const struct cache *cache,
                void (*each)(void *user, const struct cache_entry *entry), void *user)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        const struct cache_entry *entry = slot_entry(cache, i);
        if (entry != NULL) {
            each(user, entry);
        }
    }
}
