/* The cursors, the arena and the problems: what they promise at their borders. */
#include "core/base/arena.h"
#include "core/base/entropy.h"
#include "core/base/problem.h"
#include "core/base/reader.h"
#include "core/base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_reader_error_is_sticky(void **state)
{
    (void)state;
    struct reader reader = reader_over(SPAN_LITERAL("\x01\x02\x03"));
    assert_int_equal(reader_u16(&reader), 0x0102);
    assert_int_equal(reader_u16(&reader), 0);
    assert_int_equal(reader.status, TRUNCATED);
    assert_int_equal(reader_u8(&reader),
                     0); /* there is an octet left, but nothing is read after a failure */
    assert_int_equal(reader_end(&reader), TRUNCATED);
}

static void test_reader_wants_all_to_be_read(void **state)
{
    (void)state;
    struct reader reader = reader_over(SPAN_LITERAL("\x01\x02\x03\x04\x05\x06\x07"));
    assert_true(reader_u48(&reader) == 0x010203040506);
    assert_int_equal(reader_end(&reader), MALFORMED);
    assert_int_equal(reader_rest(&reader).len, 1);
    assert_int_equal(reader_end(&reader), OK);
}

static void test_writer_error_is_sticky(void **state)
{
    (void)state;
    uint8_t bytes[5];
    struct writer writer = writer_over(bytes, sizeof bytes);
    writer_u32(&writer, 0x01020304);
    writer_u16(&writer, 0x0506);
    assert_int_equal(writer.status, NO_SPACE);
    writer_u8(&writer, 7); /* would fit, but nothing is written after a failure */
    assert_int_equal(writer.len, 4);
    writer_rewind(&writer, 2);
    writer_print(&writer, "%d", 42);
    assert_int_equal(writer.status, OK);
    assert_memory_equal(bytes,
                        "\x01\x02"
                        "42",
                        4);
}

static void test_writer_patches(void **state)
{
    (void)state;
    uint8_t bytes[4];
    struct writer writer = writer_over(bytes, sizeof bytes);
    size_t at = writer_reserve(&writer, 2);
    writer_text(&writer, "ab");
    writer_patch_u16(&writer, at, 0x1234);
    assert_memory_equal(bytes,
                        "\x12\x34"
                        "ab",
                        4);
}

static void test_arena_keeps_its_cap(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 10000);
    assert_null(arena_take(&arena, 10001));
    uint8_t *taken = arena_take(&arena, 9000);
    assert_non_null(taken);
    assert_int_equal(taken[8999], 0);
    memset(taken, 0xff, 9000);
    assert_null(arena_take(&arena, 9000));
    arena_reset(&arena);
    taken = arena_take(&arena, 9000);
    assert_non_null(taken);
    assert_int_equal(taken[8999], 0); /* zeroed again */
    assert_null(arena_take_array(&arena, SIZE_MAX / 2, 3));
    arena_close(&arena);
}

static void test_problem_prints_its_place(void **state)
{
    (void)state;
    struct problem problem = {0};
    char text[600];
    assert_int_equal(problem_set(&problem, MALFORMED, "expected %s", "a name"), MALFORMED);
    assert_string_equal(problem_print(&problem, text, sizeof text), "expected a name");
    problem_place(&problem, "zone", 3, 7);
    assert_string_equal(problem_print(&problem, text, sizeof text), "zone:3:7: expected a name");
    assert_int_equal(problem_set(NULL, REFUSED, "no place to say it"), REFUSED);
}

static void count_up(void *self, void *bytes, size_t len)
{
    uint8_t *next = self;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (*next)++;
    }
}

static void test_entropy_stays_below_its_bound(void **state)
{
    (void)state;
    uint8_t next = 0;
    struct entropy entropy = {count_up, &next};
    for (int i = 0; i < 1000; i++) {
        assert_true(entropy_below(&entropy, 7) < 7);
    }
    assert_int_equal(entropy_below(&entropy, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_error_is_sticky),
        cmocka_unit_test(test_reader_wants_all_to_be_read),
        cmocka_unit_test(test_writer_error_is_sticky),
        cmocka_unit_test(test_writer_patches),
        cmocka_unit_test(test_arena_keeps_its_cap),
        cmocka_unit_test(test_problem_prints_its_place),
        cmocka_unit_test(test_entropy_stays_below_its_bound),
    };
    return cmocka_run_group_tests_name("core/base", tests, NULL, NULL);
}
