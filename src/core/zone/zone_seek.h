#pragma once
/* Looking up many names at once: a search in steps of one page each, so that the processor fetches
 * the next page of one search while the others have their turn. */
#include "core/zone/zone.h"

struct zone_page;

struct zone_seek {
    const struct zone_page *page;
    const struct zone_page *fork; /* the deepest page with a way to the right of the one taken */
    struct span key;              /* of the caller; lives as long as the search */
    uint16_t fork_at;             /* that way */
    uint16_t count; /* in a leaf: how many of its names are <= the key, or that it takes a look */
    bool is_leaf;
    bool is_exact; /* before it has settled: perhaps */
    bool is_settled;
};

/* Begins a search for the name with that name_key, or for the hash with that key among the owners
 * of NSEC3. */
void zone_seek_name(struct zone_seek *seek, const struct zone *zone, struct span key);
void zone_seek_nsec3(struct zone_seek *seek, const struct zone *zone, struct span key);
/* One step; true when there are more to take. */
bool zone_seek_step(struct zone_seek *seek);

/* What was found. NULL: no node has that name. */
const struct zone_node *zone_seek_found(const struct zone_seek *seek);
/* The node at (`back` 0) or so many before the greatest <= the key, as far as that stands in the
 * same page; NULL when it does not. */
const struct zone_node *zone_seek_before(const struct zone_seek *seek, uint16_t back);
/* The node behind the greatest <= the key; NULL: there is none, or the key is before all. */
const struct zone_node *zone_seek_after(const struct zone_seek *seek);
