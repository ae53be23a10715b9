/* Any octets as a datagram of no connection, and a client that does what the input says: it speaks
 * and ends on its streams, takes them back, and its datagrams are lost, doubled and damaged on the
 * way. The server answers, counts right, and keeps no more than the limits say. */
#include <stdio.h>

#include "core/base/status.h"

/* What test_certificate.h has of cmocka. */
#define assert_int_equal(found, wanted) require((found) == (wanted))
#define assert_non_null(pointer) require((pointer) != NULL)

#include "world/real/test_certificate.h"

#include "world/real/quic_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 64, STREAMS_KNOWN = 8, ANSWER_SIZE_MAX = 4096 };

/* What the next octet of the input makes happen. */
enum deed {
    DEED_SPEAK,
    DEED_SPEAK_AND_END,
    DEED_TAKE_BACK,
    DEED_ANSWER,
    DEED_REFUSE,
    DEED_CARRY,
    DEED_LOSE,
    DEED_DOUBLE,
    DEED_DAMAGE,
    DEED_CUT_SHORT,
    DEED_REPLY,
    DEED_WAIT,
    DEED_GRANT,
    DEED_INJECT,
    DEED_COUNT
};

struct input {
    struct span left;
};

static uint8_t octets[ANSWER_SIZE_MAX];

static uint8_t input_next(struct input *input)
{
    if (input->left.len == 0) {
        return 0;
    }
    uint8_t octet = input->left.bytes[0];
    input->left = span_part(input->left, 1, input->left.len - 1);
    return octet;
}

/* The keys and randomness of the fuzz target, the same in each run. */
static void fill_same(void *self, void *bytes, size_t len)
{
    uint64_t *seed = self;
    uint8_t *room = bytes;
    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        room[i] = (uint8_t)(*seed >> 56);
    }
}

static void try_stranger(const struct pair *pair, struct span datagram)
{
    uint8_t room[QUIC_DATAGRAM_SIZE];
    const struct quic_arrival arrival = pair_arrival(pair, datagram);
    struct quic_header header = quic_read_header(datagram);
    if (header.kind == QUIC_OTHER_VERSION) {
        require(quic_write_versions(datagram, &pair->entropy, room) < datagram.len);
    } else if (header.kind == QUIC_OF_CONNECTION && !header.may_begin) {
        size_t len = quic_write_reset(datagram, &pair->keys, &pair->entropy, room);
        require(len == 0 || len < datagram.len);
    } else if (header.kind == QUIC_OF_CONNECTION &&
               quic_judge_hello(&arrival, &pair->keys) != QUIC_HELLO_NONE) {
        require(datagram.len >= QUIC_DATAGRAM_SIZE);
        require(quic_write_retry(&arrival, &pair->keys, &pair->entropy, room) < datagram.len);
        require(quic_write_refusal(datagram, room) < datagram.len);
    }
}

static void client_speaks(struct pair *pair, struct input *input,
                          struct quic_stream *streams[STREAMS_KNOWN], bool is_last)
{
    size_t at = input_next(input) % STREAMS_KNOWN;
    size_t len = input_next(input);
    len = len > input->left.len ? input->left.len : len;
    if (streams[at] == NULL) {
        streams[at] = quic_stream_open(pair->client.quic);
        if (streams[at] != NULL) {
            quic_stream_set_user(streams[at], &streams[at]);
        }
    }
    if (streams[at] != NULL) {
        enum status status =
            quic_stream_send(streams[at], SPAN_EMPTY, span_part(input->left, 0, len), is_last);
        require(status == OK);
    }
}

static void server_answers(struct pair *pair, struct input *input)
{
    size_t len = (size_t)input_next(input) * 16;
    bool is_last = (input_next(input) & 1) != 0;
    if (pair->server.quic != NULL && pair->server.last != NULL) {
        enum status status =
            quic_stream_send(pair->server.last, SPAN_EMPTY, span_of(octets, len), is_last);
        require(status == OK);
    }
}

/* A datagram of the client, as the input has it arrive. */
static void carry_badly(struct pair *pair, struct input *input, enum deed deed)
{
    uint8_t room[QUIC_DATAGRAM_SIZE];
    struct quic_path path;
    size_t len;
    enum status status = quic_fill(pair->client.quic, pair->now_ns, room, &len, &path);
    quic_note_sent(pair->client.quic, pair->now_ns);
    if (len == 0 || deed == DEED_LOSE) {
        return;
    }
    if (deed == DEED_DAMAGE) {
        size_t at = (size_t)input_next(input) << 8 | input_next(input);
        room[at % len] ^= (uint8_t)(1 << input_next(input) % 8);
    } else if (deed == DEED_CUT_SHORT) {
        len = 1 + input_next(input) * len / 256;
    }
    try_stranger(pair, span_of(room, len));
    status = pair_to_server(pair, span_of(room, len));
    if (deed == DEED_DOUBLE) {
        status = pair_to_server(pair, span_of(room, len));
    }
    (void)status;
}

static void step(struct pair *pair, struct input *input, struct quic_stream *streams[STREAMS_KNOWN])
{
    enum deed deed = input_next(input) % DEED_COUNT;
    size_t at;
    switch (deed) {
    case DEED_SPEAK:
    case DEED_SPEAK_AND_END:
        client_speaks(pair, input, streams, deed == DEED_SPEAK_AND_END);
        break;
    case DEED_TAKE_BACK:
        at = input_next(input) % STREAMS_KNOWN;
        if (streams[at] != NULL) {
            quic_stream_reset(streams[at], input_next(input));
        }
        break;
    case DEED_ANSWER:
        server_answers(pair, input);
        break;
    case DEED_REFUSE:
        if (pair->server.quic != NULL && pair->server.last != NULL) {
            quic_stream_reset(pair->server.last, input_next(input));
        }
        break;
    case DEED_CARRY:
        pair_carry(pair, true);
        break;
    case DEED_LOSE:
    case DEED_DOUBLE:
    case DEED_DAMAGE:
    case DEED_CUT_SHORT:
        carry_badly(pair, input, deed);
        break;
    case DEED_REPLY:
        pair_carry(pair, false);
        break;
    case DEED_WAIT:
        pair_wait(pair, input_next(input));
        break;
    case DEED_GRANT:
        if (pair->server.quic != NULL) {
            quic_grant(pair->server.quic);
        }
        break;
    case DEED_INJECT:
    case DEED_COUNT:
        if (pair->server.quic != NULL && input->left.len > 0) {
            enum status status = pair_to_server(pair, input->left);
            (void)status;
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pair pair;
    static uint64_t seed;
    if (pair.ca.key == NULL) {
        pair_open(&pair);
        pair.entropy = (struct entropy){fill_same, &seed};
    }
    seed = size;
    try_stranger(&pair, span_of(data, size));
    struct input input = {span_of(data, size)};
    struct quic_stream *streams[STREAMS_KNOWN] = {NULL};
    pair.now_ns = MOMENT_NS_PER_S;
    pair_dial(&pair);
    if ((input_next(&input) & 1) != 0) {
        pair_talk(&pair);
    }
    for (size_t i = 0; i < STEPS_MAX && input.left.len > 0; i++) {
        step(&pair, &input, streams);
        if (pair.server.quic != NULL) {
            require(quic_unsent(pair.server.quic) <= quic_held(pair.server.quic));
            require(pair.server.ends <= STEPS_MAX);
        }
    }
    pair_talk(&pair);
    pair_hang_up(&pair);
    return 0;
}
