/* Transfers out: who may have a zone, and that its messages are made no faster than they are taken:
 * a large zone keeps no query waiting, and a slow asker keeps no memory. */
#include "core/dnssec/verdict.h"
#include "service/auth/answer.h"

enum {
    PORTION_LEN = 1 << 16, /* sent before others get their turn */
    STREAM_BUFFER_LEN = MESSAGE_LEN_MAX,
};

/* NULL when the host must wait: one that takes its many transfers slowly leaves room for others. */
static struct auth_stream *find_free_stream(struct auth *auth, struct address peer)
{
    struct auth_stream *found = NULL;
    size_t free_count = 0, own_count = 0;
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        struct auth_stream *stream = &auth->streams[i];
        if (stream->transfer == NULL) {
            found = stream;
            free_count++;
        } else {
            own_count += address_equal_host(stream->peer, peer);
        }
    }
    bool is_others = free_count <= AUTH_STREAMS_SPARE && own_count >= AUTH_STREAMS_FEW;
    return is_others ? NULL : found;
}

void auth_stream_close(struct auth_stream *stream)
{
    transfer_out_close(stream->transfer);
    if (stream->is_signed) {
        tsig_end(&stream->session);
    }
    *stream = (struct auth_stream){0};
}

/* The next message, signed where the request was; false at the end. */
static bool send_message(struct auth_stream *stream, struct moment now, struct outbox *outbox)
{
    uint8_t *bytes = arena_take(&outbox->scratch, STREAM_BUFFER_LEN);
    if (bytes == NULL) {
        return false;
    }
    size_t len = transfer_out_next(stream->transfer, bytes, STREAM_BUFFER_LEN).len;
    if (len == 0) {
        return false;
    }
    if (stream->is_signed && tsig_sign(&stream->session, bytes, STREAM_BUFFER_LEN, &len,
                                       moment_wall_s(now), RCODE_NOERROR) != OK) {
        outbox_add(outbox, EFFECT_HANG_UP)->channel = stream->channel;
        return false;
    }
    outbox_add(outbox, EFFECT_REPLY)->reply =
        (struct effect_reply){.channel = stream->channel,
                              .message = span_of(bytes, len),
                              .has_more = transfer_out_has_more(stream->transfer)};
    stream->messages++;
    stream->octets += len;
    return true;
}

static void send_portion(struct auth *auth, struct auth_stream *stream, struct moment now,
                         struct outbox *outbox)
{
    uint64_t octets_before = stream->octets;
    while (stream->octets - octets_before < PORTION_LEN) {
        if (!send_message(stream, now, outbox)) {
            char name[NAME_TEXT_MAX];
            log_line(auth->options.log, LOG_DETAIL,
                     "zone %s: transfer out ended after %llu messages, %llu octets",
                     name_print(stream->zone->name, name), (unsigned long long)stream->messages,
                     (unsigned long long)stream->octets);
            auth_stream_close(stream);
            return;
        }
    }
    outbox_add(outbox, EFFECT_AWAIT_ROOM)->channel = stream->channel;
}

void auth_stream_room(struct auth *auth, const struct event *event, struct outbox *outbox)
{
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        struct auth_stream *stream = &auth->streams[i];
        if (stream->transfer == NULL || stream->channel != event->room.channel) {
            continue;
        }
        if (event->room.is_closed) {
            auth_stream_close(stream);
        } else {
            send_portion(auth, stream, event->now, outbox);
        }
    }
}

void auth_stream_end(struct auth_stream *stream, struct outbox *outbox)
{
    outbox_add(outbox, EFFECT_HANG_UP)->channel = stream->channel;
    auth_stream_close(stream);
}

void auth_stream_drop(struct auth *auth, const struct auth_zone *zone, struct outbox *outbox)
{
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        struct auth_stream *stream = &auth->streams[i];
        if (stream->transfer != NULL && stream->zone == zone) {
            auth_stream_end(stream, outbox);
        }
    }
}

