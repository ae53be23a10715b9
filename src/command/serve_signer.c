/* The signer's process: a server that pulls zones from their primaries, the signer, and a server
 * that hands the signed versions to our auth, composed of three services that know nothing of each
 * other. */
#include "command/serve_signer.h"
#include "command/command.h"
#include "command/serve_manage.h"
#include "core/dns/message.h"
#include "world/real/pkcs11.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_MAX = 256 << 20 };

static void taken(void *user, const struct zone *version, struct moment now)
{
    struct signer_process *process = user;
    signer_take(process->signer, version, now, &process->compose.outboxes[SERVE_SIGN]);
}

/* The file of a pattern is each zone's own by its name. */
static struct zone *load(void *user, const char *file, struct name apex, struct problem *problem)
{
    char path[SERVE_PATH_MAX];
    (void)user;
    enum status status = serve_zone_path(file, apex, path);
    if (status != OK) {
        problem_set(problem, status, "the path of its file is too long, or its name has a '/'");
        return NULL;
    }
    return serve_load_zone(path, apex, problem);
}

static void notify(void *user, struct name zone, struct moment now)
{
    struct signer_process *process = user;
    enum status status =
        auth_notify(process->hand_out, zone, now, &process->compose.outboxes[SERVE_HAND_OUT]);
    require(status == OK);
}

/* Our server hears why there is no version, and asks again when there may be another reason. */
static void held_back(void *user, struct name zone, const char *sentence, struct moment now)
{
    struct signer_process *process = user;
    enum status status = auth_explain(process->hand_out, zone, sentence);
    if (status == OK && !auth_zone_is_served(process->hand_out, zone)) {
        notify(user, zone, now);
    }
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
        auth_push(process->hand_out, version, now, &process->compose.outboxes[SERVE_HAND_OUT]);
    require(status == OK);
}

static uint16_t update(void *user, const struct auth_update *asked, struct moment now)
{
    struct signer_process *process = user;
    static_assert((unsigned)SIGNER_UPDATE_LATER == (unsigned)AUTH_UPDATE_LATER, "one answer");
    struct signer_update change = {asked->zone, asked->key, asked->message, asked->ticket};
    return signer_update(process->signer, &change, now, &process->compose.outboxes[SERVE_SIGN]);
}

static void updated(void *user, uint64_t ticket, uint16_t rcode, struct moment now)
{
    struct signer_process *process = user;
    auth_update_done(process->hand_out, ticket, rcode, now,
                     &process->compose.outboxes[SERVE_HAND_OUT]);
}

/* NOTIFY is for the server that pulls; all else is asked of the one that hands out. */
static size_t query_member(const struct event *event)
{
    struct message message;
    struct name_buffer buffer;
    bool is_notify = message_read_query(event->query.message, &buffer, &message) == OK &&
                     message.opcode == OPCODE_NOTIFY && (message.flags & FLAG_QR) == 0;
    return is_notify ? SERVE_PULL : SERVE_HAND_OUT;
}

/* Threads are made once the process is in its sandbox, so that they are in it too. */
static void start_threads(struct signer_process *process)
{
    unsigned width = (unsigned)config_number(process->first->config, "signer", 0, "threads");
    if (threads_open(width, &process->threads) == OK) {
        signer_use_threads(process->signer, threads_parallel(process->threads));
    }
}

static void send_to_all(struct signer_process *process, const struct event *event)
{
    compose_send(&process->compose, SERVE_PULL, event);
    compose_send(&process->compose, SERVE_SIGN, event);
    compose_send(&process->compose, SERVE_HAND_OUT, event);
}

/* The configuration first, so that what is new in it is there when files are read again. */
static enum status reconfigure(struct signer_process *process, struct moment now,
                               char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32])
{
    struct problem problem = {0};
    enum status status = serve_reconfigure_signer(process, now, &problem);
    if (status != OK) {
        problem_print(&problem, text, PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32);
        log_line(world_log(process->world), LOG_ERROR, "the configuration was not taken: %s", text);
    }
    return status;
}

static void reload(struct signer_process *process, const struct event *event)
{
    char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32];
    (void)!reconfigure(process, event->now, text);
    send_to_all(process, event);
}

/* All is the signer's, but that it knows no configuration. */
static void control(struct signer_process *process, const struct event *event,
                    struct outbox *outbox)
{
    char text[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 32];
    if (!span_equal(event->control.line, SPAN_LITERAL("reload")) ||
        reconfigure(process, event->now, text) == OK) {
        compose_send(&process->compose, SERVE_SIGN, event);
        return;
    }
    uint8_t *bytes = arena_take(&outbox->scratch, sizeof text + 16);
    struct writer answer = writer_over(bytes, bytes == NULL ? 0 : sizeof text + 16);
    writer_print(&answer, "not taken: %s\n", text);
    outbox_add(outbox, EFFECT_CONTROL)->control =
        (struct effect_control){event->control.request, true, writer_written(&answer)};
}

