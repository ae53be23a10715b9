/* The names that records point to: name servers, mail exchangers and services need addresses, and
 * glue where they lie inside of what is delegated to them. */
#include "core/zone/zone_check_run.h"

#include "core/dns/rdata.h"

#include <string.h>

static const zone_types ADDRESSES = ZONE_TYPE_BIT(TYPE_A) | ZONE_TYPE_BIT(TYPE_AAAA);
/* How far ahead glue is looked for before the tree is searched: it stands right behind its cut. */
enum { LOOK_AHEAD_MAX = 8 };

static enum check_target_kind kind_of_node(const struct zone_node *node)
{
    if (zone_node_rrset(node, TYPE_A) != NULL || zone_node_rrset(node, TYPE_AAAA) != NULL) {
        return TARGET_ADDRESS;
    }
    return zone_node_rrset(node, TYPE_CNAME) != NULL ? TARGET_ALIAS : TARGET_BARE;
}

/* What a look at the names behind the place's own says of one below it. */
enum ahead {
    AHEAD_FOUND,
    AHEAD_NOTHING, /* there is no name at all below the place's */
    AHEAD_UNKNOWN
};

static enum ahead look_ahead(const struct check_place *place, struct name name,
                             const struct zone_node **found)
{
    if (place->cursor == NULL) {
        return AHEAD_UNKNOWN;
    }
    struct zone_cursor cursor = *place->cursor;
    for (int i = 0; i < LOOK_AHEAD_MAX; i++) {
        const struct zone_node *node = zone_walk_next(&cursor);
        if (node == NULL) { /* of this part of the zone */
            return AHEAD_UNKNOWN;
        }
        if (!name_is_below(node->owner, place->node->owner)) {
            return i == 0 ? AHEAD_NOTHING : AHEAD_UNKNOWN;
        }
        if (name_equal(node->owner, name)) {
            *found = node;
            return AHEAD_FOUND;
        }
    }
    return AHEAD_UNKNOWN;
}

/* The name has no node of its own. */
static enum check_target_kind kind_of_absent(const struct zone *zone,
                                             const struct check_target *target)
{
    struct name_buffer buffer;
    struct name wildcard;
    if (target->is_own) {
        return TARGET_ABSENT;
    }
    if (zone_find_cut(zone, target->name) != NULL || zone_find_dname(zone, target->name) != NULL) {
        return TARGET_ELSEWHERE;
    }
    if (zone_has_name(zone, target->name)) {
        return TARGET_BARE;
    }
    struct name encloser = name_ancestor(target->name, zone_closest_encloser(zone, target->name));
    if (name_make_wildcard(encloser, &buffer, &wildcard) != OK) {
        return TARGET_ABSENT;
    }
    const struct zone_node *node = zone_find(zone, wildcard);
    return node == NULL ? TARGET_ABSENT : kind_of_node(node);
}

static enum check_target_kind kind_of(const struct check_run *run, const struct check_place *place,
                                      const struct check_target *target)
{
    static const zone_types ENDS = ZONE_TYPE_BIT(TYPE_DNAME);
    const struct zone_node *node = NULL;
    enum ahead ahead = AHEAD_UNKNOWN;
    if (name_equal(target->name, place->node->owner)) {
        node = place->node;
    } else if (name_is_below(target->name, place->node->owner)) {
        ahead = look_ahead(place, target->name, &node);
    }
    if (ahead == AHEAD_NOTHING && (place->types & ENDS) == 0) {
        return TARGET_ABSENT; /* nor is there a wildcard or a cut */
    }
    if (node == NULL) {
        node = zone_find(run->zone, target->name);
    }
    if (node == NULL) {
        return kind_of_absent(run->zone, target);
    }
    enum check_target_kind kind = kind_of_node(node);
    if (kind == TARGET_BARE && !target->is_own && zone_find_cut(run->zone, target->name) != NULL) {
        return TARGET_ELSEWHERE; /* as the name of a delegation may be a name server's too */
    }
    return kind;
}

/* Whether the octets end with the apex: most targets of a large zone do not, and are not looked at
 * any closer. */
static bool may_be_inside(struct span rdata, struct name apex)
{
    if (rdata.len < apex.len) {
        return false;
    }
    struct span end = span_part(rdata, rdata.len - apex.len, apex.len);
    return span_equal_nocase(end, name_span(apex));
}

static void note_wanted(struct check_run *run, struct name name)
{
    if (check_grow(run, (void **)&run->wanted, &run->wanted_size, run->wanted_count + 1,
                   sizeof run->wanted[0])) {
        run->wanted[run->wanted_count++] = name_hash(name, 0);
    }
}

static void find_targets_of(struct check_run *run, struct check_place *place,
                            const struct rrset *rrset)
{
    struct name apex = zone_apex(run->zone);
    bool is_cut = rrset->type == TYPE_NS && !place->is_apex;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        struct check_target target = {.type = rrset->type};
        if (!may_be_inside(rdata, apex) || !rdata_target(rrset->type, rdata, &target.name) ||
            !name_is_at_or_below(target.name, apex)) {
            continue;
        }
        target.is_own = is_cut && name_is_at_or_below(target.name, place->node->owner);
        target.kind = kind_of(run, place, &target);
        if (rrset->type == TYPE_NS && !target.is_own) {
            note_wanted(run, target.name);
        }
        if (check_grow(run, (void **)&run->targets, &run->target_size, place->target_count + 1,
                       sizeof run->targets[0])) {
            run->targets[place->target_count++] = target;
        }
    }
}

