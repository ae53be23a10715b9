/* Where the zones of the server come from, in the terms of its service: the configuration's terms,
 * read once for all zones that share them, and the files of those that have one. */
#include "command/command.h"
#include "command/serve_manage.h"
#include "world/real/threads.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>

/* "%s" in the file of a pattern is the zone's name without its last dot. A '/' in a name, which
 * master files allow, would lead elsewhere. */
enum status serve_zone_path(const char *file, struct name name, char path[SERVE_PATH_MAX])
{
    char text[NAME_TEXT_MAX];
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(name, &buffer, &lower);
    name_print(lower, text);
    size_t len = strlen(text);
    text[len > 1 ? len - 1 : len] = 0;
    const char *mark = strstr(file, "%s");
    struct writer writer = writer_over(path, SERVE_PATH_MAX - 1);
    if (mark == NULL) {
        writer_text(&writer, file);
    } else {
        writer_span(&writer, span_of(file, (size_t)(mark - file)));
        writer_text(&writer, text);
        writer_text(&writer, mark + 2);
    }
    path[writer.len] = 0;
    bool is_elsewhere = mark != NULL && strchr(text, '/') != NULL;
    return writer.status != OK ? TOO_LONG : is_elsewhere ? BAD_ARGUMENT : OK;
}

static uint64_t state_of(void *user, const char *path)
{
    (void)user;
    return file_state(path);
}

void serve_reload_zone(void *user, struct auth_file *file)
{
    static const struct zonefile_states states = {.of = state_of};
    const struct serve_zone *terms = file->origin;
    char path[SERVE_PATH_MAX];
    (void)user;
    if (terms == NULL || terms->file == NULL ||
        serve_zone_path(terms->file, file->name, path) != OK) {
        return;
    }
    file->is_same = !file->is_forced && zonefile_seen_is_same(&file->seen, path, &states);
    if (!file->is_same) {
        zonefile_seen_close(&file->seen);
        file->version = serve_load_zone_seen(path, file->name, &file->seen, NULL);
    }
}

/* Zones whose files several threads read. */
struct file_loads {
    struct auth_zone_options *zones;
    struct zonefile_seen *seen; /* as many */
    size_t count;
};
enum { FILES_EACH = 64 }; /* of one piece of work */

static void load_some(void *user, size_t index)
{
    const struct file_loads *loads = user;
    size_t to = (index + 1) * FILES_EACH;
    to = to < loads->count ? to : loads->count;
    for (size_t i = index * FILES_EACH; i < to; i++) {
        struct auth_zone_options *zone = &loads->zones[i];
        if (zone->is_fixed_later) {
            struct auth_file file = {.name = zone->name, .origin = zone->origin, .is_forced = true};
            serve_reload_zone(NULL, &file);
            zone->fixed = file.version;
            loads->seen[i] = file.seen;
            zone->seen = &loads->seen[i];
        }
    }
}

