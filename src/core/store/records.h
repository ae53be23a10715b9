#pragma once
/* Facts of the registry and the registrar, in transactions, in a database behind this one
 * interface: SQLite (and PostgreSQL later). SQL stays in the portable subset; placeholders are '?'
 * in order; times are integer seconds, booleans 0 and 1, blobs BLOB. A commit that returned OK is
 * durable. */
#include "core/base/arena.h"

enum records_kind { RECORDS_NULL, RECORDS_INTEGER, RECORDS_TEXT, RECORDS_BLOB };

struct records_value {
    enum records_kind kind;
    int64_t integer;
    struct span bytes; /* text (UTF-8) or blob */
};

struct records_row {
    const struct records_value *values; /* column_count of them */
};

struct records_rows {
    const struct records_row *rows;
    size_t count;
    size_t column_count;
};

struct records {
    void *self;
    enum status (*begin)(void *self);  /* no nesting */
    enum status (*commit)(void *self); /* OK: durable. Anything else: rolled back */
    void (*rollback)(void *self);
    /* One statement. Rows (of a SELECT or RETURNING) land in `arena`; `rows` may be NULL when none
     * are wanted. EXISTS: a unique constraint said no; REFUSED: another constraint; LIMIT_REACHED:
     * more than 100,000 rows. */
    enum status (*run)(void *self, const char *sql, const struct records_value *args,
                       size_t arg_count, struct arena *arena, struct records_rows *rows);
};

/* Arguments, short. */
struct records_value records_null(void);
struct records_value records_integer(int64_t integer);
struct records_value records_text(struct span text);
struct records_value records_words(const char *text); /* NUL-terminated; must outlive the call */
struct records_value records_blob(struct span blob);
/* `records->run` with the count taken from the array. */
#define RECORDS_RUN(records, sql, arena, rows, ...)                                                \
    ((records)->run((records)->self, (sql), (const struct records_value[]){__VA_ARGS__},           \
                    sizeof((const struct records_value[]){__VA_ARGS__}) /                          \
                        sizeof(struct records_value),                                              \
                    (arena), (rows)))
/* Applies, each in a transaction of its own and once ever, the `count` scripts of a schema,
 * numbered from 1. Statements in a script are separated by ';' at the end of a line. */
enum status records_migrate(struct records *records, const char *const *scripts,
                            size_t count) MUST_USE;
