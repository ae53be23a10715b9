/* How the numbers in DNSKEY records and key files become OpenSSL's keys and back (RFC 3110, RFC
 * 6605, RFC 8080). */
#include "core/crypto/key_material.h"

#include "core/base/reader.h"
#include "core/crypto/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

static const struct key_method METHODS[] = {
    {ALGORITHM_RSASHA1, FAMILY_RSA, "RSA", NULL, DIGEST_SHA1, 0, 512},
    {ALGORITHM_RSASHA1_NSEC3, FAMILY_RSA, "RSA", NULL, DIGEST_SHA1, 0, 512},
    {ALGORITHM_RSASHA256, FAMILY_RSA, "RSA", NULL, DIGEST_SHA256, 0, 512},
    {ALGORITHM_RSASHA512, FAMILY_RSA, "RSA", NULL, DIGEST_SHA512, 0, 1024},
    {ALGORITHM_ECDSAP256SHA256, FAMILY_ECDSA, "EC", "P-256", DIGEST_SHA256, 32, 0},
    {ALGORITHM_ECDSAP384SHA384, FAMILY_ECDSA, "EC", "P-384", DIGEST_SHA384, 48, 0},
    {ALGORITHM_ED25519, FAMILY_EDDSA, "ED25519", NULL, DIGEST_COUNT, 32, 0},
    {ALGORITHM_ED448, FAMILY_EDDSA, "ED448", NULL, DIGEST_COUNT, 57, 0},
};

enum { RSA_BITS_MAX = 4096, POINT_UNCOMPRESSED = 4, POINT_LEN_MAX = 1 + 2 * 48 };

/* OpenSSL's names of RSA's numbers, in the order of enum key_part. */
static const char *const RSA_NUMBERS[] = {
    [PART_MODULUS] = OSSL_PKEY_PARAM_RSA_N,
    [PART_PUBLIC_EXPONENT] = OSSL_PKEY_PARAM_RSA_E,
    [PART_PRIVATE_EXPONENT] = OSSL_PKEY_PARAM_RSA_D,
    [PART_PRIME1] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [PART_PRIME2] = OSSL_PKEY_PARAM_RSA_FACTOR2,
    [PART_EXPONENT1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [PART_EXPONENT2] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
    [PART_COEFFICIENT] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

const struct key_method *key_method_find(uint8_t number)
{
    for (size_t i = 0; i < LEN(METHODS); i++) {
        if (METHODS[i].number == number) {
            return &METHODS[i];
        }
    }
    return NULL;
}

/* Numbers handed to OpenSSL together; the secret ones are wiped with the builder. */
struct numbers {
    OSSL_PARAM_BLD *builder;
    BIGNUM *kept[PART_COUNT];
    size_t count;
    bool is_failed;
};

static struct numbers numbers_open(void)
{
    struct numbers numbers = {.builder = OSSL_PARAM_BLD_new()};
    numbers.is_failed = numbers.builder == NULL;
    return numbers;
}

static void numbers_add(struct numbers *numbers, const char *name, struct span octets)
{
    require(numbers->count < LEN(numbers->kept));
    BIGNUM *number = numbers->is_failed ? NULL : BN_secure_new();
    if (number == NULL || BN_bin2bn(octets.bytes, (int)octets.len, number) == NULL ||
        !OSSL_PARAM_BLD_push_BN(numbers->builder, name, number)) {
        BN_clear_free(number);
        numbers->is_failed = true;
        return;
    }
    numbers->kept[numbers->count++] = number;
}

/* Makes the key and forgets the numbers. NULL when OpenSSL finds no key in them. */
static EVP_PKEY *numbers_close(struct numbers *numbers, const char *type, int selection)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *parameters = numbers->is_failed ? NULL : OSSL_PARAM_BLD_to_param(numbers->builder);
    EVP_PKEY_CTX *context =
        parameters == NULL ? NULL : EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) > 0 &&
        EVP_PKEY_fromdata(context, &pkey, selection, parameters) <= 0) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(numbers->builder);
    for (size_t i = 0; i < numbers->count; i++) {
        BN_clear_free(numbers->kept[i]);
    }
    ERR_clear_error(); /* a hostile key is not an event of the library */
    return pkey;
}

