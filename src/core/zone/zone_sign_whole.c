/* Signing all of a zone: its names, and with NSEC3 their hashes, are listed once in order, cut into
 * many pieces for threads to take, and what the pieces make becomes a tree in one go. */
#include "core/zone/zone_sign_part.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_NODES = 1024, BITMAP_KEPT_MAX = 16, BITMAP_LATER = 255, BUCKETS = 1 << 16 };

/* A name of the owner's data. */
struct item {
    const struct zone_node *node;
    enum chain_place place;
};

/* A name of the NSEC3 chain. */
struct hashed {
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t label_count; /* fewer than the node's owner has: an empty non-terminal above it */
    bool is_twin;        /* the owner of its NSEC3 is a name of the data too */
    uint8_t place;       /* enum chain_place */
    uint8_t bitmap_len;  /* BITMAP_LATER: it does not fit here */
    const struct zone_node *node;
    /* Written while the node is at hand: in the order of hashes each would be a cache miss. */
    uint8_t bitmap[BITMAP_KEPT_MAX];
};

struct whole {
    struct sign_run *run;
    struct arena lists; /* ends when the nodes are made: a tree is made of them in that room */
    struct item *items;
    size_t item_count;
    struct name *piece_nexts; /* the first name of the NSEC chain behind each piece, copied */
    struct hashed *hashes;
    size_t hash_count;
    bool has_twins;
    struct zone_bulk_item *made_items; /* with room for the hashes before them */
    struct zone_bulk_item *made_hashes;
};

static bool is_nsec(const struct sign_run *run)
{
    return run->policy.denial == ZONE_NSEC;
}

/* With the references of the nodes when the zone is given away. */
static enum status whole_list(struct whole *whole)
{
    const struct zone_sign_input *input = whole->run->input;
    size_t size = zone_node_count(input->unsigned_zone);
    whole->items = arena_take_array(&whole->lists, size, sizeof whole->items[0]);
    if (whole->items == NULL) {
        return NO_MEMORY;
    }
    struct chain_walk walk;
    chain_walk_begin(&walk, input->unsigned_zone);
    enum chain_place place;
    for (const struct zone_node *node; (node = chain_walk_next(&walk, &place)) != NULL;) {
        require(whole->item_count < size);
        whole->items[whole->item_count++] = (struct item){node, place};
        if (whole->run->is_given_away) {
            (void)zone_entry_hold(node);
        }
    }
    return OK;
}

static size_t piece_count(size_t count)
{
    return (count + PIECE_NODES - 1) / PIECE_NODES;
}

static size_t piece_end(size_t index, size_t count)
{
    size_t end = (index + 1) * PIECE_NODES;
    return end < count ? end : count;
}

/* Copied, because another thread may be done with that piece, and its names be gone. */
static enum status whole_list_nexts(struct whole *whole)
{
    struct sign_run *run = whole->run;
    size_t pieces = piece_count(whole->item_count);
    whole->piece_nexts = arena_take_array(&whole->lists, pieces, sizeof(struct name));
    if (whole->piece_nexts == NULL) {
        return NO_MEMORY;
    }
    struct name next = run->apex; /* the chain is a ring */
    for (size_t piece = pieces; piece > 0; piece--) {
        enum status status = name_copy(&whole->lists, next, &whole->piece_nexts[piece - 1]);
        if (status != OK) {
            return status;
        }
        size_t first = (piece - 1) * PIECE_NODES;
        for (size_t i = piece_end(piece - 1, whole->item_count); i > first; i--) {
            bool is_in_chain = whole->items[i - 1].place != CHAIN_BELOW;
            next = is_in_chain ? whole->items[i - 1].node->owner : next;
        }
    }
    return OK;
}

static bool is_left_to_opt_out(const struct whole *whole, const struct item *item)
{
    return whole->run->policy.denial == ZONE_NSEC3_OPT_OUT && item->place == CHAIN_CUT &&
           zone_node_rrset(item->node, TYPE_DS) == NULL;
}

