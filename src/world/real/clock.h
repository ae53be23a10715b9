#pragma once
/* The clocks and the randomness of the machine. */
#include "core/base/entropy.h"
#include "core/base/moment.h"

struct moment clock_now(void);
int64_t clock_mono_ns(void);
/* The kernel's randomness. */
struct entropy entropy_of_kernel(void);
