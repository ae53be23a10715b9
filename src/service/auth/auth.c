/* The life of the server: its zones from options, what it does first, and which part handles which
 * event. */
#include "service/auth/auth.h"
#include "core/crypto/digest.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>

static int compare_zones(const void *a, const void *b)
{
    const struct auth_zone *left = a;
    const struct auth_zone *right = b;
    return name_compare(left->options.name, right->options.name);
}

static enum status check_zones(const struct auth *auth, struct problem *problem)
{
    for (size_t i = 0; i < auth->zone_count; i++) {
        const struct auth_zone_options *zone = &auth->zones[i].options;
        char name[NAME_TEXT_MAX];
        if (i > 0 && name_equal(zone->name, auth->zones[i - 1].options.name)) {
            return problem_set(problem, EXISTS, "the zone %.255s is given twice",
                               name_print(zone->name, name));
        }
        if (zone->notify_count > AUTH_NOTIFY_MAX || zone->grant_count > AUTH_GRANTS_MAX) {
            return problem_set(problem, LIMIT_REACHED,
                               "the zone %.255s has more than %d servers to notify or more than "
                               "%d to transfer to",
                               name_print(zone->name, name), AUTH_NOTIFY_MAX, AUTH_GRANTS_MAX);
        }
    }
    return OK;
}

static void take_zone(const struct auth *auth, struct auth_zone *zone,
                      const struct auth_zone_options *options)
{
    zone->options = *options;
    zone->grace = auth->options.grace;
    bool is_secondary = options->fixed == NULL && !options->is_pushed;
    zone->secondary.state = is_secondary ? SECONDARY_WAITING : SECONDARY_FIXED;
    if (options->fixed != NULL) {
        auth_zone_publish(zone, zone_hold(options->fixed));
    }
}

enum status auth_open(const struct auth_options *options, struct auth **auth,
                      struct problem *problem)
{
    if (options->zone_count > AUTH_ZONES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d zones", AUTH_ZONES_MAX);
    }
    struct auth *made = calloc(1, sizeof *made);
    struct auth_zone *zones = calloc(options->zone_count + 1, sizeof *zones);
    if (made == NULL || zones == NULL) {
        free(made);
        free(zones);
        return problem_set(problem, NO_MEMORY, "no memory for %zu zones", options->zone_count);
    }
    made->options = *options;
    made->zones = zones;
    made->zone_count = options->zone_count;
    for (size_t i = 0; i < made->zone_count; i++) {
        take_zone(made, &zones[i], &options->zones[i]);
        uint8_t labels = options->zones[i].name.label_count;
        made->labels_max = labels > made->labels_max ? labels : made->labels_max;
    }
    qsort(zones, made->zone_count, sizeof *zones, compare_zones);
    for (size_t i = 0; i < made->zone_count; i++) {
        zones[i].index = (uint32_t)i;
    }
    enum status status = check_zones(made, problem);
    if (status != OK) {
        auth_close(made);
        return status;
    }
    if (options->rate.per_second > 0) {
        made->rate = rate_open(&options->rate, options->entropy);
        if (made->rate == NULL) {
            auth_close(made);
            return problem_set(problem, NO_MEMORY, "no memory for the rates of answers");
        }
    }
    *auth = made;
    return OK;
}

void auth_close(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        auth_stream_close(&auth->streams[i]);
    }
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        tsig_end(&auth->forwards[i].session);
    }
    for (size_t i = 0; i < LEN(auth->late); i++) {
        tsig_end(&auth->late[i].session);
    }
    for (size_t i = 0; i < auth->zone_count; i++) {
        auth_secondary_close(&auth->zones[i]);
        zone_journal_close(auth->zones[i].journal);
        free(auth->zones[i].view);
        for (size_t j = 0; j < auth->zones[i].history_count; j++) {
            zone_release(auth->zones[i].history[j]);
        }
    }
    rate_close(auth->rate);
    secret_wipe(auth->own_secrets, sizeof auth->own_secrets);
    free(auth->zones);
    free(auth);
}

