/* EPP sessions (RFC 5730 §2): greeting, login, the limits on failed logins, and the order of frames
 * when the registry is paused. */
#include "core/crypto/digest.h"
#include "service/registry/registry_store.h"

#include <string.h>

static struct registry_session *session_find(struct registry *registry, uint64_t number)
{
    for (size_t i = 0; i < REGISTRY_SESSIONS_MAX; i++) {
        struct registry_session *session = &registry->sessions[i];
        if (session->state != REGISTRY_SESSION_FREE && session->number == number) {
            return session;
        }
    }
    return NULL;
}

static struct registry_session *session_find_free(struct registry *registry)
{
    for (size_t i = 0; i < REGISTRY_SESSIONS_MAX; i++) {
        if (registry->sessions[i].state == REGISTRY_SESSION_FREE) {
            return &registry->sessions[i];
        }
    }
    return NULL;
}

size_t registry_session_count(const struct registry *registry)
{
    size_t count = 0;
    for (size_t i = 0; i < REGISTRY_SESSIONS_MAX; i++) {
        count += registry->sessions[i].state == REGISTRY_SESSION_KNOWN ? 1 : 0;
    }
    return count;
}

static void frame_send(struct registry_turn *turn, uint64_t session, struct span frame)
{
    if (frame.len == 0) { /* no memory for a frame: the client must see that something is wrong */
        outbox_add(turn->outbox, EFFECT_EPP_CLOSE)->epp.session = session;
        return;
    }
    struct effect_epp *effect = &outbox_add(turn->outbox, EFFECT_EPP_SEND)->epp;
    effect->session = session;
    effect->frame = frame;
}

static void greeting_send(struct registry_turn *turn, uint64_t session)
{
    enum { GREETING_LEN_MAX = 4096 };
    const struct epp_response greeting = {.is_greeting = true,
                                          .server_name =
                                              span_of_text(turn->registry->options.server_name),
                                          .now_s = turn->now_s};
    uint8_t *bytes = arena_take(turn->scratch, GREETING_LEN_MAX);
    struct writer frame = writer_over(bytes, bytes == NULL ? 0 : GREETING_LEN_MAX);
    bool is_written = epp_response_write(&greeting, &frame) == OK;
    frame_send(turn, session, is_written ? writer_written(&frame) : SPAN_EMPTY);
}

/* Failed logins by host, so that a new session is no new set of tries. */

static struct registry_watched_peer *peer_find(struct registry_turn *turn, struct address peer)
{
    for (size_t i = 0; i < REGISTRY_PEERS_WATCHED_MAX; i++) {
        struct registry_watched_peer *watched = &turn->registry->watched[i];
        bool is_over = turn->now_s - watched->since_s >= REGISTRY_PEER_WINDOW_S;
        if (watched->failures > 0 && !is_over && address_equal_host(watched->peer, peer)) {
            return watched;
        }
    }
    return NULL;
}

static bool peer_is_barred(struct registry_turn *turn, struct address peer)
{
    const struct registry_watched_peer *watched = peer_find(turn, peer);
    return watched != NULL && watched->failures >= REGISTRY_PEER_FAILURES_MAX;
}

static void peer_count_failure(struct registry_turn *turn, struct address peer)
{
    struct registry_watched_peer *watched = peer_find(turn, peer);
    if (watched == NULL) {
        watched = &turn->registry->watched[0]; /* the place of the oldest */
        for (size_t i = 1; i < REGISTRY_PEERS_WATCHED_MAX; i++) {
            if (turn->registry->watched[i].since_s < watched->since_s) {
                watched = &turn->registry->watched[i];
            }
        }
        *watched = (struct registry_watched_peer){.peer = peer, .since_s = turn->now_s};
    }
    watched->failures++;
}

void registry_session_open(struct registry_turn *turn, const struct event_epp *event)
{
    struct registry_session *session = session_find_free(turn->registry);
    if (session == NULL || peer_is_barred(turn, event->peer)) {
        char text[ADDRESS_TEXT_MAX];
        log_line(turn->registry->options.log, LOG_WARNING,
                 "an EPP session of %s is turned away: %s", address_print(event->peer, text),
                 session == NULL ? "too many sessions" : "too many failed logins");
        outbox_add(turn->outbox, EFFECT_EPP_CLOSE)->epp.session = event->session;
        return;
    }
    *session = (struct registry_session){
        .state = REGISTRY_SESSION_OPEN, .number = event->session, .peer = event->peer};
    greeting_send(turn, event->session);
}

