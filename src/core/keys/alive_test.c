/* When versions die and what evidence it takes, rule by rule of the specification; and the durable
 * form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/keys/alive_fixture.h"

static const struct alive_times TIMES = {.ds_s = 1000,
                                         .keys_s = 100,
                                         .zone_s = 500,
                                         .ns_s = 2000,
                                         .apex_s = 300,
                                         .negative_parent_s = 50,
                                         .negative_child_s = 60};

/* A signed zone; servers 0 of the parent, 1 of source 0, 2 of source 1. */
static void open_signed(struct alive_fixture *fixture)
{
    fixture_open(fixture, &TIMES);
    fixture_begin(fixture, "D=a1 K=a1/a1 S=a1 K@1=a2/a2 S@1=a2");
}

static uint32_t decide_ttl(struct alive_fixture *fixture, const char *word, uint32_t ttl_s)
{
    struct safe_change change = fixture_word(fixture, word);
    struct alive_decision decision = fixture_decision(fixture, &change);
    decision.ttl_s = ttl_s != 0 ? ttl_s : decision.ttl_s;
    uint32_t number = 0;
    assert_int_equal(alive_decide(&fixture->alive, &decision, fixture->now_s, &number), OK);
    return number;
}

static uint32_t decide(struct alive_fixture *fixture, const char *word)
{
    return decide_ttl(fixture, word, 0);
}

static enum alive_news see_ttl(struct alive_fixture *fixture, uint8_t server, const char *word,
                               uint32_t ttl_s)
{
    struct safe_change change = fixture_word(fixture, word);
    struct alive_decision decision = fixture_decision(fixture, &change);
    struct alive_observation observation = {.server = server,
                                            .list = decision.list,
                                            .content = decision.contents[0],
                                            .ttl_s = ttl_s != 0 ? ttl_s : decision.ttl_s,
                                            .beyond_s = decision.beyond_s,
                                            .type = 43};
    enum alive_news news = ALIVE_EXPECTED;
    assert_int_equal(alive_observe(&fixture->alive, &observation, fixture->now_s, &news), OK);
    return news;
}

static enum alive_news see(struct alive_fixture *fixture, uint8_t server, const char *word)
{
    return see_ttl(fixture, server, word, 0);
}

static void at(struct alive_fixture *fixture, int64_t now_s)
{
    fixture->now_s = now_s;
    assert_int_equal(alive_settle(&fixture->alive, &fixture->policy, now_s), OK);
}

/* ALIVE_NEVER: no such version is alive. */
static int64_t dies(struct alive_fixture *fixture, const char *word)
{
    struct safe_change change = fixture_word(fixture, word);
    struct alive_decision decision = fixture_decision(fixture, &change);
    struct caches caches;
    assert_int_equal(alive_view(&fixture->alive, &fixture->policy, fixture->now_s, &caches), OK);
    for (size_t i = 0; i < caches.ds_count; ++i) {
        if (decision.list == ALIVE_DS && ds_set_equal(&caches.ds[i].set, &change.ds)) {
            return caches.ds[i].held.dies_s;
        }
    }
    for (size_t i = 0; i < caches.dnskeys_count; ++i) {
        if (decision.list == ALIVE_DNSKEY && caches.dnskeys[i].held.source == change.source &&
            caches.dnskeys[i].set.published == change.keys.published) {
            return caches.dnskeys[i].held.dies_s;
        }
    }
    for (size_t i = 0; i < fixture->alive.version_count; ++i) {
        const struct alive_version *version = &fixture->alive.versions[i];
        if (version->list == decision.list && decision.list == ALIVE_NS &&
            version->content.sources == change.sources) {
            return alive_dies(&fixture->alive, &fixture->policy, version, fixture->now_s);
        }
    }
    return ALIVE_NEVER;
}

static void alive_from_the_decision_on(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    assert_int_equal(dies(&fixture, "D=a2"), ALIVE_NEVER);
    decide(&fixture, "D=a2");
    assert_int_equal(dies(&fixture, "D=a2"), CACHES_FOREVER);
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
}

static void a_timed_out_change_lives_until_refused(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    uint32_t first = decide(&fixture, "D=a1,a2");
    at(&fixture, 100000);
    assert_int_equal(dies(&fixture, "D=a1,a2"), CACHES_FOREVER);
    /* Another change comes after it; the refused one was never there. */
    decide(&fixture, "D=a2");
    alive_refuse(&fixture.alive, first);
    assert_int_equal(dies(&fixture, "D=a1,a2"), ALIVE_NEVER);
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 101000);
}

