/* What the kernel wants to know of each message, and what is done when it takes none. */
#include "world/real/udp_lane.h"

#include "world/real/clock.h"
#include "world/real/memory.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

_Static_assert(UDP_BATCH <= (int)DATAGRAMS_MAX, "a service takes a whole batch");

static bool is_any(struct address address)
{
    static const uint8_t none[sizeof address.octets] = {0};
    return memcmp(address.octets, none, sizeof none) == 0;
}

/* Replies are not fragmented, here or on the way (RFC 9715 §3.1), and a path MTU that an attacker
 * claims in a forged ICMP message is not believed (the fragmentation attacks of 2013). */
static void forbid_fragments(int fd, bool is_ipv4, bool is_forbidden)
{
    int ipv4 = is_forbidden ? IP_PMTUDISC_PROBE : IP_PMTUDISC_OMIT;
    int ipv6 = is_forbidden ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_OMIT;
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, is_ipv4 ? &ipv4 : &ipv6,
                     sizeof ipv4);
}

/* Replies must leave from the asked address. */
static void set_options(int fd, bool is_ipv4, bool tells_asked)
{
    int tells = tells_asked;
    int size = UDP_SOCKET_BUFFER;
    forbid_fragments(fd, is_ipv4, true);
    (void)setsockopt(fd, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &tells, sizeof tells);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

bool udp_lane_prepare(int fd, struct address address)
{
    bool tells_asked = is_any(address);
    set_options(fd, address.family == ADDRESS_IPV4, tells_asked);
    return tells_asked;
}

enum status udp_lane_listen(struct address address, int beside, int *fd, bool *tells_asked,
                            struct problem *problem)
{
    enum status status = beside < 0 ? socket_listen(address, SOCK_DGRAM, "DNS", fd, problem)
                                    : socket_listen_beside(beside, fd, problem);
    if (status == OK) {
        *tells_asked = udp_lane_prepare(*fd, address);
    }
    return status;
}

/* ------------------------------------------------------------------ in */

/* What the kernel finds the same each time. */
static void prepare_in(struct udp_lane *lane, bool has_controls)
{
    struct udp_batch *batch = &lane->in;
    for (size_t i = 0; i < UDP_BATCH; i++) {
        batch->spans[i] = (struct iovec){batch->messages[i], DNS_MESSAGE_MAX + 1};
        batch->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->names[i],
            .msg_namelen = sizeof batch->names[i],
            .msg_iov = &batch->spans[i],
            .msg_iovlen = 1,
            .msg_control = has_controls ? batch->controls[i].octets : NULL,
            .msg_controllen = has_controls ? sizeof batch->controls[i] : 0,
        };
    }
    lane->has_controls = has_controls;
}

/* The rest of it: the kernel writes the lengths of what it gave. */
static void renew_in(struct udp_lane *lane)
{
    struct udp_batch *batch = &lane->in;
    for (size_t i = 0; i < batch->count; i++) {
        batch->headers[i].msg_hdr.msg_namelen = sizeof batch->names[i];
        batch->headers[i].msg_hdr.msg_controllen =
            lane->has_controls ? sizeof batch->controls[i] : 0;
    }
}

static size_t receive(struct udp_lane *lane, int fd, bool tells_asked, int flags)
{
    if (tells_asked == lane->has_controls) {
        renew_in(lane);
    } else {
        prepare_in(lane, tells_asked);
    }
    int count = recvmmsg(fd, lane->in.headers, UDP_BATCH, flags, NULL);
    /* Nothing there, or an ICMP error of an earlier reply: neither is ours. */
    lane->in.count = count > 0 ? (size_t)count : 0;
    for (size_t i = 0; i < lane->in.count; i++) {
        struct datagram *datagram = &lane->datagrams[i];
        datagram->peer = socket_address_of(&lane->in.names[i]);
        datagram->message = span_of(lane->in.messages[i], lane->in.headers[i].msg_len);
        datagram->reply = lane->out.messages[i];
        datagram->reply_size = DNS_MESSAGE_MAX;
        datagram->reply_len = 0;
        datagram->is_dropped = false;
    }
    return lane->in.count;
}

size_t udp_lane_receive(struct udp_lane *lane, int fd, bool tells_asked)
{
    return receive(lane, fd, tells_asked, MSG_DONTWAIT);
}

