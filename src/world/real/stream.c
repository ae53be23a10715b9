/* DNS over TCP and TLS (RFC 7766, 7858), and the connections of HTTPS: many queries on one
 * connection, answers in any order, and what is asked of who says too little, or reads too slowly.
 * Connections are freed in stream_flush alone, so that no callback ever holds a freed one. */
#include "world/real/stream.h"

#include "core/base/framing.h"
#include "world/real/clock.h"
#include "world/real/https.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

enum { LENGTH_SIZE = 2 };

/* ------------------------------------------------------------------ deadlines */

static void stream_mark_dirty(struct stream *stream)
{
    if (!stream->is_dirty) {
        stream->is_dirty = true;
        stream->dirty_next = stream->streams->dirty;
        stream->streams->dirty = stream;
    }
}

/* It loses its place at once, and its memory at the end of the round. */
static void stream_kill(struct stream *stream)
{
    if (stream->state != STREAM_DEAD) {
        stream->state = STREAM_DEAD;
        place_leave(&stream->streams->places, &stream->place);
        table_remove(&stream->streams->by_channel, stream->channel);
        stream_mark_dirty(stream);
    }
}

static bool stream_has_unsent(const struct stream *stream)
{
    return stream->out.len != 0 || (stream->https != NULL && https_is_owed(stream->https));
}

static bool stream_is_owed(const struct stream *stream)
{
    return stream_has_unsent(stream) || stream->unanswered != 0 || stream->awaits_room;
}

static int64_t stream_deadline(const struct stream *stream)
{
    return stream->message_by_ns < stream->active_by_ns ? stream->message_by_ns
                                                        : stream->active_by_ns;
}

/* The timer is only ever moved towards now; when it goes too early it is set again. */
static void stream_watch_time(struct stream *stream)
{
    int64_t at_ns = stream_deadline(stream);
    if (stream->timer.item.position == 0 || stream->timer.item.at > at_ns) {
        loop_set_timer(&stream->streams->world->loop, &stream->timer, at_ns);
    }
}

static void stream_due(void *owner)
{
    struct stream *stream = owner;
    if (stream_deadline(stream) <= clock_mono_ns()) {
        stream_kill(stream);
    } else {
        stream_watch_time(stream);
    }
}

static bool stream_waits_for_reader(const struct stream *stream)
{
    return stream_has_unsent(stream) || stream->awaits_room;
}

/* A message came, or answers were taken. Whoever waits for an answer of ours is not idle. */
static void stream_note_activity(struct stream *stream)
{
    bool is_owed = stream_is_owed(stream);
    uint32_t patience_ms = stream->streams->limits.idle_ms;
    if (is_owed && !stream_waits_for_reader(stream) && patience_ms < STREAM_ANSWER_MS) {
        patience_ms = STREAM_ANSWER_MS;
    }
    stream->progress = 0;
    stream->active_by_ns = world_in_ms(patience_ms);
    stream_watch_time(stream);
    place_move(&stream->streams->places, &stream->place, !is_owed);
}

static void stream_note_part(struct stream *stream)
{
    bool has_part = stream->https != NULL ? https_has_part(stream->https) : stream->in.len != 0;
    if (!has_part) {
        stream->message_by_ns = INT64_MAX;
    } else if (stream->message_by_ns == INT64_MAX) {
        stream->message_by_ns = world_in_ms(stream->streams->limits.message_ms);
        stream_watch_time(stream);
    }
}

static void stream_free(struct stream *stream)
{
    struct streams *streams = stream->streams;
    loop_unwatch(&streams->world->loop, &stream->watch);
    loop_stop_timer(&streams->world->loop, &stream->timer);
    wire_close(&stream->wire);
    https_close(stream->https);
    buffer_close(&stream->in);
    buffer_close(&stream->out);
    memory_give_back(stream);
}

/* ------------------------------------------------------------------ in */