static void a_refused_change_leaves_what_was(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    struct alive before = fixture.alive;
    uint32_t number = decide(&fixture, "K=a1,a3/a1");
    alive_refuse(&fixture.alive, number);
    assert_int_equal(fixture.alive.version_count, before.version_count);
    for (size_t i = 0; i < before.version_count; ++i) {
        assert_int_equal(fixture.alive.versions[i].terms[0].superseded, 0);
    }
    /* What was seen stays, whatever the refusal said. */
    number = decide(&fixture, "K=a1,a3/a1");
    see(&fixture, 1, "K=a1,a3/a1");
    alive_refuse(&fixture.alive, number);
    assert_int_equal(dies(&fixture, "K=a1,a3/a1"), CACHES_FOREVER);
}

static void two_rounds_a_refresh_apart(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    fixture.alive.servers[0].refresh_s = 30;
    decide(&fixture, "D=a2");
    at(&fixture, 10);
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    at(&fixture, 39);
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    at(&fixture, 40);
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 1040);
}

static void an_old_answer_between_starts_anew(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    fixture.alive.servers[0].refresh_s = 30;
    decide(&fixture, "D=a2");
    at(&fixture, 10);
    see(&fixture, 0, "D=a2");
    at(&fixture, 20);
    assert_int_equal(see(&fixture, 0, "D=a1"), ALIVE_EXPECTED);
    at(&fixture, 40);
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    at(&fixture, 70);
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 1070);
}

static void every_address_counts(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    struct alive_server second = {.is_parent = true,
                                  .address = {.family = ADDRESS_IPV6, .octets = {9}},
                                  .expire_s = 5000,
                                  .transferred_s = 7};
    uint8_t index = 0;
    assert_int_equal(alive_add_server(&fixture.alive, &second, &index), OK);
    assert_int_equal(alive_add_server(&fixture.alive, &second, &index), EXISTS);
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    /* It does not answer, and counts as old until its SOA expire has run out. */
    at(&fixture, 5006);
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    at(&fixture, 5007);
    assert_int_equal(dies(&fixture, "D=a1"), 6007);
}

static void a_lagging_site_falls_back(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    at(&fixture, 900);
    assert_int_equal(dies(&fixture, "D=a1"), 1000);
    assert_int_equal(see(&fixture, 0, "D=a1"), ALIVE_RETURNED);
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    see(&fixture, 0, "D=a2");
    at(&fixture, 950);
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 1950);
}

static void a_dead_version_that_shows_again_is_an_alarm(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    at(&fixture, 1000);
    assert_int_equal(dies(&fixture, "D=a1"), ALIVE_NEVER);
    assert_int_equal(see(&fixture, 0, "D=a1"), ALIVE_UNKNOWN);
    assert_int_equal(dies(&fixture, "D=a1"), CACHES_FOREVER);
    /* Once somebody decides what is wanted, it is an old version like another. */
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    at(&fixture, 1100);
    see(&fixture, 0, "D=a2");
    /* What was current already stays what it was: it is not newer than the stranger. */
    assert_int_equal(dies(&fixture, "D=a2"), CACHES_FOREVER);
}

static void a_change_behind_our_back_is_adopted(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    assert_int_equal(see(&fixture, 0, "D=a3"), ALIVE_UNKNOWN);
    assert_int_equal(dies(&fixture, "D=a3"), CACHES_FOREVER);
    decide(&fixture, "D=a3");
    see(&fixture, 0, "D=a3");
    at(&fixture, 5);
    see(&fixture, 0, "D=a3");
    assert_int_equal(dies(&fixture, "D=a1"), 1005);
}

struct ttl_case {
    const char *why;
    struct alive_policy policy;
    int64_t dies_s; /* of a DS set of TTL 1000, gone at 10 */
};

