/* The EDNS options of requests and answers: whose cookie is good, with which secret cookies are
 * made and for how long, and what goes along with an answer. */
#include "core/dnssec/verdict.h"
#include "service/auth/auth_state.h"

#include <string.h>

static const int64_t SECRET_LIFE_NS = (int64_t)86400 * MOMENT_NS_PER_S;

/* A secret of our own; the one before stays, so that no cookie dies before its hour. */
static void renew_secret(struct auth *auth, struct moment now)
{
    const struct entropy *entropy = auth->options.entropy;
    if (auth->options.cookie_secret_count > 0 || now.mono_ns < auth->secret_until_mono_ns) {
        return;
    }
    bool is_first = auth->secret_until_mono_ns == 0;
    memcpy(auth->own_secrets[1], auth->own_secrets[0], COOKIE_SECRET_LEN);
    entropy->fill(entropy->self, auth->own_secrets[0], COOKIE_SECRET_LEN);
    if (is_first) {
        memcpy(auth->own_secrets[1], auth->own_secrets[0], COOKIE_SECRET_LEN);
    }
    auth->secret_until_mono_ns = now.mono_ns + SECRET_LIFE_NS;
}

static const uint8_t *secret_at(const struct auth *auth, size_t index)
{
    return auth->options.cookie_secret_count > 0 ? auth->options.cookie_secrets[index]
                                                 : auth->own_secrets[index];
}

static enum cookie_verdict judge_cookie(const struct auth *auth, const struct auth_request *request)
{
    size_t count = auth->options.cookie_secret_count;
    count = count > 0 ? count : AUTH_OWN_SECRETS;
    enum cookie_verdict verdict = COOKIE_BAD;
    for (size_t i = 0; i < count && verdict == COOKIE_BAD; i++) {
        verdict = cookie_check(request->cookie, request->event->query.peer, secret_at(auth, i),
                               moment_wall_s(request->event->now));
        if (verdict == COOKIE_GOOD && i > 0) {
            verdict = COOKIE_AGING; /* the next one is made with the secret of now */
        }
    }
    return verdict;
}

uint16_t auth_read_options(struct auth *auth, struct auth_request *request)
{
    const struct event_query *query = &request->event->query;
    if (auth->options.ignores_cookies ||
        !edns_find(&request->message.edns, EDNS_OPTION_COOKIE, &request->cookie)) {
        return RCODE_NOERROR;
    }
    renew_secret(auth, request->event->now);
    request->cookie_verdict = judge_cookie(auth, request);
    if (request->cookie_verdict == COOKIE_MALFORMED) {
        return RCODE_FORMERR; /* RFC 7873 §5.2.2 */
    }
    request->has_cookie = true;
    bool is_ours = request->cookie_verdict >= COOKIE_AGING || request->is_signed;
    if (auth->options.requires_cookies && !is_ours && query->transport == TRANSPORT_UDP &&
        request->message.opcode == OPCODE_QUERY) {
        auth_count(auth, AUTH_COUNT_BADCOOKIE);
        return RCODE_BADCOOKIE; /* RFC 7873 §5.2.3 */
    }
    return RCODE_NOERROR;
}

static void write_option(struct writer *options, uint16_t code, struct span value)
{
    writer_u16(options, code);
    writer_u16(options, (uint16_t)value.len);
    writer_span(options, value);
}

static void write_cookie(const struct auth *auth, const struct auth_request *request,
                         struct writer *options)
{
    uint8_t cookie[COOKIE_LEN];
    struct span value = request->cookie;
    if (request->cookie_verdict != COOKIE_GOOD) {
        cookie_make(request->cookie, request->event->query.peer, secret_at(auth, 0),
                    moment_wall_s(request->event->now), cookie);
        value = span_of(cookie, sizeof cookie);
    }
    write_option(options, EDNS_OPTION_COOKIE, value);
}

void auth_write_options(struct auth *auth, const struct auth_request *request,
                        struct writer *options)
{
    struct span asked;
    struct span nsid = auth->options.nsid;
    if (nsid.len == 0 && auth->options.identity != NULL) {
        nsid = span_of_text(auth->options.identity);
    }
    if (nsid.len > 0 && request->message.edns.options.len > 0 &&
        edns_find(&request->message.edns, EDNS_OPTION_NSID, &asked)) {
        write_option(options, EDNS_OPTION_NSID, nsid);
    }
    if (request->has_cookie) {
        write_cookie(auth, request, options);
    }
    const struct event_query *query = &request->event->query;
    if (transport_is_stream(query->transport) && query->idle_ms != 0 &&
        edns_find(&request->message.edns, EDNS_OPTION_KEEPALIVE, &asked)) {
        edns_add_keepalive(options, query->idle_ms);
    }
    if (request->ede != EDE_NONE) {
        edns_add_ede(options, (uint16_t)request->ede, SPAN_EMPTY);
    }
}