static bool stream_takes_more(const struct stream *stream)
{
    /* HTTP is read even while answers wait, as the client's word on how much of them it takes comes
     * this way too. What limits its requests is in https.c. */
    if (stream->https != NULL) {
        return stream->state == STREAM_OPEN && stream->out.len < HTTPS_OUT_ENOUGH;
    }
    return (stream->state == STREAM_OPEN || stream->state == STREAM_FINISHED) &&
           stream->out.len < STREAM_UNSENT_PAUSE && stream->unanswered < STREAM_UNANSWERED_MAX &&
           !stream->streams->world->is_draining;
}

void stream_note_message(struct stream *stream)
{
    stream->message_by_ns = INT64_MAX;
    stream_note_activity(stream);
}

void stream_note_answer(struct stream *stream)
{
    stream->unanswered -= stream->unanswered == 0 ? 0 : 1;
    stream_mark_dirty(stream);
}

/* The idle time is that of RFC 7828, which HTTP has its own ways for. */
void stream_deliver_query(struct stream *stream, uint64_t channel, struct span message)
{
    stream->unanswered++;
    stream_note_message(stream);
    struct event event = {
        .kind = EVENT_QUERY,
        .query = {.channel = channel,
                  .transport = stream->listener->transport,
                  .peer = stream->peer,
                  .endpoint = stream->listener->endpoint,
                  .message = message,
                  .idle_ms = stream->https != NULL ? 0 : stream->streams->limits.idle_ms,
                  .is_tls_1_3 = stream->is_tls_1_3}};
    world_deliver(stream->streams->world, &event);
}

/* Delivers the whole messages in front; returns how many octets they took. */
static size_t stream_deliver(struct stream *stream, struct span bytes)
{
    size_t taken = 0;
    struct span message;
    while (stream_takes_more(stream) &&
           framing_next(&FRAMING_DNS, span_part(bytes, taken, bytes.len - taken), &message) == OK) {
        stream_deliver_query(stream, stream->channel, message);
        taken += LENGTH_SIZE + message.len;
    }
    return taken;
}

static void stream_deliver_kept(struct stream *stream)
{
    buffer_drop(&stream->in, stream_deliver(stream, buffer_bytes(&stream->in)));
    stream_note_part(stream);
    if (stream->in.len == 0) {
        buffer_close(&stream->in); /* most connections are idle most of the time */
    }
}

static void stream_take_http(struct stream *stream, struct span bytes)
{
    if (https_take(stream->https, bytes) != OK && stream->state == STREAM_OPEN) {
        stream->state = STREAM_CLOSING;
    }
    stream_note_part(stream);
}

/* What arrives is delivered where it lies; only what is no whole message yet is kept. */
static void stream_take(struct stream *stream, struct span bytes)
{
    if (stream->in.len == 0) {
        size_t taken = stream_deliver(stream, bytes);
        bytes = span_part(bytes, taken, bytes.len - taken);
    }
    if (bytes.len != 0 && buffer_append(&stream->in, bytes) != OK) {
        stream_kill(stream);
        return;
    }
    stream_deliver_kept(stream);
}

static void stream_read(struct stream *stream)
{
    struct streams *streams = stream->streams;
    /* One read of a plain socket brings many queries, one of TLS brings one record, and whole
     * records alone are read: what TLS kept of one would wake nobody. */
    bool is_plain = stream->wire.tls == NULL;
    int reads = is_plain ? 1 : STREAM_READS_A_ROUND;
    size_t taken = 0;
    while (stream->state == STREAM_OPEN && stream_takes_more(stream) && reads-- > 0 &&
           taken < STREAM_READ_ENOUGH) {
        size_t len = is_plain ? STREAM_READ_ENOUGH : sizeof streams->room;
        switch (wire_read(&stream->wire, streams->room, &len)) {
        case TLS_DONE:
            taken += len;
            if (stream->https != NULL) {
                stream_take_http(stream, span_of(streams->room, len));
            } else {
                stream_take(stream, span_of(streams->room, len));
            }
            break;
        case TLS_WAITS_TO_READ:
        case TLS_WAITS_TO_WRITE:
            return;
        case TLS_CLOSED:
            stream->state = STREAM_FINISHED;
            break;
        case TLS_MISTRUSTED:
            stream_kill(stream);
            break;
        }
    }
}

