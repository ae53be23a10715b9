/* What the XML reader takes, what it refuses, and that hostile documents cost little. */
#include "core/proto/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEST_ARENA_MAX = 8 << 20 };

static enum status read_text(struct span text, struct arena *arena, const struct xml_node **root,
                             struct problem *problem)
{
    *problem = (struct problem){.status = OK};
    return xml_read(text, arena, root, problem);
}

static const struct {
    const char *why;
    const char *text;
    enum status status;
    const char *sentence; /* a part of it */
} refusals[] = {
    {"nothing", "", MALFORMED, "empty"},
    {"blank", "  \n", MALFORMED, "not well-formed"},
    {"no element", "<?xml version=\"1.0\"?>", MALFORMED, "not well-formed"},
    {"unclosed", "<a><b></a>", MALFORMED, "not well-formed"},
    {"cut", "<a><b>text", MALFORMED, "not well-formed"},
    {"two roots", "<a/><b/>", MALFORMED, "not well-formed"},
    {"text behind the root", "<a/>text", MALFORMED, "not well-formed"},
    {"plain DOCTYPE", "<!DOCTYPE a><a/>", MALFORMED, "DOCTYPE"},
    {"DOCTYPE of a file", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", MALFORMED, "DOCTYPE"},
    {"external entity (XXE)", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
     MALFORMED, "DOCTYPE"},
    {"a billion laughs", "<!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><a>&b;</a>",
     MALFORMED, "DOCTYPE"},
    {"undeclared entity", "<a>&nbsp;</a>", MALFORMED, "not well-formed"},
    {"attribute twice", "<a b='1' b='2'/>", MALFORMED, "not well-formed"},
    {"prefix without namespace", "<x:a/>", MALFORMED, "not well-formed"},
    {"Latin-1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>", UNSUPPORTED, "UTF-8"},
    {"invalid UTF-8", "<a>\xc3\x28</a>", MALFORMED, "not well-formed"},
    {"control character", "<a>\x01</a>", MALFORMED, "not well-formed"},
    {"character reference to NUL", "<a>&#0;</a>", MALFORMED, "not well-formed"},
};

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(refusals); i++) {
        struct arena arena;
        arena_open(&arena, TEST_ARENA_MAX);
        const struct xml_node *root;
        struct problem problem;
        enum status status = read_text(span_of_text(refusals[i].text), &arena, &root, &problem);
        if (status != refusals[i].status || root != NULL ||
            strstr(problem.sentence, refusals[i].sentence) == NULL) {
            fail_msg("%s: %s, \"%s\"", refusals[i].why, status_text(status), problem.sentence);
        }
        arena_close(&arena);
    }
}

/* `count` times `piece`, between `before` and `after`; freed by the caller. */
static char *repeated(const char *before, const char *piece, size_t count, const char *after)
{
    size_t len = strlen(before) + count * strlen(piece) + strlen(after);
    char *text = malloc(len + 1);
    assert_non_null(text);
    struct writer writer = writer_over(text, len);
    writer_text(&writer, before);
    for (size_t i = 0; i < count; i++) {
        writer_text(&writer, piece);
    }
    writer_text(&writer, after);
    assert_int_equal(writer.len, len);
    text[len] = '\0';
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *why, *before, *piece, *after;
        size_t count;
        enum status status;
    } rows[] = {
        {"deepest that is allowed", "", "<a>", "", XML_DEPTH_MAX, MALFORMED},
        {"one too deep", "", "<a>", "", XML_DEPTH_MAX + 1, LIMIT_REACHED},
        {"80,000 deep", "", "<a>", "", 80000, LIMIT_REACHED},
        {"most elements", "<a>", "<b/>", "</a>", XML_NODES_MAX - 1, OK},
        {"one element too many", "<a>", "<b/>", "</a>", XML_NODES_MAX, LIMIT_REACHED},
        {"too long", "<a>", " ", "</a>", XML_LEN_MAX, TOO_LONG},
        {"many declarations", "<a>", "<b xmlns:c='d' xmlns:e='f'/>", "</a>", XML_NODES_MAX / 3 + 1,
         LIMIT_REACHED},
        {"mixed content", "<a>", "x<b/>", "</a>", 9000, OK},
        {"character references", "<a>", "&#65;", "</a>", 50000, OK},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char *text = repeated(rows[i].before, rows[i].piece, rows[i].count, rows[i].after);
        struct arena arena;
        arena_open(&arena, TEST_ARENA_MAX);
        const struct xml_node *root;
        struct problem problem;
        enum status status = read_text(span_of_text(text), &arena, &root, &problem);
        if (status != rows[i].status) {
            fail_msg("%s: %s, \"%s\"", rows[i].why, status_text(status), problem.sentence);
        }
        arena_close(&arena);
        free(text);
    }
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    char *text = repeated("<a>", "<b/>", 5000, "</a>");
    struct arena arena;
    arena_open(&arena, 64 << 10);
    const struct xml_node *root;
    struct problem problem;
    assert_int_equal(read_text(span_of_text(text), &arena, &root, &problem), NO_MEMORY);
    assert_null(root);
    arena_close(&arena);
    free(text);
}

static void assert_span(struct span span, const char *expected)
{
    if (!span_equal(span, span_of_text(expected))) {
        fail_msg("\"%.*s\" instead of \"%s\"", (int)span.len, span.bytes, expected);
    }
}

static void test_tree(void **state)
{
    (void)state;
    static const char text[] =
        "<?xml version='1.0' encoding='utf-8'?>\r\n"
        "<!-- a comment --><?a pi?>\n"
        "<r xmlns='urn:one' xmlns:t='urn:two'>\n"
        " <t:a x='1' y='&lt;&amp;&#38;'> one<!-- c --> &amp; <![CDATA[<two>]]>\n</t:a>"
        " <a>wrong space</a> mixed <t:b/> text\n"
        " <t:a>again</t:a></r>\n";
    struct arena arena;
    arena_open(&arena, TEST_ARENA_MAX);
    const struct xml_node *root;
    struct problem problem;
    assert_int_equal(read_text(span_of_text(text), &arena, &root, &problem), OK);
    assert_span(root->name, "r");
    assert_span(root->space, "urn:one");
    assert_span(root->text, "mixed  text");
    const struct xml_node *a = xml_child(root, "urn:two", "a");
    assert_non_null(a);
    assert_span(a->text, "one & <two>");
    assert_span(xml_attribute(a, "x"), "1");
    assert_span(xml_attribute(a, "y"), "<&&");
    assert_int_equal(xml_attribute(a, "z").len, 0);
    const struct xml_node *again = xml_again(a);
    assert_non_null(again);
    assert_span(again->text, "again");
    assert_null(xml_again(again));
    assert_ptr_equal(xml_child(root, NULL, "a"), a);
    assert_span(xml_child(root, "urn:one", "a")->text, "wrong space");
    assert_null(xml_child(root, "urn:two", "c"));
    arena_close(&arena);
}

static void test_escapes(void **state)
{
    (void)state;
    char bytes[128];
    struct writer writer = writer_over(bytes, sizeof bytes);
    xml_write_escaped(&writer, SPAN_LITERAL("a<b>&\"'\n\x01\x7f\xc3\xa9"));
    assert_span(writer_written(&writer), "a&lt;b&gt;&amp;&quot;&apos;&#10;??\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),           cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory_is_bounded), cmocka_unit_test(test_tree),
        cmocka_unit_test(test_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
