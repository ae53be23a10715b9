/* The other end of the control socket, for commands: one line, one text. */
#include "world/real/clock.h"
#include "world/real/memory.h"
#include "world/real/wait.h"
#include "world/real/world.h"
#include "world/real/world_limits.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_SIZE = 16384 };

static enum status control_connect(const char *path, int *opened, struct problem *problem)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof name.sun_path) {
        return problem_set(problem, TOO_LONG, "%s cannot be the path of a socket", path);
    }
    memcpy(name.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return problem_set(
            problem, IO_FAILED, "cannot reach the control socket %s: %s%s", path, strerror(error),
            error == ENOENT || error == ECONNREFUSED ? "; is the service running?" : "");
    }
    *opened = fd;
    return OK;
}

static enum status text_receive(int fd, int64_t until_mono_ns, struct buffer *text)
{
    for (;;) {
        enum status status = wait_for(fd, POLLIN, until_mono_ns);
        uint8_t *room = status == OK ? buffer_room(text, READ_SIZE) : NULL;
        if (status != OK || room == NULL || text->len > CONTROL_TEXT_MAX) {
            return status != OK ? status : NO_MEMORY;
        }
        ssize_t got = recv(fd, room, READ_SIZE, MSG_DONTWAIT);
        if (got == 0) {
            return text->len == 0 ? CLOSED : OK;
        }
        if (got > 0) {
            buffer_added(text, (size_t)got);
        } else if (errno != EAGAIN && errno != EINTR) {
            return text->len == 0 ? CLOSED : IO_FAILED;
        }
    }
}

/* The first octet says whether it went well. */
static enum status text_judge(struct span received, struct arena *arena, struct span *text,
                              struct problem *problem)
{
    struct span rest = span_part(received, 1, received.len - 1);
    if (arena_copy(arena, rest, text) != OK) {
        return problem_set(problem, NO_MEMORY, "the answer is too long");
    }
    if (received.bytes[0] == '+') {
        return OK;
    }
    while (rest.len != 0 && rest.bytes[rest.len - 1] == '\n') {
        rest.len--;
    }
    return problem_set(problem, REFUSED, "%.*s", (int)rest.len, (const char *)rest.bytes);
}

enum status control_ask(const char *path, const char *line, struct arena *arena, struct span *text,
                        struct problem *problem)
{
    int fd = -1;
    *text = SPAN_EMPTY;
    enum status status = control_connect(path, &fd, problem);
    if (status != OK) {
        return status;
    }
    int64_t until = clock_mono_ns() + (int64_t)CONTROL_ASK_MS * MOMENT_NS_PER_MS;
    struct buffer received = {0};
    status = wait_send(fd, span_of_text(line), until);
    status = status == OK ? wait_send(fd, SPAN_LITERAL("\n"), until) : status;
    status = status == OK ? text_receive(fd, until, &received) : status;
    close(fd);
    if (status != OK) {
        status = problem_set(problem, status, "the service behind %s gave no answer: %s", path,
                             status_text(status));
    } else {
        status = text_judge(buffer_bytes(&received), arena, text, problem);
    }
    buffer_close(&received);
    return status;
}
