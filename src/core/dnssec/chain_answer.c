/* What an answer claims, piece by piece: each RRset of its chain of aliases and the denial at the
 * end, each judged in its own zone. */
#include "core/dns/rdata.h"
#include "core/dnssec/chain_parts.h"

/* One claim of the answer. */
struct claim {
    const struct rrset *rrset; /* NULL: a denial */
    struct name name;          /* the RRset's owner, or what does not exist */
    enum denial_kind denial;   /* DENIAL_NAME or DENIAL_TYPE */
    struct chain_hints hints;
    struct chain_keys keys;     /* of the zone it is judged in */
    enum chain_outcome outcome; /* of the way to that zone */
};

struct claims {
    struct claim *claims;
    size_t count;
};

/* A DS and its absence are the parent's to tell. */
static struct name zone_search_name(const struct claim *claim, uint16_t type)
{
    return type == TYPE_DS && !name_is_root(claim->name) ? name_parent(claim->name) : claim->name;
}

static uint16_t claim_type(const struct chain *chain, const struct claim *claim)
{
    return claim->rrset != NULL ? claim->rrset->type : chain->input->evidence[0].type;
}

static void add_rrset(struct claims *claims, const struct evidence *evidence,
                      const struct rrset *rrset)
{
    struct claim *claim = &claims->claims[claims->count++];
    *claim = (struct claim){.rrset = rrset, .name = rrset->owner};
    chain_hint(&claim->hints, chain_find_rrsig(chain_answer_of(evidence), rrset));
}

static void add_denial(struct claims *claims, const struct evidence *evidence, struct name name)
{
    struct claim *claim = &claims->claims[claims->count++];
    *claim = (struct claim){
        .name = name, .denial = evidence->rcode == RCODE_NXDOMAIN ? DENIAL_NAME : DENIAL_TYPE};
    const struct chain_section authority = chain_authority_of(evidence);
    for (size_t i = 0; i < authority.count; i++) {
        uint16_t covers = authority.rrsets[i].covers;
        if (authority.rrsets[i].type == TYPE_RRSIG &&
            (covers == TYPE_NSEC || covers == TYPE_NSEC3)) {
            chain_hint(&claim->hints, &authority.rrsets[i]);
        }
    }
}

static enum chain_outcome say_of_name(struct chain *chain, struct name name, const char *words)
{
    char text[NAME_TEXT_MAX];
    name_print(name, text);
    return chain_say(chain, CHAIN_BOGUS, EDE_INVALID_DATA, "%.160s: %s", text, words);
}

/* The DNAME in the answer that `name` lies below. */
static const struct rrset *find_dname(const struct evidence *evidence, struct name name)
{
    for (size_t i = 0; i < evidence->answer_count; i++) {
        const struct rrset *rrset = &evidence->answer[i];
        if (rrset->type == TYPE_DNAME && rrset->count == 1 && name_is_below(name, rrset->owner)) {
            return rrset;
        }
    }
    return NULL;
}

/* The labels of `name` above which `ancestor` stands, closed by the root label. */
static struct name relative_part(struct name name, struct name ancestor, struct name_buffer *buffer)
{
    struct writer writer = writer_over(buffer->octets, sizeof buffer->octets);
    writer_span(&writer, span_part(name_span(name), 0, (size_t)(name.len - ancestor.len)));
    writer_u8(&writer, 0);
    struct reader reader = reader_over(writer_written(&writer));
    return name_read(&reader);
}

/* The CNAME that a server made from the DNAME above `name` (RFC 6672 §3.1): it has no RRSIG, and
 * the DNAME vouches for it. NULL when there is none. */
static const struct rrset *find_made_cname(const struct evidence *evidence, struct name name)
{
    const struct chain_section answer = chain_answer_of(evidence);
    const struct rrset *cname = chain_find(answer, name, TYPE_CNAME);
    bool is_made = cname != NULL && find_dname(evidence, name) != NULL &&
                   chain_find_rrsig(answer, cname) == NULL;
    return is_made ? cname : NULL;
}

