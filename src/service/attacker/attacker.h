#pragma once
/* The network between a resolver and a name server, with an attacker on it: it passes every message
 * on, and when told to attack it answers address questions in the server's place with an address of
 * its own. Made for labs: it shows what S1 is about. */
#include "core/base/log.h"
#include "core/node/outbox.h"

enum { ATTACKER_ROUTES_MAX = 16 };

struct attacker_options {
    const struct log *log;
    /* What arrives at endpoint i is meant for servers[i]. */
    struct address servers[ATTACKER_ROUTES_MAX];
    size_t server_count;
    struct address own_ipv4; /* what A questions are answered with while attacking */
    struct address own_ipv6; /* and AAAA questions */
};

struct attacker;

enum status attacker_open(const struct attacker_options *options,
                          struct attacker **attacker) MUST_USE;
/* Control lines: `attack on`, `attack off`, `status`. */
void attacker_handle(void *state, const struct event *event, struct outbox *outbox);
void attacker_close(struct attacker *attacker);
