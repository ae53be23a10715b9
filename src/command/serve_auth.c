/* The authoritative server as a process: from the configuration to the service and its world. */
#include "command/command.h"
#include "command/listen.h"
#include "command/sandbox.h"
#include "command/serve_manage.h"
#include "core/zone/zone_check.h"
#include "core/zone/zonefile.h"
#include "service/auth/auth.h"
#include "world/real/errands.h"
#include "world/real/threads.h"
#include "world/real/workers.h"

#include <stdio.h>
#include <string.h>

static const size_t ZONE_FILE_LEN_MAX = (size_t)4 << 30;

struct loading {
    struct arena arena;
    const char *file;
    struct zonefile_seen *seen;
    struct problem *first; /* the first fault; NULL: nobody wants it */
};

static void say_problem(void *user, const struct problem *problem)
{
    const struct loading *loading = user;
    char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32];
    problem_print(problem, text, sizeof text);
    fprintf(stderr, "vouch serve: %s\n", text);
    if (loading->first != NULL && loading->first->status == OK) {
        problem_set(loading->first, MALFORMED, "%s", text);
    }
}

static void say_finding(void *user, enum zone_severity severity, const struct problem *problem)
{
    struct loading *loading = user;
    struct loading told = *loading;
    struct problem placed = *problem;
    if (severity == ZONE_NOTE) {
        return;
    }
    if (placed.place[0] == 0) {
        problem_place(&placed, loading->file, 0, 0);
    }
    told.first = severity == ZONE_ERROR ? loading->first : NULL;
    say_problem(&told, &placed);
}

static enum status read_file(struct loading *loading, const char *file, struct span *text,
                             struct problem *problem)
{
    struct file_content content;
    enum status status =
        file_read_seen(file, ZONE_FILE_LEN_MAX, &loading->arena, &content, problem);
    zonefile_seen_add(loading->seen, file, status == OK ? content.state : 0);
    *text = content.text;
    return status;
}

static enum status open_include(void *user, const char *file, struct span *text)
{
    struct problem problem = {0};
    return read_file(user, file, text, &problem);
}

struct zone *serve_load_zone_seen(const char *file, struct name apex, struct zonefile_seen *seen,
                                  struct problem *first)
{
    struct loading loading = {.file = file, .seen = seen, .first = first};
    struct zonefile_source source = {
        .file = file, .origin = apex, .open_include = open_include, .include_user = &loading};
    struct problem problem = {0};
    struct zone *zone = NULL;
    arena_open(&loading.arena, ZONE_FILE_LEN_MAX);
    enum status status = read_file(&loading, file, &source.text, &problem);
    if (status != OK) {
        say_problem(&loading, &problem);
    } else {
        status = zonefile_load(&source, apex, say_problem, &loading, &zone);
    }
    arena_close(&loading.arena);
    if (status == OK && zone_check(zone, say_finding, &loading) > 0) {
        zone_release(zone);
        return NULL;
    }
    return status == OK ? zone : NULL;
}

struct zone *serve_load_zone(const char *file, struct name apex, struct problem *first)
{
    struct zonefile_seen seen = {0};
    struct zone *zone = serve_load_zone_seen(file, apex, &seen, first);
    zonefile_seen_close(&seen);
    return zone;
}

/* All that is read again: the configuration, its secrets, and zones, those to come included. */
static void keep_files(const struct serve *serve, struct world *world)
{
    sandbox_keep(serve->config, serve->has_file ? serve->file : NULL, world);
    for (size_t i = 0; i < config_count(serve->config, "key"); i++) {
        world_keep_file(world, config_text(serve->config, "key", i, "secret-file"), false);
    }
    for (size_t i = 0; i < serve->zone_count; i++) {
        world_keep_file(world, serve->zones[i].file, false);
    }
    for (size_t i = 0; i < serve->pattern_count; i++) {
        char path[SERVE_PATH_MAX];
        const char *file = serve->patterns[i].file;
        if (file != NULL) { /* up to where the zone's name stands */
            snprintf(path, sizeof path, "%.*sx", (int)strcspn(file, "%"), file);
            world_keep_file(world, path, false);
        }
    }
}

