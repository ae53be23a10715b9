/* The streams of a QUIC connection as we send on them: in which order what is unsent leaves, a
 * datagram each, and what stays in memory until the other side has it. */
#include "core/base/writer.h"
#include "world/real/quic_type.h"

/* Octets that are being sent: they stay where they are until they are acknowledged. A piece is full
 * before the next begins, and the least that a full one has is more than a datagram carries: so no
 * frame lies in three of them. Where one does, libngtcp2 0.12 may lose memory when it is sent
 * again.
 */
struct quic_piece {
    struct quic_piece *later;
    size_t len;
    size_t size;
    uint8_t bytes[];
};

enum { PIECE_SIZE_MIN = 4096 };
_Static_assert((int)PIECE_SIZE_MIN > (int)QUIC_DATAGRAM_SIZE, "no frame lies in three pieces");

static void pieces_free(struct quic_stream *stream, const struct quic_piece *until)
{
    while (stream->oldest != until) {
        struct quic_piece *piece = stream->oldest;
        stream->oldest = piece->later;
        stream->quic->held -= piece->len;
        memory_give_back(piece);
    }
    if (stream->oldest == NULL) {
        stream->newest = NULL;
    }
}

static void turn_wait(struct quic_stream *stream)
{
    struct quic *quic = stream->quic;
    if (stream->turn == TURN_WAITS) {
        return;
    }
    stream->turn = TURN_WAITS;
    stream->turn_next = NULL;
    *(quic->turn_last == NULL ? &quic->turn_first : &quic->turn_last->turn_next) = stream;
    quic->turn_last = stream;
}

/* The turn of the first goes to the next. */
static void turn_pass(struct quic *quic, enum stream_turn turn)
{
    struct quic_stream *stream = quic->turn_first;
    quic->turn_first = stream->turn_next;
    quic->turn_last = quic->turn_first == NULL ? NULL : quic->turn_last;
    stream->turn = turn;
    if (turn == TURN_WAITS) {
        stream->turn = TURN_NONE;
        turn_wait(stream);
    }
}

static void turn_leave(struct quic_stream *stream)
{
    struct quic *quic = stream->quic;
    if (stream->turn != TURN_WAITS) {
        stream->turn = TURN_NONE;
        return;
    }
    struct quic_stream *before = NULL;
    for (struct quic_stream *at = quic->turn_first; at != stream; at = at->turn_next) {
        before = at;
    }
    *(before == NULL ? &quic->turn_first : &before->turn_next) = stream->turn_next;
    quic->turn_last = quic->turn_last == stream ? before : quic->turn_last;
    stream->turn = TURN_NONE;
}

void quic_stream_forget(struct quic_stream *stream)
{
    for (const struct quic_piece *piece = stream->next; piece != NULL; piece = piece->later) {
        stream->quic->unsent -= piece->len;
    }
    stream->quic->unsent += stream->next_at;
    stream->next = NULL;
    stream->next_at = 0;
    stream->is_ended = true;
    turn_leave(stream);
}

void quic_stream_close(struct quic_stream *stream)
{
    struct quic *quic = stream->quic;
    quic_stream_forget(stream);
    pieces_free(stream, NULL);
    *(stream->newer == NULL ? &quic->newest : &stream->newer->older) = stream->older;
    if (stream->older != NULL) {
        stream->older->newer = stream->newer;
    }
    memory_give_back(stream);
}

