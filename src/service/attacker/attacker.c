/* An on-path attacker of labs. Knows how a plain forged answer looks: right ID, right question, the
 * attacker's address, and no signature, since nobody can make one. */
#include "service/attacker/attacker.h"

#include "core/dns/message.h"

#include <stdlib.h>

enum {
    EXCHANGES_MAX = 1024, /* messages under way; more are dropped, as a full network does */
    PASS_TIMEOUT_MS = 4000,
    FORGED_TTL_S = 60
};

struct exchange {
    bool is_used;
    enum transport transport;
    uint64_t channel;
    uint64_t ask;
};

struct attacker {
    struct attacker_options options;
    bool is_attacking;
    uint64_t forged_count, passed_count;
    uint64_t next_ask;
    struct exchange exchanges[EXCHANGES_MAX];
};

enum status attacker_open(const struct attacker_options *options, struct attacker **attacker)
{
    require(options->server_count <= ATTACKER_ROUTES_MAX);
    struct attacker *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return NO_MEMORY;
    }
    opened->options = *options;
    *attacker = opened;
    return OK;
}

void attacker_close(struct attacker *attacker)
{
    free(attacker);
}

static const struct address *forged_address(const struct attacker *attacker,
                                            const struct message *query)
{
    if (query->question_count != 1 || (query->flags & FLAG_QR) != 0 ||
        query->question.class_ != CLASS_IN) {
        return NULL;
    }
    if (query->question.type == TYPE_A) {
        return &attacker->options.own_ipv4;
    }
    return query->question.type == TYPE_AAAA ? &attacker->options.own_ipv6 : NULL;
}

static bool forge(struct attacker *attacker, const struct event_query *arrived,
                  struct outbox *outbox)
{
    struct name_buffer buffer;
    struct message query;
    if (message_read_query(arrived->message, &buffer, &query) != OK) {
        return false;
    }
    const struct address *own = forged_address(attacker, &query);
    if (own == NULL) {
        return false;
    }
    struct rrset_builder builder;
    struct rrset answer;
    rrset_begin(&builder, &outbox->scratch, query.question.name, query.question.type, FORGED_TTL_S);
    rrset_add(&builder, span_of(own->octets, query.question.type == TYPE_A ? 4 : 16));
    if (rrset_finish(&builder, &answer) != OK) {
        return false;
    }
    uint8_t bytes[MESSAGE_UDP_LEN_MIN];
    struct message_writer writer;
    message_begin(&writer, bytes, sizeof bytes, query.id,
                  (uint16_t)(FLAG_QR | FLAG_AA | (query.flags & FLAG_RD)), OPCODE_QUERY,
                  RCODE_NOERROR);
    message_add_question(&writer, query.question);
    if (message_add_rrset(&writer, SECTION_ANSWER, &answer) != OK) {
        return false;
    }
    outbox_reply(outbox, arrived->channel, message_end(&writer));
    attacker->forged_count++;
    return true;
}

static void pass_on(struct attacker *attacker, const struct event_query *arrived,
                    struct outbox *outbox)
{
    uint64_t ask = attacker->next_ask++;
    struct exchange *exchange = &attacker->exchanges[ask % EXCHANGES_MAX];
    struct span copy;
    if (exchange->is_used || arrived->endpoint >= attacker->options.server_count ||
        arena_copy(&outbox->scratch, arrived->message, &copy) != OK) {
        return;
    }
    *exchange = (struct exchange){true, arrived->transport, arrived->channel, ask};
    outbox_add(outbox, EFFECT_ASK)->ask =
        (struct effect_ask){.ask = ask,
                            .transport = arrived->transport,
                            .server = attacker->options.servers[arrived->endpoint],
                            .message = copy,
                            .timeout_ms = PASS_TIMEOUT_MS};
    attacker->passed_count++;
}

static void pass_back(struct attacker *attacker, const struct event_answer *answer,
                      struct outbox *outbox)
{
    struct exchange *exchange = &attacker->exchanges[answer->ask % EXCHANGES_MAX];
    if (!exchange->is_used || exchange->ask != answer->ask) {
        return;
    }
    if (answer->outcome == OK) {
        outbox_reply(outbox, exchange->channel, answer->message);
        if (exchange->transport == TRANSPORT_UDP) {
            outbox_add(outbox, EFFECT_ASK_DONE)->ask_done = answer->ask;
            exchange->is_used = false;
        }
        return; /* a stream may bring more; it ends by itself */
    }
    exchange->is_used = false;
}

static void control(struct attacker *attacker, const struct event_control *asked,
                    struct outbox *outbox)
{
    struct effect_control answer = {.request = asked->request};
    if (span_equal(asked->line, SPAN_LITERAL("attack on"))) {
        attacker->is_attacking = true;
    } else if (span_equal(asked->line, SPAN_LITERAL("attack off"))) {
        attacker->is_attacking = false;
    } else if (!span_equal(asked->line, SPAN_LITERAL("status"))) {
        answer.is_failure = true;
        answer.text = SPAN_LITERAL("unknown command; known are: attack on, attack off, status\n");
        outbox_add(outbox, EFFECT_CONTROL)->control = answer;
        return;
    }
    char own[ADDRESS_TEXT_MAX];
    const char *text = arena_print(
        &outbox->scratch, "attack %s; own address %s; %llu answers forged, %llu messages passed\n",
        attacker->is_attacking ? "on" : "off", address_print(attacker->options.own_ipv4, own),
        (unsigned long long)attacker->forged_count, (unsigned long long)attacker->passed_count);
    answer.text = text == NULL ? SPAN_EMPTY : span_of_text(text);
    log_line(attacker->options.log, LOG_NOTICE, "attack %s", attacker->is_attacking ? "on" : "off");
    outbox_add(outbox, EFFECT_CONTROL)->control = answer;
}

void attacker_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct attacker *attacker = state;
    switch (event->kind) {
    case EVENT_QUERY:
        if (!attacker->is_attacking || !forge(attacker, &event->query, outbox)) {
            pass_on(attacker, &event->query, outbox);
        }
        break;
    case EVENT_ANSWER:
        pass_back(attacker, &event->answer, outbox);
        break;
    case EVENT_CONTROL:
        control(attacker, &event->control, outbox);
        break;
    case EVENT_START:
    case EVENT_STOP:
    case EVENT_RELOAD:
    case EVENT_TIMER:
    case EVENT_EPP_OPENED:
    case EVENT_EPP_FRAME:
    case EVENT_EPP_CLOSED:
    case EVENT_HTTP:
    case EVENT_MAIL:
    case EVENT_ROOM:
    case EVENT_METRICS:
    case EVENT_KIND_COUNT:
        break;
    }
}
