/* What a server says to a message before any zone is looked at: which messages get no answer, which
 * a refusal, and what surrounds every answer (flags, EDNS, TSIG, truncation). */
#include "core/dnssec/verdict.h"
#include "service/auth/answer.h"

#include <assert.h>
#include <string.h>

enum {
    STREAM_LEN_USUAL = 4096, /* most answers by TCP; more is taken when that is too little */
    /* NSID, COOKIE, EDE */
    OPTIONS_LEN_MAX = 4 + AUTH_NSID_LEN_MAX + 4 + COOKIE_LEN + 6 + AUTH_NOTE_LEN_MAX,
    OPT_LEN = 11,
};

/* An answer in the making. */
struct reply {
    struct message_writer writer;
    uint8_t *bytes;
    size_t size;
    uint16_t rcode;
    uint8_t options[OPTIONS_LEN_MAX + AUTH_AGENT_LEN_MAX];
    size_t options_len;
};

void auth_count(struct auth *auth, enum auth_counter counter)
{
    auth->counters[counter]++;
}

enum auth_counter auth_counter_of(uint16_t rcode)
{
    static const enum auth_counter by_rcode[] = {
        [RCODE_NOERROR] = AUTH_COUNT_NOERROR,   [RCODE_FORMERR] = AUTH_COUNT_FORMERR,
        [RCODE_SERVFAIL] = AUTH_COUNT_SERVFAIL, [RCODE_NXDOMAIN] = AUTH_COUNT_NXDOMAIN,
        [RCODE_NOTIMP] = AUTH_COUNT_OTHER,      [RCODE_REFUSED] = AUTH_COUNT_REFUSED,
    };
    return rcode < LEN(by_rcode) ? by_rcode[rcode] : AUTH_COUNT_OTHER;
}

void auth_count_rcode(struct auth *auth, uint16_t rcode)
{
    auth_count(auth, auth_counter_of(rcode));
}

static size_t padding_room(const struct auth_request *request)
{
    return transport_is_encrypted(request->event->query.transport) ? EDNS_PADDING_ROOM : 0;
}

/* AD and CD stay clear in an authoritative answer (RFC 4035 §3.1.6); RD is copied. */
static bool reply_begin(struct auth *auth, const struct auth_request *request, uint16_t rcode,
                        size_t size, struct outbox *outbox, struct reply *reply)
{
    const struct message *message = &request->message;
    reply->bytes = arena_take(&outbox->scratch, size);
    if (reply->bytes == NULL) {
        return false;
    }
    reply->size = size;
    reply->rcode = rcode;
    message_begin(&reply->writer, reply->bytes, size, message->id,
                  (uint16_t)(FLAG_QR | (message->flags & FLAG_RD)), message->opcode, rcode);
    if (message->question_count > 0 && message->question.type != 0) {
        message_add_question(&reply->writer, message->question);
    }
    if (message->edns.is_present) {
        struct writer options = writer_over(reply->options, sizeof reply->options);
        auth_write_options(auth, request, &options);
        reply->options_len = options.status == OK ? options.len : 0;
        message_keep(&reply->writer, OPT_LEN + reply->options_len + padding_room(request));
    }
    if (request->is_signed) {
        message_keep(&reply->writer, tsig_record_len(request->session.key));
    }
    return true;
}

static enum status reply_sign(struct auth_request *request, const struct reply *reply, size_t *len)
{
    int64_t now_s = moment_wall_s(request->event->now);
    if (request->is_signed) {
        return tsig_sign(&request->session, reply->bytes, reply->size, len, now_s,
                         request->tsig_error);
    }
    if (request->tsig_error != 0) {
        return tsig_refuse(request->event->query.message, request->message.tsig_at,
                           request->tsig_error, reply->bytes, reply->size, len);
    }
    return OK;
}

