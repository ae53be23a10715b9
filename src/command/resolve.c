/* `vouch resolve`: the resolver's configuration, and the resolver in the real world. */
#include "command/commands.h"
#include "command/listen.h"
#include "command/sandbox.h"
#include "core/base/config.h"
#include "core/base/text.h"
#include "service/resolver/resolver.h"
#include "service/resolver/resolver_limits.h"
#include "world/real/threads.h"
#include "world/real/workers.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>

enum { DNS_PORT = 53, FILE_LEN_MAX = 1 << 20, ARENA_MAX = 64 << 20, ANCHORS_MAX = 256 };

static const struct config_section sections[] = {
    {"server", false, "where clients ask"},
    {"resolver", false, "how answers are found and judged"},
};

static const struct config_option options[] = {
    {.section = "server",
     .name = "listen",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .is_required = true,
     .help = "address to answer clients on, UDP and TCP"},
    LISTEN_TLS_AND_LIMITS,
    COMMAND_CONTROL_OPTION,
    COMMAND_METRICS_OPTIONS("server"),
    {.section = "server",
     .name = "allow",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "clients that may ask, ADDRESS/BITS; none: all"},
    COMMAND_LOG_LEVEL_OPTION,
    {.section = "server",
     .name = "workers",
     .kind = CONFIG_NUMBER,
     .max = 256,
     .help = "threads that answer from the cache by UDP; 0: the one that does all else; unset: one "
             "a processor"},
    SANDBOX_OPTIONS,
    {.section = "resolver",
     .name = "validate",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "check signatures; no: believe every answer"},
    {.section = "resolver",
     .name = "trust-anchor-file",
     .kind = CONFIG_PATH,
     .is_list = true,
     .help =
         "DS or DNSKEY records of zones that are trusted as they stand; none: the root's, which "
         "IANA has published in 2017 and 2024"},
    {.section = "resolver",
     .name = "domain-insecure",
     .kind = CONFIG_NAME,
     .is_list = true,
     .help = "zones that are never validated, and whose clients are told so (RFC 7646)"},
    {.section = "resolver",
     .name = "root-hint",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "address of a root server; none: the real ones"},
    {.section = "resolver",
     .name = "forward",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "resolver to ask instead of the name servers"},
    {.section = "resolver",
     .name = "ask-only",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "name servers outside these ADDRESS/BITS are never asked; none: all may be"},
    {.section = "resolver",
     .name = "do-not-query-address",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .help = "name servers inside these ADDRESS/BITS are never asked"},
    {.section = "resolver",
     .name = "do-ip4",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "ask name servers over IPv4"},
    {.section = "resolver",
     .name = "cache-size",
     .kind = CONFIG_NUMBER,
     .default_value = "67108864",
     .min = 1 << 16,
     .max = (uint64_t)1 << 40,
     .help = "octets"},
    {.section = "resolver",
     .name = "cache-max-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1d",
     .help = "nothing is kept longer"},
    {.section = "resolver",
     .name = "cache-max-negative-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1h",
     .help = "no absence is kept longer"},
    {.section = "resolver",
     .name = "do-ip6",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "ask name servers over IPv6 too"},
    {.section = "resolver",
     .name = "qname-minimisation",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "show each server only as much of a name as it needs to refer further (RFC 9156)"},
    {.section = "resolver",
     .name = "use-caps-for-id",
     .kind = CONFIG_BOOL,
     .default_value = "no",
     .help = "random case in questions (0x20)"},
};

static const struct config_schema schema = {sections, LEN(sections), options, LEN(options)};

/* IPv4 addresses of a to m.root-servers.net, as IANA's root hints of 2026 have them. */
static const char *const root_servers[] = {
    "198.41.0.4",   "170.247.170.2", "192.33.4.12",   "199.7.91.13",   "192.203.230.10",
    "192.5.5.241",  "192.112.36.4",  "198.97.190.53", "192.36.148.17", "192.58.128.30",
    "193.0.14.129", "199.7.83.42",   "202.12.27.33",
};

/* The keys of the root, as IANA's root-anchors.xml has them: that of 2017 and its successor of
 * 2024. */
