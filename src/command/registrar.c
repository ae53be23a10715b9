/* `vouch registrar`: the configuration of the registrar, the hashing of passwords, and the world it
 * runs in. */
#include "service/registrar/registrar.h"
#include "command/commands.h"
#include "command/password.h"
#include "core/base/config.h"
#include "core/base/text.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>

enum {
    FILE_LEN_MAX = 64 << 20,
    ARENA_LEN_MAX = 256 << 20,
    SECRET_LEN_MAX = 1024,
    PATH_LEN_MAX = 4096,
};

static const struct config_section sections[] = {
    {"server", false, "where the registrar listens and what it keeps"},
    {"registrar", false, "what it is called, whom it asks, how it sends mail"},
    {"registry", true, "a registry in which it registers domains, by EPP"},
};

static const struct config_option options[] = {
    {.section = "server",
     .name = "http-listen",
     .kind = CONFIG_ADDRESS,
     .default_value = "127.0.0.1@8080",
     .help = "address of the console and the API"},
    {.section = "server",
     .name = "certificate",
     .kind = CONFIG_PATH,
     .help = "certificate chain (PEM); with it and a key, HTTPS"},
    {.section = "server", .name = "key", .kind = CONFIG_PATH, .help = "its private key (PEM)"},
    {.section = "server",
     .name = "control",
     .kind = CONFIG_PATH,
     .help = "socket for `vouch control`"},
    {.section = "server",
     .name = "state",
     .kind = CONFIG_PATH,
     .default_value = "/var/lib/vouch/registrar",
     .help = "folder for accounts, domains, operations and mails waiting"},
    {.section = "server",
     .name = "log-level",
     .kind = CONFIG_CHOICE,
     .default_value = "notice",
     .choices = COMMAND_LOG_LEVELS,
     .help = "the most detailed lines written"},
    {.section = "server",
     .name = "sandbox",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "give up what the running service does not need"},
    {.section = "registrar",
     .name = "name",
     .kind = CONFIG_TEXT,
     .default_value = "vouch registrar",
     .help = "name in pages and mails"},
    {.section = "registrar",
     .name = "url",
     .kind = CONFIG_TEXT,
     .default_value = "",
     .help = "address of the console, for links in mails"},
    {.section = "registrar",
     .name = "resolver",
     .kind = CONFIG_ADDRESS,
     .default_value = "127.0.0.1",
     .help = "validating resolver, whose AD bit is believed"},
    {.section = "registrar",
     .name = "root-zone",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "copy of the root zone, from which it knows the TLDs with DNSSEC"},
    {.section = "registrar",
     .name = "tld-policy",
     .kind = CONFIG_PATH,
     .help = "file of `tld:` sections (name, keys-max, form) where a TLD is not usual"},
    {.section = "registrar",
     .name = "mail",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "where notices go: maildir:FOLDER or smtp://HOST:PORT"},
    {.section = "registrar",
     .name = "mail-from",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "sender of the notices"},
    {.section = "registrar",
     .name = "watch-first",
     .kind = CONFIG_SECONDS,
     .default_value = "1",
     .min = 1,
     .max = 3600,
     .help = "first look for a new DS at the parent, after the registry's response"},
    {.section = "registrar",
     .name = "watch-most",
     .kind = CONFIG_SECONDS,
     .default_value = "10m",
     .min = 1,
     .max = 86400,
     .help = "longest wait between two looks"},
    {.section = "registrar",
     .name = "watch-end",
     .kind = CONFIG_SECONDS,
     .default_value = "7d",
     .min = 60,
     .max = 2592000,
     .help = "after that long nobody looks any more"},
    {.section = "registrar",
     .name = "look-fresh",
     .kind = CONFIG_SECONDS,
     .default_value = "5m",
     .min = 1,
     .max = 86400,
     .help = "between looks at the chain of trust of a domain that changed or is broken"},
    {.section = "registrar",
     .name = "look-calm",
     .kind = CONFIG_SECONDS,
     .default_value = "2h",
     .min = 1,
     .max = 604800,
     .help = "between looks at the chain of trust of any other domain with keys"},
    {.section = "registrar",
     .name = "retry-most",
     .kind = CONFIG_SECONDS,
     .default_value = "5m",
     .min = 1,
     .max = 86400,
     .help = "longest wait before a mail or an EPP session is tried again"},
    {.section = "registry",
     .name = "name",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "name in the log and in the records"},
    {.section = "registry",
     .name = "address",
     .kind = CONFIG_ADDRESS,
     .is_required = true,
     .help = "EPP server; port 700 unless another is given"},
    {.section = "registry",
     .name = "host-name",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "name that its certificate must show"},
    {.section = "registry",
     .name = "ca",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "certificates (PEM) that may have signed it"},
    {.section = "registry",
     .name = "certificate",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "our certificate (PEM)"},
    {.section = "registry",
     .name = "key",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "its private key (PEM)"},
    {.section = "registry",
     .name = "client",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "client identifier of our login"},
    {.section = "registry",
     .name = "password-file",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "file whose first line is the password of our login"},
    {.section = "registry",
     .name = "tld",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .is_required = true,
     .help = "a TLD of this registry, without dots"},
};

