/* When versions die, which sources caches can reach until when, and which chains a DS set leaves
 * behind when it dies. */
#include "core/keys/alive.h"
#include "core/keys/alive_part.h"

/* Until when caches can be led to each source; CACHES_FOREVER: a current NS set leads there. */
struct reach {
    int64_t until_s[CACHES_SOURCES_MAX];
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long a cache may hold what it was given with this TTL. */
static int64_t hold_s(const struct alive_policy *policy, uint32_t ttl_s)
{
    require(policy->hops >= 1 && policy->hops <= ALIVE_HOPS_MAX);
    return (int64_t)policy->hops * later(ttl_s, policy->floor_s);
}

/* The last moment at which this server may have answered with what change `number` superseded. */
static int64_t last_served_by(const struct alive_server *server, enum alive_list list,
                              uint32_t number, int64_t now_s)
{
    size_t at = alive_list_in_place(list);
    for (size_t i = 0; i < server->mark_count[at]; ++i) {
        const struct alive_mark *mark = &server->marks[at][i];
        if (mark->number >= number && mark->confirmed_s != ALIVE_NEVER) {
            return mark->confirmed_s;
        }
    }
    int64_t expired_s = server->expire_s == 0 || server->transferred_s == ALIVE_NEVER
                            ? CACHES_FOREVER
                            : alive_after(server->transferred_s, server->expire_s);
    return expired_s <= now_s ? expired_s : CACHES_FOREVER;
}

/* By all servers of its place; a place without known servers is waited for. */
static int64_t last_served(const struct alive *alive, const struct alive_version *version,
                           const struct alive_term *term, int64_t now_s)
{
    if (term->superseded == 0 || term->gone_s != CACHES_FOREVER) {
        return term->superseded == 0 ? CACHES_FOREVER : term->gone_s;
    }
    int64_t last_s = ALIVE_NEVER;
    for (size_t i = 0; i < alive->server_count; ++i) {
        const struct alive_server *server = &alive->servers[i];
        if (alive_serves(server, version->list, version->source)) {
            last_s = later(last_s, last_served_by(server, version->list, term->superseded, now_s));
        }
    }
    return last_s == ALIVE_NEVER ? CACHES_FOREVER : last_s;
}

/* Serve-stale keeps it longer, but never beyond the last RRSIG expiry: it is bogus afterwards. */
static int64_t with_stale(const struct alive_policy *policy, const struct alive_term *term,
                          int64_t time_s)
{
    if (time_s == CACHES_FOREVER || time_s == ALIVE_NEVER) {
        return time_s;
    }
    return sooner(time_s + policy->stale_s, later(time_s, term->expires_s));
}

static int64_t term_dies(const struct alive_policy *policy, const struct alive_version *version,
                         const struct alive_term *term, int64_t last_s)
{
    int64_t wait_s = hold_s(policy, term->ttl_s);
    bool is_ns = version->list == ALIVE_NS || version->list == ALIVE_APEX_NS;
    wait_s += is_ns && term->beyond_s != 0 ? hold_s(policy, term->beyond_s) : 0;
    return alive_after(with_stale(policy, term, alive_after(last_s, wait_s)), policy->margin_s);
}

/* Does a source that the NS version leads to still serve an NS set that leads to itself? */
static bool names_itself(const struct alive *alive, const struct alive_version *ns, int64_t now_s)
{
    for (size_t i = 0; i < alive->version_count; ++i) {
        const struct alive_version *apex = &alive->versions[i];
        uint8_t self = (uint8_t)(1U << apex->source);
        if (apex->list != ALIVE_APEX_NS || (ns->content.sources & self) == 0 ||
            (apex->content.sources & self) == 0 || (alive->waived & self) != 0) {
            continue;
        }
        for (size_t t = 0; t < apex->term_count; ++t) {
            if (last_served(alive, apex, &apex->terms[t], now_s) == CACHES_FOREVER) {
                return true;
            }
        }
    }
    return false;
}

static int64_t ns_dies(const struct alive *alive, const struct alive_policy *policy,
                       const struct alive_version *ns, int64_t now_s)
{
    int64_t dies_s = ALIVE_NEVER;
    for (size_t t = 0; t < ns->term_count; ++t) {
        const struct alive_term *term = &ns->terms[t];
        int64_t last_s = last_served(alive, ns, term, now_s);
        dies_s = later(dies_s, term_dies(policy, ns, term, last_s));
    }
    if (dies_s != CACHES_FOREVER && policy->asks_old_provider && names_itself(alive, ns, now_s)) {
        return CACHES_FOREVER;
    }
    return dies_s;
}

/* An NS set at the apex of a source leads on, for as long as caches come to that source. */
static void follow_apex(const struct alive *alive, const struct alive_policy *policy,
                        const struct alive_version *apex, int64_t now_s, struct reach *reach)
{
    for (size_t t = 0; t < apex->term_count; ++t) {
        const struct alive_term *term = &apex->terms[t];
        int64_t last_s =
            sooner(last_served(alive, apex, term, now_s), reach->until_s[apex->source]);
        int64_t dies_s = term_dies(policy, apex, term, last_s);
        for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
            if ((apex->content.sources >> i & 1) != 0 && i != apex->source) {
                reach->until_s[i] = later(reach->until_s[i], dies_s);
            }
        }
    }
}

