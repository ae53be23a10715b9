/* The walk, and the one state it is made of. */
#include "core/keys/explore_fixture.h"

#include <stdlib.h>
#include <string.h>

enum {
    BASE_S = 1000, /* it is always now; what passes moves into the past instead */
    MEMORY_S = 3,  /* what is older is of one age; no TTL of a world is as long */
    NODE_SIZE_MAX = 8192,
    SLOTS = 1 << 22
};

struct state {
    struct resolver_caches caches;
    struct alive alive;
};

struct node {
    uint32_t len;
    uint8_t bytes[];
};

struct walk {
    struct explore_world *world;
    struct explore_result result;
    struct node **slots;
    struct node **nodes;
    bool settled[RESOLVER_DS_MAX][RESOLVER_SETS_MAX][RESOLVER_MIXES_MAX];
};

static struct alive_content content_of(const struct explore_world *world, enum alive_list list,
                                       size_t index)
{
    const struct resolver_world *resolvers = &world->resolvers;
    struct alive_content content = {0};
    switch (list) {
    case ALIVE_DS:
        for (size_t k = 0; k < resolvers->key_count; ++k) {
            for (uint8_t type = 1; type <= 2; ++type) {
                if ((resolvers->ds[index].digests[k] & type) != 0) {
                    require(ds_set_add(&content.ds, (struct ds_entry){(uint8_t)k, type}));
                }
            }
        }
        break;
    case ALIVE_DNSKEY:
        content.keys.published = resolvers->sets[index].published;
        content.keys.signers = resolvers->sets[index].signers;
        break;
    case ALIVE_SIGNERS:
        content.signers = resolvers->mixes[index];
        break;
    case ALIVE_NS:
    case ALIVE_APEX_NS:
        content.sources = (uint8_t)index;
        break;
    case ALIVE_LIST_COUNT:
        break;
    }
    return content;
}

static uint32_t ttl_of(const struct explore_world *world, enum alive_list list, size_t index)
{
    const struct resolver_world *resolvers = &world->resolvers;
    switch (list) {
    case ALIVE_DS:
        return content_of(world, list, index).ds.count != 0 ? resolvers->ds_ticks
                                                            : resolvers->no_ds_ticks;
    case ALIVE_DNSKEY:
        return resolvers->sets[index].published != 0 ? resolvers->set_ticks
                                                     : resolvers->no_set_ticks;
    case ALIVE_SIGNERS:
        return resolvers->mix_ticks;
    case ALIVE_NS:
    case ALIVE_APEX_NS:
    case ALIVE_LIST_COUNT:
        break;
    }
    return resolvers->ns_ticks;
}

static uint32_t told_ttl(const struct explore_world *world, enum alive_list list, size_t index)
{
    uint32_t ttl_s = ttl_of(world, list, index);
    return ttl_s - (world->cuts_ttl_of == (int)list && ttl_s > 0);
}

static uint8_t *served(struct resolver_caches *caches, enum alive_list list, size_t source)
{
    switch (list) {
    case ALIVE_DS:
        return caches->ds_served;
    case ALIVE_NS:
        return caches->ns_served;
    case ALIVE_DNSKEY:
        return caches->set_served[source];
    case ALIVE_SIGNERS:
        return caches->mix_served[source];
    case ALIVE_APEX_NS:
    case ALIVE_LIST_COUNT:
        break;
    }
    require(false);
    return NULL;
}

static const enum alive_list LISTS[] = {ALIVE_DS, ALIVE_NS, ALIVE_DNSKEY, ALIVE_SIGNERS};

static size_t sources_of(const struct explore_world *world, enum alive_list list)
{
    return list == ALIVE_DS || list == ALIVE_NS ? 1 : world->source_count;
}

static size_t servers_of(const struct explore_world *world)
{
    return world->has_lag && !world->knows_one_server ? RESOLVER_SERVERS : 1;
}

