#pragma once
/* Now, as the world hands it in: the wall clock for what others see, the monotonic clock for waits.
 */
#include "core/base/base.h"

struct moment {
    int64_t wall_ns; /* since 1970-01-01T00:00:00Z */
    int64_t mono_ns; /* never goes back while the process lives */
};

enum { MOMENT_NS_PER_MS = 1000000, MOMENT_NS_PER_S = 1000000000 };

static inline int64_t moment_wall_s(struct moment now)
{
    return now.wall_ns / MOMENT_NS_PER_S;
}
