/* The DNS in memory: records from text, signing, an authoritative answer, moods, and the pump that
 * carries effects to servers and answers back. */
#include "service/resolver/fake_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dns/rdata.h"
#include "service/resolver/fake_parts.h"
#include "service/resolver/state.h"

enum {
    ARENA_SIZE_MAX = 64 << 20,
    STEP_MS = 10,
    CLIENT_ID = 4711,
    START_WALL_S = 1790000000, /* in September 2026 */
};

static void random_fill(void *self, void *bytes, size_t len)
{
    struct fake_net *net = self;
    uint8_t *out = bytes;
    for (size_t i = 0; i < len; i++) {
        net->random = net->random * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(net->random >> 56);
    }
}

static void timers_clear(struct fake_net *net)
{
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++) {
        net->timers_ns[i] = TIMER_NEVER_NS;
    }
}

void fake_open(struct fake_net *net)
{
    memset(net, 0, sizeof *net);
    arena_open(&net->arena, ARENA_SIZE_MAX);
    arena_open(&net->replies_arena, ARENA_SIZE_MAX);
    outbox_open(&net->outbox, ARENA_SIZE_MAX);
    net->random = 1;
    net->entropy = (struct entropy){random_fill, net};
    net->now = (struct moment){(int64_t)START_WALL_S * MOMENT_NS_PER_S, MOMENT_NS_PER_S};
    timers_clear(net);
    net->client = fake_address("192.0.2.99");
    net->times = (struct sign_times){START_WALL_S - 3600, START_WALL_S + 30 * 86400};
}

void fake_close(struct fake_net *net)
{
    resolver_close(net->resolver);
    for (size_t i = 0; i < net->zone_count; i++) {
        for (size_t j = 0; j < net->zones[i].key_count; j++) {
            key_close(net->zones[i].keys[j].signing.key);
        }
    }
    outbox_close(&net->outbox);
    arena_close(&net->replies_arena);
    arena_close(&net->arena);
}

struct address fake_address(const char *text)
{
    struct address address;
    enum status status = address_read(span_of_text(text), 53, &address);
    require(status == OK);
    return address;
}

struct fake_server *fake_add_server(struct fake_net *net, const char *address)
{
    require(net->server_count < FAKE_SERVERS_MAX);
    struct fake_server *server = &net->servers[net->server_count++];
    server->address = fake_address(address);
    return server;
}

void fake_serve(struct fake_server *server, const struct fake_zone *zone)
{
    server->zones[server->zone_count++] = zone;
}

static void reply_keep(struct fake_net *net, const struct effect_reply *effect)
{
    require(net->reply_count < FAKE_REPLIES_MAX);
    struct fake_reply *reply = &net->replies[net->reply_count++];
    *reply = (struct fake_reply){.channel = effect->channel,
                                 .ede = EDE_NONE,
                                 .len = effect->message.len,
                                 .at_ns = net->now.mono_ns};
    struct span wire;
    enum status status = arena_copy(&net->replies_arena, effect->message, &wire);
    require(status == OK);
    status = message_read(wire, &net->replies_arena, &reply->message);
    require(status == OK);
    struct span value;
    if (edns_find(&reply->message.edns, EDNS_OPTION_EDE, &value)) {
        struct reader reader = reader_over(value);
        reply->ede = (enum ede)reader_u16(&reader);
        struct span text = reader_rest(&reader);
        snprintf(reply->ede_text, sizeof reply->ede_text, "%.*s", (int)text.len,
                 (const char *)text.bytes);
    }
}

struct fake_server *fake_find_server(struct fake_net *net, struct address address)
{
    for (size_t i = 0; i < net->server_count; i++) {
        if (address_equal(net->servers[i].address, address)) {
            return &net->servers[i];
        }
    }
    return NULL;
}

static void asked_note(struct fake_net *net, const struct effect_ask *ask)
{
    net->asked_tcp += ask->transport == TRANSPORT_TCP ? 1 : 0;
    if (net->asked++ >= FAKE_ASKED_MAX) {
        return;
    }
    struct name_buffer buffer;
    struct message query;
    enum status status = message_read_query(ask->message, &buffer, &query);
    require(status == OK);
    struct fake_asked *asked = &net->asked_log[net->asked - 1];
    *asked = (struct fake_asked){
        .server = ask->server,
        .transport = ask->transport,
        .type = query.question.type,
        .flags = query.flags,
        .has_edns = query.edns.is_present,
        .has_key_tags = edns_find(&query.edns, EDNS_OPTION_KEY_TAG, &(struct span){0})};
    status = name_copy(&net->replies_arena, query.question.name, &asked->name);
    require(status == OK);
}

