/* Lengths that are whole, cut, too small and too large, in the two framings there are. */
#include "core/base/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct framing EPP = {4, true, 1, 64 * 1024};

static void streams_are_cut(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const struct framing *framing;
        struct span stream;
        enum status status;
        const char *message;
    } rows[] = {
        {"nothing", &FRAMING_DNS, {NULL, 0}, TRUNCATED, ""},
        {"half a length", &FRAMING_DNS, SPAN_LITERAL("\0"), TRUNCATED, ""},
        {"an empty message", &FRAMING_DNS, SPAN_LITERAL("\0\0"), OK, ""},
        {"a whole message", &FRAMING_DNS, SPAN_LITERAL("\0\3abc"), OK, "abc"},
        {"a whole message and more", &FRAMING_DNS, SPAN_LITERAL("\0\3abcd"), OK, "abc"},
        {"a message without its end", &FRAMING_DNS, SPAN_LITERAL("\0\3ab"), TRUNCATED, ""},
        {"the longest", &FRAMING_DNS, SPAN_LITERAL("\xff\xff"), TRUNCATED, ""},
        {"three octets of a length", &EPP, SPAN_LITERAL("\0\0\0"), TRUNCATED, ""},
        {"a length below its own size", &EPP, SPAN_LITERAL("\0\0\0\3"), MALFORMED, ""},
        {"no octet of XML", &EPP, SPAN_LITERAL("\0\0\0\4"), MALFORMED, ""},
        {"one octet", &EPP, SPAN_LITERAL("\0\0\0\5<"), OK, "<"},
        {"the longest frame", &EPP, SPAN_LITERAL("\0\1\0\4"), TRUNCATED, ""},
        {"one octet more", &EPP, SPAN_LITERAL("\0\1\0\5"), MALFORMED, ""},
        {"GET / of a browser", &EPP, SPAN_LITERAL("GET / HTTP/1.1"), MALFORMED, ""},
        {"a length with all bits", &EPP, SPAN_LITERAL("\xff\xff\xff\xff"), MALFORMED, ""},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct span message;
        enum status status = framing_next(rows[i].framing, rows[i].stream, &message);
        if (status != rows[i].status || !span_equal(message, span_of_text(rows[i].message))) {
            fail_msg("%s: %s, %zu octets", rows[i].why, status_text(status), message.len);
        }
    }
}

static void lengths_are_written(void **state)
{
    (void)state;
    static const struct {
        const struct framing *framing;
        size_t len;
        const char *written;
    } rows[] = {{&FRAMING_DNS, 0, "\0\0"},
                {&FRAMING_DNS, 258, "\1\2"},
                {&FRAMING_DNS, 65535, "\xff\xff"},
                {&EPP, 1, "\0\0\0\5"},
                {&EPP, 64 * 1024, "\0\1\0\4"}};
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t bytes[4];
        struct writer stream = writer_over(bytes, sizeof bytes);
        framing_write_length(rows[i].framing, rows[i].len, &stream);
        assert_int_equal(stream.status, OK);
        assert_int_equal(stream.len, rows[i].framing->length_size);
        assert_memory_equal(bytes, rows[i].written, stream.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(streams_are_cut),
                                       cmocka_unit_test(lengths_are_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
