/* Any octets to a server with a signed zone, by UDP and TCP: no crash, at most one answer by UDP,
 * never larger than asked for, never an answer to an answer, and always a message. What is answered
 * the short way has the rcode and the flags of the careful way. */
#include "core/dns/rdata.h"
#include "service/auth/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(void *self, void *bytes, size_t len)
{
    (void)self;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)i;
    }
}

static void add(struct zone_builder *builder, const char *owner, uint16_t type, const char *text)
{
    struct name_buffer buffer;
    struct name name;
    uint8_t bytes[512];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {0};
    enum status status = name_parse(span_of_text(owner), &NAME_ROOT, &buffer, &name, &problem);
    require(status == OK);
    status = rdata_parse_text(type, span_of_text(text), &NAME_ROOT, &rdata, &problem);
    require(status == OK);
    status = zone_build_add(builder, name, type, 300, writer_written(&rdata));
    require(status == OK);
}

static struct zone *make_zone(struct name apex)
{
    struct zone_builder *builder;
    enum status status = zone_build(apex, NULL, &builder);
    require(status == OK);
    add(builder, "a.", TYPE_SOA, "n.a. h.a. 1 3600 600 86400 300");
    add(builder, "a.", TYPE_NS, "n.a.");
    add(builder, "a.", TYPE_NSEC, "b.a. NS SOA RRSIG NSEC");
    add(builder, "b.a.", TYPE_CNAME, "c.a.");
    add(builder, "b.a.", TYPE_NSEC, "d.a. CNAME RRSIG NSEC");
    add(builder, "d.a.", TYPE_DNAME, "e.a.");
    add(builder, "d.a.", TYPE_NSEC, "*.w.a. DNAME RRSIG NSEC");
    add(builder, "*.w.a.", TYPE_A, "192.0.2.1");
    add(builder, "*.w.a.", TYPE_NSEC, "z.a. A RRSIG NSEC");
    add(builder, "z.a.", TYPE_NS, "n.z.a.");
    add(builder, "z.a.", TYPE_NSEC, "a. NS RRSIG NSEC");
    add(builder, "n.z.a.", TYPE_A, "192.0.2.2");
    return zone_build_finish(builder);
}

static void check_effects(const struct outbox *outbox, const struct event_query *query)
{
    size_t replies = 0;
    for (size_t i = 0; i < outbox->count; i++) {
        const struct effect *effect = &outbox->effects[i];
        struct message message;
        struct name_buffer buffer;
        if (effect->kind != EFFECT_REPLY) {
            continue;
        }
        replies++;
        require(message_read_query(effect->reply.message, &buffer, &message) == OK);
        require((message.flags & FLAG_QR) != 0 && (query->message.bytes[2] & 0x80) == 0);
        require(transport_is_stream(query->transport) ||
                effect->reply.message.len <= MESSAGE_UDP_LEN_DEFAULT);
        bool is_padded = transport_is_encrypted(query->transport) && message.edns.is_present &&
                         message.tsig_at == 0;
        require(!is_padded || effect->reply.message.len % EDNS_PADDING_BLOCK_RESPONSE == 0);
    }
    require(transport_is_stream(query->transport) || replies <= 1);
}

static void check_short_way(struct auth *auth, const struct event_query *query,
                            const struct outbox *outbox)
{
    uint8_t reply[MESSAGE_UDP_LEN_DEFAULT];
    struct datagram datagram = {
        .peer = query->peer, .message = query->message, .reply = reply, .reply_size = sizeof reply};
    struct name_buffer buffers[2];
    struct message quick, careful;
    auth_answer(auth, (struct moment){.wall_ns = 1, .mono_ns = 1}, &datagram, 1);
    if (datagram.reply_len == 0) {
        return;
    }
    require(outbox->count == 1 && outbox->effects[0].kind == EFFECT_REPLY);
    struct span answer = outbox->effects[0].reply.message;
    require(message_read_query(span_of(reply, datagram.reply_len), &buffers[0], &quick) == OK);
    require(message_read_query(answer, &buffers[1], &careful) == OK);
    require(quick.rcode == careful.rcode && quick.flags == careful.flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex_octets[] = "\1a";
    static const uint8_t secret[32] = {1};
    struct name apex = {apex_octets, sizeof apex_octets, 1};
    const struct tsig_key key = {apex, TSIG_HMAC_SHA256, {secret, sizeof secret}};
    const struct entropy entropy = {fill, NULL};
    struct address host = {.family = ADDRESS_IPV4, .octets = {192, 0, 2, 9}, .port = 5};
    struct zone *zone = make_zone(apex);
    struct auth_grant grant = {.address = host};
    struct auth_zone_options zones = {
        .name = apex, .fixed = zone, .grants = &grant, .grant_count = 1};
    struct auth_options options = {.zones = &zones,
                                   .zone_count = 1,
                                   .keys = &key,
                                   .key_count = 1,
                                   .version = "v",
                                   .identity = "i",
                                   .entropy = &entropy};
    if (size % 4 == 3) { /* with all that can be turned on */
        options.rate = (struct rate_options){1, 2, 64, 24, 56};
        options.requires_cookies = true;
        options.hides_any = true;
    }
    struct auth *auth;
    enum status status = auth_open(&options, &auth, NULL);
    require(status == OK);
    struct outbox outbox;
    outbox_open(&outbox, 16 << 20);
    for (int transport = TRANSPORT_UDP; transport < TRANSPORT_COUNT; transport++) {
        struct event event = {.kind = EVENT_QUERY, .now = {.wall_ns = 1, .mono_ns = 1}};
        event.query = (struct event_query){.channel = 1,
                                           .transport = (enum transport)transport,
                                           .peer = host,
                                           .message = span_of(data, size),
                                           .idle_ms = 1000,
                                           .is_tls_1_3 = true};
        auth_handle(auth, &event, &outbox);
        check_effects(&outbox, &event.query);
        if (transport == TRANSPORT_UDP && options.rate.per_second == 0) {
            check_short_way(auth, &event.query, &outbox);
        }
        outbox_reset(&outbox);
    }
    outbox_close(&outbox);
    auth_close(auth);
    zone_release(zone);
    return 0;
}
