/* `vouch control`: one line to a running service's socket, and its answer on standard output. */
#include "command/commands.h"
#include "command/control_show.h"
#include "core/base/writer.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>

enum { LINE_LEN_MAX = 4096 };

static int join_words(int count, char **words, char line[LINE_LEN_MAX])
{
    struct writer writer = writer_over(line, LINE_LEN_MAX - 1);
    for (int i = 0; i < count; i++) {
        writer_text(&writer, i == 0 ? "" : " ");
        writer_text(&writer, words[i]);
    }
    if (writer.status != OK || memchr(line, '\n', writer.len) != NULL) {
        return command_usage_error("control", "the line is too long or holds a newline");
    }
    line[writer.len] = 0;
    return EXIT_DONE;
}

static int control_run(int argc, char **argv)
{
    struct command_option socket_option = {.name = "--socket", .takes_value = true};
    int word_count = 0;
    int code = command_parse(argc, argv, &socket_option, 1, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *path = command_value(&socket_option);
    if (path == NULL) {
        return command_usage_error("control", "--socket PATH says which service is meant");
    }
    if (word_count == 0) {
        return command_usage_error("control", "a line is missing; \"help\" lists them");
    }
    char line[LINE_LEN_MAX];
    code = join_words(word_count, argv + 1, line);
    return code == EXIT_DONE ? control_show("control", path, line, NULL) : code;
}

const struct command COMMAND_CONTROL = {
    .name = "control",
    .summary = "ask or tell a running service",
    .usage = "usage: vouch control --socket PATH WORD...\n"
             "\n"
             "Sends one line to the control socket of a running service and prints its answer.\n"
             "`help` lists what that service understands. Exit code 1: it said no.\n",
    .run = control_run,
};
