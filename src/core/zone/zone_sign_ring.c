/* What a change of names does to the ring of NSEC3 hashes: which names are in it now, empty
 * non-terminals among them, and whose neighbour each hash is, without a look at the whole ring. */
#include "core/zone/zone_sign_part.h"

#include <stdlib.h>
#include <string.h>

static int compare_hashes(const void *a, const void *b)
{
    const struct ring_hash *one = a;
    const struct ring_hash *other = b;
    return memcmp(one->hash, other->hash, NSEC3_HASH_LEN);
}

static enum status ring_add(struct ring_change *change, const struct ring_hash *hash)
{
    if (change->count == change->size) {
        size_t size = change->size == 0 ? 64 : change->size * 2;
        struct ring_hash *hashes = arena_take_array(&change->run->arena, size, sizeof *hashes);
        if (hashes == NULL) {
            return NO_MEMORY;
        }
        if (change->count > 0) {
            memcpy(hashes, change->hashes, change->count * sizeof *hashes);
        }
        change->hashes = hashes;
        change->size = size;
    }
    change->hashes[change->count++] = *hash;
    return OK;
}

static struct ring_hash *ring_find(const struct ring_change *change,
                                   const uint8_t hash[NSEC3_HASH_LEN])
{
    struct ring_hash wanted;
    memcpy(wanted.hash, hash, NSEC3_HASH_LEN);
    return change->count == 0
               ? NULL
               : bsearch(&wanted, change->hashes, change->count, sizeof wanted, compare_hashes);
}

const struct ring_hash *sign_ring_find(const struct ring_change *change, struct name owner)
{
    uint8_t hash[NSEC3_HASH_LEN];
    return chain_owner_hash(change->run->apex, owner, hash) ? ring_find(change, hash) : NULL;
}

/* By hash, each once; a name that one of its descendants brings in is in. */
static void ring_sort(struct ring_change *change)
{
    if (change->count == 0) {
        return;
    }
    qsort(change->hashes, change->count, sizeof change->hashes[0], compare_hashes);
    size_t kept = 0;
    for (size_t i = 1; i < change->count; i++) {
        struct ring_hash *last = &change->hashes[kept];
        const struct ring_hash *hash = &change->hashes[i];
        if (compare_hashes(last, hash) != 0) {
            change->hashes[++kept] = *hash;
            continue;
        }
        last->is_wanted = last->is_wanted || hash->is_wanted;
        if (!last->has_bitmap && hash->has_bitmap) {
            last->bitmap = hash->bitmap;
            last->has_bitmap = true;
        }
    }
    change->count = kept + 1;
}

/* The entry of the version before with that hash, or NULL; the cursor stands there or before it. */
static const struct zone_node *ring_seek(const struct sign_run *run, const uint8_t *hash,
                                         bool is_before, struct zone_cursor *cursor)
{
    struct name_buffer buffer;
    struct name owner;
    uint8_t key[NAME_KEY_MAX];
    if (chain_hash_owner(run->apex, hash, &buffer, &owner) != OK) {
        return NULL; /* the apex is too long: then there is no ring */
    }
    struct span wanted = span_of(key, name_key(owner, key));
    if (is_before) {
        zone_tree_seek_before(run->before->nsec3_root, wanted, cursor);
    } else {
        zone_tree_seek(run->before->nsec3_root, wanted, cursor);
    }
    const struct zone_entry *entry = zone_tree_at(cursor);
    return entry == NULL ? NULL : &entry->node;
}

static const struct zone_node *ring_node(const struct sign_run *run, const uint8_t *hash)
{
    struct zone_cursor cursor;
    const struct zone_node *node = ring_seek(run, hash, false, &cursor);
    uint8_t found[NSEC3_HASH_LEN];
    bool is_there = node != NULL && chain_owner_hash(run->apex, node->owner, found) &&
                    memcmp(found, hash, NSEC3_HASH_LEN) == 0;
    return is_there ? node : NULL;
}

