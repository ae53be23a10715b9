#pragma once
/* The simulated world: services in one process under virtual time, joined by a network that delays,
 * loses and repeats datagrams as a seed wills. Whatever the real world would do with an effect, it
 * does in memory; it knows nothing of what the messages mean. The same seed gives the same run. */
#include "core/base/entropy.h"
#include "core/base/log.h"
#include "core/node/node.h"
#include "core/store/disk.h"
#include "core/store/records.h"

enum { SIM_NODES_MAX = 32, SIM_ADDRESSES_MAX = 16, SIM_NAME_SIZE = 32 };

struct sim;

struct sim_options {
    uint64_t seed;
    int64_t wall_s;                      /* the date at the start */
    uint32_t delay_min_us, delay_max_us; /* of each message on its way */
    uint32_t loss_percent;   /* of datagrams, and of the mail server's acknowledgements */
    uint32_t repeat_percent; /* datagrams that arrive twice */
    bool is_loud;            /* the services' log goes to standard error */
};

/* How a node's service comes to life and dies. A crash is a close without EVENT_STOP; what the
 * node keeps on its disk, or in records, outlives it. */
struct sim_life {
    /* A node without a handler: it could not start, and has released all; it stays dead. */
    struct node (*open)(void *user, struct moment now);
    void (*close)(void *user);
    void *user;
};

struct sim_mail {
    size_t node; /* who sent it */
    const char *message_id;
    const char *recipient;
    struct span message;
    uint32_t deliveries; /* with that Message-ID; a mail server keeps one */
};

struct sim *sim_open(const struct sim_options *options);
/* Closes the services that live. */
void sim_close(struct sim *sim);

/* A node; EPP clients find it by its name, which filled up with zeros to SIM_NAME_SIZE also stands
 * for the digest of its certificate when it is a client itself. Returns its number. Endpoints are
 * the addresses in the order of sim_listen; the first is also where its own questions come from. */
size_t sim_add_node(struct sim *sim, const char *name, struct sim_life life);
void sim_listen(struct sim *sim, size_t node, struct address address);
/* For the service's options; valid before the node lives, and as long as the sim. */
const struct entropy *sim_entropy(struct sim *sim, size_t node);
const struct log *sim_log(struct sim *sim, size_t node);
/* A folder of the node's disk. */
struct disk sim_disk(struct sim *sim, size_t node, const char *folder);
/* The node's records, kept in `under`, which the test owns and which outlives the node. Each
 * commit, and each change outside of a transaction, is a write as those to the disk are. */
struct records sim_records(struct sim *sim, size_t node, struct records under);

/* Opens the service, or opens it again after a crash, and delivers EVENT_START. */
void sim_start(struct sim *sim, size_t node);
/* The process is gone at once: its timers, connections and memory. Peers of its streams see them
 * close; datagrams to it vanish. */
void sim_crash(struct sim *sim, size_t node);
/* As the operator ends it: EVENT_STOP, what the service wants done then, and the close. */
void sim_stop(struct sim *sim, size_t node);
void sim_reload(struct sim *sim, size_t node); /* EVENT_RELOAD */
bool sim_is_alive(const struct sim *sim, size_t node);
uint32_t sim_life_count(const struct sim *sim, size_t node); /* how often it was started */
/* A crash, or a stop, later; and a start after it. */
void sim_crash_in(struct sim *sim, size_t node, int64_t wait_ns, int64_t down_ns);
void sim_stop_in(struct sim *sim, size_t node, int64_t wait_ns, int64_t down_ns);
/* The power goes inside the write after `writes` good ones: it is done wholly or not (an append: in
 * part), later ones fail, and nothing of what the service wanted done in that event happens. */
void sim_crash_at_write(struct sim *sim, size_t node, uint32_t writes);
/* After `writes` good ones the next `faults` writes to its disk fail, and the service is told so;
 * each is done wholly or not (an append: in part) all the same. No faults: the disk is mended. */
void sim_fail_at_write(struct sim *sim, size_t node, uint32_t writes, uint32_t faults);
/* Writes to its disk and records so far, in all its lives. */
uint32_t sim_write_count(const struct sim *sim, size_t node);
/* From now on; as the options of the same name. */
void sim_set_loss(struct sim *sim, uint32_t loss_percent, uint32_t repeat_percent);

struct moment sim_now(const struct sim *sim);
/* Lets that much time pass. */
void sim_run(struct sim *sim, int64_t duration_ns);

/* From outside; time passes until there is an answer. Results are in `arena`. */
struct sim_question {
    struct address server;
    enum transport transport;
    struct span message;
    uint32_t timeout_ms;
};
enum status sim_ask(struct sim *sim, const struct sim_question *question, struct arena *arena,
                    struct span *answer) MUST_USE;
/* REFUSED: the answer was a failure; CLOSED: the node is down or died over it. */
enum status sim_control(struct sim *sim, size_t node, const char *line, struct arena *arena,
                        struct span *text) MUST_USE;
/* `request->request` is chosen here. */
enum status sim_http(struct sim *sim, size_t node, const struct event_http *request,
                     struct arena *arena, struct effect_http *response) MUST_USE;

size_t sim_mail_count(const struct sim *sim);
struct sim_mail sim_mail_at(const struct sim *sim, size_t index);
/* A digest of every event delivered so far, with its time and content. */
uint64_t sim_trace(const struct sim *sim);
