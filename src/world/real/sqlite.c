/* Records in SQLite: write-ahead log, every commit on disk before it returns, statements compiled
 * once. */
#include "world/real/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static const char URL_SCHEME[] = "sqlite:";

/* A statement kept compiled; `sql` is our copy of its text. */
struct statement {
    sqlite3_stmt *compiled;
    char *sql;
    uint64_t used_at; /* in runs: the one unused for longest makes room */
};

struct database {
    struct world *world;
    sqlite3 *handle;
    bool is_in_transaction;
    uint64_t runs;
    struct statement statements[RECORDS_STATEMENTS_MAX];
    struct database *next;
};

/* ------------------------------------------------------------------ outcomes */

static enum status status_of_code(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return EXISTS;
    default: /* SQLite's codes, not an enum of ours */
        break;
    }
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return REFUSED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return BUSY;
    case SQLITE_NOMEM:
        return NO_MEMORY;
    case SQLITE_TOOBIG:
        return TOO_LONG;
    default:
        return IO_FAILED;
    }
}

static enum status failed(const struct database *database, const char *sql)
{
    enum status status = status_of_code(sqlite3_extended_errcode(database->handle));
    if (status != EXISTS && status != REFUSED) { /* those two are answers, not faults */
        log_line(&database->world->log, LOG_ERROR, "the database says \"%s\" to: %s",
                 sqlite3_errmsg(database->handle), sql);
    }
    return status;
}

static enum status execute(struct database *database, const char *sql)
{
    return sqlite3_exec(database->handle, sql, NULL, NULL, NULL) == SQLITE_OK
               ? OK
               : failed(database, sql);
}

/* ------------------------------------------------------------------ statements */

static void statement_close(struct statement *statement)
{
    sqlite3_finalize(statement->compiled);
    memory_give_back(statement->sql);
    *statement = (struct statement){0};
}

/* The compiled statement, from the kept ones or new in the place of the least used. */
static enum status statement_find(struct database *database, const char *sql,
                                  sqlite3_stmt **compiled)
{
    struct statement *oldest = &database->statements[0];
    for (size_t i = 0; i < RECORDS_STATEMENTS_MAX; i++) {
        struct statement *statement = &database->statements[i];
        if (statement->compiled != NULL && strcmp(statement->sql, sql) == 0) {
            statement->used_at = database->runs;
            *compiled = statement->compiled;
            return OK;
        }
        if (statement->used_at < oldest->used_at) {
            oldest = statement;
        }
    }
    statement_close(oldest);
    size_t size = strlen(sql) + 1;
    oldest->sql = memory_take(size);
    if (oldest->sql == NULL) {
        return NO_MEMORY;
    }
    memcpy(oldest->sql, sql, size);
    if (sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &oldest->compiled,
                           NULL) != SQLITE_OK) {
        enum status status = failed(database, sql);
        statement_close(oldest);
        return status;
    }
    oldest->used_at = database->runs;
    *compiled = oldest->compiled;
    return OK;
}

