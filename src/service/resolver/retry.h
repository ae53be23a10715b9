#pragma once
/* A second opinion: where one server of a zone gave data that validation finds bogus, the others of
 * the zone are asked before the client is told that it failed. */
#include "service/resolver/state.h"

/* The link's answer is bogus. True when the data that may be at fault came from servers for this
 * very query, and others could be asked: the query then begins again at QUERY_LOOK_UP, with what
 * was good still in the cache, and with its budgets as they are. */
bool retry_begin(struct resolver *resolver, struct query *query, const struct link *link,
                 const struct judgement *bogus);
/* Nobody had better data: the bogus ones and what was found about them are kept after all, and
 * become the query's judgement. False where nothing was bogus. */
bool retry_give_up(struct resolver *resolver, struct query *query);
/* Keeps a fetch for this query away from the servers that gave bogus data to the same question. */
void retry_avoid(const struct resolver *resolver, const struct query *query, struct fetch *fetch);
