/* Transaction signatures: a vector made by another implementation of HMAC, round trips, each octet
 * tampered with, each refusal, and streams. */
#include "core/dns/tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1790000000 };

struct exchange {
    struct arena arena;
    struct tsig_key key;
    struct tsig_session client;
    struct tsig_session server;
    uint8_t bytes[1024];
    size_t len;
};

static void make_key(struct exchange *exchange, const char *name, const char *algorithm)
{
    struct problem problem = {0};
    if (tsig_key_make(span_of_text(name), span_of_text(algorithm),
                      SPAN_LITERAL("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
                      &exchange->arena, &exchange->key, &problem) != OK) {
        fail_msg("%s", problem.sentence);
    }
}

static void begin(struct exchange *exchange, const char *algorithm)
{
    memset(exchange, 0, sizeof *exchange);
    arena_open(&exchange->arena, 1 << 16);
    make_key(exchange, "Key.Example.", algorithm);
    tsig_begin(&exchange->client, &exchange->key);
    tsig_begin(&exchange->server, &exchange->key);
}

static void end(struct exchange *exchange)
{
    tsig_end(&exchange->client);
    tsig_end(&exchange->server);
    arena_close(&exchange->arena);
}

static void write_message(struct exchange *exchange, uint16_t flags)
{
    struct question question = {NAME_ROOT, TYPE_SOA, CLASS_IN};
    exchange->len = message_make_query(exchange->bytes, sizeof exchange->bytes, 0x4242, flags,
                                       question, false, 0)
                        .len;
}

static void sign(struct exchange *exchange, struct tsig_session *session, uint16_t flags)
{
    write_message(exchange, flags);
    assert_int_equal(
        tsig_sign(session, exchange->bytes, sizeof exchange->bytes, &exchange->len, NOW_S, 0), OK);
}

static size_t find_tsig(const struct exchange *exchange)
{
    struct message message;
    struct name_buffer buffer;
    assert_int_equal(message_read_query(span_of(exchange->bytes, exchange->len), &buffer, &message),
                     OK);
    return message.tsig_at;
}

static enum status check(struct exchange *exchange, struct tsig_session *session, int64_t now_s,
                         uint16_t *rcode)
{
    return tsig_check(session, span_of(exchange->bytes, exchange->len), find_tsig(exchange), now_s,
                      rcode);
}

/* The MAC as Python's hmac module makes it over the octets that RFC 8945 §4.3.3 lists. */
static void test_vector(void **state)
{
    (void)state;
    static const uint8_t mac[32] = {0x65, 0xa1, 0x70, 0xa9, 0x53, 0xb3, 0xe7, 0xa6,
                                    0xd7, 0x12, 0xc5, 0x79, 0x2d, 0x8a, 0x15, 0xb0,
                                    0xd5, 0xf9, 0xae, 0xa4, 0x76, 0x98, 0xa2, 0x5f,
                                    0x96, 0x2d, 0x3a, 0x19, 0xe1, 0x68, 0xe4, 0x4f};
    struct exchange exchange;
    begin(&exchange, "hmac-sha256");
    sign(&exchange, &exchange.client, 0);
    assert_int_equal(exchange.client.mac_len, sizeof mac);
    assert_memory_equal(exchange.client.mac, mac, sizeof mac);
    end(&exchange);
}

static void test_round_trips(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"hmac-sha1", "HMAC-SHA256.", "hmac-sha384",
                                             "hmac-sha512"};
    for (size_t i = 0; i < LEN(algorithms); i++) {
        struct exchange exchange;
        uint16_t rcode;
        begin(&exchange, algorithms[i]);
        sign(&exchange, &exchange.client, 0);
        assert_true(exchange.len - find_tsig(&exchange) <= tsig_record_len(&exchange.key));
        assert_int_equal(check(&exchange, &exchange.server, NOW_S + 300, &rcode), OK);
        sign(&exchange, &exchange.server, FLAG_QR);
        assert_int_equal(check(&exchange, &exchange.client, NOW_S - 300, &rcode), OK);
        end(&exchange);
    }
}

/* Whatever octet is changed, the message is not accepted; its ID is replaced by the original one
 * (RFC 8945 §5.2.2.2), so that forwarders may change it. */
