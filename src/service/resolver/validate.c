/* Which evidence is there, which is missing, and how long a verdict holds. The rules of validation
 * are in core/dnssec/chain; here is where its evidence comes from. DNSKEY RRsets are judged for
 * themselves, from the top down, and serve as anchors for what is below them: so each level of the
 * tree costs its signatures once, not once for each level below it. */
#include "service/resolver/validate.h"

#include "core/dns/rdata.h"
#include "service/resolver/fetch.h"

enum { INDETERMINATE_TTL_S = RESOLVER_FAILURE_TTL_S, DERIVED_ANCHORS_MAX = RESOLVER_RECORDS_MAX };

/* What is judged now: a link, or a DNSKEY RRset among the proofs. */
struct target {
    struct link *link;   /* NULL: a proof */
    struct proof *proof; /* NULL: a link */
    struct cache_entry *entry;
    struct evidence evidence;
};

static struct evidence evidence_of(const struct cache_entry *entry, struct name name, uint16_t type)
{
    return (struct evidence){.name = name,
                             .type = type,
                             .rcode =
                                 entry->kind == CACHE_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR,
                             .answer = entry->answer,
                             .answer_count = entry->answer_count,
                             .authority = entry->authority,
                             .authority_count = entry->authority_count};
}

/* --- what to judge next --- */

static bool is_dnskey_to_try(const struct proof *proof)
{
    return !proof->is_tried && proof->entry != NULL && proof->entry->kind == CACHE_POSITIVE &&
           proof->entry->type == TYPE_DNSKEY;
}

static struct proof *proof_to_try(struct query *query)
{
    struct proof *highest = NULL;
    for (size_t i = 0; i < query->proof_count; i++) {
        struct proof *proof = &query->proofs[i];
        if (is_dnskey_to_try(proof) &&
            (highest == NULL ||
             proof->evidence.name.label_count < highest->evidence.name.label_count)) {
            highest = proof;
        }
    }
    return highest;
}

static bool target_next(struct query *query, struct target *target)
{
    struct proof *proof = proof_to_try(query);
    if (proof != NULL) {
        *target =
            (struct target){.proof = proof, .entry = proof->entry, .evidence = proof->evidence};
        return true;
    }
    for (size_t i = 0; i < query->link_count; i++) {
        struct link *link = &query->links[i];
        if (link->verdict == VERDICT_COUNT) {
            /* An alias is judged by its own name and type, whatever led to it. */
            bool is_data = link->entry->kind == CACHE_POSITIVE;
            struct name name = is_data ? link->entry->name : link->name;
            uint16_t type = is_data ? link->entry->type : query->client.question.type;
            *target = (struct target){.link = link,
                                      .entry = link->entry,
                                      .evidence = evidence_of(link->entry, name, type)};
            return true;
        }
    }
    return false;
}

/* --- anchors --- */

/* Is the zone one from which that target's chain may start? A DS is in the zone above its name. */
static bool is_above(struct name zone, const struct evidence *evidence)
{
    return evidence->type == TYPE_DS ? name_is_below(evidence->name, zone)
                                     : name_is_at_or_below(evidence->name, zone);
}

static bool has_anchor(const struct resolver *resolver, const struct evidence *evidence)
{
    for (size_t i = 0; i < resolver->options.anchor_count; i++) {
        if (is_above(resolver->options.anchors[i].zone, evidence)) {
            return true;
        }
    }
    return false;
}

