#pragma once
/* What the files of the registry share: TLDs with their zone versions, sessions, held commands, and
 * the turn that is being handled. */
#include "core/proto/epp.h"
#include "core/zone/transfer.h"
#include "core/zone/zone.h"
#include "service/registry/registry.h"

enum {
    REGISTRY_HISTORY_MAX = 64,       /* zone versions an IXFR may start from */
    REGISTRY_SESSIONS_MAX = 512,     /* more get 2502 */
    REGISTRY_HELD_MAX = 256,         /* commands waiting while the registry is paused */
    REGISTRY_LOGIN_TRIES_MAX = 3,    /* of one session */
    REGISTRY_PEER_FAILURES_MAX = 10, /* of one host within REGISTRY_PEER_WINDOW_S */
    REGISTRY_PEER_WINDOW_S = 300,
    REGISTRY_PEERS_WATCHED_MAX = 256,
    REGISTRY_DS_MAX = EPP_KEYS_MAX,        /* DS records of one domain */
    REGISTRY_STATUSES_MAX = 8,             /* as many as EPP's struct has room for */
    REGISTRY_RESPONSE_LIFE_S = 30 * 86400, /* how long a repeated command is recognised */
    REGISTRY_MALFORMED_MAX = 20,           /* frames that cannot be read, in one session */
    REGISTRY_TRANSFERS_MAX = 32,           /* at once */
    REGISTRY_SCANS_MAX = 1024,             /* children that are to be looked at, at once */
    REGISTRY_SCAN_PAUSE_S = 60,            /* one child is looked at once in so long */
    REGISTRY_SCAN_PEERS_MAX = 256,         /* hosts counted at once */
    REGISTRY_SCAN_PEER_ASKS_MAX = 300,     /* of one host within REGISTRY_SCAN_PAUSE_S */
    REGISTRY_SENTENCE_MAX = 300
};

enum registry_timer { REGISTRY_TIMER_CLEAN = 1 };

/* Objects as the records hold them. Spans and names live in the arena of the loading. */

struct registry_host {
    struct span text; /* lower case, without the final dot */
    struct name name;
    struct address addresses[REGISTRY_ADDRESSES_MAX];
    size_t address_count;
};

/* A key is known by its DS record; where it was handed in whole, the DNSKEY is kept too. */
struct registry_key {
    struct span ds;     /* rdata */
    struct span dnskey; /* rdata; empty when only the digest is known */
};

struct registry_tld;
struct registry_domain {
    struct span text; /* lower case, without the final dot */
    struct name name;
    struct registry_tld *tld;
    int64_t number; /* of its roid */
    struct span sponsor, registrant, auth_info;
    int64_t created_s, updated_s, expires_s;
    struct span statuses[REGISTRY_STATUSES_MAX];
    size_t status_count;
    struct registry_host hosts[EPP_NAMES_MAX];
    size_t host_count;
    struct registry_key keys[REGISTRY_DS_MAX];
    size_t key_count;
};

/* One record of a TLD's zone. */
struct registry_record {
    struct name owner;
    uint16_t type;
    uint32_t ttl_s;
    struct span rdata;
};

/* A signer that must hear of the current serial. */
struct registry_notice {
    uint64_t ask; /* 0: nothing is under way */
    uint16_t id;
    unsigned attempt;
};

struct registry_tld {
    const struct registry_tld_options *options;
    struct span text;                           /* lower case, without the final dot */
    struct zone *history[REGISTRY_HISTORY_MAX]; /* oldest first; the last is the current */
    size_t history_count;
    struct registry_notice notices[REGISTRY_PEERS_MAX];
};

/* A session is here from its greeting on. */
enum registry_session_state {
    REGISTRY_SESSION_FREE,   /* the slot is unused */
    REGISTRY_SESSION_OPEN,   /* greeted; a login is awaited */
    REGISTRY_SESSION_KNOWN,  /* logged in */
    REGISTRY_SESSION_CLOSING /* the last response is sent; what still comes is ignored */
};
struct registry_session {
    enum registry_session_state state;
    uint64_t number;
    struct address peer;
    char client[EPP_CLIENT_LEN_MAX + 1];
    bool has_secdns;    /* named in the login */
    unsigned failures;  /* of login */
    unsigned malformed; /* frames */
    size_t held_count;  /* frames of this session that wait */
};

/* A frame that waits while the registry is paused; each owns its copy. */
struct registry_held {
    uint64_t session;
    struct arena arena;
    struct span frame;
};

/* A zone on its way to a signer, a portion at a time. */
struct registry_transfer {
    struct transfer_out *transfer; /* NULL: the slot is free */
    uint64_t channel;
    bool is_signed;
    struct tsig_session session;
};

/* A host from which logins failed. */
struct registry_watched_peer {
    struct address peer;
    unsigned failures;
    int64_t since_s;
};

/* What came of a wish that a child's CDS or CSYNC be looked at. */
enum registry_scan_result {
    REGISTRY_SCAN_QUEUED,
    REGISTRY_SCAN_REPEATED, /* it is to be looked at already */
    REGISTRY_SCAN_LIMITED,  /* that host, or all together, asked too much */
    REGISTRY_SCAN_REFUSED,  /* no delegated child of ours, or its TLD takes no such wishes */
    REGISTRY_SCAN_RESULT_COUNT
};
struct registry_scan_request {
    struct name child;
    uint16_t type; /* CDS or CSYNC */
    struct address peer;
};
/* A child that is to be looked at: an observation of who asked when, and no data of the zone. */
struct registry_scan {
    struct name_buffer octets;
    struct name child; /* len 0: the place is free */
    uint16_t type;
    int64_t asked_s;
};
struct registry_scan_peer {
    struct address peer;
    unsigned asks;
    int64_t since_s;
};