static void hashes_add(struct whole *whole, const struct item *item, uint8_t label_count)
{
    if (whole->hashes != NULL) {
        whole->hashes[whole->hash_count] = (struct hashed){
            .label_count = label_count, .place = (uint8_t)item->place, .node = item->node};
    }
    whole->hash_count++;
}

/* Lists every name that has an NSEC3 record; without a list they are only counted. An ancestor of a
 * name that is no ancestor of the name before it and owns nothing is an empty non-terminal, also
 * above a name that is left out itself. */
static void hashes_list(struct whole *whole)
{
    whole->hash_count = 0;
    struct name last = whole->run->apex;
    for (size_t i = 0; i < whole->item_count; i++) {
        const struct item *item = &whole->items[i];
        if (item->place == CHAIN_BELOW) {
            continue;
        }
        struct name owner = item->node->owner;
        uint8_t labels = name_common_labels(last, owner);
        while (++labels < owner.label_count) {
            hashes_add(whole, item, labels);
        }
        if (!is_left_to_opt_out(whole, item)) {
            hashes_add(whole, item, owner.label_count);
        }
        last = owner;
    }
}

/* The bitmap of a name; of an empty non-terminal it is empty. */
static enum status hashed_write_bitmap(struct sign_worker *worker, const struct hashed *hashed,
                                       struct writer *bitmap)
{
    if (hashed->label_count < hashed->node->owner.label_count) {
        return OK;
    }
    struct chain_types types;
    enum status status =
        sign_worker_types(worker, hashed->node, (enum chain_place)hashed->place, &types);
    if (status != OK) {
        return status;
    }
    chain_write_bitmap(&types, bitmap);
    return bitmap->status;
}

static enum status hashed_make(struct sign_worker *worker, struct digest_stream *sha1,
                               struct hashed *hashed)
{
    struct writer bitmap = writer_over(hashed->bitmap, sizeof hashed->bitmap);
    enum status status = hashed_write_bitmap(worker, hashed, &bitmap);
    if (status != OK && status != NO_SPACE) {
        return status;
    }
    hashed->bitmap_len = status == OK ? (uint8_t)bitmap.len : BITMAP_LATER;
    return chain_hash(sha1, name_ancestor(hashed->node->owner, hashed->label_count), hashed->hash);
}

static void hash_piece(void *user, size_t index)
{
    struct whole *whole = user;
    struct sign_worker *worker = sign_worker_take(whole->run);
    struct digest_stream *sha1 = sign_worker_sha1(worker);
    enum status status = sha1 == NULL ? CRYPTO_FAILED : OK;
    size_t end = piece_end(index, whole->hash_count);
    for (size_t i = index * PIECE_NODES; status == OK && i < end; i++) {
        status = hashed_make(worker, sha1, &whole->hashes[i]);
    }
    worker->status = worker->status == OK ? status : worker->status;
    sign_worker_give(worker);
}

static int hashed_compare(const void *a, const void *b)
{
    const struct hashed *left = a;
    const struct hashed *right = b;
    return memcmp(left->hash, right->hash, NSEC3_HASH_LEN);
}

static size_t hashed_bucket(const struct hashed *hashed)
{
    return (size_t)hashed->hash[0] << 8 | hashed->hash[1];
}

/* By hash: into buckets by its first bits, which spread evenly, and each of those by comparison,
 * as names can be made whose hashes meet there. */