/* Each server tells what it serves; without lag, twice at once. */
static void observe(const struct explore_world *world, struct state *state)
{
    for (size_t server = 0; server < state->alive.server_count; ++server) {
        const struct alive_server *asked = &state->alive.servers[server];
        size_t instance = asked->address.octets[2];
        for (size_t i = 0; i < LEN(LISTS); ++i) {
            bool is_parents = LISTS[i] == ALIVE_DS || LISTS[i] == ALIVE_NS;
            if (is_parents != asked->is_parent) {
                continue;
            }
            uint8_t index = served(&state->caches, LISTS[i], asked->source)[instance];
            struct alive_observation observation = {
                .server = (uint8_t)server,
                .list = LISTS[i],
                .content = content_of(world, LISTS[i], index),
                .ttl_s = told_ttl(world, LISTS[i], index),
            };
            for (size_t round = world->has_lag ? 1 : 0; round < 2; ++round) {
                enum alive_news news;
                require(alive_observe(&state->alive, &observation, BASE_S, &news) == OK);
                require(news == ALIVE_EXPECTED);
            }
        }
    }
    require(alive_settle(&state->alive, &world->policy, BASE_S) == OK);
}

static void move_time(int64_t *time_s, int64_t by_s)
{
    if (*time_s != CACHES_FOREVER && *time_s != ALIVE_NEVER) {
        *time_s += by_s;
        *time_s = *time_s < BASE_S - MEMORY_S ? ALIVE_NEVER : *time_s;
    }
}

static void move_into_past(struct alive *alive, int64_t by_s)
{
    for (size_t v = 0; v < alive->version_count; ++v) {
        for (size_t t = 0; t < alive->versions[v].term_count; ++t) {
            struct alive_term *term = &alive->versions[v].terms[t];
            term->decided_s = ALIVE_NEVER; /* no later than any death to come */
            term->gone_s -= term->gone_s == CACHES_FOREVER ? 0 : by_s;
        }
    }
    for (size_t i = 0; i < alive->server_count; ++i) {
        for (size_t list = 0; list < ALIVE_LISTS_OF_A_PLACE; ++list) {
            for (size_t m = 0; m < alive->servers[i].mark_count[list]; ++m) {
                move_time(&alive->servers[i].marks[list][m].since_s, -by_s);
                int64_t *confirmed_s = &alive->servers[i].marks[list][m].confirmed_s;
                *confirmed_s -= *confirmed_s == ALIVE_NEVER ? 0 : by_s;
            }
        }
    }
    for (size_t i = 0; i < alive->chain_count; ++i) {
        alive->chains[i].dies_s -= by_s;
    }
    for (size_t i = 0; i < CACHES_SOURCES_MAX; ++i) {
        move_time(&alive->left_s[i], -by_s);
    }
}

/* Numbers keep their order within their list and become small. */
static uint32_t rank_of(const struct alive *alive, const struct alive_version *like,
                        uint32_t number)
{
    uint32_t below[2 * ALIVE_VERSIONS_MAX * ALIVE_TERMS_MAX];
    size_t count = 0;
    for (size_t v = 0; v < alive->version_count; ++v) {
        const struct alive_version *version = &alive->versions[v];
        bool is_alike = version->list == like->list && version->source == like->source;
        for (size_t t = 0; is_alike && t < version->term_count; ++t) {
            below[count++] = version->terms[t].decided;
            below[count++] = version->terms[t].superseded;
        }
    }
    uint32_t rank = 0;
    for (uint32_t last = 0, next = 0; last < number; last = next, ++rank) {
        next = number;
        for (size_t i = 0; i < count; ++i) {
            next = below[i] > last && below[i] < next ? below[i] : next;
        }
    }
    return rank;
}

static bool is_in_list(const struct alive_version *version, const struct alive_server *server,
                       size_t list)
{
    bool is_parents = version->list == ALIVE_DS || version->list == ALIVE_NS;
    size_t first = is_parents ? ALIVE_DS : ALIVE_DNSKEY;
    return is_parents == server->is_parent && (size_t)version->list - first == list &&
           (is_parents || version->source == server->source);
}

/* The newest awaited change that a mark answers for, as a rank; 0: none. */
static uint32_t awaited_rank(const struct alive *alive, const struct alive_server *server,
                             size_t list, uint32_t number)
{
    uint32_t newest = 0, rank = 0;
    for (size_t v = 0; v < alive->version_count; ++v) {
        const struct alive_version *version = &alive->versions[v];
        for (size_t t = 0; is_in_list(version, server, list) && t < version->term_count; ++t) {
            const struct alive_term *term = &version->terms[t];
            bool is_awaited = term->superseded != 0 && term->gone_s == CACHES_FOREVER;
            if (is_awaited && term->superseded <= number && term->superseded > newest) {
                newest = term->superseded;
                rank = rank_of(alive, version, newest);
            }
        }
    }
    return rank;
}

