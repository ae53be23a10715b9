/* DNS over UDP as events and effects: which queries may still be answered, and how. Datagrams come
 * by a lane of the world's own, or from workers that could not answer them. */
#include "world/real/inside.h"
#include "world/real/udp_lane.h"
#include "world/real/workers.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A channel is the place of a query that may still be answered. The numbers of channels contain a
 * count of uses, so that a late reply never reaches a later asker. */
struct udp_channel {
    struct udp_way way;
    uint32_t endpoint; /* index into the endpoints here */
    uint32_t uses;
    uint32_t newer; /* neighbours in order of arrival, or in the list of free channels */
    uint32_t older;
    bool is_open;
};

enum { NO_CHANNEL = UINT32_MAX };

struct udp_endpoint {
    struct udp *udp;
    struct watch watch;
    uint32_t number; /* the service's */
    struct address bound;
    bool tells_asked; /* each message tells the address it was sent to */
};

struct udp {
    struct world *world;
    struct udp_endpoint endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    struct udp_channel *channels;
    uint32_t free;   /* a list by `newer` */
    uint32_t oldest; /* of the open ones */
    uint32_t newest;
    struct udp_lane lane;
    uint32_t out_endpoint;   /* all that waits in the lane goes out there */
    struct workers *workers; /* NULL: all is done here */
    struct watch handed;     /* what the workers left */
    bool has_started;        /* the workers */
    struct grace grace;
};

/* ------------------------------------------------------------------ channels */

static void channel_unlink(struct udp *udp, uint32_t index)
{
    struct udp_channel *channel = &udp->channels[index];
    *(channel->older == NO_CHANNEL ? &udp->oldest : &udp->channels[channel->older].newer) =
        channel->newer;
    *(channel->newer == NO_CHANNEL ? &udp->newest : &udp->channels[channel->newer].older) =
        channel->older;
}

static void channel_close(struct udp *udp, uint32_t index)
{
    struct udp_channel *channel = &udp->channels[index];
    require(channel->is_open);
    channel_unlink(udp, index);
    channel->is_open = false;
    channel->newer = udp->free;
    udp->free = index;
}

/* Takes a free channel, or that of the query that has waited longest. */
static uint32_t channel_open(struct udp *udp)
{
    if (udp->free == NO_CHANNEL) {
        channel_close(udp, udp->oldest);
    }
    uint32_t index = udp->free;
    struct udp_channel *channel = &udp->channels[index];
    udp->free = channel->newer;
    channel->is_open = true;
    channel->uses++;
    channel->newer = NO_CHANNEL;
    channel->older = udp->newest;
    *(udp->newest == NO_CHANNEL ? &udp->oldest : &udp->channels[udp->newest].newer) = index;
    udp->newest = index;
    return index;
}

static uint64_t channel_number(const struct udp *udp, uint32_t index)
{
    return (uint64_t)udp->channels[index].uses << 16 | index;
}
_Static_assert(UDP_CHANNELS_MAX == 1 << 16, "an index has 16 bits in the number of a channel");

/* ------------------------------------------------------------------ in */

/* A message as an event. */
struct arrival {
    const struct udp_way *way;
    struct address peer;
    size_t endpoint;
    struct span message;
};

static void arrival_deliver(struct udp *udp, const struct arrival *arrival)
{
    uint32_t index = channel_open(udp);
    struct udp_channel *channel = &udp->channels[index];
    channel->way = *arrival->way;
    channel->endpoint = (uint32_t)arrival->endpoint;
    struct event event = {
        .kind = EVENT_QUERY,
        .query = {.channel = channel_number(udp, index),
                  .transport = TRANSPORT_UDP,
                  .peer = arrival->peer,
                  .endpoint = udp->endpoints[arrival->endpoint].number,
                  .message = arrival->message},
    };
    world_deliver(udp->world, &event);
}

static void message_take(struct udp_endpoint *endpoint, size_t at)
{
    struct udp *udp = endpoint->udp;
    struct udp_way way;
    if (udp_lane_way(&udp->lane, at, &way)) {
        struct arrival arrival = {.way = &way,
                                  .peer = udp->lane.datagrams[at].peer,
                                  .endpoint = (size_t)(endpoint - udp->endpoints),
                                  .message = udp->lane.datagrams[at].message};
        arrival_deliver(udp, &arrival);
    }
}

