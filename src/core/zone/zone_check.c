/* What a zone must and should be before anybody signs or serves it: a table of checks, each with
 * its severity, run over every node. */
#include "core/zone/zone_check.h"

#include "core/dns/rdata.h"
#include "core/zone/transfer.h"

#include <stdarg.h>
#include <stdio.h>

struct check_run {
    const struct zone *zone;
    void (*finding)(void *user, enum zone_severity severity, const struct problem *problem);
    void *user;
    size_t error_count;
    enum zone_severity severity; /* of the check that runs */
};

/* A node and where it stands. */
struct check_place {
    const struct zone_node *node;
    bool is_apex;
    const struct zone_node *above; /* the cut or DNAME it lies below; NULL: authoritative */
};

static void PRINTF_LIKE(3, 4)
    report(struct check_run *run, struct name owner, const char *format, ...)
{
    struct problem problem = {0};
    char name[NAME_TEXT_MAX];
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    problem_set(&problem, REFUSED, "%s", sentence);
    problem_place(&problem, name_print(owner, name), 0, 0);
    run->error_count += run->severity == ZONE_ERROR;
    run->finding(run->user, run->severity, &problem);
}

static bool has_type(const struct zone_node *node, uint16_t type)
{
    return zone_node_rrset(node, type) != NULL;
}

/* Does that name of this zone have an address, or a wildcard that makes one? */
static bool has_address(const struct zone *zone, struct name name)
{
    const struct zone_node *node = zone_find(zone, name);
    if (node == NULL && !zone_has_name(zone, name)) {
        struct name_buffer buffer;
        struct name wildcard;
        struct name encloser = name_ancestor(name, zone_closest_encloser(zone, name));
        if (name_make_wildcard(encloser, &buffer, &wildcard) != OK) {
            return false;
        }
        node = zone_find(zone, wildcard);
    }
    return node != NULL &&
           (has_type(node, TYPE_A) || has_type(node, TYPE_AAAA) || has_type(node, TYPE_CNAME));
}

static void check_soa(struct check_run *run, const struct check_place *place)
{
    bool has_soa = has_type(place->node, TYPE_SOA);
    if (place->is_apex && !has_soa) {
        report(run, place->node->owner, "the zone has no SOA record at its apex");
    } else if (!place->is_apex && has_soa) {
        report(run, place->node->owner, "an SOA record stands below the apex");
    }
}

static void check_apex_ns(struct check_run *run, const struct check_place *place)
{
    if (place->is_apex && !has_type(place->node, TYPE_NS)) {
        report(run, place->node->owner, "the zone has no NS records at its apex");
    }
}

static void check_apex_ns_address(struct check_run *run, const struct check_place *place)
{
    const struct rrset *ns = zone_node_rrset(place->node, TYPE_NS);
    if (!place->is_apex || ns == NULL) {
        return;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(ns); rrset_next(&cursor, &rdata);) {
        struct name target;
        char text[NAME_TEXT_MAX];
        if (rdata_target(TYPE_NS, rdata, &target) &&
            name_is_at_or_below(target, zone_apex(run->zone)) && !has_address(run->zone, target)) {
            report(run, place->node->owner,
                   "the name server %s is in this zone and has no address record",
                   name_print(target, text));
        }
    }
}

static void check_apex_ns_count(struct check_run *run, const struct check_place *place)
{
    const struct rrset *ns = zone_node_rrset(place->node, TYPE_NS);
    if (place->is_apex && ns != NULL && ns->count == 1) {
        report(run, place->node->owner,
               "the zone has a single name server (RFC 2182 §5 asks for "
               "two or more)");
    }
}

static void check_apex_ds(struct check_run *run, const struct check_place *place)
{
    if (place->is_apex && has_type(place->node, TYPE_DS)) {
        report(run, place->node->owner,
               "a DS record at the apex belongs into the parent zone (RFC 4034 §5)");
    }
}

/* Types that may stand beside a CNAME (RFC 4034 §2.3, RFC 2181 §10.1). */
static bool may_be_beside_cname(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

static void check_cname(struct check_run *run, const struct check_place *place)
{
    if (!has_type(place->node, TYPE_CNAME)) {
        return;
    }
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        uint16_t type = place->node->rrsets[i]->type;
        char text[TYPE_TEXT_MAX];
        if (!may_be_beside_cname(type)) {
            report(run, place->node->owner, "a CNAME record stands beside %s",
                   type_print(type, text));
        }
    }
}

static void check_singletons(struct check_run *run, const struct check_place *place)
{
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        const struct rrset *rrset = place->node->rrsets[i];
        char text[TYPE_TEXT_MAX];
        if (rrset->count > 1 && type_is_singleton(rrset->type)) {
            report(run, place->node->owner, "there are %u %s records where one is allowed",
                   rrset->count, type_print(rrset->type, text));
        }
    }
}

