/* What a process can no longer do once it has given things up: tried in a child each, as it is for
 * ever. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world/real/privilege.h"

enum { PATH_SIZE = 256, SETUP_FAILED = 99, NO_LANDLOCK = 98 };

struct folders {
    char top[PATH_SIZE];
    char written[PATH_SIZE];
    char read[PATH_SIZE];
    char other[PATH_SIZE];
};

static void file_put(const char *folder, const char *name)
{
    char path[PATH_SIZE * 2];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void folder_make(char path[PATH_SIZE], const struct folders *folders, const char *name)
{
    assert_true(snprintf(path, PATH_SIZE, "%.200s/%s", folders->top, name) < PATH_SIZE);
    assert_int_equal(mkdir(path, 0700), 0);
    file_put(path, "file");
}

static int setup(void **state)
{
    struct folders *folders = calloc(1, sizeof *folders);
    snprintf(folders->top, sizeof folders->top, "/tmp/vouch-privilege-XXXXXX");
    assert_non_null(mkdtemp(folders->top));
    folder_make(folders->written, folders, "written");
    folder_make(folders->read, folders, "read");
    folder_make(folders->other, folders, "other");
    *state = folders;
    return 0;
}

static int teardown(void **state)
{
    struct folders *folders = *state;
    const char *all[] = {folders->written, folders->read, folders->other};
    char path[PATH_SIZE * 2];
    for (size_t i = 0; i < LEN(all); i++) {
        snprintf(path, sizeof path, "%s/file", all[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/new", all[i]);
        unlink(path);
        rmdir(all[i]);
    }
    rmdir(folders->top);
    free(folders);
    return 0;
}

/* 0, or errno. */
static int try_open(const char *folder, const char *name, int flags)
{
    char path[PATH_SIZE * 2];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    close(fd);
    return 0;
}

static int try_rename(const struct folders *folders)
{
    char from[PATH_SIZE * 2], to[PATH_SIZE * 2];
    snprintf(from, sizeof from, "%s/new", folders->written);
    snprintf(to, sizeof to, "%s/file", folders->written);
    return rename(from, to) == 0 ? 0 : errno;
}

static int try_program(const struct folders *folders)
{
    (void)folders;
    char *const arguments[] = {(char[]){"true"}, NULL};
    execv("/bin/true", arguments);
    return errno;
}

static int try_shadow(const struct folders *folders)
{
    (void)folders;
    return try_open("/etc", "shadow", O_RDONLY);
}

static int try_other(const struct folders *folders)
{
    return try_open(folders->other, "file", O_RDONLY);
}

static int try_other_list(const struct folders *folders)
{
    return try_open(folders->other, ".", O_RDONLY | O_DIRECTORY);
}

static int try_read(const struct folders *folders)
{
    return try_open(folders->read, "file", O_RDONLY);
}

static int try_read_write(const struct folders *folders)
{
    return try_open(folders->read, "file", O_WRONLY);
}

static int try_read_new(const struct folders *folders)
{
    return try_open(folders->read, "new", O_WRONLY | O_CREAT);
}

static int try_written(const struct folders *folders)
{
    int failed = try_open(folders->written, "new", O_RDWR | O_CREAT | O_TRUNC);
    return failed != 0 ? failed : try_rename(folders);
}

static int try_way_round(const struct folders *folders)
{
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "../other/file");
    return try_open(folders->read, name, O_RDONLY);
}

static int try_resolver(const struct folders *folders)
{
    (void)folders;
    int failed = try_open("/etc", "resolv.conf", O_RDONLY);
    return failed == ENOENT ? 0 : failed;
}

/* The exit code of a child that tries this, or 128 and the signal that ended it. */
static int in_child(const struct folders *folders, int (*try)(const struct folders *folders),
                    bool has_calls)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct problem problem = {0};
        const struct privilege_place places[] = {
            {folders->written, true}, {folders->read, false}, {"/nothing/there", false}};
        if (privilege_drop() != OK) {
            _exit(SETUP_FAILED);
        }
        enum status status = privilege_drop_files(places, LEN(places), &problem);
        if (status != OK) {
            _exit(status == UNSUPPORTED ? NO_LANDLOCK : SETUP_FAILED);
        }
        if (has_calls && privilege_drop_calls(&problem) != OK) {
            _exit(SETUP_FAILED);
        }
        _exit(try(folders));
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

static void files_outside_are_out_of_reach(void **state)
{
    static const struct {
        const char *what;
        int (*try)(const struct folders *folders);
        int expected;
    } ROWS[] = {
        {"passwords, even for root", try_shadow, EACCES},
        {"a file of a folder that was not kept", try_other, EACCES},
        {"the list of its files", try_other_list, EACCES},
        {"the same by a way round", try_way_round, EACCES},
        {"a file to read", try_read, 0},
        {"to write where one may read", try_read_write, EACCES},
        {"a new file there", try_read_new, EACCES},
        {"a new file, and its rename, where one may write", try_written, 0},
        {"what the C library needs", try_resolver, 0},
        {"a program", try_program, EACCES},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        int got = in_child(*state, ROWS[i].try, false);
        if (got == NO_LANDLOCK) {
            skip(); /* this kernel has none, and the service says so in its log */
        }
        if (got != ROWS[i].expected) {
            fail_msg("%s: %d instead of %d", ROWS[i].what, got, ROWS[i].expected);
        }
    }
}

static void a_program_is_the_end(void **state)
{
    int got = in_child(*state, try_program, true);
    if (got == NO_LANDLOCK) {
        skip();
    }
    assert_int_equal(got, 128 + SIGSYS);
}

static void users_that_are_not_there_are_named(void **state)
{
    (void)state;
    struct problem problem = {0};
    assert_int_equal(privilege_become("no-such-user", false, &problem), NOT_FOUND);
    assert_non_null(strstr(problem.sentence, "no-such-user"));
}

/* What is left of root's powers once it became another: as a mask of their sets. */
static int try_powers(void)
{
    struct problem problem = {0};
    if (privilege_become("nobody", false, &problem) != OK) {
        return SETUP_FAILED;
    }
    if (setresuid(0, 0, 0) == 0 || getuid() == 0) {
        return 1;
    }
    if (try_open("/etc", "shadow", O_RDONLY) != EACCES) {
        return 2;
    }
    char line[PATH_SIZE];
    unsigned long long left = ~0ULL;
    if (privilege_drop() != OK) {
        return SETUP_FAILED;
    }
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "CapPrm:", 7) == 0) {
            left = strtoull(line + 7, NULL, 16);
        }
    }
    return left == 0 ? 0 : 3;
}

static void another_user_has_no_powers(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(try_powers());
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_outside_are_out_of_reach, setup, teardown),
        cmocka_unit_test_setup_teardown(a_program_is_the_end, setup, teardown),
        cmocka_unit_test(users_that_are_not_there_are_named),
        cmocka_unit_test(another_user_has_no_powers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
