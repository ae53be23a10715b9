/* Which servers a fetch may ask: the deepest known delegation towards its name, the addresses that
 * came with it or that the cache knows, and those that must be looked up first. */
#include "service/resolver/fetch_steps.h"

#include "core/dns/rdata.h"
#include "service/resolver/minimise.h"

/* --- FETCH_FIND_SERVERS --- */

static void candidate_add(struct resolver *resolver, struct fetch *fetch,
                          struct resolver_server server)
{
    struct address address = server.address;
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
    struct server_candidate candidate = {
        .address = address, .is_tls = server.is_tls, .tls_peer = server.tls_peer};
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
            candidate_add(resolver, fetch, (struct resolver_server){.address = address});
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

static void candidates_of_hints(struct resolver *resolver, struct fetch *fetch)
{
    for (size_t i = 0; i < resolver->options.root_hint_count; i++) {
        struct resolver_server server = {.address = resolver->options.root_hints[i]};
        candidate_add(resolver, fetch, server);
    }
}

static void zone_set(struct resolver *resolver, struct fetch *fetch, struct name zone)
{
    fetch->zone = zone;
    fetch->candidate_count = 0;
    fetch->target_at = 0;
    fetch->lookups_left = RESOLVER_MISSING_LOOKUPS_MAX;
    minimise_begin(resolver, fetch);
}

/* Takes over the reference to `delegation`; NULL: the root. */
void fetch_take_delegation(struct resolver *resolver, struct fetch *fetch,
                           struct cache_entry *delegation)
{
    cache_entry_release(fetch->delegation);
    fetch->delegation = delegation;
    fetch->configured = NULL;
    zone_set(resolver, fetch, delegation == NULL ? NAME_ROOT : delegation->name);
    if (delegation == NULL) {
        candidates_of_hints(resolver, fetch);
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
    if (fetch->candidate_count == 0 && delegation->name.label_count == 0) {
        candidates_of_hints(resolver, fetch); /* of what priming gave, nothing may be asked */
    }
}

/* Resolvers may know of names anywhere, and have their own servers for the zones below. */
static void take_configured(struct resolver *resolver, struct fetch *fetch,
                            const struct resolver_zone *configured)
{
    fetch->configured = configured;
    zone_set(resolver, fetch, configured->is_stub ? configured->zone : NAME_ROOT);
    if (!configured->is_stub) {
        minimise_stop(fetch);
    }
    for (size_t i = 0; i < configured->server_count; i++) {
        candidate_add(resolver, fetch, configured->servers[i]);
    }
}

/* The longest zone of the operator at or above `name`, or NULL. */
static const struct resolver_zone *configured_find(const struct resolver_options *options,
                                                   struct name name)
{
    const struct resolver_zone *found = NULL;
    for (size_t i = 0; i < options->zone_count; i++) {
        const struct resolver_zone *zone = &options->zones[i];
        if (name_is_at_or_below(name, zone->zone) &&
            (found == NULL || zone->zone.label_count > found->zone.label_count)) {
            found = zone;
        }
    }
    return found;
}

enum fetch_step fetch_find_servers(struct resolver *resolver, struct fetch *fetch)
{
    int64_t now_ns = resolver->now.mono_ns;
    /* DS is the parent's data: its servers are those of a zone above the name (RFC 4035 §4.2). */
    uint8_t labels = fetch->name.label_count;
    labels = fetch->type == TYPE_DS && labels > 0 ? (uint8_t)(labels - 1) : labels;
    const struct resolver_zone *configured =
        configured_find(&resolver->options, name_ancestor(fetch->name, labels));
    bool is_forwarded = configured != NULL && !configured->is_stub;
    /* What was learned of a stub zone's children is nearer than the zone; of itself it is not. */
    uint8_t labels_least = configured == NULL ? 0 : configured->zone.label_count;
    struct cache_entry *found = NULL;
    for (; labels > labels_least && found == NULL && !is_forwarded; labels--) {
        found = cache_find_delegation(resolver->cache, name_ancestor(fetch->name, labels), now_ns);
    }
    if (found == NULL && configured != NULL) {
        take_configured(resolver, fetch, configured);
        return FETCH_FIND_ADDRESS;
    }
    if (found == NULL && !fetch->is_priming) {
        found = cache_find_delegation(resolver->cache, NAME_ROOT, now_ns);
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
    if (fetch->waiting_count == 0 && !fetch->is_priming) {
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
        fetch->transport = fetch->candidates[fetch->chosen].is_tls ? TRANSPORT_TLS : TRANSPORT_UDP;
        fetch->has_bad_cookie = false;
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