void check_find_targets(struct check_run *run, struct check_place *place)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_MX, TYPE_SRV};
    place->target_count = 0;
    for (size_t i = 0; i < LEN(types); i++) {
        if ((place->types & ZONE_TYPE_BIT(types[i])) != 0) {
            find_targets_of(run, place, zone_node_rrset(place->node, types[i]));
        }
    }
    place->targets = run->targets;
}

void check_note_glue(struct check_run *run, const struct check_place *place)
{
    const struct rrset *ns = place->above == NULL ? NULL : zone_node_rrset(place->above, TYPE_NS);
    if (ns == NULL || (place->types & ADDRESSES) == 0) {
        return;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(ns); rrset_next(&cursor, &rdata);) {
        struct name target;
        if (rdata_target(TYPE_NS, rdata, &target) && name_equal(target, place->node->owner)) {
            return;
        }
    }
    if (check_grow(run, (void **)&run->unwanted, &run->unwanted_size, run->unwanted_count + 1,
                   sizeof run->unwanted[0])) {
        run->unwanted[run->unwanted_count++] = place->node;
    }
}

void check_apex_ns_address(struct check_run *run, const struct check_place *place)
{
    for (size_t i = 0; i < place->target_count; i++) {
        const struct check_target *target = &place->targets[i];
        bool has_none = target->kind == TARGET_BARE || target->kind == TARGET_ABSENT;
        char text[NAME_TEXT_MAX];
        if (target->type == TYPE_NS && has_none) {
            check_report(run, place, TYPE_NS,
                         "the name server %.250s is in this zone and has no address record",
                         name_print(target->name, text));
        }
    }
}

void check_glue(struct check_run *run, const struct check_place *place)
{
    for (size_t i = 0; i < place->target_count; i++) {
        const struct check_target *target = &place->targets[i];
        char text[NAME_TEXT_MAX];
        if (target->is_own && target->kind != TARGET_ADDRESS) {
            check_report(run, place, TYPE_NS,
                         "the name server %.250s is inside the delegation and has no glue",
                         name_print(target->name, text));
        }
    }
}

/* NS, MX and SRV name a host, which is no alias (RFC 2181 §10.3). */
void check_target_alias(struct check_run *run, const struct check_place *place)
{
    for (size_t i = 0; i < place->target_count; i++) {
        const struct check_target *target = &place->targets[i];
        char type[TYPE_TEXT_MAX], text[NAME_TEXT_MAX];
        if (target->kind == TARGET_ALIAS && !target->is_own) {
            check_report(run, place, target->type, "the %s record names %.250s, which is a CNAME",
                         type_print(target->type, type), name_print(target->name, text));
        }
    }
}

void check_target_address(struct check_run *run, const struct check_place *place)
{
    for (size_t i = 0; i < place->target_count; i++) {
        const struct check_target *target = &place->targets[i];
        bool is_other = !target->is_own && !(place->is_apex && target->type == TYPE_NS);
        char type[TYPE_TEXT_MAX], text[NAME_TEXT_MAX];
        if (is_other && (target->kind == TARGET_ABSENT || target->kind == TARGET_BARE)) {
            check_report(run, place, target->type, "the %s record names %.250s, which %s",
                         type_print(target->type, type), name_print(target->name, text),
                         target->kind == TARGET_BARE ? "has no address" : "does not exist");
        }
    }
}

/* Four labels of digits: somebody wrote an address where a name is asked for. */
static bool looks_like_address(struct name name)
{
    if (name.label_count < 4) {
        return false;
    }
    for (uint8_t i = 0; i < 4; i++) {
        struct span label = name_label(name, i);
        for (size_t j = 0; j < label.len; j++) {
            if (label.len > 3 || label.bytes[j] < '0' || label.bytes[j] > '9') {
                return false;
            }
        }
    }
    return true;
}

void check_target_number(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_MX, TYPE_SRV, TYPE_CNAME};
    for (size_t i = 0; i < LEN(types); i++) {
        const struct rrset *rrset = zone_node_rrset(place->node, types[i]);
        struct rrset_cursor cursor = {NULL, NULL};
        struct span rdata;
        if (rrset != NULL) {
            cursor = rrset_first(rrset);
        }
        while (rrset_next(&cursor, &rdata)) {
            struct name target;
            char type[TYPE_TEXT_MAX], text[NAME_TEXT_MAX];
            if (rdata_target(types[i], rdata, &target) && looks_like_address(target)) {
                check_report(run, place, types[i],
                             "the %s record names %.250s, which looks like an address",
                             type_print(types[i], type), name_print(target, text));
            }
        }
    }
}

/* What an alias leads to, step by step as far as this zone knows. */
void check_alias(struct check_run *run, const struct check_place *place)
{
    enum { STEPS_MAX = 16 };
    struct name apex = zone_apex(run->zone);
    const struct rrset *cname = zone_node_rrset(place->node, TYPE_CNAME);
    struct name target;
    char text[NAME_TEXT_MAX];
    for (int step = 0; cname != NULL && step < STEPS_MAX; step++) {
        if (!rdata_target(TYPE_CNAME, rrset_only(cname), &target) ||
            !name_is_at_or_below(target, apex)) {
            return;
        }
        if (name_equal(target, place->node->owner)) {
            check_report(run, place, TYPE_CNAME, "the CNAME leads back to itself");
            return;
        }
        const struct zone_node *node = zone_find(run->zone, target);
        if (node == NULL) {
            struct check_target absent = {.name = target};
            if (step == 0 && kind_of_absent(run->zone, &absent) == TARGET_ABSENT) {
                check_report(run, place, TYPE_CNAME,
                             "the CNAME leads to %.250s, which does not exist",
                             name_print(target, text));
            }
            return;
        }
        cname = zone_node_rrset(node, TYPE_CNAME);
    }
}
