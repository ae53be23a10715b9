#pragma once
/* The EPP sessions with the registries, one each: opened when there is something to say, kept,
 * opened again after a wait that grows. One command is on its way at a time. */
#include "service/registrar/operation.h"
#include "service/registrar/registrar.h"

struct turn;

enum session_state {
    SESSION_CLOSED,   /* not connected; not before `due_mono_ns` */
    SESSION_OPENING,  /* the connection is being made */
    SESSION_GREETING, /* connected; the server's greeting is awaited */
    SESSION_LOGIN,    /* the answer to our login is awaited */
    SESSION_READY,    /* a command may be sent; `due_mono_ns`: time to say hello */
    SESSION_COMMAND,  /* the answer to an operation's command is awaited */
    SESSION_INFO,     /* the registry's view of an unclear operation's domain is awaited */
    SESSION_HELLO     /* the greeting that answers our hello is awaited */
};

struct epp_session {
    const struct registrar_registry *registry;
    enum session_state state;
    uint64_t id;
    uint32_t failures;   /* in a row */
    int64_t due_mono_ns; /* what is awaited must have come by then */
    char operation[OPERATION_ID_SIZE];
    bool is_repetition; /* the command was sent before */
};

/* Sends or opens what there is to send or open, and sets the timers. */
void session_pump_all(struct turn *turn);
void session_take_event(struct turn *turn); /* EVENT_EPP_* */
void session_take_timer(struct turn *turn, size_t index);
void session_close_all(struct turn *turn); /* EVENT_STOP */
const char *session_state_text(enum session_state state);
