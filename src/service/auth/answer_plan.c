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

static void add_item(struct answer_plan *plan, struct answer_item item)
{
    if (plan->item_count < ANSWER_ITEMS_MAX) {
        plan->items[plan->item_count++] = item;
    } else if (!item.is_optional) {
        plan->rcode = RCODE_SERVFAIL; /* no zone that passed its checks comes here */
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
    add_item(step->plan,
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
        if (rrset != NULL) {
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

/* Addresses of a name server: glue below the cut must be there, or the delegation is of no use;
 * that of a sibling's may be (RFC 9471 §3). */
static void add_glue(const struct step *step, struct name server, struct name cut)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    bool is_needed = name_is_at_or_below(server, cut);
    const struct zone_node *node = zone_find(step->zone, server);
    if (node == NULL || (!is_needed && zone_find_cut(step->zone, server) == NULL)) {
        return;
    }
    for (size_t i = 0; i < LEN(types); i++) {
        const struct rrset *rrset = zone_node_rrset(node, types[i]);
        if (rrset != NULL) {
            add_item(step->plan, (struct answer_item){.rrset = rrset,
                                                      .owner = node->owner,
                                                      .section = SECTION_ADDITIONAL,
                                                      .is_optional = !is_needed});
        }
    }
}

static void add_referral_glue(const struct step *step, const struct rrset *ns)
{
    for (int round = 0; round < 2; round++) { /* what is needed first */
        struct rrset_cursor cursor = rrset_first(ns);
        struct span rdata;
        for (int i = 0; i < ANSWER_NAMES_MAX && rrset_next(&cursor, &rdata); i++) {
            struct name server;
            if (rdata_target(TYPE_NS, rdata, &server) &&
                name_is_at_or_below(server, zone_apex(step->zone)) &&
                name_is_at_or_below(server, ns->owner) == (round == 0)) {
                add_glue(step, server, ns->owner);
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
    add_item(step->plan,
             (struct answer_item){.rrset = ns, .owner = ns->owner, .section = SECTION_AUTHORITY});
    const struct rrset *ds = zone_node_rrset(cut, TYPE_DS);
    if (ds != NULL && step->plan->wants_dnssec) {
        add_rrset(step, SECTION_AUTHORITY, cut, ds, ds->owner);
    } else {
        struct denial_question question = {
            .kind = DENIAL_DS, .zone = zone_apex(step->zone), .name = cut->owner, .type = TYPE_DS};
        add_proof(step, &question);
    }
    add_referral_glue(step, ns);
}

/* Addresses of the zone's own servers beside its NS: resolvers prime by them (RFC 8109 §3.3). */
static void add_server_addresses(const struct step *step, const struct rrset *ns)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    struct rrset_cursor cursor = rrset_first(ns);
    struct span rdata;
    for (int i = 0; i < ANSWER_NAMES_MAX && rrset_next(&cursor, &rdata); i++) {
        struct name server;
        const struct zone_node *node = rdata_target(TYPE_NS, rdata, &server) &&
                                               name_is_at_or_below(server, zone_apex(step->zone))
                                           ? zone_find(step->zone, server)
                                           : NULL;
        for (size_t t = 0; node != NULL && t < LEN(types); t++) {
            const struct rrset *rrset = zone_node_rrset(node, types[t]);
            if (rrset != NULL) {
                add_item(step->plan,
                         (struct answer_item){.rrset = rrset,
                                              .rrsigs = signatures_of(step->plan, node, types[t]),
                                              .owner = node->owner,
                                              .section = SECTION_ADDITIONAL,
                                              .is_optional = true});
            }
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
        uint16_t type = node->rrsets[i]->type;
        if (type != TYPE_RRSIG && type != TYPE_NSEC && type != TYPE_NSEC3) {
            return node->rrsets[i];
        }
    }
    return node->rrset_count > 0 ? node->rrsets[0] : NULL;
}

static bool answer_signatures(const struct step *step, const struct zone_node *node)
{
    bool has_any = false;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = node->rrsets[i];
        if (rrset->type == TYPE_RRSIG && step->plan->item_count < ANSWER_ITEMS_MAX / 2) {
            add_rrset(step, SECTION_ANSWER, node, rrset, step->name);
            has_any = true;
        }
    }
    if (has_any) {
        add_closer_proof(step, node);
    }
    return has_any;
}

/* A chain that comes back to where it was has been told already. */
static bool is_told(const struct step *step, const struct rrset *rrset)
{
    for (size_t i = 0; i < step->plan->item_count; i++) {
        const struct answer_item *item = &step->plan->items[i];
        if (item->rrset == rrset && name_equal(item->owner, step->name)) {
            return true;
        }
    }
    return false;
}

static bool answer_from_node(struct step *step, const struct zone_node *node)
{
    uint16_t type = step->plan->question.type;
    if (type == TYPE_RRSIG) {
        return answer_signatures(step, node);
    }
    const struct rrset *rrset = type == TYPE_ANY ? choose_any(node) : zone_node_rrset(node, type);
    if (rrset != NULL) {
        add_rrset(step, SECTION_ANSWER, node, rrset, step->name);
        add_closer_proof(step, node);
        if (rrset->type == TYPE_NS && type == TYPE_NS) {
            add_server_addresses(step, rrset);
        }
        return true;
    }
    const struct rrset *cname = zone_node_rrset(node, TYPE_CNAME);
    if (cname == NULL) {
        return false;
    }
    if (!is_told(step, cname)) {
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
    add_item(plan, (struct answer_item){
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
    } else if (zone_has_name(step->zone, step->name)) {
        const struct zone_node *node = zone_find(step->zone, step->name);
        if (node == NULL || !answer_from_node(step, node)) {
            deny(step, DENIAL_TYPE);
        }
    } else {
        answer_absent_name(step);
    }
}

/* DS belongs to the parent: at an apex it is asked of the zone above, if we serve that too (RFC
 * 4035 §3.1.4.1). */
static const struct auth_zone *choose_zone(const struct auth *auth, struct name name, uint16_t type)
{
    const struct auth_zone *zone = auth_find_zone(auth, name);
    if (type == TYPE_DS && zone != NULL && name_equal(zone->options.name, name) &&
        !name_is_root(name)) {
        const struct auth_zone *above = auth_find_zone(auth, name_parent(name));
        zone = above != NULL ? above : zone;
    }
    return zone;
}

void answer_make_plan(const struct auth *auth, struct question question, bool wants_dnssec,
                      struct arena *scratch, struct answer_plan *plan)
{
    plan->question = question;
    plan->wants_dnssec = wants_dnssec;
    plan->rcode = RCODE_NOERROR;
    plan->is_authoritative = false;
    plan->item_count = 0;
    plan->scratch = scratch;
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