/* The deepest DNSKEY RRset above the target that is known to be secure. */
static const struct cache_entry *
secure_keys_find(struct resolver *resolver, const struct query *query, const struct target *target)
{
    int64_t now_ns = resolver->now.mono_ns;
    const struct cache_entry *deepest = NULL;
    for (size_t i = 0; i < query->proof_count; i++) {
        const struct cache_entry *entry = query->proofs[i].entry;
        if (entry != NULL && entry != target->entry && entry->type == TYPE_DNSKEY &&
            cache_entry_verdict(entry, now_ns) == VERDICT_SECURE &&
            is_above(entry->name, &target->evidence) &&
            (deepest == NULL || entry->name.label_count > deepest->name.label_count)) {
            deepest = entry;
        }
    }
    uint8_t labels = target->evidence.name.label_count;
    uint8_t labels_least = deepest == NULL ? 0 : (uint8_t)(deepest->name.label_count + 1);
    for (int i = labels; i >= labels_least; i--) {
        struct name zone = name_ancestor(target->evidence.name, (uint8_t)i);
        const struct cache_entry *entry = cache_find(resolver->cache, zone, TYPE_DNSKEY, now_ns);
        if (entry != NULL && entry != target->entry && entry->kind == CACHE_POSITIVE &&
            cache_entry_verdict(entry, now_ns) == VERDICT_SECURE &&
            is_above(entry->name, &target->evidence)) {
            return entry;
        }
    }
    return deepest;
}

/* The configured anchors and the derived ones, in scratch. */
static size_t anchors_take(struct resolver *resolver, const struct query *query,
                           const struct target *target, const struct trust_anchor **anchors)
{
    const struct cache_entry *keys = secure_keys_find(resolver, query, target);
    size_t count = resolver->options.anchor_count;
    *anchors = resolver->options.anchors;
    if (keys == NULL) {
        return count;
    }
    struct trust_anchor *all =
        arena_take_array(&resolver->outbox->scratch, count + DERIVED_ANCHORS_MAX, sizeof *all);
    if (all == NULL) {
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = resolver->options.anchors[i];
    }
    struct rrset_cursor cursor = rrset_first(&keys->answer[0]);
    for (struct span rdata; count < resolver->options.anchor_count + DERIVED_ANCHORS_MAX &&
                            rrset_next(&cursor, &rdata);) {
        all[count++] = (struct trust_anchor){keys->name, TYPE_DNSKEY, rdata};
    }
    *anchors = all;
    return count;
}

/* --- verdicts --- */

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* A DNSKEY RRset is an anchor only as long as all that led to it: when the parent's DS has run out,
 * it must be seen again. */
static int64_t proof_until(const struct resolver *resolver, const struct query *query,
                           const struct cache_entry *entry)
{
    int64_t until_ns = entry->expires_ns;
    for (size_t i = 0; i < query->proof_count; i++) {
        const struct cache_entry *other = query->proofs[i].entry;
        if (other != NULL && name_is_at_or_below(entry->name, other->name)) {
            until_ns = earlier(until_ns, other->expires_ns);
        }
    }
    /* Data that may not be kept is still good for the query that fetched it. */
    int64_t now_ns = resolver->now.mono_ns;
    return until_ns > now_ns ? until_ns : now_ns + 1;
}

/* Neither the false data nor what made it look false stays long: the next try asks anew. */
static void bogus_expire(struct resolver *resolver, struct query *query, struct cache_entry *entry)
{
    int64_t limit_ns = resolver->now.mono_ns + (int64_t)RESOLVER_BOGUS_TTL_MAX_S * MOMENT_NS_PER_S;
    entry->expires_ns = earlier(entry->expires_ns, limit_ns);
    for (size_t i = 0; i < query->proof_count; i++) {
        struct cache_entry *other = query->proofs[i].entry;
        if (other != NULL && cache_entry_verdict(other, resolver->now.mono_ns) != VERDICT_SECURE) {
            other->expires_ns = earlier(other->expires_ns, limit_ns);
        }
    }
}

static int64_t until_of(struct resolver *resolver, struct query *query, const struct target *target,
                        enum verdict verdict)
{
    int64_t now_ns = resolver->now.mono_ns;
    switch (verdict) {
    case VERDICT_SECURE:
        return target->proof != NULL ? proof_until(resolver, query, target->entry)
                                     : target->entry->expires_ns;
    case VERDICT_INSECURE:
        return target->entry->expires_ns;
    case VERDICT_BOGUS:
        bogus_expire(resolver, query, target->entry);
        return target->entry->expires_ns;
    case VERDICT_INDETERMINATE:
        return now_ns + (int64_t)INDETERMINATE_TTL_S * MOMENT_NS_PER_S;
    case VERDICT_COUNT:
        break;
    }
    require(false);
    return now_ns;
}