/* ------------------------------------------------------------------ the handshake */

static void stream_begin(struct stream *stream)
{
    stream->state = STREAM_OPEN;
    stream->is_tls_1_3 = tls_is_1_3(stream->wire.tls);
    stream->message_by_ns = INT64_MAX;
    if (stream->listener->transport == TRANSPORT_HTTPS) {
        stream->https = https_open(stream);
        if (stream->https == NULL) {
            stream_kill(stream);
            return;
        }
    }
    stream_note_activity(stream);
    stream_read(stream);
}

static void stream_shake_hands(struct stream *stream)
{
    struct world *world = stream->streams->world;
    if (stream->streams->handshakes_left == 0) {
        return; /* others have their turn; the socket stays ready */
    }
    stream->streams->handshakes_left--;
    char text[ADDRESS_TEXT_MAX];
    switch (wire_shake_hands(&stream->wire)) {
    case TLS_DONE:
        stream_begin(stream);
        break;
    case TLS_WAITS_TO_READ:
        stream->shakes_by_write = false;
        break;
    case TLS_WAITS_TO_WRITE:
        stream->shakes_by_write = true;
        break;
    case TLS_CLOSED:
    case TLS_MISTRUSTED:
        log_line(&world->log, LOG_DETAIL, "no TLS with %s: %s", address_print(stream->peer, text),
                 tls_reason(stream->wire.tls));
        stream_kill(stream);
        break;
    }
}

static void stream_ready(void *owner, uint32_t events)
{
    struct stream *stream = owner;
    stream_mark_dirty(stream); /* the flush sends, settles the interest, and frees the dead */
    if (stream->state == STREAM_SHAKING) {
        stream_shake_hands(stream);
    } else if (stream->state == STREAM_OPEN && (events & EPOLLIN) != 0) {
        stream_read(stream);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        stream_kill(stream);
    }
}

/* ------------------------------------------------------------------ out */

static struct stream *stream_find(const struct world *world, uint64_t channel)
{
    return world->streams == NULL ? NULL : table_find(&world->streams->by_channel, channel);
}

void stream_reply(struct world *world, const struct effect_reply *reply)
{
    struct stream *stream = stream_find(world, reply->channel);
    if (stream == NULL || (stream->state != STREAM_OPEN && stream->state != STREAM_FINISHED)) {
        return;
    }
    require(reply->message.len <= DNS_MESSAGE_MAX);
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(&FRAMING_DNS, reply->message.len, &writer);
    if (!reply->has_more) {
        stream_note_answer(stream);
    }
    if (stream->out.len > STREAM_UNSENT_MAX ||
        buffer_append(&stream->out, span_of(length, sizeof length)) != OK ||
        buffer_append(&stream->out, reply->message) != OK) {
        stream_kill(stream);
        return;
    }
    stream_mark_dirty(stream);
}

void stream_hang_up(struct world *world, uint64_t channel)
{
    struct stream *stream = stream_find(world, channel);
    if (stream != NULL) {
        stream->state = STREAM_CLOSING;
        stream_mark_dirty(stream);
    }
}

void stream_await_room(struct world *world, uint64_t channel)
{
    struct streams *streams = world->streams;
    struct stream *stream = stream_find(world, channel);
    require(streams != NULL && (channel & CHANNEL_STREAM) != 0);
    if (stream != NULL) {
        stream->awaits_room = true;
        stream_mark_dirty(stream);
        return;
    }
    enum status status = buffer_append(&streams->lost, span_of(&channel, sizeof channel));
    require(status == OK); /* or the service would wait for ever */
}

static void streams_tell_room(struct streams *streams, uint64_t channel, bool is_closed)
{
    struct event event = {.kind = EVENT_ROOM, .room = {.channel = channel, .is_closed = is_closed}};
    world_deliver(streams->world, &event);
}

