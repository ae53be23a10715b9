/* JSON: what is read, what is refused, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/json.h"

static void test_reading(void **state)
{
    (void)state;
    struct arena arena;
    const struct json_node *root;
    struct problem problem = {0};
    arena_open(&arena, 1 << 20);
    assert_int_equal(json_read(SPAN_LITERAL("{\"a\":\"x\\u00e9\",\"b\":[1,2.9,-3,true,null],"
                                            "\"c\":{\"d\":{}}}"),
                               &arena, &root, &problem),
                     OK);
    assert_true(span_equal(json_member_text(root, "a"), SPAN_LITERAL("x\xc3\xa9")));
    const struct json_node *item = json_member(root, "b")->first_child;
    static const int64_t values[] = {1, 2, -3, 1, 0};
    for (size_t i = 0; i < LEN(values); i++, item = item->next) {
        assert_int_equal(item->integer, values[i]);
    }
    assert_null(item);
    assert_int_equal(json_member(json_member(root, "c"), "d")->kind, JSON_NODE_OBJECT);
    assert_null(json_member(root, "none"));
    assert_null(json_member(NULL, "none"));
    assert_int_equal(json_member_integer(root, "a", 7), 7);
    assert_int_equal(json_member_text(root, "b").len, 0);
    arena_close(&arena);
}

static void test_refusing(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *text;
        enum status status;
    } rows[] = {
        {"nothing", "", MALFORMED},
        {"cut short", "{\"a\":", MALFORMED},
        {"a member twice", "{\"a\":1,\"a\":2}", MALFORMED},
        {"something behind", "{} x", MALFORMED},
        {"no UTF-8", "\"\xff\"", MALFORMED},
        {"a lone surrogate", "\"\\ud800\"", MALFORMED},
        {"33 lists deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         LIMIT_REACHED},
        {"32 lists deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", OK},
        {"brackets in a text", "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"", OK},
    };
    struct arena arena;
    arena_open(&arena, 1 << 20);
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct json_node *root;
        struct problem problem = {0};
        enum status status = json_read(span_of_text(rows[i].text), &arena, &root, &problem);
        if (status != rows[i].status || (status != OK && root != NULL)) {
            fail_msg("%s: %s", rows[i].why, status_text(status));
        }
    }
    static char large[JSON_LEN_MAX + 2];
    memset(large, ' ', JSON_LEN_MAX + 1);
    const struct json_node *root;
    assert_int_equal(json_read(span_of_text(large), &arena, &root, NULL), TOO_LONG);
    for (size_t i = 0; i < 2 * (JSON_NODES_MAX + 2); i++) {
        large[i] = i == 0 ? '[' : i % 2 == 1 ? '0' : ',';
    }
    large[2 * (JSON_NODES_MAX + 2)] = ']';
    large[2 * (JSON_NODES_MAX + 2) + 1] = '\0';
    assert_int_equal(json_read(span_of_text(large), &arena, &root, NULL), LIMIT_REACHED);
    arena_close(&arena);
}

static void test_writing(void **state)
{
    (void)state;
    char text[256] = "";
    struct writer writer = writer_over(text, sizeof text - 1);
    struct json_writer json = json_over(&writer);
    json_open_object(&json, NULL);
    json_write_words(&json, "quote\"", "line\n\x7f\\");
    json_open_list(&json, "list");
    json_write_integer(&json, NULL, -5);
    json_write_bool(&json, NULL, true);
    json_open_object(&json, NULL);
    json_close_object(&json);
    json_close_list(&json);
    json_write_text(&json, "utf8", SPAN_LITERAL("\xc3\xa9\xff\xe2\x82"));
    json_close_object(&json);
    assert_string_equal(text, "{\"quote\\\"\":\"line\\u000a\\u007f\\\\\",\"list\":[-5,true,{}],"
                              "\"utf8\":\"\xc3\xa9???\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_refusing),
        cmocka_unit_test(test_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
