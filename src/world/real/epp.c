/* EPP over TLS (RFC 5734), both ends: connects, shakes hands, cuts the stream into frames. What a
 * frame says is the service's matter. Sessions are freed in epp_flush alone, and there their end is
 * told. */
#include "core/proto/epp.h"
#include "core/base/framing.h"
#include "world/real/acceptor.h"
#include "world/real/inside.h"
#include "world/real/tls.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum epp_state {
    EPP_CONNECTING,  /* client: TCP is not there yet */
    EPP_HANDSHAKING, /* TLS is not there yet */
    EPP_IS_OPEN,     /* frames go both ways */
    EPP_CLOSING,     /* what is unsent goes out, then it ends */
    EPP_OVER         /* its end is told, and it is freed, at the end of the round */
};

enum { LENGTH_SIZE = 4, WRITE_SIZE_MAX = 16384, SERVER_NAME_MAX = 64, HOST_NAME_SIZE = 256 };

static const struct framing FRAMING = {LENGTH_SIZE, true, 1, EPP_FRAME_LEN_MAX};

struct epp_listener {
    struct epp *epp;
    struct acceptor acceptor;
    struct tls_identity *identity;
    struct address bound;
};

struct epp_server {
    char name[SERVER_NAME_MAX];
    char host_name[HOST_NAME_SIZE];
    struct address address;
    struct tls_identity *identity;
};

struct epp_session {
    struct epp *epp;
    uint64_t number;
    enum epp_state state;
    enum status outcome; /* told at the end */
    bool is_client;
    bool is_told; /* the service knows the session, so it must learn of its end */
    const struct epp_server *server;
    struct watch watch; /* fd -1: it could not be opened */
    struct timer deadline;
    struct timer more; /* octets are decrypted already: read on without waiting */
    struct tls *tls;
    struct address peer;
    struct buffer in;
    struct buffer out;
    uint8_t digest[TLS_DIGEST_SIZE];
    size_t digest_len;
    bool is_dirty;
    struct epp_session *dirty_next;
};

struct epp {
    struct world *world;
    struct epp_listener listeners[ENDPOINTS_MAX];
    size_t listener_count;
    struct epp_server servers[EPP_SERVERS_MAX];
    size_t server_count;
    struct table by_number;
    struct epp_session *dirty;
};

/* ------------------------------------------------------------------ the end of a session */

static void session_mark_dirty(struct epp_session *session)
{
    if (!session->is_dirty) {
        session->is_dirty = true;
        session->dirty_next = session->epp->dirty;
        session->epp->dirty = session;
    }
}

static void session_end(struct epp_session *session, enum status outcome)
{
    if (session->state != EPP_OVER) {
        session->state = EPP_OVER;
        session->outcome = outcome;
    }
    session_mark_dirty(session);
}

static void session_due(void *owner)
{
    struct epp_session *session = owner;
    session_end(session, session->state == EPP_CLOSING ? CLOSED : TIMED_OUT);
}

static void session_free(struct epp_session *session)
{
    struct world *world = session->epp->world;
    loop_unwatch(&world->loop, &session->watch);
    loop_stop_timer(&world->loop, &session->deadline);
    loop_stop_timer(&world->loop, &session->more);
    tls_close(session->tls);
    if (session->watch.fd >= 0) {
        close(session->watch.fd);
    }
    table_remove(&session->epp->by_number, session->number);
    buffer_close(&session->in);
    buffer_close(&session->out);
    memory_give_back(session);
}

static void session_deliver(const struct epp_session *session, enum event_kind kind,
                            struct span frame)
{
    struct event event = {
        .kind = kind,
        .epp = {.session = session->number,
                .outcome = kind == EVENT_EPP_CLOSED ? session->outcome : OK,
                .peer = session->peer,
                .frame = frame,
                .certificate_digest = span_of(session->digest, session->digest_len)}};
    world_deliver(session->epp->world, &event);
}

