#pragma once
/* What others are told of the trust anchors: clients by root key sentinels (RFC 8509), servers of
 * the zones that have them by key tags (RFC 8145). */
#include "service/resolver/state.h"

/* A name of whose answer clients conclude what is trusted. */
bool trust_signal_is_sentinel(struct name name);
/* Is the answer one that a sentinel forbids? The query's links are judged. */
bool trust_signal_forbids(const struct resolver *resolver, const struct query *query);
/* A zone is about to be asked for its keys: its servers are told by a query which of them are
 * trusted (RFC 8145 §5). Nothing happens where it has no anchor. */
void trust_signal_tell(struct resolver *resolver, struct name zone);
/* The same as an option of the DNSKEY query itself (RFC 8145 §4). */
void trust_signal_add_option(const struct resolver *resolver, struct question question,
                             struct writer *options);
