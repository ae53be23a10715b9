/* Text forms of bytes, numbers, TTLs and times: the vectors of RFC 4648 §10, and what must be
 * refused. */
#include "core/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct base_row {
    const char *plain, *base16, *base32hex, *base64;
};

static const struct base_row base_rows[] = {
    {"", "", "", ""},
    {"f", "66", "co", "Zg=="},
    {"fo", "666F", "cpng", "Zm8="},
    {"foo", "666F6F", "cpnmu", "Zm9v"},
    {"foob", "666F6F62", "cpnmuog", "Zm9vYg=="},
    {"fooba", "666F6F6261", "cpnmuoj1", "Zm9vYmE="},
    {"foobar", "666F6F626172", "cpnmuoj1e8", "Zm9vYmFy"},
};

static void check_base(const char *plain, const char *text,
                       void (*write)(struct writer *, struct span),
                       enum status (*read)(struct span, struct writer *))
{
    uint8_t bytes[64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    write(&writer, span_of_text(plain));
    assert_true(span_equal(writer_written(&writer), span_of_text(text)));
    uint8_t back[64];
    struct writer decoded = writer_over(back, sizeof back);
    assert_int_equal(read(span_of_text(text), &decoded), OK);
    assert_true(span_equal(writer_written(&decoded), span_of_text(plain)));
}

static void test_bases(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(base_rows); i++) {
        check_base(base_rows[i].plain, base_rows[i].base16, text_write_base16, text_read_base16);
        check_base(base_rows[i].plain, base_rows[i].base32hex, text_write_base32hex,
                   text_read_base32hex);
        check_base(base_rows[i].plain, base_rows[i].base64, text_write_base64, text_read_base64);
    }
}

static void base64url_has_its_own_alphabet_and_no_padding(void **state)
{
    (void)state;
    check_base("", "", text_write_base64url, text_read_base64url);
    check_base("f", "Zg", text_write_base64url, text_read_base64url);
    check_base("fooba", "Zm9vYmE", text_write_base64url, text_read_base64url);
    check_base("\xfb\xff\xfe", "-__-", text_write_base64url, text_read_base64url);
}

struct wrong_row {
    const char *why;
    const char *text;
    enum status (*read)(struct span, struct writer *);
};

static const struct wrong_row wrong_rows[] = {
    {"half an octet", "6", text_read_base16},
    {"not a hex digit", "6G", text_read_base16},
    {"a length no octets have", "c", text_read_base32hex},
    {"bits left over", "cp", text_read_base32hex},
    {"w is behind the alphabet", "cw", text_read_base32hex},
    {"no padding", "Zg", text_read_base64},
    {"three paddings", "Z===", text_read_base64},
    {"padding inside", "Zg==Zg==", text_read_base64},
    {"bits left over", "Zh==", text_read_base64},
    {"a blank", "Zm 9", text_read_base64},
};

static void test_bases_refuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(wrong_rows); i++) {
        uint8_t bytes[64];
        struct writer writer = writer_over(bytes, sizeof bytes);
        if (wrong_rows[i].read(span_of_text(wrong_rows[i].text), &writer) != MALFORMED) {
            fail_msg("%s: %s", wrong_rows[i].text, wrong_rows[i].why);
        }
    }
}

static void test_ttl(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        uint32_t ttl_s;
    } rows[] = {
        {"0", OK, 0},
        {"3600", OK, 3600},
        {"1h30m", OK, 5400},
        {"1W2d3H4m5S", OK, 604800 + 2 * 86400 + 3 * 3600 + 245},
        {"1h5", OK, 3605},
        {"2147483647", OK, 2147483647},
        {"2147483648", TOO_LONG, 0},
        {"9999w", TOO_LONG, 0},
        {"", MALFORMED, 0},
        {"h", MALFORMED, 0},
        {"1x", MALFORMED, 0},
        {"-1", MALFORMED, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint32_t ttl_s = 0;
        if (text_read_ttl(span_of_text(rows[i].text), &ttl_s) != rows[i].status ||
            ttl_s != rows[i].ttl_s) {
            fail_msg("TTL %s gives %u", rows[i].text, ttl_s);
        }
    }
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *time14, *rfc3339;
        int64_t wall_s;
    } rows[] = {
        {"19700101000000", "1970-01-01T00:00:00Z", 0},
        {"20000229235959", "2000-02-29T23:59:59Z", 951868799},
        {"20260801000000", "2026-08-01T00:00:00Z", 1785542400},
        {"21060207062816", "2106-02-07T06:28:16Z", 4294967296},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char text[40] = {0};
        int64_t wall_s = -1;
        struct writer writer = writer_over(text, sizeof text - 1);
        text_write_time14(&writer, rows[i].wall_s);
        assert_string_equal(text, rows[i].time14);
        assert_int_equal(text_read_time14(span_of_text(text), &wall_s), OK);
        assert_int_equal(wall_s, rows[i].wall_s);
        memset(text, 0, sizeof text);
        writer = writer_over(text, sizeof text - 1);
        text_write_rfc3339(&writer, rows[i].wall_s);
        assert_string_equal(text, rows[i].rfc3339);
        assert_int_equal(text_read_rfc3339(span_of_text(text), &wall_s), OK);
        assert_int_equal(wall_s, rows[i].wall_s);
    }
    int64_t wall_s;
    assert_int_equal(text_read_time14(SPAN_LITERAL("20230229000000"), &wall_s), MALFORMED);
    assert_int_equal(text_read_time14(SPAN_LITERAL("2023010100000"), &wall_s), MALFORMED);
    assert_int_equal(text_read_rfc3339(SPAN_LITERAL("2026-08-01 00:00:00Z"), &wall_s), MALFORMED);
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_int_equal(text_read_u64(SPAN_LITERAL("18446744073709551615"), UINT64_MAX, &value), OK);
    assert_true(value == UINT64_MAX);
    assert_int_equal(text_read_u64(SPAN_LITERAL("18446744073709551616"), UINT64_MAX, &value),
                     TOO_LONG);
    assert_int_equal(text_read_u64(SPAN_LITERAL("256"), 255, &value), TOO_LONG);
    assert_int_equal(text_read_u64(SPAN_LITERAL("+1"), 255, &value), MALFORMED);
    assert_int_equal(text_read_u64(SPAN_EMPTY, 255, &value), MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases),
        cmocka_unit_test(base64url_has_its_own_alphabet_and_no_padding),
        cmocka_unit_test(test_bases_refuse),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests_name("core/base/text", tests, NULL, NULL);
}
