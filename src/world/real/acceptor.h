#pragma once
/* A listening socket: takes connections, rests while there are no descriptors, stops on order. */
#include "world/real/loop.h"

struct world;

struct acceptor {
    struct world *world;
    struct watch watch;
    struct timer again; /* accepting rests until then */
    bool is_stopped;
    void (*take)(void *owner,
                 int fd);           /* the connection is the owner's from then on; non-blocking */
    void (*want_room)(void *owner); /* descriptors are short; NULL: nothing can be given up */
    void *owner;
};

/* Takes over the listening socket; IO_FAILED when the loop cannot watch it, then it is closed. */
enum status acceptor_open(struct acceptor *acceptor, int fd) MUST_USE;
/* No more connections; the socket stays bound. */
void acceptor_stop(struct acceptor *acceptor);
void acceptor_close(struct acceptor *acceptor);
