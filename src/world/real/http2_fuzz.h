#pragma once
/* Frames of HTTP/2 out of a fuzzer's input, for our server and our client alike. */
#include "core/base/reader.h"
#include "core/base/writer.h"

/* Frames as the input names them: type, flags, stream and length in an octet each, then the
 * payload. Their lengths are right, so that what is in them is reached. */
static inline void write_frames(struct span input, struct writer *out)
{
    enum { FRAME_TYPES = 12 }; /* those of RFC 9113, and two that are unknown */
    struct reader reader = reader_over(input);
    while (reader_left(&reader) >= 4) {
        uint8_t type = reader_u8(&reader), flags = reader_u8(&reader), id = reader_u8(&reader);
        size_t len = reader_u8(&reader), left = reader_left(&reader);
        len = len < left ? len : left;
        writer_u8(out, 0);
        writer_u16(out, (uint16_t)len);
        writer_u8(out, type % FRAME_TYPES);
        writer_u8(out, flags);
        writer_u32(out, id);
        writer_span(out, reader_span(&reader, len));
    }
}
