/* A client's message before it is a query: who may ask, which questions are refused, and which are
 * answered without asking anybody. */
#include "service/resolver/local.h"
#include "service/resolver/query.h"
#include "service/resolver/reply.h"

static bool is_allowed(const struct resolver *resolver, struct address peer)
{
    return resolver->options.allowed_count == 0 ||
           resolver_prefix_covers(resolver->options.allowed, resolver->options.allowed_count, peer);
}

/* Questions that are answered without a query: the first row that fits. */
struct refusal {
    uint16_t rcode;
    enum ede ede;
    const char *reason;
};

static bool refusal_find(const struct resolver *resolver, const struct event_query *event,
                         const struct message *message, struct refusal *refusal)
{
    uint16_t type = message->question.type;
    bool is_any = type == TYPE_ANY || type == TYPE_RRSIG;
    const struct {
        bool fits;
        struct refusal refusal;
    } REFUSALS[] = {
        {!is_allowed(resolver, event->peer),
         {RCODE_REFUSED, EDE_PROHIBITED, "this resolver does not serve your address"}},
        {message->opcode != OPCODE_QUERY, {RCODE_NOTIMP, EDE_NONE, ""}},
        {message->question_count != 1, {RCODE_FORMERR, EDE_NONE, ""}},
        {message->edns.is_present && message->edns.version != 0, {RCODE_BADVERS, EDE_NONE, ""}},
        {message->tsig_at != 0, {RCODE_NOTAUTH, EDE_NONE, ""}},
        {message->question.class_ != CLASS_IN,
         {RCODE_REFUSED, EDE_OTHER, "only class IN is resolved"}},
        {type == 0, {RCODE_FORMERR, EDE_NONE, ""}},
        {type_is_meta(type) && !is_any, {RCODE_NOTIMP, EDE_OTHER, "this type is not one of data"}},
        {(message->flags & FLAG_RD) == 0,
         {RCODE_REFUSED, EDE_OTHER, "recursion was not desired, and there is nothing else here"}},
    };
    for (size_t i = 0; i < LEN(REFUSALS); i++) {
        if (REFUSALS[i].fits) {
            *refusal = REFUSALS[i].refusal;
            return true;
        }
    }
    return false;
}

/* ANY gets one small record instead of everything (RFC 8482 §4.2), RRSIG likewise (§7). */
static void answer_any(struct resolver *resolver, const struct client *client)
{
    static const uint8_t HINFO[] = "\007RFC8482";
    enum { HINFO_TTL_S = 3600 };
    struct rrset_builder builder;
    struct rrset rrset;
    rrset_begin(&builder, &resolver->outbox->scratch, client->question.name, TYPE_HINFO,
                HINFO_TTL_S);
    rrset_add(&builder, span_of(HINFO, sizeof HINFO)); /* its NUL is the empty OS */
    if (rrset_finish(&builder, &rrset) == OK) {
        reply_local(resolver, client, RCODE_NOERROR, &rrset, NULL);
    }
}

static void begin_resolving(struct resolver *resolver, const struct client *client)
{
    struct local_answer local;
    const struct question *question = &client->question;
    if (question->type == TYPE_ANY || question->type == TYPE_RRSIG) {
        answer_any(resolver, client);
        return;
    }
    if (local_find(question->name, question->type, &resolver->outbox->scratch, &local)) {
        reply_local(resolver, client, local.rcode, local.answer, local.authority);
        return;
    }
    if (!query_start(resolver, client)) {
        reply_error(resolver, client, RCODE_SERVFAIL, EDE_OTHER, "out of memory");
    }
}

void query_begin(struct resolver *resolver, const struct event_query *event)
{
    struct name_buffer buffer;
    struct message message;
    enum status status = message_read_query(event->message, &buffer, &message);
    if (event->message.len < MESSAGE_HEADER_LEN || (message.flags & FLAG_QR) != 0) {
        return; /* an answer to a response could go on for ever */
    }
    resolver->stats.client_queries[event->transport]++;
    struct client client = {.channel = event->channel,
                            .peer = event->peer,
                            .transport = event->transport,
                            .id = message.id,
                            .flags = message.flags,
                            .opcode = message.opcode,
                            .has_question = message.question_count == 1 && status == OK,
                            .has_edns = message.edns.is_present,
                            .wants_dnssec = message.edns.wants_dnssec,
                            .udp_size = message.edns.udp_size,
                            .question = message.question};
    struct span asked;
    if (transport_is_stream(event->transport) &&
        edns_find(&message.edns, EDNS_OPTION_KEEPALIVE, &asked)) {
        client.keepalive_ms = event->idle_ms;
    }
    struct refusal refusal;
    if (status != OK) {
        reply_error(resolver, &client, RCODE_FORMERR, EDE_NONE, "");
    } else if (refusal_find(resolver, event, &message, &refusal)) {
        resolver->stats.refused++;
        reply_error(resolver, &client, refusal.rcode, refusal.ede, refusal.reason);
    } else {
        begin_resolving(resolver, &client);
    }
}
