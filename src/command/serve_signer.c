/* The signer's process: a server that pulls zones from their primaries, the signer, and a server
 * that hands the signed versions to our auth, composed of three services that know nothing of each
 * other. */
#include "command/command.h"
#include "command/serve.h"
#include "core/crypto/key.h"
#include "core/dns/message.h"
#include "core/node/compose.h"
#include "service/auth/auth.h"
#include "service/signer/signer.h"
#include "world/real/pkcs11.h"
#include "world/real/threads.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PULL, SIGN, HAND_OUT, MEMBER_COUNT };
enum { SCRATCH_MAX = 256 << 20 };

struct signer_process {
    struct serve *serve;
    struct auth *pull, *hand_out;
    struct signer *signer;
    struct compose compose;
    struct threads *threads; /* NULL until the start, and where the system gives none */
    struct disk disk, pull_disk;
    struct pkcs11 *pkcs11; /* NULL: no HSM is configured */
    struct auth_zone_options *pulled, *handed_out;
    struct signer_zone_options *zones;
    size_t pulled_count, zone_count;
};

static void taken(void *user, const struct zone *version, struct moment now)
{
    struct signer_process *process = user;
    signer_take(process->signer, version, now, &process->compose.outboxes[SIGN]);
}

static struct zone *load(void *user, const char *file, struct name apex)
{
    (void)user;
    return serve_load_zone(file, apex);
}

static void remember(void *user, struct zone *version)
{
    struct signer_process *process = user;
    enum status status = auth_remember(process->hand_out, version);
    require(status == OK); /* both were opened with the same zones */
}

static void publish(void *user, struct zone *version, struct moment now)
{
    struct signer_process *process = user;
    enum status status =
        auth_push(process->hand_out, version, now, &process->compose.outboxes[HAND_OUT]);
    require(status == OK);
}

static uint16_t update(void *user, const struct auth_update *asked, struct moment now)
{
    struct signer_process *process = user;
    static_assert((unsigned)SIGNER_UPDATE_LATER == (unsigned)AUTH_UPDATE_LATER, "one answer");
    struct signer_update change = {asked->zone, asked->key, asked->message, asked->ticket};
    return signer_update(process->signer, &change, now, &process->compose.outboxes[SIGN]);
}

static void updated(void *user, uint64_t ticket, uint16_t rcode, struct moment now)
{
    struct signer_process *process = user;
    auth_update_done(process->hand_out, ticket, rcode, now, &process->compose.outboxes[HAND_OUT]);
}

static void notify(void *user, struct name zone, struct moment now)
{
    struct signer_process *process = user;
    enum status status =
        auth_notify(process->hand_out, zone, now, &process->compose.outboxes[HAND_OUT]);
    require(status == OK);
}

/* NOTIFY is for the server that pulls; all else is asked of the one that hands out. */
static size_t query_member(const struct event *event)
{
    struct message message;
    struct name_buffer buffer;
    bool is_notify = message_read_query(event->query.message, &buffer, &message) == OK &&
                     message.opcode == OPCODE_NOTIFY && (message.flags & FLAG_QR) == 0;
    return is_notify ? PULL : HAND_OUT;
}

/* Threads are made once the process is in its sandbox, so that they are in it too. */
static void start_threads(struct signer_process *process)
{
    unsigned width = (unsigned)config_number(process->serve->config, "signer", 0, "threads");
    if (threads_open(width, &process->threads) == OK) {
        signer_use_threads(process->signer, threads_parallel(process->threads));
    }
}

static void handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct signer_process *process = state;
    struct event own = *event;
    compose_begin(&process->compose);
    switch (event->kind) {
    case EVENT_START: /* who hands out is there before there is something to hand out */
        start_threads(process);
        compose_send(&process->compose, HAND_OUT, event);
        compose_send(&process->compose, SIGN, event);
        compose_send(&process->compose, PULL, event);
        break;
    case EVENT_STOP:
    case EVENT_RELOAD:
        compose_send(&process->compose, PULL, event);
        compose_send(&process->compose, SIGN, event);
        compose_send(&process->compose, HAND_OUT, event);
        break;
    case EVENT_QUERY:
        compose_send(&process->compose, query_member(event), event);
        break;
    case EVENT_ROOM: /* transfers are for the one that hands out alone */
        compose_send(&process->compose, HAND_OUT, event);
        break;
    case EVENT_TIMER:
    case EVENT_ANSWER: {
        size_t member = compose_find(&process->compose, &own);
        compose_send(&process->compose, member, &own);
        break;
    }
    case EVENT_METRICS: /* each of the servers tells its numbers as a part */
        compose_send(&process->compose, SIGN, event);
        compose_send(&process->compose, PULL, event);
        compose_send(&process->compose, HAND_OUT, event);
        break;
    case EVENT_CONTROL:
        compose_send(&process->compose, SIGN, event);
        break;
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_KIND_COUNT:
        break;
    }
    compose_end(&process->compose, outbox);
}

