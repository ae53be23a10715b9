/* Which evidence is there, which is missing, and how long a verdict holds. The rules of validation
 * are in core/dnssec/chain; here is where its evidence comes from and where its steps are kept, so
 * that each level of the tree costs its signatures once and not for every name below it. */
#include "service/resolver/validate.h"

#include "service/resolver/fetch.h"
#include "service/resolver/nta.h"
#include "service/resolver/retry.h"
#include "service/resolver/synthesis.h"

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static void give_up(struct query *query, enum ede ede, const char *reason)
{
    judgement_set(&query->judgement, ede, "%s", reason);
    query->is_failed = true;
}

/* --- evidence --- */

static struct evidence evidence_of(const struct resolver *resolver, const struct cache_entry *entry,
                                   struct name name, uint16_t type)
{
    bool has_step = entry->step_until_ns > resolver->now.mono_ns;
    return (struct evidence){.name = name,
                             .type = type,
                             .rcode =
                                 entry->kind == CACHE_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR,
                             .answer = entry->answer,
                             .answer_count = entry->answer_count,
                             .authority = entry->authority,
                             .authority_count = entry->authority_count,
                             .step = has_step ? (enum evidence_step)entry->step : EVIDENCE_NEW};
}

/* An alias is judged by its own name and type, whatever led to it. */
static struct evidence evidence_of_link(const struct resolver *resolver, const struct query *query,
                                        const struct link *link)
{
    bool is_data = link->entry->kind == CACHE_POSITIVE;
    struct name name = is_data ? link->entry->name : link->name;
    uint16_t type = is_data ? link->entry->type : query->client.question.type;
    return evidence_of(resolver, link->entry, name, type);
}

/* What was needed has come: an entry, or NULL or a failure where nobody could be asked. */
static void evidence_add(const struct resolver *resolver, struct query *query,
                         struct cache_entry *entry)
{
    bool is_failed = entry == NULL || entry->kind == CACHE_FAILURE;
    size_t at = query->evidence_count++;
    query->evidence[at] =
        is_failed ? (struct evidence){.name = query->needed_name,
                                      .type = query->needed_type,
                                      .is_failed = true}
                  : evidence_of(resolver, entry, query->needed_name, query->needed_type);
    query->evidence_entries[at] = is_failed ? NULL : cache_entry_hold(entry);
    query->evidence_origins[at] = query->fetched != NULL && entry == query->fetched
                                      ? query->fetched_origin
                                      : (struct origin){0};
    query->needed_type = 0;
}

