/* NOTIFY in both directions (RFC 1996): whom we believe that there is news, and how often those who
 * do not answer are told of ours. */
#include "core/dnssec/verdict.h"
#include "service/auth/auth_state.h"

#include <stdlib.h>

enum {
    ATTEMPTS_MAX = 6,
    TIMEOUT_FIRST_MS = 1000, /* doubled with each attempt */
    NOTIFY_LEN_MAX = 1024,
};

static size_t write_notify(const struct auth_zone *zone, uint16_t id, uint8_t *bytes, size_t size)
{
    struct message_writer writer;
    struct question question = {zone->name, TYPE_SOA, CLASS_IN};
    message_begin(&writer, bytes, size, id, FLAG_AA, OPCODE_NOTIFY, RCODE_NOERROR);
    message_add_question(&writer, question);
    const struct zone *version = auth_zone_version(zone);
    const struct rrset *soa = version == NULL ? NULL : zone_soa(version);
    if (soa != NULL && message_add_rrset(&writer, SECTION_ANSWER, soa) != OK) {
        return 0;
    }
    return message_end(&writer).len;
}

static void send_notify(struct auth *auth, struct auth_zone *zone, size_t index, struct moment now,
                        struct outbox *outbox)
{
    const struct auth_peer *peer = &zone->terms->notify[index];
    struct notify_target *target = &zone->notify[index];
    uint8_t *bytes = arena_take(&outbox->scratch, NOTIFY_LEN_MAX);
    if (bytes == NULL) {
        return;
    }
    target->id = entropy_u16(auth->options.entropy);
    size_t len = write_notify(zone, target->id, bytes, NOTIFY_LEN_MAX);
    if (len != 0 && peer->key != NULL) {
        tsig_begin(&target->session, peer->key);
        enum status status =
            tsig_sign(&target->session, bytes, NOTIFY_LEN_MAX, &len, moment_wall_s(now), 0);
        len = status == OK ? len : 0;
    }
    if (len == 0) {
        return;
    }
    target->is_pending = true;
    target->ask = auth_ask_id(auth, zone, index + 1);
    auth_count(auth, AUTH_COUNT_NOTIFY_OUT);
    outbox_add(outbox, EFFECT_ASK)->ask =
        (struct effect_ask){.ask = target->ask,
                            .transport = TRANSPORT_UDP,
                            .server = peer->address,
                            .message = span_of(bytes, len),
                            .timeout_ms = (uint32_t)TIMEOUT_FIRST_MS << target->attempts};
}

static void forget_ask(struct notify_target *target, struct outbox *outbox)
{
    if (target->is_pending) {
        outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = target->ask;
        target->is_pending = false;
    }
}

void auth_notify_start(struct auth *auth, struct auth_zone *zone, struct moment now,
                       struct outbox *outbox)
{
    auth_parent_start(auth, zone, outbox);
    if (zone->notify == NULL && zone->terms->notify_count > 0) {
        zone->notify = calloc(zone->terms->notify_count, sizeof *zone->notify);
        if (zone->notify == NULL) {
            return;
        }
    }
    for (size_t i = 0; i < zone->terms->notify_count; i++) {
        forget_ask(&zone->notify[i], outbox);
        zone->notify[i].attempts = 0;
        zone->notify[i].refusal = OK;
        send_notify(auth, zone, i, now, outbox);
    }
}

void auth_notify_drop(struct auth_zone *zone, struct outbox *outbox)
{
    for (size_t i = 0; zone->notify != NULL && i < zone->terms->notify_count; i++) {
        forget_ask(&zone->notify[i], outbox);
    }
    free(zone->notify);
    zone->notify = NULL;
}

/* Any answer to that NOTIFY ends its repetition: who refuses it will do so again. Where there is a
 * key, what is not signed with it may be a forger's, who would have us say no more (RFC 8945
 * §5.4). */
