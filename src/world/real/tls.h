#pragma once
/* TLS on a connected socket, never blocking; GnuTLS behind it. */
#include "core/base/problem.h"
#include "world/real/world.h"

struct tls_identity; /* our certificate and key, and whom we believe */
struct tls;          /* one connection */

enum { TLS_DIGEST_SIZE = 32 };

enum tls_outcome {
    TLS_DONE,
    TLS_WAITS_TO_READ,
    TLS_WAITS_TO_WRITE,
    TLS_CLOSED,    /* the other side ended it */
    TLS_MISTRUSTED /* its certificate is not accepted, or ours is not by it */
};

/* For servers: `files.ca_file` non-NULL demands a client certificate signed by it; else one is
 * asked for and none is demanded. For clients: the CA that must have signed the server's; a
 * certificate of our own only where files are given. */
enum status tls_identity_open(struct world_tls files, bool is_server,
                              struct tls_identity **identity, struct problem *problem) MUST_USE;
void tls_identity_close(struct tls_identity *identity);

/* `host_name`: what the server's certificate must say; NULL on the server's side. The socket stays
 * the caller's. NULL without memory. */
struct tls *tls_open(struct tls_identity *identity, int fd, const char *host_name) MUST_USE;
void tls_close(struct tls *tls);
enum tls_outcome tls_handshake(struct tls *tls) MUST_USE;
/* `*len`: in the size of the room, out what was read (not 0 when DONE). */
enum tls_outcome tls_read(struct tls *tls, uint8_t *bytes, size_t *len) MUST_USE;
/* Octets that are decrypted already, which the socket's readiness will not tell. */
bool tls_has_read_ahead(const struct tls *tls);
/* After WAITS the same bytes must be given again. */
enum tls_outcome tls_write(struct tls *tls, struct span bytes, size_t *written) MUST_USE;
/* Says that we send no more. */
enum tls_outcome tls_finish(struct tls *tls) MUST_USE;
/* SHA-256 of the certificate that the other side showed; false when it showed none. */
bool tls_peer_digest(const struct tls *tls, uint8_t digest[TLS_DIGEST_SIZE]);
/* Why the handshake failed, for the log. */
const char *tls_reason(const struct tls *tls);
