/* A key with its prepared contexts: how signatures of each family are made and checked, and what
 * form they have in an RRSIG. */
#include "core/crypto/key.h"

#include "core/crypto/digest.h"
#include "core/crypto/key_material.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

enum { RSA_BITS_GENERATED_MIN = 2048, RSA_BITS_GENERATED_MAX = 4096, ECDSA_DER_LEN_MAX = 110 };

struct key {
    const struct algorithm *algorithm;
    const struct key_method *method;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *signer;   /* RSA, ECDSA: prepared at the first signature */
    EVP_PKEY_CTX *verifier; /* the same for checks */
    EVP_MD_CTX *message;    /* EdDSA, which hashes by itself */
    bool can_sign;
    uint16_t public_len;
    uint8_t public_key[KEY_PUBLIC_LEN_MAX];
};

/* Takes over `pkey`, also when it fails. */
static enum status key_open(const struct key_method *method, EVP_PKEY *pkey, bool can_sign,
                            struct key **key)
{
    struct key *opened = OPENSSL_zalloc(sizeof *opened);
    if (opened == NULL) {
        EVP_PKEY_free(pkey);
        return NO_MEMORY;
    }
    opened->algorithm = algorithm_find(method->number);
    opened->method = method;
    opened->pkey = pkey;
    opened->can_sign = can_sign;
    struct writer public_key = writer_over(opened->public_key, sizeof opened->public_key);
    enum status status = material_write_public(method, pkey, &public_key);
    if (status != OK) {
        key_close(opened);
        return status;
    }
    opened->public_len = (uint16_t)public_key.len;
    *key = opened;
    return OK;
}

void key_close(struct key *key)
{
    if (key == NULL) {
        return;
    }
    EVP_PKEY_CTX_free(key->signer);
    EVP_PKEY_CTX_free(key->verifier);
    EVP_MD_CTX_free(key->message);
    EVP_PKEY_free(key->pkey); /* wipes the private numbers when it was the last */
    OPENSSL_clear_free(key, sizeof *key);
}

enum status key_generate(uint8_t algorithm, uint16_t bits, struct key **key)
{
    const struct algorithm *row = algorithm_find(algorithm);
    const struct key_method *method = key_method_find(algorithm);
    if (row == NULL || method == NULL || !row->can_sign) {
        return UNSUPPORTED;
    }
    EVP_PKEY *pkey = NULL;
    switch (method->family) {
    case FAMILY_RSA:
        if (bits < RSA_BITS_GENERATED_MIN || bits > RSA_BITS_GENERATED_MAX) {
            return BAD_ARGUMENT;
        }
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, method->type, (size_t)bits);
        break;
    case FAMILY_ECDSA:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, method->type, method->group);
        break;
    case FAMILY_EDDSA:
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, method->type);
        break;
    }
    return pkey == NULL ? CRYPTO_FAILED : key_open(method, pkey, true, key);
}

enum status key_of_public(uint8_t algorithm, struct span public_key, struct key **key,
                          struct problem *problem)
{
    const struct key_method *method = key_method_find(algorithm);
    if (method == NULL) {
        return problem_set(problem, UNSUPPORTED, "algorithm %u is not supported", algorithm);
    }
    EVP_PKEY *pkey = NULL;
    enum status status = material_of_public(method, public_key, &pkey, problem);
    return status != OK ? status : key_open(method, pkey, false, key);
}

enum status key_of_pair(const struct key_method *method, EVP_PKEY *pkey, struct key **key,
                        struct problem *problem)
{
    struct key *opened = NULL;
    enum status status = key_open(method, pkey, true, &opened);
    uint8_t octets[KEY_SIGNATURE_LEN_MAX];
    struct writer signature = writer_over(octets, sizeof octets);
    const struct span text = SPAN_LITERAL("the private half fits the public half");
    if (status == OK) {
        status = key_sign(opened, &text, 1, &signature);
    }
    if (status == OK) {
        status = key_verify(opened, &text, 1, writer_written(&signature));
    }
    if (status != OK) {
        key_close(opened);
        return problem_set(problem, MALFORMED, "the private key does not fit its public key");
    }
    opened->can_sign = opened->algorithm->can_sign;
    *key = opened;
    return OK;
}

