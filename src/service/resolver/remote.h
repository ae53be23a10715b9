#pragma once
/* What an operator may ask and order over the control socket. */
#include "service/resolver/state.h"

void remote_handle(struct resolver *resolver, const struct event_control *control);
