/* Escaping, forms and cookies. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/html.h"

static void test_escaping(void **state)
{
    (void)state;
    char text[256] = "";
    struct writer writer = writer_over(text, sizeof text - 1);
    HTML_FILL(&writer, "<a title=\"{}\">{}</a>", "\"'><script>", "a&b\x01\n");
    assert_string_equal(text, "<a title=\"&quot;&#39;&gt;&lt;script&gt;\">a&amp;b&#xfffd;\n</a>");
}

static void test_forms(void **state)
{
    (void)state;
    struct arena arena;
    struct form form;
    arena_open(&arena, 1 << 20);
    assert_int_equal(html_read_form(SPAN_LITERAL("a=1+2%2b3&&b&c=%C3%A9&a=second"), &arena, &form),
                     OK);
    assert_int_equal(form.count, 4);
    assert_true(span_equal(html_form_value(&form, "a"), SPAN_LITERAL("1 2+3")));
    assert_int_equal(html_form_value(&form, "b").len, 0);
    assert_true(span_equal(html_form_value(&form, "c"), SPAN_LITERAL("\xc3\xa9")));
    assert_int_equal(html_form_value(&form, "none").len, 0);
    static const char *const broken[] = {"a=%", "a=%4", "a=%g0", "%=x", "a=1&b=%zz"};
    for (size_t i = 0; i < LEN(broken); i++) {
        assert_int_equal(html_read_form(span_of_text(broken[i]), &arena, &form), MALFORMED);
    }
    char many[4 * (FORM_FIELDS_MAX + 1) + 1] = "";
    for (size_t i = 0; i <= FORM_FIELDS_MAX; i++) {
        memcpy(many + 4 * i, "a=1&", 4);
    }
    assert_int_equal(html_read_form(span_of(many, sizeof many - 1), &arena, &form), LIMIT_REACHED);
    static char large[FORM_LEN_MAX + 1];
    assert_int_equal(html_read_form(span_of(large, sizeof large), &arena, &form), TOO_LONG);
    arena_close(&arena);
}

static void test_cookies(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *value;
    } rows[] = {
        {"vouch=abc", "abc"},
        {"other=1; vouch=abc", "abc"},
        {"vouch-form=x; vouch=y", "y"},
        {"xvouch=1", ""},
        {"vouch", ""},
        {"", ""},
        {"vouch=", ""},
        {";;; vouch=a=b", "a=b"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_true(span_equal(html_cookie(span_of_text(rows[i].field), "vouch"),
                               span_of_text(rows[i].value)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