static void test_tampering(void **state)
{
    (void)state;
    struct exchange good;
    begin(&good, "hmac-sha256");
    sign(&good, &good.client, 0);
    size_t tsig_at = find_tsig(&good);
    for (size_t i = 2; i < good.len; i++) {
        struct exchange bad;
        uint16_t rcode;
        begin(&bad, "hmac-sha256");
        memcpy(bad.bytes, good.bytes, good.len);
        bad.bytes[i] ^= 0x01;
        struct span wire = span_of(bad.bytes, good.len);
        bool is_class_or_ttl = i >= tsig_at + 13 && i < tsig_at + 13 + 8;
        if (!is_class_or_ttl) { /* those are judged where the record is found */
            assert_int_not_equal(tsig_check(&bad.server, wire, tsig_at, NOW_S, &rcode), OK);
        }
        end(&bad);
    }
    good.bytes[0] ^= 0xff;
    uint16_t rcode;
    assert_int_equal(check(&good, &good.server, NOW_S, &rcode), OK);
    end(&good);
}

static void test_refusals(void **state)
{
    (void)state;
    struct exchange exchange;
    uint16_t rcode;

    begin(&exchange, "hmac-sha256");
    sign(&exchange, &exchange.client, 0);
    assert_int_equal(check(&exchange, &exchange.server, NOW_S + 301, &rcode), EXPIRED);
    assert_int_equal(rcode, RCODE_BADTIME);
    /* The answer about it is signed and carries both clocks. */
    write_message(&exchange, FLAG_QR);
    assert_int_equal(tsig_sign(&exchange.server, exchange.bytes, sizeof exchange.bytes,
                               &exchange.len, NOW_S + 301, RCODE_BADTIME),
                     OK);
    assert_int_equal(check(&exchange, &exchange.client, NOW_S, &rcode), EXPIRED);
    assert_int_equal(rcode, RCODE_BADTIME);
    end(&exchange);

    begin(&exchange, "hmac-sha256");
    sign(&exchange, &exchange.client, 0);
    make_key(&exchange, "other.", "hmac-sha256");
    assert_int_equal(check(&exchange, &exchange.server, NOW_S, &rcode), NOT_FOUND);
    assert_int_equal(rcode, RCODE_BADKEY);
    end(&exchange);

    begin(&exchange, "hmac-sha256");
    sign(&exchange, &exchange.client, 0);
    make_key(&exchange, "key.example.", "hmac-sha512");
    assert_int_equal(check(&exchange, &exchange.server, NOW_S, &rcode), NOT_FOUND);
    assert_int_equal(rcode, RCODE_BADKEY);
    end(&exchange);
}

/* What is refused without a MAC is told so without a MAC, and never believed. */
static void test_unsigned_refusal(void **state)
{
    (void)state;
    static const struct {
        uint16_t error;
        enum status status;
    } rows[] = {{RCODE_BADKEY, NOT_FOUND}, {RCODE_BADSIG, MISMATCH}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct exchange exchange;
        uint16_t rcode;
        begin(&exchange, "hmac-sha256");
        sign(&exchange, &exchange.client, 0);
        uint8_t request[1024];
        size_t request_len = exchange.len;
        size_t request_tsig = find_tsig(&exchange);
        memcpy(request, exchange.bytes, request_len);
        write_message(&exchange, FLAG_QR);
        assert_int_equal(tsig_refuse(span_of(request, request_len), request_tsig, rows[i].error,
                                     exchange.bytes, sizeof exchange.bytes, &exchange.len),
                         OK);
        assert_int_equal(check(&exchange, &exchange.client, NOW_S, &rcode), rows[i].status);
        assert_int_equal(rcode, rows[i].error);
        end(&exchange);
    }
}

/* Cuts the MAC of a signed message to `mac_len` octets. */
static void cut_mac(struct exchange *exchange, size_t mac_len)
{
    size_t tsig_at = find_tsig(exchange);
    size_t rdlength_at = tsig_at + exchange->key.name.len + 8;
    size_t mac_len_at = rdlength_at + 2 + 13 + 8;
    size_t cut = 32 - mac_len;
    uint8_t *bytes = exchange->bytes;
    bytes[rdlength_at + 1] = (uint8_t)(bytes[rdlength_at + 1] - cut);
    bytes[mac_len_at + 1] = (uint8_t)mac_len;
    memmove(bytes + mac_len_at + 2 + mac_len, bytes + mac_len_at + 2 + 32,
            exchange->len - (mac_len_at + 2 + 32));
    exchange->len -= cut;
}

