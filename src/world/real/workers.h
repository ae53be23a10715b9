#pragma once
/* Threads that answer datagrams beside the one that does everything else: each has sockets of its
 * own for all addresses and lets the service answer at once what it can. What is left goes to the
 * thread of the world, as events. */
#include "core/node/grace.h"
#include "world/real/udp_lane.h"

struct world;
struct workers;

/* Before the first address is listened on. 0 (as without this call): all is done in one thread.
 * NO_MEMORY also when the system gives no descriptor. */
enum status world_use_workers(struct world *world, unsigned count) MUST_USE;
/* Queries by UDP to the addresses listened on so far are also taken from that interface past the
 * kernel's network stack (AF_XDP), by the workers, of which there must be some. `uses_xdp` of the
 * world's options. The problem says what is missing. */
enum status world_use_xdp(struct world *world, const char *interface,
                          struct problem *problem) MUST_USE;
/* For the service that answers in workers: to wait until all have passed a batch. */
const struct grace *world_grace(struct world *world);

/* The rest is UDP's own. */

/* A message that a worker could not answer. */
struct handed_message {
    struct udp_way way;
    struct address peer;
    size_t endpoint;
    struct span message;
};

enum status workers_open(unsigned count, const struct log *log, struct workers **workers) MUST_USE;
/* Sockets of each worker for that address, or one for all of a port that the kernel chose; the
 * first is for the replies of the world's thread. */
enum status workers_listen(struct workers *workers, struct address address, size_t endpoint,
                           int *first_fd, struct problem *problem) MUST_USE;
/* The `count` addresses are those of the endpoints. */
enum status workers_use_xdp(struct workers *workers, const char *interface,
                            const struct address *addresses, size_t count,
                            struct problem *problem) MUST_USE;
/* Takes back the endpoint opened last. */
void workers_unlisten(struct workers *workers, size_t endpoint);
enum status workers_start(struct workers *workers, struct node node) MUST_USE;
/* Readable when messages were handed over. */
int workers_fd(const struct workers *workers);
/* Calls `each` for the messages handed over so far; they live during the call. */
void workers_take(struct workers *workers,
                  void (*each)(void *user, const struct handed_message *handed), void *user);
void workers_wait(struct workers *workers);
void workers_stop(struct workers *workers);  /* returns when no thread is left */
void workers_close(struct workers *workers); /* NULL is fine */
