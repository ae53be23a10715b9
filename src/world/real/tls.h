#pragma once
/* TLS on a connected socket, never blocking, or inside of QUIC; GnuTLS behind it. */
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

/* What the connections are for: from that follow versions, certificates asked for, ALPN. */
enum tls_use {
    TLS_EPP_SERVER, /* with `ca_file` a client certificate signed by it is demanded; else one is
                       asked for, and none is demanded */
    TLS_EPP_CLIENT, /* `ca_file` has signed the server's certificate; our own where files are given
                     */
    TLS_DNS_SERVER, /* RFC 7858: ALPN "dot", tickets for resumption; clients show no certificate */
    TLS_HTTPS_SERVER, /* the same for HTTP/2 alone: ALPN "h2" */
    TLS_DNS_CLIENT,   /* RFC 9103: TLS 1.3 and ALPN "dot" alone; `ca_file` as above */
    TLS_DNS_ASKER,    /* as kdig asks: without `ca_file` any certificate is taken (RFC 8310 §5) */
    TLS_HTTPS_ASKER,
    TLS_QUIC_SERVER, /* RFC 9250: ALPN "doq"; QUIC has TLS 1.3 alone */
    TLS_QUIC_ASKER,
    TLS_USE_COUNT
};

/* The names of the files live as long as the identity. */
enum status tls_identity_open(struct world_tls files, enum tls_use use,
                              struct tls_identity **identity, struct problem *problem) MUST_USE;
/* Reads the files again, for connections opened from now on. What is wrong with them goes to the
 * log, and then all stays as it was. */
void tls_identity_reload(struct tls_identity *identity, const struct log *log);
void tls_identity_close(struct tls_identity *identity); /* after its connections; NULL is fine */

/* `host_name`: what the server's certificate must say; NULL on the server's side, and of an asker
 * to which any name is right. The socket stays
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
bool tls_is_1_3(const struct tls *tls); /* after the handshake */
/* Why the handshake failed, for the log. */
const char *tls_reason(const struct tls *tls);

/* The same for QUIC (RFC 9001), whose library drives the handshake and finds its connection by
 * `reference`, which lives as long as this. */
struct tls *tls_open_quic(struct tls_identity *identity, const char *host_name,
                          void *reference) MUST_USE;
void *tls_session(const struct tls *tls); /* as that library wants it */
/* A handshake that is done has agreed on a protocol: QUIC knows no other (RFC 9001 §8.1). */
bool tls_has_protocol(const struct tls *tls);
/* To a client that is done: what spares it the certificate next time; never early data. */
void tls_send_ticket(struct tls *tls);
/* Notes for tls_reason why QUIC could not shake hands; `alert`: what the other side said, or -1. */
enum tls_outcome tls_note_refusal(struct tls *tls, int alert);
