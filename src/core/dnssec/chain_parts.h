#pragma once
/* What the files of the chain share: one run of chain_judge and its steps. For chain*.c only. */
#include "core/dnssec/chain.h"

/* What a step came to. Anything but SECURE ends what it was done for. */
enum chain_outcome {
    CHAIN_SECURE,
    CHAIN_INSECURE,
    CHAIN_BOGUS,
    CHAIN_INDETERMINATE,
    CHAIN_NEEDS_MORE /* `next` of the run is to be asked */
};

struct chain {
    const struct chain_input *input;
    struct chain_budget *budget;
    struct judgement judgement; /* of the last step that was not SECURE */
    struct name next_name;
    uint16_t next_type;
    struct chain_proof proof;
    bool is_cut_known; /* where the last walk ended as insecure: it is proved that there is a cut */
};

/* Keeps the judgement and returns `outcome`. */
enum chain_outcome chain_say(struct chain *chain, enum chain_outcome outcome, enum ede ede,
                             const char *format, ...) PRINTF_LIKE(4, 5);

/* Is it of use to us? */
bool chain_has_algorithm(const struct chain *chain, uint8_t number);

struct chain_section {
    const struct rrset *rrsets;
    size_t count;
};
struct chain_section chain_answer_of(const struct evidence *evidence);
struct chain_section chain_authority_of(const struct evidence *evidence);
/* NULL when it is not there. */
const struct rrset *chain_find(struct chain_section section, struct name owner, uint16_t type);
const struct rrset *chain_find_rrsig(struct chain_section section, const struct rrset *covered);

/* The DNSKEY RRset of a zone, trusted. */
struct chain_keys {
    struct name zone;
    const struct dnskey *keys;
    size_t count;
    uint32_t algorithms; /* a bit for each that must have signed; 0: any may */
};

struct chain_verified {
    uint8_t wildcard_labels; /* fewer than the owner's: made from a wildcard */
    uint32_t life_s;
};
/* By any one signature of the zone's (RFC 6840 §5.4). */
enum chain_outcome chain_verify(struct chain *chain, const struct chain_keys *keys,
                                struct chain_section section, const struct rrset *rrset,
                                struct chain_verified *verified);

/* What points at a zone's keys: the DS RRset, or the trust anchors when it is NULL. INSECURE when
 * nothing there is of use to us. Sets the evidence's step. */
enum chain_outcome chain_enter_zone(struct chain *chain, struct name zone,
                                    const struct rrset *ds_rrset, struct evidence *evidence,
                                    struct chain_keys *keys);

/* NSEC and NSEC3 RRsets of an authority section that are the zone's. */
struct chain_denials {
    const struct rrset *rrsets[CHAIN_DENIALS_MAX];
    size_t count;
    uint32_t life_s;
    bool has_failure;
    struct judgement failure; /* the first of a record that did not verify */
};
void chain_collect_denials(struct chain *chain, const struct chain_keys *keys,
                           struct chain_section authority, struct chain_denials *denials);
/* SECURE, INSECURE (opt-out, too costly) or BOGUS. */
enum chain_outcome chain_deny(struct chain *chain, const struct chain_denials *denials,
                              const struct denial_question *question);

/* What a DS question at `evidence->name`, below the zone, came to. SECURE: the step is set. */
enum chain_outcome chain_judge_cut(struct chain *chain, const struct chain_keys *keys,
                                   struct evidence *evidence);

/* From the closest anchor down to the zone of `name`, or only to the first zone among `hints`. */
enum { CHAIN_HINTS_MAX = 4 };
struct chain_hints {
    struct name zones[CHAIN_HINTS_MAX];
    size_t count;
};
void chain_hint(struct chain_hints *hints, const struct rrset *rrsigs); /* NULL is fine */
enum chain_outcome chain_walk(struct chain *chain, struct name name,
                              const struct chain_hints *hints, struct chain_keys *keys);

enum chain_outcome chain_judge_answer(struct chain *chain, bool *is_wildcard);
