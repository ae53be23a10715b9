/* The operator's socket: one line in, one text out. The text begins with '+' when the command was
 * done and with '-' when it failed. Only the same user and root may speak. What signals ask of the
 * process, lines do too: `stop` is answered here, and before a service reads its own files at
 * `reload` the certificates are read. */
#include "world/real/acceptor.h"
#include "world/real/inside.h"
#include "world/real/service_manager.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum line_state {
    LINE_AWAITED,  /* the line is not whole yet */
    LINE_HANDED,   /* the service has it and owes a text */
    LINE_ANSWERED, /* the text is being sent, then it closes */
    LINE_DEAD      /* freed at the end of the round */
};

struct control_line {
    struct control *control;
    uint64_t request;
    enum line_state state;
    struct watch watch;
    struct timer deadline;
    struct buffer in;
    struct buffer out;
    bool is_dirty;
    struct control_line *dirty_next;
};

struct control {
    struct world *world;
    struct acceptor acceptor;
    struct sockaddr_un name;
    struct table by_request;
    struct control_line *dirty;
};

static void line_mark_dirty(struct control_line *line)
{
    if (!line->is_dirty) {
        line->is_dirty = true;
        line->dirty_next = line->control->dirty;
        line->control->dirty = line;
    }
}

static void line_kill(struct control_line *line)
{
    line->state = LINE_DEAD;
    line_mark_dirty(line);
}

static void line_due(void *owner)
{
    line_kill(owner);
}

static void line_free(struct control_line *line)
{
    struct world *world = line->control->world;
    loop_unwatch(&world->loop, &line->watch);
    loop_stop_timer(&world->loop, &line->deadline);
    close(line->watch.fd);
    table_remove(&line->control->by_request, line->request);
    buffer_close(&line->in);
    buffer_close(&line->out);
    memory_give_back(line);
}

/* ------------------------------------------------------------------ the line */

/* Words separated by single spaces; returns the new length. */
static size_t line_squeeze(uint8_t *bytes, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_blank = bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r';
        if (!is_blank) {
            bytes[kept++] = bytes[i];
        } else if (kept != 0 && bytes[kept - 1] != ' ') {
            bytes[kept++] = ' ';
        }
    }
    return kept != 0 && bytes[kept - 1] == ' ' ? kept - 1 : kept;
}

static void line_answer(struct control_line *line, bool is_failure, struct span text)
{
    struct world *world = line->control->world;
    if (buffer_append(&line->out, is_failure ? SPAN_LITERAL("-") : SPAN_LITERAL("+")) != OK ||
        buffer_append(&line->out, text) != OK) {
        line_kill(line);
        return;
    }
    line->state = LINE_ANSWERED;
    loop_set_timer(&world->loop, &line->deadline, world_in_ms(CONTROL_LINE_MS));
    line_mark_dirty(line);
}

static void line_deliver(struct control_line *line, size_t len)
{
    uint8_t text[CONTROL_LINE_MAX];
    memcpy(text, buffer_bytes(&line->in).bytes, len);
    struct world *world = line->control->world;
    struct span words = span_of(text, line_squeeze(text, len));
    if (span_equal(words, SPAN_LITERAL("stop"))) {
        line_answer(line, false, SPAN_LITERAL("stopping\n"));
        world_stop(world);
        return;
    }
    if (span_equal(words, SPAN_LITERAL("reload"))) {
        service_manager_tell_reloading();
        world_reload_files(world);
    }
    line->state = LINE_HANDED;
    loop_stop_timer(&world->loop, &line->deadline);
    struct event event = {.kind = EVENT_CONTROL,
                          .control = {.request = line->request, .line = words}};
    world_deliver(world, &event);
    if (span_equal(words, SPAN_LITERAL("reload"))) {
        service_manager_tell("READY=1");
    }
}

static void line_ready(void *owner, uint32_t events)
{
    struct control_line *line = owner;
    line_mark_dirty(line);
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
        line_kill(line); /* whoever asked has gone; a text that comes later finds nobody */
        return;
    }
    if (line->state != LINE_AWAITED) {
        return;
    }
    uint8_t *room = buffer_room(&line->in, CONTROL_LINE_MAX);
    ssize_t got = room == NULL ? 0 : recv(line->watch.fd, room, CONTROL_LINE_MAX, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            line_kill(line);
        }
        return;
    }
    buffer_added(&line->in, (size_t)got);
    struct span bytes = buffer_bytes(&line->in);
    const uint8_t *end = memchr(bytes.bytes, '\n', bytes.len);
    size_t len = end == NULL ? bytes.len : (size_t)(end - bytes.bytes);
    if (len >= CONTROL_LINE_MAX) {
        line_kill(line);
    } else if (end != NULL) {
        line_deliver(line, len);
    }
}

/* ------------------------------------------------------------------ the text */

void control_answer(struct world *world, const struct effect_control *effect)
{
    struct control *control = world->control;
    struct control_line *line =
        control == NULL ? NULL : table_find(&control->by_request, effect->request);
    if (line == NULL || line->state != LINE_HANDED) {
        return;
    }
    line_answer(line, effect->is_failure, effect->text);
}

