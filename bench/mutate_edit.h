#pragma once
/* The faults that need more than a forged signature: what each does is said by its name in the
 * table (mutate_fault.c). Those of a part are called for the RRsets of the fault's place, those of
 * a reply for each whole answer. */
#include "mutate.h"

/* Is the part the NSEC or NSEC3 of that name of the subject? */
bool edit_matches(const struct edit *edit, const struct part *part, struct name name);

/* Makes the RRset of the zone's DS records as the fault's `ds` says it. */
void edit_ds(const struct edit *edit, struct part *part);

void edit_turn_octet(const struct edit *edit, struct part *part);
void edit_add_record(const struct edit *edit, struct part *part);
void edit_remove_record(const struct edit *edit, struct part *part);
void edit_drop_signatures(const struct edit *edit, struct part *part);
void edit_only_unknown_signature(const struct edit *edit, struct part *part);
void edit_raise_ttl(const struct edit *edit, struct part *part);
void edit_lower_ttl(const struct edit *edit, struct part *part);
void edit_raise_case(const struct edit *edit, struct part *part);
void edit_reverse_records(const struct edit *edit, struct part *part);
void edit_drop_other_algorithm(const struct edit *edit, struct part *part);
void edit_spoil_other_algorithm(const struct edit *edit, struct part *part);

void edit_add_unknown_key(const struct edit *edit, struct part *part);
void edit_add_malformed_key(const struct edit *edit, struct part *part);
void edit_add_colliding_key(const struct edit *edit, struct part *part);
void edit_add_stranger_key(const struct edit *edit, struct part *part);
void edit_swap_keys(const struct edit *edit, struct part *part);
void edit_remove_last_key(const struct edit *edit, struct part *part);
void edit_remove_first_key(const struct edit *edit, struct part *part);

void edit_keys_missing(struct edit *edit);
void edit_keys_servfail(struct edit *edit);
void edit_ds_stripped(struct edit *edit);
void edit_ds_denied_by_child(struct edit *edit);
void edit_zone_unsigned(struct edit *edit);

/* Denial. */
void edit_bitmap_type(const struct edit *edit, struct part *part);
void edit_bitmap_cname(const struct edit *edit, struct part *part);
void edit_next_short(const struct edit *edit, struct part *part);
void edit_next_self(const struct edit *edit, struct part *part);
void edit_next_outside(const struct edit *edit, struct part *part);
void edit_hash_unknown(const struct edit *edit, struct part *part);
void edit_flags_unknown(const struct edit *edit, struct part *part);
void edit_opt_out_set(const struct edit *edit, struct part *part);
void edit_opt_out_clear(const struct edit *edit, struct part *part);
void edit_salt_wrong(const struct edit *edit, struct part *part);
void edit_iterations_wrong(const struct edit *edit, struct part *part);
void edit_denial_missing(struct edit *edit);
void edit_denial_first_missing(struct edit *edit);
void edit_denial_last_missing(struct edit *edit);
void edit_denial_match_missing(struct edit *edit);
void edit_denial_of_parent(struct edit *edit);
void edit_cut_denies_below(struct edit *edit);
void edit_cut_denies_type(struct edit *edit);
void edit_dname_denies_below(struct edit *edit);
void edit_alias_denied(struct edit *edit);
void edit_name_denied(struct edit *edit);
void edit_type_denied(struct edit *edit);
void edit_nodata_as_nxdomain(struct edit *edit);
void edit_nxdomain_as_nodata(struct edit *edit);
void edit_wildcard_proof_missing(struct edit *edit);
void edit_wildcard_for_existing(struct edit *edit);
void edit_soa_missing(struct edit *edit);
void edit_soa_of_parent(struct edit *edit);

/* Unsigned delegations, aliases, additions. */
void edit_cut_proof_missing(struct edit *edit);
void edit_cut_bitmap_ds(const struct edit *edit, struct part *part);
void edit_cut_bitmap_no_ns(const struct edit *edit, struct part *part);
void edit_cut_bitmap_soa(const struct edit *edit, struct part *part);
void edit_alias_wrong(struct edit *edit);
void edit_alias_missing(struct edit *edit);
void edit_dname_missing(struct edit *edit);
void edit_alias_ttl(struct edit *edit);
void edit_glue_added(struct edit *edit);
void edit_ns_unsigned(struct edit *edit);
void edit_answer_stranger(struct edit *edit);
void edit_authority_stranger(struct edit *edit);
void edit_additional_forged(struct edit *edit);
void edit_delegation_ns_added(struct edit *edit);
