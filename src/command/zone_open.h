#pragma once
/* Zone files as commands read and write them. */
#include "core/base/arena.h"
#include "core/zone/zone.h"

/* The zone in a file ("-" is standard input), each finding on stderr as "vouch COMMAND: ...".
 * `origin` is text, or NULL: the owner of the first SOA. NULL on failure. */
struct zone *zone_open_file(const char *command, const char *path, const char *origin) MUST_USE;
/* The whole zone as text to a file, made anew, or to standard output for "-". An exit code. */
int zone_save_file(const char *command, const struct zone *zone, const char *path) MUST_USE;
/* "2026-08-01T00:00:00Z", "20260801000000" or seconds since 1970; NULL is now. An exit code. */
int zone_read_time(const char *command, const char *option, const char *text,
                   int64_t *time_s) MUST_USE;
