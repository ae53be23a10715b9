/* How resolvers judge a zone, and what their caches can hold. */
#include "core/keys/resolver_fixture.h"

#include <assert.h>

enum demand { DEMANDS_ONE, DEMANDS_DS_ALGORITHMS, DEMANDS_DNSKEY_ALGORITHMS, DEMAND_COUNT };

struct resolver {
    enum demand demand;
    bool ignores_weaker; /* digest types, when a stronger one is there for the algorithm */
    uint8_t algorithms, digests;
};

/* The DS records it heeds: of what it knows, for each key. */
static struct resolver_ds heed(const struct resolver_world *world, const struct resolver *resolver,
                               const struct resolver_ds *ds)
{
    struct resolver_ds heeded = {{0}};
    uint8_t strongest[2] = {0, 0};
    for (size_t k = 0; k < world->key_count; ++k) {
        uint8_t algorithm = world->algorithm[k];
        if ((resolver->algorithms >> algorithm & 1) != 0) {
            heeded.digests[k] = ds->digests[k] & resolver->digests;
            strongest[algorithm] = (heeded.digests[k] & 2) != 0 ? 2 : strongest[algorithm];
        }
    }
    for (size_t k = 0; resolver->ignores_weaker && k < world->key_count; ++k) {
        heeded.digests[k] &= strongest[world->algorithm[k]] == 2 ? 2 : 3;
    }
    return heeded;
}

/* Does the algorithm's signature over this RRset check out with a key of the set? */
static bool algorithm_signs(const struct resolver_world *world, uint8_t keys, uint8_t algorithm)
{
    for (size_t k = 0; k < world->key_count; ++k) {
        if ((keys >> k & 1) != 0 && world->algorithm[k] == algorithm) {
            return true;
        }
    }
    return false;
}

/* From the DS set to the DNSKEY set. `needed`: the algorithms that must sign the data as well;
 * false: bogus. */
static bool judge_set(const struct resolver_world *world, const struct resolver *resolver,
                      const struct resolver_ds *heeded, const struct resolver_set *set)
{
    bool any = false;
    for (uint8_t algorithm = 0; algorithm < 2; ++algorithm) {
        bool is_in_ds = false, is_entered = false;
        for (size_t k = 0; k < world->key_count; ++k) {
            bool has_ds = world->algorithm[k] == algorithm && heeded->digests[k] != 0;
            is_in_ds = is_in_ds || has_ds;
            is_entered = is_entered || (has_ds && (set->published & set->signers) >> k & 1);
        }
        any = any || is_entered;
        if (is_in_ds && !is_entered && resolver->demand != DEMANDS_ONE) {
            return false;
        }
        bool is_known = (resolver->algorithms >> algorithm & 1) != 0;
        if (resolver->demand == DEMANDS_DNSKEY_ALGORITHMS && is_known &&
            algorithm_signs(world, set->published, algorithm) &&
            !algorithm_signs(world, set->published & set->signers, algorithm)) {
            return false;
        }
    }
    return any;
}

static bool judge_mix(const struct resolver_world *world, const struct resolver *resolver,
                      const struct resolver_ds *heeded, const struct resolver_set *set, uint8_t mix)
{
    bool any = false;
    for (uint8_t algorithm = 0; algorithm < 2; ++algorithm) {
        bool is_known = (resolver->algorithms >> algorithm & 1) != 0;
        bool signs = is_known && algorithm_signs(world, set->published & mix, algorithm);
        bool is_in_ds = false;
        for (size_t k = 0; k < world->key_count; ++k) {
            is_in_ds = is_in_ds || (world->algorithm[k] == algorithm && heeded->digests[k] != 0);
        }
        bool is_in_set = is_known && algorithm_signs(world, set->published, algorithm);
        bool is_demanded = (is_in_ds && resolver->demand != DEMANDS_ONE) ||
                           (is_in_set && resolver->demand == DEMANDS_DNSKEY_ALGORITHMS);
        if (is_demanded && !signs) {
            return false;
        }
        any = any || signs;
    }
    return any;
}

static bool is_bogus_for(const struct resolver_world *world, const struct resolver *resolver,
                         size_t d, size_t s, size_t m, bool is_chain)
{
    struct resolver_ds heeded = heed(world, resolver, &world->ds[d]);
    bool is_insecure = true;
    for (size_t k = 0; k < world->key_count; ++k) {
        is_insecure = is_insecure && heeded.digests[k] == 0;
    }
    if (is_insecure) {
        return false;
    }
    const struct resolver_set *set = &world->sets[s];
    if (!judge_set(world, resolver, &heeded, set)) {
        return !is_chain; /* such a DNSKEY set would not have been kept as judged */
    }
    return !judge_mix(world, resolver, &heeded, set, world->mixes[m]);
}

enum { KINDS = DEMAND_COUNT * 2 * 3 * 3 };