/* Makes the next frames of HTTP. False when there is nothing to write. */
static bool stream_fill(struct stream *stream)
{
    if (stream->https != NULL && stream->out.len < HTTPS_OUT_ENOUGH &&
        https_fill(stream->https) != OK && stream->state != STREAM_DEAD) {
        stream->state = STREAM_CLOSING;
    }
    return stream->out.len != 0;
}

static void stream_write(struct stream *stream)
{
    while (stream_fill(stream)) {
        size_t sent;
        enum tls_outcome outcome = wire_write(&stream->wire, buffer_bytes(&stream->out), &sent);
        if (outcome == TLS_WAITS_TO_READ || outcome == TLS_WAITS_TO_WRITE) {
            return;
        }
        if (outcome != TLS_DONE) {
            stream_kill(stream);
            return;
        }
        buffer_drop(&stream->out, sent);
        stream->progress += sent;
        if (!stream_has_unsent(stream) || stream->progress >= STREAM_PROGRESS) {
            stream_note_activity(stream);
        }
    }
    buffer_close(&stream->out);
}

/* Writes, and reads on what had to wait for that, until neither moves. */
static void stream_exchange(struct stream *stream)
{
    size_t before;
    do {
        if (stream->state != STREAM_DEAD && stream->state != STREAM_SHAKING) {
            stream_write(stream);
        }
        before = stream->in.len;
        if (before != 0) {
            stream_deliver_kept(stream);
        }
    } while (stream->in.len != before);
}

/* Once a round, so that others are served while a long transfer is taken. */
static void stream_offer_room(struct stream *stream)
{
    if (stream->awaits_room && stream->state != STREAM_DEAD && stream->out.len < STREAM_ROOM) {
        stream->awaits_room = false;
        streams_tell_room(stream->streams, stream->channel, false);
        if (stream->state != STREAM_DEAD) {
            stream_write(stream);
        }
    }
}

/* From now on it is the reader's turn, not ours. */
static void stream_note_reader(struct stream *stream)
{
    bool waits = stream_waits_for_reader(stream);
    if (stream->state != STREAM_DEAD && waits && !stream->waits_for_reader) {
        stream_note_activity(stream);
    }
    stream->waits_for_reader = waits;
}

static uint32_t stream_interest(const struct stream *stream)
{
    if (stream->state == STREAM_SHAKING) {
        return stream->shakes_by_write ? EPOLLOUT : EPOLLIN;
    }
    uint32_t interest = stream->out.len != 0 || stream->awaits_room ? EPOLLOUT : 0;
    return stream->state == STREAM_OPEN && stream_takes_more(stream) ? interest | EPOLLIN
                                                                     : interest;
}

/* Exchanges what it can, and decides what to wait for next. */
static void stream_settle(struct stream *stream)
{
    stream_exchange(stream);
    stream_offer_room(stream);
    stream_note_reader(stream);
    const struct world *world = stream->streams->world;
    bool is_over = stream->state == STREAM_CLOSING ||
                   (stream->https != NULL && https_is_over(stream->https)) ||
                   (stream->state == STREAM_FINISHED && !stream_is_owed(stream)) ||
                   (world->is_draining && (world->is_stopped || !stream_is_owed(stream)));
    bool is_last = stream->state == STREAM_CLOSING; /* what of HTTP waits for leave never gets it */
    if (is_over && (is_last ? stream->out.len == 0 : !stream_has_unsent(stream))) {
        stream_kill(stream);
    }
    if (stream->state != STREAM_DEAD &&
        loop_watch(&stream->streams->world->loop, &stream->watch, stream_interest(stream)) != OK) {
        stream_kill(stream);
    }
    if (stream->state == STREAM_DEAD) {
        if (stream->awaits_room) {
            streams_tell_room(stream->streams, stream->channel, true);
        }
        stream_free(stream);
    } else {
        stream->is_dirty = false;
    }
}

