/* Over which combinations of versions the clauses of the safety predicate are asked. */
#include "core/keys/safe.h"

#include "core/keys/safe_part.h"

struct judge {
    const struct caches *caches;
    const struct safe_policy *policy;
    struct safe_verdict verdict;
};

static void judge_find(struct judge *judge, const struct combination *way,
                       const struct fault *fault)
{
    judge->verdict = (struct safe_verdict){
        .is_safe = false,
        .clause = fault->clause,
        .seen_by = safe_seen_by(judge->caches, way, fault),
        .algorithm = fault->algorithm,
        .digest_type = fault->digest_type,
        .is_chain = way->is_chain,
        .ds = *way->ds,
        .keys = *way->keys,
        .signers = way->signers,
        .keys_source = way->keys_source,
        .signers_source = way->signers_source,
        .until_s = way->until_s,
    };
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool is_in(uint8_t sources, uint8_t source)
{
    return (sources >> source & 1) != 0;
}

/* Is the version in play, when NS sets lead to `sources` besides? */
static bool counts(const struct judge *judge, const struct held *held, uint8_t sources)
{
    bool is_reached = held->is_held || is_in(sources, held->source);
    bool is_young = held->is_current || (judge->policy->clauses & SAFE_OLD_VERSIONS) != 0;
    return is_reached && is_young;
}

static bool may_meet(const struct judge *judge, const struct held *keys, const struct held *signers)
{
    return keys->source == signers->source || (judge->policy->clauses & SAFE_ACROSS_SOURCES) != 0;
}

/* Where a way begins: a DS set, or a chain judged earlier. */
struct top {
    const struct ds_set *ds;
    const struct dnskey_set *keys; /* of a chain; else NULL */
    int64_t dies_s;
    bool is_current;
};

static size_t way_count(const struct judge *judge, const struct top *top)
{
    size_t keys = top->keys != NULL ? 1 : judge->caches->dnskeys_count;
    return keys * judge->caches->signers_count;
}

/* One of the ways of a DS set or a chain: a DNSKEY version with a mix of signers, of the sources
 * that are reached. False: caches do not meet these two. */
static bool way_at(const struct judge *judge, const struct top *top, size_t index, uint8_t sources,
                   struct combination *way)
{
    const struct caches *caches = judge->caches;
    const struct held_signers *signers = &caches->signers[index % caches->signers_count];
    *way = (struct combination){
        .is_chain = top->keys != NULL,
        .ds = top->ds,
        .keys = top->keys,
        .signers = signers->signers,
        .signers_source = signers->held.source,
        .until_s = sooner(top->dies_s, signers->held.dies_s),
    };
    if (!counts(judge, &signers->held, sources) || way->is_chain) {
        return way->is_chain && counts(judge, &signers->held, sources);
    }
    const struct held_dnskeys *keys = &caches->dnskeys[index / caches->signers_count];
    way->keys = &keys->set;
    way->keys_source = keys->held.source;
    way->until_s = sooner(way->until_s, keys->held.dies_s);
    way->is_published = top->is_current && keys->held.is_current && signers->held.is_current &&
                        keys->held.source == signers->held.source;
    return counts(judge, &keys->held, sources) && may_meet(judge, &keys->held, &signers->held);
}

/* False at the first way that fails, which goes into the verdict. */
static bool is_good(struct judge *judge, const struct top *top, enum level level, uint8_t sources)
{
    for (size_t i = 0; i < way_count(judge, top); ++i) {
        struct combination way;
        if (!way_at(judge, top, i, sources, &way)) {
            continue;
        }
        struct fault fault = safe_judge(judge->caches, judge->policy, &way, level);
        if (fault.clause != 0) {
            judge_find(judge, &way, &fault);
            return false;
        }
    }
    return true;
}

static bool has_chains(const struct judge *judge)
{
    return (judge->policy->clauses & SAFE_CHAINS) != 0;
}

/* DS versions that count, then chains; false: no such, or it does not count. */
static bool top_at(const struct judge *judge, size_t index, struct top *top)
{
    const struct caches *caches = judge->caches;
    if (index < caches->ds_count) {
        const struct held_ds *ds = &caches->ds[index];
        *top = (struct top){&ds->set, NULL, ds->held.dies_s, ds->held.is_current};
        return counts(judge, &ds->held, 0);
    }
    const struct held_chain *chain = &caches->chains[index - caches->ds_count];
    *top = (struct top){&chain->ds, &chain->keys, chain->dies_s, false};
    return has_chains(judge);
}

static size_t top_count(const struct judge *judge)
{
    return judge->caches->ds_count + judge->caches->chain_count;
}

struct safe_verdict safe_state(const struct caches *caches, const struct safe_policy *policy)
{
    struct judge judge = {.caches = caches, .policy = policy};
    for (size_t i = 0; i < top_count(&judge); ++i) {
        struct top top;
        if (top_at(&judge, i, &top) && !is_good(&judge, &top, LEVEL_STRICT, 0)) {
            return judge.verdict;
        }
    }
    return (struct safe_verdict){.is_safe = true};
}

/* What a context is judged with: each current version in turn, then each new one. */
struct variant {
    bool is_new;
    const void *version; /* struct ds_set, struct dnskey_set or uint32_t, by the change's list */
};

struct variants {
    size_t count;
    struct variant items[CACHES_VERSIONS_MAX + SAFE_MIXES_MAX];
};

static void list_variants(const struct caches *caches, const struct safe_change *change,
                          struct variants *variants)
{
    variants->count = 0;
    for (size_t i = 0; change->list == SAFE_DS && i < caches->ds_count; ++i) {
        if (caches->ds[i].held.is_current) {
            variants->items[variants->count++] = (struct variant){false, &caches->ds[i].set};
        }
    }
    for (size_t i = 0; change->list == SAFE_DNSKEY && i < caches->dnskeys_count; ++i) {
        const struct held_dnskeys *keys = &caches->dnskeys[i];
        if (keys->held.is_current && keys->held.source == change->source) {
            variants->items[variants->count++] = (struct variant){false, &keys->set};
        }
    }
    for (size_t i = 0; change->list == SAFE_SIGNERS && i < caches->signers_count; ++i) {
        const struct held_signers *signers = &caches->signers[i];
        if (signers->held.is_current && signers->held.source == change->source) {
            variants->items[variants->count++] = (struct variant){false, &signers->signers};
        }
    }
    size_t new_count = change->list == SAFE_SIGNERS ? change->mix_count : 1;
    for (size_t i = 0; i < new_count; ++i) {
        const void *version = change->list == SAFE_DS       ? (const void *)&change->ds
                              : change->list == SAFE_DNSKEY ? (const void *)&change->keys
                                                            : (const void *)&change->mixes[i];
        variants->items[variants->count++] = (struct variant){true, version};
    }
}

static struct combination with_variant(const struct combination *context, enum safe_list list,
                                       const struct variant *variant)
{
    struct combination way = *context;
    way.ds = list == SAFE_DS ? variant->version : way.ds;
    way.keys = list == SAFE_DNSKEY ? variant->version : way.keys;
    way.signers = list == SAFE_SIGNERS ? *(const uint32_t *)variant->version : way.signers;
    return way;
}

/* In one context: if every current version was good there, every new one is. */
static bool keeps_level(struct judge *judge, const struct combination *context,
                        const struct safe_change *change, const struct variants *variants,
                        enum level level)
{
    bool was_good = true;
    for (size_t i = 0; i < variants->count; ++i) {
        struct combination way = with_variant(context, change->list, &variants->items[i]);
        struct fault fault = safe_judge(judge->caches, judge->policy, &way, level);
        if (fault.clause != 0 && variants->items[i].is_new && was_good) {
            judge_find(judge, &way, &fault);
            return false;
        }
        was_good = was_good && fault.clause == 0;
    }
    return true;
}

/* In one context: no validator that went through with a current version fails with a new one. */
static bool keeps_audiences(struct judge *judge, const struct combination *context,
                            const struct safe_change *change, const struct variants *variants)
{
    for (size_t i = 0; i < variants->count; ++i) {
        struct combination to = with_variant(context, change->list, &variants->items[i]);
        struct fault fault = safe_judge(judge->caches, judge->policy, &to, LEVEL_VALIDATES);
        bool is_at_risk = variants->items[i].is_new && fault.clause != 0;
        for (size_t c = 0; is_at_risk && c < variants->count; ++c) {
            struct combination from = with_variant(context, change->list, &variants->items[c]);
            if (!variants->items[c].is_new && safe_loses_audience(judge->caches, &from, &to)) {
                judge_find(judge, &to, &fault);
                return false;
            }
        }
    }
    return true;
}

static bool does_no_harm(struct judge *judge, const struct combination *context,
                         const struct safe_change *change, const struct variants *variants)
{
    bool asks_audiences = (judge->policy->clauses & SAFE_AUDIENCES) != 0;
    return keeps_level(judge, context, change, variants, LEVEL_VALIDATES) &&
           keeps_level(judge, context, change, variants, LEVEL_STRICT) &&
           (!asks_audiences || keeps_audiences(judge, context, change, variants));
}

/* A version that takes part in contexts; the changed list has none of its own, but stands in for
 * all of them once. */
struct place {
    const void *version;
    struct held held;
};

static size_t list_places(const struct judge *judge, enum safe_list list,
                          const struct safe_change *change,
                          struct place places[CACHES_VERSIONS_MAX])
{
    const struct caches *caches = judge->caches;
    if (list == change->list) {
        places[0] = (struct place){NULL, {CACHES_FOREVER, change->source, true, true}};
        return 1;
    }
    size_t all = list == SAFE_DS       ? caches->ds_count
                 : list == SAFE_DNSKEY ? caches->dnskeys_count
                                       : caches->signers_count;
    size_t count = 0;
    for (size_t i = 0; i < all; ++i) {
        struct place place =
            list == SAFE_DS ? (struct place){&caches->ds[i].set, caches->ds[i].held}
            : list == SAFE_DNSKEY
                ? (struct place){&caches->dnskeys[i].set, caches->dnskeys[i].held}
                : (struct place){&caches->signers[i].signers, caches->signers[i].held};
        if (counts(judge, &place.held, 0)) {
            places[count++] = place;
        }
    }
    return count;
}

static struct combination combine(const struct place *ds, const struct place *keys,
                                  const struct place *signers)
{
    return (struct combination){
        .ds = ds->version,
        .keys = keys->version,
        .signers = signers->version == NULL ? 0 : *(const uint32_t *)signers->version,
        .is_published = ds->held.is_current && keys->held.is_current && signers->held.is_current &&
                        keys->held.source == signers->held.source,
        .keys_source = keys->held.source,
        .signers_source = signers->held.source,
        .until_s = sooner(ds->held.dies_s, sooner(keys->held.dies_s, signers->held.dies_s)),
    };
}

static bool contexts_stay_good(struct judge *judge, const struct safe_change *change,
                               const struct variants *variants)
{
    struct place ds[CACHES_VERSIONS_MAX], keys[CACHES_VERSIONS_MAX], signers[CACHES_VERSIONS_MAX];
    size_t ds_count = list_places(judge, SAFE_DS, change, ds);
    size_t keys_count = list_places(judge, SAFE_DNSKEY, change, keys);
    size_t signers_count = list_places(judge, SAFE_SIGNERS, change, signers);
    for (size_t i = 0; i < ds_count * keys_count * signers_count; ++i) {
        const struct place *key = &keys[i / signers_count % keys_count];
        const struct place *signer = &signers[i % signers_count];
        if (!may_meet(judge, &key->held, &signer->held)) {
            continue;
        }
        struct combination context = combine(&ds[i / signers_count / keys_count], key, signer);
        if (!does_no_harm(judge, &context, change, variants)) {
            return false;
        }
    }
    return true;
}

static bool chains_stay_good(struct judge *judge, const struct safe_change *change,
                             const struct variants *variants)
{
    for (size_t i = 0; i < judge->caches->chain_count; ++i) {
        const struct held_chain *chain = &judge->caches->chains[i];
        struct combination context = {.is_chain = true,
                                      .ds = &chain->ds,
                                      .keys = &chain->keys,
                                      .signers_source = change->source,
                                      .until_s = chain->dies_s};
        if (!does_no_harm(judge, &context, change, variants)) {
            return false;
        }
    }
    return true;
}

/* Is it known what the source serves? */
static bool is_known(const struct caches *caches, uint8_t source)
{
    bool has_keys = false, has_signers = false;
    for (size_t i = 0; i < caches->dnskeys_count; ++i) {
        has_keys = has_keys || caches->dnskeys[i].held.source == source;
    }
    for (size_t i = 0; i < caches->signers_count; ++i) {
        has_signers = has_signers || caches->signers[i].held.source == source;
    }
    return has_keys && has_signers;
}

/* Of a source that nothing is known of, nothing good is assumed. */
static bool all_are_known(struct judge *judge, const struct top *top, uint8_t sources)
{
    for (uint8_t i = 0; top->ds->count > 0 && i < CACHES_SOURCES_MAX; ++i) {
        if (is_in(sources, i) && !is_known(judge->caches, i)) {
            judge->verdict = (struct safe_verdict){.clause = SAFE_KNOWN,
                                                   .seen_by = SAFE_SEEN_BY_EVERYONE,
                                                   .ds = *top->ds,
                                                   .keys_source = i,
                                                   .signers_source = i,
                                                   .until_s = top->dies_s};
            return false;
        }
    }
    return true;
}

/* Is there a way already that nobody gets through who does not get through this one? */
static bool is_broken_alike(const struct judge *judge, const struct top *top,
                            const struct combination *to)
{
    for (size_t i = 0; i < way_count(judge, top); ++i) {
        struct combination from;
        if (way_at(judge, top, i, 0, &from) && !safe_loses_audience(judge->caches, &from, to)) {
            return true;
        }
    }
    return false;
}

/* Of a DS set or chain that is broken: no way that comes new is broken for somebody else. */
static bool new_ways_harm_nobody(struct judge *judge, const struct top *top, uint8_t sources)
{
    for (size_t i = 0; i < way_count(judge, top); ++i) {
        struct combination way;
        bool is_there = way_at(judge, top, i, 0, &way);
        if (is_there || !way_at(judge, top, i, sources, &way)) {
            continue;
        }
        struct fault fault = safe_judge(judge->caches, judge->policy, &way, LEVEL_VALIDATES);
        if (fault.clause != 0 && !is_broken_alike(judge, top, &way)) {
            judge_find(judge, &way, &fault);
            return false;
        }
    }
    return true;
}

/* A change of name servers brings the versions of other sources into play: for each DS set and each
 * chain, if all that was reached was good, all that will be is. */
static bool sources_stay_good(struct judge *judge, uint8_t sources)
{
    bool asks_audiences = (judge->policy->clauses & SAFE_AUDIENCES) != 0;
    for (size_t i = 0; i < top_count(judge); ++i) {
        struct top top;
        if (!top_at(judge, i, &top)) {
            continue;
        }
        if ((judge->policy->clauses & SAFE_KNOWN) != 0 && !all_are_known(judge, &top, sources)) {
            return false;
        }
        for (enum level level = LEVEL_VALIDATES; level < LEVEL_COUNT; ++level) {
            if (is_good(judge, &top, level, 0) && !is_good(judge, &top, level, sources)) {
                return false;
            }
        }
        if (asks_audiences && !new_ways_harm_nobody(judge, &top, sources)) {
            return false;
        }
    }
    return true;
}

static bool is_reached(const struct caches *caches, const struct safe_change *change)
{
    bool is_held = is_in(caches->reached, change->source);
    for (size_t i = 0; i < caches->dnskeys_count; ++i) {
        const struct held *held = &caches->dnskeys[i].held;
        is_held = is_held || (held->is_held && held->source == change->source);
    }
    for (size_t i = 0; i < caches->signers_count; ++i) {
        const struct held *held = &caches->signers[i].held;
        is_held = is_held || (held->is_held && held->source == change->source);
    }
    return is_held;
}

struct safe_verdict safe_change(const struct caches *caches, const struct safe_change *change,
                                const struct safe_policy *policy)
{
    require(change->list < SAFE_LIST_COUNT && change->source < CACHES_SOURCES_MAX);
    require(change->list != SAFE_SIGNERS ||
            (change->mix_count > 0 && change->mix_count <= SAFE_MIXES_MAX));
    struct judge judge = {.caches = caches, .policy = policy};
    struct variants variants;
    bool is_safe = false;
    if (change->list == SAFE_SOURCES) {
        is_safe = sources_stay_good(&judge, change->sources);
    } else if (change->list != SAFE_DS && !is_reached(caches, change)) {
        is_safe = true; /* no cache meets what this source serves */
    } else {
        list_variants(caches, change, &variants);
        is_safe = contexts_stay_good(&judge, change, &variants);
        if (is_safe && change->list == SAFE_SIGNERS && has_chains(&judge)) {
            is_safe = chains_stay_good(&judge, change, &variants);
        }
    }
    if (is_safe) {
        judge.verdict = (struct safe_verdict){.is_safe = true};
    }
    return judge.verdict;
}
