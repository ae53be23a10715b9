#pragma once
/* QNAME minimisation (RFC 9156): a server is told only as much of the name as it needs to refer
 * further down. Relaxed: where the short question leads to an error or to NXDOMAIN, the whole one
 * is asked, for servers that know nothing of empty non-terminals. */
#include "service/resolver/state.h"

/* For the servers of fetch->zone: one label more than theirs. */
void minimise_begin(const struct resolver *resolver, struct fetch *fetch);
/* Is less than the whole name shown? */
bool minimise_is_on(const struct fetch *fetch);
/* There is no cut at the name shown: more labels, whole steps of them after the first few. */
void minimise_next(struct fetch *fetch);
/* From now on the whole name, at every server of this fetch. */
void minimise_stop(struct fetch *fetch);
/* What is to be asked: A for a part of the name (RFC 9156 §2.1), as it hides the type too. */
struct question minimise_question(const struct fetch *fetch);
