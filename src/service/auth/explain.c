/* Why a zone has no version: told to who may have the zone, heard from a primary that tells it, and
 * said to the operator who waits for a zone that was added (RFC 8914: the text of an extended
 * error). */
#include "core/base/text.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_S = 100 }; /* less than who asks by the control socket waits for an answer */

struct auth_note {
    struct auth_note *next;
    const struct auth_zone *zone;
    size_t len;
    char text[AUTH_NOTE_LEN_MAX];
};

/* Where the pointer to the zone's note is, or NULL is. */
static struct auth_note **find_note(struct auth *auth, const struct auth_zone *zone)
{
    struct auth_note **at = &auth->notes;
    while (*at != NULL && (*at)->zone != zone) {
        at = &(*at)->next;
    }
    return at;
}

struct span auth_note_of(struct auth *auth, const struct auth_zone *zone)
{
    const struct auth_note *note = *find_note(auth, zone);
    return note == NULL ? SPAN_EMPTY : span_of(note->text, note->len);
}

void auth_note_drop(struct auth *auth, const struct auth_zone *zone)
{
    struct auth_note **at = find_note(auth, zone);
    struct auth_note *note = *at;
    if (note != NULL) {
        *at = note->next;
        free(note);
        auth->note_count--;
    }
}

/* Control characters of another server are not for a terminal. */
static void note_set(struct auth *auth, const struct auth_zone *zone, struct span text)
{
    struct auth_note **at = find_note(auth, zone);
    if (*at == NULL && auth->note_count < AUTH_NOTES_MAX) {
        *at = calloc(1, sizeof **at);
        auth->note_count += *at != NULL;
    }
    struct auth_note *note = *at;
    if (note == NULL) {
        return; /* the log has it */
    }
    note->zone = zone;
    note->len = text.len < sizeof note->text ? text.len : sizeof note->text;
    for (size_t i = 0; i < note->len; i++) {
        uint8_t octet = text.bytes[i];
        note->text[i] = octet < ' ' || octet == 0x7f ? ' ' : (char)octet;
    }
}

void auth_notes_close(struct auth *auth)
{
    while (auth->notes != NULL) {
        auth_note_drop(auth, auth->notes->zone);
    }
}

enum status auth_explain(struct auth *auth, struct name name, const char *sentence)
{
    const struct auth_zone *zone = auth_find_zone_exactly(auth, name);
    if (zone == NULL) {
        return NOT_FOUND;
    }
    if (auth_zone_newest(zone) == NULL) {
        note_set(auth, zone, span_of_text(sentence));
    }
    return OK;
}

void auth_hear_reason(struct auth *auth, const struct auth_zone *zone,
                      const struct message *message)
{
    struct span value;
    if (!zone->terms->asks_why || !edns_find(&message->edns, EDNS_OPTION_EDE, &value) ||
        value.len <= 2) {
        auth_note_drop(auth, zone);
        return;
    }
    note_set(auth, zone, span_part(value, 2, value.len - 2));
}

/* ------------------------------------------------------------------ who waits for a zone */

bool auth_wait_for(struct auth *auth, const struct auth_zone *zone, uint64_t request,
                   struct moment now, struct outbox *outbox)
{
    bool can_wait = zone->terms->asks_why && auth_zone_newest(zone) == NULL;
    for (size_t i = 0; can_wait && i < LEN(auth->waiting); i++) {
        if (auth->waiting[i].zone == NULL) {
            int64_t until_ns = now.mono_ns + (int64_t)WAIT_S * MOMENT_NS_PER_S;
            auth->waiting[i] = (struct auth_waiting){zone, request, until_ns};
            auth->waiting_count++;
            outbox_timer(outbox, auth_timer_id(AUTH_TIMER_WAITING, i), until_ns);
            return true;
        }
    }
    return false;
}

static void answer(struct auth *auth, struct auth_waiting *waiting, bool is_failure,
                   struct span text, struct outbox *outbox)
{
    struct span copy;
    if (arena_copy(&outbox->scratch, text, &copy) != OK) {
        copy = SPAN_EMPTY;
    }
    outbox_add(outbox, EFFECT_CONTROL)->control =
        (struct effect_control){waiting->request, is_failure, copy};
    outbox_timer(outbox, auth_timer_id(AUTH_TIMER_WAITING, (size_t)(waiting - auth->waiting)),
                 TIMER_NEVER_NS);
    *waiting = (struct auth_waiting){0};
    auth->waiting_count--;
}

void auth_waiting_drop(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox)
{
    for (size_t i = 0; auth->waiting_count > 0 && i < LEN(auth->waiting); i++) {
        if (auth->waiting[i].zone == zone) {
            answer(auth, &auth->waiting[i], true, SPAN_LITERAL("the zone was removed meanwhile\n"),
                   outbox);
        }
    }
}

/* Nothing of a zone that cannot be signed stays: it was never served. */
static void take_back(struct auth *auth, struct auth_waiting *waiting, struct moment now,
                      struct outbox *outbox)
{
    const struct auth_manager *manager = &auth->options.manager;
    char bytes[AUTH_NOTE_LEN_MAX + 64];
    struct writer text = writer_over(bytes, sizeof bytes);
    writer_text(&text, "not added: ");
    writer_span(&text, auth_note_of(auth, waiting->zone));
    writer_text(&text, "\n");
    struct auth_waiting gone = *waiting;
    waiting->zone = NULL; /* it does not wait for its own removal */
    uint8_t said[128];
    struct writer ignored = writer_over(said, sizeof said);
    bool is_removed = manager->remove != NULL &&
                      manager->remove(manager->user, gone.zone->name, now, outbox, &ignored) == OK;
    *waiting = gone;
    answer(auth, waiting, true,
           is_removed ? writer_written(&text)
                      : SPAN_LITERAL("added, but not served: see zone-status\n"),
           outbox);
}

void auth_waiting_settle(struct auth *auth, struct moment now, struct outbox *outbox)
{
    for (size_t i = 0; auth->waiting_count > 0 && i < LEN(auth->waiting); i++) {
        struct auth_waiting *waiting = &auth->waiting[i];
        if (waiting->zone == NULL) {
            continue;
        }
        if (auth_zone_newest(waiting->zone) != NULL) {
            answer(auth, waiting, false, SPAN_LITERAL("added\n"), outbox);
        } else if (auth_note_of(auth, waiting->zone).len > 0) {
            take_back(auth, waiting, now, outbox);
        } else if (now.mono_ns >= waiting->until_ns) {
            answer(auth, waiting, false,
                   SPAN_LITERAL("added; the signer has not handed it out yet, see zone-status\n"),
                   outbox);
        }
    }
}