static void check_below_dname(struct check_run *run, const struct check_place *place)
{
    if (place->above != NULL && has_type(place->above, TYPE_DNAME)) {
        char text[NAME_TEXT_MAX];
        report(run, place->node->owner, "the name lies below the DNAME at %s (RFC 6672 §2.4)",
               name_print(place->above->owner, text));
    }
}

static void check_below_cut(struct check_run *run, const struct check_place *place)
{
    if (place->above == NULL || has_type(place->above, TYPE_DNAME)) {
        return;
    }
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        uint16_t type = place->node->rrsets[i]->type;
        char text[TYPE_TEXT_MAX], cut[NAME_TEXT_MAX];
        if (type != TYPE_A && type != TYPE_AAAA) {
            report(run, place->node->owner,
                   "the %s records lie below the delegation of %s and are no glue: nobody will "
                   "see them",
                   type_print(type, text), name_print(place->above->owner, cut));
        }
    }
}

static void check_beside_cut(struct check_run *run, const struct check_place *place)
{
    if (place->is_apex || place->above != NULL || !has_type(place->node, TYPE_NS)) {
        return;
    }
    for (uint16_t i = 0; i < place->node->rrset_count; i++) {
        uint16_t type = place->node->rrsets[i]->type;
        bool is_expected = type == TYPE_NS || type == TYPE_DS || type == TYPE_A ||
                           type == TYPE_AAAA || type == TYPE_RRSIG || type == TYPE_NSEC ||
                           type == TYPE_NSEC3;
        char text[TYPE_TEXT_MAX];
        if (!is_expected) {
            report(run, place->node->owner,
                   "the %s records stand at a delegation and belong into the child zone",
                   type_print(type, text));
        }
    }
}

static void check_ds_place(struct check_run *run, const struct check_place *place)
{
    if (!place->is_apex && has_type(place->node, TYPE_DS) && !has_type(place->node, TYPE_NS)) {
        report(run, place->node->owner, "a DS record without NS records delegates nothing");
    }
}

static void check_glue(struct check_run *run, const struct check_place *place)
{
    const struct rrset *ns = zone_node_rrset(place->node, TYPE_NS);
    if (place->is_apex || place->above != NULL || ns == NULL) {
        return;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(ns); rrset_next(&cursor, &rdata);) {
        struct name target;
        char text[NAME_TEXT_MAX];
        if (rdata_target(TYPE_NS, rdata, &target) &&
            name_is_at_or_below(target, place->node->owner) && !has_address(run->zone, target)) {
            report(run, place->node->owner,
                   "the name server %s is inside the delegation and has no glue",
                   name_print(target, text));
        }
    }
}

static void check_wildcard(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_DNAME, TYPE_DS};
    for (size_t i = 0; name_is_wildcard(place->node->owner) && i < LEN(types); i++) {
        char text[TYPE_TEXT_MAX];
        if (has_type(place->node, types[i])) {
            report(run, place->node->owner, "%s at a wildcard has no defined meaning (RFC 4592 §4)",
                   type_print(types[i], text));
        }
    }
}

/* NS, MX and SRV name a host, which is no alias (RFC 2181 §10.3). */
static void check_target_cname(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_MX, TYPE_SRV};
    for (size_t i = 0; place->above == NULL && i < LEN(types); i++) {
        const struct rrset *rrset = zone_node_rrset(place->node, types[i]);
        if (rrset == NULL) {
            continue;
        }
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
            struct name target;
            char type[TYPE_TEXT_MAX], text[NAME_TEXT_MAX];
            if (rdata_target(types[i], rdata, &target) &&
                zone_find_rrset(run->zone, target, TYPE_CNAME) != NULL) {
                report(run, place->node->owner, "the %s record names %s, which is a CNAME",
                       type_print(types[i], type), name_print(target, text));
            }
        }
    }
}

static void check_soa_times(struct check_run *run, const struct check_place *place)
{
    const struct rrset *soa = zone_node_rrset(place->node, TYPE_SOA);
    if (!place->is_apex || soa == NULL) {
        return;
    }
    struct span rdata = rrset_only(soa);
    struct reader reader = reader_over(span_part(rdata, rdata.len - 20, 20));
    reader_u32(&reader); /* serial */
    uint32_t refresh_s = reader_u32(&reader);
    uint32_t retry_s = reader_u32(&reader);
    uint32_t expire_s = reader_u32(&reader);
    if (expire_s < (uint64_t)refresh_s + retry_s) {
        report(run, place->node->owner,
               "the SOA's expire of %u s is less than refresh and retry together", expire_s);
    }
}

struct zone_check_row {
    enum zone_severity severity;
    void (*check)(struct check_run *run, const struct check_place *place);
};

