/* What a change may spoil in an NSEC3 chain: records of names that came and went, of the empty
 * non-terminals above them, and the spans of opt-out. */
#include "core/zone/verify_change.h"

#include <stdlib.h>
#include <string.h>

/* The names. */

enum existence { ABSENT, OWNS_RECORDS, EMPTY };

static enum existence existence_of(const struct zone *zone, struct name name)
{
    if (verify_is_name(zone, name)) {
        return OWNS_RECORDS;
    }
    if (verify_cover(zone, name) != NULL) {
        return ABSENT;
    }
    const struct zone_node *next = zone_after(zone, name);
    while (next != NULL && name_is_below(next->owner, name)) {
        if (verify_place_of(zone, next) != VERIFY_HASHED) {
            return EMPTY;
        }
        next = zone_after(zone, next->owner);
    }
    return ABSENT;
}

static bool has_needed_below(const struct zone *zone, struct name name)
{
    const struct zone_node *node = zone_after(zone, name);
    while (node != NULL && name_is_below(node->owner, name)) {
        enum verify_place place = verify_place_of(zone, node);
        if (verify_is_in_chain(place) && !verify_is_insecure(node, place)) {
            return true;
        }
        node = verify_chain_after(zone, node);
    }
    return false;
}

/* An empty non-terminal at or above a touched name. Where it had no record before, nothing below it
 * needed one, unless it is among what changed. */
static void check_empty(struct verify_worker *worker, const struct change *change, struct name name,
                        bool is_needed)
{
    struct verify_run *run = worker->run;
    const struct verify_chain *chain = &run->chains[0];
    struct verify_expected expected = {
        .name = name, .place = VERIFY_AUTHORITATIVE, .may_be_left_out = true};
    uint8_t hash[NSEC3_HASH_LEN];
    verify_record_expect(worker, chain, &expected);
    if (nsec3_hash(name, chain->salt, chain->iterations, hash) != OK ||
        verify_record_find(run, run->zone, chain, hash).is_exact) {
        return;
    }
    bool is_new = verify_record_find(run, change->before, chain, hash).is_exact ||
                  existence_of(change->before, name) != EMPTY;
    if (is_needed || (is_new && has_needed_below(run->zone, name))) {
        verify_record_require(worker, chain, name);
    }
}

static void check_absent(struct verify_worker *worker, struct name name)
{
    struct verify_run *run = worker->run;
    const struct verify_chain *chain = &run->chains[0];
    uint8_t hash[NSEC3_HASH_LEN];
    if (nsec3_hash(name, chain->salt, chain->iterations, hash) != OK) {
        verify_fail(worker, CRYPTO_FAILED);
        return;
    }
    struct verify_record found = verify_record_find(run, run->zone, chain, hash);
    if (found.is_exact) {
        verify_fault(worker, found.node->owner, "the NSEC3 record is for no name of the zone");
    }
}

/* A name that owns records. Also above a touched name, as its record may be what changed. */
static void check_owner(struct verify_worker *worker, const struct zone_node *node)
{
    enum verify_place place = verify_place_of(worker->run->zone, node);
    struct verify_expected expected = {.name = node->owner,
                                       .node = node,
                                       .place = place,
                                       .may_be_left_out = verify_is_insecure(node, place)};
    verify_record_expect(worker, &worker->run->chains[0], &expected);
}

void verify_change_existence(struct verify_worker *worker, const struct change *change,
                             const struct affected *name)
{
    const struct verify_run *run = worker->run;
    bool is_in_chain = verify_is_in_chain(name->place_after);
    bool is_needed = is_in_chain && !verify_is_insecure(name->after, name->place_after);
    for (unsigned labels = run->apex.label_count + 1U; labels < name->name.label_count; labels++) {
        struct name ancestor = name_ancestor(name->name, (uint8_t)labels);
        switch (existence_of(run->zone, ancestor)) {
        case ABSENT:
            check_absent(worker, ancestor);
            break;
        case EMPTY:
            check_empty(worker, change, ancestor, is_needed);
            break;
        case OWNS_RECORDS:
            check_owner(worker, zone_find(run->zone, ancestor));
            break;
        }
    }
    if (is_in_chain) {
        check_owner(worker, name->after);
    } else if (existence_of(run->zone, name->name) == EMPTY) {
        check_empty(worker, change, name->name, false);
    } else {
        check_absent(worker, name->name);
    }
}

