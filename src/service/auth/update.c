/* UPDATE (RFC 2136): whom we listen to, and the way of an UPDATE to who may change the zone and
 * back. The client is answered when the change is durable there and, if it takes no longer than a
 * transfer, served here. */
#include "core/dnssec/verdict.h"
#include "service/auth/auth_state.h"

#include <string.h>

enum {
    FORWARD_TIMEOUT_MS = 30 * 1000, /* a large zone is signed and judged in that time */
    ANSWER_LEN_MAX = 1024,
};

static struct auth_forward *find_free(struct auth *auth)
{
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        if (auth->forwards[i].state == FORWARD_FREE) {
            return &auth->forwards[i];
        }
    }
    return NULL;
}

/* A client that hears nothing asks again: the same UPDATE must not be made twice. */
static bool is_under_way(const struct auth *auth, const struct auth_request *request)
{
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        const struct auth_forward *forward = &auth->forwards[i];
        if (forward->state != FORWARD_FREE && forward->id == request->message.id &&
            forward->peer.port == request->event->query.peer.port &&
            address_equal_host(forward->peer, request->event->query.peer)) {
            return true;
        }
    }
    return false;
}

static void forward_close(struct auth_forward *forward)
{
    tsig_end(&forward->session);
    *forward = (struct auth_forward){0};
}

/* The message goes on as it came, with the client's TSIG, which is checked again there. */
static void forward_send(struct auth *auth, struct auth_zone *zone, struct auth_request *request,
                         struct outbox *outbox)
{
    struct span message = request->event->query.message;
    struct auth_forward *forward = find_free(auth);
    uint8_t *bytes = arena_take(&outbox->scratch, message.len);
    if (forward == NULL || bytes == NULL) {
        request->ede = EDE_NOT_READY;
        auth_reply_empty(auth, request, RCODE_SERVFAIL, 0, outbox);
        return;
    }
    memcpy(bytes, message.bytes, message.len);
    size_t slot = 1 + AUTH_NOTIFY_MAX + (size_t)(forward - auth->forwards);
    *forward = (struct auth_forward){.state = FORWARD_ASKED,
                                     .zone = zone,
                                     .channel = request->event->query.channel,
                                     .peer = request->event->query.peer,
                                     .id = request->message.id,
                                     .session = request->session,
                                     .ask = auth_ask_id(auth, zone, slot)};
    request->is_signed = false; /* the session is the forward's now */
    request->session = (struct tsig_session){0};
    outbox_add(outbox, EFFECT_ASK)->ask = (struct effect_ask){
        .ask = forward->ask,
        .transport = zone->terms->primary.is_tls ? TRANSPORT_TLS : TRANSPORT_TCP,
        .server = zone->terms->primary.address,
        .tls_peer = zone->terms->primary.tls_peer,
        .message = span_of(bytes, message.len),
        .timeout_ms = FORWARD_TIMEOUT_MS};
}

static const struct auth_done *find_done(const struct auth *auth,
                                         const struct auth_request *request)
{
    int64_t now_s = moment_wall_s(request->event->now);
    struct span mac = span_of(request->session.mac, request->session.mac_len);
    for (size_t i = 0; i < LEN(auth->done); i++) {
        const struct auth_done *done = &auth->done[i];
        if (done->mac_len > 0 && done->until_wall_s >= now_s &&
            span_equal(span_of(done->mac, done->mac_len), mac)) {
            return done;
        }
    }
    return NULL;
}

static void note_done(struct auth *auth, const struct tsig_session *session, uint16_t rcode,
                      struct moment now)
{
    if (rcode == RCODE_SERVFAIL) { /* that may go better the next time */
        return;
    }
    struct auth_done *done = &auth->done[auth->done_next];
    auth->done_next = (auth->done_next + 1) % LEN(auth->done);
    *done = (struct auth_done){.mac_len = session->mac_len,
                               .rcode = rcode,
                               .until_wall_s = moment_wall_s(now) + 2 * TSIG_FUDGE_S};
    memcpy(done->mac, session->mac, done->mac_len);
}