static void judge_one(struct resolver_world *world, size_t d, size_t s, size_t m)
{
    static_assert(KINDS <= 64, "kinds are bits");
    for (unsigned kind = 0; kind < KINDS; ++kind) {
        struct resolver resolver = {
            .demand = (enum demand)(kind % DEMAND_COUNT),
            .ignores_weaker = kind / DEMAND_COUNT % 2 == 1,
            .algorithms = (uint8_t)(1 + kind / DEMAND_COUNT / 2 % 3),
            .digests = (uint8_t)(1 + kind / DEMAND_COUNT / 6 % 3),
        };
        uint64_t bit = UINT64_C(1) << kind;
        world->strictest |= resolver.demand == DEMANDS_DNSKEY_ALGORITHMS ? bit : 0;
        world->bogus[d][s][m] |= is_bogus_for(world, &resolver, d, s, m, false) ? bit : 0;
        world->bogus_chain[d][s][m] |= is_bogus_for(world, &resolver, d, s, m, true) ? bit : 0;
    }
}

void resolver_judge_all(struct resolver_world *world)
{
    for (size_t d = 0; d < world->ds_count; ++d) {
        for (size_t s = 0; s < world->set_count; ++s) {
            for (size_t m = 0; m < world->mix_count; ++m) {
                judge_one(world, d, s, m);
            }
        }
    }
}

static bool has_ds(const struct resolver_world *world, size_t d)
{
    uint8_t any = 0;
    for (size_t k = 0; k < world->key_count; ++k) {
        any |= world->ds[d].digests[k];
    }
    return any != 0;
}

static uint8_t sources_in_reach(const struct resolver_caches *caches)
{
    uint8_t sources = 0;
    for (uint8_t ns = 0; ns < 4; ++ns) {
        sources |= caches->ns_left[ns] != 0 ? ns : 0;
    }
    return sources;
}

static void fetch(const struct resolver_world *world, struct resolver_caches *caches,
                  uint8_t sources)
{
    for (size_t i = 0; i < RESOLVER_SERVERS; ++i) {
        uint8_t d = caches->ds_served[i];
        caches->ds_left[d] = has_ds(world, d) ? world->ds_ticks : world->no_ds_ticks;
        caches->ns_left[caches->ns_served[i]] = world->ns_ticks;
        for (size_t source = 0; source < RESOLVER_SOURCES; ++source) {
            uint8_t s = caches->set_served[source][i];
            if ((sources >> source & 1) != 0) {
                caches->set_left[s] =
                    world->sets[s].published != 0 ? world->set_ticks : world->no_set_ticks;
                caches->mix_left[caches->mix_served[source][i]] = world->mix_ticks;
            }
        }
    }
}

/* Who holds both has judged the one under the other, and keeps it as long as the set. */
static void judge_pairs(const struct resolver_world *world, struct resolver_caches *caches,
                        const struct resolver_caches *before)
{
    for (size_t d = 0; d < world->ds_count; ++d) {
        for (size_t s = 0; s < world->set_count; ++s) {
            if (before->ds_left[d] != 0 && before->set_left[s] != 0 &&
                caches->chain_left[d][s] < caches->set_left[s]) {
                caches->chain_left[d][s] = caches->set_left[s];
            }
        }
    }
}

void resolver_ask(const struct resolver_world *world, struct resolver_caches *caches)
{
    for (size_t i = 0; i < RESOLVER_SERVERS; ++i) {
        caches->ns_left[caches->ns_served[i]] = world->ns_ticks;
    }
    fetch(world, caches, sources_in_reach(caches));
    judge_pairs(world, caches, caches);
}

static void age(uint8_t *left, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        left[i] -= left[i] != 0;
    }
}

void resolver_tick(const struct resolver_world *world, struct resolver_caches *caches)
{
    const struct resolver_caches before = *caches;
    age(caches->ds_left, LEN(caches->ds_left));
    age(caches->ns_left, LEN(caches->ns_left));
    age(caches->set_left, LEN(caches->set_left));
    age(caches->mix_left, LEN(caches->mix_left));
    for (size_t d = 0; d < world->ds_count; ++d) {
        age(caches->chain_left[d], world->set_count);
    }
    fetch(world, caches, sources_in_reach(&before));
    judge_pairs(world, caches, &before);
}

uint64_t resolver_find_bogus(const struct resolver_world *world,
                             const struct resolver_caches *caches)
{
    uint64_t bogus = 0;
    for (size_t m = 0; m < world->mix_count; ++m) {
        for (size_t d = 0; caches->mix_left[m] != 0 && d < world->ds_count; ++d) {
            for (size_t s = 0; s < world->set_count; ++s) {
                bool meets = caches->ds_left[d] != 0 && caches->set_left[s] != 0;
                bogus |= meets ? world->bogus[d][s][m] : 0;
                bogus |= caches->chain_left[d][s] != 0 ? world->bogus_chain[d][s][m] : 0;
            }
        }
    }
    return bogus;
}
