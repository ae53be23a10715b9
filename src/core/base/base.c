/* The one way out of a broken promise: say which and stop. */
#include "core/base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void require_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "vouch: broken promise: %s (%s:%d)\n", fact, file, line);
    abort();
}
