#pragma once
/* A subcommand of the one binary. Each lives in a file of its own and is a row in main.c. */
#include "core/base/base.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;
    const char *summary;               /* one line for `vouch help` */
    const char *usage;                 /* the whole text of `vouch help NAME` */
    int (*run)(int argc, char **argv); /* argv[0] is the name; returns an exit code */
};

/* "vouch: NAME: SENTENCE" on stderr; returns EXIT_USAGE. */
int command_usage_error(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);