static uint32_t seconds(const struct serve *serve, size_t section, const char *option,
                        uint32_t otherwise)
{
    return config_text(serve->config, "zone", section, option) == NULL
               ? otherwise
               : (uint32_t)config_number(serve->config, "zone", section, option);
}

static size_t choice(const struct serve *serve, size_t section, const char *option,
                     const char *const *words, size_t count)
{
    const char *word = config_text(serve->config, "zone", section, option);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return i;
        }
    }
    return 0;
}

enum { CDS_NONE, CDS_ALWAYS, CDS_DELETE_DNSSEC };

static struct zone_sign_policy read_policy(const struct serve *serve, size_t section)
{
    static const char *const denials[] = {
        [ZONE_NSEC] = "nsec", [ZONE_NSEC3] = "nsec3", [ZONE_NSEC3_OPT_OUT] = "nsec3-opt-out"};
    static const char *const serials[] = {[ZONE_SERIAL_KEEP] = "keep",
                                          [ZONE_SERIAL_INCREMENT] = "increment",
                                          [ZONE_SERIAL_UNIXTIME] = "unixtime",
                                          [ZONE_SERIAL_DATE] = "date"};
    static const char *const publishings[] = {
        [CDS_NONE] = "none", [CDS_ALWAYS] = "always", [CDS_DELETE_DNSSEC] = "delete-dnssec"};
    static const char *const digests[] = {"sha256", "sha384"};
    uint32_t validity_s = seconds(serve, section, "validity", 14 * 86400);
    size_t publish = choice(serve, section, "cds-cdnskey-publish", publishings, LEN(publishings));
    return (struct zone_sign_policy){
        .denial = (enum zone_denial)choice(serve, section, "denial", denials, LEN(denials)),
        .serial = (enum zone_serial_policy)choice(serve, section, "serial", serials, LEN(serials)),
        .dnskey_ttl_s = seconds(serve, section, "dnskey-ttl", 0),
        .validity_s = validity_s,
        .refresh_s = seconds(serve, section, "refresh", validity_s / 2),
        .jitter_s = seconds(serve, section, "jitter", validity_s / 14),
        .inception_offset_s = seconds(serve, section, "inception-offset", 3600),
        .has_zonemd = config_bool(serve->config, "zone", section, "zonemd"),
        .has_cds = publish != CDS_NONE,
        .asks_for_no_ds = publish == CDS_DELETE_DNSSEC,
        .cds_digest = choice(serve, section, "cds-digest-type", digests, LEN(digests)) == 0
                          ? DS_DIGEST_SHA256
                          : DS_DIGEST_SHA384,
        .has_csync = config_bool(serve->config, "zone", section, "csync")};
}

