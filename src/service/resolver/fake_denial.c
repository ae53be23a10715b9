/* Denial in the DNS in memory: chains of NSEC and NSEC3, what of them an answer needs, and the
 * compact kind that is made for each question. Written apart from the code that signs zones, so
 * that the validator is not measured with its own ruler. */
#include "service/resolver/fake_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

enum { TTL_S = 60, TYPES_MAX = 32, RDATA_SIZE = 1024, TYPE_NXNAME = 128 };

/* A name that has a record of denial. */
struct owner {
    struct name name;
    uint8_t hash[NSEC3_HASH_LEN];
};

struct owners {
    struct owner list[FAKE_RRSETS_MAX];
    size_t count;
};

static uint32_t ttl_of(const struct fake_zone *zone)
{
    return zone->policy.denial_ttl_s == 0 ? TTL_S : zone->policy.denial_ttl_s;
}

static void hash_of(const struct fake_zone *zone, struct name name, uint8_t hash[NSEC3_HASH_LEN])
{
    const struct fake_policy *policy = &zone->policy;
    enum status status =
        nsec3_hash(name, span_of(policy->salt, policy->salt_len), policy->iterations, hash);
    require(status == OK);
}

/* --- types --- */

static int type_compare(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The types of the name that its bit map tells, in order. */
static size_t types_of(const struct fake_zone *zone, struct name name, uint16_t types[TYPES_MAX])
{
    size_t count = 0;
    bool has_signature = false;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        const struct rrset *rrset = &zone->rrsets[i];
        bool is_ours = fake_is_authoritative(zone, rrset);
        if (name_equal(rrset->owner, name) && (is_ours || rrset->type == TYPE_NS)) {
            require(count < TYPES_MAX - 3);
            types[count++] = rrset->type;
            has_signature = has_signature || is_ours;
        }
    }
    if (zone->policy.denial != FAKE_NSEC3) {
        types[count++] = TYPE_NSEC;
        has_signature = true;
    }
    if (has_signature) {
        types[count++] = TYPE_RRSIG;
    }
    qsort(types, count, sizeof types[0], type_compare);
    return count;
}

static struct rrset rrset_of(struct fake_net *net, struct name owner, uint16_t type, uint32_t ttl_s,
                             struct span rdata)
{
    struct rrset_builder builder;
    struct rrset rrset;
    rrset_begin(&builder, &net->arena, owner, type, ttl_s);
    rrset_add(&builder, rdata);
    enum status status = rrset_finish(&builder, &rrset);
    require(status == OK);
    return rrset;
}

/* --- who has one --- */

static bool is_unsigned_cut(const struct fake_zone *zone, struct name name)
{
    return name.label_count > zone->apex.label_count && fake_find(zone, name, TYPE_NS) != NULL &&
           fake_find(zone, name, TYPE_DS) == NULL;
}

static void owner_add(struct owners *owners, const struct fake_zone *zone, struct name name)
{
    for (size_t i = 0; i < owners->count; i++) {
        if (name_equal(owners->list[i].name, name)) {
            return;
        }
    }
    require(owners->count < FAKE_RRSETS_MAX);
    struct owner *owner = &owners->list[owners->count++];
    owner->name = name;
    if (zone->policy.denial == FAKE_NSEC3) {
        hash_of(zone, name, owner->hash);
    }
}

/* NSEC: the names with records; NSEC3: the empty ones between them and the apex too, and with
 * opt-out none that is there for an unsigned delegation alone. */
static void owners_find(const struct fake_zone *zone, struct owners *owners)
{
    bool is_nsec3 = zone->policy.denial == FAKE_NSEC3;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        struct name name = zone->rrsets[i].owner;
        if (fake_zone_cut(zone, name, true) != NULL ||
            (zone->policy.has_opt_out && is_unsigned_cut(zone, name))) {
            continue;
        }
        owner_add(owners, zone, name);
        while (is_nsec3 && name.label_count > zone->apex.label_count) {
            name = name_parent(name);
            owner_add(owners, zone, name);
        }
    }
}

static int owner_compare_name(const void *a, const void *b)
{
    return name_compare(((const struct owner *)a)->name, ((const struct owner *)b)->name);
}

static int owner_compare_hash(const void *a, const void *b)
{
    return memcmp(((const struct owner *)a)->hash, ((const struct owner *)b)->hash, NSEC3_HASH_LEN);
}

/* --- the chains --- */

