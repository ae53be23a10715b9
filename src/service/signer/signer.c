/* The life of the signer: what happens to its zones at the start, at a reload and when signatures
 * want renewal. */
#include "core/zone/transfer.h"
#include "core/zone/zone_check.h"
#include "service/signer/signal.h"

enum { START_WAIT_S = 60 };

/* Where UPDATE changes the data, the file counts as long as it is another than was taken last: the
 * one with the newer serial. */
static bool is_file_taken(const struct signer_zone *zone, const struct zone *data)
{
    return zone->options.update_rule_count > 0 && zone->has_file_serial &&
           zone->owner_data != NULL && !serial_is_newer(zone_serial(data), zone->file_serial);
}

static enum status take_file(struct signer *signer, struct signer_zone *zone, struct zone *data,
                             struct moment now, struct outbox *outbox)
{
    uint32_t serial = zone_serial(data);
    char name[NAME_TEXT_MAX];
    if (!signer_offer(signer, zone, data, now, outbox)) {
        return REFUSED;
    }
    if (zone->options.update_rule_count == 0) {
        return OK;
    }
    zone->has_file_serial = true;
    zone->file_serial = serial;
    enum status status = signer_save(signer, zone);
    if (status != OK) {
        zone->has_file_serial = false; /* no UPDATE is accepted that a restart would forget */
        log_line(signer->options.log, LOG_ERROR,
                 "zone %s: that its file was taken cannot be noted on disk (%s): no UPDATE is "
                 "accepted until a reload",
                 name_print(zone->options.name, name), status_text(status));
    }
    return OK;
}

/* Data from the file, which are taken over. */
static enum status consider_file(struct signer *signer, struct signer_zone *zone, struct zone *data,
                                 struct moment now, struct outbox *outbox)
{
    char name[NAME_TEXT_MAX];
    if (!is_file_taken(zone, data)) {
        return take_file(signer, zone, data, now, outbox);
    }
    log_line(signer->options.log, LOG_NOTICE,
             "zone %s: the file has serial %u as when it was taken (%u): what UPDATE changed since "
             "stays; a file with a newer serial takes its place",
             name_print(zone->options.name, name), zone_serial(data), zone->file_serial);
    zone_release(data);
    zone_release(zone->waiting);
    zone->waiting = NULL;
    zone->is_fault_of_data = false; /* if it had faults, they are mended */
    return signer_publish(signer, zone, NULL, now, outbox) ? OK : REFUSED;
}

enum status signer_load(struct signer *signer, struct signer_zone *zone, struct moment now,
                        struct outbox *outbox)
{
    struct problem problem = {0};
    struct zone *data = signer->options.load(signer->options.user, zone->options.file,
                                             zone->options.name, &problem);
    if (data != NULL) {
        return consider_file(signer, zone, data, now, outbox);
    }
    if (problem.status == OK) {
        problem_set(&problem, MALFORMED, "the file %.200s has faults, which were told",
                    zone->options.file);
    }
    signer_refuse(signer, zone, &problem, now, outbox);
    return MALFORMED;
}

/* What cannot be read is tried again: a disk or a token may come back. */
bool signer_bring_back(struct signer *signer, struct signer_zone *zone, struct moment now,
                       struct outbox *outbox)
{
    struct problem problem = {0};
    enum status status = signer_restore(signer, zone, now, &problem);
    if (status == OK && zone->options.update_rule_count > 0) {
        status = signer_need_owner_data(signer, zone);
        status = status == NOT_FOUND ? OK : status;
    }
    if (status != OK) {
        if (problem.status == OK) {
            problem_set(&problem, status, "what is kept of it cannot be read: %s",
                        status_text(status));
        }
        signer_hold_back(signer, zone, &problem, now);
        signer_set_timer(signer, zone, now, outbox);
        return false;
    }
    zone->fault[0] = '\0';
    zone->is_fault_of_data = false;
    return true;
}

/* What nobody gives data for at the start still wants its signatures renewed, a while later. */
void signer_begin(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox)
{
    if (zone->is_restored && zone->fault[0] == '\0' && zone->options.file != NULL) {
        (void)!signer_load(signer, zone, now, outbox);
    }
    if (zone->is_restored && zone->owner_data == NULL && zone->published != NULL) {
        outbox_timer(outbox, signer_timer_id(zone, SIGNER_TIMER_RENEW),
                     now.mono_ns + (int64_t)START_WAIT_S * MOMENT_NS_PER_S);
    }
}

void signer_set_due_timers(struct signer *signer, struct moment now, struct outbox *outbox)
{
    for (size_t i = 0; i < signer->zone_count; i++) {
        if (signer->zones[i]->is_signal_due) {
            signer_set_timer(signer, signer->zones[i], now, outbox);
        }
    }
}

