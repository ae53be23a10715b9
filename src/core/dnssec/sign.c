/* The RRSIG rdata around a signature: which labels count, which times hold, what is signed. */
#include "core/dnssec/sign.h"

#include "core/dnssec/canonical.h"
#include "core/dnssec/key_cache.h"

#include <assert.h>

enum { RRSIG_FIXED_LEN = 18 };

static const char *const RESULT_TEXTS[] = {
    [VERIFY_GOOD] = "the signature is good",
    [VERIFY_BAD_SIGNATURE] = "the signature does not fit the data",
    [VERIFY_EXPIRED] = "the signature has expired",
    [VERIFY_NOT_YET_VALID] = "the signature is not yet valid",
    [VERIFY_WRONG_SIGNER] = "the signer is not the zone of the data",
    [VERIFY_BAD_LABELS] = "the Labels field does not fit owner and signer",
    [VERIFY_BAD_KEY] = "the key is malformed",
    [VERIFY_UNKNOWN_ALGORITHM] = "the algorithm is not supported",
};
static_assert(LEN(RESULT_TEXTS) == VERIFY_RESULT_COUNT, "a text for each result");

const char *verify_result_text(enum verify_result result)
{
    require((unsigned)result < VERIFY_RESULT_COUNT);
    return RESULT_TEXTS[result];
}

/* As the Labels field counts: without the root and without a leading asterisk (RFC 4034 §3.1.3). */
static uint8_t labels_of(struct name owner)
{
    return (uint8_t)(owner.label_count - (name_is_wildcard(owner) ? 1 : 0));
}

void sign_write_prefix(const struct rrset *rrset, struct name signer, const struct dnskey *dnskey,
                       struct sign_times times, struct writer *prefix)
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(signer, &buffer, &lower);
    writer_u16(prefix, rrset->type);
    writer_u8(prefix, dnskey->algorithm);
    writer_u8(prefix, labels_of(rrset->owner));
    writer_u32(prefix, rrset->ttl_s);
    writer_u32(prefix, (uint32_t)times.expiration_s); /* modulo 2^32: RFC 4034 §3.1.5 */
    writer_u32(prefix, (uint32_t)times.inception_s);
    writer_u16(prefix, dnskey->tag);
    name_write(lower, prefix);
}

enum status sign_rrset(const struct rrset *rrset, struct name signer, const struct signing_key *key,
                       struct sign_times times, struct arena *scratch, struct writer *rrsig_rdata)
{
    require(rrset->type != TYPE_RRSIG && name_is_at_or_below(rrset->owner, signer));
    require(key->dnskey.algorithm == key_algorithm(key->key));
    struct canonical canonical;
    enum status status = canonical_make(rrset, rrset->owner, rrset->ttl_s, scratch, &canonical);
    if (status != OK) {
        return status;
    }
    uint8_t prefix[SIGN_PREFIX_LEN_MAX];
    struct writer writer = writer_over(prefix, sizeof prefix);
    sign_write_prefix(rrset, signer, &key->dnskey, times, &writer);
    canonical.parts[0] = writer_written(&writer);
    writer_span(rrsig_rdata, writer_written(&writer));
    return key_sign(key->key, canonical.parts, canonical.count, rrsig_rdata);
}

/* What can be said without a key. */
static enum verify_result check_fields(const struct rrset *rrset, const struct rrsig *rrsig,
                                       struct name zone, int64_t now_s)
{
    const struct algorithm *algorithm = algorithm_find(rrsig->algorithm);
    if (algorithm == NULL || !algorithm->can_verify) {
        return VERIFY_UNKNOWN_ALGORITHM;
    }
    /* A DS RRset speaks about the zone it names, so that zone cannot sign it (RFC 4035 §2.4). */
    if (!name_equal(rrsig->signer, zone) || !name_is_at_or_below(rrset->owner, zone) ||
        (rrset->type == TYPE_DS && name_equal(rrset->owner, zone))) {
        return VERIFY_WRONG_SIGNER;
    }
    /* With fewer labels than the signer, a wildcard above the zone would be signed by it. */
    if (rrsig->covers != rrset->type || rrsig->labels > labels_of(rrset->owner) ||
        rrsig->labels < zone.label_count) {
        return VERIFY_BAD_LABELS;
    }
    if (rrsig_time_s(rrsig->expiration_s, now_s) < now_s) {
        return VERIFY_EXPIRED;
    }
    if (rrsig_time_s(rrsig->inception_s, now_s) > now_s) {
        return VERIFY_NOT_YET_VALID;
    }
    return VERIFY_GOOD;
}

/* The owner that was signed: the wildcard, where the answer was made from one (RFC 4035 §5.3.2).
 * False when it would be too long, which no signed name can be. */
static bool signed_owner(const struct rrset *rrset, const struct rrsig *rrsig,
                         struct name_buffer *buffer, struct name *owner)
{
    if (rrsig->labels == labels_of(rrset->owner)) {
        *owner = rrset->owner;
        return true;
    }
    return name_make_wildcard(name_ancestor(rrset->owner, rrsig->labels), buffer, owner) == OK;
}

/* The RRSIG rdata without the signature, the signer in lower case. */
static struct span lower_prefix(const struct rrsig *rrsig, uint8_t prefix[SIGN_PREFIX_LEN_MAX])
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(rrsig->signer, &buffer, &lower);
    struct writer writer = writer_over(prefix, SIGN_PREFIX_LEN_MAX);
    writer_span(&writer, span_part(rrsig->prefix, 0, RRSIG_FIXED_LEN));
    name_write(lower, &writer);
    return writer_written(&writer);
}

enum verify_result verify_rrsig(const struct rrset *rrset, const struct rrsig *rrsig,
                                struct name zone, const struct dnskey *dnskey, int64_t now_s,
                                struct key_cache *keys, struct arena *scratch,
                                uint8_t *wildcard_labels)
{
    require(rrsig->tag == dnskey->tag && rrsig->algorithm == dnskey->algorithm);
    enum verify_result result = check_fields(rrset, rrsig, zone, now_s);
    if (result != VERIFY_GOOD) {
        return result;
    }
    struct name_buffer buffer;
    struct name owner;
    struct canonical canonical;
    if (!signed_owner(rrset, rrsig, &buffer, &owner) ||
        canonical_make(rrset, owner, rrsig->original_ttl_s, scratch, &canonical) != OK) {
        return VERIFY_BAD_SIGNATURE;
    }
    struct key *key;
    if (key_cache_take(keys, dnskey, &key) != OK) {
        return VERIFY_BAD_KEY;
    }
    uint8_t prefix[SIGN_PREFIX_LEN_MAX];
    canonical.parts[0] = lower_prefix(rrsig, prefix);
    enum status status = key_verify(key, canonical.parts, canonical.count, rrsig->signature);
    key_cache_give_back(keys, key);
    if (status != OK) {
        return VERIFY_BAD_SIGNATURE;
    }
    *wildcard_labels =
        rrsig->labels == labels_of(rrset->owner) ? rrset->owner.label_count : rrsig->labels;
    return VERIFY_GOOD;
}
