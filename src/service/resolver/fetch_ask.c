/* What is sent to the chosen server, and which message is the answer to it. */
#include "service/resolver/fetch_steps.h"
#include "service/resolver/minimise.h"
#include "service/resolver/report.h"
#include "service/resolver/trust_signal.h"

/* --- FETCH_ASK --- */

static void name_mix_case(const struct entropy *entropy, struct name_buffer *buffer, uint8_t len)
{
    for (uint8_t at = 0; at < len; at++) {
        uint8_t letter = buffer->octets[at] | 0x20;
        /* Length octets are at most 63 and so never letters. */
        if (letter >= 'a' && letter <= 'z' && buffer->octets[at] > 63) {
            buffer->octets[at] ^= (uint8_t)(entropy_below(entropy, 2) * 0x20);
        }
    }
}

/* A cookie makes it harder to answer in the server's place, and shows the server that the query
 * comes from where it says (RFC 7873); over TLS both are known. */
static struct span query_write(struct resolver *resolver, const struct fetch *fetch, uint16_t flags,
                               struct question question, uint8_t *bytes)
{
    uint8_t option_bytes[128];
    struct writer options = writer_over(option_bytes, sizeof option_bytes);
    if (fetch->transport != TRANSPORT_TLS) {
        struct span cookie =
            servers_cookie(resolver->servers, fetch->candidates[fetch->chosen].address);
        writer_u16(&options, EDNS_OPTION_COOKIE);
        writer_u16(&options, (uint16_t)cookie.len);
        writer_span(&options, cookie);
    }
    trust_signal_add_option(resolver, question, &options);
    struct edns edns = {
        .wants_dnssec = true, .udp_size = RESOLVER_UDP_SIZE, .options = writer_written(&options)};
    struct message_writer writer;
    message_begin(&writer, bytes, MESSAGE_UDP_LEN_MIN, fetch->id, flags, OPCODE_QUERY,
                  RCODE_NOERROR);
    message_add_question(&writer, question);
    if (fetch->has_edns) {
        message_add_edns(&writer, &edns, RCODE_NOERROR);
    }
    return message_end(&writer);
}

/* One zone must not have all that can be asked. Resolvers that the operator named are not one. */
static bool zone_has_room(struct resolver *resolver, struct fetch *fetch)
{
    const struct resolver_options *options = &resolver->options;
    struct quota_zone_limits limits = {options->zone_open_max, options->zone_rate_max,
                                       options->zone_rate_factor};
    if (fetch_is_forwarded(fetch)) {
        return true;
    }
    fetch->zone_quota = quota_zone_begin(resolver->quota, fetch->zone, &limits, resolver->now);
    if (fetch->zone_quota == 0) {
        char zone[NAME_TEXT_MAX];
        resolver->stats.zones_limited++;
        judgement_set(&fetch->failure, EDE_OTHER, "too many questions to servers of %.160s",
                      name_print(fetch->zone, zone));
    }
    return fetch->zone_quota != 0;
}

enum fetch_step fetch_send(struct resolver *resolver, struct fetch *fetch)
{
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    if (fetch->queries_left == 0 || fetch->account->upstream_left == 0) {
        return FETCH_FIND_ADDRESS;
    }
    if (!zone_has_room(resolver, fetch)) {
        return fetch_fail(resolver, fetch, false); /* the next moment there may be room */
    }
    bool is_forwarded = fetch_is_forwarded(fetch);
    uint16_t flags = is_forwarded ? FLAG_RD : 0;
    /* A validating forwarder wants the data even where the other side thinks it bogus (RFC 6840
     * §5.9); one that does not validate is protected by the other side if by anybody. */
    flags |= is_forwarded && resolver->options.is_validating ? FLAG_CD : 0;
    struct question question = minimise_question(fetch);
    name_copy_to(question.name, &fetch->sent_octets, &fetch->sent_name);
    if (resolver->options.mixes_case) {
        name_mix_case(resolver->options.entropy, &fetch->sent_octets, fetch->sent_name.len);
    }
    fetch->id = entropy_u16(resolver->options.entropy);
    question.name = fetch->sent_name;
    uint8_t *bytes = arena_take(&resolver->outbox->scratch, MESSAGE_UDP_LEN_MIN);
    if (bytes == NULL) {
        fetch_close_ask(resolver, fetch);
        return fetch_fail_limit(resolver, fetch, "memory");
    }
    struct span message = query_write(resolver, fetch, flags, question, bytes);
    /* A connection takes a round trip before the question does, a secure one two. */
    uint8_t doublings = (uint8_t)(candidate->tries + (fetch->transport == TRANSPORT_TLS   ? 2
                                                      : fetch->transport == TRANSPORT_TCP ? 1
                                                                                          : 0));
    fetch->ask = (++resolver->serial << 16) | fetch->slot;
    fetch->sent_ns = resolver->now.mono_ns;
    fetch->ignored_count = 0;
    outbox_add(resolver->outbox, EFFECT_ASK)->ask = (struct effect_ask){
        .ask = fetch->ask,
        .transport = fetch->transport,
        .server = candidate->address,
        .message = message,
        .timeout_ms = servers_timeout_ms(resolver->servers, candidate->address, doublings),
        .tls_peer = candidate->tls_peer,
    };
    candidate->tries++;
    fetch->queries_left--;
    fetch->account->upstream_left--;
    resolver->stats.upstream_queries++;
    resolver->stats.upstream_tcp += fetch->transport != TRANSPORT_UDP ? 1 : 0;
    return FETCH_AWAIT_ANSWER;
}

