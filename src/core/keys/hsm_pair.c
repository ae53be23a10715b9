/* Between the keys of DNSSEC and those of a module: which kind of key an algorithm wants, and the
 * lines of a file that name one. */
#include "core/keys/hsm_pair.h"

#include <string.h>

#include "core/base/text.h"

enum { SIGNINGS_AT_ONCE = 64, LABEL_LEN_MAX = 512, PUBLIC_ARENA_MAX = 8192 };

static const struct {
    uint8_t algorithm;
    enum hsm_kind kind;
} kinds[] = {
    {ALGORITHM_RSASHA256, HSM_RSA},        {ALGORITHM_RSASHA512, HSM_RSA},
    {ALGORITHM_ECDSAP256SHA256, HSM_P256}, {ALGORITHM_ECDSAP384SHA384, HSM_P384},
    {ALGORITHM_ED25519, HSM_ED25519},      {ALGORITHM_ED448, HSM_ED448},
};

static enum status kind_find(uint8_t algorithm, enum hsm_kind *kind, struct problem *problem)
{
    for (size_t i = 0; i < LEN(kinds); i++) {
        if (kinds[i].algorithm == algorithm) {
            *kind = kinds[i].kind;
            return OK;
        }
    }
    return problem_set(problem, UNSUPPORTED, "no HSM makes keys of algorithm %u", algorithm);
}

static struct hsm_key handle_of(const struct hsm_pair *pair)
{
    return (struct hsm_key){pair->kind, span_of(pair->id, pair->id_len)};
}

static enum status on_sign(void *self, const struct key_signing *signings, size_t count)
{
    const struct hsm_pair *pair = self;
    struct hsm_key key = handle_of(pair);
    struct hsm_signing batch[SIGNINGS_AT_ONCE];
    uint8_t signatures[SIGNINGS_AT_ONCE][HSM_SIGNATURE_LEN_MAX];
    enum status status = OK;
    for (size_t done = 0; done < count && status == OK;) {
        size_t now = count - done < SIGNINGS_AT_ONCE ? count - done : SIGNINGS_AT_ONCE;
        struct problem problem = {0};
        for (size_t i = 0; i < now; i++) {
            batch[i] = (struct hsm_signing){.input = signings[done + i].message,
                                            .signature = signatures[i]};
        }
        status = pair->hsm->sign(pair->hsm->self, &key, batch, now, &problem);
        for (size_t i = 0; i < now && status == OK; i++) {
            memcpy(signings[done + i].signature, signatures[i], batch[i].signature_len);
        }
        done += now;
    }
    return status;
}

static const struct key_backend backend = {.name = "hsm", .sign = on_sign};

/* The module's public half as a DNSKEY's field (RFC 3110 §2, RFC 6605 §4, RFC 8080 §3). */
static void public_write(const struct hsm_public *public_half, enum hsm_kind kind,
                         struct writer *field)
{
    if (kind != HSM_RSA) {
        writer_span(field, public_half->point);
        return;
    }
    if (public_half->exponent.len > UINT8_MAX) {
        writer_u8(field, 0);
        writer_u16(field, (uint16_t)public_half->exponent.len);
    } else {
        writer_u8(field, (uint8_t)public_half->exponent.len);
    }
    writer_span(field, public_half->exponent);
    writer_span(field, public_half->modulus);
}

static enum status key_make(struct hsm_pair *pair, uint8_t algorithm,
                            const struct hsm_public *public_half, struct key **key,
                            struct problem *problem)
{
    uint8_t bytes[KEY_PUBLIC_LEN_MAX];
    struct writer field = writer_over(bytes, sizeof bytes);
    public_write(public_half, pair->kind, &field);
    if (field.status != OK) {
        return problem_set(problem, field.status, "the HSM's public key is too long");
    }
    return key_of_backend(algorithm, writer_written(&field), &backend, pair, key, problem);
}

static void pair_set(struct hsm_pair *pair, const struct hsm *hsm, struct span id)
{
    require(id.len > 0 && id.len <= sizeof pair->id);
    pair->hsm = hsm;
    pair->id_len = (uint8_t)id.len;
    memcpy(pair->id, id.bytes, id.len);
}

enum status hsm_pair_generate(struct hsm_pair *pair, const struct hsm *hsm, uint8_t algorithm,
                              uint16_t bits, struct span id, struct key **key,
                              struct problem *problem)
{
    struct arena arena;
    struct hsm_public public_half;
    enum status status = kind_find(algorithm, &pair->kind, problem);
    if (status != OK) {
        return status;
    }
    pair_set(pair, hsm, id);
    struct hsm_key handle = handle_of(pair);
    arena_open(&arena, PUBLIC_ARENA_MAX);
    status = hsm->generate(hsm->self, &handle, bits, &arena, &public_half, problem);
    status = status == OK ? key_make(pair, algorithm, &public_half, key, problem) : status;
    arena_close(&arena);
    return status;
}