/* NS sets at the parent, then what the apexes add; a way over all sources has so many steps. */
static struct reach find_reach(const struct alive *alive, const struct alive_policy *policy,
                               int64_t now_s)
{
    struct reach reach;
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        reach.until_s[i] = alive->left_s[i];
    }
    for (size_t v = 0; v < alive->version_count; ++v) {
        const struct alive_version *ns = &alive->versions[v];
        int64_t dies_s = ns->list == ALIVE_NS ? ns_dies(alive, policy, ns, now_s) : ALIVE_NEVER;
        for (size_t i = 0; ns->list == ALIVE_NS && i < CACHES_SOURCES_MAX; ++i) {
            if ((ns->content.sources >> i & 1) != 0) {
                reach.until_s[i] = later(reach.until_s[i], dies_s);
            }
        }
    }
    for (size_t step = 1; step < CACHES_SOURCES_MAX; ++step) {
        for (size_t v = 0; v < alive->version_count; ++v) {
            if (alive->versions[v].list == ALIVE_APEX_NS) {
                follow_apex(alive, policy, &alive->versions[v], now_s, &reach);
            }
        }
    }
    return reach;
}

/* Caches get nothing from a source after the last NS version that led there has died. */
static int64_t term_last(const struct alive *alive, const struct reach *reach,
                         const struct alive_version *version, const struct alive_term *term,
                         int64_t now_s)
{
    int64_t last_s = last_served(alive, version, term, now_s);
    return alive_is_of_parent(version->list) ? last_s
                                             : sooner(last_s, reach->until_s[version->source]);
}

static int64_t version_dies(const struct alive *alive, const struct alive_policy *policy,
                            const struct reach *reach, const struct alive_version *version,
                            int64_t now_s)
{
    if (version->list == ALIVE_NS) {
        return ns_dies(alive, policy, version, now_s);
    }
    int64_t dies_s = ALIVE_NEVER;
    for (size_t t = 0; t < version->term_count; ++t) {
        const struct alive_term *term = &version->terms[t];
        int64_t last_s = term_last(alive, reach, version, term, now_s);
        dies_s = later(dies_s, term_dies(policy, version, term, last_s));
    }
    return dies_s;
}

int64_t alive_dies(const struct alive *alive, const struct alive_policy *policy,
                   const struct alive_version *version, int64_t now_s)
{
    struct reach reach = find_reach(alive, policy, now_s);
    return version_dies(alive, policy, &reach, version, now_s);
}

static void keep_last_moments(struct alive *alive, int64_t now_s)
{
    for (size_t v = 0; v < alive->version_count; ++v) {
        struct alive_version *version = &alive->versions[v];
        for (size_t t = 0; t < version->term_count; ++t) {
            struct alive_term *term = &version->terms[t];
            term->gone_s = last_served(alive, version, term, now_s);
        }
    }
}

