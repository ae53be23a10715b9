#pragma once
/* Priming (RFC 9609): who the root's servers are is asked of them, the hints being old. */
#include "service/resolver/state.h"

/* Asks for the root's name servers, unless the operator named them; again later, in any case. */
void prime_begin(struct resolver *resolver);
/* The answer to that: kept as the delegation of the root. */
void prime_hear(struct resolver *resolver, struct fetch *fetch, const struct response *response);
