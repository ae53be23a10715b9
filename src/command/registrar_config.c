/* The options of `vouch registrar` and how they become those of the service. */
#include "command/registrar_config.h"
#include "command/command.h"
#include "command/sandbox.h"
#include "world/real/world.h"

#include <string.h>

enum { FILE_LEN_MAX = 64 << 20, SECRET_LEN_MAX = 1024 };

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
    COMMAND_CONTROL_OPTION,
    COMMAND_METRICS_OPTIONS("server"),
    {.section = "server",
     .name = "state",
     .kind = CONFIG_PATH,
     .default_value = "/var/lib/vouch/registrar",
     .help = "folder for accounts, domains, operations and mails waiting"},
    COMMAND_LOG_LEVEL_OPTION,
    SANDBOX_OPTIONS,
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

const struct config_schema REGISTRAR_SCHEMA = {sections, LEN(sections), options, LEN(options)};

const char *registrar_config_text(const struct registrar_process *process, const char *section,
                                  const char *option)
{
    return config_text(process->config, section, 0, option);
}

/* The text of the file that an option names; empty when it names none. */
static enum status file_of(const struct config *config, const char *option, struct arena *arena,
                           struct span *text, struct problem *problem)
{
    const char *file = config_text(config, "registrar", 0, option);
    *text = SPAN_EMPTY;
    return file == NULL ? OK : file_read(file, FILE_LEN_MAX, arena, text, problem);
}

static uint32_t seconds_of(const struct config *config, const char *option)
{
    return (uint32_t)config_number(config, "registrar", 0, option);
}

/* What may change while the service runs. */
static enum status live_read(const struct config *config, struct arena *arena,
                             struct registrar_options *filled, struct problem *problem)
{
    filled->name = config_text(config, "registrar", 0, "name");
    filled->mail_from = config_text(config, "registrar", 0, "mail-from");
    filled->url = config_text(config, "registrar", 0, "url");
    filled->root_zone_file = config_text(config, "registrar", 0, "root-zone");
    filled->tld_policy_file = config_text(config, "registrar", 0, "tld-policy");
    filled->watch_first_s = seconds_of(config, "watch-first");
    filled->watch_most_s = seconds_of(config, "watch-most");
    filled->watch_end_s = seconds_of(config, "watch-end");
    filled->look_fresh_s = seconds_of(config, "look-fresh");
    filled->look_calm_s = seconds_of(config, "look-calm");
    filled->retry_most_s = seconds_of(config, "retry-most");
    enum status status = address_read(span_of_text(config_text(config, "registrar", 0, "resolver")),
                                      53, &filled->resolver);
    if (status == OK) {
        status = file_of(config, "root-zone", arena, &filled->root_zone, problem);
    }
    if (status == OK) {
        status = file_of(config, "tld-policy", arena, &filled->tld_policy, problem);
    }
    return status;
}

/* The first line of a file. */
static enum status read_secret(struct registrar_process *process, const char *file,
                               const char **secret, struct problem *problem)
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

static enum status read_registry(struct registrar_process *process, size_t index,
                                 struct problem *problem)
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

static enum status read_registries(struct registrar_process *process, struct problem *problem)
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

static enum status read_options(struct registrar_process *process, struct problem *problem)
{
    struct registrar_options *filled = &process->options;
    filled->is_https = registrar_config_text(process, "server", "certificate") != NULL;
    if (filled->is_https && registrar_config_text(process, "server", "key") == NULL) {
        problem_place(problem, process->file, config_line(process->config, "server", 0), 1);
        return problem_set(problem, MALFORMED, "a certificate needs its key");
    }
    enum status status = live_read(process->config, &process->arena, filled, problem);
    return status == OK ? read_registries(process, problem) : status;
}

enum status registrar_config_read(struct registrar_process *process, struct problem *problem)
{
    struct span text;
    enum status status = file_read(process->file, FILE_LEN_MAX, &process->arena, &text, problem);
    if (status == OK) {
        status = config_read(&REGISTRAR_SCHEMA, process->file, text, &process->arena,
                             &process->config, problem);
    }
    return status == OK ? read_options(process, problem) : status;
}

/* Options that are looked at only when the process starts. */
static const struct {
    const char *section, *option;
} restart_options[] = {
    {"server", "http-listen"}, {"server", "certificate"}, {"server", "key"},
    {"server", "control"},     {"server", "state"},       {"server", "log-level"},
    {"server", "sandbox"},     {"server", "username"},    {"server", "metrics"},
    {"registrar", "mail"},     {"registry", "name"},      {"registry", "address"},
    {"registry", "host-name"}, {"registry", "ca"},        {"registry", "certificate"},
    {"registry", "key"},       {"registry", "client"},    {"registry", "password-file"},
};

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool tlds_equal(const struct config *a, const struct config *b, size_t index)
{
    size_t count = config_list_count(a, "registry", index, "tld");
    bool is_equal = count == config_list_count(b, "registry", index, "tld");
    for (size_t i = 0; is_equal && i < count; i++) {
        is_equal = strcmp(config_list_at(a, "registry", index, "tld", i),
                          config_list_at(b, "registry", index, "tld", i)) == 0;
    }
    return is_equal;
}

static void restart_say(const struct registrar_process *process, const char *section,
                        const char *option)
{
    log_line(process->options.log, LOG_WARNING,
             "%s: %s of %s has changed; that needs a restart and does not count before",
             process->file, option, section);
}

/* Says what has changed in vain. */
static void restart_judge(const struct registrar_process *process, const struct config *fresh)
{
    const struct config *config = process->config;
    size_t registries = config_count(config, "registry");
    if (registries != config_count(fresh, "registry")) {
        restart_say(process, "registry", "the number");
        return;
    }
    for (size_t i = 0; i < LEN(restart_options); i++) {
        const char *section = restart_options[i].section, *option = restart_options[i].option;
        size_t count = config_count(config, section);
        for (size_t k = 0; k < count; k++) {
            if (!text_equal(config_text(config, section, k, option),
                            config_text(fresh, section, k, option))) {
                restart_say(process, section, option);
            }
        }
    }
    for (size_t i = 0; i < registries; i++) {
        if (!tlds_equal(config, fresh, i)) {
            restart_say(process, "registry", "tld");
        }
    }
}

enum status registrar_config_reread(void *self, struct arena *arena,
                                    struct registrar_options *fresh, struct problem *problem)
{
    const struct registrar_process *process = self;
    struct span text;
    struct config *config;
    enum status status = file_read(process->file, FILE_LEN_MAX, arena, &text, problem);
    if (status == OK) {
        status = config_read(&REGISTRAR_SCHEMA, process->file, text, arena, &config, problem);
    }
    if (status == OK) {
        status = live_read(config, arena, fresh, problem);
    }
    if (status == OK) {
        restart_judge(process, config);
    }
    return status;
}