enum status key_share(const struct key *key, struct key **shared)
{
    if (!EVP_PKEY_up_ref(key->pkey)) {
        return CRYPTO_FAILED;
    }
    return key_open(key->method, key->pkey, key->can_sign, shared);
}

const EVP_PKEY *key_pkey(const struct key *key)
{
    return key->pkey;
}

uint8_t key_algorithm(const struct key *key)
{
    return key->algorithm->number;
}

bool key_can_sign(const struct key *key)
{
    return key->can_sign;
}

struct span key_public(const struct key *key)
{
    return span_of(key->public_key, key->public_len);
}

/* A context that is used again and again for digests of this key's algorithm. */
static EVP_PKEY_CTX *context_prepare(const struct key *key,
                                     int (*init)(EVP_PKEY_CTX *, const OSSL_PARAM *))
{
    char padding[] = OSSL_PKEY_RSA_PAD_MODE_PKCSV15;
    char digests[][9] = {[DIGEST_SHA1] = "SHA1",
                         [DIGEST_SHA256] = "SHA2-256",
                         [DIGEST_SHA384] = "SHA2-384",
                         [DIGEST_SHA512] = "SHA2-512"};
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, digests[key->method->digest],
                                         0),
        key->method->family == FAMILY_RSA
            ? OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, padding, 0)
            : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (context != NULL && init(context, parameters) <= 0) {
        EVP_PKEY_CTX_free(context);
        return NULL;
    }
    return context;
}

/* EdDSA takes the message in one piece: `parts` joined, in memory of OpenSSL's; NULL when there is
 * no memory. */
static uint8_t *parts_join(const struct span *parts, size_t count, size_t *len)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].len;
    }
    uint8_t *joined = OPENSSL_malloc(total + 1);
    *len = 0;
    for (size_t i = 0; joined != NULL && i < count; i++) {
        if (parts[i].len != 0) {
            memcpy(joined + *len, parts[i].bytes, parts[i].len);
        }
        *len += parts[i].len;
    }
    return joined;
}

static EVP_MD_CTX *message_fresh(struct key *key)
{
    if (key->message == NULL) {
        key->message = EVP_MD_CTX_new();
    } else {
        EVP_MD_CTX_reset(key->message);
    }
    return key->message;
}

static enum status eddsa_sign(struct key *key, const struct span *parts, size_t count,
                              struct writer *signature)
{
    size_t len;
    uint8_t *joined = parts_join(parts, count, &len);
    EVP_MD_CTX *message = message_fresh(key);
    uint8_t octets[KEY_SIGNATURE_LEN_MAX];
    size_t signature_len = sizeof octets;
    bool is_good = joined != NULL && message != NULL &&
                   EVP_DigestSignInit_ex(message, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0 &&
                   EVP_DigestSign(message, octets, &signature_len, joined, len) > 0;
    OPENSSL_free(joined);
    if (!is_good) {
        ERR_clear_error();
        return CRYPTO_FAILED;
    }
    writer_span(signature, span_of(octets, signature_len));
    return signature->status;
}

static enum status eddsa_verify(struct key *key, const struct span *parts, size_t count,
                                struct span signature)
{
    size_t len;
    uint8_t *joined = parts_join(parts, count, &len);
    EVP_MD_CTX *message = message_fresh(key);
    enum status status = CRYPTO_FAILED;
    if (joined != NULL && message != NULL &&
        EVP_DigestVerifyInit_ex(message, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0) {
        status = EVP_DigestVerify(message, signature.bytes, signature.len, joined, len) == 1
                     ? OK
                     : MISMATCH;
    }
    OPENSSL_free(joined);
    ERR_clear_error();
    return status;
}

/* OpenSSL's DER form to the raw r|s of RFC 6605 §4. */
static enum status ecdsa_write_raw(struct span der, size_t part_len, struct writer *signature)
{
    const uint8_t *at = der.bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    uint8_t raw[KEY_SIGNATURE_LEN_MAX];
    bool is_good =
        pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int)part_len) == (int)part_len &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + part_len, (int)part_len) == (int)part_len;
    ECDSA_SIG_free(pair);
    if (!is_good) {
        return CRYPTO_FAILED;
    }
    writer_span(signature, span_of(raw, 2 * part_len));
    return signature->status;
}

