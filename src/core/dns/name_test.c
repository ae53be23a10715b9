/* Names: every border of length, pointers that loop, text escapes, the example of RFC 4034 §6.1. */
#include "core/dns/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name parsed(const char *text, struct name_buffer *buffer)
{
    struct name name;
    struct problem problem = {0};
    if (name_parse(span_of_text(text), NULL, buffer, &name, &problem) != OK) {
        fail_msg("%s: %s", text, problem.sentence);
    }
    return name;
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed; /* NULL: refused */
    } rows[] = {
        {".", "."},
        {"Example.COM.", "Example.COM."},
        {"www", "www.origin.test."},
        {"@", "origin.test."},
        {"a\\.b.c.", "a\\.b.c."},
        {"a\\046b.c.", "a\\.b.c."},
        {"\\000\\255.", "\\000\\255."},
        {"*.x.", "*.x."},
        {"a..b.", NULL},
        {".a.", NULL},
        {"", NULL},
        {"a\\", NULL},
        {"a\\25", NULL},
        {"a\\256.", NULL},
        {"123456789012345678901234567890123456789012345678901234567890123.",
         "123456789012345678901234567890123456789012345678901234567890123."},
        {"1234567890123456789012345678901234567890123456789012345678901234.", NULL},
    };
    struct name_buffer origin_buffer;
    struct name origin = parsed("origin.test.", &origin_buffer);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct name_buffer buffer;
        struct name name;
        struct problem problem = {0};
        char text[NAME_TEXT_MAX];
        enum status status =
            name_parse(span_of_text(rows[i].text), &origin, &buffer, &name, &problem);
        if (rows[i].printed == NULL) {
            assert_int_not_equal(status, OK);
            assert_true(problem.sentence[0] != '\0');
            continue;
        }
        assert_int_equal(status, OK);
        assert_string_equal(name_print(name, text), rows[i].printed);
        struct reader reader = reader_over(name_span(name));
        struct name again = name_read(&reader);
        assert_int_equal(reader_end(&reader), OK);
        assert_int_equal(again.label_count, name.label_count);
    }
}

static void test_longest(void **state)
{
    (void)state;
    char text[600] = {0};
    for (int i = 0; i < 127; i++) {
        strncat(text, "a.", sizeof text - strlen(text) - 1);
    }
    struct name_buffer buffer;
    struct name name = parsed(text, &buffer);
    assert_int_equal(name.len, 255);
    assert_int_equal(name.label_count, 127);
    struct name ignored;
    struct problem problem;
    strncat(text, "a.", sizeof text - strlen(text) - 1);
    assert_int_equal(name_parse(span_of_text(text), NULL, &buffer, &ignored, &problem), TOO_LONG);
    uint8_t wire[300];
    for (int i = 0; i < 128; i++) {
        wire[2 * i] = 1;
        wire[2 * i + 1] = 'a';
    }
    wire[256] = 0;
    struct reader reader = reader_over(span_of(wire, 257));
    name_read(&reader);
    assert_int_equal(reader.status, MALFORMED);
}

static void test_wire(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *message;
        size_t len, at;
        const char *printed; /* NULL: refused */
        size_t end;
    } rows[] = {
        {"plain", "\1a\1b\0", 5, 0, "a.b.", 5},
        {"pointer to a name before", "\1b\0\1a\300\0", 7, 3, "a.b.", 7},
        {"pointer alone", "\1b\0\300\0", 5, 3, "b.", 5},
        {"pointer to a pointer", "\1b\0\300\0\1a\300\3", 9, 5, "a.b.", 9},
        {"pointer to itself", "\300\0", 2, 0, NULL, 0},
        {"pointer forward", "\300\2\1b\0", 5, 0, NULL, 0},
        {"loop through a label", "\1a\300\0", 4, 0, NULL, 0},
        {"reserved label type 01", "\101a\0", 3, 0, NULL, 0},
        {"reserved label type 10", "\201a\0", 3, 0, NULL, 0},
        {"cut in a label", "\5abc", 4, 0, NULL, 0},
        {"cut in a pointer", "\1a\300", 3, 0, NULL, 0},
        {"no end", "\1a", 2, 0, NULL, 0},
        {"nothing", "", 0, 0, NULL, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct reader reader = reader_over(span_of(rows[i].message, rows[i].len));
        reader.at = rows[i].at;
        struct name_buffer buffer;
        struct name name = name_read_compressed(&reader, &buffer);
        if (rows[i].printed == NULL) {
            if (reader.status == OK) {
                fail_msg("accepted: %s", rows[i].why);
            }
            continue;
        }
        char text[NAME_TEXT_MAX];
        assert_int_equal(reader.status, OK);
        assert_string_equal(name_print(name, text), rows[i].printed);
        assert_int_equal(reader.at, rows[i].end);
    }
}

