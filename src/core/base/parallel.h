#pragma once
/* Work spread over threads that the world hands in. Code that is given one never starts a thread of
 * its own, and gives the same result for every width. */
#include "core/base/base.h"

#include <stddef.h>

enum { PARALLEL_WIDTH_MAX = 64 };

struct parallel {
    void *self;
    unsigned width; /* how many pieces run at the same time, at least 1 */
    /* Calls work(user, index) once for each index below `count`, in any order, up to `width` at a
     * time, and returns when all have returned. What the pieces wrote is seen by the caller. Not to
     * be called from inside a piece. */
    void (*run)(void *self, void (*work)(void *user, size_t index), void *user, size_t count);
};

/* One piece after another in the caller's thread. */
const struct parallel *parallel_none(void);
