/* The one binary: finds the command by its name, shows its help, or runs it. */
#include "command/commands.h"
#include "core/base/nearest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 64 };

static const char HELP_WORD[] = "help";

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(COMMANDS[i]->name, name) == 0) {
            return COMMANDS[i];
        }
    }
    return NULL;
}

static int command_unknown(const char *typed)
{
    const char *words[WORDS_MAX] = {HELP_WORD};
    size_t count = 1;
    for (size_t i = 0; i < COMMANDS_COUNT && count < WORDS_MAX; i++) {
        words[count++] = COMMANDS[i]->name;
    }
    const char *meant = nearest_word(span_of_text(typed), words, count);
    if (meant != NULL) {
        fprintf(stderr, "vouch: there is no command %s; did you mean %s?\n", typed, meant);
    } else {
        fprintf(stderr, "vouch: there is no command %s; `vouch help` lists them\n", typed);
    }
    return EXIT_USAGE;
}

static int help_overview(void)
{
    puts("vouch plays every part of the DNSSEC chain of trust.\n"
         "\n"
         "usage: vouch COMMAND [OPTION]... [WORD]...\n"
         "\n"
         "commands:");
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        printf("  %-12s %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    }
    puts("  help         shows this list, or all about one command: vouch help COMMAND\n"
         "\n"
         "vouch --version shows the version. Exit codes: 0 done, 1 failed or rejected, 2 not\n"
         "understood.");
    return EXIT_DONE;
}

static int help_show(const struct command *command)
{
    fputs(command->usage, stdout);
    return EXIT_DONE;
}

static int help_run(int argc, char **argv)
{
    if (argc == 1 || strcmp(argv[1], HELP_WORD) == 0) {
        return help_overview();
    }
    if (argc > 2) {
        return command_usage_error(HELP_WORD, "one command at a time");
    }
    const struct command *command = command_find(argv[1]);
    return command == NULL ? command_unknown(argv[1]) : help_show(command);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int words_run(int argc, char **argv)
{
    if (argc == 0) {
        fputs("vouch: no command is given; `vouch help` lists them\n", stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[0];
    if (strcmp(word, HELP_WORD) == 0) {
        return help_run(argc, argv);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return help_overview();
    }
    if (strcmp(word, "--version") == 0) {
        puts("vouch " VOUCH_VERSION);
        return EXIT_DONE;
    }
    if (word[0] == '-') {
        fprintf(stderr, "vouch: there is no option %s here; a command comes first\n", word);
        return EXIT_USAGE;
    }
    const struct command *command = command_find(word);
    if (command == NULL) {
        return command_unknown(word);
    }
    return wants_help(argc, argv) ? help_show(command) : command->run(argc, argv);
}

int main(int argc, char **argv)
{
    int code = words_run(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* a full disk must not look like success */
        fprintf(stderr, "vouch: cannot write the output: %s\n", strerror(errno));
        return code == EXIT_DONE ? EXIT_FAILED : code;
    }
    return code;
}
