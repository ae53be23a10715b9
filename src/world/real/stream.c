/* DNS over TCP (RFC 7766): many queries on one connection, answers in any order, and limits on who
 * connects too often, says too little, or reads too slowly. Connections are freed in stream_flush
 * alone, so that no callback ever holds a dead one. */
#include "core/base/framing.h"
#include "world/real/acceptor.h"
#include "world/real/inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum stream_state {
    STREAM_OPEN,     /* queries are read, answers written */
    STREAM_FINISHED, /* the peer sends no more; answers are still written */
    STREAM_CLOSING,  /* closes when what is unsent is out */
    STREAM_DEAD      /* freed at the end of the round */
};

enum { LENGTH_SIZE = 2 };

struct stream_listener {
    struct streams *streams;
    struct acceptor acceptor;
    uint32_t endpoint;
};

struct stream {
    struct streams *streams;
    uint64_t channel;
    enum stream_state state;
    struct watch watch;
    struct timer idle;
    struct address peer;
    uint32_t endpoint;
    uint64_t unanswered; /* queries read, less answers written: a guess, as one query may have many
                            answers */
    size_t progress;     /* octets written since the idle timer was set */
    struct buffer in;
    struct buffer out;
    bool awaits_room; /* the service has more to send */
    bool is_dirty;    /* in the list for stream_flush */
    struct stream *dirty_next;
    struct stream *newer; /* all streams by their last activity */
    struct stream *older;
};

struct streams {
    struct world *world;
    struct stream_listener listeners[ENDPOINTS_MAX];
    size_t listener_count;
    struct table by_channel;
    struct stream *newest;
    struct stream *oldest;
    struct stream *dirty;
};

/* ------------------------------------------------------------------ the list by activity */

static void stream_unlink(struct stream *stream)
{
    struct streams *streams = stream->streams;
    *(stream->older == NULL ? &streams->oldest : &stream->older->newer) = stream->newer;
    *(stream->newer == NULL ? &streams->newest : &stream->newer->older) = stream->older;
}

static void stream_link(struct stream *stream)
{
    struct streams *streams = stream->streams;
    stream->newer = NULL;
    stream->older = streams->newest;
    *(streams->newest == NULL ? &streams->oldest : &streams->newest->newer) = stream;
    streams->newest = stream;
}

static void stream_note_activity(struct stream *stream)
{
    stream_unlink(stream);
    stream_link(stream);
    stream->progress = 0;
    loop_set_timer(&stream->streams->world->loop, &stream->idle, world_in_ms(STREAM_IDLE_MS));
}

static void stream_mark_dirty(struct stream *stream)
{
    if (!stream->is_dirty) {
        stream->is_dirty = true;
        stream->dirty_next = stream->streams->dirty;
        stream->streams->dirty = stream;
    }
}

static void stream_kill(struct stream *stream)
{
    stream->state = STREAM_DEAD;
    stream_mark_dirty(stream);
}

static void stream_idle_due(void *owner)
{
    stream_kill(owner);
}

static void stream_free(struct stream *stream)
{
    struct streams *streams = stream->streams;
    loop_unwatch(&streams->world->loop, &stream->watch);
    loop_stop_timer(&streams->world->loop, &stream->idle);
    close(stream->watch.fd);
    stream_unlink(stream);
    table_remove(&streams->by_channel, stream->channel);
    buffer_close(&stream->in);
    buffer_close(&stream->out);
    memory_give_back(stream);
}

/* ------------------------------------------------------------------ in */

/* The first whole message in the buffer, without its length; false when there is none yet. */
static bool stream_next_message(const struct stream *stream, struct span *message)
{
    return framing_next(&FRAMING_DNS, buffer_bytes(&stream->in), message) == OK;
}

static void stream_deliver_messages(struct stream *stream)
{
    struct span message;
    while ((stream->state == STREAM_OPEN || stream->state == STREAM_FINISHED) &&
           stream->out.len < STREAM_UNSENT_PAUSE && !stream->streams->world->is_draining &&
           stream_next_message(stream, &message)) {
        stream_note_activity(stream);
        stream->unanswered++;
        struct event event = {.kind = EVENT_QUERY,
                              .query = {.channel = stream->channel,
                                        .transport = TRANSPORT_TCP,
                                        .peer = stream->peer,
                                        .endpoint = stream->endpoint,
                                        .message = message}};
        world_deliver(stream->streams->world, &event);
        buffer_drop(&stream->in, LENGTH_SIZE + message.len);
    }
}