/* How long a validator keeps a DNSKEY set that it has judged. */
static uint32_t keys_last_s(const struct alive_policy *policy, const struct alive_version *keys)
{
    uint32_t lasts_s = policy->floor_s;
    for (size_t t = 0; t < keys->term_count; ++t) {
        lasts_s = keys->terms[t].ttl_s > lasts_s ? keys->terms[t].ttl_s : lasts_s;
    }
    return lasts_s;
}

static bool was_decided_at(const struct alive_version *version, int64_t time_s)
{
    for (size_t t = 0; t < version->term_count; ++t) {
        if (version->terms[t].decided_s <= time_s) {
            return true;
        }
    }
    return false;
}

static bool add_chain(struct alive *alive, const struct alive_chain *chain)
{
    for (size_t i = 0; i < alive->chain_count; ++i) {
        struct alive_chain *known = &alive->chains[i];
        if (ds_set_equal(&known->ds, &chain->ds) &&
            known->keys.published == chain->keys.published &&
            known->keys.signers == chain->keys.signers) {
            known->lasts_s = known->dies_s > chain->dies_s ? known->lasts_s : chain->lasts_s;
            known->dies_s = later(known->dies_s, chain->dies_s);
            return true;
        }
    }
    if (alive->chain_count == CACHES_CHAINS_MAX) {
        return false;
    }
    alive->chains[alive->chain_count++] = *chain;
    return true;
}

/* The DS set left every cache at `death_s`, and still rules through the DNSKEY sets that were
 * judged under it, with every one that was alive then. */
static bool leave_chains(struct alive *alive, const struct alive_policy *policy,
                         const struct reach *reach, const struct ds_set *ds, int64_t death_s,
                         int64_t now_s)
{
    for (size_t v = 0; v < alive->version_count; ++v) {
        const struct alive_version *keys = &alive->versions[v];
        int64_t keys_die_s = keys->list == ALIVE_DNSKEY
                                 ? version_dies(alive, policy, reach, keys, now_s)
                                 : ALIVE_NEVER;
        if (keys_die_s <= death_s || !was_decided_at(keys, death_s)) {
            continue;
        }
        struct alive_chain chain = {
            .ds = *ds, .keys = keys->content.keys, .lasts_s = keys_last_s(policy, keys)};
        chain.dies_s = sooner(death_s + chain.lasts_s, keys_die_s);
        if (chain.dies_s > now_s && !add_chain(alive, &chain)) {
            return false;
        }
    }
    return true;
}

/* Terms whose time is over leave. What a source without visitors still serves stays: somebody may
 * be led there again. */
static void drop_dead_terms(const struct alive_policy *policy, const struct reach *reach,
                            struct alive_version *version, int64_t now_s)
{
    for (size_t t = version->term_count; t-- > 0;) {
        const struct alive_term *term = &version->terms[t];
        int64_t last_s = term->gone_s;
        if (!alive_is_of_parent(version->list)) {
            last_s = sooner(last_s, reach->until_s[version->source]);
        }
        if (term->gone_s != CACHES_FOREVER && term_dies(policy, version, term, last_s) <= now_s) {
            version->terms[t] = version->terms[--version->term_count];
            version->terms[version->term_count] = (struct alive_term){0};
        }
    }
}

/* A stretch that another outlasts in all respects says nothing any more. Not one that was never
 * seen: it may still be refused. */
static bool is_outlasted(const struct alive_term *term, const struct alive_term *by)
{
    bool is_over = term->gone_s != CACHES_FOREVER;
    bool by_is_over = by->gone_s != CACHES_FOREVER;
    bool ends_sooner = is_over || by_is_over
                           ? term->gone_s <= by->gone_s
                           : by->superseded == 0 || term->superseded <= by->superseded;
    return term->superseded != 0 && by->seen_s != ALIVE_NEVER && ends_sooner &&
           term->ttl_s <= by->ttl_s && term->beyond_s <= by->beyond_s &&
           term->expires_s == by->expires_s && term->decided <= by->decided;
}