static unsigned bits_of(struct span number)
{
    unsigned bits = number.len == 0 ? 0 : (unsigned)(number.len - 1) * 8;
    for (unsigned top = number.len == 0 ? 0 : number.bytes[0]; top != 0; top >>= 1) {
        bits++;
    }
    return bits;
}

static enum status check_rsa(const struct key_method *method, struct span exponent,
                             struct span modulus, struct problem *problem)
{
    if (exponent.len == 0 || modulus.len == 0) {
        return problem_set(problem, MALFORMED, "the RSA key has no %s",
                           exponent.len == 0 ? "exponent" : "modulus");
    }
    if (exponent.bytes[0] == 0 || modulus.bytes[0] == 0) {
        return problem_set(problem, MALFORMED, "the RSA %s begins with a zero octet (RFC 3110 §2)",
                           exponent.bytes[0] == 0 ? "exponent" : "modulus");
    }
    unsigned bits = bits_of(modulus);
    if (bits < method->bits_min || bits > RSA_BITS_MAX) {
        return problem_set(problem, MALFORMED, "the RSA key has %u bits; %u to %d are allowed",
                           bits, method->bits_min, RSA_BITS_MAX);
    }
    if ((modulus.bytes[modulus.len - 1] & 1) == 0) {
        return problem_set(problem, MALFORMED, "the RSA modulus is an even number");
    }
    unsigned exponent_bits = bits_of(exponent);
    if (exponent_bits < 2 || exponent_bits > KEY_EXPONENT_BITS_MAX ||
        (exponent.bytes[exponent.len - 1] & 1) == 0) {
        return problem_set(problem, MALFORMED,
                           "the RSA exponent must be an odd number from 3 to 2^32+1");
    }
    return OK;
}

static enum status rsa_of_public(const struct key_method *method, struct span public_key,
                                 EVP_PKEY **pkey, struct problem *problem)
{
    struct reader reader = reader_over(public_key);
    size_t exponent_len = reader_u8(&reader);
    if (exponent_len == 0) {
        exponent_len = reader_u16(&reader);
    }
    struct span exponent = reader_span(&reader, exponent_len);
    struct span modulus = reader_rest(&reader);
    if (reader_end(&reader) != OK) {
        return problem_set(problem, MALFORMED,
                           "the RSA key ends before its exponent of %zu octets does", exponent_len);
    }
    enum status status = check_rsa(method, exponent, modulus, problem);
    if (status != OK) {
        return status;
    }
    struct numbers numbers = numbers_open();
    numbers_add(&numbers, OSSL_PKEY_PARAM_RSA_N, modulus);
    numbers_add(&numbers, OSSL_PKEY_PARAM_RSA_E, exponent);
    *pkey = numbers_close(&numbers, method->type, EVP_PKEY_PUBLIC_KEY);
    return *pkey != NULL ? OK : problem_set(problem, MALFORMED, "OpenSSL refuses the RSA key");
}

/* OpenSSL checks that the point lies on the curve. `private_key` is empty for a public key. */
static EVP_PKEY *ecdsa_build(const struct key_method *method, struct span point,
                             struct span private_key)
{
    struct numbers numbers = numbers_open();
    numbers.is_failed = numbers.is_failed ||
                        !OSSL_PARAM_BLD_push_utf8_string(
                            numbers.builder, OSSL_PKEY_PARAM_GROUP_NAME, method->group, 0) ||
                        !OSSL_PARAM_BLD_push_octet_string(numbers.builder, OSSL_PKEY_PARAM_PUB_KEY,
                                                          point.bytes, point.len);
    if (private_key.len != 0) {
        numbers_add(&numbers, OSSL_PKEY_PARAM_PRIV_KEY, private_key);
    }
    return numbers_close(&numbers, method->type,
                         private_key.len != 0 ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
}

enum status material_of_public(const struct key_method *method, struct span public_key,
                               EVP_PKEY **pkey, struct problem *problem)
{
    if (method->family == FAMILY_RSA) {
        return rsa_of_public(method, public_key, pkey, problem);
    }
    const struct algorithm *algorithm = algorithm_find(method->number);
    if (public_key.len != algorithm->public_len) {
        return problem_set(problem, MALFORMED, "a key of %s has %u octets, this one has %zu",
                           algorithm->mnemonic, algorithm->public_len, public_key.len);
    }
    if (method->family == FAMILY_EDDSA) {
        *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, method->type, NULL, public_key.bytes,
                                               public_key.len);
        ERR_clear_error();
        return *pkey != NULL ? OK : problem_set(problem, MALFORMED, "OpenSSL refuses the key");
    }
    uint8_t point[POINT_LEN_MAX];
    struct writer writer = writer_over(point, sizeof point);
    writer_u8(&writer, POINT_UNCOMPRESSED);
    writer_span(&writer, public_key);
    *pkey = ecdsa_build(method, writer_written(&writer), SPAN_EMPTY);
    return *pkey != NULL ? OK
                         : problem_set(problem, MALFORMED, "the key is no point of the curve %s",
                                       method->group);
}