static void handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct signer_process *process = state;
    struct event own = *event;
    compose_begin(&process->compose);
    switch (event->kind) {
    case EVENT_START: /* who hands out is there before there is something to hand out */
        start_threads(process);
        compose_send(&process->compose, SERVE_HAND_OUT, event);
        compose_send(&process->compose, SERVE_SIGN, event);
        compose_send(&process->compose, SERVE_PULL, event);
        break;
    case EVENT_RELOAD:
        reload(process, event);
        break;
    case EVENT_STOP:
        send_to_all(process, event);
        break;
    case EVENT_QUERY:
        compose_send(&process->compose, query_member(event), event);
        break;
    case EVENT_ROOM: /* transfers are for the one that hands out alone */
        compose_send(&process->compose, SERVE_HAND_OUT, event);
        break;
    case EVENT_TIMER:
    case EVENT_ANSWER: {
        size_t member = compose_find(&process->compose, &own);
        compose_send(&process->compose, member, &own);
        break;
    }
    case EVENT_METRICS: /* each of the servers tells its numbers as a part */
        compose_send(&process->compose, SERVE_SIGN, event);
        compose_send(&process->compose, SERVE_PULL, event);
        compose_send(&process->compose, SERVE_HAND_OUT, event);
        break;
    case EVENT_CONTROL:
        control(process, event, outbox);
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

static enum status open_services(struct signer_process *process, struct problem *problem)
{
    struct world *world = process->world;
    struct serve *serve = process->now;
    struct signed_zones zones;
    struct auth_options server = {.keys = serve->keys,
                                  .key_count = serve->key_count,
                                  .entropy = world_entropy(world),
                                  .log = world_log(world)};
    struct auth_options pull = server, hand_out = server;
    enum status status = serve_make_signed(process, &zones, problem);
    if (status != OK) {
        return status;
    }
    pull.zones = zones.pulled;
    pull.zone_count = zones.pulled_count;
    pull.manager = serve_signed_members(process);
    pull.disk = &process->pull_disk;
    pull.taken = taken;
    pull.taken_user = process;
    pull.part = "pull";
    hand_out.part = "hand-out";
    hand_out.zones = zones.handed_out;
    hand_out.zone_count = zones.count;
    hand_out.update = update;
    hand_out.update_user = process;
    struct signer_options signer = {.zones = zones.signed_,
                                    .zone_count = zones.count,
                                    .disk = &process->disk,
                                    .hsm = process->pkcs11 == NULL ? NULL
                                                                   : pkcs11_hsm(process->pkcs11),
                                    .log = world_log(world),
                                    .load = load,
                                    .remember = remember,
                                    .publish = publish,
                                    .updated = updated,
                                    .notify = notify,
                                    .held_back = held_back,
                                    .user = process};
    status = auth_open(&pull, &process->pull, problem);
    status = status == OK ? auth_open(&hand_out, &process->hand_out, problem) : status;
    return status == OK ? signer_open(&signer, &process->signer, problem) : status;
}

static enum status open_process(struct signer_process *process, struct problem *problem)
{
    struct world *world = process->world;
    struct serve *serve = process->now;
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
    return status == OK ? open_services(process, problem) : status;
}

int serve_run_signer(struct serve *serve)
{
    struct problem problem = {0};
    struct signer_process process = {
        .first = serve, .now = serve, .generation = SERVE_MARK_CONFIGURED};
    int code = EXIT_FAILED;
    enum status status = serve_open_world(serve, "signer", "signer", &process.world, &problem);
    status = status == OK ? serve_open_link(serve, &problem) : status;
    status = status == OK ? open_process(&process, &problem) : status;
    if (status == OK) {
        const struct node members[SERVE_MEMBER_COUNT] = {
            [SERVE_PULL] = {auth_handle, process.pull},
            [SERVE_SIGN] = {signer_handle, process.signer},
            [SERVE_HAND_OUT] = {auth_handle, process.hand_out}};
        compose_open(&process.compose, members, SERVE_MEMBER_COUNT, SCRATCH_MAX);
        code = world_run(process.world, (struct node){handle, &process});
        compose_close(&process.compose);
    } else {
        code = command_failed("serve", &problem);
    }
    signer_close(process.signer);
    threads_close(process.threads);
    auth_close(process.hand_out);
    auth_close(process.pull);
    pkcs11_close(process.pkcs11);
    serve_close_signer_now(&process);
    world_close(process.world);
    return code;
}