/* The last words of a session. */
static void session_end(struct registry_turn *turn, struct registry_session *session)
{
    session->state = REGISTRY_SESSION_CLOSING;
    outbox_add(turn->outbox, EFFECT_EPP_CLOSE)->epp.session = session->number;
}

static void answer_send(struct registry_session *session, struct registry_command *command)
{
    frame_send(command->turn, session->number, registry_command_answer(command));
}

/* One sentence for every way to fail, so that nobody learns which registrars there are. */
static void login_fail(struct registry_session *session, struct registry_command *command)
{
    struct registry_turn *turn = command->turn;
    char text[ADDRESS_TEXT_MAX];
    session->failures++;
    peer_count_failure(turn, session->peer);
    bool is_last =
        session->failures >= REGISTRY_LOGIN_TRIES_MAX || peer_is_barred(turn, session->peer);
    log_line(turn->registry->options.log, LOG_WARNING, "a login as %.*s from %s failed",
             (int)command->epp->login.client.len, command->epp->login.client.bytes,
             address_print(session->peer, text));
    (void)registry_refuse(command, is_last ? EPP_AUTHENTICATION_CLOSING : EPP_AUTHENTICATION_ERROR,
                          "the client, its password or its certificate is not known");
    answer_send(session, command);
    if (is_last) {
        session_end(turn, session);
    }
}

static void login_run(struct registry_session *session, struct registry_command *command,
                      struct span certificate_digest)
{
    const struct epp_login *login = &command->epp->login;
    const struct registry_options *options = &command->turn->registry->options;
    if (session->state == REGISTRY_SESSION_KNOWN) {
        (void)registry_refuse(command, EPP_USE_ERROR, "this session is logged in already");
        answer_send(session, command);
        return;
    }
    struct registry_registrar registrar;
    enum status status = registry_store_find_registrar(options->records, login->client,
                                                       command->turn->scratch, &registrar);
    if (status != OK && status != NOT_FOUND) {
        (void)registry_refuse(command, EPP_FAILED, "try again later");
        answer_send(session, command);
        return;
    }
    bool is_known = status == OK &&
                    options->password_matches(options->password_user, registrar.password_hash,
                                              login->password) &&
                    (registrar.certificate_digest.len == 0 ||
                     secret_equal(registrar.certificate_digest, certificate_digest));
    if (!is_known) {
        login_fail(session, command);
        return;
    }
    if (login->new_password.len > 0) {
        (void)registry_refuse(command, EPP_UNIMPLEMENTED_OPTION,
                              "passwords are changed by the registry's operator, not by login");
        answer_send(session, command);
        return;
    }
    session->state = REGISTRY_SESSION_KNOWN;
    session->has_secdns = login->has_secdns;
    session->failures = 0;
    require(login->client.len < sizeof session->client);
    memcpy(session->client, login->client.bytes, login->client.len);
    session->client[login->client.len] = '\0';
    answer_send(session, command);
}

/* What could not be read. The session stays, for a while. */
static void frame_refuse(struct registry_session *session, struct registry_command *command,
                         enum epp_code code, const struct problem *problem)
{
    bool is_last = ++session->malformed >= REGISTRY_MALFORMED_MAX;
    (void)registry_refuse(command, is_last ? EPP_FAILED_CLOSING : code, "%s", problem->sentence);
    answer_send(session, command);
    if (is_last) {
        session_end(command->turn, session);
    }
}

static void command_run(struct registry_session *session, struct registry_command *command,
                        struct span frame, struct span certificate_digest)
{
    enum epp_verb verb = command->epp->verb;
    if (verb == EPP_HELLO) {
        greeting_send(command->turn, session->number);
    } else if (verb == EPP_LOGIN) {
        login_run(session, command, certificate_digest);
    } else if (session->state != REGISTRY_SESSION_KNOWN) {
        (void)registry_refuse(command, EPP_USE_ERROR, "log in first");
        answer_send(session, command);
    } else if (verb == EPP_LOGOUT) {
        command->response->code = EPP_BYE;
        answer_send(session, command);
        session_end(command->turn, session);
    } else {
        frame_send(command->turn, session->number, registry_command_run(command, frame));
    }
}

