#pragma once
/* What becomes of a refusal. D2 wants its reason in the notice too (S40, S53), although it is known
 * at once: so the request becomes an operation that is FAILED from the start, stored together with
 * its one notice before anybody hears of it, and the page, the API and the command line say the
 * reason (and the operation's id) just as before.
 *
 * Told by mail, because somebody submitted a change and it will not be made: a malformed key, an
 * algorithm that does not fit it or is not accepted, a key that is there already, one key more than
 * the TLD allows, a deletion of a key that is not there, a TLD without DNSSEC.
 *
 * Only shown: a form without a public key or key id (nothing was submitted yet); another
 * change in progress (S38, S51: whoever waits for the confirmation of the first change must not get
 * another mail in its place); too many operations in progress, and records that fail (ask again:
 * nothing was decided); a consequence that must be confirmed (a question); a domain that is not the
 * account's (it has no registrant to tell). Beyond REFUSALS_TOLD_MAX an hour an account's refusals
 * are only shown and logged: a mail for each malformed request would be a mail bomb. */
#include "service/registrar/rules.h"

enum { REFUSALS_TOLD_MAX = 10, REFUSALS_TOLD_WINDOW_S = 3600 };

/* What was asked. */
struct refusal_case {
    const struct rules_request *request;
    enum operation_type type;
    const struct domain *domain;   /* of the account */
    const struct domain_key *key;  /* NULL: what was given is no key */
    const struct key_input *input; /* then this was given for an addition, */
    struct span key_id;            /* or this for a deletion */
};

/* Stores operation and notice of a refusal that has its sentence; sets its operation, unless there
 * were too many. Records that fail make it REFUSAL_INTERNAL. Always false, as a refusal is. */
bool refusal_tell(struct turn *turn, const struct refusal_case *what, struct refusal *refusal);
