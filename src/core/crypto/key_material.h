#pragma once
/* Between octets and OpenSSL's keys; for the files of this folder only. */
#include "core/base/problem.h"
#include "core/base/writer.h"
#include "core/crypto/digest.h"

#include <openssl/evp.h>

enum key_family { FAMILY_RSA, FAMILY_ECDSA, FAMILY_EDDSA };

/* Fetched once for the process; NULL when OpenSSL has none. */
const EVP_MD *digest_fetch(enum digest digest);

/* How an algorithm is done with OpenSSL. */
struct key_method {
    uint8_t number;
    enum key_family family;
    const char *type;   /* OpenSSL's name of the kind of key */
    const char *group;  /* ECDSA: OpenSSL's name of the curve */
    enum digest digest; /* RSA and ECDSA: what is signed */
    uint16_t part_len;  /* ECDSA: of a coordinate, r and s; EdDSA: of a key */
    uint16_t bits_min;  /* RSA */
};
/* NULL for an algorithm we do not know. */
const struct key_method *key_method_find(uint8_t number);

/* The fields of BIND's private key file, as numbers in big-endian octets. Secret: wipe it. */
enum key_part {
    PART_MODULUS,
    PART_PUBLIC_EXPONENT,
    PART_PRIVATE_EXPONENT,
    PART_PRIME1,
    PART_PRIME2,
    PART_EXPONENT1,
    PART_EXPONENT2,
    PART_COEFFICIENT,
    PART_PRIVATE_KEY, /* ECDSA and EdDSA */
    PART_COUNT
};
enum { KEY_PART_LEN_MAX = 512 };
struct key_parts {
    uint8_t octets[PART_COUNT][KEY_PART_LEN_MAX];
    uint16_t len[PART_COUNT]; /* 0: not there */
};

/* From a DNSKEY's public key field; every octet of it is hostile. */
enum status material_of_public(const struct key_method *method, struct span public_key,
                               EVP_PKEY **pkey, struct problem *problem) MUST_USE;
enum status material_of_parts(const struct key_method *method, const struct key_parts *parts,
                              EVP_PKEY **pkey, struct problem *problem) MUST_USE;
/* Writes the DNSKEY's public key field. */
enum status material_write_public(const struct key_method *method, const EVP_PKEY *pkey,
                                  struct writer *public_key) MUST_USE;
enum status material_read_parts(const struct key_method *method, const EVP_PKEY *pkey,
                                struct key_parts *parts) MUST_USE;

/* Takes over `pkey`, which holds both halves, and checks that they fit. */
struct key;
enum status key_of_pair(const struct key_method *method, EVP_PKEY *pkey, struct key **key,
                        struct problem *problem) MUST_USE;
const EVP_PKEY *key_pkey(const struct key *key);
