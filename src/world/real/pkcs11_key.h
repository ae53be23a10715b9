#pragma once
/* Pairs in a PKCS#11 token, each call over one session; for pkcs11.c alone. */
#include "core/store/hsm.h"

#include <p11-kit/pkcs11.h>

enum { PKCS11_SESSIONS_MAX = 64 };

struct pkcs11_session {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE handle;
};

/* CRYPTO_FAILED with "the HSM could not WHAT: why". */
enum status pkcs11_problem(struct problem *problem, const char *what, CK_RV result);

enum status pkcs11_key_generate(const struct pkcs11_session *session, const struct hsm_key *key,
                                uint16_t bits, struct problem *problem) MUST_USE;
enum status pkcs11_key_public(const struct pkcs11_session *session, const struct hsm_key *key,
                              struct arena *arena, struct hsm_public *public_half,
                              struct problem *problem) MUST_USE;
enum status pkcs11_key_sign(const struct pkcs11_session *session, const struct hsm_key *key,
                            struct hsm_signing *signings, size_t count,
                            struct problem *problem) MUST_USE;
enum status pkcs11_key_remove(const struct pkcs11_session *session, const struct hsm_key *key,
                              struct problem *problem) MUST_USE;