static void pending_add(struct fake_net *net, const struct effect_ask *ask)
{
    require(net->pending_count < FAKE_PENDING_MAX && ask->message.len <= 512);
    struct fake_server *server = fake_find_server(net, ask->server);
    bool is_silent = server == NULL || server->mood == FAKE_SILENT ||
                     (server->mood == FAKE_DROPS_FIRST && server->queries == 0);
    int64_t delay_ms = server == NULL || server->delay_ms == 0 ? STEP_MS : server->delay_ms;
    bool is_lost = is_silent || delay_ms >= ask->timeout_ms;
    struct fake_pending *pending = &net->pending[net->pending_count++];
    *pending = (struct fake_pending){
        .ask = ask->ask,
        .transport = ask->transport,
        .server = ask->server,
        .is_lost = is_lost,
        .due_ns = net->now.mono_ns + (is_lost ? ask->timeout_ms : delay_ms) * MOMENT_NS_PER_MS,
        .end_ns = net->now.mono_ns + ask->timeout_ms * MOMENT_NS_PER_MS,
        .len = ask->message.len};
    memcpy(pending->bytes, ask->message.bytes, ask->message.len);
    if (server != NULL) {
        server->queries++;
    }
    asked_note(net, ask);
}

static void pending_remove(struct fake_net *net, uint64_t ask)
{
    for (size_t i = 0; i < net->pending_count; i++) {
        if (net->pending[i].ask == ask) {
            memmove(&net->pending[i], &net->pending[i + 1],
                    (net->pending_count - i - 1) * sizeof net->pending[0]);
            net->pending_count--;
            return;
        }
    }
}

static void handle(struct fake_net *net, struct event *event)
{
    event->now = net->now;
    resolver_handle(net->resolver, event, &net->outbox);
    for (size_t i = 0; i < net->outbox.count; i++) {
        const struct effect *effect = &net->outbox.effects[i];
        if (effect->kind == EFFECT_REPLY) {
            reply_keep(net, &effect->reply);
        } else if (effect->kind == EFFECT_ASK) {
            pending_add(net, &effect->ask);
        } else if (effect->kind == EFFECT_ASK_DONE) {
            pending_remove(net, effect->ask_done);
        } else if (effect->kind == EFFECT_TIMER) {
            require(effect->timer.timer < FAKE_TIMERS_MAX);
            net->timers_ns[effect->timer.timer] = effect->timer.at_mono_ns;
        } else if (effect->kind == EFFECT_CONTROL) {
            snprintf(net->control_text, sizeof net->control_text, "%.*s",
                     (int)effect->control.text.len, (const char *)effect->control.text.bytes);
        }
    }
    outbox_reset(&net->outbox);
}

static int64_t timer_first(const struct fake_net *net)
{
    int64_t first_ns = TIMER_NEVER_NS;
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++) {
        first_ns = net->timers_ns[i] < first_ns ? net->timers_ns[i] : first_ns;
    }
    return first_ns;
}

static void pass_ns(struct fake_net *net, int64_t ns)
{
    net->now.mono_ns += ns;
    net->now.wall_ns += ns;
    for (size_t i = 0; i < FAKE_TIMERS_MAX; i++) {
        if (net->timers_ns[i] <= net->now.mono_ns) {
            net->timers_ns[i] = TIMER_NEVER_NS;
            struct event event = {.kind = EVENT_TIMER, .timer = i};
            handle(net, &event);
        }
    }
}

void fake_pass_s(struct fake_net *net, int64_t seconds)
{
    pass_ns(net, seconds * MOMENT_NS_PER_S);
}

static void deliver(struct fake_net *net, uint64_t ask, enum status outcome, struct span message)
{
    struct event event = {.kind = EVENT_ANSWER, .answer = {ask, outcome, message}};
    handle(net, &event);
}

