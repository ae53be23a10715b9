/* Which servers a fetch may ask: the deepest known delegation towards its name, the addresses that
 * came with it or that the cache knows, and those that must be looked up first. */
#include "service/resolver/fetch_steps.h"

#include "core/dns/rdata.h"
#include "service/resolver/minimise.h"

/* --- FETCH_FIND_SERVERS --- */

static void candidate_add(struct resolver *resolver, struct fetch *fetch, struct address address)
{
    bool is_known = false;
    for (size_t i = 0; i < fetch->candidate_count; i++) {
        is_known = is_known || address_equal(fetch->candidates[i].address, address);
    }
    const struct resolver_options *options = &resolver->options;
    bool is_forbidden =
        resolver_prefix_covers(options->never_asked, options->never_asked_count, address);
    if (is_known || is_forbidden || (address.family == ADDRESS_IPV4 && options->avoids_ipv4) ||
        fetch->candidate_count == RESOLVER_SERVERS_MAX ||
        (address.family == ADDRESS_IPV6 && !resolver->options.uses_ipv6) ||
        !servers_is_usable(address, resolver->may_ask_loopback) ||
        (resolver->options.ask_only_count > 0 &&
         !resolver_prefix_covers(resolver->options.ask_only, resolver->options.ask_only_count,
                                 address))) {
        return;
    }
    struct server_candidate candidate = {.address = address};
    for (size_t i = 0; i < fetch->avoided_count; i++) {
        candidate.is_out = candidate.is_out || address_equal(fetch->avoided[i], address);
    }
    fetch->candidates[fetch->candidate_count++] = candidate;
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
void fetch_take_delegation(struct resolver *resolver, struct fetch *fetch,
                           struct cache_entry *delegation)
{
    cache_entry_release(fetch->delegation);
    fetch->delegation = delegation;
    fetch->zone = delegation == NULL ? NAME_ROOT : delegation->name;
    fetch->candidate_count = 0;
    fetch->target_at = 0;
    fetch->lookups_left = RESOLVER_MISSING_LOOKUPS_MAX;
    minimise_begin(resolver, fetch);
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

enum fetch_step fetch_find_servers(struct resolver *resolver, struct fetch *fetch)
{
    int64_t now_ns = resolver->now.mono_ns;
    if (resolver->options.forwarder_count > 0) {
        fetch->candidate_count = 0;
        minimise_stop(fetch);
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
    fetch_take_delegation(resolver, fetch, found == NULL ? NULL : cache_entry_hold(found));
    return FETCH_FIND_ADDRESS;
}

/* --- FETCH_FIND_ADDRESS, FETCH_AWAIT_ADDRESS --- */

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
            fetch_join_fetch(wanted, fetch);
            return true;
        }
        judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY,
                      "the name servers' addresses depend on themselves");
    }
    return false;
}

enum fetch_step fetch_find_address(struct resolver *resolver, struct fetch *fetch)
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

enum fetch_step fetch_await_address(struct resolver *resolver, struct fetch *fetch)
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
