#pragma once
/* One (name, type) asked of name servers until something can be said about it. */
#include "service/resolver/state.h"

/* The fetch for that question: one under way, or a new one charged to `account`. NULL when there
 * are too many, or too many wait for it already. The caller then waits with fetch_join_*. */
struct fetch *fetch_start(struct resolver *resolver, struct name name, uint16_t type,
                          struct account *account, uint8_t depth);
void fetch_join_query(struct fetch *fetch, struct query *query);
void fetch_leave_query(struct fetch *fetch, struct query *query);
/* A query has waited for it as long as it may: that is remembered as a failure (RFC 9520 §2.5), so
 * that the next who asks does not wait as long; the fetch goes on while anybody waits. */
void fetch_note_late(struct resolver *resolver, const struct fetch *fetch);
/* Something came of an ask. */
void fetch_hear(struct resolver *resolver, const struct event_answer *answer);
/* Walks a fetch's steps until it awaits something or is done (and gone). */
void fetch_walk(struct resolver *resolver, struct fetch *fetch);
void fetch_enqueue(struct resolver *resolver, struct fetch *fetch);
/* Frees it without telling anybody; for the end. */
void fetch_drop(struct resolver *resolver, struct fetch *fetch);