/* The value of the line "FIELD: VALUE"; false when there is none. */
static bool field_find(struct span text, const char *field, struct span *value)
{
    size_t field_len = strlen(field);
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.bytes + at, '\n', text.len - at);
        size_t len = end == NULL ? text.len - at : (size_t)(end - text.bytes) - at;
        struct span line = span_part(text, at, len);
        at += len + 1;
        if (line.len > field_len && line.bytes[field_len] == ':' &&
            span_equal_nocase(span_part(line, 0, field_len), span_of_text(field))) {
            size_t from = field_len + 1;
            while (from < line.len && line.bytes[from] == ' ') {
                from++;
            }
            while (line.len > from &&
                   (line.bytes[line.len - 1] == ' ' || line.bytes[line.len - 1] == '\r')) {
                line.len--;
            }
            *value = span_part(line, from, line.len - from);
            return true;
        }
    }
    return false;
}

bool hsm_pair_is(struct span text)
{
    struct span ignored;
    return field_find(text, "Engine", &ignored) || field_find(text, "Label", &ignored);
}

/* The attribute "id" of a PKCS#11 URI (RFC 7512 §2.3), with its %XX taken out. */
static enum status id_of_uri(struct span uri, struct writer *id)
{
    const char *found = memmem(uri.bytes, uri.len, "id=", 3);
    size_t at = found == NULL ? 0 : (size_t)(found - (const char *)uri.bytes);
    if (found == NULL || at == 0 || (uri.bytes[at - 1] != ':' && uri.bytes[at - 1] != ';')) {
        return MALFORMED;
    }
    for (at += 3; at < uri.len && uri.bytes[at] != ';' && uri.bytes[at] != '?'; at++) {
        uint8_t octet = uri.bytes[at];
        if (octet == '\0') {
            break; /* BIND writes the end of its string too */
        }
        if (octet == '%') {
            if (at + 2 >= uri.len || text_read_base16(span_part(uri, at + 1, 2), id) != OK) {
                return MALFORMED;
            }
            at += 2;
            continue;
        }
        writer_u8(id, octet);
    }
    return id->status == OK && id->len == 0 ? MALFORMED : id->status;
}

static enum status file_read_fields(struct span text, uint64_t *algorithm, struct writer *id)
{
    struct span number, label;
    uint8_t bytes[LABEL_LEN_MAX];
    struct writer uri = writer_over(bytes, sizeof bytes);
    if (!field_find(text, "Algorithm", &number) || !field_find(text, "Label", &label)) {
        return MALFORMED;
    }
    const uint8_t *blank = memchr(number.bytes, ' ', number.len);
    size_t digits = blank == NULL ? number.len : (size_t)(blank - number.bytes);
    enum status status = text_read_u64(span_part(number, 0, digits), UINT8_MAX, algorithm);
    status = status == OK ? text_read_base64(label, &uri) : status;
    return status == OK ? id_of_uri(writer_written(&uri), id) : status;
}

enum status hsm_pair_read(struct hsm_pair *pair, const struct hsm *hsm, struct span text,
                          struct key **key, struct problem *problem)
{
    uint64_t algorithm = 0;
    uint8_t id[HSM_ID_LEN_MAX];
    struct writer id_writer = writer_over(id, sizeof id);
    struct arena arena;
    struct hsm_public public_half;
    if (hsm == NULL) {
        return problem_set(problem, UNSUPPORTED,
                           "the key lives in an HSM and none is configured; set its URI");
    }
    if (file_read_fields(text, &algorithm, &id_writer) != OK) {
        return problem_set(problem, MALFORMED,
                           "a key in an HSM is named by Algorithm and Label, the Base64 of a URI "
                           "with id=");
    }
    enum status status = kind_find((uint8_t)algorithm, &pair->kind, problem);
    if (status != OK) {
        return status;
    }
    pair_set(pair, hsm, writer_written(&id_writer));
    struct hsm_key handle = handle_of(pair);
    arena_open(&arena, PUBLIC_ARENA_MAX);
    status = hsm->find(hsm->self, &handle, &arena, &public_half, problem);
    status = status == OK ? key_make(pair, (uint8_t)algorithm, &public_half, key, problem) : status;
    arena_close(&arena);
    return status;
}

void hsm_pair_write(const struct hsm_pair *pair, uint8_t algorithm, struct writer *text)
{
    uint8_t bytes[LABEL_LEN_MAX];
    struct writer uri = writer_over(bytes, sizeof bytes);
    const struct algorithm *row = algorithm_find(algorithm);
    writer_text(&uri, "pkcs11:id=");
    for (size_t i = 0; i < pair->id_len; i++) {
        writer_print(&uri, "%%%02X", pair->id[i]);
    }
    writer_u8(&uri, 0);
    require(row != NULL && uri.status == OK);
    writer_print(text, "Private-key-format: v1.3\nAlgorithm: %u (%s)\nEngine: ", algorithm,
                 row->mnemonic);
    text_write_base64(text, span_of("pkcs11", sizeof "pkcs11"));
    writer_text(text, "\nLabel: ");
    text_write_base64(text, writer_written(&uri));
    writer_text(text, "\n");
}

enum status hsm_pair_destroy(const struct hsm_pair *pair, struct problem *problem)
{
    struct hsm_key handle = handle_of(pair);
    return pair->hsm->remove(pair->hsm->self, &handle, problem);
}