static enum status hashes_sort(struct whole *whole)
{
    struct arena *lists = &whole->lists;
    struct hashed *sorted = arena_take_array(lists, whole->hash_count, sizeof *sorted);
    size_t *starts = arena_take_array(lists, BUCKETS + 1, sizeof *starts);
    if (sorted == NULL || starts == NULL) {
        return NO_MEMORY;
    }
    for (size_t i = 0; i < whole->hash_count; i++) {
        starts[hashed_bucket(&whole->hashes[i]) + 1]++;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        starts[i + 1] += starts[i];
    }
    for (size_t i = 0; i < whole->hash_count; i++) {
        sorted[starts[hashed_bucket(&whole->hashes[i])]++] = whole->hashes[i];
    }
    for (size_t i = 0, from = 0; i < BUCKETS; i++) { /* each start has moved on to its end */
        if (starts[i] - from > 1) {
            qsort(sorted + from, starts[i] - from, sizeof *sorted, hashed_compare);
        }
        from = starts[i];
    }
    whole->hashes = sorted;
    return OK;
}

/* The place in the ring of the NSEC3 with that owner; NULL when it is none. */
static struct hashed *hashes_find_owner(const struct whole *whole, struct name owner)
{
    struct hashed wanted;
    if (!chain_owner_hash(whole->run->apex, owner, wanted.hash)) {
        return NULL;
    }
    return bsearch(&wanted, whole->hashes, whole->hash_count, sizeof wanted, hashed_compare);
}

/* A name of the data that looks like the owner of an NSEC3 record may be one. */
static void hashes_mark_twins(struct whole *whole)
{
    for (size_t i = 0; i < whole->item_count; i++) {
        struct hashed *twin = hashes_find_owner(whole, whole->items[i].node->owner);
        if (twin != NULL) {
            twin->is_twin = true;
            whole->has_twins = true;
        }
    }
}

static enum status hashes_make(struct whole *whole)
{
    struct sign_run *run = whole->run;
    struct arena unsorted;
    arena_open(&unsorted, SIZE_MAX);
    hashes_list(whole);
    whole->hashes = arena_take_array(&unsorted, whole->hash_count, sizeof whole->hashes[0]);
    enum status status = whole->hashes == NULL ? NO_MEMORY : OK;
    if (status == OK) {
        hashes_list(whole);
        run->parallel->run(run->parallel->self, hash_piece, whole, piece_count(whole->hash_count));
        status = sign_workers_status(run);
    }
    if (status == OK) {
        status = hashes_sort(whole);
    }
    arena_close(&unsorted);
    return status;
}

static enum status whole_hash(struct whole *whole)
{
    enum status status = hashes_make(whole);
    if (status != OK) {
        return status;
    }
    for (size_t i = 1; i < whole->hash_count; i++) {
        if (hashed_compare(&whole->hashes[i - 1], &whole->hashes[i]) == 0) {
            return MISMATCH; /* two names with one SHA-1: the zone needs another name, or NSEC */
        }
    }
    hashes_mark_twins(whole);
    return OK;
}

/* The rdata of an NSEC3, in the worker's arena. */
static enum status hashed_write(struct sign_worker *worker, const struct whole *whole,
                                const struct hashed *hashed, struct span *rdata)
{
    uint8_t octets[CHAIN_BITMAP_LEN_MAX];
    struct writer writer = writer_over(octets, sizeof octets);
    struct span bitmap = span_of(hashed->bitmap, hashed->bitmap_len);
    if (hashed->bitmap_len == BITMAP_LATER) {
        enum status status = hashed_write_bitmap(worker, hashed, &writer);
        if (status != OK) {
            return status;
        }
        bitmap = writer_written(&writer);
    }
    size_t at = (size_t)(hashed - whole->hashes);
    const struct hashed *next = &whole->hashes[(at + 1) % whole->hash_count];
    size_t size = 6 + NSEC3_HASH_LEN + bitmap.len;
    uint8_t *bytes = arena_take(&worker->arena, size);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer whole_rdata = writer_over(bytes, size);
    chain_write_nsec3(worker->run->policy.denial, next->hash, bitmap, &whole_rdata);
    *rdata = writer_written(&whole_rdata);
    return whole_rdata.status;
}

