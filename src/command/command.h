#pragma once
/* A subcommand of the one binary, and what all of them need to read their words. Each lives in a
 * file of its own, is declared in commands.h and is a row in commands.c. */
#include "core/base/log.h"
#include "core/base/problem.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct config_schema;

struct command {
    const char *name;
    const char *summary;                /* one line for `vouch help` */
    const char *usage;                  /* the whole text of `vouch help NAME` */
    int (*run)(int argc, char **argv);  /* argv[0] is the name; returns an exit code */
    const struct config_schema *schema; /* of its configuration file; NULL: it has none */
};

/* "vouch NAME: SENTENCE" on stderr; returns EXIT_USAGE. */
int command_usage_error(const char *name, const char *format, ...) PRINTF_LIKE(2, 3);
/* "vouch NAME: PLACE:LINE:COLUMN: SENTENCE" on stderr; returns EXIT_FAILED. */
int command_failed(const char *name, const struct problem *problem);

enum { COMMAND_VALUES_MAX = 16 };

/* An option of a command: the command fills the first three, command_parse the rest. */
struct command_option {
    const char *name; /* with its dashes: "--anchor" */
    bool takes_value; /* "--anchor FILE" or "--anchor=FILE" */
    bool is_list;     /* may be given up to COMMAND_VALUES_MAX times */
    size_t count;     /* how often it was given */
    const char *values[COMMAND_VALUES_MAX];
};

/* Reads the options of a command and moves its other words to argv[1] and on, in order; "--" ends
 * the options and "-" is a word. Returns EXIT_DONE with the number of words in `word_count`, or,
 * after one sentence on stderr, EXIT_USAGE. */
int command_parse(int argc, char **argv, struct command_option *options, size_t option_count,
                  int *word_count);
/* The value of an option given to command_parse, or NULL. */
const char *command_value(const struct command_option *option);
/* A value in quotes and the end of its line, as the grammar of configurations has it: for commands
 * that make one of their words. */
struct writer;
void command_write_quoted(struct writer *text, const char *value, size_t len);
/* What each command's option log-level may be, for CONFIG_CHOICE. */
#define COMMAND_LOG_LEVELS "error|warning|notice|detail"
enum log_level command_log_level(const char *word); /* one of these words */

/* Options that the configurations of several commands have in common, as rows of their tables. */
#define COMMAND_CONTROL_OPTION                                                                     \
    {                                                                                              \
        .section = "server", .name = "control", .kind = CONFIG_PATH,                               \
        .help = "socket for `vouch control`"                                                       \
    }
#define COMMAND_LOG_LEVEL_OPTION                                                                   \
    {                                                                                              \
        .section = "server", .name = "log-level", .kind = CONFIG_CHOICE,                           \
        .default_value = "notice", .choices = COMMAND_LOG_LEVELS,                                  \
        .help = "the most detailed lines written"                                                  \
    }
/* Where the numbers of a process are read from, in its section. */
#define COMMAND_METRICS_OPTIONS(of)                                                                \
    {.section = (of),                                                                              \
     .name = "metrics",                                                                            \
     .kind = CONFIG_ADDRESS,                                                                       \
     .help = "address for Prometheus, GET /metrics, such as 127.0.0.1@9053, which is the port "    \
             "unless one is given; unset: none. Whoever reaches it may read"},                     \
        {.section = (of),                                                                          \
         .name = "metrics-certificate",                                                            \
         .kind = CONFIG_PATH,                                                                      \
         .help = "certificate and its chain (PEM), for HTTPS there; read again on SIGHUP"},        \
    {                                                                                              \
        .section = (of), .name = "metrics-key", .kind = CONFIG_PATH,                               \
        .help = "its private key (PEM)"                                                            \
    }
/* A secret shared with another server (TSIG): its name and algorithm. */
#define COMMAND_KEY_OPTIONS                                                                        \
    {.section = "key",                                                                             \
     .name = "name",                                                                               \
     .kind = CONFIG_NAME,                                                                          \
     .is_required = true,                                                                          \
     .help = "its name, the same on both sides"},                                                  \
    {                                                                                              \
        .section = "key", .name = "algorithm", .kind = CONFIG_CHOICE,                              \
        .default_value = "hmac-sha256",                                                            \
        .choices = "hmac-sha1|hmac-sha256|hmac-sha384|hmac-sha512", .help = "how it signs"         \
    }
