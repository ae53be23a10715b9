/* What the registry says on its DNS port: the SOA of its zones and transfers to those who may have
 * them, and that it has heard of a child's news, nothing else. It is a hidden primary: the world
 * asks the servers behind its signers. */
#include "service/registry/registry_state.h"
#include "service/registry/registry_zone.h"

enum {
    PORTION_LEN = 1 << 16, /* sent before other events have their turn */
    SHORT_LEN = MESSAGE_UDP_LEN_DEFAULT,
    OPT_LEN = 11,         /* without options */
    SOA_NUMBERS_LEN = 20, /* serial, refresh, retry, expire, minimum */
};

/* A question on its way to its answer. */
struct request {
    struct registry_turn *turn;
    const struct event_query *query;
    struct message message;
    struct name_buffer buffer;
    struct registry_tld *tld; /* whose apex is asked for, or NULL */
    bool is_signed;
    uint16_t tsig_error; /* 0: none */
    struct tsig_session session;
};

static void reply_send(struct request *request, struct message_writer *writer, uint8_t *bytes,
                       size_t size)
{
    size_t len = message_end(writer).len;
    enum status status = len == 0 ? NO_SPACE : OK;
    if (status == OK && request->is_signed) {
        status = tsig_sign(&request->session, bytes, size, &len, request->turn->now_s,
                           request->tsig_error);
    } else if (status == OK && request->tsig_error != 0) {
        status = tsig_refuse(request->query->message, request->message.tsig_at, request->tsig_error,
                             bytes, size, &len);
    }
    if (status == OK) {
        outbox_reply(request->turn->outbox, request->query->channel, span_of(bytes, len));
    }
}

/* A short answer: an rcode, or with `soa` that record. */
static void reply_short(struct request *request, uint16_t rcode, const struct rrset *soa)
{
    uint8_t *bytes = arena_take(request->turn->scratch, SHORT_LEN);
    if (bytes == NULL) {
        return;
    }
    const struct message *message = &request->message;
    struct message_writer writer;
    message_begin(&writer, bytes, SHORT_LEN, message->id,
                  (uint16_t)(FLAG_QR | (message->flags & FLAG_RD)), message->opcode, rcode);
    if (message->question_count > 0) {
        message_add_question(&writer, message->question);
    }
    if (request->is_signed || request->tsig_error != 0) {
        message_keep(&writer, TSIG_RECORD_LEN_MAX);
    }
    if (message->edns.is_present) {
        message_keep(&writer, OPT_LEN);
    }
    if (soa != NULL) {
        message_set_flags(&writer, FLAG_AA);
        if (message_add_rrset(&writer, SECTION_ANSWER, soa) != OK) {
            message_set_flags(&writer, FLAG_TC);
        }
    }
    if (message->edns.is_present) {
        const struct edns edns = {.udp_size = MESSAGE_UDP_LEN_DEFAULT};
        message_add_edns(&writer, &edns, rcode);
    }
    reply_send(request, &writer, bytes, SHORT_LEN);
}

static const struct tsig_key *key_find(const struct registry *registry, struct name name)
{
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        const struct tsig_key *key = registry->tlds[i].options->transfer_key;
        if (key != NULL && name_equal(key->name, name)) {
            return key;
        }
    }
    return NULL;
}

/* The rcode to refuse with, or NOERROR (RFC 8945 §5.2). */
static uint16_t tsig_read(struct request *request)
{
    struct name_buffer buffer;
    struct name name;
    size_t tsig_at = request->message.tsig_at;
    if (tsig_at == 0) {
        return RCODE_NOERROR;
    }
    if (tsig_key_name(request->query->message, tsig_at, &buffer, &name) != OK) {
        return RCODE_FORMERR;
    }
    const struct tsig_key *key = key_find(request->turn->registry, name);
    if (key == NULL) {
        request->tsig_error = RCODE_BADKEY;
        return RCODE_NOTAUTH;
    }
    tsig_begin(&request->session, key);
    uint16_t error = 0;
    enum status status = tsig_check(&request->session, request->query->message, tsig_at,
                                    request->turn->now_s, &error);
    request->is_signed = status == OK || error == RCODE_BADTIME || error == RCODE_BADTRUNC;
    request->tsig_error = status == OK ? 0 : error;
    if (status == OK) {
        return RCODE_NOERROR;
    }
    return status == MALFORMED ? RCODE_FORMERR : RCODE_NOTAUTH;
}

