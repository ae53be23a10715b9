/* The objects of a token: which mechanisms, curves and attributes each kind of key has, and the
 * forms in which a token writes its points. */
#include "world/real/pkcs11_key.h"

#include <string.h>

/* PKCS#11 3.0; the headers here are of 2.40. */
enum { MECHANISM_EDDSA = 0x1057, MECHANISM_EDWARDS_KEY_PAIR = 0x1055, KEY_TYPE_EDWARDS = 0x40 };

enum { VALUE_LEN_MAX = 1024, OBJECTS_PER_FIND = 2, DER_OCTET_STRING = 0x04, POINT_PLAIN = 0x04 };

struct kind_row {
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE pair;
    CK_MECHANISM_TYPE sign;
    struct span curve; /* CKA_EC_PARAMS, in DER */
    size_t point_len;  /* of hsm_public.point */
    bool is_plain;     /* the point begins with the octet that says "not compressed" */
};

static const uint8_t curve_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t curve_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
/* Edwards curves are named by a PrintableString. */
static const uint8_t curve_ed25519[] = "\x13\x0c"
                                       "edwards25519";
static const uint8_t curve_ed448[] = "\x13\x0a"
                                     "edwards448";

static const struct kind_row kinds[HSM_KIND_COUNT] = {
    [HSM_RSA] = {CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, {NULL, 0}, 0, false},
    [HSM_P256] =
        {CKK_EC, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, {curve_p256, sizeof curve_p256}, 64, true},
    [HSM_P384] =
        {CKK_EC, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, {curve_p384, sizeof curve_p384}, 96, true},
    [HSM_ED25519] = {KEY_TYPE_EDWARDS,
                     MECHANISM_EDWARDS_KEY_PAIR,
                     MECHANISM_EDDSA,
                     {curve_ed25519, sizeof curve_ed25519 - 1},
                     32,
                     false},
    [HSM_ED448] = {KEY_TYPE_EDWARDS,
                   MECHANISM_EDWARDS_KEY_PAIR,
                   MECHANISM_EDDSA,
                   {curve_ed448, sizeof curve_ed448 - 1},
                   57,
                   false},
};

static CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    return (CK_ATTRIBUTE){type, (void *)(uintptr_t)value, len};
}

/* The one object of that class and kind with the key's identifier. */
static enum status object_find(const struct pkcs11_session *session, const struct hsm_key *key,
                               CK_OBJECT_CLASS class_, CK_OBJECT_HANDLE *object,
                               struct problem *problem)
{
    const CK_KEY_TYPE type = kinds[key->kind].type;
    CK_ATTRIBUTE wanted[] = {
        attribute(CKA_CLASS, &class_, sizeof class_),
        attribute(CKA_KEY_TYPE, &type, sizeof type),
        attribute(CKA_ID, key->id.bytes, key->id.len),
    };
    CK_OBJECT_HANDLE found[OBJECTS_PER_FIND];
    CK_ULONG count = 0;
    CK_RV result = session->module->C_FindObjectsInit(session->handle, wanted, LEN(wanted));
    if (result == CKR_OK) {
        result = session->module->C_FindObjects(session->handle, found, OBJECTS_PER_FIND, &count);
        session->module->C_FindObjectsFinal(session->handle);
    }
    if (result != CKR_OK) {
        return pkcs11_problem(problem, "look for a key", result);
    }
    if (count == 0) {
        return problem_set(problem, NOT_FOUND, "the HSM has no such key");
    }
    if (count > 1) {
        return problem_set(problem, CRYPTO_FAILED, "the HSM has two keys of one identifier");
    }
    *object = found[0];
    return OK;
}

enum status pkcs11_key_generate(const struct pkcs11_session *session, const struct hsm_key *key,
                                uint16_t bits, struct problem *problem)
{
    CK_OBJECT_HANDLE private_object, public_object;
    struct problem ignored = {0};
    if (object_find(session, key, CKO_PRIVATE_KEY, &private_object, &ignored) == OK) {
        return problem_set(problem, EXISTS, "the HSM has a key of that identifier already");
    }
    const struct kind_row *kind = &kinds[key->kind];
    const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    const CK_ULONG modulus_bits = bits;
    static const uint8_t exponent[] = {1, 0, 1};
    CK_ATTRIBUTE public_wanted[] = {
        attribute(CKA_TOKEN, &yes, sizeof yes),
        attribute(CKA_VERIFY, &yes, sizeof yes),
        attribute(CKA_ID, key->id.bytes, key->id.len),
        key->kind == HSM_RSA ? attribute(CKA_MODULUS_BITS, &modulus_bits, sizeof modulus_bits)
                             : attribute(CKA_EC_PARAMS, kind->curve.bytes, kind->curve.len),
        attribute(CKA_PUBLIC_EXPONENT, exponent, sizeof exponent),
    };
    CK_ATTRIBUTE private_wanted[] = {
        attribute(CKA_TOKEN, &yes, sizeof yes),     attribute(CKA_PRIVATE, &yes, sizeof yes),
        attribute(CKA_SENSITIVE, &yes, sizeof yes), attribute(CKA_EXTRACTABLE, &no, sizeof no),
        attribute(CKA_SIGN, &yes, sizeof yes),      attribute(CKA_ID, key->id.bytes, key->id.len),
    };
    CK_MECHANISM mechanism = {kind->pair, NULL, 0};
    size_t public_count = LEN(public_wanted) - (key->kind == HSM_RSA ? 0 : 1);
    CK_RV result = session->module->C_GenerateKeyPair(
        session->handle, &mechanism, public_wanted, public_count, private_wanted,
        LEN(private_wanted), &public_object, &private_object);
    return result == CKR_OK ? OK : pkcs11_problem(problem, "make a key", result);
}

