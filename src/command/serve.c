/* `vouch serve`: which words it takes, and which process becomes what. Options without a file are
 * turned into a configuration, so that there is one way to say a thing. */
#include "command/serve.h"
#include "command/commands.h"
#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

enum { CONFIG_LEN_MAX = 16 << 20, ARENA_LEN_MAX = 256 << 20 };

enum option_index {
    OPTION_CONFIG,
    OPTION_ROLE,
    OPTION_CHECK,
    OPTION_UPSTREAM_PORT,
    OPTION_ZONE,
    OPTION_LISTEN,
    OPTION_STATE,
    OPTION_COUNT
};

struct words {
    struct command_option options[OPTION_COUNT];
    enum serve_role role;
};

static enum status read_role(const char *word, enum serve_role *role)
{
    if (word == NULL) {
        *role = SERVE_BOTH;
    } else if (strcmp(word, "signer") == 0) {
        *role = SERVE_SIGNER;
    } else if (strcmp(word, "auth") == 0) {
        *role = SERVE_AUTH;
    } else {
        return BAD_ARGUMENT;
    }
    return OK;
}

/* The words that must be there or must not, as one sentence each. */
static int check_words(struct words *words, struct serve *serve)
{
    const struct command_option *options = words->options;
    bool has_config = options[OPTION_CONFIG].count > 0;
    bool has_zone = options[OPTION_ZONE].count > 0;
    if (has_config == has_zone) {
        return command_usage_error("serve", "give either --config FILE or --zone NAME=FILE");
    }
    if (has_zone && options[OPTION_LISTEN].count == 0) {
        return command_usage_error("serve", "--zone needs --listen ADDRESS[@PORT]");
    }
    if (has_config && (options[OPTION_LISTEN].count > 0 || options[OPTION_STATE].count > 0)) {
        return command_usage_error("serve", "--listen and --state stand in the configuration file");
    }
    if (read_role(command_value(&options[OPTION_ROLE]), &words->role) != OK) {
        return command_usage_error("serve", "--role is signer or auth");
    }
    const char *port = command_value(&options[OPTION_UPSTREAM_PORT]);
    uint64_t number = 0;
    if (port != NULL &&
        (text_read_u64(span_of_text(port), UINT16_MAX, &number) != OK || number == 0)) {
        return command_usage_error("serve", "--upstream-port is a number from 1 to 65535");
    }
    serve->upstream_port = (uint16_t)number;
    return EXIT_DONE;
}

static enum status write_config(const struct words *words, struct writer *text,
                                struct problem *problem)
{
    const struct command_option *listen = &words->options[OPTION_LISTEN];
    const struct command_option *zones = &words->options[OPTION_ZONE];
    const char *state = command_value(&words->options[OPTION_STATE]);
    char path[SERVE_PATH_MAX];
    writer_text(text, "server:\n");
    for (size_t i = 0; i < listen->count; i++) {
        writer_text(text, "  listen: ");
        command_write_quoted(text, listen->values[i], strlen(listen->values[i]));
    }
    for (int i = 0; i < 2 && state != NULL; i++) {
        int len = snprintf(path, sizeof path, "%s/%s", state, i == 0 ? "server" : "signer");
        if (len < 0 || (size_t)len >= sizeof path) {
            return problem_set(problem, TOO_LONG, "the path of --state is too long");
        }
        writer_text(text, i == 0 ? "  state: " : "signer:\n  state: ");
        command_write_quoted(text, path, (size_t)len);
    }
    for (size_t i = 0; i < zones->count; i++) {
        const char *equals = strchr(zones->values[i], '=');
        if (equals == NULL || equals == zones->values[i] || equals[1] == 0) {
            return problem_set(problem, BAD_ARGUMENT, "--zone is NAME=FILE, not \"%.200s\"",
                               zones->values[i]);
        }
        writer_text(text, "zone:\n  name: ");
        command_write_quoted(text, zones->values[i], (size_t)(equals - zones->values[i]));
        writer_text(text, "  file: ");
        command_write_quoted(text, equals + 1, strlen(equals + 1));
        writer_text(text, state != NULL ? "  sign: yes\n" : "  sign: no\n");
    }
    return text->status == OK ? OK : problem_set(problem, TOO_LONG, "too many words");
}

