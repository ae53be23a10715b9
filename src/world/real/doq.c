/* The sockets of DNS over QUIC: which datagram is whose, what begins a connection and at which
 * cost, and what leaves together. */
#include "world/real/doq.h"

#include "world/real/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

void doq_send(const struct doq_listener *listener, const struct quic_path *path,
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
            doq_client_begin(listener, arrival);
            break;
        case QUIC_HELLO_PROVEN:
            doq_client_begin(listener, arrival);
            break;
        }
    }
    if (len != 0) {
        doq_send(listener, &arrival->path, span_of(room, len));
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
        doq_client_take(client, &arrival);
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
            doq_client_settle(
                client); /* still marked, so that its own answers do not list it again */
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
        doq_client_settle(client); /* the last word */
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
