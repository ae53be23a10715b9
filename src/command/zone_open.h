#pragma once
/* Zone files as commands read and write them. */
#include "command/progress.h"
#include "core/base/arena.h"
#include "core/base/parallel.h"
#include "core/zone/zonefile.h"

/* The zone in a file ("-" is standard input), each finding on stderr as "vouch COMMAND: ...".
 * `origin` is text, or NULL: the owner of the first SOA. NULL on failure. */
struct zone *zone_open_file(const char *command, const char *path, const char *origin) MUST_USE;
/* The same with several threads. */
struct zone *zone_open_file_with(const char *command, const char *path, const char *origin,
                                 const struct parallel *parallel) MUST_USE;

/* The same in steps, for who looks into the file again. The file must not shrink meanwhile: it is
 * mapped and not copied. */
struct zone_file {
    const char *command;
    const char *path;
    struct arena arena; /* what is no plain file, and included files */
    struct span text;
    size_t mapped_len;
    size_t page_len;
    struct name apex;
    struct name_buffer apex_octets;
    struct progress progress;
};
/* Opens the file and finds its apex; each failure is said on stderr. */
enum status zone_file_open(struct zone_file *file, const char *command, const char *path,
                           const char *origin) MUST_USE;
/* `target` but for its apex. */
enum status zone_file_load(struct zone_file *file, const struct zonefile_target *target,
                           struct zone **zone) MUST_USE;
/* Reads all records once more. */
enum status zone_file_read(struct zone_file *file, const struct zonefile_sink *sink) MUST_USE;
void zone_file_close(struct zone_file *file);

/* The whole zone as text to a file, made anew, or to standard output for "-". `parallel` may be
 * NULL. An exit code. */
int zone_save_file(const char *command, const struct zone *zone, const char *path,
                   const struct parallel *parallel) MUST_USE;
/* "2026-08-01T00:00:00Z", "20260801000000" or seconds since 1970; NULL is now. An exit code. */
int zone_read_time(const char *command, const char *option, const char *text,
                   int64_t *time_s) MUST_USE;