struct registry {
    struct registry_options options;
    struct arena life; /* TLDs and their texts */
    struct registry_tld *tlds;
    struct registry_session sessions[REGISTRY_SESSIONS_MAX];
    struct registry_held held[REGISTRY_HELD_MAX]; /* in order of arrival */
    size_t held_count;
    bool is_paused;
    struct registry_watched_peer watched[REGISTRY_PEERS_WATCHED_MAX];
    struct registry_transfer transfers[REGISTRY_TRANSFERS_MAX];
    struct registry_scan scans[REGISTRY_SCANS_MAX];
    size_t scan_next; /* the place of the oldest */
    struct registry_scan_peer scan_peers[REGISTRY_SCAN_PEERS_MAX];
    uint64_t scan_results[REGISTRY_SCAN_RESULT_COUNT];
    uint64_t ask_last;
    uint64_t commands_done, commands_refused;
    uint64_t responses[EPP_SESSION_LIMIT_CLOSING - EPP_OK + 1]; /* by code */
};

/* One event on its way through the files. */
struct registry_turn {
    struct registry *registry;
    struct outbox *outbox;
    struct arena *scratch;
    struct moment now;
    int64_t now_s;
};

/* One command of one client, and what will be answered. */
struct registry_command {
    struct registry_turn *turn;
    const struct epp_command *epp;
    struct span client;
    bool has_secdns; /* the client's login named it */
    struct epp_response *response;
};
/* Sets code and reason of the response; returns REFUSED. */
enum status registry_refuse(struct registry_command *command, enum epp_code code,
                            const char *format, ...) PRINTF_LIKE(3, 4);

/* The TLD that ends with that name's last label, or NULL. */
struct registry_tld *registry_find_tld(struct registry *registry, struct name name);

/* registry_session.c: EPP sessions. */
void registry_session_open(struct registry_turn *turn, const struct event_epp *event);
void registry_session_frame(struct registry_turn *turn, const struct event_epp *event);
void registry_session_close(struct registry_turn *turn, const struct event_epp *event);
void registry_session_resume(struct registry_turn *turn); /* after a pause: what was held */
size_t registry_session_count(const struct registry *registry);

/* registry_command.c: a command of a known client; `frame` is what it was read from. The response
 * frame, ready to send, in scratch; empty when there is no memory for it. */
struct span registry_command_run(struct registry_command *command, struct span frame);
/* The frame of a response; gives it a server transaction id. */
struct span registry_command_answer(struct registry_command *command);

/* registry_domain.c: the rules of domains. A refusal (REFUSED) is in the response; nothing is
 * written. What changes objects gives what was before and what shall be after. */
enum status registry_domain_check(struct registry_command *command) MUST_USE;
enum status registry_domain_info(struct registry_command *command) MUST_USE;
enum status registry_domain_create(struct registry_command *command, struct registry_domain *before,
                                   struct registry_domain *after) MUST_USE;
enum status registry_domain_delete(struct registry_command *command, struct registry_domain *before,
                                   struct registry_domain *after) MUST_USE;
enum status registry_domain_update(struct registry_command *command, struct registry_domain *before,
                                   struct registry_domain *after) MUST_USE;

/* registry_host.c: what an update or create says of name servers. */
enum status registry_host_add(struct registry_command *command, struct registry_domain *domain,
                              const struct epp_host *given) MUST_USE;
enum status registry_host_remove(struct registry_command *command, struct registry_domain *domain,
                                 const struct epp_host *given) MUST_USE;

/* registry_name.c: which texts are names of domains or hosts here. */
/* A domain name directly below one of our TLDs. The sentence says what is wrong. */
enum status registry_name_of_domain(struct registry *registry, struct span text,
                                    struct arena *arena, struct registry_domain *domain,
                                    struct problem *problem) MUST_USE;
enum status registry_name_of_host(struct span text, struct arena *arena, struct registry_host *host,
                                  struct problem *problem) MUST_USE;
/* The same moment `years` later; 29 February becomes the 28th. */
int64_t registry_name_years_later(int64_t time_s, uint32_t years);

/* registry_metrics.c: the numbers, for monitoring and for the operator. */
void registry_add_metrics(struct registry_turn *turn, struct metrics *metrics);

/* registry_control.c */
void registry_control_line(struct registry_turn *turn, const struct event_control *control);

/* registry_dns.c: SOA and transfers out. */
void registry_dns_query(struct registry_turn *turn, const struct event_query *query);
void registry_dns_room(struct registry_turn *turn, const struct event_room *room);
void registry_dns_close(struct registry *registry);

/* registry_scan.c: children that want to be looked at (RFC 9859). */
enum registry_scan_result registry_scan_ask(struct registry_turn *turn,
                                            const struct registry_scan_request *request);

/* registry_notify.c: tells all signers of a TLD of its serial, with retries (RFC 1996). */
void registry_notify_start(struct registry_turn *turn, struct registry_tld *tld);
void registry_notify_answer(struct registry_turn *turn, const struct event_answer *answer);
