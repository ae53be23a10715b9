/* How OpenSSL is asked for digests and MACs. Algorithms are fetched once for the process, because a
 * fetch costs more than the digest of a short name. */
#include "core/crypto/key_material.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>

struct digest_row {
    const char *name; /* as OpenSSL's providers know it */
    size_t len;
};

static const struct digest_row ROWS[] = {
    [DIGEST_SHA1] = {"SHA1", 20},
    [DIGEST_SHA256] = {"SHA2-256", 32},
    [DIGEST_SHA384] = {"SHA2-384", 48},
    [DIGEST_SHA512] = {"SHA2-512", 64},
};
static_assert(LEN(ROWS) == DIGEST_COUNT, "a row for each digest");

/* Made by whoever comes first and never changed again; the same value for any winner. */
static _Atomic(EVP_MD *) fetched_digests[DIGEST_COUNT];
static _Atomic(EVP_MAC *) fetched_hmac;

struct digest_stream {
    EVP_MD_CTX *context;
    bool is_failed;
};

const EVP_MD *digest_fetch(enum digest digest)
{
    require((unsigned)digest < DIGEST_COUNT);
    EVP_MD *known = atomic_load_explicit(&fetched_digests[digest], memory_order_acquire);
    if (known != NULL) {
        return known;
    }
    EVP_MD *fetched = EVP_MD_fetch(NULL, ROWS[digest].name, NULL);
    if (fetched == NULL) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&fetched_digests[digest], &known, fetched)) {
        EVP_MD_free(fetched); /* another thread was first */
        return known;
    }
    return fetched;
}

static EVP_MAC *hmac_fetch(void)
{
    EVP_MAC *known = atomic_load_explicit(&fetched_hmac, memory_order_acquire);
    if (known != NULL) {
        return known;
    }
    EVP_MAC *fetched = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    if (fetched == NULL) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&fetched_hmac, &known, fetched)) {
        EVP_MAC_free(fetched);
        return known;
    }
    return fetched;
}

size_t digest_len(enum digest digest)
{
    require((unsigned)digest < DIGEST_COUNT);
    return ROWS[digest].len;
}

enum status digest_make(enum digest digest, const struct span *parts, size_t count, uint8_t *out)
{
    require(out != NULL);
    struct digest_stream *stream;
    enum status status = digest_open(digest, &stream);
    if (status != OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        digest_add(stream, parts[i]);
    }
    return digest_close(stream, out);
}

enum status digest_hmac(enum digest digest, struct span key, const struct span *parts, size_t count,
                        uint8_t *out)
{
    require((unsigned)digest < DIGEST_COUNT && out != NULL);
    static const uint8_t no_key = 0; /* OpenSSL takes NULL for "the key of before" */
    EVP_MAC *hmac = hmac_fetch();
    EVP_MAC_CTX *context = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    if (context == NULL) {
        return CRYPTO_FAILED;
    }
    char name[16];
    OPENSSL_strlcpy(name, ROWS[digest].name, sizeof name);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    bool is_good = EVP_MAC_init(context, key.len == 0 ? &no_key : key.bytes, key.len, parameters);
    for (size_t i = 0; is_good && i < count; i++) {
        is_good = parts[i].len == 0 || EVP_MAC_update(context, parts[i].bytes, parts[i].len);
    }
    size_t len = 0;
    is_good = is_good && EVP_MAC_final(context, out, &len, ROWS[digest].len);
    EVP_MAC_CTX_free(context);
    return is_good && len == ROWS[digest].len ? OK : CRYPTO_FAILED;
}

enum status digest_open(enum digest digest, struct digest_stream **stream)
{
    const EVP_MD *algorithm = digest_fetch(digest);
    struct digest_stream *opened = algorithm == NULL ? NULL : OPENSSL_zalloc(sizeof *opened);
    if (opened == NULL) {
        return CRYPTO_FAILED;
    }
    opened->context = EVP_MD_CTX_new();
    if (opened->context == NULL || !EVP_DigestInit_ex2(opened->context, algorithm, NULL)) {
        EVP_MD_CTX_free(opened->context);
        OPENSSL_free(opened);
        return CRYPTO_FAILED;
    }
    *stream = opened;
    return OK;
}

void digest_add(struct digest_stream *stream, struct span bytes)
{
    if (bytes.len != 0 && !EVP_DigestUpdate(stream->context, bytes.bytes, bytes.len)) {
        stream->is_failed = true;
    }
}

enum status digest_take(struct digest_stream *stream, uint8_t *out)
{
    bool is_good = !stream->is_failed && EVP_DigestFinal_ex(stream->context, out, NULL) > 0;
    stream->is_failed = EVP_DigestInit_ex2(stream->context, NULL, NULL) <= 0;
    return is_good ? OK : CRYPTO_FAILED;
}

enum status digest_close(struct digest_stream *stream, uint8_t *out)
{
    if (stream == NULL) {
        return OK;
    }
    bool is_good = !stream->is_failed;
    if (out != NULL) {
        is_good = EVP_DigestFinal_ex(stream->context, out, NULL) && is_good;
    }
    EVP_MD_CTX_free(stream->context);
    OPENSSL_free(stream);
    return is_good ? OK : CRYPTO_FAILED;
}

bool secret_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.bytes, b.bytes, a.len) == 0);
}

void secret_wipe(void *bytes, size_t len)
{
    if (len != 0) {
        OPENSSL_cleanse(bytes, len);
    }
}
