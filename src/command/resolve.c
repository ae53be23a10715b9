/* `vouch resolve`: its words, and the resolver in the real world. Words without a file are turned
 * into a configuration, so that there is one way to say a thing. */
#include "command/resolve.h"
#include "command/commands.h"
#include "command/listen.h"
#include "command/sandbox.h"
#include "command/zone_open.h"
#include "core/base/text.h"
#include "world/real/threads.h"
#include "world/real/workers.h"

#include <string.h>

enum { ARENA_MAX = 64 << 20, WORDS_LEN_MAX = 1 << 16 };

enum option_index {
    OPTION_CONFIG,
    OPTION_CHECK,
    OPTION_UPSTREAM_PORT,
    OPTION_LISTEN,
    OPTION_HINTS,
    OPTION_ANCHOR,
    OPTION_FORWARD,
    OPTION_STUB,
    OPTION_TIME,
    OPTION_COUNT
};

/* --- the world --- */

/* The resolver at another time of day than the clock's (--validation-time). */
struct shifted {
    struct resolver *resolver;
    int64_t shift_ns;
};

static void shifted_handle(void *state, const struct event *event, struct outbox *outbox)
{
    const struct shifted *shifted = state;
    struct event then = *event;
    then.now.wall_ns += shifted->shift_ns;
    resolver_handle(shifted->resolver, &then, outbox);
}

static void shifted_answer(void *state, struct moment now, struct datagram *datagrams, size_t count)
{
    const struct shifted *shifted = state;
    now.wall_ns += shifted->shift_ns;
    resolver_answer(shifted->resolver, now, datagrams, count);
}

static enum status open_world(struct resolving *resolving, struct world **world,
                              struct problem *problem)
{
    struct config *config = resolving->config;
    struct world_options world_options = {
        .name = "resolver",
        .log_level = command_log_level(config_text(config, "server", 0, "log-level")),
        .upstream_port = resolving->upstream_port,
    };
    sandbox_set(config, &world_options);
    const char *control = config_text(config, "server", 0, "control");
    enum status status = world_open(&world_options, world, problem);
    status =
        status == OK && control != NULL ? world_listen_control(*world, control, problem) : status;
    unsigned workers = config_text(config, "server", 0, "workers") == NULL
                           ? threads_processors()
                           : (unsigned)config_number(config, "server", 0, "workers");
    status = status == OK ? world_use_workers(*world, workers) : status;
    if (status == OK) {
        sandbox_keep(config, resolving->has_file ? resolving->file : NULL, *world);
        listen_set_limits(config, *world);
    }
    for (size_t i = 0; i < config_list_count(config, "server", 0, "listen") && status == OK; i++) {
        struct address address;
        const char *text = config_list_at(config, "server", 0, "listen", i);
        status = address_read(span_of_text(text), RESOLVE_DNS_PORT, &address);
        status = status == OK ? world_listen_dns(*world, address, problem) : status;
    }
    status = status == OK ? listen_open_metrics(config, "server", *world, problem) : status;
    return status == OK ? listen_open_tls(config, *world, problem) : status;
}

static int run(struct resolving *resolving)
{
    struct problem problem = {0};
    struct world *world = NULL;
    struct resolver *resolver = NULL;
    int code = EXIT_FAILED;
    enum status status = open_world(resolving, &world, &problem);
    status = status == OK ? resolve_read_zones(resolving, world, &problem) : status;
    status = status == OK ? resolve_read_rolls(resolving, world, &problem) : status;
    if (status == OK) {
        resolving->options.entropy = world_entropy(world);
        resolving->options.log = world_log(world);
        resolving->options.grace = world_grace(world);
        status = resolver_open(&resolving->options, &resolver);
    }
    if (status == OK) {
        struct shifted shifted = {resolver, 0};
        if (resolving->validation_s != 0) {
            shifted.shift_ns = resolving->validation_s * MOMENT_NS_PER_S - world_now(world).wall_ns;
        }
        code = shifted.shift_ns == 0
                   ? world_run(world, (struct node){resolver_handle, resolver, resolver_answer})
                   : world_run(world, (struct node){shifted_handle, &shifted, shifted_answer});
    } else {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        code = command_failed("resolve", &problem);
    }
    resolver_close(resolver);
    world_close(world);
    return code;
}

