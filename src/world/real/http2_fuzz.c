/* Any octets as what a client sends, raw or in the frames that the input names, coming in pieces of
 * any size, while answers go out in pieces too: each request is handed over once and gone once,
 * answers are counted right, and no more is under way or made than the limits say. */
#include "world/real/http2_fuzz.h"
#include "world/real/https.h"
#include "world/real/world_limits.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INPUT_SIZE_MAX = 1 << 14,
    SENT_SIZE_MAX = 1 << 18,
    KNOWN_MAX = 4096,
    HEADER_SIZE = 12, /* of a DNS message */
    FRAME_HEAD_SIZE = 9,
    FRAME_SIZE_MAX = 16384 + FRAME_HEAD_SIZE,
    ANSWER_SIZE_MAX = 65535,
};

/* What becomes of a request. */
enum fate { FATE_ANSWER, FATE_ANSWER_LARGE, FATE_REFUSE, FATE_RESET, FATE_WAIT, FATE_COUNT };

struct client {
    struct http2 *http2;
    uint8_t seed;
    bool is_under_way[KNOWN_MAX]; /* by ID */
    int32_t waiting[KNOWN_MAX];
    size_t waiting_count;
    size_t asked_count, gone_count;
};

static uint8_t octets[ANSWER_SIZE_MAX];

static void answer(struct client *client, int32_t id, size_t len)
{
    const struct http2_answer answered = {.status = 200,
                                          .content_type = "application/dns-message",
                                          .cache_control = "max-age=1",
                                          .body = span_of(octets, len)};
    http2_answer(client->http2, id, &answered);
    http2_answer(client->http2, id, &answered); /* what is answered already has no answer more */
}

static void settle(struct client *client, int32_t id, enum fate fate)
{
    switch (fate) {
    case FATE_ANSWER:
        answer(client, id, client->seed);
        break;
    case FATE_ANSWER_LARGE:
        answer(client, id, sizeof octets);
        break;
    case FATE_REFUSE:
        http2_refuse(client->http2, id);
        break;
    case FATE_RESET:
        http2_reset(client->http2, id);
        break;
    case FATE_WAIT:
    case FATE_COUNT:
        if (client->waiting_count < KNOWN_MAX) {
            client->waiting[client->waiting_count++] = id;
        }
        break;
    }
}

static void take(void *owner, const struct http2_request *request)
{
    struct client *client = owner;
    uint8_t room[HTTPS_ROOM_SIZE];
    require(request->id > 0);
    require(request->path.len <= HTTPS_PATH_MAX && request->body.len <= DNS_MESSAGE_MAX);
    if (request->id < KNOWN_MAX) {
        require(!client->is_under_way[request->id]);
        client->is_under_way[request->id] = true;
    }
    client->asked_count++;
    struct https_verdict verdict = https_judge(request, SPAN_LITERAL("/dns-query"), room);
    require(verdict.status >= 400 || (verdict.status == 0 && verdict.message.len >= HEADER_SIZE));
    settle(client, request->id,
           (enum fate)(((uint32_t)request->id / 2 + client->seed) % FATE_COUNT));
}

static void gone(void *owner, int32_t id)
{
    struct client *client = owner;
    if (id < KNOWN_MAX) {
        require(client->is_under_way[id]);
        client->is_under_way[id] = false;
    }
    client->gone_count++;
}

static void write_preface(struct writer *out)
{
    static const uint8_t SETTINGS[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    writer_span(out, SPAN_LITERAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    writer_span(out, span_of(SETTINGS, sizeof SETTINGS));
}

/* Sends what there is; the client reads `rounds` times. */
static enum status drain(struct client *client, size_t enough, size_t rounds)
{
    enum status status = OK;
    while (status == OK && rounds-- > 0) {
        struct buffer out = {0};
        status = http2_fill(client->http2, &out, enough);
        size_t len = out.len;
        require(status == CLOSED || len < enough + FRAME_SIZE_MAX);
        buffer_close(&out);
        if (len == 0) {
            break;
        }
    }
    return status;
}

static void play(struct client *client, struct span sent, size_t piece)
{
    enum status status = OK;
    for (size_t at = 0; at < sent.len && status == OK; at += piece) {
        size_t len = sent.len - at < piece ? sent.len - at : piece;
        status = http2_take(client->http2, span_part(sent, at, len));
        require(http2_parts(client->http2) <= HTTPS_REQUESTS_MAX);
        require(http2_unsent(client->http2) <= HTTPS_REQUESTS_MAX * sizeof octets);
        enum status filled = drain(client, piece, 2);
        status = status == OK ? filled : status;
        if (client->waiting_count != 0 && (at & 1) != 0) {
            int32_t id = client->waiting[--client->waiting_count];
            settle(client, id, (enum fate)(at % FATE_WAIT));
        }
    }
    http2_finish(client->http2);
    (void)drain(client, HTTPS_OUT_ENOUGH, SIZE_MAX);
}

/* Three octets choose how: raw or in frames, in which pieces, and what becomes of requests. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_SIZE_MAX) {
        return 0;
    }
    static uint8_t room[SENT_SIZE_MAX];
    struct writer writer = writer_over(room, sizeof room);
    struct span input = span_of(data + 3, size - 3);
    if ((data[0] & 3) != 0) {
        write_preface(&writer);
    }
    if ((data[0] & 2) != 0) {
        write_frames(input, &writer);
    } else {
        writer_span(&writer, input);
    }
    static struct client client;
    client = (struct client){.seed = data[2]};
    client.http2 = http2_open((struct http2_owner){take, gone, &client});
    require(client.http2 != NULL);
    play(&client, writer_written(&writer), data[0] >= 128 ? SENT_SIZE_MAX : 1u + data[1] * 4u);
    require(http2_unsent(client.http2) == 0 || client.asked_count != client.gone_count);
    http2_close(client.http2);
    require(client.asked_count == client.gone_count);
    return 0;
}