static void stream_read(struct stream *stream)
{
    uint8_t *room = buffer_room(&stream->in, STREAM_READ_SIZE);
    if (room == NULL) {
        stream_kill(stream);
        return;
    }
    ssize_t got = recv(stream->watch.fd, room, STREAM_READ_SIZE, 0);
    if (got > 0) {
        buffer_added(&stream->in, (size_t)got);
        stream_deliver_messages(stream);
    } else if (got == 0) {
        stream->state = STREAM_FINISHED;
    } else if (errno != EAGAIN && errno != EINTR) {
        stream_kill(stream);
    }
}

static void stream_ready(void *owner, uint32_t events)
{
    struct stream *stream = owner;
    stream_mark_dirty(stream); /* the flush sends, settles the interest, and frees the dead */
    if (stream->state == STREAM_OPEN && (events & EPOLLIN) != 0) {
        stream_read(stream);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        stream_kill(stream);
    }
}

/* ------------------------------------------------------------------ out */

void stream_reply(struct world *world, const struct effect_reply *reply)
{
    struct streams *streams = world->streams;
    struct stream *stream =
        streams == NULL ? NULL : table_find(&streams->by_channel, reply->channel);
    if (stream == NULL || (stream->state != STREAM_OPEN && stream->state != STREAM_FINISHED)) {
        return;
    }
    require(reply->message.len <= DNS_MESSAGE_MAX);
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(&FRAMING_DNS, reply->message.len, &writer);
    stream->unanswered -= stream->unanswered == 0 ? 0 : 1;
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
    struct streams *streams = world->streams;
    struct stream *stream = streams == NULL ? NULL : table_find(&streams->by_channel, channel);
    if (stream != NULL && stream->state != STREAM_DEAD) {
        stream->state = STREAM_CLOSING;
        stream_mark_dirty(stream);
    }
}

void stream_await_room(struct world *world, uint64_t channel)
{
    struct streams *streams = world->streams;
    struct stream *stream = streams == NULL ? NULL : table_find(&streams->by_channel, channel);
    if (stream != NULL) {
        stream->awaits_room = true;
        stream_mark_dirty(stream);
    }
}

static void stream_tell_room(struct stream *stream, bool is_closed)
{
    if (stream->awaits_room) {
        stream->awaits_room = false;
        world_deliver(stream->streams->world, &(struct event){.kind = EVENT_ROOM,
                                                              .room = {.channel = stream->channel,
                                                                       .is_closed = is_closed}});
    }
}

static void stream_write(struct stream *stream)
{
    while (stream->out.len != 0) {
        struct span bytes = buffer_bytes(&stream->out);
        ssize_t sent = send(stream->watch.fd, bytes.bytes, bytes.len, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                stream->state = STREAM_DEAD;
            }
            return;
        }
        buffer_drop(&stream->out, (size_t)sent);
        stream->progress += (size_t)sent;
        if (stream->out.len == 0 || stream->progress >= STREAM_PROGRESS) {
            stream_note_activity(stream);
        }
    }
}

/* Writes, and reads on what had to wait for that, until neither moves. */
static void stream_exchange(struct stream *stream)
{
    size_t before;
    do {
        if (stream->state != STREAM_DEAD) {
            stream_write(stream);
        }
        before = stream->in.len;
        stream_deliver_messages(stream);
    } while (stream->in.len != before);
}

/* Exchanges what it can, and decides what to wait for next. */
static void stream_settle(struct stream *stream)
{
    stream_exchange(stream);
    if (stream->state != STREAM_DEAD && stream->out.len < STREAM_UNSENT_PAUSE) {
        stream_tell_room(stream, false);
    }
    bool is_sent = stream->out.len == 0;
    bool is_over =
        stream->state == STREAM_CLOSING ||
        (stream->state == STREAM_FINISHED && stream->unanswered == 0 && !stream->awaits_room) ||
        (stream->streams->world->is_draining && stream->state != STREAM_DEAD);
    if (is_sent && is_over) {
        stream->state = STREAM_DEAD;
    }
    if (stream->state == STREAM_DEAD) {
        stream_tell_room(stream, true);
        stream_free(stream);
        return;
    }
    stream->is_dirty = false;
    uint32_t interest = is_sent && !stream->awaits_room ? 0 : EPOLLOUT;
    if (stream->state == STREAM_OPEN && stream->out.len < STREAM_UNSENT_PAUSE) {
        interest |= EPOLLIN;
    }
    if (loop_watch(&stream->streams->world->loop, &stream->watch, interest) != OK) {
        stream_free(stream);
    }
}