/* Marks matter while something is awaited; when a round was confirmed does not, as long as another
 * server has still to confirm its own, later. */
static void rank_marks(const struct alive *old, struct alive_server *server, size_t list)
{
    uint8_t kept = 0;
    for (size_t m = 0; m < server->mark_count[list]; ++m) {
        struct alive_mark mark = server->marks[list][m];
        mark.number = awaited_rank(old, server, list, mark.number);
        bool is_known = kept > 0 && server->marks[list][kept - 1].number == mark.number;
        if (mark.confirmed_s != ALIVE_NEVER) {
            mark.since_s = mark.confirmed_s = BASE_S - 1;
        }
        if (mark.number != 0 && !is_known) {
            server->marks[list][kept++] = mark;
        }
    }
    server->mark_count[list] = kept;
}

static void rank_numbers(struct alive *alive)
{
    const struct alive old = *alive;
    alive->last_change = 1;
    for (size_t v = 0; v < alive->version_count; ++v) {
        for (size_t t = 0; t < alive->versions[v].term_count; ++t) {
            struct alive_term *term = &alive->versions[v].terms[t];
            bool is_over = term->superseded != 0 && term->gone_s != CACHES_FOREVER;
            term->decided = is_over ? 0 : rank_of(&old, &old.versions[v], term->decided);
            term->superseded = is_over ? 1 : rank_of(&old, &old.versions[v], term->superseded);
            term->decided_s = ALIVE_NEVER;
            term->seen_s = term->seen_s == ALIVE_NEVER ? ALIVE_NEVER : 0;
            term->seen_server = 0;
            alive->last_change =
                term->decided > alive->last_change ? term->decided : alive->last_change;
            alive->last_change =
                term->superseded > alive->last_change ? term->superseded : alive->last_change;
        }
    }
    for (size_t i = 0; i < alive->server_count; ++i) {
        for (size_t list = 0; list < ALIVE_LISTS_OF_A_PLACE; ++list) {
            rank_marks(&old, &alive->servers[i], list);
        }
    }
}

static int compare_terms(const void *left, const void *right)
{
    const struct alive_term *a = left, *b = right;
    if (a->superseded != b->superseded) {
        return a->superseded < b->superseded ? -1 : 1;
    }
    if (a->decided != b->decided) {
        return a->decided < b->decided ? -1 : 1;
    }
    return (a->gone_s > b->gone_s) - (a->gone_s < b->gone_s);
}

static uint64_t order_of(const struct alive_version *version)
{
    uint64_t order = ((uint64_t)version->list << 4 | version->source) << 48;
    for (size_t i = 0; i < version->content.ds.count; ++i) {
        struct ds_entry entry = version->content.ds.entries[i];
        order |= UINT64_C(1) << (entry.key * 4U + entry.digest_type);
    }
    return order | version->content.keys.published << 8 | version->content.keys.signers |
           version->content.signers | version->content.sources;
}

static int compare_versions(const void *left, const void *right)
{
    uint64_t a = order_of(left), b = order_of(right);
    return (a > b) - (a < b);
}

static int compare_chains(const void *left, const void *right)
{
    const struct alive_chain *a = left, *b = right;
    int order = memcmp(&a->ds, &b->ds, sizeof a->ds);
    return order != 0 ? order : memcmp(&a->keys, &b->keys, sizeof a->keys);
}

/* Equal states become equal octets. */
static void canonise(struct alive *alive)
{
    rank_numbers(alive);
    for (size_t v = 0; v < alive->version_count; ++v) {
        struct alive_version *version = &alive->versions[v];
        qsort(version->terms, version->term_count, sizeof version->terms[0], compare_terms);
    }
    qsort(alive->versions, alive->version_count, sizeof alive->versions[0], compare_versions);
    qsort(alive->chains, alive->chain_count, sizeof alive->chains[0], compare_chains);
}

static uint64_t hash_of(const uint8_t *bytes, size_t len)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < len; ++i) {
        hash = (hash ^ bytes[i]) * 1099511628211U;
    }
    return hash ^ hash >> 29;
}