/* Worse verdicts win: one bogus link spoils the answer, one insecure one its AD. */
static void link_judge(struct query *query, struct link *link, const struct judgement *judgement)
{
    link->verdict = judgement->verdict;
    if (judgement->verdict == VERDICT_SECURE) {
        return;
    }
    query->judgement = *judgement;
    query->is_failed = judgement->verdict != VERDICT_INSECURE;
}

static void target_judge(struct resolver *resolver, struct query *query,
                         const struct target *target, const struct evidence *judged,
                         const struct judgement *judgement)
{
    struct cache_entry *entry = target->entry;
    bool is_proof = target->proof != NULL;
    if (judgement->verdict == VERDICT_SECURE && judged->life_s != 0) {
        int64_t life_ns = (int64_t)judged->life_s * MOMENT_NS_PER_S;
        entry->expires_ns = earlier(entry->expires_ns, resolver->now.mono_ns + life_ns);
    }
    if (is_proof) {
        target->proof->is_tried = true;
        /* What else it may be, the link below it will be told with the right reason. */
        if (judgement->verdict == VERDICT_SECURE) {
            cache_entry_judge(entry, judgement,
                              until_of(resolver, query, target, judgement->verdict));
        }
        return;
    }
    cache_entry_judge(entry, judgement, until_of(resolver, query, target, judgement->verdict));
    link_judge(query, target->link, judgement);
}

/* --- evidence --- */

static void proof_add(struct query *query, struct cache_entry *entry)
{
    struct proof *proof = &query->proofs[query->proof_count++];
    *proof = (struct proof){0};
    bool is_failed = entry == NULL || entry->kind == CACHE_FAILURE;
    if (is_failed) {
        proof->evidence = (struct evidence){.is_failed = true};
    } else {
        proof->evidence = evidence_of(entry, query->needed_name, query->needed_type);
        proof->entry = cache_entry_hold(entry);
    }
    proof->evidence.name = query->needed_name;
    proof->evidence.type = query->needed_type;
    query->needed_type = 0;
}

static bool proof_has(const struct query *query, struct name name, uint16_t type)
{
    for (size_t i = 0; i < query->proof_count; i++) {
        if (query->proofs[i].evidence.type == type &&
            name_equal(query->proofs[i].evidence.name, name)) {
            return true;
        }
    }
    return false;
}

enum need { NEED_MET, NEED_AWAITED, NEED_HOPELESS };

static enum need need(struct resolver *resolver, struct query *query,
                      const struct chain_result *result)
{
    if (query->proof_count == RESOLVER_EVIDENCE_MAX ||
        proof_has(query, result->next_name, result->next_type) ||
        name_copy(&query->task, result->next_name, &query->needed_name) != OK) {
        return NEED_HOPELESS;
    }
    query->needed_type = result->next_type;
    int64_t now_ns = resolver->now.mono_ns;
    struct name name = query->needed_name;
    struct cache_entry *entry = cache_find(resolver->cache, name, query->needed_type, now_ns);
    if (entry == NULL) {
        entry = cache_find(resolver->cache, name, TYPE_CNAME, now_ns);
        entry = entry != NULL && entry->kind == CACHE_POSITIVE ? entry : NULL;
    }
    if (entry == NULL) {
        entry = cache_find_failure(resolver->cache, name, query->needed_type, now_ns);
    }
    if (entry != NULL) {
        proof_add(query, entry);
        return NEED_MET;
    }
    struct fetch *fetch = fetch_start(resolver, name, query->needed_type, query->account, 0);
    if (fetch == NULL) {
        proof_add(query, NULL);
        return NEED_MET;
    }
    query->has_fetched = true;
    fetch_join_query(fetch, query);
    return NEED_AWAITED;
}

