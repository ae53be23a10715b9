/* What a zone says to a question (RFC 1034 §4.3.2, RFC 4035 §3.1, RFC 4592, RFC 5155 §7.2, RFC
 * 6672): one step for each name of a CNAME or DNAME chain, and each step ends in data, a referral,
 * a denial or the next name. */
#include "core/dns/rdata.h"
#include "core/zone/denial_prove.h"
#include "service/auth/answer.h"

#include <string.h>

/* One name of the chain, in the zone that answers for it. */
struct step {
    struct answer_plan *plan;
    const struct zone *zone;
    struct name name;
    struct name next; /* where the chain goes on */
    bool has_next;
    bool is_first;
};

void answer_begin(struct answer_plan *plan, struct question question, bool wants_dnssec,
                  struct arena *scratch)
{
    plan->question = question;
    plan->wants_dnssec = wants_dnssec;
    plan->rcode = RCODE_NOERROR;
    plan->is_authoritative = false;
    plan->hides_any = false;
    plan->items = plan->usual;
    plan->item_count = 0;
    plan->item_size = ANSWER_ITEMS_USUAL;
    plan->scratch = scratch;
}

static bool grow(struct answer_plan *plan)
{
    size_t size = plan->item_size * 2;
    struct answer_item *items =
        size > ANSWER_ITEMS_MAX ? NULL : arena_take_array(plan->scratch, size, sizeof *items);
    if (items == NULL) {
        return false;
    }
    memcpy(items, plan->items, plan->item_count * sizeof *items);
    plan->items = items;
    plan->item_size = size;
    return true;
}

void answer_add(struct answer_plan *plan, struct answer_item item)
{
    if (plan->item_count < plan->item_size || grow(plan)) {
        plan->items[plan->item_count++] = item;
    } else if (!item.is_optional) {
        plan->rcode = RCODE_SERVFAIL; /* more than any message holds */
    }
}

static const struct rrset *signatures_of(const struct answer_plan *plan,
                                         const struct zone_node *node, uint16_t type)
{
    return plan->wants_dnssec && type != TYPE_RRSIG ? zone_node_rrsigs(node, type) : NULL;
}

static void add_rrset(const struct step *step, enum section section, const struct zone_node *node,
                      const struct rrset *rrset, struct name owner)
{
    answer_add(step->plan,
               (struct answer_item){.rrset = rrset,
                                    .rrsigs = signatures_of(step->plan, node, rrset->type),
                                    .owner = owner,
                                    .section = section});
}

static struct rrset *copy_rrset(const struct answer_plan *plan, const struct rrset *rrset)
{
    struct rrset *copy = arena_take(plan->scratch, sizeof *copy);
    if (copy != NULL) {
        *copy = *rrset;
    }
    return copy;
}

/* SOA for negative answers; its TTL is that of the answer (RFC 2308 §3). */
static void add_soa(const struct step *step)
{
    const struct zone_node *apex = zone_find(step->zone, zone_apex(step->zone));
    struct rrset *soa = copy_rrset(step->plan, zone_soa(step->zone));
    if (soa == NULL) {
        step->plan->rcode = RCODE_SERVFAIL;
        return;
    }
    soa->ttl_s = zone_negative_ttl_s(step->zone);
    add_rrset(step, SECTION_AUTHORITY, apex, soa, soa->owner);
}

static bool is_planned(const struct answer_plan *plan, const struct rrset *rrset, struct name owner)
{
    for (size_t i = 0; i < plan->item_count; i++) {
        if (plan->items[i].rrset == rrset && name_equal(plan->items[i].owner, owner)) {
            return true;
        }
    }
    return false;
}

static void add_proof(const struct step *step, const struct denial_question *question)
{
    if (!step->plan->wants_dnssec) {
        return;
    }
    struct denial_proof proof;
    denial_prove(step->zone, question, &proof);
    for (size_t i = 0; i < proof.count; i++) {
        const struct zone_node *node = proof.nodes[i];
        const struct rrset *rrset = zone_node_rrset(node, proof.type);
        bool is_there = !step->is_first && is_planned(step->plan, rrset, node->owner);
        if (rrset != NULL && !is_there) { /* names of a chain may have the same proof */
            add_rrset(step, SECTION_AUTHORITY, node, rrset, node->owner);
        }
    }
}

static void deny(const struct step *step, enum denial_kind kind)
{
    add_soa(step);
    struct denial_question question = {.kind = kind,
                                       .zone = zone_apex(step->zone),
                                       .name = step->name,
                                       .type = step->plan->question.type};
    add_proof(step, &question);
}