static void session_rest(struct epp_session *session)
{
    loop_set_timer(&session->epp->world->loop, &session->deadline, world_in_ms(EPP_IDLE_MS));
}

/* ------------------------------------------------------------------ frames in */

/* The XML of the first whole frame; its length counts itself (RFC 5734 §4). False when it is not
 * whole yet, or can never be one, and then the session is over. */
static bool session_next_frame(struct epp_session *session, struct span *frame)
{
    enum status status = framing_next(&FRAMING, buffer_bytes(&session->in), frame);
    if (status == MALFORMED) {
        char text[ADDRESS_TEXT_MAX];
        log_line(&session->epp->world->log, LOG_WARNING,
                 "EPP session with %s ended: it announced a frame of no octets, or of more than %d",
                 address_print(session->peer, text), EPP_FRAME_LEN_MAX);
        session_end(session, IO_FAILED);
    }
    return status == OK;
}

static void session_deliver_frames(struct epp_session *session)
{
    struct span frame;
    while (session->state == EPP_IS_OPEN && !session->epp->world->is_draining &&
           session->out.len < EPP_UNSENT_MAX && session_next_frame(session, &frame)) {
        session_rest(session);
        session_deliver(session, EVENT_EPP_FRAME, frame);
        buffer_drop(&session->in, LENGTH_SIZE + frame.len);
    }
}

static enum status outcome_of_tls(enum tls_outcome outcome)
{
    return outcome == TLS_MISTRUSTED ? MISMATCH : CLOSED;
}

static void session_read(struct epp_session *session)
{
    int rounds = 0;
    while (session->state == EPP_IS_OPEN) {
        size_t len = EPP_READ_SIZE;
        uint8_t *room = buffer_room(&session->in, len);
        if (room == NULL) {
            session_end(session, NO_MEMORY);
            return;
        }
        enum tls_outcome outcome = tls_read(session->tls, room, &len);
        if (outcome == TLS_WAITS_TO_READ || outcome == TLS_WAITS_TO_WRITE) {
            return;
        }
        if (outcome != TLS_DONE) {
            session_end(session, outcome_of_tls(outcome));
            return;
        }
        buffer_added(&session->in, len);
        session_deliver_frames(session);
        if (++rounds >= EPP_READS_A_ROUND) {
            if (tls_has_read_ahead(session->tls)) {
                loop_set_timer(&session->epp->world->loop, &session->more, 0);
            }
            return;
        }
    }
}

static void session_more(void *owner)
{
    struct epp_session *session = owner;
    session_mark_dirty(session);
    session_read(session);
}

/* ------------------------------------------------------------------ the handshake */

static void session_handshake(struct epp_session *session)
{
    struct epp *epp = session->epp;
    enum tls_outcome outcome = tls_handshake(session->tls);
    if (outcome == TLS_WAITS_TO_READ || outcome == TLS_WAITS_TO_WRITE) {
        if (loop_watch(&epp->world->loop, &session->watch,
                       outcome == TLS_WAITS_TO_READ ? EPOLLIN : EPOLLOUT) != OK) {
            session_end(session, IO_FAILED);
        }
        return;
    }
    if (outcome != TLS_DONE) {
        char text[ADDRESS_TEXT_MAX];
        log_line(&epp->world->log, LOG_WARNING, "EPP session with %s was not opened: %s",
                 address_print(session->peer, text), tls_reason(session->tls));
        session_end(session, outcome_of_tls(outcome));
        return;
    }
    session->digest_len = tls_peer_digest(session->tls, session->digest) ? TLS_DIGEST_SIZE : 0;
    session->state = EPP_IS_OPEN;
    session->is_told = true;
    session_rest(session);
    session_deliver(session, EVENT_EPP_OPENED, SPAN_EMPTY);
    session_read(session);
}

