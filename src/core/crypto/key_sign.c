/* How signatures are made and checked, many at once: hashing, the prepared contexts of RSA, and
 * EdDSA, which hashes by itself (RFC 5702 §3, RFC 8080 §4). */
#include "core/crypto/key_ecdsa.h"
#include "core/crypto/key_inside.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

enum {
    BATCH_MAX = 64, /* hashed on the stack before the backend is asked */
    DIGEST_INFO_LEN_MAX = 19,
    INPUT_LEN_MAX = DIGEST_INFO_LEN_MAX + DIGEST_LEN_MAX
};

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

static EVP_MD_CTX *message_fresh(struct key *key)
{
    if (key->message == NULL) {
        key->message = EVP_MD_CTX_new();
    } else {
        EVP_MD_CTX_reset(key->message);
    }
    return key->message;
}

static bool eddsa_sign(struct key *key, const struct key_signing *signing)
{
    EVP_MD_CTX *message = message_fresh(key);
    size_t len = key_signature_len(key);
    static const uint8_t nothing = 0;
    struct span input = signing->message;
    return message != NULL &&
           EVP_DigestSignInit_ex(message, NULL, NULL, NULL, NULL, key->pkey, NULL) > 0 &&
           EVP_DigestSign(message, signing->signature, &len,
                          input.len == 0 ? &nothing : input.bytes, input.len) > 0 &&
           len == key_signature_len(key);
}

static bool eddsa_verify(struct key *key, struct key_check *check)
{
    EVP_MD_CTX *message = message_fresh(key);
    static const uint8_t nothing = 0;
    struct span input = check->message;
    if (message == NULL ||
        EVP_DigestVerifyInit_ex(message, NULL, NULL, NULL, NULL, key->pkey, NULL) <= 0) {
        return false;
    }
    check->is_good = EVP_DigestVerify(message, check->signature.bytes, check->signature.len,
                                      input.len == 0 ? &nothing : input.bytes, input.len) == 1;
    return true;
}

static bool rsa_sign(struct key *key, const struct key_signing *signing)
{
    size_t len = key_signature_len(key);
    return EVP_PKEY_sign(key->signer, signing->signature, &len, signing->message.bytes,
                         signing->message.len) > 0 &&
           len == key_signature_len(key);
}

static bool rsa_verify(struct key *key, struct key_check *check)
{
    check->is_good = EVP_PKEY_verify(key->verifier, check->signature.bytes, check->signature.len,
                                     check->message.bytes, check->message.len) == 1;
    return true;
}

/* One signature of each family; false: OpenSSL did not do its work. */
static const struct {
    bool (*sign)(struct key *key, const struct key_signing *signing);
    bool (*verify)(struct key *key, struct key_check *check);
    bool has_context; /* the others prepare their own */
} FAMILIES[] = {
    [FAMILY_RSA] = {rsa_sign, rsa_verify, true},
    [FAMILY_ECDSA] = {key_ecdsa_sign, key_ecdsa_verify, false},
    [FAMILY_EDDSA] = {eddsa_sign, eddsa_verify, false},
};

static enum status openssl_sign(void *self, const struct key_signing *signings, size_t count)
{
    struct key *key = self;
    enum key_family family = key->method->family;
    if (FAMILIES[family].has_context && key->signer == NULL) {
        key->signer = context_prepare(key, EVP_PKEY_sign_init_ex);
        if (key->signer == NULL) {
            ERR_clear_error();
            return CRYPTO_FAILED;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!FAMILIES[family].sign(key, &signings[i])) {
            ERR_clear_error();
            return CRYPTO_FAILED;
        }
    }
    return OK;
}

static enum status openssl_verify(void *self, struct key_check *checks, size_t count)
{
    struct key *key = self;
    enum key_family family = key->method->family;
    bool is_all_good = true;
    enum status status = OK;
    if (FAMILIES[family].has_context && key->verifier == NULL) {
        key->verifier = context_prepare(key, EVP_PKEY_verify_init_ex);
        status = key->verifier == NULL ? CRYPTO_FAILED : OK;
    }
    size_t len = key_signature_len(key);
    for (size_t i = 0; status == OK && i < count; i++) {
        checks[i].is_good = false;
        if (checks[i].signature.len == len && !FAMILIES[family].verify(key, &checks[i])) {
            status = CRYPTO_FAILED;
        }
        is_all_good = is_all_good && checks[i].is_good;
    }
    if (status != OK || !is_all_good) {
        ERR_clear_error(); /* a hostile signature may leave errors there */
    }
    return status;
}

const struct key_backend KEY_OPENSSL = {
    .name = "openssl", .sign = openssl_sign, .verify = openssl_verify};

/* What RFC 8017 §9.2 puts in front of a digest before it is padded. */
static struct span digest_info(enum digest digest)
{
    static const uint8_t sha1[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                   0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
    static const uint8_t sha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    static const uint8_t sha384[] = {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30};
    static const uint8_t sha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                     0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};
    static const struct span infos[DIGEST_COUNT] = {
        [DIGEST_SHA1] = {sha1, sizeof sha1},
        [DIGEST_SHA256] = {sha256, sizeof sha256},
        [DIGEST_SHA384] = {sha384, sizeof sha384},
        [DIGEST_SHA512] = {sha512, sizeof sha512},
    };
    require((unsigned)digest < DIGEST_COUNT);
    return infos[digest];
}