static int value_bind(sqlite3_stmt *compiled, int at, const struct records_value *value)
{
    /* A NULL pointer would be bound as NULL, and an empty text is not that. */
    const void *bytes = value->bytes.len == 0 ? "" : (const void *)value->bytes.bytes;
    switch (value->kind) {
    case RECORDS_NULL:
        return sqlite3_bind_null(compiled, at);
    case RECORDS_INTEGER:
        return sqlite3_bind_int64(compiled, at, value->integer);
    case RECORDS_TEXT:
        return sqlite3_bind_text64(compiled, at, bytes, value->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case RECORDS_BLOB:
        return sqlite3_bind_blob64(compiled, at, bytes, value->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

/* ------------------------------------------------------------------ rows */

struct row_node {
    struct records_row row;
    struct row_node *next;
};

struct rows_reading {
    struct arena *arena;
    struct row_node *first;
    struct row_node *last;
    size_t count;
    size_t column_count;
};

static enum status value_read(sqlite3_stmt *compiled, int column, struct arena *arena,
                              struct records_value *value)
{
    int type = sqlite3_column_type(compiled, column);
    if (type == SQLITE_NULL) {
        value->kind = RECORDS_NULL;
        return OK;
    }
    if (type == SQLITE_INTEGER) {
        *value = records_integer(sqlite3_column_int64(compiled, column));
        return OK;
    }
    value->kind = type == SQLITE_BLOB ? RECORDS_BLOB : RECORDS_TEXT;
    const void *bytes = type == SQLITE_BLOB ? sqlite3_column_blob(compiled, column)
                                            : (const void *)sqlite3_column_text(compiled, column);
    size_t len = (size_t)sqlite3_column_bytes(compiled, column);
    /* With a NUL behind it, for those who print it. */
    char *copy = arena_text(arena, span_of(bytes, bytes == NULL ? 0 : len));
    value->bytes = span_of(copy, bytes == NULL ? 0 : len);
    return copy == NULL ? NO_MEMORY : OK;
}

static enum status row_read(struct rows_reading *reading, sqlite3_stmt *compiled)
{
    if (reading->count == RECORDS_ROWS_MAX) {
        return LIMIT_REACHED;
    }
    struct row_node *node = arena_take(reading->arena, sizeof *node);
    struct records_value *values =
        arena_take_array(reading->arena, reading->column_count, sizeof values[0]);
    if (node == NULL || values == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < reading->column_count; i++) {
        enum status status = value_read(compiled, (int)i, reading->arena, &values[i]);
        if (status != OK) {
            return status;
        }
    }
    node->row.values = values;
    *(reading->last == NULL ? &reading->first : &reading->last->next) = node;
    reading->last = node;
    reading->count++;
    return OK;
}

static enum status rows_finish(const struct rows_reading *reading, struct records_rows *rows)
{
    struct records_row *array = arena_take_array(reading->arena, reading->count, sizeof array[0]);
    if (array == NULL) {
        return NO_MEMORY;
    }
    size_t at = 0;
    for (const struct row_node *node = reading->first; node != NULL; node = node->next) {
        array[at++] = node->row;
    }
    *rows = (struct records_rows){array, reading->count, reading->column_count};
    return OK;
}

static enum status statement_run(struct database *database, sqlite3_stmt *compiled,
                                 struct arena *arena, struct records_rows *rows)
{
    struct rows_reading reading = {.arena = arena,
                                   .column_count = (size_t)sqlite3_column_count(compiled)};
    for (;;) {
        int code = sqlite3_step(compiled);
        if (code == SQLITE_DONE) {
            return rows == NULL ? OK : rows_finish(&reading, rows);
        }
        if (code != SQLITE_ROW) {
            return failed(database, sqlite3_sql(compiled));
        }
        enum status status = rows == NULL ? OK : row_read(&reading, compiled);
        if (status != OK) {
            return status;
        }
    }
}

/* ------------------------------------------------------------------ the interface */

static enum status database_run(void *self, const char *sql, const struct records_value *args,
                                size_t arg_count, struct arena *arena, struct records_rows *rows)
{
    struct database *database = self;
    database->runs++;
    sqlite3_stmt *compiled;
    enum status status = statement_find(database, sql, &compiled);
    if (status != OK) {
        return status;
    }
    require((size_t)sqlite3_bind_parameter_count(compiled) == arg_count);
    for (size_t i = 0; i < arg_count && status == OK; i++) {
        if (value_bind(compiled, (int)i + 1, &args[i]) != SQLITE_OK) {
            status = failed(database, sql);
        }
    }
    status = status == OK ? statement_run(database, compiled, arena, rows) : status;
    sqlite3_reset(compiled);
    sqlite3_clear_bindings(compiled);
    return status;
}

static enum status database_begin(void *self)
{
    struct database *database = self;
    require(!database->is_in_transaction);
    /* For writing from the start: a reader that wants to write later could only fail. */
    enum status status = execute(database, "BEGIN IMMEDIATE");
    database->is_in_transaction = status == OK;
    return status;
}

static void database_rollback(void *self)
{
    struct database *database = self;
    require(database->is_in_transaction);
    database->is_in_transaction = false;
    if (sqlite3_get_autocommit(database->handle) == 0) { /* a grave error rolls back by itself */
        enum status status = execute(database, "ROLLBACK");
        (void)status; /* logged; the file is as it was in any case */
    }
}

static enum status database_commit(void *self)
{
    struct database *database = self;
    require(database->is_in_transaction);
    if (sqlite3_get_autocommit(database->handle) != 0) {
        database->is_in_transaction = false;
        return IO_FAILED; /* SQLite had to roll back already */
    }
    enum status status = execute(database, "COMMIT");
    if (status != OK) {
        database_rollback(database);
        return status;
    }
    database->is_in_transaction = false;
    return OK;
}

/* ------------------------------------------------------------------ open and close */

static void database_close(struct database *database)
{
    for (size_t i = 0; i < RECORDS_STATEMENTS_MAX; i++) {
        statement_close(&database->statements[i]);
    }
    sqlite3_close(database->handle);
    memory_give_back(database);
}

/* SQLite would make the file readable for all; it holds secrets of persons. */
static enum status file_make(const char *path, struct problem *problem)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return problem_set(problem, IO_FAILED, "cannot open the database %s: %s", path,
                           strerror(errno));
    }
    close(fd);
    return OK;
}

static enum status database_prepare(struct database *database)
{
    static const char *const SETTINGS[] = {
        "PRAGMA journal_mode = WAL",   "PRAGMA synchronous = FULL",   "PRAGMA foreign_keys = ON",
        "PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON",
    };
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_busy_timeout(database->handle, RECORDS_BUSY_MS);
    sqlite3_db_config(database->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    for (size_t i = 0; i < LEN(SETTINGS); i++) {
        enum status status = execute(database, SETTINGS[i]);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

enum status world_records(struct world *world, const char *url, struct records *records,
                          struct problem *problem)
{
    if (strncmp(url, URL_SCHEME, sizeof URL_SCHEME - 1) != 0) {
        return problem_set(problem, UNSUPPORTED, "the database %s must be given as sqlite:PATH",
                           url);
    }
    const char *path = url + sizeof URL_SCHEME - 1;
    bool is_in_memory = strcmp(path, ":memory:") == 0; /* for tests: SQLite's word for no file */
    enum status status = is_in_memory ? OK : file_make(path, problem);
    if (status != OK) {
        return status;
    }
    struct database *database = memory_take(sizeof *database);
    if (database == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for the database %s", path);
    }
    database->world = world;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(path, &database->handle, flags, NULL) != SQLITE_OK ||
        database_prepare(database) != OK) {
        status = problem_set(problem, IO_FAILED, "cannot open the database %s: %s", path,
                             sqlite3_errmsg(database->handle));
        database_close(database);
        return status;
    }
    if (!is_in_memory) {
        world_keep_file(world, path, true);
    }
    database->next = world->databases;
    world->databases = database;
    *records = (struct records){.self = database,
                                .begin = database_begin,
                                .commit = database_commit,
                                .rollback = database_rollback,
                                .run = database_run};
    return OK;
}

void sqlite_close_all(struct world *world)
{
    while (world->databases != NULL) {
        struct database *database = world->databases;
        world->databases = database->next;
        database_close(database);
    }
}
