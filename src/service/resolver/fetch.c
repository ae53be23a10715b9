/* The steps of a fetch: which servers, which address, what is sent, which message is the answer,
 * and what follows from it. The only place that talks to name servers. */
#include "service/resolver/fetch_steps.h"

#include <assert.h>
#include <stdlib.h>

#include "core/dns/rdata.h"
#include "service/resolver/query.h"
#include "service/resolver/trust_signal.h"

/* --- the table of fetches under way --- */

static size_t bucket_of(const struct resolver *resolver, struct name name, uint16_t type)
{
    return (name_hash(name, resolver->seed) ^ type * 0x9e37u) % FETCH_BUCKETS;
}

static struct fetch *fetch_find(const struct resolver *resolver, struct name name, uint16_t type)
{
    struct fetch *fetch = resolver->buckets[bucket_of(resolver, name, type)];
    while (fetch != NULL && (fetch->type != type || !name_equal(fetch->name, name))) {
        fetch = fetch->hash_next;
    }
    return fetch;
}

static struct fetch *fetch_new(struct resolver *resolver, struct name name, uint16_t type)
{
    if (resolver->fetch_count == RESOLVER_FETCHES_MAX) {
        return NULL;
    }
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        return NULL;
    }
    uint32_t slot = resolver->slot_next;
    while (resolver->fetches[slot] != NULL) {
        slot = (slot + 1) % RESOLVER_FETCHES_MAX;
    }
    resolver->slot_next = (slot + 1) % RESOLVER_FETCHES_MAX;
    resolver->fetches[slot] = fetch;
    resolver->fetch_count++;
    fetch->slot = slot;
    fetch->type = type;
    name_copy_to(name, &fetch->name_octets, &fetch->name);
    struct fetch **bucket = &resolver->buckets[bucket_of(resolver, name, type)];
    fetch->hash_next = *bucket;
    *bucket = fetch;
    return fetch;
}

struct fetch *fetch_start(struct resolver *resolver, struct name name, uint16_t type,
                          struct account *account, uint8_t depth)
{
    struct fetch *fetch = fetch_find(resolver, name, type);
    if (fetch != NULL) {
        return fetch->waiting_count < RESOLVER_WAITING_MAX ? fetch : NULL;
    }
    fetch = fetch_new(resolver, name, type);
    if (fetch == NULL) {
        return NULL;
    }
    fetch->account = account_hold(account);
    fetch->depth = depth;
    fetch->queries_left = RESOLVER_FETCH_QUERIES_MAX;
    fetch->referrals_left = RESOLVER_REFERRALS_MAX;
    fetch->zone = NAME_ROOT;
    judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "no server could be asked");
    fetch_enqueue(resolver, fetch);
    if (type == TYPE_DNSKEY) {
        trust_signal_tell(resolver, fetch->name);
    }
    return fetch;
}

void fetch_enqueue(struct resolver *resolver, struct fetch *fetch)
{
    if (!fetch->is_queued) {
        fetch->is_queued = true;
        fetch->run_next = resolver->run_fetches;
        resolver->run_fetches = fetch;
    }
}

void fetch_join_query(struct fetch *fetch, struct query *query)
{
    query->awaits = fetch;
    query->wait_next = fetch->waiting_queries;
    fetch->waiting_queries = query;
    fetch->waiting_count++;
}

void fetch_leave_query(struct fetch *fetch, struct query *query)
{
    struct query **link = &fetch->waiting_queries;
    while (*link != query) {
        require(*link != NULL);
        link = &(*link)->wait_next;
    }
    *link = query->wait_next;
    query->wait_next = NULL;
    query->awaits = NULL;
    fetch->waiting_count--;
}

void fetch_join_fetch(struct fetch *fetch, struct fetch *waiting)
{
    waiting->awaits = fetch;
    waiting->wait_next = fetch->waiting_fetches;
    fetch->waiting_fetches = waiting;
    fetch->waiting_count++;
}

void fetch_drop(struct resolver *resolver, struct fetch *fetch)
{
    struct fetch **link = &resolver->buckets[bucket_of(resolver, fetch->name, fetch->type)];
    while (*link != fetch) {
        link = &(*link)->hash_next;
    }
    *link = fetch->hash_next;
    resolver->fetches[fetch->slot] = NULL;
    resolver->fetch_count--;
    fetch_close_ask(resolver, fetch);
    cache_entry_release(fetch->delegation);
    cache_entry_release(fetch->address);
    cache_entry_release(fetch->result);
    account_release(fetch->account);
    free(fetch);
}

/* --- the end of a fetch --- */

void fetch_set_result(struct resolver *resolver, struct fetch *fetch, struct cache_entry *entry)
{
    fetch->result = entry;
    if (entry != NULL && entry->expires_ns > resolver->now.mono_ns) {
        cache_put(resolver->cache, entry, resolver->now.mono_ns);
    }
}

