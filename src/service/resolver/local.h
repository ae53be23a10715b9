#pragma once
/* Names that a resolver answers itself and never asks about (RFC 6761, RFC 6303, RFC 7686). */
#include "core/dns/rrset.h"

struct local_answer {
    uint16_t rcode;
    const struct rrset *answer;    /* NULL: none */
    const struct rrset *authority; /* NULL: none */
};

/* False for every other name. The answer lives in the arena. */
bool local_find(struct name name, uint16_t type, struct arena *arena, struct local_answer *answer);
