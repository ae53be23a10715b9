/* How an answer to a client is put together, and when it may say that it is secure. */
#include "service/resolver/reply.h"

#include "service/resolver/stale.h"
#include "service/resolver/trust_signal.h"

#include <string.h>

enum {
    EDNS_LEN = 11,
    EDE_TEXT_MAX = 200,
    OPTIONS_SIZE = EDE_TEXT_MAX + 16,
    ALIAS_RDATA_SIZE = 2 + NAME_LEN_MAX
};

/* One answer being written. */
struct draft {
    struct message_writer writer;
    uint8_t *bytes;
    size_t size;
    uint8_t options[OPTIONS_SIZE];
    size_t options_len;
    bool is_full; /* something that had to be there did not fit: TC */
};

static size_t size_max_of(const struct client *client)
{
    if (transport_is_stream(client->transport)) {
        return MESSAGE_LEN_MAX;
    }
    if (!client->has_edns || client->udp_size < MESSAGE_UDP_LEN_MIN) {
        return MESSAGE_UDP_LEN_MIN;
    }
    return client->udp_size > RESOLVER_UDP_SIZE ? RESOLVER_UDP_SIZE : client->udp_size;
}

static bool is_padded(const struct client *client)
{
    return transport_is_encrypted(client->transport);
}

/* Begins with header, question and room for EDNS, in the bytes of the draft. */
static void draft_begin(const struct client *client, uint16_t rcode, const struct judgement *error,
                        struct draft *draft)
{
    draft->is_full = false;
    struct writer options = writer_over(draft->options, sizeof draft->options);
    if (client->keepalive_ms != 0) {
        edns_add_keepalive(&options, client->keepalive_ms);
    }
    if (error != NULL && error->ede != EDE_NONE && client->has_edns) {
        size_t len = strnlen(error->reason, EDE_TEXT_MAX);
        edns_add_ede(&options, (uint16_t)error->ede, span_of(error->reason, len));
    }
    draft->options_len = options.len;
    /* RD and CD come back as they were sent (RFC 1035 §4.1.1, RFC 4035 §3.2.2). */
    uint16_t flags = FLAG_QR | FLAG_RA | (client->flags & (FLAG_RD | FLAG_CD));
    message_begin(&draft->writer, draft->bytes, draft->size, client->id, flags, client->opcode,
                  rcode);
    if (client->has_question) {
        message_add_question(&draft->writer, client->question);
    }
    if (client->has_edns) {
        message_keep(&draft->writer,
                     EDNS_LEN + draft->options_len + (is_padded(client) ? EDNS_PADDING_ROOM : 0));
    }
}

/* Memory for a draft to this client. False without any: then nothing is sent. */
static bool draft_open(struct resolver *resolver, const struct client *client, struct draft *draft)
{
    draft->size = size_max_of(client);
    draft->bytes = arena_take(&resolver->outbox->scratch, draft->size);
    return draft->bytes != NULL;
}

static struct span draft_end(const struct client *client, uint16_t rcode, struct draft *draft)
{
    if (client->has_edns) {
        struct edns edns = {.is_present = true,
                            .wants_dnssec = client->wants_dnssec,
                            .udp_size = RESOLVER_UDP_SIZE,
                            .options = span_of(draft->options, draft->options_len),
                            .padding_block = is_padded(client) ? EDNS_PADDING_BLOCK_RESPONSE : 0};
        message_add_edns(&draft->writer, &edns, rcode);
    }
    return message_end(&draft->writer);
}

static void send(struct resolver *resolver, const struct client *client, struct span message)
{
    if (message.len != 0) {
        outbox_reply(resolver->outbox, client->channel, message);
    }
}

void reply_error(struct resolver *resolver, const struct client *client, uint16_t rcode,
                 enum ede ede, const char *reason)
{
    struct judgement error;
    judgement_set(&error, ede, "%s", reason);
    struct draft draft;
    if (draft_open(resolver, client, &draft)) {
        draft_begin(client, rcode, &error, &draft);
        send(resolver, client, draft_end(client, rcode, &draft));
    }
}

static void draft_add(struct draft *draft, enum section section, const struct rrset *rrset)
{
    if (!draft->is_full && message_add_rrset(&draft->writer, section, rrset) != OK) {
        draft->is_full = true;
    }
}

/* The draft; when it is too long, an empty one with TC instead: half an answer with its proofs
 * missing would only mislead. */
static struct span draft_finish(const struct client *client, uint16_t rcode, struct draft *draft)
{
    if (draft->is_full) {
        draft_begin(client, rcode, NULL, draft);
        message_set_flags(&draft->writer, FLAG_TC);
    }
    return draft_end(client, rcode, draft);
}

void reply_local(struct resolver *resolver, const struct client *client, uint16_t rcode,
                 const struct rrset *answer, const struct rrset *authority)
{
    struct draft draft;
    if (!draft_open(resolver, client, &draft)) {
        return;
    }
    draft_begin(client, rcode, NULL, &draft);
    if (answer != NULL) {
        draft_add(&draft, SECTION_ANSWER, answer);
    }
    if (authority != NULL) {
        draft_add(&draft, SECTION_AUTHORITY, authority);
    }
    send(resolver, client, draft_finish(client, rcode, &draft));
}

/* --- answers of queries --- */

/* RFC 4035 §3.2.1: without DO, only what was asked for. */
static bool is_for_dnssec(const struct rrset *rrset)
{
    return rrset->type == TYPE_RRSIG || rrset->type == TYPE_NSEC || rrset->type == TYPE_NSEC3;
}

static void add_with_ttl(struct draft *draft, enum section section, const struct rrset *rrset,
                         uint32_t ttl_s)
{
    struct rrset aged = *rrset;
    aged.ttl_s = ttl_s;
    draft_add(draft, section, &aged);
}