void stream_flush(struct world *world)
{
    struct streams *streams = world->streams;
    if (streams == NULL) {
        return;
    }
    streams->handshakes_left = STREAM_HANDSHAKES_A_ROUND;
    while (streams->dirty != NULL || streams->lost.len != 0) {
        struct stream *stream = streams->dirty;
        if (stream != NULL) {
            streams->dirty = stream->dirty_next;
            stream_settle(stream); /* still marked, so that its own answers do not list it again */
            continue;
        }
        uint64_t channel;
        memcpy(&channel, buffer_bytes(&streams->lost).bytes, sizeof channel);
        buffer_drop(&streams->lost, sizeof channel);
        streams_tell_room(streams, channel, true);
    }
}

/* ------------------------------------------------------------------ connections */

static void stream_open(void *owner, int fd)
{
    struct stream_listener *listener = owner;
    struct streams *streams = listener->streams;
    struct wire wire = {.fd = fd};
    struct address peer = socket_peer_address(fd);
    void *victim = NULL;
    if (peer.family == ADDRESS_NONE || !places_choose_victim(&streams->places, peer, &victim)) {
        wire_close(&wire);
        return;
    }
    if (victim != NULL) {
        stream_kill(victim);
    }
    struct stream *stream = memory_take(sizeof *stream);
    if (stream != NULL && listener->identity != NULL) {
        wire.tls = tls_open(listener->identity, fd, NULL);
    }
    if (stream == NULL || (listener->identity != NULL && wire.tls == NULL)) {
        memory_give_back(stream);
        wire_close(&wire);
        return;
    }
    *stream = (struct stream){.streams = streams,
                              .listener = listener,
                              .channel = CHANNEL_STREAM | world_number(streams->world),
                              .state = wire.tls == NULL ? STREAM_OPEN : STREAM_SHAKING,
                              .wire = wire,
                              .watch = {.fd = fd, .ready = stream_ready, .owner = stream},
                              .timer = {.due = stream_due, .owner = stream},
                              .message_by_ns = INT64_MAX,
                              .place = {.owner = stream},
                              .peer = peer};
    if (place_enter(&streams->places, &stream->place, peer) != OK) {
        stream_free(stream);
        return;
    }
    table_set(&streams->by_channel, stream->channel, stream);
    stream_note_activity(stream);
    if (wire.tls != NULL) {
        stream->message_by_ns = world_in_ms(streams->limits.message_ms);
        stream_watch_time(stream);
    }
    stream_mark_dirty(stream); /* the flush begins to watch it */
}

static void listener_want_room(void *owner)
{
    const struct stream_listener *listener = owner;
    struct stream *oldest = places_oldest(&listener->streams->places);
    if (oldest != NULL) {
        stream_kill(oldest);
    }
}

/* ------------------------------------------------------------------ open and close */

static struct streams *streams_open(struct world *world)
{
    if (world->streams == NULL) {
        world->streams = memory_take(sizeof *world->streams);
    }
    if (world->streams != NULL) {
        world->streams->world = world;
        world->streams->limits = world->stream_limits;
        world->streams->places.clients_max = world->stream_limits.clients;
        world->streams->places.clients_a_peer_max = world->stream_limits.clients_a_peer;
        world->streams->handshakes_left = STREAM_HANDSHAKES_A_ROUND;
    }
    return world->streams;
}

/* The connections inherit these. The kernel takes no more of what we send than a little above what
 * is on its way, so that what a reader does not take waits with us, where it is bounded. */
