/* When a session is opened, what is said in it in which order, and how long one waits. */
#include "service/registrar/session.h"

#include <stdio.h>
#include <string.h>

#include "service/registrar/command.h"
#include "service/registrar/state.h"
#include "service/registrar/work.h"

enum {
    OPEN_TIMEOUT_S = 20,
    ANSWER_TIMEOUT_S = 60,
    HELLO_EVERY_S = 240,
    LEASE_S = 2 * ANSWER_TIMEOUT_S,
    UNCLEAR_AGAIN_S = 10
};

/* Sessions that we open have the top bit, so that they never meet one that a server took. */
static const uint64_t SESSION_BIT = (uint64_t)1 << 63;

static const char *const state_texts[] = {
    [SESSION_CLOSED] = "not connected",
    [SESSION_OPENING] = "connecting",
    [SESSION_GREETING] = "greeting awaited",
    [SESSION_LOGIN] = "signing in",
    [SESSION_READY] = "ready",
    [SESSION_COMMAND] = "answer awaited",
    [SESSION_INFO] = "answer awaited",
    [SESSION_HELLO] = "ready",
};

const char *session_state_text(enum session_state state)
{
    return state_texts[state];
}

static void state_set(struct turn *turn, struct epp_session *session, enum session_state state,
                      uint32_t wait_s)
{
    session->state = state;
    session->due_mono_ns = turn->mono_ns + (int64_t)wait_s * MOMENT_NS_PER_S;
    size_t index = (size_t)(session - turn->registrar->sessions);
    outbox_timer(turn->outbox, TIMER_SESSION + index, session->due_mono_ns);
}

static uint32_t backoff_s(const struct turn *turn, uint32_t failures)
{
    uint32_t most_s = turn->registrar->options.retry_most_s;
    uint32_t wait_s = failures < 16 ? (uint32_t)1 << failures : most_s;
    return wait_s < most_s ? wait_s : most_s;
}

/* Ends the session; what was on its way is repeated in the next one. */
static void session_drop(struct turn *turn, struct epp_session *session, bool is_open,
                         const char *why)
{
    if (is_open) {
        outbox_add(turn->outbox, EFFECT_EPP_CLOSE)->epp =
            (struct effect_epp){.session = session->id};
    }
    if (session->operation[0] != '\0' &&
        operation_defer(turn, session->operation, turn->now_s) != OK) {
        log_line(turn_log(turn), LOG_ERROR,
                 "operation %s could not be set back; it is repeated "
                 "in %d seconds",
                 session->operation, LEASE_S);
    }
    session->operation[0] = '\0';
    uint32_t wait_s = backoff_s(turn, session->failures++);
    log_line(turn_log(turn), session->failures == 1 ? LOG_NOTICE : LOG_WARNING,
             "registry %s: %s; the next try is in %u seconds", session->registry->name, why,
             wait_s);
    state_set(turn, session, SESSION_CLOSED, wait_s);
}

static bool command_send(struct turn *turn, struct epp_session *session,
                         const struct epp_command *command)
{
    uint8_t *bytes = arena_take(turn->scratch, EPP_FRAME_LEN_MAX);
    if (bytes == NULL) {
        return false;
    }
    struct writer frame = writer_over(bytes, EPP_FRAME_LEN_MAX);
    if (epp_command_write(command, &frame) != OK) {
        return false;
    }
    outbox_add(turn->outbox, EFFECT_EPP_SEND)->epp =
        (struct effect_epp){.session = session->id, .frame = writer_written(&frame)};
    return true;
}

static void login_send(struct turn *turn, struct epp_session *session)
{
    struct epp_command command = {
        .verb = EPP_LOGIN,
        .client_transaction = SPAN_LITERAL("VOUCH-LOGIN"),
        .login = {.client = span_of_text(session->registry->client),
                  .password = span_of_text(session->registry->password),
                  .has_secdns = true},
    };
    if (command_send(turn, session, &command)) {
        state_set(turn, session, SESSION_LOGIN, ANSWER_TIMEOUT_S);
    } else {
        session_drop(turn, session, true, "the login could not be written");
    }
}

