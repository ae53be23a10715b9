/* The life of a zone in a running server: how it comes, which of its versions is shown to the
 * threads that answer, how its options change and how it goes, without anybody having to wait. */
#include "core/zone/zone_journal.h"
#include "service/auth/auth_state.h"
#include "service/auth/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A view, and what it needs as long as somebody may read it. */
struct shown_view {
    struct auth_view view; /* first: the pointer to it is one to all of it; it holds its zone */
    struct shown_view *next_gone;
};

/* ------------------------------------------------------------------ versions */

struct zone *auth_zone_newest(const struct auth_zone *zone)
{
    return zone->history_count == 0 ? NULL : zone->history[zone->history_count - 1];
}

struct zone *auth_zone_version(const struct auth_zone *zone)
{
    return zone->is_expired ? NULL : auth_zone_newest(zone);
}

/* Most zones have one version, which stands in the zone itself. */
static bool history_grow(struct auth_zone *zone)
{
    size_t size = 2 * (size_t)zone->history_size;
    size = size > AUTH_HISTORY_MAX ? AUTH_HISTORY_MAX : size;
    if (zone->history_count < zone->history_size || size == zone->history_size) {
        return zone->history_count < zone->history_size;
    }
    bool is_first = zone->history == &zone->only;
    struct zone **history = realloc(is_first ? NULL : zone->history, size * sizeof(struct zone *));
    if (history == NULL) {
        return false;
    }
    history[0] = is_first ? zone->only : history[0];
    zone->history = history;
    zone->history_size = (uint8_t)size;
    return true;
}

static_assert(AUTH_HISTORY_MAX <= UINT8_MAX, "a history is counted in an octet");

void auth_zone_remember(struct auth *auth, struct auth_zone *zone, struct zone *version)
{
    if (!history_grow(zone)) {
        auth_release_version(auth, zone->history[0]);
        memmove(zone->history, zone->history + 1,
                (size_t)(zone->history_count - 1) * sizeof(struct zone *));
        zone->history_count--;
    }
    zone->history[zone->history_count++] = version;
    zone->is_expired = false;
    auth_note_drop(auth, zone);
    auth_catalog_changed(auth, zone);
}

void auth_zone_publish(struct auth *auth, struct auth_zone *zone, struct zone *version)
{
    auth_zone_remember(auth, zone, version);
    auth_zone_show(auth, zone);
}

static void view_free(const struct auth *auth, struct shown_view *shown)
{
    if (shown != NULL) {
        auth_release_version(auth, (struct zone *)(uintptr_t)shown->view.zone);
        free(shown);
    }
}

static struct auth_view *view_make(struct zone *version)
{
    struct shown_view *shown = version == NULL ? NULL : malloc(sizeof *shown);
    if (shown == NULL) {
        return NULL;
    }
    shown->next_gone = NULL;
    if (!auth_view_make(version, &shown->view)) {
        free(shown);
        return NULL;
    }
    (void)zone_hold(version);
    return &shown->view;
}

void auth_zone_show(struct auth *auth, struct auth_zone *zone)
{
    struct auth_view *view = zone->terms->is_private ? NULL : view_make(auth_zone_version(zone));
    struct shown_view *before = (struct shown_view *)atomic_exchange(&zone->view, view);
    if (before != NULL) {
        before->next_gone = auth->views_gone;
        auth->views_gone = before;
    }
}

/* ------------------------------------------------------------------ coming */

static enum status check_options(const struct auth_zone_options *options, struct problem *problem)
{
    if (options->notify_count > AUTH_NOTIFY_MAX || options->grant_count > AUTH_GRANTS_MAX) {
        char name[NAME_TEXT_MAX];
        return problem_set(problem, LIMIT_REACHED,
                           "the zone %.255s has more than %d servers to notify or more than "
                           "%d to transfer to",
                           name_print(options->name, name), AUTH_NOTIFY_MAX, AUTH_GRANTS_MAX);
    }
    return OK;
}

static bool is_secondary(const struct auth_zone_options *options)
{
    bool is_made_here = options->catalog != NULL && options->catalog->role == AUTH_CATALOG_GENERATE;
    return options->fixed == NULL && !options->is_pushed && !options->is_fixed_later &&
           !is_made_here;
}

bool auth_zone_is_kept(const struct auth_zone *zone)
{
    return zone->secondary != NULL ||
           (zone->terms->catalog != NULL && zone->terms->catalog->role == AUTH_CATALOG_GENERATE);
}

