/* Where EDNS options begin and end (RFC 6891 §6.1.2), and the form of an extended error (RFC 8914
 * §2). */
#include "core/dns/message.h"

void edns_add_keepalive(struct writer *options, uint32_t idle_ms)
{
    uint32_t units = idle_ms / 100;
    writer_u16(options, EDNS_OPTION_KEEPALIVE);
    writer_u16(options, 2);
    writer_u16(options, units > UINT16_MAX ? UINT16_MAX : (uint16_t)units);
}

void edns_add_ede(struct writer *options, uint16_t code, struct span text)
{
    require(text.len <= UINT16_MAX - 2);
    writer_u16(options, EDNS_OPTION_EDE);
    writer_u16(options, (uint16_t)(2 + text.len));
    writer_u16(options, code);
    writer_span(options, text);
}

bool edns_find(const struct edns *edns, uint16_t code, struct span *value)
{
    struct reader reader = reader_over(edns->options);
    while (reader_left(&reader) > 0) {
        uint16_t option = reader_u16(&reader);
        struct span content = reader_span(&reader, reader_u16(&reader));
        if (reader.status == OK && option == code) {
            *value = content;
            return true;
        }
    }
    return false;
}
