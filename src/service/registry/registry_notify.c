/* NOTIFY (RFC 1996): each signer is told of each new serial and told again until it answers, with
 * growing pauses. Should all be lost, the signer's refresh timer finds the serial. */
#include "service/registry/registry_state.h"
#include "service/registry/registry_zone.h"

enum {
    ATTEMPTS_MAX = 8,
    TIMEOUT_FIRST_MS = 500, /* doubled with each attempt */
    NOTIFY_LEN_MAX = 1024,
};

static struct span notify_write(struct registry_turn *turn, const struct registry_tld *tld,
                                uint16_t id)
{
    uint8_t *bytes = arena_take(turn->scratch, NOTIFY_LEN_MAX);
    if (bytes == NULL) {
        return SPAN_EMPTY;
    }
    struct message_writer writer;
    const struct question question = {tld->options->name, TYPE_SOA, CLASS_IN};
    message_begin(&writer, bytes, NOTIFY_LEN_MAX, id, FLAG_AA, OPCODE_NOTIFY, RCODE_NOERROR);
    message_add_question(&writer, question);
    message_keep(&writer, TSIG_RECORD_LEN_MAX);
    enum status status =
        message_add_rrset(&writer, SECTION_ANSWER, zone_soa(registry_zone_current(tld)));
    size_t len = message_end(&writer).len;
    if (status == OK && tld->options->transfer_key != NULL) {
        struct tsig_session session;
        tsig_begin(&session, tld->options->transfer_key);
        status = tsig_sign(&session, bytes, NOTIFY_LEN_MAX, &len, turn->now_s, 0);
        tsig_end(&session);
    }
    return status == OK ? span_of(bytes, len) : SPAN_EMPTY;
}

static void notice_send(struct registry_turn *turn, struct registry_tld *tld, size_t at)
{
    struct registry_notice *notice = &tld->notices[at];
    notice->id = entropy_u16(turn->registry->options.entropy);
    struct span message = notify_write(turn, tld, notice->id);
    if (message.len == 0) {
        return;
    }
    notice->ask = ++turn->registry->ask_last;
    outbox_add(turn->outbox, EFFECT_ASK)->ask =
        (struct effect_ask){.ask = notice->ask,
                            .transport = TRANSPORT_UDP,
                            .server = tld->options->notify[at],
                            .message = message,
                            .timeout_ms = (uint32_t)TIMEOUT_FIRST_MS << notice->attempt};
}

static void notice_end(struct registry_turn *turn, struct registry_notice *notice)
{
    if (notice->ask != 0) {
        outbox_add(turn->outbox, EFFECT_ASK_DONE)->ask_done = notice->ask;
        notice->ask = 0;
    }
}

void registry_notify_start(struct registry_turn *turn, struct registry_tld *tld)
{
    for (size_t i = 0; i < tld->options->notify_count; i++) {
        notice_end(turn, &tld->notices[i]);
        tld->notices[i].attempt = 0;
        notice_send(turn, tld, i);
    }
}

/* An acknowledgement changes nothing but our patience, so its TSIG is not checked. */
static bool is_acknowledgement(const struct registry_tld *tld, const struct registry_notice *notice,
                               struct span wire, uint16_t *rcode)
{
    struct message message;
    struct name_buffer buffer;
    if (message_read_query(wire, &buffer, &message) != OK || (message.flags & FLAG_QR) == 0 ||
        message.id != notice->id || message.opcode != OPCODE_NOTIFY) {
        return false;
    }
    *rcode = message.rcode;
    return message.question_count == 0 || name_equal(message.question.name, tld->options->name);
}

static void notice_answer(struct registry_turn *turn, struct registry_tld *tld, size_t at,
                          const struct event_answer *answer)
{
    struct registry_notice *notice = &tld->notices[at];
    const struct log *log = turn->registry->options.log;
    char text[ADDRESS_TEXT_MAX];
    uint16_t rcode;
    if (answer->outcome == OK) {
        if (is_acknowledgement(tld, notice, answer->message, &rcode)) {
            notice_end(turn, notice);
            log_line(log, rcode == RCODE_NOERROR ? LOG_DETAIL : LOG_WARNING,
                     "%.*s: %s answered NOTIFY with %s", (int)tld->text.len, tld->text.bytes,
                     address_print(tld->options->notify[at], text), rcode_text(rcode));
        }
        return;
    }
    notice->ask = 0; /* that ask is over */
    if (++notice->attempt < ATTEMPTS_MAX) {
        notice_send(turn, tld, at);
    } else {
        log_line(log, LOG_WARNING, "%.*s: %s does not answer NOTIFY", (int)tld->text.len,
                 tld->text.bytes, address_print(tld->options->notify[at], text));
    }
}

void registry_notify_answer(struct registry_turn *turn, const struct event_answer *answer)
{
    for (size_t i = 0; i < turn->registry->options.tld_count; i++) {
        struct registry_tld *tld = &turn->registry->tlds[i];
        for (size_t j = 0; j < tld->options->notify_count; j++) {
            if (tld->notices[j].ask == answer->ask && answer->ask != 0) {
                notice_answer(turn, tld, j, answer);
                return;
            }
        }
    }
}
