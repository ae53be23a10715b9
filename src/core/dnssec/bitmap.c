/* Type bit maps: the windows of RFC 4034 §4.1.2. */
#include "core/base/reader.h"
#include "core/dnssec/denial.h"

enum { WINDOW_LEN_MAX = 32, TYPES_PER_WINDOW = 256 };

void bitmap_write(const uint16_t *types, size_t count, struct writer *rdata)
{
    for (size_t i = 0; i < count;) {
        const uint8_t window = (uint8_t)(types[i] / TYPES_PER_WINDOW);
        uint8_t bits[WINDOW_LEN_MAX] = {0};
        size_t len = 0;
        for (; i < count && types[i] / TYPES_PER_WINDOW == window; i++) {
            const uint8_t low = (uint8_t)types[i];
            bits[low / 8] |= (uint8_t)(0x80 >> low % 8);
            len = low / 8u + 1u;
        }
        require(i == count || types[i] / TYPES_PER_WINDOW > window);
        writer_u8(rdata, window);
        writer_u8(rdata, (uint8_t)len);
        writer_span(rdata, span_of(bits, len));
    }
}

/* The next window; false at the end or when the rest is no window. */
static bool window_next(struct reader *reader, uint8_t *window, struct span *bits)
{
    if (reader_left(reader) == 0) {
        return false;
    }
    *window = reader_u8(reader);
    const uint8_t len = reader_u8(reader);
    if (len == 0 || len > WINDOW_LEN_MAX) {
        reader_fail(reader, MALFORMED);
    }
    *bits = reader_span(reader, len);
    return reader->status == OK;
}

bool bitmap_has(struct span bitmap, uint16_t type)
{
    struct reader reader = reader_over(bitmap);
    uint8_t window;
    struct span bits;
    while (window_next(&reader, &window, &bits)) {
        const uint8_t low = (uint8_t)type;
        if (window == type / TYPES_PER_WINDOW) {
            return low / 8u < bits.len && (bits.bytes[low / 8] & 0x80 >> low % 8) != 0;
        }
    }
    return false;
}

/* Trailing zero octets, which nobody should send, change no meaning and pass. */
enum status bitmap_check(struct span bitmap)
{
    struct reader reader = reader_over(bitmap);
    uint8_t window;
    struct span bits;
    for (int before = -1; window_next(&reader, &window, &bits); before = window) {
        if (window <= before) {
            return MALFORMED;
        }
    }
    return reader_end(&reader);
}
