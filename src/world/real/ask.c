/* Questions to other DNS servers: each from a fresh socket with an unpredictable port, connected,
 * so that only datagrams from the asked address and port come back (RFC 5452). */
#include "core/base/framing.h"
#include "world/real/inside.h"
#include "world/real/wire.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_SIZE = 2, DNS_PORT = 53, HOST_NAME_SIZE = 256 };

/* What a stream waits for before messages can be sent. */
enum ask_state {
    ASK_CONNECTING,
    ASK_SHAKING, /* hands, over TLS */
    ASK_OPEN
};

/* A server that must prove who it is. */
struct tls_peer {
    struct tls_identity *identity;
    const char *ca_file;
    char host_name[HOST_NAME_SIZE];
};

struct ask {
    struct asks *asks;
    uint64_t number; /* the service's */
    uint64_t serial; /* ours: the service may use its number again */
    enum transport transport;
    struct address server;
    struct watch watch; /* fd -1: it could not be opened */
    struct timer deadline;
    enum status outcome;  /* told when the deadline comes; TIMED_OUT unless it failed before */
    enum ask_state state; /* of a stream */
    const struct tls_peer *tls_peer; /* NULL: plain */
    struct wire wire;                /* of a stream; its descriptor is that of `watch` */
    struct buffer in;
    struct buffer out;
};

struct asks {
    struct world *world;
    struct table by_number;
    struct tls_peer tls_peers[TLS_PEERS_MAX];
    size_t tls_peer_count;
    uint8_t datagram[DNS_MESSAGE_MAX + 1];
};