static void endpoint_ready(void *owner, uint32_t events)
{
    (void)events;
    struct udp_endpoint *endpoint = owner;
    struct udp *udp = endpoint->udp;
    struct world *world = udp->world;
    for (int round = 0; round < UDP_BATCHES_A_ROUND; round++) {
        udp_flush(world);
        size_t count = udp_lane_receive(&udp->lane, endpoint->watch.fd, endpoint->tells_asked);
        if (world->node.answer != NULL && !world->is_stopped) {
            udp_lane_answer(&udp->lane, &world->node);
            udp_lane_send(&udp->lane, endpoint->watch.fd, &world->log);
        }
        for (size_t i = 0; i < count && endpoint->watch.is_watched; i++) {
            if (udp->lane.datagrams[i].reply_len == 0 && !udp->lane.datagrams[i].is_dropped) {
                message_take(endpoint, i);
            }
        }
        udp_flush(world);
        if (count < UDP_BATCH) {
            return;
        }
    }
}

static void handed_take(void *user, const struct handed_message *handed)
{
    struct udp *udp = user;
    struct arrival arrival = {.way = &handed->way,
                              .peer = handed->peer,
                              .endpoint = handed->endpoint,
                              .message = handed->message};
    arrival_deliver(udp, &arrival);
}

static void handed_ready(void *owner, uint32_t events)
{
    (void)events;
    struct udp *udp = owner;
    workers_take(udp->workers, handed_take, udp);
    udp_flush(udp->world);
}

/* ------------------------------------------------------------------ out */

/* The workers begin with the first round, when the service has started. */
static void workers_begin(struct udp *udp)
{
    udp->has_started = true;
    if (workers_start(udp->workers, udp->world->node) != OK) {
        log_line(&udp->world->log, LOG_ERROR,
                 "the system gives no more threads: fewer workers than wanted answer");
    }
}

void udp_flush(struct world *world)
{
    struct udp *udp = world->udp;
    if (udp == NULL) {
        return;
    }
    if (udp->workers != NULL && !udp->has_started) {
        workers_begin(udp);
    }
    if (udp->lane.out.count > 0) {
        udp_lane_send(&udp->lane, udp->endpoints[udp->out_endpoint].watch.fd, &world->log);
    }
}

void udp_reply(struct world *world, const struct effect_reply *reply)
{
    struct udp *udp = world->udp;
    uint32_t index = (uint32_t)(reply->channel & (UDP_CHANNELS_MAX - 1));
    if (udp == NULL || !udp->channels[index].is_open ||
        channel_number(udp, index) != reply->channel) {
        return; /* answered already, or pushed out by later queries */
    }
    struct udp_channel *channel = &udp->channels[index];
    size_t waiting = udp->lane.out.count;
    if (waiting == UDP_BATCH || (waiting != 0 && udp->out_endpoint != channel->endpoint)) {
        udp_flush(world);
    }
    udp->out_endpoint = channel->endpoint;
    udp_lane_add(&udp->lane, &channel->way, reply->message);
    channel_close(udp, index);
}

/* ------------------------------------------------------------------ open and close */

static struct udp *udp_open(struct world *world)
{
    struct udp *udp = memory_take(sizeof *udp);
    if (udp == NULL) {
        return NULL;
    }
    world->udp = udp;
    udp->world = world;
    udp->channels = memory_take(UDP_CHANNELS_MAX * sizeof udp->channels[0]);
    if (!udp_lane_open(&udp->lane) || udp->channels == NULL) {
        udp_close(world);
        return NULL;
    }
    udp->free = NO_CHANNEL;
    udp->oldest = NO_CHANNEL;
    udp->newest = NO_CHANNEL;
    for (uint32_t i = UDP_CHANNELS_MAX; i-- > 0;) {
        udp->channels[i].newer = udp->free;
        udp->free = i;
    }
    return udp;
}

static void grace_wait(void *self)
{
    struct udp *udp = self;
    if (udp->workers != NULL && udp->has_started) {
        workers_wait(udp->workers);
    }
}

