/* Which data were at fault when a chain is bogus, where they came from, and whom not to ask again.
 */
#include "service/resolver/retry.h"

static uint64_t question_hash(const struct resolver *resolver, struct name name, uint16_t type)
{
    return name_hash(name, resolver->seed) ^ type;
}

/* False where nothing can be gained: it came from the cache, or nobody else is there to ask. */
static bool suspect_add(struct resolver *resolver, struct query *query, struct cache_entry *entry,
                        const struct origin *origin, uint64_t question)
{
    if (entry == NULL || origin->server.family == ADDRESS_NONE || !origin->has_others ||
        query->avoided_count == RESOLVER_RETRIES_MAX) {
        return false;
    }
    query->avoided[query->avoided_count++] = (struct avoided){question, origin->server};
    entry->expires_ns = resolver->now.mono_ns;
    return true;
}

static void query_rewind(struct query *query)
{
    for (size_t i = 0; i < query->link_count; i++) {
        cache_entry_release(query->links[i].entry);
    }
    for (size_t i = 1; i < query->evidence_count; i++) {
        cache_entry_release(query->evidence_entries[i]);
    }
    query->link_count = 0;
    query->evidence_count = 1;
    query->needed_type = 0;
    query->name = query->client.question.name;
    query->rcode = RCODE_NOERROR;
    query->is_failed = false;
    query->judgement = (struct judgement){.verdict = VERDICT_SECURE, .ede = EDE_NONE};
}

bool retry_begin(struct resolver *resolver, struct query *query, const struct link *link,
                 const struct judgement *bogus)
{
    uint16_t type = query->client.question.type;
    int64_t until_ns = link->entry->expires_ns;
    bool has_suspect = false;
    for (size_t i = 1; i < query->evidence_count; i++) {
        const struct evidence *evidence = &query->evidence[i];
        if (evidence->step == EVIDENCE_NEW && !evidence->is_failed) {
            uint64_t question = question_hash(resolver, evidence->name, evidence->type);
            has_suspect = suspect_add(resolver, query, query->evidence_entries[i],
                                      &query->evidence_origins[i], question) ||
                          has_suspect;
        }
    }
    /* Where keys or a DS could not be believed, the data may be as good as any: a server that has
     * them right must not be passed over for that. */
    has_suspect = has_suspect || suspect_add(resolver, query, link->entry, &link->origin,
                                             question_hash(resolver, link->name, type));
    struct judgement *kept = has_suspect ? arena_take(&query->task, sizeof *kept) : NULL;
    if (kept == NULL) {
        return false;
    }
    *kept = *bogus;
    query->bogus = kept;
    cache_entry_release(query->bogus_entry);
    query->bogus_entry = cache_entry_hold(link->entry);
    int64_t limit_ns = resolver->now.mono_ns + (int64_t)RESOLVER_BOGUS_TTL_MAX_S * MOMENT_NS_PER_S;
    query->bogus_until_ns = until_ns < limit_ns ? until_ns : limit_ns;
    query_rewind(query);
    return true;
}

bool retry_give_up(struct resolver *resolver, struct query *query)
{
    if (query->bogus == NULL) {
        return false;
    }
    int64_t now_ns = resolver->now.mono_ns;
    struct cache_entry *entry = query->bogus_entry;
    if (query->bogus_until_ns > now_ns) {
        entry->expires_ns = query->bogus_until_ns;
        cache_entry_judge(entry, query->bogus, query->bogus_until_ns);
        cache_put(resolver->cache, entry, now_ns);
    }
    query->judgement = *query->bogus;
    query->is_failed = true;
    return true;
}

void retry_avoid(const struct resolver *resolver, const struct query *query, struct fetch *fetch)
{
    uint64_t question = question_hash(resolver, fetch->name, fetch->type);
    for (size_t i = 0; i < query->avoided_count; i++) {
        if (query->avoided[i].question == question && fetch->avoided_count < LEN(fetch->avoided)) {
            fetch->avoided[fetch->avoided_count++] = query->avoided[i].server;
        }
    }
}
