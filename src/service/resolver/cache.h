#pragma once
/* What was learned, until it expires: answers, denials, delegations and failures. Entries never
 * change but for their verdict; they are counted, so that a query may hold one that the cache has
 * evicted. The table is bounded by memory and uses a seeded hash, so that nobody can fill one
 * place of it. */
#include "core/base/entropy.h"
#include "core/dns/rrset.h"
#include "core/dnssec/verdict.h"

enum cache_kind {
    CACHE_POSITIVE,   /* answer[0] is the RRset, answer[1] its RRSIGs when there are any */
    CACHE_NODATA,     /* authority: SOA and proofs */
    CACHE_NXDOMAIN,   /* the same; found under any type but DS */
    CACHE_DELEGATION, /* answer[0] is the NS RRset at the cut, authority is glue */
    CACHE_FAILURE     /* the servers could not be asked (RFC 9520) */
};

/* RFC 2181 §5.4.1, as far as it matters when delegations are apart: an RRset beside a referral
 * never replaces one that was the answer. */
enum cache_rank { CACHE_RANK_REFERRAL, CACHE_RANK_ANSWER };

struct cache_entry {
    struct name name;
    uint16_t type; /* 0 for NXDOMAIN that denies every type */
    enum cache_kind kind;
    enum cache_rank rank;
    int64_t expires_ns; /* monotonic; INT64_MAX: never */
    const struct rrset *answer;
    size_t answer_count;
    const struct rrset *authority;
    size_t authority_count;
    /* The part that changes: what validation made of it. */
    bool is_judged;
    int64_t judged_until_ns;
    struct judgement *judgement; /* kept only where it is not SECURE; else NULL */
    uint8_t step;                /* enum evidence_step of a DS or DNSKEY answer */
    int64_t step_until_ns;
    /* Internal. */
    uint32_t holders;
    bool is_used;
    size_t size;
    uint64_t hash;
};

struct cache_draft {
    struct name name;
    uint16_t type;
    enum cache_kind kind;
    enum cache_rank rank;
    const struct rrset *answer;
    size_t answer_count;
    const struct rrset *authority;
    size_t authority_count;
};

/* Copies the draft; the caller holds the result. NULL without memory. */
struct cache_entry *cache_entry_make(const struct cache_draft *draft, int64_t expires_ns) MUST_USE;
struct cache_entry *cache_entry_hold(struct cache_entry *entry);
void cache_entry_release(struct cache_entry *entry); /* NULL is fine */
void cache_entry_judge(struct cache_entry *entry, const struct judgement *judgement,
                       int64_t until_ns);
/* SECURE, INSECURE ..., or VERDICT_COUNT when nothing is known at `now_ns`. */
enum verdict cache_entry_verdict(const struct cache_entry *entry, int64_t now_ns);
/* Seconds left, at least 0. */
uint32_t cache_entry_ttl(const struct cache_entry *entry, int64_t now_ns);

struct cache;

enum status cache_open(size_t size_max, const struct entropy *entropy,
                       struct cache **cache) MUST_USE;
void cache_close(struct cache *cache);
/* Keeps the entry (holding it once more) and evicts others for it. A live entry of higher rank, or
 * one found secure, is not replaced by one of lower rank. */
void cache_put(struct cache *cache, struct cache_entry *entry, int64_t now_ns);
/* What answers (name, type): the RRset, its denial, or an NXDOMAIN of the name. Not a CNAME. The
 * caller does not hold it: NULL or valid until the next cache_put. */
struct cache_entry *cache_find(struct cache *cache, struct name name, uint16_t type,
                               int64_t now_ns);
struct cache_entry *cache_find_delegation(struct cache *cache, struct name cut, int64_t now_ns);
struct cache_entry *cache_find_failure(struct cache *cache, struct name name, uint16_t type,
                                       int64_t now_ns);
void cache_flush(struct cache *cache);
/* All that is known at or below the name; how many entries went. */
size_t cache_flush_name(struct cache *cache, struct name name);
size_t cache_count(const struct cache *cache);
size_t cache_size(const struct cache *cache);
uint64_t cache_evictions(const struct cache *cache);
/* Each entry, in no order that means anything. */
void cache_each(const struct cache *cache,
                void (*each)(void *user, const struct cache_entry *entry), void *user);
