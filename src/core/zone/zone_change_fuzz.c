/* Any octets as a change of a small zone, in both directions: what can be applied can be taken
 * back.
 */
#include "core/zone/zone_change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone *make_zone(struct name apex)
{
    static const uint8_t soa[] = {0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    static const uint8_t text[] = {1, 'x'};
    struct zone_builder *builder;
    require(zone_build(apex, NULL, &builder) == OK);
    require(zone_build_add(builder, apex, TYPE_SOA, 300, span_of(soa, sizeof soa)) == OK);
    require(zone_build_add(builder, apex, TYPE_TXT, 300, span_of(text, sizeof text)) == OK);
    struct zone *zone = zone_build_finish(builder);
    require(zone != NULL);
    return zone;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex_octets[] = {1, 'z', 0};
    struct name apex = {apex_octets, sizeof apex_octets, 1};
    struct zone *zone = make_zone(apex), *changed = NULL, *back = NULL;
    if (zone_change_apply(zone, span_of(data, size), true, &changed) == OK) {
        zone_release(changed);
    }
    if (zone_change_apply(zone, span_of(data, size), false, &changed) == OK) {
        struct zone_change_buffer buffer = {.len_max = 1 << 24};
        if (zone_soa(changed) != NULL && zone_change_write(zone, changed, &buffer) == OK) {
            struct span change = span_of(buffer.bytes, buffer.len);
            require(zone_change_apply(changed, change, true, &back) == OK);
            require(zone_record_count(back) == zone_record_count(zone));
            zone_release(back);
        }
        zone_change_close(&buffer);
        zone_release(changed);
    }
    zone_release(zone);
    return 0;
}
