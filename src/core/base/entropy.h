#pragma once
/* Randomness as an object: the kernel's in the real world, a seeded stream in the simulator. */
#include "core/base/base.h"

struct entropy {
    void (*fill)(void *self, void *bytes, size_t len); /* unpredictable octets; never fails */
    void *self;
};

uint16_t entropy_u16(const struct entropy *entropy);
uint64_t entropy_u64(const struct entropy *entropy);
/* Uniform in 0 .. bound-1, without bias; bound > 0. */
uint32_t entropy_below(const struct entropy *entropy, uint32_t bound);
