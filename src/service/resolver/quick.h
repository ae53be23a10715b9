#pragma once
/* Answers from the cache in other threads than that of the service; resolver_answer does it. */
#include "service/resolver/state.h"

/* Adds to the statistics what other threads have answered since. */
void quick_tell(struct resolver *resolver);