static bool evidence_has(const struct query *query, struct name name, uint16_t type)
{
    for (size_t i = 1; i < query->evidence_count; i++) {
        if (query->evidence[i].type == type && name_equal(query->evidence[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* What the cache has in answer to a DS or DNSKEY question, an alias or a failure among it. */
static struct cache_entry *evidence_find(struct resolver *resolver, struct name name, uint16_t type)
{
    int64_t now_ns = resolver->now.mono_ns;
    struct cache_entry *entry = cache_find(resolver->cache, name, type, now_ns);
    if (entry == NULL) {
        entry = cache_find(resolver->cache, name, TYPE_CNAME, now_ns);
        entry = entry != NULL && entry->kind == CACHE_POSITIVE ? entry : NULL;
    }
    return entry != NULL ? entry : cache_find_failure(resolver->cache, name, type, now_ns);
}

enum need { NEED_MET, NEED_AWAITED, NEED_HOPELESS };

static enum need need_meet(struct resolver *resolver, struct query *query,
                           const struct chain_result *result)
{
    if (query->evidence_count > RESOLVER_EVIDENCE_MAX ||
        evidence_has(query, result->next_name, result->next_type) ||
        name_copy(&query->task, result->next_name, &query->needed_name) != OK) {
        return NEED_HOPELESS;
    }
    query->needed_type = result->next_type;
    struct cache_entry *entry = evidence_find(resolver, query->needed_name, query->needed_type);
    struct fetch *fetch = NULL;
    if (entry == NULL) {
        fetch = fetch_start(resolver, query->needed_name, query->needed_type, query->account, 0);
    }
    if (fetch == NULL) {
        evidence_add(resolver, query, entry);
        return NEED_MET;
    }
    retry_avoid(resolver, query, fetch);
    query->has_fetched = true;
    fetch_join_query(fetch, query);
    return NEED_AWAITED;
}

/* A step holds only as long as all that led to it: when the parent's DS has run out, the keys that
 * it pointed at are looked at again. */
static void steps_keep(struct resolver *resolver, struct query *query)
{
    int64_t now_ns = resolver->now.mono_ns;
    for (size_t i = 1; i < query->evidence_count; i++) {
        const struct evidence *evidence = &query->evidence[i];
        struct cache_entry *entry = query->evidence_entries[i];
        if (entry == NULL || evidence->step == EVIDENCE_NEW || entry->step_until_ns > now_ns) {
            continue;
        }
        int64_t life_ns = (int64_t)evidence->life_s * MOMENT_NS_PER_S;
        int64_t until_ns = earlier(entry->expires_ns, now_ns + life_ns);
        for (size_t j = 1; j < query->evidence_count; j++) {
            const struct cache_entry *above = query->evidence_entries[j];
            if (above != NULL && name_is_at_or_below(evidence->name, query->evidence[j].name)) {
                until_ns = earlier(until_ns, above->expires_ns);
            }
        }
        entry->step = (uint8_t)evidence->step;
        entry->step_until_ns = until_ns;
    }
}

/* --- verdicts --- */

/* Neither the false data nor what made it look false stays long: the next try asks anew. */
static void bogus_expire(struct resolver *resolver, struct query *query, struct cache_entry *entry)
{
    int64_t limit_ns = resolver->now.mono_ns + (int64_t)RESOLVER_BOGUS_TTL_MAX_S * MOMENT_NS_PER_S;
    entry->expires_ns = earlier(entry->expires_ns, limit_ns);
    for (size_t i = 1; i < query->evidence_count; i++) {
        struct cache_entry *other = query->evidence_entries[i];
        if (other != NULL && query->evidence[i].step == EVIDENCE_NEW) {
            other->expires_ns = earlier(other->expires_ns, limit_ns);
        }
    }
}

/* How long the entry keeps its verdict; cuts short the entry's own life where it must be. */
static int64_t verdict_until(struct resolver *resolver, struct query *query,
                             struct cache_entry *entry, enum verdict verdict)
{
    int64_t now_ns = resolver->now.mono_ns;
    uint32_t life_s = query->evidence[0].life_s;
    switch (verdict) {
    case VERDICT_SECURE:
        entry->expires_ns = earlier(entry->expires_ns, now_ns + (int64_t)life_s * MOMENT_NS_PER_S);
        return entry->expires_ns;
    case VERDICT_INSECURE:
        return entry->expires_ns;
    case VERDICT_BOGUS:
        bogus_expire(resolver, query, entry);
        return entry->expires_ns;
    case VERDICT_INDETERMINATE:
        return now_ns + (int64_t)RESOLVER_FAILURE_TTL_S * MOMENT_NS_PER_S;
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
    if (judgement->verdict != VERDICT_SECURE) {
        query->judgement = *judgement;
        query->is_failed = judgement->verdict != VERDICT_INSECURE;
    }
}

/* No anchor above the name: nobody ever promised that it is secure (RFC 4033 §5). */
static bool has_anchor(const struct resolver *resolver, const struct evidence *evidence)
{
    for (size_t i = 0; i < resolver->anchor_count; i++) {
        if (trust_covers(resolver->anchors[i].zone, evidence->name, evidence->type)) {
            return true;
        }
    }
    return false;
}

/* What needs no chain: names that the operator overlooks, whatever the cache knows of them;
 * verdicts known from the cache; names without an anchor. */
static bool is_known(struct resolver *resolver, struct query *query, struct link *link)
{
    const struct evidence *data = &query->evidence[0];
    const struct nta *nta =
        query_looks_only(query) ? NULL : nta_find(resolver, data->name, data->type);
    struct judgement judgement = {.verdict = VERDICT_SECURE, .ede = EDE_NONE};
    if (nta != NULL) {
        nta_judge(nta, &judgement);
        link_judge(query, link, &judgement);
        return true;
    }
    enum verdict known = cache_entry_verdict(link->entry, resolver->now.mono_ns);
    if (known != VERDICT_COUNT) {
        link_judge(query, link, known == VERDICT_SECURE ? &judgement : link->entry->judgement);
        return true;
    }
    if (has_anchor(resolver, &query->evidence[0])) {
        return false;
    }
    judgement.verdict = VERDICT_INSECURE;
    link_judge(query, link, &judgement);
    return true;
}

/* --- the walk --- */

static bool begin(struct query *query)
{
    if (query->evidence == NULL) {
        size_t count = RESOLVER_EVIDENCE_MAX + 2;
        query->evidence = arena_take_array(&query->task, count, sizeof *query->evidence);
        query->evidence_entries =
            arena_take_array(&query->task, count, sizeof *query->evidence_entries);
        query->evidence_origins =
            arena_take_array(&query->task, count, sizeof *query->evidence_origins);
        query->evidence_count = 1;
        query->budget = (struct chain_budget){.signatures_left = CHAIN_SIGNATURE_CHECKS_MAX,
                                              .denial.hashes_left = CHAIN_HASHES_MAX};
    }
    return query->evidence != NULL && query->evidence_entries != NULL &&
           query->evidence_origins != NULL;
}

static struct link *link_next(struct query *query)
{
    for (size_t i = 0; i < query->link_count; i++) {
        if (query->links[i].verdict == VERDICT_COUNT) {
            return &query->links[i];
        }
    }
    return NULL;
}

static void chain_run(struct resolver *resolver, struct query *query, struct chain_result *result)
{
    struct chain_input input = {.anchors = resolver->anchors,
                                .anchor_count = resolver->anchor_count,
                                .evidence = query->evidence,
                                .evidence_count = query->evidence_count,
                                .now_s = moment_wall_s(resolver->now),
                                .refuses_sha1 = !resolver->options.accepts_sha1,
                                .wants_all_algorithms = resolver->options.wants_all_algorithms,
                                .keys = resolver->keys,
                                .scratch = &resolver->outbox->scratch};
    *result = (struct chain_result){0};
    chain_judge(&input, &query->budget, result);
    steps_keep(resolver, query);
}

static enum query_step links_judge(struct resolver *resolver, struct query *query)
{
    for (struct link *link; !query->is_failed && (link = link_next(query)) != NULL;) {
        query->evidence[0] = evidence_of_link(resolver, query, link);
        if (is_known(resolver, query, link)) {
            continue;
        }
        struct chain_result result;
        chain_run(resolver, query, &result);
        bool is_bogus = result.is_final && result.judgement.verdict == VERDICT_BOGUS;
        if (is_bogus && retry_begin(resolver, query, link, &result.judgement)) {
            return QUERY_LOOK_UP;
        }
        if (result.is_final) {
            int64_t until_ns =
                verdict_until(resolver, query, link->entry, result.judgement.verdict);
            cache_entry_judge(link->entry, &result.judgement, until_ns);
            synthesis_learn(resolver, link->entry, &result);
            link_judge(query, link, &result.judgement);
            continue;
        }
        enum need need = need_meet(resolver, query, &result);
        if (need == NEED_AWAITED) {
            return QUERY_AWAIT_EVIDENCE;
        }
        if (need == NEED_HOPELESS) {
            give_up(query, EDE_INDETERMINATE, "the chain of trust needs too much evidence");
        }
    }
    return QUERY_ANSWER;
}

enum query_step validate_walk(struct resolver *resolver, struct query *query)
{
    if (!begin(query)) {
        give_up(query, EDE_OTHER, "out of memory");
        return QUERY_ANSWER;
    }
    if (query->needed_type != 0) {
        evidence_add(resolver, query, query->fetched);
        cache_entry_release(query->fetched);
        query->fetched = NULL;
    }
    return links_judge(resolver, query);
}