static bool is_left_to_opt_out(const struct sign_run *run, const struct zone_node *node,
                               enum chain_place place)
{
    return run->policy.denial == ZONE_NSEC3_OPT_OUT && place == CHAIN_CUT &&
           zone_node_rrset(node, TYPE_DS) == NULL;
}

static bool is_in_ring(const struct sign_run *run, const struct zone_node *node,
                       enum chain_place place)
{
    return place != CHAIN_BELOW && !is_left_to_opt_out(run, node, place);
}

/* Is a name that owns nothing an empty non-terminal? */
static bool has_descendant(const struct sign_run *run, struct name top)
{
    const struct zone_node *node = chain_after(run->input->unsigned_zone, top);
    return node != NULL && name_is_below(node->owner, top);
}

static enum status hash_set_bitmap(struct ring_change *change, struct sign_worker *worker,
                                   const struct zone_node *node, enum chain_place place,
                                   struct ring_hash *hash)
{
    struct chain_types types;
    enum status status = sign_worker_types(worker, node, place, &types);
    if (status != OK) {
        return status;
    }
    uint8_t bytes[CHAIN_BITMAP_LEN_MAX];
    struct writer bitmap = writer_over(bytes, sizeof bytes);
    chain_write_bitmap(&types, &bitmap);
    hash->has_bitmap = true;
    return arena_copy(&change->run->arena, writer_written(&bitmap), &hash->bitmap);
}

/* One name: its hash, whether it was in the ring, and whether it is. An empty non-terminal is in
 * when `is_brought_in` by a descendant, as are those above it; else only later is it looked for
 * one. */
static enum status ring_add_name(struct ring_change *change, struct sign_worker *worker,
                                 struct name name, bool *is_brought_in)
{
    const struct sign_run *run = change->run;
    const struct zone *data = run->input->unsigned_zone;
    struct ring_hash hash = {.name = name, .is_wanted = *is_brought_in};
    struct digest_stream *sha1 = sign_worker_sha1(worker);
    enum status status = sha1 == NULL ? CRYPTO_FAILED : chain_hash(sha1, name, hash.hash);
    const struct zone_node *node = zone_find(data, name);
    if (status == OK && node != NULL && chain_has_data(node)) {
        enum chain_place place = chain_place_of(data, name);
        hash.is_wanted = is_in_ring(run, node, place);
        *is_brought_in = place != CHAIN_BELOW; /* opt-out leaves out no empty non-terminal */
        status = hash_set_bitmap(change, worker, node, place, &hash);
    }
    if (status != OK) {
        return status;
    }
    hash.was = ring_node(run, hash.hash) != NULL;
    return ring_add(change, &hash);
}

/* A name and those above it, which may be empty non-terminals because of it. */
static enum status ring_add_line(struct ring_change *change, struct sign_worker *worker,
                                 struct name name)
{
    enum status status = OK;
    bool is_brought_in = false;
    uint8_t apex_labels = change->run->apex.label_count;
    for (unsigned labels = name.label_count; status == OK && labels >= apex_labels; labels--) {
        status =
            ring_add_name(change, worker, name_ancestor(name, (uint8_t)labels), &is_brought_in);
        if (labels == 0) {
            break;
        }
    }
    return status;
}

/* The owner of NSEC3 alone is a hash and no name of the zone. */
static bool is_only_hash(const struct sign_run *run, struct name name)
{
    const struct zone_node *before = zone_find(run->before, name);
    for (uint16_t i = 0; before != NULL && i < before->rrset_count; i++) {
        const struct rrset *rrset = &before->rrsets[i];
        if (rrset->type != TYPE_NSEC3 && rrset->covers != TYPE_NSEC3) {
            return false;
        }
    }
    return before != NULL && zone_find(run->input->unsigned_zone, name) == NULL;
}

