/* Which keys a zone has: the first ones, and how an old one goes without leaving any cache with
 * signatures it has no key for. */
#include "service/signer/signer_state.h"

#include "core/base/text.h"

enum { MARGIN_S = 1 };

static bool has_role(const struct signer_zone *zone, enum keystore_role role)
{
    for (size_t i = 0; i < zone->keys.count; i++) {
        if (zone->keys.keys[i]->state == KEYSTORE_ACTIVE && zone->keys.keys[i]->role == role) {
            return true;
        }
    }
    return false;
}

enum status signer_need_keys(struct signer *signer, struct signer_zone *zone, int64_t now_s,
                             struct problem *problem)
{
    const struct disk *disk = signer->options.disk;
    struct keystore_order order = {.algorithm = zone->options.algorithm,
                                   .is_in_hsm = zone->options.has_keys_in_hsm,
                                   .now_s = now_s};
    bool has_csk = has_role(zone, KEYSTORE_CSK);
    enum status status = OK;
    if (zone->options.is_csk && zone->keys.count == 0) {
        order.role = KEYSTORE_CSK;
        return keystore_generate(&zone->keys, disk, &order, problem);
    }
    if (!has_csk && !has_role(zone, KEYSTORE_KSK)) {
        order.role = KEYSTORE_KSK;
        status = keystore_generate(&zone->keys, disk, &order, problem);
    }
    if (status == OK && !has_csk && !has_role(zone, KEYSTORE_ZSK)) {
        order.role = KEYSTORE_ZSK;
        status = keystore_generate(&zone->keys, disk, &order, problem);
    }
    return status;
}

bool signer_drop_leaving(struct signer *signer, struct signer_zone *zone, int64_t now_s,
                         int64_t *next_s)
{
    bool is_changed = false;
    for (size_t i = zone->keys.count; i > 0; i--) {
        const struct keystore_key *key = zone->keys.keys[i - 1];
        if (key->state != KEYSTORE_LEAVING) {
            continue;
        }
        if (key->leaves_at_s <= now_s) {
            is_changed =
                keystore_remove(&zone->keys, signer->options.disk, i - 1) == OK || is_changed;
        } else if (*next_s == 0 || key->leaves_at_s < *next_s) {
            *next_s = key->leaves_at_s;
        }
    }
    return is_changed;
}

/* The largest TTL in the version that caches may hold. */
static uint32_t ttl_max(const struct zone *version)
{
    uint32_t max_s = 0;
    struct zone_cursor cursor;
    const struct zone_node *node;
    if (version == NULL) {
        return 0;
    }
    zone_walk(version, &cursor);
    while ((node = zone_walk_next(&cursor)) != NULL) {
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            max_s = node->rrsets[i].ttl_s > max_s ? node->rrsets[i].ttl_s : max_s;
        }
    }
    return max_s;
}

static uint32_t dnskey_ttl(const struct signer_zone *zone)
{
    const struct rrset *keys =
        zone->published == NULL ? NULL
                                : zone_find_rrset(zone->published, zone->options.name, TYPE_DNSKEY);
    return keys == NULL ? 0 : keys->ttl_s;
}

/* The key to retire; `oldest` is the oldest active one that has a younger one of its role. */
static struct keystore_key *key_choose(const struct signer_zone *zone, struct span word)
{
    uint64_t tag = 0;
    bool is_oldest = span_equal(word, SPAN_LITERAL("oldest"));
    if (!is_oldest && text_read_u64(word, UINT16_MAX, &tag) != OK) {
        return NULL;
    }
    for (size_t i = 0; i < zone->keys.count; i++) {
        struct keystore_key *key = zone->keys.keys[i];
        if (!is_oldest && keystore_dnskey(key).tag == tag) {
            return key;
        }
        for (size_t j = i + 1; is_oldest && j < zone->keys.count; j++) {
            const struct keystore_key *other = zone->keys.keys[j];
            if (key->state == KEYSTORE_ACTIVE && other->state == KEYSTORE_ACTIVE &&
                other->role == key->role) {
                return key;
            }
        }
    }
    return NULL;
}

/* Another active key of the role and algorithm, published long enough that every cache has it;
 * `ready_at_s` says when the best one is. */
static bool has_successor(const struct signer_zone *zone, const struct keystore_key *old,
                          int64_t *ready_at_s)
{
    bool is_found = false;
    uint8_t algorithm = keystore_dnskey(old).algorithm;
    for (size_t i = 0; i < zone->keys.count; i++) {
        const struct keystore_key *key = zone->keys.keys[i];
        if (key == old || key->state != KEYSTORE_ACTIVE || key->role != old->role ||
            keystore_dnskey(key).algorithm != algorithm) {
            continue;
        }
        int64_t ready_s = key->since_s + dnskey_ttl(zone) + MARGIN_S;
        *ready_at_s = !is_found || ready_s < *ready_at_s ? ready_s : *ready_at_s;
        is_found = true;
    }
    return is_found;
}

enum status signer_retire_key(struct signer *signer, struct signer_zone *zone, struct span tag,
                              int64_t now_s, struct problem *problem)
{
    struct keystore_key *key = key_choose(zone, tag);
    int64_t ready_at_s = 0;
    if (key == NULL || key->state == KEYSTORE_LEAVING) {
        return problem_set(problem, NOT_FOUND, "there is no active key %.*s with another beside it",
                           (int)tag.len, (const char *)tag.bytes);
    }
    if (!has_successor(zone, key, &ready_at_s)) {
        return problem_set(problem, REFUSED,
                           "it is the only %s of its algorithm; add another first: key-add NAME %s",
                           keystore_role_text(key->role), keystore_role_text(key->role));
    }
    if (ready_at_s > now_s) {
        return problem_set(problem, REFUSED,
                           "caches may not have its successor yet; try again in %lld s",
                           (long long)(ready_at_s - now_s));
    }
    /* What it signed may live on in caches as long as the largest TTL: until then it stays
     * published. */
    key->state = KEYSTORE_LEAVING;
    key->leaves_at_s =
        now_s + (key->role == KEYSTORE_KSK ? 0 : ttl_max(zone->published) + MARGIN_S);
    enum status status = keystore_save(&zone->keys, signer->options.disk);
    if (status != OK) {
        key->state = KEYSTORE_ACTIVE;
        return problem_set(problem, status, "the list of keys cannot be written: %s",
                           status_text(status));
    }
    return OK;
}
