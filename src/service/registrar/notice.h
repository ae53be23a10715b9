#pragma once
/* The words of the notices: the one of each outcome, and those of turns of a chain of trust. */
#include "service/registrar/operation.h"

struct turn;

/* Puts the notice of a closed operation into the outbox, inside the caller's transaction. */
enum status notice_queue(struct turn *turn, const struct operation *operation) MUST_USE;
/* The subject and the text of the notice. */
enum status notice_write(struct turn *turn, const struct operation *operation,
                         const struct domain *domain, const char **subject,
                         struct writer *text) MUST_USE;

/* A turn of a domain's chain of trust that its registrant is told of. */
enum chain_turn {
    CHAIN_TURN_NONE,
    CHAIN_TURN_BROKEN,   /* secure before, bogus now */
    CHAIN_TURN_SECURE,   /* broken before, secure now */
    CHAIN_TURN_INSECURE, /* broken before, answered without protection now */
    CHAIN_TURN_COUNT
};
/* Likewise; `chain_reason` of the domain is what was seen now. */
enum status notice_queue_turn(struct turn *turn, const struct domain *domain,
                              enum chain_turn chain_turn) MUST_USE;
