/* The registry as a primary: SOA, AXFR and IXFR for its signers, nothing for anybody else. */
#include "core/dns/tsig.h"
#include "service/registry/registry_state.h"
#include "service/registry/registry_zone.h"

enum {
    ANSWER_LEN_MAX = 1232,
    STREAM_LEN_MAX = MESSAGE_LEN_MAX,
    PORTION_MESSAGES = 32, /* sent before others get their turn */
    PORTION_PAUSE_NS = 2 * 1000 * 1000
};

struct request {
    struct registry_turn *turn;
    const struct event_query *event;
    struct name_buffer buffer;
    struct message message;
    struct registry_tld *tld;
    struct tsig_session session;
    bool is_signed;
};

static void reply(struct request *request, uint8_t *bytes, size_t len, size_t size,
                  uint16_t tsig_error)
{
    int64_t now_s = request->turn->now_s;
    if (request->is_signed &&
        tsig_sign(&request->session, bytes, size, &len, now_s, tsig_error) != OK) {
        return;
    }
    outbox_reply(request->turn->outbox, request->event->channel, span_of(bytes, len));
}

/* An answer with at most the SOA. */
static void answer(struct request *request, uint16_t rcode, const struct rrset *soa)
{
    uint8_t bytes[ANSWER_LEN_MAX];
    struct message_writer writer;
    uint16_t flags =
        (uint16_t)(FLAG_QR | (soa != NULL ? FLAG_AA : 0) | (request->message.flags & FLAG_RD));
    message_begin(&writer, bytes, sizeof bytes, request->message.id, flags, request->message.opcode,
                  rcode);
    if (request->message.question_count > 0) {
        message_add_question(&writer, request->message.question);
    }
    message_keep(&writer, TSIG_RECORD_LEN_MAX);
    if (soa != NULL && message_add_rrset(&writer, SECTION_ANSWER, soa) != OK) {
        return;
    }
    reply(request, bytes, message_end(&writer).len, sizeof bytes, 0);
}

static bool is_host_allowed(const struct registry_tld_options *options, struct address peer)
{
    for (size_t i = 0; i < options->allow_transfer_count; i++) {
        if (address_equal_host(options->allow_transfer[i], peer)) {
            return true;
        }
    }
    return options->allow_transfer_count == 0;
}

/* A key where one is agreed, and the right host where hosts are named; with neither, nobody. */
static bool is_granted(const struct request *request)
{
    const struct registry_tld_options *options = request->tld->options;
    if (options->transfer_key == NULL && options->allow_transfer_count == 0) {
        return false;
    }
    bool has_key = options->transfer_key == NULL || request->is_signed;
    return has_key && is_host_allowed(options, request->event->peer);
}

static bool read_serial(struct request *request, uint32_t *serial)
{
    struct message message;
    if (message_read(request->event->message, request->turn->scratch, &message) != OK) {
        return false;
    }
    const struct message_section *authority = &message.sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        struct span rdata = rrset->count == 1 ? rrset_only(rrset) : SPAN_EMPTY;
        if (rrset->type == TYPE_SOA && rdata.len >= 20) {
            struct reader reader = reader_over(span_part(rdata, rdata.len - 20, 20));
            *serial = reader_u32(&reader);
            return true;
        }
    }
    return false;
}

static void transfer_end(struct registry_transfer *slot)
{
    transfer_out_close(slot->transfer);
    if (slot->is_signed) {
        tsig_end(&slot->session);
    }
    *slot = (struct registry_transfer){0};
}

static bool message_send(struct registry_turn *turn, struct registry_transfer *slot)
{
    uint8_t *bytes = arena_take(turn->scratch, STREAM_LEN_MAX);
    size_t len = bytes == NULL ? 0 : transfer_out_next(slot->transfer, bytes, STREAM_LEN_MAX).len;
    if (len == 0) {
        return false;
    }
    if (slot->is_signed &&
        tsig_sign(&slot->session, bytes, STREAM_LEN_MAX, &len, turn->now_s, 0) != OK) {
        outbox_add(turn->outbox, EFFECT_HANG_UP)->channel = slot->channel;
        return false;
    }
    outbox_add(turn->outbox, EFFECT_REPLY)->reply =
        (struct effect_reply){slot->channel, span_of(bytes, len)};
    return true;
}

