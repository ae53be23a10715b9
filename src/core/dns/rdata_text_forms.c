/* The presentation forms that are more than a list of values: WKS, APL, LOC, SVCB, IPSECKEY,
 * AMTRELAY, HIP, NSAP and A6; and the small writers all forms share. */
#include "core/dns/rdata_text.h"

#include "core/base/address.h"
#include "core/base/text.h"

#include <string.h>

void rdata_text_number(struct writer *text, uint64_t number)
{
    writer_decimal(text, number);
}

void rdata_text_address(struct writer *text, struct span octets)
{
    struct address address;
    char printed[ADDRESS_TEXT_MAX];
    if (address_of_rdata(octets, 0, &address) == OK) {
        writer_text(text, address_print(address, printed));
    }
}

void rdata_text_octet(struct writer *text, uint8_t octet)
{
    if (octet < 0x20 || octet >= 0x7f) {
        writer_print(text, "\\%03u", octet);
        return;
    }
    if (octet == '"' || octet == '\\') {
        writer_u8(text, '\\');
    }
    writer_u8(text, octet);
}

void rdata_text_quoted(struct writer *text, struct span octets)
{
    writer_u8(text, '"');
    for (size_t i = 0; i < octets.len; i++) {
        rdata_text_octet(text, octets.bytes[i]);
    }
    writer_u8(text, '"');
}

void rdata_text_services(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_number(text, reader_u8(rdata));
    struct span bits = reader_rest(rdata);
    for (size_t port = 0; port < bits.len * 8; port++) {
        if ((bits.bytes[port / 8] & (0x80 >> (port % 8))) != 0) {
            writer_u8(text, ' ');
            rdata_text_number(text, port);
        }
    }
    if (bits.len != 0 && bits.bytes[bits.len - 1] == 0) {
        writer_fail(text, UNSUPPORTED); /* the text could not tell how long it was */
    }
}

void rdata_text_prefixes(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    size_t count = 0;
    while (reader_left(rdata) != 0) {
        uint16_t family = reader_u16(rdata);
        uint8_t prefix_len = reader_u8(rdata);
        uint8_t negated_len = reader_u8(rdata);
        struct span part = reader_span(rdata, negated_len & 0x7f);
        uint8_t octets[16] = {0};
        if ((family != 1 && family != 2) || part.len > sizeof octets) {
            writer_fail(text, UNSUPPORTED);
            (void)reader_rest(rdata);
            return;
        }
        if (part.len != 0) {
            memcpy(octets, part.bytes, part.len);
        }
        writer_print(text, "%s%s%u:", count++ == 0 ? "" : " ", (negated_len & 0x80) != 0 ? "!" : "",
                     family);
        rdata_text_address(text, span_of(octets, family == 1 ? 4 : 16));
        writer_print(text, "/%u", prefix_len);
    }
}

static void text_angle(struct writer *text, uint32_t angle, char positive, char negative)
{
    const uint32_t equator = UINT32_C(1) << 31;
    uint32_t from_equator = angle >= equator ? angle - equator : equator - angle;
    writer_print(text, "%u %u %u.%03u %c ", from_equator / 3600000, from_equator / 60000 % 60,
                 from_equator / 1000 % 60, from_equator % 1000,
                 angle >= equator ? positive : negative);
}

/* Centimetres as metres. */
static void text_metres(struct writer *text, int64_t centimetres)
{
    int64_t distance = centimetres < 0 ? -centimetres : centimetres;
    writer_print(text, "%s%lld.%02lldm", centimetres < 0 ? "-" : "", (long long)(distance / 100),
                 (long long)(distance % 100));
}

static int64_t centimetres_of_size(uint8_t size)
{
    int64_t centimetres = size >> 4;
    for (unsigned i = 0; i < (size & 0x0fu); i++) {
        centimetres *= 10;
    }
    return centimetres;
}

void rdata_text_location(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    if (reader_u8(rdata) != 0) {
        (void)reader_rest(rdata);
        writer_fail(text, UNSUPPORTED);
        return;
    }
    struct span sizes = reader_span(rdata, 3);
    text_angle(text, reader_u32(rdata), 'N', 'S');
    text_angle(text, reader_u32(rdata), 'E', 'W');
    /* RFC 1876 §2: altitude counts from 100,000 m below the reference spheroid. */
    text_metres(text, (int64_t)reader_u32(rdata) - 10000000);
    for (size_t i = 0; i < sizes.len; i++) {
        writer_u8(text, ' ');
        text_metres(text, centimetres_of_size(sizes.bytes[i]));
        /* Zero with an exponent, or 10 times something, reads back as other octets. */
        if ((sizes.bytes[i] >> 4) == 0 && sizes.bytes[i] != 0) {
            writer_fail(text, UNSUPPORTED);
        }
    }
}

static void text_gateway(struct reader *rdata, uint8_t gateway_type, struct writer *text)
{
    switch (gateway_type) {
    case 0:
        writer_u8(text, '.');
        break;
    case 1:
        rdata_text_address(text, reader_span(rdata, 4));
        break;
    case 2:
        rdata_text_address(text, reader_span(rdata, 16));
        break;
    case 3:
        name_write_text(name_read(rdata), text);
        break;
    default:
        (void)reader_rest(rdata);
        writer_fail(text, UNSUPPORTED);
    }
}

void rdata_text_gateway(struct reader *rdata, size_t start, struct writer *text)
{
    text_gateway(rdata, rdata->bytes.bytes[start + TYPE_IPSECKEY_GATEWAY_AT], text);
}

void rdata_text_relay(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    uint8_t relay = reader_u8(rdata);
    writer_print(text, "%u %u ", relay >> 7, relay & 0x7fu);
    text_gateway(rdata, relay & 0x7f, text);
}

void rdata_text_host_identity(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    uint8_t tag_len = reader_u8(rdata);
    rdata_text_number(text, reader_u8(rdata));
    uint16_t key_len = reader_u16(rdata);
    writer_u8(text, ' ');
    text_write_base16(text, reader_span(rdata, tag_len));
    writer_u8(text, ' ');
    text_write_base64(text, reader_span(rdata, key_len));
}

void rdata_text_nsap(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    writer_text(text, "0x");
    text_write_base16(text, reader_rest(rdata));
}

void rdata_text_atm_address(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    uint8_t format = reader_u8(rdata);
    struct span address = reader_rest(rdata);
    if (format == ATM_FORMAT_AESA) {
        text_write_base16(text, address);
        return;
    }
    writer_u8(text, '+');
    for (size_t i = 0; i < address.len; i++) {
        if (format != ATM_FORMAT_E164 || address.bytes[i] < '0' || address.bytes[i] > '9') {
            writer_fail(text, UNSUPPORTED);
        }
    }
    writer_span(text, address);
}

void rdata_text_a6_suffix(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    uint8_t prefix_len = reader_u8(rdata);
    struct span suffix = reader_span(rdata, (128u - prefix_len + 7) / 8);
    rdata_text_number(text, prefix_len);
    uint8_t octets[16] = {0};
    if (suffix.len != 0) {
        memcpy(octets + sizeof octets - suffix.len, suffix.bytes, suffix.len);
        writer_u8(text, ' ');
        rdata_text_address(text, span_of(octets, sizeof octets));
    }
}

void rdata_text_a6_name(struct reader *rdata, size_t start, struct writer *text)
{
    if (rdata->bytes.bytes[start] != 0) {
        name_write_text(name_read(rdata), text);
    }
}
