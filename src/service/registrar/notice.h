#pragma once
/* The one notice of each outcome: written with the outcome, sent until the mail server has it. */
#include "service/registrar/operation.h"

struct turn;

enum notice_state { NOTICE_QUEUED = 1, NOTICE_SENT = 2, NOTICE_REFUSED = 3 };

/* Puts the notice of a closed operation into the outbox, inside the caller's transaction. */
enum status notice_queue(struct turn *turn, const struct operation *operation) MUST_USE;
/* Hands what is due to the world, and sets the timer. */
void notice_pump(struct turn *turn);
void notice_take_result(struct turn *turn); /* EVENT_MAIL */
/* After a start: everything queued is due. */
enum status notice_wake_all(struct turn *turn) MUST_USE;
/* What became of an operation's notice: a few words; in the turn's scratch, never NULL. */
const char *notice_state_text(struct turn *turn, const char *operation);
/* The subject and the text of the notice. */
enum status notice_write(struct turn *turn, const struct operation *operation,
                         const struct domain *domain, const char **subject,
                         struct writer *text) MUST_USE;
