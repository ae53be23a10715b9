/* How entries lie in memory (one block each), how they are found (open addressing with linear
 * probing over a seeded hash) and who must go when memory is short (a clock hand that gives used
 * entries a second chance). */
#include "service/resolver/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/moment.h"

enum {
    SLOTS_MIN = 1024,
    SIZE_PER_SLOT = 512 /* a usual entry, so that slots and memory run out together */
};

struct cache {
    struct cache_entry **slots;
    size_t slot_count; /* a power of two */
    size_t count;
    size_t size;
    size_t size_max;
    size_t hand;
    uint64_t seed;
    uint64_t evictions;
};

/* --- entries --- */

static size_t rrset_size(const struct rrset *rrset)
{
    return rrset->owner.len + (size_t)rrset->rdata_len;
}

static size_t draft_size(const struct cache_draft *draft)
{
    size_t size = sizeof(struct cache_entry) + draft->name.len;
    size += (draft->answer_count + draft->authority_count) * sizeof(struct rrset);
    for (size_t i = 0; i < draft->answer_count; i++) {
        size += rrset_size(&draft->answer[i]);
    }
    for (size_t i = 0; i < draft->authority_count; i++) {
        size += rrset_size(&draft->authority[i]);
    }
    return size;
}

static uint8_t *pack(uint8_t *at, const void *bytes, size_t len)
{
    if (len != 0) {
        memcpy(at, bytes, len);
    }
    return at + len;
}

static uint8_t *pack_rrsets(uint8_t *at, struct rrset *copies, const struct rrset *rrsets,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        copies[i] = rrsets[i];
        copies[i].owner.octets = at;
        at = pack(at, rrsets[i].owner.octets, rrsets[i].owner.len);
        copies[i].rdata = at;
        at = pack(at, rrsets[i].rdata, rrsets[i].rdata_len);
    }
    return at;
}

struct cache_entry *cache_entry_make(const struct cache_draft *draft, int64_t expires_ns)
{
    size_t size = draft_size(draft);
    struct cache_entry *entry = malloc(size);
    if (entry == NULL) {
        return NULL;
    }
    struct rrset *rrsets = (struct rrset *)(entry + 1);
    uint8_t *at = (uint8_t *)(rrsets + draft->answer_count + draft->authority_count);
    *entry = (struct cache_entry){
        .name = draft->name,
        .type = draft->type,
        .kind = draft->kind,
        .rank = draft->rank,
        .expires_ns = expires_ns,
        .answer = rrsets,
        .answer_count = draft->answer_count,
        .authority = rrsets + draft->answer_count,
        .authority_count = draft->authority_count,
        .holders = 1,
        .size = size,
    };
    entry->name.octets = at;
    at = pack(at, draft->name.octets, draft->name.len);
    at = pack_rrsets(at, rrsets, draft->answer, draft->answer_count);
    at = pack_rrsets(at, rrsets + draft->answer_count, draft->authority, draft->authority_count);
    require(at == (uint8_t *)entry + size);
    return entry;
}

struct cache_entry *cache_entry_hold(struct cache_entry *entry)
{
    require(entry->holders > 0);
    entry->holders++;
    return entry;
}

void cache_entry_release(struct cache_entry *entry)
{
    if (entry == NULL) {
        return;
    }
    require(entry->holders > 0);
    entry->holders--;
    if (entry->holders == 0) {
        free(entry->judgement);
        free(entry);
    }
}

void cache_entry_judge(struct cache_entry *entry, const struct judgement *judgement,
                       int64_t until_ns)
{
    free(entry->judgement);
    entry->judgement = NULL;
    if (judgement->verdict != VERDICT_SECURE) {
        entry->judgement = malloc(sizeof *entry->judgement);
        if (entry->judgement == NULL) {
            entry->is_judged = false; /* it will be judged again: slow, but never wrong */
            return;
        }
        *entry->judgement = *judgement;
    }
    entry->is_judged = true;
    entry->judged_until_ns = until_ns;
}

enum verdict cache_entry_verdict(const struct cache_entry *entry, int64_t now_ns)
{
    if (!entry->is_judged || entry->judged_until_ns <= now_ns) {
        return VERDICT_COUNT;
    }
    return entry->judgement == NULL ? VERDICT_SECURE : entry->judgement->verdict;
}

uint32_t cache_entry_ttl(const struct cache_entry *entry, int64_t now_ns)
{
    if (entry->expires_ns <= now_ns) {
        return 0;
    }
    int64_t left_s = (entry->expires_ns - now_ns) / MOMENT_NS_PER_S;
    return left_s > INT32_MAX ? INT32_MAX : (uint32_t)left_s;
}

/* --- the table --- */

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

static uint64_t key_hash(const struct cache *cache, struct name name, uint16_t type,
                         enum shelf shelf)
{
    uint64_t hash = name_hash(name, cache->seed) + ((uint64_t)type << 2 | (uint64_t)shelf);
    hash *= 0x9e3779b97f4a7c15u; /* odd, so no information is lost; spreads the type's bits */
    return hash ^ hash >> 29;
}

