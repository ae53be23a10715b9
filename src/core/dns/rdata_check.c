/* When the octets of one field are well-formed: a function for each kind of field, which steps over
 * it. Every length is checked by the reader. */
#include "core/dns/rdata_table.h"

#include <assert.h>

static void check_name(struct reader *rdata, size_t start)
{
    (void)start;
    (void)name_read(rdata);
}

static void check_names(struct reader *rdata, size_t start)
{
    while (reader_left(rdata) != 0) {
        check_name(rdata, start);
    }
}

static void check_u8(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, 1);
}

static void check_u16(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, 2);
}

static void check_u32(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, 4);
}

static void check_u48(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, 6);
}

static void check_u64(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, 8);
}

static void check_ipv6(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, 16);
}

static void check_rest(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_rest(rdata);
}

static void check_string(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_span(rdata, reader_u8(rdata));
}

static void check_string_optional(struct reader *rdata, size_t start)
{
    if (reader_left(rdata) != 0) {
        check_string(rdata, start);
    }
}

static void check_strings(struct reader *rdata, size_t start)
{
    do {
        check_string(rdata, start);
    } while (reader_left(rdata) != 0);
}

static bool is_letter_or_digit(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= '0' && octet <= '9');
}

/* RFC 8659 §4.1: at least one character, ASCII letters and digits alone. */
static void check_tag(struct reader *rdata, size_t start)
{
    (void)start;
    struct span tag = reader_span(rdata, reader_u8(rdata));
    bool is_good = tag.len != 0;
    for (size_t i = 0; i < tag.len; i++) {
        is_good = is_good && is_letter_or_digit(tag.bytes[i]);
    }
    if (!is_good) {
        reader_fail(rdata, MALFORMED);
    }
}

static void check_hash(struct reader *rdata, size_t start)
{
    (void)start;
    uint8_t len = reader_u8(rdata);
    (void)reader_span(rdata, len);
    if (len == 0) {
        reader_fail(rdata, MALFORMED);
    }
}

/* RFC 4034 §4.1.2: windows in rising order, 1 to 32 octets each, no trailing zero octets. */
static void check_bitmap(struct reader *rdata, size_t start)
{
    (void)start;
    int window_before = -1;
    while (reader_left(rdata) != 0) {
        int window = reader_u8(rdata);
        uint8_t len = reader_u8(rdata);
        struct span bits = reader_span(rdata, len);
        if (window <= window_before || len > 32 || bits.len == 0 || bits.bytes[bits.len - 1] == 0) {
            reader_fail(rdata, MALFORMED);
        }
        window_before = window;
    }
}

/* RFC 2535 §5.2: bits for types 0 to 127, bit 0 is never set, no trailing zero octets. */
static void check_bitmap_nxt(struct reader *rdata, size_t start)
{
    (void)start;
    struct span bits = reader_rest(rdata);
    if (bits.len == 0 || bits.len > 16 || bits.bytes[bits.len - 1] == 0 || bits.bytes[0] >= 0x80) {
        reader_fail(rdata, MALFORMED);
    }
}

static void check_services(struct reader *rdata, size_t start)
{
    (void)start;
    (void)reader_u8(rdata);
    if (reader_rest(rdata).len > 65536 / 8) {
        reader_fail(rdata, MALFORMED);
    }
}

/* RFC 3123 §4: the address part has no trailing zero octets and fits its family. */
static void check_prefixes(struct reader *rdata, size_t start)
{
    (void)start;
    while (reader_left(rdata) != 0) {
        uint16_t family = reader_u16(rdata);
        uint8_t prefix_len = reader_u8(rdata);
        struct span part = reader_span(rdata, reader_u8(rdata) & 0x7f);
        size_t octets_max = family == 1 ? 4 : family == 2 ? 16 : 127;
        bool is_ip = family == 1 || family == 2;
        if (part.len > octets_max || (is_ip && prefix_len > octets_max * 8) ||
            (part.len != 0 && part.bytes[part.len - 1] == 0)) {
            reader_fail(rdata, MALFORMED);
        }
    }
}

static bool is_angle(uint32_t angle, uint32_t degrees_max)
{
    const uint32_t equator = UINT32_C(1) << 31;
    uint32_t from_equator = angle > equator ? angle - equator : equator - angle;
    return from_equator <= degrees_max * 3600 * 1000;
}

static bool is_size(uint8_t size)
{
    return (size >> 4) <= 9 && (size & 0x0f) <= 9;
}

/* RFC 1876 §2: of other versions than 0 nothing may be assumed. */
static void check_location(struct reader *rdata, size_t start)
{
    (void)start;
    if (reader_u8(rdata) != 0) {
        (void)reader_rest(rdata);
        return;
    }
    bool is_good = is_size(reader_u8(rdata));
    is_good = is_size(reader_u8(rdata)) && is_good;
    is_good = is_size(reader_u8(rdata)) && is_good;
    is_good = is_angle(reader_u32(rdata), 90) && is_good;
    is_good = is_angle(reader_u32(rdata), 180) && is_good;
    (void)reader_u32(rdata);
    if (!is_good) {
        reader_fail(rdata, MALFORMED);
    }
}