/* Remembers the state unless it is known. */
static void remember(struct walk *walk, struct state *state)
{
    uint8_t bytes[NODE_SIZE_MAX];
    canonise(&state->alive);
    struct writer form = writer_over(bytes, sizeof bytes);
    writer_span(&form, span_of(&state->caches, sizeof state->caches));
    alive_write(&state->alive, &form);
    require(form.status == OK);
    size_t at = hash_of(bytes, form.len) % SLOTS;
    for (; walk->slots[at] != NULL; at = (at + 1) % SLOTS) {
        const struct node *known = walk->slots[at];
        if (known->len == form.len && memcmp(known->bytes, bytes, form.len) == 0) {
            return;
        }
    }
    if (walk->result.states == walk->world->states_max) {
        walk->result.is_complete = false;
        return;
    }
    struct node *node = malloc(sizeof *node + form.len);
    require(node != NULL);
    node->len = (uint32_t)form.len;
    memcpy(node->bytes, bytes, form.len);
    walk->slots[at] = node;
    walk->nodes[walk->result.states++] = node;
}

static void recall(const struct node *node, struct state *state)
{
    memcpy(&state->caches, node->bytes, sizeof state->caches);
    size_t head = sizeof state->caches;
    require(alive_read(span_of(node->bytes + head, node->len - head), &state->alive) == OK);
}

/* No step may make a kind of resolver bogus that was not before. With the strict policy, of those
 * that demand every DNSKEY algorithm none may be where none was. */
static void step(struct walk *walk, const struct state *from, struct state *to)
{
    const struct resolver_world *resolvers = &walk->world->resolvers;
    uint64_t before = resolver_find_bogus(resolvers, &from->caches);
    uint64_t after = resolver_find_bogus(resolvers, &to->caches);
    bool is_new = (after & ~before & ~resolvers->strictest) != 0;
    bool is_first = walk->world->is_strict && before == 0 && after != 0;
    walk->result.transitions++;
    walk->result.bogus += is_new || is_first;
    remember(walk, to);
}

static struct safe_change change_of(const struct explore_world *world, enum alive_list list,
                                    size_t source, size_t index)
{
    struct alive_content content = content_of(world, list, index);
    struct safe_change change = {.source = (uint8_t)source,
                                 .ds = content.ds,
                                 .keys = content.keys,
                                 .mix_count = 1,
                                 .mixes = {content.signers},
                                 .sources = content.sources};
    change.list = list == ALIVE_DS       ? SAFE_DS
                  : list == ALIVE_NS     ? SAFE_SOURCES
                  : list == ALIVE_DNSKEY ? SAFE_DNSKEY
                                         : SAFE_SIGNERS;
    return change;
}

/* The decision and its effect on servers and caches; false: `alive` has no room for it. */
static bool make(const struct explore_world *world, struct state *state, enum alive_list list,
                 size_t source, uint8_t index)
{
    struct alive_decision decision = {.list = list,
                                      .source = (uint8_t)source,
                                      .count = 1,
                                      .contents = {content_of(world, list, index)},
                                      .ttl_s = told_ttl(world, list, index),
                                      .expires_s = CACHES_FOREVER,
                                      .left_expires_s = CACHES_FOREVER};
    uint32_t number = 0;
    if (alive_decide(&state->alive, &decision, BASE_S, &number) != OK) {
        return false;
    }
    uint8_t *servers = served(&state->caches, list, source);
    servers[0] = index;
    servers[1] = world->has_lag ? servers[1] : index;
    resolver_ask(&world->resolvers, &state->caches);
    if (!world->has_lag) {
        observe(world, state);
    }
    return true;
}

static size_t contents_of(const struct explore_world *world, enum alive_list list)
{
    switch (list) {
    case ALIVE_DS:
        return world->resolvers.ds_count;
    case ALIVE_DNSKEY:
        return world->resolvers.set_count;
    case ALIVE_SIGNERS:
        return world->resolvers.mix_count;
    case ALIVE_NS:
        return world->source_count == 1 ? 0 : 4; /* as bits: 1, 2, 3 */
    case ALIVE_APEX_NS:
    case ALIVE_LIST_COUNT:
        break;
    }
    return 0;
}

