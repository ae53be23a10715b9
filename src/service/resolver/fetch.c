/* The steps of a fetch: which servers, which address, what is sent, which message is the answer,
 * and what follows from it. The only place that talks to name servers. */
#include "service/resolver/fetch.h"

#include <assert.h>
#include <stdlib.h>

#include "core/dns/rdata.h"
#include "service/resolver/query.h"

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

static void join_fetch(struct fetch *fetch, struct fetch *waiting)
{
    waiting->awaits = fetch;
    waiting->wait_next = fetch->waiting_fetches;
    fetch->waiting_fetches = waiting;
    fetch->waiting_count++;
}

static void ask_close(struct resolver *resolver, struct fetch *fetch)
{
    if (fetch->ask != 0) {
        outbox_add(resolver->outbox, EFFECT_ASK_DONE)->ask_done = fetch->ask;
        fetch->ask = 0;
    }
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
    cache_entry_release(fetch->delegation);
    cache_entry_release(fetch->address);
    cache_entry_release(fetch->result);
    account_release(fetch->account);
    free(fetch);
}

/* --- FETCH_FIND_SERVERS --- */

static void candidate_add(struct resolver *resolver, struct fetch *fetch, struct address address)
{
    bool is_known = false;
    for (size_t i = 0; i < fetch->candidate_count; i++) {
        is_known = is_known || address_equal(fetch->candidates[i].address, address);
    }
    if (is_known || fetch->candidate_count == RESOLVER_SERVERS_MAX ||
        (address.family == ADDRESS_IPV6 && !resolver->options.uses_ipv6) ||
        !servers_is_usable(address, resolver->may_ask_loopback) ||
        (resolver->options.ask_only_count > 0 &&
         !resolver_prefix_covers(resolver->options.ask_only, resolver->options.ask_only_count,
                                 address))) {
        return;
    }
    fetch->candidates[fetch->candidate_count++] = (struct server_candidate){.address = address};
}

enum { PORT_DNS = 53 };

static void candidates_of_rrset(struct resolver *resolver, struct fetch *fetch,
                                const struct rrset *rrset)
{
    struct rrset_cursor cursor = rrset_first(rrset);
    for (struct span rdata; rrset_next(&cursor, &rdata);) {
        struct address address;
        if (address_of_rdata(rdata, PORT_DNS, &address) == OK) {
            candidate_add(resolver, fetch, address);
        }
    }
}

/* Addresses of a name server that the cache holds as answers of their own. */
static bool candidates_of_cache(struct resolver *resolver, struct fetch *fetch, struct name target)
{
    static const uint16_t TYPES[] = {TYPE_A, TYPE_AAAA};
    bool has_any = false;
    for (size_t i = 0; i < LEN(TYPES); i++) {
        int64_t now_ns = resolver->now.mono_ns;
        struct cache_entry *entry = cache_find(resolver->cache, target, TYPES[i], now_ns);
        if (entry != NULL && entry->kind == CACHE_POSITIVE &&
            cache_entry_verdict(entry, now_ns) != VERDICT_BOGUS) {
            candidates_of_rrset(resolver, fetch, &entry->answer[0]);
            has_any = true;
        }
    }
    return has_any;
}

static void candidates_of_list(struct resolver *resolver, struct fetch *fetch,
                               const struct address *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        candidate_add(resolver, fetch, addresses[i]);
    }
}

/* Takes over the reference to `delegation`; NULL: the root. */
static void delegation_take(struct resolver *resolver, struct fetch *fetch,
                            struct cache_entry *delegation)
{
    cache_entry_release(fetch->delegation);
    fetch->delegation = delegation;
    fetch->zone = delegation == NULL ? NAME_ROOT : delegation->name;
    fetch->candidate_count = 0;
    fetch->target_at = 0;
    fetch->lookups_left = RESOLVER_MISSING_LOOKUPS_MAX;
    if (delegation == NULL) {
        candidates_of_list(resolver, fetch, resolver->options.root_hints,
                           resolver->options.root_hint_count);
        return;
    }
    for (size_t i = 0; i < delegation->authority_count; i++) {
        candidates_of_rrset(resolver, fetch, &delegation->authority[i]);
    }
    struct rrset_cursor cursor = rrset_first(&delegation->answer[0]);
    for (struct span rdata; rrset_next(&cursor, &rdata);) {
        struct name target;
        if (rdata_target(TYPE_NS, rdata, &target)) {
            candidates_of_cache(resolver, fetch, target);
        }
    }
}

