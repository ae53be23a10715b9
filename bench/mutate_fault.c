/* The table of faults, and how a row comes over an answer. */
#include "mutate_edit.h"

enum {
    DATA = 1 << PLACE_DATA,
    KEYS = 1 << PLACE_KEYS,
    DS = 1 << PLACE_DS,
    DENIAL = 1 << PLACE_DENIAL,
    SOA = 1 << PLACE_SOA,
    ANYWHERE = DATA | KEYS | DS | DENIAL | SOA,
    HOUR_S = 3600
};

/* A name says what is wrong; "fine-" that nothing is, however unusual it looks. */
static const struct fault FAULTS[] = {
    {.name = "fine-as-it-is"},
    /* Signatures. */
    {"rrsig-expired", ANYWHERE, .is_forged = true, .forge = {-3 * HOUR_S, -2 * HOUR_S}},
    {"rrsig-not-yet-valid", ANYWHERE, .is_forged = true, .forge = {2 * HOUR_S, 3 * HOUR_S}},
    {"rrsig-ends-before-it-begins", ANYWHERE, .is_forged = true, .forge = {HOUR_S, -HOUR_S}},
    {"rrsig-signer-is-parent", ANYWHERE, .is_forged = true,
     .forge = {.signer = FORGE_SIGNER_PARENT}},
    {"rrsig-signer-is-sibling", ANYWHERE, .is_forged = true,
     .forge = {.signer = FORGE_SIGNER_SIBLING}},
    {"rrsig-too-many-labels", ANYWHERE, .is_forged = true, .forge = {.labels = 1}},
    {"rrsig-too-few-labels", DATA | DENIAL | SOA, .is_forged = true, .forge = {.labels = -1}},
    {"rrsig-wrong-tag", ANYWHERE, .is_forged = true, .forge = {.tag_bits = 0x0101}},
    {"rrsig-wrong-original-ttl", ANYWHERE, .is_forged = true,
     .forge = {.ttl_more_s = 100, .keeps_signature = true}},
    {"rrsig-wrong-algorithm", ANYWHERE, .is_forged = true,
     .forge = {.algorithm = ALGORITHM_RSASHA512}},
    {"rrsig-covers-another-type", ANYWHERE, .is_forged = true, .forge = {.covers = TYPE_TXT}},
    {"rrsig-altered-octet", ANYWHERE, .is_forged = true,
     .forge = {.keeps_signature = true, .turns_a_bit = true}},
    {"rrsig-cut-short", ANYWHERE, .is_forged = true,
     .forge = {.keeps_signature = true, .signature_len = 20}},
    {"rrsig-of-unknown-key", ANYWHERE, .is_forged = true, .forge = {.key = FORGE_KEY_STRANGER}},
    {"rrsig-missing", ANYWHERE, .edit_part = edit_drop_signatures},
    {"rrsig-only-of-unknown-algorithm", ANYWHERE, .edit_part = edit_only_unknown_signature},
    {"fine-rrsig-bad-beside-good", ANYWHERE, .is_forged = true,
     .forge = {.keeps_signature = true, .turns_a_bit = true, .adds = true}},
    {"fine-rrsig-expired-beside-good", ANYWHERE, .is_forged = true,
     .forge = {-3 * HOUR_S, -2 * HOUR_S, .adds = true}},
    {"fine-rrsig-of-unknown-algorithm-beside-good", ANYWHERE, .is_forged = true,
     .forge = {.algorithm = MUTATE_UNKNOWN, .adds = true}},
    {"fine-original-ttl-higher", ANYWHERE, .is_forged = true, .forge = {.ttl_more_s = 100}},
    /* Records. */
    {"record-altered-octet", ANYWHERE, .edit_part = edit_turn_octet},
    {"record-added", DATA | KEYS | DS, .edit_part = edit_add_record},
    {"record-removed", DATA, .edit_part = edit_remove_record},
    {"fine-ttl-raised", ANYWHERE, .edit_part = edit_raise_ttl},
    {"fine-ttl-lowered", ANYWHERE, .edit_part = edit_lower_ttl},
    {"fine-owner-in-capitals", ANYWHERE, .edit_part = edit_raise_case},
    {"fine-records-reversed", DATA | KEYS, .edit_part = edit_reverse_records},
    /* Keys. */
    {"key-without-zone-bit", .making = {.flags = DNSKEY_FLAG_SEP, .is_first_only = true}},
    {"keys-without-zone-bit", .making = {.flags = DNSKEY_FLAG_SEP}},
    {"key-protocol-not-3", .making = {.protocol = 4, .is_first_only = true}},
    {"key-revoked",
     .making = {.flags = DNSKEY_FLAGS_KSK | DNSKEY_FLAG_REVOKE, .is_first_only = true}},
    {"keys-revoked", .making = {.flags = DNSKEY_FLAGS_KSK | DNSKEY_FLAG_REVOKE}},
    {"fine-key-without-sep", .making = {.flags = DNSKEY_FLAGS_ZSK}},
    {"fine-key-with-unknown-flags", .making = {.flags = DNSKEY_FLAGS_KSK | 0x0008}},
    {"keys-signed-by-zsk-alone", KEYS, .making = {.is_split = true}, .is_forged = true,
     .forge = {.key = FORGE_KEY_LAST}},
    {"keys-swapped", KEYS, .edit_part = edit_swap_keys},
    {"keys-without-zsk", KEYS, .making = {.is_split = true}, .edit_part = edit_remove_last_key},
    {"keys-without-ksk", KEYS, .making = {.is_split = true}, .edit_part = edit_remove_first_key},
    {"keys-missing", .edit_reply = edit_keys_missing},
    {"keys-servfail", .edit_reply = edit_keys_servfail},
    {"fine-key-of-unknown-algorithm", KEYS, .edit_part = edit_add_unknown_key},
    {"fine-key-malformed-beside-good", KEYS, .edit_part = edit_add_malformed_key},
    {"fine-key-with-same-tag", KEYS, .edit_part = edit_add_colliding_key},
    {"fine-key-that-signs-nothing", KEYS, .edit_part = edit_add_stranger_key},
    /* DS. */
    {"ds-wrong-digest", DS, .ds = {{DS_DIGEST_SHA256, .turns_a_bit = true}}},
    {"ds-wrong-tag", DS, .ds = {{DS_DIGEST_SHA256, .tag_bits = 1}}},
    {"ds-wrong-algorithm", DS, .ds = {{DS_DIGEST_SHA256, .algorithm = ALGORITHM_RSASHA512}}},
    {"ds-cut-short", DS, .ds = {{DS_DIGEST_SHA256, .digest_len = 20}}},
    {"ds-only-of-unknown-digest", DS, .ds = {{DS_DIGEST_SHA256, .written_digest = MUTATE_UNKNOWN}}},
    {"ds-only-of-unknown-algorithm", DS, .ds = {{DS_DIGEST_SHA256, .algorithm = MUTATE_UNKNOWN}}},
    {"ds-of-unknown-digest-beside-wrong", DS,
     .ds = {{DS_DIGEST_SHA256, .written_digest = MUTATE_UNKNOWN},
            {DS_DIGEST_SHA256, .turns_a_bit = true}}},
    {"ds-of-unknown-algorithm-beside-wrong", DS,
     .ds = {{DS_DIGEST_SHA256, .algorithm = MUTATE_UNKNOWN},
            {DS_DIGEST_SHA256, .turns_a_bit = true}}},
    {"ds-of-unknown-algorithm-and-digest", DS,
     .ds = {{DS_DIGEST_SHA256, .algorithm = MUTATE_UNKNOWN},
            {DS_DIGEST_SHA256, .written_digest = MUTATE_UNKNOWN}}},
    {"ds-sha1-good-sha256-wrong", DS,
     .ds = {{DS_DIGEST_SHA1}, {DS_DIGEST_SHA256, .turns_a_bit = true}}},
    {"fine-ds-sha256-good-sha384-wrong", DS,
     .ds = {{DS_DIGEST_SHA256}, {DS_DIGEST_SHA384, .turns_a_bit = true}}},
    {"fine-ds-sha1", DS, .ds = {{DS_DIGEST_SHA1}}},
    {"fine-ds-sha384", DS, .ds = {{DS_DIGEST_SHA384}}},
    {"fine-ds-of-unknown-digest-beside-good", DS,
     .ds = {{DS_DIGEST_SHA256}, {DS_DIGEST_SHA256, .written_digest = MUTATE_UNKNOWN}}},
    {"fine-ds-of-unknown-algorithm-beside-good", DS,
     .ds = {{DS_DIGEST_SHA256}, {DS_DIGEST_SHA256, .algorithm = MUTATE_UNKNOWN}}},
    {"fine-ds-of-no-key-beside-good", DS,
     .ds = {{DS_DIGEST_SHA256}, {DS_DIGEST_SHA256, .tag_bits = 0x0101, .turns_a_bit = true}}},
    {"fine-ds-missing-with-proof", .making = {.has_no_ds = true}},
    {"ds-missing-without-proof", .edit_reply = edit_ds_stripped},
    {"ds-denied-by-the-child", .edit_reply = edit_ds_denied_by_child},
    {"zone-without-signatures", .edit_reply = edit_zone_unsigned},
    /* Two algorithms. */
    {"fine-two-algorithms", .making = {.has_two_algorithms = true}},
    {"algorithm-missing", ANYWHERE & ~DS, .making = {.has_two_algorithms = true},
     .edit_part = edit_drop_other_algorithm},
    {"algorithm-wrong", ANYWHERE & ~DS, .making = {.has_two_algorithms = true},
     .edit_part = edit_spoil_other_algorithm},
    /* Denial. */
    {"denial-missing", .edit_reply = edit_denial_missing},
    {"denial-first-missing", .edit_reply = edit_denial_first_missing},
    {"denial-last-missing", .edit_reply = edit_denial_last_missing},
    {"denial-match-missing", .edit_reply = edit_denial_match_missing},
    {"denial-of-parent", .edit_reply = edit_denial_of_parent},
    {"denial-bitmap-has-type", DENIAL, .edit_part = edit_bitmap_type},
    {"denial-bitmap-has-cname", DENIAL, .edit_part = edit_bitmap_cname},
    {"denial-next-too-near", DENIAL, .edit_part = edit_next_short},
    {"denial-next-is-itself", DENIAL, .edit_part = edit_next_self},
    {"nsec-next-outside", DENIAL, DENIAL_NSEC, .edit_part = edit_next_outside},
    {"nsec3-hash-unknown", DENIAL, DENIAL_HASHED, .edit_part = edit_hash_unknown},
    {"nsec3-flags-unknown", DENIAL, DENIAL_HASHED, .edit_part = edit_flags_unknown},
    {"nsec3-opt-out-set", DENIAL, DENIAL_NSEC3, .edit_part = edit_opt_out_set},
    {"nsec3-opt-out-cleared", DENIAL, DENIAL_OPT_OUT, .edit_part = edit_opt_out_clear},
    {"nsec3-salt-wrong", DENIAL, DENIAL_HASHED, .edit_part = edit_salt_wrong},
    {"nsec3-iterations-wrong", DENIAL, DENIAL_HASHED, .edit_part = edit_iterations_wrong},
    {"fine-nsec3-iterations-50", .denials = DENIAL_HASHED, .making = {.iterations = 50}},
    {"nsec3-iterations-51", .denials = DENIAL_HASHED, .making = {.iterations = 51}},
    {"nsec3-iterations-150", .denials = DENIAL_HASHED, .making = {.iterations = 150}},
    {"nsec3-iterations-151", .denials = DENIAL_HASHED, .making = {.iterations = 151}},
    {"nsec3-iterations-2500", .denials = DENIAL_HASHED, .making = {.iterations = 2500}},
    {"cut-denies-names-below", .denials = DENIAL_NSEC, .edit_reply = edit_cut_denies_below},
    {"cut-denies-types-of-child", .denials = DENIAL_NSEC, .edit_reply = edit_cut_denies_type},
    {"dname-denies-names-below", .denials = DENIAL_NSEC, .edit_reply = edit_dname_denies_below},
    {"alias-denied", .denials = DENIAL_NSEC, .edit_reply = edit_alias_denied},
    {"name-denied", .edit_reply = edit_name_denied},
    {"type-denied", .edit_reply = edit_type_denied},
    {"nodata-as-nxdomain", .edit_reply = edit_nodata_as_nxdomain},
    {"nxdomain-as-nodata", .edit_reply = edit_nxdomain_as_nodata},
    {"soa-missing", .edit_reply = edit_soa_missing},
    {"soa-of-parent", .edit_reply = edit_soa_of_parent},
    /* Wildcards. */
    {"wildcard-without-proof", .edit_reply = edit_wildcard_proof_missing},
    {"wildcard-for-an-existing-name", .edit_reply = edit_wildcard_for_existing},
    /* Unsigned delegations. */
    {"cut-without-proof", .edit_reply = edit_cut_proof_missing},
    {"cut-bitmap-has-ds", DENIAL, DENIAL_NSEC | DENIAL_NSEC3, .edit_part = edit_cut_bitmap_ds},
    {"cut-bitmap-has-no-ns", DENIAL, DENIAL_NSEC | DENIAL_NSEC3,
     .edit_part = edit_cut_bitmap_no_ns},
    {"cut-bitmap-has-soa", DENIAL, DENIAL_NSEC | DENIAL_NSEC3, .edit_part = edit_cut_bitmap_soa},
    /* Aliases. */
    {"dname-alias-wrong", .edit_reply = edit_alias_wrong},
    {"dname-missing", .edit_reply = edit_dname_missing},
    {"fine-dname-alias-missing", .edit_reply = edit_alias_missing},
    {"fine-dname-alias-other-ttl", .edit_reply = edit_alias_ttl},
    /* Additions. */
    {"fine-glue-added", .edit_reply = edit_glue_added},
    {"fine-ns-unsigned-in-authority", .edit_reply = edit_ns_unsigned},
    {"fine-stranger-in-answer", .edit_reply = edit_answer_stranger},
    {"fine-stranger-in-authority", .edit_reply = edit_authority_stranger},
    {"fine-address-forged-in-additional", .edit_reply = edit_additional_forged},
    {"fine-name-server-added", .edit_reply = edit_delegation_ns_added},
};

const struct fault *fault_at(size_t index)
{
    return index < LEN(FAULTS) ? &FAULTS[index] : NULL;
}

size_t fault_count(void)
{
    return LEN(FAULTS);
}

void fault_apply(struct edit *edit)
{
    const struct fault *fault = edit->subject->fault;
    for (size_t i = 0; i < edit->reply.count && fault->places != 0; i++) {
        struct part *part = &edit->reply.parts[i];
        if (edit_place(edit, part) != edit->subject->place) {
            continue;
        }
        if (fault->is_forged) {
            forge_part(edit, part, &fault->forge);
        }
        if (fault->ds[0].digest != 0) {
            edit_ds(edit, part);
        }
        if (fault->edit_part != NULL) {
            fault->edit_part(edit, part);
        }
    }
    if (fault->edit_reply != NULL) {
        fault->edit_reply(edit);
    }
}
