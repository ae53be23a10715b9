/* `vouch zone`: a zone of the running signer. */
#include "command/commands.h"
#include "command/control_show.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_SOCKET, OPTION_JSON, OPTION_COUNT };
enum { LINE_LEN_MAX = 2048 };

static const char NAME[] = "zone";

/* What is asked of the signer for each word; those that show the zone's state can be JSON. */
static const struct {
    const char *word;
    const char *line;
    bool is_state;
} actions[] = {
    {"status", "zone-status", true},
    {"reload", "reload", true},
    {"sign", "sign", true},
    {"dump", "zone-dump", false},
};

static int zone_run(int argc, char **argv)
{
    struct command_option options[OPTION_COUNT] = {
        [OPTION_SOCKET] = {.name = "--socket", .takes_value = true},
        [OPTION_JSON] = {.name = "--json"},
    };
    int word_count = 0;
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *path = command_value(&options[OPTION_SOCKET]);
    if (path == NULL) {
        return command_usage_error(NAME, "--socket PATH says which signer is meant");
    }
    bool is_json = options[OPTION_JSON].count > 0;
    for (size_t i = 0; i < LEN(actions); i++) {
        if (word_count != 2 || strcmp(argv[1], actions[i].word) != 0) {
            continue;
        }
        if (is_json && !actions[i].is_state) {
            return command_usage_error(NAME, "%s is not shown as JSON", actions[i].word);
        }
        char line[LINE_LEN_MAX];
        int len = snprintf(line, sizeof line, "%s %s", actions[i].line, argv[2]);
        if (len < 0 || (size_t)len >= sizeof line || strpbrk(argv[2], " \n") != NULL) {
            return command_usage_error(NAME, "the name of the zone is too long or has blanks");
        }
        return control_show(NAME, path, line, is_json ? CONTROL_AS_OBJECT : CONTROL_AS_TEXT);
    }
    return command_usage_error(NAME, "it is status, reload, sign or dump, and the zone's name");
}

const struct command COMMAND_ZONE = {
    .name = "zone",
    .summary = "show, reload, sign or dump a zone of the running signer",
    .usage =
        "usage: vouch zone status|reload|sign|dump --socket PATH [--json] NAME\n"
        "\n"
        "Asks the running signer through its control socket. `status` shows the version, when\n"
        "its signatures are renewed, when resolvers would begin to fail if nothing more\n"
        "happened, and why a version is held back. `reload` reads the zone's file again,\n"
        "`sign` begins to sign a zone that was not, `dump` prints the version that is served.\n"
        "\n"
        "  --socket PATH    the signer's control socket (its option `control`)\n"
        "  --json           the state for programs\n",
    .run = zone_run,
};