/* What a server with bad manners, or a stranger, sends before the true answer. */
static void deliver_noise(struct fake_net *net, const struct fake_pending *pending,
                          enum fake_mood mood, const uint8_t *bytes, size_t len)
{
    static uint8_t noise[FAKE_MESSAGE_SIZE];
    memcpy(noise, bytes, len);
    switch (mood) {
    case FAKE_GUESSING:
        for (int i = 1; i <= 20; i++) {
            noise[1] = (uint8_t)(bytes[1] + i);
            deliver(net, pending->ask, OK, span_of(noise, len));
        }
        break;
    case FAKE_WRONG_QUESTION:
        noise[MESSAGE_HEADER_LEN + 1] ^= 1; /* the first letter of the name */
        deliver(net, pending->ask, OK, span_of(noise, len));
        break;
    case FAKE_WRONG_CASE:
        noise[MESSAGE_HEADER_LEN + 1] ^= 0x20;
        deliver(net, pending->ask, OK, span_of(noise, len));
        break;
    case FAKE_GARBLING:
        deliver(net, pending->ask, OK, span_of(noise, len / 2));
        break;
    case FAKE_FALSE_COOKIES: /* the options are the end of the message: their last 16 octets */
        noise[len - 16] ^= 1;
        deliver(net, pending->ask, OK, span_of(noise, len));
        break;
    case FAKE_ECHOING:
        deliver(net, pending->ask, OK, span_of(pending->bytes, pending->len));
        break;
    default:
        break;
    }
}

static size_t pending_first(const struct fake_net *net)
{
    size_t first = 0;
    for (size_t i = 1; i < net->pending_count; i++) {
        first = net->pending[i].due_ns < net->pending[first].due_ns ? i : first;
    }
    return first;
}

void fake_carry(struct fake_net *net)
{
    static uint8_t bytes[FAKE_MESSAGE_SIZE];
    struct fake_pending *first = &net->pending[pending_first(net)];
    struct fake_pending pending = *first;
    struct fake_server *server = fake_find_server(net, pending.server);
    if (pending.due_ns > net->now.mono_ns) {
        pass_ns(net, pending.due_ns - net->now.mono_ns);
    }
    if (pending.is_lost) {
        pending_remove(net, pending.ask);
        deliver(net, pending.ask, TIMED_OUT, SPAN_EMPTY);
        return;
    }
    struct message query;
    struct name_buffer buffer;
    enum status status = message_read_query(span_of(pending.bytes, pending.len), &buffer, &query);
    require(status == OK);
    size_t len = fake_answer_make(net, server, &query, pending.transport, bytes);
    if (len == 0) { /* to this question nothing comes */
        first->is_lost = true;
        first->due_ns = first->end_ns;
        return;
    }
    if (pending.transport == TRANSPORT_UDP) {
        deliver_noise(net, &pending, server->mood, bytes, len);
    }
    deliver(net, pending.ask, OK, span_of(bytes, len));
}

void fake_settle(struct fake_net *net)
{
    for (int i = 0; i < 20000; i++) {
        int64_t timer_ns = timer_first(net);
        bool is_timer_first =
            net->pending_count == 0 || timer_ns < net->pending[pending_first(net)].due_ns;
        if (timer_ns != TIMER_NEVER_NS && is_timer_first &&
            (net->pending_count > 0 || net->resolver->query_count > 0)) {
            pass_ns(net, timer_ns > net->now.mono_ns ? timer_ns - net->now.mono_ns : 0);
        } else if (net->pending_count > 0) {
            fake_carry(net);
        } else {
            return;
        }
    }
    require(false); /* it never comes to rest */
}

void fake_run_ms(struct fake_net *net, int64_t ms)
{
    int64_t end_ns = net->now.mono_ns + ms * MOMENT_NS_PER_MS;
    for (;;) {
        int64_t timer_ns = timer_first(net);
        int64_t due_ns =
            net->pending_count == 0 ? INT64_MAX : net->pending[pending_first(net)].due_ns;
        if (timer_ns > end_ns && due_ns > end_ns) {
            break;
        }
        if (timer_ns < due_ns) {
            pass_ns(net, timer_ns > net->now.mono_ns ? timer_ns - net->now.mono_ns : 0);
        } else {
            fake_carry(net);
        }
    }
    if (end_ns > net->now.mono_ns) {
        pass_ns(net, end_ns - net->now.mono_ns);
    }
}

struct resolver_options fake_options(struct fake_net *net, const struct address *root_hint)
{
    return (struct resolver_options){.root_hints = root_hint,
                                     .root_hint_count = root_hint == NULL ? 0 : 1,
                                     .cache_size = 1 << 20,
                                     .ttl_max_s = 86400,
                                     .negative_ttl_max_s = 3600,
                                     .minimises_names = true,
                                     .entropy = &net->entropy};
}

