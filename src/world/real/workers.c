/* The life of a worker, how messages pass from it to the thread of the world, and how that thread
 * knows that a worker has let go of what it read (the quiescent states of RCU). */
#include "world/real/workers.h"

#include "world/real/inside.h"
#include "world/real/memory.h"
#include "world/real/xdp.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    WORKERS_MAX = 256,
    HANDED_MAX = 256,      /* of each worker; more are dropped: the world's thread is busy */
    HANDED_LEN_MAX = 4096, /* what is longer does not come by UDP in good faith */
    CACHE_LINE = 64,
    WAIT_SPINS = 64,
    WAIT_NS = 20000,
};

static const uint64_t IS_IDLE = UINT64_MAX;

/* Whose turn it is, as epoll tells: an endpoint by its number, the call to stop, or a queue of an
 * interface by both numbers. */
enum { TURN_STOP = ENDPOINTS_MAX, TURN_QUEUE };

struct handed_slot {
    struct udp_way way;
    struct address peer;
    uint32_t endpoint;
    uint32_t len;
    uint8_t bytes[HANDED_LEN_MAX];
};

struct worker_endpoint {
    int fd;
    bool tells_asked;
};

struct worker {
    struct workers *workers;
    pthread_t thread;
    bool is_running;
    bool waits_in_call; /* it has one socket, which waits */
    int epoll;
    struct worker_endpoint endpoints[ENDPOINTS_MAX];
    struct udp_lane lane;
    struct handed_slot *slots; /* a ring: the worker writes at `head`, the world reads at `tail` */
    _Alignas(CACHE_LINE) _Atomic uint32_t head;
    _Alignas(CACHE_LINE) _Atomic uint32_t tail;
    /* The epoch that was current when its batch began, or IS_IDLE. */
    _Alignas(CACHE_LINE) _Atomic uint64_t seen;
};

struct workers {
    struct worker *all;
    unsigned count;
    const struct log *log;
    struct node node;
    int wake; /* an eventfd: messages were handed over */
    int stop; /* an eventfd: it is over */
    struct xdp interfaces[XDP_INTERFACES_MAX];
    size_t interface_count;
    atomic_bool is_stopping;
    _Alignas(CACHE_LINE) _Atomic uint64_t epoch;
};

/* ------------------------------------------------------------------ a worker */

/* From here on the worker may find what is published now, and nothing older. The order of these two
 * and of what workers_wait does is one that all threads agree on: else a worker could read what is
 * old and be taken for one that reads what is new. */
static void see_epoch(struct worker *worker)
{
    atomic_store(&worker->seen, atomic_load(&worker->workers->epoch));
}

static bool is_left(const struct datagram *datagram)
{
    return datagram->reply_len == 0 && !datagram->is_dropped;
}

static void hand_over(struct worker *worker, const struct datagram *datagram, size_t endpoint,
                      const struct udp_way *way)
{
    uint32_t head = atomic_load_explicit(&worker->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&worker->tail, memory_order_acquire);
    struct handed_slot *slot = &worker->slots[head % HANDED_MAX];
    if (head - tail == HANDED_MAX || datagram->message.len > HANDED_LEN_MAX) {
        return;
    }
    slot->way = *way;
    slot->peer = datagram->peer;
    slot->endpoint = (uint32_t)endpoint;
    slot->len = (uint32_t)datagram->message.len;
    memcpy(slot->bytes, datagram->message.bytes, datagram->message.len);
    atomic_store_explicit(&worker->head, head + 1, memory_order_release);
}

/* What was received; true when it was a full batch. */
static bool serve_batch(struct worker *worker, size_t endpoint, size_t count)
{
    struct workers *workers = worker->workers;
    struct udp_lane *lane = &worker->lane;
    const struct worker_endpoint *from = &worker->endpoints[endpoint];
    if (count == 0) {
        return false;
    }
    see_epoch(worker);
    udp_lane_answer(lane, &workers->node);
    udp_lane_send(lane, from->fd, workers->log);
    bool has_left = false;
    struct udp_way way;
    for (size_t i = 0; i < count; i++) {
        if (is_left(&lane->datagrams[i]) && udp_lane_way(lane, i, &way)) {
            hand_over(worker, &lane->datagrams[i], endpoint, &way);
            has_left = true;
        }
    }
    if (has_left) {
        eventfd_write(workers->wake, 1);
    }
    return count == UDP_BATCH;
}

