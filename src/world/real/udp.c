/* DNS over UDP: many messages a system call, and replies that leave from the address that was
 * asked. */
#include "world/real/inside.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A channel is the place of a query that may still be answered. The numbers of channels contain a
 * count of uses, so that a late reply never reaches a later asker. */
struct udp_channel {
    union socket_name peer;
    socklen_t peer_len;
    uint32_t endpoint; /* index into the endpoints here */
    uint32_t uses;
    uint32_t newer; /* neighbours in order of arrival, or in the list of free channels */
    uint32_t older;
    union {
        struct in_pktinfo ipv4;
        struct in6_pktinfo ipv6;
    } asked; /* the address that the query was sent to */
    bool has_asked;
    bool is_open;
};

enum { NO_CHANNEL = UINT32_MAX, CONTROL_SIZE = 64 };

/* A message's room is not a power of two, or the same octets of all would meet in one place of each
 * cache. */
enum { MESSAGE_ROOM = DNS_MESSAGE_MAX + 1 + 320 };

struct udp_endpoint {
    struct udp *udp;
    struct watch watch;
    uint32_t number; /* the service's */
    struct address bound;
    bool tells_asked; /* each message tells the address it was sent to */
};

union control_space {
    struct cmsghdr header; /* for its alignment */
    uint8_t octets[CONTROL_SIZE];
};

struct batch {
    struct mmsghdr headers[UDP_BATCH];
    struct iovec spans[UDP_BATCH];
    union socket_name names[UDP_BATCH];
    union control_space controls[UDP_BATCH];
    uint8_t (*messages)[MESSAGE_ROOM];
    size_t count;
};

struct udp {
    struct world *world;
    struct udp_endpoint endpoints[ENDPOINTS_MAX];
    size_t endpoint_count;
    struct udp_channel *channels;
    uint32_t free;   /* a list by `newer` */
    uint32_t oldest; /* of the open ones */
    uint32_t newest;
    struct batch in;
    struct batch out; /* all to one endpoint */
    uint32_t out_endpoint;
    struct datagram datagrams[UDP_BATCH]; /* those of `in`, as a service answers them at once */
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
_Static_assert(UDP_BATCH <= (int)DATAGRAMS_MAX, "a service takes a whole batch");

/* ------------------------------------------------------------------ in */

static void channel_note_asked(struct udp_channel *channel, struct msghdr *header)
{
    channel->has_asked = false;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            memcpy(&channel->asked.ipv4, CMSG_DATA(at), sizeof channel->asked.ipv4);
            channel->asked.ipv4.ipi_spec_dst = channel->asked.ipv4.ipi_addr;
            channel->asked.ipv4.ipi_ifindex = 0; /* the way back is the routing table's matter */
            channel->has_asked = true;
        } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            memcpy(&channel->asked.ipv6, CMSG_DATA(at), sizeof channel->asked.ipv6);
            if (!IN6_IS_ADDR_LINKLOCAL(&channel->asked.ipv6.ipi6_addr)) {
                channel->asked.ipv6.ipi6_ifindex = 0;
            }
            channel->has_asked = true;
        }
    }
}

static void control_write_asked(struct msghdr *header, const struct udp_channel *channel,
                                union control_space *space)
{
    bool is_ipv4 = channel->peer.any.sa_family == AF_INET;
    size_t len = is_ipv4 ? sizeof channel->asked.ipv4 : sizeof channel->asked.ipv6;
    *space = (union control_space){0};
    header->msg_control = space->octets;
    header->msg_controllen = CMSG_SPACE(len);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    control->cmsg_type = is_ipv4 ? IP_PKTINFO : IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(control), &channel->asked, len);
}

static void message_take(struct udp_endpoint *endpoint, size_t at)
{
    struct udp *udp = endpoint->udp;
    struct msghdr *header = &udp->in.headers[at].msg_hdr;
    struct address peer = socket_address_of(&udp->in.names[at]);
    if (peer.port == 0 || (header->msg_flags & MSG_TRUNC) != 0) {
        return; /* no reply could ever reach port 0 */
    }
    uint32_t index = channel_open(udp);
    struct udp_channel *channel = &udp->channels[index];
    channel->peer = udp->in.names[at];
    channel->peer_len = header->msg_namelen;
    channel->endpoint = (uint32_t)(endpoint - udp->endpoints);
    channel_note_asked(channel, header);
    struct event event = {
        .kind = EVENT_QUERY,
        .query = {.channel = channel_number(udp, index),
                  .transport = TRANSPORT_UDP,
                  .peer = peer,
                  .endpoint = endpoint->number,
                  .message = span_of(udp->in.messages[at], udp->in.headers[at].msg_len)},
    };
    world_deliver(udp->world, &event);
}

