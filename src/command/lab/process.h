#pragma once
/* The lab's processes: started one by one, each awaited until it says that it is ready, started
 * again when it dies, ended together. */
#include "core/base/problem.h"

#include <sys/types.h>

enum { PROCESS_ARGUMENTS_MAX = 12, PROCESSES_MAX = 24, PROCESS_PATH_MAX = 512 };

struct process {
    const char *name;                             /* of its log file */
    const char *arguments[PROCESS_ARGUMENTS_MAX]; /* behind the program's own path; NULL ends */
    pid_t pid;                                    /* 0 while it does not run */
    uint32_t restarts;
};

struct processes {
    char folder[PROCESS_PATH_MAX]; /* STATE/log and STATE/run below it */
    struct process list[PROCESSES_MAX];
    size_t count;
};

/* Starts /proc/self/exe with the arguments, its output going to FOLDER/log/NAME.log, and waits
 * until it reports READY=1 on its NOTIFY_SOCKET, at most `timeout_ms`. On failure the last lines of
 * its log are in `problem`. It dies with us. */
enum status process_start(struct processes *processes, const char *name,
                          const char *const *arguments, uint32_t timeout_ms,
                          struct problem *problem) MUST_USE;
/* Starts every one again that has died; says so on stderr. */
void processes_revive(struct processes *processes);
/* SIGTERM to all in reverse order of their start, SIGKILL to what is left after a while. */
void processes_stop(struct processes *processes);
