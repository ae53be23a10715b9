/* The steps of a client's query: what the cache knows, what must be fetched, where an alias leads.
 */
#include "service/resolver/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/dns/rdata.h"
#include "service/resolver/fetch.h"
#include "service/resolver/nta.h"
#include "service/resolver/reply.h"
#include "service/resolver/report.h"
#include "service/resolver/retry.h"
#include "service/resolver/roll.h"
#include "service/resolver/stale.h"
#include "service/resolver/synthesis.h"
#include "service/resolver/trust_signal.h"
#include "service/resolver/validate.h"

/* --- QUERY_LOOK_UP, QUERY_AWAIT_FETCH --- */

static enum query_step fail(struct query *query, enum ede ede, const char *reason)
{
    judgement_set(&query->judgement, ede, "%s", reason);
    query->is_failed = true;
    return QUERY_ANSWER;
}

static enum query_step fail_as(struct resolver *resolver, struct query *query,
                               const struct cache_entry *failure)
{
    query->is_failed = true;
    if (retry_give_up(resolver, query)) {
        return QUERY_ANSWER;
    }
    if (failure == NULL || failure->judgement == NULL) {
        return fail(query, EDE_OTHER, "out of memory");
    }
    query->judgement = *failure->judgement;
    return QUERY_ANSWER;
}

static struct cache_entry *positive_or_null(struct cache_entry *entry)
{
    return entry != NULL && entry->kind == CACHE_POSITIVE ? entry : NULL;
}

/* The answer, an alias in its place, or a DNAME above it. */
static struct cache_entry *entry_find(struct resolver *resolver, struct name name, uint16_t type)
{
    int64_t now_ns = resolver->now.mono_ns;
    struct cache_entry *entry = cache_find(resolver->cache, name, type, now_ns);
    if (entry == NULL && type != TYPE_CNAME && type != TYPE_DS) {
        entry = positive_or_null(cache_find(resolver->cache, name, TYPE_CNAME, now_ns));
    }
    for (uint8_t labels = name.label_count; entry == NULL && labels > 1; labels--) {
        struct name above = name_ancestor(name, (uint8_t)(labels - 1));
        entry = positive_or_null(cache_find(resolver->cache, above, TYPE_DNAME, now_ns));
        /* A forged one must not lead every name below astray until it is forgotten. */
        entry = entry != NULL && cache_entry_verdict(entry, now_ns) == VERDICT_BOGUS ? NULL : entry;
    }
    return entry;
}

/* What the cache has for the name that the query has reached, held. */
static struct cache_entry *link_find(struct resolver *resolver, struct query *query)
{
    bool is_asked_anew = query->link_count == 0 &&
                         (query->purpose == QUERY_FOR_CACHE || query->purpose == QUERY_FOR_ROLL ||
                          query->purpose == QUERY_FOR_SERVER);
    struct cache_entry *entry =
        is_asked_anew ? NULL : entry_find(resolver, query->name, query->client.question.type);
    if (entry != NULL) {
        if (resolver->options.prefetches && cache_entry_is_due(entry, resolver->now.mono_ns)) {
            cache_entry_set_renewed(entry);
            query_ask(resolver, query->name, query->client.question.type, QUERY_FOR_CACHE);
        }
        return cache_entry_hold(entry);
    }
    return is_asked_anew ? NULL : synthesis_find(resolver, query);
}

static enum query_step walk_look_up(struct resolver *resolver, struct query *query)
{
    uint16_t type = query->client.question.type;
    struct cache_entry *entry = link_find(resolver, query);
    if (entry != NULL) {
        query->reached = entry;
        query->reached_origin = (struct origin){0};
        return QUERY_FOLLOW;
    }
    entry = cache_find_failure(resolver->cache, query->name, type, resolver->now.mono_ns);
    stale_note(resolver, query);
    if (entry != NULL) {
        return fail_as(resolver, query, entry);
    }
    if (resolver->options.stale_wait_ms == 0 && stale_answer(resolver, query)) {
        query_ask(resolver, query->name, type, QUERY_FOR_CACHE);
        return QUERY_ANSWER;
    }
    const char *full = query_wait(resolver, query);
    if (full != NULL) {
        return fail(query, EDE_OTHER, full);
    }
    struct fetch *fetch = fetch_start(resolver, query->name, type, query->account, 0);
    if (fetch == NULL) {
        return fail(query, EDE_OTHER, "too many questions are waiting already");
    }
    retry_avoid(resolver, query, fetch);
    query->has_fetched = true;
    fetch_join_query(fetch, query);
    return QUERY_AWAIT_FETCH;
}

