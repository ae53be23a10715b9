/* What an interface needs so that its questions come here, what may be missing for it, and the way
 * of a batch from frames to frames. */
#include "world/real/xdp.h"

#include "world/real/clock.h"
#include "world/real/memory.h"

#include <errno.h>
#include <net/ethernet.h>
#include <string.h>

/* ------------------------------------------------------------------ open and close */

static const char *advice(int error)
{
    static const struct {
        int error;
        const char *advice;
    } ROWS[] = {
        {EPERM, "; it needs root, or CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK"},
        {ENOBUFS, "; the limit of locked memory (`ulimit -l`) or CAP_IPC_LOCK is missing"},
        {EBUSY, "; another program has it (`ip link` shows \"xdp\" there)"},
        {EAFNOSUPPORT, "; this kernel has no AF_XDP"},
        {ENOSYS, "; this kernel has no BPF"},
        {EINVAL, "; this kernel or the driver of the interface is too old for it"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        if (ROWS[i].error == error) {
            return ROWS[i].advice;
        }
    }
    return "";
}

static enum status failed(const char *interface, struct problem *problem)
{
    int error = errno;
    return problem_set(problem, error == EBUSY ? BUSY : IO_FAILED,
                       "queries cannot come by AF_XDP from the interface %s: %s%s", interface,
                       strerror(error), advice(error));
}

static enum status lane_open(struct xdp *xdp, const struct xdp_port *port, unsigned queue)
{
    struct xdp_lane *lane = &xdp->lanes[queue];
    size_t room = XDP_FRAME_LEN_MAX - ETHER_HDR_LEN;
    lane->xdp = xdp;
    lane->packet_len_max = port->mtu < room ? port->mtu : room;
    enum status status = xdp_socket_open(&lane->socket);
    status = status == OK ? xdp_socket_bind(&lane->socket, port->index, queue) : status;
    return status == OK ? xdp_program_add(&xdp->program, queue, lane->socket.fd) : status;
}

/* The program is linked last, when the sockets are there. */
static enum status open_all(struct xdp *xdp, const struct xdp_port *port)
{
    xdp->lanes = memory_take(port->queue_count * sizeof *xdp->lanes);
    enum status status = xdp->lanes == NULL ? NO_MEMORY : OK;
    if (status == NO_MEMORY) {
        errno = ENOMEM;
    }
    status = status == OK
                 ? xdp_program_open(port, xdp->addresses, xdp->address_count, &xdp->program)
                 : status;
    for (unsigned queue = 0; queue < port->queue_count && status == OK; queue++) {
        xdp->lane_count++;
        status = lane_open(xdp, port, queue);
    }
    return status == OK ? xdp_program_link(&xdp->program, port) : status;
}

enum status xdp_open(const char *interface, const struct address *addresses, size_t count,
                     struct xdp *xdp, struct problem *problem)
{
    struct xdp_port port;
    require(count <= ENDPOINTS_MAX);
    *xdp = (struct xdp){.program = {-1, -1, -1}, .address_count = count};
    memcpy(xdp->addresses, addresses, count * sizeof *addresses);
    enum status status = xdp_port_find(interface, &port, problem);
    if (status != OK) {
        return status;
    }
    if (port.queue_count > XDP_QUEUES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "the interface %s has more than %d queues",
                           interface, XDP_QUEUES_MAX);
    }
    status = open_all(xdp, &port);
    if (status != OK) {
        status = failed(interface, problem);
        xdp_close(xdp);
    }
    return status;
}

void xdp_close(struct xdp *xdp)
{
    int saved = errno;
    xdp_program_close(&xdp->program); /* first: the interface goes on without us */
    for (size_t i = 0; i < xdp->lane_count; i++) {
        xdp_socket_close(&xdp->lanes[i].socket);
    }
    memory_give_back(xdp->lanes);
    *xdp = (struct xdp){.program = {-1, -1, -1}};
    errno = saved;
}

/* ------------------------------------------------------------------ a batch */

/* `xdp->address_count` when it is none of ours. */
static size_t find_endpoint(const struct xdp *xdp, struct address asked)
{
    size_t at = 0;
    while (at < xdp->address_count && !address_equal(xdp->addresses[at], asked)) {
        at++;
    }
    return at;
}

/* A frame as a datagram, with room for its answer; false when it is none for us. */
static bool take_frame(struct xdp_lane *lane, struct span bytes)
{
    struct xdp_frame *frame = &lane->frames[lane->count];
    if (xdp_frame_read(bytes, frame) != OK) {
        return false;
    }
    size_t endpoint = find_endpoint(lane->xdp, frame->asked);
    if (endpoint == lane->xdp->address_count) {
        return false;
    }
    size_t headers_len = xdp_frame_headers_len(frame);
    lane->endpoints[lane->count] = endpoint;
    lane->datagrams[lane->count++] = (struct datagram){
        .peer = frame->peer,
        .message = frame->message,
        .reply = xdp_socket_take(&lane->socket) + headers_len,
        .reply_size = lane->packet_len_max + ETHER_HDR_LEN - headers_len,
    };
    return true;
}

bool xdp_lane_receive(struct xdp_lane *lane)
{
    struct span frames[UDP_BATCH];
    size_t room = xdp_socket_room(&lane->socket, UDP_BATCH);
    lane->taken = xdp_socket_receive(&lane->socket, frames, room);
    lane->count = 0;
    for (size_t i = 0; i < lane->taken; i++) {
        (void)take_frame(lane, frames[i]);
    }
    return lane->taken > 0;
}

void xdp_lane_answer(struct xdp_lane *lane, const struct node *node)
{
    if (lane->count == 0) {
        return;
    }
    node->answer(node->state, clock_now(), lane->datagrams, lane->count);
    for (size_t i = 0; i < lane->count; i++) {
        const struct datagram *datagram = &lane->datagrams[i];
        const struct xdp_frame *frame = &lane->frames[i];
        size_t headers_len = xdp_frame_headers_len(frame);
        uint8_t *bytes = datagram->reply - headers_len;
        if (datagram->reply_len == 0) {
            xdp_socket_give_back(&lane->socket, bytes);
            continue;
        }
        xdp_frame_write(frame, datagram->reply_len, bytes);
        xdp_socket_add(&lane->socket, bytes, headers_len + datagram->reply_len);
    }
    xdp_socket_flush(&lane->socket);
}

void xdp_lane_way(const struct xdp_lane *lane, size_t at, struct udp_way *way)
{
    *way = (struct udp_way){0};
    way->peer_len = socket_name_of(lane->datagrams[at].peer, &way->peer);
}

void xdp_lane_release(struct xdp_lane *lane)
{
    xdp_socket_release(&lane->socket, lane->taken);
    lane->taken = 0;
}