static struct rrset nsec_make(struct fake_net *net, const struct fake_zone *zone, struct name owner,
                              struct name next)
{
    uint16_t types[TYPES_MAX];
    uint8_t bytes[RDATA_SIZE];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(next, &rdata);
    bitmap_write(types, types_of(zone, owner, types), &rdata);
    return rrset_of(net, owner, TYPE_NSEC, ttl_of(zone), writer_written(&rdata));
}

static void nsec3_write_params(const struct fake_zone *zone, uint8_t flags, struct writer *rdata)
{
    writer_u8(rdata, NSEC3_HASH_SHA1);
    writer_u8(rdata, flags);
    writer_u16(rdata, zone->policy.iterations);
    writer_u8(rdata, zone->policy.salt_len);
    writer_span(rdata, span_of(zone->policy.salt, zone->policy.salt_len));
}

static struct rrset nsec3_make(struct fake_net *net, const struct fake_zone *zone,
                               const struct owner *owner, const struct owner *next)
{
    uint16_t types[TYPES_MAX];
    uint8_t bytes[RDATA_SIZE];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    nsec3_write_params(zone, zone->policy.has_opt_out ? NSEC3_FLAG_OPT_OUT : 0, &rdata);
    writer_u8(&rdata, NSEC3_HASH_LEN);
    writer_span(&rdata, span_of(next->hash, NSEC3_HASH_LEN));
    bitmap_write(types, types_of(zone, owner->name, types), &rdata);
    uint8_t label[64];
    struct writer text = writer_over(label, sizeof label);
    text_write_base32hex(&text, span_of(owner->hash, NSEC3_HASH_LEN));
    struct name_buffer buffer;
    struct name hashed;
    enum status status = name_make_child(writer_written(&text), zone->apex, &buffer, &hashed);
    require(status == OK);
    return rrset_of(net, hashed, TYPE_NSEC3, ttl_of(zone), writer_written(&rdata));
}

void fake_denial_make(struct fake_net *net, struct fake_zone *zone)
{
    static struct owners owners;
    bool is_nsec3 = zone->policy.denial == FAKE_NSEC3;
    owners.count = 0;
    if (zone->policy.denial == FAKE_COMPACT) {
        return;
    }
    if (is_nsec3) {
        uint8_t bytes[RDATA_SIZE];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        nsec3_write_params(zone, 0, &rdata);
        struct rrset param = rrset_of(net, zone->apex, TYPE_NSEC3PARAM, 0, writer_written(&rdata));
        fake_put_rrset(zone, &param);
    }
    owners_find(zone, &owners);
    qsort(owners.list, owners.count, sizeof owners.list[0],
          is_nsec3 ? owner_compare_hash : owner_compare_name);
    for (size_t i = 0; i < owners.count; i++) {
        const struct owner *owner = &owners.list[i];
        const struct owner *next = &owners.list[(i + 1) % owners.count];
        struct rrset made = is_nsec3 ? nsec3_make(net, zone, owner, next)
                                     : nsec_make(net, zone, owner->name, next->name);
        fake_put_rrset(zone, &made);
    }
}

/* --- what an answer needs --- */

static void owner_hash(const struct rrset *nsec3, uint8_t hash[NSEC3_HASH_LEN])
{
    struct writer writer = writer_over(hash, NSEC3_HASH_LEN);
    enum status status = text_read_base32hex(name_label(nsec3->owner, 0), &writer);
    require(status == OK);
}

const struct rrset *fake_nsec3_match(const struct fake_zone *zone, struct name name)
{
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t other[NSEC3_HASH_LEN];
    hash_of(zone, name, hash);
    for (size_t i = 0; i < zone->rrset_count; i++) {
        if (zone->rrsets[i].type == TYPE_NSEC3) {
            owner_hash(&zone->rrsets[i], other);
            if (memcmp(hash, other, sizeof hash) == 0) {
                return &zone->rrsets[i];
            }
        }
    }
    return NULL;
}

/* The last before the hash; before the first stands the last of all. */
const struct rrset *fake_nsec3_cover(const struct fake_zone *zone, struct name name)
{
    const struct rrset *best = NULL;
    const struct rrset *last = NULL;
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t other[NSEC3_HASH_LEN];
    uint8_t best_hash[NSEC3_HASH_LEN] = {0};
    uint8_t last_hash[NSEC3_HASH_LEN] = {0};
    hash_of(zone, name, hash);
    for (size_t i = 0; i < zone->rrset_count; i++) {
        if (zone->rrsets[i].type != TYPE_NSEC3) {
            continue;
        }
        owner_hash(&zone->rrsets[i], other);
        if (memcmp(other, hash, sizeof hash) < 0 && memcmp(other, best_hash, sizeof hash) >= 0) {
            best = &zone->rrsets[i];
            memcpy(best_hash, other, sizeof other);
        }
        if (memcmp(other, last_hash, sizeof hash) >= 0) {
            last = &zone->rrsets[i];
            memcpy(last_hash, other, sizeof other);
        }
    }
    return best == NULL ? last : best;
}

