/* The authoritative server as a process: from the configuration to the service and its world. */
#include "command/command.h"
#include "command/listen.h"
#include "command/serve.h"
#include "core/zone/zone_check.h"
#include "core/zone/zonefile.h"
#include "service/auth/auth.h"
#include "world/real/threads.h"
#include "world/real/workers.h"

#include <stdio.h>
#include <string.h>

static const size_t ZONE_FILE_LEN_MAX = (size_t)4 << 30;

struct loading {
    struct arena arena;
    const char *file;
};

static void say_problem(void *user, const struct problem *problem)
{
    char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32];
    (void)user;
    fprintf(stderr, "vouch serve: %s\n", problem_print(problem, text, sizeof text));
}

static void say_finding(void *user, enum zone_severity severity, const struct problem *problem)
{
    struct problem placed = *problem;
    if (severity == ZONE_NOTE) {
        return;
    }
    if (placed.place[0] == 0) {
        problem_place(&placed, user, 0, 0);
    }
    say_problem(NULL, &placed);
}

static enum status open_include(void *user, const char *file, struct span *text)
{
    struct loading *loading = user;
    struct problem problem = {0};
    return file_read(file, ZONE_FILE_LEN_MAX, &loading->arena, text, &problem);
}

struct zone *serve_load_zone(const char *file, struct name apex)
{
    struct loading loading = {.file = file};
    struct zonefile_source source = {
        .file = file, .origin = apex, .open_include = open_include, .include_user = &loading};
    struct problem problem = {0};
    struct zone *zone = NULL;
    arena_open(&loading.arena, ZONE_FILE_LEN_MAX);
    enum status status = file_read(file, ZONE_FILE_LEN_MAX, &loading.arena, &source.text, &problem);
    if (status != OK) {
        say_problem(NULL, &problem);
    } else {
        status = zonefile_load(&source, apex, say_problem, NULL, &zone);
    }
    arena_close(&loading.arena);
    char place[PROBLEM_PLACE_MAX];
    snprintf(place, sizeof place, "%s", file);
    if (status == OK && zone_check(zone, say_finding, place) > 0) {
        zone_release(zone);
        return NULL;
    }
    return status == OK ? zone : NULL;
}

static struct zone *reload_zone(void *user, struct name name, const void *origin)
{
    const struct serve_zone *zone = origin;
    (void)user;
    return zone == NULL || zone->file == NULL ? NULL : serve_load_zone(zone->file, name);
}

enum status serve_open_world(const struct serve *serve, const char *section, const char *name,
                             struct world **world, struct problem *problem)
{
    struct world_options options = {
        .name = name,
        .log_level = command_log_level(config_text(serve->config, "server", 0, "log-level")),
        .upstream_port = serve->upstream_port,
        .is_sandboxed = config_bool(serve->config, "server", 0, "sandbox"),
    };
    enum status status = world_open(&options, world, problem);
    const char *control = config_text(serve->config, section, 0, "control");
    if (status == OK && control != NULL) {
        status = world_listen_control(*world, control, problem);
    }
    return status == OK ? listen_open_metrics(serve->config, section, *world, problem) : status;
}

static enum status link_address(const struct serve *serve, struct address *address)
{
    return address_read(span_of_text(config_text(serve->config, "signer", 0, "listen")),
                        SERVE_DNS_PORT, address);
}

enum status serve_make_primary(const struct serve_zone *zone, struct world *world,
                               struct auth_peer *primary, struct problem *problem)
{
    *primary = (struct auth_peer){.address = zone->primary, .key = zone->primary_key};
    if (zone->primary_tls_name == NULL) {
        return OK;
    }
    const struct world_tls_peer peer = {zone->primary_tls_name, {.ca_file = zone->primary_tls_ca}};
    primary->is_tls = true;
    return world_add_tls_peer(world, &peer, &primary->tls_peer, problem);
}

/* Where there is a signer zones come from it; else as configured. */
static enum status set_source(const struct serve *serve, const struct serve_zone *zone,
                              struct world *world, struct auth_zone_options *options,
                              struct problem *problem)
{
    if (serve_has_signer(serve)) {
        options->forwards_updates = zone->update_rule_count > 0;
        options->primary.key = serve->link;
        return link_address(serve, &options->primary.address);
    }
    if (zone->has_primary) {
        return serve_make_primary(zone, world, &options->primary, problem);
    }
    options->fixed = serve_load_zone(zone->file, zone->name);
    return options->fixed != NULL ? OK : MALFORMED;
}