static enum fetch_step walk_find_servers(struct resolver *resolver, struct fetch *fetch)
{
    int64_t now_ns = resolver->now.mono_ns;
    if (resolver->options.forwarder_count > 0) {
        fetch->candidate_count = 0;
        candidates_of_list(resolver, fetch, resolver->options.forwarders,
                           resolver->options.forwarder_count);
        return FETCH_FIND_ADDRESS;
    }
    /* DS is the parent's data: its servers are those of a zone above the name (RFC 4035 §4.2). */
    uint8_t labels = fetch->name.label_count;
    labels = fetch->type == TYPE_DS && labels > 0 ? (uint8_t)(labels - 1) : labels;
    struct cache_entry *found = NULL;
    for (; labels > 0 && found == NULL; labels--) {
        found = cache_find_delegation(resolver->cache, name_ancestor(fetch->name, labels), now_ns);
    }
    delegation_take(resolver, fetch, found == NULL ? NULL : cache_entry_hold(found));
    return FETCH_FIND_ADDRESS;
}

/* --- FETCH_FIND_ADDRESS, FETCH_AWAIT_ADDRESS --- */

static void result_set(struct resolver *resolver, struct fetch *fetch, struct cache_entry *entry)
{
    fetch->result = entry;
    if (entry != NULL && entry->expires_ns > resolver->now.mono_ns) {
        cache_put(resolver->cache, entry, resolver->now.mono_ns);
    }
}

static enum fetch_step fetch_fail(struct resolver *resolver, struct fetch *fetch, bool is_kept)
{
    struct cache_draft draft = {.name = fetch->name, .type = fetch->type, .kind = CACHE_FAILURE};
    int64_t life_ns = is_kept ? (int64_t)RESOLVER_FAILURE_TTL_S * MOMENT_NS_PER_S : 0;
    struct cache_entry *entry = cache_entry_make(&draft, resolver->now.mono_ns + life_ns);
    if (entry != NULL) {
        cache_entry_judge(entry, &fetch->failure, INT64_MAX);
    }
    result_set(resolver, fetch, entry);
    return FETCH_DONE;
}

static enum fetch_step fetch_fail_limit(struct resolver *resolver, struct fetch *fetch,
                                        const char *what)
{
    judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "limit reached: %s", what);
    /* What an inner question could not afford, the next client's may. */
    return fetch_fail(resolver, fetch, fetch->depth == 0);
}

/* The name server number `index` of the delegation. */
static bool target_at(const struct fetch *fetch, uint32_t index, struct name *target)
{
    struct rrset_cursor cursor = rrset_first(&fetch->delegation->answer[0]);
    struct span rdata;
    for (uint32_t i = 0; rrset_next(&cursor, &rdata); i++) {
        if (i == index) {
            return rdata_target(TYPE_NS, rdata, target);
        }
    }
    return false;
}

static bool target_has_glue(const struct fetch *fetch, struct name target)
{
    for (size_t i = 0; i < fetch->delegation->authority_count; i++) {
        if (name_equal(fetch->delegation->authority[i].owner, target)) {
            return true;
        }
    }
    return false;
}

/* Would waiting for `wanted` wait for ourselves in the end? Each fetch awaits at most one. */
static bool is_circle(const struct fetch *fetch, const struct fetch *wanted)
{
    while (wanted != NULL && wanted != fetch) {
        wanted = wanted->awaits;
    }
    return wanted == fetch;
}

