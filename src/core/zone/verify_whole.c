/* A whole zone in pieces of some names each, a wave of pieces at a time, so that faults come out in
 * canonical order and take little memory. What reaches across a piece's edge is looked up there:
 * the cover above its first name, the name before, the name behind its last. */
#include "core/zone/verify_run.h"

enum { WAVE_PIECES = 64 }; /* for each thread */

/* A piece: the cursor before its first node. */
struct piece {
    struct zone_cursor cursor;
    size_t count;
};

struct whole {
    struct piece *pieces;
    struct verify_fault **faults;
    size_t piece_count_max;
    struct zone_cursor cursor; /* before the next wave */
    size_t names_done;
};

/* What a piece remembers from name to name. */
struct memory {
    struct verify_walk walk;
    /* The name whose NSEC record must lead to the next one; NULL when there is none, or no record.
     */
    const struct zone_node *nsec_node;
    struct nsec nsec;
    uint64_t nsec_order;
    bool has_last;
    struct name last;        /* of the chain: its empty non-terminals have been seen */
    struct name last_needed; /* the same of those that may not be left out */
};

static void check_nsec(struct verify_worker *worker, struct memory *memory,
                       const struct zone_node *node, enum verify_place place)
{
    if (!verify_is_in_chain(place)) {
        verify_nsec_hidden(worker, node);
        return;
    }
    if (memory->nsec_node != NULL) {
        verify_nsec_next(worker, memory->nsec_order, memory->nsec_node, &memory->nsec, node);
    }
    bool is_read = verify_nsec_read(worker, node, place, &memory->nsec);
    memory->nsec_node = is_read ? node : NULL;
    memory->nsec_order = verify_order(worker);
}

/* The empty non-terminals above a name that have not been seen, or that this name is the first to
 * need. Of the names before the piece only the last is known. */
static void check_ancestors(struct verify_worker *worker, struct memory *memory,
                            const struct zone_node *node, bool may_be_left_out)
{
    const struct verify_run *run = worker->run;
    uint8_t seen = name_common_labels(memory->last, node->owner);
    uint8_t labels = may_be_left_out ? seen : name_common_labels(memory->last_needed, node->owner);
    while (++labels < node->owner.label_count) {
        struct verify_expected expected = {.name = name_ancestor(node->owner, labels),
                                           .place = VERIFY_AUTHORITATIVE,
                                           .may_be_left_out = may_be_left_out};
        bool is_needed_only = labels <= seen;
        if (is_needed_only && verify_is_name(run->zone, expected.name)) {
            continue;
        }
        for (size_t i = 0; i < run->chain_count; i++) {
            if (is_needed_only) {
                verify_record_require(worker, &run->chains[i], expected.name);
            } else {
                verify_record_expect(worker, &run->chains[i], &expected);
            }
        }
    }
}

static void check_records(struct verify_worker *worker, struct memory *memory,
                          const struct zone_node *node, enum verify_place place)
{
    const struct verify_run *run = worker->run;
    if (run->chain_count == 0) {
        return;
    }
    verify_record_links(worker, node);
    if (!verify_is_in_chain(place)) {
        return;
    }
    struct verify_expected expected = {.name = node->owner,
                                       .node = node,
                                       .place = place,
                                       .may_be_left_out = verify_is_insecure(node, place)};
    if (!memory->has_last) {
        memory->last = verify_ancestor_seen(run->zone, node->owner);
        memory->has_last = true;
    }
    check_ancestors(worker, memory, node, expected.may_be_left_out);
    for (size_t i = 0; i < run->chain_count; i++) {
        verify_record_expect(worker, &run->chains[i], &expected);
    }
    memory->last = node->owner;
    memory->last_needed = expected.may_be_left_out ? memory->last_needed : node->owner;
}

/* Puts the cursor before a piece, and what is above its first node. */
static void memory_begin(struct memory *memory, const struct verify_run *run,
                         const struct piece *piece)
{
    *memory = (struct memory){.walk = {.zone = run->zone, .cursor = piece->cursor},
                              .last = run->apex,
                              .last_needed = run->apex};
    struct zone_cursor peek = piece->cursor;
    memory->walk.cover = verify_cover(run->zone, zone_walk_next(&peek)->owner);
}

static void check_piece(struct verify_worker *worker, void *user, size_t index)
{
    const struct whole *whole = user;
    const struct verify_run *run = worker->run;
    const struct piece *piece = &whole->pieces[index];
    struct memory memory;
    memory_begin(&memory, run, piece);
    const struct zone_node *node = NULL;
    for (size_t i = 0; i < piece->count && worker->status == OK; i++) {
        enum verify_place place;
        node = verify_walk_next(&memory.walk, &place);
        verify_name(worker, node, place, NULL);
        if (run->has_nsec) {
            check_nsec(worker, &memory, node, place);
        }
        check_records(worker, &memory, node, place);
    }
    if (memory.nsec_node != NULL) {
        verify_nsec_next(worker, memory.nsec_order, memory.nsec_node, &memory.nsec,
                         verify_chain_after(run->zone, memory.nsec_node));
    }
}

/* Cuts the next wave; the number of its pieces. */
static size_t cut_pieces(struct whole *whole)
{
    size_t count = 0;
    for (; count < whole->piece_count_max; count++) {
        struct piece *piece = &whole->pieces[count];
        *piece = (struct piece){.cursor = whole->cursor};
        while (piece->count < VERIFY_PIECE_NAMES && zone_walk_next(&whole->cursor) != NULL) {
            piece->count++;
        }
        whole->faults[count] = NULL;
        whole->names_done += piece->count;
        if (piece->count < VERIFY_PIECE_NAMES) {
            return count + (piece->count > 0);
        }
    }
    return count;
}

static void check_waves(struct verify_run *run, struct whole *whole)
{
    struct verify_worker *own = &run->workers[0];
    size_t count = whole->piece_count_max;
    zone_walk(run->zone, &whole->cursor);
    while (own->status == OK && count == whole->piece_count_max) {
        count = cut_pieces(whole);
        const struct verify_pieces pieces = {
            .check = check_piece, .user = whole, .count = count, .faults = whole->faults};
        verify_spread(run, &pieces);
        for (size_t i = 0; i < count; i++) {
            verify_tell(run, whole->faults[i]);
        }
        for (unsigned i = 0; i < run->worker_count; i++) {
            arena_reset(&run->workers[i].arena);
            if (run->workers[i].status != OK) {
                verify_fail(own, run->workers[i].status);
            }
        }
        if (run->options->progress != NULL) {
            run->options->progress(run->user, whole->names_done, zone_node_count(run->zone));
        }
    }
}

void verify_whole(struct verify_run *run)
{
    struct verify_worker *own = &run->workers[0];
    struct whole whole = {.piece_count_max = (size_t)WAVE_PIECES * run->worker_count};
    whole.pieces = arena_take_array(&run->arena, whole.piece_count_max, sizeof *whole.pieces);
    whole.faults = arena_take_array(&run->arena, whole.piece_count_max, sizeof *whole.faults);
    enum status status =
        whole.pieces == NULL || whole.faults == NULL ? NO_MEMORY : verify_chains_collect(run);
    if (status != OK) {
        verify_fail(own, status);
        return;
    }
    check_waves(run, &whole);
    own->faults = &run->own_faults;
    if (own->status == OK) {
        verify_records_of_no_name(own);
        verify_tell_own(run);
    }
}