static const struct ttl_case TTLS[] = {
    {"one TTL", {.hops = 1}, 1010},
    {"forwarders that answer with the original TTL", {.hops = 2}, 2010},
    {"a minimum TTL below", {.hops = 1, .floor_s = 900}, 1010},
    {"a minimum TTL above", {.hops = 1, .floor_s = 1500}, 1510},
    {"a minimum TTL above, twice", {.hops = 2, .floor_s = 1500}, 3010},
    {"serve-stale", {.hops = 1, .stale_s = 86400}, 87410},
    {"margin", {.hops = 1, .margin_s = 30}, 1040},
    {"all of them", {.hops = 2, .floor_s = 1200, .stale_s = 100, .margin_s = 5}, 2515},
};

static void ttls_hops_floor_stale_and_margin(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(TTLS); ++i) {
        struct alive_fixture fixture;
        open_signed(&fixture);
        fixture.policy = TTLS[i].policy;
        decide(&fixture, "D=a2");
        at(&fixture, 10);
        see(&fixture, 0, "D=a2");
        see(&fixture, 0, "D=a2");
        if (dies(&fixture, "D=a1") != TTLS[i].dies_s) {
            fail_msg("%s: %lld", TTLS[i].why, (long long)dies(&fixture, "D=a1"));
        }
    }
}

static void stale_ends_with_the_signatures(void **state)
{
    (void)state;
    static const struct {
        int64_t expires_s, dies_s;
    } CASES[] = {{5000, 5000}, {500, 1000}, {90000, 87400}};
    for (size_t i = 0; i < LEN(CASES); ++i) {
        struct alive_fixture fixture;
        open_signed(&fixture);
        fixture.policy.stale_s = 86400;
        struct safe_change change = fixture_word(&fixture, "D=a2");
        struct alive_decision decision = fixture_decision(&fixture, &change);
        decision.left_expires_s = CASES[i].expires_s;
        uint32_t number = 0;
        assert_int_equal(alive_decide(&fixture.alive, &decision, 0, &number), OK);
        see(&fixture, 0, "D=a2");
        see(&fixture, 0, "D=a2");
        assert_int_equal(dies(&fixture, "D=a1"), CASES[i].dies_s);
    }
}

static void a_lowered_ttl_helps_only_later(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    decide_ttl(&fixture, "D=a1", 10);
    see_ttl(&fixture, 0, "D=a1", 10);
    see_ttl(&fixture, 0, "D=a1", 10);
    at(&fixture, 100);
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 1000);
    /* Had the old TTL run out, the new one would count. */
    open_signed(&fixture);
    decide_ttl(&fixture, "D=a1", 10);
    see_ttl(&fixture, 0, "D=a1", 10);
    see_ttl(&fixture, 0, "D=a1", 10);
    at(&fixture, 1000);
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 1010);
}

static void an_unknown_ttl_that_is_seen_counts(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    assert_int_equal(see_ttl(&fixture, 0, "D=a1", 7000), ALIVE_EXPECTED);
    decide(&fixture, "D=a2");
    see(&fixture, 0, "D=a2");
    see(&fixture, 0, "D=a2");
    assert_int_equal(dies(&fixture, "D=a1"), 7000);
}

static void an_empty_set_lives_by_the_negative_ttl(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    fixture_open(&fixture, &TIMES);
    fixture_begin(&fixture, "D=- K=- S=-");
    decide(&fixture, "K=a1/a1");
    see(&fixture, 1, "K=a1/a1");
    see(&fixture, 1, "K=a1/a1");
    assert_int_equal(dies(&fixture, "K=-"), 60);
    decide(&fixture, "D=a1");
    see(&fixture, 0, "D=a1");
    see(&fixture, 0, "D=a1");
    assert_int_equal(dies(&fixture, "D=-"), 50);
}

/* NS moves from source 0 to source 1 at time 0, and the parent shows it at 10. */
static void move_sources(struct alive_fixture *fixture)
{
    decide(fixture, "N=1");
    at(fixture, 10);
    see(fixture, 0, "N=1");
    see(fixture, 0, "N=1");
}

static void the_old_provider_counts_until_its_ns_dies(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    move_sources(&fixture);
    assert_int_equal(dies(&fixture, "N=0"), 10 + 2000 + 300);
    assert_int_equal(dies(&fixture, "K=a1/a1"), 2310 + 100);
    assert_int_equal(dies(&fixture, "K@1=a2/a2"), CACHES_FOREVER);
    at(&fixture, 2310);
    assert_int_equal(dies(&fixture, "N=0"), ALIVE_NEVER);
    assert_int_equal(dies(&fixture, "K=a1/a1"), 2310 + 100);
    /* Nobody is led there any more, but it is still what that source serves. */
    at(&fixture, 5000);
    assert_int_equal(dies(&fixture, "K=a1/a1"), 2310 + 100);
    struct caches caches;
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 5000, &caches), OK);
    assert_int_equal(caches.dnskeys_count, 2);
    assert_true(caches.dnskeys[0].held.is_held != caches.dnskeys[1].held.is_held);
}

