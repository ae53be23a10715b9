#pragma once
/* Work that takes long and needs nothing of what its service changes: it is done beside the
 * service, which goes on with other events. */
#include <stdbool.h>
#include <stdint.h>

/* Stands first in what the work reads and writes. */
struct errand {
    /* In another thread. Nobody but it touches what the errand writes until it is done. */
    void (*run)(struct errand *errand);
    uint64_t timer;      /* when it is done EVENT_TIMER comes with that number */
    bool is_left;        /* nothing comes: `run` frees the errand too */
    bool is_done;        /* set before the event */
    struct errand *next; /* the world's */
};

struct errands {
    void *self;
    /* One after another, in the order of the calls. When EVENT_STOP has been handled the one under
     * way comes to its end, and of those behind it only what is left to itself is done. */
    void (*send)(void *self, struct errand *errand);
};