static struct span part_span(const struct key_parts *parts, enum key_part part)
{
    return span_of(parts->octets[part], parts->len[part]);
}

static enum status rsa_of_parts(const struct key_method *method, const struct key_parts *parts,
                                EVP_PKEY **pkey, struct problem *problem)
{
    enum status status = check_rsa(method, part_span(parts, PART_PUBLIC_EXPONENT),
                                   part_span(parts, PART_MODULUS), problem);
    if (status != OK) {
        return status;
    }
    struct numbers numbers = numbers_open();
    for (size_t i = 0; i < LEN(RSA_NUMBERS); i++) {
        if (parts->len[i] == 0) {
            numbers.is_failed = true;
            break;
        }
        numbers_add(&numbers, RSA_NUMBERS[i], part_span(parts, (enum key_part)i));
    }
    bool is_complete = !numbers.is_failed;
    *pkey = numbers_close(&numbers, method->type, EVP_PKEY_KEYPAIR);
    if (*pkey == NULL) {
        return problem_set(problem, MALFORMED,
                           is_complete ? "OpenSSL refuses the RSA key"
                                       : "a number of the RSA key is missing");
    }
    return OK;
}

/* The public point of a private number, which must lie in 1 .. order-1. */
static bool ecdsa_public_of(const struct key_method *method, struct span private_key,
                            struct writer *point)
{
    uint8_t octets[POINT_LEN_MAX];
    EC_GROUP *group =
        EC_GROUP_new_by_curve_name(method->part_len == 32 ? NID_X9_62_prime256v1 : NID_secp384r1);
    EC_POINT *product = group == NULL ? NULL : EC_POINT_new(group);
    BIGNUM *number = BN_secure_new();
    size_t len = 0;
    if (product != NULL && number != NULL &&
        BN_bin2bn(private_key.bytes, (int)private_key.len, number) != NULL && !BN_is_zero(number) &&
        BN_cmp(number, EC_GROUP_get0_order(group)) < 0 &&
        EC_POINT_mul(group, product, number, NULL, NULL, NULL)) {
        len = EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, octets,
                                 sizeof octets, NULL);
    }
    BN_clear_free(number);
    EC_POINT_free(product);
    EC_GROUP_free(group);
    writer_span(point, span_of(octets, len));
    return len != 0;
}

enum status material_of_parts(const struct key_method *method, const struct key_parts *parts,
                              EVP_PKEY **pkey, struct problem *problem)
{
    if (method->family == FAMILY_RSA) {
        return rsa_of_parts(method, parts, pkey, problem);
    }
    struct span private_key = part_span(parts, PART_PRIVATE_KEY);
    if (private_key.len == 0) {
        return problem_set(problem, MALFORMED, "the field PrivateKey is missing");
    }
    if (method->family == FAMILY_EDDSA) {
        if (private_key.len != method->part_len) {
            return problem_set(problem, MALFORMED, "the PrivateKey must have %u octets, not %zu",
                               method->part_len, private_key.len);
        }
        *pkey = EVP_PKEY_new_raw_private_key_ex(NULL, method->type, NULL, private_key.bytes,
                                                private_key.len);
        return *pkey != NULL ? OK : problem_set(problem, MALFORMED, "OpenSSL refuses the key");
    }
    uint8_t octets[POINT_LEN_MAX];
    struct writer point = writer_over(octets, sizeof octets);
    if (private_key.len > method->part_len || !ecdsa_public_of(method, private_key, &point)) {
        return problem_set(problem, MALFORMED, "the PrivateKey is no number of the curve %s",
                           method->group);
    }
    *pkey = ecdsa_build(method, writer_written(&point), private_key);
    return *pkey != NULL ? OK : problem_set(problem, MALFORMED, "OpenSSL refuses the key");
}