/* --- words --- */

/* "ZONE=ADDRESS[@PORT]" as a section. */
static enum status write_zone(struct writer *text, const char *section, const char *addr,
                              const char *word, struct problem *problem)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word || equals[1] == 0) {
        return problem_set(problem, BAD_ARGUMENT, "it is ZONE=ADDRESS[@PORT], not \"%.200s\"",
                           word);
    }
    writer_print(text, "%s:\n  name: ", section);
    command_write_quoted(text, word, (size_t)(equals - word));
    writer_print(text, "  %s: ", addr);
    command_write_quoted(text, equals + 1, strlen(equals + 1));
    return OK;
}

static enum status write_config(const struct command_option *options, struct writer *text,
                                struct problem *problem)
{
    static const struct {
        enum option_index option;
        const char *section; /* before the first of them; NULL: the same as before */
        const char *name;
    } LINES[] = {
        {OPTION_LISTEN, "server:\n", "listen"},
        {OPTION_HINTS, "resolver:\n", "root-hints"},
        {OPTION_ANCHOR, "", "trust-anchor-file"},
    };
    enum status status = OK;
    for (size_t i = 0; i < LEN(LINES); i++) {
        const struct command_option *option = &options[LINES[i].option];
        writer_text(text, LINES[i].section);
        for (size_t j = 0; j < option->count; j++) {
            writer_print(text, "  %s: ", LINES[i].name);
            command_write_quoted(text, option->values[j], strlen(option->values[j]));
        }
    }
    for (size_t i = 0; i < options[OPTION_FORWARD].count && status == OK; i++) {
        status = write_zone(text, "forward-zone", "forward-addr", options[OPTION_FORWARD].values[i],
                            problem);
    }
    for (size_t i = 0; i < options[OPTION_STUB].count && status == OK; i++) {
        status =
            write_zone(text, "stub-zone", "stub-addr", options[OPTION_STUB].values[i], problem);
    }
    return status != OK         ? status
           : text->status == OK ? OK
                                : problem_set(problem, TOO_LONG, "too many words");
}

static enum status read_config(const struct command_option *options, struct resolving *resolving,
                               struct problem *problem)
{
    const char *file = command_value(&options[OPTION_CONFIG]);
    struct span text;
    enum status status = OK;
    resolving->has_file = file != NULL;
    resolving->file = file != NULL ? file : "the command line";
    if (file != NULL) {
        status = file_read(file, RESOLVE_FILE_LEN_MAX, &resolving->arena, &text, problem);
    } else {
        void *bytes = arena_take(&resolving->arena, WORDS_LEN_MAX);
        struct writer writer = writer_over(bytes, bytes == NULL ? 0 : WORDS_LEN_MAX);
        status = write_config(options, &writer, problem);
        text = writer_written(&writer);
    }
    status = status == OK ? config_read(&RESOLVE_SCHEMA, resolving->file, text, &resolving->arena,
                                        &resolving->config, problem)
                          : status;
    return status == OK ? resolve_read_options(resolving, problem) : status;
}

static int read_and_run(const struct command_option *options, struct resolving *resolving)
{
    struct problem problem = {0};
    bool is_check = options[OPTION_CHECK].count > 0;
    enum status status = read_config(options, resolving, &problem);
    /* Faults are told before anything is opened. */
    status = status == OK ? resolve_read_zones(resolving, NULL, &problem) : status;
    status = status == OK ? resolve_read_rolls(resolving, NULL, &problem) : status;
    if (status != OK) {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        return command_failed("resolve", &problem);
    }
    return is_check ? EXIT_DONE : run(resolving);
}