/* Begins the look-up of the next name server without an address; false when none is left. */
static bool lookup_begin(struct resolver *resolver, struct fetch *fetch)
{
    while (fetch->delegation != NULL && fetch->lookups_left > 0 &&
           fetch->depth < RESOLVER_DEPTH_MAX) {
        struct name target;
        uint32_t at = fetch->target_at++;
        if (!target_at(fetch, at / 2, &target)) {
            return false;
        }
        uint16_t type = at % 2 == 0 ? TYPE_A : TYPE_AAAA;
        bool is_inside = name_is_at_or_below(target, fetch->zone); /* only glue could help */
        if (is_inside || target_has_glue(fetch, target) ||
            (type == TYPE_AAAA && !resolver->options.uses_ipv6) ||
            cache_find(resolver->cache, target, type, resolver->now.mono_ns) != NULL ||
            cache_find_failure(resolver->cache, target, type, resolver->now.mono_ns) != NULL) {
            continue;
        }
        struct fetch *wanted =
            fetch_start(resolver, target, type, fetch->account, (uint8_t)(fetch->depth + 1));
        fetch->lookups_left--;
        if (wanted != NULL && !is_circle(fetch, wanted)) {
            join_fetch(wanted, fetch);
            return true;
        }
        judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY,
                      "the name servers' addresses depend on themselves");
    }
    return false;
}

static enum fetch_step walk_find_address(struct resolver *resolver, struct fetch *fetch)
{
    if (fetch->waiting_count == 0) {
        return fetch_fail(resolver, fetch, false); /* nobody wants it any more */
    }
    if (fetch->account->upstream_left == 0) {
        return fetch_fail_limit(resolver, fetch, "upstream queries of one question");
    }
    if (fetch->queries_left == 0) {
        return fetch_fail_limit(resolver, fetch, "upstream queries of one inner question");
    }
    fetch->chosen = servers_choose(resolver->servers, fetch->candidates, fetch->candidate_count,
                                   fetch->zone, resolver->now);
    if (fetch->chosen < fetch->candidate_count) {
        struct address server = fetch->candidates[fetch->chosen].address;
        fetch->transport = TRANSPORT_UDP;
        fetch->has_edns = servers_has_edns(resolver->servers, server, resolver->now);
        return FETCH_ASK;
    }
    if (fetch->account->missing_left == 0) {
        return fetch_fail_limit(resolver, fetch, "name servers without an address");
    }
    if (lookup_begin(resolver, fetch)) {
        return FETCH_AWAIT_ADDRESS;
    }
    return fetch_fail(resolver, fetch, true);
}

static enum fetch_step walk_await_address(struct resolver *resolver, struct fetch *fetch)
{
    if (fetch->awaits != NULL) {
        return FETCH_AWAIT_ADDRESS;
    }
    struct cache_entry *entry = fetch->address;
    fetch->address = NULL;
    /* A name server's name must not be an alias (RFC 2181 §10.3). */
    bool is_found = entry != NULL && entry->kind == CACHE_POSITIVE &&
                    (entry->type == TYPE_A || entry->type == TYPE_AAAA);
    if (is_found) {
        candidates_of_rrset(resolver, fetch, &entry->answer[0]);
    } else if (fetch->account->missing_left > 0) {
        fetch->account->missing_left--;
    }
    if (entry != NULL && entry->kind == CACHE_FAILURE && entry->judgement != NULL) {
        fetch->failure = *entry->judgement;
    }
    cache_entry_release(entry);
    return FETCH_FIND_ADDRESS;
}

/* --- FETCH_ASK --- */

static void name_mix_case(const struct entropy *entropy, struct name_buffer *buffer, uint8_t len)
{
    for (uint8_t at = 0; at < len; at++) {
        uint8_t letter = buffer->octets[at] | 0x20;
        /* Length octets are at most 63 and so never letters. */
        if (letter >= 'a' && letter <= 'z' && buffer->octets[at] > 63) {
            buffer->octets[at] ^= (uint8_t)(entropy_below(entropy, 2) * 0x20);
        }
    }
}