static bool may_serve(const struct explore_world *world, enum alive_list list, size_t source,
                      size_t index)
{
    switch (list) {
    case ALIVE_DS:
        return !world->stays_secure || content_of(world, list, index).ds.count != 0;
    case ALIVE_NS:
        return index != 0;
    case ALIVE_DNSKEY:
        return (world->sets_of[source] >> index & 1) != 0;
    case ALIVE_SIGNERS:
        return (world->mixes_of[source] >> index & 1) != 0;
    case ALIVE_APEX_NS:
    case ALIVE_LIST_COUNT:
        break;
    }
    return false;
}

static void try_change(struct walk *walk, const struct state *state, const struct caches *view,
                       const struct alive_decision *what)
{
    struct explore_world *world = walk->world;
    size_t index = what->count;
    struct safe_policy policy = {.is_strict = world->is_strict, .clauses = world->clauses};
    struct safe_change change = change_of(world, what->list, what->source, index);
    if (!safe_change(view, &change, &policy).is_safe) {
        walk->result.refusals++;
        walk->result.stuck += what->list == ALIVE_DS && change.ds.count == 0;
        return;
    }
    struct state *next = malloc(sizeof *next);
    require(next != NULL);
    *next = *state;
    if (make(world, next, what->list, what->source, (uint8_t)index)) {
        step(walk, state, next);
    } else {
        walk->result.refusals++;
    }
    free(next);
}

/* Does the list hold as many versions as this world has room for? */
static bool is_full(const struct explore_world *world, const struct resolver_caches *caches,
                    enum alive_list list)
{
    const uint8_t *left = list == ALIVE_DS       ? caches->ds_left
                          : list == ALIVE_NS     ? caches->ns_left
                          : list == ALIVE_DNSKEY ? caches->set_left
                                                 : caches->mix_left;
    size_t count = 0;
    for (size_t i = 0; i < contents_of(world, list); ++i) {
        count += left[i] != 0;
    }
    return count >= world->versions_max;
}

static void try_changes(struct walk *walk, struct state *state, const struct caches *view)
{
    const struct explore_world *world = walk->world;
    for (size_t i = 0; i < LEN(LISTS); ++i) {
        for (size_t source = 0; source < sources_of(world, LISTS[i]); ++source) {
            const uint8_t *now = served(&state->caches, LISTS[i], source);
            for (size_t index = 0; index < contents_of(world, LISTS[i]); ++index) {
                bool is_other = index != now[0] && may_serve(world, LISTS[i], source, index);
                /* With lag, one change of a list at a time, as long as servers differ. */
                if (is_other && now[0] == now[1] && !is_full(world, &state->caches, LISTS[i])) {
                    struct alive_decision what = {
                        .list = LISTS[i], .source = (uint8_t)source, .count = (uint8_t)index};
                    try_change(walk, state, view, &what);
                }
            }
        }
    }
}

static void catch_up(struct walk *walk, const struct state *state)
{
    for (size_t i = 0; i < LEN(LISTS); ++i) {
        for (size_t source = 0; source < sources_of(walk->world, LISTS[i]); ++source) {
            struct state next = *state;
            uint8_t *servers = served(&next.caches, LISTS[i], source);
            if (servers[0] != servers[1]) {
                servers[1] = servers[0];
                resolver_ask(&walk->world->resolvers, &next.caches);
                step(walk, state, &next);
            }
        }
    }
}

static void pass_time(struct walk *walk, const struct state *state)
{
    struct state next = *state;
    move_into_past(&next.alive, 1);
    resolver_tick(&walk->world->resolvers, &next.caches);
    if (walk->world->has_lag) {
        observe(walk->world, &next);
    }
    require(alive_settle(&next.alive, &walk->world->policy, BASE_S) == OK);
    step(walk, state, &next);
}

/* Which contents of a list `alive` takes for held. */
static uint32_t held_in(const struct explore_world *world, const struct caches *view,
                        enum alive_list list)
{
    uint32_t held = 0;
    for (size_t index = 0; index < contents_of(world, list); ++index) {
        struct alive_content content = content_of(world, list, index);
        for (size_t i = 0; list == ALIVE_DS && i < view->ds_count; ++i) {
            bool is_it = view->ds[i].held.is_held && ds_set_equal(&view->ds[i].set, &content.ds);
            held |= is_it ? 1U << index : 0;
        }
        for (size_t i = 0; list == ALIVE_DNSKEY && i < view->dnskeys_count; ++i) {
            const struct held_dnskeys *keys = &view->dnskeys[i];
            bool is_it = keys->held.is_held && keys->set.published == content.keys.published &&
                         keys->set.signers == content.keys.signers;
            held |= is_it ? 1U << index : 0;
        }
        for (size_t i = 0; list == ALIVE_SIGNERS && i < view->signers_count; ++i) {
            const struct held_signers *signers = &view->signers[i];
            bool is_it = signers->held.is_held && signers->signers == content.signers;
            held |= is_it ? 1U << index : 0;
        }
    }
    return held;
}

