#pragma once
/* The client's side of HTTP/2 for one request, without a socket: octets to send, octets that came,
 * and the answer. */
#include "world/real/memory.h"

struct http2_ask;

struct http2_question {
    const char *authority;    /* "dns.example", "192.0.2.1:8443" */
    const char *path;         /* with its query */
    const char *content_type; /* of the body, and what is wanted as answer */
    struct span body;         /* empty: GET, else POST; lives as long as the request */
};

struct http2_reply {
    unsigned status; /* 0: no answer has come whole */
    struct span content_type;
    struct span body;
};

/* NULL without memory. The texts are needed no longer when it returns. */
struct http2_ask *http2_ask_open(const struct http2_question *question) MUST_USE;
void http2_ask_close(struct http2_ask *ask); /* NULL is fine */
/* Appends all that is to be sent. */
enum status http2_ask_fill(struct http2_ask *ask, struct buffer *out) MUST_USE;
/* MALFORMED when that is no HTTP/2. */
enum status http2_ask_take(struct http2_ask *ask, struct span bytes) MUST_USE;
/* The answer is whole, or none will come. */
bool http2_ask_is_done(const struct http2_ask *ask);
/* Views that live as long as the request. A body is cut where it is no DNS message any more. */
struct http2_reply http2_ask_reply(const struct http2_ask *ask);
