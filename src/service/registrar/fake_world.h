#pragma once
/* For tests only: a registry, name servers, a resolver, a mail server and a clock around one
 * registrar, all in memory, with the faults that a test asks for. */
#include "core/proto/epp.h"
#include "service/registrar/fake_records.h"
#include "service/registrar/operation.h"
#include "service/registrar/registrar.h"

enum {
    FAKE_EVENTS_MAX = 512,
    FAKE_KEYS_MAX = 16,
    FAKE_MAILS_MAX = 64,
    FAKE_TIMERS_MAX = 32,
    FAKE_TEXT_SIZE = 1 << 17
};

/* A key of example.com as its provider has it. */
struct fake_key {
    struct key *key;
    uint16_t flags;
    bool is_published;
    bool signs; /* the DNSKEY RRset */
    char base64[2048];
    bool is_at_registry;
};

struct fake_world {
    struct arena life; /* of events on their way */
    struct fake_records *records;
    struct registrar *registrar;
    struct registrar_options options;
    struct outbox outbox;
    struct moment now;
    uint64_t random;

    struct event events[FAKE_EVENTS_MAX];
    size_t event_count;
    struct {
        uint64_t id;
        int64_t at_ns;
    } timers[FAKE_TIMERS_MAX];

    struct fake_key keys[FAKE_KEYS_MAX];
    size_t key_count;
    int64_t signed_until_s;  /* 0: far in the future */
    bool servers_are_silent; /* of the domain */
    bool tcp_is_refused;     /* by the second server of the domain */
    bool is_bogus;           /* says the resolver */

    const char *policy; /* text that EVENT_RELOAD finds; NULL: it cannot be read */

    uint64_t epp_session;
    bool registry_is_down;
    bool registry_is_paused; /* takes commands, answers none until resumed */
    bool loses_next_reply;   /* carries out, then the connection ends */
    bool has_memory;         /* answers a repeated clTRID as it did the first time */
    bool is_pending_first;   /* says 1001 before it does it */
    enum epp_code refuses;   /* 0: nothing */
    unsigned command_count;  /* updates and creations it carried out */
    char last_transaction[80];
    enum epp_code last_code;
    char held_frame[EPP_FRAME_LEN_MAX]; /* while paused */
    size_t held_len;

    enum status mail_outcome;
    unsigned mail_tries;
    char mail_ids[FAKE_MAILS_MAX][160]; /* delivered */
    char *mails[FAKE_MAILS_MAX];
    size_t mail_count;

    unsigned http_status; /* of the last response; 0: none yet */
    char http_body[FAKE_TEXT_SIZE * 6];
    char location[256];
    char cookies[2][256];
    bool has_control_answer, control_failed;
    char control[FAKE_TEXT_SIZE];
};

void fake_open(struct fake_world *world);
void fake_close(struct fake_world *world);
/* The process is killed and started again: what was on its way is gone, the records stay. */
void fake_restart(struct fake_world *world);
/* Until nothing more happens at this moment. */
void fake_run(struct fake_world *world);
/* Lets time pass, second by second. */
void fake_pass(struct fake_world *world, int64_t seconds);
/* A new key of example.com; its index. */
size_t fake_add_key(struct fake_world *world, uint16_t flags);

const char *fake_control(struct fake_world *world, const char *line);
/* An API call with the bearer token of the owner; the body of the answer. */
const char *fake_api(struct fake_world *world, const char *action, const char *json);
/* A page; `form` NULL: GET. Cookies are kept and sent. */
const char *fake_page(struct fake_world *world, const char *path, const char *form);
void fake_send(struct fake_world *world, struct event event);
/* Answers what the registry holds back. */
void fake_resume(struct fake_world *world);

extern char FAKE_TOKEN[128]; /* of owner@example.test, once added */
