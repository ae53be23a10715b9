/* `vouch registrar`: the service, its world, and the hashing of passwords. */
#include "service/registrar/registrar.h"
#include "command/commands.h"
#include "command/listen.h"
#include "command/password.h"
#include "command/registrar_config.h"
#include "command/sandbox.h"
#include "core/base/text.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_LEN_MAX = 256 << 20, PATH_LEN_MAX = 4096 };

static enum status add_mail(struct registrar_process *process, struct world *world,
                            struct problem *problem)
{
    static const char MAILDIR[] = "maildir:";
    const char *mail = registrar_config_text(process, "registrar", "mail");
    if (strncmp(mail, MAILDIR, sizeof MAILDIR - 1) == 0) {
        return world_mail_to_maildir(world, mail + sizeof MAILDIR - 1, problem);
    }
    if (strncmp(mail, "smtp://", 7) == 0) {
        return world_mail_to_smtp(world, mail, problem);
    }
    problem_place(problem, process->file, config_line(process->config, "registrar", 0), 1);
    return problem_set(problem, MALFORMED, "mail is maildir:FOLDER or smtp://HOST:PORT, not \"%s\"",
                       mail);
}

static enum status add_registries(struct registrar_process *process, struct world *world,
                                  struct problem *problem)
{
    const struct config *config = process->config;
    enum status status = OK;
    for (size_t i = 0; i < config_count(config, "registry") && status == OK; i++) {
        struct address address;
        struct world_tls tls = {config_text(config, "registry", i, "certificate"),
                                config_text(config, "registry", i, "key"),
                                config_text(config, "registry", i, "ca")};
        status = address_read(span_of_text(config_text(config, "registry", i, "address")), 700,
                              &address);
        if (status == OK) {
            status =
                world_add_epp_server(world, config_text(config, "registry", i, "name"), address,
                                     config_text(config, "registry", i, "host-name"), tls, problem);
        }
    }
    return status;
}

/* The records lie in the state folder, which is made here when it is missing; whoever locked it
 * first is the one registrar. */
static enum status open_records(struct registrar_process *process, struct world *world,
                                struct problem *problem)
{
    struct disk unused;
    char url[PATH_LEN_MAX];
    const char *state = registrar_config_text(process, "server", "state");
    int len = snprintf(url, sizeof url, "sqlite:%s/registrar.db", state);
    if (len < 0 || (size_t)len >= sizeof url) {
        return problem_set(problem, TOO_LONG, "the path of the state folder is too long");
    }
    enum status status = world_disk(world, state, &unused, problem);
    return status == OK ? world_records(world, url, &process->options.records, problem) : status;
}

static enum status open_listeners(struct registrar_process *process, struct world *world,
                                  struct problem *problem)
{
    struct address address;
    const char *control = registrar_config_text(process, "server", "control");
    enum status status =
        address_read(span_of_text(registrar_config_text(process, "server", "http-listen")),
                     process->options.is_https ? 443 : 8080, &address);
    if (status == OK) {
        status = world_listen_http(world, address,
                                   registrar_config_text(process, "server", "certificate"),
                                   registrar_config_text(process, "server", "key"), problem);
    }
    status =
        status == OK && control != NULL ? world_listen_control(world, control, problem) : status;
    return status == OK ? listen_open_metrics(process->config, "server", world, problem) : status;
}

static int run_service(struct registrar_process *process, struct world *world,
                       struct problem *problem)
{
    struct registrar *registrar = NULL;
    process->options.entropy = world_entropy(world);
    process->options.log = world_log(world);
    process->options.passwords =
        (struct registrar_passwords){password_hash, password_matches, NULL};
    process->options.reader = (struct registrar_reader){registrar_config_reread, process};
    enum status status = open_records(process, world, problem);
    status = status == OK ? add_mail(process, world, problem) : status;
    status = status == OK ? add_registries(process, world, problem) : status;
    status = status == OK ? open_listeners(process, world, problem) : status;
    status = status == OK ? registrar_open(&process->options, &registrar, problem) : status;
    if (status != OK) {
        return command_failed("registrar", problem);
    }
    int code = world_run(world, (struct node){registrar_handle, registrar});
    registrar_close(registrar);
    return code;
}

