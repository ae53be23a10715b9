#pragma once
/* Answers made from what was proved before, without asking anybody: aggressive use of the
 * DNSSEC-validated cache (RFC 8198). Only from secure data, and never for whoever sets CD. */
#include "core/dnssec/chain.h"
#include "service/resolver/state.h"

/* Keeps what a SECURE answer has proved beside itself. */
void synthesis_learn(struct resolver *resolver, const struct cache_entry *entry,
                     const struct chain_result *result);
/* A secure answer to the name that the query has reached: its denial, the denial of the type, or
 * what a wildcard has for it. It is in the cache, and the caller holds it; NULL where nothing is
 * proved. */
struct cache_entry *synthesis_find(struct resolver *resolver, const struct query *query);
