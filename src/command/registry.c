/* `vouch registry`: the registry's configuration, and the registry in the real world. */
#include "service/registry/registry.h"
#include "command/commands.h"
#include "command/listen.h"
#include "command/password.h"
#include "command/sandbox.h"
#include "core/base/config.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "world/real/world.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    DNS_PORT = 53,
    EPP_PORT = 700,
    FILE_LEN_MAX = 1 << 20,
    SECRET_LEN_MAX = 1024,
    ARENA_MAX = 64 << 20
};
enum { PATH_LEN_MAX = 4096, REFRESH_S = 1800, RETRY_S = 900, EXPIRE_S = 604800 };

static const struct config_section sections[] = {
    {"server", false, "where registrars and signers come, and what it keeps"},
    {"key", true, "a secret shared with a signer (TSIG)"},
    {"tld", true, "a top-level domain"},
    {"registrar", true, "a registrar that may log in"},
};

static const struct config_option options[] = {
    {.section = "server",
     .name = "epp-listen",
     .kind = CONFIG_ADDRESS,
     .is_required = true,
     .help = "address for EPP over TLS"},
    {.section = "server",
     .name = "certificate",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "certificate chain (PEM)"},
    {.section = "server",
     .name = "key",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "its private key (PEM)"},
    {.section = "server",
     .name = "client-ca",
     .kind = CONFIG_PATH,
     .help = "CA of the registrars' certificates; unset: none is demanded"},
    {.section = "server",
     .name = "dns-listen",
     .kind = CONFIG_ADDRESS,
     .is_required = true,
     .help = "address from which signers transfer the zones"},
    COMMAND_CONTROL_OPTION,
    COMMAND_METRICS_OPTIONS("server"),
    {.section = "server",
     .name = "state",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "folder of the database"},
    {.section = "server",
     .name = "name",
     .kind = CONFIG_TEXT,
     .default_value = "vouch registry",
     .help = "its name in the greeting, 3 to 64 octets"},
    COMMAND_LOG_LEVEL_OPTION,
    SANDBOX_OPTIONS,

    COMMAND_KEY_OPTIONS,
    {.section = "key",
     .name = "secret-file",
     .kind = CONFIG_PATH,
     .is_required = true,
     .help = "file that holds the secret in base64"},

    {.section = "tld",
     .name = "name",
     .kind = CONFIG_NAME,
     .is_required = true,
     .help = "one label"},
    {.section = "tld",
     .name = "dnssec",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "keys of its domains are taken"},
    {.section = "tld",
     .name = "keys-max",
     .kind = CONFIG_NUMBER,
     .default_value = "4",
     .min = 1,
     .max = REGISTRY_KEYS_MAX,
     .help = "keys of one domain"},
    {.section = "tld",
     .name = "form",
     .kind = CONFIG_CHOICE,
     .default_value = "either",
     .choices = "ds|key|either",
     .help = "what registrars hand in"},
    {.section = "tld",
     .name = "name-server",
     .kind = CONFIG_TEXT,
     .is_list = true,
     .is_required = true,
     .help = "its own: \"NAME ADDRESS...\""},
    {.section = "tld",
     .name = "apex-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1d",
     .help = "TTL of its SOA, NS and their addresses"},
    {.section = "tld",
     .name = "delegation-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1d",
     .help = "TTL of the domains' NS and glue"},
    {.section = "tld",
     .name = "ds-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "1h",
     .help = "TTL of the domains' DS"},
    {.section = "tld",
     .name = "negative-ttl",
     .kind = CONFIG_SECONDS,
     .default_value = "15m",
     .help = "how long absence is kept in caches"},
    {.section = "tld",
     .name = "dsync-target",
     .kind = CONFIG_NAME,
     .help = "whom operators of its domains tell of new CDS, CDNSKEY and CSYNC by NOTIFY, as DSYNC "
             "(RFC 9859); its address leads to `dns-listen`"},
    {.section = "tld",
     .name = "dsync-port",
     .kind = CONFIG_NUMBER,
     .default_value = "53",
     .min = 1,
     .max = 65535,
     .help = "port of dsync-target"},
    {.section = "tld",
     .name = "notify",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "signer that is told of each change"},
    {.section = "tld",
     .name = "transfer-key",
     .kind = CONFIG_NAME,
     .help = "key that transfers need"},
    {.section = "tld",
     .name = "allow-transfer",
     .kind = CONFIG_ADDRESS,
     .is_list = true,
     .help = "hosts that may transfer; with a key, none: any host"},

    {.section = "registrar",
     .name = "id",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "its client id, 3 to 16 octets"},
    {.section = "registrar",
     .name = "password-file",
     .kind = CONFIG_PATH,
     .help = "file that holds its password"},
    {.section = "registrar",
     .name = "password-hash",
     .kind = CONFIG_TEXT,
     .help = "instead: what `vouch registry hash-password` prints"},
};

