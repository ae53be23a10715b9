/* The records interface over sqlite3 with nothing around it, and commits that fail on request. */
#include "service/registrar/fake_records.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_records {
    sqlite3 *handle;
    unsigned skip, failures;
};

static enum status simple_run(struct fake_records *fake, const char *sql)
{
    return sqlite3_exec(fake->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : IO_FAILED;
}

static enum status begin(void *self)
{
    return simple_run(self, "BEGIN IMMEDIATE");
}

static enum status commit(void *self)
{
    struct fake_records *fake = self;
    if (fake->failures > 0 && fake->skip == 0) {
        fake->failures--;
        enum status status = simple_run(self, "ROLLBACK");
        return status == OK ? IO_FAILED : status;
    }
    fake->skip -= fake->skip > 0;
    return simple_run(self, "COMMIT");
}

static void rollback(void *self)
{
    enum status status = simple_run(self, "ROLLBACK");
    require(status == OK);
}

static void bind_args(sqlite3_stmt *statement, const struct records_value *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int at = (int)i + 1;
        switch (args[i].kind) {
        case RECORDS_NULL:
            sqlite3_bind_null(statement, at);
            break;
        case RECORDS_INTEGER:
            sqlite3_bind_int64(statement, at, args[i].integer);
            break;
        case RECORDS_TEXT:
            sqlite3_bind_text(statement, at,
                              args[i].bytes.len == 0 ? "" : (const char *)args[i].bytes.bytes,
                              (int)args[i].bytes.len, SQLITE_TRANSIENT);
            break;
        case RECORDS_BLOB:
            sqlite3_bind_blob(statement, at, args[i].bytes.bytes, (int)args[i].bytes.len,
                              SQLITE_TRANSIENT);
            break;
        }
    }
}

enum { ROWS_MAX = 10000 };

static void row_take(sqlite3_stmt *statement, struct arena *arena, struct records_row *row)
{
    int count = sqlite3_column_count(statement);
    struct records_value *values = arena_take_array(arena, (size_t)count, sizeof *values);
    require(values != NULL);
    for (int i = 0; i < count; i++) {
        int type = sqlite3_column_type(statement, i);
        values[i].kind = type == SQLITE_INTEGER ? RECORDS_INTEGER
                         : type == SQLITE_NULL  ? RECORDS_NULL
                         : type == SQLITE_BLOB  ? RECORDS_BLOB
                                                : RECORDS_TEXT;
        values[i].integer = sqlite3_column_int64(statement, i);
        if (values[i].kind == RECORDS_TEXT || values[i].kind == RECORDS_BLOB) {
            const void *bytes = sqlite3_column_blob(statement, i);
            struct span taken = span_of(bytes, (size_t)sqlite3_column_bytes(statement, i));
            require(arena_copy(arena, taken, &values[i].bytes) == OK);
        }
    }
    row->values = values;
}

static enum status run(void *self, const char *sql, const struct records_value *args,
                       size_t arg_count, struct arena *arena, struct records_rows *rows)
{
    struct fake_records *fake = self;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(fake->handle, sql, -1, &statement, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sqlite3_errmsg(fake->handle), sql);
        return IO_FAILED;
    }
    require(sqlite3_bind_parameter_count(statement) == (int)arg_count);
    bind_args(statement, args, arg_count);
    struct records_row *taken = NULL;
    size_t count = 0;
    if (rows != NULL) {
        taken = arena_take_array(arena, ROWS_MAX, sizeof *taken);
        require(taken != NULL);
    }
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (rows != NULL) {
            require(count < ROWS_MAX);
            row_take(statement, arena, &taken[count++]);
        }
    }
    if (rows != NULL) {
        *rows = (struct records_rows){taken, count, (size_t)sqlite3_column_count(statement)};
    }
    int extended = sqlite3_extended_errcode(fake->handle);
    sqlite3_finalize(statement);
    if (code == SQLITE_DONE) {
        return OK;
    }
    bool is_unique =
        extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY;
    return is_unique ? EXISTS : IO_FAILED;
}

struct fake_records *fake_records_open(void)
{
    struct fake_records *fake = calloc(1, sizeof *fake);
    require(fake != NULL && sqlite3_open(":memory:", &fake->handle) == SQLITE_OK);
    return fake;
}

struct records fake_records_of(struct fake_records *fake)
{
    return (struct records){fake, begin, commit, rollback, run};
}

void fake_records_fail(struct fake_records *fake, unsigned skip, unsigned count)
{
    fake->skip = skip;
    fake->failures = count;
}

void fake_records_close(struct fake_records *fake)
{
    sqlite3_close(fake->handle);
    free(fake);
}
