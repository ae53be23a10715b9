#pragma once
/* Reports of failures to those whom the servers of a zone name as their agents (RFC 9567). */
#include "service/resolver/state.h"

/* An answer of a server of that zone: whom it wants to be told, or nobody. */
void report_note_agent(struct fetch *fetch, const struct message *message);
/* A query has failed: its agent, if it has one, is told by being asked. What was told is not told
 * again while the agent's answer lives. */
void report_failure(struct resolver *resolver, const struct query *query);
