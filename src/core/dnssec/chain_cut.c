/* Denials of an answer as far as they are the zone's own, and what the answer to a DS question says
 * about a zone cut. */
#include "core/dnssec/chain_parts.h"

void chain_collect_denials(struct chain *chain, const struct chain_keys *keys,
                           struct chain_section authority, struct chain_denials *denials)
{
    *denials = (struct chain_denials){.life_s = UINT32_MAX};
    size_t looked_at = 0;
    for (size_t i = 0; i < authority.count && looked_at < CHAIN_DENIALS_MAX; i++) {
        const struct rrset *rrset = &authority.rrsets[i];
        if ((rrset->type != TYPE_NSEC && rrset->type != TYPE_NSEC3) || rrset->count == 0) {
            continue;
        }
        looked_at++;
        struct chain_verified verified;
        if (chain_verify(chain, keys, authority, rrset, &verified) != CHAIN_SECURE) {
            if (!denials->has_failure) {
                denials->has_failure = true;
                denials->failure = chain->judgement;
            }
            continue;
        }
        /* One that was made from a wildcard speaks of the wildcard only (CVE-2017-15105). */
        if (verified.wildcard_labels < rrset->owner.label_count) {
            continue;
        }
        denials->rrsets[denials->count++] = rrset;
        denials->life_s = verified.life_s < denials->life_s ? verified.life_s : denials->life_s;
    }
}

enum chain_outcome chain_deny(struct chain *chain, const struct chain_denials *denials,
                              const struct denial_question *question)
{
    char reason[VERDICT_REASON_MAX], name[NAME_TEXT_MAX];
    name_print(question->name, name);
    switch (
        denial_check(question, denials->rrsets, denials->count, &chain->budget->denial, reason)) {
    case DENIAL_PROVED:
        return CHAIN_SECURE;
    case DENIAL_PROVED_OPT_OUT:
        return chain_say(chain, CHAIN_INSECURE, EDE_NONE,
                         "%.160s lies in an opt-out span, where unsigned delegations may be", name);
    case DENIAL_TOO_COSTLY:
        return chain_say(chain, CHAIN_INSECURE, EDE_OTHER, "%.100s: %.180s", name, reason);
    case DENIAL_NOT_PROVED:
        break;
    }
    if (denials->has_failure) {
        chain->judgement = denials->failure;
        return CHAIN_BOGUS;
    }
    return chain_say(chain, CHAIN_BOGUS, EDE_NSEC_MISSING, "%.299s", reason);
}

static enum chain_outcome set_step(struct evidence *evidence, enum evidence_step step,
                                   uint32_t life_s)
{
    evidence->step = step;
    evidence->life_s = life_s;
    return CHAIN_SECURE;
}

/* An alias at the name, or a DNAME above it, instead of a delegation. */
static enum chain_outcome judge_alias(struct chain *chain, const struct chain_keys *keys,
                                      struct evidence *evidence, const struct rrset *alias)
{
    struct chain_verified verified;
    enum chain_outcome outcome =
        chain_verify(chain, keys, chain_answer_of(evidence), alias, &verified);
    if (outcome != CHAIN_SECURE) {
        return outcome;
    }
    if (verified.wildcard_labels < alias->owner.label_count) { /* and no cut hides it */
        struct chain_denials denials;
        chain_collect_denials(chain, keys, chain_authority_of(evidence), &denials);
        const struct denial_question question = {.kind = DENIAL_CLOSER_NAME,
                                                 .zone = keys->zone,
                                                 .name = alias->owner,
                                                 .encloser_labels = verified.wildcard_labels};
        outcome = chain_deny(chain, &denials, &question);
        if (outcome == CHAIN_INSECURE) {
            return set_step(evidence, EVIDENCE_OPT_OUT, denials.life_s);
        }
        if (outcome != CHAIN_SECURE) {
            return outcome;
        }
    }
    return set_step(evidence, alias->type == TYPE_DNAME ? EVIDENCE_NO_NAME : EVIDENCE_NO_CUT,
                    verified.life_s);
}

static const struct rrset *find_alias(const struct evidence *evidence, struct name zone)
{
    const struct chain_section answer = chain_answer_of(evidence);
    for (size_t i = 0; i < answer.count; i++) {
        const struct rrset *rrset = &answer.rrsets[i];
        if (rrset->type == TYPE_DNAME && rrset->count != 0 &&
            name_is_below(evidence->name, rrset->owner) &&
            name_is_at_or_below(rrset->owner, zone)) {
            return rrset;
        }
    }
    return chain_find(answer, evidence->name, TYPE_CNAME);
}

/* The kinds of proof in turn: a proof holds whatever the rcode says. */
static enum chain_outcome judge_denial(struct chain *chain, const struct chain_keys *keys,
                                       struct evidence *evidence)
{
    static const struct {
        enum denial_kind kind;
        enum evidence_step step;
    } PROOFS[] = {
        {DENIAL_DS, EVIDENCE_UNSIGNED_CUT},
        {DENIAL_TYPE, EVIDENCE_NO_CUT},
        {DENIAL_NAME, EVIDENCE_NO_NAME},
    };
    struct chain_denials denials;
    chain_collect_denials(chain, keys, chain_authority_of(evidence), &denials);
    struct judgement first = {0};
    for (size_t i = 0; i < LEN(PROOFS); i++) {
        const struct denial_question question = {
            .kind = PROOFS[i].kind, .zone = keys->zone, .name = evidence->name, .type = TYPE_DS};
        enum chain_outcome outcome = chain_deny(chain, &denials, &question);
        if (outcome == CHAIN_SECURE) {
            return set_step(evidence, PROOFS[i].step, denials.life_s);
        }
        if (outcome == CHAIN_INSECURE) {
            return set_step(evidence, EVIDENCE_OPT_OUT, denials.life_s);
        }
        if (PROOFS[i].kind == (evidence->rcode == RCODE_NXDOMAIN ? DENIAL_NAME : DENIAL_TYPE)) {
            first = chain->judgement; /* what the answer claims is what its lack is told of */
        }
    }
    chain->judgement = first;
    return CHAIN_BOGUS;
}

enum chain_outcome chain_judge_cut(struct chain *chain, const struct chain_keys *keys,
                                   struct evidence *evidence)
{
    if (evidence->step != EVIDENCE_NEW) {
        return CHAIN_SECURE;
    }
    char name[NAME_TEXT_MAX];
    name_print(evidence->name, name);
    if (evidence->is_failed) {
        return chain_say(chain, CHAIN_INDETERMINATE, EDE_NO_REACHABLE_AUTHORITY,
                         "%.160s DS: no server answers", name);
    }
    const struct rrset *rrset = chain_find(chain_answer_of(evidence), evidence->name, TYPE_DS);
    if (rrset == NULL) {
        const struct rrset *alias = find_alias(evidence, keys->zone);
        return alias != NULL ? judge_alias(chain, keys, evidence, alias)
                             : judge_denial(chain, keys, evidence);
    }
    struct chain_verified verified;
    enum chain_outcome outcome =
        chain_verify(chain, keys, chain_answer_of(evidence), rrset, &verified);
    if (outcome != CHAIN_SECURE) {
        return outcome;
    }
    if (verified.wildcard_labels < rrset->owner.label_count) {
        return chain_say(chain, CHAIN_BOGUS, EDE_BOGUS, "%.160s DS: made from a wildcard", name);
    }
    return set_step(evidence, EVIDENCE_DS, verified.life_s);
}
