/* A zone, its parent and the time, for tests of `alive` and `safe` together. */
#include "core/keys/alive_fixture.h"

#include <string.h>

static void add_server(struct alive *alive, bool is_parent, uint8_t source)
{
    struct alive_server server = {.address = {.family = ADDRESS_IPV4, .port = 53},
                                  .is_parent = is_parent,
                                  .source = source,
                                  .transferred_s = ALIVE_NEVER};
    server.address.octets[3] = (uint8_t)(is_parent ? 100 : source + 1);
    uint8_t index = 0;
    require(alive_add_server(alive, &server, &index) == OK);
}

void fixture_open(struct alive_fixture *fixture, const struct alive_times *times)
{
    *fixture = (struct alive_fixture){
        .policy = {.hops = 1},
        .safe = {.is_strict = true, .clauses = SAFE_ALL},
        .times = *times,
    };
    alive_open(&fixture->alive);
    add_server(&fixture->alive, true, 0);
    add_server(&fixture->alive, false, 0);
    add_server(&fixture->alive, false, 1);
}

static void learn_keys(struct alive_fixture *fixture)
{
    for (size_t i = 0; i < fixture->names.key_count; ++i) {
        struct alive_key key = {.algorithm = fixture->names.keys[i].algorithm,
                                .tag = fixture->names.keys[i].tag,
                                .id = {(uint8_t)(i + 1)},
                                .expires_s = CACHES_FOREVER};
        uint8_t index = 0;
        require(alive_add_key(&fixture->alive, &key, &index) == OK && index == i);
    }
}

struct safe_change fixture_word(struct alive_fixture *fixture, const char *word)
{
    struct safe_change change = fixture_change(&fixture->names, word);
    learn_keys(fixture);
    return change;
}

struct alive_decision fixture_decision(const struct alive_fixture *fixture,
                                       const struct safe_change *change)
{
    const struct alive_times *times = &fixture->times;
    struct alive_decision decision = {.source = change->source,
                                      .count = 1,
                                      .expires_s = CACHES_FOREVER,
                                      .left_expires_s = CACHES_FOREVER};
    switch (change->list) {
    case SAFE_DS:
        decision.list = ALIVE_DS;
        decision.contents[0].ds = change->ds;
        decision.ttl_s = change->ds.count == 0 ? times->negative_parent_s : times->ds_s;
        break;
    case SAFE_DNSKEY:
        decision.list = ALIVE_DNSKEY;
        decision.contents[0].keys = change->keys;
        decision.ttl_s = change->keys.published == 0 ? times->negative_child_s : times->keys_s;
        break;
    case SAFE_SIGNERS:
        decision.list = ALIVE_SIGNERS;
        decision.count = change->mix_count;
        for (size_t i = 0; i < change->mix_count; ++i) {
            decision.contents[i].signers = change->mixes[i];
        }
        decision.ttl_s = times->zone_s;
        break;
    case SAFE_SOURCES:
        decision.list = ALIVE_NS;
        decision.contents[0].sources = change->sources;
        decision.ttl_s = times->ns_s;
        decision.beyond_s = times->apex_s;
        break;
    case SAFE_LIST_COUNT:
        break;
    }
    return decision;
}

void fixture_begin(struct alive_fixture *fixture, const char *line)
{
    uint32_t number = 0;
    bool has_sources = false;
    for (const char *word = line; *word != '\0';) {
        char text[128] = "";
        size_t len = strcspn(word, " ");
        require(len < sizeof text);
        memcpy(text, word, len);
        word += len + strspn(word + len, " ");
        struct safe_change change = fixture_word(fixture, text);
        struct alive_decision decision = fixture_decision(fixture, &change);
        require(alive_decide(&fixture->alive, &decision, ALIVE_NEVER, &number) == OK);
        has_sources = has_sources || change.list == SAFE_SOURCES;
    }
    if (!has_sources) {
        fixture_begin(fixture, "N=0");
    }
}

struct safe_verdict fixture_ask(const struct alive_fixture *fixture,
                                const struct safe_change *change)
{
    struct caches caches;
    require(alive_view(&fixture->alive, &fixture->policy, fixture->now_s, &caches) == OK);
    return safe_change(&caches, change, &fixture->safe);
}

void fixture_make(struct alive_fixture *fixture, const struct safe_change *change)
{
    struct alive_decision decision = fixture_decision(fixture, change);
    uint32_t number = 0;
    require(alive_decide(&fixture->alive, &decision, fixture->now_s, &number) == OK);
    bool is_parents = decision.list == ALIVE_DS || decision.list == ALIVE_NS;
    require(fixture->pending_count < ALIVE_FIXTURE_PENDING_MAX);
    fixture->pending[fixture->pending_count++] =
        (struct alive_pending){fixture->now_s + (is_parents ? fixture->times.parent_delay_s
                                                            : fixture->times.child_delay_s),
                               decision};
}

/* Two rounds at the one server of the place. */
static void see(struct alive_fixture *fixture, const struct alive_decision *decision)
{
    bool is_parents = decision->list == ALIVE_DS || decision->list == ALIVE_NS;
    struct alive_observation observation = {
        .server = (uint8_t)(is_parents ? 0 : 1 + decision->source),
        .list = decision->list,
        .ttl_s = decision->ttl_s,
        .beyond_s = decision->beyond_s,
    };
    for (size_t round = 0; round < 2; ++round) {
        for (size_t i = 0; i < decision->count; ++i) {
            enum alive_news news;
            observation.content = decision->contents[i];
            require(alive_observe(&fixture->alive, &observation, fixture->now_s, &news) == OK);
            require(news == ALIVE_EXPECTED);
        }
    }
}

bool fixture_wait(struct alive_fixture *fixture, int64_t until_s)
{
    int64_t next_s = alive_next_death(&fixture->alive, &fixture->policy, fixture->now_s);
    for (size_t i = 0; i < fixture->pending_count; ++i) {
        next_s = fixture->pending[i].at_s < next_s ? fixture->pending[i].at_s : next_s;
    }
    if (next_s > until_s) {
        return false;
    }
    fixture->now_s = next_s;
    for (size_t i = fixture->pending_count; i-- > 0;) {
        if (fixture->pending[i].at_s <= next_s) {
            struct alive_decision decision = fixture->pending[i].decision;
            fixture->pending[i] = fixture->pending[--fixture->pending_count];
            see(fixture, &decision);
        }
    }
    require(alive_settle(&fixture->alive, &fixture->policy, next_s) == OK);
    return true;
}

bool fixture_is_at_rest(const struct alive_fixture *fixture)
{
    struct caches caches;
    require(alive_view(&fixture->alive, &fixture->policy, fixture->now_s, &caches) == OK);
    bool is_at_rest = caches.chain_count == 0 && fixture->pending_count == 0;
    for (size_t i = 0; i < caches.ds_count; ++i) {
        is_at_rest = is_at_rest && caches.ds[i].held.is_current;
    }
    for (size_t i = 0; i < caches.dnskeys_count; ++i) {
        const struct held *held = &caches.dnskeys[i].held;
        is_at_rest = is_at_rest && held->dies_s == (held->is_held ? CACHES_FOREVER : held->dies_s);
    }
    for (size_t i = 0; i < caches.signers_count; ++i) {
        const struct held *held = &caches.signers[i].held;
        is_at_rest = is_at_rest && held->dies_s == (held->is_held ? CACHES_FOREVER : held->dies_s);
    }
    return is_at_rest;
}