static void test_truncation(void **state)
{
    (void)state;
    static const struct {
        size_t mac_len;
        enum status status;
        uint16_t rcode;
    } rows[] = {
        {32, OK, RCODE_NOERROR},
        {31, REFUSED, RCODE_BADTRUNC}, /* good but cut: our policy says no */
        {16, REFUSED, RCODE_BADTRUNC},
        {15, MALFORMED, RCODE_FORMERR}, /* below half: no MAC at all */
        {0, MALFORMED, RCODE_FORMERR},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct exchange exchange;
        uint16_t rcode;
        begin(&exchange, "hmac-sha256");
        sign(&exchange, &exchange.client, 0);
        cut_mac(&exchange, rows[i].mac_len);
        assert_int_equal(check(&exchange, &exchange.server, NOW_S, &rcode), rows[i].status);
        assert_int_equal(rcode, rows[i].rcode);
        end(&exchange);
    }
}

/* A stream whose sender signs the first and then each `step`-th message: what our sender never
 * does, and others do. The unsigned ones enter the digest of the next signed one. */
static enum status run_stream(size_t count, size_t step, bool is_tampered)
{
    struct exchange exchange;
    uint16_t rcode;
    enum status status = OK;
    begin(&exchange, "hmac-sha256");
    sign(&exchange, &exchange.client, 0);
    assert_int_equal(check(&exchange, &exchange.server, NOW_S, &rcode), OK);
    for (size_t i = 0; i < count && status == OK; i++) {
        if (i % step == 0) {
            sign(&exchange, &exchange.server, FLAG_QR);
        } else {
            write_message(&exchange, FLAG_QR);
            uint16_t ignored;
            struct span wire = span_of(exchange.bytes, exchange.len);
            (void)!tsig_check(&exchange.server, wire, 0, NOW_S, &ignored);
            if (is_tampered) {
                exchange.bytes[3] ^= 1;
            }
        }
        status = check(&exchange, &exchange.client, NOW_S, &rcode);
    }
    end(&exchange);
    return status;
}

static void test_streams(void **state)
{
    (void)state;
    assert_int_equal(run_stream(5, 1, false), OK);
    assert_int_equal(run_stream(301, 100, false), OK); /* 99 unsigned between two signed */
    assert_int_equal(run_stream(301, 101, false), LIMIT_REACHED);
    assert_int_equal(run_stream(7, 3, true), MISMATCH);
    struct exchange exchange;
    uint16_t rcode;
    begin(&exchange, "hmac-sha256");
    sign(&exchange, &exchange.client, 0);
    write_message(&exchange, FLAG_QR);
    assert_int_equal(check(&exchange, &exchange.client, NOW_S, &rcode), MISMATCH); /* the first */
    end(&exchange);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *name, *algorithm, *secret;
        enum status status;
    } rows[] = {
        {"k", "hmac-sha256", "AAAAAAAAAAAAAAAAAAAAAA==", OK},
        {"k", "hmac-md5", "AAAAAAAAAAAAAAAAAAAAAA==", UNSUPPORTED},
        {"k", "hmac-sha256", "AAAAAAAA", BAD_ARGUMENT},
        {"k", "hmac-sha256", "not base64", BAD_ARGUMENT},
        {"k..x", "hmac-sha256", "AAAAAAAAAAAAAAAAAAAAAA==", MALFORMED},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena;
        struct tsig_key key;
        struct problem problem = {0};
        arena_open(&arena, 4096);
        assert_int_equal(tsig_key_make(span_of_text(rows[i].name), span_of_text(rows[i].algorithm),
                                       span_of_text(rows[i].secret), &arena, &key, &problem),
                         rows[i].status);
        assert_int_equal(problem.sentence[0] == 0, rows[i].status == OK);
        arena_close(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),           cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_tampering),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unsigned_refusal), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_streams),          cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
