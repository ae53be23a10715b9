#pragma once
/* Dynamic updates (RFC 2136): an UPDATE's message against a zone version, all or nothing. Who sends
 * it was established before, by TSIG. */
#include "core/dns/message.h"
#include "core/zone/update_policy.h"
#include "core/zone/zone.h"

struct update {
    struct name zone;
    const struct rrset *prerequisites; /* one record each, or (count 0) none */
    size_t prerequisite_count;
    const struct rrset *changes;
    size_t change_count;
};

/* Everything lands in `arena`. The RCODE to answer with: NOERROR, FORMERR, NOTAUTH for a class
 * other than IN, or SERVFAIL without memory. */
uint16_t update_read(struct span wire, struct arena *arena, struct update *update,
                     struct problem *problem) MUST_USE;

/* What an update is held against. */
struct update_basis {
    const struct zone *data; /* as the owner wants it: this is changed */
    const struct zone *seen; /* as clients see it: for prerequisites and the serial */
    struct name key;         /* of the sender */
    const struct update_rule *rules;
    size_t rule_count;
};

/* The RCODE to answer with (RFC 2136 §3.2 to §3.4, and REFUSED); when it is not NOERROR, `problem`
 * says why. `*next` is the new version with one reference and a serial newer than that of `seen`,
 * or NULL when nothing changes. What the signer makes itself is REFUSED, and so is what would make
 * an error of zone_check. */
uint16_t update_apply(const struct update *update, const struct update_basis *basis,
                      struct arena *scratch, struct zone **next, struct problem *problem) MUST_USE;
