/* How a public key is read from what people paste, and everything that can be wrong with it. */
#include "service/registrar/key.h"

#include <string.h>

#include "core/base/text.h"
#include "core/dns/rdata.h"

enum { INPUT_LEN_MAX = 32768, BASE64_LEN_MAX = 2048 };

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static struct span blanks_trim(struct span text)
{
    while (text.len > 0 && is_blank(text.bytes[0])) {
        text = span_part(text, 1, text.len - 1);
    }
    while (text.len > 0 && is_blank(text.bytes[text.len - 1])) {
        text = span_part(text, 0, text.len - 1);
    }
    return text;
}

/* The text without blanks, in `arena`. */
static enum status blanks_remove(struct span text, struct arena *arena, struct span *packed)
{
    uint8_t *octets = arena_take(arena, text.len + 1);
    if (octets == NULL) {
        return NO_MEMORY;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_blank(text.bytes[i])) {
            octets[len++] = text.bytes[i];
        }
    }
    *packed = span_of(octets, len);
    return OK;
}

/* The next word of a record, blanks and parentheses being separators. */
static struct span word_next(struct span *text)
{
    size_t at = 0;
    while (at < text->len &&
           (is_blank(text->bytes[at]) || text->bytes[at] == '(' || text->bytes[at] == ')')) {
        at++;
    }
    size_t end = at;
    while (end < text->len && !is_blank(text->bytes[end]) && text->bytes[end] != '(' &&
           text->bytes[end] != ')') {
        end++;
    }
    struct span word = span_part(*text, at, end - at);
    *text = span_part(*text, end, text->len - end);
    return word;
}

/* What a whole DNSKEY record in presentation form says. */
struct record_parts {
    bool is_record;
    struct span flags, protocol, algorithm, rest;
};

/* "[OWNER [TTL] [CLASS]] DNSKEY FLAGS PROTOCOL ALGORITHM KEY", or from FLAGS on. */
static struct record_parts record_cut(struct span text)
{
    struct record_parts parts = {0};
    struct span rest = text;
    for (size_t i = 0; i < 5; i++) {
        struct span word = word_next(&rest);
        if (span_equal_nocase(word, SPAN_LITERAL("DNSKEY")) ||
            span_equal_nocase(word, SPAN_LITERAL("CDNSKEY"))) {
            parts.is_record = true;
            break;
        }
    }
    if (!parts.is_record) {
        rest = text;
        struct span probe = text;
        struct span first = word_next(&probe);
        struct span second = word_next(&probe);
        bool is_bare =
            (span_equal(first, SPAN_LITERAL("256")) || span_equal(first, SPAN_LITERAL("257"))) &&
            span_equal(second, SPAN_LITERAL("3"));
        if (!is_bare) {
            return parts;
        }
        parts.is_record = true;
    }
    parts.flags = word_next(&rest);
    parts.protocol = word_next(&rest);
    parts.algorithm = word_next(&rest);
    parts.rest = rest;
    return parts;
}

/* Parentheses and a comment at the end of a line do not belong to the key. */
static struct span record_clean(struct span text, struct arena *arena)
{
    uint8_t *octets = arena_take(arena, text.len + 1);
    size_t len = 0;
    bool is_comment = false;
    for (size_t i = 0; octets != NULL && i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        is_comment = octet == ';' || (is_comment && octet != '\n');
        if (!is_comment && octet != '(' && octet != ')') {
            octets[len++] = octet;
        }
    }
    return span_of(octets, len);
}

static enum status type_read(struct span text, uint16_t *flags, struct problem *problem)
{
    static const struct {
        const char *word;
        uint16_t flags;
    } words[] = {{"KSK", DNSKEY_FLAGS_KSK},
                 {"ZSK", DNSKEY_FLAGS_ZSK},
                 {"257", DNSKEY_FLAGS_KSK},
                 {"256", DNSKEY_FLAGS_ZSK}};
    for (size_t i = 0; i < LEN(words); i++) {
        if (span_equal_nocase(text, span_of_text(words[i].word))) {
            *flags = words[i].flags;
            return OK;
        }
    }
    if (text.len == 0) {
        return problem_set(problem, MALFORMED, "Choose the key type: KSK (257) or ZSK (256).");
    }
    return problem_set(problem, MALFORMED,
                       "The key type must be KSK (flags 257) or ZSK (flags 256), not \"%.*s\".",
                       (int)(text.len < 40 ? text.len : 40), (const char *)text.bytes);
}