/* What the backend works on, in `input` or, when nothing is hashed, the message itself. */
static enum status input_make(struct key *key, const struct key_backend *backend,
                              const struct span *parts, size_t count, uint8_t input[INPUT_LEN_MAX],
                              struct span *made)
{
    if (key->digester == NULL) {
        key->digester = EVP_MD_CTX_new();
    }
    const EVP_MD *algorithm = digest_fetch(key->method->digest);
    struct span info = SPAN_EMPTY;
    if (key->method->family == FAMILY_RSA && backend != &KEY_OPENSSL) {
        info = digest_info(key->method->digest);
        memcpy(input, info.bytes, info.len);
    }
    bool is_good = key->digester != NULL && algorithm != NULL &&
                   EVP_DigestInit_ex2(key->digester, algorithm, NULL) > 0;
    for (size_t i = 0; is_good && i < count; i++) {
        is_good =
            parts[i].len == 0 || EVP_DigestUpdate(key->digester, parts[i].bytes, parts[i].len) > 0;
    }
    if (!is_good || EVP_DigestFinal_ex(key->digester, input + info.len, NULL) <= 0) {
        ERR_clear_error();
        return CRYPTO_FAILED;
    }
    *made = span_of(input, info.len + digest_len(key->method->digest));
    return OK;
}

enum status key_sign_batch(struct key *key, const struct key_signing *signings, size_t count)
{
    require(key->can_sign);
    if (key->method->family == FAMILY_EDDSA) {
        return key->backend->sign(key->self, signings, count);
    }
    uint8_t inputs[BATCH_MAX][INPUT_LEN_MAX];
    struct key_signing hashed[BATCH_MAX];
    enum status status = OK;
    for (size_t done = 0; status == OK && done < count; done += BATCH_MAX) {
        size_t now = count - done < BATCH_MAX ? count - done : BATCH_MAX;
        for (size_t i = 0; status == OK && i < now; i++) {
            hashed[i].signature = signings[done + i].signature;
            status = input_make(key, key->backend, &signings[done + i].message, 1, inputs[i],
                                &hashed[i].message);
        }
        status = status == OK ? key->backend->sign(key->self, hashed, now) : status;
    }
    return status;
}

/* Who checks with this key, and as whom. */
static const struct key_backend *verifier_of(struct key *key, void **self)
{
    bool is_own = key->backend->verify == NULL;
    *self = is_own ? key : key->self;
    return is_own ? &KEY_OPENSSL : key->backend;
}

enum status key_verify_batch(struct key *key, struct key_check *checks, size_t count)
{
    void *self;
    const struct key_backend *backend = verifier_of(key, &self);
    if (key->method->family == FAMILY_EDDSA) {
        return backend->verify(self, checks, count);
    }
    uint8_t inputs[BATCH_MAX][INPUT_LEN_MAX];
    struct key_check hashed[BATCH_MAX];
    enum status status = OK;
    for (size_t done = 0; status == OK && done < count; done += BATCH_MAX) {
        size_t now = count - done < BATCH_MAX ? count - done : BATCH_MAX;
        for (size_t i = 0; status == OK && i < now; i++) {
            hashed[i].signature = checks[done + i].signature;
            status = input_make(key, backend, &checks[done + i].message, 1, inputs[i],
                                &hashed[i].message);
        }
        status = status == OK ? backend->verify(self, hashed, now) : status;
        for (size_t i = 0; i < now; i++) {
            checks[done + i].is_good = status == OK && hashed[i].is_good;
        }
    }
    return status;
}

/* A message in one piece: EdDSA reads it twice. In memory of OpenSSL's; NULL when there is none. */
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

/* One message in parts, as the backend wants it; `joined` is to be freed. */
static enum status single_make(struct key *key, const struct key_backend *backend,
                               const struct span *parts, size_t count, uint8_t input[INPUT_LEN_MAX],
                               struct span *made, uint8_t **joined)
{
    *joined = NULL;
    if (key->method->family != FAMILY_EDDSA) {
        return input_make(key, backend, parts, count, input, made);
    }
    size_t len;
    *joined = parts_join(parts, count, &len);
    *made = span_of(*joined, len);
    return *joined == NULL ? NO_MEMORY : OK;
}

enum status key_sign(struct key *key, const struct span *parts, size_t count,
                     struct writer *signature)
{
    require(key->can_sign);
    uint8_t input[INPUT_LEN_MAX];
    uint8_t octets[KEY_SIGNATURE_LEN_MAX];
    struct key_signing signing = {.signature = octets};
    uint8_t *joined;
    enum status status =
        single_make(key, key->backend, parts, count, input, &signing.message, &joined);
    if (status == OK) {
        status = key->backend->sign(key->self, &signing, 1);
    }
    OPENSSL_free(joined);
    if (status != OK) {
        return status;
    }
    writer_span(signature, span_of(octets, key_signature_len(key)));
    return signature->status;
}

enum status key_verify(struct key *key, const struct span *parts, size_t count,
                       struct span signature)
{
    if (signature.len != key_signature_len(key)) {
        return MISMATCH;
    }
    void *self;
    const struct key_backend *backend = verifier_of(key, &self);
    uint8_t input[INPUT_LEN_MAX];
    struct key_check check = {.signature = signature};
    uint8_t *joined;
    enum status status = single_make(key, backend, parts, count, input, &check.message, &joined);
    if (status == OK) {
        status = backend->verify(self, &check, 1);
    }
    OPENSSL_free(joined);
    return status != OK ? status : check.is_good ? OK : MISMATCH;
}
