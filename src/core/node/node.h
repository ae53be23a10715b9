#pragma once
/* A service with its state, as worlds run it. */
#include "core/node/outbox.h"

struct node {
    void (*handle)(void *state, const struct event *event, struct outbox *outbox);
    void *state;
};
