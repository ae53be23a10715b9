#pragma once
/* A connected socket that carries a stream, plain or under TLS, and never blocks. */
#include "world/real/tls.h"

struct wire {
    int fd;
    struct tls *tls; /* NULL: plain */
};

/* Of a plain one: done at once. */
enum tls_outcome wire_shake_hands(const struct wire *wire) MUST_USE;
/* `*len`: in the size of the room, out what was read (not 0 when DONE). */
enum tls_outcome wire_read(const struct wire *wire, uint8_t *bytes, size_t *len) MUST_USE;
/* Octets that were read from the socket already, whose readiness does not tell of them. */
bool wire_has_read_ahead(const struct wire *wire);
/* After WAITS what is written next begins with the same bytes. */
enum tls_outcome wire_write(const struct wire *wire, struct span bytes, size_t *written) MUST_USE;
/* Says goodbye where the protocol has one, and frees all; a closed wire has the descriptor -1. */
void wire_close(struct wire *wire);
