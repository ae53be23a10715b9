/* Files and records: what stands after a call, after a refusal, and after a kill between any two
 * steps. */
#include "world/real/world_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { ARENA_MAX = 1 << 20, PATH_SIZE = 160, KILLS = 25 };

struct fixture {
    struct world *world;
    struct arena arena;
    char folder[40];
    char path[PATH_SIZE];
};

static int fixture_open(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/vouch-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    arena_open(&fixture->arena, ARENA_MAX);
    fixture->world = test_world_open("store");
    *state = fixture;
    return 0;
}

static void folder_remove(const char *path)
{
    DIR *opened = opendir(path);
    for (struct dirent *entry = opened == NULL ? NULL : readdir(opened); entry != NULL;
         entry = readdir(opened)) {
        char inner[PATH_SIZE + 256];
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(inner) != 0) {
            folder_remove(inner); /* depth is what this test made */
        }
    }
    if (opened != NULL) {
        closedir(opened);
    }
    rmdir(path);
}

static int fixture_close(void **state)
{
    struct fixture *fixture = *state;
    world_close(fixture->world);
    arena_close(&fixture->arena);
    folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static const char *path_of(struct fixture *fixture, const char *name)
{
    snprintf(fixture->path, sizeof fixture->path, "%s/%s", fixture->folder, name);
    return fixture->path;
}

static struct disk disk_of(struct fixture *fixture)
{
    struct disk disk;
    struct problem problem = {0};
    assert_int_equal(world_disk(fixture->world, path_of(fixture, "disk"), &disk, &problem), OK);
    return disk;
}

static void assert_file(struct fixture *fixture, const struct disk *disk, const char *name,
                        const char *expected)
{
    struct span content;
    assert_int_equal(disk->read(disk->self, name, 1000, &fixture->arena, &content), OK);
    assert_int_equal(content.len, strlen(expected));
    assert_memory_equal(content.bytes, expected, content.len);
}

static void note_name(void *user, const char *name)
{
    char *list = user;
    snprintf(list + strlen(list), 100 - strlen(list), "%s ", name);
}

struct parts {
    size_t left;
    enum status end;
};

static enum status next_part(void *user, struct span *part)
{
    struct parts *parts = user;
    *part = parts->left > 0 ? SPAN_LITERAL("part") : SPAN_EMPTY;
    return parts->left-- > 0 ? OK : parts->end;
}

static void files_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct disk disk = disk_of(fixture);
    struct span content;
    assert_int_equal(disk.read(disk.self, "none", 10, &fixture->arena, &content), NOT_FOUND);
    assert_int_equal(disk.read(disk.self, "a/none", 10, &fixture->arena, &content), NOT_FOUND);
    assert_int_equal(disk.replace(disk.self, "a/b/c", SPAN_LITERAL("one")), OK);
    assert_file(fixture, &disk, "a/b/c", "one");
    assert_int_equal(disk.replace(disk.self, "a/b/c", SPAN_LITERAL("two")), OK);
    assert_file(fixture, &disk, "a/b/c", "two");
    assert_int_equal(disk.append(disk.self, "a/log", SPAN_LITERAL("x")), OK);
    assert_int_equal(disk.append(disk.self, "a/log", SPAN_LITERAL("yz")), OK);
    assert_file(fixture, &disk, "a/log", "xyz");
    assert_int_equal(disk.read(disk.self, "a/log", 2, &fixture->arena, &content), TOO_LONG);
    char part[4] = "";
    size_t len = 0;
    assert_int_equal(disk.read_at(disk.self, "a/log", 1, part, 1, &len), OK);
    assert_true(len == 1 && part[0] == 'y');
    assert_int_equal(disk.read_at(disk.self, "a/log", 1, part, 3, &len), OK);
    assert_true(len == 2 && part[1] == 'z');
    assert_int_equal(disk.read_at(disk.self, "a/log", 9, part, 3, &len), OK);
    assert_int_equal(len, 0);
    assert_int_equal(disk.read_at(disk.self, "none", 0, part, 3, &len), NOT_FOUND);
    struct parts parts = {.left = 3};
    assert_int_equal(disk.replace_by_parts(disk.self, "parts", next_part, &parts), OK);
    assert_file(fixture, &disk, "parts", "partpartpart");
    parts = (struct parts){.left = 2, .end = REFUSED};
    assert_int_equal(disk.replace_by_parts(disk.self, "parts", next_part, &parts), REFUSED);
    assert_file(fixture, &disk, "parts", "partpartpart"); /* given up: as it was */
    assert_int_equal(disk.remove(disk.self, "parts"), OK);
    assert_int_equal(disk.cut(disk.self, "a/log", 5), OK); /* is not made longer */
    assert_file(fixture, &disk, "a/log", "xyz");
    assert_int_equal(disk.cut(disk.self, "a/log", 2), OK);
    assert_file(fixture, &disk, "a/log", "xy");
    assert_int_equal(disk.append(disk.self, "a/log", SPAN_LITERAL("w")), OK);
    assert_file(fixture, &disk, "a/log", "xyw");
    assert_int_equal(disk.cut(disk.self, "none", 0), NOT_FOUND);
    assert_int_equal(disk.replace_secret(disk.self, "key", SPAN_EMPTY), OK);
    assert_file(fixture, &disk, "key", "");
    struct stat found;
    assert_int_equal(stat(path_of(fixture, "disk/key"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(stat(path_of(fixture, "disk"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    char list[100] = "";
    assert_int_equal(disk.list(disk.self, "", note_name, list), OK);
    assert_string_equal(list, "a/b/c a/log key ");
    list[0] = '\0';
    assert_int_equal(disk.list(disk.self, "a/b", note_name, list), OK);
    assert_string_equal(list, "a/b/c ");
    assert_int_equal(disk.remove(disk.self, "a/log"), OK);
    assert_int_equal(disk.remove(disk.self, "a/log"), NOT_FOUND);
}

static void names_stay_inside_the_folder(void **state)
{
    struct fixture *fixture = *state;
    struct disk disk = disk_of(fixture);
    static const char *const NAMES[] = {"",      "/etc/x", "../x", "a/../x",
                                        "a/./x", "a//x",   "a/",   "a b",
                                        "x~",    "a\\b",   "..",   "1/2/3/4/5/6/7/8/9/10"};
    for (size_t i = 0; i < LEN(NAMES); i++) {
        if (disk.replace(disk.self, NAMES[i], SPAN_LITERAL("x")) != BAD_ARGUMENT) {
            fail_msg("\"%s\" was taken", NAMES[i]);
        }
    }
    assert_int_equal(symlink("/tmp", path_of(fixture, "disk/link")), 0);
    struct span content;
    assert_int_equal(symlink("/etc/passwd", path_of(fixture, "disk/file")), 0);
    assert_int_not_equal(disk.replace(disk.self, "link/x", SPAN_LITERAL("x")), OK);
    assert_int_not_equal(disk.read(disk.self, "file", 10000, &fixture->arena, &content), OK);
    assert_int_not_equal(disk.append(disk.self, "file", SPAN_LITERAL("x")), OK);
}

static void folders_above_are_made(void **state)
{
    struct fixture *fixture = *state;
    struct disk disk;
    struct problem problem = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/not/there/yet", path_of(fixture, "above"));
    assert_int_equal(world_disk(fixture->world, path, &disk, &problem), OK);
    assert_int_equal(disk.replace(disk.self, "file", SPAN_LITERAL("x")), OK);
}

static void a_world_that_was_never_opened_can_be_closed(void **state)
{
    (void)state;
    world_close(NULL);
}

static void a_folder_has_one_owner(void **state)
{
    struct fixture *fixture = *state;
    (void)disk_of(fixture);
    struct disk second;
    struct problem problem = {0};
    assert_int_equal(world_disk(fixture->world, path_of(fixture, "disk"), &second, &problem), BUSY);
    assert_non_null(strstr(problem.sentence, "in use by another process"));
}

/* Starts a child that writes until it is killed, and kills it after some of its signs of life. */
static void kill_after(void (*work)(struct fixture *fixture, int sign), struct fixture *fixture,
                       size_t signs)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(fixture, pipes[1]);
        _exit(1);
    }
    close(pipes[1]);
    for (size_t i = 0; i < signs; i++) {
        char sign;
        assert_int_equal(read(pipes[0], &sign, 1), 1);
    }
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    close(pipes[0]);
}

static void sign_of_life(int sign)
{
    ssize_t written = write(sign, "x", 1);
    (void)written;
}

static void replace_for_ever(struct fixture *fixture, int sign)
{
    struct disk disk;
    if (world_disk(fixture->world, path_of(fixture, "killed"), &disk, NULL) != OK) {
        return;
    }
    static const char *const CONTENTS[] = {"the first content", "and another, longer content"};
    for (size_t i = 0; disk.replace(disk.self, "file", span_of_text(CONTENTS[i % 2])) == OK; i++) {
        sign_of_life(sign);
    }
}

static void a_killed_replace_leaves_old_or_new(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 1; i <= KILLS; i++) {
        kill_after(replace_for_ever, fixture, i);
        struct disk disk;
        struct world *world = test_world_open("again");
        assert_int_equal(world_disk(world, path_of(fixture, "killed"), &disk, NULL), OK);
        struct span content;
        assert_int_equal(disk.read(disk.self, "file", 1000, &fixture->arena, &content), OK);
        assert_true(span_equal(content, SPAN_LITERAL("the first content")) ||
                    span_equal(content, SPAN_LITERAL("and another, longer content")));
        world_close(world);
    }
}

/* ------------------------------------------------------------------ records */

static struct records records_of(struct fixture *fixture, struct world *world)
{
    char url[PATH_SIZE + 10];
    snprintf(url, sizeof url, "sqlite:%s/records", fixture->folder);
    struct records records;
    struct problem problem = {0};
    if (world_records(world, url, &records, &problem) != OK) {
        fail_msg("%s", problem.sentence);
    }
    static const char *const SCHEMA[] = {
        "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, secret BLOB,\n"
        "  amount BIGINT NOT NULL CHECK (amount >= 0));\n"
        "CREATE TABLE item (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account);\n"
        "INSERT INTO account (id, name, amount) VALUES (1, 'left', 1000);\n"
        "INSERT INTO account (id, name, amount) VALUES (2, 'right', 0);\n",
    };
    assert_int_equal(records_migrate(&records, SCHEMA, LEN(SCHEMA)), OK);
    return records;
}

static void records_answer(void **state)
{
    struct fixture *fixture = *state;
    struct records records = records_of(fixture, fixture->world);
    struct arena *arena = &fixture->arena;
    struct records_rows rows;
    static const uint8_t SECRET[] = {0, 1, 255};
    assert_int_equal(RECORDS_RUN(&records,
                                 "INSERT INTO account (name, secret, amount) VALUES (?, ?, ?) "
                                 "RETURNING id",
                                 arena, &rows, records_words("third"),
                                 records_blob(span_of(SECRET, sizeof SECRET)), records_integer(-0)),
                     OK);
    assert_int_equal(rows.count, 1);
    assert_int_equal(rows.rows[0].values[0].integer, 3);
    assert_int_equal(RECORDS_RUN(&records,
                                 "SELECT name, secret, amount FROM account WHERE id > ? "
                                 "ORDER BY id",
                                 arena, &rows, records_integer(0)),
                     OK);
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.column_count, 3);
    assert_int_equal(rows.rows[0].values[1].kind, RECORDS_NULL);
    assert_true(span_equal(rows.rows[2].values[0].bytes, SPAN_LITERAL("third")));
    assert_true(span_equal(rows.rows[2].values[1].bytes, span_of(SECRET, sizeof SECRET)));
    static const struct {
        const char *sql;
        enum status status;
        const char *reason;
    } ROWS[] = {
        {"INSERT INTO account (name, amount) VALUES ('left', 1)", EXISTS, "a name stands once"},
        {"INSERT INTO account (id, name, amount) VALUES (1, 'x', 1)", EXISTS, "a number too"},
        {"UPDATE account SET amount = -1", REFUSED, "a check says no"},
        {"INSERT INTO account (amount) VALUES (1)", REFUSED, "a name is needed"},
        {"INSERT INTO item (account) VALUES (77)", REFUSED, "foreign keys are kept"},
        {"SELECT nothing FROM nowhere", IO_FAILED, "not a statement of this schema"},
        {"SELECT 1", OK, "and it goes on"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        enum status status = records.run(records.self, ROWS[i].sql, NULL, 0, arena, NULL);
        if (status != ROWS[i].status) {
            fail_msg("%s: %s", ROWS[i].reason, status_text(status));
        }
    }
    assert_int_equal(records.run(records.self,
                                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                 "LIMIT 100001) SELECT i FROM n",
                                 NULL, 0, &(struct arena){.size_max = 64 << 20}, NULL),
                     OK); /* no rows wanted, so none counted */
    struct arena large;
    arena_open(&large, 256 << 20);
    assert_int_equal(records.run(records.self,
                                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                 "LIMIT 100001) SELECT i FROM n",
                                 NULL, 0, &large, &rows),
                     LIMIT_REACHED);
    arena_close(&large);
}

static void a_rollback_undoes(void **state)
{
    struct fixture *fixture = *state;
    struct records records = records_of(fixture, fixture->world);
    struct records_rows rows;
    assert_int_equal(records.begin(records.self), OK);
    assert_int_equal(RECORDS_RUN(&records, "UPDATE account SET amount = ?", &fixture->arena, NULL,
                                 records_integer(5)),
                     OK);
    records.rollback(records.self);
    assert_int_equal(RECORDS_RUN(&records, "SELECT sum(amount) FROM account WHERE id > ?",
                                 &fixture->arena, &rows, records_integer(0)),
                     OK);
    assert_int_equal(rows.rows[0].values[0].integer, 1000);
}

static void move_for_ever(struct fixture *fixture, int sign)
{
    struct records records = records_of(fixture, fixture->world);
    struct arena *arena = &fixture->arena;
    for (;;) {
        if (records.begin(records.self) != OK) {
            return;
        }
        sign_of_life(sign);
        if (records.run(records.self, "UPDATE account SET amount = amount - 1 WHERE id = 1", NULL,
                        0, arena, NULL) != OK) {
            return;
        }
        sign_of_life(sign);
        if (records.run(records.self, "UPDATE account SET amount = amount + 1 WHERE id = 2", NULL,
                        0, arena, NULL) != OK) {
            return;
        }
        sign_of_life(sign);
        if (records.commit(records.self) != OK) {
            return;
        }
        sign_of_life(sign);
    }
}

static void a_killed_transaction_is_whole_or_nothing(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 1; i <= KILLS; i++) {
        kill_after(move_for_ever, fixture, i);
        struct world *world = test_world_open("again");
        struct records records = records_of(fixture, world);
        struct records_rows rows;
        assert_int_equal(records.run(records.self, "SELECT sum(amount), max(id) FROM account", NULL,
                                     0, &fixture->arena, &rows),
                         OK);
        assert_int_equal(rows.rows[0].values[0].integer, 1000);
        /* Every commit that was told is there. */
        assert_int_equal(records.run(records.self, "SELECT amount FROM account WHERE id = 2", NULL,
                                     0, &fixture->arena, &rows),
                         OK);
        assert_true(rows.rows[0].values[0].integer >= (int64_t)(i / 4));
        world_close(world);
    }
}

static void a_database_that_cannot_be_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct records records;
    struct problem problem = {0};
    assert_int_equal(world_records(fixture->world, "mysql:x", &records, &problem), UNSUPPORTED);
    assert_int_equal(world_records(fixture->world, "sqlite:/nonexistent/x", &records, &problem),
                     IO_FAILED);
    assert_non_null(strstr(problem.sentence, "/nonexistent/x"));
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(files_are_kept),
        STORE_TEST(names_stay_inside_the_folder),
        STORE_TEST(a_folder_has_one_owner),
        STORE_TEST(folders_above_are_made),
        STORE_TEST(a_world_that_was_never_opened_can_be_closed),
        STORE_TEST(a_killed_replace_leaves_old_or_new),
        STORE_TEST(records_answer),
        STORE_TEST(a_rollback_undoes),
        STORE_TEST(a_killed_transaction_is_whole_or_nothing),
        STORE_TEST(a_database_that_cannot_be_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
