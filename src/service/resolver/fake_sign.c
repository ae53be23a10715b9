/* Signatures of the DNS in memory, and every way in which they may be wrong. */
#include "service/resolver/fake_parts.h"

#include <string.h>

enum { RRSIG_SIZE = 1024, DAY_S = 86400, STRANGER_SEED = 0x7f, ALGORITHM_UNKNOWN = 200 };

bool fake_is_authoritative(const struct fake_zone *zone, const struct rrset *rrset)
{
    bool is_upper_side = rrset->type == TYPE_DS || rrset->type == TYPE_NSEC;
    return fake_zone_cut(zone, rrset->owner, is_upper_side) == NULL;
}

/* --- faults --- */

static const struct fake_fault *fault_find(const struct fake_zone *zone, const struct rrset *rrset,
                                           enum fake_fault_kind kind)
{
    for (size_t i = 0; i < zone->fault_count; i++) {
        const struct fake_fault *fault = &zone->faults[i];
        bool is_here = fault->type == TYPE_NSEC3 && rrset->type == TYPE_NSEC3
                           ? fake_nsec3_match(zone, fault->owner) == rrset
                           : name_equal(fault->owner, rrset->owner);
        if (is_here && fault->kind == kind && fault->type == rrset->type) {
            return fault;
        }
    }
    return NULL;
}

static struct sign_times times_of(const struct fake_net *net, const struct fake_zone *zone,
                                  const struct rrset *rrset)
{
    int64_t now_s = moment_wall_s(net->now);
    if (fault_find(zone, rrset, FAKE_FAULT_EXPIRED) != NULL) {
        return (struct sign_times){now_s - 8 * DAY_S, now_s - DAY_S};
    }
    if (fault_find(zone, rrset, FAKE_FAULT_LATER) != NULL) {
        return (struct sign_times){now_s + DAY_S, now_s + 8 * DAY_S};
    }
    return net->times;
}

/* --- one signature --- */

struct signature {
    const struct rrset *rrset;
    struct name signer;
    struct signing_key key;
    struct sign_times times;
    uint8_t labels_less;
    uint32_t serial; /* of one that does not fit; 0: it fits */
};

static void signature_add(struct fake_net *net, const struct signature *signature,
                          struct rrset_builder *builder)
{
    enum { LABELS_AT = 3, OCTETS = 64 };
    uint8_t bytes[RRSIG_SIZE];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    if (signature->key.key != NULL && signature->serial == 0) {
        enum status status = sign_rrset(signature->rrset, signature->signer, &signature->key,
                                        signature->times, &net->arena, &rdata);
        require(status == OK);
    } else {
        sign_write_prefix(signature->rrset, signature->signer, &signature->key.dnskey,
                          signature->times, &rdata);
        for (uint32_t i = 0; i < OCTETS; i++) {
            writer_u8(&rdata, (uint8_t)(signature->serial >> (i % 2 == 0 ? 8 : 0) ^ i));
        }
    }
    bytes[LABELS_AT] = (uint8_t)(bytes[LABELS_AT] - signature->labels_less);
    rrset_add(builder, writer_written(&rdata));
}

static void signatures_of_key(struct fake_net *net, const struct fake_zone *zone,
                              struct signature signature, struct rrset_builder *builder)
{
    const struct rrset *rrset = signature.rrset;
    const struct fake_fault *flood = fault_find(zone, rrset, FAKE_FAULT_FLOOD);
    for (uint32_t i = 0; flood != NULL && i < flood->count; i++) {
        struct signature bad = signature;
        bad.serial = i + 1;
        signature_add(net, &bad, builder);
    }
    signature.serial = fault_find(zone, rrset, FAKE_FAULT_FORGED) != NULL ? UINT16_MAX : 0;
    signature.labels_less = fault_find(zone, rrset, FAKE_FAULT_LABELS) != NULL ? 1 : 0;
    struct key *stranger = NULL;
    if (fault_find(zone, rrset, FAKE_FAULT_STRANGER) != NULL) {
        signature.key = fake_key(net, signature.key.dnskey.flags, signature.key.dnskey.algorithm,
                                 STRANGER_SEED);
        stranger = signature.key.key;
    }
    if (fault_find(zone, rrset, FAKE_FAULT_ALGORITHM) != NULL) {
        signature.key = fake_key(net, DNSKEY_FLAGS_KSK, ALGORITHM_UNKNOWN, STRANGER_SEED);
    }
    if (fault_find(zone, rrset, FAKE_FAULT_SIGNER) != NULL) {
        signature.signer = name_parent(zone->apex);
    }
    signature_add(net, &signature, builder);
    key_close(stranger);
}

struct rrset fake_sign_rrset(struct fake_net *net, const struct fake_zone *zone,
                             const struct rrset *rrset)
{
    struct rrset rrsigs = {0};
    struct rrset_builder builder;
    bool is_of_keys = rrset->type == TYPE_DNSKEY;
    size_t count = 0;
    rrset_begin(&builder, &net->arena, rrset->owner, TYPE_RRSIG, rrset->ttl_s);
    for (size_t i = 0; i < zone->key_count; i++) {
        const struct fake_key *key = &zone->keys[i];
        if (is_of_keys ? key->signs_keys : key->signs_zone) {
            struct signature signature = {.rrset = rrset,
                                          .signer = zone->apex,
                                          .key = key->signing,
                                          .times = times_of(net, zone, rrset)};
            signatures_of_key(net, zone, signature, &builder);
            count++;
        }
    }
    if (count > 0 && fault_find(zone, rrset, FAKE_FAULT_MISSING) == NULL) {
        enum status status = rrset_finish(&builder, &rrsigs);
        require(status == OK);
    }
    return rrsigs;
}

/* --- a zone --- */

static void dnskeys_put(struct fake_net *net, struct fake_zone *zone)
{
    struct rrset_builder builder;
    struct rrset dnskeys;
    rrset_begin(&builder, &net->arena, zone->apex, TYPE_DNSKEY, 300);
    for (size_t i = 0; i < zone->key_count; i++) {
        if (!zone->keys[i].is_absent) {
            rrset_add(&builder, zone->keys[i].signing.dnskey.rdata);
        }
    }
    for (uint32_t i = 0; i < zone->policy.same_tag_keys; i++) {
        struct dnskey stranger;
        fake_key_collide(net, &zone->keys[0].signing.dnskey, (uint8_t)(i + 1), &stranger);
        rrset_add(&builder, stranger.rdata);
    }
    enum status status = rrset_finish(&builder, &dnskeys);
    require(status == OK);
    fake_put_rrset(zone, &dnskeys);
}

void fake_sign(struct fake_net *net, struct fake_zone *zone)
{
    if (zone->key_count == 0) {
        fake_make_key(net, zone);
    }
    zone->is_signed = true;
    fake_remove(zone, TYPE_NSEC);
    fake_remove(zone, TYPE_NSEC3);
    fake_remove(zone, TYPE_NSEC3PARAM);
    fake_remove(zone, TYPE_DNSKEY);
    dnskeys_put(net, zone);
    fake_denial_make(net, zone);
    for (size_t i = 0; i < zone->rrset_count; i++) {
        struct rrset *rrset = &zone->rrsets[i];
        zone->rrsigs[i] = (struct rrset){0};
        if (fake_is_authoritative(zone, rrset)) {
            zone->rrsigs[i] = fake_sign_rrset(net, zone, rrset);
        }
        if (fault_find(zone, rrset, FAKE_FAULT_TTL) != NULL) {
            rrset->ttl_s += DAY_S;
            zone->rrsigs[i].ttl_s += DAY_S;
        }
    }
}
