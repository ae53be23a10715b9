/* What a catalog says and what makes it a broken one, a row each (RFC 9432); and that a catalog
 * made here says what it was made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/zone/catalog.h"
#include "core/zone/test_zone.h"

#define APEX "cat.example. SOA invalid. invalid. 1 3600 600 86400 0"
#define GOOD APEX, "cat.example. NS invalid.", "version.cat.example. TXT \"2\""

static const struct row {
    const char *why;
    const char *lines[10];
    const char *says; /* members as "zone label group owner;"; NULL: it is broken */
} rows[] = {
    {"no members", {GOOD}, ""},
    {"members in the order of their names",
     {GOOD, "b.zones.cat.example. PTR a.test.", "a.zones.cat.example. PTR b.test."},
     "a.test. b - -;b.test. a - -;"},
    {"a group, and a change of ownership",
     {GOOD, "x.zones.cat.example. PTR a.test.", "group.x.zones.cat.example. TXT \"blue\"",
      "coo.x.zones.cat.example. PTR other.example."},
     "a.test. x blue other.example.;"},
    {"letters of any case",
     {GOOD, "X.ZONES.cat.example. PTR A.test.", "Group.x.Zones.cat.example. TXT \"blue\""},
     "A.test. X blue -;"},
    {"properties that are not known",
     {GOOD, "x.zones.cat.example. PTR a.test.", "what.x.zones.cat.example. TXT \"y\"",
      "ext.cat.example. TXT \"z\"", "a.b.x.zones.cat.example. TXT \"deep\""},
     "a.test. x - -;"},
    {"a property of no member", {GOOD, "group.x.zones.cat.example. TXT \"blue\""}, ""},
    {"a name that is no member", {GOOD, "x.zones.cat.example. TXT \"PTR\""}, ""},
    {"no version", {APEX, "cat.example. NS invalid."}, NULL},
    {"another version", {APEX, "version.cat.example. TXT \"1\""}, NULL},
    {"two versions", {GOOD, "version.cat.example. TXT \"1\""}, NULL},
    {"two strings in the version", {APEX, "version.cat.example. TXT \"2\" \"2\""}, NULL},
    {"two zones under one label",
     {GOOD, "x.zones.cat.example. PTR a.test.", "x.zones.cat.example. PTR b.test."},
     NULL},
    {"one zone under two labels",
     {GOOD, "x.zones.cat.example. PTR a.test.", "y.zones.cat.example. PTR A.test."},
     NULL},
    {"two new owners",
     {GOOD, "x.zones.cat.example. PTR a.test.", "coo.x.zones.cat.example. PTR b.",
      "coo.x.zones.cat.example. PTR c."},
     NULL},
};

static void print_catalog(const struct catalog *catalog, char text[2048])
{
    struct writer writer = writer_over(text, 2047);
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_member *member = &catalog->members[i];
        name_write_text(member->zone, &writer);
        writer_text(&writer, " ");
        writer_span(&writer, member->label);
        writer_text(&writer, " ");
        writer_span(&writer, member->group.len == 0 ? span_of_text("-") : member->group);
        writer_text(&writer, " ");
        if (member->new_owner.octets == NULL) {
            writer_text(&writer, "-");
        } else {
            name_write_text(member->new_owner, &writer);
        }
        writer_text(&writer, ";");
    }
    assert_int_equal(writer.status, OK);
    text[writer.len] = 0;
}

static void test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        size_t count = 0;
        while (count < LEN(rows[i].lines) && rows[i].lines[count] != NULL) {
            count++;
        }
        struct zone *zone = test_zone("cat.example.", rows[i].lines, count);
        struct arena arena;
        struct catalog catalog;
        struct problem problem = {0};
        char text[2048];
        arena_open(&arena, 1 << 20);
        print_message("%s\n", rows[i].why);
        enum status status = catalog_read(zone, &arena, &catalog, &problem);
        assert_int_equal(status, rows[i].says == NULL ? MALFORMED : OK);
        if (status == OK) {
            print_catalog(&catalog, text);
            assert_string_equal(text, rows[i].says);
        } else {
            assert_true(problem.sentence[0] != 0);
        }
        arena_close(&arena);
        zone_release(zone);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct name_buffer buffers[3];
    struct catalog_member members[2] = {
        {.zone = test_name("a.test.", &buffers[0]), .group = span_of_text("blue")},
        {.zone = test_name("b.test.", &buffers[1])}};
    struct catalog catalog = {members, 2};
    struct zone *zone = catalog_make(test_name("cat.example.", &buffers[2]), &catalog, 7);
    assert_non_null(zone);
    assert_int_equal(zone_serial(zone), 7);
    struct arena arena;
    struct catalog read;
    struct problem problem = {0};
    arena_open(&arena, 1 << 20);
    assert_int_equal(catalog_read(zone, &arena, &read, &problem), OK);
    assert_int_equal(read.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct catalog_member *member = catalog_find(&read, members[i].zone);
        char label[CATALOG_LABEL_LEN];
        assert_non_null(member);
        assert_true(span_equal(member->group, members[i].group));
        catalog_make_label(members[i].zone, label);
        assert_true(span_equal(member->label, span_of(label, sizeof label)));
    }
    assert_null(catalog_find(&read, zone_apex(zone)));
    arena_close(&arena);
    zone_release(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading),
                                       cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
