/* Files of one service in one folder: each step made durable before the next, no symbolic link
 * followed, and a lock against a second process. Names with '~' are ours: no service can use them.
 */
#include "world/real/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LIST_MEMORY_MAX = 256 << 20,
    FOLDER_MODE = 0700,
    FILE_MODE = 0644, /* below a folder that nobody else can enter */
    SECRET_MODE = 0600,
    LEAF_MAX = DISK_NAME_MAX + 2
};

static const char LOCK_NAME[] = "lock~";
static const char NAME_OCTETS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+=-/";

struct disk_folder {
    struct world *world;
    int fd;
    int lock;
    struct disk_folder *next;
};

/* ------------------------------------------------------------------ names */

static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > DISK_NAME_MAX || strspn(name, NAME_OCTETS) != len) {
        return false;
    }
    size_t depth = 0;
    for (const char *at = name; at != NULL;) {
        size_t part_len = strcspn(at, "/");
        if (part_len == 0 || (part_len == 1 && at[0] == '.') ||
            (part_len == 2 && at[0] == '.' && at[1] == '.')) {
            return false;
        }
        at = at[part_len] == '\0' ? NULL : at + part_len + 1;
        depth++;
    }
    return depth <= DISK_DEPTH_MAX + 1;
}

static enum status status_of_errno(int error)
{
    return error == ENOENT || error == ENOTDIR ? NOT_FOUND : IO_FAILED;
}

static enum status failed(const struct disk_folder *folder, const char *what, const char *name)
{
    int error = errno;
    enum status status = status_of_errno(error);
    if (status != NOT_FOUND) {
        log_line(&folder->world->log, LOG_ERROR, "cannot %s the file %s: %s", what, name,
                 strerror(error));
    }
    return status;
}

/* A place in the folder: the descriptor of the innermost folder, and the last part of the name. */
struct place {
    int parent;
    char leaf[LEAF_MAX];
};

static int parent_enter(int parent, const char *part, bool is_made)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int inner = openat(parent, part, flags);
    if (inner < 0 && errno == ENOENT && is_made) {
        if (mkdirat(parent, part, FOLDER_MODE) != 0 && errno != EEXIST) {
            return -1;
        }
        if (fsync(parent) != 0) {
            return -1;
        }
        inner = openat(parent, part, flags);
    }
    return inner;
}

/* Walks to the place, making missing folders where `is_made`. The caller closes the parent. */
static enum status place_find(const struct disk_folder *folder, const char *name, bool is_made,
                              struct place *place)
{
    if (!name_is_valid(name)) {
        return BAD_ARGUMENT;
    }
    place->parent = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0);
    const char *at = name;
    for (const char *slash = strchr(at, '/'); place->parent >= 0 && slash != NULL;
         slash = strchr(at, '/')) {
        char part[LEAF_MAX];
        snprintf(part, sizeof part, "%.*s", (int)(slash - at), at);
        int inner = parent_enter(place->parent, part, is_made);
        int error = errno;
        close(place->parent);
        errno = error;
        place->parent = inner;
        at = slash + 1;
    }
    if (place->parent < 0) {
        return failed(folder, "reach", name);
    }
    snprintf(place->leaf, sizeof place->leaf, "%s", at);
    return OK;
}

/* ------------------------------------------------------------------ whole files */

static bool descriptor_write(int fd, struct span content)
{
    size_t at = 0;
    while (at < content.len) {
        ssize_t written = write(fd, content.bytes + at, content.len - at);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        at += written < 0 ? 0 : (size_t)written;
    }
    return true;
}

static enum status descriptor_read(int fd, size_t size_max, struct arena *arena,
                                   struct span *content)
{
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        return IO_FAILED;
    }
    if ((uint64_t)found.st_size > size_max) {
        return TOO_LONG;
    }
    size_t size = (size_t)found.st_size;
    uint8_t *bytes = arena_take(arena, size);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    size_t at = 0;
    while (at < size) {
        ssize_t got = read(fd, bytes + at, size - at);
        if (got < 0 && errno != EINTR) {
            return IO_FAILED;
        }
        if (got == 0) {
            break;
        }
        at += got < 0 ? 0 : (size_t)got;
    }
    *content = span_of(bytes, at);
    return OK;
}

