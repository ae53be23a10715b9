/* The zones whose servers the operator named: sections `forward-zone` and `stub-zone`. */
#include "command/listen.h"
#include "command/resolve.h"

#include <string.h>

/* The two kinds of sections and their words. */
static const struct zone_kind {
    const char *section;
    const char *addr;
    const char *tls;
    bool is_stub;
} KINDS[] = {
    {"forward-zone", "forward-addr", "forward-tls-upstream", false},
    {"stub-zone", "stub-addr", "stub-tls-upstream", true},
};

struct zones_reading {
    struct resolving *resolving;
    struct world *world;
    struct resolver_zone *zones;
    size_t count;
    struct problem *problem;
};

/* Over TLS a server without a name could be anybody. */
static enum status server_secure(const struct zones_reading *reading, const char *name,
                                 struct resolver_server *server)
{
    struct resolving *resolving = reading->resolving;
    if (name == NULL) {
        return problem_set(reading->problem, BAD_ARGUMENT,
                           "over TLS it takes ADDRESS#NAME, the name in the server's certificate");
    }
    const struct world_tls_peer peer = {
        name, {.ca_file = config_text(resolving->config, "resolver", 0, "tls-cert-bundle")}};
    server->is_tls = true;
    return reading->world == NULL
               ? OK
               : world_add_tls_peer(reading->world, &peer, &server->tls_peer, reading->problem);
}

/* "ADDRESS[@PORT][#NAME]" */
static enum status server_read(const struct zones_reading *reading, const char *text, bool is_tls,
                               struct resolver_server *server)
{
    const char *mark = strchr(text, '#');
    size_t len = mark == NULL ? strlen(text) : (size_t)(mark - text);
    const char *name = mark == NULL || mark[1] == 0 ? NULL : mark + 1;
    uint16_t port = is_tls ? LISTEN_TLS_PORT : RESOLVE_DNS_PORT;
    if (address_read(span_of(text, len), port, &server->address) != OK) {
        return problem_set(reading->problem, MALFORMED, "\"%.100s\" is no ADDRESS[@PORT][#NAME]",
                           text);
    }
    return is_tls ? server_secure(reading, name, server) : OK;
}

static enum status zone_read(struct zones_reading *reading, const struct zone_kind *kind,
                             size_t index)
{
    struct resolving *resolving = reading->resolving;
    const struct config *config = resolving->config;
    struct resolver_zone *zone = &reading->zones[reading->count++];
    struct name_buffer buffer;
    struct name name;
    problem_place(reading->problem, resolving->file, config_line(config, kind->section, index), 1);
    enum status status = name_parse(span_of_text(config_text(config, kind->section, index, "name")),
                                    &NAME_ROOT, &buffer, &name, reading->problem);
    zone->is_stub = kind->is_stub;
    status = status == OK ? name_copy(&resolving->arena, name, &zone->zone) : status;
    for (size_t i = 0; i + 1 < reading->count && status == OK; i++) {
        if (name_equal(reading->zones[i].zone, zone->zone)) {
            return problem_set(reading->problem, EXISTS, "this zone has servers already");
        }
    }
    zone->server_count = config_list_count(config, kind->section, index, kind->addr);
    bool is_tls = config_bool(config, kind->section, index, kind->tls);
    struct resolver_server *servers =
        arena_take_array(&resolving->arena, zone->server_count, sizeof *servers);
    status = status == OK && servers == NULL ? NO_MEMORY : status;
    for (size_t i = 0; i < zone->server_count && status == OK; i++) {
        const char *text = config_list_at(config, kind->section, index, kind->addr, i);
        servers[i] = (struct resolver_server){0};
        status = server_read(reading, text, is_tls, &servers[i]);
    }
    zone->servers = servers;
    return status;
}

/* `forward` of section "resolver" is the root's forward zone in one word. */
static enum status root_read(struct zones_reading *reading)
{
    struct resolving *resolving = reading->resolving;
    size_t count = config_list_count(resolving->config, "resolver", 0, "forward");
    if (count == 0) {
        return OK;
    }
    struct resolver_server *servers = arena_take_array(&resolving->arena, count, sizeof *servers);
    enum status status = servers == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        const char *text = config_list_at(resolving->config, "resolver", 0, "forward", i);
        servers[i] = (struct resolver_server){0};
        status = server_read(reading, text, false, &servers[i]);
    }
    reading->zones[reading->count++] =
        (struct resolver_zone){.zone = NAME_ROOT, .servers = servers, .server_count = count};
    return status;
}

enum status resolve_read_zones(struct resolving *resolving, struct world *world,
                               struct problem *problem)
{
    size_t count_max = 1;
    for (size_t i = 0; i < LEN(KINDS); i++) {
        count_max += config_count(resolving->config, KINDS[i].section);
    }
    struct zones_reading reading = {.resolving = resolving, .world = world, .problem = problem};
    reading.zones = arena_take_array(&resolving->arena, count_max, sizeof *reading.zones);
    enum status status = reading.zones == NULL ? NO_MEMORY : root_read(&reading);
    for (size_t i = 0; i < LEN(KINDS); i++) {
        size_t count = config_count(resolving->config, KINDS[i].section);
        for (size_t j = 0; j < count && status == OK; j++) {
            status = zone_read(&reading, &KINDS[i], j);
        }
    }
    resolving->options.zones = reading.zones;
    resolving->options.zone_count = reading.count;
    return status;
}
