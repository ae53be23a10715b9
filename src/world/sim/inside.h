#pragma once
/* The inside of the simulated world: what waits, who lives, what is connected; and which file does
 * what with it. */
#include "core/base/heap.h"
#include "core/base/table.h"
#include "world/sim/sim.h"

enum {
    SIM_SCRATCH_MAX = 256 << 20,
    SIM_FOLDERS_MAX = 4,
    SIM_OUTSIDE = SIM_NODES_MAX, /* the test itself, where a node asks */
    SIM_PORT_FIRST = 1024,
    SIM_INSTANT_EVENTS_MAX = 1000000 /* beyond, services chase each other without time passing */
};

enum sim_action_kind {
    SIM_TIMER,      /* of a node; `number` is the service's own */
    SIM_QUERY,      /* a message of exchange `number` reaches its server */
    SIM_ANSWER,     /* a message of exchange `number`, or its end, reaches who asked */
    SIM_ROOM,       /* the server of exchange `number` may send more */
    SIM_EPP_OPENED, /* link `number` stands, told to one side */
    SIM_EPP_FRAME,
    SIM_EPP_CLOSED,
    SIM_MAIL, /* what the mail server says to mail `number` */
    SIM_CRASH,
    SIM_STOP,
    SIM_START
};

/* Something that will happen. */
struct sim_action {
    struct heap_item item; /* first: an item is its action */
    enum sim_action_kind kind;
    size_t node; /* whom it happens to */
    uint32_t life;
    uint64_t number;
    enum status outcome;
    uint8_t *bytes;
    size_t len;
};

/* A question on its way and the answers to it: a datagram's pair of sockets or a connection. Its
 * number is the server's channel. */
struct sim_exchange {
    uint64_t number;
    uint64_t ask; /* the asking service's own number */
    enum transport transport;
    size_t client, server; /* SIM_OUTSIDE for no node */
    uint32_t client_life, server_life;
    struct address from;
    uint32_t endpoint;
    int64_t last_ns; /* streams: when the last message arrives, to stay in order */
    struct sim_action *timeout;
    bool awaits_room;
};

enum sim_side { SIM_CLIENT, SIM_SERVER };

/* An EPP session. */
struct sim_link {
    uint64_t number; /* the server's name for it */
    uint64_t client_number;
    size_t nodes[2]; /* by enum sim_side */
    uint32_t lives[2];
    int64_t last_ns[2]; /* when the last that is on its way to that side arrives */
    bool is_closing;
};

struct sim_file {
    char *name;
    uint8_t *bytes;
    size_t len;
    struct sim_file *next; /* by name */
};

struct sim_folder {
    struct sim *sim;
    size_t node;
    char name[SIM_NAME_SIZE];
    struct sim_file *files;
};

/* What a node knows for good in a database. */
struct sim_store {
    struct sim_node *node;
    struct records under;
    bool is_open; /* a transaction is */
};

struct sim_node {
    struct sim *sim;
    char name[SIM_NAME_SIZE];
    struct address addresses[SIM_ADDRESSES_MAX];
    size_t address_count;
    struct sim_life life;
    struct node service;
    bool is_alive;
    uint32_t lives; /* so far; what was meant for an earlier one is dropped */
    struct outbox outbox;
    struct table timers;
    uint64_t random;
    struct entropy entropy;
    struct log log;
    struct sim_folder folders[SIM_FOLDERS_MAX];
    size_t folder_count;
    struct sim_store store;
    bool has_fuse; /* a crash at a write is armed */
    bool is_dying; /* the power went during this event */
    uint32_t writes_left;
    uint32_t writes;                 /* to its disk so far */
    uint32_t good_left, faults_left; /* writes before the disk fails, and that fail then */
};

struct sim {
    struct sim_options options;
    struct moment now;
    int64_t instant_ns;
    uint32_t instant_events;
    struct heap actions;
    uint64_t random; /* the network's */
    uint64_t trace;
    struct sim_node nodes[SIM_NODES_MAX];
    size_t node_count;
    struct table exchanges, links;
    uint64_t number_next;
    struct {
        struct sim_mail *items;
        size_t count, size;
    } mails;
    /* What the test waits for from outside. */
    struct {
        uint64_t number;
        bool is_over;
        enum status outcome;
        struct arena *arena;
        struct span bytes;
        struct effect_http *http;
    } outside;
};

/* sim.c */
struct sim_action *sim_action_add(struct sim *sim, struct sim_action action, int64_t at_ns,
                                  struct span bytes);
void sim_action_drop(struct sim *sim, struct sim_action *action);
/* Delivers to the node if it lives, and does what it wants done. */
void sim_deliver(struct sim *sim, size_t node, struct event *event);
bool sim_is_life(const struct sim *sim, size_t node, uint32_t life);
uint64_t sim_random(uint64_t *state);
bool sim_chance(struct sim *sim, uint32_t percent);
int64_t sim_delay_ns(struct sim *sim);
void sim_step(struct sim *sim); /* the next action, which there is */

/* sim_net.c: exchanges and EPP links. */
void sim_net_ask(struct sim *sim, size_t client, const struct effect_ask *ask);
void sim_net_ask_done(struct sim *sim, size_t client, uint64_t ask);
void sim_net_reply(struct sim *sim, size_t server, const struct effect_reply *reply);
void sim_net_hang_up(struct sim *sim, size_t server, uint64_t channel);
void sim_net_await_room(struct sim *sim, size_t server, uint64_t channel);
void sim_net_act(struct sim *sim, const struct sim_action *action);
void sim_epp_open(struct sim *sim, size_t client, const struct effect_epp *effect);
void sim_epp_send(struct sim *sim, size_t node, const struct effect_epp *effect);
void sim_epp_close(struct sim *sim, size_t node, const struct effect_epp *effect);
void sim_epp_act(struct sim *sim, const struct sim_action *action);
void sim_net_forget(struct sim *sim, size_t node); /* it died */

/* sim_mail.c */
void sim_mail_take(struct sim *sim, size_t node, const struct effect_mail *mail);
void sim_mail_close(struct sim *sim);

/* sim_disk.c */
/* Each write asks. OK: it is good. BUSY: the power goes in the midst of it, or the disk fails
 * there. IO_FAILED: the power has gone. */
enum status sim_power_check(struct sim_node *node);
void sim_disk_close(struct sim_folder *folder);

/* sim_records.c */
void sim_records_forget(struct sim_node *node); /* it died: what was not committed is not there */
