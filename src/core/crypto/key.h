#pragma once
/* Algorithms, keys and signatures. With digest.h the only user of OpenSSL's libcrypto, through EVP.
 * A key belongs to one thread at a time, because it keeps its prepared contexts: another thread
 * takes its own by key_share. */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/base/writer.h"

/* DNSSEC algorithm numbers (IANA). */
enum {
    ALGORITHM_RSASHA1 = 5,
    ALGORITHM_RSASHA1_NSEC3 = 7,
    ALGORITHM_RSASHA256 = 8,
    ALGORITHM_RSASHA512 = 10,
    ALGORITHM_ECDSAP256SHA256 = 13,
    ALGORITHM_ECDSAP384SHA384 = 14,
    ALGORITHM_ED25519 = 15,
    ALGORITHM_ED448 = 16
};

struct algorithm {
    uint8_t number;
    const char *mnemonic;      /* "ECDSAP256SHA256" */
    bool can_sign, can_verify; /* ours: 8, 10, 13..16 sign; 5 and 7 verify too */
    uint16_t public_len;       /* octets of the DNSKEY public key field; 0: variable (RSA) */
    uint16_t signature_len;    /* 0: as long as the RSA modulus */
    uint16_t bits_default;     /* RSA: 2048 */
};
/* NULL for a number we do not know. */
const struct algorithm *algorithm_find(uint8_t number);
const struct algorithm *
algorithm_parse(struct span text); /* number or mnemonic, any case; NULL if unknown */
/* Calls in order of number; NULL ends. */
const struct algorithm *algorithm_at(size_t index);

/* RSA: 512 to 4096 bits (algorithm 10 from 1024: RFC 5702 §2), and an odd exponent of at most
 * 2^32+1, as the cost of a check grows with the exponent's length and the key is the other side's
 * choice. Leading zeros in either are refused (RFC 3110 §2). */
enum {
    KEY_PUBLIC_LEN_MAX = 1028,
    KEY_SIGNATURE_LEN_MAX = 512,
    KEY_EXPONENT_BITS_MAX = 33,
    KEY_FILE_LEN_MAX = 16384 /* octets of a private key file; longer is TOO_LONG */
};

struct key; /* opaque: a public key, or a pair; owned, closed by key_close, private parts wiped */

/* `bits` for RSA (2048..4096), else 0. */
enum status key_generate(uint8_t algorithm, uint16_t bits, struct key **key) MUST_USE;
/* From a DNSKEY's public key field. MALFORMED: not a key of that algorithm (with the sentence why);
 * UNSUPPORTED. */
enum status key_of_public(uint8_t algorithm, struct span public_key, struct key **key,
                          struct problem *problem) MUST_USE;
/* Makes of a public key, which is used for checking alone, another one of the same algorithm: for
 * ECDSA a tenth of the work of a new one; UNSUPPORTED for others. MALFORMED: not a key of that
 * algorithm; then it is good for nothing but key_close. */
enum status key_turn(struct key *key, struct span public_key) MUST_USE;
/* The same key again, for another thread. */
enum status key_share(const struct key *key, struct key **shared) MUST_USE;
uint8_t key_algorithm(const struct key *key);
bool key_can_sign(const struct key *key);
struct span key_public(const struct key *key); /* the DNSKEY public key field; lives with the key */
/* Octets of one signature in an RRSIG. */
size_t key_signature_len(const struct key *key);

/* Many at once, which some backends do faster than one after another. */
struct key_signing {
    struct span message;
    uint8_t *signature; /* key_signature_len octets */
};
/* All are made or the call fails. */
enum status key_sign_batch(struct key *key, const struct key_signing *signings,
                           size_t count) MUST_USE;
struct key_check {
    struct span message;
    struct span signature; /* of any length: a wrong one is not good */
    bool is_good;          /* set by the call */
};
/* CRYPTO_FAILED: nothing can be said of any. */
enum status key_verify_batch(struct key *key, struct key_check *checks, size_t count) MUST_USE;

/* Who does the arithmetic. OpenSSL does it for every key that is read or generated here; a private
 * half that lives elsewhere, or code that is better at many, stands behind one of these. */
struct key_backend {
    const char *name;
    /* `message` is what is left when the hashing is done: for ECDSA the digest, for RSA the
     * DigestInfo that is padded (RFC 8017 §9.2), for EdDSA the message. All or none. May be called
     * by several threads at once. */
    enum status (*sign)(void *self, const struct key_signing *signings, size_t count);
    /* NULL: OpenSSL checks. */
    enum status (*verify)(void *self, struct key_check *checks, size_t count);
};
/* A pair whose private half is the backend's; `self` outlives the key and all that share it. Such a
 * key cannot be written (UNSUPPORTED). */
enum status key_of_backend(uint8_t algorithm, struct span public_key,
                           const struct key_backend *backend, void *self, struct key **key,
                           struct problem *problem) MUST_USE;
const char *key_backend_name(const struct key *key); /* "openssl" */

/* Signs the concatenation of `parts`, in the form of an RRSIG (RFC 6605 §4 raw r|s for ECDSA). */
enum status key_sign(struct key *key, const struct span *parts, size_t count,
                     struct writer *signature) MUST_USE;
/* OK, MISMATCH, or CRYPTO_FAILED. */
enum status key_verify(struct key *key, const struct span *parts, size_t count,
                       struct span signature) MUST_USE;
/* BIND's private key file, "Private-key-format: v1.3". The text is a secret: wipe it. Reading
 * checks that the private part fits the public one; a key that lives in an HSM is UNSUPPORTED. */
enum status key_write_private(const struct key *key, struct writer *text) MUST_USE;
enum status key_read_private(struct span text, struct key **key, struct problem *problem) MUST_USE;
/* PKCS#8 PEM, unencrypted; the text is a secret here too. It does not name a DNSSEC algorithm: that
 * is `algorithm`, or with 0 the first that a key of this kind can be used for (RSA: RSASHA256). */
enum status key_write_pem(const struct key *key, struct writer *text) MUST_USE;
enum status key_read_pem(struct span text, uint8_t algorithm, struct key **key,
                         struct problem *problem) MUST_USE;
void key_close(struct key *key); /* NULL is fine */
