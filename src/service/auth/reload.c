/* How zone files are read again while the server runs: beside the service, each compared with the
 * version that is served, so that it costs the memory of what differs; and how all zones get their
 * turn in a sweep. */
#include "core/base/arena.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>

enum {
    SWEEP_PORTION = 64, /* what is done to all zones is done to so many at a time */
    READINGS_MAX = 64,  /* files asked for at once */
    LARGE_ZONE = 1024,  /* names; a version of more is freed beside the service too */
};

/* A file that is being read. */
struct auth_reading {
    struct errand errand; /* first */
    struct auth_reading *next;
    struct auth_zone *zone; /* NULL: it went meanwhile */
    bool is_stale;          /* asked for once more: the file may have been read before that */
    const struct auth *auth;
    const void *origin;
    struct name name;
    struct name_buffer buffer;
    struct zone *held; /* what the zone has; NULL: nothing */
    /* What came of it: */
    struct zone *version; /* NULL: the command has said why */
    size_t differing;     /* names, from `held` */
};

static void reading_run(struct errand *errand)
{
    struct auth_reading *reading = (struct auth_reading *)errand;
    const struct auth_options *options = &reading->auth->options;
    struct zone *read = options->reload(options->reload_user, reading->name, reading->origin);
    reading->version = read;
    reading->differing = 1;
    if (read != NULL && reading->held != NULL) {
        reading->version = zone_share(reading->held, read, &reading->differing);
        zone_release(read);
        if (zone_node_count(reading->held) > LARGE_ZONE) {
            arena_return_free();
        }
    }
}

static void reading_free(struct auth_reading *reading)
{
    zone_release(reading->held);
    zone_release(reading->version);
    free(reading);
}

/* A zone whose file could not be read before gets its first version, others the next. */
static void take_version(struct auth *auth, struct auth_reading *reading, struct moment now,
                         struct outbox *outbox)
{
    char name[NAME_TEXT_MAX];
    struct auth_zone *zone = reading->zone;
    struct zone *version = reading->version;
    uint32_t before = reading->held == NULL ? 0 : zone_serial(reading->held);
    uint32_t serial = zone_serial(version);
    bool is_news = reading->held == NULL || serial != before;
    if (!is_news && reading->differing == 0) {
        return;
    }
    name_print(zone->options.name, name);
    if (reading->held != NULL && serial_is_newer(before, serial)) {
        log_line(auth->options.log, LOG_ERROR,
                 "zone %s: the file's serial %u is lower than %u; it was not taken", name, serial,
                 before);
        return;
    }
    if (is_news) {
        log_line(auth->options.log, LOG_NOTICE, "zone %s: serial %u taken from its file", name,
                 serial);
    } else {
        log_line(auth->options.log, LOG_WARNING,
                 "zone %s: taken with the same serial %u; secondaries will not see a change", name,
                 serial);
    }
    auth_zone_publish(auth, zone, version);
    reading->version = NULL;
    if (is_news) {
        auth_notify_start(auth, zone, now, outbox);
    }
}

static bool is_read_from_file(const struct auth *auth, const struct auth_zone *zone)
{
    return auth->options.reload != NULL && zone->secondary == NULL && !zone->options.is_pushed;
}

static void reading_end(struct auth *auth, struct auth_reading *reading, struct moment now,
                        struct outbox *outbox)
{
    struct auth_zone *zone = reading->zone;
    if (zone != NULL) {
        zone->reading = NULL;
        bool is_stale = reading->is_stale || auth_zone_newest(zone) != reading->held;
        if (reading->version != NULL && !is_stale && is_read_from_file(auth, zone)) {
            take_version(auth, reading, now, outbox);
        } else if (is_stale) {
            auth_reload_zone(auth, zone, now, outbox);
        }
    }
    reading_free(reading);
}

static void reading_begin(struct auth *auth, struct auth_zone *zone, struct moment now,
                          struct outbox *outbox)
{
    struct auth_reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        log_line(auth->options.log, LOG_ERROR, "no memory to read the file of a zone");
        return;
    }
    struct zone *newest = auth_zone_newest(zone);
    reading->errand =
        (struct errand){.run = reading_run, .timer = auth_timer_id(AUTH_TIMER_SWEEP, 0)};
    reading->zone = zone;
    reading->auth = auth;
    reading->origin = zone->options.origin;
    name_copy_to(zone->options.name, &reading->buffer, &reading->name);
    reading->held = newest == NULL ? NULL : zone_hold(newest);
    if (auth->options.errands == NULL) {
        reading_run(&reading->errand);
        reading_end(auth, reading, now, outbox);
        return;
    }
    zone->reading = reading;
    reading->next = auth->readings;
    auth->readings = reading;
    auth->reading_count++;
    auth->options.errands->send(auth->options.errands->self, &reading->errand);
}

