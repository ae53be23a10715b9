/* The client's side of DNS over QUIC: when its one stream may begin, and that its answer is whole
 * with the stream's end and not before (RFC 9250 §4.2). */
#include "world/real/doq_ask.h"

#include "core/base/framing.h"
#include "core/base/moment.h"
#include "world/real/clock.h"
#include "world/real/doq_error.h"
#include "world/real/quic.h"
#include "world/real/socket.h"
#include "world/real/wait.h"
#include "world/real/world_limits.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_SIZE = 2, IDLE_MS = 30000 };

enum call_state {
    CALL_SHAKES,  /* the handshake is under way */
    CALL_AWAITS,  /* the query is sent */
    CALL_HAS_ALL, /* the server's side of the stream is at its end */
    CALL_FAILED   /* it ended without */
};

struct call {
    struct doq_asking *asking;
    struct quic *quic;
    struct quic_path path;
    int fd;
    enum call_state state;
    struct buffer in;
};

/* ------------------------------------------------------------------ the stream */

static void stream_take(void *owner, struct quic_stream *stream, struct span bytes, bool is_last)
{
    (void)stream;
    struct call *call = owner;
    if (buffer_append(&call->in, bytes) != OK) {
        call->state = CALL_FAILED;
    } else if (is_last) {
        call->state = CALL_HAS_ALL;
    }
    quic_used(call->quic, bytes.len);
}

static void stream_lost(void *owner, struct quic_stream *stream)
{
    (void)stream;
    struct call *call = owner;
    call->state = call->state == CALL_AWAITS ? CALL_FAILED : call->state;
}

static enum status call_say(struct call *call)
{
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    struct quic_stream *stream = quic_stream_open(call->quic);
    if (stream == NULL) {
        return OK; /* the server may yet allow one */
    }
    call->state = CALL_AWAITS;
    framing_write_length(&FRAMING_DNS, call->asking->query.len, &writer);
    return quic_stream_send(stream, writer_written(&writer), call->asking->query, true);
}

/* One message and nothing behind it. */
static enum status call_read_answer(struct call *call)
{
    struct span message, all = buffer_bytes(&call->in);
    if (framing_next(&FRAMING_DNS, all, &message) != OK || all.len != LENGTH_SIZE + message.len) {
        quic_end(call->quic, DOQ_PROTOCOL_ERROR);
        return MALFORMED;
    }
    writer_span(&call->asking->answer, message);
    quic_end(call->quic, DOQ_NO_ERROR);
    return call->asking->answer.status;
}

/* ------------------------------------------------------------------ datagrams */

static enum status call_write(struct call *call)
{
    enum status status = OK;
    size_t len = 1;
    while (len != 0 && status == OK) {
        uint8_t room[QUIC_DATAGRAM_SIZE];
        struct quic_path path;
        status = quic_fill(call->quic, clock_mono_ns(), room, &len, &path);
        if (len != 0 && send(call->fd, room, len, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED) {
            return REFUSED;
        }
    }
    quic_note_sent(call->quic, clock_mono_ns());
    return status;
}

static enum status call_read(struct call *call)
{
    uint8_t room[DNS_MESSAGE_MAX];
    ssize_t got = recv(call->fd, room, sizeof room, MSG_DONTWAIT);
    if (got < 0) {
        return errno == ECONNREFUSED ? REFUSED : OK;
    }
    const struct quic_arrival arrival = {
        .datagram = span_of(room, (size_t)got), .path = call->path, .now_ns = clock_mono_ns()};
    return got == 0 ? OK : quic_take(call->quic, &arrival);
}

/* Waits for a datagram, or until the connection's own time has come. */
static enum status call_wait(struct call *call)
{
    int64_t due_ns = quic_due_ns(call->quic);
    bool is_ours = due_ns < call->asking->until_mono_ns;
    enum status status = wait_for(call->fd, POLLIN, is_ours ? due_ns : call->asking->until_mono_ns);
    if (status == TIMED_OUT && is_ours) {
        return quic_expire(call->quic, clock_mono_ns());
    }
    return status == OK ? call_read(call) : status;
}

static enum status call_talk(struct call *call)
{
    enum status status = OK;
    while (status == OK && call->state < CALL_HAS_ALL) {
        if (call->state == CALL_SHAKES && quic_is_shaken(call->quic)) {
            status = call_say(call);
        }
        status = status == OK ? call_write(call) : status;
        status = status == OK ? call_wait(call) : status;
    }
    if (call->state == CALL_HAS_ALL) {
        status = call_read_answer(call);
    } else if (status == OK || status == CLOSED) {
        snprintf(call->asking->reason, sizeof call->asking->reason, "%s",
                 call->state == CALL_FAILED && status == OK ? "it gave the question back"
                                                            : quic_reason(call->quic));
        status = CLOSED;
    }
    if (status != REFUSED) {
        (void)call_write(call); /* a courtesy: the last word */
    }
    return status;
}

/* ------------------------------------------------------------------ the whole */

static enum status call_connect(struct call *call)
{
    call->path.len = socket_name_of(call->asking->server->address, &call->path.remote);
    call->fd =
        socket(call->path.remote.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (call->fd < 0 || connect(call->fd, &call->path.remote.any, call->path.len) != 0) {
        return IO_FAILED;
    }
    (void)socket_name_of(socket_local_address(call->fd), &call->path.local);
    return OK;
}

enum status doq_ask(struct doq_asking *asking)
{
    const struct entropy entropy = entropy_of_kernel();
    struct call call = {.asking = asking, .fd = -1};
    const struct quic_owner owner = {
        .take = stream_take, .cut = stream_lost, .gone = stream_lost, .owner = &call};
    const struct quic_options options = {.identity = asking->identity,
                                         .host_name = asking->server->host_name,
                                         .entropy = &entropy,
                                         .handshake_ms = asking->server->timeout_ms,
                                         .idle_ms = IDLE_MS};
    enum status status = call_connect(&call);
    if (status == OK) {
        call.quic = quic_open_client(&options, &owner, &call.path, clock_mono_ns());
        status = call.quic == NULL ? NO_MEMORY : call_talk(&call);
    }
    quic_close(call.quic);
    buffer_close(&call.in);
    if (call.fd >= 0) {
        close(call.fd);
    }
    return status;
}
