#pragma once
/* A bar on the terminal for work that takes more than a second. It shows nothing when standard
 * error is no terminal, and nothing in the first second. */
#include "core/base/base.h"

#include <stdatomic.h>

struct progress {
    const char *what; /* one word: "reading", "signing" */
    uint64_t total;   /* of what is counted: octets, names, signatures; 0: not known */
    int64_t started_ns;
    bool is_terminal;
    atomic_bool is_drawn;
    atomic_uint_least64_t done;
    atomic_int_least64_t next_ns; /* when the bar is drawn again */
};

void progress_begin(struct progress *progress, const char *what, uint64_t total);
/* `count` more are done. From any thread; meant for every few hundred names, not for each. */
void progress_add(struct progress *progress, uint64_t count);
/* Takes the bar away. */
void progress_end(struct progress *progress);