/* The node of the version before with that owner. */
static const struct zone_node *node_before(const struct sign_run *run, struct name owner)
{
    return run->before == NULL ? NULL : zone_find(run->before, owner);
}

/* The nodes that own NSEC3. */
static void ring_piece(void *user, size_t index)
{
    struct whole *whole = user;
    struct sign_run *run = whole->run;
    struct sign_worker *worker = sign_worker_take(run);
    size_t end = piece_end(index, whole->hash_count);
    for (size_t i = index * PIECE_NODES; worker->status == OK && i < end; i++) {
        const struct hashed *hashed = &whole->hashes[i];
        if (hashed->is_twin) {
            continue;
        }
        struct sign_want want = {.place = CHAIN_BELOW};
        struct name_buffer *buffer = arena_take(&worker->arena, sizeof *buffer);
        enum status status = buffer == NULL
                                 ? NO_MEMORY
                                 : chain_hash_owner(run->apex, hashed->hash, buffer, &want.owner);
        if (status == OK) {
            status = hashed_write(worker, whole, hashed, &want.nsec3);
        }
        if (status != OK) {
            worker->status = status;
            break;
        }
        want.before = node_before(run, want.owner);
        sign_worker_add(worker, &want, &whole->made_hashes[i]);
    }
    sign_worker_give(worker);
}

/* The name in the NSEC chain behind the item. */
static struct name next_in_chain(const struct whole *whole, size_t at, size_t piece, size_t end)
{
    for (size_t i = at + 1; i < end; i++) {
        if (whole->items[i].place != CHAIN_BELOW) {
            return whole->items[i].node->owner;
        }
    }
    return whole->piece_nexts[piece];
}

/* Walks the version before along with the items of a piece. */
struct follower {
    struct zone_cursor cursor;
    const struct zone_node *node;
};

static void follower_begin(struct follower *follower, const struct sign_run *run, struct name first)
{
    *follower = (struct follower){.node = NULL};
    if (run->before != NULL) {
        uint8_t key[NAME_KEY_MAX];
        follower->cursor.zone = run->before;
        zone_tree_seek_before(run->before->root, span_of(key, name_key(first, key)),
                              &follower->cursor);
        follower->node = zone_walk_next(&follower->cursor);
    }
}

static const struct zone_node *follower_find(struct follower *follower,
                                             const struct zone_node *wanted)
{
    struct span key = zone_entry_key(zone_entry_of(wanted));
    while (follower->node != NULL) {
        int order = span_compare(zone_entry_key(zone_entry_of(follower->node)), key);
        if (order >= 0) {
            return order == 0 ? follower->node : NULL;
        }
        follower->node = zone_walk_next(&follower->cursor);
    }
    return NULL;
}

static void item_piece(void *user, size_t index)
{
    struct whole *whole = user;
    struct sign_run *run = whole->run;
    struct sign_worker *worker = sign_worker_take(run);
    size_t end = piece_end(index, whole->item_count);
    struct follower follower;
    follower_begin(&follower, run, whole->items[index * PIECE_NODES].node->owner);
    for (size_t i = index * PIECE_NODES; i < end; i++) {
        const struct item *item = &whole->items[i];
        struct sign_want want = {.owner = item->node->owner,
                                 .data = item->node,
                                 .place = item->place,
                                 .before = follower_find(&follower, item->node),
                                 .lets_go = run->is_given_away && !whole->has_twins};
        if (is_nsec(run) && item->place != CHAIN_BELOW) {
            want.next = next_in_chain(whole, i, index, end);
        }
        const struct hashed *twin = whole->has_twins ? hashes_find_owner(whole, want.owner) : NULL;
        if (twin != NULL && worker->status == OK) {
            worker->status = hashed_write(worker, whole, twin, &want.nsec3);
        }
        sign_worker_add(worker, &want, &whole->made_items[i]);
    }
    sign_worker_give(worker);
}

/* Both lists in one, in order; without what owns nothing. It grows into the room before the items
 * and then over them: never past the item that is next. */
