#pragma once
/* Records of one version that another does not have, one after another: half of a difference. */
#include "core/zone/zone.h"

struct zone_subtraction {
    struct zone_comparison comparison;
    const struct zone_node *of;   /* the node being looked at; NULL: none has more */
    const struct zone_node *from; /* its counterpart, or NULL */
    uint16_t rrset_index;
    const struct rrset *of_rrset;   /* being walked, or NULL */
    const struct rrset *from_rrset; /* its counterpart, or NULL */
    struct rrset_cursor of_records;
    struct rrset_cursor from_records;
    struct span from_rdata;
    bool has_from_rdata;
};

/* Starts the records of `whole` that are not in `taken` with the same TTL, in canonical order, the
 * SOA left out. Both must outlive the walk. O(changes * log n). */
void zone_subtract(const struct zone *whole, const struct zone *taken,
                   struct zone_subtraction *subtraction);
/* The next record (count 1, a view of the version); false at the end. */
bool zone_subtract_next(struct zone_subtraction *subtraction, struct rrset *record);
