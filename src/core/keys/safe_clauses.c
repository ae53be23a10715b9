/* The clauses of the safety predicate, asked of one combination; and who minds when one fails. */
#include "core/keys/safe_part.h"

static uint32_t keys_of_algorithm(const struct caches *caches, uint32_t keys, uint8_t algorithm)
{
    uint32_t those = 0;
    for (size_t i = 0; i < caches->key_count; ++i) {
        if (caches->keys[i].algorithm == algorithm) {
            those |= UINT32_C(1) << i;
        }
    }
    return those & keys;
}

/* Keys that have a DS in the set like `like`: of its algorithm and, where asked, digest type. */
static uint32_t keys_with_ds(const struct caches *caches, const struct ds_set *ds,
                             const struct ds_entry *like, bool by_digest_type)
{
    uint32_t those = 0;
    for (size_t i = 0; i < ds->count; ++i) {
        const struct ds_entry *entry = &ds->entries[i];
        bool is_alike = caches->keys[entry->key].algorithm == caches->keys[like->key].algorithm &&
                        (!by_digest_type || entry->digest_type == like->digest_type);
        those |= is_alike ? UINT32_C(1) << entry->key : 0;
    }
    return those;
}

static struct fault judge_chain_of_trust(const struct caches *caches,
                                         const struct safe_policy *policy,
                                         const struct combination *way)
{
    uint32_t clauses = policy->clauses;
    for (size_t i = 0; i < way->ds->count; ++i) {
        const struct ds_entry *entry = &way->ds->entries[i];
        struct fault fault = {0, caches->keys[entry->key].algorithm, entry->digest_type};
        uint32_t anchored =
            keys_with_ds(caches, way->ds, entry, (clauses & SAFE_DIGEST_TYPES) != 0);
        if (!way->is_chain && (clauses & SAFE_DS_SIGNS) != 0 &&
            (anchored & way->keys->published & way->keys->signers) == 0) {
            fault.clause = SAFE_DS_SIGNS;
            return fault;
        }
        uint32_t sign_data =
            keys_of_algorithm(caches, way->keys->published & way->signers, fault.algorithm);
        if ((clauses & SAFE_DATA) != 0 && sign_data == 0) {
            fault.clause = SAFE_DATA;
            return fault;
        }
    }
    return (struct fault){0};
}

static struct fault judge_algorithms(const struct caches *caches, const struct safe_policy *policy,
                                     const struct combination *way)
{
    uint32_t clauses = policy->clauses;
    uint32_t published = way->keys->published;
    for (size_t i = 0; i < caches->key_count; ++i) {
        struct fault fault = {0, caches->keys[i].algorithm, 0};
        if ((published >> i & 1) == 0) {
            continue;
        }
        if (!way->is_chain && (clauses & SAFE_ALGORITHM_KEYS) != 0 &&
            keys_of_algorithm(caches, published & way->keys->signers, fault.algorithm) == 0) {
            fault.clause = SAFE_ALGORITHM_KEYS;
            return fault;
        }
        if ((clauses & SAFE_ALGORITHM_DATA) != 0 &&
            keys_of_algorithm(caches, published & way->signers, fault.algorithm) == 0) {
            fault.clause = SAFE_ALGORITHM_DATA;
            return fault;
        }
    }
    return (struct fault){0};
}

struct fault safe_judge(const struct caches *caches, const struct safe_policy *policy,
                        const struct combination *way, enum level level)
{
    struct fault fault = {0};
    if (way->ds->count == 0) {
        return fault;
    }
    fault = judge_chain_of_trust(caches, policy, way);
    if (fault.clause == 0 && level == LEVEL_STRICT && (policy->is_strict || way->is_published)) {
        fault = judge_algorithms(caches, policy, way);
    }
    return fault;
}

/* Who would find it bogus: everyone, when no DS at all leads to data. */
enum safe_seen_by safe_seen_by(const struct caches *caches, const struct combination *way,
                               const struct fault *fault)
{
    if (fault->clause == SAFE_ALGORITHM_KEYS || fault->clause == SAFE_ALGORITHM_DATA) {
        return SAFE_SEEN_BY_CHECKERS;
    }
    enum safe_seen_by seen = SAFE_SEEN_BY_EVERYONE;
    for (size_t i = 0; i < way->ds->count; ++i) {
        uint8_t key = way->ds->entries[i].key;
        uint8_t algorithm = caches->keys[key].algorithm;
        uint32_t signs = way->keys->published & way->keys->signers;
        bool leads = (way->is_chain || (signs >> key & 1) != 0) &&
                     keys_of_algorithm(caches, way->keys->published & way->signers, algorithm) != 0;
        if (leads && algorithm == fault->algorithm && fault->clause == SAFE_DS_SIGNS) {
            return SAFE_SEEN_BY_DIGEST;
        }
        seen = leads ? SAFE_SEEN_BY_ALGORITHM : seen;
    }
    return seen;
}
