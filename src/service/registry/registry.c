/* The life of the registry: opened over its records, and which part handles which event. */
#include "service/registry/registry.h"

#include "service/registry/registry_state.h"
#include "service/registry/registry_store.h"
#include "service/registry/registry_zone.h"

#include <stdlib.h>

enum { LIFE_ARENA_MAX = 16 << 20, CLEAN_EVERY_S = 3600 };

/* "com" of com. */
static enum status tld_text(struct arena *life, struct name name, struct span *text)
{
    struct name_buffer buffer;
    struct name lower;
    name_lower_to(name, &buffer, &lower);
    return arena_copy(life, name_label(lower, 0), text);
}

static enum status open_tlds(struct registry *registry, int64_t now_s, struct problem *problem)
{
    size_t count = registry->options.tld_count;
    registry->tlds = arena_take_array(&registry->life, count, sizeof *registry->tlds);
    enum status status = registry->tlds == NULL ? NO_MEMORY : OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        struct registry_tld *tld = &registry->tlds[i];
        tld->options = &registry->options.tlds[i];
        status = tld_text(&registry->life, tld->options->name, &tld->text);
        status = status == OK ? registry_zone_open(registry, tld, now_s, problem) : status;
    }
    return status;
}

static enum status put_registrars(struct registry *registry, int64_t now_s)
{
    struct arena scratch;
    enum status status = OK;
    arena_open(&scratch, 1 << 20);
    for (size_t i = 0; i < registry->options.registrar_count && status == OK; i++) {
        const struct registry_registrar_options *given = &registry->options.registrars[i];
        struct registry_registrar registrar = {given->id, given->password_hash,
                                               given->certificate_digest};
        status =
            registry_store_put_registrar(registry->options.records, &scratch, &registrar, now_s);
        arena_reset(&scratch);
    }
    arena_close(&scratch);
    return status;
}

enum status registry_open(const struct registry_options *options, struct moment now,
                          struct registry **registry, struct problem *problem)
{
    struct registry *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for the registry");
    }
    made->options = *options;
    arena_open(&made->life, LIFE_ARENA_MAX);
    enum status status = registry_store_migrate(options->records);
    status = status == OK ? put_registrars(made, moment_wall_s(now)) : status;
    status = status == OK ? open_tlds(made, moment_wall_s(now), problem) : status;
    if (status != OK) {
        if (problem->status == OK) {
            problem_set(problem, status, "the registry's records cannot be used: %s",
                        status_text(status));
        }
        registry_close(made);
        return status;
    }
    *registry = made;
    return OK;
}

void registry_close(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    registry_dns_close(registry);
    for (size_t i = 0; i < registry->held_count; i++) {
        arena_close(&registry->held[i].arena);
    }
    for (size_t i = 0; registry->tlds != NULL && i < registry->options.tld_count; i++) {
        registry_zone_close(&registry->tlds[i]);
    }
    arena_close(&registry->life);
    free(registry);
}

/* Responses to commands are remembered for a while, not for ever. */
static void clean(struct registry_turn *turn)
{
    enum status status = registry_store_forget_responses(
        turn->registry->options.records, turn->scratch, turn->now_s - REGISTRY_RESPONSE_LIFE_S);
    if (status != OK) {
        log_line(turn->registry->options.log, LOG_WARNING,
                 "old responses could not be forgotten: %s", status_text(status));
    }
    outbox_timer(turn->outbox, REGISTRY_TIMER_CLEAN,
                 turn->now.mono_ns + (int64_t)CLEAN_EVERY_S * MOMENT_NS_PER_S);
}

static void start(struct registry_turn *turn)
{
    for (size_t i = 0; i < turn->registry->options.tld_count; i++) {
        registry_notify_start(turn, &turn->registry->tlds[i]);
    }
    clean(turn);
}

static void timer(struct registry_turn *turn, uint64_t number)
{
    if (number == REGISTRY_TIMER_CLEAN) {
        clean(turn);
    } else if (number >= REGISTRY_TIMER_TRANSFER) {
        registry_dns_continue(turn, (size_t)(number - REGISTRY_TIMER_TRANSFER));
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
    case EVENT_STOP: /* everything is in the records */
    case EVENT_RELOAD:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_KIND_COUNT:
        break;
    }
}
