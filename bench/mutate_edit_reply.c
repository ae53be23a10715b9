/* What faults do to a whole answer: leave out, put in, give the answer to another question. */
#include "core/zone/zone_chain.h"
#include "mutate_edit.h"

/* ---------------------------------------------------------------- what an answer is */

static bool is_denial(const struct part *part)
{
    return part->rrset.count > 0 &&
           (part->rrset.type == TYPE_NSEC || part->rrset.type == TYPE_NSEC3);
}

static bool is_ours(const struct edit *edit)
{
    return edit->server == SERVER_SUBJECTS;
}

static bool is_negative(struct edit *edit)
{
    return is_ours(edit) && edit_find(edit, SECTION_AUTHORITY, TYPE_SOA) != NULL;
}

static bool asks(const struct edit *edit, struct name name, uint16_t type)
{
    return edit->reply.question.type == type && name_equal(edit->reply.question.name, name);
}

/* An answer that ends with data, not of the apex. */
static bool has_data(struct edit *edit)
{
    for (size_t i = 0; i < edit->reply.count && is_ours(edit); i++) {
        const struct part *part = &edit->reply.parts[i];
        if (edit_place(edit, part) == PLACE_DATA && part->rrset.type != TYPE_CNAME &&
            part->rrset.type != TYPE_DNAME &&
            !name_equal(part->rrset.owner, edit->subject->zone.name)) {
            return true;
        }
    }
    return false;
}

bool edit_matches(const struct edit *edit, const struct part *part, struct name name)
{
    struct nsec3 nsec3;
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t owner[NSEC3_HASH_LEN];
    if (part->rrset.type == TYPE_NSEC) {
        return name_equal(part->rrset.owner, name);
    }
    return part->rrset.type == TYPE_NSEC3 && nsec3_read(rrset_only(&part->rrset), &nsec3) == OK &&
           nsec3_hash(name, nsec3.salt, nsec3.iterations, hash) == OK &&
           chain_owner_hash(edit->subject->zone.name, part->rrset.owner, owner) &&
           span_equal(span_of(hash, sizeof hash), span_of(owner, sizeof owner));
}

/* ---------------------------------------------------------------- changing it */

static void drop(struct part *part)
{
    part->rrset.count = 0;
    part->rrsigs.count = 0;
}

static void drop_type(struct edit *edit, uint16_t type)
{
    for (size_t i = 0; i < edit->reply.count; i++) {
        if (edit->reply.parts[i].rrset.type == type) {
            drop(&edit->reply.parts[i]);
        }
    }
}

static void drop_denials(struct edit *edit)
{
    drop_type(edit, TYPE_NSEC);
    drop_type(edit, TYPE_NSEC3);
}

static void empty(struct edit *edit, uint16_t rcode)
{
    edit->reply.count = 0;
    edit->reply.rcode = rcode;
    edit->reply.flags |= FLAG_AA;
}

static struct name child(struct span label, struct name parent, struct name_buffer *buffer)
{
    struct name name;
    if (name_make_child(label, parent, buffer, &name) != OK) {
        mutate_fail("a name too long");
    }
    return name;
}

static struct name role_name(const struct edit *edit, enum role role, struct name_buffer *buffer)
{
    return child(span_of_text(edit->subject->labels[role]), edit->subject->zone.name, buffer);
}

/* SOA and one NSEC of the subject. */
static void deny_with(struct edit *edit, uint16_t rcode, struct name nsec)
{
    empty(edit, rcode);
    edit_add_zone_set(edit, edit->subject->zone.zone, edit->subject->zone.name, TYPE_SOA);
    edit_add_zone_set(edit, edit->subject->zone.zone, nsec, TYPE_NSEC);
}

/* ---------------------------------------------------------------- keys and DS */

void edit_keys_missing(struct edit *edit)
{
    if (asks(edit, edit->subject->zone.name, TYPE_DNSKEY)) {
        empty(edit, RCODE_NOERROR);
        edit_add_zone_set(edit, edit->subject->zone.zone, edit->subject->zone.name, TYPE_SOA);
    }
}