static enum status disk_read(void *self, const char *name, size_t size_max, struct arena *arena,
                             struct span *content)
{
    const struct disk_folder *folder = self;
    struct place place;
    enum status status = place_find(folder, name, false, &place);
    if (status != OK) {
        return status;
    }
    int fd = openat(place.parent, place.leaf, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        status = failed(folder, "read", name);
    } else {
        status = descriptor_read(fd, size_max, arena, content);
        close(fd);
    }
    close(place.parent);
    return status;
}

static enum status disk_read_at(void *self, const char *name, uint64_t at, void *bytes, size_t size,
                                size_t *len)
{
    const struct disk_folder *folder = self;
    struct place place;
    enum status status = place_find(folder, name, false, &place);
    *len = 0;
    if (status != OK) {
        return status;
    }
    int fd = openat(place.parent, place.leaf, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && *len < size) {
        got = pread(fd, (uint8_t *)bytes + *len, size - *len, (off_t)(at + *len));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        *len += got < 0 ? 0 : (size_t)got;
    }
    if (got < 0) {
        status = failed(folder, "read", name);
    }
    if (fd >= 0) {
        close(fd);
    }
    close(place.parent);
    return status;
}

/* Content that comes part by part, an empty one at the end. */
struct source {
    enum status (*next)(void *user, struct span *part);
    void *user;
};

static enum status next_of_one(void *user, struct span *part)
{
    struct span *whole = user;
    *part = *whole;
    *whole = SPAN_EMPTY;
    return OK;
}

/* All parts into the file. IO_FAILED with errno, or what the source said. */
static enum status descriptor_fill(int fd, struct source source)
{
    for (;;) {
        struct span part;
        enum status status = source.next(source.user, &part);
        if (status != OK || part.len == 0) {
            return status;
        }
        if (!descriptor_write(fd, part)) {
            return IO_FAILED;
        }
    }
}

/* The new content under the temporary name, durable. */
static enum status content_write(const struct place *place, const char *temporary,
                                 struct source source, mode_t mode)
{
    (void)unlinkat(place->parent, temporary, 0); /* what a killed process left */
    int fd = openat(place->parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    mode);
    if (fd < 0) {
        return IO_FAILED;
    }
    enum status status = descriptor_fill(fd, source);
    if (status == OK && fsync(fd) != 0) {
        status = IO_FAILED;
    }
    int error = errno;
    if (close(fd) != 0 && status == OK) {
        return IO_FAILED;
    }
    errno = error;
    return status;
}

static enum status disk_put(struct disk_folder *folder, const char *name, struct source source,
                            mode_t mode)
{
    struct place place;
    enum status status = place_find(folder, name, true, &place);
    if (status != OK) {
        return status;
    }
    char temporary[LEAF_MAX + 1];
    snprintf(temporary, sizeof temporary, "%s~", place.leaf);
    status = content_write(&place, temporary, source, mode);
    if (status == OK && (renameat(place.parent, temporary, place.parent, place.leaf) != 0 ||
                         fsync(place.parent) != 0)) {
        status = IO_FAILED;
    }
    if (status != OK) {
        status = status == IO_FAILED ? failed(folder, "write", name) : status;
        (void)unlinkat(place.parent, temporary, 0);
    }
    close(place.parent);
    return status;
}

static enum status disk_replace(void *self, const char *name, struct span content)
{
    return disk_put(self, name, (struct source){next_of_one, &content}, FILE_MODE);
}

static enum status disk_replace_by_parts(void *self, const char *name,
                                         enum status (*next)(void *user, struct span *part),
                                         void *user)
{
    return disk_put(self, name, (struct source){next, user}, FILE_MODE);
}

static enum status disk_replace_secret(void *self, const char *name, struct span content)
{
    return disk_put(self, name, (struct source){next_of_one, &content}, SECRET_MODE);
}