/* The bitmap that the version before has under that hash. */
static enum status hash_take_bitmap(const struct sign_run *run, struct ring_hash *hash)
{
    const struct zone_node *node = ring_node(run, hash->hash);
    struct nsec3 nsec3;
    enum status status = node == NULL
                             ? NOT_FOUND
                             : nsec3_read(rrset_only(zone_node_rrset(node, TYPE_NSEC3)), &nsec3);
    hash->bitmap = status == OK ? nsec3.bitmap : SPAN_EMPTY;
    return status;
}

/* Empty non-terminals that nothing touched brings in stay as long as something else does. */
static void ring_settle(struct ring_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        struct ring_hash *hash = &change->hashes[i];
        if (!hash->has_bitmap && !hash->is_wanted && hash->was) {
            hash->is_wanted = has_descendant(change->run, hash->name);
        }
        hash->has_bitmap = true; /* that of an empty non-terminal is empty */
    }
}

/* Where the nearest wanted one stands, so that a search never goes over many that are not. */
static void ring_index(struct ring_change *change)
{
    size_t before = SIZE_MAX;
    size_t after = SIZE_MAX;
    for (size_t i = 0; i < 2 * change->count; i++) {
        size_t up = i % change->count;
        size_t down = change->count - 1 - up;
        before = change->hashes[up].is_wanted ? up : before;
        after = change->hashes[down].is_wanted ? down : after;
        change->hashes[up].wanted_at_or_before = before;
        change->hashes[down].wanted_at_or_after = after;
    }
}

/* The neighbour of a hash in the ring as it was. */
static bool old_neighbour(const struct sign_run *run, bool is_forward, uint8_t hash[NSEC3_HASH_LEN])
{
    struct zone_cursor cursor;
    struct zone_page *root = run->before->nsec3_root;
    const struct zone_node *node = ring_seek(run, hash, !is_forward, &cursor);
    if (is_forward) {
        const struct zone_entry *next = zone_tree_next(root, &cursor);
        cursor.depth = 0;
        next = next != NULL ? next : zone_tree_next(root, &cursor);
        node = next == NULL ? NULL : &next->node;
    } else if (node == NULL) {
        node = zone_nsec3_at_or_before(run->before, run->apex); /* before the first: the last */
    }
    return node != NULL && chain_owner_hash(run->apex, node->owner, hash);
}

/* Distance on the ring, as octets of a number: from one hash on to another, never nothing. */
static void ring_distance(const uint8_t *from, const uint8_t *to, uint8_t distance[NSEC3_HASH_LEN])
{
    int borrow = 0;
    for (int i = NSEC3_HASH_LEN - 1; i >= 0; i--) {
        int difference = to[i] - from[i] - borrow;
        borrow = difference < 0;
        distance[i] = (uint8_t)(difference + (borrow != 0 ? 256 : 0));
    }
}

