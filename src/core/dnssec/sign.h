#pragma once
/* Signing one RRset, and checking one signature (RFC 4034 §3.1.8.1, RFC 4035 §2.2 and §5.3). */
#include "core/dnssec/dnskey.h"

struct signing_key {
    struct key *key;
    struct dnskey dnskey; /* as published */
};

struct sign_times {
    int64_t inception_s;
    int64_t expiration_s;
};

/* Writes the rdata of one RRSIG of `rrset`, whose owner is at or below `signer` (the zone's apex).
 * A wildcard owner is signed as such (its Labels field leaves out the asterisk). */
enum status sign_rrset(const struct rrset *rrset, struct name signer, const struct signing_key *key,
                       struct sign_times times, struct arena *scratch,
                       struct writer *rrsig_rdata) MUST_USE;

/* The rdata of an RRSIG up to the signature; the same octets open what is signed (RFC 4034
 * §3.1.8.1). At most SIGN_PREFIX_LEN_MAX. */
enum { SIGN_PREFIX_LEN_MAX = 18 + NAME_LEN_MAX };
void sign_write_prefix(const struct rrset *rrset, struct name signer, const struct dnskey *dnskey,
                       struct sign_times times, struct writer *prefix);

/* Why one signature does not make an RRset secure. */
enum verify_result {
    VERIFY_GOOD,
    VERIFY_BAD_SIGNATURE, /* cryptographically wrong */
    VERIFY_EXPIRED,
    VERIFY_NOT_YET_VALID,
    VERIFY_WRONG_SIGNER, /* signer is not the expected zone, or the owner is not in it */
    VERIFY_BAD_LABELS, /* Labels field larger than the owner has, or smaller than the signer's (RFC
                          4035 §5.3.1) */
    VERIFY_BAD_KEY,    /* the key field cannot be a key of that algorithm */
    VERIFY_UNKNOWN_ALGORITHM,
    VERIFY_RESULT_COUNT
};
const char *verify_result_text(enum verify_result result);

/* Checks `rrsig` over `rrset` with `dnskey` (tag and algorithm already match; else it is the
 * caller's mistake). When the answer was made from a wildcard (fewer Labels than the owner has),
 * `wildcard_labels` gets the label count of the closest encloser; otherwise the owner's. `keys`
 * caches decoded keys between calls; may be NULL. */
struct key_cache; /* key_cache_open, key_cache_close */
enum status key_cache_open(size_t entries_max, struct key_cache **cache) MUST_USE;
void key_cache_close(struct key_cache *cache);
enum verify_result verify_rrsig(const struct rrset *rrset, const struct rrsig *rrsig,
                                struct name zone, const struct dnskey *dnskey, int64_t now_s,
                                struct key_cache *keys, struct arena *scratch,
                                uint8_t *wildcard_labels);