/* The order of RFC 4034 §6.1, with case and escapes as printed there. */
static const char *const canonical[] = {
    "example.",   "a.example.",       "yljkjljk.a.example.", "Z.a.example.",     "zABC.a.EXAMPLE.",
    "z.example.", "\\001.z.example.", "*.z.example.",        "\\200.z.example.",
};

static void test_canonical_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(canonical); i++) {
        for (size_t j = 0; j < LEN(canonical); j++) {
            struct name_buffer a_buffer, b_buffer;
            struct name a = parsed(canonical[i], &a_buffer);
            struct name b = parsed(canonical[j], &b_buffer);
            int order = name_compare(a, b);
            assert_int_equal(order < 0, i < j);
            assert_int_equal(order == 0, i == j);
            uint8_t a_key[NAME_KEY_MAX], b_key[NAME_KEY_MAX];
            struct span a_span = span_of(a_key, name_key(a, a_key));
            struct span b_span = span_of(b_key, name_key(b, b_key));
            int key_order = span_compare(a_span, b_span);
            assert_int_equal(key_order < 0, i < j);
            assert_int_equal(key_order == 0, i == j);
        }
    }
}

/* Random names of few and nasty octets: the key orders as the comparison does. */
static void test_key_order_of_random_names(void **state)
{
    (void)state;
    static const uint8_t octets[] = {0, 1, 2, 'a', 'A', 0xff, '-'};
    uint64_t seed = 20261124;
    struct name names[60];
    static struct name_buffer buffers[60];
    for (size_t i = 0; i < LEN(names); i++) {
        struct writer writer = writer_over(buffers[i].octets, NAME_LEN_MAX);
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        for (unsigned label = (unsigned)(seed >> 33) % 4; label > 0; label--) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            unsigned len = 1 + (unsigned)(seed >> 33) % 3;
            writer_u8(&writer, (uint8_t)len);
            for (; len > 0; len--) {
                seed = seed * 6364136223846793005U + 1442695040888963407U;
                writer_u8(&writer, octets[(seed >> 33) % sizeof octets]);
            }
        }
        writer_u8(&writer, 0);
        struct reader reader = reader_over(writer_written(&writer));
        names[i] = name_read(&reader);
        assert_int_equal(reader_end(&reader), OK);
    }
    for (size_t i = 0; i < LEN(names); i++) {
        for (size_t j = 0; j < LEN(names); j++) {
            uint8_t a_key[NAME_KEY_MAX], b_key[NAME_KEY_MAX];
            int order = name_compare(names[i], names[j]);
            int key_order = span_compare(span_of(a_key, name_key(names[i], a_key)),
                                         span_of(b_key, name_key(names[j], b_key)));
            assert_int_equal(order < 0, key_order < 0);
            assert_int_equal(order == 0, key_order == 0);
            assert_int_equal(order == 0, name_equal(names[i], names[j]));
        }
    }
}

