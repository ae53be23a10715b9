/* Which zones there are while the server runs, and who decides: the configuration file over those
 * of its zones, `vouch control add` over those it added, a catalog over its members. Nobody changes
 * what another has. */
#include "command/serve_manage.h"
#include "command/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(struct writer *text, const struct problem *problem)
{
    if (text != NULL) {
        writer_print(text, "%s\n", problem->sentence);
    }
}

/* ------------------------------------------------------------------ control */

static enum status add_with(struct serve_process *process, struct serve_zone *terms,
                            struct name name, uint32_t mark, struct moment now,
                            struct problem *problem)
{
    struct auth_zone_options options;
    enum status status = serve_make_options(process, terms, name, &options, problem);
    if (status != OK) {
        return status;
    }
    options.mark = mark;
    return auth_add(process->auth, &options, now, problem);
}

static enum status manage_add(void *user, struct name name, struct span pattern, struct moment now,
                              struct writer *text)
{
    struct serve_process *process = user;
    struct problem problem = {0};
    struct serve_zone *terms = serve_find_pattern(process->now, pattern);
    if (process->disk == NULL) {
        writer_text(text, "the server has no state folder to remember the zone in\n");
        return REFUSED;
    }
    struct auth_zone_options options;
    if (auth_zone_options_of(process->auth, name, &options)) {
        writer_text(text, "the zone is there already\n");
        return EXISTS;
    }
    if (terms == NULL || (terms->file == NULL && !terms->has_primary)) {
        writer_text(text, terms == NULL ? "the configuration has no such pattern\n"
                                        : "the pattern has neither a file nor a primary\n");
        return NOT_FOUND;
    }
    enum status status = serve_list_add(process, name, pattern);
    if (status != OK) {
        writer_print(text, "the zone cannot be remembered: %s\n", status_text(status));
        return status;
    }
    status = add_with(process, terms, name, SERVE_MARK_ADDED, now, &problem);
    if (status != OK) {
        say(text, &problem);
        (void)!serve_list_remove(process, name);
        return status;
    }
    writer_text(text, "added\n"); /* or what comes of its file is said when that was read */
    return OK;
}

static enum status manage_remove(void *user, struct name name, struct moment now,
                                 struct outbox *outbox, struct writer *text)
{
    struct serve_process *process = user;
    struct auth_zone_options options;
    if (!auth_zone_options_of(process->auth, name, &options)) {
        writer_text(text, "there is no such zone\n");
        return NOT_FOUND;
    }
    if (options.mark != SERVE_MARK_ADDED) {
        writer_text(text, options.mark == SERVE_MARK_MEMBER
                              ? "the zone is a member of a catalog: it goes when that drops it\n"
                              : "the zone stands in the configuration file: remove it there, then "
                                "reload\n");
        return REFUSED;
    }
    enum status status = serve_list_remove(process, name);
    if (status != OK) {
        writer_print(text, "that cannot be remembered: %s\n", status_text(status));
        return status;
    }
    status = auth_remove(process->auth, name, now, outbox);
    writer_text(text, "removed\n");
    return status;
}

static enum status manage_member(void *user, const struct auth_zone_options *catalog,
                                 struct name member, struct span group, struct moment now,
                                 struct outbox *outbox, struct problem *problem)
{
    struct serve_process *process = user;
    const struct serve_zone *terms = catalog->origin;
    struct serve_zone *pattern = NULL;
    for (size_t i = 0; i < terms->template_count; i++) {
        if (i == 0 || span_equal(span_of_text(terms->templates[i]), group)) {
            pattern = serve_find_pattern(process->now, span_of_text(terms->templates[i]));
        }
    }
    if (pattern == NULL) {
        return problem_set(problem, NOT_FOUND, "no pattern of catalog-template is there");
    }
    struct auth_zone_options options;
    if (!auth_zone_options_of(process->auth, member, &options)) {
        return add_with(process, pattern, member, SERVE_MARK_MEMBER, now, problem);
    }
    enum status status = serve_make_options(process, pattern, member, &options, problem);
    options.mark = SERVE_MARK_MEMBER;
    return status == OK ? auth_change(process->auth, &options, now, outbox, problem) : status;
}

/* Zones that were added in an earlier life, in order. */
struct listed {
    struct auth_zone_options options;
    struct listed *next;
};
struct listing {
    struct serve_process *process;
    struct listed *first, **last;
    size_t count;
};

static enum status list_zone(struct listing *listing, struct serve_zone *terms, struct name name,
                             struct problem *problem)
{
    struct serve_process *process = listing->process;
    struct arena *bulk = &process->now->bulk;
    struct listed *listed = arena_take(bulk, sizeof *listed);
    struct name kept;
    if (listed == NULL || name_copy(bulk, name, &kept) != OK) {
        return problem_set(problem, NO_MEMORY, "no memory");
    }
    enum status status = serve_make_options(process, terms, kept, &listed->options, problem);
    if (status == OK) {
        listed->options.mark = SERVE_MARK_ADDED;
        *listing->last = listed;
        listing->last = &listed->next;
        listing->count++;
    }
    return status;
}

