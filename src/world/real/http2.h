#pragma once
/* The server's side of one HTTP/2 connection (RFC 9113), without a socket: octets in, whole
 * requests out; answers in, octets out. What a hostile client may cost is bounded here. */
#include "world/real/memory.h"

struct http2; /* one connection */

enum http2_fault {
    HTTP2_FINE,
    HTTP2_PATH_TOO_LONG,
    HTTP2_FIELDS_TOO_LARGE,
    HTTP2_BODY_TOO_LARGE,
};

struct http2_request {
    int32_t id; /* of its stream */
    struct span method;
    struct span path; /* with its query, as sent */
    struct span content_type;
    struct span body;
    enum http2_fault fault; /* it went beyond a limit; what was beyond it is not there */
};

struct http2_owner {
    /* A whole request; it lives until this returns. Answered then or later, or refused. */
    void (*take)(void *owner, const struct http2_request *request);
    /* Its stream is closed, answered or not: its ID is no one's any more. */
    void (*gone)(void *owner, int32_t id);
    void *owner;
};

struct http2_answer {
    uint16_t status;
    const char *content_type;  /* NULL: none */
    const char *allow;         /* of 405; else NULL */
    const char *cache_control; /* NULL: none */
    struct span body;
};

/* NULL without memory. */
struct http2 *http2_open(struct http2_owner owner) MUST_USE;
void http2_close(struct http2 *http2); /* NULL is fine */
/* OK, or CLOSED: nothing more is read; what http2_fill gives is the last that is sent. */
enum status http2_take(struct http2 *http2, struct span bytes) MUST_USE;
/* Appends what is to be sent, until `out` has `enough`. CLOSED as above, or NO_MEMORY. */
enum status http2_fill(struct http2 *http2, struct buffer *out, size_t enough) MUST_USE;
/* Copies the body. Without effect when the stream is closed already. */
void http2_answer(struct http2 *http2, int32_t id, const struct http2_answer *answer);
/* The client may ask again elsewhere or later: nothing was done (RFC 9113 §8.7). */
void http2_refuse(struct http2 *http2, int32_t id);
/* No answer will come. */
void http2_reset(struct http2 *http2, int32_t id);
/* No request is taken from now on; those under way are answered. */
void http2_finish(struct http2 *http2);
/* Requests that have begun and are not whole. */
size_t http2_parts(const struct http2 *http2);
/* Octets of answers that are not handed out yet. */
size_t http2_unsent(const struct http2 *http2);
/* Nothing is under way, and the client was told to go or has gone. */
bool http2_is_over(const struct http2 *http2);
