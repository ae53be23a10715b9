#pragma once
/* DNS over dedicated QUIC connections (RFC 9250): what the files that serve it know of each other.
 * A client is a connection, an exchange is one stream of it with one query. */
#include "world/real/doq_error.h"
#include "world/real/inside.h"
#include "world/real/places.h"
#include "world/real/quic.h"
#include "world/real/udp_lane.h"

enum doq_client_state {
    DOQ_SHAKING, /* the handshake is under way */
    DOQ_OPEN,    /* queries come, answers go */
    DOQ_ENDING   /* it has no place any more; the flush sends what it is told last, and frees it */
};

struct doq_client {
    struct doq *doq;
    const struct doq_listener *listener;
    struct quic *quic;
    enum doq_client_state state;
    struct timer timer; /* of QUIC, or at our own deadlines */
    int64_t active_by_ns;
    struct place place;
    struct address peer;
    struct doq_client *dirty_next;
    bool is_dirty; /* in the list for doq_flush */
    bool has_more; /* could leave now, but others have their turn first */
    bool waits_for_reader;
    uint64_t acknowledged; /* when the deadline was set */
    struct doq_exchange *newest, *oldest;
    uint32_t exchange_count;
    uint32_t coming_count, whole_count, waiting_count; /* of them: in those states, awaits_room */
};

enum doq_exchange_state {
    DOQ_COMES, /* its message is not whole, or may go on */
    DOQ_WHOLE, /* it is, and is delivered when the datagram is read */
    DOQ_ASKED, /* the service has it */
};

struct doq_exchange {
    uint64_t channel;
    struct doq_client *client;
    struct quic_stream *stream; /* NULL: nobody waits for the answer */
    enum doq_exchange_state state;
    int64_t message_by_ns;
    struct buffer in;
    bool awaits_room; /* the service has more to send */
    struct doq_exchange *newer, *older;
};

struct doq_listener {
    struct doq *doq;
    struct watch watch;
    struct address bound;
    uint32_t endpoint;
    bool tells_asked; /* each datagram tells the address it was sent to */
    struct tls_identity *identity;
    bool (*is_fit)(struct span query); /* as in struct world_quic */
};

struct doq {
    struct world *world;
    struct doq_listener listeners[ENDPOINTS_MAX];
    size_t listener_count;
    struct world_stream_limits limits;
    struct quic_keys keys;
    uint64_t mix[2];         /* of names that clients choose */
    struct table by_name;    /* clients, by their mixed names */
    struct table by_channel; /* exchanges */
    struct places places;
    struct doq_client *dirty;
    struct buffer lost;   /* numbers of channels that were gone when room on them was awaited */
    uint32_t unproven;    /* handshakes under way */
    uint32_t hellos_left; /* in this round */
    bool is_stopped;      /* no connection begins any more */
    struct udp_lane lane;
    const struct doq_listener *out; /* what waits in the lane goes out there */
};

/* ------------------------------------------------------------------ doq.c */

void doq_client_name(void *owner, uint64_t name, bool is_known); /* of a struct quic_owner */
/* By the end of the round. */
void doq_send(const struct doq_listener *listener, const struct quic_path *path,
              struct span datagram);

/* ------------------------------------------------------------------ doq_client.c */

/* One more, unless others have all places and need them. */
void doq_client_begin(const struct doq_listener *listener, const struct quic_arrival *hello);
void doq_client_take(struct doq_client *client, const struct quic_arrival *arrival);
/* Sends what may leave, and frees it when it is at its end; it is in no list of the dirty ones. */
void doq_client_settle(struct doq_client *client);
void doq_mark_dirty(struct doq_client *client);
/* Something came whole, or went. */
void doq_note_activity(struct doq_client *client);
/* It is told why, and is no more for us. */
void doq_client_end(struct doq_client *client, enum doq_error error);

/* ------------------------------------------------------------------ doq_exchange.c */

extern const struct quic_owner DOQ_STREAMS; /* what to do with the streams of a client, its owner */
/* Queries that came whole go to the service, after the datagram is read. */
void doq_deliver(struct doq_client *client);
/* Once a round: those that await room are told, if there is some. */
void doq_offer_room(struct doq_client *client);
bool doq_has_room(const struct doq_client *client); /* for the next of a transfer */
/* Channels on which room will never be are told so. */
void doq_tell_lost(struct doq *doq);
/* When the first message that has begun must be whole; INT64_MAX: none has. */
int64_t doq_message_by_ns(const struct doq_client *client);
/* All exchanges of a client that is no more. */
void doq_exchanges_free(struct doq_client *client);