static bool is_answered(const struct auth_zone *zone, struct notify_target *target,
                        const struct event *event, uint16_t *rcode)
{
    struct message message;
    struct name_buffer buffer;
    struct span wire = event->answer.message;
    if (message_read_query(wire, &buffer, &message) != OK || (message.flags & FLAG_QR) == 0 ||
        message.id != target->id || message.opcode != OPCODE_NOTIFY ||
        (message.question_count != 0 && !name_equal(message.question.name, zone->name))) {
        return false;
    }
    *rcode = message.rcode;
    if (target->session.key != NULL) {
        uint16_t error;
        target->refusal =
            tsig_check(&target->session, wire, message.tsig_at, moment_wall_s(event->now), &error);
    }
    return target->refusal == OK;
}

/* Most zones have nothing to tell most of the time. */
static void give_back_targets(struct auth_zone *zone)
{
    for (size_t i = 0; i < zone->terms->notify_count; i++) {
        if (zone->notify[i].is_pending) {
            return;
        }
    }
    free(zone->notify);
    zone->notify = NULL;
}

void auth_notify_answer(struct auth *auth, struct auth_zone *zone, size_t index,
                        const struct event *event, struct outbox *outbox)
{
    if (zone->notify == NULL || index >= zone->terms->notify_count) {
        return;
    }
    struct notify_target *target = &zone->notify[index];
    if (!target->is_pending || target->ask != event->answer.ask) {
        return;
    }
    char name[NAME_TEXT_MAX];
    char address[ADDRESS_TEXT_MAX];
    address_print(zone->terms->notify[index].address, address);
    if (event->answer.outcome == OK) {
        uint16_t rcode;
        if (is_answered(zone, target, event, &rcode)) {
            forget_ask(target, outbox);
            log_line(auth->options.log, rcode == RCODE_NOERROR ? LOG_DETAIL : LOG_WARNING,
                     "zone %s: %s answered NOTIFY with %s", name_print(zone->name, name), address,
                     rcode_text(rcode));
            give_back_targets(zone);
        }
        return;
    }
    target->is_pending = false; /* the ask is over */
    target->attempts++;
    if (target->attempts < ATTEMPTS_MAX) {
        send_notify(auth, zone, index, event->now, outbox);
        return;
    }
    log_line(auth->options.log, LOG_WARNING, "zone %s: %s does not answer NOTIFY (%s)",
             name_print(zone->name, name), address,
             target->refusal != OK ? auth_describe_tsig(target->refusal)
                                   : status_text(event->answer.outcome));
    give_back_targets(zone);
}

/* News is believed from the primary's address, or from the holder of the key we share with it. A
 * forged one costs a SOA query, no more. */
static bool is_from_primary(const struct auth_zone *zone, const struct auth_request *request)
{
    const struct auth_peer *primary = &zone->terms->primary;
    if (request->is_signed) {
        return request->session.key == primary->key;
    }
    return address_equal_host(primary->address, request->event->query.peer);
}

void auth_handle_notify(struct auth *auth, struct auth_request *request, struct outbox *outbox)
{
    struct question question = request->message.question;
    auth_count(auth, AUTH_COUNT_NOTIFY_IN);
    if (request->message.question_count != 1 || question.type != TYPE_SOA ||
        question.class_ != CLASS_IN) {
        auth_reply_empty(auth, request, RCODE_FORMERR, 0, outbox);
        return;
    }
    struct auth_zone *zone = auth_find_zone_exactly(auth, question.name);
    if (zone == NULL) {
        auth_reply_empty(auth, request, RCODE_NOTAUTH, 0, outbox);
    } else if (zone->secondary == NULL || !is_from_primary(zone, request)) {
        request->ede = EDE_PROHIBITED;
        auth_reply_empty(auth, request, RCODE_REFUSED, 0, outbox);
    } else {
        auth_reply_empty(auth, request, RCODE_NOERROR, FLAG_AA, outbox);
        auth_secondary_wake(auth, zone, false, outbox);
    }
}
