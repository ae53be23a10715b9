/* Questions to other DNS servers: each from a fresh socket with an unpredictable port, connected,
 * so that only datagrams from the asked address and port come back (RFC 5452). */
#include "core/base/framing.h"
#include "world/real/inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_SIZE = 2, DNS_PORT = 53 };

struct ask {
    struct asks *asks;
    uint64_t number; /* the service's */
    uint64_t serial; /* ours: the service may use its number again */
    enum transport transport;
    struct address server;
    struct watch watch; /* fd -1: it could not be opened */
    struct timer deadline;
    enum status outcome; /* told when the deadline comes; TIMED_OUT unless it failed before */
    bool is_connected;   /* TCP: the connection stands */
    struct buffer in;
    struct buffer out;
};

struct asks {
    struct world *world;
    struct table by_number;
    uint8_t datagram[DNS_MESSAGE_MAX + 1];
};

static void ask_free(struct ask *ask)
{
    struct world *world = ask->asks->world;
    loop_unwatch(&world->loop, &ask->watch);
    loop_stop_timer(&world->loop, &ask->deadline);
    if (ask->watch.fd >= 0) {
        close(ask->watch.fd);
    }
    table_remove(&ask->asks->by_number, ask->number);
    buffer_close(&ask->in);
    buffer_close(&ask->out);
    memory_give_back(ask);
}

/* Tells the service that it is over. */
static void ask_finish(struct ask *ask, enum status outcome)
{
    struct world *world = ask->asks->world;
    struct event event = {.kind = EVENT_ANSWER, .answer = {.ask = ask->number, .outcome = outcome}};
    ask_free(ask);
    world_deliver(world, &event);
}

/* Told later: effects deliver no events. */
static void ask_fail(struct ask *ask, enum status outcome)
{
    ask->outcome = outcome;
    loop_unwatch(&ask->asks->world->loop, &ask->watch);
    loop_set_timer(&ask->asks->world->loop, &ask->deadline, 0);
}

static void ask_due(void *owner)
{
    struct ask *ask = owner;
    ask_finish(ask, ask->outcome);
}

/* Returns whether the ask is still open: the service may have ended it in its handler, and may have
 * used its number again at once. */
static bool ask_deliver(struct asks *asks, uint64_t number, struct span message)
{
    struct event event = {.kind = EVENT_ANSWER,
                          .answer = {.ask = number, .outcome = OK, .message = message}};
    const struct ask *ask = table_find(&asks->by_number, number);
    uint64_t serial = ask->serial;
    world_deliver(asks->world, &event);
    ask = table_find(&asks->by_number, number);
    return ask != NULL && ask->serial == serial && ask->watch.is_watched;
}

static enum status outcome_of_errno(int error)
{
    return error == ECONNREFUSED ? REFUSED
           : error == ECONNRESET ? CLOSED
           : error == ETIMEDOUT  ? TIMED_OUT
                                 : IO_FAILED;
}

/* ------------------------------------------------------------------ UDP */

static void datagram_ready(void *owner, uint32_t events)
{
    (void)events;
    struct ask *ask = owner;
    struct asks *asks = ask->asks;
    uint64_t number = ask->number;
    for (int i = 0; i < UDP_BATCH; i++) {
        ssize_t got = recv(ask->watch.fd, asks->datagram, sizeof asks->datagram, MSG_DONTWAIT);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                ask_finish(ask, outcome_of_errno(errno));
            }
            return;
        }
        if (!ask_deliver(asks, number, span_of(asks->datagram, (size_t)got))) {
            return;
        }
    }
}

/* From the whole range, chosen by us: the kernel's own choice is from a smaller one. */
static void datagram_bind(const struct world *world, int fd, uint8_t family)
{
    struct address any = {.family = family};
    for (int i = 0; i < ASK_PORT_TRIES; i++) {
        any.port = (uint16_t)(ASK_PORT_MIN +
                              entropy_below(&world->entropy, UINT16_MAX + 1 - ASK_PORT_MIN));
        union socket_name name;
        socklen_t len = socket_name_of(any, &name);
        if (bind(fd, &name.any, len) == 0) {
            return;
        }
    }
}

static enum status datagram_open(struct ask *ask)
{
    union socket_name name;
    socklen_t len = socket_name_of(ask->server, &name);
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno == EMFILE || errno == ENFILE ? LIMIT_REACHED : IO_FAILED;
    }
    ask->watch.fd = fd;
    bool is_ipv4 = ask->server.family == ADDRESS_IPV4;
    int omit = is_ipv4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT;
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &omit, sizeof omit);
    datagram_bind(ask->asks->world, fd, ask->server.family);
    if (connect(fd, &name.any, len) != 0) {
        return outcome_of_errno(errno);
    }
    ask->watch.ready = datagram_ready;
    return loop_watch(&ask->asks->world->loop, &ask->watch, EPOLLIN);
}

static enum status datagram_send(struct ask *ask, struct span message)
{
    ssize_t sent = send(ask->watch.fd, message.bytes, message.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)) {
        return OK; /* lost, as on the way: the service asks again */
    }
    return sent < 0 ? outcome_of_errno(errno) : OK;
}

/* ------------------------------------------------------------------ TCP */

static enum status connection_write(struct ask *ask)
{
    while (ask->out.len != 0) {
        struct span bytes = buffer_bytes(&ask->out);
        ssize_t sent = send(ask->watch.fd, bytes.bytes, bytes.len, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                break;
            }
            return outcome_of_errno(errno);
        }
        buffer_drop(&ask->out, (size_t)sent);
    }
    return loop_watch(&ask->asks->world->loop, &ask->watch,
                      EPOLLIN | (ask->out.len == 0 ? 0 : EPOLLOUT));
}

