/* How zone files are read while the server runs: beside the service, many small ones in one errand,
 * each compared with the version that is served, so that it costs the memory of what differs, and a
 * file that is what it was when it was read last is not read again. */
#include "core/base/arena.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>

enum {
    ERRAND_ZONES_MAX = 64,
    ERRAND_WEIGHT_MAX = 64, /* of its zones; one that is as heavy goes alone */
    WEIGHT_SMALL = 1,
    WEIGHT_UNKNOWN = 8, /* it was never read */
    ERRANDS_MAX = 4,    /* at once: one is done, others wait so that it never does */
    LARGE_ZONE = 1024,  /* names; a version of more is freed beside the service too */
};

/* A file that is being read. */
struct auth_reading {
    struct auth_zone *zone;  /* NULL: it went meanwhile */
    bool is_stale;           /* asked for once more: the file may have been read before that */
    bool has_request;        /* somebody waits for what comes of it */
    uint64_t request;        /* of EVENT_CONTROL */
    struct zone *held;       /* what the zone has; NULL: nothing */
    struct name_buffer name; /* what the errand reads and writes: */
    struct auth_file file;
    size_t differing; /* names, from `held` */
};

struct auth_reading_errand {
    struct errand errand; /* first */
    struct auth_reading_errand *next;
    const struct auth *auth;
    size_t weight;
    size_t count;
    struct auth_reading readings[ERRAND_ZONES_MAX];
};

/* ------------------------------------------------------------------ the errand */

static void read_file(const struct auth_options *options, struct auth_reading *reading)
{
    struct auth_file *file = &reading->file;
    options->reload(options->reload_user, file);
    reading->differing = 1;
    if (file->version != NULL && reading->held != NULL) {
        struct zone *whole = file->version;
        file->version = zone_share(reading->held, whole, &reading->differing);
        zone_release(whole);
        if (zone_node_count(reading->held) > LARGE_ZONE) {
            arena_return_free();
        }
    }
}

static void run(struct errand *errand)
{
    struct auth_reading_errand *work = (struct auth_reading_errand *)errand;
    for (size_t i = 0; i < work->count; i++) {
        read_file(&work->auth->options, &work->readings[i]);
    }
}

/* ------------------------------------------------------------------ what comes of it */

/* A zone whose file could not be read before gets its first version, others the next. False: what
 * the file says is not served. */