static void batch_prepare_in(struct batch *batch, bool has_control)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        batch->spans[i] = (struct iovec){batch->messages[i], DNS_MESSAGE_MAX + 1};
        batch->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->names[i],
            .msg_namelen = sizeof batch->names[i],
            .msg_iov = &batch->spans[i],
            .msg_iovlen = 1,
            .msg_control = has_control ? batch->controls[i].octets : NULL,
            .msg_controllen = has_control ? sizeof batch->controls[i] : 0,
        };
    }
}

/* ------------------------------------------------------------------ answered at once */

/* The reply goes back the way the message came. What tells the asked address of an incoming message
 * is also what chooses the source of an outgoing one, but for the interface. */
static void reply_at_once(struct udp *udp, size_t at)
{
    struct batch *out = &udp->out;
    size_t to = out->count++;
    struct msghdr *header = &out->headers[to].msg_hdr;
    out->spans[to] = (struct iovec){udp->datagrams[at].reply, udp->datagrams[at].reply_len};
    *header = (struct msghdr){.msg_name = &udp->in.names[at],
                              .msg_namelen = udp->in.headers[at].msg_hdr.msg_namelen,
                              .msg_iov = &out->spans[to],
                              .msg_iovlen = 1};
    struct udp_channel asked = {.peer = udp->in.names[at]};
    channel_note_asked(&asked, &udp->in.headers[at].msg_hdr);
    if (asked.has_asked) {
        control_write_asked(header, &asked, &out->controls[to]);
    }
}

