/* Plays every file of the folder `scenarios`, or the files it is given. */
#include "service/resolver/scenario.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FILE_SIZE_MAX = 1 << 16, FILES_MAX = 2000, PATH_SIZE = 512, SKIP_LEN = 64 };

static const char FOLDER[] = VOUCH_SOURCE_ROOT "/src/service/resolver/scenarios";

static void test_file(void **state)
{
    static uint8_t text[FILE_SIZE_MAX];
    const char *path = *state;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_true(len < sizeof text);
    struct problem problem = {0};
    if (scenario_play(path, span_of(text, len), &problem) != OK) {
        char sentence[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + SKIP_LEN];
        fail_msg("%s", problem_print(&problem, sentence, sizeof sentence));
    }
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static size_t count;
static struct CMUnitTest tests[FILES_MAX];

static void add(const char *path)
{
    assert_true(count < FILES_MAX);
    char *copy = strdup(path);
    tests[count++] = (struct CMUnitTest){copy, test_file, NULL, NULL, copy};
}

/* A folder for each RFC and each attack, files in the order of their names. */
static void add_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int found = scandir(folder, &entries, is_visible, alphasort);
    for (int i = 0; i < found; i++) {
        char path[PATH_SIZE];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        require(len > 0 && (size_t)len < sizeof path);
        add(path);
        free(entries[i]);
    }
    free(entries);
}

static void add_all(void)
{
    struct dirent **folders = NULL;
    int found = scandir(FOLDER, &folders, is_visible, alphasort);
    for (int i = 0; i < found; i++) {
        char path[PATH_SIZE];
        int len = snprintf(path, sizeof path, "%s/%s", FOLDER, folders[i]->d_name);
        require(len > 0 && (size_t)len < sizeof path);
        add_folder(path);
        free(folders[i]);
    }
    free(folders);
}

/* A scenario that cannot fail shows nothing: what is wrong here must be found. */
static void test_faults(void **state)
{
    (void)state;
    static const char HEAD[] = "# why\n"
                               "zone . signed\n"
                               "  . NS a.root.\n"
                               "  a.root. A 198.41.0.4\n"
                               "server 198.41.0.4 .\n";
    static const struct {
        const char *text;
        const char *sentence;
        const char *why;
    } rows[] = {
        {"ask a.root. A ad\n  gives NXDOMAIN\n", "it gives NOERROR", "another rcode"},
        {"ask a.root. A ad\n  gives NOERROR\n", "it gives NOERROR AD", "AD was not expected"},
        {"ask a.root. A ad\n  gives NOERROR ad\n", "has too much", "an answer was not expected"},
        {"ask a.root. A ad\n  answer a.root. A 198.41.0.5\n", "too much", "another address"},
        {"ask b. A ad\n  gives NXDOMAIN ad\n  answer b. A 192.0.2.1\n", "lacks", "no such answer"},
        {"ask b. A ad\n  gives NXDOMAIN ad\n  ede 22\n", "EDE -1", "no EDE came"},
        {"ask b. A ad\n  gives NXDOMAIN ad\n  asks 9\n", "number of queries", "another number"},
        {"ask b. A ad\n  gives NXDOMAIN ad\n  not-asked 198.41.0.4\n", "that was asked", "it was"},
        {"ask b. A ad\n  gives NXDOMAIN ad\n  asked 198.41.0.4 c. A\n", "not asked", "it was not"},
        {"burst 3 @. A\n  answered 2\n", "3 were answered", "all of them were"},
        {"control status\n  says nothing at all\n", "it says", "it says other things"},
        {"", "nothing is asked", "no step"},
        {"as b. A\n", "nothing begins", "a word of no step"},
        {"ask b. A ad\n  gives NXDOMAIN ad\n  answered 3\n", "nothing that can be", "of a burst"},
        {"no-such-option: yes\n", "no option", "an unknown option"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        char text[1024];
        int len = snprintf(text, sizeof text, "%s%s", HEAD, rows[i].text);
        struct problem problem = {0};
        enum status status = scenario_play("x", span_of(text, (size_t)len), &problem);
        if (status == OK || strstr(problem.sentence, rows[i].sentence) == NULL) {
            fail_msg("%s: %s", rows[i].why, problem.sentence);
        }
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        add(argv[i]);
    }
    if (argc == 1) {
        tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_faults);
        add_all();
    }
    /* The count is known only now, so the macro of cmocka that takes it from the type is of no use.
     */
    int failed = _cmocka_run_group_tests("scenarios", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        free(tests[i].initial_state);
    }
    return failed;
}
