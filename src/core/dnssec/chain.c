/* The way down: from the closest trust anchor over each signed delegation to the zone of a name. */
#include "core/dnssec/chain.h"

#include "core/dnssec/chain_parts.h"

static struct evidence *find_evidence(const struct chain *chain, struct name name, uint16_t type)
{
    for (size_t i = 0; i < chain->input->evidence_count; i++) {
        struct evidence *evidence = &chain->input->evidence[i];
        if (evidence->type == type && name_equal(evidence->name, name)) {
            return evidence;
        }
    }
    return NULL;
}

/* The deepest zone with an anchor at or above `name`; false when there is none. */
static bool find_anchor(const struct chain *chain, struct name name, struct name *zone)
{
    bool is_found = false;
    for (size_t i = 0; i < chain->input->anchor_count; i++) {
        struct name candidate = chain->input->anchors[i].zone;
        if (name_is_at_or_below(name, candidate) &&
            (!is_found || candidate.label_count > zone->label_count)) {
            *zone = candidate;
            is_found = true;
        }
    }
    return is_found;
}

void chain_hint(struct chain_hints *hints, const struct rrset *rrsigs)
{
    struct span rdata;
    if (rrsigs == NULL) {
        return;
    }
    for (struct rrset_cursor cursor = rrset_first(rrsigs);
         hints->count < CHAIN_HINTS_MAX && rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) == OK) {
            hints->zones[hints->count++] = rrsig.signer;
        }
    }
}

static bool is_hinted(const struct chain_hints *hints, struct name zone)
{
    for (size_t i = 0; hints != NULL && i < hints->count; i++) {
        if (name_equal(hints->zones[i], zone)) {
            return true;
        }
    }
    return false;
}

/* One label down from the zone of `keys`, which becomes the zone entered, where there is one. */
static enum chain_outcome step_down(struct chain *chain, struct evidence *cut,
                                    struct chain_keys *keys)
{
    enum chain_outcome outcome = chain_judge_cut(chain, keys, cut);
    if (outcome != CHAIN_SECURE) {
        return outcome;
    }
    if (cut->step == EVIDENCE_UNSIGNED_CUT || cut->step == EVIDENCE_OPT_OUT) {
        chain->is_cut_known = cut->step == EVIDENCE_UNSIGNED_CUT;
        char name[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];
        name_print(cut->name, name);
        name_print(keys->zone, zone);
        return chain_say(chain, CHAIN_INSECURE, EDE_NONE,
                         "%.120s is at or below a delegation without DS from %.120s", name, zone);
    }
    if (cut->step != EVIDENCE_DS) {
        return CHAIN_SECURE;
    }
    const struct rrset *ds_rrset = chain_find(chain_answer_of(cut), cut->name, TYPE_DS);
    if (ds_rrset == NULL) { /* a cache handed in a step without its RRset */
        return chain_say(chain, CHAIN_BOGUS, EDE_OTHER, "the DS RRset is not in the evidence");
    }
    return chain_enter_zone(chain, cut->name, ds_rrset,
                            find_evidence(chain, cut->name, TYPE_DNSKEY), keys);
}

enum chain_outcome chain_walk(struct chain *chain, struct name name,
                              const struct chain_hints *hints, struct chain_keys *keys)
{
    struct name zone = NAME_ROOT;
    if (!find_anchor(chain, name, &zone)) {
        char text[NAME_TEXT_MAX];
        name_print(name, text);
        return chain_say(chain, CHAIN_INDETERMINATE, EDE_INDETERMINATE,
                         "no trust anchor covers %.200s", text);
    }
    enum chain_outcome outcome =
        chain_enter_zone(chain, zone, NULL, find_evidence(chain, zone, TYPE_DNSKEY), keys);
    for (unsigned labels = zone.label_count + 1u;
         outcome == CHAIN_SECURE && labels <= name.label_count && !is_hinted(hints, keys->zone);
         labels++) {
        struct name below = name_ancestor(name, (uint8_t)labels);
        struct evidence *cut = find_evidence(chain, below, TYPE_DS);
        if (cut == NULL) {
            chain->next_name = below;
            chain->next_type = TYPE_DS;
            return CHAIN_NEEDS_MORE;
        }
        outcome = step_down(chain, cut, keys);
        if (outcome == CHAIN_SECURE && cut->step == EVIDENCE_NO_NAME) {
            break;
        }
    }
    return outcome;
}

void chain_judge(const struct chain_input *input, struct chain_budget *budget,
                 struct chain_result *result)
{
    require(input->evidence_count != 0);
    struct chain chain = {.input = input, .budget = budget, .next_name = NAME_ROOT};
    *result = (struct chain_result){.next_name = NAME_ROOT};
    enum chain_outcome outcome = chain_judge_answer(&chain, &result->is_wildcard);
    if (outcome == CHAIN_NEEDS_MORE) {
        result->next_name = chain.next_name;
        result->next_type = chain.next_type;
        return;
    }
    result->is_final = true;
    if (outcome == CHAIN_SECURE) {
        result->judgement = (struct judgement){.verdict = VERDICT_SECURE, .ede = EDE_NONE};
        result->proof = chain.proof;
    } else {
        result->judgement = chain.judgement;
    }
}