/* Where an alias leads. OK; NOT_FOUND when `name` has none; TOO_LONG when a DNAME makes a name that
 * cannot be (RFC 6672 §2.2), where the chain ends; MISMATCH when a CNAME is not what its DNAME
 * makes. `alias` is the RRset that vouches for it. */
static enum status follow_alias(const struct chain *chain, struct name name,
                                const struct rrset **alias, struct name *target)
{
    const struct evidence *evidence = &chain->input->evidence[0];
    const struct rrset *cname = evidence->type == TYPE_CNAME
                                    ? find_made_cname(evidence, name)
                                    : chain_find(chain_answer_of(evidence), name, TYPE_CNAME);
    const struct rrset *dname = find_dname(evidence, name);
    if (cname != NULL &&
        (dname == NULL || chain_find_rrsig(chain_answer_of(evidence), cname) != NULL)) {
        *alias = cname;
        return cname->count == 1 && rdata_target(TYPE_CNAME, rrset_only(cname), target) ? OK
                                                                                        : MISMATCH;
    }
    if (dname == NULL) {
        return NOT_FOUND;
    }
    *alias = dname;
    struct name_buffer relative, joined;
    struct name made, dname_target;
    if (!rdata_target(TYPE_DNAME, rrset_only(dname), &dname_target)) {
        return MISMATCH;
    }
    enum status status =
        name_join(relative_part(name, dname->owner, &relative), dname_target, &joined, &made);
    if (status != OK) {
        return cname == NULL ? status : MISMATCH;
    }
    struct name claimed;
    if (cname != NULL &&
        (cname->count != 1 || !rdata_target(TYPE_CNAME, rrset_only(cname), &claimed) ||
         !name_equal(claimed, made))) {
        return MISMATCH;
    }
    return name_copy(chain->input->scratch, made, target);
}

/* The RRsets asked for at `name`; 0 when there are none. */
static size_t add_data(struct claims *claims, const struct evidence *evidence, struct name name)
{
    const size_t before = claims->count;
    for (size_t i = 0; i < evidence->answer_count; i++) {
        const struct rrset *rrset = &evidence->answer[i];
        bool is_asked =
            evidence->type == TYPE_ANY ? rrset->type != TYPE_RRSIG : rrset->type == evidence->type;
        if (is_asked && rrset->count != 0 && name_equal(rrset->owner, name) &&
            rrset != find_made_cname(evidence, name)) {
            add_rrset(claims, evidence, rrset);
        }
    }
    return claims->count - before;
}

/* Each RRset becomes at most one claim of data and, of the aliases, at most CHAIN_ALIASES_MAX times
 * one (a DNAME may serve twice); then there is one denial. */
static enum chain_outcome find_claims(struct chain *chain, struct claims *claims)
{
    struct evidence *evidence = &chain->input->evidence[0];
    struct name name = evidence->name;
    claims->count = 0;
    claims->claims =
        arena_take_array(chain->input->scratch, evidence->answer_count + CHAIN_ALIASES_MAX + 1,
                         sizeof *claims->claims);
    if (claims->claims == NULL) {
        return chain_say(chain, CHAIN_BOGUS, EDE_OTHER, "no memory is left for the answer");
    }
    for (size_t hops = 0; add_data(claims, evidence, name) == 0; hops++) {
        const struct rrset *alias;
        /* Then the made CNAME is what was asked for, and nothing need follow it. */
        bool is_end = evidence->type == TYPE_CNAME && find_made_cname(evidence, name) != NULL;
        enum status status = follow_alias(chain, name, &alias, &name);
        if (status == NOT_FOUND) {
            if (hops == 0 || !evidence->ends_at_alias) {
                add_denial(claims, evidence, name);
            }
            return CHAIN_SECURE;
        }
        if (status != OK && status != TOO_LONG) {
            return say_of_name(chain, name,
                               status == MISMATCH ? "the CNAME is not what the DNAME makes"
                                                  : "no memory is left for the answer");
        }
        if (hops == CHAIN_ALIASES_MAX) {
            return say_of_name(chain, evidence->name, "the chain of aliases is too long");
        }
        add_rrset(claims, evidence, alias);
        if (status == TOO_LONG || is_end) {
            return CHAIN_SECURE;
        }
    }
    if (evidence->rcode == RCODE_NXDOMAIN) {
        return say_of_name(chain, name, "the answer holds data and says NXDOMAIN");
    }
    return CHAIN_SECURE;
}