static const char root_anchors[] =
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n";

struct resolving {
    struct arena arena;
    const char *file;
    struct config *config;
    struct resolver_options options;
    uint16_t upstream_port;
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
        enum status status = address_read(span_of_text(text), DNS_PORT, &addresses[i]);
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

static enum status default_anchors(struct resolving *resolving)
{
    struct resolver_options *filled = &resolving->options;
    struct problem problem = {0};
    enum status status = trust_anchors_read(span_of_text(root_anchors), &resolving->arena,
                                            &filled->anchors, &filled->anchor_count, &problem);
    require(status == OK || status == NO_MEMORY);
    return status;
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

static enum status read_anchors(struct resolving *resolving, struct problem *problem)
{
    struct config *config = resolving->config;
    size_t files = config_list_count(config, "resolver", 0, "trust-anchor-file");
    struct trust_anchor *all = arena_take_array(&resolving->arena, ANCHORS_MAX, sizeof *all);
    size_t count = 0;
    enum status status = all == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < files && status == OK; i++) {
        const char *file = config_list_at(config, "resolver", 0, "trust-anchor-file", i);
        struct span text;
        const struct trust_anchor *read = NULL;
        size_t read_count = 0;
        status = file_read(file, FILE_LEN_MAX, &resolving->arena, &text, problem);
        status = status == OK
                     ? trust_anchors_read(text, &resolving->arena, &read, &read_count, problem)
                     : status;
        if (status == OK && count + read_count > ANCHORS_MAX) {
            return problem_set(problem, LIMIT_REACHED, "more than %d trust anchors", ANCHORS_MAX);
        }
        for (size_t j = 0; j < read_count && status == OK; j++) {
            all[count++] = read[j];
        }
    }
    resolving->options.anchors = all;
    resolving->options.anchor_count = count;
    if (status == OK && files == 0) {
        return default_anchors(resolving);
    }
    if (status == OK && resolving->options.is_validating && count == 0) {
        problem_place(problem, resolving->file, config_line(config, "resolver", 0), 1);
        return problem_set(problem, BAD_ARGUMENT,
                           "there is no DS or DNSKEY record in any "
                           "trust-anchor-file");
    }
    return status;
}

static enum status default_hints(struct resolving *resolving)
{
    struct address *hints = arena_take_array(&resolving->arena, LEN(root_servers), sizeof *hints);
    if (hints == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < LEN(root_servers); i++) {
        enum status status = address_read(span_of_text(root_servers[i]), DNS_PORT, &hints[i]);
        require(status == OK);
    }
    resolving->options.root_hints = hints;
    resolving->options.root_hint_count = LEN(root_servers);
    return OK;
}

static enum status read_options(struct resolving *resolving, struct problem *problem)
{
    struct config *config = resolving->config;
    struct resolver_options *filled = &resolving->options;
    filled->is_validating = config_bool(config, "resolver", 0, "validate");
    filled->cache_size = (size_t)config_number(config, "resolver", 0, "cache-size");
    filled->ttl_max_s = (uint32_t)config_number(config, "resolver", 0, "cache-max-ttl");
    filled->negative_ttl_max_s =
        (uint32_t)config_number(config, "resolver", 0, "cache-max-negative-ttl");
    filled->avoids_ipv4 = !config_bool(config, "resolver", 0, "do-ip4");
    filled->uses_ipv6 = config_bool(config, "resolver", 0, "do-ip6");
    filled->minimises_names = config_bool(config, "resolver", 0, "qname-minimisation");
    filled->mixes_case = config_bool(config, "resolver", 0, "use-caps-for-id");
    enum status status =
        read_addresses(resolving, "root-hint", &filled->root_hints, &filled->root_hint_count);
    status = status == OK ? read_addresses(resolving, "forward", &filled->forwarders,
                                           &filled->forwarder_count)
                          : status;
    status = status == OK && filled->root_hint_count == 0 ? default_hints(resolving) : status;
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
    return status == OK ? read_anchors(resolving, problem) : status;
}

static enum status open_world(struct resolving *resolving, struct world **world,
                              struct problem *problem)
{
    struct config *config = resolving->config;
    struct world_options world_options = {
        .name = "resolver",
        .log_level = command_log_level(config_text(config, "server", 0, "log-level")),
        .upstream_port = resolving->upstream_port,
    };
    sandbox_set(config, &world_options);
    const char *control = config_text(config, "server", 0, "control");
    enum status status = world_open(&world_options, world, problem);
    status =
        status == OK && control != NULL ? world_listen_control(*world, control, problem) : status;
    unsigned workers = config_text(config, "server", 0, "workers") == NULL
                           ? threads_processors()
                           : (unsigned)config_number(config, "server", 0, "workers");
    status = status == OK ? world_use_workers(*world, workers) : status;
    if (status == OK) {
        sandbox_keep(config, resolving->file, *world);
        listen_set_limits(config, *world);
    }
    for (size_t i = 0; i < config_list_count(config, "server", 0, "listen") && status == OK; i++) {
        struct address address;
        const char *text = config_list_at(config, "server", 0, "listen", i);
        status = address_read(span_of_text(text), DNS_PORT, &address);
        status = status == OK ? world_listen_dns(*world, address, problem) : status;
    }
    status = status == OK ? listen_open_metrics(config, "server", *world, problem) : status;
    return status == OK ? listen_open_tls(config, *world, problem) : status;
}

static int run(struct resolving *resolving)
{
    struct problem problem = {0};
    struct world *world = NULL;
    struct resolver *resolver = NULL;
    int code = EXIT_FAILED;
    enum status status = open_world(resolving, &world, &problem);
    if (status == OK) {
        resolving->options.entropy = world_entropy(world);
        resolving->options.log = world_log(world);
        resolving->options.grace = world_grace(world);
        status = resolver_open(&resolving->options, &resolver);
    }
    if (status == OK) {
        code = world_run(world, (struct node){resolver_handle, resolver, resolver_answer});
    } else {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        code = command_failed("resolve", &problem);
    }
    resolver_close(resolver);
    world_close(world);
    return code;
}

static int read_and_run(struct resolving *resolving, bool is_check)
{
    struct problem problem = {0};
    struct span text;
    enum status status =
        file_read(resolving->file, FILE_LEN_MAX, &resolving->arena, &text, &problem);
    status = status == OK ? config_read(&schema, resolving->file, text, &resolving->arena,
                                        &resolving->config, &problem)
                          : status;
    status = status == OK ? read_options(resolving, &problem) : status;
    if (status != OK) {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        return command_failed("resolve", &problem);
    }
    return is_check ? EXIT_DONE : run(resolving);
}

static int resolve_run(int argc, char **argv)
{
    struct command_option given[] = {
        {.name = "--config", .takes_value = true},
        {.name = "--check-config"},
        {.name = "--upstream-port", .takes_value = true},
    };
    int word_count = 0;
    uint64_t port = 0;
    int code = command_parse(argc, argv, given, LEN(given), &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    if (word_count != 0 || command_value(&given[0]) == NULL) {
        return command_usage_error("resolve", "it takes --config FILE and no words");
    }
    if (command_value(&given[2]) != NULL &&
        text_read_u64(span_of_text(command_value(&given[2])), UINT16_MAX, &port) != OK) {
        return command_usage_error("resolve", "--upstream-port takes a port");
    }
    struct resolving resolving = {.file = command_value(&given[0]),
                                  .upstream_port = (uint16_t)port};
    arena_open(&resolving.arena, ARENA_MAX);
    code = read_and_run(&resolving, given[1].count > 0);
    arena_close(&resolving.arena);
    return code;
}

const struct command COMMAND_RESOLVE = {
    .name = "resolve",
    .summary = "resolve, validate and cache",
    .usage = "usage: vouch resolve --config FILE [--check-config] [--upstream-port PORT]\n"
             "\n"
             "Runs the resolver. --check-config reads the file and says what is wrong with it.\n"
             "--upstream-port is for labs: name servers are asked on that port instead of 53.\n",
    .run = resolve_run,
    .schema = &schema,
};
