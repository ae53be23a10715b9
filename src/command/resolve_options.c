/* What the configuration of `vouch resolve` means: files are read, and what is left unsaid gets the
 * values of the real Internet. */
#include "command/listen.h"
#include "command/resolve.h"
#include "core/zone/zonefile.h"
#include "service/resolver/resolver_limits.h"

enum { HINTS_MAX = 64 };

/* Addresses of a to m.root-servers.net, as IANA's root hints of 2026 have them. */
static const char *const ROOT_SERVERS[] = {
    "198.41.0.4",      "170.247.170.2",       "192.33.4.12",        "199.7.91.13",
    "192.203.230.10",  "192.5.5.241",         "192.112.36.4",       "198.97.190.53",
    "192.36.148.17",   "192.58.128.30",       "193.0.14.129",       "199.7.83.42",
    "202.12.27.33",    "2001:503:ba3e::2:30", "2801:1b8:10::b",     "2001:500:2::c",
    "2001:500:2d::d",  "2001:500:a8::e",      "2001:500:2f::f",     "2001:500:12::d0d",
    "2001:500:1::53",  "2001:7fe::53",        "2001:503:c27::2:30", "2001:7fd::1",
    "2001:500:9f::42", "2001:dc3::35",
};

/* A list of addresses of the "resolver" section. */
static enum status read_addresses(struct resolving *resolving, const char *option,
                                  const struct address **list, size_t *count)
{
    size_t given = config_list_count(resolving->config, "resolver", 0, option);
    struct address *addresses = arena_take_array(&resolving->arena, given, sizeof *addresses);
    if (addresses == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < given; i++) {
        const char *text = config_list_at(resolving->config, "resolver", 0, option, i);
        enum status status = address_read(span_of_text(text), RESOLVE_DNS_PORT, &addresses[i]);
        if (status != OK) {
            return status;
        }
    }
    *list = addresses;
    *count = given;
    return OK;
}

static enum status read_prefixes(struct resolving *resolving, const char *section,
                                 const char *option, const struct resolver_prefix **list,
                                 size_t *count, struct problem *problem)
{
    size_t given = config_list_count(resolving->config, section, 0, option);
    struct resolver_prefix *prefixes = arena_take_array(&resolving->arena, given, sizeof *prefixes);
    if (prefixes == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < given; i++) {
        const char *text = config_list_at(resolving->config, section, 0, option, i);
        if (resolver_prefix_read(span_of_text(text), &prefixes[i]) != OK) {
            problem_place(problem, resolving->file, config_line(resolving->config, section, 0), 1);
            return problem_set(problem, MALFORMED, "%s: \"%.100s\" is no ADDRESS/BITS", option,
                               text);
        }
    }
    *list = prefixes;
    *count = given;
    return OK;
}

static enum status read_insecure(struct resolving *resolving, struct problem *problem)
{
    struct config *config = resolving->config;
    size_t count = config_list_count(config, "resolver", 0, "domain-insecure");
    struct name *names = arena_take_array(&resolving->arena, count, sizeof *names);
    struct name_buffer *octets = arena_take_array(&resolving->arena, count, sizeof *octets);
    if (names == NULL || octets == NULL) {
        return NO_MEMORY;
    }
    if (count > RESOLVER_NTAS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "domain-insecure: more than %d zones",
                           RESOLVER_NTAS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = config_list_at(config, "resolver", 0, "domain-insecure", i);
        enum status status = name_parse(span_of_text(text), NULL, &octets[i], &names[i], problem);
        if (status != OK) {
            return status;
        }
    }
    resolving->options.insecure = names;
    resolving->options.insecure_count = count;
    return OK;
}

/* --- the root's servers --- */

static enum status default_hints(struct resolving *resolving)
{
    size_t count = LEN(ROOT_SERVERS);
    struct address *hints = arena_take_array(&resolving->arena, count, sizeof *hints);
    if (hints == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        enum status status =
            address_read(span_of_text(ROOT_SERVERS[i]), RESOLVE_DNS_PORT, &hints[i]);
        require(status == OK);
    }
    resolving->options.root_hints = hints;
    resolving->options.root_hint_count = count;
    return OK;
}

struct hints {
    struct address *addresses;
    size_t count;
    struct problem *problem;
};

/* The names of the servers are of no use: their addresses are all that is asked of the file. */
static enum status hint_add(void *user, const struct rrset *record, uint32_t line)
{
    struct hints *hints = user;
    struct rrset_cursor cursor = rrset_first(record);
    struct span rdata;
    (void)line;
    if ((record->type != TYPE_A && record->type != TYPE_AAAA) || !rrset_next(&cursor, &rdata)) {
        return OK;
    }
    return hints->count == HINTS_MAX
               ? LIMIT_REACHED
               : address_of_rdata(rdata, RESOLVE_DNS_PORT, &hints->addresses[hints->count++]);
}

