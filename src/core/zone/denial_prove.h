#pragma once
/* Proving from a zone what denial_check accepts: which NSEC or NSEC3 RRsets an answer needs (RFC
 * 4035 §3.1.3, RFC 5155 §7.2). */
#include "core/dnssec/denial.h"
#include "core/zone/zone.h"

enum { DENIAL_PROOF_MAX = 3 };
struct denial_proof {
    uint16_t type; /* TYPE_NSEC or TYPE_NSEC3; 0: the zone has no denial chain */
    size_t count;
    const struct zone_node *nodes[DENIAL_PROOF_MAX]; /* each owns that type and its RRSIGs */
};

/* The proof of something that is so in this version of the zone: for DENIAL_NAME the closest
 * existing name and the wildcard are found here, for DENIAL_TYPE also whether a wildcard stands in
 * for the name. A zone whose chain has holes gives an incomplete proof. Cost: O(log n), and for
 * NSEC3 at most two hashes a label. */
void denial_prove(const struct zone *zone, const struct denial_question *question,
                  struct denial_proof *proof);
