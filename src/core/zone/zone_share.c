/* How a version that was read whole becomes one that shares with another what both have: then it
 * costs the memory of what differs. */
#include "core/zone/zone.h"
#include "core/zone/zone_tree.h"

enum { SHARED_AT_LEAST_DIVISOR = 4 }; /* where more than a quarter differs, sharing gives little */

static enum status take_change(struct zone_builder *builder, const struct zone_change *change)
{
    return change->after == NULL ? zone_build_drop(builder, change->before->owner)
                                 : zone_build_put(builder, zone_entry_hold(change->after));
}

struct zone *zone_share(const struct zone *base, const struct zone *whole, size_t *differing)
{
    struct zone_builder *builder;
    struct zone_comparison comparison;
    struct zone_change change;
    size_t most = zone_node_count(whole) / SHARED_AT_LEAST_DIVISOR;
    *differing = 0;
    zone_compare(base, whole, &comparison);
    if (!name_equal(zone_apex(base), zone_apex(whole)) ||
        zone_build(zone_apex(base), base, &builder) != OK) {
        *differing = zone_node_count(whole);
        return zone_hold(whole);
    }
    enum status status = OK;
    while (status == OK && *differing <= most && zone_compare_next(&comparison, &change)) {
        ++*differing;
        status = take_change(builder, &change);
    }
    if (status != OK || *differing > most) {
        zone_build_cancel(builder);
        return zone_hold(whole);
    }
    struct zone *shared = zone_build_finish(builder);
    return shared != NULL ? shared : zone_hold(whole);
}
