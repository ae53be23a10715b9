/* Whole files and standard input, and what tells a file from what it was. */
#include "world/real/clock.h"
#include "world/real/memory.h"
#include "world/real/world.h"
#include "world/real/world_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_SIZE = 1 << 16,
    SETTLED_S = 2, /* the coarsest clock of a file system goes in whole seconds */
};

/* ------------------------------------------------------------------ what a file is */

static uint64_t mix(uint64_t state, uint64_t more)
{
    state = (state ^ more) * UINT64_C(0x9e3779b97f4a7c15);
    return state ^ state >> 32;
}

static int64_t time_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * MOMENT_NS_PER_S + time.tv_nsec;
}

/* The time of its last change of whatever kind counts beside that of its content, which anyone may
 * set. */
static uint64_t state_of(const struct stat *file)
{
    int64_t latest_ns = time_ns(file->st_ctim);
    int64_t written_ns = time_ns(file->st_mtim);
    latest_ns = latest_ns > written_ns ? latest_ns : written_ns;
    if (latest_ns > clock_now().wall_ns - SETTLED_S * MOMENT_NS_PER_S) {
        return 0;
    }
    uint64_t state = mix(mix(0, (uint64_t)file->st_dev), (uint64_t)file->st_ino);
    state = mix(mix(state, (uint64_t)file->st_size), (uint64_t)written_ns);
    state = mix(state, (uint64_t)time_ns(file->st_ctim));
    return state == 0 ? 1 : state;
}

uint64_t file_state(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? state_of(&file) : 0;
}

/* ------------------------------------------------------------------ its content */

static ssize_t read_some(int fd, uint8_t *room, size_t len)
{
    ssize_t got;
    do {
        got = read(fd, room, len);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* What is no file that tells its size, and what has grown since it did. */
static enum status read_growing(int fd, size_t size_max, struct buffer *content)
{
    for (;;) {
        uint8_t *room = buffer_room(content, READ_SIZE);
        if (room == NULL) {
            return NO_MEMORY;
        }
        ssize_t got = read_some(fd, room, READ_SIZE);
        if (got <= 0) {
            return got == 0 ? OK : IO_FAILED;
        }
        buffer_added(content, (size_t)got);
        if (content->len > size_max) {
            return TOO_LONG;
        }
    }
}

static enum status read_rest(int fd, size_t size_max, struct arena *arena, struct span *content)
{
    struct buffer all = {0};
    enum status status = buffer_append(&all, *content);
    status = status == OK ? read_growing(fd, size_max, &all) : status;
    status = status == OK ? arena_copy(arena, buffer_bytes(&all), content) : status;
    buffer_close(&all);
    return status;
}

/* A file that tells its size goes into the arena at once. Asking for one octet more shows that it
 * has not grown since, without another read. */
static enum status read_file(int fd, size_t size_max, struct arena *arena,
                             struct file_content *content)
{
    struct stat file;
    bool is_file = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0;
    size_t size = is_file ? (size_t)file.st_size : 0;
    if (size > size_max) {
        return TOO_LONG;
    }
    size_t len = 0;
    if (is_file) {
        content->state = state_of(&file);
        uint8_t *room = arena_take(arena, size + 1);
        ssize_t got = room == NULL ? 0 : read_some(fd, room, size + 1);
        while (got > 0 && (len += (size_t)got) < size) {
            got = read_some(fd, room + len, size + 1 - len);
        }
        content->text = span_of(room, len);
        if (room == NULL || got < 0 || len <= size) {
            return room == NULL ? NO_MEMORY : got < 0 ? IO_FAILED : OK;
        }
    }
    return read_rest(fd, size_max, arena, &content->text);
}

enum status file_read_seen(const char *path, size_t size_max, struct arena *arena,
                           struct file_content *content, struct problem *problem)
{
    bool is_input = strcmp(path, "-") == 0;
    const char *shown = is_input ? "standard input" : path;
    *content = (struct file_content){SPAN_EMPTY, 0};
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return problem_set(problem, errno == ENOENT ? NOT_FOUND : IO_FAILED, "cannot read %s: %s",
                           shown, strerror(errno));
    }
    enum status status = read_file(fd, size_max, arena, content);
    if (status == IO_FAILED) {
        status = problem_set(problem, status, "cannot read %s: %s", shown, strerror(errno));
    } else if (status == TOO_LONG) {
        status = problem_set(problem, status, "%s is longer than %zu octets", shown, size_max);
    } else if (status != OK) {
        status = problem_set(problem, NO_MEMORY, "there is no memory for %s", shown);
    }
    if (!is_input) {
        close(fd);
    }
    return status;
}

enum status file_read(const char *path, size_t size_max, struct arena *arena, struct span *content,
                      struct problem *problem)
{
    struct file_content read_now;
    enum status status = file_read_seen(path, size_max, arena, &read_now, problem);
    *content = read_now.text;
    return status;
}

/* ------------------------------------------------------------------ folders */

enum status file_make_folder(const char *path, struct problem *problem)
{
    enum { FOLDER_MODE = 0700 };
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return problem_set(problem, TOO_LONG, "the folder's path is empty or too long");
    }
    memcpy(part, path, len + 1);
    for (size_t at = 1; at <= len; at++) {
        if (part[at] != '/' && part[at] != '\0') {
            continue;
        }
        char kept = part[at];
        part[at] = '\0';
        if (mkdir(part, FOLDER_MODE) != 0 && errno != EEXIST) {
            return problem_set(problem, IO_FAILED, "cannot make the folder %.200s: %s", part,
                               strerror(errno));
        }
        part[at] = kept;
    }
    return OK;
}
