/* A search in steps finds what a search in one go finds, whatever the names have in common and
 * however versions came about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/zone_seek.h"

enum { NAMES = 3000, TOGETHER = 64, TEXT_MAX = 250 };

/* Kinds of names, by what they share: nothing, much, more than a page keeps, octets that keys
 * escape. */
static void draw_name(uint64_t *random, char text[TEXT_MAX])
{
    static const char *const forms[] = {
        "n%u.example.",
        "all-of-these-begin-alike-%u.example.",
        "%u.label-that-is-quite-long.another-label-that-is-quite-long.a-third-of-them.example.",
        "\\000%u.example.",
        "\\001\\000%u.x.example.",
        "a.b.c.%u.example.",
        "A%uB.Example.",
    };
    uint32_t form = test_random(random) % LEN(forms);
    snprintf(text, TEXT_MAX, forms[form], test_random(random) % 2000);
}

static struct zone *make_version(uint64_t *random, const struct zone *from, size_t changes)
{
    struct zone_builder *builder = test_change("example.", from);
    if (from == NULL) {
        test_add(builder, "example. SOA ns.example. h.example. 1 3600 600 86400 300");
    }
    for (size_t i = 0; i < changes; i++) {
        char owner[TEXT_MAX];
        char line[TEXT_MAX + 20];
        draw_name(random, owner);
        struct name_buffer buffer;
        struct rrset none = {.owner = test_name(owner, &buffer), .type = TYPE_A};
        if (from != NULL && test_random(random) % 2 == 0) {
            assert_int_equal(zone_build_set(builder, &none), OK);
            continue;
        }
        snprintf(line, sizeof line, "%s A 192.0.2.1", owner);
        test_add(builder, line);
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

struct sought {
    struct name name;
    struct name_buffer buffer;
    uint8_t key[NAME_KEY_MAX];
    struct zone_seek seek;
};

static void check_found(const struct zone *zone, const struct sought *sought)
{
    const struct zone_node *after = zone_seek_after(&sought->seek);
    assert_ptr_equal(zone_seek_found(&sought->seek), zone_find(zone, sought->name));
    assert_ptr_equal(zone_seek_before(&sought->seek, 0), zone_at_or_before(zone, sought->name));
    assert_ptr_equal(after, zone_after(zone, sought->name));
    for (uint16_t back = 0; back < 4; back++) {
        const struct zone_node *here = zone_seek_before(&sought->seek, back);
        const struct zone_node *before = zone_seek_before(&sought->seek, (uint16_t)(back + 1));
        assert_true(before == NULL || zone_after(zone, before->owner) == here);
    }
}

static void check_together(const struct zone *zone, uint64_t *random)
{
    static struct sought all[TOGETHER];
    for (size_t i = 0; i < TOGETHER; i++) {
        char text[TEXT_MAX];
        draw_name(random, text);
        all[i].name = test_name(text, &all[i].buffer);
        size_t len = name_key(all[i].name, all[i].key);
        zone_seek_name(&all[i].seek, zone, span_of(all[i].key, len));
    }
    for (bool has_more = true; has_more;) {
        has_more = false;
        for (size_t i = 0; i < TOGETHER; i++) {
            has_more |= zone_seek_step(&all[i].seek);
        }
    }
    for (size_t i = 0; i < TOGETHER; i++) {
        check_found(zone, &all[i]);
    }
}

static void test_random_versions(void **state)
{
    (void)state;
    uint64_t random = 20261124;
    struct zone *zone = make_version(&random, NULL, NAMES);
    for (size_t version = 0; version < 40; version++) {
        check_together(zone, &random);
        struct zone *next = make_version(&random, zone, version % 8 == 7 ? NAMES / 2 : 20);
        check_together(next, &random);
        check_together(zone, &random); /* which the change has not touched */
        zone_release(zone);
        zone = next;
    }
    zone_release(zone);
}

static void test_nothing_there(void **state)
{
    (void)state;
    uint64_t random = 1;
    struct zone *zone = make_version(&random, NULL, 0);
    struct zone_seek seek;
    uint8_t hash[] = "example\0000123456789abcdef";
    zone_seek_nsec3(&seek, zone, span_of(hash, sizeof hash));
    assert_false(zone_seek_step(&seek));
    assert_null(zone_seek_found(&seek));
    assert_null(zone_seek_before(&seek, 0));
    assert_null(zone_seek_after(&seek));
    uint8_t before_all[] = "a";
    zone_seek_name(&seek, zone, span_of(before_all, sizeof before_all));
    while (zone_seek_step(&seek)) {
    }
    assert_null(zone_seek_found(&seek));
    assert_null(zone_seek_before(&seek, 0));
    zone_release(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_versions),
        cmocka_unit_test(test_nothing_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
