/* Which zones a signer has: found by name, known by their place to timers and to each other, added,
 * changed and removed while it runs. What is kept of a zone on disk, its keys first of all,
 * outlives its removal: a zone that comes back goes on where it stopped. */
#include "service/signer/signal.h"

#include <stdlib.h>
#include <string.h>

enum { GATHERED_BYTES_MAX = 32 << 20 };

/* Where the zone of that name stands among those in order, or belongs. */
static size_t find_place(const struct signer *signer, struct name name)
{
    size_t from = 0, end = signer->zone_count;
    while (from < end) {
        size_t middle = from + (end - from) / 2;
        if (name_compare(signer->zones[middle]->options.name, name) < 0) {
            from = middle + 1;
        } else {
            end = middle;
        }
    }
    return from;
}

struct signer_zone *signer_find(struct signer *signer, struct name name)
{
    size_t at = find_place(signer, name);
    bool is_found = at < signer->zone_count && name_equal(signer->zones[at]->options.name, name);
    return is_found ? signer->zones[at] : NULL;
}

uint64_t signer_timer_id(const struct signer_zone *zone, enum signer_timer kind)
{
    return zone->index * SIGNER_TIMER_COUNT + (uint64_t)kind;
}

struct signer_zone *signer_timer_zone(const struct signer *signer, uint64_t timer,
                                      enum signer_timer *kind)
{
    uint64_t index = timer / SIGNER_TIMER_COUNT;
    *kind = (enum signer_timer)(timer % SIGNER_TIMER_COUNT);
    return index < signer->place_count ? signer->places[index] : NULL;
}

static bool reserve(struct signer *signer, size_t count)
{
    if (count <= signer->zone_size) {
        return true;
    }
    size_t size = count < 2 * signer->zone_size ? 2 * signer->zone_size : count;
    struct signer_zone **zones = realloc(signer->zones, size * sizeof(struct signer_zone *));
    if (zones == NULL) {
        return false;
    }
    signer->zones = zones;
    struct signer_zone **places = realloc(signer->places, size * sizeof(struct signer_zone *));
    if (places == NULL) {
        return false;
    }
    signer->places = places;
    signer->zone_size = size;
    return true;
}

static void set_options(struct signer_zone *zone, const struct signer_zone_options *options)
{
    struct name name = zone->options.name;
    zone->options = *options;
    zone->options.name = name;
}

/* In its place, but not in order yet. NULL without memory. */
static struct signer_zone *make_zone(struct signer *signer,
                                     const struct signer_zone_options *options)
{
    struct signer_zone *zone = calloc(1, sizeof *zone + options->name.len);
    if (zone == NULL || !reserve(signer, signer->zone_count + 1)) {
        free(zone);
        return NULL;
    }
    memcpy(zone->octets, options->name.octets, options->name.len);
    zone->options.name = options->name;
    zone->options.name.octets = zone->octets;
    set_options(zone, options);
    while (signer->place_free < signer->place_count && signer->places[signer->place_free] != NULL) {
        signer->place_free++;
    }
    zone->index = signer->place_free;
    signer->place_count += zone->index == signer->place_count;
    signer->places[signer->place_free++] = zone;
    arena_open(&zone->gathered_arena, GATHERED_BYTES_MAX);
    return zone;
}

static void free_zone(struct signer_zone *zone)
{
    keystore_close(&zone->keys);
    arena_close(&zone->gathered_arena);
    signal_close(zone);
    zone_release(zone->owner_data);
    zone_release(zone->signed_data);
    zone_release(zone->published);
    zone_release(zone->waiting);
    zone_history_release(&zone->history);
    zone_journal_close(zone->journal);
    free(zone);
}

static int compare_zones(const void *a, const void *b)
{
    const struct signer_zone *const *left = a;
    const struct signer_zone *const *right = b;
    return name_compare((*left)->options.name, (*right)->options.name);
}

/* ------------------------------------------------------------------ open and close */