/* A failed append leaves the file as it was, as far as the disk allows. */
static bool descriptor_append(int fd, struct span content)
{
    off_t before = lseek(fd, 0, SEEK_END);
    if (before < 0) {
        return false;
    }
    if (descriptor_write(fd, content) && fdatasync(fd) == 0) {
        return true;
    }
    int error = errno;
    int cut = ftruncate(fd, before);
    (void)cut;
    errno = error;
    return false;
}

static enum status disk_append(void *self, const char *name, struct span content)
{
    struct disk_folder *folder = self;
    struct place place;
    enum status status = place_find(folder, name, true, &place);
    if (status != OK) {
        return status;
    }
    int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    int fd = openat(place.parent, place.leaf, flags);
    bool is_new = fd < 0 && errno == ENOENT;
    if (is_new) {
        fd = openat(place.parent, place.leaf, flags | O_CREAT, FILE_MODE);
    }
    bool is_written =
        fd >= 0 && descriptor_append(fd, content) && (!is_new || fsync(place.parent) == 0);
    if (!is_written) {
        status = failed(folder, "append to", name);
    }
    if (fd >= 0) {
        close(fd);
    }
    close(place.parent);
    return status;
}

static bool descriptor_cut(int fd, uint64_t size)
{
    struct stat found;
    if (fstat(fd, &found) != 0) {
        return false;
    }
    bool is_longer = (uint64_t)found.st_size > size;
    return (!is_longer || ftruncate(fd, (off_t)size) == 0) && fsync(fd) == 0;
}

static enum status disk_cut(void *self, const char *name, uint64_t size)
{
    struct disk_folder *folder = self;
    struct place place;
    enum status status = place_find(folder, name, false, &place);
    if (status != OK) {
        return status;
    }
    int fd = openat(place.parent, place.leaf, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || !descriptor_cut(fd, size)) {
        status = failed(folder, "cut", name);
    }
    if (fd >= 0) {
        close(fd);
    }
    close(place.parent);
    return status;
}

static enum status disk_remove(void *self, const char *name)
{
    struct disk_folder *folder = self;
    struct place place;
    enum status status = place_find(folder, name, false, &place);
    if (status != OK) {
        return status;
    }
    if (unlinkat(place.parent, place.leaf, 0) != 0 || fsync(place.parent) != 0) {
        status = failed(folder, "remove", name);
    }
    close(place.parent);
    return status;
}

/* ------------------------------------------------------------------ the list */

struct listing {
    struct arena arena;
    char **names;
    size_t count;
    size_t size;
};

static bool listing_add(struct listing *listing, char *name)
{
    if (listing->count == listing->size) {
        size_t size = listing->size == 0 ? 64 : listing->size * 2;
        char **names = arena_take_array(&listing->arena, size, sizeof names[0]);
        if (names == NULL) {
            return false;
        }
        if (listing->count != 0) {
            memcpy(names, listing->names, listing->count * sizeof names[0]);
        }
        listing->names = names;
        listing->size = size;
    }
    listing->names[listing->count++] = name;
    return true;
}

/* Adds the entries of one folder; those that are folders themselves end with '/'. */
static enum status listing_add_folder(struct listing *listing, int fd, const char *path)
{
    DIR *opened = fdopendir(fd);
    if (opened == NULL) {
        close(fd);
        return IO_FAILED;
    }
    enum status status = OK;
    for (struct dirent *entry = readdir(opened); entry != NULL && status == OK;
         entry = readdir(opened)) {
        struct stat found;
        if (entry->d_name[0] == '\0' || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 || strchr(entry->d_name, '~') != NULL ||
            fstatat(dirfd(opened), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)) {
            char *name = arena_print(&listing->arena, "%s%s%s", path, entry->d_name,
                                     S_ISDIR(found.st_mode) ? "/" : "");
            status = name != NULL && listing_add(listing, name) ? OK : NO_MEMORY;
        }
    }
    closedir(opened);
    return status;
}

