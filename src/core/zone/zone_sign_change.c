/* The next signed version from the one before: which nodes a change of the owner's data touches, by
 * what they own, by where they stand, and by what their neighbours in the denial chain say of them;
 * and which signatures are due. */
#include "core/zone/zone_sign_part.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_NODES = 128, CHANGE_NODES_FEW = 1000, CHANGE_PART_MAX = 8 };

struct change {
    struct sign_run *run;
    struct sign_names touched;
    struct ring_change ring;
    struct zone_bulk_item *made;
};

void sign_names_add(struct sign_run *run, struct sign_names *list, struct name name)
{
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 64 : list->size * 2;
        struct name *names = arena_take_array(&run->arena, size, sizeof *names);
        if (names == NULL) {
            list->status = NO_MEMORY;
            return;
        }
        if (list->count > 0) {
            memcpy(names, list->names, list->count * sizeof *names);
        }
        list->names = names;
        list->size = size;
    }
    list->names[list->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
    const struct name *one = a;
    const struct name *other = b;
    return name_compare(*one, *other);
}

void sign_names_sort(struct sign_names *list)
{
    if (list->count == 0) {
        return;
    }
    qsort(list->names, list->count, sizeof list->names[0], compare_names);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++) {
        if (!name_equal(list->names[kept - 1], list->names[i])) {
            list->names[kept++] = list->names[i];
        }
    }
    list->count = kept;
}

/* The keys that sign the zone are those that signed the version before: its SOA tells. */
static bool keys_are_as_before(const struct sign_run *run, const struct zone_node *apex)
{
    const struct rrset *rrsigs = zone_node_rrsigs(apex, TYPE_SOA);
    size_t count = 0;
    for (size_t i = 0; rrsigs != NULL && i < run->input->key_count; i++) {
        const struct zone_key *key = &run->input->keys[i];
        if (!key->signs_zone) {
            continue;
        }
        bool has_signed = false;
        struct span rdata;
        for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
            struct rrsig rrsig;
            has_signed = has_signed ||
                         (rrsig_read(rdata, &rrsig) == OK && rrsig.tag == key->signing.dnskey.tag &&
                          rrsig.algorithm == key->signing.dnskey.algorithm);
        }
        if (!has_signed || !run->was_published[i]) {
            return false;
        }
        count++;
    }
    return rrsigs != NULL && count == rrsigs->count;
}

/* The version before has the kind of denial, with the TTL, that the next one will have. */
static bool denial_is_as_before(const struct sign_run *run, const struct zone_node *apex)
{
    const struct rrset *nsec = zone_node_rrset(apex, TYPE_NSEC);
    if (run->policy.denial == ZONE_NSEC) {
        return nsec != NULL && nsec->ttl_s == run->denial_ttl_s && run->before->nsec3_root == NULL;
    }
    const struct zone_node *ring = zone_nsec3_at_or_before(run->before, run->apex);
    const struct rrset *nsec3 = ring == NULL ? NULL : zone_node_rrset(ring, TYPE_NSEC3);
    const struct rrset *parameters = zone_node_rrset(apex, TYPE_NSEC3PARAM);
    struct nsec3 read;
    if (nsec != NULL || nsec3 == NULL || parameters == NULL || parameters->count != 1 ||
        nsec3->ttl_s != run->denial_ttl_s || nsec3_read(rrset_only(nsec3), &read) != OK) {
        return false;
    }
    bool is_opt_out = (read.flags & NSEC3_FLAG_OPT_OUT) != 0;
    return read.salt.len == 0 && read.iterations == 0 &&
           is_opt_out == (run->policy.denial == ZONE_NSEC3_OPT_OUT);
}

bool sign_change_serves(const struct sign_run *run)
{
    if (run->before == NULL || run->input->unsigned_before == NULL ||
        !name_equal(zone_apex(run->input->unsigned_before), run->apex)) {
        return false;
    }
    const struct zone_node *apex = zone_find(run->before, run->apex);
    return apex != NULL && keys_are_as_before(run, apex) && denial_is_as_before(run, apex);
}

static void touch(struct change *change, struct name name)
{
    sign_names_add(change->run, &change->touched, name);
}

/* Everything below a name changes its place with it. */
static void touch_below(struct change *change, const struct zone *data, struct name top)
{
    const struct zone_node *node = zone_after(data, top);
    while (node != NULL && name_is_below(node->owner, top)) {
        touch(change, node->owner);
        node = zone_after(data, node->owner);
    }
}

static bool hides_below(const struct zone *zone, const struct zone_node *node)
{
    return node != NULL && chain_hides_below(zone, node);
}

static void touch_changed(struct change *change)
{
    const struct zone_sign_input *input = change->run->input;
    struct zone_comparison comparison;
    struct zone_change found;
    zone_compare(input->unsigned_before, input->unsigned_zone, &comparison);
    while (zone_compare_next(&comparison, &found)) {
        struct name owner = found.after != NULL ? found.after->owner : found.before->owner;
        touch(change, owner);
        if (hides_below(input->unsigned_before, found.before) !=
            hides_below(input->unsigned_zone, found.after)) {
            touch_below(change, input->unsigned_zone, owner);
        }
    }
}

/* Signatures whose time has come; not too many in one version, so that a large zone's renewal is
 * spread over some. */
static void touch_expiring(struct change *change)
{
    const struct sign_run *run = change->run;
    int64_t before_s = run->input->now_s + run->policy.refresh_s + 1;
    const struct zone_node *node = zone_next_expiring(run->before, NULL, before_s);
    for (size_t i = 0; node != NULL && i < ZONE_REFRESH_NODES_MAX; i++) {
        touch(change, node->owner);
        node = zone_next_expiring(run->before, &node->owner, before_s);
    }
}