/* Sends the next operation of this registry; true when something was sent. */
static bool operation_send(struct turn *turn, struct epp_session *session)
{
    struct operation operation;
    if (operation_find_for_registry(turn, session->registry->name, &operation) != OK) {
        return false;
    }
    bool is_info = operation.state == OPERATION_UNCLEAR;
    struct epp_command *command = arena_take(turn->scratch, sizeof *command);
    enum status status = command == NULL ? NO_MEMORY
                         : is_info       ? command_make_info(turn, &operation, command)
                                         : command_make(turn, &operation, session, command);
    /* The attempt is in the records before it is on the wire: after a crash it counts as one. */
    if (status == OK) {
        status = operation_count_attempt(turn, operation.id, turn->now_s + LEASE_S);
    }
    if (status != OK || !command_send(turn, session, command)) {
        log_line(turn_log(turn), LOG_ERROR, "operation %s could not be sent: %s", operation.id,
                 status_text(status));
        /* Others of this registry must not wait behind it. */
        status = operation_defer(turn, operation.id, turn->now_s + LEASE_S);
        return false;
    }
    snprintf(session->operation, sizeof session->operation, "%s", operation.id);
    session->is_repetition = operation.attempts > 0;
    state_set(turn, session, is_info ? SESSION_INFO : SESSION_COMMAND, ANSWER_TIMEOUT_S);
    log_line(turn_log(turn), LOG_DETAIL, "operation %s: %s sent to registry %s", operation.id,
             is_info ? "question" : "command", session->registry->name);
    return true;
}

static void session_open(struct turn *turn, struct epp_session *session)
{
    session->id = SESSION_BIT | ++turn->registrar->serial;
    outbox_add(turn->outbox, EFFECT_EPP_OPEN)->epp = (struct effect_epp){
        .session = session->id, .server = span_of_text(session->registry->name)};
    state_set(turn, session, SESSION_OPENING, OPEN_TIMEOUT_S);
}

/* A closed session whose wait is over opens when there is work; a ready one sends it. */
static void session_pump(struct turn *turn, struct epp_session *session)
{
    int64_t due_s;
    if (session->state != SESSION_CLOSED && session->state != SESSION_READY) {
        return;
    }
    if (operation_registry_due(turn, session->registry->name, &due_s) != OK) {
        due_s = turn->now_s + 1;
    }
    size_t timer = TIMER_SESSION + (size_t)(session - turn->registrar->sessions);
    if (due_s > turn->now_s ||
        (session->state == SESSION_READY && !operation_send(turn, session))) {
        int64_t at_ns = session->state == SESSION_READY ? session->due_mono_ns : TIMER_NEVER_NS;
        if (due_s != INT64_MAX) {
            int64_t wait_s = due_s > turn->now_s ? due_s - turn->now_s : 1;
            int64_t due_ns = turn->mono_ns + wait_s * MOMENT_NS_PER_S;
            at_ns = due_ns < at_ns ? due_ns : at_ns;
        }
        outbox_timer(turn->outbox, timer, at_ns);
    } else if (session->state == SESSION_CLOSED && session->due_mono_ns <= turn->mono_ns) {
        session_open(turn, session);
    } else if (session->state == SESSION_CLOSED) {
        outbox_timer(turn->outbox, timer, session->due_mono_ns);
    }
}

void session_pump_all(struct turn *turn)
{
    for (size_t i = 0; i < turn->registrar->options.registry_count; i++) {
        session_pump(turn, &turn->registrar->sessions[i]);
    }
}

static bool is_for(const struct epp_response *response, const char *prefix, const char *operation)
{
    char expected[OPERATION_ID_SIZE + 16];
    snprintf(expected, sizeof expected, "%s%s", prefix, operation);
    return span_equal(response->client_transaction, span_of_text(expected));
}

/* Brings the registry's words to the operation. False when the records failed: then the session
 * ends, and the command is repeated. */
static bool outcome_apply(struct turn *turn, struct epp_session *session,
                          const struct operation *operation, const struct epp_response *response,
                          enum command_outcome outcome)
{
    const char *words = command_words(turn, response);
    enum status status = OK;
    switch (outcome) {
    case COMMAND_DONE:
        status = work_close(turn, operation, "", "", response->domain.expires_s);
        break;
    case COMMAND_REFUSED:
        if (operation->state == OPERATION_UNCLEAR && response->code < 2000) {
            words = "the change was not carried out";
        }
        status =
            work_close(turn, operation,
                       arena_print(turn->scratch, "The registry refused it: %s.", words), "", 0);
        break;
    case COMMAND_UNCLEAR:
        if (operation->state == OPERATION_SUBMITTED) {
            status =
                operation_advance(turn, operation->id, OPERATION_SUBMITTED, OPERATION_UNCLEAR, "");
        } else {
            status = operation_defer(turn, operation->id, turn->now_s + UNCLEAR_AGAIN_S);
        }
        break;
    case COMMAND_LATER:
    case COMMAND_BROKEN:
        log_line(turn_log(turn), LOG_WARNING, "registry %s could not do operation %s just now: %s",
                 session->registry->name, operation->id, words);
        status = operation_defer(turn, operation->id,
                                 turn->now_s + backoff_s(turn, (uint32_t)operation->attempts));
        break;
    }
    turn->registrar->has_work = true;
    return status == OK;
}