/* Addresses, and services where they are looked up next (RFC 9460 §4.1), of a name in the zone. */
static void add_addresses(const struct step *step, struct name name, const struct rrset *of,
                          bool is_needed)
{
    const uint16_t types[] = {TYPE_A, TYPE_AAAA, of->type};
    size_t type_count = of->type == TYPE_SVCB || of->type == TYPE_HTTPS ? 3 : 2;
    const struct zone_node *node = zone_find(step->zone, name);
    for (size_t i = 0; node != NULL && i < type_count; i++) {
        const struct rrset *rrset = zone_node_rrset(node, types[i]);
        /* No two NS of an RRset name the same host; the others may. */
        if (rrset == NULL || (of->type != TYPE_NS && is_planned(step->plan, rrset, node->owner))) {
            continue;
        }
        answer_add(step->plan,
                   (struct answer_item){.rrset = rrset,
                                        .rrsigs = signatures_of(step->plan, node, types[i]),
                                        .owner = node->owner,
                                        .section = SECTION_ADDITIONAL,
                                        .is_optional = !is_needed});
    }
}

/* The name that the record leads to, where this zone may have its addresses. */
static bool find_target(const struct step *step, const struct rrset *rrset, struct span rdata,
                        struct name *target)
{
    bool is_service = rrset->type == TYPE_SVCB || rrset->type == TYPE_HTTPS;
    if (!rdata_target(rrset->type, rdata, target)) {
        return false;
    }
    if (is_service && name_is_root(*target)) {
        *target = step->name; /* RFC 9460 §2.5.2 */
    }
    return name_is_at_or_below(*target, zone_apex(step->zone));
}

/* Addresses of name servers: those below the cut must be there, or the delegation is of no use; a
 * sibling's (RFC 9471 §3) and the zone's own (RFC 1034 §4.3.2, step 3b) may be. */
static void add_referral_addresses(const struct step *step, const struct rrset *ns)
{
    for (int round = 0; round < 2; round++) { /* what is needed first */
        struct rrset_cursor cursor = rrset_first(ns);
        struct span rdata;
        struct name server;
        int optional = 0;
        while (optional < ANSWER_NAMES_MAX && rrset_next(&cursor, &rdata)) {
            if (find_target(step, ns, rdata, &server) &&
                name_is_at_or_below(server, ns->owner) == (round == 0)) {
                add_addresses(step, server, ns, round == 0);
                optional += round;
            }
        }
    }
}

static void refer(const struct step *step, const struct zone_node *cut)
{
    const struct rrset *ns = zone_node_rrset(cut, TYPE_NS);
    if (step->is_first) {
        step->plan->is_authoritative = false;
    }
    answer_add(step->plan,
               (struct answer_item){.rrset = ns, .owner = ns->owner, .section = SECTION_AUTHORITY});
    const struct rrset *ds = zone_node_rrset(cut, TYPE_DS);
    if (ds != NULL && step->plan->wants_dnssec) {
        add_rrset(step, SECTION_AUTHORITY, cut, ds, ds->owner);
    } else {
        struct denial_question question = {
            .kind = DENIAL_DS, .zone = zone_apex(step->zone), .name = cut->owner, .type = TYPE_DS};
        add_proof(step, &question);
    }
    add_referral_addresses(step, ns);
}

/* Where the client goes next, if the zone knows it and there is room: from the servers of a zone
 * resolvers prime (RFC 8109 §3.3); of others see RFC 1035 §3.3.9, RFC 2782 and RFC 9460 §4.1. */
static void add_targets(const struct step *step, const struct rrset *rrset)
{
    static const uint16_t types[] = {TYPE_NS, TYPE_MX, TYPE_SRV, TYPE_SVCB, TYPE_HTTPS};
    bool is_one = false;
    for (size_t i = 0; i < LEN(types); i++) {
        is_one |= types[i] == rrset->type;
    }
    struct rrset_cursor cursor = rrset_first(rrset);
    struct span rdata;
    struct name target;
    for (int i = 0; is_one && i < ANSWER_NAMES_MAX && rrset_next(&cursor, &rdata); i++) {
        if (find_target(step, rrset, rdata, &target)) {
            add_addresses(step, target, rrset, false);
        }
    }
}

/* The wildcard answers only because nothing closer exists (RFC 4035 §3.1.3.3). */
static void add_closer_proof(const struct step *step, const struct zone_node *node)
{
    if (name_equal(node->owner, step->name)) {
        return;
    }
    struct denial_question question = {.kind = DENIAL_CLOSER_NAME,
                                       .zone = zone_apex(step->zone),
                                       .name = step->name,
                                       .encloser_labels = (uint8_t)(node->owner.label_count - 1)};
    add_proof(step, &question);
}

