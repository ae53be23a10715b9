/* The part of the records that is the same for every database. */
#include "core/store/records.h"

#include <string.h>

struct records_value records_null(void)
{
    return (struct records_value){.kind = RECORDS_NULL};
}

struct records_value records_integer(int64_t integer)
{
    return (struct records_value){.kind = RECORDS_INTEGER, .integer = integer};
}

struct records_value records_text(struct span text)
{
    return (struct records_value){.kind = RECORDS_TEXT, .bytes = text};
}

struct records_value records_words(const char *text)
{
    return records_text(span_of_text(text));
}

struct records_value records_blob(struct span blob)
{
    return (struct records_value){.kind = RECORDS_BLOB, .bytes = blob};
}

enum { MIGRATE_SCRATCH_MAX = 1 << 20 };

static enum status script_run(struct records *records, const char *script, struct arena *scratch)
{
    const char *at = script;
    while (*at != '\0') {
        const char *end = strstr(at, ";\n");
        size_t len = end == NULL ? strlen(at) : (size_t)(end - at);
        char *statement = arena_text(scratch, span_of(at, len));
        if (statement == NULL) {
            return NO_MEMORY;
        }
        if (strspn(statement, " \t\n") != strlen(statement)) {
            enum status status = records->run(records->self, statement, NULL, 0, scratch, NULL);
            if (status != OK) {
                return status;
            }
        }
        at += end == NULL ? len : len + 2;
    }
    return OK;
}

static enum status migrate_one(struct records *records, const char *script, size_t version,
                               struct arena *scratch)
{
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    struct records_rows rows;
    status = RECORDS_RUN(records, "SELECT version FROM schema_migrations WHERE version = ?",
                         scratch, &rows, records_integer((int64_t)version));
    if (status == OK && rows.count == 0) {
        status = script_run(records, script, scratch);
        if (status == OK) {
            status = RECORDS_RUN(records, "INSERT INTO schema_migrations (version) VALUES (?)",
                                 scratch, NULL, records_integer((int64_t)version));
        }
    }
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

enum status records_migrate(struct records *records, const char *const *scripts, size_t count)
{
    struct arena scratch;
    arena_open(&scratch, MIGRATE_SCRATCH_MAX);
    enum status status = records->run(
        records->self, "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY)",
        NULL, 0, &scratch, NULL);
    for (size_t i = 0; i < count && status == OK; i++) {
        status = migrate_one(records, scripts[i], i + 1, &scratch);
        arena_reset(&scratch);
    }
    arena_close(&scratch);
    return status;
}