/* Lets the service answer what it can without more ado, and sends that. */
static void answer_at_once(struct udp_endpoint *endpoint, size_t count)
{
    struct udp *udp = endpoint->udp;
    const struct node *node = &udp->world->node;
    for (size_t i = 0; i < count; i++) {
        bool is_cut = (udp->in.headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        udp->datagrams[i] = (struct datagram){
            .peer = socket_address_of(&udp->in.names[i]),
            .message = span_of(udp->in.messages[i], is_cut ? 0 : udp->in.headers[i].msg_len),
            .reply = udp->out.messages[i],
            .reply_size = DNS_MESSAGE_MAX};
    }
    udp_flush(udp->world); /* the room of what waits there is used now */
    node->answer(node->state, udp->datagrams, count);
    udp->out_endpoint = (uint32_t)(endpoint - udp->endpoints);
    for (size_t i = 0; i < count; i++) {
        if (udp->datagrams[i].reply_len != 0 && udp->datagrams[i].peer.port != 0) {
            reply_at_once(udp, i);
        }
    }
    udp_flush(udp->world);
}

static void endpoint_ready(void *owner, uint32_t events)
{
    (void)events;
    struct udp_endpoint *endpoint = owner;
    struct udp *udp = endpoint->udp;
    for (int round = 0; round < UDP_BATCHES_A_ROUND; round++) {
        batch_prepare_in(&udp->in, endpoint->tells_asked);
        int count = recvmmsg(endpoint->watch.fd, udp->in.headers, UDP_BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0) {
            return; /* nothing there, or an ICMP error of an earlier reply: neither is ours */
        }
        bool answers = udp->world->node.answer != NULL && !udp->world->is_stopped;
        if (answers) {
            answer_at_once(endpoint, (size_t)count);
        }
        for (int i = 0; i < count && endpoint->watch.is_watched; i++) {
            if (!answers || udp->datagrams[i].reply_len == 0) {
                message_take(endpoint, (size_t)i);
            }
        }
        udp_flush(udp->world);
        if (count < UDP_BATCH) {
            return;
        }
    }
}

/* ------------------------------------------------------------------ out */

/* Sends what can be sent; what the kernel refuses for good is skipped, so that one bad peer does
 * not hold up the others. */
void udp_flush(struct world *world)
{
    struct udp *udp = world->udp;
    if (udp == NULL || udp->out.count == 0) {
        return;
    }
    int fd = udp->endpoints[udp->out_endpoint].watch.fd;
    size_t at = 0;
    bool has_waited = false;
    while (at < udp->out.count) {
        int sent = sendmmsg(fd, udp->out.headers + at, (unsigned)(udp->out.count - at),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            at += (size_t)sent;
        } else if (errno == EINTR) {
            continue;
        } else if ((errno == EAGAIN || errno == ENOBUFS) && !has_waited) {
            has_waited = true;
            struct pollfd waiting = {.fd = fd, .events = POLLOUT};
            (void)poll(&waiting, 1, UDP_SEND_WAIT_MS);
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            break; /* the askers will ask again */
        } else {
            log_line(&world->log, LOG_DETAIL, "a UDP reply could not be sent: %s", strerror(errno));
            at++;
        }
    }
    udp->out.count = 0;
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
    require(reply->message.len <= DNS_MESSAGE_MAX);
    if (udp->out.count == UDP_BATCH ||
        (udp->out.count != 0 && udp->out_endpoint != channel->endpoint)) {
        udp_flush(world);
    }
    size_t at = udp->out.count++;
    udp->out_endpoint = channel->endpoint;
    if (reply->message.len != 0) {
        memcpy(udp->out.messages[at], reply->message.bytes, reply->message.len);
    }
    udp->out.spans[at] = (struct iovec){udp->out.messages[at], reply->message.len};
    udp->out.names[at] = channel->peer;
    struct msghdr *header = &udp->out.headers[at].msg_hdr;
    *header = (struct msghdr){.msg_name = &udp->out.names[at],
                              .msg_namelen = channel->peer_len,
                              .msg_iov = &udp->out.spans[at],
                              .msg_iovlen = 1};
    if (channel->has_asked) {
        control_write_asked(header, channel, &udp->out.controls[at]);
    }
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
    udp->in.messages = memory_take(UDP_BATCH * sizeof udp->in.messages[0]);
    udp->out.messages = memory_take(UDP_BATCH * sizeof udp->out.messages[0]);
    if (udp->channels == NULL || udp->in.messages == NULL || udp->out.messages == NULL) {
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

static bool is_any(struct address address)
{
    static const uint8_t none[sizeof address.octets] = {0};
    return memcmp(address.octets, none, sizeof none) == 0;
}

/* Replies must leave from the asked address, and must not be cut by a path MTU that an attacker
 * claimed in a forged ICMP message (the fragmentation attacks of 2013). */
static void endpoint_set_options(int fd, bool is_ipv4, bool tells_asked)
{
    int on = tells_asked;
    int omit = is_ipv4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT;
    int size = UDP_SOCKET_BUFFER;
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof on);
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &omit, sizeof omit);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

enum status udp_listen(struct world *world, struct address address, uint32_t endpoint,
                       struct address *bound, struct problem *problem)
{
    struct udp *udp = world->udp == NULL ? udp_open(world) : world->udp;
    if (udp == NULL) {
        return problem_set(problem, NO_MEMORY, "there is no memory for UDP");
    }
    require(udp->endpoint_count < ENDPOINTS_MAX);
    int fd;
    enum status status = socket_listen(address, SOCK_DGRAM, "DNS", &fd, problem);
    if (status != OK) {
        return status;
    }
    bool tells_asked = is_any(address);
    endpoint_set_options(fd, address.family == ADDRESS_IPV4, tells_asked);
    struct udp_endpoint *opened = &udp->endpoints[udp->endpoint_count];
    *opened = (struct udp_endpoint){.udp = udp,
                                    .number = endpoint,
                                    .bound = socket_local_address(fd),
                                    .tells_asked = tells_asked,
                                    .watch = {.fd = fd, .ready = endpoint_ready}};
    opened->watch.owner = opened;
    if (loop_watch(&world->loop, &opened->watch, EPOLLIN) != OK) {
        close(fd);
        return problem_set(problem, IO_FAILED, "cannot wait for UDP messages: %s", strerror(errno));
    }
    udp->endpoint_count++;
    *bound = opened->bound;
    return OK;
}

/* Takes back the endpoint opened last, whose port TCP could not have. */
void udp_unlisten(struct world *world)
{
    struct udp *udp = world->udp;
    struct udp_endpoint *last = &udp->endpoints[--udp->endpoint_count];
    loop_unwatch(&world->loop, &last->watch);
    close(last->watch.fd);
}

void udp_stop(struct world *world)
{
    for (size_t i = 0; world->udp != NULL && i < world->udp->endpoint_count; i++) {
        loop_unwatch(&world->loop, &world->udp->endpoints[i].watch);
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
        close(udp->endpoints[i].watch.fd);
    }
    memory_give_back(udp->channels);
    memory_give_back(udp->in.messages);
    memory_give_back(udp->out.messages);
    memory_give_back(udp);
    world->udp = NULL;
}

struct address udp_address(const struct world *world, size_t index)
{
    require(world->udp != NULL && index < world->udp->endpoint_count);
    return world->udp->endpoints[index].bound;
}