/* The records. */

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, NSEC3_HASH_LEN);
}

void verify_change_hashes(struct change *change)
{
    const struct verify_run *run = change->run;
    const struct verify_chain *chain = &run->chains[0];
    size_t count = 0;
    for (size_t i = 0; i < change->count; i++) {
        count += change->names[i].name.label_count - run->apex.label_count + 1U;
    }
    change->hashes = malloc((count + 1) * sizeof *change->hashes);
    if (change->hashes == NULL) {
        change->status = NO_MEMORY;
        return;
    }
    struct name last = run->apex;
    for (size_t i = 0; i < change->count; i++) {
        struct name name = change->names[i].name;
        unsigned labels = name_common_labels(last, name) + 1U;
        if (name.label_count == run->apex.label_count) {
            labels = name.label_count;
        }
        for (; labels <= name.label_count && change->status == OK; labels++) {
            change->status =
                nsec3_hash(name_ancestor(name, (uint8_t)labels), chain->salt, chain->iterations,
                           change->hashes[change->hash_count++].hash);
        }
        last = name;
    }
    qsort(change->hashes, change->hash_count, sizeof *change->hashes, compare_hashes);
}

static bool is_touched(const struct change *change, const uint8_t hash[NSEC3_HASH_LEN])
{
    return bsearch(hash, change->hashes, change->hash_count, sizeof *change->hashes,
                   compare_hashes) != NULL;
}

static void check_leads_to(struct verify_worker *worker, const uint8_t hash[NSEC3_HASH_LEN])
{
    struct verify_run *run = worker->run;
    const struct verify_chain *chain = &run->chains[0];
    uint8_t before[NSEC3_HASH_LEN];
    memcpy(before, hash, sizeof before);
    for (size_t i = NSEC3_HASH_LEN; i-- > 0 && before[i]-- == 0;) {
    }
    struct verify_record last = verify_record_find(run, run->zone, chain, before);
    if (last.node != NULL) {
        verify_record_leads(worker, chain, last.node, before);
    }
}

/* Spans that lost their opt-out flag may hold names that were left out and stand nowhere in the
 * change. */
static bool loses_opt_out(struct verify_run *run, const struct change *change,
                          const uint8_t hash[NSEC3_HASH_LEN])
{
    const struct verify_chain *chain = &run->chains[0];
    struct verify_record was = verify_record_find(run, change->before, chain, hash);
    struct verify_record is = verify_record_find(run, run->zone, chain, hash);
    bool had_flag = was.node != NULL && (was.nsec3.flags & NSEC3_FLAG_OPT_OUT) != 0;
    bool has_flag = is.node != NULL && (is.nsec3.flags & NSEC3_FLAG_OPT_OUT) != 0;
    return had_flag && !has_flag;
}

void verify_change_record(struct verify_worker *worker, const struct change *change,
                          const struct affected *name)
{
    struct verify_run *run = worker->run;
    const struct verify_chain *chain = &run->chains[0];
    struct nsec3 before;
    struct nsec3 after;
    bool was_there = verify_record_of(chain, name->before, &before);
    bool is_there = verify_record_of(chain, name->after, &after);
    uint8_t hash[NSEC3_HASH_LEN];
    if (name->after != NULL) {
        verify_record_links(worker, name->after);
    }
    if ((!was_there && !is_there) ||
        !verify_record_hash(run, is_there ? name->after : name->before, hash)) {
        return;
    }
    bool is_for_same = was_there && is_there && span_equal(before.bitmap, after.bitmap);
    if ((!is_for_same && !is_touched(change, hash)) || loses_opt_out(run, change, hash)) {
        atomic_store_explicit(&run->is_undecided, true, memory_order_relaxed);
    }
    if (was_there != is_there) {
        check_leads_to(worker, hash);
    }
}