/* ANY gets one RRset, not all (RFC 8482 §4.1): the first that is no DNSSEC record. */
static const struct rrset *choose_any(const struct zone_node *node)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        uint16_t type = node->rrsets[i].type;
        if (type != TYPE_RRSIG && type != TYPE_NSEC && type != TYPE_NSEC3) {
            return &node->rrsets[i];
        }
    }
    return node->rrset_count > 0 ? &node->rrsets[0] : NULL;
}

/* Or, where the operator likes that better, something that says why there is no more (RFC 8482
 * §4.2). It is not signed, so it is nothing for those who validate. */
static void answer_hinfo(const struct step *step)
{
    enum { HINFO_TTL_S = 3600 };
    static const uint8_t rdata[] = "\0\11\7RFC8482"; /* the length, "RFC8482", "" */
    struct rrset *hinfo = arena_take(step->plan->scratch, sizeof *hinfo);
    if (hinfo == NULL) {
        step->plan->rcode = RCODE_SERVFAIL;
        return;
    }
    *hinfo = (struct rrset){.owner = step->name,
                            .type = TYPE_HINFO,
                            .class_ = CLASS_IN,
                            .count = 1,
                            .ttl_s = HINFO_TTL_S,
                            .rdata_len = sizeof rdata,
                            .rdata = rdata};
    answer_add(step->plan, (struct answer_item){
                               .rrset = hinfo, .owner = step->name, .section = SECTION_ANSWER});
}

static bool answer_signatures(const struct step *step, const struct zone_node *node)
{
    bool has_any = false;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type == TYPE_RRSIG) {
            add_rrset(step, SECTION_ANSWER, node, rrset, step->name);
            has_any = true;
        }
    }
    if (has_any) {
        add_closer_proof(step, node);
    }
    return has_any;
}

static bool answer_from_node(struct step *step, const struct zone_node *node)
{
    uint16_t type = step->plan->question.type;
    if (type == TYPE_RRSIG && answer_signatures(step, node)) {
        return true;
    }
    if (type == TYPE_ANY && step->plan->hides_any && node->rrset_count > 0) {
        answer_hinfo(step);
        return true;
    }
    const struct rrset *rrset = type == TYPE_RRSIG ? NULL
                                : type == TYPE_ANY ? choose_any(node)
                                                   : zone_node_rrset(node, type);
    if (rrset != NULL && !step->is_first && is_planned(step->plan, rrset, step->name)) {
        return true; /* the DNAME that led here by a detour is what was asked for */
    }
    if (rrset != NULL) {
        add_rrset(step, SECTION_ANSWER, node, rrset, step->name);
        add_closer_proof(step, node);
        if (type != TYPE_ANY) {
            add_targets(step, rrset);
        }
        return true;
    }
    const struct rrset *cname = zone_node_rrset(node, TYPE_CNAME);
    if (cname == NULL) {
        return false;
    }
    if (!is_planned(step->plan, cname, step->name)) { /* else the chain has come back */
        add_rrset(step, SECTION_ANSWER, node, cname, step->name);
        add_closer_proof(step, node);
        step->has_next = rdata_target(TYPE_CNAME, rrset_only(cname), &step->next);
    }
    return true;
}

/* The CNAME that a DNAME stands for, unsigned (RFC 6672 §2.2 and §5.3.1). */
static struct rrset *make_cname(const struct step *step, const struct rrset *dname,
                                struct name target)
{
    size_t rdata_len = 2 + (size_t)target.len;
    struct rrset *cname = copy_rrset(step->plan, dname);
    uint8_t *bytes = arena_take(step->plan->scratch, rdata_len);
    if (cname == NULL || bytes == NULL) {
        return NULL;
    }
    struct writer rdata = writer_over(bytes, rdata_len);
    writer_u16(&rdata, target.len);
    name_write(target, &rdata);
    cname->owner = step->name;
    cname->type = TYPE_CNAME;
    cname->count = 1;
    cname->rdata = bytes;
    cname->rdata_len = (uint32_t)rdata_len;
    return cname;
}