void fake_start(struct fake_net *net, const struct resolver_options *options)
{
    enum status status = resolver_open(options, &net->resolver);
    require(status == OK);
    struct event event = {.kind = EVENT_START};
    handle(net, &event);
}

void fake_restart(struct fake_net *net, const struct resolver_options *options)
{
    resolver_close(net->resolver);
    net->resolver = NULL;
    net->pending_count = 0;
    net->reply_count = 0;
    net->channel = 0;
    timers_clear(net);
    arena_reset(&net->replies_arena);
    fake_start(net, options);
}

uint64_t fake_send(struct fake_net *net, const char *name, uint16_t type, uint16_t flags,
                   unsigned how)
{
    struct name_buffer buffer;
    struct question question = {.type = type, .class_ = CLASS_IN};
    enum status status = name_parse(span_of_text(name), NULL, &buffer, &question.name, NULL);
    require(status == OK);
    uint8_t bytes[512];
    bool has_do = (how & FAKE_DO) != 0;
    struct span message = message_make_query(bytes, sizeof bytes, CLIENT_ID, flags, question,
                                             has_do, (how & FAKE_PLAIN) != 0 ? 0 : 1232);
    struct event event = {
        .kind = EVENT_QUERY,
        .query = {.channel = ++net->channel,
                  .transport = (how & FAKE_TCP) != 0 ? TRANSPORT_TCP : TRANSPORT_UDP,
                  .peer = net->client,
                  .message = message}};
    handle(net, &event);
    return net->channel;
}

const struct fake_reply *fake_reply_to(const struct fake_net *net, uint64_t channel)
{
    for (size_t i = 0; i < net->reply_count; i++) {
        if (net->replies[i].channel == channel) {
            return &net->replies[i];
        }
    }
    return NULL;
}

const struct fake_reply *fake_ask(struct fake_net *net, const char *name, uint16_t type,
                                  uint16_t flags, unsigned how)
{
    uint64_t channel = fake_send(net, name, type, flags, how);
    fake_settle(net);
    return fake_reply_to(net, channel);
}

const char *fake_control(struct fake_net *net, const char *line)
{
    struct event event = {.kind = EVENT_CONTROL, .control = {1, span_of_text(line)}};
    handle(net, &event);
    return net->control_text;
}

void fake_answer_with(struct fake_net *net, enum status outcome, struct span message)
{
    struct fake_pending pending = net->pending[pending_first(net)];
    pass_ns(net, (int64_t)STEP_MS * MOMENT_NS_PER_MS);
    if (outcome != OK) {
        pending_remove(net, pending.ask);
    }
    deliver(net, pending.ask, outcome, message);
}

static void print_section(const struct message_section *section, struct writer *text)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        struct rrset_cursor cursor = rrset_first(rrset);
        for (struct span rdata; rrset_next(&cursor, &rdata);) {
            writer_text(text, " ");
            name_write_text(rrset->owner, text);
            writer_text(text, " ");
            type_write(rrset->type, text);
            writer_text(text, " ");
            if (rrset->type == TYPE_RRSIG) {
                type_write(rrset->covers, text);
            } else if (rrset->type == TYPE_SOA || rrset->type == TYPE_NSEC ||
                       rrset->type == TYPE_DS || rrset->type == TYPE_DNSKEY) {
                writer_text(text, "...");
            } else {
                rdata_write_text(rrset->type, rdata, text);
            }
        }
    }
}

const char *fake_print(struct fake_net *net, const struct fake_reply *reply)
{
    enum { TEXT_SIZE = 8192 };
    char *bytes = arena_take(&net->replies_arena, TEXT_SIZE);
    struct writer text = writer_over(bytes, TEXT_SIZE - 1);
    if (reply == NULL) {
        return "nothing";
    }
    writer_text(&text, rcode_text(reply->message.rcode));
    writer_text(&text, (reply->message.flags & FLAG_AD) != 0 ? " AD" : "");
    writer_text(&text, (reply->message.flags & FLAG_TC) != 0 ? " TC" : "");
    writer_text(&text, " |");
    print_section(&reply->message.sections[SECTION_ANSWER], &text);
    writer_text(&text, " |");
    print_section(&reply->message.sections[SECTION_AUTHORITY], &text);
    return bytes;
}
