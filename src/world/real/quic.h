#pragma once
/* One QUIC connection (RFC 9000), of either side and without a socket: datagrams in, octets of
 * streams out, and back; libngtcp2 behind it. What a hostile peer may cost is bounded here. */
#include "core/base/entropy.h"
#include "world/real/memory.h"
#include "world/real/quic_gate.h"
#include "world/real/tls.h"

struct quic;        /* one connection */
struct quic_stream; /* of it, in both directions */

/* Called while a datagram is read; none of these may give a connection up. */
struct quic_owner {
    /* What came on a stream, in order, each octet once. */
    void (*take)(void *owner, struct quic_stream *stream, struct span bytes, bool is_last);
    /* The other side says nothing more on it, and what it said is not whole. */
    void (*cut)(void *owner, struct quic_stream *stream);
    /* It is closed, and no more than a place in memory until this returns. */
    void (*gone)(void *owner, struct quic_stream *stream);
    /* The connection is found by this ID from now on, or no longer. NULL on the client's side. */
    void (*name)(void *owner, uint64_t id, bool is_known);
    void *owner;
};

struct quic_options {
    struct tls_identity *identity; /* of TLS_QUIC_SERVER or TLS_QUIC_ASKER */
    const char *host_name;         /* as in tls_open */
    const struct entropy *entropy; /* these two live as long as the connection */
    const struct quic_keys *keys;
    uint32_t streams;      /* of the other side that may be open at once; more by quic_grant */
    uint32_t handshake_ms; /* it must be done within this */
    uint32_t idle_ms;      /* without any datagram it is over then; nobody is told */
};

/* A client's hello that quic_judge_hello calls new. NULL without memory, or for a hello that is
 * none after all; `owner->name` is called at once. */
struct quic *quic_open_server(const struct quic_options *options, const struct quic_owner *owner,
                              const struct quic_arrival *hello) MUST_USE;
struct quic *quic_open_client(const struct quic_options *options, const struct quic_owner *owner,
                              const struct quic_path *path, int64_t now_ns) MUST_USE;
/* Takes its names back. NULL is fine. */
void quic_close(struct quic *quic);

/* OK, or CLOSED: nothing more is read; quic_fill gives the last datagram, if there is one. */
enum status quic_take(struct quic *quic, const struct quic_arrival *arrival) MUST_USE;
/* One datagram to be sent there, `*len` 0 when there is none now. CLOSED as above; NO_MEMORY. */
enum status quic_fill(struct quic *quic, int64_t now_ns, uint8_t room[QUIC_DATAGRAM_SIZE],
                      size_t *len, struct quic_path *path) MUST_USE;
/* After some quic_fill: they were all sent about then. */
void quic_note_sent(struct quic *quic, int64_t now_ns);
/* When quic_expire must be called; INT64_MAX: never. */
int64_t quic_due_ns(const struct quic *quic);
enum status quic_expire(struct quic *quic, int64_t now_ns) MUST_USE; /* as quic_take */

bool quic_is_shaken(const struct quic *quic); /* the handshake is done */
/* No more is read; quic_fill ends it with that code of the protocol on it. */
void quic_end(struct quic *quic, uint64_t code);
/* The other side may open one stream more. */
void quic_grant(struct quic *quic);
/* What came was used: as many octets more may come, on any stream but those they came on. */
void quic_used(struct quic *quic, size_t len);
/* Octets that wait for their first datagram; and with those that may have to be sent again. */
size_t quic_unsent(const struct quic *quic);
size_t quic_held(const struct quic *quic);
uint64_t quic_acknowledged(const struct quic *quic); /* of all octets of streams, ever */
/* Why it ended, for people; lives as long as the connection. */
const char *quic_reason(struct quic *quic);

/* NULL as long as the other side allows none. */
struct quic_stream *quic_stream_open(struct quic *quic) MUST_USE;
void quic_stream_set_user(struct quic_stream *stream, void *user);
void *quic_stream_user(const struct quic_stream *stream);
/* Copies both parts; `is_last`: nothing may follow. NO_MEMORY: nothing was done. */
enum status quic_stream_send(struct quic_stream *stream, struct span head, struct span body,
                             bool is_last) MUST_USE;
/* No answer will come on it, for that reason. */
void quic_stream_reset(struct quic_stream *stream, uint64_t code);