/* --- FETCH_AWAIT_ANSWER --- */

enum fetch_step fetch_await_answer(struct resolver *resolver, struct fetch *fetch)
{
    (void)resolver;
    (void)fetch;
    return FETCH_AWAIT_ANSWER; /* fetch_hear moves it on */
}

void fetch_close_ask(struct resolver *resolver, struct fetch *fetch)
{
    fetch->ask = 0;
    if (fetch->zone_quota != 0) {
        quota_zone_end(resolver->quota, fetch->zone_quota);
        fetch->zone_quota = 0;
    }
}

static void ask_close(struct resolver *resolver, struct fetch *fetch)
{
    if (fetch->ask != 0) {
        outbox_add(resolver->outbox, EFFECT_ASK_DONE)->ask_done = fetch->ask;
        fetch_close_ask(resolver, fetch);
    }
}

static void hear_end(struct resolver *resolver, struct fetch *fetch, enum status outcome)
{
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    char server[ADDRESS_TEXT_MAX];
    fetch_close_ask(resolver, fetch); /* the world has done so */
    if (outcome == TIMED_OUT) {
        resolver->stats.upstream_timeouts++;
        servers_note_timeout(resolver->servers, candidate->address);
    } else {
        candidate->is_out = true;
    }
    judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "%s: %s",
                  address_print(candidate->address, server), status_text(outcome));
    fetch_set_step(fetch, FETCH_FIND_ADDRESS);
}

/* Not the answer to our query. On UDP anybody may have sent it, so the waiting goes on; but many of
 * them are an attack, which ends where a handshake begins. On a stream the server itself is broken.
 */
static void hear_other(struct resolver *resolver, struct fetch *fetch)
{
    resolver->stats.ignored_messages++;
    fetch->ignored_count++;
    if (fetch->transport != TRANSPORT_UDP) {
        ask_close(resolver, fetch);
        fetch->candidates[fetch->chosen].is_out = true;
        fetch_set_step(fetch, FETCH_FIND_ADDRESS);
    } else if (fetch->ignored_count > RESOLVER_IGNORED_MAX) {
        ask_close(resolver, fetch);
        fetch->transport = TRANSPORT_TCP;
        fetch_set_step(fetch, FETCH_ASK);
    }
}

/* The cookie of an answer. A server that gives cookies always does, and so over UDP an answer
 * without is doubted: it is asked again where a handshake proves who speaks. */
enum cookie_sight { SIGHT_FINE, SIGHT_FORGED, SIGHT_DOUBTED };

static enum cookie_sight cookie_look(struct resolver *resolver, const struct fetch *fetch,
                                     const struct message *message)
{
    struct address server = fetch->candidates[fetch->chosen].address;
    struct span cookie;
    if (!fetch->has_edns || fetch->transport == TRANSPORT_TLS) {
        return SIGHT_FINE;
    }
    if (edns_find(&message->edns, EDNS_OPTION_COOKIE, &cookie)) {
        return servers_note_cookie(resolver->servers, server, cookie) ? SIGHT_FINE : SIGHT_FORGED;
    }
    if (!servers_gives_cookies(resolver->servers, server)) {
        return SIGHT_FINE;
    }
    if (fetch->transport == TRANSPORT_UDP) {
        return SIGHT_DOUBTED;
    }
    servers_note_no_cookie(resolver->servers, server);
    return SIGHT_FINE;
}

static void hear_answer(struct resolver *resolver, struct fetch *fetch,
                        const struct message *message)
{
    enum cookie_sight sight = cookie_look(resolver, fetch, message);
    if (sight == SIGHT_FORGED) {
        hear_other(resolver, fetch);
        return;
    }
    ask_close(resolver, fetch);
    if (sight == SIGHT_DOUBTED) {
        fetch->transport = TRANSPORT_TCP;
        fetch_set_step(fetch, FETCH_ASK);
        return;
    }
    int64_t rtt_ns = resolver->now.mono_ns - fetch->sent_ns;
    servers_note_answer(resolver->servers, fetch->candidates[fetch->chosen].address, rtt_ns);
    report_note_agent(fetch, message);
    fetch->heard = message;
    fetch_set_step(fetch, FETCH_JUDGE);
}

void fetch_hear(struct resolver *resolver, const struct event_answer *answer)
{
    struct fetch *fetch = resolver->fetches[answer->ask % RESOLVER_FETCHES_MAX];
    if (fetch == NULL || fetch->ask != answer->ask || fetch->step != FETCH_AWAIT_ANSWER) {
        return; /* of a query that we gave up */
    }
    struct message *message = arena_take(&resolver->outbox->scratch, sizeof *message);
    struct question question = {fetch->sent_name, minimise_question(fetch).type, CLASS_IN};
    if (answer->outcome != OK) {
        hear_end(resolver, fetch, answer->outcome);
    } else if (message == NULL ||
               message_read(answer->message, &resolver->outbox->scratch, message) != OK ||
               !message_answers(message, fetch->id, question, true)) {
        hear_other(resolver, fetch);
    } else {
        hear_answer(resolver, fetch, message);
    }
    fetch_walk(resolver, fetch);
}