static struct auth_late *find_late(struct auth *auth, uint64_t ticket)
{
    for (size_t i = 0; i < LEN(auth->late); i++) {
        if (auth->late[i].ticket == ticket) {
            return &auth->late[i];
        }
    }
    return NULL;
}

/* Sent again while it is in the making. */
static bool is_late(const struct auth *auth, const struct auth_request *request)
{
    struct span mac = span_of(request->session.mac, request->session.mac_len);
    for (size_t i = 0; i < LEN(auth->late); i++) {
        const struct tsig_session *session = &auth->late[i].session;
        if (auth->late[i].ticket != 0 && span_equal(span_of(session->mac, session->mac_len), mac)) {
            return true;
        }
    }
    return false;
}

static void make_here(struct auth *auth, const struct auth_zone *zone, struct auth_request *request,
                      struct outbox *outbox)
{
    const struct auth_done *done = find_done(auth, request);
    if (done != NULL) {
        auth_reply_empty(auth, request, done->rcode, 0, outbox);
        return;
    }
    if (is_late(auth, request)) {
        return;
    }
    struct auth_late *late = find_late(auth, 0);
    struct auth_update update = {.zone = request->message.question.name,
                                 .key = request->session.key->name,
                                 .peer = request->event->query.peer,
                                 .message = request->event->query.message,
                                 .ticket = late == NULL ? 0 : ++auth->ticket_last};
    uint16_t rcode = auth->options.update(auth->options.update_user, &update, request->event->now);
    if (rcode != AUTH_UPDATE_LATER) {
        note_done(auth, &request->session, rcode, request->event->now);
        auth_reply_empty(auth, request, rcode, 0, outbox);
        return;
    }
    require(late != NULL);
    *late = (struct auth_late){.ticket = update.ticket,
                               .channel = request->event->query.channel,
                               .id = request->message.id,
                               .zone = zone,
                               .session = request->session};
    request->is_signed = false; /* the session stays */
    request->session = (struct tsig_session){0};
}

void auth_handle_update(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    struct question question = request->message.question;
    auth_count(auth, AUTH_COUNT_UPDATE_IN);
    if (request->message.question_count != 1 || question.type != TYPE_SOA) {
        auth_reply_empty(auth, request, RCODE_FORMERR, 0, outbox);
        return;
    }
    struct auth_zone *zone =
        question.class_ == CLASS_IN ? auth_find_zone_exactly(auth, question.name) : NULL;
    bool is_here = zone != NULL && zone->terms->is_pushed && auth->options.update != NULL;
    bool is_elsewhere = zone != NULL && zone->terms->forwards_updates;
    if (zone == NULL) {
        auth_reply_empty(auth, request, RCODE_NOTAUTH, 0, outbox);
    } else if (!request->is_signed || (!is_here && !is_elsewhere)) {
        request->ede = EDE_PROHIBITED;
        auth_reply_empty(auth, request, RCODE_REFUSED, 0, outbox);
    } else if (is_here) {
        make_here(auth, zone, request, outbox);
    } else if (!is_under_way(auth, request)) {
        forward_send(auth, zone, request, outbox);
    }
}

/* Whom an answer that we make goes to. */
struct client {
    uint64_t channel;
    uint16_t id;
    const struct auth_zone *zone;
    struct tsig_session *session;
};

static void reply_rcode(struct auth *auth, const struct client *client, uint16_t rcode,
                        struct moment now, struct outbox *outbox)
{
    struct message_writer writer;
    uint8_t *bytes = arena_take(&outbox->scratch, ANSWER_LEN_MAX);
    if (bytes == NULL) {
        return;
    }
    struct question question = {client->zone->name, TYPE_SOA, CLASS_IN};
    message_begin(&writer, bytes, ANSWER_LEN_MAX, client->id, FLAG_QR, OPCODE_UPDATE, rcode);
    message_add_question(&writer, question);
    size_t len = message_end(&writer).len;
    if (len > 0 &&
        tsig_sign(client->session, bytes, ANSWER_LEN_MAX, &len, moment_wall_s(now), 0) == OK) {
        auth_count_rcode(auth, rcode);
        outbox_add(outbox, EFFECT_REPLY)->reply =
            (struct effect_reply){.channel = client->channel, .message = span_of(bytes, len)};
    }
}

