#pragma once
/* Answers whose time is over, for when nothing better is to be had (RFC 8767). When validating,
 * only what was found secure or insecure while it was fresh is used so. */
#include "service/resolver/state.h"

/* Keeps hold of what the cache has for the name that the query has reached, before something worse
 * takes its place there. */
void stale_note(struct resolver *resolver, struct query *query);
/* Makes the whole answer of what the cache has, fresh or not; false, and the query as it was, where
 * a part is missing. What was stale is then as good as fresh for a while, so that the servers are
 * not asked by every client (RFC 8767 §5). */
bool stale_answer(struct resolver *resolver, struct query *query);
/* EDE 3 or 19 beside an answer that has a stale part; false when it has none. */
bool stale_remark(const struct query *query, struct judgement *remark);
