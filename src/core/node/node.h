#pragma once
/* A service with its state, as worlds run it. */
#include "core/node/outbox.h"

/* A DNS message that came by UDP, and room for an answer. */
struct datagram {
    struct address peer;
    struct span message;
    uint8_t *reply;
    size_t reply_size;
    size_t reply_len; /* set by the service; 0: the message comes as an EVENT_QUERY */
    bool is_dropped;  /* set by the service: nothing comes, and no reply goes out */
};
enum { DATAGRAMS_MAX = 64 }; /* at once */

struct node {
    void (*handle)(void *state, const struct event *event, struct outbox *outbox);
    void *state;
    /* May be NULL. Answers at once what needs nothing but what is published: from bytes to bytes,
     * without an event or an effect. Many at a time, so that waiting for memory is shared. */
    void (*answer)(void *state, struct moment now, struct datagram *datagrams, size_t count);
};
