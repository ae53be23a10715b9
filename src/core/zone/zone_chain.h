#pragma once
/* The denial chain as the signer writes it: which names are in it, in which order, and with which
 * types. */
#include "core/zone/zone_sign.h"

/* What a node is to the signer. */
enum chain_place {
    CHAIN_AUTHORITATIVE, /* everything is signed */
    CHAIN_CUT,           /* a delegation: DS and NSEC are signed, NS and glue are not */
    CHAIN_BELOW          /* glue, or hidden below a cut or a DNAME: nothing is signed */
};

/* Tells the place of each node of a canonical walk. */
struct chain_walk {
    const struct zone *zone;
    struct zone_cursor cursor;
    struct name above; /* the cut or DNAME last met; len 0: none */
};
void chain_walk_begin(struct chain_walk *walk, const struct zone *zone);
const struct zone_node *chain_walk_next(struct chain_walk *walk, enum chain_place *place);

/* Is the RRset signed? Not for RRSIG itself. */
bool chain_signs(enum chain_place place, uint16_t type);

/* Adds the NSEC or NSEC3 RRsets for the names of `plain` (with DNSKEY and NSEC3PARAM, without
 * RRSIGs) to a builder that began from it. `has_zonemd`: the apex will own ZONEMD too. */
enum status chain_build(const struct zone *plain, enum zone_denial denial, bool has_zonemd,
                        struct zone_builder *builder) MUST_USE;