/* The same of a queue; true when something came. */
static bool serve_queue_batch(struct worker *worker, struct xdp_lane *lane)
{
    if (!xdp_lane_receive(lane)) {
        return false;
    }
    see_epoch(worker);
    xdp_lane_answer(lane, &worker->workers->node);
    bool has_left = false;
    struct udp_way way;
    for (size_t i = 0; i < lane->count; i++) {
        if (is_left(&lane->datagrams[i])) {
            xdp_lane_way(lane, i, &way);
            hand_over(worker, &lane->datagrams[i], lane->endpoints[i], &way);
            has_left = true;
        }
    }
    if (has_left) {
        eventfd_write(worker->workers->wake, 1);
    }
    xdp_lane_release(lane);
    return true;
}

static void serve_endpoint(struct worker *worker, size_t endpoint)
{
    const struct worker_endpoint *from = &worker->endpoints[endpoint];
    for (int round = 0; round < UDP_BATCHES_A_ROUND; round++) {
        size_t count = udp_lane_receive(&worker->lane, from->fd, from->tells_asked);
        if (!serve_batch(worker, endpoint, count)) {
            return;
        }
    }
}

static void serve_queue(struct worker *worker, size_t number)
{
    struct xdp *interface = &worker->workers->interfaces[number / XDP_QUEUES_MAX];
    int round = 0;
    while (round < UDP_BATCHES_A_ROUND &&
           serve_queue_batch(worker, &interface->lanes[number % XDP_QUEUES_MAX])) {
        round++;
    }
}

static void take_turn(struct worker *worker, uint64_t turn)
{
    if (turn < TURN_STOP) {
        serve_endpoint(worker, (size_t)turn);
    } else if (turn >= TURN_QUEUE) {
        serve_queue(worker, (size_t)turn - TURN_QUEUE);
    }
}

/* With one socket the thread waits in the call that takes the messages: nobody has to tell it where
 * they are, so that they are answered sooner and by one call less. */
static void serve_alone(struct worker *worker)
{
    const struct worker_endpoint *from = &worker->endpoints[0];
    for (;;) {
        atomic_store(&worker->seen, IS_IDLE);
        size_t count = udp_lane_wait(&worker->lane, from->fd, from->tells_asked);
        if (atomic_load(&worker->workers->is_stopping)) {
            return;
        }
        serve_batch(worker, 0, count);
    }
}

static void serve_all(struct worker *worker)
{
    struct epoll_event events[LOOP_EVENTS];
    while (!atomic_load(&worker->workers->is_stopping)) {
        atomic_store(&worker->seen, IS_IDLE);
        int count = epoll_wait(worker->epoll, events, LOOP_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            take_turn(worker, events[i].data.u64);
        }
    }
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    if (worker->waits_in_call) {
        serve_alone(worker);
    } else {
        serve_all(worker);
    }
    atomic_store(&worker->seen, IS_IDLE);
    return NULL;
}

/* ------------------------------------------------------------------ for the world's thread */

int workers_fd(const struct workers *workers)
{
    return workers->wake;
}

void workers_take(struct workers *workers,
                  void (*each)(void *user, const struct handed_message *handed), void *user)
{
    eventfd_t told;
    (void)eventfd_read(workers->wake, &told);
    for (unsigned i = 0; i < workers->count; i++) {
        struct worker *worker = &workers->all[i];
        uint32_t tail = atomic_load_explicit(&worker->tail, memory_order_relaxed);
        uint32_t head = atomic_load_explicit(&worker->head, memory_order_acquire);
        for (; tail != head; tail++) {
            const struct handed_slot *slot = &worker->slots[tail % HANDED_MAX];
            struct handed_message handed = {.way = slot->way,
                                            .peer = slot->peer,
                                            .endpoint = slot->endpoint,
                                            .message = span_of(slot->bytes, slot->len)};
            each(user, &handed);
            atomic_store_explicit(&worker->tail, tail + 1, memory_order_release);
        }
    }
}

