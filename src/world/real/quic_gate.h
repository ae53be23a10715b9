#pragma once
/* What is known of a datagram before its connection is, and what is answered to those that have
 * none; nothing here keeps anything. */
#include "core/base/entropy.h"
#include "core/base/span.h"
#include "world/real/socket.h"

enum {
    QUIC_DATAGRAM_SIZE = 1200, /* which every path carries (RFC 9000 §14) */
    QUIC_ID_SIZE = 8,          /* of the connection IDs that we choose */
    QUIC_KEY_SIZE = 32,
};

/* Secrets of one process. */
struct quic_keys {
    uint8_t tokens[QUIC_KEY_SIZE];
    uint8_t resets[QUIC_KEY_SIZE];
};

struct quic_path {
    union socket_name local, remote;
    socklen_t len; /* of either */
};

struct quic_arrival {
    struct span datagram;
    struct quic_path path;
    int64_t now_ns;
};

enum quic_kind {
    QUIC_NOTHING,       /* not QUIC, or nothing that is answered */
    QUIC_OF_CONNECTION, /* or its beginning */
    QUIC_OTHER_VERSION, /* that we do not speak */
};
struct quic_header {
    enum quic_kind kind;
    bool may_begin; /* the form of what begins a connection */
    uint64_t id;    /* the connection's: the first octets of its ID where that is longer */
};
struct quic_header quic_read_header(struct span datagram);

/* What a datagram that no connection knows begins. */
enum quic_hello {
    QUIC_HELLO_NONE,     /* no connection */
    QUIC_HELLO_UNPROVEN, /* one from an address that may be forged */
    QUIC_HELLO_PROVEN,   /* one with our token, from where we sent that to */
    QUIC_HELLO_FORGED,   /* one with a token that is not ours, or too old */
};
enum quic_hello quic_judge_hello(const struct quic_arrival *arrival, const struct quic_keys *keys);

/* Each writes one datagram and returns its length, or 0 when there is nothing to say. */
size_t quic_write_versions(struct span datagram, const struct entropy *entropy,
                           uint8_t room[QUIC_DATAGRAM_SIZE]);
/* RFC 9000 §8.1.2: come again with this token. */
size_t quic_write_retry(const struct quic_arrival *arrival, const struct quic_keys *keys,
                        const struct entropy *entropy, uint8_t room[QUIC_DATAGRAM_SIZE]);
/* RFC 9000 §10.3: this connection is over, said by one who has forgotten it. */
size_t quic_write_reset(struct span datagram, const struct quic_keys *keys,
                        const struct entropy *entropy, uint8_t room[QUIC_DATAGRAM_SIZE]);
/* RFC 9000 §8.1.3: a forged token ends the attempt. */
size_t quic_write_refusal(struct span datagram, uint8_t room[QUIC_DATAGRAM_SIZE]);
