/* What the kernel wants to know of each message, and what is done when it takes none. */
#include "world/real/udp_lane.h"

#include "world/real/clock.h"
#include "world/real/memory.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

_Static_assert(UDP_BATCH <= (int)DATAGRAMS_MAX, "a service takes a whole batch");

bool udp_lane_open(struct udp_lane *lane)
{
    lane->in.messages = memory_take(UDP_BATCH * sizeof lane->in.messages[0]);
    lane->out.messages = memory_take(UDP_BATCH * sizeof lane->out.messages[0]);
    return lane->in.messages != NULL && lane->out.messages != NULL;
}

void udp_lane_close(struct udp_lane *lane)
{
    memory_give_back(lane->in.messages);
    memory_give_back(lane->out.messages);
    *lane = (struct udp_lane){0};
}

static bool is_any(struct address address)
{
    static const uint8_t none[sizeof address.octets] = {0};
    return memcmp(address.octets, none, sizeof none) == 0;
}

/* Replies must leave from the asked address, and must not be cut by a path MTU that an attacker
 * claimed in a forged ICMP message (the fragmentation attacks of 2013). */
static void set_options(int fd, bool is_ipv4, bool tells_asked)
{
    int tells = tells_asked;
    int omit = is_ipv4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT;
    int size = UDP_SOCKET_BUFFER;
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &tells, sizeof tells);
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &omit, sizeof omit);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

enum status udp_lane_listen(struct address address, int beside, int *fd, bool *tells_asked,
                            struct problem *problem)
{
    enum status status = beside < 0 ? socket_listen(address, SOCK_DGRAM, "DNS", fd, problem)
                                    : socket_listen_beside(beside, fd, problem);
    if (status == OK) {
        *tells_asked = is_any(address);
        set_options(*fd, address.family == ADDRESS_IPV4, *tells_asked);
    }
    return status;
}

/* ------------------------------------------------------------------ in */

static void prepare_in(struct udp_batch *batch, bool has_control)
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

size_t udp_lane_receive(struct udp_lane *lane, int fd, bool tells_asked)
{
    prepare_in(&lane->in, tells_asked);
    int count = recvmmsg(fd, lane->in.headers, UDP_BATCH, MSG_DONTWAIT, NULL);
    /* Nothing there, or an ICMP error of an earlier reply: neither is ours. */
    lane->in.count = count > 0 ? (size_t)count : 0;
    for (size_t i = 0; i < lane->in.count; i++) {
        lane->datagrams[i] = (struct datagram){
            .peer = socket_address_of(&lane->in.names[i]),
            .message = span_of(lane->in.messages[i], lane->in.headers[i].msg_len),
            .reply = lane->out.messages[i],
            .reply_size = DNS_MESSAGE_MAX,
        };
    }
    return lane->in.count;
}

static void note_asked(struct udp_way *way, struct msghdr *header)
{
    way->has_asked = false;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            memcpy(&way->asked.ipv4, CMSG_DATA(at), sizeof way->asked.ipv4);
            way->asked.ipv4.ipi_spec_dst = way->asked.ipv4.ipi_addr;
            way->asked.ipv4.ipi_ifindex = 0; /* the way back is the routing table's matter */
            way->has_asked = true;
        } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            memcpy(&way->asked.ipv6, CMSG_DATA(at), sizeof way->asked.ipv6);
            if (!IN6_IS_ADDR_LINKLOCAL(&way->asked.ipv6.ipi6_addr)) {
                way->asked.ipv6.ipi6_ifindex = 0;
            }
            way->has_asked = true;
        }
    }
}

bool udp_lane_way(struct udp_lane *lane, size_t at, struct udp_way *way)
{
    struct msghdr *header = &lane->in.headers[at].msg_hdr;
    if (lane->datagrams[at].peer.port == 0 || (header->msg_flags & MSG_TRUNC) != 0) {
        return false; /* no reply could ever reach port 0 */
    }
    way->peer = lane->in.names[at];
    way->peer_len = header->msg_namelen;
    note_asked(way, header);
    return true;
}

/* ------------------------------------------------------------------ out */

static void write_asked(struct msghdr *header, const struct udp_way *way, union udp_control *space)
{
    bool is_ipv4 = way->peer.any.sa_family == AF_INET;
    size_t len = is_ipv4 ? sizeof way->asked.ipv4 : sizeof way->asked.ipv6;
    *space = (union udp_control){0};
    header->msg_control = space->octets;
    header->msg_controllen = CMSG_SPACE(len);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    control->cmsg_type = is_ipv4 ? IP_PKTINFO : IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(control), &way->asked, len);
}

static void add(struct udp_lane *lane, const struct udp_way *way, struct iovec message)
{
    struct udp_batch *out = &lane->out;
    require(out->count < UDP_BATCH);
    size_t at = out->count++;
    out->spans[at] = message;
    out->names[at] = way->peer;
    struct msghdr *header = &out->headers[at].msg_hdr;
    *header = (struct msghdr){.msg_name = &out->names[at],
                              .msg_namelen = way->peer_len,
                              .msg_iov = &out->spans[at],
                              .msg_iovlen = 1};
    if (way->has_asked) {
        write_asked(header, way, &out->controls[at]);
    }
}

void udp_lane_add(struct udp_lane *lane, const struct udp_way *way, struct span message)
{
    require(message.len <= DNS_MESSAGE_MAX);
    uint8_t *copy = lane->out.messages[lane->out.count];
    if (message.len != 0) {
        memcpy(copy, message.bytes, message.len);
    }
    add(lane, way, (struct iovec){copy, message.len});
}

void udp_lane_answer(struct udp_lane *lane, const struct node *node)
{
    require(lane->out.count == 0);
    node->answer(node->state, clock_now(), lane->datagrams, lane->in.count);
    for (size_t i = 0; i < lane->in.count; i++) {
        const struct datagram *datagram = &lane->datagrams[i];
        struct udp_way way;
        if (datagram->reply_len != 0 && udp_lane_way(lane, i, &way)) {
            add(lane, &way, (struct iovec){datagram->reply, datagram->reply_len});
        }
    }
}

/* What the kernel refuses for good is skipped, so that one bad peer does not hold up the others. */
void udp_lane_send(struct udp_lane *lane, int fd, const struct log *log)
{
    struct udp_batch *out = &lane->out;
    size_t at = 0;
    bool has_waited = false;
    while (at < out->count) {
        int sent = sendmmsg(fd, out->headers + at, (unsigned)(out->count - at),
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
            log_line(log, LOG_DETAIL, "a UDP reply could not be sent: %s", strerror(errno));
            at++;
        }
    }
    out->count = 0;
}