void workers_wait(struct workers *workers)
{
    uint64_t epoch = atomic_fetch_add(&workers->epoch, 1) + 1;
    for (unsigned i = 0; i < workers->count; i++) {
        for (int spins = 0; atomic_load(&workers->all[i].seen) < epoch; spins++) {
            struct timespec pause = {.tv_nsec = spins < WAIT_SPINS ? 0 : WAIT_NS};
            nanosleep(&pause, NULL);
        }
    }
}

/* ------------------------------------------------------------------ open and close */

static bool worker_open(struct worker *worker, struct workers *workers)
{
    worker->workers = workers;
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->slots = memory_take(HANDED_MAX * sizeof *worker->slots);
    atomic_init(&worker->seen, IS_IDLE);
    for (size_t i = 0; i < ENDPOINTS_MAX; i++) {
        worker->endpoints[i].fd = -1;
    }
    struct epoll_event stop = {.events = EPOLLIN, .data.u64 = TURN_STOP};
    return udp_lane_open(&worker->lane) && worker->slots != NULL && worker->epoll >= 0 &&
           epoll_ctl(worker->epoll, EPOLL_CTL_ADD, workers->stop, &stop) == 0;
}

static void worker_close(struct worker *worker)
{
    for (size_t i = 0; i < ENDPOINTS_MAX; i++) {
        if (worker->endpoints[i].fd >= 0) {
            close(worker->endpoints[i].fd);
        }
    }
    if (worker->epoll >= 0) {
        close(worker->epoll);
    }
    udp_lane_close(&worker->lane);
    memory_give_back(worker->slots);
}

enum status workers_open(unsigned count, const struct log *log, struct workers **opened)
{
    struct workers *workers = memory_take_aligned(CACHE_LINE, sizeof *workers);
    *opened = NULL;
    if (workers == NULL) {
        return NO_MEMORY;
    }
    workers->log = log;
    workers->wake = -1;
    workers->stop = -1;
    count = count > WORKERS_MAX ? WORKERS_MAX : count;
    workers->all = memory_take_aligned(CACHE_LINE, count * sizeof *workers->all);
    workers->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    workers->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bool is_good = workers->all != NULL && workers->wake >= 0 && workers->stop >= 0;
    for (; is_good && workers->count < count; workers->count++) {
        is_good = worker_open(&workers->all[workers->count], workers);
    }
    if (!is_good) {
        workers_close(workers);
        return NO_MEMORY;
    }
    *opened = workers;
    return OK;
}

static enum status worker_listen(struct worker *worker, struct address address, size_t endpoint,
                                 struct problem *problem)
{
    bool tells_asked;
    int fd;
    const struct worker *first = worker->workers->all;
    int beside = worker == first ? -1 : first->endpoints[endpoint].fd;
    enum status status = udp_lane_listen(address, beside, &fd, &tells_asked, problem);
    if (status != OK) {
        return status;
    }
    worker->endpoints[endpoint] = (struct worker_endpoint){fd, tells_asked};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = endpoint};
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        return problem_set(problem, IO_FAILED, "cannot wait for UDP messages: %s", strerror(errno));
    }
    return OK;
}

enum status workers_listen(struct workers *workers, struct address address, size_t endpoint,
                           int *first_fd, struct problem *problem)
{
    enum status status = OK;
    for (unsigned i = 0; i < workers->count && status == OK; i++) {
        status = worker_listen(&workers->all[i], address, endpoint, problem);
    }
    *first_fd = workers->all[0].endpoints[endpoint].fd;
    if (status != OK) {
        workers_unlisten(workers, endpoint);
    }
    return status;
}

