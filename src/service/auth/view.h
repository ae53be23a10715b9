#pragma once
/* What can be said about a zone version before anybody asks: made once when it is published, read
 * for each question, never changed. */
#include "core/dnssec/denial.h"
#include "core/zone/zone.h"

struct auth_view {
    const struct zone *zone; /* lives as long as the view: its owner sees to that */
    struct name apex;
    const struct zone_node *apex_node;
    const struct rrset *soa;
    const struct rrset *soa_rrsigs; /* NULL in an unsigned zone */
    uint32_t negative_ttl_s;
    uint16_t denial;   /* TYPE_NSEC, TYPE_NSEC3, or 0: the zone proves nothing */
    bool has_wildcard; /* a name "*" stands below the apex, or below that */
    uint16_t iterations;
    struct span salt;
    /* That the apex is there, and that no wildcard stands below it. */
    const struct zone_node *apex_match;
    const struct zone_node *wildcard_cover;
    struct span apex_key; /* the apex's name_key */
};

/* False: the zone lacks something that a server needs, and is answered from without a view. O(log
 * n). */
bool auth_view_make(const struct zone *zone, struct auth_view *view);
/* The node that proves something of that hash, the NSEC3 whose owner or span it is. */
size_t auth_view_nsec3_key(const struct auth_view *view, const uint8_t hash[NSEC3_HASH_LEN],
                           uint8_t key[NAME_KEY_MAX]);
