/* The data of a zone's owner, without what signers made. */
#include "core/zone/zone_chain.h"

static enum status strip_node(struct zone_builder *builder, const struct zone_node *node)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        if (!chain_is_made(node->owner, node->rrsets[i].type)) {
            continue;
        }
        struct rrset none = node->rrsets[i];
        none.count = 0;
        none.rdata_len = 0;
        enum status status = zone_build_set(builder, &none);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

enum status zone_strip(const struct zone *zone, struct zone **stripped)
{
    struct zone_builder *builder;
    enum status status = zone_build(zone_apex(zone), zone, &builder);
    if (status != OK) {
        return status;
    }
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    for (const struct zone_node *node; status == OK && (node = zone_walk_next(&cursor)) != NULL;) {
        status = strip_node(builder, node);
    }
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *stripped = zone_build_finish(builder);
    return *stripped == NULL ? NO_MEMORY : OK;
}
