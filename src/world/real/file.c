/* Whole files and standard input, for commands. */
#include "world/real/memory.h"
#include "world/real/world.h"
#include "world/real/world_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 16 };

static enum status descriptor_read(int fd, size_t size_max, struct buffer *content)
{
    for (;;) {
        uint8_t *room = buffer_room(content, READ_SIZE);
        if (room == NULL) {
            return NO_MEMORY;
        }
        ssize_t got = read(fd, room, READ_SIZE);
        if (got == 0) {
            return OK;
        }
        if (got > 0) {
            buffer_added(content, (size_t)got);
        } else if (errno != EINTR) {
            return IO_FAILED;
        }
        if (content->len > size_max) {
            return TOO_LONG;
        }
    }
}

enum status file_read(const char *path, size_t size_max, struct arena *arena, struct span *content,
                      struct problem *problem)
{
    bool is_input = strcmp(path, "-") == 0;
    const char *shown = is_input ? "standard input" : path;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return problem_set(problem, errno == ENOENT ? NOT_FOUND : IO_FAILED, "cannot read %s: %s",
                           shown, strerror(errno));
    }
    struct buffer read_so_far = {0};
    enum status status = descriptor_read(fd, size_max, &read_so_far);
    if (status == IO_FAILED) {
        status = problem_set(problem, status, "cannot read %s: %s", shown, strerror(errno));
    } else if (status == TOO_LONG) {
        status = problem_set(problem, status, "%s is longer than %zu octets", shown, size_max);
    } else if (status != OK || arena_copy(arena, buffer_bytes(&read_so_far), content) != OK) {
        status = problem_set(problem, NO_MEMORY, "there is no memory for %s", shown);
    }
    buffer_close(&read_so_far);
    if (!is_input) {
        close(fd);
    }
    return status;
}

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
