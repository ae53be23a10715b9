/* What a stream of DNS over QUIC says (RFC 9250 §4.2): one query behind its length, then the end;
 * all else is an error of the protocol and ends the connection (§4.3.3). The service keeps an
 * exchange until it has answered, and only then may the client open one more stream: taking queries
 * back buys nobody more work of ours. */
#include "core/base/framing.h"
#include "world/real/doq.h"

#include <string.h>

enum { LENGTH_SIZE = 2 };

/* ------------------------------------------------------------------ exchanges */

static struct doq_exchange *exchange_open(struct doq_client *client, struct quic_stream *stream)
{
    struct doq_exchange *exchange = memory_take(sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    struct doq *doq = client->doq;
    *exchange =
        (struct doq_exchange){.channel = CHANNEL_STREAM | CHANNEL_QUIC | world_number(doq->world),
                              .client = client,
                              .stream = stream,
                              .state = DOQ_COMES,
                              .message_by_ns = world_in_ms(doq->limits.message_ms),
                              .older = client->newest};
    *(client->newest == NULL ? &client->oldest : &client->newest->newer) = exchange;
    client->newest = exchange;
    client->exchange_count++;
    client->coming_count++;
    table_set(&doq->by_channel, exchange->channel, exchange);
    quic_stream_set_user(stream, exchange);
    return exchange;
}

static void lost_note(struct doq *doq, uint64_t channel)
{
    enum status status = buffer_append(&doq->lost, span_of(&channel, sizeof channel));
    require(status == OK); /* or the service would wait for ever */
}

static void exchange_turn(struct doq_exchange *exchange, enum doq_exchange_state state)
{
    struct doq_client *client = exchange->client;
    client->coming_count -= exchange->state == DOQ_COMES ? 1 : 0;
    client->whole_count -= exchange->state == DOQ_WHOLE ? 1 : 0;
    client->whole_count += state == DOQ_WHOLE ? 1 : 0;
    exchange->state = state;
}

/* Its stream, if it is still there, has no exchange any more. */
static void exchange_free(struct doq_exchange *exchange)
{
    struct doq_client *client = exchange->client;
    exchange_turn(exchange, DOQ_ASKED);
    table_remove(&client->doq->by_channel, exchange->channel);
    if (exchange->awaits_room) {
        client->waiting_count--;
        lost_note(client->doq, exchange->channel);
    }
    *(exchange->newer == NULL ? &client->newest : &exchange->newer->older) = exchange->older;
    *(exchange->older == NULL ? &client->oldest : &exchange->older->newer) = exchange->newer;
    client->exchange_count--;
    if (exchange->stream != NULL) {
        quic_stream_set_user(exchange->stream, NULL);
    } else {
        quic_grant(client->quic);
    }
    buffer_close(&exchange->in);
    memory_give_back(exchange);
}

void doq_exchanges_free(struct doq_client *client)
{
    while (client->newest != NULL) {
        exchange_free(client->newest);
    }
}

int64_t doq_message_by_ns(const struct doq_client *client)
{
    const struct doq_exchange *exchange = client->coming_count == 0 ? NULL : client->oldest;
    while (exchange != NULL && exchange->state != DOQ_COMES) {
        exchange = exchange->newer;
    }
    return exchange == NULL ? INT64_MAX : exchange->message_by_ns;
}

/* ------------------------------------------------------------------ in */

static void stream_take(void *owner, struct quic_stream *stream, struct span bytes, bool is_last)
{
    struct doq_client *client = owner;
    struct doq_exchange *exchange = quic_stream_user(stream);
    if (client->state == DOQ_ENDING) {
        return;
    }
    exchange = exchange == NULL ? exchange_open(client, stream) : exchange;
    if (exchange == NULL || buffer_append(&exchange->in, bytes) != OK) {
        doq_client_end(client, DOQ_INTERNAL_ERROR);
        return;
    }
    struct span message, all = buffer_bytes(&exchange->in);
    enum status status = framing_next(&FRAMING_DNS, all, &message);
    bool goes_on = status == OK && all.len > LENGTH_SIZE + message.len;
    if (status == MALFORMED || goes_on || (is_last && status != OK)) {
        doq_client_end(client, DOQ_PROTOCOL_ERROR);
    } else if (is_last) {
        exchange_turn(exchange, DOQ_WHOLE);
    }
}

/* The client takes back what it has not said whole. */
static void stream_cut(void *owner, struct quic_stream *stream)
{
    (void)owner;
    quic_stream_reset(stream, DOQ_REQUEST_CANCELLED);
}

static void stream_gone(void *owner, struct quic_stream *stream)
{
    struct doq_client *client = owner;
    struct doq_exchange *exchange = quic_stream_user(stream);
    if (exchange == NULL) {
        quic_grant(client->quic);
        return;
    }
    exchange->stream = NULL;
    if (exchange->state == DOQ_COMES) {
        quic_used(client->quic, exchange->in.len);
        exchange_free(exchange);
    }
}

const struct quic_owner DOQ_STREAMS = {
    .take = stream_take,
    .cut = stream_cut,
    .gone = stream_gone,
    .name = doq_client_name,
};

static void exchange_deliver(struct doq_exchange *exchange)
{
    struct doq_client *client = exchange->client;
    const struct doq_listener *listener = client->listener;
    struct buffer in = exchange->in; /* the exchange may be gone before its message is read */
    struct span all = buffer_bytes(&in);
    struct span message = span_part(all, LENGTH_SIZE, all.len - LENGTH_SIZE);
    exchange->in = (struct buffer){0};
    exchange_turn(exchange, DOQ_ASKED);
    quic_used(client->quic, all.len);
    if (!listener->is_fit(message)) {
        doq_client_end(client, DOQ_PROTOCOL_ERROR);
    } else if (client->doq->is_stopped || quic_held(client->quic) >= STREAM_UNSENT_PAUSE) {
        quic_stream_reset(exchange->stream, DOQ_EXCESSIVE_LOAD);
        exchange_free(exchange);
    } else {
        struct event event = {.kind = EVENT_QUERY,
                              .query = {.channel = exchange->channel,
                                        .transport = TRANSPORT_QUIC,
                                        .peer = client->peer,
                                        .endpoint = listener->endpoint,
                                        .message = message,
                                        .is_tls_1_3 = true}};
        doq_note_activity(client);
        world_deliver(client->doq->world, &event);
    }
    buffer_close(&in);
}

static struct doq_exchange *find_whole(const struct doq_client *client)
{
    struct doq_exchange *exchange = client->oldest;
    while (exchange->state != DOQ_WHOLE) {
        exchange = exchange->newer;
    }
    return exchange;
}

/* Sought anew each time, as the service may answer any of them meanwhile. */
void doq_deliver(struct doq_client *client)
{
    while (client->whole_count > 0 && client->state == DOQ_OPEN) {
        exchange_deliver(find_whole(client));
    }
}

/* ------------------------------------------------------------------ out */

static struct doq_exchange *exchange_find(const struct world *world, uint64_t channel)
{
    return world->doq == NULL ? NULL : table_find(&world->doq->by_channel, channel);
}

void doq_reply(struct world *world, const struct effect_reply *reply)
{
    struct doq_exchange *exchange = exchange_find(world, reply->channel);
    if (exchange == NULL) {
        return;
    }
    struct doq_client *client = exchange->client;
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(&FRAMING_DNS, reply->message.len, &writer);
    if (exchange->stream != NULL && quic_stream_send(exchange->stream, writer_written(&writer),
                                                     reply->message, !reply->has_more) != OK) {
        doq_client_end(client, DOQ_INTERNAL_ERROR);
        return;
    }
    if (!reply->has_more) {
        exchange_free(exchange);
    }
    doq_mark_dirty(client);
}

void doq_hang_up(struct world *world, uint64_t channel)
{
    struct doq_exchange *exchange = exchange_find(world, channel);
    if (exchange == NULL) {
        return;
    }
    doq_mark_dirty(exchange->client);
    if (exchange->stream != NULL) {
        quic_stream_reset(exchange->stream, DOQ_INTERNAL_ERROR);
    }
    exchange_free(exchange);
}

void doq_await_room(struct world *world, uint64_t channel)
{
    require(world->doq != NULL && (channel & CHANNEL_QUIC) != 0);
    struct doq_exchange *exchange = exchange_find(world, channel);
    if (exchange == NULL) {
        lost_note(world->doq, channel);
        return;
    }
    exchange->client->waiting_count += exchange->awaits_room ? 0 : 1;
    exchange->awaits_room = true;
    doq_mark_dirty(exchange->client);
}

static void room_tell(struct doq *doq, uint64_t channel, bool is_closed)
{
    struct event event = {.kind = EVENT_ROOM, .room = {.channel = channel, .is_closed = is_closed}};
    world_deliver(doq->world, &event);
}

bool doq_has_room(const struct doq_client *client)
{
    return quic_unsent(client->quic) < STREAM_ROOM && quic_held(client->quic) < QUIC_HELD_MAX;
}

static struct doq_exchange *find_waiting(const struct doq_client *client)
{
    struct doq_exchange *exchange = client->oldest;
    while (!exchange->awaits_room) {
        exchange = exchange->newer;
    }
    return exchange;
}

/* The oldest first; those that began later are told when it has had its fill. */
void doq_offer_room(struct doq_client *client)
{
    for (uint32_t tries = client->waiting_count; tries > 0 && client->waiting_count > 0; tries--) {
        struct doq_exchange *exchange = find_waiting(client);
        bool is_closed = exchange->stream == NULL;
        if (!is_closed && !doq_has_room(client)) {
            return;
        }
        uint64_t channel = exchange->channel;
        exchange->awaits_room = false;
        client->waiting_count--;
        if (is_closed) {
            exchange_free(exchange);
        }
        room_tell(client->doq, channel, is_closed);
    }
}

void doq_tell_lost(struct doq *doq)
{
    while (doq->lost.len != 0) {
        uint64_t channel;
        memcpy(&channel, buffer_bytes(&doq->lost).bytes, sizeof channel);
        buffer_drop(&doq->lost, sizeof channel);
        room_tell(doq, channel, true);
    }
}
