/* The stateless half of QUIC: which datagrams name or begin a connection, what proves that an
 * address is its sender's (RFC 9000 §8.1), and that no answer is longer than what it answers. */
#include "world/real/quic_gate.h"

#include "core/base/moment.h"
#include "core/base/reader.h"
#include "core/base/writer.h"
#include "world/real/quic_type.h"
#include "world/real/world_limits.h"

#include <string.h>

enum {
    LONG_HEADER = 0x80,
    RESET_SIZE_MIN = NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN,
    RESET_RANDOM_MAX = 22, /* then it looks like a short packet of ours (RFC 9000 §10.3) */
};

struct quic_header quic_read_header(struct span datagram)
{
    ngtcp2_version_cid read;
    struct quic_header header = {QUIC_NOTHING, false, 0};
    if (datagram.len == 0) {
        return header;
    }
    int failed = ngtcp2_pkt_decode_version_cid(&read, datagram.bytes, datagram.len, QUIC_ID_SIZE);
    bool is_long = (datagram.bytes[0] & LONG_HEADER) != 0;
    if ((failed != 0 && failed != NGTCP2_ERR_VERSION_NEGOTIATION) ||
        (is_long && read.version == 0)) {
        return header; /* nobody answers an offer of versions (RFC 9000 §6.1) */
    }
    if (is_long && read.version != NGTCP2_PROTO_VER_V1) {
        header.kind = datagram.len >= QUIC_DATAGRAM_SIZE ? QUIC_OTHER_VERSION : QUIC_NOTHING;
        return header;
    }
    if (read.dcidlen >= QUIC_ID_SIZE) {
        struct reader reader = reader_over(span_of(read.dcid, QUIC_ID_SIZE));
        header = (struct quic_header){QUIC_OF_CONNECTION, is_long, reader_u64(&reader)};
    }
    return header;
}

static bool token_is_ours(const struct quic_arrival *arrival, const ngtcp2_pkt_hd *hello,
                          const struct quic_keys *keys, ngtcp2_cid *first_id)
{
    const struct quic_path *path = &arrival->path;
    return ngtcp2_crypto_verify_retry_token(first_id, hello->token.base, hello->token.len,
                                            keys->tokens, sizeof keys->tokens, hello->version,
                                            &path->remote.any, path->len, &hello->dcid,
                                            (ngtcp2_duration)QUIC_TOKEN_MS * NGTCP2_MILLISECONDS,
                                            (ngtcp2_tstamp)arrival->now_ns) == 0;
}

enum quic_hello quic_read_hello(const struct quic_arrival *arrival, const struct quic_keys *keys,
                                ngtcp2_pkt_hd *hello, ngtcp2_cid *first_id)
{
    struct span datagram = arrival->datagram;
    if (ngtcp2_accept(hello, datagram.bytes, datagram.len) != 0 ||
        hello->version != NGTCP2_PROTO_VER_V1 || hello->dcid.datalen < QUIC_ID_SIZE) {
        return QUIC_HELLO_NONE;
    }
    *first_id = hello->dcid;
    if (hello->token.len == 0) {
        return QUIC_HELLO_UNPROVEN;
    }
    /* A token of another kind than we give is worth what none is (RFC 9000 §8.1.3). */
    if (hello->token.base[0] != NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY) {
        return QUIC_HELLO_UNPROVEN;
    }
    return token_is_ours(arrival, hello, keys, first_id) ? QUIC_HELLO_PROVEN : QUIC_HELLO_FORGED;
}

enum quic_hello quic_judge_hello(const struct quic_arrival *arrival, const struct quic_keys *keys)
{
    ngtcp2_pkt_hd hello;
    ngtcp2_cid first_id;
    return quic_read_hello(arrival, keys, &hello, &first_id);
}

/* ------------------------------------------------------------------ answers */

static size_t written_or_none(ngtcp2_ssize written)
{
    return written > 0 ? (size_t)written : 0;
}