/* A queue is served by one worker; there may be more of those, or of these. */
static bool interface_watch(struct workers *workers, size_t number)
{
    const struct xdp *interface = &workers->interfaces[number];
    for (size_t queue = 0; queue < interface->lane_count; queue++) {
        struct worker *worker = &workers->all[queue % workers->count];
        struct epoll_event event = {.events = EPOLLIN,
                                    .data.u64 = TURN_QUEUE + number * XDP_QUEUES_MAX + queue};
        if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, interface->lanes[queue].socket.fd, &event) !=
            0) {
            return false;
        }
    }
    return true;
}

enum status workers_use_xdp(struct workers *workers, const char *interface,
                            const struct address *addresses, size_t count, struct problem *problem)
{
    size_t number = workers->interface_count;
    if (number == XDP_INTERFACES_MAX) {
        return problem_set(problem, LIMIT_REACHED, "queries can come by AF_XDP from %d interfaces",
                           XDP_INTERFACES_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (workers->all[0].endpoints[i].tells_asked) {
            return problem_set(problem, BAD_ARGUMENT,
                               "for AF_XDP every address to listen on is named: with 0.0.0.0 or :: "
                               "queries that only pass through this machine would be taken");
        }
    }
    enum status status =
        xdp_open(interface, addresses, count, &workers->interfaces[number], problem);
    if (status != OK) {
        return status;
    }
    workers->interface_count++;
    return interface_watch(workers, number)
               ? OK
               : problem_set(problem, IO_FAILED, "cannot wait for queries by AF_XDP: %s",
                             strerror(errno));
}

void workers_unlisten(struct workers *workers, size_t endpoint)
{
    for (unsigned i = 0; i < workers->count; i++) {
        int *fd = &workers->all[i].endpoints[endpoint].fd;
        if (*fd >= 0) {
            close(*fd); /* and so no longer waited for */
            *fd = -1;
        }
    }
}

/* A socket waits when it is the only thing that its worker waits for. Then epoll leaves it alone:
 * else the kernel would tell it of each message that comes or goes. */
static void choose_wait(struct worker *worker)
{
    int fd = worker->endpoints[0].fd;
    bool is_alone = fd >= 0 && worker->endpoints[1].fd < 0 && worker->workers->interface_count == 0;
    worker->waits_in_call = is_alone && fcntl(fd, F_SETFL, 0) == 0 &&
                            epoll_ctl(worker->epoll, EPOLL_CTL_DEL, fd, NULL) == 0;
}

enum status workers_start(struct workers *workers, struct node node)
{
    workers->node = node;
    sigset_t all;
    sigset_t before;
    sigfillset(&all); /* signals are the world's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_good = true;
    for (unsigned i = 0; i < workers->count && is_good; i++) {
        struct worker *worker = &workers->all[i];
        choose_wait(worker);
        is_good = pthread_create(&worker->thread, NULL, worker_run, worker) == 0;
        worker->is_running = is_good;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_good ? OK : NO_MEMORY;
}

void workers_stop(struct workers *workers)
{
    atomic_store(&workers->is_stopping, true);
    eventfd_write(workers->stop, 1);
    for (unsigned i = 0; i < workers->count; i++) {
        struct worker *worker = &workers->all[i];
        if (worker->is_running && worker->waits_in_call) {
            /* Wakes who waits there, now or later, though it says that nothing is connected. */
            (void)shutdown(worker->endpoints[0].fd, SHUT_RD);
        }
        if (worker->is_running) {
            pthread_join(worker->thread, NULL);
            worker->is_running = false;
        }
    }
}

void workers_close(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    workers_stop(workers);
    for (size_t i = 0; i < workers->interface_count; i++) {
        xdp_close(&workers->interfaces[i]);
    }
    for (unsigned i = 0; i < workers->count; i++) {
        worker_close(&workers->all[i]);
    }
    if (workers->wake >= 0) {
        close(workers->wake);
    }
    if (workers->stop >= 0) {
        close(workers->stop);
    }
    memory_give_back(workers->all);
    memory_give_back(workers);
}
