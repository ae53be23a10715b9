/* The steps of a client's query: what the cache knows, what must be fetched, where an alias leads,
 * and which questions are refused before any of that. */
#include "service/resolver/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/dns/rdata.h"
#include "service/resolver/fetch.h"
#include "service/resolver/local.h"
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

static void fail_unheard(struct resolver *resolver, struct query *query, const char *why);

/* One of the questions that wait longer than any other gives way. */
static bool make_room(struct resolver *resolver)
{
    enum { SPENT_MS = RESOLVER_QUERY_MS_MAX - RESOLVER_JOSTLE_MS };
    struct query *oldest = resolver->oldest;
    int64_t left_ns = oldest->deadline_ns - resolver->now.mono_ns;
    if (left_ns > (int64_t)SPENT_MS * MOMENT_NS_PER_MS || oldest->awaits == NULL) {
        return false;
    }
    resolver->stats.jostled++;
    fail_unheard(resolver, oldest, "no answer in time, and others need the room");
    return true;
}

/* Whoever has to wait for servers takes a place among all, and among those of its client. */
static const char *wait_begin(struct resolver *resolver, struct query *query)
{
    if (query->is_waiting || query->purpose != QUERY_FOR_CLIENT) {
        return NULL;
    }
    if (resolver->waiting_count >= RESOLVER_CLIENTS_MAX && !make_room(resolver)) {
        return "too many questions are waiting";
    }
    if (!quota_client_begin(resolver->quota, query->client.peer,
                            resolver->options.client_waiting_max)) {
        resolver->stats.clients_limited++;
        return "too many questions of yours are waiting";
    }
    query->is_waiting = true;
    resolver->waiting_count++;
    return NULL;
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
    const char *full = wait_begin(resolver, query);
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

/* Nothing was heard as long as it could wait. */
static void fail_unheard(struct resolver *resolver, struct query *query, const char *why)
{
    const char *last = query->awaits == NULL ? "" : query->awaits->failure.reason;
    judgement_set(&query->judgement, EDE_NO_REACHABLE_AUTHORITY, "%s; last: %s", why, last);
    query->is_failed = true;
    step_set(query, QUERY_ANSWER);
    query_walk(resolver, query);
}

void query_expire(struct resolver *resolver)
{
    while (resolver->oldest != NULL && resolver->oldest->deadline_ns <= resolver->now.mono_ns) {
        struct query *query = resolver->oldest;
        if (query->awaits != NULL) {
            fetch_note_late(resolver, query->awaits);
        }
        fail_unheard(resolver, query, "no answer in time");
    }
    outbox_timer(resolver->outbox, RESOLVER_TIMER_QUERIES,
                 resolver->oldest == NULL ? TIMER_NEVER_NS : resolver->oldest->deadline_ns);
}

static int64_t patience_end(const struct resolver *resolver, const struct query *query)
{
    int64_t rest_ms = (int64_t)RESOLVER_QUERY_MS_MAX - resolver->options.stale_wait_ms;
    return query->deadline_ns - rest_ms * MOMENT_NS_PER_MS;
}

static void stale_timer_set(struct resolver *resolver)
{
    const struct query *query = resolver->oldest;
    while (query != NULL && query->has_tried_stale) {
        query = query->newer;
    }
    resolver->has_stale_timer = query != NULL;
    outbox_timer(resolver->outbox, RESOLVER_TIMER_STALE,
                 query == NULL ? TIMER_NEVER_NS : patience_end(resolver, query));
}

void query_answer_stale(struct resolver *resolver)
{
    struct query *next;
    for (struct query *query = resolver->oldest;
         query != NULL && patience_end(resolver, query) <= resolver->now.mono_ns; query = next) {
        next = query->newer;
        if (!query->has_tried_stale && stale_answer(resolver, query)) {
            step_set(query, QUERY_ANSWER);
            query_walk(resolver, query);
        } else {
            query->has_tried_stale = true;
        }
    }
    stale_timer_set(resolver);
}

static bool is_allowed(const struct resolver *resolver, struct address peer)
{
    return resolver->options.allowed_count == 0 ||
           resolver_prefix_covers(resolver->options.allowed, resolver->options.allowed_count, peer);
}

/* Questions that are answered without a query: the first row that fits. */
struct refusal {
    uint16_t rcode;
    enum ede ede;
    const char *reason;
};

static bool refusal_find(const struct resolver *resolver, const struct event_query *event,
                         const struct message *message, struct refusal *refusal)
{
    uint16_t type = message->question.type;
    bool is_any = type == TYPE_ANY || type == TYPE_RRSIG;
    const struct {
        bool fits;
        struct refusal refusal;
    } REFUSALS[] = {
        {!is_allowed(resolver, event->peer),
         {RCODE_REFUSED, EDE_PROHIBITED, "this resolver does not serve your address"}},
        {message->opcode != OPCODE_QUERY, {RCODE_NOTIMP, EDE_NONE, ""}},
        {message->question_count != 1, {RCODE_FORMERR, EDE_NONE, ""}},
        {message->edns.is_present && message->edns.version != 0, {RCODE_BADVERS, EDE_NONE, ""}},
        {message->tsig_at != 0, {RCODE_NOTAUTH, EDE_NONE, ""}},
        {message->question.class_ != CLASS_IN,
         {RCODE_REFUSED, EDE_OTHER, "only class IN is resolved"}},
        {type == 0, {RCODE_FORMERR, EDE_NONE, ""}},
        {type_is_meta(type) && !is_any, {RCODE_NOTIMP, EDE_OTHER, "this type is not one of data"}},
        {(message->flags & FLAG_RD) == 0,
         {RCODE_REFUSED, EDE_OTHER, "recursion was not desired, and there is nothing else here"}},
    };
    for (size_t i = 0; i < LEN(REFUSALS); i++) {
        if (REFUSALS[i].fits) {
            *refusal = REFUSALS[i].refusal;
            return true;
        }
    }
    return false;
}

/* ANY gets one small record instead of everything (RFC 8482 §4.2), RRSIG likewise (§7). */
static void answer_any(struct resolver *resolver, const struct client *client)
{
    static const uint8_t HINFO[] = "\007RFC8482";
    enum { HINFO_TTL_S = 3600 };
    struct rrset_builder builder;
    struct rrset rrset;
    rrset_begin(&builder, &resolver->outbox->scratch, client->question.name, TYPE_HINFO,
                HINFO_TTL_S);
    rrset_add(&builder, span_of(HINFO, sizeof HINFO)); /* its NUL is the empty OS */
    if (rrset_finish(&builder, &rrset) == OK) {
        reply_local(resolver, client, RCODE_NOERROR, &rrset, NULL);
    }
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

static void query_start(struct resolver *resolver, struct query *query)
{
    bool is_first = resolver->oldest == query;
    query_walk(resolver, query);
    if (is_first && resolver->oldest != NULL) {
        outbox_timer(resolver->outbox, RESOLVER_TIMER_QUERIES, resolver->oldest->deadline_ns);
    }
    if (resolver->options.serves_stale && !resolver->has_stale_timer && resolver->oldest != NULL) {
        stale_timer_set(resolver);
    }
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

static void begin_resolving(struct resolver *resolver, const struct client *client)
{
    struct local_answer local;
    const struct question *question = &client->question;
    if (question->type == TYPE_ANY || question->type == TYPE_RRSIG) {
        answer_any(resolver, client);
        return;
    }
    if (local_find(question->name, question->type, &resolver->outbox->scratch, &local)) {
        reply_local(resolver, client, local.rcode, local.answer, local.authority);
        return;
    }
    struct query *query = query_new(resolver, client);
    if (query == NULL) {
        reply_error(resolver, client, RCODE_SERVFAIL, EDE_OTHER, "out of memory");
        return;
    }
    query_start(resolver, query);
}

void query_begin(struct resolver *resolver, const struct event_query *event)
{
    struct name_buffer buffer;
    struct message message;
    enum status status = message_read_query(event->message, &buffer, &message);
    if (event->message.len < MESSAGE_HEADER_LEN || (message.flags & FLAG_QR) != 0) {
        return; /* an answer to a response could go on for ever */
    }
    resolver->stats.client_queries[event->transport]++;
    struct client client = {.channel = event->channel,
                            .peer = event->peer,
                            .transport = event->transport,
                            .id = message.id,
                            .flags = message.flags,
                            .opcode = message.opcode,
                            .has_question = message.question_count == 1 && status == OK,
                            .has_edns = message.edns.is_present,
                            .wants_dnssec = message.edns.wants_dnssec,
                            .udp_size = message.edns.udp_size,
                            .question = message.question};
    struct span asked;
    if (transport_is_stream(event->transport) &&
        edns_find(&message.edns, EDNS_OPTION_KEEPALIVE, &asked)) {
        client.keepalive_ms = event->idle_ms;
    }
    struct refusal refusal;
    if (status != OK) {
        reply_error(resolver, &client, RCODE_FORMERR, EDE_NONE, "");
    } else if (refusal_find(resolver, event, &message, &refusal)) {
        resolver->stats.refused++;
        reply_error(resolver, &client, refusal.rcode, refusal.ede, refusal.reason);
    } else {
        begin_resolving(resolver, &client);
    }
}
