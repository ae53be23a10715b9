/* The EDNS options of requests and answers: whose cookie is good, with which secret cookies are
 * made and for how long, and what goes along with an answer. */
#include "core/crypto/digest.h"
#include "core/dnssec/verdict.h"
#include "service/auth/auth_state.h"

#include <string.h>

static const int64_t SECRET_LIFE_NS = (int64_t)86400 * MOMENT_NS_PER_S;

/* ------------------------------------------------------------------ secrets */

static bool has_own_secrets(const struct auth *auth)
{
    return !auth->options.ignores_cookies && auth->options.cookie_secret_count == 0 &&
           auth->options.entropy != NULL;
}

void auth_secrets_open(struct auth *auth)
{
    const struct entropy *entropy = auth->options.entropy;
    if (auth->options.cookie_secret_count > 0 && !auth->options.ignores_cookies) {
        auth->secret_count = auth->options.cookie_secret_count;
        atomic_init(&auth->secrets, auth->options.cookie_secrets);
    } else if (has_own_secrets(auth)) {
        auth->secret_count = AUTH_OWN_SECRETS;
        for (size_t i = 0; i < AUTH_OWN_SECRETS; i++) {
            entropy->fill(entropy->self, auth->own_secrets[0][i], COOKIE_SECRET_LEN);
        }
        atomic_init(&auth->secrets, (const uint8_t(*)[COOKIE_SECRET_LEN])auth->own_secrets[0]);
    }
}

void auth_secrets_close(struct auth *auth)
{
    atomic_store(&auth->secrets, NULL);
    secret_wipe(auth->own_secrets, sizeof auth->own_secrets);
}

/* The one before stays, so that no cookie dies before its hour. Other threads read the old pair
 * until they have come to an end of it; the next change, a day later, writes over it. */
static void renew_secrets(struct auth *auth)
{
    const struct entropy *entropy = auth->options.entropy;
    const uint8_t(*before)[COOKIE_SECRET_LEN] = atomic_load(&auth->secrets);
    uint8_t(*next)[COOKIE_SECRET_LEN] =
        auth->own_secrets[before == (const uint8_t(*)[COOKIE_SECRET_LEN])auth->own_secrets[0]];
    memcpy(next[1], before[0], COOKIE_SECRET_LEN);
    entropy->fill(entropy->self, next[0], COOKIE_SECRET_LEN);
    atomic_store(&auth->secrets, (const uint8_t(*)[COOKIE_SECRET_LEN])next);
    if (auth->options.grace != NULL) {
        auth->options.grace->wait(auth->options.grace->self);
    }
}

void auth_secrets_timer(struct auth *auth, bool is_due, struct moment now, struct outbox *outbox)
{
    if (!has_own_secrets(auth)) {
        return;
    }
    if (is_due) {
        renew_secrets(auth);
    }
    outbox_timer(outbox, auth_timer_id(AUTH_TIMER_SECRETS, 0), now.mono_ns + SECRET_LIFE_NS);
}

/* ------------------------------------------------------------------ in */

static void judge_cookie(const struct auth *auth, struct auth_asked *asked)
{
    const uint8_t(*secrets)[COOKIE_SECRET_LEN] = atomic_load(&auth->secrets);
    enum cookie_verdict verdict = COOKIE_BAD;
    for (size_t i = 0; i < auth->secret_count && verdict == COOKIE_BAD; i++) {
        verdict = cookie_check(asked->cookie, asked->peer, secrets[i], asked->now_s);
        if (verdict == COOKIE_GOOD && i > 0) {
            verdict = COOKIE_AGING; /* the next one is made with the secret of now */
        }
    }
    asked->cookie_verdict = verdict;
}

enum status auth_read_options(const struct auth *auth, struct span options,
                              struct auth_asked *asked)
{
    struct reader reader = reader_over(options);
    bool answers_cookies = auth->secret_count > 0;
    asked->has_cookie = false;
    asked->wants_nsid = false;
    for (int i = 0; reader_left(&reader) > 0 && i < EDNS_OPTIONS_MAX; i++) {
        uint16_t code = reader_u16(&reader);
        struct span value = reader_span(&reader, reader_u16(&reader));
        if (code == EDNS_OPTION_NSID) {
            asked->wants_nsid = true;
        } else if (code == EDNS_OPTION_COOKIE && answers_cookies && !asked->has_cookie) {
            asked->has_cookie = true; /* the first (RFC 7873 §5.2) */
            asked->cookie = value;
        }
    }
    if (reader_end(&reader) != OK) {
        asked->has_cookie = false;
        return MALFORMED;
    }
    if (asked->has_cookie) {
        judge_cookie(auth, asked);
        asked->has_cookie = asked->cookie_verdict != COOKIE_MALFORMED;
        return asked->has_cookie ? OK : MALFORMED; /* RFC 7873 §5.2.2 */
    }
    return OK;
}

bool auth_is_cookie_ours(const struct auth_asked *asked)
{
    return asked->has_cookie && asked->cookie_verdict >= COOKIE_AGING;
}

bool auth_demands_cookie(const struct auth *auth, const struct auth_asked *asked)
{
    return auth->options.requires_cookies && asked->has_cookie && !auth_is_cookie_ours(asked);
}

/* ------------------------------------------------------------------ out */

static void write_option(struct writer *options, uint16_t code, struct span value)
{
    writer_u16(options, code);
    writer_u16(options, (uint16_t)value.len);
    writer_span(options, value);
}

static void write_cookie(const struct auth *auth, const struct auth_asked *asked,
                         struct writer *options)
{
    uint8_t cookie[COOKIE_LEN];
    struct span value = asked->cookie;
    if (asked->cookie_verdict != COOKIE_GOOD) {
        const uint8_t(*secrets)[COOKIE_SECRET_LEN] = atomic_load(&auth->secrets);
        cookie_make(asked->cookie, asked->peer, secrets[0], asked->now_s, cookie);
        value = span_of(cookie, sizeof cookie);
    }
    write_option(options, EDNS_OPTION_COOKIE, value);
}

void auth_write_asked(const struct auth *auth, const struct auth_asked *asked,
                      struct writer *options)
{
    struct span nsid = auth->options.nsid;
    if (nsid.len == 0 && auth->options.identity != NULL) {
        nsid = span_of_text(auth->options.identity);
    }
    if (asked->wants_nsid && nsid.len > 0) {
        write_option(options, EDNS_OPTION_NSID, nsid);
    }
    if (asked->has_cookie) {
        write_cookie(auth, asked, options);
    }
    if (auth->options.report_agent.len > 0) {
        write_option(options, EDNS_OPTION_REPORT_CHANNEL, name_span(auth->options.report_agent));
    }
}

void auth_write_options(const struct auth *auth, const struct auth_request *request,
                        struct writer *options)
{
    struct span value;
    const struct event_query *query = &request->event->query;
    auth_write_asked(auth, &request->asked, options);
    if (transport_is_stream(query->transport) && query->idle_ms != 0 &&
        edns_find(&request->message.edns, EDNS_OPTION_KEEPALIVE, &value)) {
        edns_add_keepalive(options, query->idle_ms);
    }
    if (request->ede != EDE_NONE) {
        edns_add_ede(options, (uint16_t)request->ede, request->ede_text);
    }
}
