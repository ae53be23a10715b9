/* Trust anchor files as tools write them, and what is refused. */
#include "core/dnssec/dnssec_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DS "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
#define KEY "3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="

static const struct {
    const char *why;
    const char *text;
    size_t count; /* 0: refused */
    uint32_t line;
} ROWS[] = {
    {"a DS as in root.ds", ". IN DS " DS "\n", 1, 0},
    {"without a newline at the end", ". IN DS " DS, 1, 0},
    {"with TTL and class in either order", ". 172800 IN DS " DS "\n. IN 9 DS " DS "\n", 2, 0},
    {"without class", "example. DS " DS "\n", 1, 0},
    {"a DNSKEY as in root.key, with its comment",
     "; autotrust\n.\t172800\tIN\tDNSKEY\t257 " KEY " ;{id = 3613 (ksk)}\n", 1, 0},
    {"parentheses over lines",
     "example. IN DS ( 20326 8 2 ; the tag\n"
     " E06D44B80B8F1D39A95C0B0D7C65D08458E880409B\n"
     " BC683457104237C7F8EC8D )\n",
     1, 0},
    {"blank lines and returns", "\r\n\r\n. IN DS " DS "\r\n", 1, 0},
    {"nothing", "", 0, 0},
    {"only a comment", "; nothing\n", 0, 0},
    {"another type", ". IN DS " DS "\n. IN A 192.0.2.1\n", 0, 2},
    {"no type", ".\n", 0, 1},
    {"a digest cut short", "\n. IN DS 20326 8 2 E06D4\n", 0, 2},
    {"a revoked key", ". IN DNSKEY 385 " KEY "\n", 0, 1},
    {"a key that is no zone key", ". IN DNSKEY 1 " KEY "\n", 0, 1},
    {"a parenthesis left open", ". IN DS ( " DS "\n", 0, 1},
    {"a parenthesis too much", ". IN DS " DS " )\n", 0, 1},
    {"a bad name", "a..b. IN DS " DS "\n", 0, 1},
};

static void files_are_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct arena arena;
        arena_open(&arena, 1 << 20);
        const struct trust_anchor *anchors;
        size_t count = 0;
        struct problem problem = {0};
        enum status status =
            trust_anchors_read(span_of_text(ROWS[i].text), &arena, &anchors, &count, &problem);
        if ((status == OK ? count : 0) != ROWS[i].count || problem.line != ROWS[i].line ||
            (status == OK) != (problem.sentence[0] == '\0')) {
            fail_msg("%s: %zu, line %u: %s", ROWS[i].why, count, problem.line, problem.sentence);
        }
        for (size_t j = 0; status == OK && j < count; j++) {
            assert_true(anchors[j].type == TYPE_DS || anchors[j].type == TYPE_DNSKEY);
        }
        arena_close(&arena);
    }
}

static void the_root_has_two_keys(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 20);
    const struct trust_anchor *anchors;
    size_t count;
    assert_int_equal(trust_anchors_of_root(&arena, &anchors, &count), OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(name_is_root(anchors[i].zone));
        assert_int_equal(anchors[i].type, TYPE_DS);
    }
    arena_close(&arena);
}

static void a_ds_is_of_the_zone_above(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *name;
        uint16_t type;
        bool is_covered;
    } COVERS[] = {
        {"example.com.", "www.example.com.", TYPE_A, true},
        {"example.com.", "example.com.", TYPE_A, true},
        {"example.com.", "com.", TYPE_A, false},
        {"example.com.", "example.com.", TYPE_DS, false},
        {"example.com.", "sub.example.com.", TYPE_DS, true},
        {"com.", "example.com.", TYPE_DS, true},
        {".", ".", TYPE_DS, true},
    };
    for (size_t i = 0; i < LEN(COVERS); i++) {
        struct name_buffer zone_octets, name_octets;
        struct name zone, name;
        assert_int_equal(name_parse(span_of_text(COVERS[i].zone), NULL, &zone_octets, &zone, NULL),
                         OK);
        assert_int_equal(name_parse(span_of_text(COVERS[i].name), NULL, &name_octets, &name, NULL),
                         OK);
        assert_int_equal(trust_covers(zone, name, COVERS[i].type), COVERS[i].is_covered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_or_refused),
        cmocka_unit_test(the_root_has_two_keys),
        cmocka_unit_test(a_ds_is_of_the_zone_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