static struct auth_zone *zone_make(struct auth *auth, const struct auth_zone_options *options)
{
    uint8_t key[NAME_KEY_MAX];
    size_t key_len = name_key(options->name, key);
    struct auth_zone *zone = calloc(1, sizeof *zone + options->name.len + key_len);
    if (zone == NULL) {
        return NULL;
    }
    memcpy(zone->octets, key, key_len);
    zone->key_len = (uint16_t)key_len;
    memcpy(zone->octets + key_len, options->name.octets, options->name.len);
    zone->history = &zone->only;
    zone->history_size = 1;
    zone->name = options->name;
    zone->name.octets = zone->octets + key_len;
    zone->terms = auth_terms_hold(auth, options);
    bool is_good = zone->terms != NULL;
    if (is_good && is_secondary(options)) {
        zone->secondary = calloc(1, sizeof *zone->secondary);
        is_good = zone->secondary != NULL;
    }
    if (!is_good) {
        auth_terms_release(auth, zone->terms);
        free(zone);
        return NULL;
    }
    if (zone->secondary != NULL) {
        zone->secondary->timer_ns = TIMER_NEVER_NS;
    }
    return zone;
}

void auth_zone_free(struct auth *auth, struct auth_zone *zone)
{
    auth_secondary_close(zone);
    zone_journal_close(zone->journal);
    view_free(auth, (struct shown_view *)atomic_load(&zone->view));
    for (size_t i = 0; i < zone->history_count; i++) {
        auth_release_version(auth, zone->history[i]);
    }
    if (zone->history != &zone->only) {
        free(zone->history);
    }
    free(zone->notify);
    free(zone->membership);
    auth_terms_release(auth, zone->terms);
    zonefile_seen_close(&zone->seen);
    free(zone);
}

enum status auth_zone_make(struct auth *auth, const struct auth_zone_options *options,
                           struct problem *problem)
{
    char name[NAME_TEXT_MAX];
    enum status status = check_options(options, problem);
    if (status != OK) {
        return status;
    }
    if (atomic_load(&auth->table) != NULL && auth_find_zone_exactly(auth, options->name) != NULL) {
        return problem_set(problem, EXISTS, "the zone %.255s is given twice",
                           name_print(options->name, name));
    }
    if (auth->zone_count >= AUTH_ZONES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "more than %d zones", AUTH_ZONES_MAX);
    }
    struct auth_zone *zone = zone_make(auth, options);
    status = zone == NULL ? NO_MEMORY : OK;
    if (status == OK && options->fixed != NULL) {
        auth_zone_publish(auth, zone, zone_hold(options->fixed));
    }
    if (status == OK && options->seen != NULL) {
        zone->seen = *options->seen;
        *options->seen = (struct zonefile_seen){0};
    }
    status = status == OK ? auth_catalog_join(auth, zone) : status;
    if (status == OK) {
        status = auth_zones_put(auth, zone);
        if (status != OK) {
            auth_catalog_leave(auth, zone);
        }
    }
    if (status != OK) {
        if (zone != NULL) {
            auth_zone_free(auth, zone);
        }
        return problem_set(problem, status, "no memory for the zone %.255s",
                           name_print(options->name, name));
    }
    return OK;
}

void auth_zone_load(struct auth *auth, struct auth_zone *zone, struct moment now)
{
    char name[NAME_TEXT_MAX];
    auth_load_zone(auth, zone);
    if (auth_zone_newest(zone) != NULL) {
        const struct zone *version = auth_zone_newest(zone);
        log_line(auth->options.log, LOG_NOTICE, "zone %s: serial %u as kept on disk",
                 name_print(zone->name, name), zone_serial(version));
        auth_tell_taken(auth, version, now);
    }
    if (zone->secondary != NULL) {
        auth_secondary_resume(auth, zone, now);
    } else {
        auth_zone_show(auth, zone);
    }
}

void auth_zone_start(struct auth *auth, struct auth_zone *zone, struct moment now,
                     struct outbox *outbox)
{
    zone->is_started = true;
    if (zone->secondary != NULL) {
        auth_secondary_start(auth, zone, outbox);
    } else if (auth_zone_newest(zone) == NULL && zone->reading == NULL) {
        auth_read_zone(auth, zone, now, outbox);
    } else if (auth_zone_newest(zone) != NULL && !zone->terms->is_pushed) {
        auth_notify_start(auth, zone, now, outbox);
    }
}

enum status auth_add(struct auth *auth, const struct auth_zone_options *options, struct moment now,
                     struct problem *problem)
{
    enum status status = auth_zone_make(auth, options, problem);
    if (status != OK || !auth->is_started) {
        return status;
    }
    struct auth_zone *zone = auth_find_zone_exactly(auth, options->name);
    if (auth_zone_is_kept(zone)) {
        auth_zone_load(auth, zone, now);
    }
    auth_sweep_from(auth, zone->index);
    return OK;
}

