/* The resolver's options as a scenario gives them, under their configured names. */
#include "service/resolver/scenario_parts.h"

#include <string.h>

enum option_kind { OPTION_BOOL, OPTION_U32, OPTION_SIZE };

static const struct {
    const char *name;
    enum option_kind kind;
    size_t place;
} OPTIONS[] = {
    {"validate", OPTION_BOOL, offsetof(struct resolver_options, is_validating)},
    {"cache-size", OPTION_SIZE, offsetof(struct resolver_options, cache_size)},
    {"cache-max-ttl", OPTION_U32, offsetof(struct resolver_options, ttl_max_s)},
    {"cache-max-negative-ttl", OPTION_U32, offsetof(struct resolver_options, negative_ttl_max_s)},
    {"aggressive-nsec", OPTION_BOOL, offsetof(struct resolver_options, reuses_denials)},
    {"cache-min-ttl", OPTION_U32, offsetof(struct resolver_options, ttl_min_s)},
    {"prefetch", OPTION_BOOL, offsetof(struct resolver_options, prefetches)},
    {"serve-expired", OPTION_BOOL, offsetof(struct resolver_options, serves_stale)},
    {"serve-expired-ttl", OPTION_U32, offsetof(struct resolver_options, stale_ttl_max_s)},
    {"serve-expired-reply-ttl", OPTION_U32, offsetof(struct resolver_options, stale_reply_ttl_s)},
    {"serve-expired-client-timeout", OPTION_U32, offsetof(struct resolver_options, stale_wait_ms)},
    {"discard-timeout", OPTION_U32, offsetof(struct resolver_options, late_ms)},
    {"wait-limit", OPTION_U32, offsetof(struct resolver_options, client_waiting_max)},
    {"fetches-per-zone", OPTION_U32, offsetof(struct resolver_options, zone_open_max)},
    {"ratelimit", OPTION_U32, offsetof(struct resolver_options, zone_rate_max)},
    {"ratelimit-factor", OPTION_U32, offsetof(struct resolver_options, zone_rate_factor)},
    {"do-ip6", OPTION_BOOL, offsetof(struct resolver_options, uses_ipv6)},
    {"prime-root", OPTION_BOOL, offsetof(struct resolver_options, primes_root)},
    {"qname-minimisation", OPTION_BOOL, offsetof(struct resolver_options, minimises_names)},
    {"accept-sha1", OPTION_BOOL, offsetof(struct resolver_options, accepts_sha1)},
    {"harden-algo-downgrade", OPTION_BOOL, offsetof(struct resolver_options, wants_all_algorithms)},
    {"root-key-sentinel", OPTION_BOOL, offsetof(struct resolver_options, obeys_sentinels)},
    {"trust-anchor-signaling", OPTION_BOOL, offsetof(struct resolver_options, signals_anchors)},
    {"dns-error-reporting", OPTION_BOOL, offsetof(struct resolver_options, reports_errors)},
    {"use-caps-for-id", OPTION_BOOL, offsetof(struct resolver_options, mixes_case)},
};

static enum status option_address(struct scenario *scenario, struct span value,
                                  const struct address **list, size_t *count)
{
    if (scenario->address_count == SCENARIO_ADDRESSES_MAX) {
        return scenario_fail(scenario, "too many addresses");
    }
    struct address *place = &scenario->addresses[scenario->address_count++];
    /* Those of one list stand together: it grows only while it is the last. */
    if (*count > 0 && &(*list)[*count] != place) {
        return scenario_fail(scenario, "the addresses of one option stand one after another");
    }
    *list = *count == 0 ? place : *list;
    *count += 1;
    return scenario_address(scenario, value, place);
}

static enum status option_set(struct scenario *scenario, size_t index, struct span value)
{
    char *place = (char *)&scenario->options + OPTIONS[index].place;
    uint64_t number = 0;
    enum status status = OK;
    bool is_yes = scenario_is(value, "yes");
    switch (OPTIONS[index].kind) {
    case OPTION_BOOL:
        memcpy(place, &is_yes, sizeof is_yes);
        return is_yes || scenario_is(value, "no") ? OK : scenario_fail(scenario, "yes or no?");
    case OPTION_U32:
        status = scenario_number(scenario, value, &number);
        memcpy(place, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
        return status;
    case OPTION_SIZE:
        status = scenario_number(scenario, value, &number);
        memcpy(place, &(size_t){(size_t)number}, sizeof(size_t));
        return status;
    }
    return status;
}

/* "forward-zone: ZONE ADDRESS ...", "stub-zone: ZONE ADDRESS ..." */
static enum status option_zone(struct scenario *scenario, bool is_stub, struct span line)
{
    enum { ZONE_SERVERS_MAX = 4 };
    struct resolver_options *options = &scenario->options;
    struct resolver_server *servers =
        arena_take_array(&scenario->arena, ZONE_SERVERS_MAX, sizeof *servers);
    if (servers == NULL || options->zone_count == SCENARIO_ZONES_MAX) {
        return scenario_fail(scenario, "too many zones with servers of their own");
    }
    struct resolver_zone *zone = &scenario->zones[options->zone_count++];
    *zone = (struct resolver_zone){.is_stub = is_stub, .servers = servers};
    options->zones = scenario->zones;
    enum status status = scenario_name(scenario, scenario_word(&line), &zone->zone);
    for (struct span word; status == OK && (word = scenario_word(&line)).len > 0;) {
        if (zone->server_count == ZONE_SERVERS_MAX) {
            return scenario_fail(scenario, "too many servers of one zone");
        }
        status = scenario_address(scenario, word, &servers[zone->server_count++].address);
    }
    return status;
}

static enum status option_insecure(struct scenario *scenario, struct span value)
{
    struct name_buffer *octets = arena_take(&scenario->net.arena, sizeof *octets);
    struct name *zone = arena_take(&scenario->net.arena, sizeof *zone);
    if (octets == NULL || zone == NULL || scenario->options.insecure_count > 0 ||
        name_parse(value, NULL, octets, zone, NULL) != OK) {
        return scenario_fail(scenario, "one zone is wanted");
    }
    scenario->options.insecure = zone;
    scenario->options.insecure_count = 1;
    return OK;
}

enum status scenario_option(struct scenario *scenario, struct span name, struct span value)
{
    struct resolver_options *options = &scenario->options;
    for (size_t i = 0; i < LEN(OPTIONS); i++) {
        if (scenario_is(name, OPTIONS[i].name)) {
            return option_set(scenario, i, value);
        }
    }
    if (scenario_is(name, "auto-trust-anchor-file")) {
        return scenario_roll_option(scenario, value);
    }
    if (scenario_is(name, "root-hint")) {
        scenario->has_hints = true;
        return option_address(scenario, value, &options->root_hints, &options->root_hint_count);
    }
    if (scenario_is(name, "domain-insecure")) {
        return option_insecure(scenario, value);
    }
    if (scenario_is(name, "forward-zone") || scenario_is(name, "stub-zone")) {
        return option_zone(scenario, scenario_is(name, "stub-zone"), value);
    }
    return scenario_fail(scenario, "no option \"%.*s\" is known", (int)name.len,
                         (const char *)name.bytes);
}