/* With a key: its holder, from the hosts listed if any are. Without: the hosts listed alone. */
static bool is_allowed(const struct request *request)
{
    const struct registry_tld_options *tld = request->tld->options;
    bool is_listed = tld->transfer_key != NULL && tld->allow_transfer_count == 0;
    for (size_t i = 0; i < tld->allow_transfer_count; i++) {
        is_listed = is_listed || address_equal_host(tld->allow_transfer[i], request->query->peer);
    }
    bool has_key = tld->transfer_key == NULL ||
                   (request->is_signed && request->session.key == tld->transfer_key);
    return is_listed && has_key;
}

/* The serial that the asker has (RFC 1995 §3). */
static bool asker_serial_read(const struct request *request, uint32_t *serial)
{
    struct message message;
    if (message_read(request->query->message, request->turn->scratch, &message) != OK) {
        return false;
    }
    const struct message_section *authority = &message.sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        if (rrset->type == TYPE_SOA && rrset->count == 1 &&
            name_equal(rrset->owner, request->message.question.name)) {
            struct span rdata = rrset_only(rrset);
            struct reader numbers =
                reader_over(span_part(rdata, rdata.len - SOA_NUMBERS_LEN, SOA_NUMBERS_LEN));
            *serial = reader_u32(&numbers);
            return true;
        }
    }
    return false;
}

static void transfer_close(struct registry_transfer *transfer)
{
    transfer_out_close(transfer->transfer);
    if (transfer->is_signed) {
        tsig_end(&transfer->session);
    }
    *transfer = (struct registry_transfer){0};
}

void registry_dns_close(struct registry *registry)
{
    for (size_t i = 0; i < REGISTRY_TRANSFERS_MAX; i++) {
        transfer_close(&registry->transfers[i]);
    }
}

/* The octets of the next message; 0 at the end. A message that cannot be signed ends the stream, so
 * that the signer does not take half a zone for whole. */
static size_t transfer_send(struct registry_turn *turn, struct registry_transfer *transfer)
{
    uint8_t *bytes = arena_take(turn->scratch, MESSAGE_LEN_MAX);
    size_t len =
        bytes == NULL ? 0 : transfer_out_next(transfer->transfer, bytes, MESSAGE_LEN_MAX).len;
    if (bytes == NULL ||
        (len > 0 && transfer->is_signed &&
         tsig_sign(&transfer->session, bytes, MESSAGE_LEN_MAX, &len, turn->now_s, 0) != OK)) {
        outbox_add(turn->outbox, EFFECT_HANG_UP)->channel = transfer->channel;
        return 0;
    }
    if (len > 0) {
        outbox_add(turn->outbox, EFFECT_REPLY)->reply =
            (struct effect_reply){.channel = transfer->channel,
                                  .message = span_of(bytes, len),
                                  .has_more = transfer_out_has_more(transfer->transfer)};
    }
    return len;
}

static void portion_send(struct registry_turn *turn, struct registry_transfer *transfer)
{
    for (size_t sent = 0; sent < PORTION_LEN;) {
        size_t len = transfer_send(turn, transfer);
        if (len == 0) {
            transfer_close(transfer);
            return;
        }
        sent += len;
    }
    outbox_add(turn->outbox, EFFECT_AWAIT_ROOM)->channel = transfer->channel;
}

void registry_dns_room(struct registry_turn *turn, const struct event_room *room)
{
    for (size_t i = 0; i < REGISTRY_TRANSFERS_MAX; i++) {
        struct registry_transfer *transfer = &turn->registry->transfers[i];
        if (transfer->transfer == NULL || transfer->channel != room->channel) {
            continue;
        }
        if (room->is_closed) {
            transfer_close(transfer);
        } else {
            portion_send(turn, transfer);
        }
    }
}