void edit_keys_servfail(struct edit *edit)
{
    if (asks(edit, edit->subject->zone.name, TYPE_DNSKEY)) {
        empty(edit, RCODE_SERVFAIL);
    }
}

void edit_ds_stripped(struct edit *edit)
{
    if (edit->server == SERVER_TLD) {
        drop_type(edit, TYPE_DS);
        if (asks(edit, edit->subject->zone.name, TYPE_DS)) {
            edit_add_zone_set(edit, edit->mutate->tld.zone, edit->mutate->tld.name, TYPE_SOA);
        }
    }
}

void edit_ds_denied_by_child(struct edit *edit)
{
    if (edit->server == SERVER_TLD) {
        drop_type(edit, TYPE_DS);
        if (asks(edit, edit->subject->zone.name, TYPE_DS)) {
            edit_answer_other(edit, SERVER_SUBJECTS, edit->subject->zone.name, TYPE_DS);
        }
    }
}

void edit_zone_unsigned(struct edit *edit)
{
    if (!is_ours(edit)) {
        return;
    }
    drop_denials(edit);
    drop_type(edit, TYPE_DNSKEY);
    drop_type(edit, TYPE_DS);
    for (size_t i = 0; i < edit->reply.count; i++) {
        edit->reply.parts[i].rrsigs.count = 0;
    }
}

/* ---------------------------------------------------------------- denial */

void edit_denial_missing(struct edit *edit)
{
    if (is_ours(edit)) {
        drop_denials(edit);
    }
}

static void drop_nth_denial(struct edit *edit, size_t nth)
{
    for (size_t i = 0; i < edit->reply.count; i++) {
        if (is_denial(&edit->reply.parts[i]) && nth-- == 0) {
            drop(&edit->reply.parts[i]);
            return;
        }
    }
}

void edit_denial_first_missing(struct edit *edit)
{
    if (is_ours(edit)) {
        drop_nth_denial(edit, 0);
    }
}

void edit_denial_last_missing(struct edit *edit)
{
    size_t count = 0;
    for (size_t i = 0; i < edit->reply.count; i++) {
        count += is_denial(&edit->reply.parts[i]);
    }
    if (is_ours(edit) && count > 0) {
        drop_nth_denial(edit, count - 1);
    }
}

/* Those that say that a name above exists, or the name itself. */
void edit_denial_match_missing(struct edit *edit)
{
    struct name name = edit->reply.question.name;
    for (size_t i = 0; i < edit->reply.count && is_ours(edit); i++) {
        struct part *part = &edit->reply.parts[i];
        bool is_match = false;
        for (uint8_t labels = edit->subject->zone.name.label_count; labels <= name.label_count;
             labels++) {
            is_match = is_match ||
                       (is_denial(part) && edit_matches(edit, part, name_ancestor(name, labels)));
        }
        if (is_match) {
            drop(part);
        }
    }
}

void edit_denial_of_parent(struct edit *edit)
{
    if (is_negative(edit)) {
        drop_denials(edit);
        edit_add_zone_set(edit, edit->mutate->tld.zone, edit->subject->zone.name, TYPE_NSEC);
    }
}

static bool is_at_secure_cut(const struct edit *edit)
{
    return is_ours(edit) && edit->reply.question.type != TYPE_DS &&
           name_is_at_or_below(edit->reply.question.name, edit->subject->secure.name);
}

void edit_cut_denies_below(struct edit *edit)
{
    if (is_at_secure_cut(edit)) {
        bool is_cut = name_equal(edit->reply.question.name, edit->subject->secure.name);
        deny_with(edit, is_cut ? RCODE_NOERROR : RCODE_NXDOMAIN, edit->subject->secure.name);
    }
}

void edit_cut_denies_type(struct edit *edit)
{
    if (is_at_secure_cut(edit)) {
        deny_with(edit, RCODE_NOERROR, edit->subject->secure.name);
    }
}

