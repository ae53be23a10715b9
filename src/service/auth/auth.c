/* The life of the server: its zones from options, what it does first, and which part handles which
 * event. */
#include "service/auth/auth.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>

static enum status open_zones(struct auth *auth, struct problem *problem)
{
    size_t count = auth->options.zone_count;
    enum status status = auth_zones_reserve(auth, count);
    if (status != OK) {
        return problem_set(problem, status, "no memory for %zu zones", count);
    }
    for (size_t i = 0; i < count && status == OK; i++) {
        status = auth_zone_make(auth, &auth->options.zones[i], problem);
    }
    auth->options.zones = NULL; /* they need not outlive this */
    return status;
}

enum status auth_open(const struct auth_options *options, struct auth **auth,
                      struct problem *problem)
{
    struct auth *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return problem_set(problem, NO_MEMORY, "no memory for a server");
    }
    made->options = *options;
    made->seed = options->entropy == NULL ? 0 : entropy_u64(options->entropy);
    auth_secrets_open(made);
    enum status status = open_zones(made, problem);
    if (status == OK && options->rate.per_second > 0) {
        made->rate = rate_open(&options->rate, options->entropy);
        if (made->rate == NULL) {
            status = problem_set(problem, NO_MEMORY, "no memory for the rates of answers");
        }
    }
    if (status != OK) {
        auth_close(made);
        return status;
    }
    *auth = made;
    return OK;
}

void auth_close(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    auth_notes_close(auth);
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        auth_stream_close(&auth->streams[i]);
    }
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        tsig_end(&auth->forwards[i].session);
    }
    for (size_t i = 0; i < LEN(auth->late); i++) {
        tsig_end(&auth->late[i].session);
    }
    auth->options.grace = NULL; /* nobody reads any more */
    auth->options.errands = NULL;
    auth_let_go(auth);
    for (size_t i = 0; i < auth->place_count; i++) {
        if (auth->places[i] != NULL) {
            auth_zone_free(auth, auth->places[i]);
        }
    }
    auth_readings_close(auth);
    free(auth->parents);
    auth_catalogs_close(auth);
    auth_zones_close(auth);
    rate_close(auth->rate);
    auth_secrets_close(auth);
    free(auth);
}

void auth_tell_taken(struct auth *auth, const struct zone *version, struct moment now)
{
    if (auth->options.taken != NULL) {
        auth->options.taken(auth->options.taken_user, version, now);
    }
}

enum status auth_remember(struct auth *auth, struct zone *version)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, zone_apex(version));
    if (zone == NULL || !zone->terms->is_pushed) {
        zone_release(version);
        return NOT_FOUND;
    }
    auth_zone_publish(auth, zone, version);
    auth_let_go(auth);
    return OK;
}

enum status auth_push(struct auth *auth, struct zone *version, struct moment now,
                      struct outbox *outbox)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, zone_apex(version));
    if (zone == NULL || !zone->terms->is_pushed) {
        zone_release(version);
        return NOT_FOUND;
    }
    auth_zone_publish(auth, zone, version);
    auth_let_go(auth);
    auth_notify_start(auth, zone, now, outbox);
    return OK;
}

enum status auth_notify(struct auth *auth, struct name name, struct moment now,
                        struct outbox *outbox)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    if (zone == NULL) {
        return NOT_FOUND;
    }
    auth_notify_start(auth, zone, now, outbox);
    return OK;
}

/* What is kept on disk is served at once. */
static void handle_start(struct auth *auth, struct moment now, struct outbox *outbox)
{
    for (size_t i = 0; i < auth->place_count; i++) {
        if (auth->places[i] != NULL && auth_zone_is_kept(auth->places[i])) {
            auth_zone_load(auth, auth->places[i], now);
        }
    }
    auth_secrets_timer(auth, false, now, outbox);
    auth->is_started = true;
    auth_catalogs_make_first(auth, now, outbox);
    auth_sweep_from(auth, 0);
}

static void handle_timer(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    struct auth_zone *zone = auth_zone_at(auth, auth_timer_index(event->timer));
    switch (auth_timer_kind(event->timer)) {
    case AUTH_TIMER_SECONDARY:
        if (zone != NULL && zone->secondary != NULL) {
            auth_secondary_timer(auth, zone, event->now, outbox);
        }
        break;
    case AUTH_TIMER_SECRETS:
        auth_secrets_timer(auth, true, event->now, outbox);
        break;
    case AUTH_TIMER_CATALOG:
        auth_catalogs_make(auth, event->now, outbox);
        break;
    case AUTH_TIMER_PARENT:
        auth_parent_timer(auth, zone, outbox);
        break;
    case AUTH_TIMER_SWEEP:   /* it goes on at the end of each event */
    case AUTH_TIMER_WAITING: /* as this */
        break;
    }
}

static void handle_answer(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    size_t slot;
    struct auth_zone *zone = auth_ask_zone(auth, event->answer.ask, &slot);
    if (zone == NULL) {
        return;
    }
    if (slot == 0 && zone->secondary != NULL) {
        auth_secondary_answer(auth, zone, event, outbox);
    } else if (slot > 0 && slot <= AUTH_NOTIFY_MAX) {
        auth_notify_answer(auth, zone, slot - 1, event, outbox);
    } else if (slot == AUTH_SLOT_PARENT) {
        auth_parent_answer(auth, event, outbox);
    } else if (slot > 0) {
        auth_update_answer(auth, slot - 1 - AUTH_NOTIFY_MAX, event, outbox);
    }
}

static void handle(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    switch (event->kind) {
    case EVENT_START:
        handle_start(auth, event->now, outbox);
        break;
    case EVENT_RELOAD:
        (void)!auth_reload(auth, event->now, outbox, NULL); /* it was said why not */
        break;
    case EVENT_TIMER:
        handle_timer(auth, event, outbox);
        break;
    case EVENT_QUERY:
        auth_handle_query(auth, event, outbox);
        break;
    case EVENT_ROOM:
        auth_stream_room(auth, event, outbox);
        break;
    case EVENT_ANSWER:
        handle_answer(auth, event, outbox);
        break;
    case EVENT_CONTROL:
        auth_handle_control(auth, event, outbox);
        break;
    case EVENT_METRICS:
        auth_tell_metrics(auth, outbox);
        break;
    case EVENT_STOP: /* all that matters is on disk already */
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_KIND_COUNT:
        break;
    }
}

void auth_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct auth *auth = state;
    handle(auth, event, outbox);
    auth_sweep(auth, event->now, outbox);
    auth_waiting_settle(auth, event->now, outbox);
    if (auth->is_started) {
        auth_catalogs_go_on(auth, event->now, outbox);
    }
    auth_secondary_go_on(auth, event->now, outbox);
    auth_let_go(auth);
}
