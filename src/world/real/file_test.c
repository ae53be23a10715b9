/* Files as they are read whole, and when one is another than before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world/real/world.h"

enum { PATH_SIZE = 200, LONG_LEN = 300000 };

/* A new file of that many octets. */
static void put(const char *path, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++) {
        fputc('a' + (int)(i % 26), file);
    }
    assert_int_equal(fclose(file), 0);
}

static void open_folder(char folder[PATH_SIZE], char path[PATH_SIZE])
{
    snprintf(folder, PATH_SIZE, "/tmp/vouch-file-XXXXXX");
    assert_non_null(mkdtemp(folder));
    int len = snprintf(path, PATH_SIZE, "%.100s/file", folder);
    assert_true(len > 0 && len < PATH_SIZE);
}

static void test_read(void **state)
{
    static const struct {
        const char *reason;
        size_t len, size_max;
        enum status status;
    } rows[] = {
        {"an empty file", 0, 100, OK},
        {"a small one", 5, 100, OK},
        {"one as long as it may be", 100, 100, OK},
        {"one that is longer", 101, 100, TOO_LONG},
        {"one of many reads", LONG_LEN, LONG_LEN, OK},
    };
    char folder[PATH_SIZE], path[PATH_SIZE];
    (void)state;
    open_folder(folder, path);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena;
        struct file_content content;
        struct problem problem = {0};
        print_message("%s\n", rows[i].reason);
        put(path, rows[i].len);
        arena_open(&arena, 1 << 20);
        assert_int_equal(file_read_seen(path, rows[i].size_max, &arena, &content, &problem),
                         rows[i].status);
        assert_int_equal(problem.status, rows[i].status);
        if (rows[i].status == OK) {
            assert_int_equal(content.text.len, rows[i].len);
            for (size_t at = 0; at < rows[i].len; at++) {
                assert_int_equal(content.text.bytes[at], 'a' + at % 26);
            }
        }
        arena_close(&arena);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* What says that it has no octets may have some: files of the kernel's. */
static void test_unsized(void **state)
{
    struct arena arena;
    struct span content;
    (void)state;
    arena_open(&arena, 1 << 20);
    assert_int_equal(file_read("/proc/self/status", 1 << 16, &arena, &content, NULL), OK);
    assert_true(content.len > 5 && memcmp(content.bytes, "Name:", 5) == 0);
    assert_int_equal(file_read("/proc/self/status", 5, &arena, &content, NULL), TOO_LONG);
    assert_int_equal(file_read("/proc/self/absent", 5, &arena, &content, NULL), NOT_FOUND);
    arena_close(&arena);
}

static void test_state(void **state)
{
    char folder[PATH_SIZE], path[PATH_SIZE];
    struct arena arena;
    struct file_content content;
    (void)state;
    assert_true(file_state("/proc/self/absent") == 0);
    /* What was just written may be written to again within the same tick of the clock. */
    open_folder(folder, path);
    put(path, 10);
    assert_true(file_state(path) == 0);
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_true(file_state(path) == 0); /* whatever time it has been given */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    /* What stands here for long has a state, the same for each look; another file has another. */
    arena_open(&arena, 64 << 20);
    uint64_t first = file_state("/etc/passwd");
    assert_true(first != 0 && file_state("/etc/passwd") == first);
    assert_int_equal(file_read_seen("/etc/passwd", 1 << 20, &arena, &content, NULL), OK);
    assert_true(content.state == first);
    assert_true(file_state("/etc/group") != first);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_unsized),
        cmocka_unit_test(test_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