static void reply_send(struct auth *auth, struct auth_request *request, struct reply *reply,
                       struct outbox *outbox)
{
    if (request->message.edns.is_present) {
        struct edns edns = {.wants_dnssec = request->message.edns.wants_dnssec,
                            .udp_size = auth_udp_size(auth, request->event->query.peer),
                            .options = span_of(reply->options, reply->options_len),
                            .padding_block =
                                padding_room(request) != 0 ? EDNS_PADDING_BLOCK_RESPONSE : 0};
        message_add_edns(&reply->writer, &edns, reply->rcode);
    }
    size_t len = message_end(&reply->writer).len;
    if (len == 0 || reply_sign(request, reply, &len) != OK) {
        auth_count(auth, AUTH_COUNT_DROPPED);
        return;
    }
    auth_count_rcode(auth, reply->rcode);
    outbox_add(outbox, EFFECT_REPLY)->reply = (struct effect_reply){
        .channel = request->event->query.channel, .message = span_of(reply->bytes, len)};
}

/* Does the answer go out? One that is too many does not, and one in so many of those truncated, so
 * that a client behind the address that was forged comes by TCP. Signed requests and good cookies
 * are not forged. */
static enum rate_verdict book(struct auth *auth, const struct auth_request *request,
                              enum rate_kind kind, struct name name)
{
    const struct event *event = request->event;
    if (auth->rate == NULL || event->query.transport != TRANSPORT_UDP || request->is_signed ||
        request->message.opcode != OPCODE_QUERY || auth_is_cookie_ours(&request->asked)) {
        return RATE_SEND;
    }
    uint64_t account = rate_account(auth->rate, event->query.peer, kind, name);
    enum rate_verdict verdict = rate_judge(auth->rate, account, event->now);
    if (verdict != RATE_SEND) {
        auth_count(auth, AUTH_COUNT_LIMITED);
    }
    return verdict;
}

/* Under which account a plan goes: what an asker can vary without end shares one. */
static enum rate_kind find_account(const struct answer_plan *plan, struct name *name)
{
    const struct answer_item *first = plan->items;
    *name = plan->question.name;
    if (plan->item_count == 0) {
        return RATE_ERROR;
    }
    if (first->section == SECTION_AUTHORITY) {
        *name = first->owner;
        return first->rrset->type == TYPE_SOA ? RATE_NEGATIVE : RATE_REFERRAL;
    }
    if (first->rrset->type == TYPE_DNAME || !name_equal(first->owner, first->rrset->owner)) {
        *name = first->rrset->owner;
        return RATE_WILDCARD;
    }
    return RATE_POSITIVE;
}

static void reply_empty(struct auth *auth, struct auth_request *request, uint16_t rcode,
                        uint16_t flags, struct outbox *outbox)
{
    struct reply reply;
    if (!reply_begin(auth, request, rcode, MESSAGE_UDP_LEN_DEFAULT, outbox, &reply)) {
        return;
    }
    message_set_flags(&reply.writer, flags);
    reply_send(auth, request, &reply, outbox);
}

void auth_reply_empty(struct auth *auth, struct auth_request *request, uint16_t rcode,
                      uint16_t flags, struct outbox *outbox)
{
    enum rate_verdict verdict = book(auth, request, RATE_ERROR, NAME_ROOT);
    if (verdict != RATE_DROP) {
        flags |= verdict == RATE_TRUNCATE ? FLAG_TC : 0;
        reply_empty(auth, request, rcode, flags, outbox);
    }
}

uint16_t auth_udp_size(const struct auth *auth, struct address peer)
{
    uint16_t size =
        peer.family == ADDRESS_IPV6 ? auth->options.udp_size_ipv6 : auth->options.udp_size_ipv4;
    return size != 0 ? size : MESSAGE_UDP_LEN_DEFAULT;
}

static size_t size_limit(const struct auth *auth, const struct auth_request *request)
{
    const struct edns *edns = &request->message.edns;
    if (transport_is_stream(request->event->query.transport)) {
        return MESSAGE_LEN_MAX;
    }
    if (!edns->is_present) {
        return MESSAGE_UDP_LEN_MIN;
    }
    uint16_t size = auth_udp_size(auth, request->event->query.peer);
    return edns->udp_size < size ? edns->udp_size : size;
}