static struct cache_entry **slot_find(const struct cache *cache, struct name name, uint16_t type,
                                      enum shelf shelf)
{
    uint64_t hash = key_hash(cache, name, type, shelf);
    size_t at = hash & (cache->slot_count - 1);
    for (struct cache_entry *entry; (entry = cache->slots[at]) != NULL;) {
        if (entry->hash == hash && entry->type == type && shelf_of(entry->kind) == shelf &&
            name_equal(entry->name, name)) {
            break;
        }
        at = (at + 1) & (cache->slot_count - 1);
    }
    return &cache->slots[at];
}

/* Empties a slot and moves back what would no longer be found across the gap. */
static void slot_empty(struct cache *cache, size_t at)
{
    size_t mask = cache->slot_count - 1;
    struct cache_entry *entry = cache->slots[at];
    cache->count--;
    cache->size -= entry->size;
    cache_entry_release(entry);
    size_t gap = at;
    for (size_t next = (gap + 1) & mask; cache->slots[next] != NULL; next = (next + 1) & mask) {
        size_t home = cache->slots[next]->hash & mask;
        if (((next - home) & mask) >= ((next - gap) & mask)) {
            cache->slots[gap] = cache->slots[next];
            gap = next;
        }
    }
    cache->slots[gap] = NULL;
}

static bool is_full(const struct cache *cache, size_t size_more)
{
    return cache->size + size_more > cache->size_max ||
           cache->count + 1 > cache->slot_count / 4 * 3;
}

static void evict_for(struct cache *cache, size_t size_more, int64_t now_ns)
{
    while (cache->count > 0 && is_full(cache, size_more)) {
        struct cache_entry *entry = cache->slots[cache->hand];
        bool is_spared = entry == NULL || (entry->is_used && entry->expires_ns > now_ns);
        if (is_spared) {
            if (entry != NULL) {
                entry->is_used = false;
            }
            cache->hand = (cache->hand + 1) & (cache->slot_count - 1);
            continue;
        }
        slot_empty(cache, cache->hand); /* another may have moved here: the hand stays */
        cache->evictions++;
    }
}

enum status cache_open(size_t size_max, const struct entropy *entropy, struct cache **cache)
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
    opened->seed = entropy_u64(entropy);
    opened->slots = calloc(opened->slot_count, sizeof *opened->slots);
    if (opened->slots == NULL) {
        free(opened);
        return NO_MEMORY;
    }
    *cache = opened;
    return OK;
}

void cache_close(struct cache *cache)
{
    if (cache != NULL) {
        cache_flush(cache);
        free(cache->slots);
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
    enum shelf shelf = shelf_of(entry->kind);
    entry->hash = key_hash(cache, entry->name, entry->type, shelf);
    struct cache_entry **slot = slot_find(cache, entry->name, entry->type, shelf);
    if (*slot == entry || (*slot != NULL && must_stay(*slot, entry, now_ns))) {
        return;
    }
    if (*slot != NULL) {
        slot_empty(cache, (size_t)(slot - cache->slots));
    }
    if (entry->size > cache->size_max / 8) {
        return; /* one entry must not displace the rest */
    }
    evict_for(cache, entry->size, now_ns);
    slot = slot_find(cache, entry->name, entry->type, shelf);
    require(*slot == NULL);
    *slot = cache_entry_hold(entry);
    cache->count++;
    cache->size += entry->size;
}

static struct cache_entry *find_live(struct cache *cache, struct name name, uint16_t type,
                                     enum shelf shelf, int64_t now_ns)
{
    struct cache_entry *entry = *slot_find(cache, name, type, shelf);
    if (entry == NULL || entry->expires_ns <= now_ns) {
        return NULL;
    }
    entry->is_used = true;
    return entry;
}

struct cache_entry *cache_find(struct cache *cache, struct name name, uint16_t type, int64_t now_ns)
{
    struct cache_entry *entry = find_live(cache, name, type, SHELF_ANSWER, now_ns);
    if (entry == NULL && type != TYPE_DS) {
        entry = find_live(cache, name, 0, SHELF_ANSWER, now_ns);
    }
    return entry;
}

struct cache_entry *cache_find_delegation(struct cache *cache, struct name cut, int64_t now_ns)
{
    return find_live(cache, cut, TYPE_NS, SHELF_DELEGATION, now_ns);
}

struct cache_entry *cache_find_failure(struct cache *cache, struct name name, uint16_t type,
                                       int64_t now_ns)
{
    return find_live(cache, name, type, SHELF_FAILURE, now_ns);
}

void cache_flush(struct cache *cache)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        cache_entry_release(cache->slots[i]);
        cache->slots[i] = NULL;
    }
    cache->count = 0;
    cache->size = 0;
}

size_t cache_flush_name(struct cache *cache, struct name name)
{
    size_t count = 0;
    for (size_t at = 0; at < cache->slot_count;) {
        struct cache_entry *entry = cache->slots[at];
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
    return cache->size;
}

uint64_t cache_evictions(const struct cache *cache)
{
    return cache->evictions;
}

void cache_each(const struct cache *cache,
                void (*each)(void *user, const struct cache_entry *entry), void *user)
{
    for (size_t i = 0; i < cache->slot_count; i++) {
        if (cache->slots[i] != NULL) {
            each(user, cache->slots[i]);
        }
    }
}
