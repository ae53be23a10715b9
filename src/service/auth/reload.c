/* How all zones get their turn, some at a time, when they are new or the operator wants what is
 * newest; and when another configuration may be taken. */
#include "service/auth/auth_state.h"

enum { SWEEP_PORTION = 64 }; /* what is done to all zones is done to so many at a time */

void auth_reload_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                      struct outbox *outbox)
{
    if (zone->secondary != NULL) {
        auth_secondary_wake(auth, zone, false, outbox);
    } else {
        auth_read_zone_again(auth, zone, now, outbox);
    }
}

/* The same for one of all: a file that did not change is not read. */
static void renew_zone(struct auth *auth, struct auth_zone *zone, struct moment now,
                       struct outbox *outbox)
{
    if (zone->secondary != NULL) {
        auth_secondary_wake(auth, zone, false, outbox);
    } else {
        auth_read_zone(auth, zone, now, outbox);
    }
}

/* The next portion; the rest follows when others have had their turn. */
static void sweep_on(struct auth *auth, struct moment now, struct outbox *outbox)
{
    size_t done = 0;
    for (; auth->sweep_next < auth->place_count && done < SWEEP_PORTION &&
           auth_has_room_to_read(auth);
         auth->sweep_next++) {
        struct auth_zone *zone = auth->places[auth->sweep_next];
        if (zone == NULL || (zone->is_started && auth->sweep == SWEEP_START)) {
            continue;
        }
        done++;
        if (!zone->is_started) {
            auth_zone_start(auth, zone, now, outbox);
        } else {
            renew_zone(auth, zone, now, outbox);
        }
    }
    bool is_over = auth->sweep_next >= auth->place_count;
    auth->sweep = is_over ? SWEEP_NONE : auth->sweep;
    if (!is_over && auth_has_room_to_read(auth)) {
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
        auth_readings_take(auth, now, outbox);
    }
    if (auth->is_reload_due && auth->readings == NULL) {
        auth->is_reload_due = false;
        (void)!auth_reload(auth, now, outbox, NULL); /* it was said why not */
    }
    if (auth->sweep != SWEEP_NONE) {
        sweep_on(auth, now, outbox);
    }
    auth_readings_send(auth, now, outbox);
}