static void an_old_provider_that_stops_ends_sooner(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    move_sources(&fixture);
    decide(&fixture, "K=-");
    at(&fixture, 20);
    see(&fixture, 1, "K=-");
    see(&fixture, 1, "K=-");
    assert_int_equal(dies(&fixture, "K=a1/a1"), 120);
}

static void decide_apex(struct alive_fixture *fixture, uint8_t source, uint8_t sources,
                        int64_t decided_s)
{
    struct alive_decision decision = {.list = ALIVE_APEX_NS,
                                      .source = source,
                                      .count = 1,
                                      .contents = {{.sources = sources}},
                                      .ttl_s = 300,
                                      .expires_s = CACHES_FOREVER,
                                      .left_expires_s = CACHES_FOREVER};
    uint32_t number = 0;
    assert_int_equal(alive_decide(&fixture->alive, &decision, decided_s, &number), OK);
}

static void a_child_that_renews_its_own_ns_is_waited_for_or_waived(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    fixture.policy.asks_old_provider = true;
    decide_apex(&fixture, 0, 1, ALIVE_NEVER);
    move_sources(&fixture);
    assert_int_equal(dies(&fixture, "N=0"), CACHES_FOREVER);
    at(&fixture, 100000);
    assert_int_equal(dies(&fixture, "K=a1/a1"), CACHES_FOREVER);
    fixture.alive.waived = 1;
    assert_int_equal(dies(&fixture, "N=0"), 2310);
    /* Or the old provider now names the new servers. */
    fixture.alive.waived = 0;
    decide_apex(&fixture, 0, 2, 100000);
    struct alive_observation seen = {
        .server = 1, .list = ALIVE_APEX_NS, .content = {.sources = 2}, .ttl_s = 300};
    enum alive_news news;
    assert_int_equal(alive_observe(&fixture.alive, &seen, 100000, &news), OK);
    assert_int_equal(alive_observe(&fixture.alive, &seen, 100000, &news), OK);
    assert_int_equal(dies(&fixture, "N=0"), 2310);
}

static void an_apex_leads_on(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    struct caches caches;
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 0, &caches), OK);
    assert_int_equal(caches.reached, 1);
    decide_apex(&fixture, 0, 3, 0);
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 0, &caches), OK);
    assert_int_equal(caches.reached, 3);
}

static size_t chains_at(struct alive_fixture *fixture, int64_t now_s, int64_t *dies_s)
{
    at(fixture, now_s);
    *dies_s = fixture->alive.chain_count > 0 ? fixture->alive.chains[0].dies_s : ALIVE_NEVER;
    return fixture->alive.chain_count;
}

static void a_ds_set_that_dies_leaves_chains(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    int64_t dies_s = 0;
    open_signed(&fixture);
    decide(&fixture, "D=-");
    see(&fixture, 0, "D=-");
    see(&fixture, 0, "D=-");
    assert_int_equal(chains_at(&fixture, 999, &dies_s), 0);
    assert_int_equal(chains_at(&fixture, 1000, &dies_s), 1);
    assert_int_equal(dies_s, 1000 + 100);
    assert_int_equal(chains_at(&fixture, 1100, &dies_s), 0);

    /* Looked at late, the chain dies all the same as if it had been looked at in time. */
    open_signed(&fixture);
    decide(&fixture, "D=-");
    see(&fixture, 0, "D=-");
    see(&fixture, 0, "D=-");
    assert_int_equal(chains_at(&fixture, 1050, &dies_s), 1);
    assert_int_equal(dies_s, 1100);

    /* A DNSKEY set that dies before the DS set's death plus its TTL takes the chain with it. */
    open_signed(&fixture);
    decide(&fixture, "D=-");
    see(&fixture, 0, "D=-");
    see(&fixture, 0, "D=-");
    at(&fixture, 970);
    decide(&fixture, "K=a1,a3/a1");
    see(&fixture, 1, "K=a1,a3/a1");
    see(&fixture, 1, "K=a1,a3/a1");
    assert_int_equal(chains_at(&fixture, 1000, &dies_s), 2);
    assert_int_equal(fixture.alive.chains[0].keys.published == 1 ? fixture.alive.chains[0].dies_s
                                                                 : fixture.alive.chains[1].dies_s,
                     1070);

    /* An empty DS set leaves none. */
    fixture_open(&fixture, &TIMES);
    fixture_begin(&fixture, "D=- K=a1/a1 S=a1");
    decide(&fixture, "D=a1");
    see(&fixture, 0, "D=a1");
    see(&fixture, 0, "D=a1");
    assert_int_equal(chains_at(&fixture, 50, &dies_s), 0);
    assert_int_equal(dies(&fixture, "D=-"), ALIVE_NEVER);
}