static enum fetch_step walk_ask(struct resolver *resolver, struct fetch *fetch)
{
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    if (fetch->queries_left == 0 || fetch->account->upstream_left == 0) {
        return FETCH_FIND_ADDRESS;
    }
    bool is_forwarded = resolver->options.forwarder_count > 0;
    uint16_t flags = is_forwarded ? FLAG_RD : 0;
    /* A validating forwarder wants the data even where the other side thinks it bogus (RFC 6840
     * §5.9); one that does not validate is protected by the other side if by anybody. */
    flags |= is_forwarded && resolver->options.is_validating ? FLAG_CD : 0;
    name_copy_to(fetch->name, &fetch->sent_octets, &fetch->sent_name);
    if (resolver->options.mixes_case) {
        name_mix_case(resolver->options.entropy, &fetch->sent_octets, fetch->name.len);
    }
    fetch->id = entropy_u16(resolver->options.entropy);
    struct question question = {fetch->sent_name, fetch->type, CLASS_IN};
    uint8_t *bytes = arena_take(&resolver->outbox->scratch, MESSAGE_UDP_LEN_MIN);
    if (bytes == NULL) {
        return fetch_fail_limit(resolver, fetch, "memory");
    }
    struct span message =
        message_make_query(bytes, MESSAGE_UDP_LEN_MIN, fetch->id, flags, question, fetch->has_edns,
                           fetch->has_edns ? RESOLVER_UDP_SIZE : 0);
    /* A connection takes a round trip before the question does. */
    uint8_t doublings = (uint8_t)(candidate->tries + (fetch->transport == TRANSPORT_TCP ? 1 : 0));
    fetch->ask = (++resolver->serial << 16) | fetch->slot;
    fetch->sent_ns = resolver->now.mono_ns;
    fetch->ignored_count = 0;
    outbox_add(resolver->outbox, EFFECT_ASK)->ask = (struct effect_ask){
        .ask = fetch->ask,
        .transport = fetch->transport,
        .server = candidate->address,
        .message = message,
        .timeout_ms = servers_timeout_ms(resolver->servers, candidate->address, doublings),
    };
    candidate->tries++;
    fetch->queries_left--;
    fetch->account->upstream_left--;
    resolver->stats.upstream_queries++;
    resolver->stats.upstream_tcp += fetch->transport == TRANSPORT_TCP ? 1 : 0;
    return FETCH_AWAIT_ANSWER;
}

/* --- FETCH_AWAIT_ANSWER --- */

static enum fetch_step walk_await_answer(struct resolver *resolver, struct fetch *fetch)
{
    (void)resolver;
    (void)fetch;
    return FETCH_AWAIT_ANSWER; /* fetch_hear moves it on */
}

static void step_set(struct fetch *fetch, enum fetch_step next);

static void hear_end(struct resolver *resolver, struct fetch *fetch, enum status outcome)
{
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    char server[ADDRESS_TEXT_MAX];
    fetch->ask = 0; /* the world has closed it */
    if (outcome == TIMED_OUT) {
        resolver->stats.upstream_timeouts++;
        servers_note_timeout(resolver->servers, candidate->address);
    } else {
        candidate->is_out = true;
    }
    judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "%s: %s",
                  address_print(candidate->address, server), status_text(outcome));
    step_set(fetch, FETCH_FIND_ADDRESS);
}

/* Not the answer to our query. On UDP anybody may have sent it, so the waiting goes on; but many of
 * them are an attack, which ends where a handshake begins. On TCP the server itself is broken. */
static void hear_other(struct resolver *resolver, struct fetch *fetch)
{
    resolver->stats.ignored_messages++;
    fetch->ignored_count++;
    if (fetch->transport == TRANSPORT_TCP) {
        ask_close(resolver, fetch);
        fetch->candidates[fetch->chosen].is_out = true;
        step_set(fetch, FETCH_FIND_ADDRESS);
    } else if (fetch->ignored_count > RESOLVER_IGNORED_MAX) {
        ask_close(resolver, fetch);
        fetch->transport = TRANSPORT_TCP;
        step_set(fetch, FETCH_ASK);
    }
}

