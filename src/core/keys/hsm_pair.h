#pragma once
/* Pairs whose private half is in a hardware security module: how such a key is made, what stands of
 * it in a file (its algorithm and its name in the module; nothing secret), and how it signs. */
#include "core/crypto/key.h"
#include "core/store/hsm.h"

/* Ties a key to its module; it must outlive the key and all that share it. */
struct hsm_pair {
    const struct hsm *hsm;
    enum hsm_kind kind;
    uint8_t id_len;
    uint8_t id[HSM_ID_LEN_MAX];
};

/* A new pair in the module, under `id`. EXISTS when the module has one of that name; UNSUPPORTED
 * for an algorithm that modules do not have. `bits` is for RSA. */
enum status hsm_pair_generate(struct hsm_pair *pair, const struct hsm *hsm, uint8_t algorithm,
                              uint16_t bits, struct span id, struct key **key,
                              struct problem *problem) MUST_USE;
/* The pair that a file speaks of, as hsm_pair_write wrote it, or BIND with the URI of a key
 * ("pkcs11:...;id=..."). NOT_FOUND when the module has it not. */
enum status hsm_pair_read(struct hsm_pair *pair, const struct hsm *hsm, struct span text,
                          struct key **key, struct problem *problem) MUST_USE;
/* Does a private key file speak of a module? */
bool hsm_pair_is(struct span text);
/* As BIND's "Private-key-format: v1.3" with Engine and Label. */
void hsm_pair_write(const struct hsm_pair *pair, uint8_t algorithm, struct writer *text);
/* Takes the pair out of the module for good. */
enum status hsm_pair_destroy(const struct hsm_pair *pair, struct problem *problem) MUST_USE;