enum status signer_open(const struct signer_options *options, struct signer **signer,
                        struct problem *problem)
{
    struct signer *made = calloc(1, sizeof *made);
    bool is_made = made != NULL && options->zone_count <= SIGNER_ZONES_MAX &&
                   reserve(made, options->zone_count);
    for (size_t i = 0; is_made && i < options->zone_count; i++) {
        struct signer_zone *zone = make_zone(made, &options->zones[i]);
        is_made = zone != NULL;
        made->zones[made->zone_count] = zone;
        made->zone_count += is_made;
    }
    if (!is_made) {
        signer_close(made);
        return problem_set(problem, NO_MEMORY, "no memory for %zu zones, or more than %d",
                           options->zone_count, SIGNER_ZONES_MAX);
    }
    made->options = *options;
    made->parallel = parallel_none();
    if (made->zone_count > 0) {
        qsort(made->zones, made->zone_count, sizeof(struct signer_zone *), compare_zones);
    }
    *signer = made;
    return OK;
}

void signer_use_threads(struct signer *signer, const struct parallel *parallel)
{
    signer->parallel = parallel;
}

void signer_close(struct signer *signer)
{
    if (signer == NULL) {
        return;
    }
    for (size_t i = 0; i < signer->zone_count; i++) {
        free_zone(signer->zones[i]);
    }
    table_close(&signer->signal_parents);
    free(signer->zones);
    free(signer->places);
    free(signer);
}

/* ------------------------------------------------------------------ while it runs */

enum status signer_add(struct signer *signer, const struct signer_zone_options *options,
                       struct moment now, struct outbox *outbox, struct problem *problem)
{
    if (signer_find(signer, options->name) != NULL) {
        return problem_set(problem, EXISTS, "the signer has the zone already");
    }
    struct signer_zone *zone =
        signer->zone_count < SIGNER_ZONES_MAX ? make_zone(signer, options) : NULL;
    if (zone == NULL) {
        return problem_set(problem, LIMIT_REACHED,
                           "the signer has no memory for the zone, or %d zones already",
                           SIGNER_ZONES_MAX);
    }
    size_t at = find_place(signer, options->name);
    memmove(signer->zones + at + 1, signer->zones + at,
            (signer->zone_count - at) * sizeof(struct signer_zone *));
    signer->zones[at] = zone;
    signer->zone_count++;
    if (!signer->is_started) {
        return OK;
    }
    if (signer_bring_back(signer, zone, now, outbox)) {
        signer_begin(signer, zone, now, outbox);
    }
    signal_join(signer, zone, now, outbox);
    if (zone->options.is_signalled) {
        signer_set_due_timers(signer, now, outbox);
    }
    return OK;
}

static bool is_same_file(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

enum status signer_change(struct signer *signer, const struct signer_zone_options *options,
                          struct moment now, struct outbox *outbox, struct problem *problem)
{
    struct signer_zone *zone = signer_find(signer, options->name);
    if (zone == NULL) {
        return problem_set(problem, NOT_FOUND, "the signer has no such zone");
    }
    signer_make_gathered(signer, zone, now, outbox); /* under the rules they came by */
    bool is_switched = options->is_signalled != zone->options.is_signalled;
    bool has_other_file = !is_same_file(options->file, zone->options.file);
    set_options(zone, options);
    if (is_switched) {
        signal_switch(signer, zone, now, outbox);
    }
    if (!signer->is_started || !zone->is_restored) {
        return OK; /* it begins with these */
    }
    enum status status = signer_read_state(signer, zone);
    if (status != OK) {
        return problem_set(problem, status, "its state cannot be read: %s", status_text(status));
    }
    bool wants_file = zone->options.file != NULL && (has_other_file || zone->owner_data == NULL);
    if (wants_file) {
        (void)!signer_load(signer, zone, now, outbox);
    } else if (signer_need_owner_data(signer, zone) == OK) {
        (void)signer_publish(signer, zone, NULL, now, outbox);
    }
    return OK;
}

enum status signer_remove(struct signer *signer, struct name name, struct moment now,
                          struct outbox *outbox)
{
    struct signer_zone *zone = signer_find(signer, name);
    if (zone == NULL) {
        return NOT_FOUND;
    }
    signer_make_gathered(signer, zone, now, outbox);
    for (int kind = 0; kind < SIGNER_TIMER_COUNT; kind++) {
        outbox_timer(outbox, signer_timer_id(zone, (enum signer_timer)kind), TIMER_NEVER_NS);
    }
    size_t at = find_place(signer, name);
    signer->zone_count--;
    memmove(signer->zones + at, signer->zones + at + 1,
            (signer->zone_count - at) * sizeof(struct signer_zone *));
    signer->places[zone->index] = NULL;
    signer->place_free = zone->index < signer->place_free ? zone->index : signer->place_free;
    signal_leave(signer, zone, now, outbox);
    free_zone(zone);
    return OK;
}
