/* Which validators, by the algorithms and digest types that they know, get through a combination
 * that is not good for all. Only asked where something is broken already. */
#include "core/keys/safe_part.h"

enum {
    KINDS_MAX = 4, /* algorithms, or digest types, of which every subset is asked */
};

/* Distinct values in the order in which they were met. */
struct kinds {
    size_t count;
    uint8_t values[2 * CACHES_DS_MAX + CACHES_KEYS_MAX];
};

static void add_kind(struct kinds *kinds, uint8_t value)
{
    for (size_t i = 0; i < kinds->count; ++i) {
        if (kinds->values[i] == value) {
            return;
        }
    }
    kinds->values[kinds->count++] = value;
}

struct audience {
    struct kinds algorithms, digest_types;
};

static bool knows(const struct kinds *kinds, uint8_t value)
{
    for (size_t i = 0; i < kinds->count; ++i) {
        if (kinds->values[i] == value) {
            return true;
        }
    }
    return false;
}

/* A lenient validator needs one way in, and one key that signs the data. */
static bool gets_through(const struct caches *caches, const struct combination *way,
                         const struct audience *audience)
{
    bool is_secured = false, is_in = false, has_data = false;
    for (size_t i = 0; i < way->ds->count; ++i) {
        const struct ds_entry *entry = &way->ds->entries[i];
        if (knows(&audience->algorithms, caches->keys[entry->key].algorithm) &&
            knows(&audience->digest_types, entry->digest_type)) {
            uint32_t signs = way->keys->published & way->keys->signers;
            is_secured = true;
            is_in = is_in || way->is_chain || (signs >> entry->key & 1) != 0;
        }
    }
    for (size_t i = 0; i < caches->key_count; ++i) {
        bool signs_data = (way->keys->published & way->signers) >> i & 1;
        has_data =
            has_data || (signs_data && knows(&audience->algorithms, caches->keys[i].algorithm));
    }
    return !is_secured || (is_in && has_data);
}

/* How many subsets of the kinds are asked: all, or each one alone and all together. */
static size_t subset_count(const struct kinds *kinds)
{
    return kinds->count <= KINDS_MAX ? (size_t)1 << kinds->count : kinds->count + 1;
}

static struct kinds subset(const struct kinds *kinds, size_t number)
{
    struct kinds some = {0};
    for (size_t i = 0; i < kinds->count; ++i) {
        bool is_in = kinds->count <= KINDS_MAX ? (number >> i & 1) != 0
                                               : number == i || number == kinds->count;
        if (is_in) {
            some.values[some.count++] = kinds->values[i];
        }
    }
    return some;
}

static void add_kinds_of(const struct caches *caches, const struct combination *way,
                         struct audience *everyone)
{
    for (size_t i = 0; i < way->ds->count; ++i) {
        add_kind(&everyone->algorithms, caches->keys[way->ds->entries[i].key].algorithm);
        add_kind(&everyone->digest_types, way->ds->entries[i].digest_type);
    }
    for (size_t i = 0; i < caches->key_count; ++i) {
        if ((way->keys->published >> i & 1) != 0) {
            add_kind(&everyone->algorithms, caches->keys[i].algorithm);
        }
    }
}

bool safe_loses_audience(const struct caches *caches, const struct combination *from,
                         const struct combination *to)
{
    struct audience everyone = {0};
    add_kinds_of(caches, from, &everyone);
    add_kinds_of(caches, to, &everyone);
    for (size_t a = 0; a < subset_count(&everyone.algorithms); ++a) {
        for (size_t d = 0; d < subset_count(&everyone.digest_types); ++d) {
            struct audience audience = {subset(&everyone.algorithms, a),
                                        subset(&everyone.digest_types, d)};
            if (gets_through(caches, from, &audience) && !gets_through(caches, to, &audience)) {
                return true;
            }
        }
    }
    return false;
}