static void write_plan(struct auth *auth, struct auth_request *request,
                       const struct answer_plan *plan, struct outbox *outbox)
{
    size_t limit = size_limit(auth, request);
    size_t size = limit < STREAM_LEN_USUAL ? limit : STREAM_LEN_USUAL;
    struct reply reply;
    bool is_whole = false;
    for (;;) {
        bool is_complete;
        if (!reply_begin(auth, request, plan->rcode, size, outbox, &reply)) {
            return;
        }
        is_whole = answer_write_plan(plan, &reply.writer, &is_complete);
        if (is_complete || size == limit) {
            break;
        }
        size = limit;
    }
    if (plan->is_authoritative) {
        message_set_flags(&reply.writer, FLAG_AA);
    }
    if (!is_whole && transport_is_stream(request->event->query.transport)) {
        reply_empty(auth, request, RCODE_SERVFAIL, 0, outbox); /* larger than any message */
        return;
    }
    if (!is_whole) {
        auth_count(auth, AUTH_COUNT_TRUNCATED);
        message_set_flags(&reply.writer, FLAG_TC);
    }
    reply_send(auth, request, &reply, outbox);
}

void auth_send_plan(struct auth *auth, struct auth_request *request, const struct answer_plan *plan,
                    struct outbox *outbox)
{
    struct name account;
    enum rate_kind kind = find_account(plan, &account);
    enum rate_verdict verdict = book(auth, request, kind, account);
    if (verdict != RATE_SEND) {
        if (verdict == RATE_TRUNCATE) {
            reply_empty(auth, request, RCODE_NOERROR, FLAG_TC, outbox);
        }
        return;
    }
    write_plan(auth, request, plan, outbox);
}
static void answer_in(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    struct answer_plan plan;
    const struct message *message = &request->message;
    const struct auth_zone *zone = auth_find_zone(auth, message->question.name);
    if (zone != NULL && zone->terms->is_private && !auth_is_granted(zone, request)) {
        request->ede = EDE_PROHIBITED;
        auth_reply_empty(auth, request, RCODE_REFUSED, 0, outbox);
        return;
    }
    answer_make_plan(auth, message->question, message->edns.wants_dnssec, &outbox->scratch, &plan);
    if (plan.rcode == RCODE_SERVFAIL) {
        request->ede = EDE_NOT_READY;
        if (zone != NULL && auth_is_granted(zone, request)) {
            request->ede_text = auth_note_of(auth, zone);
        }
    } else if (plan.rcode == RCODE_REFUSED) {
        request->ede = EDE_NOT_AUTHORITATIVE;
    }
    if (message->edns.wants_dnssec) {
        auth_count(auth, AUTH_COUNT_DNSSEC);
    }
    auth_send_plan(auth, request, &plan, outbox);
}

/* One question, no less and no more (RFC 9619); but none is how a client asks for a cookie alone
 * (RFC 7873 §5.4). */
static void handle_query(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    struct question question = request->message.question;
    const struct auth_asked *asked = &request->asked;
    bool is_cookie_bad = asked->has_cookie && asked->cookie_verdict == COOKIE_BAD;
    if (request->message.question_count == 0 && asked->has_cookie) {
        auth_reply_empty(auth, request, is_cookie_bad ? RCODE_BADCOOKIE : RCODE_NOERROR, 0, outbox);
    } else if (request->message.question_count != 1 || question.type == 0 ||
               question.type == TYPE_OPT || question.type == TYPE_TSIG) {
        auth_reply_empty(auth, request, RCODE_FORMERR, 0, outbox);
    } else if (question.class_ == CLASS_CH) {
        auth_answer_about(auth, request, outbox);
    } else if (question.class_ != CLASS_IN) {
        auth_reply_empty(auth, request, RCODE_REFUSED, 0, outbox);
    } else if (question.type == TYPE_AXFR || question.type == TYPE_IXFR) {
        auth_serve_transfer(auth, request, outbox);
    } else if (type_is_meta(question.type) && question.type != TYPE_ANY) {
        request->ede = EDE_NOT_SUPPORTED;
        auth_reply_empty(auth, request, RCODE_NOTIMP, 0, outbox);
    } else {
        answer_in(auth, request, outbox);
    }
}

static const struct tsig_key *find_key(const struct auth *auth, struct name name)
{
    for (size_t i = 0; i < auth->options.key_count; i++) {
        if (name_equal(auth->options.keys[i].name, name)) {
            return &auth->options.keys[i];
        }
    }
    return NULL;
}