static void check_parameters(struct reader *rdata, size_t start)
{
    (void)start;
    rdata_check_parameters(rdata);
}

static void step_over_gateway(struct reader *rdata, uint8_t gateway_type)
{
    switch (gateway_type) {
    case 0:
        break;
    case 1:
        (void)reader_span(rdata, 4);
        break;
    case 2:
        (void)reader_span(rdata, 16);
        break;
    case 3:
        (void)name_read(rdata);
        break;
    default: /* a form of the future: its length is unknown, so all the rest is it */
        (void)reader_rest(rdata);
    }
}

static void check_gateway(struct reader *rdata, size_t start)
{
    if (rdata->status == OK) {
        step_over_gateway(rdata, rdata->bytes.bytes[start + TYPE_IPSECKEY_GATEWAY_AT]);
    }
}

static void check_relay(struct reader *rdata, size_t start)
{
    (void)start;
    step_over_gateway(rdata, reader_u8(rdata) & 0x7f);
}

static void check_host_identity(struct reader *rdata, size_t start)
{
    (void)start;
    uint8_t tag_len = reader_u8(rdata);
    (void)reader_u8(rdata);
    uint16_t key_len = reader_u16(rdata);
    (void)reader_span(rdata, tag_len);
    (void)reader_span(rdata, key_len);
    if (tag_len == 0 || key_len == 0) {
        reader_fail(rdata, MALFORMED);
    }
}

static void check_a6_suffix(struct reader *rdata, size_t start)
{
    (void)start;
    uint8_t prefix_len = reader_u8(rdata);
    if (prefix_len > 128) {
        reader_fail(rdata, MALFORMED);
        return;
    }
    struct span suffix = reader_span(rdata, (128u - prefix_len + 7) / 8);
    uint8_t pad = (uint8_t)(0xff00 >> (prefix_len % 8)); /* RFC 2874 §3.1: pad bits are zero */
    if (suffix.len != 0 && (suffix.bytes[0] & pad) != 0) {
        reader_fail(rdata, MALFORMED);
    }
}

static void check_a6_name(struct reader *rdata, size_t start)
{
    if (rdata->status == OK && rdata->bytes.bytes[start] != 0) {
        (void)name_read(rdata);
    }
}

static void (*const CHECKS[])(struct reader *rdata, size_t start) = {
    [FIELD_NAME_COMPRESSED] = check_name,
    [FIELD_NAME_DECOMPRESSED] = check_name,
    [FIELD_NAME_LOWERED] = check_name,
    [FIELD_NAME] = check_name,
    [FIELD_NAMES] = check_names,
    [FIELD_U8] = check_u8,
    [FIELD_U16] = check_u16,
    [FIELD_U32] = check_u32,
    [FIELD_U64] = check_u64,
    [FIELD_PERIOD] = check_u32,
    [FIELD_TIME] = check_u32,
    [FIELD_TYPE] = check_u16,
    [FIELD_ALGORITHM] = check_u8,
    [FIELD_CERT_TYPE] = check_u16,
    [FIELD_SCHEME] = check_u8,
    [FIELD_IPV4] = check_u32,
    [FIELD_IPV6] = check_ipv6,
    [FIELD_EUI48] = check_u48,
    [FIELD_EUI64] = check_u64,
    [FIELD_LOCATOR] = check_u64,
    [FIELD_STRING] = check_string,
    [FIELD_STRING_OPTIONAL] = check_string_optional,
    [FIELD_STRINGS] = check_strings,
    [FIELD_TAG] = check_tag,
    [FIELD_TEXT] = check_rest,
    [FIELD_BASE64] = check_rest,
    [FIELD_BASE64_DASH] = check_rest,
    [FIELD_HEX] = check_rest,
    [FIELD_SALT] = check_string,
    [FIELD_HASH] = check_hash,
    [FIELD_BITMAP] = check_bitmap,
    [FIELD_BITMAP_NXT] = check_bitmap_nxt,
    [FIELD_SERVICES] = check_services,
    [FIELD_PREFIXES] = check_prefixes,
    [FIELD_LOCATION] = check_location,
    [FIELD_PARAMETERS] = check_parameters,
    [FIELD_GATEWAY] = check_gateway,
    [FIELD_RELAY] = check_relay,
    [FIELD_HOST_IDENTITY] = check_host_identity,
    [FIELD_NSAP] = check_rest,
    [FIELD_A6_SUFFIX] = check_a6_suffix,
    [FIELD_A6_NAME] = check_a6_name,
    [FIELD_ATM_ADDRESS] = check_rest,
    [FIELD_OPAQUE] = check_rest,
};
static_assert(LEN(CHECKS) == FIELD_KIND_COUNT, "one check for each kind of field");

void rdata_check_field(enum rdata_field kind, struct reader *rdata, size_t start)
{
    require(kind > FIELD_END && kind < FIELD_KIND_COUNT);
    CHECKS[kind](rdata, start);
}
