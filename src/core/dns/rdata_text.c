/* The presentation form of each kind of field that is no more than its value, and of the whole
 * rdata (RFC 1035 §5.1, RFC 3597 §5). */
#include "core/dns/rdata_text.h"
#include "core/dns/rdata_table.h"

#include "core/base/address.h"
#include "core/base/text.h"

#include <assert.h>

enum { IPV6_GROUPS = 8 };

static void text_name(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    name_write_text(name_read(rdata), text);
}

static void text_names(struct reader *rdata, size_t start, struct writer *text)
{
    size_t count = 0;
    while (reader_left(rdata) != 0) {
        if (count++ != 0) {
            writer_u8(text, ' ');
        }
        text_name(rdata, start, text);
    }
}

static void text_u8(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_number(text, reader_u8(rdata));
}

static void text_u16(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_number(text, reader_u16(rdata));
}

static void text_u32(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_number(text, reader_u32(rdata));
}

static void text_u64(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_number(text, reader_u64(rdata));
}

static void text_time(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_write_time14(text, reader_u32(rdata));
}

static void text_type(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    type_write(reader_u16(rdata), text);
}

static void text_scheme(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    uint8_t scheme = reader_u8(rdata);
    if (scheme == DSYNC_SCHEME_NOTIFY) {
        writer_text(text, "NOTIFY");
    } else {
        rdata_text_number(text, scheme);
    }
}

static void text_ipv4(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    for (size_t i = 0; i < 4; i++) {
        if (i != 0) {
            writer_u8(text, '.');
        }
        writer_decimal(text, reader_u8(rdata));
    }
}

/* The first of the longest runs of two or more groups of zeros (RFC 5952 §4.2); its length, or 0.
 */
static size_t find_zeros(const uint16_t groups[IPV6_GROUPS], size_t *first)
{
    size_t longest = 1;
    size_t len = 0;
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        len = groups[i] == 0 ? len + 1 : 0;
        if (len > longest) {
            longest = len;
            *first = i + 1 - len;
        }
    }
    return longest > 1 ? longest : 0;
}

static void text_group(uint16_t group, struct writer *text)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = group >= 0x1000 ? 12 : group >= 0x100 ? 8 : group >= 0x10 ? 4 : 0;
    for (;; shift -= 4) {
        writer_u8(text, (uint8_t)digits[group >> shift & 15]);
        if (shift == 0) {
            return;
        }
    }
}

static void text_ipv6(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    struct span octets = reader_span(rdata, 2 * IPV6_GROUPS);
    uint16_t groups[IPV6_GROUPS];
    struct reader reader = reader_over(octets);
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        groups[i] = reader_u16(&reader);
    }
    if (groups[0] == 0) { /* rare, and some of these have a form with an IPv4 address */
        rdata_text_address(text, octets);
        return;
    }
    size_t first = 0;
    size_t zeros = find_zeros(groups, &first);
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        if (zeros > 0 && i == first) {
            writer_text(text, i + zeros == IPV6_GROUPS ? "::" : ":");
            i += zeros - 1;
            continue;
        }
        if (i != 0) {
            writer_u8(text, ':');
        }
        text_group(groups[i], text);
    }
}

static void text_groups(struct writer *text, struct span octets, size_t group_len, char separator)
{
    for (size_t i = 0; i < octets.len; i++) {
        if (i != 0 && i % group_len == 0) {
            writer_u8(text, (uint8_t)separator);
        }
        writer_print(text, "%02x", octets.bytes[i]);
    }
}

static void text_eui48(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_groups(text, reader_span(rdata, 6), 1, '-');
}

static void text_eui64(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_groups(text, reader_span(rdata, 8), 1, '-');
}

static void text_locator(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_groups(text, reader_span(rdata, 8), 2, ':');
}

static void text_string(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_quoted(text, reader_span(rdata, reader_u8(rdata)));
}

static void text_strings(struct reader *rdata, size_t start, struct writer *text)
{
    size_t count = 0;
    while (reader_left(rdata) != 0) {
        if (count++ != 0) {
            writer_u8(text, ' ');
        }
        text_string(rdata, start, text);
    }
}

static void text_tag(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    writer_span(text, reader_span(rdata, reader_u8(rdata)));
}

static void text_text(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    rdata_text_quoted(text, reader_rest(rdata));
}

static void text_base64(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_write_base64(text, reader_rest(rdata));
}

static void text_base64_dash(struct reader *rdata, size_t start, struct writer *text)
{
    if (reader_left(rdata) == 0) {
        writer_u8(text, '-');
    }
    text_base64(rdata, start, text);
}

static void text_hex(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_write_base16(text, reader_rest(rdata));
}

static void text_salt(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    struct span salt = reader_span(rdata, reader_u8(rdata));
    text_write_base16(text, salt);
    writer_text(text, salt.len == 0 ? "-" : "");
}

static void text_hash(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    text_write_base32hex(text, reader_span(rdata, reader_u8(rdata)));
}

static void text_bits(struct writer *text, struct span bits, uint32_t type_first, bool *is_first)
{
    for (size_t i = 0; i < bits.len * 8; i++) {
        if (bits.bytes[i / 8] == 0) { /* most octets */
            i |= 7;
            continue;
        }
        if ((bits.bytes[i / 8] & (0x80 >> (i % 8))) == 0) {
            continue;
        }
        if (!*is_first) {
            writer_u8(text, ' ');
        }
        type_write((uint16_t)(type_first + i), text);
        *is_first = false;
    }
}

