#pragma once
/* One client's question, from its arrival to its answer. */
#include "service/resolver/state.h"

/* Begins a query or answers at once what needs no resolving. */
void query_begin(struct resolver *resolver, const struct event_query *event);
/* Walks a query's steps until it awaits something or is answered (and gone). */
void query_walk(struct resolver *resolver, struct query *query);
void query_enqueue(struct resolver *resolver, struct query *query);
/* Answers with SERVFAIL those that have waited too long; sets the timer for the next. */
void query_expire(struct resolver *resolver);
/* Answers those whose clients have waited long enough for better with what is stale; sets its
 * timer. */
void query_answer_stale(struct resolver *resolver);
/* A question of the resolver's own, the SOA of a zone, judged as if no negative trust anchor were
 * there; nta_hear gets what it came to. */
void query_probe(struct resolver *resolver, struct name zone);
/* Frees it without an answer; for the end. */
void query_drop(struct resolver *resolver, struct query *query);