void registry_dns_continue(struct registry_turn *turn, size_t transfer)
{
    if (transfer >= REGISTRY_TRANSFERS_MAX ||
        turn->registry->transfers[transfer].transfer == NULL) {
        return;
    }
    struct registry_transfer *slot = &turn->registry->transfers[transfer];
    for (int i = 0; i < PORTION_MESSAGES; i++) {
        if (!message_send(turn, slot)) {
            transfer_end(slot);
            return;
        }
    }
    outbox_timer(turn->outbox, REGISTRY_TIMER_TRANSFER + transfer,
                 turn->now.mono_ns + PORTION_PAUSE_NS);
}

void registry_dns_close(struct registry *registry)
{
    for (size_t i = 0; i < REGISTRY_TRANSFERS_MAX; i++) {
        transfer_end(&registry->transfers[i]);
    }
}

static void transfer_begin(struct request *request, uint32_t serial)
{
    struct registry *registry = request->turn->registry;
    size_t place = 0;
    while (place < REGISTRY_TRANSFERS_MAX && registry->transfers[place].transfer != NULL) {
        place++;
    }
    struct registry_transfer *slot =
        place < REGISTRY_TRANSFERS_MAX ? &registry->transfers[place] : NULL;
    if (slot == NULL ||
        transfer_out_open(request->tld->history, request->tld->history_count,
                          request->message.question.type, serial, request->message.question,
                          request->message.id, &slot->transfer) != OK) {
        answer(request, RCODE_SERVFAIL, NULL);
        return;
    }
    slot->channel = request->event->channel;
    slot->is_signed = request->is_signed;
    slot->session = request->session;
    registry_dns_continue(request->turn, place);
}

static void transfer_asked(struct request *request)
{
    uint32_t serial = 0;
    uint16_t type = request->message.question.type;
    const struct zone *current = registry_zone_current(request->tld);
    bool is_udp = request->event->transport == TRANSPORT_UDP;
    if (!is_granted(request)) {
        answer(request, RCODE_REFUSED, NULL);
    } else if ((type == TYPE_AXFR && is_udp) ||
               (type == TYPE_IXFR && !read_serial(request, &serial))) {
        answer(request, RCODE_FORMERR, NULL);
    } else if (is_udp) { /* the current SOA; the asker comes again by TCP (RFC 1995 §2) */
        answer(request, RCODE_NOERROR, zone_soa(current));
    } else {
        transfer_begin(request, serial);
    }
}

/* The key of the question's TLD. False when the message was answered already. */
static bool check_key(struct request *request)
{
    const struct tsig_key *key = request->tld == NULL ? NULL : request->tld->options->transfer_key;
    if (request->message.tsig_at == 0) {
        return true;
    }
    if (key == NULL) {
        answer(request, RCODE_NOTAUTH, NULL);
        return false;
    }
    uint16_t error = 0;
    tsig_begin(&request->session, key);
    if (tsig_check(&request->session, request->event->message, request->message.tsig_at,
                   request->turn->now_s, &error) != OK) {
        tsig_end(&request->session);
        log_line(request->turn->registry->options.log, LOG_WARNING,
                 "a transfer was asked for with a key that does not fit: %s", rcode_text(error));
        answer(request, RCODE_NOTAUTH, NULL);
        return false;
    }
    request->is_signed = true;
    return true;
}

void registry_dns_query(struct registry_turn *turn, const struct event_query *query)
{
    struct request request = {.turn = turn, .event = query};
    enum status status = message_read_query(query->message, &request.buffer, &request.message);
    if (query->message.len < MESSAGE_HEADER_LEN || (request.message.flags & FLAG_QR) != 0) {
        return;
    }
    if (status != OK || request.message.question_count != 1) {
        answer(&request, RCODE_FORMERR, NULL);
        return;
    }
    const struct question *question = &request.message.question;
    struct registry_tld *tld = registry_find_tld(turn->registry, question->name);
    bool is_apex = tld != NULL && name_equal(question->name, tld->options->name);
    request.tld = is_apex && question->class_ == CLASS_IN ? tld : NULL;
    if (!check_key(&request)) {
        return;
    }
    if (request.message.opcode != OPCODE_QUERY) {
        answer(&request, RCODE_NOTIMP, NULL);
    } else if (request.tld == NULL) {
        answer(&request, RCODE_REFUSED, NULL);
    } else if (question->type == TYPE_SOA) {
        answer(&request, RCODE_NOERROR, zone_soa(registry_zone_current(request.tld)));
    } else if (question->type == TYPE_AXFR || question->type == TYPE_IXFR) {
        transfer_asked(&request);
    } else { /* the public asks the signer's servers */
        answer(&request, RCODE_REFUSED, NULL);
    }
}