static enum status value_read(const struct pkcs11_session *session, CK_OBJECT_HANDLE object,
                              CK_ATTRIBUTE_TYPE type, struct arena *arena, struct span *value)
{
    uint8_t bytes[VALUE_LEN_MAX] = {0};
    CK_ATTRIBUTE wanted = attribute(type, bytes, sizeof bytes);
    CK_RV result = session->module->C_GetAttributeValue(session->handle, object, &wanted, 1);
    if (result != CKR_OK || wanted.ulValueLen > sizeof bytes) {
        return CRYPTO_FAILED;
    }
    struct span read = span_of(bytes, wanted.ulValueLen);
    while (type != CKA_EC_POINT && read.len > 0 && read.bytes[0] == 0) {
        read = span_part(read, 1, read.len - 1);
    }
    return arena_copy(arena, read, value);
}

/* A token gives the point as a DER OCTET STRING; old ones give it bare. */
static enum status point_unwrap(const struct kind_row *kind, struct span *point)
{
    size_t plain_len = kind->is_plain ? 1 : 0;
    size_t bare_len = kind->point_len + plain_len;
    struct span bare = *point;
    if (bare.len == bare_len + 2 && bare.bytes[0] == DER_OCTET_STRING &&
        bare.bytes[1] == bare_len) {
        bare = span_part(bare, 2, bare_len);
    }
    if (bare.len != bare_len || (kind->is_plain && bare.bytes[0] != POINT_PLAIN)) {
        return MALFORMED;
    }
    *point = span_part(bare, plain_len, kind->point_len);
    return OK;
}

enum status pkcs11_key_public(const struct pkcs11_session *session, const struct hsm_key *key,
                              struct arena *arena, struct hsm_public *public_half,
                              struct problem *problem)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    *public_half = (struct hsm_public){.point = SPAN_EMPTY};
    enum status status = object_find(session, key, CKO_PUBLIC_KEY, &object, problem);
    if (status != OK) {
        return status;
    }
    if (key->kind == HSM_RSA) {
        status = value_read(session, object, CKA_MODULUS, arena, &public_half->modulus);
        status = status == OK ? value_read(session, object, CKA_PUBLIC_EXPONENT, arena,
                                           &public_half->exponent)
                              : status;
    } else {
        status = value_read(session, object, CKA_EC_POINT, arena, &public_half->point);
        status = status == OK ? point_unwrap(&kinds[key->kind], &public_half->point) : status;
    }
    return status == OK ? OK
                        : problem_set(problem, status,
                                      "the HSM gave a public key of a form that "
                                      "is not understood");
}

enum status pkcs11_key_sign(const struct pkcs11_session *session, const struct hsm_key *key,
                            struct hsm_signing *signings, size_t count, struct problem *problem)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_MECHANISM mechanism = {kinds[key->kind].sign, NULL, 0};
    enum status status = object_find(session, key, CKO_PRIVATE_KEY, &object, problem);
    for (size_t i = 0; i < count && status == OK; i++) {
        CK_ULONG len = HSM_SIGNATURE_LEN_MAX;
        CK_RV result = session->module->C_SignInit(session->handle, &mechanism, object);
        if (result == CKR_OK) {
            result = session->module->C_Sign(session->handle,
                                             (unsigned char *)(uintptr_t)signings[i].input.bytes,
                                             signings[i].input.len, signings[i].signature, &len);
        }
        signings[i].signature_len = len;
        status = result == CKR_OK ? OK : pkcs11_problem(problem, "sign", result);
    }
    return status;
}

enum status pkcs11_key_remove(const struct pkcs11_session *session, const struct hsm_key *key,
                              struct problem *problem)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    size_t removed = 0;
    for (size_t i = 0; i < LEN(classes); i++) {
        CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
        enum status status = object_find(session, key, classes[i], &object, problem);
        if (status == NOT_FOUND) {
            continue; /* a removal that was cut short left the other half */
        }
        CK_RV result =
            status == OK ? session->module->C_DestroyObject(session->handle, object) : CKR_OK;
        if (status != OK || result != CKR_OK) {
            return status != OK ? status : pkcs11_problem(problem, "remove a key", result);
        }
        removed++;
    }
    return removed > 0 ? OK : NOT_FOUND;
}
