/* Zone files for the commands that work on files alone: finding out what zone a file holds, and
 * saying what is wrong with it. */
#include "command/zone_open.h"

#include "command/command.h"
#include "core/base/text.h"
#include "core/zone/zone.h"
#include "world/real/clock.h"
#include "world/real/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t ZONE_FILE_LEN_MAX = (size_t)4 << 30;

static void say_problem(void *user, const struct problem *problem)
{
    const struct zone_file *file = user;
    (void)command_failed(file->command, problem);
}

static enum status open_include(void *user, const char *path, struct span *text)
{
    struct zone_file *file = user;
    struct problem problem = {0};
    return file_read(path, ZONE_FILE_LEN_MAX, &file->arena, text, &problem);
}

/* What was read need not stay in memory: the file has it. Whole pages alone can be given back. */
static void passed(void *user, size_t from, size_t to)
{
    struct zone_file *file = user;
    size_t first = (from + file->page_len - 1) / file->page_len * file->page_len;
    size_t end = to / file->page_len * file->page_len;
    if (file->mapped_len != 0 && first < end) {
        /* Only advice: a failure does no harm. */
        (void)madvise((void *)(uintptr_t)(file->text.bytes + first), end - first, MADV_DONTNEED);
    }
    progress_add(&file->progress, to - from);
}

static struct zonefile_source source_of(struct zone_file *file, struct name origin)
{
    return (struct zonefile_source){.file = file->path,
                                    .text = file->text,
                                    .origin = origin,
                                    .open_include = open_include,
                                    .include_user = file,
                                    .passed = passed,
                                    .passed_user = file};
}

/* Other than OK stops the reading, so CLOSED is "found". */
static enum status find_soa(void *user, const struct rrset *record, uint32_t line)
{
    struct zone_file *file = user;
    (void)line;
    if (record->type != TYPE_SOA) {
        return OK;
    }
    name_copy_to(record->owner, &file->apex_octets, &file->apex);
    return CLOSED;
}

static enum status find_apex(struct zone_file *file, const char *origin, struct problem *problem)
{
    if (origin != NULL) {
        return name_parse(span_of_text(origin), &NAME_ROOT, &file->apex_octets, &file->apex,
                          problem);
    }
    struct zonefile_source source = source_of(file, NAME_ROOT);
    struct zonefile_sink sink = {.record = find_soa, .user = file};
    enum status status = zonefile_read(&source, &sink);
    if (status == CLOSED) {
        return OK;
    }
    sink.problem = say_problem; /* perhaps the SOA itself is wrong */
    if (status == MALFORMED) {
        status = zonefile_read(&source, &sink);
    }
    problem_place(problem, file->path, 0, 0);
    return problem_set(problem, status == OK ? NOT_FOUND : status,
                       "the file holds no SOA record that could be read: say -o NAME");
}

/* A plain file is mapped: false for anything else, which must be read. */
static bool map_file(struct zone_file *file)
{
    struct stat about;
    int fd = strcmp(file->path, "-") == 0 ? -1 : open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return false;
    }
    bool is_plain = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
                    (uint64_t)about.st_size <= ZONE_FILE_LEN_MAX;
    size_t len = is_plain ? (size_t)about.st_size : 0;
    void *text = is_plain ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (text == MAP_FAILED) {
        return false;
    }
    file->text = span_of(text, len);
    file->mapped_len = len;
    return true;
}

enum status zone_file_open(struct zone_file *file, const char *command, const char *path,
                           const char *origin)
{
    struct problem problem = {0};
    *file = (struct zone_file){
        .command = command, .path = path, .page_len = (size_t)sysconf(_SC_PAGESIZE)};
    arena_open(&file->arena, ZONE_FILE_LEN_MAX);
    progress_begin(&file->progress, "reading", 0);
    enum status status = OK;
    if (!map_file(file)) {
        status = file_read(path, ZONE_FILE_LEN_MAX, &file->arena, &file->text, &problem);
    }
    if (status == OK) {
        status = find_apex(file, origin, &problem);
    }
    if (status != OK) {
        (void)command_failed(command, &problem);
        zone_file_close(file);
    }
    return status;
}

