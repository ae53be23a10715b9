/* Which trust anchors `vouch resolve` begins with: those of the configuration, else those of the
 * root that are built in; and the files of those that follow the rolls of their zones. */
#include "command/resolve.h"

#include <string.h>

enum { ANCHORS_MAX = 256, ROLLS_MAX = 16 };

/* --- those that stay --- */

struct gathering {
    struct resolving *resolving;
    struct trust_anchor *all;
    size_t count;
};

static enum status gather(struct gathering *gathering, const char *place, struct span text,
                          struct problem *problem)
{
    const struct trust_anchor *read = NULL;
    size_t count = 0;
    enum status status =
        trust_anchors_read(text, &gathering->resolving->arena, &read, &count, problem);
    if (status == OK && gathering->count + count > ANCHORS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d trust anchors", ANCHORS_MAX);
    }
    if (status != OK) {
        problem_place(problem, place, problem->line, 0);
    }
    for (size_t i = 0; i < count && status == OK; i++) {
        gathering->all[gathering->count++] = read[i];
    }
    return status;
}

enum status resolve_read_anchors(struct resolving *resolving, struct problem *problem)
{
    const struct config *config = resolving->config;
    size_t file_count = config_list_count(config, "resolver", 0, "trust-anchor-file");
    size_t record_count = config_list_count(config, "resolver", 0, "trust-anchor");
    if (file_count + record_count == 0) {
        return trust_anchors_of_root(&resolving->arena, &resolving->options.anchors,
                                     &resolving->options.anchor_count);
    }
    struct gathering gathering = {.resolving = resolving};
    gathering.all = arena_take_array(&resolving->arena, ANCHORS_MAX, sizeof *gathering.all);
    enum status status = gathering.all == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < file_count && status == OK; i++) {
        const char *file = config_list_at(config, "resolver", 0, "trust-anchor-file", i);
        struct span text;
        status = file_read(file, RESOLVE_FILE_LEN_MAX, &resolving->arena, &text, problem);
        status = status == OK ? gather(&gathering, file, text, problem) : status;
    }
    for (size_t i = 0; i < record_count && status == OK; i++) {
        const char *record = config_list_at(config, "resolver", 0, "trust-anchor", i);
        status = gather(&gathering, "trust-anchor", span_of_text(record), problem);
    }
    resolving->options.anchors = gathering.all;
    resolving->options.anchor_count = gathering.count;
    return status;
}

/* --- those that follow --- */

/* What a file begins with where there is none. */
static enum status begin_root(struct resolving *resolving, int64_t now_s,
                              struct anchor_point *point)
{
    const struct resolver_options *options = &resolving->options;
    enum status status = OK;
    anchor_point_open(point, NAME_ROOT);
    for (size_t i = 0; i < options->anchor_count && status == OK; i++) {
        if (name_is_root(options->anchors[i].zone)) {
            status = anchor_point_add(point, &options->anchors[i], now_s);
        }
    }
    const struct trust_anchor *built_in = NULL;
    size_t count = 0;
    if (status == OK && point->key_count == 0) {
        status = trust_anchors_of_root(&resolving->arena, &built_in, &count);
    }
    for (size_t i = 0; i < count && status == OK; i++) {
        status = anchor_point_add(point, &built_in[i], now_s);
    }
    return status;
}

/* The folder and the name in it. */
static enum status cut_path(struct resolving *resolving, const char *path, const char **folder,
                            const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    *folder = slash == NULL ? "."
              : slash == path
                  ? "/"
                  : arena_text(&resolving->arena, span_of(path, (size_t)(slash - path)));
    return *folder == NULL ? NO_MEMORY : OK;
}

/* The files of rolls being opened. One disk for each folder: it is locked against others. */
struct opening {
    struct resolving *resolving;
    struct world *world;
    struct problem *problem;
    const char *folders[ROLLS_MAX];
    const struct disk *disks[ROLLS_MAX];
    size_t folder_count;
};

static enum status folder_open(struct opening *opening, const char *folder,
                               const struct disk **disk)
{
    for (size_t i = 0; i < opening->folder_count; i++) {
        if (strcmp(opening->folders[i], folder) == 0) {
            *disk = opening->disks[i];
            return OK;
        }
    }
    struct disk *opened = arena_take(&opening->resolving->arena, sizeof *opened);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opening->folders[opening->folder_count] = folder;
    opening->disks[opening->folder_count++] = opened;
    *disk = opened;
    return world_disk(opening->world, folder, opened, opening->problem);
}

static enum status read_roll(struct opening *opening, const char *path, struct resolver_roll *roll)
{
    struct resolving *resolving = opening->resolving;
    struct problem *problem = opening->problem;
    const char *folder;
    int64_t now_s = moment_wall_s(world_now(opening->world));
    roll->point = arena_take(&resolving->arena, sizeof *roll->point);
    enum status status =
        roll->point == NULL ? NO_MEMORY : cut_path(resolving, path, &folder, &roll->file);
    status = status == OK ? folder_open(opening, folder, &roll->disk) : status;
    if (status != OK) {
        return status;
    }
    status = resolver_roll_load(roll, now_s, problem);
    if (status == NOT_FOUND) {
        status = begin_root(resolving, now_s, roll->point);
        status = status == OK ? resolver_roll_save(roll) : status;
    }
    if (status != OK) {
        problem_place(problem, path, problem->line, 0);
    }
    return status;
}

static enum status check_zones(const struct resolver_options *options, struct problem *problem)
{
    char zone[NAME_TEXT_MAX];
    for (size_t i = 0; i < options->roll_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (name_equal(options->rolls[i].point->zone, options->rolls[j].point->zone)) {
                return problem_set(problem, BAD_ARGUMENT,
                                   "two auto-trust-anchor-files are of the zone %.200s",
                                   name_print(options->rolls[i].point->zone, zone));
            }
        }
    }
    return OK;
}

enum status resolve_read_rolls(struct resolving *resolving, struct world *world,
                               struct problem *problem)
{
    const struct config *config = resolving->config;
    struct resolver_options *options = &resolving->options;
    size_t count = config_list_count(config, "resolver", 0, "auto-trust-anchor-file");
    struct opening opening = {.resolving = resolving, .world = world, .problem = problem};
    if (count > ROLLS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d auto-trust-anchor-files",
                           ROLLS_MAX);
    }
    if (world == NULL || !options->is_validating) {
        return OK;
    }
    struct resolver_roll *rolls = arena_take_array(&resolving->arena, count, sizeof *rolls);
    enum status status = rolls == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        const char *path = config_list_at(config, "resolver", 0, "auto-trust-anchor-file", i);
        status = read_roll(&opening, path, &rolls[i]);
    }
    options->rolls = rolls;
    options->roll_count = count;
    return status == OK ? check_zones(options, problem) : status;
}
