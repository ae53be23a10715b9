#pragma once
/* A thread for what services send away: it yields to those that answer. */
#include "core/base/status.h"
#include "core/node/errand.h"

struct world;

/* NULL without memory. The thread begins with the first errand: in the sandbox, where there is
 * one. */
const struct errands *world_errands(struct world *world);