/* Delivers every whole message; returns whether the ask is still open. */
static bool connection_deliver(struct ask *ask)
{
    struct asks *asks = ask->asks;
    uint64_t number = ask->number;
    for (;;) {
        struct span message;
        if (framing_next(&FRAMING_DNS, buffer_bytes(&ask->in), &message) != OK) {
            return true;
        }
        /* The service may end the ask in its handler, so the message lives apart from it. */
        size_t len = message.len;
        if (len > 0) {
            memcpy(asks->datagram, message.bytes, len);
        }
        buffer_drop(&ask->in, LENGTH_SIZE + len);
        if (!ask_deliver(asks, number, span_of(asks->datagram, len))) {
            return false;
        }
    }
}

static void connection_read(struct ask *ask)
{
    uint8_t *room = buffer_room(&ask->in, STREAM_READ_SIZE);
    if (room == NULL) {
        ask_finish(ask, NO_MEMORY);
        return;
    }
    ssize_t got = recv(ask->watch.fd, room, STREAM_READ_SIZE, 0);
    if (got > 0) {
        buffer_added(&ask->in, (size_t)got);
        (void)connection_deliver(ask);
    } else if (got == 0) {
        ask_finish(ask, CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        ask_finish(ask, outcome_of_errno(errno));
    }
}

static void connection_ready(void *owner, uint32_t events)
{
    struct ask *ask = owner;
    enum status status = OK;
    if (!ask->is_connected) {
        status = socket_connect_outcome(ask->watch.fd);
        ask->is_connected = status == OK;
    }
    if (status == OK && (events & EPOLLOUT) != 0) {
        status = connection_write(ask);
    }
    if (status != OK) {
        ask_finish(ask, status);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        connection_read(ask);
    }
}

static enum status connection_open(struct ask *ask)
{
    enum status status = socket_connect_stream(ask->server, &ask->watch.fd);
    if (status != OK) {
        return status;
    }
    ask->watch.ready = connection_ready;
    return loop_watch(&ask->asks->world->loop, &ask->watch, EPOLLIN | EPOLLOUT);
}

static enum status connection_send(struct ask *ask, struct span message)
{
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(&FRAMING_DNS, message.len, &writer);
    if (ask->out.len > ASK_UNSENT_MAX) {
        return LIMIT_REACHED;
    }
    if (buffer_append(&ask->out, span_of(length, sizeof length)) != OK ||
        buffer_append(&ask->out, message) != OK) {
        return NO_MEMORY;
    }
    return ask->is_connected ? connection_write(ask) : OK;
}

/* ------------------------------------------------------------------ effects */

struct ask_way {
    enum status (*open)(struct ask *ask);
    enum status (*send)(struct ask *ask, struct span message);
};

static const struct ask_way WAYS[] = {
    [TRANSPORT_UDP] = {datagram_open, datagram_send},
    [TRANSPORT_TCP] = {connection_open, connection_send},
};

static struct ask *ask_open(struct asks *asks, const struct effect_ask *effect)
{
    struct ask *ask = memory_take(sizeof *ask);
    require(ask != NULL); /* without it the service would wait for ever */
    *ask = (struct ask){.asks = asks,
                        .number = effect->ask,
                        .serial = world_number(asks->world),
                        .transport = effect->transport,
                        .server = effect->server,
                        .watch = {.fd = -1, .owner = ask},
                        .deadline = {.due = ask_due, .owner = ask},
                        .outcome = TIMED_OUT};
    if (asks->world->options.upstream_port != 0 && ask->server.port == DNS_PORT) {
        ask->server.port = asks->world->options.upstream_port;
    }
    table_set(&asks->by_number, ask->number, ask);
    return ask;
}

void ask_send(struct world *world, const struct effect_ask *effect)
{
    if (world->asks == NULL) {
        world->asks = memory_take(sizeof *world->asks);
        require(world->asks != NULL);
        world->asks->world = world;
    }
    struct asks *asks = world->asks;
    require(effect->message.len <= DNS_MESSAGE_MAX && effect->transport < LEN(WAYS));
    struct ask *ask = table_find(&asks->by_number, effect->ask);
    enum status status = OK;
    if (ask == NULL) {
        bool is_full = asks->by_number.count >= ASKS_MAX;
        ask = ask_open(asks, effect);
        status = is_full ? LIMIT_REACHED
                 : ask->server.family == ADDRESS_NONE || ask->server.port == 0
                     ? IO_FAILED
                     : WAYS[ask->transport].open(ask);
    } else {
        require(ask->transport == effect->transport);
        status = ask->outcome == TIMED_OUT ? OK : ask->outcome; /* failed, and not yet told */
    }
    if (status == OK) {
        loop_set_timer(&world->loop, &ask->deadline, world_in_ms(effect->timeout_ms));
        status = WAYS[ask->transport].send(ask, effect->message);
    }
    if (status != OK) {
        ask_fail(ask, status);
    }
}

void ask_end(struct world *world, uint64_t number)
{
    struct ask *ask = world->asks == NULL ? NULL : table_find(&world->asks->by_number, number);
    if (ask != NULL) {
        ask_free(ask);
    }
}

void ask_close(struct world *world)
{
    struct asks *asks = world->asks;
    if (asks == NULL) {
        return;
    }
    for (struct ask *ask = table_any(&asks->by_number); ask != NULL;
         ask = table_any(&asks->by_number)) {
        ask_free(ask);
    }
    table_close(&asks->by_number);
    memory_give_back(asks);
    world->asks = NULL;
}
