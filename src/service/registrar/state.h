#pragma once
/* What the files of the registrar share: its state, and the one event that is being handled. */
#include "core/proto/epp.h"
#include "core/store/records.h"
#include "service/registrar/account.h"
#include "service/registrar/look.h"
#include "service/registrar/policy.h"
#include "service/registrar/registrar.h"
#include "service/registrar/rules.h"
#include "service/registrar/session.h"

enum { LOOKS_MAX = 32, HELD_MAX = 64 };

enum registrar_timer { TIMER_WORK = 1, TIMER_MAIL = 2, TIMER_HELD = 3, TIMER_SESSION = 16 };

/* A question of the outside that waits for something of the inside: a look, or an outcome. */
enum held_kind {
    HELD_NONE,
    HELD_DELETE, /* an HTTP request for deleting a key waits for what a look shows */
    HELD_OUTCOME /* a control request waits for the outcome of an operation */
};
struct held {
    enum held_kind kind;
    uint64_t request;
    uint64_t look; /* serial; HELD_DELETE */
    bool is_api;   /* else the console asks */
    int64_t account;
    char domain[DOMAIN_TEXT_SIZE];
    char key[KEY_ID_SIZE];
    char confirmation[CONSEQUENCE_SIZE];
    char operation[OPERATION_ID_SIZE]; /* HELD_OUTCOME */
    int64_t until_mono_ns;             /* HELD_OUTCOME: then "still in progress" is answered */
    struct visitor visitor;            /* of the console */
};

struct registrar {
    struct arena life;
    struct arena reread; /* what the last EVENT_RELOAD brought */
    struct registrar_options options;
    struct policy policy;
    struct look looks[LOOKS_MAX];
    struct epp_session sessions[REGISTRIES_MAX];
    struct held held[HELD_MAX];
    uint64_t serial;                                            /* of looks and EPP sessions */
    uint64_t requests;                                          /* by HTTP */
    uint64_t responses[EPP_SESSION_LIMIT_CLOSING - EPP_OK + 1]; /* of registries, by code */
    bool has_work; /* operations or mails changed: look for what is due */
};

struct turn;
/* registrar.c: the configuration is read again; false: what counted before still does. */
bool registrar_reload(struct turn *turn);

/* One event on its way through the files. */
struct turn {
    struct registrar *registrar;
    const struct event *event;
    struct outbox *outbox;
    struct arena *scratch;
    struct records *records;
    int64_t now_s;
    int64_t mono_ns;
};

static inline const struct log *turn_log(const struct turn *turn)
{
    return turn->registrar->options.log;
}