static void hint_problem(void *user, const struct problem *problem)
{
    struct hints *hints = user;
    if (hints->problem->status == OK) {
        *hints->problem = *problem;
    }
}

static enum status read_hints(struct resolving *resolving, struct problem *problem)
{
    enum { TTL_S = 3600000 }; /* where the file gives none; nobody looks at it */
    struct zonefile_source source = {
        .file = config_text(resolving->config, "resolver", 0, "root-hints"),
        .origin = NAME_ROOT,
        .ttl_default_s = TTL_S};
    if (source.file == NULL) {
        return default_hints(resolving);
    }
    struct hints hints = {.problem = problem};
    hints.addresses = arena_take_array(&resolving->arena, HINTS_MAX, sizeof *hints.addresses);
    enum status status = hints.addresses == NULL
                             ? NO_MEMORY
                             : file_read(source.file, RESOLVE_FILE_LEN_MAX, &resolving->arena,
                                         &source.text, problem);
    struct zonefile_sink sink = {.record = hint_add, .problem = hint_problem, .user = &hints};
    status = status == OK ? zonefile_read(&source, &sink) : status;
    if (status == OK && hints.count == 0) {
        problem_place(problem, source.file, 0, 0);
        return problem_set(problem, NOT_FOUND, "there is no address of a root server in it");
    }
    resolving->options.root_hints = hints.addresses;
    resolving->options.root_hint_count = hints.count;
    return status;
}

enum status resolve_read_options(struct resolving *resolving, struct problem *problem)
{
    struct config *config = resolving->config;
    struct resolver_options *filled = &resolving->options;
    filled->primes_root = true;
    filled->is_validating = config_bool(config, "resolver", 0, "validate");
    filled->cache_size = (size_t)config_number(config, "resolver", 0, "cache-size");
    filled->ttl_min_s = (uint32_t)config_number(config, "resolver", 0, "cache-min-ttl");
    filled->ttl_max_s = (uint32_t)config_number(config, "resolver", 0, "cache-max-ttl");
    filled->negative_ttl_max_s =
        (uint32_t)config_number(config, "resolver", 0, "cache-max-negative-ttl");
    filled->reuses_denials = config_bool(config, "resolver", 0, "aggressive-nsec");
    filled->prefetches = config_bool(config, "resolver", 0, "prefetch");
    filled->serves_stale = config_bool(config, "resolver", 0, "serve-expired");
    filled->stale_ttl_max_s = (uint32_t)config_number(config, "resolver", 0, "serve-expired-ttl");
    filled->stale_reply_ttl_s =
        (uint32_t)config_number(config, "resolver", 0, "serve-expired-reply-ttl");
    filled->stale_wait_ms =
        (uint32_t)config_number(config, "resolver", 0, "serve-expired-client-timeout");
    filled->late_ms = (uint32_t)config_number(config, "resolver", 0, "discard-timeout");
    filled->client_waiting_max = (uint32_t)config_number(config, "resolver", 0, "wait-limit");
    filled->zone_open_max = (uint32_t)config_number(config, "resolver", 0, "fetches-per-zone");
    filled->zone_rate_max = (uint32_t)config_number(config, "resolver", 0, "ratelimit");
    filled->zone_rate_factor = (uint32_t)config_number(config, "resolver", 0, "ratelimit-factor");
    filled->avoids_ipv4 = !config_bool(config, "resolver", 0, "do-ip4");
    filled->uses_ipv6 = config_bool(config, "resolver", 0, "do-ip6");
    filled->minimises_names = config_bool(config, "resolver", 0, "qname-minimisation");
    filled->accepts_sha1 = config_bool(config, "resolver", 0, "accept-sha1");
    filled->wants_all_algorithms = config_bool(config, "resolver", 0, "harden-algo-downgrade");
    filled->obeys_sentinels = config_bool(config, "resolver", 0, "root-key-sentinel");
    filled->signals_anchors = config_bool(config, "resolver", 0, "trust-anchor-signaling");
    filled->reports_errors = config_bool(config, "resolver", 0, "dns-error-reporting");
    filled->mixes_case = config_bool(config, "resolver", 0, "use-caps-for-id");
    enum status status =
        read_addresses(resolving, "root-hint", &filled->root_hints, &filled->root_hint_count);
    status = status == OK && filled->root_hint_count == 0 ? read_hints(resolving, problem) : status;
    status = status == OK ? read_prefixes(resolving, "server", "allow", &filled->allowed,
                                          &filled->allowed_count, problem)
                          : status;
    status = status == OK ? read_prefixes(resolving, "resolver", "ask-only", &filled->ask_only,
                                          &filled->ask_only_count, problem)
                          : status;
    status = status == OK ? read_prefixes(resolving, "resolver", "do-not-query-address",
                                          &filled->never_asked, &filled->never_asked_count, problem)
                          : status;
    status = status == OK ? read_insecure(resolving, problem) : status;
    return status == OK ? resolve_read_anchors(resolving, problem) : status;
}
