/* Numbers from octets, without bias. */
#include "core/base/entropy.h"

uint16_t entropy_u16(const struct entropy *entropy)
{
    uint16_t value;
    entropy->fill(entropy->self, &value, sizeof value);
    return value;
}

uint64_t entropy_u64(const struct entropy *entropy)
{
    uint64_t value;
    entropy->fill(entropy->self, &value, sizeof value);
    return value;
}

uint32_t entropy_below(const struct entropy *entropy, uint32_t bound)
{
    require(bound > 0);
    uint32_t unfair = (uint32_t)(-bound) %
                      bound; /* 2^32 mod bound: these lowest values would be drawn once too often */
    uint32_t value;
    do {
        entropy->fill(entropy->self, &value, sizeof value);
    } while (value < unfair);
    return value % bound;
}