static const struct config_schema schema = {sections, LEN(sections), options, LEN(options)};

struct process {
    struct arena arena;
    const char *file;
    struct config *config;
    struct registry_options options;
    struct tsig_key *keys;
    size_t key_count;
    struct records records;
};

static enum status fault(const struct process *process, const char *section, size_t index,
                         struct problem *problem, const char *sentence)
{
    problem_place(problem, process->file, config_line(process->config, section, index), 1);
    return problem_set(problem, BAD_ARGUMENT, "%s", sentence);
}

static enum status parse_name(struct process *process, const char *text, struct name *name)
{
    struct name_buffer buffer;
    struct name parsed;
    enum status status = name_parse(span_of_text(text), NULL, &buffer, &parsed, NULL);
    return status == OK ? name_copy(&process->arena, parsed, name) : status;
}

/* A file's content without what stands behind its first line. */
static enum status read_secret(struct process *process, const char *file, struct span *secret,
                               struct problem *problem)
{
    enum status status = file_read(file, SECRET_LEN_MAX, &process->arena, secret, problem);
    const uint8_t *end =
        status == OK && secret->len > 0 ? memchr(secret->bytes, '\n', secret->len) : NULL;
    if (end != NULL) {
        secret->len = (size_t)(end - secret->bytes);
    }
    return status;
}

static enum status read_keys(struct process *process, struct problem *problem)
{
    size_t count = config_count(process->config, "key");
    process->keys = arena_take_array(&process->arena, count, sizeof *process->keys);
    enum status status = process->keys == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        struct span secret;
        const char *name = config_text(process->config, "key", i, "name");
        const char *algorithm = config_text(process->config, "key", i, "algorithm");
        const char *file = config_text(process->config, "key", i, "secret-file");
        status = read_secret(process, file, &secret, problem);
        status = status == OK ? tsig_key_make(span_of_text(name), span_of_text(algorithm), secret,
                                              &process->arena, &process->keys[i], problem)
                              : status;
    }
    process->key_count = count;
    return status;
}

static const struct tsig_key *find_key(const struct process *process, struct name name)
{
    for (size_t i = 0; i < process->key_count; i++) {
        if (name_equal(process->keys[i].name, name)) {
            return &process->keys[i];
        }
    }
    return NULL;
}

static enum status read_address_list(struct process *process, size_t tld, const char *option,
                                     const struct address **list, size_t *count)
{
    size_t given = config_list_count(process->config, "tld", tld, option);
    struct address *addresses = arena_take_array(&process->arena, given, sizeof *addresses);
    enum status status = addresses == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < given && status == OK; i++) {
        const char *text = config_list_at(process->config, "tld", tld, option, i);
        status = address_read(span_of_text(text), DNS_PORT, &addresses[i]);
    }
    *list = addresses;
    *count = given;
    return status;
}

/* "NAME ADDRESS..." */
static enum status read_server(struct process *process, const char *text,
                               struct registry_server *server)
{
    size_t len = strcspn(text, " ");
    char *name = arena_text(&process->arena, span_of(text, len));
    enum status status = name == NULL ? NO_MEMORY : parse_name(process, name, &server->name);
    for (const char *at = text + len; status == OK && *at != '\0';) {
        at += strspn(at, " ");
        size_t word = strcspn(at, " ");
        if (word > 0 && server->address_count == REGISTRY_ADDRESSES_MAX) {
            return LIMIT_REACHED;
        }
        if (word > 0) {
            status =
                address_read(span_of(at, word), 0, &server->addresses[server->address_count++]);
        }
        at += word;
    }
    return status;
}

