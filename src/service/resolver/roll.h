#pragma once
/* Which trust anchors hold now: the configured ones, and those of zones whose rolls are followed
 * (RFC 5011): when such a zone is asked for its keys, and what is kept of them. */
#include "service/resolver/state.h"

/* Of the options; before anything is validated. */
enum status roll_open(struct resolver *resolver) MUST_USE;
/* Asks the zones whose turn it is, and sets the timer for the next. */
void roll_ask(struct resolver *resolver);
/* What came of it. */
void roll_hear(struct resolver *resolver, const struct query *query);
/* Every anchor with its state, a line each. */
void roll_list(const struct resolver *resolver, struct writer *text);
/* How many anchors are in each state; the configured ones are valid. */
void roll_count(const struct resolver *resolver, uint32_t counts[ANCHOR_STATE_COUNT]);
void roll_close(struct resolver *resolver);
