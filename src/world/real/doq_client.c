/* A connection of DNS over QUIC: when its time is over, what it has and has not sent, and who goes
 * when there are too many. Connections are freed when they are settled and at no other time, so
 * that no callback ever holds a freed one. */
#include "world/real/clock.h"
#include "world/real/doq.h"

void doq_mark_dirty(struct doq_client *client)
{
    if (!client->is_dirty) {
        client->is_dirty = true;
        client->dirty_next = client->doq->dirty;
        client->doq->dirty = client;
    }
}

/* It loses its place at once, and its memory at the end of the round. */
static void client_leave(struct doq_client *client)
{
    if (client->state != DOQ_ENDING) {
        client->doq->unproven -= client->state == DOQ_SHAKING ? 1 : 0;
        client->state = DOQ_ENDING;
        place_leave(&client->doq->places, &client->place);
        doq_mark_dirty(client);
    }
}

void doq_client_end(struct doq_client *client, enum doq_error error)
{
    quic_end(client->quic, error);
    client_leave(client);
}

static bool client_waits_for_reader(const struct doq_client *client)
{
    return quic_held(client->quic) != 0 || client->waiting_count != 0;
}

static bool client_is_owed(const struct doq_client *client)
{
    return client_waits_for_reader(client) || client->exchange_count > client->coming_count;
}

/* Whoever waits for an answer of ours is not idle. */
void doq_note_activity(struct doq_client *client)
{
    bool is_owed = client_is_owed(client);
    uint32_t patience_ms = client->doq->limits.idle_ms;
    if (is_owed && !client_waits_for_reader(client) && patience_ms < STREAM_ANSWER_MS) {
        patience_ms = STREAM_ANSWER_MS;
    }
    client->acknowledged = quic_acknowledged(client->quic);
    client->active_by_ns = world_in_ms(patience_ms);
    if (client->state != DOQ_ENDING) {
        place_move(&client->doq->places, &client->place, !is_owed);
    }
}

/* What the other side has taken since, and whose turn it is now. */
static void client_note_progress(struct doq_client *client)
{
    bool waits = client_waits_for_reader(client);
    uint64_t taken = quic_acknowledged(client->quic) - client->acknowledged;
    if (waits != client->waits_for_reader || taken >= STREAM_PROGRESS) {
        doq_note_activity(client);
    }
    client->waits_for_reader = waits;
}

static void client_free(struct doq_client *client)
{
    doq_exchanges_free(client);
    quic_close(client->quic);
    loop_stop_timer(&client->doq->world->loop, &client->timer);
    memory_give_back(client);
}

/* ------------------------------------------------------------------ time */

static void client_watch_time(struct doq_client *client, int64_t now_ns)
{
    int64_t at_ns = client->has_more ? now_ns : quic_due_ns(client->quic);
    int64_t message_by_ns = doq_message_by_ns(client);
    at_ns = message_by_ns < at_ns ? message_by_ns : at_ns;
    at_ns = client->active_by_ns < at_ns ? client->active_by_ns : at_ns;
    loop_set_timer(&client->doq->world->loop, &client->timer, at_ns < now_ns ? now_ns : at_ns);
}

static void client_due(void *owner)
{
    struct doq_client *client = owner;
    int64_t now_ns = clock_mono_ns();
    if (quic_expire(client->quic, now_ns) != OK) {
        client_leave(client);
    } else if (doq_message_by_ns(client) <= now_ns) {
        doq_client_end(client, DOQ_PROTOCOL_ERROR); /* RFC 9250 §4.3.3: the end is not told */
    } else if (client->active_by_ns <= now_ns) {
        doq_client_end(client, DOQ_NO_ERROR);
    }
    doq_mark_dirty(client);
}

/* ------------------------------------------------------------------ in */

static void client_note_failure(const struct doq_client *client)
{
    char text[ADDRESS_TEXT_MAX];
    if (client->state == DOQ_SHAKING) {
        log_line(&client->doq->world->log, LOG_DETAIL, "no QUIC with %s: %s",
                 address_print(client->peer, text), quic_reason(client->quic));
    }
}

