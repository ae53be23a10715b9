/* The resolver as a service: its state, and which part hears which event. */
#include "service/resolver/resolver.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "service/resolver/fetch.h"
#include "service/resolver/nta.h"
#include "service/resolver/prime.h"
#include "service/resolver/query.h"
#include "service/resolver/quick.h"
#include "service/resolver/remote.h"
#include "service/resolver/roll.h"

enum { KEYS_CACHED_MAX = 256 };

struct account *account_open(void)
{
    struct account *account = calloc(1, sizeof *account);
    if (account != NULL) {
        *account =
            (struct account){1, RESOLVER_UPSTREAM_QUERIES_MAX, RESOLVER_MISSING_FAILURES_MAX};
    }
    return account;
}

struct account *account_hold(struct account *account)
{
    account->holders++;
    return account;
}

void account_release(struct account *account)
{
    if (account == NULL) {
        return;
    }
    require(account->holders > 0);
    account->holders--;
    if (account->holders == 0) {
        free(account);
    }
}

void judgement_set(struct judgement *judgement, enum ede ede, const char *format, ...)
{
    judgement->verdict = VERDICT_INDETERMINATE;
    judgement->ede = ede;
    va_list args;
    va_start(args, format);
    vsnprintf(judgement->reason, sizeof judgement->reason, format, args);
    va_end(args);
}

enum status resolver_prefix_read(struct span text, struct resolver_prefix *prefix)
{
    const uint8_t *slash = text.len == 0 ? NULL : memchr(text.bytes, '/', text.len);
    size_t address_len = slash == NULL ? text.len : (size_t)(slash - text.bytes);
    enum status status = address_read(span_part(text, 0, address_len), 0, &prefix->address);
    if (status != OK) {
        return status;
    }
    uint64_t bits_max = prefix->address.family == ADDRESS_IPV4 ? 32 : 128;
    uint64_t bits = bits_max;
    if (slash != NULL) {
        size_t at = address_len + 1;
        status = text_read_u64(span_part(text, at, text.len - at), bits_max, &bits);
    }
    prefix->bits = (uint8_t)bits;
    return status;
}

static bool is_loopback(struct address address)
{
    return servers_is_usable(address, true) && !servers_is_usable(address, false);
}

static bool has_loopback(const struct resolver_options *options)
{
    bool has_any = false;
    for (size_t i = 0; i < options->root_hint_count; i++) {
        has_any = has_any || is_loopback(options->root_hints[i]);
    }
    for (size_t i = 0; i < options->zone_count; i++) {
        const struct resolver_zone *zone = &options->zones[i];
        for (size_t j = 0; j < zone->server_count; j++) {
            has_any = has_any || is_loopback(zone->servers[j].address);
        }
    }
    return has_any;
}

enum status resolver_open(const struct resolver_options *options, struct resolver **resolver)
{
    require(options->entropy != NULL);
    struct resolver *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->options = *options;
    opened->may_ask_loopback = has_loopback(options);
    opened->seed = entropy_u64(options->entropy);
    if (cache_open(options->cache_size, options->entropy, options->grace, &opened->cache) != OK ||
        servers_open(options->entropy, &opened->servers) != OK ||
        quota_open(options->entropy, &opened->quota) != OK ||
        key_cache_open(KEYS_CACHED_MAX, &opened->keys) != OK) {
        resolver_close(opened);
        return NO_MEMORY;
    }
    enum status status = roll_open(opened);
    for (size_t i = 0; status == OK && i < options->insecure_count; i++) {
        status = nta_add(opened, options->insecure[i], 0);
    }
    if (status != OK) {
        resolver_close(opened);
        return status;
    }
    *resolver = opened;
    return OK;
}

void resolver_close(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    while (resolver->oldest != NULL) {
        query_drop(resolver, resolver->oldest);
    }
    for (size_t i = 0; i < RESOLVER_FETCHES_MAX; i++) {
        if (resolver->fetches[i] != NULL) {
            fetch_drop(resolver, resolver->fetches[i]);
        }
    }
    nta_close(resolver);
    roll_close(resolver);
    cache_close(resolver->cache);
    servers_close(resolver->servers);
    quota_close(resolver->quota);
    key_cache_close(resolver->keys);
    free(resolver);
}

/* Everything that can go on now, goes on. Each round ends a wait or begins one, and waits cost the
 * account of a query, so there is an end. */
static void run(struct resolver *resolver)
{
    while (resolver->run_fetches != NULL || resolver->run_queries != NULL) {
        if (resolver->run_fetches != NULL) {
            struct fetch *fetch = resolver->run_fetches;
            resolver->run_fetches = fetch->run_next;
            fetch->is_queued = false;
            fetch_walk(resolver, fetch);
        } else {
            struct query *query = resolver->run_queries;
            resolver->run_queries = query->run_next;
            query->is_queued = false;
            query_walk(resolver, query);
        }
    }
}

static void timer_run(struct resolver *resolver, uint64_t timer)
{
    static void (*const RUNS[])(struct resolver * resolver) = {
        [RESOLVER_TIMER_QUERIES] = query_expire, [RESOLVER_TIMER_NTAS] = nta_expire,
        [RESOLVER_TIMER_PRIMING] = prime_begin,  [RESOLVER_TIMER_STALE] = query_answer_stale,
        [RESOLVER_TIMER_ROLLS] = roll_ask,
    };
    require(timer < LEN(RUNS) && RUNS[timer] != NULL);
    RUNS[timer](resolver);
}

void resolver_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct resolver *resolver = state;
    resolver->now = event->now;
    resolver->outbox = outbox;
    switch (event->kind) {
    case EVENT_QUERY:
        query_begin(resolver, &event->query);
        break;
    case EVENT_ANSWER:
        fetch_hear(resolver, &event->answer);
        break;
    case EVENT_START:
        prime_begin(resolver);
        roll_ask(resolver);
        break;
    case EVENT_TIMER:
        timer_run(resolver, event->timer);
        break;
    case EVENT_CONTROL:
        quick_tell(resolver);
        remote_handle(resolver, &event->control);
        break;
    case EVENT_METRICS:
        quick_tell(resolver);
        resolver_tell_metrics(resolver, outbox);
        break;
    case EVENT_STOP:
    case EVENT_RELOAD:
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_ROOM:
    case EVENT_KIND_COUNT:
        break;
    }
    run(resolver);
    resolver->outbox = NULL;
}

bool resolver_prefix_covers(const struct resolver_prefix *prefixes, size_t count,
                            struct address address)
{
    for (size_t i = 0; i < count; i++) {
        bool is_inside = prefixes[i].address.family == address.family;
        for (uint8_t bit = 0; bit < prefixes[i].bits && is_inside; bit++) {
            uint8_t mask = (uint8_t)(0x80u >> bit % 8);
            is_inside =
                ((address.octets[bit / 8] ^ prefixes[i].address.octets[bit / 8]) & mask) == 0;
        }
        if (is_inside) {
            return true;
        }
    }
    return false;
}
