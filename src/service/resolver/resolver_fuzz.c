/* A resolver whose upstream is the fuzzer: its bytes are what comes back for each question asked,
 * alone or behind a header and question that fit, and its own client's queries. Whatever comes, an
 * answer is a message, and nothing is secure or trusted that nobody signed. */
#include <stdlib.h>
#include <string.h>

#include "service/resolver/fake_world.h"

enum { MODE_RAW, MODE_FITTING, MODE_TIMEOUT, MODE_HONEST, MODE_COUNT };
enum { ANSWERS_MAX = 64, PIECE_SIZE = 2048 };

static struct fake_world *world_make(void)
{
    struct fake_world *world = calloc(1, sizeof *world);
    require(world != NULL);
    fake_world_start(world, true);
    return world;
}

/* The pending query turned into the head of its answer, with counts and records of the fuzzer's. */
static size_t fit(const struct fake_pending *pending, struct span piece, uint8_t *bytes)
{
    struct name_buffer buffer;
    struct message query;
    enum status status = message_read_query(span_of(pending->bytes, pending->len), &buffer, &query);
    require(status == OK);
    size_t question_len = query.question.name.len + 4u;
    size_t head_len = MESSAGE_HEADER_LEN + question_len;
    memcpy(bytes, pending->bytes, head_len);
    memset(bytes + 6, 0, 6);
    bytes[2] |= 0x80;
    if (piece.len >= 4) {
        bytes[2] |= piece.bytes[0] & 0x06; /* AA, TC */
        bytes[3] = piece.bytes[1] & 0x8f;  /* RA, rcode */
        bytes[7] = piece.bytes[2] >> 4;
        bytes[9] = piece.bytes[2] & 15;
        bytes[11] = piece.bytes[3] & 15;
        memcpy(bytes + head_len, piece.bytes + 4, piece.len - 4);
        return head_len + piece.len - 4;
    }
    return head_len;
}

static void answer(struct fake_net *net, uint8_t mode, struct span piece)
{
    uint8_t bytes[512 + PIECE_SIZE];
    switch (mode % MODE_COUNT) {
    case MODE_RAW:
        fake_answer_with(net, OK, piece);
        break;
    case MODE_FITTING:
        fake_answer_with(net, OK, span_of(bytes, fit(&net->pending[0], piece, bytes)));
        break;
    case MODE_TIMEOUT:
        fake_answer_with(net, TIMED_OUT, SPAN_EMPTY);
        break;
    case MODE_HONEST:
        fake_carry(net);
        break;
    }
}

static enum status forget(void *self, const char *name, struct span content)
{
    (void)self;
    (void)name;
    (void)content;
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_world *world; /* signing it takes longer than all the rest */
    if (world == NULL) {
        world = world_make();
    }
    struct fake_net *net = &world->net;
    struct resolver_options options = fake_options(net, &world->root_hint);
    options.is_validating = true;
    options.anchors = &world->anchor;
    options.anchor_count = 1;
    options.reuses_denials = true;
    options.prefetches = true;
    options.serves_stale = true;
    options.stale_reply_ttl_s = 30;
    options.obeys_sentinels = true;
    options.signals_anchors = true;
    options.reports_errors = true;
    static struct anchor_point point; /* it follows whatever the root says; nobody keeps it */
    static const struct disk nowhere = {.replace = forget};
    const struct resolver_roll roll = {&point, &nowhere, "anchors"};
    anchor_point_open(&point, NAME_ROOT);
    enum status added = anchor_point_add(&point, &world->anchor, moment_wall_s(net->now));
    require(added == OK);
    options.rolls = &roll;
    options.roll_count = 1;
    fake_restart(net, &options);
    fake_send(net, "www.example.com.", TYPE_A, FLAG_RD | FLAG_AD, FAKE_DO);
    fake_send(net, "there.example.com.", TYPE_A, FLAG_RD | FLAG_CD, FAKE_DO);
    struct reader reader = reader_over(span_of(data, size));
    for (int i = 0; i < ANSWERS_MAX && net->pending_count > 0 && reader_left(&reader) > 0; i++) {
        uint8_t mode = reader_u8(&reader);
        size_t len = reader_u16(&reader) % PIECE_SIZE;
        len = len > reader_left(&reader) ? reader_left(&reader) : len;
        answer(net, mode, reader_span(&reader, len));
    }
    while (net->pending_count > 0) {
        fake_answer_with(net, IO_FAILED, SPAN_EMPTY);
    }
    static const uint8_t TRUE_ADDRESS[] = {0, 4, 192, 0, 2, 80};
    for (size_t i = 0; i < net->reply_count; i++) {
        const struct message *reply = &net->replies[i].message;
        bool is_secure = (reply->flags & FLAG_AD) != 0;
        const struct message_section *answers = &reply->sections[SECTION_ANSWER];
        bool is_true = answers->count > 0 && answers->rrsets[0].rdata_len == sizeof TRUE_ADDRESS &&
                       memcmp(answers->rrsets[0].rdata, TRUE_ADDRESS, sizeof TRUE_ADDRESS) == 0;
        require(!is_secure || is_true);
    }
    require(point.key_count == 1 && point.keys[0].state == ANCHOR_VALID);
    /* The cache's table has bits of hashes on top of its pointers: what is kept in it when the
     * process ends looks lost to a leak checker. */
    resolver_close(net->resolver);
    net->resolver = NULL;
    return 0;
}
