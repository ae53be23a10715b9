#pragma once
/* What a service wants done. The service appends effects in order; the world carries them out when
 * the handler has returned, in that order, and then resets the outbox. */
#include "core/base/arena.h"
#include "core/base/metric.h"
#include "core/node/event.h"

enum effect_kind {
    EFFECT_REPLY,      /* send a DNS message on a query's channel */
    EFFECT_HANG_UP,    /* close a query's stream channel (after what was replied is sent) */
    EFFECT_AWAIT_ROOM, /* of a stream channel: EVENT_ROOM, once, when little of what was replied is
                          still unsent. Who sends much sends a portion, then waits */
    EFFECT_ASK,      /* send a DNS message to a server from a fresh random port or connection, await
                        EVENT_ANSWER */
    EFFECT_ASK_DONE, /* no more answers wanted for that ask; later ones are dropped */
    EFFECT_TIMER,    /* set or move a timer */
    EFFECT_EPP_OPEN, /* connect to the EPP server with the configured name */
    EFFECT_EPP_SEND, /* one whole frame */
    EFFECT_EPP_CLOSE, /* after what was sent is out */
    EFFECT_HTTP,      /* the response of an HTTP request */
    EFFECT_CONTROL,   /* the text for a control request; ends it */
    EFFECT_MAIL,      /* deliver a mail, await EVENT_MAIL */
    EFFECT_METRICS,   /* numbers, in answer to EVENT_METRICS and before the handler returns */
    EFFECT_KIND_COUNT
};

#define TIMER_NEVER_NS INT64_MAX

struct effect_reply {
    uint64_t channel;
    struct span message;
    bool has_more; /* another message of the same answer follows */
};

struct effect_ask {
    uint64_t ask;             /* unique among this service's open asks */
    enum transport transport; /* UDP, TCP or TLS */
    struct address server;
    struct span message;
    uint32_t timeout_ms; /* then EVENT_ANSWER with TIMED_OUT. An ask stays open, and its UDP socket
                          * or connection receives more messages, until it ends so, by an error, or
                          * by EFFECT_ASK_DONE */
    uint32_t tls_peer; /* TRANSPORT_TLS: which of the world's TLS peers, counted from 0, the server
                          must prove to be */
};

struct effect_timer {
    uint64_t timer;     /* the service's own number; setting it again moves it */
    int64_t at_mono_ns; /* TIMER_NEVER_NS takes it away */
};

struct effect_epp {
    uint64_t session; /* for OPEN chosen by the service with the top bit set, so that it never meets
                         a server session */
    struct span server; /* OPEN: the name of a configured EPP peer */
    struct span frame;
};

enum { EFFECT_HTTP_FIELDS_MAX = 16 };

struct effect_http {
    uint64_t request;
    uint16_t status; /* 200, 303, 404 ... */
    struct http_field fields[EFFECT_HTTP_FIELDS_MAX];
    size_t field_count;
    struct span body;
};

struct effect_control {
    uint64_t request;
    bool is_failure; /* the command line tool then exits with 1 */
    struct span text;
};

struct effect_mail {
    uint64_t mail;
    struct span sender; /* bare addresses */
    struct span recipient;
    struct span message_id; /* unique for each outcome; the same on each repetition: names the
                               Maildir file */
    struct span message;    /* RFC 5322 with CRLF */
};

struct effect_metrics {
    const struct metric *rows;
    size_t count;
};

struct effect {
    enum effect_kind kind;
    union {
        uint64_t channel;  /* EFFECT_HANG_UP, EFFECT_AWAIT_ROOM */
        uint64_t ask_done; /* EFFECT_ASK_DONE */
        struct effect_reply reply;
        struct effect_ask ask;
        struct effect_timer timer;
        struct effect_epp epp;
        struct effect_http http;
        struct effect_control control;
        struct effect_mail mail;
        struct effect_metrics metrics;
    };
};

struct outbox {
    struct arena
        scratch; /* the bytes of the effects; services may use it as their scratch arena too */
    struct effect *effects;
    size_t count;
    size_t size;
};

void outbox_open(struct outbox *outbox, size_t scratch_size_max);
/* Appends a zeroed effect of that kind and returns it for filling. Never NULL: an outbox that
 * reaches OUTBOX_EFFECTS_MAX is a broken promise, since each event's effects are bounded. Spans in
 * it must live in `scratch`, in static memory or in the service until the handler returns and the
 * world has acted. */
struct effect *outbox_add(struct outbox *outbox, enum effect_kind kind);
/* Short forms of the frequent ones. `message` is copied into scratch. */
void outbox_reply(struct outbox *outbox, uint64_t channel, struct span message);
void outbox_timer(struct outbox *outbox, uint64_t timer, int64_t at_mono_ns);
/* The rows live in scratch. */
void outbox_metrics(struct outbox *outbox, const struct metrics *metrics);
void outbox_reset(struct outbox *outbox);
void outbox_close(struct outbox *outbox);