static void shorten_life(struct chain *chain, uint32_t life_s)
{
    struct evidence *evidence = &chain->input->evidence[0];
    evidence->life_s = life_s < evidence->life_s ? life_s : evidence->life_s;
}

static void keep_proof(struct chain *chain, const struct chain_keys *keys,
                       const struct chain_denials *denials, uint8_t wildcard_labels)
{
    struct chain_proof *proof = &chain->proof;
    *proof = (struct chain_proof){
        .zone = keys->zone, .count = denials->count, .wildcard_labels = wildcard_labels};
    for (size_t i = 0; i < denials->count; i++) {
        proof->rrsets[i] = denials->rrsets[i];
    }
}

static enum chain_outcome verify_data(struct chain *chain, const struct claim *claim,
                                      bool *is_wildcard)
{
    const struct evidence *evidence = &chain->input->evidence[0];
    struct chain_verified verified;
    enum chain_outcome outcome =
        chain_verify(chain, &claim->keys, chain_answer_of(evidence), claim->rrset, &verified);
    if (outcome != CHAIN_SECURE) {
        return outcome;
    }
    shorten_life(chain, verified.life_s);
    if (verified.wildcard_labels == claim->name.label_count) {
        return CHAIN_SECURE;
    }
    *is_wildcard = true;
    struct chain_denials denials;
    chain_collect_denials(chain, &claim->keys, chain_authority_of(evidence), &denials);
    shorten_life(chain, denials.life_s);
    const struct denial_question question = {.kind = DENIAL_CLOSER_NAME,
                                             .zone = claim->keys.zone,
                                             .name = claim->name,
                                             .encloser_labels = verified.wildcard_labels};
    keep_proof(chain, &claim->keys, &denials, verified.wildcard_labels);
    return chain_deny(chain, &denials, &question);
}

static enum chain_outcome verify_denial(struct chain *chain, const struct claim *claim)
{
    const struct evidence *evidence = &chain->input->evidence[0];
    const struct chain_section authority = chain_authority_of(evidence);
    struct chain_denials denials;
    chain_collect_denials(chain, &claim->keys, authority, &denials);
    shorten_life(chain, denials.life_s);
    const struct denial_question question = {.kind = claim->denial,
                                             .zone = claim->keys.zone,
                                             .name = claim->name,
                                             .type = evidence->type};
    keep_proof(chain, &claim->keys, &denials, 0);
    enum chain_outcome outcome = chain_deny(chain, &denials, &question);
    /* The SOA gives the denial its TTL and is passed on beside it, in an opt-out span too. */
    const struct judgement insecure = chain->judgement;
    for (size_t i = 0; outcome != CHAIN_BOGUS && i < authority.count; i++) {
        struct chain_verified verified;
        if (authority.rrsets[i].type == TYPE_SOA) {
            enum chain_outcome soa =
                chain_verify(chain, &claim->keys, authority, &authority.rrsets[i], &verified);
            shorten_life(chain, soa == CHAIN_SECURE ? verified.life_s : UINT32_MAX);
            outcome = soa == CHAIN_SECURE ? outcome : soa;
        }
    }
    if (outcome == CHAIN_INSECURE) {
        chain->judgement = insecure;
    }
    return outcome;
}

static enum chain_outcome verify_claim(struct chain *chain, const struct claim *claim,
                                       bool *is_wildcard)
{
    return claim->rrset != NULL ? verify_data(chain, claim, is_wildcard)
                                : verify_denial(chain, claim);
}

/* First in the zone that the signer's name pointed at. When that fails, it may have been a lie
 * about data below an unsigned delegation, which only the cuts can tell. Where there may be one,
 * for all that an opt-out span says, the signer's name is taken at its word: else nothing in such a
 * span could be bogus, expanded wildcards and denials among it (RFC 5155 §8.4 to §8.8). */