/* The other way round; 0 when OpenSSL has no memory. */
static size_t ecdsa_make_der(struct span raw, size_t part_len, uint8_t der[ECDSA_DER_LEN_MAX])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.bytes, (int)part_len, NULL);
    BIGNUM *s = BN_bin2bn(raw.bytes + part_len, (int)part_len, NULL);
    if (pair == NULL || r == NULL || s == NULL || !ECDSA_SIG_set0(pair, r, s)) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return 0;
    }
    int len = i2d_ECDSA_SIG(pair, NULL);
    uint8_t *at = der;
    if (len > 0 && len <= ECDSA_DER_LEN_MAX) {
        len = i2d_ECDSA_SIG(pair, &at);
    }
    ECDSA_SIG_free(pair);
    return len > 0 && len <= ECDSA_DER_LEN_MAX ? (size_t)len : 0;
}

enum status key_sign(struct key *key, const struct span *parts, size_t count,
                     struct writer *signature)
{
    require(key->can_sign);
    if (key->method->family == FAMILY_EDDSA) {
        return eddsa_sign(key, parts, count, signature);
    }
    uint8_t digest[DIGEST_LEN_MAX];
    enum status status = digest_make(key->method->digest, parts, count, digest);
    if (status != OK) {
        return status;
    }
    if (key->signer == NULL) {
        key->signer = context_prepare(key, EVP_PKEY_sign_init_ex);
    }
    uint8_t octets[KEY_SIGNATURE_LEN_MAX];
    size_t len = sizeof octets;
    if (key->signer == NULL ||
        EVP_PKEY_sign(key->signer, octets, &len, digest, digest_len(key->method->digest)) <= 0) {
        ERR_clear_error();
        return CRYPTO_FAILED;
    }
    if (key->method->family == FAMILY_ECDSA) {
        return ecdsa_write_raw(span_of(octets, len), key->method->part_len, signature);
    }
    writer_span(signature, span_of(octets, len));
    return signature->status;
}

enum status key_verify(struct key *key, const struct span *parts, size_t count,
                       struct span signature)
{
    size_t signature_len = key->algorithm->signature_len != 0
                               ? key->algorithm->signature_len
                               : (size_t)EVP_PKEY_get_size(key->pkey);
    if (signature.len != signature_len) {
        return MISMATCH;
    }
    if (key->method->family == FAMILY_EDDSA) {
        return eddsa_verify(key, parts, count, signature);
    }
    uint8_t digest[DIGEST_LEN_MAX];
    enum status status = digest_make(key->method->digest, parts, count, digest);
    if (status != OK) {
        return status;
    }
    if (key->verifier == NULL) {
        key->verifier = context_prepare(key, EVP_PKEY_verify_init_ex);
    }
    uint8_t der[ECDSA_DER_LEN_MAX];
    if (key->method->family == FAMILY_ECDSA) {
        signature = span_of(der, ecdsa_make_der(signature, key->method->part_len, der));
    }
    if (key->verifier == NULL || signature.len == 0) {
        ERR_clear_error();
        return CRYPTO_FAILED;
    }
    int result = EVP_PKEY_verify(key->verifier, signature.bytes, signature.len, digest,
                                 digest_len(key->method->digest));
    ERR_clear_error(); /* a hostile signature may leave errors there */
    return result == 1 ? OK : MISMATCH;
}