void edit_dname_denies_below(struct edit *edit)
{
    const struct part *dname = edit_find(edit, SECTION_ANSWER, TYPE_DNAME);
    if (is_ours(edit) && dname != NULL) {
        deny_with(edit, RCODE_NXDOMAIN, dname->rrset.owner);
    }
}

void edit_alias_denied(struct edit *edit)
{
    struct name_buffer buffer;
    struct name alias = role_name(edit, ROLE_ALIAS, &buffer);
    if (is_ours(edit) && name_equal(edit->reply.question.name, alias)) {
        deny_with(edit, RCODE_NOERROR, alias);
    }
}

void edit_name_denied(struct edit *edit)
{
    if (has_data(edit)) {
        struct name_buffer buffer;
        edit_answer_other(edit, SERVER_SUBJECTS,
                          child(SPAN_LITERAL("m-absent"), edit->subject->zone.name, &buffer),
                          TYPE_A);
    }
}

void edit_type_denied(struct edit *edit)
{
    if (has_data(edit)) {
        edit_answer_other(edit, SERVER_SUBJECTS, edit->reply.question.name, TYPE_HINFO);
    }
}

void edit_nodata_as_nxdomain(struct edit *edit)
{
    if (is_negative(edit) && edit->reply.rcode == RCODE_NOERROR) {
        edit->reply.rcode = RCODE_NXDOMAIN;
    }
}

void edit_nxdomain_as_nodata(struct edit *edit)
{
    if (is_negative(edit) && edit->reply.rcode == RCODE_NXDOMAIN) {
        edit->reply.rcode = RCODE_NOERROR;
    }
}

void edit_soa_missing(struct edit *edit)
{
    struct part *soa = is_negative(edit) ? edit_find(edit, SECTION_AUTHORITY, TYPE_SOA) : NULL;
    if (soa != NULL) {
        drop(soa);
    }
}

void edit_soa_of_parent(struct edit *edit)
{
    if (is_negative(edit)) {
        edit_soa_missing(edit);
        edit_add_zone_set(edit, edit->mutate->tld.zone, edit->mutate->tld.name, TYPE_SOA);
    }
}

/* ---------------------------------------------------------------- wildcards */

void edit_wildcard_proof_missing(struct edit *edit)
{
    for (size_t i = 0; i < edit->reply.count && has_data(edit); i++) {
        const struct part *part = &edit->reply.parts[i];
        struct rrsig rrsig;
        if (edit_place(edit, part) == PLACE_DATA &&
            rrsig_read(rrset_only(&part->rrsigs), &rrsig) == OK &&
            rrsig.labels < part->rrset.owner.label_count) {
            drop_denials(edit);
            return;
        }
    }
}

void edit_wildcard_for_existing(struct edit *edit)
{
    struct name_buffer buffers[3];
    struct name name = edit->reply.question.name;
    struct name wild = role_name(edit, ROLE_WILD, &buffers[0]);
    struct name other = child(SPAN_LITERAL("another"), wild, &buffers[1]);
    if (!is_ours(edit) || !name_equal(name, child(SPAN_LITERAL("beside"), wild, &buffers[2]))) {
        return;
    }
    edit_answer_other(edit, SERVER_SUBJECTS, other, edit->reply.question.type);
    for (size_t i = 0; i < edit->reply.count; i++) {
        struct part *part = &edit->reply.parts[i];
        if (name_equal(part->rrset.owner, other)) {
            part->rrset.owner = name;
            part->rrsigs.owner = name;
        }
    }
}

/* ---------------------------------------------------------------- unsigned delegations */

void edit_cut_proof_missing(struct edit *edit)
{
    if (is_ours(edit) &&
        name_is_at_or_below(edit->reply.question.name, edit->subject->plain.name)) {
        drop_denials(edit);
    }
}

/* ---------------------------------------------------------------- aliases */

