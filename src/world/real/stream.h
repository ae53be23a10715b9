#pragma once
/* The connections of DNS clients (RFC 7766): what one of them is, and who of them stays when there
 * are too many. */
#include "world/real/acceptor.h"
#include "world/real/inside.h"
#include "world/real/wire.h"

enum stream_state {
    STREAM_SHAKING,  /* the TLS handshake is under way */
    STREAM_OPEN,     /* queries are read, answers written */
    STREAM_FINISHED, /* the peer sends no more; answers are still written */
    STREAM_CLOSING,  /* closes when what is unsent is out */
    STREAM_DEAD      /* freed at the end of the round */
};

struct stream;

/* Lists by the last activity. A connection is in one of all connections, and while it is owed
 * nothing in that of its peer. */
struct stream_link {
    struct stream *stream;
    struct stream_link *newer, *older;
};

struct stream_list {
    struct stream_link *newest, *oldest;
};

/* All connections from one host (of IPv6: one /64, of which anyone has all addresses). */
struct stream_peer {
    uint64_t key;
    size_t count;
    struct stream_list idle;
};

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
    struct stream_peer *of;
    struct stream_link link, peer_link;
    bool is_idle;          /* it is owed nothing: it may be closed when others want its place */
    bool awaits_room;      /* the service has more to send */
    bool waits_for_reader; /* what was answered is not taken yet */
    bool is_dirty;         /* in the list for stream_flush */
    bool is_tls_1_3;
    bool shakes_by_write; /* the handshake waits to write */
    struct stream *dirty_next;
    struct address peer;
    uint32_t unanswered; /* queries read, less answers written: a guess, as one query may have many
                            answers */
    size_t progress;     /* octets written since the deadline was set */
    struct buffer in;    /* the part of a message, or what waits until answers are read */
    struct buffer out;
};

struct stream_listener {
    struct streams *streams;
    struct acceptor acceptor;
    struct address bound;
    uint32_t endpoint;
    struct tls_identity *identity; /* NULL: plain */
};

struct streams {
    struct world *world;
    struct stream_listener listeners[2 * ENDPOINTS_MAX]; /* plain and TLS */
    size_t listener_count;
    struct world_stream_limits limits;
    struct table by_channel;
    struct table peers;
    struct stream_list idle, busy;
    struct stream *dirty;
    size_t handshakes_left; /* in this round */
    struct buffer lost;     /* numbers of channels that were gone when room on them was awaited */
    uint8_t room[STREAM_READ_SIZE];
};

/* stream_places.c: takes its place among the others. The peer's entry is made. NO_MEMORY. */
enum status stream_enter(struct stream *stream) MUST_USE;
void stream_leave(struct stream *stream);
/* It has just done something; `is_idle`: and is owed nothing now. */
void stream_move(struct stream *stream, bool is_idle);
/* The one that must go before another from that peer may come, NULL when none must; false when none
 * can: the new one goes. */
bool streams_choose_victim(const struct streams *streams, struct address peer,
                           struct stream **victim);
/* The one that was quiet for longest; NULL when there is none. */
struct stream *streams_oldest(const struct streams *streams);
