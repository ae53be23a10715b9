/* Any octets as an UPDATE of a small zone by somebody who may do everything: the new version has
 * its SOA and NS, and nothing of the signer's. */
#include "core/zone/transfer.h"
#include "core/zone/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct zone_builder *builder, struct name owner, uint16_t type, struct span rdata)
{
    require(zone_build_add(builder, owner, type, 300, rdata) == OK);
}

static struct zone *make_zone(struct name apex)
{
    static const uint8_t soa[] = {0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    static const uint8_t www_octets[] = {3, 'w', 'w', 'w', 1, 'z', 0};
    struct name www = {www_octets, sizeof www_octets, 2};
    struct zone_builder *builder;
    require(zone_build(apex, NULL, &builder) == OK);
    add(builder, apex, TYPE_SOA, span_of(soa, sizeof soa));
    add(builder, apex, TYPE_NS, SPAN_LITERAL("\2ns\4test\0"));
    add(builder, www, TYPE_A, SPAN_LITERAL("\1\2\3\4"));
    add(builder, www, TYPE_TXT, SPAN_LITERAL("\1x"));
    struct zone *zone = zone_build_finish(builder);
    require(zone != NULL);
    return zone;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex_octets[] = {1, 'z', 0};
    struct name apex = {apex_octets, sizeof apex_octets, 1};
    struct update_rule rule = {.key = apex, .match = UPDATE_ZONE, .has_any_type = true};
    struct arena arena;
    struct update update;
    struct problem problem = {0};
    struct zone *zone = make_zone(apex), *next = NULL;
    arena_open(&arena, 64 << 20);
    if (update_read(span_of(data, size), &arena, &update, &problem) == RCODE_NOERROR &&
        name_equal(update.zone, apex)) {
        struct update_basis basis = {
            .data = zone, .seen = zone, .key = apex, .rules = &rule, .rule_count = 1};
        uint16_t rcode = update_apply(&update, &basis, &arena, &next, &problem);
        require(rcode == RCODE_NOERROR || (next == NULL && problem.status != OK));
        if (next != NULL) {
            require(serial_is_newer(zone_serial(next), 7));
            require(zone_find_rrset(next, apex, TYPE_NS) != NULL);
            require(zone_find_rrset(next, apex, TYPE_DNSKEY) == NULL);
        }
    }
    zone_release(next);
    zone_release(zone);
    arena_close(&arena);
    return 0;
}
