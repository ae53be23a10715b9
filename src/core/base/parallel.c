/* The simplest way to spread work: not at all. */
#include "core/base/parallel.h"

static void run_in_order(void *self, void (*work)(void *user, size_t index), void *user,
                         size_t count)
{
    (void)self;
    for (size_t i = 0; i < count; i++) {
        work(user, i);
    }
}

const struct parallel *parallel_none(void)
{
    static const struct parallel none = {.self = NULL, .width = 1, .run = run_in_order};
    return &none;
}
