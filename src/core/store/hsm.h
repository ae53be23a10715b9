#pragma once
/* A hardware security module as the rest of vouch sees it: pairs are made in it, found again by an
 * identifier of ours, and asked to sign; a private half never comes out. Handed in by the world,
 * which speaks PKCS#11. Every call may be made from several threads at once. */
#include "core/base/arena.h"
#include "core/base/problem.h"

enum hsm_kind { HSM_RSA, HSM_P256, HSM_P384, HSM_ED25519, HSM_ED448, HSM_KIND_COUNT };

enum { HSM_ID_LEN_MAX = 64, HSM_SIGNATURE_LEN_MAX = 512 };

struct hsm_key {
    enum hsm_kind kind;
    struct span id; /* up to HSM_ID_LEN_MAX octets */
};

/* The public half, in the arena it was asked with. */
struct hsm_public {
    struct span modulus, exponent; /* RSA: big-endian, no leading zeros */
    struct span point;             /* ECDSA: x and y; EdDSA: the key */
};

struct hsm_signing {
    /* ECDSA: the digest; RSA: the DigestInfo that PKCS#1 v1.5 pads; EdDSA: the message. */
    struct span input;
    uint8_t *signature;   /* room for HSM_SIGNATURE_LEN_MAX octets; ECDSA: r and s */
    size_t signature_len; /* set by the call */
};

struct hsm {
    void *self;
    /* Makes a pair that stays; `bits` is for RSA. EXISTS when there is one already. */
    enum status (*generate)(void *self, const struct hsm_key *key, uint16_t bits,
                            struct arena *arena, struct hsm_public *public_half,
                            struct problem *problem);
    /* NOT_FOUND when there is no such pair. */
    enum status (*find)(void *self, const struct hsm_key *key, struct arena *arena,
                        struct hsm_public *public_half, struct problem *problem);
    /* All or none are valid: on failure `problem` names the first that was not made. */
    enum status (*sign)(void *self, const struct hsm_key *key, struct hsm_signing *signings,
                        size_t count, struct problem *problem);
    /* Both halves; NOT_FOUND when there is none. */
    enum status (*remove)(void *self, const struct hsm_key *key, struct problem *problem);
};