static void redirect(struct step *step, const struct zone_node *node)
{
    const struct rrset *dname = zone_node_rrset(node, TYPE_DNAME);
    struct answer_plan *plan = step->plan;
    bool is_again = false;
    for (size_t i = 0; i < plan->item_count; i++) {
        is_again |= plan->items[i].rrset == dname;
    }
    if (!is_again) {
        add_rrset(step, SECTION_ANSWER, node, dname, dname->owner);
    }
    /* The part of the name below the DNAME's owner, as a name of its own. */
    uint8_t prefix_octets[NAME_LEN_MAX];
    size_t prefix_len = (size_t)step->name.len - dname->owner.len;
    memcpy(prefix_octets, step->name.octets, prefix_len);
    prefix_octets[prefix_len] = 0;
    struct name prefix = {prefix_octets, (uint8_t)(prefix_len + 1),
                          (uint8_t)(step->name.label_count - dname->owner.label_count)};
    struct name target;
    struct name_buffer *buffer = arena_take(plan->scratch, sizeof *buffer);
    if (buffer == NULL || !rdata_target(TYPE_DNAME, rrset_only(dname), &target)) {
        plan->rcode = RCODE_SERVFAIL;
        return;
    }
    if (name_join(prefix, target, buffer, &step->next) != OK) {
        plan->rcode = RCODE_YXDOMAIN;
        return;
    }
    struct rrset *cname = make_cname(step, dname, step->next);
    if (cname == NULL) {
        plan->rcode = RCODE_SERVFAIL;
        return;
    }
    answer_add(plan, (struct answer_item){
                         .rrset = cname, .owner = cname->owner, .section = SECTION_ANSWER});
    step->has_next = plan->question.type != TYPE_CNAME;
}

static void answer_absent_name(struct step *step)
{
    struct name encloser = name_ancestor(step->name, zone_closest_encloser(step->zone, step->name));
    struct name_buffer buffer;
    struct name wildcard;
    if (name_make_wildcard(encloser, &buffer, &wildcard) == OK &&
        zone_has_name(step->zone, wildcard)) {
        const struct zone_node *node = zone_find(step->zone, wildcard);
        if (node == NULL || !answer_from_node(step, node)) {
            deny(step, DENIAL_TYPE);
        }
        return;
    }
    step->plan->rcode = RCODE_NXDOMAIN; /* of the last name of a chain (RFC 6604 §3) */
    deny(step, DENIAL_NAME);
}

static void take_step(struct step *step)
{
    const struct zone_node *cut = zone_find_cut(step->zone, step->name);
    const struct zone_node *dname = zone_find_dname(step->zone, step->name);
    if (cut != NULL && dname != NULL && dname->owner.label_count < cut->owner.label_count) {
        cut = NULL; /* all below a DNAME is occluded, cuts too */
    }
    bool is_of_parent =
        step->plan->question.type == TYPE_DS && cut != NULL && name_equal(cut->owner, step->name);
    if (cut != NULL && !is_of_parent) {
        refer(step, cut);
    } else if (dname != NULL && !is_of_parent) {
        redirect(step, dname);
    } else {
        const struct zone_node *node = zone_find(step->zone, step->name);
        bool is_sure = node != NULL && zone_node_rrset(node, TYPE_NSEC3) == NULL;
        if (!is_sure && !zone_has_name(step->zone, step->name)) {
            answer_absent_name(step); /* the owner of an NSEC3 too (RFC 5155 §7.2.8) */
        } else if (node == NULL || !answer_from_node(step, node)) {
            deny(step, DENIAL_TYPE);
        }
    }
}

/* DS belongs to the parent: at an apex it is asked of the zone above, if we serve that too (RFC
 * 4035 §3.1.4.1). */
static const struct auth_zone *choose_zone(const struct auth *auth, struct name name, uint16_t type)
{
    const struct auth_zone *zone = auth_find_zone(auth, name);
    if (type == TYPE_DS && zone != NULL && name_equal(zone->name, name) && !name_is_root(name)) {
        const struct auth_zone *above = auth_find_zone(auth, name_parent(name));
        zone = above != NULL ? above : zone;
    }
    return zone;
}

void answer_make_plan(const struct auth *auth, struct question question, bool wants_dnssec,
                      struct arena *scratch, struct answer_plan *plan)
{
    answer_begin(plan, question, wants_dnssec, scratch);
    plan->hides_any = auth->options.hides_any && !wants_dnssec;
    struct name name = question.name;
    for (int i = 0; i < ANSWER_CHAIN_MAX; i++) {
        const struct auth_zone *found = choose_zone(auth, name, question.type);
        const struct zone *zone = found == NULL ? NULL : auth_zone_version(found);
        if (zone == NULL) {
            if (i == 0) {
                plan->rcode = found == NULL ? RCODE_REFUSED : RCODE_SERVFAIL;
            }
            return;
        }
        struct step step = {.plan = plan, .zone = zone, .name = name, .is_first = i == 0};
        if (i == 0) {
            plan->is_authoritative = true;
        }
        take_step(&step);
        if (!step.has_next || plan->rcode != RCODE_NOERROR) {
            break;
        }
        name = step.next;
    }
    if (plan->rcode == RCODE_SERVFAIL) {
        plan->item_count = 0;
        plan->is_authoritative = false;
    }
}
