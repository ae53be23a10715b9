/* Tells the signers of a TLD that there is a new serial, and again while they do not answer (RFC
 * 1996). */
#include "service/registry/registry_state.h"
#include "service/registry/registry_zone.h"

enum { ATTEMPTS_MAX = 6, TIMEOUT_FIRST_MS = 500, NOTIFY_LEN_MAX = 1024 };

static void send(struct registry_turn *turn, struct registry_tld *tld, size_t index)
{
    struct registry_notice *notice = &tld->notices[index];
    const struct tsig_key *key = tld->options->transfer_key;
    uint8_t *bytes = arena_take(turn->scratch, NOTIFY_LEN_MAX);
    struct message_writer writer;
    if (bytes == NULL) {
        return;
    }
    notice->id = entropy_u16(turn->registry->options.entropy);
    message_begin(&writer, bytes, NOTIFY_LEN_MAX, notice->id, FLAG_AA, OPCODE_NOTIFY,
                  RCODE_NOERROR);
    message_add_question(&writer, (struct question){tld->options->name, TYPE_SOA, CLASS_IN});
    message_keep(&writer, TSIG_RECORD_LEN_MAX);
    enum status status =
        message_add_rrset(&writer, SECTION_ANSWER, zone_soa(registry_zone_current(tld)));
    size_t len = message_end(&writer).len;
    if (status == OK && key != NULL) {
        struct tsig_session session;
        tsig_begin(&session, key);
        status = tsig_sign(&session, bytes, NOTIFY_LEN_MAX, &len, turn->now_s, 0);
        tsig_end(&session);
    }
    if (status != OK) {
        return;
    }
    notice->ask = ++turn->registry->ask_last;
    outbox_add(turn->outbox, EFFECT_ASK)->ask =
        (struct effect_ask){.ask = notice->ask,
                            .transport = TRANSPORT_UDP,
                            .server = tld->options->notify[index],
                            .message = span_of(bytes, len),
                            .timeout_ms = (uint32_t)TIMEOUT_FIRST_MS << notice->attempt};
}

static void end_ask(struct registry_turn *turn, struct registry_notice *notice)
{
    if (notice->ask != 0) {
        outbox_add(turn->outbox, EFFECT_ASK_DONE)->ask_done = notice->ask;
        notice->ask = 0;
    }
}

void registry_notify_start(struct registry_turn *turn, struct registry_tld *tld)
{
    for (size_t i = 0; i < tld->options->notify_count; i++) {
        end_ask(turn, &tld->notices[i]);
        tld->notices[i].attempt = 0;
        send(turn, tld, i);
    }
}

static bool is_answer(const struct registry_notice *notice, struct span wire)
{
    struct message message;
    struct name_buffer buffer;
    return message_read_query(wire, &buffer, &message) == OK && (message.flags & FLAG_QR) != 0 &&
           message.id == notice->id && message.opcode == OPCODE_NOTIFY;
}

static void take(struct registry_turn *turn, struct registry_tld *tld, size_t index,
                 const struct event_answer *answer)
{
    struct registry_notice *notice = &tld->notices[index];
    if (answer->outcome == OK) {
        if (is_answer(notice, answer->message)) {
            end_ask(turn, notice);
        }
        return;
    }
    notice->ask = 0;
    notice->attempt++;
    if (notice->attempt < ATTEMPTS_MAX) {
        send(turn, tld, index);
        return;
    }
    char address[ADDRESS_TEXT_MAX];
    log_line(turn->registry->options.log, LOG_WARNING, "%.*s: the signer %s does not answer NOTIFY",
             (int)tld->text.len, (const char *)tld->text.bytes,
             address_print(tld->options->notify[index], address));
}

void registry_notify_answer(struct registry_turn *turn, const struct event_answer *answer)
{
    struct registry *registry = turn->registry;
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        struct registry_tld *tld = &registry->tlds[i];
        for (size_t j = 0; j < tld->options->notify_count; j++) {
            if (tld->notices[j].ask == answer->ask && answer->ask != 0) {
                take(turn, tld, j, answer);
                return;
            }
        }
    }
}
