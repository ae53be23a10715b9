/* What the two kinds of connections have in common. */
#include "world/real/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum tls_outcome wire_shake_hands(const struct wire *wire)
{
    return wire->tls == NULL ? TLS_DONE : tls_handshake(wire->tls);
}

enum tls_outcome wire_read(const struct wire *wire, uint8_t *bytes, size_t *len)
{
    if (wire->tls != NULL) {
        return tls_read(wire->tls, bytes, len);
    }
    ssize_t got = recv(wire->fd, bytes, *len, 0);
    *len = got > 0 ? (size_t)got : 0;
    if (got > 0) {
        return TLS_DONE;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? TLS_WAITS_TO_READ : TLS_CLOSED;
}

bool wire_has_read_ahead(const struct wire *wire)
{
    return wire->tls != NULL && tls_has_read_ahead(wire->tls);
}

enum tls_outcome wire_write(const struct wire *wire, struct span bytes, size_t *written)
{
    if (wire->tls != NULL) {
        return tls_write(wire->tls, bytes, written);
    }
    ssize_t sent = send(wire->fd, bytes.bytes, bytes.len, MSG_NOSIGNAL);
    *written = sent > 0 ? (size_t)sent : 0;
    if (sent >= 0) {
        return TLS_DONE;
    }
    return errno == EAGAIN || errno == EINTR ? TLS_WAITS_TO_WRITE : TLS_CLOSED;
}

void wire_close(struct wire *wire)
{
    if (wire->tls != NULL) {
        enum tls_outcome courtesy = tls_finish(wire->tls);
        (void)courtesy; /* which a full socket may refuse */
        tls_close(wire->tls);
    }
    if (wire->fd >= 0) {
        close(wire->fd);
    }
    *wire = (struct wire){.fd = -1};
}