/* ------------------------------------------------------------------ changing */

static bool is_same_key(const struct tsig_key *a, const struct tsig_key *b)
{
    return name_equal(a->name, b->name) && a->algorithm == b->algorithm &&
           span_equal(a->secret, b->secret);
}

static bool is_same_peer(const struct auth_peer *a, const struct auth_peer *b)
{
    bool has_same_key =
        a->key == NULL || b->key == NULL ? a->key == b->key : is_same_key(a->key, b->key);
    return has_same_key && address_equal_host(a->address, b->address) &&
           a->address.port == b->address.port && a->is_tls == b->is_tls &&
           a->tls_peer == b->tls_peer;
}

static bool has_same_targets(const struct auth_zone_options *a, const struct auth_zone_options *b)
{
    bool is_same = a->notify_count == b->notify_count;
    for (size_t i = 0; is_same && i < a->notify_count; i++) {
        is_same = is_same_peer(&a->notify[i], &b->notify[i]);
    }
    return is_same;
}

/* What the new options say of it; its name and versions stay, and who has not answered NOTIFY is
 * told again. */
static enum status take_options(struct auth *auth, struct auth_zone *zone,
                                const struct auth_zone_options *options, struct outbox *outbox)
{
    const struct auth_zone_options *terms = auth_terms_hold(auth, options);
    if (terms == NULL) {
        return NO_MEMORY;
    }
    const struct auth_zone_options *before = zone->terms;
    if (!has_same_targets(before, terms)) {
        auth_notify_drop(zone, outbox);
    }
    enum status status = auth_catalog_rejoin(auth, zone, terms);
    auth_terms_release(auth, before);
    return status;
}

/* From a primary to a file or the other way: what was served goes on being served until the new
 * source has something. */
static enum status change_source(struct auth *auth, struct auth_zone *zone,
                                 const struct auth_zone_options *options, struct moment now,
                                 struct outbox *outbox)
{
    zonefile_seen_close(&zone->seen);
    if (!is_secondary(options)) {
        auth_secondary_drop(auth, zone, outbox);
        auth_forget_zone(auth, zone);
        free(zone->secondary);
        zone->secondary = NULL;
        return OK;
    }
    zone->secondary = calloc(1, sizeof *zone->secondary);
    if (zone->secondary == NULL) {
        return NO_MEMORY;
    }
    auth_forget_zone(auth, zone);
    zone->secondary->timer_ns = TIMER_NEVER_NS;
    zone->secondary->is_full_next = true;
    zone->secondary->confirmed_wall_s = moment_wall_s(now);
    return OK;
}

enum status auth_change(struct auth *auth, const struct auth_zone_options *options,
                        struct moment now, struct outbox *outbox, struct problem *problem)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, options->name);
    enum status status = zone == NULL ? NOT_FOUND : check_options(options, problem);
    if (status != OK) {
        return status;
    }
    bool was_secondary = zone->secondary != NULL;
    bool has_other_primary =
        was_secondary && !is_same_peer(&zone->terms->primary, &options->primary);
    if (was_secondary != is_secondary(options)) {
        status = change_source(auth, zone, options, now, outbox);
    } else if (has_other_primary) {
        auth_secondary_drop(auth, zone, outbox);
        zone->secondary->is_full_next = true; /* its serials may have nothing to do with ours */
    }
    if (status != OK) {
        return problem_set(problem, status, "no memory to change a zone");
    }
    if (options->mark != zone->terms->mark) {
        free(zone->membership); /* another has it than a catalog */
        zone->membership = NULL;
    }
    status = take_options(auth, zone, options, outbox);
    if (status != OK) {
        return problem_set(problem, status, "no memory to change a zone");
    }
    if (options->fixed != NULL) {
        zonefile_seen_close(&zone->seen);
        auth_zone_publish(auth, zone, zone_hold(options->fixed));
        auth_notify_start(auth, zone, now, outbox);
    }
    if (auth->is_started && zone->secondary != NULL && !was_secondary) {
        auth_zone_load(auth, zone, now); /* nothing, but from now on it is kept */
        auth_secondary_start(auth, zone, outbox);
    } else if (auth->is_started && has_other_primary) {
        auth_secondary_wake(auth, zone, true, outbox);
    }
    return OK;
}

static const struct tsig_key *key_again(const struct auth *auth, const struct tsig_key *key)
{
    for (size_t i = 0; key != NULL && i < auth->options.key_count; i++) {
        if (is_same_key(&auth->options.keys[i], key)) {
            return &auth->options.keys[i];
        }
    }
    return NULL;
}

