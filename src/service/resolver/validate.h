#pragma once
/* Verdicts for the links of a query: gathers what the chain of trust needs (DS and DNSKEY RRsets,
 * from the cache or by fetches) until it can judge. */
#include "service/resolver/state.h"

/* The next step: QUERY_LOOK_UP when other servers are to be asked, QUERY_AWAIT_EVIDENCE when a
 * fetch was begun, else QUERY_ANSWER with every link judged, or with `is_failed` when one is bogus
 * or cannot be judged. */
enum query_step validate_walk(struct resolver *resolver, struct query *query);
