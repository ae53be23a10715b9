#pragma once
/* Questions by UDP that come past the kernel's network stack (AF_XDP), beside the sockets that the
 * same addresses have: those take what comes by other ways, and send what is answered the careful
 * way. */
#include "core/node/node.h"
#include "world/real/udp_lane.h"
#include "world/real/xdp_frame.h"
#include "world/real/xdp_program.h"
#include "world/real/xdp_socket.h"

/* A queue of an interface, as a worker serves it. */
struct xdp_lane {
    struct xdp_socket socket;
    const struct xdp *xdp;
    size_t packet_len_max; /* of IP */
    size_t taken;          /* frames that wait for xdp_lane_release */
    /* What is in them. */
    struct datagram datagrams[UDP_BATCH];
    struct xdp_frame frames[UDP_BATCH];
    size_t endpoints[UDP_BATCH]; /* of each, the place of its address */
    size_t count;
};

/* An interface. */
struct xdp {
    struct xdp_program program;
    struct xdp_lane *lanes;
    size_t lane_count;
    struct address addresses[ENDPOINTS_MAX];
    size_t address_count;
};

/* The program and a lane for each queue; questions to the addresses come there from now on. The
 * place of an address is its number for xdp_lane. */
enum status xdp_open(const char *interface, const struct address *addresses, size_t count,
                     struct xdp *xdp, struct problem *problem) MUST_USE;
void xdp_close(struct xdp *xdp);

/* Takes what has come, up to a batch; false when nothing was there. What is no question is passed
 * over, so that `count` may be 0. */
bool xdp_lane_receive(struct xdp_lane *lane);
/* Lets the service answer what it can, and sends that. Those have a reply_len then. */
void xdp_lane_answer(struct xdp_lane *lane, const struct node *node);
/* The way back of a datagram, for the socket of its endpoint. */
void xdp_lane_way(const struct xdp_lane *lane, size_t at, struct udp_way *way);
/* The messages are needed no longer. */
void xdp_lane_release(struct xdp_lane *lane);