static uint32_t left_in(const uint8_t *left, size_t count)
{
    uint32_t held = 0;
    for (size_t i = 0; i < count; ++i) {
        held |= left[i] != 0 ? 1U << i : 0;
    }
    return held;
}

static bool has_chain(const struct explore_world *world, const struct caches *view, size_t d,
                      size_t s)
{
    struct alive_content ds = content_of(world, ALIVE_DS, d);
    struct alive_content set = content_of(world, ALIVE_DNSKEY, s);
    for (size_t i = 0; i < view->chain_count; ++i) {
        const struct held_chain *chain = &view->chains[i];
        if (ds_set_equal(&chain->ds, &ds.ds) && chain->keys.published == set.keys.published &&
            chain->keys.signers == set.keys.signers) {
            return true;
        }
    }
    return false;
}

/* `alive` and the caches must agree; where they do not, `alive` may only hold more. */
static void compare(struct walk *walk, const struct state *state, const struct caches *view)
{
    const struct explore_world *world = walk->world;
    const struct resolver_caches *caches = &state->caches;
    uint32_t believed[] = {held_in(world, view, ALIVE_DS), held_in(world, view, ALIVE_DNSKEY),
                           held_in(world, view, ALIVE_SIGNERS)};
    uint32_t held[] = {left_in(caches->ds_left, world->resolvers.ds_count),
                       left_in(caches->set_left, world->resolvers.set_count),
                       left_in(caches->mix_left, world->resolvers.mix_count)};
    bool is_exact = true, is_covered = true;
    for (size_t i = 0; i < LEN(held); ++i) {
        is_exact = is_exact && believed[i] == held[i];
        is_covered = is_covered && (held[i] & ~believed[i]) == 0;
    }
    for (size_t d = 0; d < world->resolvers.ds_count; ++d) {
        bool is_dead = (believed[0] >> d & 1) == 0 && content_of(world, ALIVE_DS, d).ds.count != 0;
        for (size_t s = 0; is_dead && s < world->resolvers.set_count; ++s) {
            is_covered =
                is_covered && (caches->chain_left[d][s] == 0 || has_chain(world, view, d, s));
        }
    }
    walk->result.inexact += !is_exact;
    walk->result.unnoticed += !is_covered;
}

static void note_settled(struct walk *walk, const struct state *state, const struct caches *view)
{
    const struct explore_world *world = walk->world;
    const struct resolver_caches *caches = &state->caches;
    bool is_at_rest = view->chain_count == 0 && view->ds_count == 1 && view->dnskeys_count == 1 &&
                      view->signers_count == 1;
    if (is_at_rest && world->source_count == 1) {
        size_t d = caches->ds_served[0], s = caches->set_served[0][0], m = caches->mix_served[0][0];
        walk->settled[d][s][m] = true;
    }
    if (world->source_count == 2 && view->chain_count == 0 && view->ds_count == 1 &&
        view->reached == 2 && caches->ds_served[0] == world->goal_ds) {
        size_t held = 0;
        for (size_t i = 0; i < view->dnskeys_count; ++i) {
            held += view->dnskeys[i].held.is_held;
        }
        walk->result.goals += held == 1;
    }
}

static void count_settled(struct walk *walk)
{
    const struct explore_world *world = walk->world;
    for (size_t d = 0; d < world->resolvers.ds_count; ++d) {
        bool is_secure = content_of(world, ALIVE_DS, d).ds.count != 0;
        for (size_t s = 0; is_secure && s < world->resolvers.set_count; ++s) {
            for (size_t m = 0; m < world->resolvers.mix_count; ++m) {
                /* What is published now must please checkers with either policy. */
                bool is_good = world->resolvers.bogus[d][s][m] == 0;
                walk->result.safe_total += is_good;
                walk->result.safe_ends += is_good && walk->settled[d][s][m];
            }
        }
    }
}

