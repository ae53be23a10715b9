/* The NSEC3 chains as the judge wants them: a record for each name that exists, empty non-terminals
 * too, with exactly its types, each leading to the next hash (RFC 5155 §7.1); what an opt-out span
 * may leave out, and nothing else left out. */
#include "core/base/text.h"
#include "core/zone/verify_run.h"

#include <string.h>

enum { HASH_LABEL_LEN = 32, START_BITS_MAX = 24, LINKS_PER_START_BITS = 2 };

static void read_param(struct verify_worker *worker, struct span param)
{
    struct verify_run *run = worker->run;
    struct reader reader = reader_over(param);
    uint8_t algorithm = reader_u8(&reader);
    uint8_t flags = reader_u8(&reader);
    struct verify_chain chain = {.iterations = reader_u16(&reader)};
    chain.salt = reader_span(&reader, reader_u8(&reader));
    if (reader.status != OK || algorithm != NSEC3_HASH_SHA1 || flags != 0) {
        verify_fault(worker, run->apex,
                     "an NSEC3PARAM record has a hash or flags that nobody knows");
        return;
    }
    if (chain.iterations > NSEC3_ITERATIONS_MAX) {
        verify_fault(worker, run->apex,
                     "the NSEC3 chain has %u iterations; above %d resolvers treat the zone as "
                     "insecure (RFC 9276 §3.2)",
                     chain.iterations, NSEC3_ITERATIONS_MAX);
        return;
    }
    run->chains[run->chain_count++] = chain;
}

void verify_chains_read(struct verify_worker *worker)
{
    struct verify_run *run = worker->run;
    const struct rrset *set = zone_find_rrset(run->zone, run->apex, TYPE_NSEC3PARAM);
    run->has_nsec = zone_find_rrset(run->zone, run->apex, TYPE_NSEC) != NULL;
    if (set == NULL) {
        if (!run->has_nsec) {
            verify_fault(worker, run->apex,
                         "the apex has neither NSEC nor NSEC3PARAM: nothing can be denied");
        }
        return;
    }
    if (set->count > VERIFY_CHAINS_MAX) {
        verify_fault(worker, run->apex, "there are more than %d NSEC3PARAM records",
                     VERIFY_CHAINS_MAX);
        return;
    }
    struct span param;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &param);) {
        read_param(worker, param);
    }
}

static bool is_of_chain(const struct verify_chain *chain, const struct nsec3 *nsec3)
{
    return nsec3->algorithm == NSEC3_HASH_SHA1 && nsec3->iterations == chain->iterations &&
           span_equal(nsec3->salt, chain->salt);
}

bool verify_record_of(const struct verify_chain *chain, const struct zone_node *node,
                      struct nsec3 *nsec3)
{
    const struct rrset *set = node == NULL ? NULL : zone_node_rrset(node, TYPE_NSEC3);
    struct span rdata;
    if (set == NULL) {
        return false;
    }
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        if (nsec3_read(rdata, nsec3) == OK && is_of_chain(chain, nsec3)) {
            return true;
        }
    }
    return false;
}

bool verify_record_hash(const struct verify_run *run, const struct zone_node *node,
                        uint8_t hash[NSEC3_HASH_LEN])
{
    struct writer writer = writer_over(hash, NSEC3_HASH_LEN);
    return node->owner.label_count == run->apex.label_count + 1 &&
           text_read_base32hex(name_label(node->owner, 0), &writer) == OK &&
           writer.len == NSEC3_HASH_LEN;
}

/* The whole chain at hand. */

