/* accept, and what to do when it cannot. */
#include "world/real/acceptor.h"

#include "world/real/inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void acceptor_rest(struct acceptor *acceptor)
{
    loop_unwatch(&acceptor->world->loop, &acceptor->watch);
    loop_set_timer(&acceptor->world->loop, &acceptor->again, world_in_ms(ACCEPT_PAUSE_MS));
}

static void acceptor_again(void *owner)
{
    struct acceptor *acceptor = owner;
    if (loop_watch(&acceptor->world->loop, &acceptor->watch, EPOLLIN) != OK) {
        acceptor_rest(acceptor);
    }
}

static void acceptor_ready(void *owner, uint32_t events)
{
    (void)events;
    struct acceptor *acceptor = owner;
    for (int i = 0; i < ACCEPTS_A_ROUND && !acceptor->is_stopped; i++) {
        int fd = accept4(acceptor->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            acceptor->take(acceptor->owner, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connection stays in the kernel's queue: rest, or the loop would spin on it. */
            log_line(&acceptor->world->log, LOG_WARNING, "no connection can be taken now: %s",
                     strerror(errno));
            if (acceptor->want_room != NULL) {
                acceptor->want_room(acceptor->owner);
            }
            acceptor_rest(acceptor);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

enum status acceptor_open(struct acceptor *acceptor, int fd)
{
    acceptor->watch = (struct watch){.fd = fd, .ready = acceptor_ready, .owner = acceptor};
    acceptor->again = (struct timer){.due = acceptor_again, .owner = acceptor};
    enum status status = loop_watch(&acceptor->world->loop, &acceptor->watch, EPOLLIN);
    if (status != OK) {
        close(fd);
    }
    return status;
}

void acceptor_stop(struct acceptor *acceptor)
{
    acceptor->is_stopped = true;
    loop_unwatch(&acceptor->world->loop, &acceptor->watch);
    loop_stop_timer(&acceptor->world->loop, &acceptor->again);
}

void acceptor_close(struct acceptor *acceptor)
{
    acceptor_stop(acceptor);
    close(acceptor->watch.fd);
}
