/* The list of zones that `vouch control add` added: a log of what came and went, one line each,
 * which is written anew at each start. Its home is the server's state folder. */
#include "command/serve_manage.h"
#include "core/base/table.h"

#include <string.h>

static const char FILE_NAME[] = "zones.added";
static const size_t FILE_LEN_MAX = (size_t)1 << 30;
static const uint64_t HASH_SEED = 2;

/* A line that is in force. */
struct listed {
    struct name name;
    struct span line; /* with its newline */
    struct span pattern;
};

static struct span word_at(struct span line, size_t *at)
{
    size_t from = *at;
    while (*at < line.len && line.bytes[*at] != ' ' && line.bytes[*at] != '\n') {
        ++*at;
    }
    struct span word = span_part(line, from, *at - from);
    *at += *at < line.len;
    return word;
}

/* "+ NAME PATTERN" or "- NAME"; false for anything else. */
static bool read_line(struct span line, struct arena *arena, bool *is_added, struct listed *listed)
{
    size_t at = 0;
    struct span sign = word_at(line, &at);
    struct span text = word_at(line, &at);
    struct name_buffer buffer;
    struct name name;
    *listed = (struct listed){.line = line, .pattern = word_at(line, &at)};
    *is_added = span_equal(sign, span_of_text("+"));
    return (*is_added || span_equal(sign, span_of_text("-"))) &&
           name_parse(text, &NAME_ROOT, &buffer, &name, NULL) == OK &&
           name_copy(arena, name, &listed->name) == OK;
}

/* The place of the name in the table: its own or the free one. */
static uint64_t key_of(const struct table *table, struct name name)
{
    uint64_t key = name_hash(name, HASH_SEED);
    const struct listed *other = table_find(table, key);
    while (other != NULL && !name_equal(other->name, name)) {
        other = table_find(table, ++key);
    }
    return key;
}

/* The lines in force, in the order in which they came; a torn one at the end is none. */
static enum status read_lines(struct span text, struct arena *arena, struct listed **all,
                              size_t *count)
{
    struct table table = {0};
    size_t line_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        line_count += text.bytes[i] == '\n';
    }
    *count = 0;
    *all = arena_take_array(arena, line_count, sizeof **all);
    enum status status = *all == NULL ? NO_MEMORY : OK;
    for (size_t at = 0; at < text.len && status == OK;) {
        const uint8_t *end = memchr(text.bytes + at, '\n', text.len - at);
        if (end == NULL) {
            break;
        }
        size_t len = (size_t)(end - (text.bytes + at)) + 1;
        struct listed listed;
        bool is_added;
        if (read_line(span_part(text, at, len), arena, &is_added, &listed)) {
            uint64_t key = key_of(&table, listed.name);
            struct listed *before = table_find(&table, key);
            if (before != NULL) {
                before->line = SPAN_EMPTY;
            }
            (*all)[*count] = listed;
            (*all)[*count].line = is_added ? listed.line : SPAN_EMPTY;
            table_set(&table, key, &(*all)[(*count)++]);
        }
        at += len;
    }
    table_close(&table);
    return status;
}

static enum status write_anew(struct disk *disk, const struct listed *all, size_t count,
                              struct span before, struct arena *arena)
{
    struct writer text = writer_over(arena_take(arena, before.len), before.len);
    for (size_t i = 0; i < count; i++) {
        writer_span(&text, all[i].line);
    }
    bool is_same = text.status == OK && span_equal(writer_written(&text), before);
    return text.status != OK ? text.status
           : is_same         ? OK
                             : disk->replace(disk->self, FILE_NAME, writer_written(&text));
}

enum status serve_list_read(struct serve_process *process,
                            void (*each)(void *user, struct name name, struct span pattern),
                            void *user, struct problem *problem)
{
    struct disk *disk = process->disk;
    struct arena arena;
    struct span text;
    struct listed *all = NULL;
    size_t count = 0;
    if (disk == NULL) {
        return OK;
    }
    arena_open(&arena, 4 * FILE_LEN_MAX);
    enum status status = disk->read(disk->self, FILE_NAME, FILE_LEN_MAX, &arena, &text);
    bool has_list = status == OK;
    status = status == NOT_FOUND ? OK : status;
    if (has_list) {
        status = read_lines(text, &arena, &all, &count);
        status = status == OK ? write_anew(disk, all, count, text, &arena) : status;
    }
    for (size_t i = 0; i < count && status == OK; i++) {
        if (all[i].line.len > 0) {
            each(user, all[i].name, all[i].pattern);
        }
    }
    arena_close(&arena);
    return status == OK ? OK
                        : problem_set(problem, status, "the list of added zones %s: %s", FILE_NAME,
                                      status_text(status));
}

static enum status append(struct serve_process *process, const char *sign, struct name name,
                          struct span pattern)
{
    uint8_t bytes[NAME_TEXT_MAX + SERVE_PATTERN_LEN_MAX + 8];
    struct writer line = writer_over(bytes, sizeof bytes);
    writer_text(&line, sign);
    name_write_text(name, &line);
    writer_text(&line, pattern.len > 0 ? " " : "");
    writer_span(&line, pattern);
    writer_text(&line, "\n");
    struct disk *disk = process->disk;
    return line.status != OK ? line.status
                             : disk->append(disk->self, FILE_NAME, writer_written(&line));
}

enum status serve_list_add(struct serve_process *process, struct name name, struct span pattern)
{
    return append(process, "+ ", name, pattern);
}

enum status serve_list_remove(struct serve_process *process, struct name name)
{
    return append(process, "- ", name, SPAN_EMPTY);
}
