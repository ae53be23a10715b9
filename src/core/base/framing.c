/* How a length stands in front of a message. Only here is one read before the octets that it counts
 * are there. */
#include "core/base/framing.h"

const struct framing FRAMING_DNS = {2, false, 0, UINT16_MAX};

enum status framing_next(const struct framing *framing, struct span bytes, struct span *message)
{
    require(framing->length_size >= 1 && framing->length_size <= sizeof(uint32_t));
    const size_t size = framing->length_size;
    *message = SPAN_EMPTY;
    if (bytes.len < size) {
        return TRUNCATED;
    }
    uint32_t announced = 0;
    for (size_t i = 0; i < size; i++) {
        announced = announced << 8 | bytes.bytes[i];
    }
    const uint32_t counted = framing->counts_itself ? framing->length_size : 0;
    if (announced < counted || announced - counted < framing->message_min ||
        announced - counted > framing->message_max) {
        return MALFORMED;
    }
    const uint32_t len = announced - counted;
    if (bytes.len - size < len) {
        return TRUNCATED;
    }
    *message = span_part(bytes, size, len);
    return OK;
}

void framing_write_length(const struct framing *framing, size_t len, struct writer *stream)
{
    require(len >= framing->message_min && len <= framing->message_max);
    uint32_t announced = (uint32_t)len + (framing->counts_itself ? framing->length_size : 0u);
    for (size_t i = framing->length_size; i-- > 0;) {
        writer_u8(stream, (uint8_t)(announced >> (8 * i)));
    }
}
