/* The sockets and connections of DNS over QUIC: who begins one and at which cost, when its time is
 * over, and what leaves in which datagram. Connections are freed in doq_flush alone, so that no
 * callback ever holds a freed one. */
#include "world/real/doq.h"

#include "world/real/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------ clients */

void doq_mark_dirty(struct doq_client *client)
{
    if (!client->is_dirty) {
        client->is_dirty = true;
        client->dirty_next = client->doq->dirty;
        client->doq->dirty = client;
    }
}

/* Clients choose names too, and must not find some that meet in one place of the table. */
static uint64_t name_mix(const struct doq *doq, uint64_t name)
{
    unsigned __int128 product = (unsigned __int128)(name ^ doq->mix[0]) * (doq->mix[1] | 1);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

void doq_client_name(void *owner, uint64_t name, bool is_known)
{
    struct doq_client *client = owner;
    struct doq *doq = client->doq;
    if (is_known) {
        table_set(&doq->by_name, name_mix(doq, name), client);
    } else {
        table_remove(&doq->by_name, name_mix(doq, name));
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

/* ------------------------------------------------------------------ datagrams out */

static void path_way(const struct quic_path *path, bool has_asked, struct udp_way *way)
{
    *way = (struct udp_way){.peer = path->remote, .peer_len = path->len, .has_asked = has_asked};
    if (path->remote.any.sa_family == AF_INET) {
        way->asked.ipv4.ipi_spec_dst = path->local.ipv4.sin_addr;
    } else {
        way->asked.ipv6.ipi6_addr = path->local.ipv6.sin6_addr;
        way->asked.ipv6.ipi6_ifindex = path->local.ipv6.sin6_scope_id;
    }
}

static void lane_send(struct doq *doq)
{
    if (doq->out != NULL) {
        udp_lane_send(&doq->lane, doq->out->watch.fd, &doq->world->log);
    }
}

static void datagram_send(const struct doq_listener *listener, const struct quic_path *path,
                          struct span datagram)
{
    struct doq *doq = listener->doq;
    if (doq->out != listener || doq->lane.out.count == UDP_BATCH) {
        lane_send(doq);
        doq->out = listener;
    }
    struct udp_way way;
    path_way(path, listener->tells_asked, &way);
    udp_lane_add(&doq->lane, &way, datagram);
}

/* ------------------------------------------------------------------ datagrams in */

static void way_path(const struct doq_listener *listener, const struct udp_way *way,
                     struct quic_path *path)
{
    *path = (struct quic_path){.remote = way->peer, .len = way->peer_len};
    (void)socket_name_of(listener->bound, &path->local);
    if (way->has_asked && way->peer.any.sa_family == AF_INET) {
        path->local.ipv4.sin_addr = way->asked.ipv4.ipi_addr;
    } else if (way->has_asked) {
        path->local.ipv6.sin6_addr = way->asked.ipv6.ipi6_addr;
        path->local.ipv6.sin6_scope_id = way->asked.ipv6.ipi6_ifindex;
    }
}

static void client_note_failure(const struct doq_client *client)
{
    char text[ADDRESS_TEXT_MAX];
    if (client->state == DOQ_SHAKING) {
        log_line(&client->doq->world->log, LOG_DETAIL, "no QUIC with %s: %s",
                 address_print(client->peer, text), quic_reason(client->quic));
    }
}

static void client_take(struct doq_client *client, const struct quic_arrival *arrival)
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

static void client_begin(const struct doq_listener *listener, const struct quic_arrival *hello)
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
        client_take(client, hello);
    }
}

/* A datagram that belongs to no connection. */
static void stranger_take(const struct doq_listener *listener, const struct quic_arrival *arrival,
                          const struct quic_header *header)
{
    struct doq *doq = listener->doq;
    const struct entropy *entropy = &doq->world->entropy;
    uint8_t room[QUIC_DATAGRAM_SIZE];
    size_t len = 0;
    if (header->kind == QUIC_OTHER_VERSION) {
        len = quic_write_versions(arrival->datagram, entropy, room);
    } else if (!header->may_begin) {
        len = quic_write_reset(arrival->datagram, &doq->keys, entropy, room);
    } else if (!doq->is_stopped) {
        switch (quic_judge_hello(arrival, &doq->keys)) {
        case QUIC_HELLO_NONE:
            break;
        case QUIC_HELLO_FORGED:
            len = quic_write_refusal(arrival->datagram, room);
            break;
        case QUIC_HELLO_UNPROVEN:
            if (doq->unproven >= QUIC_UNPROVEN_MAX || doq->hellos_left == 0) {
                len = quic_write_retry(arrival, &doq->keys, entropy, room);
                break;
            }
            doq->hellos_left--;
            client_begin(listener, arrival);
            break;
        case QUIC_HELLO_PROVEN:
            client_begin(listener, arrival);
            break;
        }
    }
    if (len != 0) {
        datagram_send(listener, &arrival->path, span_of(room, len));
    }
}

static void datagram_take(const struct doq_listener *listener, size_t at)
{
    struct doq *doq = listener->doq;
    struct udp_way way;
    if (!udp_lane_way(&doq->lane, at, &way)) {
        return;
    }
    struct quic_arrival arrival = {.datagram = doq->lane.datagrams[at].message,
                                   .now_ns = clock_mono_ns()};
    struct quic_header header = quic_read_header(arrival.datagram);
    if (header.kind == QUIC_NOTHING) {
        return;
    }
    way_path(listener, &way, &arrival.path);
    struct doq_client *client = header.kind == QUIC_OF_CONNECTION
                                    ? table_find(&doq->by_name, name_mix(doq, header.id))
                                    : NULL;
    if (client == NULL) {
        stranger_take(listener, &arrival, &header);
    } else if (client->listener == listener) {
        client_take(client, &arrival);
    }
}

static void listener_ready(void *owner, uint32_t events)
{
    (void)events;
    const struct doq_listener *listener = owner;
    struct doq *doq = listener->doq;
    size_t count = UDP_BATCH;
    for (int i = 0; i < QUIC_BATCHES_A_ROUND && count == UDP_BATCH; i++) {
        count = udp_lane_receive(&doq->lane, listener->watch.fd, listener->tells_asked);
        for (size_t at = 0; at < count; at++) {
            datagram_take(listener, at);
        }
    }
}

/* ------------------------------------------------------------------ the end of a round */

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
            datagram_send(client->listener, &path, span_of(room, len));
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

static void client_settle(struct doq_client *client)
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

void doq_flush(struct world *world)
{
    struct doq *doq = world->doq;
    if (doq == NULL) {
        return;
    }
    doq->hellos_left = QUIC_HELLOS_A_ROUND;
    while (doq->dirty != NULL || doq->lost.len != 0) {
        struct doq_client *client = doq->dirty;
        if (client != NULL) {
            doq->dirty = client->dirty_next;
            client_settle(client); /* still marked, so that its own answers do not list it again */
        } else {
            doq_tell_lost(doq);
        }
    }
    lane_send(doq);
}

/* ------------------------------------------------------------------ open and close */

static struct doq *doq_open(struct world *world)
{
    struct doq *doq = memory_take(sizeof *doq);
    if (doq == NULL || !udp_lane_open(&doq->lane)) {
        if (doq != NULL) {
            udp_lane_close(&doq->lane);
        }
        memory_give_back(doq);
        return NULL;
    }
    doq->world = world;
    doq->limits = world->stream_limits;
    doq->hellos_left = QUIC_HELLOS_A_ROUND;
    doq->places.clients_max =
        doq->limits.clients < QUIC_CLIENTS_MAX ? doq->limits.clients : QUIC_CLIENTS_MAX;
    doq->places.clients_a_peer_max = doq->limits.clients_a_peer;
    world->entropy.fill(world->entropy.self, &doq->keys, sizeof doq->keys);
    world->entropy.fill(world->entropy.self, doq->mix, sizeof doq->mix);
    world->doq = doq;
    return doq;
}

/* Nothing of QUIC is cut on the way (RFC 9000 §14), and what a forged ICMP message says of the path
 * is not believed. */
static void forbid_cutting(int fd, bool is_ipv4)
{
    int probe = is_ipv4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE;
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &probe, sizeof probe);
}