static void start(struct signer *signer, const struct event *event, struct outbox *outbox)
{
    signer->is_started = true;
    /* All are restored first: what one shows for another is taken from what that had. */
    for (size_t i = 0; i < signer->zone_count; i++) {
        (void)signer_bring_back(signer, signer->zones[i], event->now, outbox);
    }
    for (size_t i = 0; i < signer->zone_count; i++) {
        signer_begin(signer, signer->zones[i], event->now, outbox);
    }
    signer_set_due_timers(signer, event->now, outbox);
}

static void keep_first_error(void *user, enum zone_severity severity, const struct problem *problem)
{
    struct problem *first = user;
    if (severity == ZONE_ERROR && first->status == OK) {
        char text[PROBLEM_SENTENCE_MAX];
        problem_set(first, REFUSED, "%s", problem_print(problem, text, sizeof text));
    }
}

void signer_take(struct signer *signer, const struct zone *version, struct moment now,
                 struct outbox *outbox)
{
    struct signer_zone *zone = signer_find(signer, zone_apex(version));
    struct problem first = {0};
    if (zone == NULL) {
        return;
    }
    signer_make_gathered(signer, zone, now, outbox);
    if (zone_check_change(version, zone->owner_data, keep_first_error, &first) == 0) {
        (void)signer_offer(signer, zone, zone_hold(version), now, outbox);
        return;
    }
    struct problem problem = {0};
    problem_set(&problem, REFUSED, "serial %u as it came from the primary: %.300s",
                zone_serial(version), first.sentence);
    signer_refuse(signer, zone, &problem, now, outbox);
}

/* What waited is tried again; false when nothing came of it. */
static bool retry(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox)
{
    if (zone->waiting == NULL) {
        return false;
    }
    struct zone *data = zone_hold(zone->waiting);
    return zone->options.file != NULL ? consider_file(signer, zone, data, now, outbox) == OK
                                      : signer_offer(signer, zone, data, now, outbox);
}

static void renew(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox)
{
    int64_t next_s = 0;
    bool is_restored_now = !zone->is_restored;
    if (is_restored_now && !signer_bring_back(signer, zone, now, outbox)) {
        return;
    }
    if (is_restored_now) {
        signer_set_due_timers(signer, now, outbox);
    }
    if (is_restored_now && zone->waiting == NULL) {
        signer_begin(signer, zone, now, outbox);
        return;
    }
    (void)signer_drop_leaving(signer, zone, moment_wall_s(now), &next_s);
    if (!retry(signer, zone, now, outbox) && signer_need_owner_data(signer, zone) == OK) {
        (void)signer_publish(signer, zone, NULL, now, outbox);
    }
}

static void take_timer(struct signer *signer, const struct event *event, struct outbox *outbox)
{
    enum signer_timer kind;
    struct signer_zone *zone = signer_timer_zone(signer, event->timer, &kind);
    if (zone == NULL) {
        return;
    }
    signer_make_gathered(signer, zone, event->now, outbox);
    if (kind == SIGNER_TIMER_RENEW) {
        renew(signer, zone, event->now, outbox);
        signer_warn(signer, zone, moment_wall_s(event->now));
    }
}

static void make_all_gathered(struct signer *signer, struct moment now, struct outbox *outbox)
{
    for (size_t i = 0; signer->gathering_count > 0 && i < signer->zone_count; i++) {
        signer_make_gathered(signer, signer->zones[i], now, outbox);
    }
}

void signer_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct signer *signer = state;
    switch (event->kind) {
    case EVENT_START:
        start(signer, event, outbox);
        break;
    case EVENT_RELOAD:
        make_all_gathered(signer, event->now, outbox);
        for (size_t i = 0; i < signer->zone_count; i++) {
            if (signer->zones[i]->options.file != NULL) {
                (void)!signer_load(signer, signer->zones[i], event->now, outbox);
            }
        }
        break;
    case EVENT_TIMER:
        take_timer(signer, event, outbox);
        break;
    case EVENT_CONTROL:
        make_all_gathered(signer, event->now, outbox);
        signer_control(signer, event, outbox);
        break;
    case EVENT_METRICS: {
        struct metrics metrics = metrics_in(&outbox->scratch);
        signer_add_metrics(signer, moment_wall_s(event->now), &metrics);
        outbox_metrics(outbox, &metrics);
        break;
    }
    case EVENT_STOP:
        make_all_gathered(signer, event->now, outbox);
        break;
    case EVENT_QUERY:
    case EVENT_ANSWER:
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_ROOM:
    case EVENT_KIND_COUNT:
        break;
    }
}
