#pragma once
/* A key with its prepared contexts; for the files of this folder only. */
#include "core/crypto/key.h"
#include "core/crypto/key_material.h"

struct key {
    const struct algorithm *algorithm;
    const struct key_method *method;
    const struct key_backend *backend;
    void *self; /* the backend's; of OpenSSL's the key itself */
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *signer;   /* RSA: prepared at the first signature */
    EVP_PKEY_CTX *verifier; /* the same for checks */
    EC_KEY *ecdsa;          /* ECDSA: the same pair, from the first use on */
    EVP_MD_CTX *message;    /* EdDSA, which hashes by itself */
    EVP_MD_CTX *digester;   /* RSA, ECDSA: hashes one message after another */
    bool can_sign;
    uint16_t public_len;
    uint8_t public_key[KEY_PUBLIC_LEN_MAX];
};

extern const struct key_backend KEY_OPENSSL;
