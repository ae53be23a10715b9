/* The registrar as a machine: how it is opened, and where each kind of event goes. */
#include "service/registrar/registrar.h"

#include "service/registrar/control.h"
#include "service/registrar/letter.h"
#include "service/registrar/metrics.h"
#include "service/registrar/schema.h"
#include "service/registrar/state.h"
#include "service/registrar/web.h"
#include "service/registrar/work.h"

enum { LIFE_SIZE_MAX = 64 << 20, REASON_SIZE = 700 };

static enum status parts_open(struct registrar *registrar, struct problem *problem)
{
    const struct registrar_options *options = &registrar->options;
    if (options->registry_count > REGISTRIES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d registries", REGISTRIES_MAX);
    }
    for (size_t i = 0; i < options->registry_count; i++) {
        registrar->sessions[i].registry = &options->registries[i];
    }
    enum status status = policy_read(options, &registrar->life, &registrar->policy, problem);
    if (status != OK) {
        return status;
    }
    status = schema_migrate(&registrar->options.records);
    return status == OK ? OK
                        : problem_set(problem, status, "the records cannot be used: %s",
                                      status_text(status));
}

enum status registrar_open(const struct registrar_options *options, struct registrar **registrar,
                           struct problem *problem)
{
    struct arena life;
    *registrar = NULL;
    arena_open(&life, LIFE_SIZE_MAX);
    struct registrar *opened = arena_take(&life, sizeof *opened);
    if (opened == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for the registrar");
    }
    opened->life = life;
    opened->options = *options;
    enum status status = parts_open(opened, problem);
    if (status != OK) {
        registrar_close(opened);
        return status;
    }
    *registrar = opened;
    return OK;
}

void registrar_close(struct registrar *registrar)
{
    if (registrar != NULL) {
        arena_close(&registrar->reread);
        /* The registrar itself lives in the arena. */
        struct arena life = registrar->life;
        arena_close(&life);
    }
}

/* What was begun before a crash is begun again; nothing else of it was kept in memory. */
static void start_take(struct turn *turn)
{
    if (operation_wake_all(turn) != OK || letter_wake_all(turn) != OK) {
        log_line(turn_log(turn), LOG_ERROR,
                 "what was under way could not be taken up at once; it follows within minutes");
    }
    turn->registrar->has_work = true;
}

/* All that was read counts, or nothing of it. */
bool registrar_reload(struct turn *turn)
{
    struct registrar *registrar = turn->registrar;
    struct registrar_options fresh = registrar->options;
    struct policy policy;
    struct problem problem = {0};
    struct arena arena;
    if (fresh.reader.read == NULL) {
        log_line(turn_log(turn), LOG_NOTICE, "nothing is read again while it runs");
        return false;
    }
    arena_open(&arena, LIFE_SIZE_MAX);
    enum status status = fresh.reader.read(fresh.reader.self, &arena, &fresh, &problem);
    if (status == OK) {
        status = policy_read(&fresh, &arena, &policy, &problem);
    }
    if (status != OK) {
        char text[REASON_SIZE];
        log_line(turn_log(turn), LOG_ERROR, "not read again, what counted before still does: %s",
                 problem_print(&problem, text, sizeof text));
        arena_close(&arena);
        return false;
    }
    registrar->options = fresh;
    registrar->policy = policy;
    arena_close(&registrar->reread);
    registrar->reread = arena;
    registrar->has_work = true;
    log_line(turn_log(turn), LOG_NOTICE, "read again: %zu TLDs", policy.count);
    return true;
}

static void metrics_tell(struct turn *turn)
{
    struct metrics metrics = metrics_in(turn->scratch);
    metrics_collect(turn, &metrics);
    outbox_metrics(turn->outbox, &metrics);
}

static void timer_take(struct turn *turn)
{
    uint64_t timer = turn->event->timer;
    if (timer >= TIMER_SESSION && timer < TIMER_SESSION + turn->registrar->options.registry_count) {
        session_take_timer(turn, (size_t)(timer - TIMER_SESSION));
    } else if (timer == TIMER_HELD) {
        control_take_timer(turn);
    } else {
        turn->registrar->has_work = true;
    }
}

static void event_take(struct turn *turn)
{
    switch (turn->event->kind) {
    case EVENT_START:
        start_take(turn);
        break;
    case EVENT_STOP:
        session_close_all(turn);
        break;
    case EVENT_TIMER:
        timer_take(turn);
        break;
    case EVENT_ANSWER:
        look_take_answer(turn);
        break;
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
        session_take_event(turn);
        break;
    case EVENT_HTTP:
        turn->registrar->requests++;
        web_take(turn);
        break;
    case EVENT_CONTROL:
        control_take(turn);
        break;
    case EVENT_MAIL:
        letter_take_result(turn);
        break;
    case EVENT_RELOAD:
        (void)registrar_reload(turn);
        break;
    case EVENT_METRICS:
        metrics_tell(turn);
        break;
    case EVENT_QUERY:
    case EVENT_ROOM:
    case EVENT_KIND_COUNT:
        break;
    }
}

void registrar_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct registrar *registrar = state;
    struct turn turn = {
        .registrar = registrar,
        .event = event,
        .outbox = outbox,
        .scratch = &outbox->scratch,
        .records = &registrar->options.records,
        .now_s = moment_wall_s(event->now),
        .mono_ns = event->now.mono_ns,
    };
    event_take(&turn);
    if (registrar->has_work && event->kind != EVENT_STOP) {
        /* A look that ends at once makes new work; more than a few rounds it never takes. */
        for (int round = 0; round < 4 && registrar->has_work; round++) {
            registrar->has_work = false;
            work_pump(&turn);
            session_pump_all(&turn);
            letter_pump(&turn);
        }
    }
}