struct quic_stream *quic_stream_begin(struct quic *quic, int64_t id)
{
    struct quic_stream *stream = memory_take(sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    *stream = (struct quic_stream){.quic = quic, .id = id, .older = quic->newest};
    if (ngtcp2_conn_set_stream_user_data(quic->connection, id, stream) != 0) {
        memory_give_back(stream);
        return NULL;
    }
    if (quic->newest != NULL) {
        quic->newest->newer = stream;
    }
    quic->newest = stream;
    return stream;
}

struct quic_stream *quic_stream_open(struct quic *quic)
{
    int64_t id;
    return quic->is_over || ngtcp2_conn_open_bidi_stream(quic->connection, &id, NULL) != 0
               ? NULL
               : quic_stream_begin(quic, id);
}

void quic_stream_set_user(struct quic_stream *stream, void *user)
{
    stream->user = user;
}

void *quic_stream_user(const struct quic_stream *stream)
{
    return stream->user;
}

/* Puts into the piece what fits, and leaves the rest. */
static void piece_fill(struct quic_piece *piece, struct span *bytes)
{
    size_t room = piece->size - piece->len;
    size_t len = bytes->len < room ? bytes->len : room;
    struct writer writer = writer_over(piece->bytes + piece->len, room);
    writer_span(&writer, span_part(*bytes, 0, len));
    *bytes = span_part(*bytes, len, bytes->len - len);
    piece->len += len;
}

static void stream_append(struct quic_stream *stream, struct quic_piece *piece)
{
    *(stream->newest == NULL ? &stream->oldest : &stream->newest->later) = piece;
    stream->newest = piece;
    stream->next = stream->next == NULL ? piece : stream->next;
}

enum status quic_stream_send(struct quic_stream *stream, struct span head, struct span body,
                             bool is_last)
{
    struct quic *quic = stream->quic;
    struct quic_piece *begun = stream->newest, *piece = NULL;
    size_t len = head.len + body.len, room = begun == NULL ? 0 : begun->size - begun->len;
    if (stream->is_ended) {
        return OK; /* nobody listens there any more */
    }
    if (len > room) {
        size_t size = is_last || len - room > PIECE_SIZE_MIN ? len - room : PIECE_SIZE_MIN;
        piece = memory_take(sizeof *piece + size);
        if (piece == NULL) {
            return NO_MEMORY;
        }
        piece->size = size;
    }
    if (room > 0 && len > 0 && stream->next == NULL) {
        stream->next = begun;
        stream->next_at = begun->len;
    }
    if (room > 0) {
        piece_fill(begun, &head);
        piece_fill(begun, &body);
    }
    if (piece != NULL) {
        piece_fill(piece, &head);
        piece_fill(piece, &body);
        stream_append(stream, piece);
    }
    stream->is_ended = is_last;
    quic->unsent += len;
    quic->held += len;
    if (stream->turn == TURN_NONE && (len > 0 || is_last)) {
        turn_wait(stream);
    }
    return OK;
}

void quic_stream_reset(struct quic_stream *stream, uint64_t code)
{
    quic_stream_forget(stream);
    int failed = ngtcp2_conn_shutdown_stream(stream->quic->connection, stream->id, code);
    if (failed != 0 && failed != NGTCP2_ERR_STREAM_NOT_FOUND) {
        (void)quic_fail(stream->quic, failed); /* there is no memory */
    }
}

/* ------------------------------------------------------------------ what is sent next */

struct quic_offer quic_stream_offer(struct quic *quic)
{
    struct quic_offer offer = {.stream = quic->turn_first};
    if (offer.stream == NULL) {
        return offer;
    }
    if (offer.stream->next != NULL && ngtcp2_conn_get_max_data_left(quic->connection) == 0) {
        return (struct quic_offer){0}; /* the whole connection is blocked */
    }
    size_t at = offer.stream->next_at;
    struct quic_piece *piece = offer.stream->next;
    for (; piece != NULL && offer.count < LEN(offer.parts); piece = piece->later) {
        offer.parts[offer.count++] = (ngtcp2_vec){piece->bytes + at, piece->len - at};
        at = 0;
    }
    offer.is_last = piece == NULL && offer.stream->is_ended;
    return offer;
}

void quic_stream_note_taken(const struct quic_offer *offer, size_t len)
{
    struct quic_stream *stream = offer->stream;
    size_t offered = 0;
    for (size_t i = 0; i < offer->count; i++) {
        offered += offer->parts[i].len;
    }
    require(len <= offered);
    stream->quic->unsent -= len;
    stream->next_at += len;
    while (stream->next != NULL && stream->next_at >= stream->next->len) {
        stream->next_at -= stream->next->len;
        stream->next = stream->next->later;
    }
    bool is_done =
        stream->next == NULL && (!stream->is_ended || (offer->is_last && len == offered));
    turn_pass(stream->quic, is_done ? TURN_NONE : TURN_WAITS);
}

void quic_stream_note_arrived(struct quic_stream *stream, uint64_t until)
{
    const struct quic_piece *piece = stream->oldest;
    while (piece != stream->next && stream->arrived + piece->len <= until) {
        stream->arrived += piece->len;
        piece = piece->later;
    }
    pieces_free(stream, piece);
}

void quic_stream_block(struct quic_stream *stream)
{
    turn_pass(stream->quic, TURN_BLOCKED);
}

void quic_stream_unblock(struct quic_stream *stream)
{
    if (stream->turn == TURN_BLOCKED) {
        turn_wait(stream);
    }
}