static void answer_take(struct turn *turn, struct epp_session *session,
                        const struct epp_response *response)
{
    struct operation operation;
    bool is_info = session->state == SESSION_INFO;
    if (!is_for(response, is_info ? "VOUCH-I-" : "VOUCH-", session->operation)) {
        session_drop(turn, session, true, "it answered something that was not asked");
        return;
    }
    if (operation_load(turn, span_of_text(session->operation), &operation) != OK ||
        !operation_is_open(&operation)) {
        session_drop(turn, session, true, "its answer could not be stored");
        return;
    }
    enum command_outcome outcome = is_info ? command_judge_info(turn, &operation, session, response)
                                           : command_judge(response, session->is_repetition);
    bool is_stored = outcome_apply(turn, session, &operation, response, outcome);
    if (!is_stored || outcome == COMMAND_BROKEN) {
        session_drop(turn, session, true,
                     is_stored ? "it ends the session" : "its answer could not be stored");
        return;
    }
    session->operation[0] = '\0';
    state_set(turn, session, SESSION_READY, HELLO_EVERY_S);
}

static void frame_take(struct turn *turn, struct epp_session *session)
{
    struct epp_response *response = arena_take(turn->scratch, sizeof *response);
    struct problem problem = {0};
    if (response == NULL ||
        epp_response_read(turn->event->epp.frame, turn->scratch, response, &problem) != OK) {
        log_line(turn_log(turn), LOG_WARNING, "registry %s: %s", session->registry->name,
                 problem.sentence);
        session_drop(turn, session, true, "it sent what is not EPP");
        return;
    }
    bool has_code = !response->is_greeting && response->code >= EPP_OK &&
                    response->code <= EPP_SESSION_LIMIT_CLOSING;
    if (has_code) {
        turn->registrar->responses[response->code - EPP_OK]++;
    }
    switch (session->state) {
    case SESSION_GREETING:
        if (response->is_greeting) {
            login_send(turn, session);
        } else {
            session_drop(turn, session, true, "it did not begin with a greeting");
        }
        break;
    case SESSION_LOGIN:
        if (response->code == EPP_OK) {
            session->failures = 0;
            log_line(turn_log(turn), LOG_NOTICE, "registry %s: signed in as %s",
                     session->registry->name, session->registry->client);
            state_set(turn, session, SESSION_READY, HELLO_EVERY_S);
            turn->registrar->has_work = true;
        } else {
            session_drop(turn, session, true,
                         arena_print(turn->scratch, "it refused our login: %s",
                                     command_words(turn, response)));
        }
        break;
    case SESSION_COMMAND:
    case SESSION_INFO:
        answer_take(turn, session, response);
        break;
    case SESSION_HELLO:
        state_set(turn, session, SESSION_READY, HELLO_EVERY_S);
        turn->registrar->has_work = true;
        break;
    case SESSION_READY:
    case SESSION_CLOSED:
    case SESSION_OPENING:
        session_drop(turn, session, true, "it spoke without being asked");
        break;
    }
}

void session_take_event(struct turn *turn)
{
    struct epp_session *session = NULL;
    for (size_t i = 0; i < turn->registrar->options.registry_count && session == NULL; i++) {
        struct epp_session *at = &turn->registrar->sessions[i];
        session = at->state != SESSION_CLOSED && at->id == turn->event->epp.session ? at : NULL;
    }
    if (session == NULL) {
        return;
    }
    if (turn->event->kind == EVENT_EPP_OPENED) {
        state_set(turn, session, SESSION_GREETING, ANSWER_TIMEOUT_S);
    } else if (turn->event->kind == EVENT_EPP_FRAME) {
        frame_take(turn, session);
    } else {
        session_drop(turn, session, false,
                     arena_print(turn->scratch, "the connection is gone (%s)",
                                 status_text(turn->event->epp.outcome)));
        turn->registrar->has_work = true;
    }
}

void session_take_timer(struct turn *turn, size_t index)
{
    struct epp_session *session = &turn->registrar->sessions[index];
    turn->registrar->has_work = true;
    if (session->due_mono_ns > turn->mono_ns || session->state == SESSION_CLOSED) {
        return;
    }
    if (session->state == SESSION_READY) {
        struct epp_command command = {.verb = EPP_HELLO};
        if (command_send(turn, session, &command)) {
            state_set(turn, session, SESSION_HELLO, ANSWER_TIMEOUT_S);
        }
        return;
    }
    session_drop(turn, session, true, "it did not answer in time");
}

void session_close_all(struct turn *turn)
{
    for (size_t i = 0; i < turn->registrar->options.registry_count; i++) {
        struct epp_session *session = &turn->registrar->sessions[i];
        if (session->state != SESSION_CLOSED) {
            outbox_add(turn->outbox, EFFECT_EPP_CLOSE)->epp =
                (struct effect_epp){.session = session->id};
            session->state = SESSION_CLOSED;
        }
    }
}
