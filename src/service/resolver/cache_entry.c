/* How an entry lies in memory: one block with its name, the views of its RRsets and their rdata. An
 * owner that is the entry's own name, as nearly all are, stands there once. */
#include "service/resolver/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/moment.h"

enum { ALLOCATION_LEN = 16 }; /* what the allocator needs for each, about */

static bool is_own_name(const struct cache_draft *draft, const struct rrset *rrset)
{
    return span_equal(name_span(rrset->owner), name_span(draft->name));
}

static size_t rrset_size(const struct cache_draft *draft, const struct rrset *rrset)
{
    return (is_own_name(draft, rrset) ? 0 : rrset->owner.len) + (size_t)rrset->rdata_len;
}

static size_t draft_size(const struct cache_draft *draft)
{
    size_t size = sizeof(struct cache_entry) + draft->name.len;
    size += (draft->answer_count + draft->authority_count) * sizeof(struct rrset);
    for (size_t i = 0; i < draft->answer_count; i++) {
        size += rrset_size(draft, &draft->answer[i]);
    }
    for (size_t i = 0; i < draft->authority_count; i++) {
        size += rrset_size(draft, &draft->authority[i]);
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

/* `copies` with their octets at `at`; returns where those end. */
static uint8_t *pack_rrsets(uint8_t *at, const struct cache_entry *entry, struct rrset *copies,
                            const struct rrset *rrsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        copies[i] = rrsets[i];
        if (span_equal(name_span(rrsets[i].owner), name_span(entry->name))) {
            copies[i].owner = entry->name;
        } else {
            copies[i].owner.octets = at;
            at = pack(at, rrsets[i].owner.octets, rrsets[i].owner.len);
        }
        copies[i].rdata = at;
        at = pack(at, rrsets[i].rdata, rrsets[i].rdata_len);
    }
    return at;
}

struct cache_entry *cache_entry_make(const struct cache_draft *draft, int64_t expires_ns)
{
    size_t size = draft_size(draft);
    bool is_large = draft->answer_count > CACHE_RRSETS_MAX ||
                    draft->authority_count > CACHE_RRSETS_MAX || size > UINT32_MAX - ALLOCATION_LEN;
    struct cache_entry *entry = is_large ? NULL : malloc(size);
    if (entry == NULL) {
        return NULL;
    }
    struct rrset *rrsets = (struct rrset *)(entry + 1);
    uint8_t *at = (uint8_t *)(rrsets + draft->answer_count + draft->authority_count);
    *entry = (struct cache_entry){
        .name = draft->name,
        .type = draft->type,
        .asked_type = draft->asked_type,
        .kind = draft->kind,
        .rank = draft->rank,
        .expires_ns = expires_ns,
        .answer = rrsets,
        .answer_count = (uint8_t)draft->answer_count,
        .authority = rrsets + draft->answer_count,
        .authority_count = (uint8_t)draft->authority_count,
        .holders = 1,
        .size = (uint32_t)size + ALLOCATION_LEN,
    };
    entry->name.octets = at;
    at = pack(at, draft->name.octets, draft->name.len);
    at = pack_rrsets(at, entry, rrsets, draft->answer, draft->answer_count);
    at = pack_rrsets(at, entry, rrsets + draft->answer_count, draft->authority,
                     draft->authority_count);
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

enum verdict cache_entry_last_verdict(const struct cache_entry *entry)
{
    return cache_entry_verdict(entry, INT64_MIN);
}

void cache_entry_revive(struct cache_entry *entry, int64_t until_ns)
{
    cache_entry_shut(entry);
    if (entry->stale_from_ns == 0) {
        entry->stale_from_ns = entry->expires_ns;
    }
    entry->expires_ns = until_ns;
    entry->judged_until_ns = until_ns;
    cache_entry_set_renewed(entry);
}

bool cache_entry_is_due(const struct cache_entry *entry, int64_t now_ns)
{
    enum { PART = 10 };
    int64_t left_ns = entry->expires_ns - now_ns;
    return left_ns < (int64_t)entry->life_s * MOMENT_NS_PER_S / PART &&
           !atomic_load_explicit(&entry->is_renewed, memory_order_relaxed);
}

void cache_entry_set_renewed(struct cache_entry *entry)
{
    atomic_store_explicit(&entry->is_renewed, true, memory_order_relaxed);
}

uint32_t cache_entry_ttl(const struct cache_entry *entry, int64_t now_ns)
{
    if (entry->expires_ns <= now_ns) {
        return 0;
    }
    int64_t left_s = (entry->expires_ns - now_ns) / MOMENT_NS_PER_S;
    return left_s > INT32_MAX ? INT32_MAX : (uint32_t)left_s;
}

enum { OPENING_SHUT, OPENING_INSECURE, OPENING_SECURE };

void cache_entry_open(struct cache_entry *entry, bool is_secure)
{
    uint8_t opening = is_secure ? OPENING_SECURE : OPENING_INSECURE;
    if (atomic_load_explicit(&entry->opening, memory_order_relaxed) != opening) {
        atomic_store_explicit(&entry->opening, opening, memory_order_release);
    }
}

bool cache_entry_is_open(const struct cache_entry *entry)
{
    return atomic_load_explicit(&entry->opening, memory_order_acquire) != OPENING_SHUT;
}

bool cache_entry_is_open_secure(const struct cache_entry *entry)
{
    return atomic_load_explicit(&entry->opening, memory_order_acquire) == OPENING_SECURE;
}

void cache_entry_shut(struct cache_entry *entry)
{
    atomic_store_explicit(&entry->opening, OPENING_SHUT, memory_order_relaxed);
}