enum status zone_file_load(struct zone_file *file, const struct zonefile_target *target,
                           struct zone **zone)
{
    struct zonefile_source source = source_of(file, file->apex);
    struct zonefile_target own = *target;
    own.apex = file->apex;
    progress_begin(&file->progress, "reading", file->text.len);
    enum status status = zonefile_load_into(&source, &own, zone);
    progress_end(&file->progress);
    return status;
}

enum status zone_file_read(struct zone_file *file, const struct zonefile_sink *sink)
{
    struct zonefile_source source = source_of(file, file->apex);
    progress_begin(&file->progress, "looking up lines", file->text.len);
    enum status status = zonefile_read(&source, sink);
    progress_end(&file->progress);
    return status;
}

void zone_file_close(struct zone_file *file)
{
    if (file->mapped_len != 0) {
        (void)munmap((void *)(uintptr_t)file->text.bytes, file->mapped_len);
        file->mapped_len = 0;
    }
    arena_close(&file->arena);
}

struct zone *zone_open_file_with(const char *command, const char *path, const char *origin,
                                 const struct parallel *parallel)
{
    struct zone_file file;
    struct zone *zone = NULL;
    if (zone_file_open(&file, command, path, origin) != OK) {
        return NULL;
    }
    struct zonefile_target target = {.parallel = parallel, .problem = say_problem, .user = &file};
    enum status status = zone_file_load(&file, &target, &zone);
    zone_file_close(&file);
    return status == OK ? zone : NULL;
}

struct zone *zone_open_file(const char *command, const char *path, const char *origin)
{
    return zone_open_file_with(command, path, origin, NULL);
}

static void write_piece(void *user, struct span text)
{
    fwrite(text.bytes, 1, text.len, user);
}

/* Where the zone is written: beside the file that it becomes when it is whole, so that a zone that
 * could not be written costs nobody the one before; straight into what is no plain file. */
struct zone_output {
    const char *path;
    char beside[PATH_MAX]; /* empty: straight */
    FILE *file;
};

static bool output_open(struct zone_output *output, const char *path)
{
    struct stat there;
    *output = (struct zone_output){.path = path};
    if (strcmp(path, "-") == 0) {
        output->file = stdout;
        return true;
    }
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        output->file = fopen(path, "we");
        return output->file != NULL;
    }
    int len = snprintf(output->beside, sizeof output->beside, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof output->beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    output->file = fopen(output->beside, "we");
    return output->file != NULL;
}

/* With the status of the writing. OK: the whole file stands under its name. */
static enum status output_close(struct zone_output *output, enum status status)
{
    bool is_written = fflush(output->file) == 0 && ferror(output->file) == 0;
    int error = errno;
    if (output->file != stdout && fclose(output->file) != 0 && is_written) {
        is_written = false;
        error = errno;
    }
    if (status == OK && is_written && output->beside[0] != '\0') {
        is_written = rename(output->beside, output->path) == 0;
        error = errno;
    }
    if ((status != OK || !is_written) && output->beside[0] != '\0') {
        (void)unlink(output->beside);
    }
    errno = error;
    return status == OK && !is_written ? IO_FAILED : status;
}

int zone_save_file(const char *command, const struct zone *zone, const char *path,
                   const struct parallel *parallel)
{
    struct zone_output output;
    struct problem problem = {0};
    enum status status = IO_FAILED;
    if (output_open(&output, path)) {
        status =
            output_close(&output, zonefile_write_spread(zone, parallel, write_piece, output.file));
    }
    if (status != OK) {
        problem_place(&problem, path, 0, 0);
        problem_set(&problem, status, "the zone could not be written: %s",
                    status == IO_FAILED ? strerror(errno) : status_text(status));
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