static enum query_step walk_await_fetch(struct resolver *resolver, struct query *query)
{
    if (query->awaits != NULL) {
        return QUERY_AWAIT_FETCH;
    }
    if (query->fetched == NULL || query->fetched->kind == CACHE_FAILURE) {
        return fail_as(resolver, query, query->fetched);
    }
    query->reached = query->fetched;
    query->reached_origin = query->fetched_origin;
    query->fetched = NULL;
    return QUERY_FOLLOW;
}

/* --- QUERY_FOLLOW --- */

/* Where an alias leads from `name`; false when the entry is the end of the chain. */
static bool is_alias(const struct query *query, const struct cache_entry *entry)
{
    return entry->kind == CACHE_POSITIVE && entry->type != query->client.question.type &&
           (entry->type == TYPE_CNAME || entry->type == TYPE_DNAME);
}

/* A DNAME covers the names below it only; asked for by its own type, a name below is still an
 * alias. */
static bool is_alias_for(const struct query *query, const struct cache_entry *entry)
{
    return is_alias(query, entry) || (entry->kind == CACHE_POSITIVE && entry->type == TYPE_DNAME &&
                                      name_is_below(query->name, entry->name));
}

static enum status target_make(struct query *query, const struct cache_entry *entry,
                               struct name *target)
{
    struct name to;
    if (!rdata_target(entry->type, rrset_only(&entry->answer[0]), &to)) {
        return MALFORMED;
    }
    if (entry->type == TYPE_CNAME) {
        return name_copy(&query->task, to, target);
    }
    /* The labels in front of the DNAME's owner, in front of its target. */
    struct name_buffer prefix_octets;
    struct name_buffer joined_octets;
    struct name joined;
    size_t prefix_len = (size_t)query->name.len - entry->name.len;
    memcpy(prefix_octets.octets, query->name.octets, prefix_len);
    prefix_octets.octets[prefix_len] = 0;
    struct name prefix = {
        .octets = prefix_octets.octets,
        .len = (uint8_t)(prefix_len + 1),
        .label_count = (uint8_t)(query->name.label_count - entry->name.label_count),
    };
    enum status status = name_join(prefix, to, &joined_octets, &joined);
    return status == OK ? name_copy(&query->task, joined, target) : status;
}