static void session_connected(struct epp_session *session)
{
    enum status outcome = socket_connect_outcome(session->watch.fd);
    if (outcome == OK) {
        session->tls =
            tls_open(session->server->identity, session->watch.fd, session->server->host_name);
        outcome = session->tls == NULL ? NO_MEMORY : OK;
    }
    if (outcome != OK) {
        session_end(session, outcome);
        return;
    }
    session->state = EPP_HANDSHAKING;
    session_handshake(session);
}

static void session_ready(void *owner, uint32_t events)
{
    struct epp_session *session = owner;
    session_mark_dirty(session); /* the flush writes, and settles what to wait for */
    switch (session->state) {
    case EPP_CONNECTING:
        session_connected(session);
        break;
    case EPP_HANDSHAKING:
        session_handshake(session);
        break;
    case EPP_IS_OPEN:
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            session_read(session);
        }
        break;
    case EPP_CLOSING:
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
            session_end(session, CLOSED);
        }
        break;
    case EPP_OVER:
        break;
    }
}

/* ------------------------------------------------------------------ out */

void epp_send(struct world *world, const struct effect_epp *effect)
{
    struct epp *epp = world->epp;
    struct epp_session *session = epp == NULL ? NULL : table_find(&epp->by_number, effect->session);
    if (session == NULL || session->state != EPP_IS_OPEN) {
        return; /* it ended, which is told */
    }
    require(effect->frame.len != 0 && effect->frame.len <= EPP_FRAME_LEN_MAX);
    uint8_t length[LENGTH_SIZE];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(&FRAMING, effect->frame.len, &writer);
    if (session->out.len > EPP_UNSENT_MAX ||
        buffer_append(&session->out, span_of(length, sizeof length)) != OK ||
        buffer_append(&session->out, effect->frame) != OK) {
        session_end(session, IO_FAILED);
        return;
    }
    session_rest(session);
    session_mark_dirty(session);
}

void epp_end(struct world *world, uint64_t number)
{
    struct epp *epp = world->epp;
    struct epp_session *session = epp == NULL ? NULL : table_find(&epp->by_number, number);
    if (session == NULL || session->state == EPP_CLOSING || session->state == EPP_OVER) {
        return;
    }
    if (session->state == EPP_IS_OPEN) {
        session->state = EPP_CLOSING;
        loop_set_timer(&world->loop, &session->deadline, world_in_ms(EPP_HANDSHAKE_MS));
        session_mark_dirty(session);
    } else {
        session_end(session, CLOSED);
    }
}

static void session_write(struct epp_session *session)
{
    while (session->out.len != 0) {
        struct span bytes = buffer_bytes(&session->out);
        bytes.len = bytes.len > WRITE_SIZE_MAX ? WRITE_SIZE_MAX : bytes.len;
        size_t written = 0;
        enum tls_outcome outcome = tls_write(session->tls, bytes, &written);
        if (outcome == TLS_DONE) {
            buffer_drop(&session->out, written);
        } else {
            if (outcome == TLS_CLOSED || outcome == TLS_MISTRUSTED) {
                session_end(session, CLOSED);
            }
            return;
        }
    }
}

/* Writes, reads on what had to wait for that, and decides what to wait for next. */
static void session_exchange(struct epp_session *session)
{
    size_t before;
    do {
        session_write(session);
        before = session->in.len;
        session_deliver_frames(session);
    } while (session->in.len != before);
    if (session->state == EPP_CLOSING && session->out.len == 0 &&
        tls_finish(session->tls) != TLS_WAITS_TO_WRITE) {
        session_end(session, CLOSED);
    }
    bool wants_input = session->state == EPP_IS_OPEN && session->out.len < EPP_UNSENT_MAX &&
                       !session->epp->world->is_draining;
    bool wants_output = session->out.len != 0 || session->state == EPP_CLOSING;
    uint32_t interest = (wants_input ? EPOLLIN : 0) | (wants_output ? EPOLLOUT : 0);
    if (session->state != EPP_OVER &&
        loop_watch(&session->epp->world->loop, &session->watch, interest) != OK) {
        session_end(session, IO_FAILED);
    }
}

