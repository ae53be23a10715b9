/* How a signer is composed of three services that know nothing of each other, and which of them
 * gets which event: the same as `vouch serve` does with the real world. */
#include "scenario/lab_signer.h"

#include "core/crypto/key.h"
#include "core/zone/zonefile.h"

enum { PULL, SIGN, HAND_OUT, MEMBER_COUNT };
enum { SCRATCH_MAX = 64 << 20 };

static void taken(void *user, const struct zone *version, struct moment now)
{
    struct lab_signer *signer = user;
    signer_take(signer->signer, version, now, &signer->compose.outboxes[SIGN]);
}

static struct zone *load(void *user, const char *file, struct name apex, struct problem *problem)
{
    const struct lab_signer *signer = user;
    struct zonefile_source source = {.file = file, .text = signer->text, .origin = apex};
    struct zone *zone = NULL;
    enum status status = zonefile_load(&source, apex, NULL, problem, &zone);
    require(status == OK); /* the lab's own text */
    return zone;
}

static void recall(void *user, struct zone *version)
{
    struct lab_signer *signer = user;
    enum status status = auth_remember(signer->hand_out, version);
    require(status == OK);
}

static void publish(void *user, struct zone *version, struct moment now)
{
    struct lab_signer *signer = user;
    enum status status =
        auth_push(signer->hand_out, version, now, &signer->compose.outboxes[HAND_OUT]);
    require(status == OK);
}

static void notify(void *user, struct name zone, struct moment now)
{
    struct lab_signer *signer = user;
    enum status status =
        auth_notify(signer->hand_out, zone, now, &signer->compose.outboxes[HAND_OUT]);
    require(status == OK);
}

static size_t query_member(const struct event *event)
{
    struct message message;
    struct name_buffer buffer;
    bool is_notify = message_read_query(event->query.message, &buffer, &message) == OK &&
                     message.opcode == OPCODE_NOTIFY && (message.flags & FLAG_QR) == 0;
    return is_notify ? PULL : HAND_OUT;
}

static void handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct lab_signer *signer = state;
    struct event own = *event;
    size_t member = SIGN;
    compose_begin(&signer->compose);
    switch (event->kind) {
    case EVENT_START:
        compose_send(&signer->compose, HAND_OUT, event);
        compose_send(&signer->compose, SIGN, event);
        compose_send(&signer->compose, PULL, event);
        break;
    case EVENT_QUERY:
        compose_send(&signer->compose, query_member(event), event);
        break;
    case EVENT_ROOM:
        compose_send(&signer->compose, HAND_OUT, event);
        break;
    case EVENT_TIMER:
    case EVENT_ANSWER:
        member = compose_find(&signer->compose, &own);
        compose_send(&signer->compose, member, &own);
        break;
    case EVENT_CONTROL:
        compose_send(&signer->compose, SIGN, event);
        break;
    case EVENT_STOP:
    case EVENT_RELOAD:
        compose_send(&signer->compose, PULL, event);
        compose_send(&signer->compose, SIGN, event);
        compose_send(&signer->compose, HAND_OUT, event);
        break;
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_METRICS:
    case EVENT_KIND_COUNT:
        break;
    }
    compose_end(&signer->compose, outbox);
}

static void zones_set(struct lab_signer *signer)
{
    signer->grant = (struct auth_grant){.key = signer->server.key};
    signer->pulled = (struct auth_zone_options){.name = signer->zone, .primary = signer->primary};
    signer->handed_out = (struct auth_zone_options){.name = signer->zone,
                                                    .is_pushed = true,
                                                    .notify = &signer->server,
                                                    .notify_count = 1,
                                                    .grants = &signer->grant,
                                                    .grant_count = 1};
    signer->signed_zone = (struct signer_zone_options){
        .name = signer->zone,
        .file = signer->text.len > 0 ? "the lab's zone" : NULL,
        .is_signed = true,
        .algorithm = ALGORITHM_ED25519,
        .policy = {.denial = ZONE_NSEC, .serial = ZONE_SERIAL_INCREMENT}};
}

struct node lab_signer_open(void *user, struct moment now)
{
    (void)now;
    struct lab_signer *signer = user;
    struct problem problem = {0};
    zones_set(signer);
    signer->disk = sim_disk(signer->sim, signer->node, "state");
    signer->pull_disk = sim_disk(signer->sim, signer->node, "pulled");
    struct auth_options server = {.keys = signer->server.key,
                                  .key_count = 1,
                                  .entropy = sim_entropy(signer->sim, signer->node),
                                  .log = sim_log(signer->sim, signer->node)};
    struct auth_options pull = server, hand_out = server;
    pull.zones = &signer->pulled;
    pull.zone_count = signer->text.len > 0 ? 0 : 1;
    pull.disk = &signer->pull_disk;
    pull.taken = taken;
    pull.taken_user = signer;
    hand_out.zones = &signer->handed_out;
    hand_out.zone_count = 1;
    struct signer_options options = {.zones = &signer->signed_zone,
                                     .zone_count = 1,
                                     .disk = &signer->disk,
                                     .log = sim_log(signer->sim, signer->node),
                                     .load = load,
                                     .remember = recall,
                                     .publish = publish,
                                     .notify = notify,
                                     .user = signer};
    enum status status = auth_open(&pull, &signer->pull, &problem);
    status = status == OK ? auth_open(&hand_out, &signer->hand_out, &problem) : status;
    status = status == OK ? signer_open(&options, &signer->signer, &problem) : status;
    require(status == OK);
    const struct node members[MEMBER_COUNT] = {[PULL] = {auth_handle, signer->pull},
                                               [SIGN] = {signer_handle, signer->signer},
                                               [HAND_OUT] = {auth_handle, signer->hand_out}};
    compose_open(&signer->compose, members, MEMBER_COUNT, SCRATCH_MAX);
    return (struct node){handle, signer};
}

void lab_signer_close(void *user)
{
    struct lab_signer *signer = user;
    compose_close(&signer->compose);
    signer_close(signer->signer);
    auth_close(signer->hand_out);
    auth_close(signer->pull);
}

struct node lab_server_open(void *user, struct moment now)
{
    (void)now;
    struct lab_server *server = user;
    struct problem problem = {0};
    server->disk = sim_disk(server->sim, server->node, "state");
    server->served = (struct auth_zone_options){.name = server->zone, .primary = server->signer};
    struct auth_options options = {.zones = &server->served,
                                   .zone_count = 1,
                                   .keys = server->signer.key,
                                   .key_count = 1,
                                   .disk = &server->disk,
                                   .entropy = sim_entropy(server->sim, server->node),
                                   .log = sim_log(server->sim, server->node)};
    enum status status = auth_open(&options, &server->auth, &problem);
    require(status == OK);
    return (struct node){auth_handle, server->auth};
}

void lab_server_close(void *user)
{
    struct lab_server *server = user;
    auth_close(server->auth);
}
