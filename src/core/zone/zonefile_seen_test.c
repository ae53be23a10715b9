/* Is a zone's file to be read again? By what it and those it includes were, and are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/base.h"
#include "core/zone/zonefile_seen.h"

enum { FILES_MAX = 4 };

/* Files by the letters "a", "b" ... and their states. */
struct files {
    uint64_t states[FILES_MAX];
    size_t looked;
};

static uint64_t state_of(void *user, const char *path)
{
    struct files *files = user;
    files->looked++;
    return files->states[path[0] - 'a'];
}

static struct zonefile_seen read_files(const char *paths, const struct files *files)
{
    struct zonefile_seen seen = {0};
    for (const char *at = paths; *at != 0; at++) {
        char path[2] = {*at, 0};
        zonefile_seen_add(&seen, path, files->states[*at - 'a']);
    }
    return seen;
}

static void test_changes(void **state)
{
    static const struct {
        const char *reason;
        const char *paths; /* as they were read, the zone's own first */
        const char *now;   /* the path of its own file now */
        uint64_t before[FILES_MAX], after[FILES_MAX];
        bool is_same;
    } rows[] = {
        {"nothing changed", "a", "a", {7}, {7}, true},
        {"the file did", "a", "a", {7}, {8}, false},
        {"the zone has another file, even if it says the same", "a", "b", {7, 7}, {7, 7}, false},
        {"an included file did not change", "ab", "a", {7, 9}, {7, 9}, true},
        {"an included file did", "ab", "a", {7, 9}, {7, 8}, false},
        {"the last of many did", "abcd", "a", {1, 2, 3, 4}, {1, 2, 3, 5}, false},
        {"two changed places", "abc", "a", {1, 2, 3}, {1, 3, 2}, false},
        {"one is included twice", "abb", "a", {1, 2}, {1, 2}, true},
        {"one that is included twice changed", "abb", "a", {1, 2}, {1, 3}, false},
        {"a file that is included no longer counts until it is read",
         "ab",
         "a",
         {1, 2},
         {1, 0},
         false},
        {"it could not be told what the file was", "a", "a", {0}, {0}, false},
        {"nor what an included one was", "abc", "a", {1, 0, 2}, {1, 0, 2}, false},
        {"the file is gone", "a", "a", {7}, {0}, false},
    };
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct files files = {{0}, 0};
        memcpy(files.states, rows[i].before, sizeof files.states);
        print_message("%s\n", rows[i].reason);
        struct zonefile_seen seen = read_files(rows[i].paths, &files);
        memcpy(files.states, rows[i].after, sizeof files.states);
        const struct zonefile_states states = {state_of, &files};
        assert_int_equal(zonefile_seen_is_same(&seen, rows[i].now, &states), rows[i].is_same);
        zonefile_seen_close(&seen);
        files.looked = 0;
        assert_false(zonefile_seen_is_same(&seen, rows[i].now, &states));
        assert_int_equal(files.looked, 0); /* what is not known needs no look */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