static const struct rrset *nsec_at_or_before(const struct fake_zone *zone, struct name name)
{
    const struct rrset *best = NULL;
    for (size_t i = 0; i < zone->rrset_count; i++) {
        const struct rrset *rrset = &zone->rrsets[i];
        if (rrset->type == TYPE_NSEC && name_compare(rrset->owner, name) <= 0 &&
            (best == NULL || name_compare(rrset->owner, best->owner) > 0)) {
            best = rrset;
        }
    }
    return best;
}

static size_t proof_add(const struct rrset *proof[FAKE_PROOF_MAX], size_t count,
                        const struct rrset *rrset)
{
    for (size_t i = 0; i < count; i++) {
        if (proof[i] == rrset) {
            return count;
        }
    }
    if (rrset != NULL) {
        proof[count++] = rrset;
    }
    return count;
}

static struct name wildcard_of(struct name encloser, struct name_buffer *buffer)
{
    struct name wildcard;
    enum status status = name_make_wildcard(encloser, buffer, &wildcard);
    require(status == OK);
    return wildcard;
}

static size_t prove_nsec(const struct fake_zone *zone, struct name name, enum fake_proof kind,
                         const struct rrset *proof[FAKE_PROOF_MAX])
{
    size_t count = proof_add(proof, 0, nsec_at_or_before(zone, name));
    if (kind == FAKE_PROOF_CLOSER || fake_name_is_there(zone, name)) {
        return count;
    }
    struct name_buffer buffer;
    while (!fake_name_is_there(zone, name)) {
        name = name_parent(name);
    }
    return proof_add(proof, count, nsec_at_or_before(zone, wildcard_of(name, &buffer)));
}

static size_t prove_nsec3(const struct fake_zone *zone, struct name name, enum fake_proof kind,
                          const struct rrset *proof[FAKE_PROOF_MAX])
{
    struct name_buffer buffer;
    struct name encloser = name;
    const struct rrset *match = fake_nsec3_match(zone, name);
    if (match != NULL) {
        return proof_add(proof, 0, match);
    }
    while (match == NULL && encloser.label_count > zone->apex.label_count) {
        encloser = name_parent(encloser);
        match = fake_nsec3_match(zone, encloser);
    }
    struct name closer = name_ancestor(name, (uint8_t)(encloser.label_count + 1));
    if (kind == FAKE_PROOF_CLOSER) {
        return proof_add(proof, 0, fake_nsec3_cover(zone, closer));
    }
    size_t count = proof_add(proof, 0, match);
    count = proof_add(proof, count, fake_nsec3_cover(zone, closer));
    struct name wildcard = wildcard_of(encloser, &buffer);
    match = fake_nsec3_match(zone, wildcard);
    return proof_add(proof, count, match == NULL ? fake_nsec3_cover(zone, wildcard) : match);
}

size_t fake_denial_prove(const struct fake_zone *zone, struct name name, enum fake_proof kind,
                         const struct rrset *proof[FAKE_PROOF_MAX])
{
    return zone->policy.denial == FAKE_NSEC3 ? prove_nsec3(zone, name, kind, proof)
                                             : prove_nsec(zone, name, kind, proof);
}

struct rrset fake_denial_compact(struct fake_net *net, const struct fake_zone *zone,
                                 struct name name)
{
    static const uint8_t ZERO[] = {0};
    struct name_buffer buffer;
    struct name next;
    enum status status = name_make_child(span_of(ZERO, sizeof ZERO), name, &buffer, &next);
    require(status == OK);
    if (fake_name_is_there(zone, name)) {
        return nsec_make(net, zone, name, next);
    }
    static const uint16_t TYPES[] = {TYPE_RRSIG, TYPE_NSEC, TYPE_NXNAME};
    uint8_t bytes[RDATA_SIZE];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    name_write(next, &rdata);
    bitmap_write(TYPES, LEN(TYPES), &rdata);
    return rrset_of(net, name, TYPE_NSEC, ttl_of(zone), writer_written(&rdata));
}