void stream_flush(struct world *world)
{
    struct streams *streams = world->streams;
    while (streams != NULL && streams->dirty != NULL) {
        struct stream *stream = streams->dirty;
        streams->dirty = stream->dirty_next;
        stream_settle(stream); /* still marked, so that its own answers do not list it again */
    }
}

/* ------------------------------------------------------------------ connections */

static size_t peer_count(const struct streams *streams, struct address peer)
{
    size_t count = 0;
    for (const struct stream *stream = streams->newest; stream != NULL; stream = stream->older) {
        count += address_equal_host(stream->peer, peer) ? 1 : 0;
    }
    return count;
}

/* Whether one more from this peer may stay; makes room by ending the one quiet for longest. */
static bool streams_admit(struct streams *streams, struct address peer)
{
    if (peer_count(streams, peer) >= STREAMS_A_PEER_MAX) {
        return false;
    }
    if (streams->by_channel.count >= STREAMS_MAX && streams->oldest != NULL) {
        stream_kill(streams->oldest);
    }
    return streams->by_channel.count < STREAMS_MAX + ACCEPTS_A_ROUND;
}

static void stream_open(void *owner, int fd)
{
    struct stream_listener *listener = owner;
    struct streams *streams = listener->streams;
    struct world *world = streams->world;
    struct address peer = socket_peer_address(fd);
    struct stream *stream = peer.family != ADDRESS_NONE && streams_admit(streams, peer)
                                ? memory_take(sizeof *stream)
                                : NULL;
    if (stream == NULL) {
        close(fd);
        return;
    }
    *stream = (struct stream){.streams = streams,
                              .channel = CHANNEL_STREAM | world_number(world),
                              .watch = {.fd = fd, .ready = stream_ready, .owner = stream},
                              .idle = {.due = stream_idle_due, .owner = stream},
                              .peer = peer,
                              .endpoint = listener->endpoint};
    socket_set_no_delay(fd);
    table_set(&streams->by_channel, stream->channel, stream);
    stream_link(stream);
    stream_note_activity(stream);
    if (loop_watch(&world->loop, &stream->watch, EPOLLIN) != OK) {
        stream_kill(stream);
    }
}

static void listener_want_room(void *owner)
{
    struct stream_listener *listener = owner;
    if (listener->streams->oldest != NULL) {
        stream_kill(listener->streams->oldest);
    }
}

/* ------------------------------------------------------------------ open and close */

enum status stream_listen(struct world *world, struct address address, uint32_t endpoint,
                          struct problem *problem)
{
    if (world->streams == NULL) {
        world->streams = memory_take(sizeof *world->streams);
        if (world->streams == NULL) {
            return problem_set(problem, NO_MEMORY, "there is no memory for TCP");
        }
        world->streams->world = world;
    }
    struct streams *streams = world->streams;
    require(streams->listener_count < ENDPOINTS_MAX);
    int fd;
    enum status status = socket_listen(address, SOCK_STREAM, "DNS", &fd, problem);
    if (status != OK) {
        return status;
    }
    struct stream_listener *listener = &streams->listeners[streams->listener_count];
    *listener = (struct stream_listener){
        .streams = streams,
        .endpoint = endpoint,
        .acceptor = {.world = world,
                     .take = stream_open,
                     .want_room = listener_want_room,
                     .owner = listener},
    };
    if (acceptor_open(&listener->acceptor, fd) != OK) {
        return problem_set(problem, IO_FAILED, "cannot wait for TCP connections: %s",
                           strerror(errno));
    }
    streams->listener_count++;
    return OK;
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
    for (struct stream *stream = streams->newest; stream != NULL; stream = stream->older) {
        stream_mark_dirty(stream);
    }
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
    stream_stop(world);
    while (streams->newest != NULL) {
        stream_free(streams->newest);
    }
    for (size_t i = 0; i < streams->listener_count; i++) {
        acceptor_close(&streams->listeners[i].acceptor);
    }
    table_close(&streams->by_channel);
    memory_give_back(streams);
    world->streams = NULL;
}