static uint32_t first_bits(const uint8_t hash[NSEC3_HASH_LEN], unsigned bits)
{
    uint32_t word = (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 |
                    (uint32_t)hash[3];
    return bits == 0 ? 0 : word >> (32 - bits);
}

/* Where the links of each run of hashes with the same first bits begin. */
static void fill_starts(struct verify_chain *chain)
{
    size_t link = 0;
    for (uint32_t bits = 0; bits <= (uint32_t)1 << chain->start_bits; bits++) {
        while (link < chain->link_count &&
               first_bits(chain->links[link].hash, chain->start_bits) < bits) {
            link++;
        }
        chain->starts[bits] = (uint32_t)link;
    }
}

static enum status chain_open_index(struct verify_run *run, struct verify_chain *chain)
{
    while (chain->start_bits < START_BITS_MAX &&
           chain->link_count >> (chain->start_bits + LINKS_PER_START_BITS) != 0) {
        chain->start_bits++;
    }
    chain->starts =
        arena_take_array(&run->arena, ((size_t)1 << chain->start_bits) + 1, sizeof *chain->starts);
    chain->is_matched = arena_take(&run->arena, chain->link_count);
    if (chain->starts == NULL || chain->is_matched == NULL) {
        return NO_MEMORY;
    }
    fill_starts(chain);
    return OK;
}

/* Collects the links of each chain, or only counts them. Hashes stand in order, as the digits of
 * base32hex do (RFC 4648 §7). */
static void collect_links(struct verify_run *run, bool is_counting)
{
    struct zone_cursor cursor;
    zone_walk(run->zone, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        uint8_t hash[NSEC3_HASH_LEN];
        struct nsec3 nsec3;
        if (zone_node_rrset(node, TYPE_NSEC3) == NULL || !verify_record_hash(run, node, hash)) {
            continue;
        }
        for (size_t i = 0; i < run->chain_count; i++) {
            struct verify_chain *chain = &run->chains[i];
            if (!verify_record_of(chain, node, &nsec3)) {
                continue;
            }
            if (!is_counting) {
                struct verify_link *link = &chain->links[chain->link_count];
                memcpy(link->hash, hash, sizeof hash);
                link->node = node;
            }
            chain->link_count++;
        }
    }
}

enum status verify_chains_collect(struct verify_run *run)
{
    if (run->chain_count == 0) {
        return OK;
    }
    collect_links(run, true);
    for (size_t i = 0; i < run->chain_count; i++) {
        struct verify_chain *chain = &run->chains[i];
        chain->links = arena_take_array(&run->arena, chain->link_count, sizeof *chain->links);
        if (chain->links == NULL) {
            return NO_MEMORY;
        }
        chain->link_count = 0;
    }
    collect_links(run, false);
    enum status status = OK;
    for (size_t i = 0; status == OK && i < run->chain_count; i++) {
        status = chain_open_index(run, &run->chains[i]);
    }
    return status;
}

/* Index of the link at or before that hash, on the ring. */
static size_t link_at_or_before(const struct verify_chain *chain, const uint8_t *hash)
{
    uint32_t bits = first_bits(hash, chain->start_bits);
    size_t low = chain->starts[bits];
    size_t high = chain->starts[bits + 1];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(chain->links[middle].hash, hash, NSEC3_HASH_LEN) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? chain->link_count - 1 : low - 1;
}

static const struct zone_node *node_at_or_before(const struct zone *zone, struct name apex,
                                                 const uint8_t hash[NSEC3_HASH_LEN])
{
    uint8_t label[HASH_LABEL_LEN];
    struct writer writer = writer_over(label, sizeof label);
    text_write_base32hex(&writer, span_of(hash, NSEC3_HASH_LEN));
    struct name_buffer buffer;
    struct name name;
    if (name_make_child(writer_written(&writer), apex, &buffer, &name) != OK) {
        return NULL; /* the apex leaves no room for hashes */
    }
    return zone_nsec3_at_or_before(zone, name);
}

struct verify_record verify_record_find(struct verify_run *run, const struct zone *zone,
                                        const struct verify_chain *chain,
                                        const uint8_t hash[NSEC3_HASH_LEN])
{
    struct verify_record found = {.node = NULL};
    uint8_t own[NSEC3_HASH_LEN];
    if (chain->links != NULL && zone == run->zone) {
        if (chain->link_count > 0) {
            found.link = link_at_or_before(chain, hash);
            const struct verify_link *link = &chain->links[found.link];
            found.node = link->node;
            found.is_exact = memcmp(link->hash, hash, NSEC3_HASH_LEN) == 0;
        }
    } else {
        found.node = node_at_or_before(zone, run->apex, hash);
        found.is_exact = found.node != NULL && verify_record_hash(run, found.node, own) &&
                         memcmp(own, hash, NSEC3_HASH_LEN) == 0;
    }
    if (found.node != NULL && !verify_record_of(chain, found.node, &found.nsec3)) {
        /* A record of a chain that is not announced yet, or broken, hides what is sought. */
        atomic_store_explicit(&run->is_undecided, true, memory_order_relaxed);
        found.node = NULL;
        found.is_exact = false;
    }
    return found;
}

void verify_record_expect(struct verify_worker *worker, const struct verify_chain *chain,
                          const struct verify_expected *expected)
{
    uint8_t hash[NSEC3_HASH_LEN];
    enum status status = nsec3_hash(expected->name, chain->salt, chain->iterations, hash);
    if (status != OK) {
        verify_fail(worker, status);
        return;
    }
    struct verify_record found = verify_record_find(worker->run, worker->run->zone, chain, hash);
    if (found.is_exact) {
        if (chain->is_matched != NULL) {
            atomic_store_explicit(&chain->is_matched[found.link], 1, memory_order_relaxed);
        }
        verify_bitmap(worker, expected->node, expected->name, expected->place, found.nsec3.bitmap);
    } else if (!expected->may_be_left_out || found.node == NULL ||
               (found.nsec3.flags & NSEC3_FLAG_OPT_OUT) == 0) {
        verify_fault(worker, expected->name, "the name has no NSEC3 record");
    }
}

void verify_record_require(struct verify_worker *worker, const struct verify_chain *chain,
                           struct name name)
{
    uint8_t hash[NSEC3_HASH_LEN];
    enum status status = nsec3_hash(name, chain->salt, chain->iterations, hash);
    if (status != OK) {
        verify_fail(worker, status);
        return;
    }
    struct verify_record found = verify_record_find(worker->run, worker->run->zone, chain, hash);
    /* Outside an opt-out span it is a fault already. */
    if (!found.is_exact && found.node != NULL && (found.nsec3.flags & NSEC3_FLAG_OPT_OUT) != 0) {
        verify_fault_of_ancestor(worker, name,
                                 "the name has no NSEC3 record, and not all below it may be left "
                                 "out");
    }
}

void verify_record_leads(struct verify_worker *worker, const struct verify_chain *chain,
                         const struct zone_node *node, const uint8_t hash[NSEC3_HASH_LEN])
{
    struct nsec3 nsec3;
    if (!verify_record_of(chain, node, &nsec3)) {
        return;
    }
    bool leads = nsec3.next_hash.len == NSEC3_HASH_LEN;
    if (leads && chain->links != NULL) {
        size_t at = link_at_or_before(chain, hash);
        const struct verify_link *next = &chain->links[(at + 1) % chain->link_count];
        leads = memcmp(next->hash, nsec3.next_hash.bytes, NSEC3_HASH_LEN) == 0;
    } else if (leads) {
        /* Its next hash has a record, and right before that there is none but this. */
        uint8_t before[NSEC3_HASH_LEN];
        memcpy(before, nsec3.next_hash.bytes, NSEC3_HASH_LEN);
        for (size_t i = NSEC3_HASH_LEN; i-- > 0 && before[i]-- == 0;) {
        }
        struct verify_run *run = worker->run;
        leads = verify_record_find(run, run->zone, chain, nsec3.next_hash.bytes).is_exact &&
                verify_record_find(run, run->zone, chain, before).node == node;
    }
    if (!leads) {
        verify_fault(worker, node->owner,
                     "the NSEC3 record does not lead to the next hash of the chain");
    }
}

/* More than one record of one chain at one owner: each speaks of another span. */
static bool has_two(const struct verify_chain *chain, const struct zone_node *node)
{
    const struct rrset *set = zone_node_rrset(node, TYPE_NSEC3);
    size_t count = 0;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        struct nsec3 nsec3;
        count += nsec3_read(rdata, &nsec3) == OK && is_of_chain(chain, &nsec3);
    }
    return count > 1;
}