static enum status algorithm_read(struct span text, uint8_t *number, struct problem *problem)
{
    if (text.len == 0) {
        return problem_set(problem, MALFORMED,
                           "Choose the algorithm with which the key pair was made.");
    }
    const struct algorithm *algorithm = algorithm_parse(text);
    if (algorithm == NULL) {
        return problem_set(problem, UNSUPPORTED,
                           "Algorithm %.*s is not supported. Use one of 8, 10, 13, 14, 15 or 16.",
                           (int)(text.len < 40 ? text.len : 40), (const char *)text.bytes);
    }
    if (!algorithm->can_sign) {
        /* RFC 9905: SHA-1 must not be used for new signatures. */
        return problem_set(problem, UNSUPPORTED,
                           "Algorithm %u (%s) rests on SHA-1 and is not accepted for new keys. "
                           "Use one of 8, 10, 13, 14, 15 or 16.",
                           algorithm->number, algorithm->mnemonic);
    }
    *number = algorithm->number;
    return OK;
}

static enum status public_read(struct span text, uint8_t algorithm, struct arena *arena,
                               struct domain_key *key, struct problem *problem)
{
    struct span packed;
    if (blanks_remove(text, arena, &packed) != OK) {
        return problem_set(problem, NO_MEMORY, "The public key is too long.");
    }
    if (packed.len == 0) {
        return problem_set(problem, MALFORMED, "Paste the public key in base64.");
    }
    if (packed.len > BASE64_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "The public key is longer than any key may be.");
    }
    uint8_t *octets = arena_take(arena, packed.len);
    struct writer writer = writer_over(octets, octets == NULL ? 0 : packed.len);
    if (text_read_base64(packed, &writer) != OK) {
        return problem_set(problem, MALFORMED,
                           "The public key is not valid base64: it may be cut short or hold a "
                           "character that does not belong there.");
    }
    key->public_key = writer_written(&writer);
    const struct algorithm *row = algorithm_find(algorithm);
    if (row->public_len != 0 && key->public_key.len != row->public_len) {
        return problem_set(problem, MALFORMED,
                           "A public key of algorithm %u (%s) has %u octets, this one has %zu.",
                           row->number, row->mnemonic, row->public_len, key->public_key.len);
    }
    struct key *checked = NULL;
    struct problem why = {0};
    enum status status = key_of_public(algorithm, key->public_key, &checked, &why);
    key_close(checked);
    if (status != OK) {
        return problem_set(problem, MALFORMED, "This is not a public key of algorithm %u (%s): %s.",
                           row->number, row->mnemonic,
                           why.sentence[0] ? why.sentence : status_text(status));
    }
    return OK;
}

/* Tag, DS digest and id follow from the content. */
static enum status key_derive(struct name domain, struct arena *arena, struct domain_key *key)
{
    size_t rdata_size = key->public_key.len + 4;
    uint8_t *rdata = arena_take(arena, rdata_size);
    size_t text_size = (key->public_key.len + 2) / 3 * 4 + 1;
    char *base64 = arena_take(arena, text_size);
    if (rdata == NULL || base64 == NULL) {
        return NO_MEMORY;
    }
    struct writer writer = writer_over(rdata, rdata_size);
    dnskey_write(key->flags, key->algorithm, key->public_key, &writer);
    struct span whole = writer_written(&writer);
    key->tag = dnskey_tag(whole);
    struct writer text = writer_over(base64, text_size - 1);
    text_write_base64(&text, key->public_key);
    key->base64 = base64;
    uint8_t ds[4 + KEY_DIGEST_LEN];
    struct writer ds_writer = writer_over(ds, sizeof ds);
    enum status status = ds_make(domain, whole, DS_DIGEST_SHA256, &ds_writer);
    if (status != OK) {
        return status;
    }
    memcpy(key->digest, ds + 4, KEY_DIGEST_LEN);
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(domain, &buffer, &lower);
    const struct span parts[] = {name_span(lower), whole};
    uint8_t hash[DIGEST_LEN_MAX];
    status = digest_make(DIGEST_SHA256, parts, LEN(parts), hash);
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < (KEY_ID_SIZE - 1) / 2; i++) {
        key->id[2 * i] = digits[hash[i] >> 4];
        key->id[2 * i + 1] = digits[hash[i] & 15];
    }
    return status;
}