static enum status read_servers(struct process *process, size_t index,
                                struct registry_tld_options *tld, struct problem *problem)
{
    size_t count = config_list_count(process->config, "tld", index, "name-server");
    struct registry_server *servers = arena_take_array(&process->arena, count, sizeof *servers);
    if (servers == NULL || count > REGISTRY_SERVERS_MAX) {
        return fault(process, "tld", index, problem, "a TLD has at most 13 name servers");
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = config_list_at(process->config, "tld", index, "name-server", i);
        if (read_server(process, text, &servers[i]) != OK) {
            return fault(process, "tld", index, problem,
                         "name-server is \"NAME ADDRESS...\" with at most 4 addresses");
        }
    }
    tld->servers = servers;
    tld->server_count = count;
    return OK;
}

static uint32_t seconds(const struct process *process, size_t index, const char *option)
{
    return (uint32_t)config_number(process->config, "tld", index, option);
}

static enum status read_key_name(struct process *process, size_t index,
                                 struct registry_tld_options *tld, struct problem *problem)
{
    struct name name;
    const char *text = config_text(process->config, "tld", index, "transfer-key");
    if (text == NULL) {
        return OK;
    }
    enum status status = parse_name(process, text, &name);
    tld->transfer_key = status == OK ? find_key(process, name) : NULL;
    return tld->transfer_key != NULL
               ? OK
               : fault(process, "tld", index, problem, "transfer-key names no key of this file");
}

static enum status read_tld(struct process *process, size_t index, struct registry_tld_options *tld,
                            struct problem *problem)
{
    static const char *const forms[REGISTRY_FORM_COUNT] = {"ds", "key", "either"};
    const struct config *config = process->config;
    struct name_buffer buffer;
    struct name mailbox;
    *tld = (struct registry_tld_options){
        .has_dnssec = config_bool(config, "tld", index, "dnssec"),
        .keys_max = (uint32_t)config_number(config, "tld", index, "keys-max"),
        .soa = {.refresh_s = REFRESH_S,
                .retry_s = RETRY_S,
                .expire_s = EXPIRE_S,
                .minimum_s = seconds(process, index, "negative-ttl")},
        .apex_ttl_s = seconds(process, index, "apex-ttl"),
        .delegation_ttl_s = seconds(process, index, "delegation-ttl"),
        .ds_ttl_s = seconds(process, index, "ds-ttl"),
        .dsync_port = (uint16_t)config_number(config, "tld", index, "dsync-port")};
    for (size_t i = 0; i < REGISTRY_FORM_COUNT; i++) {
        if (strcmp(forms[i], config_text(config, "tld", index, "form")) == 0) {
            tld->form = (enum registry_form)i;
        }
    }
    enum status status = parse_name(process, config_text(config, "tld", index, "name"), &tld->name);
    if (status == OK && tld->name.label_count != 1) {
        return fault(process, "tld", index, problem, "a TLD is one label, such as \"example.\"");
    }
    status = status == OK
                 ? name_make_child(SPAN_LITERAL("hostmaster"), tld->name, &buffer, &mailbox)
                 : status;
    status = status == OK ? name_copy(&process->arena, mailbox, &tld->soa.mailbox) : status;
    const char *target = config_text(config, "tld", index, "dsync-target");
    status =
        status == OK && target != NULL ? parse_name(process, target, &tld->dsync_target) : status;
    status = status == OK ? read_servers(process, index, tld, problem) : status;
    status = status == OK
                 ? read_address_list(process, index, "notify", &tld->notify, &tld->notify_count)
                 : status;
    status = status == OK ? read_address_list(process, index, "allow-transfer",
                                              &tld->allow_transfer, &tld->allow_transfer_count)
                          : status;
    if (status == OK && (tld->notify_count > REGISTRY_PEERS_MAX ||
                         tld->allow_transfer_count > REGISTRY_PEERS_MAX)) {
        return fault(process, "tld", index, problem, "a TLD has at most 16 signers");
    }
    return status == OK ? read_key_name(process, index, tld, problem) : status;
}