static void signers_count_while_their_signatures_last(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    struct caches caches;
    /* The key is lost; its RRSIGs are left until 10000. A cache holds the data 500 seconds. */
    fixture.alive.keys[0].expires_s = 10000;
    at(&fixture, 9500);
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 9500, &caches), OK);
    assert_int_equal(caches.signers[0].signers, 1);
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 9501, &caches), OK);
    assert_int_equal(caches.signers[0].signers, 0);
    /* The DNSKEY set is held 100 seconds. */
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 9900, &caches), OK);
    assert_int_equal(caches.dnskeys[0].set.signers, 1);
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 9901, &caches), OK);
    assert_int_equal(caches.dnskeys[0].set.signers, 0);
}

static void expiry_that_is_wanted(void **state)
{
    (void)state;
    const struct alive_policy policy = {.hops = 2, .stale_s = 7, .margin_s = 5};
    assert_int_equal(alive_expiry_wanted(&policy, 1000000, 100, 20000, 300),
                     1000000 + 100 + 20000 + 600 + 7 + 5);
}

static void several_mixes_are_current(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    decide(&fixture, "K=a1,a3,a4/a1");
    decide(&fixture, "S=a1+a3");
    decide(&fixture, "S=a3+a4");
    struct caches caches;
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 0, &caches), OK);
    size_t current = 0, old = 0;
    for (size_t i = 0; i < caches.signers_count; ++i) {
        current += caches.signers[i].held.source == 0 && caches.signers[i].held.is_current;
        old += caches.signers[i].held.source == 0 && !caches.signers[i].held.is_current;
    }
    assert_int_equal(current, 2);
    assert_int_equal(old, 1);
}

static void a_serial_tells_more_than_the_content(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    decide(&fixture, "K=a1,a3/a1");
    uint32_t back = decide(&fixture, "K=a1/a1");
    struct safe_change change = fixture_word(&fixture, "K=a1/a1");
    struct alive_observation observation = {.server = 1,
                                            .list = ALIVE_DNSKEY,
                                            .content = {.keys = change.keys},
                                            .ttl_s = 100,
                                            .number = 1};
    enum alive_news news;
    /* The content is that of now, but the serial is from before both changes. */
    assert_int_equal(alive_observe(&fixture.alive, &observation, 0, &news), OK);
    assert_int_equal(alive_observe(&fixture.alive, &observation, 0, &news), OK);
    assert_int_equal(dies(&fixture, "K=a1,a3/a1"), CACHES_FOREVER);
    observation.number = back;
    assert_int_equal(alive_observe(&fixture.alive, &observation, 0, &news), OK);
    assert_int_equal(alive_observe(&fixture.alive, &observation, 0, &news), OK);
    assert_int_equal(dies(&fixture, "K=a1,a3/a1"), 100);
}

static void two_keys_may_not_share_tag_and_algorithm(void **state)
{
    (void)state;
    struct alive alive;
    alive_open(&alive);
    struct alive_key key = {.algorithm = 13, .tag = 5, .id = {1}, .expires_s = CACHES_FOREVER};
    uint8_t index = 9;
    assert_int_equal(alive_add_key(&alive, &key, &index), OK);
    assert_int_equal(alive_add_key(&alive, &key, &index), OK);
    assert_int_equal(index, 0);
    key.id[0] = 2;
    assert_int_equal(alive_add_key(&alive, &key, &index), EXISTS);
    key.algorithm = 8;
    assert_int_equal(alive_add_key(&alive, &key, &index), OK);
    assert_int_equal(index, 1);
    assert_int_equal(alive_remove_key(&alive, 0), OK);
    struct alive_fixture fixture;
    open_signed(&fixture);
    assert_int_equal(alive_remove_key(&fixture.alive, 0), BUSY);
}

