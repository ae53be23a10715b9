#pragma once
/* DNSKEY, DS and RRSIG rdata as values (RFC 4034), CDS and CDNSKEY alike. Views into the rdata they
 * were read from. */
#include "core/base/arena.h"
#include "core/crypto/digest.h"
#include "core/crypto/key.h"
#include "core/dns/rrset.h"

enum {
    DNSKEY_FLAG_ZONE = 0x0100,
    DNSKEY_FLAG_REVOKE = 0x0080,
    DNSKEY_FLAG_SEP = 0x0001,
    DNSKEY_PROTOCOL = 3
};
enum { DNSKEY_FLAGS_ZSK = 256, DNSKEY_FLAGS_KSK = 257 };
enum { DS_DIGEST_SHA1 = 1, DS_DIGEST_SHA256 = 2, DS_DIGEST_SHA384 = 4 };

struct dnskey {
    uint16_t flags;
    uint8_t protocol;
    uint8_t algorithm;
    uint16_t tag;
    struct span public_key;
    struct span rdata; /* the whole */
};
enum status dnskey_read(struct span rdata, struct dnskey *dnskey) MUST_USE;
void dnskey_write(uint16_t flags, uint8_t algorithm, struct span public_key, struct writer *rdata);
uint16_t dnskey_tag(struct span rdata);               /* RFC 4034 appendix B; not for algorithm 1 */
bool dnskey_is_zone_key(const struct dnskey *dnskey); /* zone flag set, protocol 3, not revoked */

struct ds {
    uint16_t tag;
    uint8_t algorithm;
    uint8_t digest_type;
    struct span digest;
};
enum status ds_read(struct span rdata, struct ds *ds) MUST_USE;
/* UNSUPPORTED for a digest type we do not know. */
enum status ds_make(struct name owner, struct span dnskey_rdata, uint8_t digest_type,
                    struct writer *rdata) MUST_USE;
/* Is it a name that begins with "_dsboot", by which a DNS operator shows the CDS and CDNSKEY of a
 * zone that is yet to be secured (RFC 9615)? There they are data like any other. */
bool ds_is_signal(struct name owner);
/* Tag, algorithm and digest fit the key at that owner. */
bool ds_matches(const struct ds *ds, struct name owner, const struct dnskey *dnskey);
/* NULL-terminated list of what we can check: 1 (check only), 2, 4; 0 length otherwise. */
size_t ds_digest_len(uint8_t digest_type); /* 0: unknown */

struct rrsig {
    uint16_t covers;
    uint8_t algorithm;
    uint8_t labels;
    uint32_t original_ttl_s;
    uint32_t expiration_s; /* serial arithmetic (RFC 1982), see rrsig_time_s */
    uint32_t inception_s;
    uint16_t tag;
    struct name signer;
    struct span signature;
    struct span rdata;
    struct span prefix; /* the rdata without the signature, as sent (the signer's case is lowered
                           when it is digested) */
};
enum status rrsig_read(struct span rdata, struct rrsig *rrsig) MUST_USE;
/* The 32-bit time nearest to now, in seconds of the wall clock. */
int64_t rrsig_time_s(uint32_t time_s, int64_t now_s);