enum status serve_open_world(const struct serve *serve, const char *section, const char *name,
                             struct world **world, struct problem *problem)
{
    struct world_options options = {
        .name = name,
        .log_level = command_log_level(config_text(serve->config, "server", 0, "log-level")),
        .upstream_port = serve->upstream_port,
    };
    sandbox_set(serve->config, &options);
    options.uses_xdp = strcmp(section, "server") == 0 &&
                       config_list_count(serve->config, section, 0, "xdp-listen") > 0;
    enum status status = world_open(&options, world, problem);
    if (status == OK) {
        keep_files(serve, *world);
    }
    const char *control = config_text(serve->config, section, 0, "control");
    if (status == OK && control != NULL) {
        status = world_listen_control(*world, control, problem);
    }
    return status == OK ? listen_open_metrics(serve->config, section, *world, problem) : status;
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

static enum status open_sockets(const struct serve *serve, struct world *world,
                                struct problem *problem)
{
    enum status status = OK;
    listen_set_limits(serve->config, world);
    for (size_t i = 0; i < serve->listen_count && status == OK; i++) {
        status = world_listen_dns(world, serve->listen[i], problem);
    }
    size_t xdp_count = config_list_count(serve->config, "server", 0, "xdp-listen");
    for (size_t i = 0; i < xdp_count && status == OK; i++) {
        const char *interface = config_list_at(serve->config, "server", 0, "xdp-listen", i);
        status = world_use_xdp(world, interface, problem);
    }
    return status == OK ? listen_open_tls(serve->config, world, problem) : status;
}

/* The options of all zones, their files read. */
static enum status make_zones(struct serve_process *process, struct auth_zone_options *zones,
                              struct problem *problem)
{
    struct serve *serve = process->now;
    enum status status = OK;
    for (size_t i = 0; i < serve->zone_count && status == OK; i++) {
        struct serve_zone *zone = &serve->zones[i];
        status = serve_make_configured(process, zone, &zones[i], problem);
    }
    if (status == OK) {
        status = serve_load_files(zones, serve->zone_count, &serve->bulk);
    }
    for (size_t i = 0; i < serve->zone_count && status == OK; i++) {
        if (zones[i].is_fixed_later && zones[i].fixed == NULL) {
            status = problem_set(problem, MALFORMED, "the zone %.200s cannot be served",
                                 serve->zones[i].text);
        }
    }
    return status == OK || problem->status != OK
               ? status
               : problem_set(problem, status, "no memory for zones");
}

/* Opens the service in its world with the zones of the configuration. */
static enum status open_auth(struct serve_process *process, struct problem *problem)
{
    struct serve *serve = process->now;
    struct world *world = process->world;
    struct auth_options options = serve->answers;
    struct auth_zone_options *zones =
        arena_take_array(&serve->bulk, serve->zone_count, sizeof *zones);
    enum status status = zones == NULL ? NO_MEMORY : OK;
    const char *state = server_text(serve, "state");
    if (status == OK && state != NULL) {
        process->disk = arena_take(&serve->arena, sizeof *process->disk);
        status =
            process->disk == NULL ? NO_MEMORY : world_disk(world, state, process->disk, problem);
    }
    status = status == OK ? use_workers(serve, world, problem) : status;
    status = status == OK ? open_sockets(serve, world, problem) : status;
    status = status == OK ? make_zones(process, zones, problem) : status;
    options.zones = zones;
    options.zone_count = serve->zone_count;
    options.keys = serve->keys;
    options.key_count = serve->key_count;
    options.entropy = world_entropy(world);
    options.log = world_log(world);
    options.disk = process->disk;
    options.grace = status == OK ? world_grace(world) : NULL;
    options.errands = status == OK ? world_errands(world) : NULL;
    options.reload = serve_reload_zone;
    options.manager = serve_manager(process);
    status = status == OK ? auth_open(&options, &process->auth, problem) : status;
    for (size_t i = 0; zones != NULL && i < serve->zone_count; i++) {
        /* The reference that loading gave; the service has its own. */
        zone_release((struct zone *)(uintptr_t)zones[i].fixed);
        if (zones[i].seen != NULL) {
            zonefile_seen_close(zones[i].seen);
        }
    }
    return status;
}

int serve_run_auth(struct serve *serve)
{
    struct problem problem = {0};
    struct serve_process process = {
        .first = serve, .now = serve, .generation = SERVE_MARK_CONFIGURED};
    int code = EXIT_FAILED;
    process.has_signer = serve_has_signer(serve);
    enum status status = serve_open_world(serve, "server", "auth", &process.world, &problem);
    status = status == OK ? serve_open_link(serve, &problem) : status;
    status = status == OK ? open_auth(&process, &problem) : status;
    status = status == OK ? serve_add_catalog(&process, &problem) : status;
    status = status == OK ? serve_add_listed(&process, &problem) : status;
    if (status == OK) {
        arena_close(&serve->bulk); /* the service has all of it */
        arena_return_free();
        code = world_run(process.world, (struct node){auth_handle, process.auth, auth_answer});
    } else {
        code = command_failed("serve", &problem);
    }
    auth_close(process.auth);
    serve_close_now(&process);
    world_close(process.world);
    return code;
}