/* The words that must be there or must not, as one sentence each. */
static int check_words(const struct command_option *options, struct resolving *resolving)
{
    bool has_config = options[OPTION_CONFIG].count > 0;
    if (has_config == (options[OPTION_LISTEN].count > 0)) {
        return command_usage_error("resolve",
                                   "give either --config FILE or --listen ADDRESS[@PORT]");
    }
    for (int i = OPTION_LISTEN; i <= OPTION_STUB; i++) {
        if (has_config && options[i].count > 0) {
            return command_usage_error("resolve", "%s stands in the configuration file",
                                       options[i].name);
        }
    }
    const char *port = command_value(&options[OPTION_UPSTREAM_PORT]);
    uint64_t number = 0;
    if (port != NULL &&
        (text_read_u64(span_of_text(port), UINT16_MAX, &number) != OK || number == 0)) {
        return command_usage_error("resolve", "--upstream-port is a number from 1 to 65535");
    }
    resolving->upstream_port = (uint16_t)number;
    const char *time = command_value(&options[OPTION_TIME]);
    return time == NULL
               ? EXIT_DONE
               : zone_read_time("resolve", "--validation-time", time, &resolving->validation_s);
}

static int resolve_run(int argc, char **argv)
{
    struct command_option options[] = {
        [OPTION_CONFIG] = {.name = "--config", .takes_value = true},
        [OPTION_CHECK] = {.name = "--check-config"},
        [OPTION_UPSTREAM_PORT] = {.name = "--upstream-port", .takes_value = true},
        [OPTION_LISTEN] = {.name = "--listen", .takes_value = true, .is_list = true},
        [OPTION_HINTS] = {.name = "--root-hints", .takes_value = true},
        [OPTION_ANCHOR] = {.name = "--trust-anchor", .takes_value = true, .is_list = true},
        [OPTION_FORWARD] = {.name = "--forward", .takes_value = true, .is_list = true},
        [OPTION_STUB] = {.name = "--stub", .takes_value = true, .is_list = true},
        [OPTION_TIME] = {.name = "--validation-time", .takes_value = true},
    };
    int word_count = 0;
    struct resolving resolving = {0};
    int code = command_parse(argc, argv, options, OPTION_COUNT, &word_count);
    if (code == EXIT_DONE && word_count > 0) {
        code = command_usage_error("resolve", "\"%s\" is no option", argv[1]);
    }
    code = code != EXIT_DONE ? code : check_words(options, &resolving);
    if (code != EXIT_DONE) {
        return code;
    }
    arena_open(&resolving.arena, ARENA_MAX);
    code = read_and_run(options, &resolving);
    arena_close(&resolving.arena);
    return code;
}

const struct command COMMAND_RESOLVE = {
    .name = "resolve",
    .summary = "resolve, validate and cache",
    .usage =
        "usage: vouch resolve --config FILE [--check-config]\n"
        "       vouch resolve --listen ADDRESS[@PORT]... [--root-hints FILE]\n"
        "                     [--trust-anchor FILE]... [--forward ZONE=ADDRESS[@PORT]]...\n"
        "                     [--stub ZONE=ADDRESS[@PORT]]...\n"
        "\n"
        "Runs the resolver: it asks name servers from the root down, or other resolvers, checks\n"
        "what they say against the trust anchors, and keeps it.\n"
        "\n"
        "options:\n"
        "  --config FILE           how to resolve\n"
        "  --check-config          read the file, say what is wrong with it, and end\n"
        "  --listen ADDR[@PORT]    where to answer without any configuration; many times\n"
        "  --root-hints FILE       addresses of the root servers; else the real ones\n"
        "  --trust-anchor FILE     DS or DNSKEY records; else the root's keys; many times\n"
        "  --forward ZONE=ADDR     ask that resolver for the zone and all below; many times\n"
        "  --stub ZONE=ADDR        ask that authoritative server for the zone; many times\n"
        "  --upstream-port N       for labs: ask port N where it would be port 53\n"
        "  --validation-time TIME  start the clock there (2026-08-01T00:00:00Z), for signatures\n",
    .run = resolve_run,
    .schema = &RESOLVE_SCHEMA,
};