static bool has_been_at(const struct query *query, struct name name)
{
    for (size_t i = 0; i < query->link_count; i++) {
        if (name_equal(query->links[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum query_step chain_end(struct resolver *resolver, struct query *query, uint16_t rcode)
{
    query->rcode = rcode;
    bool is_checked = resolver->options.is_validating && (query->client.flags & FLAG_CD) == 0;
    return is_checked ? QUERY_VALIDATE : QUERY_ANSWER;
}

static enum query_step walk_follow(struct resolver *resolver, struct query *query)
{
    struct link *link = &query->links[query->link_count++];
    struct cache_entry *entry = query->reached;
    *link = (struct link){.name = query->name,
                          .entry = entry,
                          .origin = query->reached_origin,
                          .verdict = VERDICT_COUNT};
    query->reached = NULL;
    if (!is_alias_for(query, entry)) {
        return chain_end(resolver, query,
                         entry->kind == CACHE_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR);
    }
    switch (target_make(query, entry, &link->target)) {
    case OK:
        break;
    case TOO_LONG: /* RFC 6672 §2.2: the DNAME itself is the proof */
        link->target = (struct name){0};
        return chain_end(resolver, query, RCODE_YXDOMAIN);
    default:
        return fail(query, EDE_OTHER, "an alias that cannot be followed");
    }
    if (has_been_at(query, link->target)) {
        return fail(query, EDE_OTHER, "the aliases lead in a circle");
    }
    if (query->link_count == RESOLVER_CHAIN_LINKS_MAX) {
        return fail(query, EDE_OTHER, "the chain of aliases is too long");
    }
    query->name = link->target;
    return QUERY_LOOK_UP;
}

/* --- QUERY_VALIDATE, QUERY_AWAIT_EVIDENCE --- */

static enum query_step walk_await_evidence(struct resolver *resolver, struct query *query)
{
    (void)resolver;
    return query->awaits != NULL ? QUERY_AWAIT_EVIDENCE : QUERY_VALIDATE;
}

/* --- QUERY_ANSWER --- */

/* After so long the client has asked again, or it never asked and the answer is aimed at it. */
static bool is_worth_sending(struct resolver *resolver, const struct query *query)
{
    int64_t asked_ns = query->deadline_ns - (int64_t)RESOLVER_QUERY_MS_MAX * MOMENT_NS_PER_MS;
    int64_t late_ns = (int64_t)resolver->options.late_ms * MOMENT_NS_PER_MS;
    return query->client.transport != TRANSPORT_UDP || late_ns == 0 ||
           resolver->now.mono_ns - asked_ns <= late_ns ||
           quota_client_may_be_late(resolver->quota, query->client.peer, resolver->now);
}

/* What came of a question of our own. */
static void hear(struct resolver *resolver, const struct query *query)
{
    switch (query->purpose) {
    case QUERY_FOR_NTA:
        nta_hear(resolver, query);
        break;
    case QUERY_FOR_ROLL:
        roll_hear(resolver, query);
        break;
    case QUERY_FOR_CACHE:
        if (!query->is_failed) {
            reply_open(query);
        }
        break;
    case QUERY_FOR_AGENT:
        resolver->report_count--;
        break;
    case QUERY_FOR_CLIENT:
    case QUERY_FOR_SERVER:
        break;
    }
}

static enum query_step walk_answer(struct resolver *resolver, struct query *query)
{
    if (query->purpose != QUERY_FOR_CLIENT) {
        hear(resolver, query);
        return QUERY_DONE;
    }
    report_failure(resolver, query);
    if (query->is_failed) {
        stale_answer(resolver, query);
    }
    if (!query->is_failed && trust_signal_forbids(resolver, query)) {
        fail(query, EDE_OTHER, "the root key sentinel says no (RFC 8509)");
    }
    if (is_worth_sending(resolver, query)) {
        reply_query(resolver, query);
    } else {
        resolver->stats.late_dropped++;
    }
    struct resolver_stats *stats = &resolver->stats;
    *(query->has_fetched ? &stats->cache_misses : &stats->cache_hits) += 1;
    enum verdict verdict = query->judgement.verdict;
    bool is_judged = query->link_count > 0 && query->links[0].verdict != VERDICT_COUNT;
    if (is_judged) {
        stats->verdicts[query->is_failed              ? verdict
                        : verdict == VERDICT_INSECURE ? VERDICT_INSECURE
                                                      : VERDICT_SECURE]++;
    }
    if (query->is_failed) {
        char name[NAME_TEXT_MAX];
        char type[TYPE_TEXT_MAX];
        log_line(resolver->options.log, LOG_NOTICE, "SERVFAIL for %s %s: %s",
                 name_print(query->client.question.name, name),
                 type_print(query->client.question.type, type), query->judgement.reason);
    }
    return QUERY_DONE;
}

static enum query_step walk_done(struct resolver *resolver, struct query *query)
{
    (void)resolver;
    (void)query;
    return QUERY_DONE;
}

/* --- the table --- */

struct query_row {
    enum query_step (*walk)(struct resolver *resolver, struct query *query);
    uint32_t next; /* a bit for each step that may follow */
};

static const struct query_row ROWS[] = {
    [QUERY_LOOK_UP] = {walk_look_up,
                       1u << QUERY_FOLLOW | 1u << QUERY_AWAIT_FETCH | 1u << QUERY_ANSWER},
    [QUERY_AWAIT_FETCH] = {walk_await_fetch,
                           1u << QUERY_AWAIT_FETCH | 1u << QUERY_FOLLOW | 1u << QUERY_ANSWER},
    [QUERY_FOLLOW] = {walk_follow, 1u << QUERY_LOOK_UP | 1u << QUERY_VALIDATE | 1u << QUERY_ANSWER},
    [QUERY_VALIDATE] = {validate_walk,
                        1u << QUERY_AWAIT_EVIDENCE | 1u << QUERY_LOOK_UP | 1u << QUERY_ANSWER},
    [QUERY_AWAIT_EVIDENCE] = {walk_await_evidence, 1u << QUERY_AWAIT_EVIDENCE |
                                                       1u << QUERY_VALIDATE | 1u << QUERY_ANSWER},
    [QUERY_ANSWER] = {walk_answer, 1u << QUERY_DONE},
    [QUERY_DONE] = {walk_done, 1u << QUERY_DONE},
};
static_assert(LEN(ROWS) == QUERY_STEP_COUNT, "a row for each step");

static void step_set(struct query *query, enum query_step next)
{
    require((ROWS[query->step].next & 1u << next) != 0);
    query->step = next;
}

void query_walk(struct resolver *resolver, struct query *query)
{
    enum query_step before = QUERY_STEP_COUNT;
    while (query->step != before) {
        before = query->step;
        step_set(query, ROWS[before].walk(resolver, query));
    }
    if (query->step == QUERY_DONE) {
        query_drop(resolver, query);
    }
}

void query_answer(struct resolver *resolver, struct query *query)
{
    step_set(query, QUERY_ANSWER);
    query_walk(resolver, query);
}

void query_enqueue(struct resolver *resolver, struct query *query)
{
    if (!query->is_queued) {
        query->is_queued = true;
        query->run_next = resolver->run_queries;
        resolver->run_queries = query;
    }
}

/* --- begin and end --- */

static void list_add(struct resolver *resolver, struct query *query)
{
    query->older = resolver->newest;
    *(resolver->newest == NULL ? &resolver->oldest : &resolver->newest->newer) = query;
    resolver->newest = query;
    resolver->query_count++;
}

static void list_remove(struct resolver *resolver, struct query *query)
{
    *(query->older == NULL ? &resolver->oldest : &query->older->newer) = query->newer;
    *(query->newer == NULL ? &resolver->newest : &query->newer->older) = query->older;
    resolver->query_count--;
}

void query_drop(struct resolver *resolver, struct query *query)
{
    if (query->awaits != NULL) {
        fetch_leave_query(query->awaits, query);
    }
    list_remove(resolver, query);
    if (query->is_waiting) {
        quota_client_end(resolver->quota, query->client.peer);
        resolver->waiting_count--;
    }
    if (query->evidence != NULL) {
        resolver->stats.signature_checks +=
            CHAIN_SIGNATURE_CHECKS_MAX - query->budget.signatures_left;
        resolver->stats.denial_hashes += CHAIN_HASHES_MAX - query->budget.denial.hashes_left;
    }
    for (size_t i = 0; i < query->link_count; i++) {
        cache_entry_release(query->links[i].entry);
    }
    for (size_t i = 1; i < query->evidence_count; i++) {
        cache_entry_release(query->evidence_entries[i]);
    }
    cache_entry_release(query->reached);
    cache_entry_release(query->fetched);
    cache_entry_release(query->stale);
    cache_entry_release(query->bogus_entry);
    account_release(query->account);
    arena_close(&query->task);
    free(query);
}

static struct query *query_new(struct resolver *resolver, const struct client *client)
{
    struct query *query = calloc(1, sizeof *query);
    struct account *account = account_open();
    if (query == NULL || account == NULL) {
        free(query);
        account_release(account);
        return NULL;
    }
    query->account = account;
    query->client = *client;
    arena_open(&query->task, RESOLVER_TASK_SIZE_MAX);
    name_copy_to(client->question.name, &query->name_octets, &query->client.question.name);
    query->name = query->client.question.name;
    query->judgement = (struct judgement){.verdict = VERDICT_SECURE, .ede = EDE_NONE};
    query->deadline_ns = resolver->now.mono_ns + (int64_t)RESOLVER_QUERY_MS_MAX * MOMENT_NS_PER_MS;
    list_add(resolver, query);
    return query;
}

bool query_start(struct resolver *resolver, const struct client *client)
{
    struct query *query = query_new(resolver, client);
    if (query == NULL) {
        return false;
    }
    bool is_first = resolver->oldest == query;
    query_walk(resolver, query);
    if (is_first && resolver->oldest != NULL) {
        outbox_timer(resolver->outbox, RESOLVER_TIMER_QUERIES, resolver->oldest->deadline_ns);
    }
    if (resolver->options.serves_stale && !resolver->has_stale_timer && resolver->oldest != NULL) {
        query_await_stale(resolver);
    }
    return true;
}

bool query_ask(struct resolver *resolver, struct name name, uint16_t type,
               enum query_purpose purpose)
{
    /* What a server says to being told something is not even looked at. */
    bool is_told = purpose == QUERY_FOR_SERVER || purpose == QUERY_FOR_AGENT;
    struct client nobody = {.flags = is_told ? FLAG_RD | FLAG_CD : FLAG_RD,
                            .has_question = true,
                            .question = {.name = name, .type = type, .class_ = CLASS_IN}};
    struct query *query = query_new(resolver, &nobody);
    if (query == NULL) {
        return false;
    }
    query->purpose = purpose;
    query_enqueue(resolver, query);
    if (resolver->oldest == query) {
        outbox_timer(resolver->outbox, RESOLVER_TIMER_QUERIES, query->deadline_ns);
    }
    return true;
}