static size_t whole_merge(const struct whole *whole, struct zone_bulk_item *merged)
{
    size_t item = 0;
    size_t hash = 0;
    size_t count = 0;
    while (item < whole->item_count || hash < whole->hash_count) {
        const struct zone_bulk_item *left = &whole->made_items[item];
        const struct zone_bulk_item *right = &whole->made_hashes[hash];
        if (item < whole->item_count && left->entry == NULL) {
            item++;
            continue;
        }
        if (hash < whole->hash_count && right->entry == NULL) {
            hash++; /* a twin */
            continue;
        }
        bool is_left = hash == whole->hash_count ||
                       (item < whole->item_count && span_compare(zone_entry_key(left->entry),
                                                                 zone_entry_key(right->entry)) < 0);
        merged[count++] = is_left ? *left : *right;
        item += is_left;
        hash += !is_left;
    }
    return count;
}

static void made_release(const struct whole *whole)
{
    for (size_t i = 0; whole->made_items != NULL && i < whole->item_count; i++) {
        zone_entry_release(whole->made_items[i].entry);
    }
    for (size_t i = 0; whole->made_items != NULL && i < whole->hash_count; i++) {
        zone_entry_release(whole->made_hashes[i].entry);
    }
}

/* Lets go of the data when it was given away. */
static void items_release(const struct whole *whole)
{
    for (size_t i = 0; whole->run->is_given_away && i < whole->item_count; i++) {
        zone_entry_release(zone_entry_of(whole->items[i].node));
    }
}

static enum status whole_make(struct whole *whole)
{
    struct sign_run *run = whole->run;
    size_t size = sizeof(struct zone_bulk_item);
    size_t count = whole->hash_count + whole->item_count;
    struct zone_bulk_item *made = arena_take_array(&run->arena, count, size);
    whole->made_hashes = arena_take_array(&whole->lists, whole->hash_count, size);
    enum status status = made == NULL || whole->made_hashes == NULL ? NO_MEMORY : OK;
    whole->made_items = status == OK ? made + whole->hash_count : NULL;
    bool is_let_go = false;
    if (status == OK) { /* first, as it reads the data that the others let go of */
        run->parallel->run(run->parallel->self, ring_piece, whole, piece_count(whole->hash_count));
        status = sign_workers_status(run);
    }
    if (status == OK) {
        run->parallel->run(run->parallel->self, item_piece, whole, piece_count(whole->item_count));
        status = sign_workers_status(run);
        is_let_go = !whole->has_twins; /* a twin reads the data of other pieces */
    }
    if (!is_let_go) {
        items_release(whole);
    }
    return status;
}

/* From the lists to the nodes; what stands on the way is released on failure. */
static enum status whole_run(struct whole *whole)
{
    struct sign_run *run = whole->run;
    enum status status = whole_list(whole);
    if (status == OK) {
        status = is_nsec(run) ? whole_list_nexts(whole) : whole_hash(whole);
    }
    if (run->is_given_away) {
        zone_release((struct zone *)(uintptr_t)run->input->unsigned_zone);
    }
    if (status != OK) {
        items_release(whole);
        return status;
    }
    status = whole_make(whole);
    if (status != OK) {
        made_release(whole);
    }
    return status;
}

enum status sign_whole(struct sign_run *run, struct zone **version)
{
    struct whole whole = {.run = run};
    arena_open(&whole.lists, SIZE_MAX);
    enum status status = whole_run(&whole);
    size_t hash_count = whole.hash_count;
    struct zone_bulk_item *made = status == OK ? whole.made_items - hash_count : NULL;
    size_t count = status == OK ? whole_merge(&whole, made) : 0;
    arena_close(&whole.lists);
    if (status != OK) {
        return status;
    }
    return zone_bulk_finish(run->apex, made, count, !is_nsec(run), run->parallel, version);
}