void fetch_hear(struct resolver *resolver, const struct event_answer *answer)
{
    struct fetch *fetch = resolver->fetches[answer->ask % RESOLVER_FETCHES_MAX];
    if (fetch == NULL || fetch->ask != answer->ask || fetch->step != FETCH_AWAIT_ANSWER) {
        return; /* of a query that we gave up */
    }
    struct message *message = arena_take(&resolver->outbox->scratch, sizeof *message);
    struct question question = {fetch->sent_name, fetch->type, CLASS_IN};
    if (answer->outcome != OK) {
        hear_end(resolver, fetch, answer->outcome);
    } else if (message == NULL ||
               message_read(answer->message, &resolver->outbox->scratch, message) != OK ||
               !message_answers(message, fetch->id, question, true)) {
        hear_other(resolver, fetch);
    } else {
        ask_close(resolver, fetch);
        int64_t rtt_ns = resolver->now.mono_ns - fetch->sent_ns;
        servers_note_answer(resolver->servers, fetch->candidates[fetch->chosen].address, rtt_ns);
        fetch->heard = message;
        step_set(fetch, FETCH_JUDGE);
    }
    fetch_walk(resolver, fetch);
}

/* --- FETCH_JUDGE --- */

static int64_t expiry_of(const struct resolver *resolver, enum cache_kind kind, uint32_t ttl_s)
{
    bool is_negative = kind == CACHE_NODATA || kind == CACHE_NXDOMAIN;
    uint32_t ttl_max_s =
        is_negative ? resolver->options.negative_ttl_max_s : resolver->options.ttl_max_s;
    ttl_s = ttl_s > ttl_max_s ? ttl_max_s : ttl_s;
    return resolver->now.mono_ns + (int64_t)ttl_s * MOMENT_NS_PER_S;
}

static enum fetch_step judge_data(struct resolver *resolver, struct fetch *fetch,
                                  const struct response *response)
{
    struct cache_entry *entry = cache_entry_make(
        &response->draft, expiry_of(resolver, response->draft.kind, response->ttl_s));
    result_set(resolver, fetch, entry);
    return FETCH_DONE;
}

/* A delegation never outlives the one through which it was learned, so that what a parent takes
 * back is gone at every level below when its own time is over (ghost and phoenix domains). */
static enum fetch_step judge_referral(struct resolver *resolver, struct fetch *fetch,
                                      const struct response *response)
{
    if (fetch->referrals_left == 0) {
        return fetch_fail_limit(resolver, fetch, "referrals");
    }
    fetch->referrals_left--;
    int64_t now_ns = resolver->now.mono_ns;
    int64_t expires_ns = expiry_of(resolver, CACHE_DELEGATION, response->ttl_s);
    if (fetch->delegation != NULL && fetch->delegation->expires_ns < expires_ns) {
        expires_ns = fetch->delegation->expires_ns;
    }
    struct cache_entry *delegation = cache_entry_make(&response->draft, expires_ns);
    if (delegation == NULL) {
        return fetch_fail_limit(resolver, fetch, "memory");
    }
    if (expires_ns > now_ns) {
        cache_put(resolver->cache, delegation, now_ns);
    }
    if (response->has_ds) {
        struct cache_entry *ds = cache_entry_make(
            &response->ds, expiry_of(resolver, CACHE_POSITIVE, response->ds_ttl_s));
        if (ds != NULL && ds->expires_ns > now_ns) {
            cache_put(resolver->cache, ds, now_ns);
        }
        cache_entry_release(ds);
    }
    delegation_take(resolver, fetch, delegation);
    return FETCH_FIND_ADDRESS;
}

/* What the other resolver says about its failure helps our client as well (RFC 8914). */
static void failure_relay(struct fetch *fetch)
{
    struct span value;
    if (!edns_find(&fetch->heard->edns, EDNS_OPTION_EDE, &value) || value.len < 2) {
        return;
    }
    struct reader reader = reader_over(value);
    uint16_t code = reader_u16(&reader);
    struct span text = reader_rest(&reader);
    int len = text.len > VERDICT_REASON_MAX / 2 ? VERDICT_REASON_MAX / 2 : (int)text.len;
    for (int i = 0; i < len; i++) {
        len = text.bytes[i] < ' ' || text.bytes[i] > '~' ? i : len;
    }
    judgement_set(&fetch->failure, (enum ede)code, "the forwarder says: %.*s", len,
                  (const char *)text.bytes);
}