size_t quic_write_versions(struct span datagram, const struct entropy *entropy,
                           uint8_t room[QUIC_DATAGRAM_SIZE])
{
    static const uint32_t SPOKEN[] = {NGTCP2_PROTO_VER_V1};
    ngtcp2_version_cid read;
    int failed = ngtcp2_pkt_decode_version_cid(&read, datagram.bytes, datagram.len, QUIC_ID_SIZE);
    if (failed != 0 && failed != NGTCP2_ERR_VERSION_NEGOTIATION) {
        return 0;
    }
    uint8_t random;
    entropy->fill(entropy->self, &random, sizeof random);
    return written_or_none(ngtcp2_pkt_write_version_negotiation(room, QUIC_DATAGRAM_SIZE, random,
                                                                read.scid, read.scidlen, read.dcid,
                                                                read.dcidlen, SPOKEN, LEN(SPOKEN)));
}

void quic_choose_id(const struct entropy *entropy, ngtcp2_cid *id)
{
    uint8_t octets[QUIC_ID_SIZE];
    entropy->fill(entropy->self, octets, sizeof octets);
    ngtcp2_cid_init(id, octets, sizeof octets);
}

size_t quic_write_retry(const struct quic_arrival *arrival, const struct quic_keys *keys,
                        const struct entropy *entropy, uint8_t room[QUIC_DATAGRAM_SIZE])
{
    ngtcp2_pkt_hd hello;
    if (ngtcp2_accept(&hello, arrival->datagram.bytes, arrival->datagram.len) != 0) {
        return 0;
    }
    ngtcp2_cid ours;
    quic_choose_id(entropy, &ours);
    uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
    ngtcp2_ssize len = ngtcp2_crypto_generate_retry_token(
        token, keys->tokens, sizeof keys->tokens, hello.version, &arrival->path.remote.any,
        arrival->path.len, &ours, &hello.dcid, (ngtcp2_tstamp)arrival->now_ns);
    return len <= 0 ? 0
                    : written_or_none(ngtcp2_crypto_write_retry(room, QUIC_DATAGRAM_SIZE,
                                                                hello.version, &hello.scid, &ours,
                                                                &hello.dcid, token, (size_t)len));
}

size_t quic_write_reset(struct span datagram, const struct quic_keys *keys,
                        const struct entropy *entropy, uint8_t room[QUIC_DATAGRAM_SIZE])
{
    /* Shorter than what it answers, so that two who have forgotten come to an end. */
    if (datagram.len <= RESET_SIZE_MIN || datagram.len < 1 + QUIC_ID_SIZE) {
        return 0;
    }
    size_t random_len = datagram.len - 1 - NGTCP2_STATELESS_RESET_TOKENLEN;
    random_len = random_len > RESET_RANDOM_MAX ? RESET_RANDOM_MAX : random_len;
    ngtcp2_cid id;
    ngtcp2_cid_init(&id, datagram.bytes + 1, QUIC_ID_SIZE);
    uint8_t random[RESET_RANDOM_MAX], token[NGTCP2_STATELESS_RESET_TOKENLEN];
    entropy->fill(entropy->self, random, sizeof random);
    return ngtcp2_crypto_generate_stateless_reset_token(token, keys->resets, sizeof keys->resets,
                                                        &id) != 0
               ? 0
               : written_or_none(ngtcp2_pkt_write_stateless_reset(room, QUIC_DATAGRAM_SIZE, token,
                                                                  random, random_len));
}

size_t quic_write_refusal(struct span datagram, uint8_t room[QUIC_DATAGRAM_SIZE])
{
    ngtcp2_pkt_hd hello;
    return ngtcp2_accept(&hello, datagram.bytes, datagram.len) != 0
               ? 0
               : written_or_none(ngtcp2_crypto_write_connection_close(
                     room, QUIC_DATAGRAM_SIZE, hello.version, &hello.scid, &hello.dcid,
                     NGTCP2_INVALID_TOKEN, NULL, 0));
}