static void add_listed(void *user, struct name name, struct span pattern)
{
    struct listing *listing = user;
    struct serve_process *process = listing->process;
    const struct log *log = world_log(process->world);
    char text[NAME_TEXT_MAX];
    struct problem problem = {0};
    struct serve_zone *terms = serve_find_pattern(process->now, pattern);
    struct auth_zone_options options;
    if (auth_zone_options_of(process->auth, name, &options)) {
        log_line(log, LOG_WARNING,
                 "zone %s: was added, and stands in the configuration now, which rules",
                 name_print(name, text));
    } else if (terms == NULL) {
        log_line(log, LOG_ERROR,
                 "zone %s: was added, and is not served: the configuration has no pattern %.*s",
                 name_print(name, text), (int)pattern.len, (const char *)pattern.bytes);
    } else if (list_zone(listing, terms, name, &problem) != OK) {
        log_line(log, LOG_ERROR, "zone %s: was added, and is not served: %s",
                 name_print(name, text), problem.sentence);
    }
}

/* Those whose file cannot be read are there all the same, and served when it can. */
static enum status add_all_listed(const struct listing *listing, struct problem *problem)
{
    struct serve_process *process = listing->process;
    struct arena *bulk = &process->now->bulk;
    struct auth_zone_options *zones = arena_take_array(bulk, listing->count, sizeof *zones);
    size_t count = 0;
    for (struct listed *at = listing->first; zones != NULL && at != NULL; at = at->next) {
        zones[count++] = at->options;
    }
    enum status status = zones == NULL ? NO_MEMORY : serve_load_files(zones, count, bulk);
    for (size_t i = 0; i < count && status == OK; i++) {
        char text[NAME_TEXT_MAX];
        struct problem fault = {0};
        struct zone *fixed = (struct zone *)(uintptr_t)zones[i].fixed;
        if (auth_add(process->auth, &zones[i], world_now(process->world), &fault) != OK) {
            log_line(world_log(process->world), LOG_ERROR,
                     "zone %s: was added, and is not served: %s", name_print(zones[i].name, text),
                     fault.sentence);
        }
        zone_release(fixed);
        if (zones[i].seen != NULL) {
            zonefile_seen_close(zones[i].seen); /* unless the service has it */
        }
    }
    return status == OK ? OK : problem_set(problem, status, "no memory for zones that were added");
}

enum status serve_add_catalog(struct serve_process *process, struct problem *problem)
{
    struct auth_zone_options options;
    if (!serve_has_signed_pattern(process->now)) {
        return OK;
    }
    enum status status = serve_make_catalog(process, &options);
    if (status != OK) {
        return problem_set(problem, status, "no memory for the catalog of added zones");
    }
    return auth_add(process->auth, &options, world_now(process->world), problem);
}

enum status serve_add_listed(struct serve_process *process, struct problem *problem)
{
    struct listing listing = {.process = process};
    listing.last = &listing.first;
    enum status status = serve_list_read(process, add_listed, &listing, problem);
    return status == OK ? add_all_listed(&listing, problem) : status;
}

/* ------------------------------------------------------------------ another configuration */

/* What a reload does, from the configuration that was in force to the next. */
struct reloading {
    struct serve_process *process;
    struct serve *next;
    struct moment now;
    struct outbox *outbox;
    struct problem problem;
    enum status status;
    size_t added, removed;
};

/* The pattern of the next configuration that has the name of this one's. */
static struct serve_zone *pattern_again(const struct reloading *reloading,
                                        const struct auth_zone_options *options)
{
    const struct serve_zone *before = options->origin;
    return serve_find_pattern(reloading->next, span_of_text(before->text));
}

static void check_pattern(void *user, const struct auth_zone_options *options)
{
    struct reloading *reloading = user;
    bool needs_pattern = options->mark == SERVE_MARK_ADDED;
    if (needs_pattern && reloading->status == OK && pattern_again(reloading, options) == NULL) {
        char name[NAME_TEXT_MAX];
        const struct serve_zone *pattern = options->origin;
        reloading->status =
            problem_set(&reloading->problem, NOT_FOUND,
                        "the pattern %.100s is gone, and the zone %.200s, which was "
                        "added, has it; nothing was changed",
                        pattern->text, name_print(options->name, name));
    }
}

static enum status read_next(struct reloading *reloading)
{
    enum status status =
        serve_read_again(reloading->process->first, reloading->next, &reloading->problem);
    if (status == OK) {
        reloading->status = OK;
        auth_each_zone(reloading->process->auth, check_pattern, reloading);
        status = reloading->status;
    }
    return status;
}