static void start_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                       struct outbox *outbox)
{
    char name[NAME_TEXT_MAX];
    if (zone->options.is_pushed) {
        return;
    }
    if (zone->secondary.state == SECONDARY_FIXED) {
        auth_notify_start(auth, zone, now, outbox);
        return;
    }
    auth_load_zone(auth, zone);
    if (zone->history_count > 0) {
        const struct zone *version = zone->history[zone->history_count - 1];
        log_line(auth->options.log, LOG_NOTICE, "zone %s: serial %u as kept on disk",
                 name_print(zone->options.name, name), zone_serial(version));
        auth_tell_taken(auth, version, now);
    }
    auth_secondary_start(auth, zone, now, outbox);
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
    if (zone == NULL || !zone->options.is_pushed) {
        zone_release(version);
        return NOT_FOUND;
    }
    auth_zone_publish(zone, version);
    return OK;
}

enum status auth_push(struct auth *auth, struct zone *version, struct moment now,
                      struct outbox *outbox)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, zone_apex(version));
    if (zone == NULL || !zone->options.is_pushed) {
        zone_release(version);
        return NOT_FOUND;
    }
    auth_zone_publish(zone, version);
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

static void reload_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                        struct outbox *outbox)
{
    char name[NAME_TEXT_MAX];
    struct zone *version = auth->options.reload(auth->options.reload_user, zone->options.name);
    if (version == NULL) {
        return; /* the command has said why */
    }
    uint32_t before = zone_serial(zone->history[zone->history_count - 1]);
    uint32_t serial = zone_serial(version);
    name_print(zone->options.name, name);
    if (serial_is_newer(before, serial)) {
        log_line(auth->options.log, LOG_ERROR,
                 "zone %s: the file's serial %u is lower than %u; it was not taken", name, serial,
                 before);
        zone_release(version);
        return;
    }
    if (serial == before) {
        log_line(auth->options.log, LOG_WARNING,
                 "zone %s: taken with the same serial %u; secondaries will not see a change", name,
                 serial);
    } else {
        log_line(auth->options.log, LOG_NOTICE, "zone %s: serial %u taken from its file", name,
                 serial);
    }
    auth_zone_publish(zone, version);
    if (serial != before) {
        auth_notify_start(auth, zone, now, outbox);
    }
}

static void handle_reload(struct auth *auth, struct moment now, struct outbox *outbox)
{
    for (size_t i = 0; i < auth->zone_count; i++) {
        struct auth_zone *zone = &auth->zones[i];
        if (zone->secondary.state != SECONDARY_FIXED) {
            auth_secondary_wake(auth, zone, false, now, outbox);
        } else if (auth->options.reload != NULL && !zone->options.is_pushed) {
            reload_zone(auth, zone, now, outbox);
        }
    }
}

static void handle_timer(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    size_t index = auth_timer_index(event->timer);
    switch (auth_timer_kind(event->timer)) {
    case AUTH_TIMER_SECONDARY:
        if (index < auth->zone_count) {
            auth_secondary_timer(auth, &auth->zones[index], event->now, outbox);
        }
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
    if (slot == 0) {
        auth_secondary_answer(auth, zone, event, outbox);
    } else if (slot <= AUTH_NOTIFY_MAX) {
        auth_notify_answer(auth, zone, slot - 1, event, outbox);
    } else {
        auth_update_answer(auth, slot - 1 - AUTH_NOTIFY_MAX, event, outbox);
    }
}

void auth_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct auth *auth = state;
    switch (event->kind) {
    case EVENT_START:
        for (size_t i = 0; i < auth->zone_count; i++) {
            start_zone(auth, &auth->zones[i], event->now, outbox);
        }
        break;
    case EVENT_RELOAD:
        handle_reload(auth, event->now, outbox);
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
