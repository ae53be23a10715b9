#pragma once
/* DNS over HTTPS (RFC 8484) on the connections of stream.h. */
#include "world/real/http2.h"
#include "world/real/stream.h"

struct https; /* of one connection */

#define HTTPS_MESSAGE_TYPE "application/dns-message"
/* That, as the field of a request or an answer may say it. */
bool https_is_dns_message(struct span content_type);

/* What a request asks of us, without its connection. */
struct https_verdict {
    uint16_t status;     /* 0: `message` is to be delivered */
    struct span message; /* in `room`, or the request's body */
};
enum { HTTPS_ROOM_SIZE = HTTPS_PATH_MAX };
/* `path` is where DNS is served. */
struct https_verdict https_judge(const struct http2_request *request, struct span path,
                                 uint8_t room[HTTPS_ROOM_SIZE]);

/* NULL without memory. */
struct https *https_open(struct stream *stream) MUST_USE;
void https_close(struct https *https); /* NULL is fine */
/* What was read; queries in it are delivered. CLOSED when nothing more is to be read. */
enum status https_take(struct https *https, struct span bytes) MUST_USE;
/* Frames into the connection's `out`. CLOSED when these are the last. */
enum status https_fill(struct https *https) MUST_USE;
/* Only what is under way is answered from now on. */
void https_finish(struct https *https);
/* Answers wait here for a reader. */
bool https_is_owed(const struct https *https);
/* Something has begun that must end. */
bool https_has_part(const struct https *https);
bool https_is_over(const struct https *https);