/* --- the walk --- */

static bool begin(struct query *query)
{
    if (query->proofs == NULL) {
        query->proofs =
            arena_take_array(&query->task, RESOLVER_EVIDENCE_MAX, sizeof *query->proofs);
        query->budget = (struct chain_budget){.signatures_left = CHAIN_SIGNATURE_CHECKS_MAX,
                                              .denial.hashes_left = CHAIN_HASHES_MAX};
    }
    return query->proofs != NULL;
}

static void give_up(struct query *query, enum ede ede, const char *reason)
{
    judgement_set(&query->judgement, ede, "%s", reason);
    query->is_failed = true;
}

/* One run of the judge over the target and all that is known. */
static bool judge(struct resolver *resolver, struct query *query, const struct target *target,
                  struct evidence *judged, struct chain_result *result)
{
    struct arena *scratch = &resolver->outbox->scratch;
    struct evidence *evidence = arena_take_array(scratch, query->proof_count + 1, sizeof *evidence);
    if (evidence == NULL) {
        return false;
    }
    evidence[0] = target->evidence;
    size_t count = 1;
    for (size_t i = 0; i < query->proof_count; i++) {
        if (&query->proofs[i] != target->proof) {
            evidence[count++] = query->proofs[i].evidence;
        }
    }
    struct chain_input input = {.evidence = evidence,
                                .evidence_count = count,
                                .now_s = moment_wall_s(resolver->now),
                                .keys = resolver->keys,
                                .scratch = scratch};
    input.anchor_count = anchors_take(resolver, query, target, &input.anchors);
    chain_judge(&input, &query->budget, result);
    *judged = evidence[0];
    return true;
}

/* What needs no judge: verdicts known from the cache, and names that no anchor is above of. */
static bool is_known(struct resolver *resolver, struct query *query, const struct target *target)
{
    int64_t now_ns = resolver->now.mono_ns;
    enum verdict known = cache_entry_verdict(target->entry, now_ns);
    if (target->proof != NULL) {
        target->proof->is_tried = known == VERDICT_SECURE;
        return target->proof->is_tried;
    }
    if (known == VERDICT_COUNT) {
        if (has_anchor(resolver, &target->evidence)) {
            return false;
        }
        struct judgement judgement = {.verdict = VERDICT_INSECURE, .ede = EDE_NONE};
        target_judge(resolver, query, target, &target->evidence, &judgement);
        return true;
    }
    struct judgement secure = {.verdict = VERDICT_SECURE, .ede = EDE_NONE};
    link_judge(query, target->link, known == VERDICT_SECURE ? &secure : target->entry->judgement);
    return true;
}

enum query_step validate_walk(struct resolver *resolver, struct query *query)
{
    if (!begin(query)) {
        give_up(query, EDE_OTHER, "out of memory");
        return QUERY_ANSWER;
    }
    if (query->needed_type != 0) {
        proof_add(query, query->fetched);
        cache_entry_release(query->fetched);
        query->fetched = NULL;
    }
    struct target target;
    while (!query->is_failed && target_next(query, &target)) {
        if (is_known(resolver, query, &target)) {
            continue;
        }
        struct evidence judged;
        struct chain_result result = {0};
        if (!judge(resolver, query, &target, &judged, &result)) {
            give_up(query, EDE_OTHER, "out of memory");
        } else if (result.is_final) {
            target_judge(resolver, query, &target, &judged, &result.judgement);
        } else {
            enum need need_result = need(resolver, query, &result);
            if (need_result == NEED_AWAITED) {
                return QUERY_AWAIT_EVIDENCE;
            }
            if (need_result == NEED_HOPELESS && target.proof != NULL) {
                target.proof->is_tried = true; /* the link below will say why */
            } else if (need_result == NEED_HOPELESS) {
                give_up(query, EDE_INDETERMINATE, "the chain of trust needs too much evidence");
            }
        }
    }
    return QUERY_ANSWER;
}
