#pragma once
/* The vigil over the chains of trust: every domain that has keys is looked at through the
 * validating resolver, again and again, whether anybody asked for a change or not (S45). What was
 * seen, when and why stands in the domain's row. The registrant is told once when a domain that was
 * secure breaks, and once when it is well again.
 *
 * A domain is looked at every `look_fresh_s` for VIGIL_FRESH_AGE_S after a change and while it is
 * broken, and every `look_calm_s` otherwise, each a quarter more or less, so that domains which
 * changed together drift apart. At most VIGIL_LOOKS_MAX looks are under way. When the next look is
 * due is stored with the domain: a restart neither forgets a domain nor asks about all at once. */
#include "service/registrar/look.h"

struct turn;

enum {
    VIGIL_FRESH_AGE_S = 24 * 3600,
    VIGIL_LOOKS_MAX = 8,
    VIGIL_LEASE_S = 120,  /* a look of which nothing more is heard is begun again then */
    VIGIL_CONFIRM_S = 60, /* a chain is broken when it still is so much later */
};

/* Begins what is due. */
void vigil_pump(struct turn *turn);
/* When the next look is due; INT64_MAX: never. */
enum status vigil_next_due(struct turn *turn, int64_t *due_s) MUST_USE;
/* A LOOK_CHAIN is over, whoever began it: stores what it saw, and the notice of a turn. */
enum status vigil_take(struct turn *turn, const struct look *look) MUST_USE;
/* Keys or name servers have changed: looks soon. Inside the caller's transaction. */
enum status vigil_note_change(struct turn *turn, const char *domain) MUST_USE;
