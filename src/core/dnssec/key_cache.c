/* Decoded keys kept between checks: a table of fixed size in which a key has four places, and the
 * one used longest ago gives way. Whoever makes keys collide only slows down his own zone's. */
#include "core/dnssec/key_cache.h"

#include <stdlib.h>

enum { PLACES_PER_KEY = 4 };

struct key_cache_entry {
    struct key *key;  /* NULL: free */
    uint64_t used_at; /* in lookups */
};

struct key_cache {
    uint64_t lookups;
    size_t size;
    struct key_cache_entry entries[];
};

enum status key_cache_open(size_t entries_max, struct key_cache **cache)
{
    size_t size = entries_max < PLACES_PER_KEY ? PLACES_PER_KEY : entries_max;
    struct key_cache *opened;
    if (size > (SIZE_MAX - sizeof *opened) / sizeof opened->entries[0]) {
        return NO_MEMORY;
    }
    opened = calloc(1, sizeof *opened + size * sizeof opened->entries[0]);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->size = size;
    *cache = opened;
    return OK;
}

void key_cache_close(struct key_cache *cache)
{
    for (size_t i = 0; cache != NULL && i < cache->size; i++) {
        key_close(cache->entries[i].key);
    }
    free(cache);
}

/* FNV-1a: spreads honest keys, and need do no more. */
static uint64_t hash_key(const struct dnskey *dnskey)
{
    uint64_t hash = 0xcbf29ce484222325u ^ dnskey->algorithm;
    for (size_t i = 0; i < dnskey->public_key.len; i++) {
        hash = (hash ^ dnskey->public_key.bytes[i]) * 0x100000001b3u;
    }
    return hash ^ hash >> 32;
}

static bool is_same(const struct key *key, const struct dnskey *dnskey)
{
    return key_algorithm(key) == dnskey->algorithm &&
           span_equal(key_public(key), dnskey->public_key);
}

enum status key_cache_take(struct key_cache *cache, const struct dnskey *dnskey, struct key **key)
{
    if (cache == NULL) {
        return key_of_public(dnskey->algorithm, dnskey->public_key, key, NULL);
    }
    const size_t first = (size_t)(hash_key(dnskey) % cache->size);
    struct key_cache_entry *oldest = &cache->entries[first];
    cache->lookups++;
    for (size_t i = 0; i < PLACES_PER_KEY; i++) {
        struct key_cache_entry *entry = &cache->entries[(first + i) % cache->size];
        if (entry->key != NULL && is_same(entry->key, dnskey)) {
            entry->used_at = cache->lookups;
            *key = entry->key;
            return OK;
        }
        oldest = entry->used_at < oldest->used_at ? entry : oldest;
    }
    struct key *made = oldest->key;
    oldest->key = NULL;
    if (made != NULL && key_algorithm(made) == dnskey->algorithm &&
        key_turn(made, dnskey->public_key) == OK) {
        *oldest = (struct key_cache_entry){made, cache->lookups};
        *key = made;
        return OK;
    }
    key_close(made);
    enum status status = key_of_public(dnskey->algorithm, dnskey->public_key, &made, NULL);
    if (status != OK) {
        return status;
    }
    *oldest = (struct key_cache_entry){made, cache->lookups};
    *key = made;
    return OK;
}

void key_cache_give_back(struct key_cache *cache, struct key *key)
{
    if (cache == NULL) {
        key_close(key);
    }
}
