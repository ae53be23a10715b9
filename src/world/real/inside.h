#pragma once
/* What the files of the real world know of each other. Each of them owns one kind of I/O: it is
 * opened on first use, turns what arrives into events by world_deliver, and carries out its
 * effects. Effects never deliver events themselves: what fails at once is told from a timer. */
#include "core/base/table.h"
#include "world/real/loop.h"
#include "world/real/memory.h"
#include "world/real/socket.h"
#include "world/real/world.h"
#include "world/real/world_limits.h"

#include <signal.h>

struct udp;
struct errand_thread;
struct streams;
struct doq;
struct asks;
struct epp;
struct http;
struct mail;
struct control;
struct metrics_page;
struct kept_places;
struct disk_folder;
struct database;

struct world {
    struct world_options options;
    struct world_stream_limits stream_limits;
    struct log log;
    struct entropy entropy;
    struct loop loop;
    struct node node;
    struct outbox outbox;
    bool is_delivering;
    bool is_draining; /* after SIGTERM: nothing new comes in, what was answered still goes out */
    bool is_stopped;  /* EVENT_STOP was delivered: no event follows it */
    bool is_hurried;  /* a second SIGTERM: even that is dropped */
    uint64_t number_next; /* of streams, sessions, requests: never used twice */

    struct table timers; /* of the service, by its own numbers */
    struct udp *udp;
    struct errand_thread *errands; /* NULL: nobody sends any */
    struct streams *streams;
    struct doq *doq;
    struct asks *asks;
    struct epp *epp;
    struct http *http;
    struct mail *mail;
    struct control *control;
    struct metrics_page *metrics; /* being filled; else NULL */
    int64_t started_wall_s;
    struct kept_places *kept;
    struct disk_folder *folders; /* a list */
    struct database *databases;  /* a list */
    uint32_t endpoint_count;

    struct timer watchdog;
    struct watch signals;
    sigset_t signals_before; /* the mask that world_close brings back */
};

/* Lets the service handle the event and carries out what it wants. */
void world_deliver(struct world *world, struct event *event);
/* The end, as SIGTERM begins it; what was begun is finished. */
void world_stop(struct world *world);
/* Certificates and keys are read again. */
void world_reload_files(struct world *world);
uint64_t world_number(struct world *world);
/* The time in some milliseconds, for timers. */
int64_t world_in_ms(int64_t ms);

/* Channels of EVENT_QUERY: the top bit says that it is a stream. */
#define CHANNEL_STREAM ((uint64_t)1 << 63)
/* And of a stream, that it is one request of many on a connection. */
#define CHANNEL_HTTPS ((uint64_t)1 << 62)
#define CHANNEL_QUIC ((uint64_t)1 << 61)

enum status udp_listen(struct world *world, struct address address, uint32_t endpoint,
                       struct address *bound, struct problem *problem) MUST_USE;
void udp_unlisten(struct world *world);
void udp_reply(struct world *world, const struct effect_reply *reply);
void udp_flush(struct world *world); /* sends what the round collected */
void udp_stop(struct world *world);  /* no more queries */
void udp_close(struct world *world);
struct address udp_address(const struct world *world, size_t index);

/* What is served on a listening socket. */
struct stream_service {
    enum transport transport; /* TCP, TLS or HTTPS */
    struct world_tls tls;     /* of TLS and HTTPS */
    const char *path;         /* of HTTPS, and the next, as in struct world_https */
    uint32_t (*lifetime_s)(struct span answer);
};
enum status stream_listen(struct world *world, struct address address, uint32_t endpoint,
                          const struct stream_service *service, struct problem *problem) MUST_USE;
struct address stream_address(const struct world *world, enum transport transport, size_t index);
void stream_reload(struct world *world);
void stream_reply(struct world *world, const struct effect_reply *reply);
void stream_hang_up(struct world *world, uint64_t channel);
void stream_await_room(struct world *world, uint64_t channel);
void https_reply(struct world *world, const struct effect_reply *reply);
void https_hang_up(struct world *world, uint64_t channel);
void stream_flush(struct world *world);
void stream_stop(struct world *world);
bool stream_is_drained(const struct world *world);
void stream_close(struct world *world);

enum status doq_listen(struct world *world, struct address address, const struct world_quic *quic,
                       struct problem *problem) MUST_USE;
struct address doq_address(const struct world *world, size_t index);
void doq_reload(struct world *world);
void doq_reply(struct world *world, const struct effect_reply *reply);
void doq_hang_up(struct world *world, uint64_t channel);
void doq_await_room(struct world *world, uint64_t channel);
void doq_flush(struct world *world);
void doq_stop(struct world *world);
bool doq_is_drained(const struct world *world);
void doq_close(struct world *world);

void ask_send(struct world *world, const struct effect_ask *ask);
enum status ask_add_tls_peer(struct world *world, const struct world_tls_peer *peer,
                             uint32_t *index, struct problem *problem) MUST_USE;
void ask_reload(struct world *world);
void ask_end(struct world *world, uint64_t number);
void ask_close(struct world *world);

void epp_open(struct world *world, const struct effect_epp *effect);
void epp_send(struct world *world, const struct effect_epp *effect);
void epp_end(struct world *world, uint64_t session);
void epp_reload(struct world *world);
void epp_flush(struct world *world);
void epp_stop(struct world *world);
bool epp_is_drained(const struct world *world);
void epp_close(struct world *world);
struct address epp_address(const struct world *world, size_t index);

void http_answer(struct world *world, const struct effect_http *effect);
void http_reload(struct world *world);
void http_stop(struct world *world);
bool http_is_drained(const struct world *world);
void http_close(struct world *world);
struct address http_address(const struct world *world, size_t index);

void metrics_take(struct world *world, const struct effect_metrics *effect);
/* One response to a request to the page: made and given to `respond` before it returns. */
void metrics_respond(struct world *world, const struct event_http *request,
                     void (*respond)(void *user, const struct effect_http *response), void *user);

void mail_deliver(struct world *world, const struct effect_mail *effect);
void mail_close(struct world *world);

void control_answer(struct world *world, const struct effect_control *effect);
void control_flush(struct world *world);
void control_stop(struct world *world);
bool control_is_drained(const struct world *world);
void control_close(struct world *world);

/* All files but those that were kept are given up; UNSUPPORTED says why they are not. */
enum status kept_leave_others(struct world *world, struct problem *problem) MUST_USE;
void kept_close(struct world *world);

void errands_stop(struct world *world); /* no more events of them */
void errands_close(struct world *world);

void disk_close(struct world *world);
void sqlite_close_all(struct world *world);