static enum status listener_open(struct doq_listener *listener, struct address address,
                                 struct problem *problem)
{
    int fd;
    enum status status = socket_listen(address, SOCK_DGRAM, "DNS over QUIC", &fd, problem);
    if (status != OK) {
        return status;
    }
    listener->tells_asked = udp_lane_prepare(fd, address);
    forbid_cutting(fd, address.family == ADDRESS_IPV4);
    listener->bound = socket_local_address(fd);
    listener->watch = (struct watch){.fd = fd, .ready = listener_ready, .owner = listener};
    if (loop_watch(&listener->doq->world->loop, &listener->watch, EPOLLIN) != OK) {
        close(fd);
        return problem_set(problem, IO_FAILED, "cannot wait for QUIC: %s", strerror(errno));
    }
    return OK;
}

enum status doq_listen(struct world *world, struct address address, const struct world_quic *quic,
                       struct problem *problem)
{
    struct doq *doq = world->doq == NULL ? doq_open(world) : world->doq;
    if (doq == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for QUIC");
    }
    require(doq->listener_count < LEN(doq->listeners));
    struct doq_listener *listener = &doq->listeners[doq->listener_count];
    *listener = (struct doq_listener){
        .doq = doq, .endpoint = world->endpoint_count, .is_fit = quic->is_fit};
    world_keep_tls(world, quic->tls);
    enum status status =
        tls_identity_open(quic->tls, TLS_QUIC_SERVER, &listener->identity, problem);
    status = status == OK ? listener_open(listener, address, problem) : status;
    if (status != OK) {
        tls_identity_close(listener->identity);
        return status;
    }
    doq->listener_count++;
    return OK;
}