static const struct config_schema schema = {sections, LEN(sections), options, LEN(options)};

/* Everything of the process: what was read, and what runs. */
struct process {
    struct arena arena;
    const char *file;
    struct config *config;
    struct registrar_options options;
    struct registrar_registry *registries;
    uint16_t upstream_port;
};

static const char *text_of(const struct process *process, const char *section, const char *option)
{
    return config_text(process->config, section, 0, option);
}

static enum status read_text(struct process *process, const char *section, const char *option,
                             struct span *text, struct problem *problem)
{
    const char *file = text_of(process, section, option);
    *text = SPAN_EMPTY;
    return file == NULL ? OK : file_read(file, FILE_LEN_MAX, &process->arena, text, problem);
}

/* The first line of a file. */
static enum status read_secret(struct process *process, const char *file, const char **secret,
                               struct problem *problem)
{
    struct span text;
    enum status status = file_read(file, SECRET_LEN_MAX, &process->arena, &text, problem);
    if (status != OK) {
        return status;
    }
    const uint8_t *end = text.len == 0 ? NULL : memchr(text.bytes, '\n', text.len);
    size_t len = end == NULL ? text.len : (size_t)(end - text.bytes);
    *secret = arena_text(&process->arena, span_part(text, 0, len));
    if (*secret == NULL || len == 0) {
        problem_place(problem, file, 1, 0);
        return problem_set(problem, MALFORMED, "there is no password in the first line");
    }
    return OK;
}

static enum status read_registry(struct process *process, size_t index, struct problem *problem)
{
    struct registrar_registry *registry = &process->registries[index];
    const struct config *config = process->config;
    size_t count = config_list_count(config, "registry", index, "tld");
    const char **tlds = arena_take_array(&process->arena, count, sizeof *tlds);
    if (tlds == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for the registries");
    }
    for (size_t i = 0; i < count; i++) {
        tlds[i] = config_list_at(config, "registry", index, "tld", i);
    }
    registry->name = config_text(config, "registry", index, "name");
    registry->client = config_text(config, "registry", index, "client");
    registry->tlds = tlds;
    registry->tld_count = count;
    return read_secret(process, config_text(config, "registry", index, "password-file"),
                       &registry->password, problem);
}

static enum status read_registries(struct process *process, struct problem *problem)
{
    size_t count = config_count(process->config, "registry");
    process->registries = arena_take_array(&process->arena, count, sizeof process->registries[0]);
    if (process->registries == NULL || count > REGISTRIES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d registries", REGISTRIES_MAX);
    }
    enum status status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        status = read_registry(process, i, problem);
    }
    process->options.registries = process->registries;
    process->options.registry_count = count;
    return status;
}

