/* Transaction signatures: what exactly is digested for a request, an answer and the later messages
 * of a stream (RFC 8945 §4.3 and §5.3.1), and in which order a received one is judged (§5.2). */
#include "core/dns/tsig.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <assert.h>
#include <string.h>

enum {
    BLOCK_LEN_MAX = 128,
    MAC_LEN_MIN = 10,        /* RFC 8945 §5.2.2.1 */
    SECRET_LEN_MIN = 16,     /* below, guessing is cheaper than asking */
    SECRET_LEN_MAX = 512,    /* far more than any digest uses */
    ADDITIONAL_COUNT_AT = 10 /* in the header */
};

struct hmac {
    const char *text;
    struct span wire; /* the algorithm's name, lower case */
    enum digest digest;
    uint8_t block_len;
};

static const struct hmac hmacs[] = {
    [TSIG_HMAC_SHA1] = {"hmac-sha1", SPAN_LITERAL("\011hmac-sha1\0"), DIGEST_SHA1, 64},
    [TSIG_HMAC_SHA256] = {"hmac-sha256", SPAN_LITERAL("\013hmac-sha256\0"), DIGEST_SHA256, 64},
    [TSIG_HMAC_SHA384] = {"hmac-sha384", SPAN_LITERAL("\013hmac-sha384\0"), DIGEST_SHA384, 128},
    [TSIG_HMAC_SHA512] = {"hmac-sha512", SPAN_LITERAL("\013hmac-sha512\0"), DIGEST_SHA512, 128},
};
static_assert(LEN(hmacs) == TSIG_ALGORITHM_COUNT, "a row for each algorithm");

/* A TSIG record taken apart. */
struct record {
    struct name key;
    struct name algorithm;
    uint64_t time_s;
    uint16_t fudge_s;
    struct span mac;
    uint16_t original_id;
    uint16_t error;
    struct span other;
};

static enum status find_algorithm(struct span text, enum tsig_algorithm *algorithm)
{
    if (text.len > 0 && text.bytes[text.len - 1] == '.') {
        text.len--;
    }
    for (size_t i = 0; i < LEN(hmacs); i++) {
        if (span_equal_nocase(text, span_of_text(hmacs[i].text))) {
            *algorithm = (enum tsig_algorithm)i;
            return OK;
        }
    }
    return UNSUPPORTED;
}

enum status tsig_key_make(struct span name, struct span algorithm, struct span secret_base64,
                          struct arena *arena, struct tsig_key *key, struct problem *problem)
{
    struct name_buffer buffer;
    struct name parsed;
    enum status status = name_parse(name, &NAME_ROOT, &buffer, &parsed, problem);
    if (status != OK) {
        return status;
    }
    if (find_algorithm(algorithm, &key->algorithm) != OK) {
        return problem_set(problem, UNSUPPORTED,
                           "the TSIG algorithm \"%.*s\" is not known; take hmac-sha256, "
                           "hmac-sha384, hmac-sha512 or, for an old peer, hmac-sha1",
                           (int)(algorithm.len < 64 ? algorithm.len : 64),
                           (const char *)algorithm.bytes);
    }
    uint8_t bytes[SECRET_LEN_MAX];
    struct writer secret = writer_over(bytes, sizeof bytes);
    status = text_read_base64(secret_base64, &secret);
    if (status != OK || secret.status != OK) {
        status = problem_set(problem, BAD_ARGUMENT, "the secret of a TSIG key must be base64");
    } else if (secret.len < SECRET_LEN_MIN) {
        status = problem_set(problem, BAD_ARGUMENT,
                             "the secret of a TSIG key has %zu octets; it needs at least %d",
                             secret.len, (int)SECRET_LEN_MIN);
    } else if (arena_copy(arena, writer_written(&secret), &key->secret) != OK ||
               name_copy(arena, parsed, &key->name) != OK) {
        status = problem_set(problem, NO_MEMORY, "no memory for a TSIG key");
    }
    secret_wipe(bytes, sizeof bytes);
    return status;
}

void tsig_begin(struct tsig_session *session, const struct tsig_key *key)
{
    memset(session, 0, sizeof *session);
    session->key = key;
}

void tsig_end(struct tsig_session *session)
{
    if (session->digest != NULL) {
        enum status ignored = digest_close(session->digest, NULL); /* releases it all the same */
        (void)ignored;
        session->digest = NULL;
    }
}

