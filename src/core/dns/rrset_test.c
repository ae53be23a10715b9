/* RRsets: canonical order and duplicates, equality without case, RRSIG's covered type. */
#include "core/dns/rrset.h"

#include "core/dns/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SCRATCH_MAX = 1 << 20 };

static struct rrset built(struct arena *arena, uint16_t type, const char *const *texts,
                          size_t count)
{
    struct rrset_builder builder;
    rrset_begin(&builder, arena, NAME_ROOT, type, 300);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[300];
        struct writer rdata = writer_over(bytes, sizeof bytes);
        struct problem problem = {0};
        if (rdata_parse_text(type, span_of_text(texts[i]), NULL, &rdata, &problem) != OK) {
            fail_msg("%s: %s", texts[i], problem.sentence);
        }
        rrset_add(&builder, writer_written(&rdata));
    }
    struct rrset rrset;
    assert_int_equal(rrset_finish(&builder, &rrset), OK);
    return rrset;
}

static void test_sorted_without_duplicates(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, SCRATCH_MAX);
    static const char *const texts[] = {"192.0.2.9", "192.0.2.1", "192.0.2.9", "10.0.0.1"};
    struct rrset rrset = built(&arena, TYPE_A, texts, LEN(texts));
    assert_int_equal(rrset.count, 3);
    uint8_t bytes[300] = {0};
    struct writer text = writer_over(bytes, sizeof bytes - 1);
    rrset_write_text(&rrset, &text);
    assert_string_equal((const char *)bytes, ".\t300\tIN\tA\t10.0.0.1\n.\t300\tIN\tA\t192.0.2.1\n"
                                             ".\t300\tIN\tA\t192.0.2.9\n");
    arena_close(&arena);
}

static void test_names_compare_without_case(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, SCRATCH_MAX);
    static const char *const upper[] = {"10 MAIL.example.", "10 A.example."};
    static const char *const lower[] = {"10 a.example.", "10 mail.Example.", "10 mail.example."};
    struct rrset a = built(&arena, TYPE_MX, upper, LEN(upper));
    struct rrset b = built(&arena, TYPE_MX, lower, LEN(lower));
    assert_int_equal(b.count, 2);
    assert_true(rrset_equal(&a, &b));
    static const char *const texts[] = {"A", "a"};
    struct rrset c = built(&arena, TYPE_TXT, texts, LEN(texts));
    assert_int_equal(c.count, 2); /* text is not a name: the case counts */
    arena_close(&arena);
}

static void test_rrsig_covers(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, SCRATCH_MAX);
    static const char *const texts[] = {
        "MX 13 1 300 20261201000000 20261101000000 12345 example. AAAA"};
    struct rrset rrset = built(&arena, TYPE_RRSIG, texts, 1);
    assert_int_equal(rrset.covers, TYPE_MX);
    struct rrset copy;
    assert_int_equal(rrset_copy(&arena, &rrset, &copy), OK);
    assert_true(rrset_equal(&rrset, &copy));
    assert_true(rrset_has(&copy, rrset_only(&rrset)));
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted_without_duplicates),
        cmocka_unit_test(test_names_compare_without_case),
        cmocka_unit_test(test_rrsig_covers),
    };
    return cmocka_run_group_tests_name("core/dns/rrset", tests, NULL, NULL);
}
