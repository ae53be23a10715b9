#pragma once
/* For the files that use libngtcp2: what they tell each other, in its types. */
#include "world/real/quic.h"

#include <ngtcp2/ngtcp2_crypto.h>

/* ------------------------------------------------------------------ quic_gate.c */

/* As quic_judge_hello; `*first_id` is the ID that the client chose at first. */
enum quic_hello quic_read_hello(const struct quic_arrival *arrival, const struct quic_keys *keys,
                                ngtcp2_pkt_hd *hello, ngtcp2_cid *first_id);
void quic_choose_id(const struct entropy *entropy, ngtcp2_cid *id);

/* ------------------------------------------------------------------ quic.c */

enum {
    QUIC_REASON_SIZE = 100,
    QUIC_NAMES_MAX = 32, /* eight are valid at once; some have been retired a moment ago */
};

struct quic {
    struct quic_owner owner;
    ngtcp2_conn *connection;
    ngtcp2_crypto_conn_ref reference;
    struct tls *tls;
    const struct entropy *entropy;
    const struct quic_keys *keys; /* NULL: the client's side */
    struct quic_stream *newest;
    struct quic_stream *turn_first, *turn_last;
    size_t unsent, held;
    uint64_t acknowledged;
    uint64_t names[QUIC_NAMES_MAX]; /* by which it is found */
    size_t name_count;
    bool is_shaken;
    bool is_over;   /* nothing is read any more */
    bool is_silent; /* and nothing sent */
    ngtcp2_connection_close_error error;
    char reason[QUIC_REASON_SIZE];
};

/* An error of the library ends the connection. CLOSED. */
enum status quic_fail(struct quic *quic, int code);

/* ------------------------------------------------------------------ quic_calls.c */

extern const ngtcp2_callbacks QUIC_CALLBACKS; /* their user is a struct quic */
ngtcp2_conn *quic_connection_of(ngtcp2_crypto_conn_ref *reference);
bool quic_name_add(struct quic *quic, const ngtcp2_cid *id); /* false: there are too many */
void quic_name_drop(struct quic *quic, uint64_t name);
bool quic_write_reset_token(const struct quic *quic, const ngtcp2_cid *id,
                            uint8_t token[NGTCP2_STATELESS_RESET_TOKENLEN]);

/* ------------------------------------------------------------------ quic_stream.c */

enum stream_turn {
    TURN_NONE,    /* nothing to send */
    TURN_WAITS,   /* in the list of those that send */
    TURN_BLOCKED, /* the other side takes no more of it now */
};

struct quic_stream {
    struct quic *quic;
    int64_t id;
    void *user;
    struct quic_piece *oldest, *newest; /* unacknowledged */
    struct quic_piece *next;            /* to be sent; NULL: all was */
    size_t next_at;                     /* octets of it that were sent */
    uint64_t arrived;                   /* offset of the first octet of `oldest` */
    bool is_ended;                      /* nothing follows */
    enum stream_turn turn;
    struct quic_stream *turn_next;     /* in the list of those that send */
    struct quic_stream *newer, *older; /* of all */
};

enum { QUIC_OFFER_PARTS = 2 };

/* What the next datagram may carry of one stream; without a stream nothing waits. */
struct quic_offer {
    struct quic_stream *stream;
    ngtcp2_vec parts[QUIC_OFFER_PARTS];
    size_t count;
    bool is_last;
};

struct quic_stream *quic_stream_begin(struct quic *quic, int64_t id) MUST_USE; /* NULL: no memory */
void quic_stream_close(struct quic_stream *stream);
/* Nothing of it is sent any more, for the first time or again. */
void quic_stream_forget(struct quic_stream *stream);
struct quic_offer quic_stream_offer(struct quic *quic);
void quic_stream_note_taken(const struct quic_offer *offer, size_t len);   /* into a datagram */
void quic_stream_note_arrived(struct quic_stream *stream, uint64_t until); /* at the other side */
void quic_stream_block(struct quic_stream *stream); /* until the other side takes more of it */
void quic_stream_unblock(struct quic_stream *stream);
