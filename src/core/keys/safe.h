#pragma once
/* The safety predicate: may a set of a zone be changed, given all that caches may hold? A change is
 * allowed only if every combination of a DS set, a DNSKEY set and signers of data that a resolver
 * can meet still validates, for lenient validators and for strict ones; or, where the state is
 * broken already, if the change breaks nothing that held. Pure functions of values.
 *
 *   C1(D,K)    for every (algorithm, digest type) in D: a key with such a DS is in K and signs K
 *   C2(D,K,S)  for every algorithm in D: a key of it is in K and in S
 *   C3(K,S)    for every algorithm in K: a key of it in K signs K, and a key of it in K is in S
 *
 * A combination is good when D is empty, or C1 and C2 hold, and, with the strict policy, C3 (the
 * rule for servers of RFC 4035 §2.2). A chain judged earlier needs C2 and the data half of C3. */
#include "core/base/writer.h"
#include "core/keys/caches.h"

/* What is asked, as bits. SAFE_ALL is the predicate; its tests leave one out to see that it is
 * needed. */
enum safe_clause {
    SAFE_DS_SIGNS = 1,         /* C1 */
    SAFE_DIGEST_TYPES = 2,     /* C1 for each digest type, not for each algorithm */
    SAFE_DATA = 4,             /* C2 */
    SAFE_ALGORITHM_KEYS = 8,   /* C3, the DNSKEY set's half */
    SAFE_ALGORITHM_DATA = 16,  /* C3, the data's half */
    SAFE_CHAINS = 32,          /* chains judged under a DS set that is gone */
    SAFE_OLD_VERSIONS = 64,    /* versions that are not published any more */
    SAFE_ACROSS_SOURCES = 128, /* keys from one source, data from another */
    SAFE_AUDIENCES = 256,      /* what is broken for some validators is kept for the others */
    SAFE_KNOWN = 512,          /* of a new source it is known what it serves */
    SAFE_ALL = 1023
};

struct safe_policy {
    bool is_strict; /* C3 across caches; else only for what is published now */
    uint32_t clauses;
};

enum safe_list { SAFE_DS, SAFE_DNSKEY, SAFE_SIGNERS, SAFE_SOURCES, SAFE_LIST_COUNT };

enum { SAFE_MIXES_MAX = 8 };

/* One list's current version (of one source) and what shall take its place. */
struct safe_change {
    enum safe_list list;
    uint8_t source; /* of DNSKEY and signers */
    struct ds_set ds;
    struct dnskey_set keys;
    uint8_t mix_count; /* of signers: the mixes that will be in the zone, at least one */
    uint32_t mixes[SAFE_MIXES_MAX];
    uint8_t sources; /* that the new NS set leads to, as bits */
};

enum safe_seen_by {
    SAFE_SEEN_BY_NOBODY,
    SAFE_SEEN_BY_EVERYONE,  /* every validator finds it bogus */
    SAFE_SEEN_BY_ALGORITHM, /* who demands every DS algorithm, or knows only this one */
    SAFE_SEEN_BY_DIGEST,    /* who heeds only this digest type, or the strongest */
    SAFE_SEEN_BY_CHECKERS   /* who demands every DNSKEY algorithm, as zone checkers do */
};

struct safe_verdict {
    bool is_safe;
    /* The rest speaks of the first combination that would break, when one does. */
    enum safe_clause clause;
    enum safe_seen_by seen_by;
    uint8_t algorithm; /* that has no way through */
    uint8_t digest_type;
    bool is_chain; /* `ds` and `keys` are a chain judged earlier */
    struct ds_set ds;
    struct dnskey_set keys;
    uint32_t signers;
    uint8_t keys_source;
    uint8_t signers_source;
    int64_t until_s; /* when this combination is no obstacle any more; CACHES_FOREVER: only after
                        another change */
};

/* Is every combination good as things are? */
struct safe_verdict safe_state(const struct caches *caches, const struct safe_policy *policy);
/* May the change be made now? From a safe state: if everything stays good. From a broken one: if in
 * every context of the other lists, for C1 and C2 and for all three apart, what was good with the
 * current version is good with the new one; and where C1 and C2 do not hold, if every validator, by
 * the algorithms and digest types that it knows, that could go through with the current version can
 * with the new one. */
struct safe_verdict safe_change(const struct caches *caches, const struct safe_change *change,
                                const struct safe_policy *policy);
/* A sentence: which combination, what fails, for whom, until when. Keys are named by the tags of
 * `caches`. */
void safe_explain(const struct caches *caches, const struct safe_verdict *verdict,
                  struct writer *text);
