#pragma once
/* What the operator may ask through the control socket. */
#include "service/registrar/operation.h"

struct turn;

void control_take(struct turn *turn); /* EVENT_CONTROL */
/* Answers whoever waits for that operation; an empty reason is success. */
void control_tell_outcome(struct turn *turn, const char *operation, const char *reason);
/* Answers those who have waited long enough. */
void control_take_timer(struct turn *turn);