static const struct zone_check_row checks[] = {
    {ZONE_ERROR, check_soa},
    {ZONE_ERROR, check_apex_ns},
    {ZONE_ERROR, check_apex_ns_address},
    {ZONE_ERROR, check_apex_ds},
    {ZONE_ERROR, check_cname},
    {ZONE_ERROR, check_singletons},
    {ZONE_ERROR, check_below_dname},
    {ZONE_WARNING, check_below_cut},
    {ZONE_WARNING, check_beside_cut},
    {ZONE_WARNING, check_ds_place},
    {ZONE_WARNING, check_glue},
    {ZONE_WARNING, check_wildcard},
    {ZONE_WARNING, check_target_cname},
    {ZONE_NOTE, check_apex_ns_count},
    {ZONE_NOTE, check_soa_times},
};

/* Whether what lies below the node belongs to somebody else. */
static bool ends_authority(const struct check_place *place)
{
    return has_type(place->node, TYPE_DNAME) || (!place->is_apex && has_type(place->node, TYPE_NS));
}

static void run_checks(struct check_run *run, const struct check_place *place)
{
    for (size_t i = 0; i < LEN(checks); i++) {
        run->severity = checks[i].severity;
        checks[i].check(run, place);
    }
}

static void check_apex_is_there(struct check_run *run)
{
    if (zone_find(run->zone, zone_apex(run->zone)) == NULL) {
        run->severity = ZONE_ERROR;
        report(run, zone_apex(run->zone), "the zone has no record at its apex");
    }
}

size_t zone_check(const struct zone *zone,
                  void (*finding)(void *user, enum zone_severity severity,
                                  const struct problem *problem),
                  void *user)
{
    struct check_run run = {.zone = zone, .finding = finding, .user = user};
    check_apex_is_there(&run);
    const struct zone_node *above = NULL;
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        if (above != NULL && !name_is_below(node->owner, above->owner)) {
            above = NULL;
        }
        if (has_type(node, TYPE_NSEC3)) {
            continue; /* an owner made from a hash is no name of the zone */
        }
        struct check_place place = {node, name_equal(node->owner, zone_apex(zone)), above};
        run_checks(&run, &place);
        if (above == NULL && ends_authority(&place)) {
            above = node;
        }
    }
    return run.error_count;
}

/* A name right below a DNAME that has become one. */
static void check_node_below(struct check_run *run, const struct zone_node *node,
                             const struct zone_node *dname)
{
    struct check_place place = {.node = node, .above = dname};
    run->severity = ZONE_ERROR;
    check_below_dname(run, &place);
}

/* One node by itself: what is above it is looked up. */
static void check_node(struct check_run *run, const struct zone_node *node)
{
    struct name apex = zone_apex(run->zone);
    struct check_place place = {.node = node, .is_apex = name_equal(node->owner, apex)};
    if (has_type(node, TYPE_NSEC3)) {
        return;
    }
    const struct zone_node *cut = zone_find_cut(run->zone, node->owner);
    const struct zone_node *dname = zone_find_dname(run->zone, node->owner);
    cut = cut == node ? NULL : cut;
    bool is_dname_higher = dname != NULL && (cut == NULL || dname->owner.len < cut->owner.len);
    place.above = is_dname_higher ? dname : cut;
    run_checks(run, &place);
    if (has_type(node, TYPE_DNAME)) {
        const struct zone_node *next = zone_after(run->zone, node->owner);
        if (next != NULL && name_is_below(next->owner, node->owner)) {
            check_node_below(run, next, node);
        }
    }
}

struct change_check {
    struct check_run run;
    const struct zone_node *last; /* checked already: records come by owner */
};

static enum status check_changed(void *user, bool is_added, const struct rrset *record)
{
    struct change_check *check = user;
    const struct zone_node *node = is_added ? zone_find(check->run.zone, record->owner) : NULL;
    bool is_apex = name_equal(record->owner, zone_apex(check->run.zone)); /* comes last */
    if (node != NULL && node != check->last && !is_apex) {
        check_node(&check->run, node);
    }
    check->last = node;
    return OK;
}

size_t zone_check_change(const struct zone *zone, const struct zone *before,
                         void (*finding)(void *user, enum zone_severity severity,
                                         const struct problem *problem),
                         void *user)
{
    if (before == NULL) {
        return zone_check(zone, finding, user);
    }
    struct change_check check = {.run = {.zone = zone, .finding = finding, .user = user}};
    check_apex_is_there(&check.run);
    enum status status = zone_diff(before, zone, check_changed, &check);
    require(status == OK);
    const struct zone_node *apex = zone_find(zone, zone_apex(zone));
    if (apex != NULL) {
        check_node(&check.run, apex);
    }
    return check.run.error_count;
}
