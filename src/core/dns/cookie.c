/* The form of a server cookie (RFC 9018 §4): what is hashed, and how long it is good for. */
#include "core/dns/cookie.h"
#include "core/base/reader.h"
#include "core/base/writer.h"
#include "core/crypto/digest.h"

#include <string.h>

enum {
    SERVER_LEN_MIN = 8, /* of any maker's (RFC 7873 §4.2) */
    SERVER_LEN_MAX = 32,
    VERSION = 1,
    HEAD_LEN = COOKIE_CLIENT_LEN + 8, /* version, reserved and time behind the client's half */
    /* RFC 9018 §4.3. */
    AGE_MAX_S = 60 * 60,
    AGE_RENEWED_S = 30 * 60,
    FUTURE_MAX_S = 5 * 60,
};

static void hash_cookie(const uint8_t head[HEAD_LEN], struct address client,
                        const uint8_t secret[COOKIE_SECRET_LEN], uint8_t hash[SIPHASH_LEN])
{
    uint8_t bytes[HEAD_LEN + sizeof client.octets];
    struct writer writer = writer_over(bytes, sizeof bytes);
    writer_span(&writer, span_of(head, HEAD_LEN));
    writer_span(&writer, span_of(client.octets, client.family == ADDRESS_IPV4 ? 4 : 16));
    siphash_2_4_write(secret, writer_written(&writer), hash);
}

enum cookie_verdict cookie_check(struct span option, struct address client,
                                 const uint8_t secret[COOKIE_SECRET_LEN], int64_t now_s)
{
    if (option.len == COOKIE_CLIENT_LEN) {
        return COOKIE_NEW;
    }
    if (option.len < COOKIE_CLIENT_LEN + SERVER_LEN_MIN ||
        option.len > COOKIE_CLIENT_LEN + SERVER_LEN_MAX) {
        return COOKIE_MALFORMED;
    }
    if (option.len != COOKIE_LEN || option.bytes[COOKIE_CLIENT_LEN] != VERSION) {
        return COOKIE_BAD;
    }
    struct reader reader = reader_over(span_part(option, HEAD_LEN - 4, 4));
    /* The age in serial arithmetic, so that 2106 is no end (RFC 9018 §4.3). */
    int32_t age_s = (int32_t)((uint32_t)now_s - reader_u32(&reader));
    uint8_t hash[SIPHASH_LEN];
    hash_cookie(option.bytes, client, secret, hash);
    bool is_ours =
        secret_equal(span_of(hash, sizeof hash), span_part(option, HEAD_LEN, SIPHASH_LEN));
    if (!is_ours || age_s > AGE_MAX_S || age_s < -FUTURE_MAX_S) {
        return COOKIE_BAD;
    }
    return age_s > AGE_RENEWED_S ? COOKIE_AGING : COOKIE_GOOD;
}

void cookie_make(struct span option, struct address client, const uint8_t secret[COOKIE_SECRET_LEN],
                 int64_t now_s, uint8_t cookie[COOKIE_LEN])
{
    struct writer writer = writer_over(cookie, COOKIE_LEN);
    writer_span(&writer, span_part(option, 0, COOKIE_CLIENT_LEN));
    writer_u32(&writer, (uint32_t)VERSION << 24);
    writer_u32(&writer, (uint32_t)now_s);
    hash_cookie(cookie, client, secret, cookie + HEAD_LEN);
}