static enum status read_config(const struct words *words, struct serve *serve,
                               struct problem *problem)
{
    const char *file = command_value(&words->options[OPTION_CONFIG]);
    struct span text;
    if (file != NULL) {
        enum status status = file_read(file, SERVE_CONFIG_LEN_MAX, &serve->bulk, &text, problem);
        serve->has_file = true;
        return status != OK ? status : serve_read_config(file, text, serve, problem);
    }
    size_t size = (size_t)1 << 20;
    void *bytes = arena_take(&serve->arena, size);
    struct writer writer = writer_over(bytes, bytes == NULL ? 0 : size);
    enum status status = write_config(words, &writer, problem);
    return status != OK
               ? status
               : serve_read_config("the command line", writer_written(&writer), serve, problem);
}

static int run_role(const struct words *words, struct serve *serve, int argc, char **argv)
{
    switch (words->role) {
    case SERVE_SIGNER:
        return serve_run_signer(serve);
    case SERVE_AUTH:
        return serve_run_auth(serve);
    case SERVE_BOTH:
        break;
    }
    if (!serve_has_signer(serve)) {
        return serve_run_auth(serve); /* no signer, nobody to supervise */
    }
    return serve_supervise(argv, (size_t)argc);
}

static int serve_run(int argc, char **argv)
{
    struct words words = {
        .options = {[OPTION_CONFIG] = {"--config", true, false, 0, {NULL}},
                    [OPTION_ROLE] = {"--role", true, false, 0, {NULL}},
                    [OPTION_CHECK] = {"--check-config", false, false, 0, {NULL}},
                    [OPTION_UPSTREAM_PORT] = {"--upstream-port", true, false, 0, {NULL}},
                    [OPTION_ZONE] = {"--zone", true, true, 0, {NULL}},
                    [OPTION_LISTEN] = {"--listen", true, true, 0, {NULL}},
                    [OPTION_STATE] = {"--state", true, false, 0, {NULL}}}};
    /* The children get the words as they were given; reading them puts them in another order. */
    char *given[COMMAND_VALUES_MAX * OPTION_COUNT];
    if (argc > (int)LEN(given)) {
        return command_usage_error("serve", "too many words");
    }
    memcpy(given, argv, (size_t)argc * sizeof *given);
    int word_count = 0;
    struct serve serve = {0};
    int code = command_parse(argc, argv, words.options, OPTION_COUNT, &word_count);
    if (code == EXIT_DONE && word_count > 0) {
        code = command_usage_error("serve", "\"%s\" is no option", argv[1]);
    }
    code = code != EXIT_DONE ? code : check_words(&words, &serve);
    if (code != EXIT_DONE) {
        return code;
    }
    struct problem problem = {0};
    arena_open(&serve.arena, SERVE_ARENA_LEN_MAX);
    arena_open(&serve.bulk, SERVE_ARENA_LEN_MAX);
    if (read_config(&words, &serve, &problem) != OK) {
        command_failed("serve", &problem);
        code = EXIT_USAGE;
    } else if (words.options[OPTION_CHECK].count > 0) {
        printf("%s: good, %zu zones\n", serve.file, serve.zone_count);
    } else {
        code = run_role(&words, &serve, argc, given);
    }
    arena_close(&serve.bulk);
    arena_close(&serve.arena);
    return code;
}

const struct command COMMAND_SERVE = {
    .name = "serve",
    .summary = "sign zones and serve them to the world",
    .usage =
        "usage: vouch serve --config FILE [--role signer|auth] [--check-config]\n"
        "       vouch serve --zone NAME=FILE... --listen ADDRESS[@PORT]... [--state FOLDER]\n"
        "\n"
        "Serves zones by UDP and TCP. A signer, which holds the keys, and a server, which faces\n"
        "the network, run as two processes; the server transfers from the signer. SIGHUP reads\n"
        "zone files again; SIGTERM ends both. A zone with an update-policy is changed by DNS\n"
        "UPDATE with TSIG (nsupdate -y); its answer comes when the change is signed, verified,\n"
        "durable and served.\n"
        "\n"
        "options:\n"
        "  --config FILE         what to sign and serve\n"
        "  --role signer|auth    run one of the two alone\n"
        "  --check-config        read the file, say what is wrong with it, and end\n"
        "  --zone NAME=FILE      serve a zone file without any configuration; many times\n"
        "  --listen ADDR[@PORT]  where to answer for --zone; many times\n"
        "  --state FOLDER        sign the zones of --zone with keys kept there\n"
        "  --upstream-port N     for labs: send to port N what would go to port 53\n",
    .schema = &SERVE_SCHEMA,
    .run = serve_run,
};