static void ask_free(struct ask *ask)
{
    struct world *world = ask->asks->world;
    loop_unwatch(&world->loop, &ask->watch);
    loop_stop_timer(&world->loop, &ask->deadline);
    if (ask->wire.tls != NULL) {
        wire_close(&ask->wire);
    } else if (ask->watch.fd >= 0) {
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

/* ------------------------------------------------------------------ TCP and TLS */

static enum status outcome_of_wire(const struct ask *ask, enum tls_outcome outcome)
{
    char text[ADDRESS_TEXT_MAX];
    if (outcome == TLS_MISTRUSTED) {
        log_line(&ask->asks->world->log, LOG_WARNING, "%s does not prove to be %s: %s",
                 address_print(ask->server, text), ask->tls_peer->host_name,
                 tls_reason(ask->wire.tls));
        return MISMATCH;
    }
    return CLOSED;
}

/* What is unsent, as far as the socket takes it. */
static enum status connection_write(struct ask *ask)
{
    while (ask->out.len != 0) {
        size_t sent;
        enum tls_outcome outcome = wire_write(&ask->wire, buffer_bytes(&ask->out), &sent);
        if (outcome == TLS_WAITS_TO_READ || outcome == TLS_WAITS_TO_WRITE) {
            break;
        }
        if (outcome != TLS_DONE) {
            return outcome_of_wire(ask, outcome);
        }
        buffer_drop(&ask->out, sent);
    }
    return loop_watch(&ask->asks->world->loop, &ask->watch,
                      EPOLLIN | (ask->out.len == 0 ? 0 : EPOLLOUT));
}

static enum status connection_shake_hands(struct ask *ask)
{
    enum tls_outcome outcome = wire_shake_hands(&ask->wire);
    switch (outcome) {
    case TLS_DONE:
        ask->state = ASK_OPEN;
        return connection_write(ask);
    case TLS_WAITS_TO_READ:
        return loop_watch(&ask->asks->world->loop, &ask->watch, EPOLLIN);
    case TLS_WAITS_TO_WRITE:
        return loop_watch(&ask->asks->world->loop, &ask->watch, EPOLLOUT);
    case TLS_CLOSED:
    case TLS_MISTRUSTED:
        break;
    }
    return outcome_of_wire(ask, outcome);
}

static enum status connection_begin(struct ask *ask)
{
    enum status status = socket_connect_outcome(ask->watch.fd);
    if (status == OK && ask->tls_peer != NULL) {
        ask->wire.tls = tls_open(ask->tls_peer->identity, ask->watch.fd, ask->tls_peer->host_name);
        status = ask->wire.tls == NULL ? NO_MEMORY : OK;
    }
    ask->state = ASK_SHAKING;
    return status == OK ? connection_shake_hands(ask) : status;
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
    for (int reads = ask->wire.tls == NULL ? 1 : STREAM_READS_A_ROUND; reads > 0; reads--) {
        size_t len = STREAM_READ_SIZE;
        uint8_t *room = buffer_room(&ask->in, len);
        if (room == NULL) {
            ask_finish(ask, NO_MEMORY);
            return;
        }
        enum tls_outcome outcome = wire_read(&ask->wire, room, &len);
        if (outcome == TLS_WAITS_TO_READ || outcome == TLS_WAITS_TO_WRITE) {
            return;
        }
        if (outcome != TLS_DONE) {
            ask_finish(ask, outcome_of_wire(ask, outcome));
            return;
        }
        buffer_added(&ask->in, len);
        if (!connection_deliver(ask)) {
            return;
        }
    }
}

static void connection_ready(void *owner, uint32_t events)
{
    struct ask *ask = owner;
    enum status status = OK;
    switch (ask->state) {
    case ASK_CONNECTING:
        status = connection_begin(ask);
        break;
    case ASK_SHAKING:
        status = connection_shake_hands(ask);
        break;
    case ASK_OPEN:
        status = (events & EPOLLOUT) != 0 ? connection_write(ask) : OK;
        break;
    }
    if (status != OK) {
        ask_finish(ask, status);
        return;
    }
    if (ask->state == ASK_OPEN &&
        ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 || wire_has_read_ahead(&ask->wire))) {
        connection_read(ask);
    }
}

static enum status connection_open(struct ask *ask)
{
    enum status status = socket_connect_stream(ask->server, &ask->watch.fd);
    if (status != OK) {
        return status;
    }
    ask->wire.fd = ask->watch.fd;
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
    return ask->state == ASK_OPEN ? connection_write(ask) : OK;
}

/* ------------------------------------------------------------------ effects */

struct ask_way {
    enum status (*open)(struct ask *ask);
    enum status (*send)(struct ask *ask, struct span message);
};

static const struct ask_way WAYS[] = {
    [TRANSPORT_UDP] = {datagram_open, datagram_send},
    [TRANSPORT_TCP] = {connection_open, connection_send},
    [TRANSPORT_TLS] = {connection_open, connection_send},
};
_Static_assert(LEN(WAYS) == TRANSPORT_TLS + 1, "servers are not asked over HTTPS and QUIC");

static struct ask *ask_open(struct asks *asks, const struct effect_ask *effect)
{
    require(effect->transport < LEN(WAYS));
    struct ask *ask = memory_take(sizeof *ask);
    require(ask != NULL); /* without it the service would wait for ever */
    *ask = (struct ask){.asks = asks,
                        .number = effect->ask,
                        .serial = world_number(asks->world),
                        .transport = effect->transport,
                        .server = effect->server,
                        .watch = {.fd = -1, .owner = ask},
                        .wire = {.fd = -1},
                        .deadline = {.due = ask_due, .owner = ask},
                        .outcome = TIMED_OUT};
    if (asks->world->options.upstream_port != 0 && ask->server.port == DNS_PORT) {
        ask->server.port = asks->world->options.upstream_port;
    }
    if (effect->transport == TRANSPORT_TLS) {
        require(effect->tls_peer < asks->tls_peer_count);
        ask->tls_peer = &asks->tls_peers[effect->tls_peer];
    }
    table_set(&asks->by_number, ask->number, ask);
    return ask;
}

static struct asks *asks_find(struct world *world)
{
    if (world->asks == NULL) {
        world->asks = memory_take(sizeof *world->asks);
        require(world->asks != NULL);
        world->asks->world = world;
    }
    return world->asks;
}

enum status ask_add_tls_peer(struct world *world, const struct world_tls_peer *peer,
                             uint32_t *index, struct problem *problem)
{
    struct asks *asks = asks_find(world);
    for (uint32_t i = 0; i < asks->tls_peer_count; i++) {
        const struct tls_peer *known = &asks->tls_peers[i];
        if (strcmp(known->host_name, peer->host_name) == 0 &&
            strcmp(known->ca_file, peer->tls.ca_file) == 0) {
            *index = i;
            return OK;
        }
    }
    if (asks->tls_peer_count == TLS_PEERS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d servers can be asked over TLS",
                           TLS_PEERS_MAX);
    }
    struct tls_peer *added = &asks->tls_peers[asks->tls_peer_count];
    size_t len = strlen(peer->host_name);
    if (len == 0 || len >= sizeof added->host_name) {
        return problem_set(problem, TOO_LONG, "the name \"%s\" is empty or too long",
                           peer->host_name);
    }
    memcpy(added->host_name, peer->host_name, len + 1);
    added->ca_file = peer->tls.ca_file;
    world_keep_tls(world, peer->tls);
    enum status status = tls_identity_open(peer->tls, TLS_DNS_CLIENT, &added->identity, problem);
    if (status == OK) {
        *index = (uint32_t)asks->tls_peer_count++;
    }
    return status;
}

void ask_reload(struct world *world)
{
    for (size_t i = 0; world->asks != NULL && i < world->asks->tls_peer_count; i++) {
        tls_identity_reload(world->asks->tls_peers[i].identity, &world->log);
    }
}

void ask_send(struct world *world, const struct effect_ask *effect)
{
    struct asks *asks = asks_find(world);
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
    for (size_t i = 0; i < asks->tls_peer_count; i++) {
        tls_identity_close(asks->tls_peers[i].identity);
    }
    table_close(&asks->by_number);
    memory_give_back(asks);
    world->asks = NULL;
}