static void take_zone(struct reloading *reloading, struct serve_zone *zone)
{
    struct serve_process *process = reloading->process;
    struct problem problem = {0};
    struct auth_zone_options options;
    enum status status = serve_make_configured(process, zone, &options, &problem);
    struct auth_zone_options before;
    bool is_there = auth_zone_options_of(process->auth, zone->name, &before);
    if (status == OK && !is_there) {
        status = auth_add(process->auth, &options, reloading->now, &problem);
        reloading->added++;
    } else if (status == OK) {
        if (before.mark == SERVE_MARK_ADDED) {
            log_line(world_log(process->world), LOG_WARNING,
                     "zone %s: was added, and stands in the configuration now, which rules",
                     zone->text);
            (void)!serve_list_remove(process, zone->name);
        }
        status = auth_change(process->auth, &options, reloading->now, reloading->outbox, &problem);
    }
    if (status != OK) {
        log_line(world_log(process->world), LOG_ERROR, "zone %s: %s", zone->text, problem.sentence);
    }
}

/* The signer hears of what comes at run time, or there is nothing that it wants to hear. */
static void take_catalog(struct reloading *reloading)
{
    struct serve_process *process = reloading->process;
    struct problem problem = {0};
    struct auth_zone_options options, before;
    if (!auth_zone_options_of(process->auth, SERVE_CATALOG, &before)) {
        (void)!serve_add_catalog(process, &reloading->problem);
    } else if (serve_has_signed_pattern(process->now)) {
        enum status status = serve_make_catalog(process, &options);
        status = status == OK ? auth_change(process->auth, &options, reloading->now,
                                            reloading->outbox, &problem)
                              : status;
        if (status != OK) {
            log_line(world_log(process->world), LOG_ERROR, "the catalog of added zones: %s",
                     status_text(status));
        }
    }
}

/* Zones of the configuration that was, and added ones under their pattern as it is now. */
static void take_leave(void *user, const struct auth_zone_options *options)
{
    struct reloading *reloading = user;
    struct serve_process *process = reloading->process;
    struct problem problem = {0};
    if (options->mark == process->generation) {
        return;
    }
    if (options->mark >= SERVE_MARK_CONFIGURED) {
        reloading->removed++;
        (void)!auth_remove(process->auth, options->name, reloading->now, reloading->outbox);
        return;
    }
    struct auth_zone_options next;
    struct serve_zone *pattern = pattern_again(reloading, options);
    if (pattern ==
        NULL) { /* a member, which comes again if its catalog has another pattern for it */
        (void)!auth_remove(process->auth, options->name, reloading->now, reloading->outbox);
        return;
    }
    enum status status = serve_make_options(process, pattern, options->name, &next, &problem);
    if (status == OK) {
        next.mark = options->mark;
        status = auth_change(process->auth, &next, reloading->now, reloading->outbox, &problem);
    }
    require(status == OK || status == NO_MEMORY);
}

/* Nothing of it is used any more, but for the texts that the world was given at the start. */
static void close_before(struct serve_process *process, struct serve *before)
{
    if (before != process->first) {
        arena_close(&before->arena);
        free(before);
    }
}

void serve_close_now(struct serve_process *process)
{
    close_before(process, process->now);
}

static enum status manage_reconfigure(void *user, struct moment now, struct outbox *outbox,
                                      struct writer *text)
{
    struct serve_process *process = user;
    struct reloading reloading = {.process = process, .now = now, .outbox = outbox};
    if (!process->first->has_file) {
        return OK;
    }
    reloading.next = calloc(1, sizeof *reloading.next);
    enum status status = reloading.next == NULL ? NO_MEMORY : read_next(&reloading);
    if (status != OK) {
        char sentence[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32];
        problem_print(&reloading.problem, sentence, sizeof sentence);
        log_line(world_log(process->world), LOG_ERROR, "the configuration was not taken: %s",
                 sentence);
        if (text != NULL) {
            writer_print(text, "not taken: %s\n", sentence);
        }
        if (reloading.next != NULL) {
            arena_close(&reloading.next->bulk);
            close_before(process, reloading.next);
        }
        return status;
    }
    struct serve *before = process->now;
    process->now = reloading.next;
    process->generation++;
    process->has_signer = serve_has_signer(process->now);
    auth_set_keys(process->auth, process->now->keys, process->now->key_count, now, outbox);
    take_catalog(&reloading);
    for (size_t i = 0; i < process->now->zone_count; i++) {
        take_zone(&reloading, &process->now->zones[i]);
    }
    auth_each_zone(process->auth, take_leave, &reloading);
    arena_close(&process->now->bulk);
    close_before(process, before);
    arena_return_free(); /* what the sections of many zones took */
    log_line(world_log(process->world), LOG_NOTICE,
             "the configuration was read again: %zu zones, %zu came, %zu went",
             process->now->zone_count, reloading.added, reloading.removed);
    if (text != NULL) {
        writer_print(text, "zones: %zu, %zu came, %zu went\n", process->now->zone_count,
                     reloading.added, reloading.removed);
    }
    return OK;
}

struct auth_manager serve_manager(struct serve_process *process)
{
    return (struct auth_manager){.user = process,
                                 .add = manage_add,
                                 .remove = manage_remove,
                                 .reconfigure = manage_reconfigure,
                                 .set_member = manage_member};
}