static enum status read_options(struct process *process, struct problem *problem)
{
    struct registrar_options *filled = &process->options;
    const struct config *config = process->config;
    filled->name = text_of(process, "registrar", "name");
    filled->mail_from = text_of(process, "registrar", "mail-from");
    filled->url = text_of(process, "registrar", "url");
    filled->is_https = text_of(process, "server", "certificate") != NULL;
    filled->passwords = (struct registrar_passwords){password_hash, password_matches, NULL};
    filled->root_zone_file = text_of(process, "registrar", "root-zone");
    filled->tld_policy_file = text_of(process, "registrar", "tld-policy");
    filled->watch_first_s = (uint32_t)config_number(config, "registrar", 0, "watch-first");
    filled->watch_most_s = (uint32_t)config_number(config, "registrar", 0, "watch-most");
    filled->watch_end_s = (uint32_t)config_number(config, "registrar", 0, "watch-end");
    filled->look_fresh_s = (uint32_t)config_number(config, "registrar", 0, "look-fresh");
    filled->look_calm_s = (uint32_t)config_number(config, "registrar", 0, "look-calm");
    filled->retry_most_s = (uint32_t)config_number(config, "registrar", 0, "retry-most");
    if (filled->is_https && text_of(process, "server", "key") == NULL) {
        problem_place(problem, process->file, config_line(config, "server", 0), 1);
        return problem_set(problem, MALFORMED, "a certificate needs its key");
    }
    enum status status = address_read(span_of_text(text_of(process, "registrar", "resolver")), 53,
                                      &filled->resolver);
    if (status == OK) {
        status = read_text(process, "registrar", "root-zone", &filled->root_zone, problem);
    }
    if (status == OK) {
        status = read_text(process, "registrar", "tld-policy", &filled->tld_policy, problem);
    }
    return status == OK ? read_registries(process, problem) : status;
}

static enum status read_config(struct process *process, struct problem *problem)
{
    struct span text;
    enum status status = file_read(process->file, FILE_LEN_MAX, &process->arena, &text, problem);
    if (status == OK) {
        status =
            config_read(&schema, process->file, text, &process->arena, &process->config, problem);
    }
    return status == OK ? read_options(process, problem) : status;
}

static enum status add_mail(struct process *process, struct world *world, struct problem *problem)
{
    static const char MAILDIR[] = "maildir:";
    const char *mail = text_of(process, "registrar", "mail");
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

static enum status add_registries(struct process *process, struct world *world,
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
static enum status open_records(struct process *process, struct world *world,
                                struct problem *problem)
{
    struct disk unused;
    char url[PATH_LEN_MAX];
    const char *state = text_of(process, "server", "state");
    int len = snprintf(url, sizeof url, "sqlite:%s/registrar.db", state);
    if (len < 0 || (size_t)len >= sizeof url) {
        return problem_set(problem, TOO_LONG, "the path of the state folder is too long");
    }
    enum status status = world_disk(world, state, &unused, problem);
    return status == OK ? world_records(world, url, &process->options.records, problem) : status;
}

static enum status open_listeners(struct process *process, struct world *world,
                                  struct problem *problem)
{
    struct address address;
    const char *control = text_of(process, "server", "control");
    enum status status = address_read(span_of_text(text_of(process, "server", "http-listen")),
                                      process->options.is_https ? 443 : 8080, &address);
    if (status == OK) {
        status = world_listen_http(world, address, text_of(process, "server", "certificate"),
                                   text_of(process, "server", "key"), problem);
    }
    return status == OK && control != NULL ? world_listen_control(world, control, problem) : status;
}

static int run_service(struct process *process, struct world *world, struct problem *problem)
{
    struct registrar *registrar = NULL;
    process->options.entropy = world_entropy(world);
    process->options.log = world_log(world);
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

static int run_world(struct process *process)
{
    struct world *world = NULL;
    struct problem problem = {0};
    struct world_options world_options = {
        .name = "registrar",
        .log_level = command_log_level(text_of(process, "server", "log-level")),
        .upstream_port = process->upstream_port,
        .is_sandboxed = config_bool(process->config, "server", 0, "sandbox"),
    };
    if (world_open(&world_options, &world, &problem) != OK) {
        return command_failed("registrar", &problem);
    }
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
    struct process process = {.file = command_value(&words[OPTION_CONFIG])};
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
    if (read_config(&process, &problem) != OK) {
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
        "  --check-config        reads the configuration, says what is wrong, and ends\n"
        "  --upstream-port PORT  for labs: name servers are asked on this port, not on 53\n",
    .run = registrar_run,
    .schema = &schema,
};