void verify_record_links(struct verify_worker *worker, const struct zone_node *node)
{
    const struct verify_run *run = worker->run;
    uint8_t hash[NSEC3_HASH_LEN];
    struct nsec3 nsec3;
    if (zone_node_rrset(node, TYPE_NSEC3) == NULL) {
        return;
    }
    for (size_t i = 0; i < run->chain_count; i++) {
        const struct verify_chain *chain = &run->chains[i];
        if (!verify_record_of(chain, node, &nsec3)) {
            continue;
        }
        if (!verify_record_hash(run, node, hash)) {
            verify_fault(worker, node->owner, "the owner of an NSEC3 record is no hash");
        } else if (has_two(chain, node)) {
            verify_fault(worker, node->owner, "the hash has two NSEC3 records of one chain");
        } else {
            verify_record_leads(worker, chain, node, hash);
        }
    }
}

void verify_records_of_no_name(struct verify_worker *worker)
{
    struct verify_run *run = worker->run;
    for (size_t i = 0; i < run->chain_count; i++) {
        const struct verify_chain *chain = &run->chains[i];
        if (chain->link_count == 0) {
            verify_fault(worker, run->apex, "there is no NSEC3 record for the NSEC3PARAM record");
        }
        for (size_t j = 0; j < chain->link_count; j++) {
            if (!atomic_load_explicit(&chain->is_matched[j], memory_order_relaxed)) {
                verify_fault(worker, chain->links[j].node->owner,
                             "the NSEC3 record is for no name of the zone");
                verify_tell_own(run);
            }
        }
    }
}