enum status world_use_workers(struct world *world, unsigned count)
{
    require(world->udp == NULL);
    struct udp *udp = udp_open(world);
    if (udp == NULL) {
        return NO_MEMORY;
    }
    udp->grace = (struct grace){udp, grace_wait};
    if (count == 0) {
        return OK;
    }
    enum status status = workers_open(count, &world->log, &udp->workers);
    if (status != OK) {
        return status;
    }
    udp->handed =
        (struct watch){.fd = workers_fd(udp->workers), .ready = handed_ready, .owner = udp};
    return loop_watch(&world->loop, &udp->handed, EPOLLIN);
}

enum status world_use_xdp(struct world *world, const char *interface, struct problem *problem)
{
    const struct udp *udp = world->udp;
    require(udp != NULL);
    struct address addresses[ENDPOINTS_MAX];
    if (udp->workers == NULL) {
        return problem_set(problem, BAD_ARGUMENT,
                           "queries by AF_XDP are answered by workers; with 0 there are none");
    }
    for (size_t i = 0; i < udp->endpoint_count; i++) {
        addresses[i] = udp->endpoints[i].bound;
    }
    return workers_use_xdp(udp->workers, interface, addresses, udp->endpoint_count, problem);
}

const struct grace *world_grace(struct world *world)
{
    require(world->udp != NULL);
    return &world->udp->grace;
}

/* Where there are workers the endpoint's socket is one of theirs, and only replies go out here. */
static enum status endpoint_open(struct udp *udp, struct udp_endpoint *endpoint,
                                 struct address address, struct problem *problem)
{
    size_t index = udp->endpoint_count;
    if (udp->workers != NULL) {
        return workers_listen(udp->workers, address, index, &endpoint->watch.fd, problem);
    }
    enum status status =
        udp_lane_listen(address, -1, &endpoint->watch.fd, &endpoint->tells_asked, problem);
    if (status == OK && loop_watch(&udp->world->loop, &endpoint->watch, EPOLLIN) != OK) {
        close(endpoint->watch.fd);
        return problem_set(problem, IO_FAILED, "cannot wait for UDP messages: %s", strerror(errno));
    }
    return status;
}

enum status udp_listen(struct world *world, struct address address, uint32_t endpoint,
                       struct address *bound, struct problem *problem)
{
    struct udp *udp = world->udp == NULL ? udp_open(world) : world->udp;
    if (udp == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for UDP");
    }
    require(udp->endpoint_count < ENDPOINTS_MAX);
    struct udp_endpoint *opened = &udp->endpoints[udp->endpoint_count];
    *opened = (struct udp_endpoint){
        .udp = udp, .number = endpoint, .watch = {.fd = -1, .ready = endpoint_ready}};
    opened->watch.owner = opened;
    enum status status = endpoint_open(udp, opened, address, problem);
    if (status != OK) {
        return status;
    }
    opened->bound = socket_local_address(opened->watch.fd);
    udp->endpoint_count++;
    *bound = opened->bound;
    return OK;
}

static void endpoint_close(struct udp *udp, size_t index)
{
    if (udp->workers != NULL) {
        workers_unlisten(udp->workers, index);
        return;
    }
    loop_unwatch(&udp->world->loop, &udp->endpoints[index].watch);
    close(udp->endpoints[index].watch.fd);
}

/* Takes back the endpoint opened last, whose port TCP could not have. */
void udp_unlisten(struct world *world)
{
    endpoint_close(world->udp, --world->udp->endpoint_count);
}

void udp_stop(struct world *world)
{
    struct udp *udp = world->udp;
    if (udp == NULL) {
        return;
    }
    for (size_t i = 0; i < udp->endpoint_count; i++) {
        loop_unwatch(&world->loop, &udp->endpoints[i].watch);
    }
    if (udp->workers != NULL) {
        workers_stop(udp->workers);
        udp->has_started = true; /* and never again */
        loop_unwatch(&world->loop, &udp->handed);
    }
}

void udp_close(struct world *world)
{
    struct udp *udp = world->udp;
    if (udp == NULL) {
        return;
    }
    udp_stop(world);
    for (size_t i = 0; i < udp->endpoint_count; i++) {
        endpoint_close(udp, i);
    }
    workers_close(udp->workers);
    memory_give_back(udp->channels);
    udp_lane_close(&udp->lane);
    memory_give_back(udp);
    world->udp = NULL;
}

struct address udp_address(const struct world *world, size_t index)
{
    require(world->udp != NULL && index < world->udp->endpoint_count);
    return world->udp->endpoints[index].bound;
}