static enum fetch_step walk_judge(struct resolver *resolver, struct fetch *fetch)
{
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    bool is_forwarded = resolver->options.forwarder_count > 0;
    struct response_question question = {fetch->name, fetch->type, fetch->zone, is_forwarded,
                                         fetch->has_edns};
    struct response response;
    response_read(fetch->heard, &question, &resolver->outbox->scratch, &response);
    char server[ADDRESS_TEXT_MAX];
    address_print(candidate->address, server);
    switch (response.kind) {
    case RESPONSE_DATA:
        return judge_data(resolver, fetch, &response);
    case RESPONSE_REFERRAL:
        return judge_referral(resolver, fetch, &response);
    case RESPONSE_TRUNCATED:
        if (fetch->transport == TRANSPORT_UDP) {
            fetch->transport = TRANSPORT_TCP;
            return FETCH_ASK;
        }
        candidate->is_out = true;
        return FETCH_FIND_ADDRESS;
    case RESPONSE_NO_EDNS:
        servers_note_no_edns(resolver->servers, candidate->address, resolver->now);
        fetch->has_edns = false;
        return FETCH_ASK;
    case RESPONSE_LAME:
        servers_note_lame(resolver->servers, candidate->address, fetch->zone, resolver->now);
        judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "%s: %s", server,
                      response.reason);
        return FETCH_FIND_ADDRESS;
    case RESPONSE_FAILED:
        candidate->is_out = true;
        judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "%s: %s", server,
                      response.reason);
        if (is_forwarded) {
            failure_relay(fetch);
        }
        return FETCH_FIND_ADDRESS;
    case RESPONSE_KIND_COUNT:
        break;
    }
    require(false);
    return FETCH_DONE;
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
    [FETCH_FIND_SERVERS] = {walk_find_servers, 1u << FETCH_FIND_ADDRESS},
    [FETCH_FIND_ADDRESS] = {walk_find_address,
                            1u << FETCH_ASK | 1u << FETCH_AWAIT_ADDRESS | 1u << FETCH_DONE},
    [FETCH_AWAIT_ADDRESS] = {walk_await_address,
                             1u << FETCH_AWAIT_ADDRESS | 1u << FETCH_FIND_ADDRESS},
    [FETCH_ASK] = {walk_ask,
                   1u << FETCH_AWAIT_ANSWER | 1u << FETCH_FIND_ADDRESS | 1u << FETCH_DONE},
    [FETCH_AWAIT_ANSWER] = {walk_await_answer, 1u << FETCH_AWAIT_ANSWER | 1u << FETCH_JUDGE |
                                                   1u << FETCH_FIND_ADDRESS | 1u << FETCH_ASK},
    [FETCH_JUDGE] = {walk_judge, 1u << FETCH_DONE | 1u << FETCH_FIND_ADDRESS | 1u << FETCH_ASK},
    [FETCH_DONE] = {walk_done, 1u << FETCH_DONE},
};
static_assert(LEN(ROWS) == FETCH_STEP_COUNT, "a row for each step");

static void step_set(struct fetch *fetch, enum fetch_step next)
{
    require((ROWS[fetch->step].next & 1u << next) != 0);
    fetch->step = next;
}

void fetch_walk(struct resolver *resolver, struct fetch *fetch)
{
    enum fetch_step before = FETCH_STEP_COUNT;
    while (fetch->step != before) {
        before = fetch->step;
        step_set(fetch, ROWS[before].walk(resolver, fetch));
    }
    fetch->heard = NULL;
    if (fetch->step == FETCH_DONE) {
        waiting_tell(resolver, fetch);
        fetch_drop(resolver, fetch);
    }
}