static void listener_set_options(int fd)
{
    int unsent = STREAM_KERNEL_UNSENT;
    socket_set_no_delay(fd);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

/* How the kinds of connections differ where they are opened. */
static const struct stream_kind {
    const char *purpose;
    enum tls_use use;
} KINDS[] = {
    [TRANSPORT_TCP] = {"DNS", TLS_USE_COUNT},
    [TRANSPORT_TLS] = {"DNS over TLS", TLS_DNS_SERVER},
    [TRANSPORT_HTTPS] = {"DNS over HTTPS", TLS_HTTPS_SERVER},
};

enum status stream_listen(struct world *world, struct address address, uint32_t endpoint,
                          const struct stream_service *service, struct problem *problem)
{
    require(service->transport < LEN(KINDS));
    const struct stream_kind *kind = &KINDS[service->transport];
    struct streams *streams = streams_open(world);
    if (streams == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for TCP");
    }
    require(streams->listener_count < LEN(streams->listeners));
    struct stream_listener *listener = &streams->listeners[streams->listener_count];
    *listener = (struct stream_listener){
        .streams = streams,
        .endpoint = endpoint,
        .transport = service->transport,
        .path = service->path,
        .lifetime_s = service->lifetime_s,
        .acceptor = {.world = world,
                     .take = stream_open,
                     .want_room = listener_want_room,
                     .owner = listener},
    };
    int fd = -1;
    enum status status = OK;
    if (kind->use != TLS_USE_COUNT) {
        world_keep_tls(world, service->tls);
        status = tls_identity_open(service->tls, kind->use, &listener->identity, problem);
    }
    if (status == OK) {
        status = socket_listen(address, SOCK_STREAM, kind->purpose, &fd, problem);
    }
    if (status == OK) {
        listener_set_options(fd);
        listener->bound = socket_local_address(fd);
        status = acceptor_open(&listener->acceptor, fd);
        if (status != OK) {
            status = problem_set(problem, IO_FAILED, "cannot wait for TCP connections: %s",
                                 strerror(errno));
        }
    }
    if (status != OK) {
        tls_identity_close(listener->identity);
        return status;
    }
    streams->listener_count++;
    return OK;
}

struct address stream_address(const struct world *world, enum transport transport, size_t index)
{
    require(world->streams != NULL);
    for (size_t i = 0; i < world->streams->listener_count; i++) {
        const struct stream_listener *listener = &world->streams->listeners[i];
        if (listener->transport == transport && index-- == 0) {
            return listener->bound;
        }
    }
    require(!"there are not so many");
    return (struct address){0};
}

void stream_reload(struct world *world)
{
    for (size_t i = 0; world->streams != NULL && i < world->streams->listener_count; i++) {
        struct stream_listener *listener = &world->streams->listeners[i];
        if (listener->identity != NULL) {
            tls_identity_reload(listener->identity, &world->log);
        }
    }
}

static void list_finish(const struct place_list *list)
{
    for (const struct place_link *link = list->newest; link != NULL; link = link->older) {
        struct stream *stream = link->place->owner;
        if (stream->https != NULL) {
            https_finish(stream->https);
        }
        stream_mark_dirty(stream);
    }
}

void stream_stop(struct world *world)
{
    struct streams *streams = world->streams;
    if (streams == NULL) {
        return;
    }
    for (size_t i = 0; i < streams->listener_count; i++) {
        acceptor_stop(&streams->listeners[i].acceptor);
    }
    list_finish(&streams->places.idle);
    list_finish(&streams->places.busy);
}

bool stream_is_drained(const struct world *world)
{
    return world->streams == NULL || world->streams->by_channel.count == 0;
}

void stream_close(struct world *world)
{
    struct streams *streams = world->streams;
    if (streams == NULL) {
        return;
    }
    stream_stop(world); /* all are in the list then */
    for (struct stream *stream = streams->dirty; stream != NULL; stream = streams->dirty) {
        streams->dirty = stream->dirty_next;
        stream_kill(stream);
        stream_free(stream);
    }
    for (size_t i = 0; i < streams->listener_count; i++) {
        acceptor_close(&streams->listeners[i].acceptor);
        tls_identity_close(streams->listeners[i].identity);
    }
    table_close(&streams->by_channel);
    table_close(&streams->exchanges);
    places_close(&streams->places);
    buffer_close(&streams->lost);
    memory_give_back(streams);
    world->streams = NULL;
}