/* The CNAME that a DNAME stands for (RFC 6672 §3.1), never signed. */
static void add_synthesised(struct draft *draft, const struct link *link, uint32_t ttl_s)
{
    uint8_t rdata[ALIAS_RDATA_SIZE];
    struct writer writer = writer_over(rdata, sizeof rdata);
    writer_u16(&writer, link->target.len);
    name_write(link->target, &writer);
    struct rrset cname = {.owner = link->name,
                          .type = TYPE_CNAME,
                          .class_ = CLASS_IN,
                          .count = 1,
                          .ttl_s = ttl_s,
                          .rdata_len = (uint32_t)writer.len,
                          .rdata = rdata};
    draft_add(draft, SECTION_ANSWER, &cname);
}

static void add_answer(struct draft *draft, const struct reply *reply, const struct link *link)
{
    const struct cache_entry *entry = link->entry;
    uint32_t ttl_s = cache_entry_ttl(entry, reply->now_ns);
    for (size_t i = 0; i < entry->answer_count; i++) {
        if (i == 0 || reply->client->wants_dnssec) {
            add_with_ttl(draft, SECTION_ANSWER, &entry->answer[i], ttl_s);
        }
    }
    if (entry->kind == CACHE_POSITIVE && entry->type == TYPE_DNAME && link->target.len != 0) {
        add_synthesised(draft, link, ttl_s);
    }
}

/* Links of one zone may carry the same proofs. */
static bool is_repeated(const struct reply *reply, size_t link_at, const struct rrset *rrset)
{
    for (size_t i = 0; i < link_at; i++) {
        const struct cache_entry *entry = reply->links[i].entry;
        for (size_t j = 0; j < entry->authority_count; j++) {
            const struct rrset *other = &entry->authority[j];
            if (other->type == rrset->type && other->covers == rrset->covers &&
                name_equal(other->owner, rrset->owner)) {
                return true;
            }
        }
    }
    return false;
}

static void add_authority(struct draft *draft, const struct reply *reply, size_t link_at)
{
    const struct cache_entry *entry = reply->links[link_at].entry;
    uint32_t ttl_s = cache_entry_ttl(entry, reply->now_ns);
    for (size_t i = 0; i < entry->authority_count; i++) {
        const struct rrset *rrset = &entry->authority[i];
        if ((reply->client->wants_dnssec || !is_for_dnssec(rrset)) &&
            !is_repeated(reply, link_at, rrset)) {
            add_with_ttl(draft, SECTION_AUTHORITY, rrset, ttl_s);
        }
    }
}

bool reply_is_authentic(const struct client *client, const struct link *links, size_t count)
{
    bool is_asked = client->wants_dnssec || (client->flags & FLAG_AD) != 0;
    if (!is_asked || (client->flags & FLAG_CD) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (links[i].verdict != VERDICT_SECURE) {
            return false;
        }
    }
    return count > 0;
}

struct span reply_write(const struct reply *reply, uint8_t *bytes, size_t size)
{
    size_t size_max = size_max_of(reply->client);
    struct draft draft = {.bytes = bytes, .size = size < size_max ? size : size_max};
    draft_begin(reply->client, reply->rcode, reply->remark, &draft);
    if (reply->is_authentic) {
        message_set_flags(&draft.writer, FLAG_AD);
    }
    for (size_t i = 0; i < reply->link_count; i++) {
        add_answer(&draft, reply, &reply->links[i]);
    }
    for (size_t i = 0; i < reply->link_count; i++) {
        add_authority(&draft, reply, i);
    }
    return draft_finish(reply->client, reply->rcode, &draft);
}

/* Other threads may give the same answer from now on, when nothing needs to be said beside it. */
void reply_open(const struct query *query)
{
    for (size_t i = 0; i < query->link_count; i++) {
        enum verdict verdict = query->links[i].verdict;
        bool is_plain = verdict == VERDICT_INSECURE && query->judgement.ede == EDE_NONE;
        if (trust_signal_is_sentinel(query->links[i].name)) {
            continue; /* what is trusted may change */
        }
        if (verdict == VERDICT_SECURE || is_plain) {
            cache_entry_open(query->links[i].entry, verdict == VERDICT_SECURE);
        }
    }
}

void reply_query(struct resolver *resolver, const struct query *query)
{
    const struct client *client = &query->client;
    if (query->is_failed) {
        enum ede ede = query->judgement.ede;
        resolver->stats.failures[ede == EDE_NONE ? RESOLVER_EDE_COUNT - 1 : (int)ede]++;
        reply_error(resolver, client, RCODE_SERVFAIL, query->judgement.ede,
                    query->judgement.reason);
        return;
    }
    /* Why a secure answer was not to be had may be of interest even where it is no error: an
     * unknown algorithm, say. */
    const struct judgement *remark =
        query->judgement.verdict == VERDICT_INSECURE ? &query->judgement : NULL;
    struct judgement stale;
    bool is_stale = stale_remark(query, &stale);
    remark = is_stale ? &stale : remark;
    struct reply reply = {.client = client,
                          .links = query->links,
                          .link_count = query->link_count,
                          .rcode = query->rcode,
                          .remark = remark,
                          .is_authentic =
                              resolver->options.is_validating &&
                              reply_is_authentic(client, query->links, query->link_count),
                          .now_ns = resolver->now.mono_ns};
    size_t size = size_max_of(client);
    uint8_t *bytes = arena_take(&resolver->outbox->scratch, size);
    if (bytes != NULL) {
        send(resolver, client, reply_write(&reply, bytes, size));
        if (!is_stale) {
            reply_open(query);
        }
    }
}
