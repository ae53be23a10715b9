/* Server cookies by the examples of RFC 9018 appendix A, and what is no good any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/text.h"
#include "core/base/writer.h"
#include "core/dns/cookie.h"

static struct span from_hex(const char *text, uint8_t *bytes, size_t size)
{
    struct writer writer = writer_over(bytes, size);
    for (const char *at = text; at[0] != 0 && at[1] != 0; at += 2) {
        char pair[3] = {at[0], at[1], 0};
        writer_u8(&writer, (uint8_t)strtoul(pair, NULL, 16));
    }
    assert_int_equal(writer.status, OK);
    return writer_written(&writer);
}

struct row {
    const char *why, *client, *secret, *cookie;
    int64_t now_s;
    enum cookie_verdict verdict;
    const char *answer; /* NULL: not looked at */
};

#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD_SECRET "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW_SECRET "445536bcd2513298075a5d379663c962"

static const struct row rows[] = {
    {"A.1: a client learns its cookie", "198.51.100.100", SECRET, "2464c4abcf10c957", 1559731985,
     COOKIE_NEW, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
    {"A.2: it is renewed after half an hour", "198.51.100.100", SECRET,
     "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, COOKIE_AGING,
     "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
    {"A.3: reserved octets may be set", "203.0.113.203", SECRET,
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, COOKIE_BAD, NULL},
    {"A.3: and are good within the hour", "203.0.113.203", SECRET,
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559728000, COOKIE_GOOD, NULL},
    {"A.3: the new one has none", "203.0.113.203", SECRET,
     "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, COOKIE_BAD,
     "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
    {"A.4: by IPv6, with the secret of before", "2001:db8:220:1:59de:d0f4:8769:82b8", OLD_SECRET,
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, COOKIE_GOOD, NULL},
    {"A.4: the new secret does not know it", "2001:db8:220:1:59de:d0f4:8769:82b8", NEW_SECRET,
     "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, COOKIE_BAD,
     "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
    {"another address", "198.51.100.101", SECRET,
     "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, COOKIE_BAD, NULL},
    {"another client's half", "198.51.100.100", SECRET,
     "2464c4abcf10c958010000005cf79f111f8130c3eee29480", 1559731985, COOKIE_BAD, NULL},
    {"exactly an hour old", "198.51.100.100", SECRET,
     "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 + 3600, COOKIE_AGING, NULL},
    {"a second older", "198.51.100.100", SECRET, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
     1559731985 + 3601, COOKIE_BAD, NULL},
    {"five minutes from the future", "198.51.100.100", SECRET,
     "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 - 300, COOKIE_GOOD, NULL},
    {"a second more", "198.51.100.100", SECRET, "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
     1559731985 - 301, COOKIE_BAD, NULL},
    {"version 2", "198.51.100.100", SECRET, "2464c4abcf10c957020000005cf79f111f8130c3eee29480",
     1559731985, COOKIE_BAD, NULL},
    {"another maker's, 8 octets", "198.51.100.100", SECRET, "2464c4abcf10c9570102030405060708", 0,
     COOKIE_BAD, NULL},
    {"too short", "198.51.100.100", SECRET, "2464c4abcf10c9", 0, COOKIE_MALFORMED, NULL},
    {"empty", "198.51.100.100", SECRET, "", 0, COOKIE_MALFORMED, NULL},
    {"half a server's half", "198.51.100.100", SECRET, "2464c4abcf10c95701020304050607", 0,
     COOKIE_MALFORMED, NULL},
    {"too long", "198.51.100.100", SECRET,
     "000000000000000000000000000000000000000000000000000000000000000000000000000000000000", 0,
     COOKIE_MALFORMED, NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct row *row = &rows[i];
        uint8_t secret[COOKIE_SECRET_LEN], bytes[64], made[COOKIE_LEN], expected[COOKIE_LEN];
        struct address client;
        assert_int_equal(address_read(span_of_text(row->client), 0, &client), OK);
        from_hex(row->secret, secret, sizeof secret);
        struct span option = from_hex(row->cookie, bytes, sizeof bytes);
        enum cookie_verdict verdict = cookie_check(option, client, secret, row->now_s);
        if (verdict != row->verdict) {
            fail_msg("%s: %d", row->why, verdict);
        }
        if (row->answer != NULL) {
            from_hex(row->answer, expected, sizeof expected);
            cookie_make(option, client, secret, row->now_s, made);
            assert_memory_equal(made, expected, sizeof made);
            assert_int_equal(
                cookie_check(span_of(made, sizeof made), client, secret, row->now_s + 60),
                COOKIE_GOOD);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
