/* ECDSA by OpenSSL's functions for EC keys, not by EVP: those take and give r and s as numbers,
 * where EVP packs them into DER that is taken apart again, and looks for parameters each time
 * (doc/decisions/0009). The one file that calls functions which OpenSSL 3 calls deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/crypto/key_ecdsa.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <string.h>

enum { KEY_ECDSA_PUBLIC_LEN_MAX = 96 };

static bool pair_prepare(struct key *key)
{
    if (key->ecdsa == NULL) {
        key->ecdsa = EVP_PKEY_get1_EC_KEY(key->pkey);
    }
    return key->ecdsa != NULL;
}

bool key_ecdsa_sign(struct key *key, const struct key_signing *signing)
{
    if (!pair_prepare(key)) {
        return false;
    }
    ECDSA_SIG *made = ECDSA_do_sign(signing->message.bytes, (int)signing->message.len, key->ecdsa);
    int part_len = key->method->part_len;
    bool is_made =
        made != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(made), signing->signature, part_len) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(made), signing->signature + part_len, part_len) > 0;
    ECDSA_SIG_free(made);
    return is_made;
}

bool key_ecdsa_verify(struct key *key, struct key_check *check)
{
    if (!pair_prepare(key)) {
        return false;
    }
    int part_len = key->method->part_len;
    ECDSA_SIG *given = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(check->signature.bytes, part_len, NULL);
    BIGNUM *s = BN_bin2bn(check->signature.bytes + part_len, part_len, NULL);
    if (given == NULL || r == NULL || s == NULL) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(given);
        return false;
    }
    ECDSA_SIG_set0(given, r, s); /* takes both over; fails for NULL alone */
    check->is_good =
        ECDSA_do_verify(check->message.bytes, (int)check->message.len, given, key->ecdsa) == 1;
    ECDSA_SIG_free(given);
    return true;
}

enum status key_turn(struct key *key, struct span public_key)
{
    uint8_t point[1 + KEY_ECDSA_PUBLIC_LEN_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    bool is_ecdsa =
        key->method->family == FAMILY_ECDSA && key->backend == &KEY_OPENSSL && !key->can_sign;
    if (!is_ecdsa || public_key.len != key->public_len || !pair_prepare(key)) {
        return UNSUPPORTED;
    }
    memcpy(point + 1, public_key.bytes, public_key.len);
    if (EC_KEY_oct2key(key->ecdsa, point, 1 + public_key.len, NULL) != 1) {
        return MALFORMED;
    }
    EVP_PKEY_free(key->pkey); /* of the key that it was */
    key->pkey = NULL;
    memcpy(key->public_key, public_key.bytes, public_key.len);
    return OK;
}

void key_ecdsa_close(struct key *key)
{
    EC_KEY_free(key->ecdsa);
}