/* The nearest of the hashes that come, on that side; false when none does. */
static bool new_neighbour(const struct ring_change *change, bool is_forward, const uint8_t *hash,
                          uint8_t found[NSEC3_HASH_LEN])
{
    size_t at = 0; /* how many stand at or before it */
    size_t high = change->count;
    while (at < high) {
        size_t middle = (at + high) / 2;
        if (memcmp(change->hashes[middle].hash, hash, NSEC3_HASH_LEN) <= 0) {
            at = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_there = at > 0 && memcmp(change->hashes[at - 1].hash, hash, NSEC3_HASH_LEN) == 0;
    size_t before = (at + change->count - 1 - (is_there ? 1 : 0)) % change->count;
    size_t nearest = is_forward ? change->hashes[at % change->count].wanted_at_or_after
                                : change->hashes[before].wanted_at_or_before;
    if (nearest == SIZE_MAX) {
        return false;
    }
    memcpy(found, change->hashes[nearest].hash, NSEC3_HASH_LEN);
    return true;
}

/* The neighbour of a hash in the ring as it will be; false when that is empty. */
static bool ring_neighbour(const struct ring_change *change, bool is_forward, const uint8_t *hash,
                           uint8_t found[NSEC3_HASH_LEN])
{
    uint8_t old[NSEC3_HASH_LEN];
    memcpy(old, hash, NSEC3_HASH_LEN);
    bool has_old = false;
    const struct ring_hash *changed = NULL;
    for (size_t i = 0; i <= change->count && !has_old; i++) {
        if (!old_neighbour(change->run, is_forward, old)) {
            break;
        }
        changed = ring_find(change, old);
        has_old = changed == NULL || changed->is_wanted;
    }
    uint8_t new[NSEC3_HASH_LEN];
    bool has_new = new_neighbour(change, is_forward, hash, new);
    if (!has_old || !has_new) {
        memcpy(found, has_old ? old : new, NSEC3_HASH_LEN);
        return has_old || has_new;
    }
    uint8_t old_distance[NSEC3_HASH_LEN];
    uint8_t new_distance[NSEC3_HASH_LEN];
    ring_distance(is_forward ? hash : old, is_forward ? old : hash, old_distance);
    ring_distance(is_forward ? hash : new, is_forward ? new : hash, new_distance);
    static const uint8_t nothing[NSEC3_HASH_LEN];
    bool is_old_self = memcmp(old_distance, nothing, NSEC3_HASH_LEN) == 0; /* once round */
    bool is_new_self = memcmp(new_distance, nothing, NSEC3_HASH_LEN) == 0;
    bool is_old_nearer =
        is_new_self || (!is_old_self && memcmp(old_distance, new_distance, NSEC3_HASH_LEN) <= 0);
    memcpy(found, is_old_nearer ? old : new, NSEC3_HASH_LEN);
    return true;
}

/* Where a hash comes or goes, the one before it has another next. */
static enum status ring_add_neighbours(struct ring_change *change)
{
    struct ring_change added = {.run = change->run};
    for (size_t i = 0; i < change->count; i++) {
        const struct ring_hash *hash = &change->hashes[i];
        struct ring_hash before = {.was = true, .is_wanted = true};
        if (hash->was == hash->is_wanted ||
            !ring_neighbour(change, false, hash->hash, before.hash) ||
            ring_find(change, before.hash) != NULL) {
            continue;
        }
        enum status status = hash_take_bitmap(change->run, &before);
        before.has_bitmap = true;
        status = status == OK ? ring_add(&added, &before) : status;
        if (status != OK) {
            return status;
        }
    }
    for (size_t i = 0; i < added.count; i++) {
        enum status status = ring_add(change, &added.hashes[i]);
        if (status != OK) {
            return status;
        }
    }
    ring_sort(change);
    ring_index(change);
    return OK;
}

/* Each hash gets its next, and the owner of its record is to be looked at. */
static enum status ring_finish(struct ring_change *change, struct sign_names *names)
{
    for (size_t i = 0; i < change->count; i++) {
        struct ring_hash *hash = &change->hashes[i];
        struct name_buffer buffer;
        struct name owner;
        enum status status = chain_hash_owner(change->run->apex, hash->hash, &buffer, &owner);
        if (status == OK && hash->is_wanted &&
            !ring_neighbour(change, true, hash->hash, hash->next)) {
            memcpy(hash->next, hash->hash, NSEC3_HASH_LEN);
        }
        if (status == OK) {
            status = name_copy(&change->run->arena, owner, &owner);
        }
        if (status != OK) {
            return status;
        }
        sign_names_add(change->run, names, owner);
    }
    return names->status;
}

enum status sign_ring_change(struct ring_change *change, struct sign_names *names)
{
    struct sign_worker *worker = sign_worker_take(change->run);
    enum status status = OK;
    for (size_t i = 0; status == OK && i < names->count; i++) {
        if (!is_only_hash(change->run, names->names[i])) {
            status = ring_add_line(change, worker, names->names[i]);
        }
    }
    sign_worker_give(worker);
    if (status != OK) {
        return status;
    }
    ring_sort(change);
    ring_settle(change);
    ring_index(change);
    status = ring_add_neighbours(change);
    return status == OK ? ring_finish(change, names) : status;
}
