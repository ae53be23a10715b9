#pragma once
/* Letters on their way to the mail server: stored with what they tell of, sent until the mail
 * server has them. */
#include "core/base/span.h"
#include "core/base/status.h"

struct turn;

enum letter_state { LETTER_QUEUED = 1, LETTER_SENT = 2, LETTER_REFUSED = 3 };

struct letter {
    const char *about;      /* an operation's id, or the name of another occasion: once each */
    const char *recipient;  /* bare address */
    const char *message_id; /* without brackets; the same for a repetition */
    struct span message;    /* the whole of it */
};

/* Inside the caller's transaction. EXISTS: there is one about that already. */
enum status letter_queue(struct turn *turn, const struct letter *letter) MUST_USE;
/* Hands what is due to the world, and sets the timer. */
void letter_pump(struct turn *turn);
void letter_take_result(struct turn *turn); /* EVENT_MAIL */
/* After a start: everything queued is due. */
enum status letter_wake_all(struct turn *turn) MUST_USE;
/* What became of an operation's notice: a few words; in the turn's scratch, never NULL. */
const char *letter_state_text(struct turn *turn, const char *operation);