static void frame_run(struct registry_turn *turn, struct registry_session *session,
                      struct span frame, struct span certificate_digest)
{
    struct epp_command *epp = arena_take(turn->scratch, sizeof *epp);
    struct epp_response *response = arena_take(turn->scratch, sizeof *response);
    if (epp == NULL || response == NULL) {
        frame_send(turn, session->number, SPAN_EMPTY);
        return;
    }
    *response = (struct epp_response){.code = EPP_OK, .verb = EPP_UNIMPLEMENTED};
    struct registry_command command = {.turn = turn,
                                       .epp = epp,
                                       .client = span_of_text(session->client),
                                       .has_secdns = session->has_secdns,
                                       .response = response};
    enum epp_code code;
    struct problem problem = {.status = OK};
    if (epp_command_read(frame, turn->scratch, epp, &code, &problem) != OK) {
        frame_refuse(session, &command, code, &problem);
        return;
    }
    command_run(session, &command, frame, certificate_digest);
}

/* Pausing holds updates, and what comes behind them in the same session. */

static bool is_held(struct registry_turn *turn, const struct registry_session *session,
                    struct span frame)
{
    if (!turn->registry->is_paused || session->state != REGISTRY_SESSION_KNOWN) {
        return false;
    }
    if (session->held_count > 0) {
        return true;
    }
    struct epp_command *epp = arena_take(turn->scratch, sizeof *epp);
    enum epp_code code;
    return epp != NULL && epp_command_read(frame, turn->scratch, epp, &code, NULL) == OK &&
           epp->verb == EPP_DOMAIN_UPDATE;
}

static void frame_hold(struct registry_turn *turn, struct registry_session *session,
                       struct span frame)
{
    struct registry *registry = turn->registry;
    enum { ARENA_OVERHEAD = 4096 };
    if (registry->held_count == REGISTRY_HELD_MAX) {
        session_end(turn, session);
        return;
    }
    struct registry_held *held = &registry->held[registry->held_count];
    held->session = session->number;
    arena_open(&held->arena, 2 * EPP_FRAME_LEN_MAX + ARENA_OVERHEAD);
    if (arena_copy(&held->arena, frame, &held->frame) != OK) {
        arena_close(&held->arena);
        session_end(turn, session);
        return;
    }
    registry->held_count++;
    session->held_count++;
}

void registry_session_resume(struct registry_turn *turn)
{
    struct registry *registry = turn->registry;
    for (size_t i = 0; i < registry->held_count; i++) {
        struct registry_held *held = &registry->held[i];
        struct registry_session *session = session_find(registry, held->session);
        struct span frame;
        if (session != NULL && session->state == REGISTRY_SESSION_KNOWN) {
            session->held_count--;
            if (arena_copy(turn->scratch, held->frame, &frame) == OK) {
                frame_run(turn, session, frame, SPAN_EMPTY);
            } else {
                session_end(turn, session);
            }
        }
        arena_close(&held->arena);
    }
    registry->held_count = 0;
}

void registry_session_frame(struct registry_turn *turn, const struct event_epp *event)
{
    struct registry_session *session = session_find(turn->registry, event->session);
    if (session == NULL || session->state == REGISTRY_SESSION_CLOSING) {
        return;
    }
    if (is_held(turn, session, event->frame)) {
        frame_hold(turn, session, event->frame);
    } else {
        frame_run(turn, session, event->frame, event->certificate_digest);
    }
}

/* A client that leaves takes its held frames along: it has no answer, so it will ask again. */
void registry_session_close(struct registry_turn *turn, const struct event_epp *event)
{
    struct registry *registry = turn->registry;
    struct registry_session *session = session_find(registry, event->session);
    if (session == NULL) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < registry->held_count; i++) {
        if (registry->held[i].session == session->number) {
            arena_close(&registry->held[i].arena);
        } else {
            registry->held[kept++] = registry->held[i];
        }
    }
    registry->held_count = kept;
    *session = (struct registry_session){.state = REGISTRY_SESSION_FREE};
}
