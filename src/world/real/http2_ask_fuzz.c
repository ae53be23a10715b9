/* Any octets as what a server answers, raw or in the frames that the input names, coming in pieces
 * of any size: what comes of it is within the limits, and a body is taken only with its end. */
#include "world/real/http2_ask.h"
#include "world/real/http2_fuzz.h"
#include "world/real/https.h"
#include "world/real/world_limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    INPUT_SIZE_MAX = 1 << 14,
    ROOM_SIZE = 1 << 18,
};

static enum status drain(struct http2_ask *ask)
{
    struct buffer out = {0};
    enum status status = http2_ask_fill(ask, &out);
    buffer_close(&out);
    return status;
}

static void play(struct http2_ask *ask, struct span sent, size_t piece)
{
    enum status status = drain(ask);
    for (size_t at = 0; at < sent.len && status == OK && !http2_ask_is_done(ask); at += piece) {
        size_t len = sent.len - at < piece ? sent.len - at : piece;
        status = http2_ask_take(ask, span_part(sent, at, len));
        status = status == OK ? drain(ask) : status;
        require(http2_ask_reply(ask).body.len <= DNS_MESSAGE_MAX);
    }
    struct http2_reply reply = http2_ask_reply(ask);
    require(reply.status <= 999 && (reply.status == 0 || http2_ask_is_done(ask)));
    (void)https_is_dns_message(reply.content_type);
}

/* Two octets choose how: raw or in frames, GET or POST, and in which pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_SIZE_MAX) {
        return 0;
    }
    static uint8_t room[ROOM_SIZE];
    struct writer writer = writer_over(room, sizeof room);
    struct span input = span_of(data + 2, size - 2);
    if ((data[0] & 1) != 0) {
        static const uint8_t SETTINGS[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
        writer_span(&writer, span_of(SETTINGS, sizeof SETTINGS));
        write_frames(input, &writer);
    } else {
        writer_span(&writer, input);
    }
    const struct http2_question question = {.authority = "dns.test",
                                            .path = "/dns-query",
                                            .content_type = HTTPS_MESSAGE_TYPE,
                                            .body = (data[0] & 2) != 0 ? SPAN_LITERAL("question")
                                                                       : SPAN_EMPTY};
    struct http2_ask *ask = http2_ask_open(&question);
    require(ask != NULL);
    play(ask, writer_written(&writer), 1u + data[1] * 8u);
    http2_ask_close(ask);
    return 0;
}
