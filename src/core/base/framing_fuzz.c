/* Any octets as a stream in any framing, coming in pieces of any size: the messages are those that
 * come when all is there at once, and written again they are the stream. */
#include "core/base/framing.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAM_SIZE = 1 << 17 };

/* Where in the stream the next message begins; the same place when there is none. */
static size_t step(const struct framing *framing, struct span stream, size_t at,
                   enum status *status)
{
    struct span message;
    *status = framing_next(framing, span_part(stream, at, stream.len - at), &message);
    if (*status != OK) {
        return at;
    }
    require(message.len >= framing->message_min && message.len <= framing->message_max);
    uint8_t length[sizeof(uint32_t)];
    struct writer writer = writer_over(length, sizeof length);
    framing_write_length(framing, message.len, &writer);
    require(writer.len == framing->length_size);
    require(memcmp(length, stream.bytes + at, writer.len) == 0);
    return at + framing->length_size + message.len;
}

/* Two octets choose the framing and the size of the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct framing framings[] = {
        {2, false, 0, 65535}, {4, true, 1, 64 * 1024}, {1, true, 0, 255}, {3, false, 12, 1000}};
    if (size < 2 || size > STREAM_SIZE) {
        return 0;
    }
    const struct framing *framing = &framings[data[0] % LEN(framings)];
    const size_t piece = 1u + data[1];
    struct span stream = span_of(data + 2, size - 2);
    enum status status = OK;
    size_t at = 0;
    while (status == OK) {
        at = step(framing, stream, at, &status);
    }
    size_t at_in_pieces = 0;
    enum status status_in_pieces = TRUNCATED;
    for (size_t here = 0; here < stream.len && status_in_pieces != MALFORMED;) {
        here = stream.len - here < piece ? stream.len : here + piece;
        do {
            at_in_pieces =
                step(framing, span_part(stream, 0, here), at_in_pieces, &status_in_pieces);
        } while (status_in_pieces == OK);
    }
    require(at_in_pieces == at && (stream.len == 0 || status_in_pieces == status));
    return 0;
}
