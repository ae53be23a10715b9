/* `vouch doc`: the documents that are made from tables: every command's help, every option of every
 * configuration file. */
#include "command/command.h"
#include "command/commands.h"
#include "core/base/config.h"
#include "core/base/writer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENT_MAX = 1 << 20 };

static const char usage[] =
    "usage: vouch doc --folder FOLDER\n"
    "\n"
    "Writes commands.md and configuration.md, made from the tables of commands and options.\n";

static void write_commands(struct writer *text)
{
    writer_text(text, "# Commands\n\nMade by `./bootstrap doc` from the table of commands.\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        writer_print(text, "\n## vouch %s\n\n", COMMANDS[i]->name);
        writer_text(text, "```\n");
        writer_text(text, COMMANDS[i]->usage);
        writer_text(text, "```\n");
    }
}

static void write_configuration(struct writer *text)
{
    writer_text(text, "# Configuration\n\nMade by `./bootstrap doc` from the tables of options. A "
                      "file has sections (`name:`) "
                      "and below them options (`option: value`); `#` begins a comment.\n");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (COMMANDS[i]->schema != NULL) {
            writer_print(text, "\n## vouch %s --config FILE\n\n", COMMANDS[i]->name);
            config_write_reference(COMMANDS[i]->schema, text);
        }
    }
}

static int document_write(const char *folder, const char *name, void (*write)(struct writer *))
{
    char path[PATH_MAX];
    char *bytes = malloc(DOCUMENT_MAX);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = bytes == NULL ? NULL : fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "vouch: doc: cannot write %s: %s\n", path, strerror(errno));
        free(bytes);
        return EXIT_FAILED;
    }
    struct writer text = writer_over(bytes, DOCUMENT_MAX);
    write(&text);
    require(text.status == OK);
    fwrite(bytes, 1, text.len, file);
    free(bytes);
    return fclose(file) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int doc(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--folder") != 0) {
        return command_usage_error("doc", "it takes --folder FOLDER and nothing else");
    }
    int code = document_write(argv[2], "commands.md", write_commands);
    return code == EXIT_DONE ? document_write(argv[2], "configuration.md", write_configuration)
                             : code;
}

const struct command COMMAND_DOC = {
    .name = "doc", .summary = "the documents made from tables", .usage = usage, .run = doc};
