/* One DNS exchange for command line tools, blocking until the answer or the deadline. Of the
 * message it knows the header alone: whose answer it is, and whether it was cut. */
#include "core/base/address.h"
#include "core/base/framing.h"
#include "core/base/text.h"
#include "world/real/clock.h"
#include "world/real/doq_ask.h"
#include "world/real/http2_ask.h"
#include "world/real/https.h"
#include "world/real/socket.h"
#include "world/real/wait.h"
#include "world/real/wire.h"
#include "world/real/world.h"
#include "world/real/world_limits.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    HEADER_SIZE = 12,
    FLAG_RESPONSE = 0x80,
    FLAG_TRUNCATED = 0x02,
    LENGTH_SIZE = 2,
    REASON_SIZE = 200,
    AUTHORITY_SIZE = 300,
    READ_SIZE = 16384,
    HTTPS_PORT = 443, /* which no authority need name */
};

struct exchange {
    const struct dns_server *server;
    int64_t until_mono_ns;
    struct span query;
    uint8_t *answer; /* DNS_MESSAGE_MAX octets */
    size_t answer_len;
    struct wire wire;
    char reason[REASON_SIZE]; /* of a failure that a status does not say enough about */
};

static bool answer_fits(const struct exchange *exchange)
{
    return exchange->answer_len >= HEADER_SIZE && exchange->query.len >= 2 &&
           memcmp(exchange->answer, exchange->query.bytes, 2) == 0 &&
           (exchange->answer[2] & FLAG_RESPONSE) != 0;
}

/* ------------------------------------------------------------------ UDP */

static enum status exchange_datagram(struct exchange *exchange, int fd)
{
    union socket_name name;
    socklen_t len = socket_name_of(exchange->server->address, &name);
    if (connect(fd, &name.any, len) != 0 ||
        send(fd, exchange->query.bytes, exchange->query.len, MSG_NOSIGNAL) < 0) {
        return errno == ECONNREFUSED ? REFUSED : IO_FAILED;
    }
    for (;;) { /* what is not the answer may be an attack; the true one may still come */
        enum status status = wait_for(fd, POLLIN, exchange->until_mono_ns);
        if (status != OK) {
            return status;
        }
        ssize_t got = recv(fd, exchange->answer, DNS_MESSAGE_MAX, MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return errno == ECONNREFUSED ? REFUSED : IO_FAILED;
        }
        exchange->answer_len = got < 0 ? 0 : (size_t)got;
        if (answer_fits(exchange)) {
            return OK;
        }
    }
}

static enum status exchange_udp(struct exchange *exchange)
{
    union socket_name name;
    (void)socket_name_of(exchange->server->address, &name);
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return IO_FAILED;
    }
    enum status status = exchange_datagram(exchange, fd);
    close(fd);
    return status;
}

/* ------------------------------------------------------------------ QUIC */

static enum status exchange_quic(struct exchange *exchange, struct tls_identity *identity)
{
    struct doq_asking asking = {.identity = identity,
                                .server = exchange->server,
                                .query = exchange->query,
                                .until_mono_ns = exchange->until_mono_ns,
                                .answer = writer_over(exchange->answer, DNS_MESSAGE_MAX)};
    enum status status = doq_ask(&asking);
    exchange->answer_len = writer_written(&asking.answer).len;
    snprintf(exchange->reason, sizeof exchange->reason, "%s", asking.reason);
    return status == OK && !answer_fits(exchange) ? MISMATCH : status;
}

/* ------------------------------------------------------------------ octets of a connection */

/* OK when what had this outcome is done, or may be tried again. */
static enum status exchange_wait(struct exchange *exchange, enum tls_outcome outcome)
{
    switch (outcome) {
    case TLS_DONE:
        return OK;
    case TLS_WAITS_TO_READ:
        return wait_for(exchange->wire.fd, POLLIN, exchange->until_mono_ns);
    case TLS_WAITS_TO_WRITE:
        return wait_for(exchange->wire.fd, POLLOUT, exchange->until_mono_ns);
    case TLS_CLOSED:
    case TLS_MISTRUSTED:
        if (exchange->wire.tls != NULL) {
            snprintf(exchange->reason, sizeof exchange->reason, "%s",
                     tls_reason(exchange->wire.tls));
        }
        break;
    }
    return outcome == TLS_MISTRUSTED ? REFUSED : CLOSED;
}

static enum status exchange_shake_hands(struct exchange *exchange)
{
    enum tls_outcome outcome;
    enum status status;
    do {
        outcome = wire_shake_hands(&exchange->wire);
        status = exchange_wait(exchange, outcome);
    } while (status == OK && outcome != TLS_DONE);
    return status;
}