static enum status read_tlds(struct process *process, struct problem *problem)
{
    size_t count = config_count(process->config, "tld");
    struct registry_tld_options *tlds = arena_take_array(&process->arena, count, sizeof *tlds);
    enum status status = tlds == NULL ? NO_MEMORY : OK;
    if (count == 0) {
        return problem_set(problem, BAD_ARGUMENT, "a registry needs a section `tld:`");
    }
    for (size_t i = 0; i < count && status == OK; i++) {
        status = read_tld(process, i, &tlds[i], problem);
    }
    process->options.tlds = tlds;
    process->options.tld_count = count;
    return status;
}

static enum status hash_text(struct span password, struct arena *arena, struct span *hash)
{
    uint8_t salt[PASSWORD_SALT_LEN];
    char encoded[PASSWORD_ENCODED_MAX];
    if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt) {
        return IO_FAILED;
    }
    enum status status =
        password_hash(NULL, password, span_of(salt, sizeof salt), encoded, sizeof encoded);
    return status == OK ? arena_copy(arena, span_of_text(encoded), hash) : status;
}

static enum status read_registrar(struct process *process, size_t index,
                                  struct registry_registrar_options *registrar,
                                  struct problem *problem)
{
    const char *file = config_text(process->config, "registrar", index, "password-file");
    const char *hash = config_text(process->config, "registrar", index, "password-hash");
    registrar->id = span_of_text(config_text(process->config, "registrar", index, "id"));
    if ((file == NULL) == (hash == NULL)) {
        return fault(process, "registrar", index, problem,
                     "a registrar needs either password-file or password-hash");
    }
    if (hash != NULL) {
        registrar->password_hash = span_of_text(hash);
        return OK;
    }
    struct span password = SPAN_EMPTY;
    enum status status = read_secret(process, file, &password, problem);
    status =
        status == OK ? hash_text(password, &process->arena, &registrar->password_hash) : status;
    secret_wipe((void *)(uintptr_t)password.bytes, password.len);
    return status;
}

static enum status read_registrars(struct process *process, struct problem *problem)
{
    size_t count = config_count(process->config, "registrar");
    struct registry_registrar_options *registrars =
        arena_take_array(&process->arena, count, sizeof *registrars);
    enum status status = registrars == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        status = read_registrar(process, i, &registrars[i], problem);
    }
    process->options.registrars = registrars;
    process->options.registrar_count = count;
    return status;
}

static bool hash_matches(void *user, struct span hash, struct span given)
{
    (void)user;
    char encoded[PASSWORD_ENCODED_MAX];
    if (hash.len >= sizeof encoded) {
        return false;
    }
    memcpy(encoded, hash.bytes, hash.len);
    encoded[hash.len] = '\0';
    return password_matches(NULL, given, encoded);
}

static enum status read_config(struct process *process, struct problem *problem)
{
    struct span text;
    enum status status = file_read(process->file, FILE_LEN_MAX, &process->arena, &text, problem);
    status = status == OK ? config_read(&schema, process->file, text, &process->arena,
                                        &process->config, problem)
                          : status;
    status = status == OK ? read_keys(process, problem) : status;
    status = status == OK ? read_tlds(process, problem) : status;
    status = status == OK ? read_registrars(process, problem) : status;
    if (status == OK) {
        process->options.server_name = config_text(process->config, "server", 0, "name");
        process->options.password_matches = hash_matches;
    }
    return status;
}

static const char *server_text(const struct process *process, const char *option)
{
    return config_text(process->config, "server", 0, option);
}

static enum status open_listeners(struct process *process, struct world *world,
                                  struct problem *problem)
{
    struct address epp, dns;
    struct world_tls tls = {server_text(process, "certificate"), server_text(process, "key"),
                            server_text(process, "client-ca")};
    const char *control = server_text(process, "control");
    enum status status =
        address_read(span_of_text(server_text(process, "epp-listen")), EPP_PORT, &epp);
    status = status == OK
                 ? address_read(span_of_text(server_text(process, "dns-listen")), DNS_PORT, &dns)
                 : status;
    status = status == OK ? world_listen_epp(world, epp, tls, problem) : status;
    status = status == OK ? world_listen_dns(world, dns, problem) : status;
    status =
        status == OK && control != NULL ? world_listen_control(world, control, problem) : status;
    return status == OK ? listen_open_metrics(process->config, "server", world, problem) : status;
}

