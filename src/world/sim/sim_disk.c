/* Files in memory that outlive their node, and what a write leaves behind when the power goes in
 * the midst of it. */
#include "world/sim/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the file of that name is linked, or would be. */
static struct sim_file **file_place(struct sim_folder *folder, const char *name)
{
    struct sim_file **place = &folder->files;
    while (*place != NULL && strcmp((*place)->name, name) < 0) {
        place = &(*place)->next;
    }
    return place;
}

static struct sim_file *file_find(struct sim_folder *folder, const char *name)
{
    struct sim_file *file = *file_place(folder, name);
    return file != NULL && strcmp(file->name, name) == 0 ? file : NULL;
}

static struct sim_file *file_need(struct sim_folder *folder, const char *name)
{
    struct sim_file *file = file_find(folder, name);
    if (file == NULL) {
        struct sim_file **place = file_place(folder, name);
        file = calloc(1, sizeof *file);
        require(file != NULL);
        file->name = strdup(name);
        require(file->name != NULL);
        file->next = *place;
        *place = file;
    }
    return file;
}

static void file_free(struct sim_file *file)
{
    free(file->name);
    free(file->bytes);
    free(file);
}

static void file_extend(struct sim_file *file, struct span content)
{
    if (content.len > 0) {
        file->bytes = realloc(file->bytes, file->len + content.len);
        require(file->bytes != NULL);
        memcpy(file->bytes + file->len, content.bytes, content.len);
        file->len += content.len;
    }
}

enum status sim_power_check(struct sim_node *node)
{
    if (node->is_dying) {
        return IO_FAILED;
    }
    node->writes++;
    if (node->faults_left > 0) {
        bool is_fault = node->good_left == 0;
        node->faults_left -= is_fault;
        node->good_left -= !is_fault;
        if (is_fault) {
            return BUSY;
        }
    }
    if (node->has_fuse && node->writes_left-- == 0) {
        node->is_dying = true;
        return BUSY;
    }
    return OK;
}

static enum status power_check(struct sim_folder *folder)
{
    return sim_power_check(&folder->sim->nodes[folder->node]);
}

static enum status disk_read(void *self, const char *name, size_t size_max, struct arena *arena,
                             struct span *content)
{
    const struct sim_file *file = file_find(self, name);
    if (file == NULL) {
        return NOT_FOUND;
    }
    return file->len > size_max ? TOO_LONG
                                : arena_copy(arena, span_of(file->bytes, file->len), content);
}

static enum status disk_replace(void *self, const char *name, struct span content)
{
    struct sim_folder *folder = self;
    enum status power = power_check(folder);
    if (power == OK || (power == BUSY && sim_chance(folder->sim, 50))) {
        struct sim_file *file = file_need(folder, name);
        file->len = 0;
        file_extend(file, content);
    }
    return power == OK ? OK : IO_FAILED;
}

static enum status disk_read_at(void *self, const char *name, uint64_t at, void *bytes, size_t size,
                                size_t *len)
{
    const struct sim_file *file = file_find(self, name);
    if (file == NULL) {
        return NOT_FOUND;
    }
    size_t left = at < file->len ? file->len - (size_t)at : 0;
    *len = left < size ? left : size;
    if (*len > 0) {
        memcpy(bytes, file->bytes + at, *len);
    }
    return OK;
}

/* One write to the disk, however many parts it has. */
static enum status disk_replace_by_parts(void *self, const char *name,
                                         enum status (*next)(void *user, struct span *part),
                                         void *user)
{
    struct sim_file whole = {0};
    struct span part = SPAN_EMPTY;
    enum status status;
    while ((status = next(user, &part)) == OK && part.len > 0) {
        file_extend(&whole, part);
    }
    if (status == OK) {
        status = disk_replace(self, name, span_of(whole.bytes, whole.len));
    }
    free(whole.bytes);
    return status;
}

static enum status disk_append(void *self, const char *name, struct span content)
{
    struct sim_folder *folder = self;
    enum status power = power_check(folder);
    if (power == BUSY) {
        content.len = (size_t)(sim_random(&folder->sim->random) % (content.len + 1));
    }
    if (power != IO_FAILED) {
        file_extend(file_need(folder, name), content);
    }
    return power == OK ? OK : IO_FAILED;
}

static enum status disk_cut(void *self, const char *name, uint64_t size)
{
    struct sim_folder *folder = self;
    struct sim_file *file = file_find(folder, name);
    if (file == NULL) {
        return NOT_FOUND;
    }
    enum status power = power_check(folder);
    bool is_done = power == OK || (power == BUSY && sim_chance(folder->sim, 50));
    if (is_done && file->len > size) {
        file->len = (size_t)size;
    }
    return power == OK ? OK : IO_FAILED;
}

static enum status disk_remove(void *self, const char *name)
{
    struct sim_folder *folder = self;
    struct sim_file *file = file_find(folder, name);
    if (file == NULL) {
        return NOT_FOUND;
    }
    enum status power = power_check(folder);
    if (power == OK || (power == BUSY && sim_chance(folder->sim, 50))) {
        *file_place(folder, name) = file->next;
        file_free(file);
    }
    return power == OK ? OK : IO_FAILED;
}

static enum status disk_list(void *self, const char *prefix,
                             void (*each)(void *user, const char *name), void *user)
{
    const struct sim_folder *folder = self;
    for (const struct sim_file *file = folder->files; file != NULL; file = file->next) {
        if (strncmp(file->name, prefix, strlen(prefix)) == 0) {
            each(user, file->name);
        }
    }
    return OK;
}

struct disk sim_disk(struct sim *sim, size_t index, const char *name)
{
    struct sim_node *node = &sim->nodes[index];
    size_t at = 0;
    while (at < node->folder_count && strcmp(node->folders[at].name, name) != 0) {
        at++;
    }
    require(at < SIM_FOLDERS_MAX && strlen(name) < SIM_NAME_SIZE);
    if (at == node->folder_count) {
        node->folder_count++;
        node->folders[at] = (struct sim_folder){.sim = sim, .node = index};
        snprintf(node->folders[at].name, sizeof node->folders[at].name, "%s", name);
    }
    return (struct disk){.self = &node->folders[at],
                         .read = disk_read,
                         .read_at = disk_read_at,
                         .replace = disk_replace,
                         .replace_by_parts = disk_replace_by_parts,
                         .replace_secret = disk_replace,
                         .append = disk_append,
                         .cut = disk_cut,
                         .remove = disk_remove,
                         .list = disk_list};
}

void sim_disk_close(struct sim_folder *folder)
{
    while (folder->files != NULL) {
        struct sim_file *file = folder->files;
        folder->files = file->next;
        file_free(file);
    }
}
