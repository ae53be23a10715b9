#pragma once
/* A durable request on its way to an outcome. From acceptance on nothing loses it: each step is in
 * the records before it is acted upon, and the same step may be taken twice. */
#include "service/registrar/look.h"

struct turn;

enum operation_type {
    OPERATION_ADD_KEY = 1,
    OPERATION_REMOVE_KEY = 2,
    OPERATION_REGISTER = 3,
    OPERATION_NAMESERVERS = 4,
    OPERATION_TYPE_END
};

enum operation_state {
    OPERATION_ACCEPTED = 1,   /* promised; the look at the name servers is to come */
    OPERATION_CHECKED = 2,    /* everything before the registry is done; to be submitted */
    OPERATION_SUBMITTED = 3,  /* sent to the registry at least once; its answer is awaited */
    OPERATION_UNCLEAR = 4,    /* the registry has not decided, or its answer to a repetition says
                                 nothing; its view of the domain will tell */
    OPERATION_SUCCESSFUL = 5, /* the registry did it */
    OPERATION_FAILED = 6,     /* it will not be done; the reason says why */
    OPERATION_STATE_END
};

/* After success: what was seen of it in the DNS. */
enum operation_watch {
    WATCH_NONE = 0,   /* nothing to watch for */
    WATCH_PARENT = 1, /* not yet seen at every server of the parent */
    WATCH_CHAIN = 2,  /* seen there; the resolver's verdict is to come */
    WATCH_DONE = 3,   /* validated (or insecure, where no key is left) */
    WATCH_GIVEN_UP = 4
};

struct operation {
    char id[OPERATION_ID_SIZE];
    const char *domain;
    int64_t account;
    const char *registry;
    enum operation_type type;
    enum operation_state state;
    const char *channel; /* "console", "api", "control" */
    uint16_t flags;      /* of the key; 0: no key */
    uint8_t algorithm;
    const char *public_key; /* base64 */
    const char *hosts;      /* as typed: registration, name servers */
    const char *reason;     /* why it failed */
    const char *evidence;   /* lines */
    bool is_refused;        /* at once, by the rules: it never was more than a request */
    const char *given;      /* lines: what was asked, where it is no key; only when refused */
    int64_t attempts;       /* submissions to the registry */
    int64_t submitted_s, updated_s;
    enum operation_watch watch;
    int64_t looks; /* in this state of watching */
    int64_t seen_s, validated_s;
};

const char *operation_type_name(enum operation_type type);    /* "ADD_DNSSEC" */
const char *operation_type_text(enum operation_type type);    /* "Add a key" */
const char *operation_state_name(enum operation_state state); /* "IN_PROGRESS" */
/* One sentence for people: where it stands, what is awaited. */
const char *operation_state_text(const struct operation *operation);
bool operation_is_open(const struct operation *operation);

struct operation_order {
    enum operation_type type;
    const char *domain;
    int64_t account;
    const char *registry;
    const char *channel;
    const struct domain_key *key; /* NULL: none */
    const char *hosts;            /* NULL: none */
    const char *refused;          /* why it is FAILED from the start; NULL: it is to be done */
    const char *given;            /* as in struct operation; NULL: nothing */
};
/* Makes it durable inside the caller's transaction. EXISTS: another one of the domain is open. */
enum status operation_insert(struct turn *turn, const struct operation_order *order,
                             char id[OPERATION_ID_SIZE]) MUST_USE;
enum status operation_load(struct turn *turn, struct span id, struct operation *operation) MUST_USE;
/* The open one of a domain; NOT_FOUND. */
enum status operation_find_open(struct turn *turn, const char *domain,
                                struct operation *operation) MUST_USE;
/* Newest first; of all domains of the account, or of one. `since_s`: not older. */
enum status operation_list(struct turn *turn, int64_t account, const char *domain, int64_t limit,
                           struct operation **operations, size_t *count) MUST_USE;
/* What is due now, oldest first. */
enum status operation_list_due(struct turn *turn, int64_t limit, struct operation **operations,
                               size_t *count) MUST_USE;
/* When the next becomes due; INT64_MAX: none. */
enum status operation_next_due(struct turn *turn, int64_t *due_s) MUST_USE;
/* The oldest of a registry that waits to be submitted and is due; NOT_FOUND. */
enum status operation_find_for_registry(struct turn *turn, const char *registry,
                                        struct operation *operation) MUST_USE;
/* When the registry is next wanted; INT64_MAX: never. */
enum status operation_registry_due(struct turn *turn, const char *registry,
                                   int64_t *due_s) MUST_USE;

/* The steps. Each is one statement that only fits the state it comes from: OK, or NOT_FOUND when
 * the operation has moved on already. */
enum status operation_advance(struct turn *turn, const char *id, enum operation_state from,
                              enum operation_state to, const char *evidence) MUST_USE;
enum status operation_defer(struct turn *turn, const char *id, int64_t due_s) MUST_USE;
enum status operation_count_attempt(struct turn *turn, const char *id, int64_t due_s) MUST_USE;
/* The end: outcome, what it changes in the domain, and the one notice, in one transaction. An empty
 * reason is success. */
enum status operation_close(struct turn *turn, const struct operation *operation,
                            const char *reason, const char *evidence, int64_t expires_s) MUST_USE;
enum status operation_put_watch(struct turn *turn, const struct operation *operation,
                                enum operation_watch watch, int64_t due_s) MUST_USE;
/* After a start: everything open is due now. */
enum status operation_wake_all(struct turn *turn) MUST_USE;
/* The key of an operation; NOT_FOUND when it has none. */
enum status operation_key(struct turn *turn, const struct operation *operation,
                          struct domain_key *key) MUST_USE;
