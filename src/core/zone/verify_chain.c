/* The denial chains as the judge wants them: NSEC and NSEC3 for exactly the names that exist, each
 * with exactly the types that stand there. */
#include "core/base/text.h"
#include "core/dnssec/denial.h"
#include "core/zone/verify_run.h"

#include <stdlib.h>
#include <string.h>

enum { NSEC3_PARAMS_MAX = 4, BITMAP_LEN_MAX = 256 * 34 };

/* Does the bitmap of that name have to show that type? */
static bool is_shown(const struct zone_node *node, enum verify_place place, uint16_t type)
{
    switch (place) {
    case VERIFY_AUTHORITATIVE:
        return type != TYPE_NSEC3;
    case VERIFY_CUT:
        return type == TYPE_NS || type == TYPE_DS || type == TYPE_NSEC ||
               (type == TYPE_RRSIG && (zone_node_rrset(node, TYPE_DS) != NULL ||
                                       zone_node_rrset(node, TYPE_NSEC) != NULL));
    case VERIFY_HIDDEN:
    case VERIFY_HASHED:
        return false;
    }
    return false;
}

void verify_bitmap(struct verify_run *run, const struct zone_node *node, struct name owner,
                   enum verify_place place, struct span bitmap)
{
    arena_reset(&run->scratch);
    size_t rrset_count = node == NULL ? 0 : node->rrset_count;
    uint16_t *types = arena_take_array(&run->scratch, rrset_count, sizeof *types);
    uint8_t *bytes = arena_take(&run->scratch, BITMAP_LEN_MAX);
    if (types == NULL || bytes == NULL) {
        verify_fail(run, NO_MEMORY);
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < rrset_count; i++) {
        uint16_t type = node->rrsets[i]->type; /* ascending; RRSIG once for each covered type */
        if ((count > 0 && types[count - 1] == type) || !is_shown(node, place, type)) {
            continue;
        }
        types[count++] = type;
        if (!bitmap_has(bitmap, type)) {
            char text[TYPE_TEXT_MAX];
            verify_fault(run, owner, "the denial of existence leaves out %s, which is there",
                         type_print(type, text));
            return;
        }
    }
    struct writer expected = writer_over(bytes, BITMAP_LEN_MAX);
    bitmap_write(types, count, &expected);
    if (!span_equal(writer_written(&expected), bitmap)) {
        verify_fault(run, owner, "the denial of existence names a type that is not there");
    }
}

/* The one NSEC of a name; false after a fault. */
static bool nsec_of(struct verify_run *run, const struct zone_node *node, struct nsec *nsec)
{
    const struct rrset *set = zone_node_rrset(node, TYPE_NSEC);
    if (set == NULL) {
        verify_fault(run, node->owner, "the name has no NSEC record");
        return false;
    }
    if (set->count != 1 || nsec_read(rrset_only(set), nsec) != OK) {
        verify_fault(run, node->owner, "the name has more than one NSEC record, or a broken one");
        return false;
    }
    return true;
}

static void nsec_check_next(struct verify_run *run, const struct zone_node *node,
                            const struct nsec *nsec, struct name next)
{
    char should[NAME_TEXT_MAX];
    char is[NAME_TEXT_MAX];
    if (!name_equal(nsec->next, next)) {
        verify_fault(run, node->owner, "the NSEC record leads to %s, the next name is %s",
                     name_print(nsec->next, is), name_print(next, should));
    }
}

