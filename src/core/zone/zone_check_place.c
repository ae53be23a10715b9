/* Which records may stand where: at the apex, at and below a cut or a DNAME, beside a CNAME, at a
 * wildcard, and how many of a kind. */
#include "core/zone/zone_check_run.h"

#include "core/dnssec/dnskey.h"

void check_soa(struct check_run *run, const struct check_place *place)
{
    if ((place->types & ZONE_TYPE_BIT(TYPE_SOA)) == 0) {
        check_report(run, place, 0, "the zone has no SOA record at its apex");
    }
}

void check_soa_below(struct check_run *run, const struct check_place *place)
{
    if (!place->is_apex) {
        check_report(run, place, TYPE_SOA, "an SOA record stands below the apex");
    }
}

void check_apex_ns(struct check_run *run, const struct check_place *place)
{
    if ((place->types & ZONE_TYPE_BIT(TYPE_NS)) == 0) {
        check_report(run, place, 0, "the zone has no NS records at its apex");
    }
}

void check_apex_ns_count(struct check_run *run, const struct check_place *place)
{
    if (zone_node_rrset(place->node, TYPE_NS)->count == 1) {
        check_report(run, place, TYPE_NS,
                     "the zone has a single name server (RFC 2182 §5 asks for two or more)");
    }
}

void check_apex_ds(struct check_run *run, const struct check_place *place)
{
    check_report(run, place, TYPE_DS,
                 "a DS record at the apex belongs into the parent zone (RFC 4034 §5)");
}

/* Types that may stand beside a CNAME (RFC 4034 §2.3, RFC 2181 §10.1). */
static bool may_be_beside_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

void check_cname(struct check_run *run, const struct check_place *place)
{
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        uint16_t type = place->node->rrsets[i].type;
        char text[TYPE_TEXT_MAX];
        if (!may_be_beside_cname(type)) {
            check_report(run, place, TYPE_CNAME, "a CNAME record stands beside %s",
                         type_print(type, text));
        }
    }
}

void check_singletons(struct check_run *run, const struct check_place *place)
{
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        const struct rrset *rrset = &place->node->rrsets[i];
        char text[TYPE_TEXT_MAX];
        if (rrset->count > 1 && type_is_singleton(rrset->type)) {
            check_report(run, place, rrset->type, "there are %u %s records where one is allowed",
                         rrset->count, type_print(rrset->type, text));
        }
    }
}

static bool has_type(const struct zone_node *node, uint16_t type)
{
    return zone_node_rrset(node, type) != NULL;
}

void check_below_dname(struct check_run *run, const struct check_place *place)
{
    if (has_type(place->above, TYPE_DNAME)) {
        char text[NAME_TEXT_MAX];
        check_report(run, place, 0, "the name lies below the DNAME at %.250s (RFC 6672 §2.4)",
                     name_print(place->above->owner, text));
    }
}

void check_dname_at_cut(struct check_run *run, const struct check_place *place)
{
    if (!place->is_apex && (place->types & ZONE_TYPE_BIT(TYPE_NS)) != 0) {
        check_report(run, place, TYPE_DNAME,
                     "a DNAME stands beside the NS records of a delegation (RFC 6672 §2.3)");
    }
}

void check_below_cut(struct check_run *run, const struct check_place *place)
{
    if (has_type(place->above, TYPE_DNAME)) {
        return;
    }
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        uint16_t type = place->node->rrsets[i].type;
        char text[TYPE_TEXT_MAX], cut[NAME_TEXT_MAX];
        if (type != TYPE_A && type != TYPE_AAAA) {
            check_report(
                run, place, type,
                "the %s records lie below the delegation of %.250s and are no glue: nobody "
                "will see them",
                type_print(type, text), name_print(place->above->owner, cut));
        }
    }
}

/* RFC 4035 §2.4 and §2.6, and glue at the cut itself. */
static bool may_be_at_cut(uint16_t type)
{
    return type == TYPE_NS || type == TYPE_DS || type == TYPE_A || type == TYPE_AAAA ||
           type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

void check_beside_cut(struct check_run *run, const struct check_place *place)
{
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        uint16_t type = place->node->rrsets[i].type;
        char text[TYPE_TEXT_MAX];
        if (!may_be_at_cut(type)) {
            check_report(run, place, type,
                         "the %s records stand at a delegation and belong into the child zone",
                         type_print(type, text));
        }
    }
}

void check_ds_place(struct check_run *run, const struct check_place *place)
{
    if (!place->is_apex && (place->types & ZONE_TYPE_BIT(TYPE_NS)) == 0) {
        check_report(run, place, TYPE_DS, "a DS record without NS records delegates nothing");
    }
}

void check_wildcard(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_DNAME, TYPE_DS};
    for (size_t i = 0; name_is_wildcard(place->node->owner) && i < LEN(types); i++) {
        char text[TYPE_TEXT_MAX];
        if ((place->types & ZONE_TYPE_BIT(types[i])) != 0) {
            check_report(run, place, types[i],
                         "%s at a wildcard has no defined meaning (RFC 4592 §4)",
                         type_print(types[i], text));
        }
    }
}

void check_apex_only(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_DNSKEY,  TYPE_NSEC3PARAM, TYPE_CDS,
                                     TYPE_CDNSKEY, TYPE_CSYNC,      TYPE_ZONEMD};
    for (size_t i = 0; !place->is_apex && i < LEN(types); i++) {
        char text[TYPE_TEXT_MAX];
        bool is_signalled = (types[i] == TYPE_CDS || types[i] == TYPE_CDNSKEY) &&
                            ds_is_signal(place->node->owner); /* RFC 9615 */
        if ((place->types & ZONE_TYPE_BIT(types[i])) != 0 && !is_signalled) {
            check_report(run, place, types[i], "%s records have a meaning at the apex alone",
                         type_print(types[i], text));
        }
    }
}