/* The node with the owner's data, NULL when the name has none. */
static const struct zone_node *data_of(const struct sign_run *run, struct name name)
{
    const struct zone_node *node = zone_find(run->input->unsigned_zone, name);
    return node != NULL && chain_has_data(node) ? node : NULL;
}

/* Where a name comes into the NSEC chain or leaves it, the record before it says another name. */
static void touch_nsec_neighbours(struct change *change)
{
    const struct sign_run *run = change->run;
    const struct zone *data = run->input->unsigned_zone;
    size_t count = change->touched.count;
    for (size_t i = 0; i < count; i++) {
        struct name name = change->touched.names[i];
        const struct zone_node *before = zone_find(run->before, name);
        bool was = before != NULL && zone_node_rrset(before, TYPE_NSEC) != NULL;
        bool is_there = data_of(run, name) != NULL && chain_place_of(data, name) != CHAIN_BELOW;
        const struct zone_node *neighbour = was != is_there ? chain_before(data, name) : NULL;
        if (neighbour != NULL) {
            touch(change, neighbour->owner);
        }
    }
}

/* The NSEC3 rdata of a node: the changed one, or what stands. */
static enum status want_nsec3(struct change *change, struct sign_worker *worker,
                              struct sign_want *want)
{
    const struct ring_hash *hash = sign_ring_find(&change->ring, want->owner);
    const struct rrset *standing =
        want->before == NULL ? NULL : zone_node_rrset(want->before, TYPE_NSEC3);
    if (hash == NULL) {
        want->nsec3 = standing == NULL ? SPAN_EMPTY : rrset_only(standing);
        return OK;
    }
    if (!hash->is_wanted) {
        return OK;
    }
    size_t size = 6 + NSEC3_HASH_LEN + hash->bitmap.len;
    uint8_t *bytes = arena_take(&worker->arena, size);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer rdata = writer_over(bytes, size);
    chain_write_nsec3(worker->run->policy.denial, hash->next, hash->bitmap, &rdata);
    want->nsec3 = writer_written(&rdata);
    return rdata.status;
}

static void change_piece(void *user, size_t index)
{
    struct change *change = user;
    struct sign_run *run = change->run;
    const struct zone *data = run->input->unsigned_zone;
    struct sign_worker *worker = sign_worker_take(run);
    size_t end = (index + 1) * PIECE_NODES;
    end = end < change->touched.count ? end : change->touched.count;
    for (size_t i = index * PIECE_NODES; worker->status == OK && i < end; i++) {
        struct sign_want want = {.owner = change->touched.names[i], .place = CHAIN_BELOW};
        want.data = data_of(run, want.owner);
        want.before = zone_find(run->before, want.owner);
        if (want.data != NULL) {
            want.owner = want.data->owner;
            want.place = chain_place_of(data, want.owner);
        }
        if (run->policy.denial != ZONE_NSEC) {
            worker->status = want_nsec3(change, worker, &want);
        } else if (want.place != CHAIN_BELOW) {
            const struct zone_node *next = chain_after(data, want.owner);
            want.next = next == NULL ? run->apex : next->owner;
        }
        sign_worker_add(worker, &want, &change->made[i]);
    }
    sign_worker_give(worker);
}

/* Puts what was made in place of what stood. */
static enum status change_apply(struct change *change, struct zone_builder *builder)
{
    enum status status = OK;
    for (size_t i = 0; i < change->touched.count; i++) {
        struct zone_entry *entry = change->made[i].entry;
        struct name name = change->touched.names[i];
        const struct zone_node *before = zone_find(change->run->before, name);
        change->made[i].entry = NULL;
        bool is_same = before == NULL ? entry == NULL : entry == zone_entry_of(before);
        if (status != OK || is_same) {
            zone_entry_release(entry);
        } else if (entry == NULL) {
            status = zone_build_drop(builder, name);
        } else {
            status = zone_build_put(builder, entry);
        }
    }
    return status;
}

static enum status change_make(struct change *change)
{
    struct sign_run *run = change->run;
    change->made = arena_take_array(&run->arena, change->touched.count, sizeof change->made[0]);
    if (change->made == NULL) {
        return NO_MEMORY;
    }
    size_t pieces = (change->touched.count + PIECE_NODES - 1) / PIECE_NODES;
    run->parallel->run(run->parallel->self, change_piece, change, pieces);
    return sign_workers_status(run);
}

enum status sign_change(struct sign_run *run, struct zone_builder **builder)
{
    struct change change = {.run = run, .ring = {.run = run}};
    touch(&change, run->apex); /* what the signer adds there may have changed */
    touch_changed(&change);
    touch_expiring(&change);
    sign_names_sort(&change.touched);
    *builder = NULL;
    if (change.touched.count > CHANGE_NODES_FEW &&
        change.touched.count > zone_node_count(run->before) / CHANGE_PART_MAX) {
        return OK;
    }
    enum status status = OK;
    if (run->policy.denial == ZONE_NSEC) {
        touch_nsec_neighbours(&change);
    } else {
        status = sign_ring_change(&change.ring, &change.touched);
    }
    sign_names_sort(&change.touched);
    status = status == OK ? change.touched.status : status;
    if (status == OK) {
        status = zone_build(run->apex, run->before, builder);
    }
    if (status == OK) {
        status = change_make(&change);
    }
    if (status == OK) {
        return change_apply(&change, *builder);
    }
    for (size_t i = 0; change.made != NULL && i < change.touched.count; i++) {
        zone_entry_release(change.made[i].entry);
    }
    zone_build_cancel(*builder);
    *builder = NULL;
    return status;
}