static void begin(struct walk *walk, size_t d, const uint8_t *set, const uint8_t *mix)
{
    struct explore_world *world = walk->world;
    struct state state = {0};
    alive_open(&state.alive);
    for (size_t k = 0; k < world->resolvers.key_count; ++k) {
        struct alive_key key = {.algorithm = world->resolvers.algorithm[k] == 0 ? 13 : 8,
                                .tag = (uint16_t)(k + 1),
                                .id = {(uint8_t)(k + 1)},
                                .expires_s = CACHES_FOREVER};
        uint8_t index = 0;
        require(alive_add_key(&state.alive, &key, &index) == OK && index == k);
    }
    for (size_t place = 0; place <= world->source_count; ++place) {
        for (size_t instance = 0; instance < servers_of(world); ++instance) {
            struct alive_server server = {.is_parent = place == 0,
                                          .source = (uint8_t)(place == 0 ? 0 : place - 1),
                                          .refresh_s = world->has_lag ? 1 : 0,
                                          .transferred_s = ALIVE_NEVER};
            server.address.family = ADDRESS_IPV4;
            server.address.octets[2] = (uint8_t)instance;
            server.address.octets[3] = (uint8_t)place;
            uint8_t index = 0;
            require(alive_add_server(&state.alive, &server, &index) == OK);
        }
    }
    const uint8_t first[] = {(uint8_t)d, 1};
    for (size_t i = 0; i < LEN(LISTS); ++i) {
        for (size_t source = 0; source < sources_of(world, LISTS[i]); ++source) {
            uint8_t index = i < 2 ? first[i] : i == 2 ? set[source] : mix[source];
            struct alive_decision decision = {
                .list = LISTS[i],
                .source = (uint8_t)source,
                .count = 1,
                .contents = {content_of(world, LISTS[i], index)},
                .ttl_s = told_ttl(world, LISTS[i], index),
                .expires_s = CACHES_FOREVER,
                .left_expires_s = CACHES_FOREVER,
            };
            uint32_t number = 0;
            require(alive_decide(&state.alive, &decision, ALIVE_NEVER, &number) == OK);
            memset(served(&state.caches, LISTS[i], source), index, RESOLVER_SERVERS);
        }
    }
    resolver_ask(&world->resolvers, &state.caches);
    observe(world, &state);
    remember(walk, &state);
}

static void begin_all(struct walk *walk)
{
    struct explore_world *world = walk->world;
    if (!world->starts_anywhere) {
        begin(walk, world->start_ds, world->start_set, world->start_mix);
        return;
    }
    for (size_t d = 0; d < world->resolvers.ds_count; ++d) {
        for (uint8_t s = 0; s < world->resolvers.set_count; ++s) {
            for (uint8_t m = 0; m < world->resolvers.mix_count; ++m) {
                begin(walk, d, &s, &m);
            }
        }
    }
}

static void visit(struct walk *walk, const struct node *node)
{
    struct state *state = malloc(sizeof *state);
    struct caches *view = malloc(sizeof *view);
    require(state != NULL && view != NULL);
    recall(node, state);
    require(alive_view(&state->alive, &walk->world->policy, BASE_S, view) == OK);
    compare(walk, state, view);
    note_settled(walk, state, view);
    try_changes(walk, state, view);
    catch_up(walk, state);
    pass_time(walk, state);
    free(state);
    free(view);
}

struct explore_result explore(struct explore_world *world)
{
    struct walk *walk = calloc(1, sizeof *walk);
    require(walk != NULL && (world->source_count == 1 || !world->starts_anywhere));
    walk->world = world;
    walk->slots = calloc(SLOTS, sizeof(struct node *));
    walk->nodes = calloc(world->states_max, sizeof(struct node *));
    require(walk->slots != NULL && walk->nodes != NULL && world->states_max < SLOTS / 2);
    walk->result.is_complete = true;
    resolver_judge_all(&world->resolvers);
    begin_all(walk);
    for (size_t i = 0; i < walk->result.states; ++i) {
        visit(walk, walk->nodes[i]);
        if (world->stops_at_bogus && walk->result.bogus > 0) {
            walk->result.is_complete = false;
            break;
        }
    }
    count_settled(walk);
    struct explore_result result = walk->result;
    for (size_t i = 0; i < result.states; ++i) {
        free(walk->nodes[i]);
    }
    free(walk->slots);
    free(walk->nodes);
    free(walk);
    return result;
}
