/* The only place that asks what time it is, and for randomness. */
#include "world/real/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_read_ns(clockid_t clock)
{
    struct timespec time;
    int failed = clock_gettime(clock, &time);
    require(failed == 0);
    return (int64_t)time.tv_sec * MOMENT_NS_PER_S + time.tv_nsec;
}

struct moment clock_now(void)
{
    return (struct moment){.wall_ns = clock_read_ns(CLOCK_REALTIME), .mono_ns = clock_mono_ns()};
}

int64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

static void kernel_fill(void *self, void *bytes, size_t len)
{
    (void)self;
    uint8_t *at = bytes;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        /* Going on with predictable octets would be worse than stopping. */
        require(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        }
    }
}

struct entropy entropy_of_kernel(void)
{
    return (struct entropy){kernel_fill, NULL};
}