static void text_bitmap(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    bool is_first = true;
    while (reader_left(rdata) != 0) {
        uint32_t window = reader_u8(rdata);
        text_bits(text, reader_span(rdata, reader_u8(rdata)), window * 256, &is_first);
    }
}

static void text_bitmap_nxt(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    bool is_first = true;
    text_bits(text, reader_rest(rdata), 0, &is_first);
}

/* There is no form but the generic one. */
static void text_none(struct reader *rdata, size_t start, struct writer *text)
{
    (void)rdata, (void)start;
    writer_fail(text, UNSUPPORTED);
}

static void (*const TEXTS[])(struct reader *rdata, size_t start, struct writer *text) = {
    [FIELD_NAME_COMPRESSED] = text_name,
    [FIELD_NAME_DECOMPRESSED] = text_name,
    [FIELD_NAME_LOWERED] = text_name,
    [FIELD_NAME] = text_name,
    [FIELD_NAMES] = text_names,
    [FIELD_U8] = text_u8,
    [FIELD_U16] = text_u16,
    [FIELD_U32] = text_u32,
    [FIELD_U64] = text_u64,
    [FIELD_PERIOD] = text_u32,
    [FIELD_TIME] = text_time,
    [FIELD_TYPE] = text_type,
    [FIELD_ALGORITHM] = text_u8,
    [FIELD_CERT_TYPE] = text_u16,
    [FIELD_SCHEME] = text_scheme,
    [FIELD_IPV4] = text_ipv4,
    [FIELD_IPV6] = text_ipv6,
    [FIELD_EUI48] = text_eui48,
    [FIELD_EUI64] = text_eui64,
    [FIELD_LOCATOR] = text_locator,
    [FIELD_STRING] = text_string,
    [FIELD_STRING_OPTIONAL] = text_strings,
    [FIELD_STRINGS] = text_strings,
    [FIELD_TAG] = text_tag,
    [FIELD_TEXT] = text_text,
    [FIELD_BASE64] = text_base64,
    [FIELD_BASE64_DASH] = text_base64_dash,
    [FIELD_HEX] = text_hex,
    [FIELD_SALT] = text_salt,
    [FIELD_HASH] = text_hash,
    [FIELD_BITMAP] = text_bitmap,
    [FIELD_BITMAP_NXT] = text_bitmap_nxt,
    [FIELD_SERVICES] = rdata_text_services,
    [FIELD_PREFIXES] = rdata_text_prefixes,
    [FIELD_LOCATION] = rdata_text_location,
    [FIELD_PARAMETERS] = rdata_text_parameters,
    [FIELD_GATEWAY] = rdata_text_gateway,
    [FIELD_RELAY] = rdata_text_relay,
    [FIELD_HOST_IDENTITY] = rdata_text_host_identity,
    [FIELD_NSAP] = rdata_text_nsap,
    [FIELD_ATM_ADDRESS] = rdata_text_atm_address,
    [FIELD_A6_SUFFIX] = rdata_text_a6_suffix,
    [FIELD_A6_NAME] = rdata_text_a6_name,
    [FIELD_OPAQUE] = text_none,
};
static_assert(LEN(TEXTS) == FIELD_KIND_COUNT, "one form for each kind of field");

void rdata_write_generic(struct span rdata, struct writer *text)
{
    writer_text(text, "\\# ");
    rdata_text_number(text, rdata.len);
    writer_text(text, rdata.len == 0 ? "" : " ");
    text_write_base16(text, rdata);
}

/* More than a reader of text takes: bitmaps of a thousand types, TXT of a thousand empty strings.
 */
static bool has_too_many_fields(struct span text)
{
    size_t fields = 1;
    bool is_inside = false;
    if (text.len < 2 * RDATA_TEXT_TOKENS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (octet == '\\') {
            i++;
        } else if (octet == '"') {
            is_inside = !is_inside;
        } else if (octet == ' ' && !is_inside) {
            fields++;
        }
    }
    return fields > RDATA_TEXT_TOKENS_MAX;
}

void rdata_write_text(uint16_t type, struct span rdata, struct writer *text)
{
    const struct rdata_layout *layout = rdata_layout(type);
    if (text->status != OK) {
        return;
    }
    const size_t text_start = text->len;
    struct reader reader = reader_over(rdata);
    for (size_t i = 0; i < RDATA_FIELDS_MAX && layout->fields[i] != FIELD_END; i++) {
        size_t before = text->len;
        if (before != text_start) {
            writer_u8(text, ' ');
        }
        size_t field_start = text->len;
        TEXTS[layout->fields[i]](&reader, 0, text);
        if (text->status == OK && text->len == field_start) {
            writer_rewind(text, before); /* an empty last field leaves no blank */
        }
    }
    require(reader.status == OK);
    struct span written = span_part(writer_written(text), text_start, text->len - text_start);
    bool is_unfit = text->status == OK && (written.len == 0 || has_too_many_fields(written));
    if (text->status == UNSUPPORTED || is_unfit) {
        writer_rewind(text, text_start);
        rdata_write_generic(rdata, text);
    }
}
