#pragma once
/* What happens to a service. A service is `X_handle(state, event, outbox)`: it reads one event,
 * changes its state and writes effects; it never blocks and does no I/O of its own. Everything an
 * event points to lives until the handler returns. */
#include "core/base/address.h"
#include "core/base/moment.h"
#include "core/base/span.h"
#include "core/base/status.h"

enum transport {
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,   /* RFC 7858 */
    TRANSPORT_HTTPS, /* RFC 8484 */
    TRANSPORT_QUIC,  /* RFC 9250 */
    TRANSPORT_COUNT
};

/* A channel that keeps what is sent in order, and takes messages of any size. */
static inline bool transport_is_stream(enum transport transport)
{
    return transport != TRANSPORT_UDP;
}

/* A query has one message for its answer, so that no zone fits (RFC 5936 §4.2, RFC 8484 §6). */
static inline bool transport_has_one_answer(enum transport transport)
{
    return transport == TRANSPORT_UDP || transport == TRANSPORT_HTTPS;
}

/* Nobody on the way can read along: answers are padded there (RFC 7830). */
static inline bool transport_is_encrypted(enum transport transport)
{
    return transport >= TRANSPORT_TLS;
}

enum event_kind {
    EVENT_START,      /* once, first; the service sets its timers here */
    EVENT_STOP,       /* once, last; finish what was begun */
    EVENT_RELOAD,     /* the operator asked to read files again (SIGHUP) */
    EVENT_TIMER,      /* a timer set by EFFECT_TIMER came due */
    EVENT_QUERY,      /* a DNS message arrived at one of our sockets */
    EVENT_ROOM,       /* what EFFECT_AWAIT_ROOM waited for */
    EVENT_ANSWER,     /* something came of an EFFECT_ASK */
    EVENT_EPP_OPENED, /* EPP session: a client connected to us, or our EFFECT_EPP_OPEN succeeded */
    EVENT_EPP_FRAME,  /* EPP session: one whole XML frame, without its length */
    EVENT_EPP_CLOSED, /* EPP session: ended, or could not be opened */
    EVENT_HTTP,       /* one whole HTTP request */
    EVENT_CONTROL,    /* one line from the operator's control socket */
    EVENT_MAIL,       /* what became of an EFFECT_MAIL */
    EVENT_METRICS,    /* the service's numbers are wanted: EFFECT_METRICS */
    EVENT_KIND_COUNT
};

struct event_query {
    uint64_t channel; /* opaque; name it in EFFECT_REPLY. A stream channel may be replied to many
                         times */
    enum transport transport;
    struct address peer;
    uint32_t endpoint; /* which of the configured listening addresses, from 0 */
    struct span message;
    uint32_t idle_ms; /* of a stream: how long it may be silent before we close it; 0: not said */
    bool is_tls_1_3;  /* TRANSPORT_TLS: not 1.2, over which no zone may go (RFC 9103 §7.2) */
};

struct event_room {
    uint64_t channel;
    bool is_closed; /* nobody will read what is sent to that channel: forget it */
};

struct event_answer {
    uint64_t ask;        /* chosen by the service in EFFECT_ASK */
    enum status outcome; /* OK: `message` came; TIMED_OUT, REFUSED, CLOSED, IO_FAILED: it is over */
    struct span message; /* any datagram from the asked address and port: the service checks ID and
                            question */
};

struct event_epp {
    uint64_t session;
    enum status outcome; /* of EVENT_EPP_CLOSED: CLOSED, REFUSED, TIMED_OUT, IO_FAILED, MISMATCH
                            (certificate) */
    struct address peer;
    struct span frame;
    /* SHA-256 of the peer's certificate; empty where it showed none. */
    struct span certificate_digest;
};

struct http_field {
    struct span name; /* as sent; compare without case */
    struct span value;
};

struct event_http {
    uint64_t request; /* name it in EFFECT_HTTP; exactly one response each */
    struct address peer;
    struct span method;
    struct span path;   /* decoded, begins with '/', without query */
    struct span query;  /* raw, without '?' */
    struct span target; /* the request target as sent, needed by Signature V4 */
    const struct http_field *fields;
    size_t field_count;
    struct span body; /* raw, whole; bounded by limits.h */
};

struct event_control {
    uint64_t request; /* name it in EFFECT_CONTROL */
    struct span line; /* words separated by single spaces, without the newline */
};

struct event_mail {
    uint64_t mail; /* chosen by the service in EFFECT_MAIL */
    enum status
        outcome; /* OK: accepted by the next hop; REFUSED: never will be; else: try again later */
    struct span reply; /* the server's words, for the record */
};

struct event {
    enum event_kind kind;
    struct moment now;
    union {
        uint64_t timer; /* EVENT_TIMER: the id given in EFFECT_TIMER */
        struct event_query query;
        struct event_room room;
        struct event_answer answer;
        struct event_epp epp;
        struct event_http http;
        struct event_control control;
        struct event_mail mail;
    };
};