static void transfer_begin(struct request *request, uint32_t serial)
{
    struct registry *registry = request->turn->registry;
    size_t at = 0;
    while (at < REGISTRY_TRANSFERS_MAX && registry->transfers[at].transfer != NULL) {
        at++;
    }
    struct registry_transfer *transfer =
        at == REGISTRY_TRANSFERS_MAX ? NULL : &registry->transfers[at];
    if (transfer == NULL ||
        transfer_out_open(request->tld->history, request->tld->history_count,
                          request->message.question.type, serial, request->message.question,
                          request->message.id, &transfer->transfer) != OK) {
        reply_short(request, RCODE_SERVFAIL, NULL);
        return;
    }
    transfer->channel = request->query->channel;
    transfer->is_signed = request->is_signed;
    transfer->session = request->session;
    request->is_signed = false; /* the session is the transfer's now */
    portion_send(request->turn, transfer);
}

static void question_answer(struct request *request)
{
    uint16_t type = request->message.question.type;
    bool has_one_answer = transport_has_one_answer(request->query->transport);
    const struct rrset *soa = zone_soa(registry_zone_current(request->tld));
    uint32_t serial = 0;
    if (!is_allowed(request)) {
        reply_short(request, RCODE_REFUSED, NULL);
    } else if (type == TYPE_SOA || (type == TYPE_IXFR && has_one_answer)) {
        reply_short(request, RCODE_NOERROR, soa); /* RFC 1995 §2: then ask by TCP */
    } else if ((type == TYPE_AXFR && has_one_answer) ||
               (type == TYPE_IXFR && !asker_serial_read(request, &serial))) {
        reply_short(request, RCODE_FORMERR, NULL); /* RFC 5936 §4.2 */
    } else if (type == TYPE_AXFR || type == TYPE_IXFR) {
        transfer_begin(request, serial);
    } else {
        reply_short(request, RCODE_REFUSED, NULL);
    }
}

/* A child's operator says that there is something new for the parent (RFC 9859 §4.3). What is asked
 * too often gets the same answer: to try again would not help. */
static void notify_answer(struct request *request)
{
    const struct question *question = &request->message.question;
    bool is_ours = request->message.question_count == 1 && question->class_ == CLASS_IN &&
                   (question->type == TYPE_CDS || question->type == TYPE_CSYNC);
    struct registry_scan_request asked = {
        .child = question->name, .type = question->type, .peer = request->query->peer};
    if (!is_ours) {
        reply_short(request, RCODE_NOTIMP, NULL);
        return;
    }
    enum registry_scan_result result = registry_scan_ask(request->turn, &asked);
    reply_short(request, result == REGISTRY_SCAN_REFUSED ? RCODE_REFUSED : RCODE_NOERROR, NULL);
}

static void query_answer(struct request *request)
{
    const struct message *message = &request->message;
    uint16_t rcode = tsig_read(request);
    if (rcode != RCODE_NOERROR) {
        reply_short(request, rcode, NULL);
    } else if (message->edns.version > 0) {
        reply_short(request, RCODE_BADVERS, NULL);
    } else if (message->opcode == OPCODE_NOTIFY) {
        notify_answer(request);
    } else if (message->opcode != OPCODE_QUERY) {
        reply_short(request, RCODE_NOTIMP, NULL);
    } else if (message->question_count != 1) {
        reply_short(request, RCODE_FORMERR, NULL);
    } else if (request->tld == NULL) {
        reply_short(request, RCODE_REFUSED, NULL);
    } else {
        question_answer(request);
    }
}

void registry_dns_query(struct registry_turn *turn, const struct event_query *query)
{
    struct request request = {.turn = turn, .query = query};
    enum status status = message_read_query(query->message, &request.buffer, &request.message);
    if (query->message.len < MESSAGE_HEADER_LEN || (request.message.flags & FLAG_QR) != 0) {
        return; /* answering an answer makes loops */
    }
    if (status != OK) {
        request.message.question_count = 0;
        request.message.edns.is_present = false;
        reply_short(&request, RCODE_FORMERR, NULL);
        return;
    }
    struct registry_tld *tld = registry_find_tld(turn->registry, request.message.question.name);
    if (tld != NULL && request.message.question.class_ == CLASS_IN &&
        name_equal(tld->options->name, request.message.question.name)) {
        request.tld = tld;
    }
    query_answer(&request);
    if (request.is_signed) {
        tsig_end(&request.session);
    }
}