static void set_session_keys(struct auth *auth, struct moment now, struct outbox *outbox)
{
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        struct auth_stream *stream = &auth->streams[i];
        bool is_signed = stream->transfer != NULL && stream->is_signed;
        const struct tsig_key *key = is_signed ? key_again(auth, stream->session.key) : NULL;
        if (key != NULL) {
            stream->session.key = key;
        } else if (is_signed) {
            auth_stream_end(stream, outbox);
        }
    }
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        struct auth_forward *forward = &auth->forwards[i];
        if (forward->state == FORWARD_FREE) {
            continue;
        }
        const struct tsig_key *key = key_again(auth, forward->session.key);
        if (key == NULL) {
            auth_update_drop(auth, forward->zone, now, outbox);
        } else {
            forward->session.key = key;
        }
    }
}

/* Who was told with a key that is gone is told no more. */
static void set_notify_keys(const struct auth *auth, struct auth_zone *zone, struct outbox *outbox)
{
    bool has_targets = zone != NULL && zone->notify != NULL;
    for (size_t i = 0; has_targets && i < zone->terms->notify_count; i++) {
        struct tsig_session *session = &zone->notify[i].session;
        const struct tsig_key *key = key_again(auth, session->key);
        if (session->key != NULL && key == NULL) {
            auth_notify_drop(zone, outbox);
            return;
        }
        session->key = key;
    }
}

void auth_set_keys(struct auth *auth, const struct tsig_key *keys, size_t count, struct moment now,
                   struct outbox *outbox)
{
    auth->options.keys = keys;
    auth->options.key_count = count;
    set_session_keys(auth, now, outbox);
    for (size_t i = 0; i < auth->place_count; i++) {
        struct auth_zone *zone = auth->places[i];
        set_notify_keys(auth, zone, outbox);
        struct secondary *secondary = zone == NULL ? NULL : zone->secondary;
        if (secondary == NULL || secondary->ask == 0 || secondary->session.key == NULL) {
            continue;
        }
        const struct tsig_key *key = key_again(auth, secondary->session.key);
        if (key == NULL) {
            auth_secondary_drop(auth, zone, outbox);
        } else {
            secondary->session.key = key;
        }
    }
}

bool auth_zone_options_of(const struct auth *auth, struct name name,
                          struct auth_zone_options *options)
{
    const struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    if (zone != NULL) {
        *options = auth_zone_options(zone);
    }
    return zone != NULL;
}

bool auth_zone_is_served(const struct auth *auth, struct name name)
{
    const struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    return zone != NULL && auth_zone_version(zone) != NULL;
}

void auth_each_zone(struct auth *auth,
                    void (*each)(void *user, const struct auth_zone_options *options), void *user)
{
    for (size_t i = 0; i < auth->place_count; i++) {
        if (auth->places[i] != NULL) {
            struct auth_zone_options options = auth_zone_options(auth->places[i]);
            each(user, &options);
        }
    }
}

/* ------------------------------------------------------------------ going */

enum status auth_remove(struct auth *auth, struct name name, struct moment now,
                        struct outbox *outbox)
{
    struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    if (zone == NULL) {
        return NOT_FOUND;
    }
    auth_catalog_leave(auth, zone);
    auth_zones_take_out(auth, zone);
    auth_reading_drop(zone);
    auth_stream_drop(auth, zone, outbox);
    auth_update_drop(auth, zone, now, outbox);
    auth_waiting_drop(auth, zone, outbox);
    auth_note_drop(auth, zone);
    auth_notify_drop(zone, outbox);
    auth_parent_drop(auth, zone, outbox);
    if (zone->secondary != NULL) {
        auth_secondary_drop(auth, zone, outbox);
    }
    if (auth_zone_is_kept(zone)) {
        auth_forget_zone(auth, zone);
    }
    zone->next_gone = auth->zones_gone;
    auth->zones_gone = zone;
    return OK;
}

void auth_let_go(struct auth *auth)
{
    bool has_gone =
        auth->zones_gone != NULL || auth->views_gone != NULL || auth->tables_gone != NULL;
    if (!has_gone) {
        return;
    }
    const struct grace *grace = auth->options.grace;
    if (grace != NULL) {
        grace->wait(grace->self);
    }
    while (auth->views_gone != NULL) {
        struct shown_view *next = auth->views_gone->next_gone;
        view_free(auth, auth->views_gone);
        auth->views_gone = next;
    }
    while (auth->zones_gone != NULL) {
        struct auth_zone *next = auth->zones_gone->next_gone;
        auth_zone_free(auth, auth->zones_gone);
        auth->zones_gone = next;
    }
    auth_zones_let_go(auth);
}