static struct part *find_made_alias(struct edit *edit)
{
    return is_ours(edit) && edit_find(edit, SECTION_ANSWER, TYPE_DNAME) != NULL
               ? edit_find(edit, SECTION_ANSWER, TYPE_CNAME)
               : NULL;
}

void edit_alias_wrong(struct edit *edit)
{
    struct part *alias = find_made_alias(edit);
    if (alias != NULL) {
        struct name_buffer buffer;
        struct rrset_builder builder;
        struct name target = role_name(edit, ROLE_DATA, &buffer);
        rrset_begin(&builder, edit->arena, alias->rrset.owner, TYPE_CNAME, alias->rrset.ttl_s);
        rrset_add(&builder, name_span(target));
        if (rrset_finish(&builder, &alias->rrset) != OK) {
            mutate_fail("no alias");
        }
    }
}

void edit_alias_missing(struct edit *edit)
{
    struct part *alias = find_made_alias(edit);
    if (alias != NULL) {
        drop(alias);
    }
}

void edit_dname_missing(struct edit *edit)
{
    if (find_made_alias(edit) != NULL) {
        drop_type(edit, TYPE_DNAME);
    }
}

void edit_alias_ttl(struct edit *edit)
{
    struct part *alias = find_made_alias(edit);
    if (alias != NULL) {
        alias->rrset.ttl_s = MUTATE_TTL_S / 3;
    }
}

/* ---------------------------------------------------------------- additions */

static bool is_referral(struct edit *edit, struct name cut)
{
    const struct part *servers = edit_find(edit, SECTION_AUTHORITY, TYPE_NS);
    return edit->server == SERVER_TLD && servers != NULL && name_equal(servers->rrset.owner, cut);
}

void edit_glue_added(struct edit *edit)
{
    if (is_referral(edit, edit->subject->zone.name)) {
        struct name_buffer buffer;
        edit_add_set(edit, SECTION_ADDITIONAL,
                     child(SPAN_LITERAL("other"), edit->subject->zone.name, &buffer), TYPE_A,
                     "192.0.2.66");
    }
}

void edit_ns_unsigned(struct edit *edit)
{
    if (has_data(edit)) {
        edit_add_set(edit, SECTION_AUTHORITY, edit->subject->zone.name, TYPE_NS, "ns.nowhere.tld.");
    }
}

void edit_answer_stranger(struct edit *edit)
{
    if (has_data(edit)) {
        struct name_buffer buffer;
        edit_add_set(edit, SECTION_ANSWER,
                     child(SPAN_LITERAL("stranger"), edit->subject->zone.name, &buffer), TYPE_A,
                     "192.0.2.66");
    }
}

void edit_authority_stranger(struct edit *edit)
{
    if (has_data(edit)) {
        struct name_buffer buffer;
        edit_add_set(edit, SECTION_AUTHORITY,
                     child(SPAN_LITERAL("stranger"), edit->subject->zone.name, &buffer), TYPE_TXT,
                     "\"stranger\"");
    }
}

void edit_additional_forged(struct edit *edit)
{
    struct name_buffer buffer;
    struct name owner = role_name(edit, ROLE_DATA, &buffer);
    if (is_ours(edit) && !name_equal(edit->reply.question.name, owner)) {
        edit_add_set(edit, SECTION_ADDITIONAL, owner, TYPE_A, "192.0.2.66");
    }
}

void edit_delegation_ns_added(struct edit *edit)
{
    if (is_referral(edit, edit->subject->zone.name)) {
        struct part *servers = edit_find(edit, SECTION_AUTHORITY, TYPE_NS);
        struct name_buffer buffer;
        struct rrset_builder builder;
        rrset_begin(&builder, edit->arena, servers->rrset.owner, TYPE_NS, servers->rrset.ttl_s);
        rrset_add(&builder, rrset_only(&servers->rrset));
        rrset_add(&builder, name_span(zones_name("ns.nowhere.tld.", &buffer)));
        if (rrset_finish(&builder, &servers->rrset) != OK) {
            mutate_fail("no servers");
        }
    }
}