/* The serial in the SOA of an IXFR request's authority section (RFC 1995 §3). */
static bool read_asker_serial(const struct auth_request *request, struct arena *scratch,
                              uint32_t *serial)
{
    struct message message;
    if (message_read(request->event->query.message, scratch, &message) != OK) {
        return false;
    }
    const struct message_section *authority = &message.sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        if (rrset->type == TYPE_SOA && rrset->count == 1 &&
            name_equal(rrset->owner, request->message.question.name)) {
            struct span rdata = rrset_only(rrset);
            struct reader reader = reader_over(span_part(rdata, rdata.len - 20, 20));
            *serial = reader_u32(&reader);
            return true;
        }
    }
    return false;
}

/* By UDP (and HTTPS) an IXFR gets the current SOA, from which the asker sees whether TCP is worth
 * it (RFC 1995 §2). */
static void answer_soa_alone(struct auth *auth, struct auth_request *request,
                             const struct zone *version, struct outbox *outbox)
{
    struct answer_plan plan;
    const struct rrset *soa = zone_soa(version);
    answer_begin(&plan, request->message.question, false, &outbox->scratch);
    plan.is_authoritative = true;
    answer_add(&plan,
               (struct answer_item){.rrset = soa, .owner = soa->owner, .section = SECTION_ANSWER});
    auth_send_plan(auth, request, &plan, outbox);
}

static void begin_stream(struct auth *auth, struct auth_zone *zone, struct auth_request *request,
                         uint32_t serial, struct outbox *outbox)
{
    const struct question *question = &request->message.question;
    struct auth_stream *stream = find_free_stream(auth, request->event->query.peer);
    enum status status = BUSY;
    if (stream != NULL) {
        status = transfer_out_open(zone->history, zone->history_count, question->type, serial,
                                   *question, request->message.id, &stream->transfer);
    }
    if (status != OK) {
        request->ede = EDE_NOT_READY;
        auth_reply_empty(auth, request, RCODE_SERVFAIL, 0, outbox);
        return;
    }
    stream->zone = zone;
    stream->channel = request->event->query.channel;
    stream->peer = request->event->query.peer;
    stream->is_signed = request->is_signed;
    stream->session = request->session;
    auth_count(auth, question->type == TYPE_AXFR ? AUTH_COUNT_AXFR_OUT : AUTH_COUNT_IXFR_OUT);
    send_portion(auth, stream, request->event->now, outbox);
}

/* RFC 9103 §7.2: whoever asks for a zone over TLS asks over TLS 1.3. */
static bool is_old_tls(const struct auth_request *request)
{
    const struct event_query *query = &request->event->query;
    return query->transport == TRANSPORT_TLS && !query->is_tls_1_3;
}

void auth_serve_transfer(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    const struct question *question = &request->message.question;
    bool has_one_answer = transport_has_one_answer(request->event->query.transport);
    struct auth_zone *zone = auth_find_zone_exactly(auth, question->name);
    uint32_t serial = 0;
    uint16_t rcode = RCODE_NOERROR;
    if (zone == NULL) {
        rcode = RCODE_NOTAUTH;
    } else if (!auth_is_granted(zone, request) || is_old_tls(request)) {
        request->ede = EDE_PROHIBITED;
        rcode = RCODE_REFUSED;
    } else if (question->type == TYPE_AXFR && has_one_answer) {
        rcode = RCODE_FORMERR; /* RFC 5936 §4.2 */
    } else if (question->type == TYPE_IXFR &&
               !read_asker_serial(request, &outbox->scratch, &serial)) {
        rcode = RCODE_FORMERR;
    } else if (auth_zone_version(zone) == NULL || zone_soa(auth_zone_version(zone)) == NULL) {
        request->ede = EDE_NOT_READY;
        request->ede_text = auth_note_of(auth, zone);
        rcode = RCODE_SERVFAIL;
    }
    if (rcode != RCODE_NOERROR) {
        auth_reply_empty(auth, request, rcode, 0, outbox);
    } else if (has_one_answer) {
        answer_soa_alone(auth, request, auth_zone_version(zone), outbox);
    } else {
        begin_stream(auth, zone, request, serial, outbox);
    }
}
