#pragma once
/* An AF_XDP socket: frames of one queue of an interface, in memory that the kernel shares with us,
 * and the four rings through which they pass. */
#include "core/base/problem.h"
#include "core/base/span.h"
#include "world/real/world_limits.h"

struct xdp_ring {
    uint32_t *producer; /* shared with the kernel, as is all of it but `at` */
    uint32_t *consumer;
    const uint32_t *flags;
    void *entries;
    void *memory; /* NULL: not there */
    size_t memory_len;
    uint32_t at; /* how far we are: as producer what is not told yet included */
};

struct xdp_socket {
    int fd;
    uint8_t *frames;
    struct xdp_ring fill;      /* to the kernel: room for what will come */
    struct xdp_ring received;  /* from it */
    struct xdp_ring sent;      /* to it: what is to be sent */
    struct xdp_ring completed; /* from it: sent, its room is free again */
    uint64_t free[XDP_FRAMES_OUT];
    size_t free_count;
};

/* IO_FAILED with errno; close it all the same. It receives nothing yet. */
enum status xdp_socket_open(struct xdp_socket *socket) MUST_USE;
/* From now on it sends and receives there. IO_FAILED with errno. */
enum status xdp_socket_bind(struct xdp_socket *socket, unsigned interface_index,
                            unsigned queue) MUST_USE;
void xdp_socket_close(struct xdp_socket *socket);
/* Views of frames that have come, `most` at most; they live until xdp_socket_release. */
size_t xdp_socket_receive(struct xdp_socket *socket, struct span *frames, size_t most);
void xdp_socket_release(struct xdp_socket *socket, size_t count);
/* Frames of XDP_FRAME_LEN_MAX octets that are free to be written; waits a little when there are
 * few. */
size_t xdp_socket_room(struct xdp_socket *socket, size_t wanted);
uint8_t *xdp_socket_take(struct xdp_socket *socket); /* there must be room */
/* Appends a frame that was taken to what is sent by the next flush, or gives it back. */
void xdp_socket_add(struct xdp_socket *socket, const uint8_t *frame, size_t len);
void xdp_socket_give_back(struct xdp_socket *socket, const uint8_t *frame);
void xdp_socket_flush(struct xdp_socket *socket);