/* No answer came: whether the change was made is not known here. */
static void reply_failure(struct auth *auth, struct auth_forward *forward, struct moment now,
                          struct outbox *outbox)
{
    struct client client = {forward->channel, forward->id, forward->zone, &forward->session};
    reply_rcode(auth, &client, RCODE_SERVFAIL, now, outbox);
}

void auth_update_done(struct auth *auth, uint64_t ticket, uint16_t rcode, struct moment now,
                      struct outbox *outbox)
{
    struct auth_late *late = find_late(auth, ticket);
    require(ticket != 0 && late != NULL && rcode != AUTH_UPDATE_LATER);
    struct client client = {late->channel, late->id, late->zone, &late->session};
    if (late->zone != NULL) {
        note_done(auth, &late->session, rcode, now);
        reply_rcode(auth, &client, rcode, now, outbox);
    }
    tsig_end(&late->session);
    *late = (struct auth_late){.ticket = 0};
}

void auth_update_drop(struct auth *auth, const struct auth_zone *zone, struct moment now,
                      struct outbox *outbox)
{
    auth_update_flush(auth, zone, outbox);
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        struct auth_forward *forward = &auth->forwards[i];
        if (forward->state == FORWARD_ASKED && forward->zone == zone) {
            outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = forward->ask;
            reply_failure(auth, forward, now, outbox);
            forward_close(forward);
        }
    }
    for (size_t i = 0; i < LEN(auth->late); i++) {
        struct auth_late *late = &auth->late[i];
        if (late->ticket != 0 && late->zone == zone) {
            struct client client = {late->channel, late->id, zone, &late->session};
            reply_rcode(auth, &client, RCODE_SERVFAIL, now, outbox);
            late->zone = NULL; /* its auth_update_done is still to come */
        }
    }
}

/* The answer goes back as it came: it is signed for the client by who made the change. */
static void take_answer(struct auth *auth, struct auth_forward *forward, const struct event *event,
                        struct outbox *outbox)
{
    struct message message;
    struct name_buffer buffer;
    struct span answer = event->answer.message;
    if (message_read_query(answer, &buffer, &message) != OK || (message.flags & FLAG_QR) == 0 ||
        message.id != forward->id || message.opcode != OPCODE_UPDATE) {
        return;
    }
    outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = forward->ask;
    if (message.rcode != RCODE_NOERROR || answer.len > sizeof forward->answer) {
        outbox_reply(outbox, forward->channel, answer);
        forward_close(forward);
        return;
    }
    memcpy(forward->answer, answer.bytes, answer.len);
    forward->answer_len = answer.len;
    forward->state = FORWARD_TAKING;
    auth_secondary_wake(auth, forward->zone, false, outbox);
}

void auth_update_answer(struct auth *auth, size_t index, const struct event *event,
                        struct outbox *outbox)
{
    struct auth_forward *forward = index < LEN(auth->forwards) ? &auth->forwards[index] : NULL;
    if (forward == NULL || forward->state != FORWARD_ASKED || forward->ask != event->answer.ask) {
        return;
    }
    if (event->answer.outcome == OK) {
        take_answer(auth, forward, event, outbox);
        return;
    }
    char name[NAME_TEXT_MAX];
    log_line(auth->options.log, LOG_WARNING, "zone %s: an UPDATE was not answered: %s",
             name_print(forward->zone->name, name), status_text(event->answer.outcome));
    reply_failure(auth, forward, event->now, outbox);
    forward_close(forward);
}

void auth_update_flush(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox)
{
    for (size_t i = 0; i < LEN(auth->forwards); i++) {
        struct auth_forward *forward = &auth->forwards[i];
        if (forward->state == FORWARD_TAKING && forward->zone == zone) {
            auth_count(auth, AUTH_COUNT_NOERROR);
            outbox_reply(outbox, forward->channel, span_of(forward->answer, forward->answer_len));
            forward_close(forward);
        }
    }
}
