#pragma once
/* What the protocols that carry DNS messages must know of them: how long an HTTP cache may keep
 * one, and whether a query may go over QUIC. */
#include "core/base/span.h"

/* Seconds that an answer stays fresh (RFC 8484 §5.1): the smallest TTL of its answer section; with
 * none there, what a negative answer is kept for (RFC 2308 §5). 0 for all that no cache keeps:
 * truncated answers, other errors than NXDOMAIN, and what is no answer at all. */
uint32_t carriage_lifetime_s(struct span answer);
/* RFC 9250 §4.2.1 and §5.5.2: no query over QUIC has an ID or the option for the idle time of TCP.
 * A query that is malformed behind its header is for the service to refuse. */
bool carriage_is_fit_for_quic(struct span query);
