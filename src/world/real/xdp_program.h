#pragma once
/* The program that the kernel runs for each frame that an interface receives (XDP): what asks one
 * of our addresses over UDP goes to the AF_XDP socket of its queue, all else its usual way. */
#include "core/base/address.h"
#include "core/base/problem.h"

/* What of an interface decides. */
struct xdp_port {
    unsigned index; /* the kernel's number of it */
    uint8_t mac[6];
    unsigned queue_count;
    unsigned mtu;
};

struct xdp_program {
    int sockets; /* the map from queues to their AF_XDP sockets */
    int program;
    int link; /* of the program to the interface; both are parted when it is closed */
};

/* NOT_FOUND or UNSUPPORTED when there is no such Ethernet. */
enum status xdp_port_find(const char *name, struct xdp_port *port,
                          struct problem *problem) MUST_USE;
/* Takes frames of at most XDP_FRAME_LEN_MAX octets to one of the `addresses`; not linked yet. The
 * descriptors of these are not kept by programs that are started. IO_FAILED with errno. */
enum status xdp_program_open(const struct xdp_port *port, const struct address *addresses,
                             size_t count, struct xdp_program *program) MUST_USE;
/* The socket from now on gets what that queue receives. */
enum status xdp_program_add(const struct xdp_program *program, unsigned queue, int socket) MUST_USE;
enum status xdp_program_link(struct xdp_program *program, const struct xdp_port *port) MUST_USE;
void xdp_program_close(struct xdp_program *program);