size_t udp_lane_wait(struct udp_lane *lane, int fd, bool tells_asked)
{
    return receive(lane, fd, tells_asked, MSG_WAITFORONE);
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

/* No reply could ever reach port 0. */
static bool can_reply(const struct udp_lane *lane, size_t at)
{
    return lane->datagrams[at].peer.port != 0 &&
           (lane->in.headers[at].msg_hdr.msg_flags & MSG_TRUNC) == 0;
}

bool udp_lane_way(struct udp_lane *lane, size_t at, struct udp_way *way)
{
    struct msghdr *header = &lane->in.headers[at].msg_hdr;
    if (!can_reply(lane, at)) {
        return false;
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

/* The next header of `out`, without a control message. */
static struct msghdr *add(struct udp_batch *out, union socket_name *peer, socklen_t peer_len,
                          struct iovec message)
{
    require(out->count < UDP_BATCH);
    size_t at = out->count++;
    out->spans[at] = message;
    struct msghdr *header = &out->headers[at].msg_hdr;
    *header = (struct msghdr){
        .msg_name = peer, .msg_namelen = peer_len, .msg_iov = &out->spans[at], .msg_iovlen = 1};
    return header;
}

void udp_lane_add(struct udp_lane *lane, const struct udp_way *way, struct span message)
{
    struct udp_batch *out = &lane->out;
    require(message.len <= DNS_MESSAGE_MAX && out->count < UDP_BATCH);
    size_t at = out->count;
    if (message.len != 0) {
        memcpy(out->messages[at], message.bytes, message.len);
    }
    out->names[at] = way->peer;
    struct msghdr *header =
        add(out, &out->names[at], way->peer_len, (struct iovec){out->messages[at], message.len});
    if (way->has_asked) {
        write_asked(header, way, &out->controls[at]);
    }
}

/* The answer to a message of `in`; it goes to the sender's name as that stands there. */
static void add_answer(struct udp_lane *lane, size_t at)
{
    const struct datagram *datagram = &lane->datagrams[at];
    struct udp_way way;
    if (datagram->reply_len == 0 || !can_reply(lane, at)) {
        return;
    }
    size_t to = lane->out.count;
    struct msghdr *header =
        add(&lane->out, &lane->in.names[at], lane->in.headers[at].msg_hdr.msg_namelen,
            (struct iovec){datagram->reply, datagram->reply_len});
    if (lane->has_controls && udp_lane_way(lane, at, &way) && way.has_asked) {
        write_asked(header, &way, &lane->out.controls[to]);
    }
}

void udp_lane_answer(struct udp_lane *lane, const struct node *node)
{
    require(lane->out.count == 0);
    node->answer(node->state, clock_now(), lane->datagrams, lane->in.count);
    for (size_t i = 0; i < lane->in.count; i++) {
        add_answer(lane, i);
    }
}

/* A reply that the link does not take whole: its asker and the operator have allowed that size. */
static bool send_in_fragments(int fd, const struct msghdr *message)
{
    const union socket_name *peer = message->msg_name;
    bool is_ipv4 = peer->any.sa_family == AF_INET;
    forbid_fragments(fd, is_ipv4, false);
    bool is_sent = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    forbid_fragments(fd, is_ipv4, true);
    return is_sent;
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
        } else if (errno == EMSGSIZE && send_in_fragments(fd, &out->headers[at].msg_hdr)) {
            at++;
        } else {
            log_line(log, LOG_DETAIL, "a UDP reply could not be sent: %s", strerror(errno));
            at++;
        }
    }
    out->count = 0;
}

/* ------------------------------------------------------------------ open and close */

bool udp_lane_open(struct udp_lane *lane)
{
    lane->in.messages = memory_take(UDP_BATCH * sizeof lane->in.messages[0]);
    lane->out.messages = memory_take(UDP_BATCH * sizeof lane->out.messages[0]);
    prepare_in(lane, false);
    return lane->in.messages != NULL && lane->out.messages != NULL;
}

void udp_lane_close(struct udp_lane *lane)
{
    memory_give_back(lane->in.messages);
    memory_give_back(lane->out.messages);
    *lane = (struct udp_lane){0};
}