void verify_nsec_chain(struct verify_run *run)
{
    struct verify_walk walk;
    verify_walk_begin(&walk, run->zone);
    const struct zone_node *last = NULL;
    struct nsec last_nsec;
    enum verify_place place;
    for (const struct zone_node *node; (node = verify_walk_next(&walk, &place)) != NULL;) {
        if (place == VERIFY_HIDDEN || place == VERIFY_HASHED) {
            if (zone_node_rrset(node, TYPE_NSEC) != NULL) {
                verify_fault(run, node->owner, "an NSEC record stands at a name that is hidden");
            }
            continue;
        }
        if (last != NULL) {
            nsec_check_next(run, last, &last_nsec, node->owner);
        }
        last = nsec_of(run, node, &last_nsec) ? node : NULL;
        if (last != NULL) {
            verify_bitmap(run, node, node->owner, place, last_nsec.bitmap);
        }
    }
    if (last != NULL) {
        nsec_check_next(run, last, &last_nsec, zone_apex(run->zone));
    }
}

/* NSEC3. One record of the chain that is being checked. */
struct link {
    uint8_t hash[NSEC3_HASH_LEN]; /* of the owner */
    struct name owner;
    struct nsec3 nsec3;
    bool is_matched; /* by a name that exists */
};

struct nsec3_run {
    struct verify_run *run;
    struct span salt;
    uint16_t iterations;
    struct link *links; /* in order of their hash */
    size_t count;
};

static bool link_read(const struct nsec3_run *chain, const struct zone_node *node,
                      struct span rdata, struct link *link)
{
    if (nsec3_read(rdata, &link->nsec3) != OK || link->nsec3.algorithm != NSEC3_HASH_SHA1 ||
        link->nsec3.iterations != chain->iterations || !span_equal(link->nsec3.salt, chain->salt)) {
        return false; /* of another chain */
    }
    link->owner = node->owner;
    struct writer hash = writer_over(link->hash, sizeof link->hash);
    if (node->owner.label_count != zone_apex(chain->run->zone).label_count + 1 ||
        text_read_base32hex(name_label(node->owner, 0), &hash) != OK ||
        hash.len != NSEC3_HASH_LEN) {
        verify_fault(chain->run, node->owner, "the owner of an NSEC3 record is no hash");
        return false;
    }
    return true;
}

/* Collects the chain's records, or only counts them when `links` is NULL. */
static void links_collect(struct nsec3_run *chain, bool is_counting)
{
    size_t limit = chain->count;
    chain->count = 0;
    struct zone_cursor cursor;
    zone_walk(chain->run->zone, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        const struct rrset *set = zone_node_rrset(node, TYPE_NSEC3);
        struct span rdata;
        if (set == NULL) {
            continue;
        }
        for (struct rrset_cursor each = rrset_first(set); rrset_next(&each, &rdata);) {
            if (is_counting) {
                chain->count++;
            } else if (chain->count < limit &&
                       link_read(chain, node, rdata, &chain->links[chain->count])) {
                chain->count++;
            }
        }
    }
}

static int link_compare(const void *a, const void *b)
{
    const struct link *left = a;
    const struct link *right = b;
    return memcmp(left->hash, right->hash, NSEC3_HASH_LEN);
}

/* Index of the link at or before that hash, on the ring. */
static size_t link_at_or_before(const struct nsec3_run *chain, const uint8_t *hash)
{
    size_t low = 0;
    size_t high = chain->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(chain->links[middle].hash, hash, NSEC3_HASH_LEN) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? chain->count - 1 : low - 1;
}

/* A name that must have its record; with `may_be_left_out` an opt-out span serves as well. */
static void nsec3_expect(struct nsec3_run *chain, struct name name, const struct zone_node *node,
                         enum verify_place place, bool may_be_left_out)
{
    uint8_t hash[NSEC3_HASH_LEN];
    enum status status = nsec3_hash(name, chain->salt, chain->iterations, hash);
    if (status != OK) {
        verify_fail(chain->run, status);
        return;
    }
    struct link *link = &chain->links[link_at_or_before(chain, hash)];
    if (memcmp(link->hash, hash, NSEC3_HASH_LEN) == 0) {
        link->is_matched = true;
        verify_bitmap(chain->run, node, name, place, link->nsec3.bitmap);
    } else if (!may_be_left_out || (link->nsec3.flags & NSEC3_FLAG_OPT_OUT) == 0) {
        verify_fault(chain->run, name, "the name has no NSEC3 record");
    }
}

