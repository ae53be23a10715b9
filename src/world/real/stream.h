#pragma once
/* The connections of DNS clients (RFC 7766): what one of them is, and who of them stays when there
 * are too many. */
#include "world/real/acceptor.h"
#include "world/real/inside.h"
#include "world/real/places.h"
#include "world/real/wire.h"

enum stream_state {
    STREAM_SHAKING,  /* the TLS handshake is under way */
    STREAM_OPEN,     /* queries are read, answers written */
    STREAM_FINISHED, /* the peer sends no more; answers are still written */
    STREAM_CLOSING,  /* closes when what is unsent is out */
    STREAM_DEAD      /* freed at the end of the round */
};

struct https;

struct stream {
    struct streams *streams;
    const struct stream_listener *listener;
    uint64_t channel;
    enum stream_state state;
    struct wire wire;
    struct watch watch;
    struct timer timer;    /* goes at the deadline or before: to move it is dearer than to look */
    int64_t active_by_ns;  /* closed then, unless something happens before */
    int64_t message_by_ns; /* the message that has begun, or the handshake, must be whole then */
    struct place place;
    bool awaits_room;      /* the service has more to send */
    bool waits_for_reader; /* what was answered is not taken yet */
    bool is_dirty;         /* in the list for stream_flush */
    bool is_tls_1_3;
    bool shakes_by_write; /* the handshake waits to write */
    struct stream *dirty_next;
    struct address peer;
    uint32_t unanswered; /* queries read, less answers written */
    size_t progress;     /* octets written since the deadline was set */
    struct buffer in;    /* the part of a message, or what waits until answers are read */
    struct buffer out;
    struct https *https; /* what is read and written is HTTP; NULL: DNS messages */
};

struct stream_listener {
    struct streams *streams;
    struct acceptor acceptor;
    struct address bound;
    uint32_t endpoint;
    enum transport transport;
    struct tls_identity *identity; /* NULL: plain */
    const char *path;              /* of HTTPS, as in struct world_https */
    uint32_t (*lifetime_s)(struct span answer);
};

struct streams {
    struct world *world;
    struct stream_listener listeners[ENDPOINTS_MAX];
    size_t listener_count;
    struct world_stream_limits limits;
    struct table by_channel;
    struct table exchanges; /* of HTTPS, by channel */
    struct places places;
    struct stream *dirty;
    size_t handshakes_left; /* in this round */
    struct buffer lost;     /* numbers of channels that were gone when room on them was awaited */
    uint8_t room[STREAM_READ_SIZE];
};

/* For what is carried on a connection, called while it is read. A query came whole; its answer goes
 * to `channel`. */
void stream_deliver_query(struct stream *stream, uint64_t channel, struct span message);
/* Something came whole that was no query. */
void stream_note_message(struct stream *stream);
/* A query has its answer, which waits to be written. */
void stream_note_answer(struct stream *stream);
