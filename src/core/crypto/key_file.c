/* The two forms in which private keys lie in files: BIND's "Private-key-format" and PKCS#8 PEM. */
#include "core/base/text.h"
#include "core/crypto/key_inside.h"
#include "core/crypto/key_material.h"

#include <assert.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <string.h>

static const char *const FIELDS[] = {
    [PART_MODULUS] = "Modulus",
    [PART_PUBLIC_EXPONENT] = "PublicExponent",
    [PART_PRIVATE_EXPONENT] = "PrivateExponent",
    [PART_PRIME1] = "Prime1",
    [PART_PRIME2] = "Prime2",
    [PART_EXPONENT1] = "Exponent1",
    [PART_EXPONENT2] = "Exponent2",
    [PART_COEFFICIENT] = "Coefficient",
    [PART_PRIVATE_KEY] = "PrivateKey",
};
static_assert(LEN(FIELDS) == PART_COUNT, "a field name for each part");

/* What has been read of a file so far. */
struct key_file {
    const struct key_method *method;
    bool has_format;
    struct key_parts parts;
};

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r';
}

static struct span trim(struct span text)
{
    while (text.len != 0 && is_blank(text.bytes[0])) {
        text = span_part(text, 1, text.len - 1);
    }
    while (text.len != 0 && is_blank(text.bytes[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* Cuts the first line (without its newline) off `text`. */
static struct span line_next(struct span *text)
{
    size_t len = 0;
    while (len < text->len && text->bytes[len] != '\n') {
        len++;
    }
    struct span line = span_part(*text, 0, len);
    size_t taken = len < text->len ? len + 1 : len;
    *text = span_part(*text, taken, text->len - taken);
    return line;
}

static bool has_prefix(struct span text, struct span prefix)
{
    return text.len >= prefix.len && span_equal(span_part(text, 0, prefix.len), prefix);
}

/* "8 (RSASHA256)": the number counts. */
static enum status read_algorithm(struct span value, struct key_file *file, struct problem *problem)
{
    size_t len = 0;
    while (len < value.len && !is_blank(value.bytes[len])) {
        len++;
    }
    uint64_t number;
    if (text_read_u64(span_part(value, 0, len), UINT8_MAX, &number) != OK) {
        return problem_set(problem, MALFORMED, "Algorithm must begin with a number");
    }
    file->method = key_method_find((uint8_t)number);
    if (file->method == NULL) {
        return problem_set(problem, UNSUPPORTED, "algorithm %u is not supported", (unsigned)number);
    }
    return OK;
}

static enum status read_part(struct span value, enum key_part part, struct key_file *file,
                             struct problem *problem)
{
    struct key_parts *parts = &file->parts;
    if (parts->len[part] != 0) {
        return problem_set(problem, MALFORMED, "%s stands there twice", FIELDS[part]);
    }
    struct writer octets = writer_over(parts->octets[part], KEY_PART_LEN_MAX);
    if (text_read_base64(value, &octets) != OK || octets.status != OK || octets.len == 0) {
        return problem_set(problem, MALFORMED, "%s is not Base64 of a number of 1 to %d octets",
                           FIELDS[part], KEY_PART_LEN_MAX);
    }
    parts->len[part] = (uint16_t)octets.len;
    return OK;
}

static enum status read_field(struct span name, struct span value, struct key_file *file,
                              struct problem *problem)
{
    if (span_equal_nocase(name, SPAN_LITERAL("Private-key-format"))) {
        file->has_format = has_prefix(value, SPAN_LITERAL("v1."));
        return file->has_format ? OK
                                : problem_set(problem, UNSUPPORTED,
                                              "only version 1 of the private key format is known");
    }
    if (span_equal_nocase(name, SPAN_LITERAL("Algorithm"))) {
        return read_algorithm(value, file, problem);
    }
    if (span_equal_nocase(name, SPAN_LITERAL("Engine")) ||
        span_equal_nocase(name, SPAN_LITERAL("Label"))) {
        return problem_set(problem, UNSUPPORTED, "the key lives in an HSM, not in this file");
    }
    for (size_t part = 0; part < LEN(FIELDS); part++) {
        if (span_equal_nocase(name, span_of_text(FIELDS[part]))) {
            return read_part(value, (enum key_part)part, file, problem);
        }
    }
    return OK; /* times and what later versions add */
}

static enum status read_lines(struct span text, struct key_file *file, struct problem *problem)
{
    for (uint32_t line_number = 1; text.len != 0; line_number++) {
        struct span line = trim(line_next(&text));
        if (line.len == 0 || line.bytes[0] == ';' || line.bytes[0] == '#') {
            continue;
        }
        const uint8_t *colon = memchr(line.bytes, ':', line.len);
        enum status status =
            colon == NULL ? problem_set(problem, MALFORMED, "a line is \"FIELD: VALUE\"") : OK;
        if (status == OK) {
            size_t at = (size_t)(colon - line.bytes);
            status = read_field(trim(span_part(line, 0, at)),
                                trim(span_part(line, at + 1, line.len - at - 1)), file, problem);
        }
        if (status != OK) {
            if (problem != NULL) {
                problem->line = line_number;
            }
            return status;
        }
    }
    if (!file->has_format || file->method == NULL) {
        return problem_set(problem, MALFORMED, "%s is missing",
                           file->has_format ? "Algorithm" : "Private-key-format");
    }
    return OK;
}

enum status key_read_private(struct span text, struct key **key, struct problem *problem)
{
    if (text.len > KEY_FILE_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "a private key file has at most %d octets",
                           KEY_FILE_LEN_MAX);
    }
    struct key_file file = {0};
    EVP_PKEY *pkey = NULL;
    enum status status = read_lines(text, &file, problem);
    if (status == OK) {
        status = material_of_parts(file.method, &file.parts, &pkey, problem);
    }
    if (status == OK) {
        status = key_of_pair(file.method, pkey, key, problem);
    }
    ERR_clear_error();
    secret_wipe(&file, sizeof file);
    return status;
}

enum status key_write_private(const struct key *key, struct writer *text)
{
    require(key_can_sign(key));
    if (key->backend != &KEY_OPENSSL) {
        return UNSUPPORTED;
    }
    const struct algorithm *algorithm = algorithm_find(key_algorithm(key));
    struct key_parts parts = {0};
    enum status status =
        material_read_parts(key_method_find(algorithm->number), key_pkey(key), &parts);
    if (status == OK) {
        writer_text(text, "Private-key-format: v1.3\n");
        writer_print(text, "Algorithm: %u (%s)\n", algorithm->number, algorithm->mnemonic);
        for (size_t part = 0; part < LEN(FIELDS); part++) {
            if (parts.len[part] == 0) {
                continue;
            }
            writer_print(text, "%s: ", FIELDS[part]);
            text_write_base64(text, span_of(parts.octets[part], parts.len[part]));
            writer_text(text, "\n");
        }
        status = text->status;
    }
    secret_wipe(&parts, sizeof parts);
    return status;
}

/* OpenSSL would ask the terminal. */
static int passphrase_refuse(char *text, int size, int is_writing, void *user)
{
    (void)text, (void)size, (void)is_writing, (void)user;
    return -1;
}

/* The first algorithm, among those we sign with, that a key of OpenSSL's can be used for; with
 * `number` other than 0 that one alone. */
static const struct key_method *method_of(const EVP_PKEY *pkey, uint8_t number)
{
    char group[32] = "";
    size_t len;
    if (EVP_PKEY_is_a(pkey, "EC") && !EVP_PKEY_get_group_name(pkey, group, sizeof group, &len)) {
        return NULL;
    }
    for (size_t i = 0; algorithm_at(i) != NULL; i++) {
        const struct algorithm *algorithm = algorithm_at(i);
        const struct key_method *method = key_method_find(algorithm->number);
        bool is_wanted = number == 0 || algorithm->number == number;
        if (!is_wanted || !algorithm->can_sign || !EVP_PKEY_is_a(pkey, method->type)) {
            continue;
        }
        if (method->family != FAMILY_ECDSA || strcmp(group, method->group) == 0 ||
            OBJ_sn2nid(group) == EC_curve_nist2nid(method->group)) {
            return method;
        }
    }
    return NULL;
}

enum status key_write_pem(const struct key *key, struct writer *text)
{
    require(key_can_sign(key));
    if (key->backend != &KEY_OPENSSL) {
        return UNSUPPORTED;
    }
    BIO *bio = BIO_new(BIO_s_secmem());
    char *pem = NULL;
    enum status status = CRYPTO_FAILED;
    if (bio != NULL &&
        PEM_write_bio_PKCS8PrivateKey(bio, key_pkey(key), NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &pem);
        writer_span(text, span_of(pem, (size_t)len));
        status = text->status;
    }
    BIO_free(bio); /* secure memory is wiped */
    ERR_clear_error();
    return status;
}

enum status key_read_pem(struct span text, uint8_t algorithm, struct key **key,
                         struct problem *problem)
{
    static const char BEGIN[] = "-----BEGIN PRIVATE KEY-----";
    if (text.len > KEY_FILE_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "a private key file has at most %d octets",
                           KEY_FILE_LEN_MAX);
    }
    if (text.len == 0 || memmem(text.bytes, text.len, BEGIN, sizeof BEGIN - 1) == NULL) {
        return problem_set(problem, MALFORMED, "there is no line \"%s\" (PKCS#8, unencrypted)",
                           BEGIN);
    }
    BIO *bio = BIO_new_mem_buf(text.bytes, (int)text.len);
    EVP_PKEY *pkey =
        bio == NULL ? NULL
                    : PEM_read_bio_PrivateKey_ex(bio, NULL, passphrase_refuse, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (pkey == NULL) {
        return problem_set(problem, MALFORMED, "OpenSSL finds no private key in the PEM text");
    }
    const struct key_method *method = method_of(pkey, algorithm);
    if (method == NULL) {
        EVP_PKEY_free(pkey);
        return problem_set(problem, UNSUPPORTED, "%s uses a key of this kind",
                           algorithm == 0 ? "no DNSSEC algorithm" : "another DNSSEC algorithm");
    }
    /* Through the numbers, so that the limits are those of every other way in. */
    struct key_parts parts = {0};
    enum status status = material_read_parts(method, pkey, &parts);
    EVP_PKEY_free(pkey);
    pkey = NULL;
    if (status == OK) {
        status = material_of_parts(method, &parts, &pkey, problem);
    } else {
        status = problem_set(problem, UNSUPPORTED, "the key has numbers we cannot use");
    }
    secret_wipe(&parts, sizeof parts);
    return status != OK ? status : key_of_pair(method, pkey, key, problem);
}
