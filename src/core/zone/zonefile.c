/* Zones as files: a version becomes a text, in one thread or, a wave of pieces at a time, in
 * several: while these make the text of one wave, one of them hands out that of the wave before. */
#include "core/zone/zonefile.h"

#include "core/zone/zonefile_text.h"

enum { PIECE_NODES = 512, PIECES_EACH = 2 /* of a wave, for each thread */ };

/* Some nodes of a wave, and their text. */
struct piece {
    struct zone_cursor cursor; /* before the first */
    size_t node_count;
    struct zonefile_text writing;
    struct arena flushed; /* what did not fit there; rarely anything */
    struct flushed *first, *last;
    enum status status;
};

struct flushed {
    struct flushed *next;
    struct span text;
};

struct spread {
    const struct rrset *soa;   /* which stands before all */
    struct zone_cursor cursor; /* before what no piece has yet */
    struct piece *waves[2];
    size_t wave_count; /* begun so far: the odd and the even ones take turns */
    size_t pieces_each;
    size_t busy_count; /* pieces of the newest wave with anything in them */
    void (*write)(void *user, struct span text);
    void *user;
};

static void piece_flush(void *user, struct span text)
{
    struct piece *piece = user;
    struct flushed *flushed = arena_take(&piece->flushed, sizeof *flushed);
    enum status status =
        flushed == NULL ? NO_MEMORY : arena_copy(&piece->flushed, text, &flushed->text);
    if (status != OK) {
        piece->status = status;
        return;
    }
    *(piece->last == NULL ? &piece->first : &piece->last->next) = flushed;
    piece->last = flushed;
}

static void piece_make(struct piece *piece, const struct rrset *soa)
{
    struct zone_cursor cursor = piece->cursor;
    for (size_t i = 0; i < piece->node_count; i++) {
        zonefile_text_node(&piece->writing, zone_walk_next(&cursor), soa);
    }
}

/* Hands out what the piece holds, and empties it. */
static void piece_hand_out(struct spread *spread, struct piece *piece)
{
    for (const struct flushed *flushed = piece->first; flushed != NULL; flushed = flushed->next) {
        spread->write(spread->user, flushed->text);
    }
    if (piece->writing.text.len != 0) {
        spread->write(spread->user, writer_written(&piece->writing.text));
    }
    writer_rewind(&piece->writing.text, 0);
    arena_reset(&piece->flushed);
    piece->first = NULL;
    piece->last = NULL;
}

/* Gives the pieces of a wave the nodes that come next. */
static void wave_fill(struct spread *spread, struct piece *wave)
{
    spread->busy_count = 0;
    for (size_t i = 0; i < spread->pieces_each; i++) {
        struct piece *piece = &wave[i];
        piece->cursor = spread->cursor;
        piece->node_count = 0;
        while (piece->node_count < PIECE_NODES && zone_walk_next(&spread->cursor) != NULL) {
            piece->node_count++;
        }
        spread->busy_count += piece->node_count != 0;
    }
}

/* Index 0 hands out the wave before and fills it anew; each other makes a piece. */
static void wave_work(void *user, size_t index)
{
    struct spread *spread = user;
    struct piece *now = spread->waves[spread->wave_count % 2];
    struct piece *other = spread->waves[(spread->wave_count + 1) % 2];
    if (index > 0) {
        piece_make(&now[index - 1], spread->soa);
        return;
    }
    for (size_t i = 0; i < spread->pieces_each; i++) {
        piece_hand_out(spread, &other[i]);
    }
    wave_fill(spread, other);
}

static enum status spread_open(struct spread *spread, struct arena *arena)
{
    for (size_t wave = 0; wave < 2; wave++) {
        struct piece *pieces = arena_take_array(arena, spread->pieces_each, sizeof *pieces);
        for (size_t i = 0; pieces != NULL && i < spread->pieces_each; i++) {
            uint8_t *buffer = arena_take(arena, ZONEFILE_BUFFER_SIZE);
            if (buffer == NULL) {
                return NO_MEMORY;
            }
            pieces[i].writing =
                (struct zonefile_text){.text = writer_over(buffer, ZONEFILE_BUFFER_SIZE),
                                       .flush = piece_flush,
                                       .user = &pieces[i]};
            arena_open(&pieces[i].flushed, SIZE_MAX);
        }
        spread->waves[wave] = pieces;
        if (pieces == NULL) {
            return NO_MEMORY;
        }
    }
    return OK;
}

static enum status spread_run(struct spread *spread, const struct parallel *parallel)
{
    wave_fill(spread, spread->waves[0]);
    bool is_left = true;
    while (is_left) {
        size_t made = spread->busy_count;
        parallel->run(parallel->self, wave_work, spread, 1 + made);
        spread->wave_count++;
        is_left = made != 0; /* a last turn hands out what the one before has made */
    }
    enum status status = OK;
    for (size_t i = 0; i < 2 * spread->pieces_each; i++) {
        struct piece *piece = &spread->waves[i % 2][i / 2];
        status = status == OK ? piece->status : status;
        arena_close(&piece->flushed);
    }
    return status;
}

static enum status write_spread(const struct zone *zone, const struct parallel *parallel,
                                struct spread *spread, struct arena *arena)
{
    spread->pieces_each = (size_t)PIECES_EACH * parallel->width;
    enum status status = spread_open(spread, arena);
    if (status == OK) {
        zone_walk(zone, &spread->cursor);
        status = spread_run(spread, parallel);
    }
    return status;
}

/* The SOA, and with one thread the rest as well. */
static enum status write_first(const struct zone *zone, bool is_all, const struct spread *spread,
                               struct arena *arena)
{
    uint8_t *buffer = arena_take(arena, ZONEFILE_BUFFER_SIZE);
    if (buffer == NULL) {
        return NO_MEMORY;
    }
    struct zonefile_text writing = {.text = writer_over(buffer, ZONEFILE_BUFFER_SIZE),
                                    .flush = spread->write,
                                    .user = spread->user};
    if (spread->soa != NULL) {
        zonefile_text_rrset(&writing, spread->soa);
    }
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    for (const struct zone_node *node; is_all && (node = zone_walk_next(&cursor)) != NULL;) {
        zonefile_text_node(&writing, node, spread->soa);
    }
    if (writing.text.len != 0) {
        spread->write(spread->user, writer_written(&writing.text));
    }
    return OK;
}

enum status zonefile_write_spread(const struct zone *zone, const struct parallel *parallel,
                                  void (*write)(void *user, struct span text), void *user)
{
    bool is_alone = parallel == NULL || parallel->width == 1 ||
                    zone_node_count(zone) < (size_t)PIECE_NODES * PIECES_EACH;
    struct spread spread = {.soa = zone_soa(zone), .write = write, .user = user};
    struct arena arena;
    arena_open(&arena, SIZE_MAX);
    enum status status = write_first(zone, is_alone, &spread, &arena);
    if (status == OK && !is_alone) {
        status = write_spread(zone, parallel, &spread, &arena);
    }
    arena_close(&arena);
    return status;
}

enum status zonefile_write(const struct zone *zone, void (*write)(void *user, struct span text),
                           void *user)
{
    return zonefile_write_spread(zone, NULL, write, user);
}