static enum status protocol_check(const struct record_parts *parts, struct problem *problem)
{
    if (parts->is_record && !span_equal(parts->protocol, SPAN_LITERAL("3"))) {
        return problem_set(problem, MALFORMED,
                           "The protocol field of the pasted DNSKEY record must be 3.");
    }
    return OK;
}

/* A form field and the pasted record must not say different things. */
static enum status agreement_check(const struct domain_key *key, struct span type,
                                   struct span algorithm, enum key_fault *fault,
                                   struct problem *problem)
{
    uint16_t flags = key->flags;
    uint8_t number = key->algorithm;
    struct problem unused;
    if (type.len > 0 && (type_read(type, &flags, &unused) != OK || flags != key->flags)) {
        *fault = KEY_FAULT_TYPE;
        return problem_set(problem, MALFORMED,
                           "The pasted record is a %s, but the key type says otherwise.",
                           key_type_text(key->flags));
    }
    if (algorithm.len > 0 &&
        (algorithm_read(algorithm, &number, &unused) != OK || number != key->algorithm)) {
        *fault = KEY_FAULT_ALGORITHM;
        return problem_set(problem, MALFORMED,
                           "The pasted record names algorithm %u, but the algorithm chosen is "
                           "another.",
                           key->algorithm);
    }
    return OK;
}

enum status key_intake(struct name domain, const struct key_input *input, struct arena *arena,
                       struct domain_key *key, enum key_fault *fault, struct problem *problem)
{
    *key = (struct domain_key){0};
    *fault = KEY_FAULT_PUBLIC_KEY;
    if (input->public_key.len > INPUT_LEN_MAX) {
        return problem_set(problem, TOO_LONG, "The public key is longer than any key may be.");
    }
    struct span type = blanks_trim(input->type);
    struct span algorithm = blanks_trim(input->algorithm);
    struct record_parts parts = record_cut(blanks_trim(input->public_key));
    struct span text = parts.is_record ? record_clean(parts.rest, arena) : input->public_key;
    *fault = parts.is_record ? KEY_FAULT_PUBLIC_KEY : KEY_FAULT_TYPE;
    enum status status = type_read(parts.is_record ? parts.flags : type, &key->flags, problem);
    if (status != OK) {
        return status;
    }
    *fault = parts.is_record ? KEY_FAULT_PUBLIC_KEY : KEY_FAULT_ALGORITHM;
    status =
        algorithm_read(parts.is_record ? parts.algorithm : algorithm, &key->algorithm, problem);
    if (status != OK) {
        return status;
    }
    if (parts.is_record) {
        status = protocol_check(&parts, problem);
        if (status == OK) {
            status = agreement_check(key, type, algorithm, fault, problem);
        }
        if (status != OK) {
            return status;
        }
    }
    *fault = KEY_FAULT_PUBLIC_KEY;
    status = public_read(text, key->algorithm, arena, key, problem);
    if (status != OK) {
        return status;
    }
    *fault = KEY_FAULT_NONE;
    status = key_derive(domain, arena, key);
    return status == OK ? OK : problem_set(problem, status, "The key could not be digested.");
}

enum status key_restore(struct name domain, uint16_t flags, uint8_t algorithm, const char *base64,
                        struct arena *arena, struct domain_key *key)
{
    *key = (struct domain_key){.flags = flags, .algorithm = algorithm};
    size_t size = strlen(base64);
    uint8_t *octets = arena_take(arena, size);
    if (octets == NULL) {
        return NO_MEMORY;
    }
    struct writer writer = writer_over(octets, size);
    enum status status = text_read_base64(span_of_text(base64), &writer);
    if (status != OK) {
        return status;
    }
    key->public_key = writer_written(&writer);
    return key_derive(domain, arena, key);
}

const char *key_type_text(uint16_t flags)
{
    return flags == DNSKEY_FLAGS_KSK ? "KSK" : "ZSK";
}

const char *key_describe(const struct domain_key *key, struct arena *arena)
{
    const struct algorithm *algorithm = algorithm_find(key->algorithm);
    const char *text = arena_print(arena, "%s %u (%s)", key_type_text(key->flags), key->tag,
                                   algorithm == NULL ? "unknown" : algorithm->mnemonic);
    return text == NULL ? "" : text;
}