static enum chain_outcome judge_claim(struct chain *chain, struct claim *claim, bool *is_wildcard)
{
    enum chain_outcome outcome = verify_claim(chain, claim, is_wildcard);
    if (outcome != CHAIN_BOGUS || chain->budget->signatures_left == 0) {
        return outcome;
    }
    const struct judgement first = chain->judgement;
    const struct name first_zone = claim->keys.zone;
    outcome =
        chain_walk(chain, zone_search_name(claim, claim_type(chain, claim)), NULL, &claim->keys);
    bool is_unsigned =
        outcome == CHAIN_INSECURE && (chain->is_cut_known || claim->hints.count == 0);
    if (outcome == CHAIN_NEEDS_MORE || is_unsigned) {
        return outcome;
    }
    if (outcome == CHAIN_SECURE && !name_equal(claim->keys.zone, first_zone)) {
        return verify_claim(chain, claim, is_wildcard);
    }
    chain->judgement = first;
    return CHAIN_BOGUS;
}

/* All zones are found before anything of the answer is verified, so that nothing of it is verified
 * twice when the run is done again. */
static enum chain_outcome find_zones(struct chain *chain, struct claims *claims,
                                     struct judgement *insecure)
{
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *claim = &claims->claims[i];
        claim->outcome = chain_walk(chain, zone_search_name(claim, claim_type(chain, claim)),
                                    &claim->hints, &claim->keys);
        if (claim->outcome == CHAIN_INSECURE) {
            *insecure = insecure->reason[0] == '\0' ? chain->judgement : *insecure;
        } else if (claim->outcome != CHAIN_SECURE) {
            return claim->outcome;
        }
    }
    return CHAIN_SECURE;
}

static enum chain_outcome judge_claims(struct chain *chain, struct claims *claims,
                                       bool *is_wildcard)
{
    struct judgement insecure = {0};
    enum chain_outcome outcome = find_zones(chain, claims, &insecure);
    for (size_t i = 0; outcome == CHAIN_SECURE && i < claims->count; i++) {
        struct claim *claim = &claims->claims[i];
        if (claim->outcome == CHAIN_SECURE) {
            claim->outcome = judge_claim(chain, claim, is_wildcard);
        }
        if (claim->outcome == CHAIN_INSECURE) {
            insecure = insecure.reason[0] == '\0' ? chain->judgement : insecure;
            shorten_life(chain, claim->rrset != NULL ? claim->rrset->ttl_s : UINT32_MAX);
        } else if (claim->outcome != CHAIN_SECURE) {
            outcome = claim->outcome;
        }
    }
    if (outcome == CHAIN_SECURE && insecure.reason[0] != '\0') {
        chain->judgement = insecure;
        return CHAIN_INSECURE;
    }
    return outcome;
}

enum chain_outcome chain_judge_answer(struct chain *chain, bool *is_wildcard)
{
    struct evidence *evidence = &chain->input->evidence[0];
    if (evidence->is_failed) {
        return chain_say(chain, CHAIN_INDETERMINATE, EDE_NO_REACHABLE_AUTHORITY,
                         "no server answers the question");
    }
    if (evidence->type == TYPE_RRSIG) {
        return chain_say(chain, CHAIN_INSECURE, EDE_NONE, "RRSIG records are not signed");
    }
    if (evidence->rcode != RCODE_NOERROR && evidence->rcode != RCODE_NXDOMAIN &&
        evidence->rcode != RCODE_YXDOMAIN) {
        return chain_say(chain, CHAIN_INDETERMINATE, EDE_OTHER, "the answer is %s",
                         rcode_text(evidence->rcode));
    }
    struct claims claims;
    enum chain_outcome outcome = find_claims(chain, &claims);
    if (outcome != CHAIN_SECURE) {
        /* Nobody can be held to it unless the zone is signed, but it is nothing to pass on. */
        return outcome;
    }
    evidence->life_s = UINT32_MAX;
    return judge_claims(chain, &claims, is_wildcard);
}