static enum status exchange_send(struct exchange *exchange, struct span bytes)
{
    enum status status = OK;
    while (status == OK && bytes.len > 0) {
        size_t written = 0;
        status = exchange_wait(exchange, wire_write(&exchange->wire, bytes, &written));
        bytes = span_part(bytes, written, bytes.len - written);
    }
    return status;
}

/* Some octets; `*len` as in wire_read. */
static enum status exchange_read(struct exchange *exchange, uint8_t *bytes, size_t *len)
{
    size_t size = *len;
    enum tls_outcome outcome;
    enum status status;
    do {
        *len = size;
        outcome = wire_read(&exchange->wire, bytes, len);
        status = exchange_wait(exchange, outcome);
    } while (status == OK && outcome != TLS_DONE);
    return status;
}

static enum status exchange_receive(struct exchange *exchange, uint8_t *bytes, size_t len)
{
    enum status status = OK;
    for (size_t at = 0; status == OK && at < len;) {
        size_t got = len - at;
        status = exchange_read(exchange, bytes + at, &got);
        at += got;
    }
    return status;
}

/* ------------------------------------------------------------------ what is on a connection */

/* DNS as it is over TCP and TLS. */
static enum status exchange_message(struct exchange *exchange)
{
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(&FRAMING_DNS, exchange->query.len, &writer);
    enum status status = exchange_send(exchange, writer_written(&writer));
    if (status == OK) {
        status = exchange_send(exchange, exchange->query);
    }
    if (status == OK) {
        status = exchange_receive(exchange, length, sizeof length);
    }
    if (status == OK) {
        exchange->answer_len = (size_t)length[0] << 8 | length[1];
        status = exchange_receive(exchange, exchange->answer, exchange->answer_len);
    }
    return status;
}

static enum status exchange_frames(struct exchange *exchange, struct http2_ask *ask)
{
    enum status status = OK;
    while (status == OK && !http2_ask_is_done(ask)) {
        struct buffer out = {0};
        uint8_t room[READ_SIZE];
        size_t len = sizeof room;
        status = http2_ask_fill(ask, &out);
        status = status == OK ? exchange_send(exchange, buffer_bytes(&out)) : status;
        buffer_close(&out);
        status = status == OK ? exchange_read(exchange, room, &len) : status;
        status = status == OK ? http2_ask_take(ask, span_of(room, len)) : status;
    }
    return status;
}

static enum status exchange_take_reply(struct exchange *exchange, struct http2_reply reply)
{
    if (reply.status != 200) {
        snprintf(exchange->reason, sizeof exchange->reason, "its HTTP status is %u", reply.status);
        return reply.status == 0 ? CLOSED : REFUSED;
    }
    if (!https_is_dns_message(reply.content_type)) {
        snprintf(exchange->reason, sizeof exchange->reason,
                 "what it serves at %s is no DNS message", exchange->server->path);
        return MISMATCH;
    }
    exchange->answer_len = reply.body.len;
    memcpy(exchange->answer, reply.body.bytes, reply.body.len);
    return OK;
}

static void write_authority(const struct dns_server *server, struct writer *text)
{
    char host[ADDRESS_TEXT_MAX];
    struct address address = server->address;
    address.port = 0;
    if (server->host_name != NULL) {
        writer_text(text, server->host_name);
    } else {
        bool is_ipv6 = address.family == ADDRESS_IPV6;
        writer_print(text, "%s%s%s", is_ipv6 ? "[" : "", address_print(address, host),
                     is_ipv6 ? "]" : "");
    }
    if (server->address.port != HTTPS_PORT) {
        writer_print(text, ":%u", server->address.port);
    }
    writer_u8(text, '\0');
}

static enum status exchange_https(struct exchange *exchange)
{
    bool is_get = exchange->server->way == DNS_BY_HTTPS_GET;
    char authority[AUTHORITY_SIZE], path[HTTPS_PATH_MAX + 1];
    struct writer host = writer_over(authority, sizeof authority);
    struct writer target = writer_over(path, sizeof path);
    write_authority(exchange->server, &host);
    writer_text(&target, exchange->server->path);
    if (is_get) {
        writer_text(&target, "?dns=");
        text_write_base64url(&target, exchange->query);
    }
    writer_u8(&target, '\0');
    if (host.status != OK || target.status != OK) {
        return TOO_LONG;
    }
    const struct http2_question question = {.authority = authority,
                                            .path = path,
                                            .content_type = HTTPS_MESSAGE_TYPE,
                                            .body = is_get ? SPAN_EMPTY : exchange->query};
    struct http2_ask *ask = http2_ask_open(&question);
    enum status status = ask == NULL ? NO_MEMORY : exchange_frames(exchange, ask);
    status = status == OK ? exchange_take_reply(exchange, http2_ask_reply(ask)) : status;
    http2_ask_close(ask);
    return status;
}