static enum status add_zone(struct signer_process *process, const struct serve_zone *zone,
                            struct world *world, struct problem *problem)
{
    struct serve *serve = process->serve;
    struct auth_peer *peers = arena_take_array(&serve->arena, serve->listen_count, sizeof *peers);
    struct auth_grant *grant = arena_take(&serve->arena, sizeof *grant);
    if (peers == NULL || grant == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    for (size_t i = 0; i < serve->listen_count; i++) {
        peers[i] = (struct auth_peer){serve->listen[i], serve->link};
    }
    *grant = (struct auth_grant){.key = serve->link};
    const char *layout = config_text(serve->config, "zone", zone->index, "key-layout");
    const char *keys_in = config_text(serve->config, "zone", zone->index, "keys-in");
    struct span mnemonic =
        span_of_text(config_text(serve->config, "zone", zone->index, "algorithm"));
    process->zones[process->zone_count] = (struct signer_zone_options){
        .name = zone->name,
        .file = zone->file,
        .is_signed = zone->is_signed,
        .update_rules = zone->update_rules,
        .update_rule_count = zone->update_rule_count,
        .algorithm = algorithm_parse(mnemonic)->number,
        .is_csk = strcmp(layout, "csk") == 0,
        .has_keys_in_hsm = strcmp(keys_in, "hsm") == 0,
        .is_signalled = config_bool(serve->config, "zone", zone->index, "authsignal"),
        .policy = read_policy(serve, zone->index)};
    process->handed_out[process->zone_count++] = (struct auth_zone_options){
        .name = zone->name,
        .is_pushed = true,
        .notify = peers,
        .notify_count =
            serve->listen_count > AUTH_NOTIFY_MAX ? AUTH_NOTIFY_MAX : serve->listen_count,
        .grants = grant,
        .grant_count = 1};
    if (!zone->has_primary) {
        return OK;
    }
    struct auth_zone_options *pulled = &process->pulled[process->pulled_count++];
    *pulled = (struct auth_zone_options){.name = zone->name};
    return serve_make_primary(zone, world, &pulled->primary, problem);
}

static enum status add_zones(struct signer_process *process, struct world *world,
                             struct problem *problem)
{
    struct serve *serve = process->serve;
    enum status status = OK;
    process->zones = arena_take_array(&serve->arena, serve->zone_count, sizeof *process->zones);
    process->pulled = arena_take_array(&serve->arena, serve->zone_count, sizeof *process->pulled);
    process->handed_out =
        arena_take_array(&serve->arena, serve->zone_count, sizeof *process->handed_out);
    if (process->zones == NULL || process->pulled == NULL || process->handed_out == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for zones");
    }
    for (size_t i = 0; i < serve->zone_count && status == OK; i++) {
        status = add_zone(process, &serve->zones[i], world, problem);
    }
    return status;
}

static enum status open_services(struct signer_process *process, struct world *world,
                                 struct problem *problem)
{
    struct serve *serve = process->serve;
    struct auth_options server = {.keys = serve->keys,
                                  .key_count = serve->key_count,
                                  .entropy = world_entropy(world),
                                  .log = world_log(world)};
    struct auth_options pull = server, hand_out = server;
    pull.zones = process->pulled;
    pull.zone_count = process->pulled_count;
    pull.disk = &process->pull_disk;
    pull.taken = taken;
    pull.taken_user = process;
    pull.part = "pull";
    hand_out.part = "hand-out";
    hand_out.zones = process->handed_out;
    hand_out.zone_count = process->zone_count;
    hand_out.update = update;
    hand_out.update_user = process;
    struct signer_options signer = {.zones = process->zones,
                                    .zone_count = process->zone_count,
                                    .disk = &process->disk,
                                    .hsm = process->pkcs11 == NULL ? NULL
                                                                   : pkcs11_hsm(process->pkcs11),
                                    .log = world_log(world),
                                    .load = load,
                                    .remember = remember,
                                    .publish = publish,
                                    .updated = updated,
                                    .notify = notify,
                                    .user = process};
    enum status status = auth_open(&pull, &process->pull, problem);
    status = status == OK ? auth_open(&hand_out, &process->hand_out, problem) : status;
    return status == OK ? signer_open(&signer, &process->signer, problem) : status;
}

static enum status open_process(struct signer_process *process, struct world *world,
                                struct problem *problem)
{
    struct serve *serve = process->serve;
    char pulled[SERVE_PATH_MAX];
    struct address address;
    const char *listen = config_text(serve->config, "signer", 0, "listen");
    const char *state = config_text(serve->config, "signer", 0, "state");
    snprintf(pulled, sizeof pulled, "%s/pulled", state);
    enum status status = address_read(span_of_text(listen), SERVE_DNS_PORT, &address);
    status = status == OK ? world_listen_dns(world, address, problem) : status;
    status = status == OK ? world_disk(world, state, &process->disk, problem) : status;
    status = status == OK ? world_disk(world, pulled, &process->pull_disk, problem) : status;
    const char *hsm = config_text(serve->config, "signer", 0, "hsm");
    if (status == OK && hsm != NULL) {
        world_keep_all_files(world);
        status = pkcs11_open(hsm, &process->pkcs11, problem);
    }
    status = status == OK ? add_zones(process, world, problem) : status;
    return status == OK ? open_services(process, world, problem) : status;
}

int serve_run_signer(struct serve *serve)
{
    struct problem problem = {0};
    struct world *world = NULL;
    struct signer_process process = {.serve = serve};
    int code = EXIT_FAILED;
    enum status status = serve_open_world(serve, "signer", "signer", &world, &problem);
    status = status == OK ? serve_open_link(serve, &problem) : status;
    status = status == OK ? open_process(&process, world, &problem) : status;
    if (status == OK) {
        const struct node members[MEMBER_COUNT] = {[PULL] = {auth_handle, process.pull},
                                                   [SIGN] = {signer_handle, process.signer},
                                                   [HAND_OUT] = {auth_handle, process.hand_out}};
        compose_open(&process.compose, members, MEMBER_COUNT, SCRATCH_MAX);
        code = world_run(world, (struct node){handle, &process});
        compose_close(&process.compose);
    } else {
        code = command_failed("serve", &problem);
    }
    signer_close(process.signer);
    threads_close(process.threads);
    auth_close(process.hand_out);
    auth_close(process.pull);
    pkcs11_close(process.pkcs11);
    world_close(world);
    return code;
}