/* The rcode to refuse the message with, or NOERROR (RFC 8945 §5.2). */
static uint16_t check_tsig(struct auth *auth, struct auth_request *request)
{
    struct span wire = request->event->query.message;
    size_t tsig_at = request->message.tsig_at;
    struct name_buffer buffer;
    struct name name;
    if (tsig_at == 0) {
        return RCODE_NOERROR;
    }
    if (tsig_key_name(wire, tsig_at, &buffer, &name) != OK) {
        return RCODE_FORMERR;
    }
    const struct tsig_key *key = find_key(auth, name);
    if (key == NULL) {
        request->tsig_error = RCODE_BADKEY;
        return RCODE_NOTAUTH;
    }
    uint16_t error;
    tsig_begin(&request->session, key);
    enum status status =
        tsig_check(&request->session, wire, tsig_at, moment_wall_s(request->event->now), &error);
    if (status == OK) {
        request->is_signed = true;
        return RCODE_NOERROR;
    }
    if (status == MALFORMED) {
        return RCODE_FORMERR;
    }
    if (error == RCODE_BADTIME || error == RCODE_BADTRUNC) {
        request->is_signed = true; /* the MAC was good: so the refusal has one */
    }
    request->tsig_error = error;
    return RCODE_NOTAUTH;
}

bool auth_is_granted(const struct auth_zone *zone, const struct auth_request *request)
{
    for (size_t i = 0; i < zone->terms->grant_count; i++) {
        const struct auth_grant *grant = &zone->terms->grants[i];
        if (grant->key != NULL ? request->is_signed && request->session.key == grant->key
                               : address_equal_host(grant->address, request->event->query.peer)) {
            return true;
        }
    }
    return false;
}

static uint16_t check_edns(struct auth *auth, const struct auth_request *request,
                           enum status options)
{
    if (request->message.edns.version > 0) {
        return RCODE_BADVERS;
    }
    bool is_free = request->is_signed || request->event->query.transport != TRANSPORT_UDP ||
                   request->message.opcode != OPCODE_QUERY;
    if (options == OK && !is_free && auth_demands_cookie(auth, &request->asked)) {
        auth_count(auth, AUTH_COUNT_BADCOOKIE);
        return RCODE_BADCOOKIE;
    }
    return options == OK ? RCODE_NOERROR : RCODE_FORMERR;
}

/* Options are read first: a refusal has a cookie too. */
static void handle_request(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    enum status options = auth_read_options(auth, request->message.edns.options, &request->asked);
    uint16_t rcode = check_tsig(auth, request);
    rcode = rcode == RCODE_NOERROR ? check_edns(auth, request, options) : rcode;
    if (rcode != RCODE_NOERROR) {
        auth_reply_empty(auth, request, rcode, 0, outbox);
        return;
    }
    switch (request->message.opcode) {
    case OPCODE_QUERY:
        handle_query(auth, request, outbox);
        break;
    case OPCODE_NOTIFY:
        auth_handle_notify(auth, request, outbox);
        break;
    case OPCODE_UPDATE:
        auth_handle_update(auth, request, outbox);
        break;
    default: /* a number from outside */
        auth_reply_empty(auth, request, RCODE_NOTIMP, 0, outbox);
        break;
    }
}

void auth_handle_query(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    struct auth_request request = {
        .event = event,
        .ede = EDE_NONE,
        .asked = {.peer = event->query.peer, .now_s = moment_wall_s(event->now)}};
    static_assert((int)AUTH_COUNT_UDP == 0 && (int)AUTH_COUNT_DROPPED == (int)TRANSPORT_COUNT,
                  "a counter for each transport");
    auth_count(auth, (enum auth_counter)event->query.transport);
    enum status status = message_read_query(event->query.message, &request.name, &request.message);
    bool is_response = (request.message.flags & FLAG_QR) != 0;
    if (event->query.message.len < MESSAGE_HEADER_LEN || is_response) {
        auth_count(auth, AUTH_COUNT_DROPPED); /* to answer would be to make loops */
        return;
    }
    if (status != OK) {
        request.message.edns.is_present = false; /* nothing read of it is sure */
        request.message.tsig_at = 0;
        auth_reply_empty(auth, &request, RCODE_FORMERR, 0, outbox);
        return;
    }
    handle_request(auth, &request, outbox);
    tsig_end(&request.session);
}