void epp_flush(struct world *world)
{
    struct epp *epp = world->epp;
    while (epp != NULL && epp->dirty != NULL) {
        struct epp_session *session = epp->dirty;
        epp->dirty = session->dirty_next;
        if (session->state == EPP_IS_OPEN || session->state == EPP_CLOSING) {
            session_exchange(session); /* still marked, so that it does not list itself again */
        }
        session->is_dirty = false;
        if (session->state == EPP_OVER) {
            if (session->is_told) {
                session_deliver(session, EVENT_EPP_CLOSED, SPAN_EMPTY);
            }
            session_free(session);
        }
    }
}

/* ------------------------------------------------------------------ connections */

static struct epp_session *session_open(struct epp *epp, uint64_t number, int fd)
{
    struct epp_session *session = memory_take(sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    *session = (struct epp_session){
        .epp = epp,
        .number = number,
        .watch = {.fd = fd, .ready = session_ready, .owner = session},
        .deadline = {.due = session_due, .owner = session},
        .more = {.due = session_more, .owner = session},
    };
    table_set(&epp->by_number, number, session);
    loop_set_timer(&epp->world->loop, &session->deadline, world_in_ms(EPP_HANDSHAKE_MS));
    return session;
}

static void session_accept(void *owner, int fd)
{
    struct epp_listener *listener = owner;
    struct epp *epp = listener->epp;
    struct epp_session *session = epp->by_number.count < EPP_SESSIONS_MAX
                                      ? session_open(epp, world_number(epp->world), fd)
                                      : NULL;
    if (session == NULL) {
        close(fd);
        return;
    }
    socket_set_no_delay(fd);
    session->peer = socket_peer_address(fd);
    session->state = EPP_HANDSHAKING;
    session->tls = tls_open(listener->identity, fd, NULL);
    if (session->tls == NULL || loop_watch(&epp->world->loop, &session->watch, EPOLLIN) != OK) {
        session_end(session, IO_FAILED);
    }
}

static const struct epp_server *server_find(const struct epp *epp, struct span name)
{
    for (size_t i = 0; i < epp->server_count; i++) {
        if (span_equal(name, span_of_text(epp->servers[i].name))) {
            return &epp->servers[i];
        }
    }
    return NULL;
}

void epp_open(struct world *world, const struct effect_epp *effect)
{
    struct epp *epp = world->epp;
    require(epp != NULL && (effect->session >> 63) == 1);
    require(table_find(&epp->by_number, effect->session) == NULL);
    struct epp_session *session = session_open(epp, effect->session, -1);
    require(session != NULL); /* without it the service would wait for ever */
    session->is_client = true;
    session->is_told = true;
    session->state = EPP_CONNECTING;
    session->server = server_find(epp, effect->server);
    if (session->server == NULL) {
        session_end(session, NOT_FOUND);
        return;
    }
    session->peer = session->server->address;
    enum status status = socket_connect_stream(session->server->address, &session->watch.fd);
    if (status == OK) {
        status = loop_watch(&world->loop, &session->watch, EPOLLOUT);
    }
    if (status != OK) {
        session_end(session, status);
    }
}

/* ------------------------------------------------------------------ open and close */

static struct epp *epp_find(struct world *world)
{
    if (world->epp == NULL) {
        world->epp = memory_take(sizeof *world->epp);
        if (world->epp != NULL) {
            world->epp->world = world;
        }
    }
    return world->epp;
}

enum status world_listen_epp(struct world *world, struct address address, struct world_tls tls,
                             struct problem *problem)
{
    struct epp *epp = epp_find(world);
    if (epp == NULL || epp->listener_count == ENDPOINTS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d addresses can serve EPP",
                           ENDPOINTS_MAX);
    }
    struct epp_listener *listener = &epp->listeners[epp->listener_count];
    *listener = (struct epp_listener){
        .epp = epp,
        .acceptor = {.world = world, .take = session_accept, .owner = listener},
    };
    world_keep_tls(world, tls);
    enum status status = tls_identity_open(tls, TLS_EPP_SERVER, &listener->identity, problem);
    if (status != OK) {
        return status;
    }
    int fd = -1;
    status = socket_listen(address, SOCK_STREAM, "EPP", &fd, problem);
    if (status == OK) {
        listener->bound = socket_local_address(fd);
        status = acceptor_open(&listener->acceptor, fd);
        if (status != OK) {
            (void)problem_set(problem, status, "cannot wait for EPP connections: %s",
                              strerror(errno));
        }
    }
    if (status != OK) {
        tls_identity_close(listener->identity);
        return status;
    }
    epp->listener_count++;
    return OK;
}

