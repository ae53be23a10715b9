/* Zone files for the commands that work on files alone: finding out what zone a file holds, and
 * saying what is wrong with it. */
#include "command/zone_open.h"

#include "command/command.h"
#include "core/base/text.h"
#include "core/zone/zonefile.h"
#include "world/real/clock.h"
#include "world/real/world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const size_t ZONE_FILE_LEN_MAX = (size_t)4 << 30;

struct opening {
    const char *command;
    struct arena arena;
    struct name_buffer apex_buffer;
    struct name apex; /* len 0: not known yet */
};

static void say_problem(void *user, const struct problem *problem)
{
    const struct opening *opening = user;
    (void)command_failed(opening->command, problem);
}

static enum status open_include(void *user, const char *file, struct span *text)
{
    struct opening *opening = user;
    struct problem problem = {0};
    return file_read(file, ZONE_FILE_LEN_MAX, &opening->arena, text, &problem);
}

/* Other than OK stops the reading, so CLOSED is "found". */
static enum status find_soa(void *user, const struct rrset *record, uint32_t line)
{
    struct opening *opening = user;
    (void)line;
    if (record->type != TYPE_SOA) {
        return OK;
    }
    name_copy_to(record->owner, &opening->apex_buffer, &opening->apex);
    return CLOSED;
}

static enum status find_apex(struct opening *opening, const struct zonefile_source *source,
                             const char *origin, struct problem *problem)
{
    if (origin != NULL) {
        return name_parse(span_of_text(origin), &NAME_ROOT, &opening->apex_buffer, &opening->apex,
                          problem);
    }
    struct zonefile_sink sink = {find_soa, say_problem, opening};
    enum status status = zonefile_read(source, &sink);
    if (status == CLOSED) {
        return OK;
    }
    problem_place(problem, source->file, 0, 0);
    return problem_set(problem, status == OK ? NOT_FOUND : status,
                       "the file holds no SOA record that could be read: say --origin NAME");
}

struct zone *zone_open_file(const char *command, const char *path, const char *origin)
{
    struct opening opening = {.command = command};
    struct zonefile_source source = {
        .file = path, .origin = NAME_ROOT, .open_include = open_include, .include_user = &opening};
    struct problem problem = {0};
    struct zone *zone = NULL;
    arena_open(&opening.arena, ZONE_FILE_LEN_MAX);
    enum status status = file_read(path, ZONE_FILE_LEN_MAX, &opening.arena, &source.text, &problem);
    if (status == OK) {
        status = find_apex(&opening, &source, origin, &problem);
    }
    if (status != OK) {
        (void)command_failed(command, &problem);
    } else {
        source.origin = opening.apex;
        status = zonefile_load(&source, opening.apex, say_problem, &opening, &zone);
    }
    arena_close(&opening.arena);
    return status == OK ? zone : NULL;
}

static void write_piece(void *user, struct span text)
{
    fwrite(text.bytes, 1, text.len, user);
}

int zone_save_file(const char *command, const struct zone *zone, const char *path)
{
    bool is_output = strcmp(path, "-") == 0;
    struct problem problem = {0};
    FILE *file = is_output ? stdout : fopen(path, "we");
    enum status status = file == NULL ? IO_FAILED : zonefile_write(zone, write_piece, file);
    if (file != NULL && (fflush(file) != 0 || ferror(file) != 0)) {
        status = IO_FAILED;
    }
    if (status != OK) {
        problem_place(&problem, path, 0, 0);
        problem_set(&problem, status, "the zone could not be written: %s",
                    status == IO_FAILED ? strerror(errno) : status_text(status));
    }
    if (file != NULL && !is_output && fclose(file) != 0 && status == OK) {
        status = problem_set(&problem, IO_FAILED, "the zone could not be written");
    }
    return status == OK ? EXIT_DONE : command_failed(command, &problem);
}

int zone_read_time(const char *command, const char *option, const char *text, int64_t *time_s)
{
    if (text == NULL) {
        *time_s = moment_wall_s(clock_now());
        return EXIT_DONE;
    }
    struct span span = span_of_text(text);
    uint64_t seconds = 0;
    if (text_read_rfc3339(span, time_s) == OK || text_read_time14(span, time_s) == OK) {
        return EXIT_DONE;
    }
    if (text_read_u64(span, UINT32_MAX, &seconds) == OK) {
        *time_s = (int64_t)seconds;
        return EXIT_DONE;
    }
    return command_usage_error(command, "%s takes a time as 2026-08-01T00:00:00Z", option);
}