static enum status make_zone(struct serve *serve, const struct serve_zone *zone,
                             struct world *world, struct auth_zone_options *options,
                             struct problem *problem)
{
    struct auth_peer *notify = arena_take_array(&serve->arena, zone->notify_count, sizeof *notify);
    struct auth_grant *grants = arena_take_array(&serve->arena, zone->grant_count, sizeof *grants);
    if (notify == NULL || grants == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    for (size_t i = 0; i < zone->notify_count; i++) {
        notify[i] = (struct auth_peer){zone->notify[i], NULL};
    }
    for (size_t i = 0; i < zone->grant_count; i++) {
        grants[i] = (struct auth_grant){zone->grants[i].key, zone->grants[i].address};
    }
    *options = (struct auth_zone_options){.name = zone->name,
                                          .origin = zone,
                                          .notify = notify,
                                          .notify_count = zone->notify_count,
                                          .grants = grants,
                                          .grant_count = zone->grant_count};
    enum status status = set_source(serve, zone, world, options, problem);
    return status == OK || problem->status != OK
               ? status
               : problem_set(problem, status, "the zone %.200s cannot be served", zone->text);
}

static const char *server_text(const struct serve *serve, const char *option)
{
    return config_text(serve->config, "server", 0, option);
}

/* A worker for each processor, if nothing else is said. */
static enum status use_workers(const struct serve *serve, struct world *world,
                               struct problem *problem)
{
    unsigned count = server_text(serve, "workers") == NULL
                         ? threads_processors()
                         : (unsigned)config_number(serve->config, "server", 0, "workers");
    enum status status = world_use_workers(world, count);
    return status == OK ? OK
                        : problem_set(problem, status, "there is no memory for %u workers", count);
}

/* Opens the service in its world. The fixed zones' first references are in `zones`. */
static enum status open_auth(struct serve *serve, struct world *world,
                             struct auth_zone_options *zones, struct auth **auth,
                             struct problem *problem)
{
    struct auth_options options = serve->answers;
    options.zones = zones;
    options.zone_count = serve->zone_count;
    options.keys = serve->keys;
    options.key_count = serve->key_count;
    options.entropy = world_entropy(world);
    options.log = world_log(world);
    options.reload = reload_zone;
    options.reload_user = serve;
    enum status status = OK;
    const char *state = server_text(serve, "state");
    if (state != NULL) {
        options.disk = arena_take(&serve->arena, sizeof *options.disk);
        status = options.disk == NULL ? NO_MEMORY : world_disk(world, state, options.disk, problem);
    }
    if (status == OK) {
        status = use_workers(serve, world, problem);
        options.grace = status == OK ? world_grace(world) : NULL;
    }
    listen_set_limits(serve->config, world);
    for (size_t i = 0; i < serve->listen_count && status == OK; i++) {
        status = world_listen_dns(world, serve->listen[i], problem);
    }
    status = status == OK ? listen_open_tls(serve->config, world, problem) : status;
    for (size_t i = 0; i < serve->zone_count && status == OK; i++) {
        status = make_zone(serve, &serve->zones[i], world, &zones[i], problem);
    }
    return status != OK ? status : auth_open(&options, auth, problem);
}

int serve_run_auth(struct serve *serve)
{
    struct problem problem = {0};
    struct world *world = NULL;
    struct auth *auth = NULL;
    int code = EXIT_FAILED;
    struct auth_zone_options *zones =
        arena_take_array(&serve->arena, serve->zone_count, sizeof *zones);
    enum status status = zones == NULL ? NO_MEMORY : serve_open_link(serve, &problem);
    if (status == OK) {
        status = serve_open_world(serve, "server", "auth", &world, &problem);
    }
    if (status == OK) {
        status = open_auth(serve, world, zones, &auth, &problem);
    }
    if (status == OK) {
        code = world_run(world, (struct node){auth_handle, auth, auth_answer});
    } else {
        code = command_failed("serve", &problem);
    }
    auth_close(auth);
    for (size_t i = 0; zones != NULL && i < serve->zone_count; i++) {
        /* The reference that loading gave; the service had its own. */
        zone_release((struct zone *)(uintptr_t)zones[i].fixed);
    }
    world_close(world);
    return code;
}