/* HMAC's padded key (RFC 2104 §2). */
static enum status pad_key(const struct tsig_key *key, uint8_t pad, uint8_t block[BLOCK_LEN_MAX])
{
    const struct hmac *hmac = &hmacs[key->algorithm];
    memset(block, 0, BLOCK_LEN_MAX);
    enum status status = OK;
    if (key->secret.len > hmac->block_len) {
        status = digest_make(hmac->digest, &key->secret, 1, block);
    } else if (key->secret.len > 0) {
        memcpy(block, key->secret.bytes, key->secret.len);
    }
    for (size_t i = 0; i < hmac->block_len; i++) {
        block[i] ^= pad;
    }
    return status;
}

/* Begins the digest of the next MAC: it covers the MAC before, when there was one. */
static enum status begin_digest(struct tsig_session *session)
{
    if (session->digest != NULL) {
        return OK;
    }
    const struct hmac *hmac = &hmacs[session->key->algorithm];
    struct digest_stream *stream;
    uint8_t block[BLOCK_LEN_MAX];
    enum status status = pad_key(session->key, 0x36, block);
    if (status == OK) {
        status = digest_open(hmac->digest, &stream);
    }
    if (status == OK) {
        digest_add(stream, span_of(block, hmac->block_len));
        if (session->mac_len != 0) {
            uint8_t len[2] = {0, session->mac_len};
            digest_add(stream, span_of(len, sizeof len));
            digest_add(stream, span_of(session->mac, session->mac_len));
        }
        session->digest = stream;
    }
    secret_wipe(block, sizeof block);
    return status;
}

static enum status finish_digest(struct tsig_session *session, uint8_t mac[TSIG_MAC_MAX])
{
    const struct hmac *hmac = &hmacs[session->key->algorithm];
    uint8_t block[BLOCK_LEN_MAX];
    uint8_t inner[DIGEST_LEN_MAX];
    enum status status = digest_close(session->digest, inner);
    session->digest = NULL;
    if (status == OK) {
        status = pad_key(session->key, 0x5c, block);
    }
    if (status == OK) {
        struct span parts[] = {span_of(block, hmac->block_len),
                               span_of(inner, digest_len(hmac->digest))};
        status = digest_make(hmac->digest, parts, LEN(parts), mac);
    }
    secret_wipe(block, sizeof block);
    return status;
}

/* What of a TSIG record is digested: all variables, or in the later messages of a stream the timers
 * alone. */