static void nsec3_expect_names(struct nsec3_run *chain)
{
    struct verify_walk walk;
    verify_walk_begin(&walk, chain->run->zone);
    struct name last = zone_apex(chain->run->zone);        /* any name of the chain */
    struct name last_needed = zone_apex(chain->run->zone); /* one that may not be left out */
    enum verify_place place;
    for (const struct zone_node *node; (node = verify_walk_next(&walk, &place)) != NULL;) {
        if (place == VERIFY_HIDDEN || place == VERIFY_HASHED) {
            continue;
        }
        bool may_be_left_out = place == VERIFY_CUT && zone_node_rrset(node, TYPE_DS) == NULL;
        unsigned labels =
            name_common_labels(may_be_left_out ? last : last_needed, node->owner) + 1U;
        for (; labels < node->owner.label_count; labels++) {
            nsec3_expect(chain, name_ancestor(node->owner, (uint8_t)labels), NULL,
                         VERIFY_AUTHORITATIVE, may_be_left_out);
        }
        nsec3_expect(chain, node->owner, node, place, may_be_left_out);
        last = node->owner;
        last_needed = may_be_left_out ? last_needed : node->owner;
    }
}

static void nsec3_check_ring(struct nsec3_run *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct link *link = &chain->links[i];
        const struct link *next = &chain->links[(i + 1) % chain->count];
        if (!span_equal(link->nsec3.next_hash, span_of(next->hash, NSEC3_HASH_LEN))) {
            verify_fault(chain->run, link->owner,
                         "the NSEC3 record does not lead to the next hash of the chain");
        }
        if (!link->is_matched) {
            verify_fault(chain->run, link->owner, "the NSEC3 record is for no name of the zone");
        }
    }
}

static void nsec3_check_chain(struct verify_run *run, struct span param)
{
    struct reader reader = reader_over(param);
    uint8_t algorithm = reader_u8(&reader);
    uint8_t flags = reader_u8(&reader);
    uint16_t iterations = reader_u16(&reader);
    struct span salt = reader_span(&reader, reader_u8(&reader));
    struct name apex = zone_apex(run->zone);
    if (reader.status != OK || algorithm != NSEC3_HASH_SHA1 || flags != 0) {
        verify_fault(run, apex, "an NSEC3PARAM record has a hash or flags that nobody knows");
        return;
    }
    if (iterations > NSEC3_ITERATIONS_MAX) {
        verify_fault(run, apex,
                     "the NSEC3 chain has %u iterations; above %d resolvers treat the zone as "
                     "insecure (RFC 9276 §3.2)",
                     iterations, NSEC3_ITERATIONS_MAX);
        return;
    }
    struct nsec3_run chain = {.run = run, .salt = salt, .iterations = iterations};
    links_collect(&chain, true);
    chain.links = arena_take_array(&run->arena, chain.count, sizeof *chain.links);
    if (chain.links == NULL) {
        verify_fail(run, NO_MEMORY);
        return;
    }
    links_collect(&chain, false);
    if (chain.count == 0) {
        verify_fault(run, apex, "there is no NSEC3 record for the NSEC3PARAM record");
        return;
    }
    qsort(chain.links, chain.count, sizeof *chain.links, link_compare);
    nsec3_expect_names(&chain);
    nsec3_check_ring(&chain);
}

void verify_nsec3_chain(struct verify_run *run)
{
    const struct rrset *set = zone_find_rrset(run->zone, zone_apex(run->zone), TYPE_NSEC3PARAM);
    size_t count = 0;
    struct span param;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &param);) {
        if (++count > NSEC3_PARAMS_MAX) {
            verify_fault(run, set->owner, "there are more than %d NSEC3PARAM records",
                         NSEC3_PARAMS_MAX);
            return;
        }
        nsec3_check_chain(run, param);
    }
}