struct address doq_address(const struct world *world, size_t index)
{
    require(world->doq != NULL && index < world->doq->listener_count);
    return world->doq->listeners[index].bound;
}

void doq_reload(struct world *world)
{
    for (size_t i = 0; world->doq != NULL && i < world->doq->listener_count; i++) {
        tls_identity_reload(world->doq->listeners[i].identity, &world->log);
    }
}

static void list_mark(const struct place_list *list)
{
    for (const struct place_link *link = list->newest; link != NULL; link = link->older) {
        doq_mark_dirty(link->place->owner);
    }
}

/* The sockets stay open for those that are still answered. */
void doq_stop(struct world *world)
{
    struct doq *doq = world->doq;
    if (doq != NULL) {
        doq->is_stopped = true;
        list_mark(&doq->places.idle);
        list_mark(&doq->places.busy);
    }
}

bool doq_is_drained(const struct world *world)
{
    return world->doq == NULL || (world->doq->places.count == 0 && world->doq->dirty == NULL);
}

void doq_close(struct world *world)
{
    struct doq *doq = world->doq;
    if (doq == NULL) {
        return;
    }
    doq_stop(world); /* all are in the list then */
    while (doq->dirty != NULL) {
        struct doq_client *client = doq->dirty;
        doq->dirty = client->dirty_next;
        doq_client_end(client, DOQ_NO_ERROR);
        (void)client_send(client, clock_mono_ns()); /* the last word */
        client_free(client);
    }
    lane_send(doq);
    for (size_t i = 0; i < doq->listener_count; i++) {
        loop_unwatch(&world->loop, &doq->listeners[i].watch);
        close(doq->listeners[i].watch.fd);
        tls_identity_close(doq->listeners[i].identity);
    }
    table_close(&doq->by_name);
    table_close(&doq->by_channel);
    places_close(&doq->places);
    buffer_close(&doq->lost);
    udp_lane_close(&doq->lane);
    memory_give_back(doq);
    world->doq = NULL;
}