void auth_reload_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                      struct outbox *outbox)
{
    if (zone->secondary != NULL) {
        auth_secondary_wake(auth, zone, false, outbox);
    } else if (zone->reading != NULL) {
        zone->reading->is_stale = true;
    } else if (is_read_from_file(auth, zone)) {
        reading_begin(auth, zone, now, outbox);
    }
}

void auth_reading_drop(struct auth_zone *zone)
{
    if (zone->reading != NULL) {
        zone->reading->zone = NULL;
        zone->reading = NULL;
    }
}

/* What was read by now. */
static void take_readings(struct auth *auth, struct moment now, struct outbox *outbox)
{
    struct auth_reading **at = &auth->readings;
    struct auth_reading *done = NULL;
    while (*at != NULL) {
        struct auth_reading *reading = *at;
        if (reading->errand.is_done) {
            *at = reading->next;
            reading->next = done;
            done = reading;
            auth->reading_count--;
        } else {
            at = &reading->next;
        }
    }
    while (done != NULL) {
        struct auth_reading *next = done->next;
        reading_end(auth, done, now, outbox);
        done = next;
    }
}

void auth_readings_close(struct auth *auth)
{
    while (auth->readings != NULL) {
        struct auth_reading *next = auth->readings->next;
        reading_free(auth->readings);
        auth->readings = next;
    }
}

/* ------------------------------------------------------------------ what goes */

struct parting {
    struct errand errand; /* first */
    struct zone *version;
};

static void parting_run(struct errand *errand)
{
    struct parting *parting = (struct parting *)errand;
    zone_release(parting->version);
    free(parting);
}

void auth_release_version(const struct auth *auth, struct zone *version)
{
    bool is_large = version != NULL && zone_node_count(version) > LARGE_ZONE;
    struct parting *parting =
        auth->options.errands != NULL && is_large ? malloc(sizeof *parting) : NULL;
    if (parting == NULL) {
        zone_release(version);
        return;
    }
    *parting =
        (struct parting){.errand = {.run = parting_run, .is_left = true}, .version = version};
    auth->options.errands->send(auth->options.errands->self, &parting->errand);
}

/* ------------------------------------------------------------------ all zones */

/* The next portion; the rest follows when others have had their turn. */
static void sweep_on(struct auth *auth, struct moment now, struct outbox *outbox)
{
    size_t done = 0;
    for (; auth->sweep_next < auth->place_count && done < SWEEP_PORTION &&
           auth->reading_count < READINGS_MAX;
         auth->sweep_next++) {
        struct auth_zone *zone = auth->places[auth->sweep_next];
        if (zone == NULL || (zone->is_started && auth->sweep == SWEEP_START)) {
            continue;
        }
        done++;
        if (!zone->is_started) {
            auth_zone_start(auth, zone, now, outbox);
        } else {
            auth_reload_zone(auth, zone, now, outbox);
        }
    }
    bool is_over = auth->sweep_next >= auth->place_count;
    auth->sweep = is_over ? SWEEP_NONE : auth->sweep;
    if (!is_over && auth->reading_count < READINGS_MAX) {
        outbox_timer(outbox, auth_timer_id(AUTH_TIMER_SWEEP, 0), now.mono_ns);
    }
}

void auth_sweep_from(struct auth *auth, size_t place)
{
    bool is_new = auth->sweep == SWEEP_NONE;
    auth->sweep = is_new ? SWEEP_START : auth->sweep;
    auth->sweep_next = is_new || place < auth->sweep_next ? place : auth->sweep_next;
}

/* Another configuration waits until no file is read in the terms of this one. */
enum status auth_reload(struct auth *auth, struct moment now, struct outbox *outbox,
                        struct writer *text)
{
    if (auth->readings != NULL) {
        auth->is_reload_due = true;
        if (text != NULL) {
            writer_text(text, "files are being read; when that is over all is read again\n");
        }
        return OK;
    }
    const struct auth_manager *manager = &auth->options.manager;
    enum status status =
        manager->reconfigure == NULL ? OK : manager->reconfigure(manager->user, now, outbox, text);
    if (status == OK) {
        auth->sweep = SWEEP_RELOAD;
        auth->sweep_next = 0;
    }
    return status;
}

void auth_sweep(struct auth *auth, struct moment now, struct outbox *outbox)
{
    if (auth->readings != NULL) {
        take_readings(auth, now, outbox);
    }
    if (auth->is_reload_due && auth->readings == NULL) {
        auth->is_reload_due = false;
        (void)!auth_reload(auth, now, outbox, NULL); /* it was said why not */
    }
    if (auth->sweep != SWEEP_NONE) {
        sweep_on(auth, now, outbox);
    }
}