static bool take_version(struct auth *auth, struct auth_reading *reading, struct moment now,
                         struct outbox *outbox)
{
    char name[NAME_TEXT_MAX];
    struct auth_zone *zone = reading->zone;
    struct zone *version = reading->file.version;
    uint32_t before = reading->held == NULL ? 0 : zone_serial(reading->held);
    uint32_t serial = zone_serial(version);
    bool is_news = reading->held == NULL || serial != before;
    if (!is_news && reading->differing == 0) {
        return true;
    }
    name_print(zone->name, name);
    if (reading->held != NULL && serial_is_newer(before, serial)) {
        log_line(auth->options.log, LOG_ERROR,
                 "zone %s: the file's serial %u is lower than %u; it was not taken", name, serial,
                 before);
        return false;
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
    reading->file.version = NULL;
    if (is_news) {
        auth_notify_start(auth, zone, now, outbox);
    }
    return true;
}

static void answer_request(const struct auth_reading *reading, struct outbox *outbox)
{
    const struct auth_zone *zone = reading->zone;
    bool is_served = zone != NULL && auth_zone_version(zone) != NULL;
    const char *text = zone == NULL ? "the zone went before its file was read\n"
                       : is_served  ? "added\n"
                                    : "added; its file cannot be read yet, see the log\n";
    outbox_add(outbox, EFFECT_CONTROL)->control = (struct effect_control){
        .request = reading->request, .is_failure = zone == NULL, .text = span_of_text(text)};
}

static bool is_read_from_file(const struct auth *auth, const struct auth_zone *zone)
{
    return auth->options.reload != NULL && zone->secondary == NULL && !zone->terms->is_pushed &&
           !auth_zone_is_kept(zone);
}

/* What is asked for of a zone's file. */
struct wish {
    bool is_forced; /* it is read whether it changed or not */
    bool has_request;
    uint64_t request;
};

/* Gathered until auth_readings_send, or until there are enough for an errand; false without memory.
 */
static bool reading_add(struct auth *auth, struct auth_zone *zone, struct wish wish,
                        struct moment now, struct outbox *outbox);

static void reading_end(struct auth *auth, struct auth_reading *reading, struct moment now,
                        struct outbox *outbox)
{
    struct auth_zone *zone = reading->zone;
    struct auth_file *file = &reading->file;
    bool is_again = false;
    if (zone != NULL) {
        zone->reading = NULL;
        bool is_stale = reading->is_stale || auth_zone_newest(zone) != reading->held;
        const struct wish again = {true, reading->has_request, reading->request};
        if (is_stale) {
            is_again = is_read_from_file(auth, zone) && reading_add(auth, zone, again, now, outbox);
        } else if (is_read_from_file(auth, zone) &&
                   (file->is_same ||
                    (file->version != NULL && take_version(auth, reading, now, outbox)))) {
            zone->seen = file->seen;
            file->seen = (struct zonefile_seen){0};
        }
    }
    if (reading->has_request && !is_again) {
        answer_request(reading, outbox);
    }
}

static void errand_free(struct auth_reading_errand *errand)
{
    for (size_t i = 0; errand != NULL && i < errand->count; i++) {
        struct auth_reading *reading = &errand->readings[i];
        zone_release(reading->held);
        zone_release(reading->file.version);
        zonefile_seen_close(&reading->file.seen);
    }
    free(errand);
}

static void errand_end(struct auth *auth, struct auth_reading_errand *errand, struct moment now,
                       struct outbox *outbox)
{
    for (size_t i = 0; i < errand->count; i++) {
        reading_end(auth, &errand->readings[i], now, outbox);
    }
    errand_free(errand);
}

/* ------------------------------------------------------------------ asking for it */

/* What was gathered so far goes on its way. */
void auth_readings_send(struct auth *auth, struct moment now, struct outbox *outbox)
{
    struct auth_reading_errand *errand = auth->readings_open;
    if (errand == NULL) {
        return;
    }
    auth->readings_open = NULL;
    if (auth->options.errands == NULL) {
        run(&errand->errand);
        errand_end(auth, errand, now, outbox);
        return;
    }
    errand->next = auth->readings;
    auth->readings = errand;
    auth->reading_count++;
    auth->options.errands->send(auth->options.errands->self, &errand->errand);
}

static size_t weight_of(const struct auth_zone *zone)
{
    const struct zone *newest = auth_zone_newest(zone);
    return newest == NULL                          ? WEIGHT_UNKNOWN
           : zone_node_count(newest) <= LARGE_ZONE ? WEIGHT_SMALL
                                                   : ERRAND_WEIGHT_MAX;
}

/* The errand that takes the zone with it; NULL without memory. */
static struct auth_reading_errand *errand_for(struct auth *auth, size_t weight, struct moment now,
                                              struct outbox *outbox)
{
    struct auth_reading_errand *open = auth->readings_open;
    if (open != NULL &&
        (open->weight + weight > ERRAND_WEIGHT_MAX || open->count == ERRAND_ZONES_MAX)) {
        auth_readings_send(auth, now, outbox);
    }
    if (auth->readings_open == NULL) {
        auth->readings_open = calloc(1, sizeof *auth->readings_open);
        if (auth->readings_open == NULL) {
            log_line(auth->options.log, LOG_ERROR, "no memory to read the file of a zone");
            return NULL;
        }
        auth->readings_open->auth = auth;
        auth->readings_open->errand =
            (struct errand){.run = run, .timer = auth_timer_id(AUTH_TIMER_SWEEP, 0)};
    }
    auth->readings_open->weight += weight;
    return auth->readings_open;
}

static bool reading_add(struct auth *auth, struct auth_zone *zone, struct wish wish,
                        struct moment now, struct outbox *outbox)
{
    struct auth_reading_errand *errand = errand_for(auth, weight_of(zone), now, outbox);
    if (errand == NULL) {
        return false;
    }
    struct zone *newest = auth_zone_newest(zone);
    struct auth_reading *reading = &errand->readings[errand->count++];
    reading->zone = zone;
    reading->has_request = wish.has_request;
    reading->request = wish.request;
    reading->held = newest == NULL ? NULL : zone_hold(newest);
    reading->file = (struct auth_file){
        .origin = zone->terms->origin, .is_forced = wish.is_forced, .seen = zone->seen};
    name_copy_to(zone->name, &reading->name, &reading->file.name);
    zone->seen = (struct zonefile_seen){0}; /* until it is read */
    zone->reading = reading;
    return true;
}

void auth_read_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                    struct outbox *outbox)
{
    if (zone->reading != NULL) {
        zone->reading->is_stale = true;
    } else if (is_read_from_file(auth, zone)) {
        (void)!reading_add(auth, zone, (struct wish){0}, now, outbox);
    }
}

void auth_read_zone_again(struct auth *auth, struct auth_zone *zone, struct moment now,
                          struct outbox *outbox)
{
    if (zone->reading != NULL) {
        zone->reading->is_stale = true;
    } else if (is_read_from_file(auth, zone)) {
        (void)!reading_add(auth, zone, (struct wish){.is_forced = true}, now, outbox);
        auth_readings_send(auth, now, outbox);
    }
}

bool auth_read_zone_for(struct auth *auth, struct auth_zone *zone, uint64_t request,
                        struct moment now, struct outbox *outbox)
{
    struct wish wish = {.has_request = true, .request = request};
    bool is_begun = zone->reading == NULL && auth_zone_newest(zone) == NULL &&
                    is_read_from_file(auth, zone) && reading_add(auth, zone, wish, now, outbox);
    if (is_begun) {
        auth_readings_send(auth, now, outbox);
    }
    return is_begun;
}

bool auth_has_room_to_read(const struct auth *auth)
{
    return auth->reading_count < ERRANDS_MAX;
}

void auth_reading_drop(struct auth_zone *zone)
{
    if (zone != NULL && zone->reading != NULL) {
        zone->reading->zone = NULL;
        zone->reading = NULL;
    }
}

void auth_readings_take(struct auth *auth, struct moment now, struct outbox *outbox)
{
    struct auth_reading_errand **at = &auth->readings;
    struct auth_reading_errand *done = NULL;
    while (*at != NULL) {
        struct auth_reading_errand *errand = *at;
        if (errand->errand.is_done) {
            *at = errand->next;
            errand->next = done;
            done = errand;
            auth->reading_count--;
        } else {
            at = &errand->next;
        }
    }
    while (done != NULL) {
        struct auth_reading_errand *next = done->next;
        errand_end(auth, done, now, outbox);
        done = next;
    }
}

void auth_readings_close(struct auth *auth)
{
    errand_free(auth->readings_open);
    while (auth->readings != NULL) {
        struct auth_reading_errand *next = auth->readings->next;
        errand_free(auth->readings);
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