static void drop_outlasted_terms(struct alive_version *version)
{
    for (size_t t = version->term_count; t-- > 0;) {
        struct alive_term *term = &version->terms[t];
        for (size_t by = 0; by < version->term_count; ++by) {
            if (by != t && is_outlasted(term, &version->terms[by])) {
                struct alive_term *outlasts = &version->terms[by];
                outlasts->decided_s = sooner(outlasts->decided_s, term->decided_s);
                *term = version->terms[--version->term_count];
                version->terms[version->term_count] = (struct alive_term){0};
                break;
            }
        }
    }
}

static void drop_dead_chains(struct alive *alive, int64_t now_s)
{
    for (size_t i = alive->chain_count; i-- > 0;) {
        if (alive->chains[i].dies_s <= now_s) {
            alive->chains[i] = alive->chains[--alive->chain_count];
        }
    }
}

enum status alive_settle(struct alive *alive, const struct alive_policy *policy, int64_t now_s)
{
    keep_last_moments(alive, now_s);
    struct reach reach = find_reach(alive, policy, now_s);
    enum status status = OK;
    bool leaves[ALIVE_VERSIONS_MAX] = {false};
    for (size_t v = 0; v < alive->version_count; ++v) {
        const struct alive_version *version = &alive->versions[v];
        int64_t dies_s = version_dies(alive, policy, &reach, version, now_s);
        leaves[v] = dies_s <= now_s;
        if (leaves[v] && version->list == ALIVE_DS && version->content.ds.count > 0 &&
            !leave_chains(alive, policy, &reach, &version->content.ds, dies_s, now_s)) {
            leaves[v] = false;
            status = LIMIT_REACHED;
        }
    }
    for (size_t v = alive->version_count; v-- > 0;) {
        struct alive_version *version = &alive->versions[v];
        bool is_parents = alive_is_of_parent(version->list);
        if (leaves[v] || !is_parents) {
            drop_dead_terms(policy, &reach, version, now_s);
        }
        drop_outlasted_terms(version);
        if (version->term_count == 0) {
            *version = alive->versions[--alive->version_count];
            alive->versions[alive->version_count] = (struct alive_version){0};
        }
    }
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        bool is_over = reach.until_s[i] != CACHES_FOREVER;
        alive->left_s[i] = is_over ? later(alive->left_s[i], reach.until_s[i]) : alive->left_s[i];
    }
    drop_dead_chains(alive, now_s);
    return status;
}

static bool is_current(const struct alive_version *version)
{
    for (size_t t = 0; t < version->term_count; ++t) {
        if (version->terms[t].superseded == 0) {
            return true;
        }
    }
    return false;
}

static bool may_be_served(const struct alive *alive, const struct alive_version *version,
                          int64_t now_s)
{
    for (size_t t = 0; t < version->term_count; ++t) {
        if (last_served(alive, version, &version->terms[t], now_s) == CACHES_FOREVER) {
            return true;
        }
    }
    return false;
}

/* Who signs a version for as long as caches may hold it: whose RRSIGs stay valid until it dies, or,
 * while it may still be served, until it would die if it were replaced now. */
static uint32_t lasting_signers(const struct alive *alive, const struct alive_policy *policy,
                                const struct alive_version *version, uint32_t signers,
                                int64_t dies_s, int64_t now_s)
{
    bool is_served = may_be_served(alive, version, now_s);
    int64_t needed_s = dies_s == CACHES_FOREVER ? now_s : dies_s;
    int64_t expires_s = CACHES_FOREVER;
    for (size_t t = 0; t < version->term_count; ++t) {
        const struct alive_term *term = &version->terms[t];
        int64_t would_s = now_s + hold_s(policy, term->ttl_s) + policy->stale_s + policy->margin_s;
        expires_s = sooner(expires_s, term->expires_s);
        needed_s = is_served ? later(needed_s, would_s) : needed_s;
    }
    for (size_t i = 0; i < CACHES_KEYS_MAX; ++i) {
        if (sooner(expires_s, alive->keys[i].expires_s) < needed_s) {
            signers &= ~(UINT32_C(1) << i);
        }
    }
    return signers;
}