static void a_clock_that_jumped_restarts_waits(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct moment now; /* in seconds; the clocks stood at 100 and 50 */
        bool is_restarted;
    } CASES[] = {
        {"both went on", {400, 350}, false},
        {"within the margin", {405, 350}, false},
        {"forward", {500, 350}, true},
        {"back", {300, 350}, true},
        {"a new process, later", {800, 3}, false},
        {"a new process, earlier", {90, 3}, true},
    };
    for (size_t i = 0; i < LEN(CASES); ++i) {
        struct alive_fixture fixture;
        open_signed(&fixture);
        fixture.policy.margin_s = 5;
        struct moment before = {100 * INT64_C(1000000000), 50 * INT64_C(1000000000)};
        assert_false(alive_clock(&fixture.alive, &fixture.policy, before));
        decide(&fixture, "D=a2");
        at(&fixture, 100);
        see(&fixture, 0, "D=a2");
        see(&fixture, 0, "D=a2");
        at(&fixture, 100);
        struct moment now = {CASES[i].now.wall_ns * INT64_C(1000000000),
                             CASES[i].now.mono_ns * INT64_C(1000000000)};
        if (alive_clock(&fixture.alive, &fixture.policy, now) != CASES[i].is_restarted) {
            fail_msg("%s", CASES[i].why);
        }
        fixture.now_s = moment_wall_s(now);
        int64_t from_s = CASES[i].is_restarted ? fixture.now_s : 100;
        assert_int_equal(dies(&fixture, "D=a1"), from_s + 1000 + 5);
    }
}

static void limits_change_nothing(void **state)
{
    (void)state;
    struct alive_fixture fixture;
    open_signed(&fixture);
    char word[] = "K=a1,b0/a1";
    enum status status = OK;
    for (char letter = 'b'; status == OK && letter <= 'z'; ++letter) {
        for (char digit = '0'; status == OK && digit <= '1'; ++digit) {
            word[5] = letter;
            word[6] = digit;
            if (fixture.names.key_count == CACHES_KEYS_MAX) {
                status = LIMIT_REACHED;
                break;
            }
            struct safe_change change = fixture_word(&fixture, word);
            struct alive_decision decision = fixture_decision(&fixture, &change);
            uint32_t number = 0;
            status = alive_decide(&fixture.alive, &decision, 0, &number);
        }
    }
    assert_int_equal(status, LIMIT_REACHED);
    struct caches caches;
    assert_int_equal(alive_view(&fixture.alive, &fixture.policy, 0, &caches), LIMIT_REACHED);
    /* One version put in place again and again, never seen. */
    open_signed(&fixture);
    for (size_t i = 0; i < 100 && status != OK; ++i) {
        struct safe_change change = fixture_word(&fixture, i % 2 == 0 ? "D=a2" : "D=a1");
        struct alive_decision decision = fixture_decision(&fixture, &change);
        struct alive before = fixture.alive;
        uint32_t number = 0;
        if (alive_decide(&fixture.alive, &decision, 0, &number) == LIMIT_REACHED) {
            assert_memory_equal(&before, &fixture.alive, sizeof before);
            status = OK;
        }
    }
    assert_int_equal(status, OK);
}

/* A state with something of everything. */
static void fill(struct alive_fixture *fixture)
{
    open_signed(fixture);
    fixture->alive.servers[0].refresh_s = 30;
    decide_apex(fixture, 0, 1, ALIVE_NEVER);
    decide(fixture, "D=a1.1,a2.4");
    at(fixture, 5);
    see(fixture, 0, "D=a1.1,a2.4");
    decide(fixture, "S=a1+a2");
    move_sources(fixture);
    at(fixture, 40);
    see(fixture, 0, "D=a1.1,a2.4");
    at(fixture, 1040);
    decide(fixture, "K=b1,b2/b1");
    struct moment now = {.wall_ns = 1040 * INT64_C(1000000000), .mono_ns = 1};
    (void)alive_clock(&fixture->alive, &fixture->policy, now);
    assert_int_equal(fixture->alive.chain_count, 2);
}