/* All files below; folders are replaced by what they hold until none is left. */
static enum status listing_fill(struct listing *listing, const struct disk_folder *folder)
{
    enum status status = listing_add_folder(
        listing, openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "");
    for (size_t i = 0; i < listing->count && status == OK;) {
        char *name = listing->names[i];
        size_t len = strlen(name);
        if (name[len - 1] != '/') {
            i++;
            continue;
        }
        listing->names[i] = listing->names[--listing->count];
        struct place place;
        char *inside = arena_print(&listing->arena, "%s_", name); /* only its parent is wanted */
        if (inside == NULL) {
            return NO_MEMORY;
        }
        if (name_is_valid(inside) && place_find(folder, inside, false, &place) == OK) {
            status = listing_add_folder(listing, place.parent, name);
        }
    }
    return status;
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum status disk_list(void *self, const char *prefix,
                             void (*each)(void *user, const char *name), void *user)
{
    const struct disk_folder *folder = self;
    struct listing listing = {0};
    arena_open(&listing.arena, LIST_MEMORY_MAX);
    enum status status = listing_fill(&listing, folder);
    if (status == OK && listing.count != 0) {
        qsort(listing.names, listing.count, sizeof listing.names[0], names_compare);
        for (size_t i = 0; i < listing.count; i++) {
            if (strncmp(listing.names[i], prefix, strlen(prefix)) == 0) {
                each(user, listing.names[i]);
            }
        }
    }
    arena_close(&listing.arena);
    return status;
}

/* ------------------------------------------------------------------ open and close */

static enum status folder_lock(struct disk_folder *folder, const char *path,
                               struct problem *problem)
{
    folder->lock =
        openat(folder->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, SECRET_MODE);
    if (folder->lock < 0) {
        return problem_set(problem, IO_FAILED, "cannot make the lock in the folder %s: %s", path,
                           strerror(errno));
    }
    if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
        char text[16] = {0};
        ssize_t len = pread(folder->lock, text, sizeof text - 1, 0);
        return problem_set(problem, BUSY, "the folder %s is in use by another process%s%s", path,
                           len > 0 ? ", number " : "", len > 0 ? text : "");
    }
    char text[16];
    int len = snprintf(text, sizeof text, "%d", (int)getpid());
    if (ftruncate(folder->lock, 0) != 0 || pwrite(folder->lock, text, (size_t)len, 0) != len) {
        return problem_set(problem, IO_FAILED, "cannot write the lock in the folder %s: %s", path,
                           strerror(errno));
    }
    return OK;
}

static enum status folder_open(struct disk_folder *folder, const char *path,
                               struct problem *problem)
{
    enum status status = file_make_folder(path, problem);
    if (status != OK) {
        return status;
    }
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0) {
        return problem_set(problem, IO_FAILED, "cannot open the folder %s: %s", path,
                           strerror(errno));
    }
    return folder_lock(folder, path, problem);
}

static void folder_close(struct disk_folder *folder)
{
    if (folder->lock >= 0) {
        close(folder->lock);
    }
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    memory_give_back(folder);
}

enum status world_disk(struct world *world, const char *path, struct disk *disk,
                       struct problem *problem)
{
    struct disk_folder *folder = memory_take(sizeof *folder);
    if (folder == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for the folder %s", path);
    }
    *folder = (struct disk_folder){.world = world, .fd = -1, .lock = -1};
    enum status status = folder_open(folder, path, problem);
    if (status != OK) {
        folder_close(folder);
        return status;
    }
    world_keep_folder(world, path, true);
    folder->next = world->folders;
    world->folders = folder;
    *disk = (struct disk){.self = folder,
                          .read = disk_read,
                          .read_at = disk_read_at,
                          .replace = disk_replace,
                          .replace_by_parts = disk_replace_by_parts,
                          .replace_secret = disk_replace_secret,
                          .append = disk_append,
                          .cut = disk_cut,
                          .remove = disk_remove,
                          .list = disk_list};
    return OK;
}

void disk_close(struct world *world)
{
    while (world->folders != NULL) {
        struct disk_folder *folder = world->folders;
        world->folders = folder->next;
        folder_close(folder);
    }
}
