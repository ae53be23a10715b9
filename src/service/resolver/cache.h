#pragma once
/* What was learned, until it expires: answers, denials, delegations and failures. Entries never
 * change but for their verdict; they are counted, so that a query may hold one that the cache has
 * evicted. The table is bounded by memory and uses a keyed hash, so that nobody can fill one place
 * of it.
 *
 * One thread writes; others may look for entries that are open to them (cache_peek) at any time,
 * without a lock: what is taken out of the table is freed only when all of them have been seen to
 * have let go. */
#include <stdatomic.h>

#include "core/base/entropy.h"
#include "core/dns/rrset.h"
#include "core/dnssec/verdict.h"
#include "core/node/grace.h"

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
    const struct rrset *answer;
    const struct rrset *authority;
    _Atomic int64_t expires_ns; /* monotonic; INT64_MAX: never. Others may read it */
    uint16_t type;              /* 0 for NXDOMAIN that denies every type */
    uint16_t asked_type;        /* that it was the answer to; of an NXDOMAIN */
    uint8_t answer_count;       /* at most CACHE_RRSETS_MAX */
    uint8_t authority_count;    /* the same */
    enum cache_kind kind : 8;
    enum cache_rank rank : 8;
    /* The part that changes: what validation made of it. */
    bool is_judged;
    uint8_t step; /* enum evidence_step of a DS or DNSKEY answer */
    int64_t judged_until_ns;
    struct judgement *judgement; /* kept only where it is not SECURE; else NULL */
    int64_t step_until_ns;
    int64_t stale_from_ns; /* its own end, when it was given more time; 0: it was not */
    /* Internal. */
    uint64_t hash;
    uint32_t holders;
    uint32_t size;
    _Atomic uint8_t opening; /* whether other threads may answer with it */
    _Atomic uint8_t uses;    /* of late: who has many stays longest */
    _Atomic bool is_renewed; /* its next one is being fetched, or nobody should */
    uint32_t life_s;         /* that it had when it came into the cache */
};

enum { CACHE_RRSETS_MAX = 255 };

struct cache_draft {
    struct name name;
    uint16_t type;
    uint16_t asked_type; /* of an NXDOMAIN */
    enum cache_kind kind;
    enum cache_rank rank;
    const struct rrset *answer;
    size_t answer_count;
    const struct rrset *authority;
    size_t authority_count;
};

/* Copies the draft; the caller holds the result. NULL without memory, or with more RRsets than
 * CACHE_RRSETS_MAX. */
struct cache_entry *cache_entry_make(const struct cache_draft *draft, int64_t expires_ns) MUST_USE;
struct cache_entry *cache_entry_hold(struct cache_entry *entry);
void cache_entry_release(struct cache_entry *entry); /* NULL is fine */
void cache_entry_judge(struct cache_entry *entry, const struct judgement *judgement,
                       int64_t until_ns);
/* SECURE, INSECURE ..., or VERDICT_COUNT when nothing is known at `now_ns`. */
enum verdict cache_entry_verdict(const struct cache_entry *entry, int64_t now_ns);
/* What it was found to be when it was judged, however long ago. */
enum verdict cache_entry_last_verdict(const struct cache_entry *entry);
/* More time after its own, for it and what was found (RFC 8767); other threads leave it to us. */
void cache_entry_revive(struct cache_entry *entry, int64_t until_ns);
/* The last tenth of its life has begun, and nobody has asked for its next one. Any thread. */
bool cache_entry_is_due(const struct cache_entry *entry, int64_t now_ns);
void cache_entry_set_renewed(struct cache_entry *entry);
/* Seconds left, at least 0. */
uint32_t cache_entry_ttl(const struct cache_entry *entry, int64_t now_ns);
/* From now on other threads may answer with it: it was an answer already, so whatever stands
 * between an entry and a client lets it pass. */
void cache_entry_open(struct cache_entry *entry, bool is_secure);
bool cache_entry_is_open(const struct cache_entry *entry);
bool cache_entry_is_open_secure(const struct cache_entry *entry);
void cache_entry_shut(struct cache_entry *entry);

struct cache;
struct denials;

/* `grace` may be NULL: there is no other thread. */
enum status cache_open(size_t size_max, const struct entropy *entropy, const struct grace *grace,
                       struct cache **cache) MUST_USE;
void cache_close(struct cache *cache);
/* Keeps the entry (holding it once more) and evicts others for it. A live entry of higher rank, or
 * one found secure, is not replaced by one of lower rank. */
void cache_put(struct cache *cache, struct cache_entry *entry, int64_t now_ns);
/* What answers (name, type): the RRset, its denial, or an NXDOMAIN of the name; one that was found
 * bogus is of no other type than was asked for (RFC 4035 §4.7). Not a CNAME. The caller does not
 * hold it: NULL or valid until the next cache_put. */
struct cache_entry *cache_find(struct cache *cache, struct name name, uint16_t type,
                               int64_t now_ns);
/* The entry for exactly that type (0: an NXDOMAIN of the name), whether its time is over or not. */
struct cache_entry *cache_find_stale(struct cache *cache, struct name name, uint16_t type);
struct cache_entry *cache_find_delegation(struct cache *cache, struct name cut, int64_t now_ns);
struct cache_entry *cache_find_failure(struct cache *cache, struct name name, uint16_t type,
                                       int64_t now_ns);

/* For other threads, between two of their quiescent states (struct grace). A place in the table,
 * which may be asked for in advance. */
struct cache_place {
    uint64_t name_hash;
};
struct cache_place cache_place_of(const struct cache *cache, struct name name);
void cache_prefetch(const struct cache *cache, struct cache_place place, uint16_t type);
/* The open entry for exactly that type (0: an NXDOMAIN of the name), or NULL, which may also mean
 * that it is being moved just now. Not to be changed; valid until the quiescent state. */
struct cache_entry *cache_peek(const struct cache *cache, struct cache_place place,
                               struct name name, uint16_t type, int64_t now_ns);

/* Beside the entries, in the same memory and flushed with them. */
struct denials *cache_denials(struct cache *cache);

void cache_flush(struct cache *cache);
/* All that is known at or below the name; how many entries went. */
size_t cache_flush_name(struct cache *cache, struct name name);
size_t cache_count(const struct cache *cache);
size_t cache_size(const struct cache *cache);
uint64_t cache_evictions(const struct cache *cache);
/* Each entry, in no order that means anything. */
void cache_each(const struct cache *cache,
                void (*each)(void *user, const struct cache_entry *entry), void *user);
