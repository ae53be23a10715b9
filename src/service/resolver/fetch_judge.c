/* What follows from a server's answer: the end of the fetch, the next delegation, another try or
 * another server. */
#include "service/resolver/fetch_steps.h"
#include "service/resolver/minimise.h"
#include "service/resolver/prime.h"

/* --- FETCH_JUDGE --- */

static int64_t expiry_of(const struct resolver *resolver, enum cache_kind kind, uint32_t ttl_s)
{
    bool is_negative = kind == CACHE_NODATA || kind == CACHE_NXDOMAIN;
    uint32_t ttl_max_s =
        is_negative ? resolver->options.negative_ttl_max_s : resolver->options.ttl_max_s;
    if (!is_negative && ttl_s < resolver->options.ttl_min_s) {
        ttl_s = resolver->options.ttl_min_s;
    }
    ttl_s = ttl_s > ttl_max_s ? ttl_max_s : ttl_s;
    return resolver->now.mono_ns + (int64_t)ttl_s * MOMENT_NS_PER_S;
}

/* Could another server be asked for the same? */
static bool has_others(const struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->candidate_count; i++) {
        if (i != fetch->chosen && !fetch->candidates[i].is_out) {
            return true;
        }
    }
    return false;
}

static enum fetch_step judge_data(struct resolver *resolver, struct fetch *fetch,
                                  const struct response *response)
{
    struct cache_entry *entry = cache_entry_make(
        &response->draft, expiry_of(resolver, response->draft.kind, response->ttl_s));
    if (fetch->is_priming) {
        prime_hear(resolver, fetch, response);
    }
    fetch->origin = (struct origin){fetch->candidates[fetch->chosen].address, has_others(fetch)};
    fetch_set_result(resolver, fetch, entry);
    return FETCH_DONE;
}

/* A delegation never outlives the one through which it was learned, so that what a parent takes
 * back is gone at every level below when its own time is over (ghost and phoenix domains). */
static enum fetch_step judge_referral(struct resolver *resolver, struct fetch *fetch,
                                      const struct response *response)
{
    if (fetch->referrals_left == 0) {
        return fetch_fail_limit(resolver, fetch, "referrals");
    }
    fetch->referrals_left--;
    fetch->agent = (struct name){0}; /* that of the zone above */
    int64_t now_ns = resolver->now.mono_ns;
    int64_t expires_ns = expiry_of(resolver, CACHE_DELEGATION, response->ttl_s);
    bool is_below_cut = fetch->delegation != NULL && fetch->zone.label_count > 0;
    if (is_below_cut && fetch->delegation->expires_ns < expires_ns) {
        expires_ns = fetch->delegation->expires_ns;
    }
    struct cache_entry *delegation = cache_entry_make(&response->draft, expires_ns);
    if (delegation == NULL) {
        return fetch_fail_limit(resolver, fetch, "memory");
    }
    if (expires_ns > now_ns) {
        cache_put(resolver->cache, delegation, now_ns);
    }
    if (response->has_ds) {
        struct cache_entry *ds = cache_entry_make(
            &response->ds, expiry_of(resolver, CACHE_POSITIVE, response->ds_ttl_s));
        if (ds != NULL && ds->expires_ns > now_ns) {
            cache_put(resolver->cache, ds, now_ns);
        }
        cache_entry_release(ds);
    }
    fetch_take_delegation(resolver, fetch, delegation);
    return FETCH_FIND_ADDRESS;
}

/* What the other resolver says about its failure helps our client as well (RFC 8914). */
static void failure_relay(struct fetch *fetch)
{
    struct span value;
    if (!edns_find(&fetch->heard->edns, EDNS_OPTION_EDE, &value) || value.len < 2) {
        return;
    }
    struct reader reader = reader_over(value);
    uint16_t code = reader_u16(&reader);
    struct span text = reader_rest(&reader);
    int len = text.len > VERDICT_REASON_MAX / 2 ? VERDICT_REASON_MAX / 2 : (int)text.len;
    for (int i = 0; i < len; i++) {
        len = text.bytes[i] < ' ' || text.bytes[i] > '~' ? i : len;
    }
    judgement_set(&fetch->failure, (enum ede)code, "the forwarder says: %.*s", len,
                  (const char *)text.bytes);
}

/* What an answer to a part of the name means. True: the same server is asked for more of it.
 * Anything but data and referrals may come from the question being one that the server does not
 * understand, which must not be held against it. */
static bool judge_part(struct fetch *fetch, const struct response *response)
{
    switch (response->kind) {
    case RESPONSE_DATA:
        if (response->draft.kind == CACHE_NXDOMAIN) {
            minimise_stop(fetch);
        } else {
            minimise_next(fetch);
        }
        break;
    case RESPONSE_LAME:
    case RESPONSE_FAILED:
        minimise_stop(fetch);
        break;
    case RESPONSE_REFERRAL:
    case RESPONSE_TRUNCATED:
    case RESPONSE_NO_EDNS:
    case RESPONSE_KIND_COUNT:
        return false;
    }
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    fetch->transport = candidate->is_tls ? TRANSPORT_TLS : TRANSPORT_UDP;
    candidate->tries = 0;
    return true;
}

enum fetch_step fetch_judge(struct resolver *resolver, struct fetch *fetch)
{
    struct server_candidate *candidate = &fetch->candidates[fetch->chosen];
    bool is_forwarded = fetch_is_forwarded(fetch);
    struct question asked = minimise_question(fetch);
    struct response_question question = {asked.name, asked.type, fetch->zone, is_forwarded,
                                         fetch->has_edns};
    if (fetch->heard->rcode == RCODE_BADCOOKIE && fetch->transport == TRANSPORT_UDP) {
        /* With the cookie that it gave now; one that wants yet another is asked over a connection,
         * where none is needed (RFC 7873 §5.3). */
        fetch->transport = fetch->has_bad_cookie ? TRANSPORT_TCP : TRANSPORT_UDP;
        fetch->has_bad_cookie = true;
        return FETCH_ASK;
    }
    struct response response;
    response_read(fetch->heard, &question, &resolver->outbox->scratch, &response);
    if (minimise_is_on(fetch) && judge_part(fetch, &response)) {
        return FETCH_ASK;
    }
    char server[ADDRESS_TEXT_MAX];
    address_print(candidate->address, server);
    switch (response.kind) {
    case RESPONSE_DATA:
        return judge_data(resolver, fetch, &response);
    case RESPONSE_REFERRAL:
        return judge_referral(resolver, fetch, &response);
    case RESPONSE_TRUNCATED:
        if (fetch->transport == TRANSPORT_UDP) {
            fetch->transport = TRANSPORT_TCP;
            return FETCH_ASK;
        }
        candidate->is_out = true;
        return FETCH_FIND_ADDRESS;
    case RESPONSE_NO_EDNS:
        servers_note_no_edns(resolver->servers, candidate->address, resolver->now);
        fetch->has_edns = false;
        return FETCH_ASK;
    case RESPONSE_LAME:
        servers_note_lame(resolver->servers, candidate->address, fetch->zone, resolver->now);
        judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "%s: %s", server,
                      response.reason);
        return FETCH_FIND_ADDRESS;
    case RESPONSE_FAILED:
        candidate->is_out = true;
        judgement_set(&fetch->failure, EDE_NO_REACHABLE_AUTHORITY, "%s: %s", server,
                      response.reason);
        if (is_forwarded) {
            failure_relay(fetch);
        }
        return FETCH_FIND_ADDRESS;
    case RESPONSE_KIND_COUNT:
        break;
    }
    require(false);
    return FETCH_DONE;
}