static void line_settle(struct control_line *line)
{
    while (line->state == LINE_ANSWERED && line->out.len != 0) {
        struct span bytes = buffer_bytes(&line->out);
        ssize_t sent = send(line->watch.fd, bytes.bytes, bytes.len, MSG_NOSIGNAL);
        if (sent >= 0) {
            buffer_drop(&line->out, (size_t)sent);
        } else if (errno == EAGAIN || errno == EINTR) {
            break;
        } else {
            line->state = LINE_DEAD;
        }
    }
    bool is_over = line->state == LINE_DEAD ||
                   (line->state == LINE_ANSWERED && line->out.len == 0) ||
                   (line->control->world->is_draining && line->state != LINE_ANSWERED);
    uint32_t interest = line->state == LINE_AWAITED    ? EPOLLIN
                        : line->state == LINE_ANSWERED ? EPOLLOUT
                                                       : 0;
    line->is_dirty = false;
    if (is_over || loop_watch(&line->control->world->loop, &line->watch, interest) != OK) {
        line_free(line);
    }
}

void control_flush(struct world *world)
{
    struct control *control = world->control;
    while (control != NULL && control->dirty != NULL) {
        struct control_line *line = control->dirty;
        control->dirty = line->dirty_next;
        line_settle(line);
    }
}

/* ------------------------------------------------------------------ connections */

static bool peer_is_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void line_open(void *owner, int fd)
{
    struct control *control = owner;
    struct control_line *line =
        peer_is_allowed(fd) && control->by_request.count < CONTROL_CONNECTIONS_MAX
            ? memory_take(sizeof *line)
            : NULL;
    if (line == NULL) {
        close(fd);
        return;
    }
    *line = (struct control_line){.control = control,
                                  .request = world_number(control->world),
                                  .watch = {.fd = fd, .ready = line_ready, .owner = line},
                                  .deadline = {.due = line_due, .owner = line}};
    table_set(&control->by_request, line->request, line);
    loop_set_timer(&control->world->loop, &line->deadline, world_in_ms(CONTROL_LINE_MS));
    line_mark_dirty(line);
}

/* ------------------------------------------------------------------ open and close */

/* A socket file that nobody listens on is what a killed process left. */
static bool name_is_stale(const struct sockaddr_un *name)
{
    struct stat found;
    if (lstat(name->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_stale = fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 &&
                    errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return is_stale;
}

static enum status control_bind(struct control *control, int *bound, struct problem *problem)
{
    const char *path = control->name.sun_path;
    if (name_is_stale(&control->name)) {
        (void)unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return problem_set(problem, IO_FAILED, "cannot open the control socket %s: %s", path,
                           strerror(errno));
    }
    mode_t mask = umask(0177); /* never open to others, not even for a moment */
    int failed = bind(fd, (const struct sockaddr *)&control->name, sizeof control->name);
    int error = errno;
    umask(mask);
    if (failed == 0 && listen(fd, CONTROL_CONNECTIONS_MAX) != 0) {
        failed = -1;
        error = errno;
    }
    if (failed != 0) {
        close(fd);
        return problem_set(problem, error == EADDRINUSE ? BUSY : IO_FAILED,
                           "cannot listen on the control socket %s: %s%s", path, strerror(error),
                           error == EADDRINUSE ? "; another process of vouch runs there" : "");
    }
    *bound = fd;
    return OK;
}

enum status world_listen_control(struct world *world, const char *path, struct problem *problem)
{
    require(world->control == NULL);
    struct control *control = memory_take(sizeof *control);
    if (control == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for the control socket");
    }
    *control = (struct control){.world = world,
                                .acceptor = {.world = world, .take = line_open, .owner = control},
                                .name = {.sun_family = AF_UNIX}};
    size_t len = strlen(path);
    int fd = -1;
    enum status status = OK;
    if (len == 0 || len >= sizeof control->name.sun_path) {
        status = problem_set(problem, TOO_LONG,
                             "the path of the control socket, %s, must have 1 to %zu octets", path,
                             sizeof control->name.sun_path - 1);
    } else {
        memcpy(control->name.sun_path, path, len);
        status = control_bind(control, &fd, problem);
    }
    if (status == OK && acceptor_open(&control->acceptor, fd) != OK) {
        status = problem_set(problem, IO_FAILED, "cannot wait for control connections: %s",
                             strerror(errno));
    }
    if (status != OK) {
        memory_give_back(control);
        return status;
    }
    world_keep_file(world, path, true);
    world->control = control;
    return OK;
}

void control_stop(struct world *world)
{
    struct control *control = world->control;
    if (control == NULL) {
        return;
    }
    acceptor_stop(&control->acceptor);
    for (size_t i = 0; i < control->by_request.size; i++) {
        if (control->by_request.slots[i].value != NULL) {
            line_mark_dirty(control->by_request.slots[i].value);
        }
    }
}

bool control_is_drained(const struct world *world)
{
    return world->control == NULL || world->control->by_request.count == 0;
}

void control_close(struct world *world)
{
    struct control *control = world->control;
    if (control == NULL) {
        return;
    }
    control_stop(world);
    for (struct control_line *line = table_any(&control->by_request); line != NULL;
         line = table_any(&control->by_request)) {
        line_free(line);
    }
    acceptor_close(&control->acceptor);
    (void)unlink(control->name.sun_path);
    table_close(&control->by_request);
    memory_give_back(control);
    world->control = NULL;
}
