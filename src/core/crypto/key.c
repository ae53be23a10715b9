/* Where keys come from and what they are: the life of a pair or a public half, and who does its
 * arithmetic. */
#include "core/crypto/key_ecdsa.h"
#include "core/crypto/key_inside.h"

#include <openssl/crypto.h>

enum { RSA_BITS_GENERATED_MIN = 2048, RSA_BITS_GENERATED_MAX = 4096 };

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
    opened->backend = &KEY_OPENSSL;
    opened->self = opened;
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
    key_ecdsa_close(key);
    EVP_MD_CTX_free(key->message);
    EVP_MD_CTX_free(key->digester);
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

enum status key_of_backend(uint8_t algorithm, struct span public_key,
                           const struct key_backend *backend, void *self, struct key **key,
                           struct problem *problem)
{
    require(backend != NULL && backend->sign != NULL);
    enum status status = key_of_public(algorithm, public_key, key, problem);
    if (status == OK) {
        (*key)->backend = backend;
        (*key)->self = self;
        (*key)->can_sign = (*key)->algorithm->can_sign;
    }
    return status;
}

enum status key_share(const struct key *key, struct key **shared)
{
    if (!EVP_PKEY_up_ref(key->pkey)) {
        return CRYPTO_FAILED;
    }
    enum status status = key_open(key->method, key->pkey, key->can_sign, shared);
    if (status == OK && key->backend != &KEY_OPENSSL) {
        (*shared)->backend = key->backend;
        (*shared)->self = key->self;
    }
    return status;
}

const char *key_backend_name(const struct key *key)
{
    return key->backend->name;
}

size_t key_signature_len(const struct key *key)
{
    return key->algorithm->signature_len != 0 ? key->algorithm->signature_len
                                              : (size_t)EVP_PKEY_get_size(key->pkey);
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