void doq_client_take(struct doq_client *client, const struct quic_arrival *arrival)
{
    doq_mark_dirty(client);
    if (client->state == DOQ_ENDING) {
        return;
    }
    enum status status = quic_take(client->quic, arrival);
    if (client->state == DOQ_SHAKING && quic_is_shaken(client->quic)) {
        client->doq->unproven--;
        client->state = DOQ_OPEN;
        doq_note_activity(client);
    }
    if (status != OK) {
        client_note_failure(client);
        client_leave(client);
    }
    doq_deliver(client);
}

static struct doq_client *client_new(const struct doq_listener *listener,
                                     const struct quic_arrival *hello)
{
    struct doq *doq = listener->doq;
    struct doq_client *client = memory_take(sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    *client = (struct doq_client){.doq = doq,
                                  .listener = listener,
                                  .state = DOQ_SHAKING,
                                  .timer = {.due = client_due, .owner = client},
                                  .active_by_ns = INT64_MAX,
                                  .place = {.owner = client},
                                  .peer = socket_address_of(&hello->path.remote)};
    struct quic_owner owner = DOQ_STREAMS;
    owner.owner = client;
    const struct quic_options options = {
        .identity = listener->identity,
        .entropy = &doq->world->entropy,
        .keys = &doq->keys,
        .streams = QUIC_STREAMS_MAX,
        .handshake_ms = doq->limits.message_ms,
        /* Ours is the shorter one, and told; this one is for those that are no more. */
        .idle_ms = doq->limits.idle_ms + STREAM_MESSAGE_MS,
    };
    client->quic = quic_open_server(&options, &owner, hello);
    if (client->quic == NULL || place_enter(&doq->places, &client->place, client->peer) != OK) {
        quic_close(client->quic);
        memory_give_back(client);
        return NULL;
    }
    doq->unproven++;
    return client;
}

void doq_client_begin(const struct doq_listener *listener, const struct quic_arrival *hello)
{
    struct doq *doq = listener->doq;
    void *victim = NULL;
    struct address peer = socket_address_of(&hello->path.remote);
    if (!places_choose_victim(&doq->places, peer, &victim)) {
        return;
    }
    if (victim != NULL) {
        doq_client_end(victim, DOQ_EXCESSIVE_LOAD);
    }
    struct doq_client *client = client_new(listener, hello);
    if (client != NULL) {
        doq_client_take(client, hello);
    }
}

/* ------------------------------------------------------------------ out */

/* Sends what may leave now. Whoever has more gets another turn in the next round. */
static enum status client_send(struct doq_client *client, int64_t now_ns)
{
    uint8_t room[QUIC_DATAGRAM_SIZE];
    size_t len = 1;
    enum status status = OK;
    for (int i = 0; i < QUIC_DATAGRAMS_A_ROUND && status == OK && len != 0; i++) {
        struct quic_path path;
        status = quic_fill(client->quic, now_ns, room, &len, &path);
        if (len != 0) {
            doq_send(client->listener, &path, span_of(room, len));
        }
    }
    quic_note_sent(client->quic, now_ns);
    client->has_more = len != 0 || (client->waiting_count > 0 && doq_has_room(client));
    return status;
}

/* The server ends: whoever is owed nothing is told so. */
static void client_settle_end(struct doq_client *client)
{
    const struct world *world = client->doq->world;
    if (client->doq->is_stopped && client->state != DOQ_ENDING && quic_held(client->quic) == 0 &&
        (world->is_stopped || !client_is_owed(client))) {
        doq_client_end(client, DOQ_NO_ERROR);
    }
}

void doq_client_settle(struct doq_client *client)
{
    int64_t now_ns = clock_mono_ns();
    if (client->state == DOQ_OPEN) {
        doq_offer_room(client);
        client_note_progress(client);
    }
    client_settle_end(client);
    enum status status = client_send(client, now_ns);
    if (status != OK || client->state == DOQ_ENDING) {
        client_leave(client);
        client_free(client);
        return;
    }
    client->is_dirty = false;
    client_watch_time(client, now_ns);
}