static struct cache_entry *failure_make(const struct resolver *resolver, const struct fetch *fetch,
                                        int64_t life_ns)
{
    struct cache_draft draft = {.name = fetch->name, .type = fetch->type, .kind = CACHE_FAILURE};
    struct cache_entry *entry = cache_entry_make(&draft, resolver->now.mono_ns + life_ns);
    if (entry != NULL) {
        cache_entry_judge(entry, &fetch->failure, INT64_MAX);
    }
    return entry;
}

static const int64_t FAILURE_LIFE_NS = (int64_t)RESOLVER_FAILURE_TTL_S * MOMENT_NS_PER_S;

enum fetch_step fetch_fail(struct resolver *resolver, struct fetch *fetch, bool is_kept)
{
    /* The failure of the servers that are left says nothing about those that were avoided. */
    is_kept = is_kept && fetch->avoided_count == 0;
    fetch_set_result(resolver, fetch, failure_make(resolver, fetch, is_kept ? FAILURE_LIFE_NS : 0));
    return FETCH_DONE;
}

void fetch_note_late(struct resolver *resolver, const struct fetch *fetch)
{
    struct cache_entry *entry = failure_make(resolver, fetch, FAILURE_LIFE_NS);
    if (entry != NULL) {
        cache_put(resolver->cache, entry, resolver->now.mono_ns);
        cache_entry_release(entry);
    }
}

enum fetch_step fetch_fail_limit(struct resolver *resolver, struct fetch *fetch, const char *what)
{
    judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "limit reached: %s", what);
    /* What an inner question could not afford, the next client's may. */
    return fetch_fail(resolver, fetch, fetch->depth == 0);
}

/* --- FETCH_DONE --- */

static enum fetch_step walk_done(struct resolver *resolver, struct fetch *fetch)
{
    (void)resolver;
    (void)fetch;
    return FETCH_DONE;
}

/* The waiting get the result, each its own hold of it, and walk on when their turn comes. */
static void waiting_tell(struct resolver *resolver, struct fetch *fetch)
{
    struct cache_entry *result = fetch->result;
    while (fetch->waiting_queries != NULL) {
        struct query *query = fetch->waiting_queries;
        fetch_leave_query(fetch, query);
        query->fetched = result == NULL ? NULL : cache_entry_hold(result);
        query->fetched_origin = fetch->origin;
        query->agent = (struct name){0};
        if (fetch->agent.len > 0) {
            name_copy_to(fetch->agent, &query->agent_octets, &query->agent);
        }
        query_enqueue(resolver, query);
    }
    while (fetch->waiting_fetches != NULL) {
        struct fetch *waiting = fetch->waiting_fetches;
        fetch->waiting_fetches = waiting->wait_next;
        waiting->wait_next = NULL;
        waiting->awaits = NULL;
        waiting->address = result == NULL ? NULL : cache_entry_hold(result);
        fetch_enqueue(resolver, waiting);
    }
}

/* --- the table --- */

struct fetch_row {
    enum fetch_step (*walk)(struct resolver *resolver, struct fetch *fetch);
    uint32_t next; /* a bit for each step that may follow */
};

static const struct fetch_row ROWS[] = {
    [FETCH_FIND_SERVERS] = {fetch_find_servers, 1u << FETCH_FIND_ADDRESS},
    [FETCH_FIND_ADDRESS] = {fetch_find_address,
                            1u << FETCH_ASK | 1u << FETCH_AWAIT_ADDRESS | 1u << FETCH_DONE},
    [FETCH_AWAIT_ADDRESS] = {fetch_await_address,
                             1u << FETCH_AWAIT_ADDRESS | 1u << FETCH_FIND_ADDRESS},
    [FETCH_ASK] = {fetch_send,
                   1u << FETCH_AWAIT_ANSWER | 1u << FETCH_FIND_ADDRESS | 1u << FETCH_DONE},
    [FETCH_AWAIT_ANSWER] = {fetch_await_answer, 1u << FETCH_AWAIT_ANSWER | 1u << FETCH_JUDGE |
                                                    1u << FETCH_FIND_ADDRESS | 1u << FETCH_ASK},
    [FETCH_JUDGE] = {fetch_judge, 1u << FETCH_DONE | 1u << FETCH_FIND_ADDRESS | 1u << FETCH_ASK},
    [FETCH_DONE] = {walk_done, 1u << FETCH_DONE},
};
static_assert(LEN(ROWS) == FETCH_STEP_COUNT, "a row for each step");

void fetch_set_step(struct fetch *fetch, enum fetch_step next)
{
    require((ROWS[fetch->step].next & 1u << next) != 0);
    fetch->step = next;
}

void fetch_walk(struct resolver *resolver, struct fetch *fetch)
{
    enum fetch_step before = FETCH_STEP_COUNT;
    while (fetch->step != before) {
        before = fetch->step;
        fetch_set_step(fetch, ROWS[before].walk(resolver, fetch));
    }
    fetch->heard = NULL;
    if (fetch->step == FETCH_DONE) {
        waiting_tell(resolver, fetch);
        fetch_drop(resolver, fetch);
    }
}
