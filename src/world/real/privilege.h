#pragma once
/* What the process may no longer do once everything is open. */
#include "core/base/problem.h"

/* As many open files as the system lets us have. */
void privilege_raise_limits(void);
uint32_t privilege_descriptors(void); /* that the process may have */
/* Another user from now on, who may still listen on ports below 1024 and, where it is wanted, open
 * AF_XDP sockets. */
enum status privilege_become(const char *user, bool uses_xdp, struct problem *problem) MUST_USE;

/* Each of these is for ever, for this thread and those that it makes. */
/* No new privileges by any program it might start, no core files with keys in them, and of root's
 * powers at most that to read and write any file. IO_FAILED with errno. */
enum status privilege_drop(void) MUST_USE;
/* A folder and all below it, or a file. One that is not there is passed over. */
struct privilege_place {
    const char *path;
    bool is_written; /* else it is only read */
};
/* No other files, but those of the system that libraries read; and no program is started.
 * UNSUPPORTED: this kernel has no such lock (Landlock). */
enum status privilege_drop_files(const struct privilege_place *places, size_t count,
                                 struct problem *problem) MUST_USE;
/* Only the system calls of a network service that keeps files. */
enum status privilege_drop_calls(struct problem *problem) MUST_USE;