static void the_durable_form_comes_back(void **state)
{
    (void)state;
    static uint8_t first[ALIVE_FORM_SIZE_MAX], second[ALIVE_FORM_SIZE_MAX];
    struct alive_fixture fixture;
    fill(&fixture);
    struct writer form = writer_over(first, sizeof first);
    alive_write(&fixture.alive, &form);
    assert_int_equal(form.status, OK);
    struct alive again;
    assert_int_equal(alive_read(writer_written(&form), &again), OK);
    struct writer form_again = writer_over(second, sizeof second);
    alive_write(&again, &form_again);
    assert_true(span_equal(writer_written(&form), writer_written(&form_again)));
    struct alive_fixture other = fixture;
    other.alive = again;
    assert_int_equal(dies(&other, "K=a1/a1"), dies(&fixture, "K=a1/a1"));
    /* Cut anywhere it is refused, and with an octet too many. */
    for (size_t len = 0; len < form.len; ++len) {
        assert_int_not_equal(alive_read(span_of(first, len), &again), OK);
        assert_int_equal(again.version_count, 0);
    }
    assert_int_equal(alive_read(span_of(first, form.len + 1), &again), MALFORMED);
}

static void a_damaged_form_is_refused_or_whole(void **state)
{
    (void)state;
    static uint8_t bytes[ALIVE_FORM_SIZE_MAX], rewritten[ALIVE_FORM_SIZE_MAX];
    struct alive_fixture fixture;
    fill(&fixture);
    struct writer form = writer_over(bytes, sizeof bytes);
    alive_write(&fixture.alive, &form);
    struct alive again;
    bytes[4] = 2;
    assert_int_equal(alive_read(writer_written(&form), &again), UNSUPPORTED);
    bytes[4] = 1;
    size_t refused = 0;
    for (size_t at = 0; at < form.len; ++at) {
        const uint8_t flips[] = {1, 0x80, 0xff};
        for (size_t i = 0; i < LEN(flips); ++i) {
            bytes[at] ^= flips[i];
            enum status status = alive_read(writer_written(&form), &again);
            struct writer whole = writer_over(rewritten, sizeof rewritten);
            alive_write(&again, &whole);
            refused += status != OK;
            assert_true(status != OK || span_equal(writer_written(&whole), writer_written(&form)));
            bytes[at] ^= flips[i];
        }
    }
    assert_true(refused > form.len / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_from_the_decision_on),
        cmocka_unit_test(a_timed_out_change_lives_until_refused),
        cmocka_unit_test(a_refused_change_leaves_what_was),
        cmocka_unit_test(two_rounds_a_refresh_apart),
        cmocka_unit_test(an_old_answer_between_starts_anew),
        cmocka_unit_test(every_address_counts),
        cmocka_unit_test(a_lagging_site_falls_back),
        cmocka_unit_test(a_dead_version_that_shows_again_is_an_alarm),
        cmocka_unit_test(a_change_behind_our_back_is_adopted),
        cmocka_unit_test(ttls_hops_floor_stale_and_margin),
        cmocka_unit_test(stale_ends_with_the_signatures),
        cmocka_unit_test(a_lowered_ttl_helps_only_later),
        cmocka_unit_test(an_unknown_ttl_that_is_seen_counts),
        cmocka_unit_test(an_empty_set_lives_by_the_negative_ttl),
        cmocka_unit_test(the_old_provider_counts_until_its_ns_dies),
        cmocka_unit_test(an_old_provider_that_stops_ends_sooner),
        cmocka_unit_test(a_child_that_renews_its_own_ns_is_waited_for_or_waived),
        cmocka_unit_test(an_apex_leads_on),
        cmocka_unit_test(a_ds_set_that_dies_leaves_chains),
        cmocka_unit_test(signers_count_while_their_signatures_last),
        cmocka_unit_test(expiry_that_is_wanted),
        cmocka_unit_test(several_mixes_are_current),
        cmocka_unit_test(a_serial_tells_more_than_the_content),
        cmocka_unit_test(two_keys_may_not_share_tag_and_algorithm),
        cmocka_unit_test(a_clock_that_jumped_restarts_waits),
        cmocka_unit_test(limits_change_nothing),
        cmocka_unit_test(the_durable_form_comes_back),
        cmocka_unit_test(a_damaged_form_is_refused_or_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
