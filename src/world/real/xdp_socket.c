/* How the kernel and we pass frames to each other without a copy of ours and nearly without system
 * calls (Linux, Documentation/networking/af_xdp.rst). */
#include "world/real/xdp_socket.h"

#include "world/real/memory.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FRAMES = XDP_FRAMES_IN + XDP_FRAMES_OUT,
    PAGE = 4096,
    KICKS_MAX = 64, /* system calls for one batch, each of which sends some of it */
};

_Static_assert((XDP_FRAMES_IN & (XDP_FRAMES_IN - 1)) == 0 &&
                   (XDP_FRAMES_OUT & (XDP_FRAMES_OUT - 1)) == 0,
               "rings are as long as powers of two");
_Static_assert(XDP_FRAME_SIZE - XDP_FRAME_LEN_MAX == 256, "the kernel keeps that much of a frame");

/* ------------------------------------------------------------------ rings */

static uint32_t ring_see(const uint32_t *shared)
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

/* What was written to the entries before is seen by who sees this. */
static void ring_tell(uint32_t *shared, uint32_t at)
{
    __atomic_store_n(shared, at, __ATOMIC_RELEASE);
}

static uint64_t *ring_address(const struct xdp_ring *ring, uint32_t at, uint32_t size)
{
    return (uint64_t *)ring->entries + (at & (size - 1));
}

static struct xdp_desc *ring_frame(const struct xdp_ring *ring, uint32_t at, uint32_t size)
{
    return (struct xdp_desc *)ring->entries + (at & (size - 1));
}

static bool ring_wants_call(const struct xdp_ring *ring)
{
    return (__atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0;
}

struct ring_kind {
    int option;
    off_t page;
    size_t entry_len;
    uint32_t size;
};

static bool ring_open(int fd, struct ring_kind kind, const struct xdp_ring_offset *offset,
                      struct xdp_ring *ring)
{
    size_t len = offset->desc + kind.size * kind.entry_len;
    void *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, kind.page);
    if (memory == MAP_FAILED) {
        return false;
    }
    uint8_t *octets = memory;
    *ring = (struct xdp_ring){.producer = (void *)(octets + offset->producer),
                              .consumer = (void *)(octets + offset->consumer),
                              .flags = (void *)(octets + offset->flags),
                              .entries = octets + offset->desc,
                              .memory = memory,
                              .memory_len = len};
    return true;
}

/* ------------------------------------------------------------------ open and close */

static bool memory_register(struct xdp_socket *socket)
{
    socket->frames = memory_take_aligned(PAGE, (size_t)FRAMES * XDP_FRAME_SIZE);
    if (socket->frames == NULL) {
        errno = ENOMEM;
        return false;
    }
    struct xdp_umem_reg all = {.addr = (uintptr_t)socket->frames,
                               .len = (uint64_t)FRAMES * XDP_FRAME_SIZE,
                               .chunk_size = XDP_FRAME_SIZE};
    return setsockopt(socket->fd, SOL_XDP, XDP_UMEM_REG, &all, sizeof all) == 0;
}

static bool rings_open(struct xdp_socket *socket)
{
    struct xdp_mmap_offsets offsets;
    socklen_t len = sizeof offsets;
    const struct {
        struct ring_kind kind;
        const struct xdp_ring_offset *offset;
        struct xdp_ring *ring;
    } ROWS[] = {
        {{XDP_UMEM_FILL_RING, (off_t)XDP_UMEM_PGOFF_FILL_RING, sizeof(uint64_t), XDP_FRAMES_IN},
         &offsets.fr,
         &socket->fill},
        {{XDP_UMEM_COMPLETION_RING, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t),
          XDP_FRAMES_OUT},
         &offsets.cr,
         &socket->completed},
        {{XDP_RX_RING, XDP_PGOFF_RX_RING, sizeof(struct xdp_desc), XDP_FRAMES_IN},
         &offsets.rx,
         &socket->received},
        {{XDP_TX_RING, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc), XDP_FRAMES_OUT},
         &offsets.tx,
         &socket->sent},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        int size = (int)ROWS[i].kind.size;
        if (setsockopt(socket->fd, SOL_XDP, ROWS[i].kind.option, &size, sizeof size) != 0) {
            return false;
        }
    }
    bool is_good = getsockopt(socket->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len) == 0;
    for (size_t i = 0; i < LEN(ROWS) && is_good; i++) {
        is_good = ring_open(socket->fd, ROWS[i].kind, ROWS[i].offset, ROWS[i].ring);
    }
    return is_good;
}

/* The first frames are for what comes, the others for what goes. */
static void frames_share_out(struct xdp_socket *socket)
{
    for (uint32_t i = 0; i < XDP_FRAMES_IN; i++) {
        *ring_address(&socket->fill, i, XDP_FRAMES_IN) = (uint64_t)i * XDP_FRAME_SIZE;
    }
    socket->fill.at = XDP_FRAMES_IN;
    ring_tell(socket->fill.producer, socket->fill.at);
    for (uint32_t i = 0; i < XDP_FRAMES_OUT; i++) {
        socket->free[i] = (uint64_t)(XDP_FRAMES_IN + i) * XDP_FRAME_SIZE;
    }
    socket->free_count = XDP_FRAMES_OUT;
}