/* One number of a key in `len` octets (0: as few as it needs). */
static bool number_get(const EVP_PKEY *pkey, const char *name, size_t len, struct writer *octets)
{
    BIGNUM *number = NULL;
    uint8_t bytes[KEY_PART_LEN_MAX];
    bool is_good = EVP_PKEY_get_bn_param(pkey, name, &number) != 0;
    size_t needed = is_good ? (size_t)BN_num_bytes(number) : 0;
    len = len == 0 ? needed : len;
    is_good = is_good && needed <= len && len <= sizeof bytes &&
              BN_bn2binpad(number, bytes, (int)len) == (int)len;
    if (is_good) {
        writer_span(octets, span_of(bytes, len));
    }
    BN_clear_free(number);
    secret_wipe(bytes, sizeof bytes);
    return is_good && octets->status == OK;
}

static enum status rsa_write_public(const EVP_PKEY *pkey, struct writer *public_key)
{
    uint8_t octets[KEY_PART_LEN_MAX];
    struct writer exponent = writer_over(octets, sizeof octets);
    if (!number_get(pkey, OSSL_PKEY_PARAM_RSA_E, 0, &exponent) || exponent.len > UINT8_MAX) {
        return CRYPTO_FAILED;
    }
    writer_u8(public_key, (uint8_t)exponent.len);
    writer_span(public_key, writer_written(&exponent));
    return number_get(pkey, OSSL_PKEY_PARAM_RSA_N, 0, public_key) ? OK : CRYPTO_FAILED;
}

enum status material_write_public(const struct key_method *method, const EVP_PKEY *pkey,
                                  struct writer *public_key)
{
    if (method->family == FAMILY_RSA) {
        return rsa_write_public(pkey, public_key);
    }
    if (method->family == FAMILY_ECDSA) {
        return number_get(pkey, OSSL_PKEY_PARAM_EC_PUB_X, method->part_len, public_key) &&
                       number_get(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, method->part_len, public_key)
                   ? OK
                   : CRYPTO_FAILED;
    }
    uint8_t octets[KEY_PART_LEN_MAX];
    size_t len = sizeof octets;
    if (EVP_PKEY_get_raw_public_key(pkey, octets, &len) <= 0) {
        return CRYPTO_FAILED;
    }
    writer_span(public_key, span_of(octets, len));
    return public_key->status;
}

static bool part_get(const EVP_PKEY *pkey, const char *name, size_t len, struct key_parts *parts,
                     enum key_part part)
{
    struct writer octets = writer_over(parts->octets[part], KEY_PART_LEN_MAX);
    bool is_good = number_get(pkey, name, len, &octets);
    parts->len[part] = (uint16_t)octets.len;
    return is_good;
}

enum status material_read_parts(const struct key_method *method, const EVP_PKEY *pkey,
                                struct key_parts *parts)
{
    bool is_good = true;
    switch (method->family) {
    case FAMILY_RSA:
        for (size_t i = 0; i < LEN(RSA_NUMBERS); i++) {
            is_good = is_good && part_get(pkey, RSA_NUMBERS[i], 0, parts, (enum key_part)i);
        }
        break;
    case FAMILY_ECDSA:
        is_good =
            part_get(pkey, OSSL_PKEY_PARAM_PRIV_KEY, method->part_len, parts, PART_PRIVATE_KEY);
        break;
    case FAMILY_EDDSA: {
        size_t len = KEY_PART_LEN_MAX;
        is_good = EVP_PKEY_get_raw_private_key(pkey, parts->octets[PART_PRIVATE_KEY], &len) > 0;
        parts->len[PART_PRIVATE_KEY] = is_good ? (uint16_t)len : 0;
        break;
    }
    }
    return is_good ? OK : CRYPTO_FAILED;
}