/* ------------------------------------------------------------------ ways */

static const struct dns_manner {
    const char *name;
    enum tls_use tls; /* TLS_USE_COUNT: none */
    enum status (*exchange)(struct exchange *exchange);
} MANNERS[] = {
    [DNS_BY_UDP] = {"UDP", TLS_USE_COUNT, NULL},
    [DNS_BY_TCP] = {"TCP", TLS_USE_COUNT, exchange_message},
    [DNS_BY_TLS] = {"TLS", TLS_DNS_ASKER, exchange_message},
    [DNS_BY_HTTPS_POST] = {"HTTPS", TLS_HTTPS_ASKER, exchange_https},
    [DNS_BY_HTTPS_GET] = {"HTTPS", TLS_HTTPS_ASKER, exchange_https},
    [DNS_BY_QUIC] = {"QUIC", TLS_QUIC_ASKER, NULL},
};

const char *dns_way_name(enum dns_way way)
{
    return MANNERS[way].name;
}

static enum status exchange_connected(struct exchange *exchange, struct tls_identity *identity,
                                      const struct dns_manner *manner)
{
    enum status status = wait_for(exchange->wire.fd, POLLOUT, exchange->until_mono_ns);
    status = status == OK ? socket_connect_outcome(exchange->wire.fd) : status;
    if (status == OK && identity != NULL) {
        exchange->wire.tls = tls_open(identity, exchange->wire.fd, exchange->server->host_name);
        status = exchange->wire.tls == NULL ? NO_MEMORY : OK;
    }
    status = status == OK ? exchange_shake_hands(exchange) : status;
    status = status == OK ? manner->exchange(exchange) : status;
    return status == OK && !answer_fits(exchange) ? MISMATCH : status;
}

static enum status exchange_stream(struct exchange *exchange, struct tls_identity *identity,
                                   const struct dns_manner *manner)
{
    exchange->wire = (struct wire){.fd = -1};
    enum status status = socket_connect_stream(exchange->server->address, &exchange->wire.fd);
    status = status == OK ? exchange_connected(exchange, identity, manner) : status;
    wire_close(&exchange->wire);
    return status;
}

static enum status exchange_by(struct exchange *exchange, enum dns_way way, struct problem *problem)
{
    const struct dns_manner *manner = &MANNERS[way];
    struct tls_identity *identity = NULL;
    enum status status = OK;
    if (way == DNS_BY_UDP) {
        return exchange_udp(exchange);
    }
    if (manner->tls != TLS_USE_COUNT) {
        const struct world_tls files = {.ca_file = exchange->server->ca_file};
        status = tls_identity_open(files, manner->tls, &identity, problem);
    }
    if (status == OK) {
        status = way == DNS_BY_QUIC ? exchange_quic(exchange, identity)
                                    : exchange_stream(exchange, identity, manner);
    }
    tls_identity_close(identity);
    return status;
}

static enum status explain(const struct exchange *exchange, enum dns_way way, enum status status,
                           struct problem *problem)
{
    char text[ADDRESS_TEXT_MAX];
    const char *reason = exchange->reason;
    if (problem != NULL && problem->status != OK) {
        return status; /* it is said already */
    }
    if (reason[0] == '\0') {
        reason = status == REFUSED ? "nobody listens there" : status_text(status);
    }
    return problem_set(problem, status, "no answer from %s over %s: %s",
                       address_print(exchange->server->address, text), dns_way_name(way), reason);
}

enum status dns_ask(const struct dns_server *server, struct span query, struct arena *arena,
                    struct span *answer, struct problem *problem)
{
    require(query.len >= HEADER_SIZE && query.len <= DNS_MESSAGE_MAX);
    struct exchange exchange = {
        .server = server,
        .until_mono_ns = clock_mono_ns() + (int64_t)server->timeout_ms * MOMENT_NS_PER_MS,
        .query = query,
        .answer = arena_take(arena, DNS_MESSAGE_MAX),
    };
    if (exchange.answer == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for an answer");
    }
    enum dns_way way = server->way;
    enum status status = exchange_by(&exchange, way, problem);
    if (status == OK && way == DNS_BY_UDP && (exchange.answer[2] & FLAG_TRUNCATED) != 0) {
        way = DNS_BY_TCP;
        status = exchange_by(&exchange, way, problem);
    }
    if (status != OK) {
        return explain(&exchange, way, status, problem);
    }
    *answer = span_of(exchange.answer, exchange.answer_len);
    return OK;
}
