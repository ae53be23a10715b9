/* The registry as a service: what it is opened with, and which file handles which event. */
#include "service/registry/registry.h"

#include "service/registry/registry_store.h"
#include "service/registry/registry_zone.h"

#include <stdlib.h>

enum { LIFE_MAX = 64 << 20, CLEAN_EACH_S = 6 * 3600 };

static enum status registrars_put(struct registry *registry, int64_t now_s)
{
    struct records *records = registry->options.records;
    struct arena scratch;
    arena_open(&scratch, LIFE_MAX);
    enum status status = records->begin(records->self);
    if (status != OK) {
        return status;
    }
    for (size_t i = 0; status == OK && i < registry->options.registrar_count; i++) {
        const struct registry_registrar_options *given = &registry->options.registrars[i];
        const struct registry_registrar registrar = {given->id, given->password_hash,
                                                     given->certificate_digest};
        status = registry_store_put_registrar(records, &scratch, &registrar, now_s);
    }
    arena_close(&scratch);
    if (status != OK) {
        records->rollback(records->self);
        return status;
    }
    return records->commit(records->self);
}

static void options_check(const struct registry_options *options)
{
    require(options->records != NULL && options->entropy != NULL);
    require(options->password_matches != NULL && options->server_name != NULL);
    require(options->tld_count > 0 && options->tld_count <= REGISTRY_TLDS_MAX);
    for (size_t i = 0; i < options->tld_count; i++) {
        const struct registry_tld_options *tld = &options->tlds[i];
        require(tld->server_count > 0 && tld->server_count <= REGISTRY_SERVERS_MAX);
        require(tld->notify_count <= REGISTRY_PEERS_MAX);
        require(tld->keys_max >= 1 && tld->keys_max <= REGISTRY_KEYS_MAX);
        require(tld->form < REGISTRY_FORM_COUNT);
    }
}

static enum status tld_open(struct registry *registry, size_t at, int64_t now_s,
                            struct problem *problem)
{
    struct registry_tld *tld = &registry->tlds[at];
    tld->options = &registry->options.tlds[at];
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(tld->options->name, &buffer, &lower);
    char text[NAME_TEXT_MAX];
    struct span printed = span_of_text(name_print(lower, text));
    enum status status =
        arena_copy(&registry->life, span_part(printed, 0, printed.len - 1), &tld->text);
    return status == OK ? registry_zone_open(registry, tld, now_s, problem) : status;
}

enum status registry_open(const struct registry_options *options, struct moment now,
                          struct registry **registry, struct problem *problem)
{
    options_check(options);
    struct registry *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for the registry");
    }
    opened->options = *options;
    arena_open(&opened->life, LIFE_MAX);
    opened->tlds = arena_take_array(&opened->life, options->tld_count, sizeof *opened->tlds);
    enum status status = opened->tlds == NULL ? NO_MEMORY : OK;
    if (status == OK) {
        status = registry_store_migrate(options->records);
    }
    if (status == OK) {
        status = registrars_put(opened, moment_wall_s(now));
    }
    if (status != OK) {
        problem_set(problem, status, "the registry's records cannot be opened: %s",
                    status_text(status));
    }
    for (size_t i = 0; status == OK && i < options->tld_count; i++) {
        status = tld_open(opened, i, moment_wall_s(now), problem);
    }
    if (status != OK) {
        registry_close(opened);
        return status;
    }
    *registry = opened;
    return OK;
}

void registry_close(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    registry_dns_close(registry);
    for (size_t i = 0; registry->tlds != NULL && i < registry->options.tld_count; i++) {
        registry_zone_close(&registry->tlds[i]);
    }
    for (size_t i = 0; i < registry->held_count; i++) {
        arena_close(&registry->held[i].arena);
    }
    arena_close(&registry->life);
    free(registry);
}

/* Responses that nobody can still be waiting for. */
static void clean(struct registry_turn *turn)
{
    const struct registry_options *options = &turn->registry->options;
    enum status status = registry_store_forget_responses(options->records, turn->scratch,
                                                         turn->now_s - REGISTRY_RESPONSE_LIFE_S);
    if (status != OK) {
        log_line(options->log, LOG_WARNING, "old responses cannot be removed: %s",
                 status_text(status));
    }
    outbox_timer(turn->outbox, REGISTRY_TIMER_CLEAN,
                 turn->now.mono_ns + (int64_t)CLEAN_EACH_S * MOMENT_NS_PER_S);
}

static void start(struct registry_turn *turn)
{
    clean(turn);
    for (size_t i = 0; i < turn->registry->options.tld_count; i++) {
        registry_notify_start(turn, &turn->registry->tlds[i]);
    }
}

static void timer(struct registry_turn *turn, uint64_t number)
{
    if (number == REGISTRY_TIMER_CLEAN) {
        clean(turn);
    }
}

void registry_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct registry_turn turn = {.registry = state,
                                 .outbox = outbox,
                                 .scratch = &outbox->scratch,
                                 .now = event->now,
                                 .now_s = moment_wall_s(event->now)};
    switch (event->kind) {
    case EVENT_START:
        start(&turn);
        break;
    case EVENT_TIMER:
        timer(&turn, event->timer);
        break;
    case EVENT_QUERY:
        registry_dns_query(&turn, &event->query);
        break;
    case EVENT_ROOM:
        registry_dns_room(&turn, &event->room);
        break;
    case EVENT_ANSWER:
        registry_notify_answer(&turn, &event->answer);
        break;
    case EVENT_EPP_OPENED:
        registry_session_open(&turn, &event->epp);
        break;
    case EVENT_EPP_FRAME:
        registry_session_frame(&turn, &event->epp);
        break;
    case EVENT_EPP_CLOSED:
        registry_session_close(&turn, &event->epp);
        break;
    case EVENT_CONTROL:
        registry_control_line(&turn, &event->control);
        break;
    case EVENT_METRICS: {
        struct metrics metrics = metrics_in(&outbox->scratch);
        registry_add_metrics(&turn, &metrics);
        outbox_metrics(outbox, &metrics);
        break;
    }
    case EVENT_STOP: /* everything is durable already */
    case EVENT_RELOAD:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_KIND_COUNT:
        break;
    }
}
