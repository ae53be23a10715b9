/* How long queries wait: for servers, for something better than what is stale, and for whom one
 * that has waited long gives way. */
#include "service/resolver/fetch.h"
#include "service/resolver/query.h"
#include "service/resolver/stale.h"

/* Nothing was heard as long as it could wait. */
static void fail_unheard(struct resolver *resolver, struct query *query, const char *why)
{
    const char *last = query->awaits == NULL ? "" : query->awaits->failure.reason;
    judgement_set(&query->judgement, EDE_NO_REACHABLE_AUTHORITY, "%s; last: %s", why, last);
    query->is_failed = true;
    query_answer(resolver, query);
}

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
const char *query_wait(struct resolver *resolver, struct query *query)
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

void query_await_stale(struct resolver *resolver)
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
            query_answer(resolver, query);
        } else {
            query->has_tried_stale = true;
        }
    }
    query_await_stale(resolver);
}
