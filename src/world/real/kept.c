/* Which folders the process needs once it runs, noted by whoever opens something in them, so that
 * all others can be given up. */
#include "world/real/inside.h"
#include "world/real/privilege.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PLACES_FIRST = 64 };

struct kept_places {
    struct privilege_place *list; /* each path is owned */
    size_t count;
    size_t size;
    bool is_unknown; /* other code of the process has files that we do not know of */
};

static struct kept_places *kept_need(struct world *world)
{
    if (world->kept == NULL) {
        world->kept = memory_take(sizeof *world->kept);
    }
    require(world->kept != NULL); /* at the start alone */
    return world->kept;
}

static void kept_grow(struct kept_places *places)
{
    size_t size = places->size == 0 ? PLACES_FIRST : places->size * 2;
    struct privilege_place *list = memory_take(size * sizeof *list);
    require(list != NULL);
    if (places->count > 0) {
        memcpy(list, places->list, places->count * sizeof *list);
    }
    memory_give_back(places->list);
    places->list = list;
    places->size = size;
}

/* Zones by the hundred thousand stand in few folders, mostly one after the other in the same. */
static void kept_add(struct kept_places *places, const char *path, bool is_written)
{
    for (size_t i = places->count; i > 0; i--) {
        struct privilege_place *place = &places->list[i - 1];
        if (strcmp(place->path, path) == 0) {
            place->is_written |= is_written;
            return;
        }
    }
    if (places->count == places->size) {
        kept_grow(places);
    }
    size_t len = strlen(path) + 1;
    char *copy = memory_take(len);
    require(copy != NULL);
    memcpy(copy, path, len);
    places->list[places->count++] = (struct privilege_place){copy, is_written};
}

void world_keep_folder(struct world *world, const char *path, bool is_written)
{
    kept_add(kept_need(world), path, is_written);
}

/* Files are often replaced by others of their name, and often names of files elsewhere: both
 * folders are needed. */
void world_keep_file(struct world *world, const char *path, bool is_written)
{
    struct kept_places *places = kept_need(world);
    char folder[PATH_MAX];
    char real[PATH_MAX];
    struct stat found;
    if (path == NULL || strlen(path) >= sizeof folder) {
        return;
    }
    memcpy(folder, path, strlen(path) + 1);
    kept_add(places, dirname(folder), is_written);
    if (lstat(path, &found) == 0 && S_ISLNK(found.st_mode) && realpath(path, real) != NULL) {
        kept_add(places, dirname(real), is_written);
    }
}

void world_keep_tls(struct world *world, struct world_tls files)
{
    world_keep_file(world, files.certificate_file, false);
    world_keep_file(world, files.key_file, false);
    world_keep_file(world, files.ca_file, false);
}

void world_keep_all_files(struct world *world)
{
    kept_need(world)->is_unknown = true;
}

enum status kept_leave_others(struct world *world, struct problem *problem)
{
    const struct kept_places *places = kept_need(world);
    if (places->is_unknown) {
        return problem_set(problem, UNSUPPORTED,
                           "the module of the HSM has files of its own: those outside the "
                           "service's folders are not locked away");
    }
    return privilege_drop_files(places->list, places->count, problem);
}

void kept_close(struct world *world)
{
    struct kept_places *places = world->kept;
    for (size_t i = 0; places != NULL && i < places->count; i++) {
        char *path = (char *)(uintptr_t)places->list[i].path;
        memory_give_back(path);
    }
    if (places != NULL) {
        memory_give_back(places->list);
    }
    memory_give_back(places);
    world->kept = NULL;
}