enum status serve_load_files(struct auth_zone_options *zones, size_t count, struct arena *arena)
{
    struct file_loads loads = {zones, arena_take_array(arena, count, sizeof *loads.seen), count};
    struct threads *threads = NULL;
    if (loads.seen == NULL) {
        return NO_MEMORY;
    }
    size_t pieces = (count + FILES_EACH - 1) / FILES_EACH;
    bool has_threads = pieces > 1 && threads_open(0, &threads) == OK;
    const struct parallel *parallel = has_threads ? threads_parallel(threads) : parallel_none();
    parallel->run(parallel->self, load_some, &loads, pieces);
    threads_close(threads);
    return OK;
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

/* How the signer knows of the zones of a pattern. */
static enum status make_listing(struct arena *arena, struct serve_zone *pattern)
{
    struct auth_catalog *listing = arena_take(arena, sizeof *listing);
    if (listing == NULL) {
        return NO_MEMORY;
    }
    *listing = (struct auth_catalog){
        .role = AUTH_CATALOG_MEMBER, .zone = SERVE_CATALOG, .group = span_of_text(pattern->text)};
    pattern->listing = listing;
    return OK;
}

static enum status make_terms(struct serve_process *process, struct serve_zone *terms,
                              struct problem *problem)
{
    struct arena *arena = &process->now->arena;
    struct auth_peer *notify = arena_take_array(arena, terms->notify_count, sizeof *notify);
    struct auth_grant *grants = arena_take_array(arena, terms->grant_count, sizeof *grants);
    struct auth_zone_options *made = arena_take(arena, sizeof *made);
    if (notify == NULL || grants == NULL || made == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    for (size_t i = 0; i < terms->notify_count; i++) {
        notify[i] =
            (struct auth_peer){.address = terms->notify[i].address, .key = terms->notify[i].key};
    }
    for (size_t i = 0; i < terms->grant_count; i++) {
        grants[i] = (struct auth_grant){terms->grants[i].key, terms->grants[i].address};
    }
    *made = (struct auth_zone_options){
        .verifies_zonemd = terms->verifies_zonemd,
        .catalog = terms->catalog.role == AUTH_CATALOG_NONE ? NULL : &terms->catalog,
        .origin = terms,
        .notify = notify,
        .notify_count = terms->notify_count,
        .grants = grants,
        .grant_count = terms->grant_count};
    made->is_fixed_later = terms->file != NULL;
    enum status status = terms->has_primary
                             ? serve_make_primary(terms, process->world, &made->primary, problem)
                             : OK;
    terms->made = status == OK ? made : NULL;
    return status == OK && terms->is_pattern ? make_listing(arena, terms) : status;
}

static enum status make_shared(struct serve_process *process, struct serve_zone *terms,
                               struct name name, struct auth_zone_options *options,
                               struct problem *problem)
{
    if (terms->made == NULL) {
        enum status status = make_terms(process, terms, problem);
        if (status != OK) {
            return status;
        }
    }
    *options = *terms->made;
    options->name = name;
    return OK;
}

static enum status find_signer(const struct serve_process *process, struct auth_peer *signer)
{
    const char *listen = config_text(process->now->config, "signer", 0, "listen");
    *signer = (struct auth_peer){.key = process->now->link};
    return address_read(span_of_text(listen), SERVE_DNS_PORT, &signer->address);
}

/* Where there is a signer, configured zones come from it, and others by patterns that are signed.
 */
static enum status come_from_signer(const struct serve_process *process,
                                    struct auth_zone_options *options)
{
    options->is_fixed_later = false;
    options->asks_why = true;
    return find_signer(process, &options->primary);
}

enum status serve_make_options(struct serve_process *process, struct serve_zone *terms,
                               struct name name, struct auth_zone_options *options,
                               struct problem *problem)
{
    enum status status = make_shared(process, terms, name, options, problem);
    if (status != OK || !process->has_signer || !terms->is_signed) {
        return status;
    }
    options->listing = terms->listing;
    return come_from_signer(process, options);
}

enum status serve_make_catalog(struct serve_process *process, struct auth_zone_options *options)
{
    static const struct auth_catalog generated = {.role = AUTH_CATALOG_GENERATE};
    struct arena *arena = &process->now->arena;
    struct auth_peer *signer = arena_take(arena, sizeof *signer);
    struct auth_grant *grant = arena_take(arena, sizeof *grant);
    if (signer == NULL || grant == NULL) {
        return NO_MEMORY;
    }
    *grant = (struct auth_grant){.key = process->now->link};
    *options = (struct auth_zone_options){.name = SERVE_CATALOG,
                                          .catalog = &generated,
                                          .is_private = true,
                                          .mark = process->generation,
                                          .notify = signer,
                                          .notify_count = 1,
                                          .grants = grant,
                                          .grant_count = 1};
    return find_signer(process, signer);
}

enum status serve_make_configured(struct serve_process *process, struct serve_zone *zone,
                                  struct auth_zone_options *options, struct problem *problem)
{
    struct serve_zone *terms = zone->pattern;
    if (terms == NULL) {
        terms = arena_take(&process->now->arena, sizeof *terms); /* the zones themselves go */
        if (terms == NULL) {
            return problem_set(problem, NO_MEMORY, "no memory for zones");
        }
        *terms = *zone;
        terms->text = NULL;
    }
    enum status status = make_shared(process, terms, zone->name, options, problem);
    options->mark = process->generation;
    if (status == OK && process->has_signer && zone->catalog.role != AUTH_CATALOG_GENERATE) {
        options->forwards_updates = zone->update_rule_count > 0;
        status = come_from_signer(process, options);
    }
    return status;
}