enum status xdp_socket_open(struct xdp_socket *opened)
{
    *opened = (struct xdp_socket){.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
    if (opened->fd < 0 || !memory_register(opened) || !rings_open(opened)) {
        return IO_FAILED;
    }
    frames_share_out(opened);
    return OK;
}

enum status xdp_socket_bind(struct xdp_socket *socket, unsigned interface_index, unsigned queue)
{
    struct sockaddr_xdp name = {.sxdp_family = AF_XDP,
                                .sxdp_flags = XDP_USE_NEED_WAKEUP,
                                .sxdp_ifindex = interface_index,
                                .sxdp_queue_id = queue};
    return bind(socket->fd, (struct sockaddr *)&name, sizeof name) == 0 ? OK : IO_FAILED;
}

void xdp_socket_close(struct xdp_socket *socket)
{
    const struct xdp_ring *const rings[] = {&socket->fill, &socket->received, &socket->sent,
                                            &socket->completed};
    for (size_t i = 0; i < LEN(rings); i++) {
        if (rings[i]->memory != NULL) {
            munmap(rings[i]->memory, rings[i]->memory_len);
        }
    }
    if (socket->fd >= 0) {
        close(socket->fd);
    }
    memory_give_back(socket->frames);
    *socket = (struct xdp_socket){.fd = -1};
}

/* ------------------------------------------------------------------ in */

size_t xdp_socket_receive(struct xdp_socket *socket, struct span *frames, size_t most)
{
    struct xdp_ring *ring = &socket->received;
    size_t count = ring_see(ring->producer) - ring->at;
    count = count < most ? count : most;
    for (size_t i = 0; i < count; i++) {
        const struct xdp_desc *entry = ring_frame(ring, ring->at + (uint32_t)i, XDP_FRAMES_IN);
        frames[i] = span_of(socket->frames + entry->addr, entry->len);
    }
    return count;
}

void xdp_socket_release(struct xdp_socket *socket, size_t count)
{
    struct xdp_ring *from = &socket->received;
    struct xdp_ring *to = &socket->fill;
    for (size_t i = 0; i < count; i++) {
        /* Where in its room the frame began is no matter to the kernel. */
        uint64_t address = ring_frame(from, from->at++, XDP_FRAMES_IN)->addr;
        *ring_address(to, to->at++, XDP_FRAMES_IN) = address - address % XDP_FRAME_SIZE;
    }
    ring_tell(from->consumer, from->at);
    ring_tell(to->producer, to->at);
    if (ring_wants_call(to)) {
        (void)recvfrom(socket->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
    }
}

/* ------------------------------------------------------------------ out */

static void collect_completed(struct xdp_socket *socket)
{
    struct xdp_ring *ring = &socket->completed;
    uint32_t end = ring_see(ring->producer);
    while (ring->at != end) {
        require(socket->free_count < XDP_FRAMES_OUT);
        socket->free[socket->free_count++] = *ring_address(ring, ring->at++, XDP_FRAMES_OUT);
    }
    ring_tell(ring->consumer, ring->at);
}

size_t xdp_socket_room(struct xdp_socket *socket, size_t wanted)
{
    if (socket->free_count < wanted) {
        collect_completed(socket);
    }
    if (socket->free_count == 0) {
        struct pollfd waiting = {.fd = socket->fd, .events = POLLOUT};
        xdp_socket_flush(socket);
        (void)poll(&waiting, 1, UDP_SEND_WAIT_MS);
        collect_completed(socket);
    }
    return socket->free_count < wanted ? socket->free_count : wanted;
}

uint8_t *xdp_socket_take(struct xdp_socket *socket)
{
    require(socket->free_count > 0);
    return socket->frames + socket->free[--socket->free_count];
}

void xdp_socket_give_back(struct xdp_socket *socket, const uint8_t *frame)
{
    socket->free[socket->free_count++] = (uint64_t)(frame - socket->frames);
}

void xdp_socket_add(struct xdp_socket *socket, const uint8_t *frame, size_t len)
{
    struct xdp_ring *ring = &socket->sent;
    *ring_frame(ring, ring->at++, XDP_FRAMES_OUT) =
        (struct xdp_desc){.addr = (uint64_t)(frame - socket->frames), .len = (uint32_t)len};
}

/* The kernel sends some of it each time it is called, until its own queues are full; what is left
 * goes with the next. */
void xdp_socket_flush(struct xdp_socket *socket)
{
    struct xdp_ring *ring = &socket->sent;
    ring_tell(ring->producer, ring->at);
    for (int i = 0; i < KICKS_MAX && ring_wants_call(ring) && ring_see(ring->consumer) != ring->at;
         i++) {
        ssize_t called = sendto(socket->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
        if (called < 0 && errno != EAGAIN && errno != EINTR) {
            return;
        }
    }
}
