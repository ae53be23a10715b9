#pragma once
/* What there is to do between events: looks that are due, and what follows from their evidence. */
#include "service/registrar/operation.h"

struct turn;

/* Begins what is due, and sets the timer for what is not. */
void work_pump(struct turn *turn);
/* operation_close, and the word to whoever waits for the outcome. An empty reason is success. */
enum status work_close(struct turn *turn, const struct operation *operation, const char *reason,
                       const char *evidence, int64_t expires_s) MUST_USE;