static int run_world(struct registrar_process *process)
{
    struct world *world = NULL;
    struct problem problem = {0};
    struct world_options world_options = {
        .name = "registrar",
        .log_level = command_log_level(registrar_config_text(process, "server", "log-level")),
        .upstream_port = process->upstream_port,
    };
    sandbox_set(process->config, &world_options);
    if (world_open(&world_options, &world, &problem) != OK) {
        return command_failed("registrar", &problem);
    }
    sandbox_keep(process->config, process->file, world);
    int code = run_service(process, world, &problem);
    world_close(world);
    return code;
}

enum option_index { OPTION_CONFIG, OPTION_CHECK, OPTION_UPSTREAM_PORT, OPTION_COUNT };

static int registrar_run(int argc, char **argv)
{
    struct command_option words[OPTION_COUNT] = {
        [OPTION_CONFIG] = {.name = "--config", .takes_value = true},
        [OPTION_CHECK] = {.name = "--check-config"},
        [OPTION_UPSTREAM_PORT] = {.name = "--upstream-port", .takes_value = true}};
    int word_count = 0;
    uint64_t port = 0;
    int code = command_parse(argc, argv, words, OPTION_COUNT, &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *port_text = command_value(&words[OPTION_UPSTREAM_PORT]);
    struct registrar_process process = {.file = command_value(&words[OPTION_CONFIG])};
    if (word_count > 0) {
        return command_usage_error("registrar", "\"%s\" is no option", argv[1]);
    }
    if (process.file == NULL) {
        return command_usage_error("registrar", "--config FILE is missing");
    }
    if (port_text != NULL &&
        (text_read_u64(span_of_text(port_text), UINT16_MAX, &port) != OK || port == 0)) {
        return command_usage_error("registrar", "--upstream-port is a number from 1 to 65535");
    }
    process.upstream_port = (uint16_t)port;
    struct problem problem = {0};
    arena_open(&process.arena, ARENA_LEN_MAX);
    if (registrar_config_read(&process, &problem) != OK) {
        command_failed("registrar", &problem);
        code = EXIT_USAGE;
    } else if (words[OPTION_CHECK].count > 0) {
        printf("%s: good, %zu registries\n", process.file, process.options.registry_count);
    } else {
        code = run_world(&process);
    }
    arena_close(&process.arena);
    return code;
}

const struct command COMMAND_REGISTRAR = {
    .name = "registrar",
    .summary = "register domains and bring their keys to the registries",
    .usage =
        "usage: vouch registrar --config FILE [--check-config] [--upstream-port PORT]\n"
        "\n"
        "Runs the console, the API (the JSON protocol of Route 53 Domains) and the EPP sessions\n"
        "with the registries. Accounts and domains are made through its control socket:\n"
        "  vouch control --socket PATH account-add EMAIL PASSWORD\n"
        "  vouch control --socket PATH token-add EMAIL | token-list EMAIL\n"
        "  vouch control --socket PATH token-revoke EMAIL ACCESS-KEY-ID\n"
        "  vouch control --socket PATH domain-register NAME EMAIL NS[=ADDRESS,...] ...\n"
        "  vouch control --socket PATH domain-nameservers NAME NS[=ADDRESS,...] ...\n"
        "  vouch control --socket PATH domain-list | operation-list | status\n"
        "\n"
        "SIGHUP reads the configuration, the root zone and the policy of TLDs again; the log says "
        "what\n"
        "of it needs a restart.\n"
        "\n"
        "  --check-config        reads the configuration, says what is wrong, and ends\n"
        "  --upstream-port PORT  for labs: name servers are asked on this port, not on 53\n",
    .run = registrar_run,
    .schema = &REGISTRAR_SCHEMA,
};
