#pragma once
/* Several services in one process: each keeps numbering its timers, asks and sessions as if it were
 * alone. The composer is no service of its own: its user decides which event goes to which member.
 */
#include "core/node/node.h"

enum { COMPOSE_MEMBERS_MAX = 4 };

struct compose {
    struct node members[COMPOSE_MEMBERS_MAX];
    struct outbox outboxes[COMPOSE_MEMBERS_MAX];
    size_t count;
};

void compose_open(struct compose *compose, const struct node *members, size_t count,
                  size_t scratch_size_max);
void compose_close(struct compose *compose);
/* Before an event: what the members sent at the last one is forgotten. */
void compose_begin(struct compose *compose);
/* The event as that member's own. */
void compose_send(struct compose *compose, size_t member, const struct event *event);
/* The member that a timer or an answer is for; the event's number becomes the member's own. */
size_t compose_find(const struct compose *compose, struct event *event);
/* After an event: all that the members want done, with numbers that lead back to them. Their bytes
 * live until compose_begin. */
void compose_end(struct compose *compose, struct outbox *outbox);