static enum status open_records(struct process *process, struct world *world,
                                struct problem *problem)
{
    struct disk unused; /* makes the folder and locks it: one registry alone */
    char url[PATH_LEN_MAX];
    const char *state = server_text(process, "state");
    int len = snprintf(url, sizeof url, "sqlite:%s/registry.db", state);
    if (len < 0 || (size_t)len >= sizeof url) {
        return problem_set(problem, TOO_LONG, "the path of the state folder is too long");
    }
    enum status status = world_disk(world, state, &unused, problem);
    process->options.records = &process->records;
    return status == OK ? world_records(world, url, &process->records, problem) : status;
}

static int run_service(struct process *process, struct world *world, struct problem *problem)
{
    struct registry *registry = NULL;
    process->options.entropy = world_entropy(world);
    process->options.log = world_log(world);
    enum status status = open_records(process, world, problem);
    status = status == OK ? open_listeners(process, world, problem) : status;
    status = status == OK ? registry_open(&process->options, world_now(world), &registry, problem)
                          : status;
    if (status != OK) {
        return command_failed("registry", problem);
    }
    int code = world_run(world, (struct node){registry_handle, registry});
    registry_close(registry);
    return code;
}

static int run(struct process *process)
{
    struct problem problem = {0};
    struct world *world = NULL;
    struct world_options world_options = {
        .name = "registry", .log_level = command_log_level(server_text(process, "log-level"))};
    sandbox_set(process->config, &world_options);
    if (world_open(&world_options, &world, &problem) != OK) {
        return command_failed("registry", &problem);
    }
    sandbox_keep(process->config, process->file, world);
    int code = run_service(process, world, &problem);
    world_close(world);
    return code;
}

static int hash_password(struct arena *arena)
{
    struct span password, hash;
    struct problem problem = {0};
    if (file_read("-", SECRET_LEN_MAX, arena, &password, &problem) != OK) {
        return command_failed("registry", &problem);
    }
    while (password.len > 0 && password.bytes[password.len - 1] == '\n') {
        password.len--;
    }
    if (hash_text(password, arena, &hash) != OK) {
        problem_set(&problem, CRYPTO_FAILED, "the password cannot be hashed");
        return command_failed("registry", &problem);
    }
    printf("%.*s\n", (int)hash.len, (const char *)hash.bytes);
    return EXIT_DONE;
}

static int read_and_run(struct process *process, bool is_check)
{
    struct problem problem = {0};
    enum status status = read_config(process, &problem);
    if (status != OK) {
        if (problem.status == OK) {
            problem_set(&problem, status, "%s", status_text(status));
        }
        return command_failed("registry", &problem);
    }
    return is_check ? EXIT_DONE : run(process);
}

static int registry_run(int argc, char **argv)
{
    struct command_option given[] = {{.name = "--config", .takes_value = true},
                                     {.name = "--check-config"}};
    int word_count = 0;
    int code = command_parse(argc, argv, given, LEN(given), &word_count);
    if (code != EXIT_DONE) {
        return code;
    }
    struct process process = {.file = command_value(&given[0])};
    arena_open(&process.arena, ARENA_MAX);
    if (word_count == 1 && strcmp(argv[1], "hash-password") == 0) {
        code = hash_password(&process.arena);
    } else if (word_count != 0 || process.file == NULL) {
        code = command_usage_error("registry", "it takes --config FILE, or hash-password");
    } else {
        code = read_and_run(&process, given[1].count > 0);
    }
    arena_close(&process.arena);
    return code;
}

const struct command COMMAND_REGISTRY = {
    .name = "registry",
    .summary = "run the registry of top-level domains",
    .usage =
        "usage: vouch registry --config FILE [--check-config]\n"
        "       vouch registry hash-password < PASSWORD\n"
        "\n"
        "Takes domains and their keys by EPP, and gives the zones of its TLDs to signers by AXFR "
        "and\n"
        "IXFR. --check-config reads the file and says what is wrong with it. hash-password prints\n"
        "what `password-hash` wants.\n",
    .run = registry_run,
    .schema = &schema,
};