static void test_relations(void **state)
{
    (void)state;
    struct name_buffer a_buffer, b_buffer, c_buffer;
    struct name www = parsed("www.Example.com.", &a_buffer);
    struct name example = parsed("example.COM.", &b_buffer);
    struct name sibling = parsed("badexample.com.", &c_buffer);
    assert_true(name_is_at_or_below(www, example));
    assert_true(name_is_below(www, example));
    assert_false(name_is_below(example, example));
    assert_true(name_is_at_or_below(example, example));
    assert_false(name_is_at_or_below(sibling, example));
    assert_true(name_is_at_or_below(www, NAME_ROOT));
    assert_int_equal(name_common_labels(www, sibling), 1);
    assert_true(name_equal(name_parent(www), example));
    assert_true(span_equal(name_label(www, 1), SPAN_LITERAL("Example")));
    struct name_buffer made_buffer;
    struct name wildcard, joined;
    assert_int_equal(name_make_wildcard(example, &made_buffer, &wildcard), OK);
    assert_true(name_is_wildcard(wildcard));
    assert_int_equal(name_join(www, example, &made_buffer, &joined), OK);
    char text[NAME_TEXT_MAX];
    assert_string_equal(name_print(joined, text), "www.Example.com.example.COM.");
    assert_true(name_hash(example, 1) == name_hash(name_ancestor(www, 2), 1));
    assert_true(name_hash(example, 1) != name_hash(example, 2));
}

/* A name of one label. */
static struct name name_of_label(struct span label, struct name_buffer *buffer)
{
    struct name name;
    assert_int_equal(name_make_child(label, NAME_ROOT, buffer, &name), OK);
    return name;
}

/* RFC 1035 §5.1 and RFC 4343 §2.1, octet for octet. */
static size_t label_as_text(struct span label, char *text)
{
    size_t len = 0;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t octet = label.bytes[i];
        if (octet <= ' ' || octet > '~') {
            len += (size_t)snprintf(text + len, 5, "\\%03u", octet);
        } else {
            if (strchr(".\\\"();@$", octet) != NULL) {
                text[len++] = '\\';
            }
            text[len++] = (char)octet;
        }
    }
    text[len++] = '.';
    text[len] = '\0';
    return len;
}

static void test_any_octet_anywhere(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 18; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned octet = 0; octet < 256; octet++) {
                uint8_t label[18];
                char expected[4 * sizeof label + 2], text[NAME_TEXT_MAX];
                struct name_buffer buffer, other_buffer;
                memcpy(label, "plain-Label-0..9xyz", len);
                label[at] = (uint8_t)octet;
                struct name name = name_of_label(span_of(label, len), &buffer);
                label_as_text(span_of(label, len), expected);
                assert_string_equal(name_print(name, text), expected);
                /* The hash is that of the name in any case, and of no neighbour. */
                label[at] ^= 1;
                struct name other = name_of_label(span_of(label, len), &other_buffer);
                assert_true(name_hash(name, 7) != name_hash(other, 7));
                label[at] = (uint8_t)(octet >= 'a' && octet <= 'z' ? octet - 32 : octet);
                other = name_of_label(span_of(label, len), &other_buffer);
                assert_true(name_hash(name, 7) == name_hash(other, 7));
            }
        }
    }
}

static void test_common_labels(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        uint8_t common;
    } rows[] = {
        {".", ".", 0},
        {".", "a.", 0},
        {"a.", "a.", 1},
        {"a.", "b.", 0},
        {"a.example.", "b.example.", 1},
        {"a.example.", "A.example.", 2},
        {"a.example.", "b.EXAMPLE.", 1},
        {"ab.example.", "b.aexample.", 0},
        {"a.b.example.", "b.example.", 2},
        {"x.b.example.", "y.c.example.", 1},
        {"b.example.", "bb.example.", 1},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct name_buffer a_buffer, b_buffer;
        struct name a, b;
        assert_int_equal(name_parse(span_of_text(rows[i].a), NULL, &a_buffer, &a, NULL), OK);
        assert_int_equal(name_parse(span_of_text(rows[i].b), NULL, &b_buffer, &b, NULL), OK);
        assert_int_equal(name_common_labels(a, b), rows[i].common);
        assert_int_equal(name_common_labels(b, a), rows[i].common);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_wire),
        cmocka_unit_test(test_canonical_order),
        cmocka_unit_test(test_key_order_of_random_names),
        cmocka_unit_test(test_relations),
        cmocka_unit_test(test_any_octet_anywhere),
        cmocka_unit_test(test_common_labels),
    };
    return cmocka_run_group_tests_name("core/dns/name", tests, NULL, NULL);
}
