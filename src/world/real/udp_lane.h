#pragma once
/* Many datagrams a system call, in and out, and the short way from one to the other. Each thread
 * that reads datagrams has a lane of its own. */
#include "core/base/log.h"
#include "core/node/node.h"
#include "world/real/socket.h"
#include "world/real/world_limits.h"

/* Where a message came from and the address that it was sent to, so that a reply goes back the same
 * way. */
struct udp_way {
    union socket_name peer;
    socklen_t peer_len;
    union {
        struct in_pktinfo ipv4;
        struct in6_pktinfo ipv6;
    } asked;
    bool has_asked;
};

/* A message's room is not a power of two, or the same octets of all would meet in one place of each
 * cache. */
enum { UDP_MESSAGE_ROOM = DNS_MESSAGE_MAX + 1 + 320, UDP_CONTROL_SIZE = 64 };

union udp_control {
    struct cmsghdr header; /* for its alignment */
    uint8_t octets[UDP_CONTROL_SIZE];
};

struct udp_batch {
    struct mmsghdr headers[UDP_BATCH];
    struct iovec spans[UDP_BATCH];
    union socket_name names[UDP_BATCH];
    union udp_control controls[UDP_BATCH];
    uint8_t (*messages)[UDP_MESSAGE_ROOM];
    size_t count;
};

struct udp_lane {
    struct udp_batch in;
    bool has_controls;    /* the headers of `in` ask for the address that was asked */
    struct udp_batch out; /* all to one socket */
    struct datagram datagrams[UDP_BATCH];
};

/* A socket for DNS over UDP, beside that one or (-1) the first there. `*tells_asked`: it is bound
 * to no address, so each message tells its own. */
enum status udp_lane_listen(struct address address, int beside, int *fd, bool *tells_asked,
                            struct problem *problem) MUST_USE;
/* What any of our sockets for datagrams wants set; the same of it. */
bool udp_lane_prepare(int fd, struct address address);
bool udp_lane_open(struct udp_lane *lane); /* false without memory; then close it all the same */
void udp_lane_close(struct udp_lane *lane);
/* Takes what has come, up to a batch, into `in`; how many. `tells_asked`: the socket tells the
 * address that was asked. */
size_t udp_lane_receive(struct udp_lane *lane, int fd, bool tells_asked);
/* The same, but waits for the first of them where the socket is one that waits. */
size_t udp_lane_wait(struct udp_lane *lane, int fd, bool tells_asked);
/* Lets the service answer what it can of `in` into an empty `out`. Those have a reply_len then. */
void udp_lane_answer(struct udp_lane *lane, const struct node *node);
/* The way of a message of `in`; false when no reply could reach its sender. */
bool udp_lane_way(struct udp_lane *lane, size_t at, struct udp_way *way);
/* Appends a copy of the message to `out`, which has room. */
void udp_lane_add(struct udp_lane *lane, const struct udp_way *way, struct span message);
/* Sends what stands in `out` and empties it. */
void udp_lane_send(struct udp_lane *lane, int fd, const struct log *log);