static void digest_variables(struct tsig_session *session, const struct record *record)
{
    uint8_t bytes[2 * NAME_LEN_MAX + 64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    if (!session->is_first_done) {
        struct name_buffer buffer;
        struct name lower;
        name_lower_to(session->key->name, &buffer, &lower);
        name_write(lower, &writer);
        writer_u16(&writer, CLASS_ANY);
        writer_u32(&writer, 0);
        writer_span(&writer, hmacs[session->key->algorithm].wire);
    }
    writer_u48(&writer, record->time_s);
    writer_u16(&writer, record->fudge_s);
    if (!session->is_first_done) {
        writer_u16(&writer, record->error);
        writer_u16(&writer, (uint16_t)record->other.len);
    }
    require(writer.status == OK);
    digest_add(session->digest, writer_written(&writer));
    if (!session->is_first_done) {
        digest_add(session->digest, record->other);
    }
}

static uint16_t additional_count(const uint8_t *header)
{
    return (uint16_t)(header[ADDITIONAL_COUNT_AT] << 8 | header[ADDITIONAL_COUNT_AT + 1]);
}

static void set_additional_count(uint8_t *header, uint16_t count)
{
    header[ADDITIONAL_COUNT_AT] = (uint8_t)(count >> 8);
    header[ADDITIONAL_COUNT_AT + 1] = (uint8_t)count;
}

/* The message as it was before its TSIG record: its own ID, and `added` additional records less. */
static void digest_message(struct tsig_session *session, struct span wire, uint16_t original_id,
                           uint16_t added)
{
    uint8_t header[MESSAGE_HEADER_LEN];
    memcpy(header, wire.bytes, sizeof header);
    header[0] = (uint8_t)(original_id >> 8);
    header[1] = (uint8_t)original_id;
    set_additional_count(header, (uint16_t)(additional_count(header) - added));
    digest_add(session->digest, span_of(header, sizeof header));
    digest_add(session->digest, span_part(wire, MESSAGE_HEADER_LEN, wire.len - MESSAGE_HEADER_LEN));
}

static enum status append_record(const struct record *record, uint8_t *bytes, size_t size,
                                 size_t *len)
{
    struct writer writer = writer_over(bytes + *len, size - *len);
    name_write(record->key, &writer);
    writer_u16(&writer, TYPE_TSIG);
    writer_u16(&writer, CLASS_ANY);
    writer_u32(&writer, 0);
    size_t rdlength_at = writer_reserve(&writer, 2);
    name_write(record->algorithm, &writer);
    writer_u48(&writer, record->time_s);
    writer_u16(&writer, record->fudge_s);
    writer_u16(&writer, (uint16_t)record->mac.len);
    writer_span(&writer, record->mac);
    writer_u16(&writer, record->original_id);
    writer_u16(&writer, record->error);
    writer_u16(&writer, (uint16_t)record->other.len);
    writer_span(&writer, record->other);
    if (writer.status != OK) {
        return NO_SPACE;
    }
    writer_patch_u16(&writer, rdlength_at, (uint16_t)(writer.len - rdlength_at - 2));
    *len += writer.len;
    set_additional_count(bytes, (uint16_t)(additional_count(bytes) + 1));
    return OK;
}

size_t tsig_record_len(const struct tsig_key *key)
{
    size_t fixed = 2 + 2 + 4 + 2 + 6 + 2 + 2 + 2 + 2 + 2;
    size_t server_time = 6; /* only with BADTIME */
    return key->name.len + hmacs[key->algorithm].wire.len +
           digest_len(hmacs[key->algorithm].digest) + fixed + server_time;
}

static struct name algorithm_name(enum tsig_algorithm algorithm)
{
    struct reader reader = reader_over(hmacs[algorithm].wire);
    return name_read(&reader);
}

static void remember_mac(struct tsig_session *session, struct span mac)
{
    session->is_first_done = session->mac_len != 0;
    memcpy(session->mac, mac.bytes, mac.len);
    session->mac_len = (uint8_t)mac.len;
    session->unsigned_count = 0;
}

enum status tsig_sign(struct tsig_session *session, uint8_t *bytes, size_t size, size_t *len,
                      int64_t wall_s, uint16_t error)
{
    require(*len >= MESSAGE_HEADER_LEN && *len <= size);
    uint8_t server_time[6];
    struct writer other = writer_over(server_time, sizeof server_time);
    struct record record = {
        .key = session->key->name,
        .algorithm = algorithm_name(session->key->algorithm),
        .time_s = (uint64_t)wall_s,
        .fudge_s = TSIG_FUDGE_S,
        .original_id = (uint16_t)(bytes[0] << 8 | bytes[1]),
        .error = error,
    };
    if (error == RCODE_BADTIME) { /* the asker learns both clocks (RFC 8945 §5.2.3) */
        record.time_s = session->peer_time_s;
        writer_u48(&other, (uint64_t)wall_s);
        record.other = writer_written(&other);
    }
    enum status status = begin_digest(session);
    if (status != OK) {
        return status;
    }
    digest_message(session, span_of(bytes, *len), record.original_id, 0);
    digest_variables(session, &record);
    uint8_t mac[TSIG_MAC_MAX];
    status = finish_digest(session, mac);
    if (status != OK) {
        return status;
    }
    record.mac = span_of(mac, digest_len(hmacs[session->key->algorithm].digest));
    status = append_record(&record, bytes, size, len);
    if (status == OK) {
        remember_mac(session, record.mac);
    }
    return status;
}

static enum status read_record(struct span wire, size_t tsig_at, struct name_buffer *buffer,
                               struct record *record)
{
    if (tsig_at < MESSAGE_HEADER_LEN || tsig_at >= wire.len) {
        return MALFORMED;
    }
    struct reader reader = reader_over(wire);
    reader.at = tsig_at;
    record->key = name_read_compressed(&reader, buffer);
    reader_span(&reader, 2 + 2 + 4); /* type, class and TTL: checked when its place was found */
    struct reader rdata = reader_over(reader_span(&reader, reader_u16(&reader)));
    if (reader_end(&reader) != OK) {
        return MALFORMED;
    }
    record->algorithm = name_read(&rdata);
    record->time_s = reader_u48(&rdata);
    record->fudge_s = reader_u16(&rdata);
    record->mac = reader_span(&rdata, reader_u16(&rdata));
    record->original_id = reader_u16(&rdata);
    record->error = reader_u16(&rdata);
    record->other = reader_span(&rdata, reader_u16(&rdata));
    return reader_end(&rdata) == OK ? OK : MALFORMED;
}

enum status tsig_key_name(struct span wire, size_t tsig_at, struct name_buffer *buffer,
                          struct name *name)
{
    struct record record;
    enum status status = read_record(wire, tsig_at, buffer, &record);
    *name = status == OK ? record.key : NAME_ROOT;
    return status;
}

enum status tsig_refuse(struct span request, size_t tsig_at, uint16_t error, uint8_t *bytes,
                        size_t size, size_t *len)
{
    struct name_buffer buffer;
    struct record record;
    enum status status = read_record(request, tsig_at, &buffer, &record);
    if (status != OK) {
        return status;
    }
    record.mac = SPAN_EMPTY;
    record.other = SPAN_EMPTY;
    record.error = error;
    record.original_id = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return append_record(&record, bytes, size, len);
}

static enum status check_unsigned(struct tsig_session *session, struct span wire, uint16_t *rcode)
{
    *rcode = RCODE_BADSIG;
    if (!session->is_first_done || wire.len < MESSAGE_HEADER_LEN) {
        return MISMATCH;
    }
    if (session->unsigned_count >= TSIG_UNSIGNED_MAX) {
        return LIMIT_REACHED;
    }
    enum status status = begin_digest(session);
    if (status == OK) {
        digest_add(session->digest, wire);
        session->unsigned_count++;
        *rcode = RCODE_NOERROR;
    }
    return status;
}

/* What the other side says of our own TSIG, once that much is believed. */
static enum status error_status(uint16_t error)
{
    switch (error) {
    case RCODE_NOERROR:
        return OK;
    case RCODE_BADSIG:
        return MISMATCH;
    case RCODE_BADKEY:
        return NOT_FOUND;
    case RCODE_BADTIME:
        return EXPIRED;
    default:
        return REFUSED;
    }
}

static enum status check_mac(struct tsig_session *session, struct span wire, size_t tsig_at,
                             const struct record *record)
{
    enum status status = begin_digest(session);
    if (status != OK) {
        return status;
    }
    digest_message(session, span_part(wire, 0, tsig_at), record->original_id, 1);
    digest_variables(session, record);
    uint8_t mac[TSIG_MAC_MAX];
    status = finish_digest(session, mac);
    if (status != OK) {
        return status;
    }
    return secret_equal(span_of(mac, record->mac.len), record->mac) ? OK : MISMATCH;
}

static bool is_in_time(const struct record *record, int64_t wall_s)
{
    int64_t time_s = (int64_t)record->time_s; /* 48 bits */
    int64_t distance_s = time_s > wall_s ? time_s - wall_s : wall_s - time_s;
    return distance_s <= record->fudge_s;
}

/* The order is RFC 8945 §5.2: key, MAC, time, truncation. Nothing of an unproven message but that
 * it is unproven may be learnt. */
static enum status check_signed(struct tsig_session *session, struct span wire, size_t tsig_at,
                                int64_t wall_s, uint16_t *rcode)
{
    struct name_buffer buffer;
    struct record record;
    if (read_record(wire, tsig_at, &buffer, &record) != OK) {
        *rcode = RCODE_FORMERR;
        return MALFORMED;
    }
    if (!name_equal(record.key, session->key->name) ||
        !name_equal(record.algorithm, algorithm_name(session->key->algorithm))) {
        *rcode = RCODE_BADKEY;
        return NOT_FOUND;
    }
    bool is_answer = session->mac_len != 0;
    if (is_answer && record.mac.len == 0 &&
        (record.error == RCODE_BADKEY || record.error == RCODE_BADSIG)) {
        *rcode = record.error; /* unproven, as it must be (RFC 8945 §5.3.2): never OK */
        return error_status(record.error);
    }
    size_t mac_len_full = digest_len(hmacs[session->key->algorithm].digest);
    size_t mac_len_min = mac_len_full / 2 > MAC_LEN_MIN ? mac_len_full / 2 : MAC_LEN_MIN;
    if (record.mac.len > mac_len_full || record.mac.len < mac_len_min) {
        *rcode = RCODE_FORMERR;
        return MALFORMED;
    }
    enum status status = check_mac(session, wire, tsig_at, &record);
    if (status != OK) {
        *rcode = RCODE_BADSIG;
        return status;
    }
    remember_mac(session, record.mac);
    session->peer_time_s = record.time_s;
    if (record.error != RCODE_NOERROR) {
        *rcode = record.error;
        return error_status(record.error);
    }
    if (!is_in_time(&record, wall_s)) {
        *rcode = RCODE_BADTIME;
        return EXPIRED;
    }
    if (record.mac.len < mac_len_full) { /* our policy takes none that is cut */
        *rcode = RCODE_BADTRUNC;
        return REFUSED;
    }
    *rcode = RCODE_NOERROR;
    return OK;
}

enum status tsig_check(struct tsig_session *session, struct span wire, size_t tsig_at,
                       int64_t wall_s, uint16_t *rcode)
{
    if (tsig_at == 0) {
        return check_unsigned(session, wire, rcode);
    }
    return check_signed(session, wire, tsig_at, wall_s, rcode);
}
