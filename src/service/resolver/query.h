#pragma once
/* One client's question, from its arrival to its answer. */
#include "service/resolver/state.h"

/* Begins a query or answers at once what needs no resolving. */
void query_begin(struct resolver *resolver, const struct event_query *event);
/* The same for a question that has to be resolved. False without memory. */
bool query_start(struct resolver *resolver, const struct client *client) MUST_USE;
/* Walks a query's steps until it awaits something or is answered (and gone). */
void query_walk(struct resolver *resolver, struct query *query);
/* As it stands: with what `query` has for an answer, or with its failure. */
void query_answer(struct resolver *resolver, struct query *query);
/* It has to wait for servers from now on; NULL, or why it may not. */
const char *query_wait(struct resolver *resolver, struct query *query);
/* Sets the timer for query_answer_stale. */
void query_await_stale(struct resolver *resolver);
void query_enqueue(struct resolver *resolver, struct query *query);
/* Answers with SERVFAIL those that have waited too long; sets the timer for the next. */
void query_expire(struct resolver *resolver);
/* Answers those whose clients have waited long enough for better with what is stale; sets its
 * timer. */
void query_answer_stale(struct resolver *resolver);
/* A question of the resolver's own, which walks when its turn comes in the same event. False
 * without memory. */
bool query_ask(struct resolver *resolver, struct name name, uint16_t type,
               enum query_purpose purpose);
/* Frees it without an answer; for the end. */
void query_drop(struct resolver *resolver, struct query *query);
