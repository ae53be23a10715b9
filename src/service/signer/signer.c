/* The life of the signer: its zones, what happens at the start, at a reload and when signatures
 * want renewal. */
#include "service/signer/signer_state.h"

#include <stdlib.h>

struct signer_zone *signer_find(struct signer *signer, struct name name)
{
    for (size_t i = 0; i < signer->zone_count; i++) {
        if (name_equal(signer->zones[i].options.name, name)) {
            return &signer->zones[i];
        }
    }
    return NULL;
}

enum status signer_open(const struct signer_options *options, struct signer **signer,
                        struct problem *problem)
{
    struct signer *made = calloc(1, sizeof *made);
    struct signer_zone *zones = calloc(options->zone_count + 1, sizeof *zones);
    if (made == NULL || zones == NULL || options->zone_count > SIGNER_ZONES_MAX) {
        free(made);
        free(zones);
        return problem_set(problem, NO_MEMORY, "no memory for %zu zones, or more than %d",
                           options->zone_count, SIGNER_ZONES_MAX);
    }
    made->options = *options;
    made->zones = zones;
    made->zone_count = options->zone_count;
    for (size_t i = 0; i < made->zone_count; i++) {
        zones[i].options = options->zones[i];
        zones[i].index = i;
    }
    *signer = made;
    return OK;
}

void signer_close(struct signer *signer)
{
    if (signer == NULL) {
        return;
    }
    for (size_t i = 0; i < signer->zone_count; i++) {
        keystore_close(&signer->zones[i].keys);
        zone_release(signer->zones[i].owner_data);
        zone_release(signer->zones[i].published);
    }
    free(signer->zones);
    free(signer);
}

static void load(struct signer *signer, struct signer_zone *zone, struct moment now,
                 struct outbox *outbox)
{
    char name[NAME_TEXT_MAX];
    if (zone->options.file == NULL) {
        return;
    }
    struct zone *data =
        signer->options.load(signer->options.user, zone->options.file, zone->options.name);
    if (data == NULL) {
        log_line(signer->options.log, LOG_ERROR,
                 "zone %s: the file %.200s has faults; the last good version stays",
                 name_print(zone->options.name, name), zone->options.file);
        return;
    }
    (void)signer_publish(signer, zone, data, now, outbox);
}

static void start(struct signer *signer, const struct event *event, struct outbox *outbox)
{
    for (size_t i = 0; i < signer->zone_count; i++) {
        struct signer_zone *zone = &signer->zones[i];
        struct problem problem = {0};
        char name[NAME_TEXT_MAX];
        if (signer_restore(signer, zone, event->now, &problem) != OK) {
            log_line(signer->options.log, LOG_ERROR, "zone %s: %s",
                     name_print(zone->options.name, name), problem.sentence);
            continue;
        }
        load(signer, zone, event->now, outbox);
    }
}

void signer_take(struct signer *signer, const struct zone *version, struct moment now,
                 struct outbox *outbox)
{
    struct signer_zone *zone = signer_find(signer, zone_apex(version));
    if (zone != NULL) {
        (void)signer_publish(signer, zone, zone_hold(version), now, outbox);
    }
}

static void renew(struct signer *signer, struct signer_zone *zone, struct moment now,
                  struct outbox *outbox)
{
    int64_t next_s = 0;
    (void)signer_drop_leaving(signer, zone, moment_wall_s(now), &next_s);
    if (zone->owner_data != NULL) {
        (void)signer_publish(signer, zone, NULL, now, outbox);
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
        for (size_t i = 0; i < signer->zone_count; i++) {
            load(signer, &signer->zones[i], event->now, outbox);
        }
        break;
    case EVENT_TIMER:
        if (event->timer < signer->zone_count) {
            renew(signer, &signer->zones[event->timer], event->now, outbox);
        }
        break;
    case EVENT_CONTROL:
        signer_control(signer, event, outbox);
        break;
    case EVENT_STOP:
    case EVENT_QUERY:
    case EVENT_ANSWER:
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_KIND_COUNT:
        break;
    }
}
