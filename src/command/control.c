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
    struct command_option options[] = {{.name = "--socket", .takes_value = true},
                                       {.name = "--json"}};
    int word_count = 0;
    int code = command_parse(argc, argv, options, LEN(options), &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *path = command_value(&options[0]);
    if (path == NULL) {
        return command_usage_error("control", "--socket PATH says which service is meant");
    }
    if (word_count == 0) {
        return command_usage_error("control", "a line is missing; \"help\" lists them");
    }
    char line[LINE_LEN_MAX];
    code = join_words(word_count, argv + 1, line);
    return code == EXIT_DONE
               ? control_show("control", path, line,
                              options[1].count > 0 ? CONTROL_AS_JSON : CONTROL_AS_TEXT)
               : code;
}

const struct command COMMAND_CONTROL = {
    .name = "control",
    .summary = "ask or tell a running service",
    .usage = "usage: vouch control --socket PATH [--json] WORD...\n"
             "\n"
             "Sends one line to the control socket of a running service and prints its answer.\n"
             "Only the service's user and root may. Every service understands:\n"
             "\n"
             "  status         how it stands\n"
             "  stats          its numbers since the start, as in its metrics\n"
             "  reload         read certificates and files again, as at SIGHUP\n"
             "  stop           finish what was begun and end, as at SIGTERM\n"
             "  help           all that this service understands\n"
             "\n"
             "The server knows zone-status, reload, notify, retransfer, add and remove with a\n"
             "zone's name too.\n"
             "\n"
             "  --socket PATH  the service's control socket (its option `control`)\n"
             "  --json         {\"done\": true, \"answer\": [{\"KEY\": VALUE}], \"text\": "
             "[\"LINE\"]}:\n"
             "                 lines with a colon as members, others as text\n"
             "\n"
             "Exit code 1: it said no.\n",
    .run = control_run,
};
