/* When an entry may be used after its time, and how long for. */
#include "service/resolver/stale.h"

#include "core/dns/rdata.h"
#include "service/resolver/nta.h"

static const int64_t FOREVER_NS = INT64_MAX;

static bool is_fresh(const struct resolver *resolver, const struct cache_entry *entry)
{
    return entry->expires_ns > resolver->now.mono_ns && entry->stale_from_ns == 0;
}

static bool is_usable(const struct resolver *resolver, const struct cache_entry *entry)
{
    const struct resolver_options *options = &resolver->options;
    enum verdict verdict = cache_entry_last_verdict(entry);
    if (options->is_validating && verdict != VERDICT_SECURE && verdict != VERDICT_INSECURE) {
        return false;
    }
    int64_t from_ns = entry->stale_from_ns != 0 ? entry->stale_from_ns : entry->expires_ns;
    int64_t limit_ns = options->stale_ttl_max_s == 0
                           ? FOREVER_NS
                           : from_ns + (int64_t)options->stale_ttl_max_s * MOMENT_NS_PER_S;
    return is_fresh(resolver, entry) || limit_ns > resolver->now.mono_ns;
}

static struct cache_entry *usable_find(struct resolver *resolver, struct name name, uint16_t type)
{
    struct cache_entry *entry = cache_find_stale(resolver->cache, name, type);
    return entry != NULL && is_usable(resolver, entry) ? entry : NULL;
}

static bool is_positive(const struct cache_entry *entry)
{
    return entry != NULL && entry->kind == CACHE_POSITIVE;
}

/* The data, the denial, or the alias in its place. Aliases by DNAME are not followed here. */
static struct cache_entry *answer_find(struct resolver *resolver, struct name name, uint16_t type)
{
    struct cache_entry *entry = usable_find(resolver, name, type);
    if (entry == NULL && type != TYPE_DS) {
        entry = usable_find(resolver, name, 0);
    }
    if (entry == NULL && type != TYPE_DS && type != TYPE_CNAME) {
        entry = usable_find(resolver, name, TYPE_CNAME);
        entry = is_positive(entry) ? entry : NULL;
    }
    return entry;
}

void stale_note(struct resolver *resolver, struct query *query)
{
    if (!resolver->options.serves_stale) {
        return;
    }
    struct cache_entry *entry = answer_find(resolver, query->name, query->client.question.type);
    if (entry != NULL) {
        cache_entry_release(query->stale);
        query->stale = cache_entry_hold(entry);
    }
}

static struct cache_entry *link_find(struct resolver *resolver, const struct query *query,
                                     struct name name)
{
    struct cache_entry *entry = answer_find(resolver, name, query->client.question.type);
    bool is_noted = entry == NULL && query->stale != NULL && name_equal(query->stale->name, name) &&
                    is_usable(resolver, query->stale);
    return is_noted ? query->stale : entry;
}

static enum verdict link_verdict(const struct resolver *resolver, const struct query *query,
                                 const struct link *link)
{
    enum verdict verdict = cache_entry_last_verdict(link->entry);
    uint16_t type =
        link->entry->kind == CACHE_POSITIVE ? link->entry->type : query->client.question.type;
    return verdict == VERDICT_SECURE && nta_find(resolver, link->name, type) != NULL
               ? VERDICT_INSECURE
               : verdict;
}

/* The links from the question to its end; 0 where one is missing. */
static size_t links_find(struct resolver *resolver, const struct query *query,
                         struct link links[RESOLVER_CHAIN_LINKS_MAX])
{
    struct name name = query->client.question.name;
    for (size_t i = 0; i < RESOLVER_CHAIN_LINKS_MAX; i++) {
        struct link *link = &links[i];
        *link = (struct link){.name = name, .entry = link_find(resolver, query, name)};
        if (link->entry == NULL) {
            return 0;
        }
        link->verdict = link_verdict(resolver, query, link);
        if (!is_positive(link->entry) || link->entry->type != TYPE_CNAME ||
            query->client.question.type == TYPE_CNAME) {
            return i + 1;
        }
        if (!rdata_target(TYPE_CNAME, rrset_only(&link->entry->answer[0]), &name)) {
            return 0;
        }
        link->target = name;
    }
    return 0;
}

static void entry_revive(struct resolver *resolver, struct cache_entry *entry)
{
    if (is_fresh(resolver, entry)) {
        return;
    }
    int64_t life_ns = (int64_t)resolver->options.stale_reply_ttl_s * MOMENT_NS_PER_S;
    cache_entry_revive(entry, resolver->now.mono_ns + life_ns);
    cache_put(resolver->cache, entry, resolver->now.mono_ns);
}

bool stale_answer(struct resolver *resolver, struct query *query)
{
    struct link links[RESOLVER_CHAIN_LINKS_MAX];
    size_t count = resolver->options.serves_stale && query->purpose == QUERY_FOR_CLIENT
                       ? links_find(resolver, query, links)
                       : 0;
    if (count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        cache_entry_hold(links[i].entry);
    }
    for (size_t i = 0; i < query->link_count; i++) {
        cache_entry_release(query->links[i].entry);
    }
    query->link_count = count;
    query->is_failed = false;
    query->judgement = (struct judgement){.verdict = VERDICT_SECURE, .ede = EDE_NONE};
    query->rcode = links[count - 1].entry->kind == CACHE_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
    for (size_t i = 0; i < count; i++) {
        query->links[i] = links[i];
        entry_revive(resolver, links[i].entry);
        if (links[i].verdict == VERDICT_INSECURE) {
            query->judgement.verdict = VERDICT_INSECURE;
        }
    }
    resolver->stats.stale++;
    return true;
}

bool stale_remark(const struct query *query, struct judgement *remark)
{
    for (size_t i = 0; i < query->link_count; i++) {
        const struct cache_entry *entry = query->links[i].entry;
        if (entry->stale_from_ns != 0) {
            bool is_denied = query->rcode == RCODE_NXDOMAIN;
            judgement_set(remark, is_denied ? EDE_STALE_NXDOMAIN : EDE_STALE,
                          "its time is over, but no server has said anything better");
            return true;
        }
    }
    return false;
}