static bool view_version(const struct alive *alive, const struct alive_policy *policy,
                         const struct reach *reach, const struct alive_version *version,
                         int64_t now_s, struct caches *caches)
{
    struct held held = {.source = version->source, .is_current = is_current(version)};
    held.dies_s = version_dies(alive, policy, reach, version, now_s);
    bool left_no_chains = version->list == ALIVE_DS && version->content.ds.count > 0;
    held.is_held = held.dies_s > now_s || left_no_chains;
    if (!held.is_held && !may_be_served(alive, version, now_s)) {
        return true;
    }
    const struct alive_content *content = &version->content;
    if (version->list == ALIVE_DS) {
        if (caches->ds_count == CACHES_VERSIONS_MAX) {
            return false;
        }
        caches->ds[caches->ds_count++] = (struct held_ds){content->ds, held};
    } else if (version->list == ALIVE_DNSKEY) {
        if (caches->dnskeys_count == CACHES_VERSIONS_MAX) {
            return false;
        }
        struct dnskey_set keys = content->keys;
        keys.signers = lasting_signers(alive, policy, version, keys.signers, held.dies_s, now_s);
        caches->dnskeys[caches->dnskeys_count++] = (struct held_dnskeys){keys, held};
    } else if (version->list == ALIVE_SIGNERS) {
        if (caches->signers_count == CACHES_VERSIONS_MAX) {
            return false;
        }
        uint32_t signers =
            lasting_signers(alive, policy, version, content->signers, held.dies_s, now_s);
        caches->signers[caches->signers_count++] = (struct held_signers){signers, held};
    }
    return true;
}

/* Is there a version of each list that caches can come to? */
static bool is_whole(const struct caches *caches)
{
    uint8_t with_keys = 0, with_signers = 0;
    for (size_t i = 0; i < caches->dnskeys_count; ++i) {
        with_keys |= (uint8_t)(1U << caches->dnskeys[i].held.source);
    }
    for (size_t i = 0; i < caches->signers_count; ++i) {
        with_signers |= (uint8_t)(1U << caches->signers[i].held.source);
    }
    return caches->ds_count > 0 && caches->reached != 0 &&
           (caches->reached & ~(with_keys & with_signers)) == 0;
}

enum status alive_view(const struct alive *alive, const struct alive_policy *policy, int64_t now_s,
                       struct caches *caches)
{
    *caches = (struct caches){.key_count = CACHES_KEYS_MAX};
    struct reach reach = find_reach(alive, policy, now_s);
    for (size_t i = 0; i < CACHES_KEYS_MAX; ++i) {
        caches->keys[i] = (struct caches_key){alive->keys[i].algorithm, alive->keys[i].tag};
    }
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        caches->reached |= reach.until_s[i] > now_s ? (uint8_t)(1U << i) : 0;
    }
    for (size_t v = 0; v < alive->version_count; ++v) {
        if (!view_version(alive, policy, &reach, &alive->versions[v], now_s, caches)) {
            return LIMIT_REACHED;
        }
    }
    for (size_t i = 0; i < alive->chain_count; ++i) {
        const struct alive_chain *chain = &alive->chains[i];
        if (chain->dies_s > now_s) {
            caches->chains[caches->chain_count++] =
                (struct held_chain){chain->ds, chain->keys, chain->dies_s};
        }
    }
    return is_whole(caches) ? OK : NOT_FOUND;
}

int64_t alive_next_death(const struct alive *alive, const struct alive_policy *policy,
                         int64_t now_s)
{
    struct reach reach = find_reach(alive, policy, now_s);
    int64_t next_s = CACHES_FOREVER;
    for (size_t v = 0; v < alive->version_count; ++v) {
        int64_t dies_s = version_dies(alive, policy, &reach, &alive->versions[v], now_s);
        next_s = dies_s > now_s ? sooner(next_s, dies_s) : next_s;
    }
    for (size_t i = 0; i < alive->chain_count; ++i) {
        int64_t dies_s = alive->chains[i].dies_s;
        next_s = dies_s > now_s ? sooner(next_s, dies_s) : next_s;
    }
    return next_s;
}

int64_t alive_expiry_wanted(const struct alive_policy *policy, int64_t now_s, uint32_t resign_s,
                            uint32_t soa_expire_s, uint32_t ttl_s)
{
    return now_s + resign_s + soa_expire_s + (int64_t)policy->hops * ttl_s + policy->stale_s +
           policy->margin_s;
}