enum status world_add_epp_server(struct world *world, const char *name, struct address address,
                                 const char *host_name, struct world_tls tls,
                                 struct problem *problem)
{
    struct epp *epp = epp_find(world);
    if (epp == NULL || epp->server_count == EPP_SERVERS_MAX) {
        return problem_set(problem, LIMIT_REACHED, "at most %d EPP servers can be named",
                           EPP_SERVERS_MAX);
    }
    struct epp_server *server = &epp->servers[epp->server_count];
    *server = (struct epp_server){.address = address};
    if (name[0] == '\0' || strlen(name) >= sizeof server->name || host_name[0] == '\0' ||
        strlen(host_name) >= sizeof server->host_name) {
        return problem_set(problem, TOO_LONG,
                           "the names of the EPP server \"%s\" at \"%s\" are "
                           "empty or too long",
                           name, host_name);
    }
    if (server_find(epp, span_of_text(name)) != NULL) {
        return problem_set(problem, EXISTS, "there are two EPP servers with the name %s", name);
    }
    memcpy(server->name, name, strlen(name));
    memcpy(server->host_name, host_name, strlen(host_name));
    world_keep_tls(world, tls);
    enum status status = tls_identity_open(tls, TLS_EPP_CLIENT, &server->identity, problem);
    if (status == OK) {
        epp->server_count++;
    }
    return status;
}

void epp_stop(struct world *world)
{
    struct epp *epp = world->epp;
    for (size_t i = 0; epp != NULL && i < epp->listener_count; i++) {
        acceptor_stop(&epp->listeners[i].acceptor);
    }
}

/* Every session whose last frames are out may end with the process. */
bool epp_is_drained(const struct world *world)
{
    const struct epp *epp = world->epp;
    for (size_t i = 0; epp != NULL && i < epp->by_number.size; i++) {
        const struct epp_session *session = epp->by_number.slots[i].value;
        if (session != NULL && session->out.len != 0) {
            return false;
        }
    }
    return true;
}

void epp_reload(struct world *world)
{
    struct epp *epp = world->epp;
    for (size_t i = 0; epp != NULL && i < epp->listener_count; i++) {
        tls_identity_reload(epp->listeners[i].identity, &world->log);
    }
    for (size_t i = 0; epp != NULL && i < epp->server_count; i++) {
        tls_identity_reload(epp->servers[i].identity, &world->log);
    }
}

void epp_close(struct world *world)
{
    struct epp *epp = world->epp;
    if (epp == NULL) {
        return;
    }
    for (struct epp_session *session = table_any(&epp->by_number); session != NULL;
         session = table_any(&epp->by_number)) {
        session_free(session);
    }
    for (size_t i = 0; i < epp->listener_count; i++) {
        acceptor_close(&epp->listeners[i].acceptor);
        tls_identity_close(epp->listeners[i].identity);
    }
    for (size_t i = 0; i < epp->server_count; i++) {
        tls_identity_close(epp->servers[i].identity);
    }
    table_close(&epp->by_number);
    memory_give_back(epp);
    world->epp = NULL;
}

struct address epp_address(const struct world *world, size_t index)
{
    require(world->epp != NULL && index < world->epp->listener_count);
    return world->epp->listeners[index].bound;
}
