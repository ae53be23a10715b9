/* How the kinds of fields that are single values or lists of them are read from tokens, with the
 * mnemonics of RFC 4034 §A.1, RFC 4398 §2.1 and RFC 9859. */
#include "core/dns/rdata_parse.h"

#include "core/base/text.h"

#include <assert.h>
#include <string.h>

struct word {
    const char *word;
    uint16_t value;
};

static const struct word ALGORITHMS[] = {
    {"DELETE", 0},
    {"RSAMD5", 1},
    {"DH", 2},
    {"DSA", 3},
    {"ECC", 4},
    {"RSASHA1", 5},
    {"DSA-NSEC3-SHA1", 6},
    {"NSEC3DSA", 6},
    {"RSASHA1-NSEC3-SHA1", 7},
    {"NSEC3RSASHA1", 7},
    {"RSASHA256", 8},
    {"RSASHA512", 10},
    {"ECC-GOST", 12},
    {"ECDSAP256SHA256", 13},
    {"ECDSAP384SHA384", 14},
    {"ED25519", 15},
    {"ED448", 16},
    {"SM2SM3", 17},
    {"ECC-GOST12", 23},
    {"INDIRECT", 252},
    {"PRIVATEDNS", 253},
    {"PRIVATEOID", 254},
    {NULL, 0},
};
static const struct word CERT_TYPES[] = {
    {"PKIX", 1},   {"SPKI", 2},    {"PGP", 3},   {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6},
    {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}, {NULL, 0},
};
static const struct word SCHEMES[] = {{"NOTIFY", 1}, {NULL, 0}};

static enum status parse_word_or_number(struct rdata_input *input, const struct word *words,
                                        uint64_t max, const char *expected, uint64_t *number)
{
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    if (text_read_u64(token->text, max, number) == OK) { /* no word is a number */
        return OK;
    }
    for (; words->word != NULL; words++) {
        if (span_equal_nocase(token->text, span_of_text(words->word))) {
            *number = words->value;
            return OK;
        }
    }
    return rdata_expected(input, token, expected);
}

enum status rdata_parse_name(struct rdata_input *input)
{
    const struct rdata_token *token = rdata_take(input, "a domain name");
    if (token == NULL) {
        return MALFORMED;
    }
    struct name_buffer buffer;
    struct name name;
    struct writer *out = input->out;
    bool has_room =
        out->status == OK && writer_left(out) >= sizeof buffer; /* then without a copy */
    struct name_buffer *to = has_room ? (struct name_buffer *)(out->bytes + out->len) : &buffer;
    enum status status = name_parse(token->text, input->origin, to, &name, input->problem);
    if (status == OK && has_room) {
        out->len += name.len;
    } else if (status == OK) {
        name_write(name, out);
    } else if (input->problem != NULL) {
        input->problem->line = token->line;
        input->problem->column = token->column;
    }
    return status;
}

static enum status parse_names(struct rdata_input *input)
{
    enum status status = OK;
    while (status == OK && input->at < input->count) {
        status = rdata_parse_name(input);
    }
    return status;
}

static enum status parse_u8(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status = rdata_parse_number(input, UINT8_MAX, "a number from 0 to 255", &number);
    writer_u8(input->out, (uint8_t)number);
    return status;
}

static enum status parse_u16(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status = rdata_parse_number(input, UINT16_MAX, "a number from 0 to 65535", &number);
    writer_u16(input->out, (uint16_t)number);
    return status;
}

static enum status parse_u32(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status =
        rdata_parse_number(input, UINT32_MAX, "a number from 0 to 4294967295", &number);
    writer_u32(input->out, (uint32_t)number);
    return status;
}

static enum status parse_u64(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status = rdata_parse_number(input, UINT64_MAX, "a number of 64 bits", &number);
    writer_u64(input->out, number);
    return status;
}

static enum status parse_period(struct rdata_input *input)
{
    const char *expected = "a number of seconds, or one with units as in 1h30m";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    uint64_t number;
    uint32_t ttl_s;
    if (text_read_u64(token->text, UINT32_MAX, &number) == OK) {
        writer_u32(input->out, (uint32_t)number);
    } else if (text_read_ttl(token->text, &ttl_s) == OK) {
        writer_u32(input->out, ttl_s);
    } else {
        return rdata_expected(input, token, expected);
    }
    return OK;
}

/* RFC 4034 §3.2: 14 digits are a date, at most 10 are seconds. */
static enum status parse_time(struct rdata_input *input)
{
    const char *expected = "a time as YYYYMMDDHHMMSS or in seconds";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    uint64_t seconds;
    int64_t wall_s;
    if (token->text.len == 14 && text_read_time14(token->text, &wall_s) == OK &&
        wall_s <= UINT32_MAX) {
        writer_u32(input->out, (uint32_t)wall_s);
    } else if (text_read_u64(token->text, UINT32_MAX, &seconds) == OK) {
        writer_u32(input->out, (uint32_t)seconds);
    } else {
        return rdata_expected(input, token, expected);
    }
    return OK;
}

static enum status parse_type(struct rdata_input *input)
{
    const struct rdata_token *token = rdata_take(input, "an RR type");
    uint16_t type;
    if (token == NULL) {
        return MALFORMED;
    }
    if (type_parse(token->text, &type) != OK) {
        return rdata_expected(input, token, "an RR type");
    }
    writer_u16(input->out, type);
    return OK;
}

static enum status parse_algorithm(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status = parse_word_or_number(input, ALGORITHMS, UINT8_MAX,
                                              "an algorithm's number or mnemonic", &number);
    writer_u8(input->out, (uint8_t)number);
    return status;
}

static enum status parse_cert_type(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status = parse_word_or_number(input, CERT_TYPES, UINT16_MAX,
                                              "a certificate type's number or mnemonic", &number);
    writer_u16(input->out, (uint16_t)number);
    return status;
}

static enum status parse_scheme(struct rdata_input *input)
{
    uint64_t number = 0;
    enum status status = parse_word_or_number(input, SCHEMES, UINT8_MAX,
                                              "NOTIFY or a scheme from 0 to 255", &number);
    writer_u8(input->out, (uint8_t)number);
    return status;
}

static bool is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

/* Four numbers from 0 to 255 without leading zeros. */
static bool read_ipv4(struct span text, uint8_t octets[4])
{
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t from = at;
        unsigned value = 0;
        while (at < text.len && at - from < 3 && is_digit(text.bytes[at])) {
            value = value * 10 + (unsigned)(text.bytes[at++] - '0');
        }
        bool is_number = at > from && value <= 255 && (at - from == 1 || text.bytes[from] != '0');
        bool is_ended = i == 3 ? at == text.len : at < text.len && text.bytes[at] == '.';
        if (!is_number || !is_ended) {
            return false;
        }
        octets[i] = (uint8_t)value;
        at++; /* the dot */
    }
    return true;
}

/* Up to four hexadecimal digits at `*at`; how many there were. */
static size_t read_group(struct span text, size_t *at, uint16_t *group)
{
    size_t from = *at;
    *group = 0;
    for (; *at < text.len && *at - from < 4; ++*at) {
        uint8_t octet = text.bytes[*at], letter = octet | 0x20;
        if (!is_digit(octet) && (letter < 'a' || letter > 'f')) {
            break;
        }
        unsigned digit = is_digit(octet) ? (unsigned)octet - '0' : (unsigned)letter - 'a' + 10;
        *group = (uint16_t)(*group << 4 | digit);
    }
    return *at - from;
}

/* RFC 4291 §2.2: eight groups, a run of zero groups as "::" once, the last two perhaps as IPv4. */
static bool read_ipv6(struct span text, uint8_t octets[16])
{
    enum { LEN6 = 16, NO_GAP = 17 };
    size_t filled = 0, gap = NO_GAP;
    bool begins_with_gap = text.len >= 2 && text.bytes[0] == ':' && text.bytes[1] == ':';
    for (size_t at = begins_with_gap ? 1 : 0; at < text.len;) {
        if (text.bytes[at] == ':' && at > 0 && gap == NO_GAP) { /* right behind another colon */
            gap = filled;
            at++;
            continue;
        }
        size_t from = at;
        uint16_t group;
        if (read_group(text, &at, &group) == 0 || filled == LEN6) {
            return false;
        }
        if (at < text.len && text.bytes[at] == '.') {
            struct span rest = span_part(text, from, text.len - from);
            if (filled > LEN6 - 4 || !read_ipv4(rest, octets + filled)) {
                return false;
            }
            filled += 4;
            break;
        }
        octets[filled++] = (uint8_t)(group >> 8);
        octets[filled++] = (uint8_t)group;
        if (at < text.len && (text.bytes[at] != ':' || at + 1 == text.len)) {
            return false;
        }
        at++; /* the colon */
    }
    if (gap == NO_GAP || filled == LEN6) {
        return gap == NO_GAP && filled == LEN6;
    }
    memmove(octets + LEN6 - (filled - gap), octets + gap, filled - gap);
    memset(octets + gap, 0, LEN6 - filled);
    return true;
}

enum status rdata_read_address(struct span text, size_t len, uint8_t octets[16])
{
    return (len == 4 ? read_ipv4(text, octets) : read_ipv6(text, octets)) ? OK : MALFORMED;
}

enum status rdata_parse_address(struct rdata_input *input, size_t len)
{
    const char *expected = len == 4 ? "an IPv4 address" : "an IPv6 address";
    const struct rdata_token *token = rdata_take(input, expected);
    uint8_t octets[16];
    if (token == NULL) {
        return MALFORMED;
    }
    if (rdata_read_address(token->text, len, octets) != OK) {
        return rdata_expected(input, token, expected);
    }
    writer_span(input->out, span_of(octets, len));
    return OK;
}

static enum status parse_ipv4(struct rdata_input *input)
{
    return rdata_parse_address(input, 4);
}

static enum status parse_ipv6(struct rdata_input *input)
{
    return rdata_parse_address(input, 16);
}

/* `count` groups of exactly `digits` hexadecimal digits; `expected` shows the form. */
static enum status parse_groups(struct rdata_input *input, size_t count, size_t digits,
                                const char *expected)
{
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    struct span text = token->text;
    const char separator = digits == 2 ? '-' : ':';
    bool is_good = text.len == count * (digits + 1) - 1;
    for (size_t i = 0; is_good && i < count; i++) {
        size_t at = i * (digits + 1);
        is_good = text_read_base16(span_part(text, at, digits), input->out) == OK &&
                  (i + 1 == count || text.bytes[at + digits] == (uint8_t)separator);
    }
    return is_good ? OK : rdata_expected(input, token, expected);
}

static enum status parse_eui48(struct rdata_input *input)
{
    return parse_groups(input, 6, 2, "six octets as 00-00-5e-00-53-2a");
}

static enum status parse_eui64(struct rdata_input *input)
{
    return parse_groups(input, 8, 2, "eight octets as 00-00-5e-ef-10-00-00-2a");
}

/* RFC 6742 §2.1.2: four groups of one to four digits; leading zeros may be left out. */
static enum status parse_locator(struct rdata_input *input)
{
    const char *expected = "64 bits as 0014:4fff:ff20:ee64";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    uint8_t group[4] = {'0', '0', '0', '0'};
    size_t digits = 0, groups = 0;
    for (size_t i = 0; i <= token->text.len; i++) {
        bool is_end = i == token->text.len || token->text.bytes[i] == ':';
        if (!is_end && digits < 4) {
            memmove(group, group + 1, 3);
            group[3] = token->text.bytes[i];
            digits++;
            continue;
        }
        if (!is_end || digits == 0 || groups == 4 ||
            text_read_base16(span_of(group, 4), input->out) != OK) {
            return rdata_expected(input, token, expected);
        }
        memset(group, '0', sizeof group);
        digits = 0;
        groups++;
    }
    return groups == 4 ? OK : rdata_expected(input, token, expected);
}

bool rdata_next_octet(struct span text, size_t *at, uint8_t *octet, enum status *status)
{
    if (*at >= text.len) {
        return false;
    }
    *octet = text.bytes[(*at)++];
    if (*octet != '\\') {
        return true;
    }
    const uint8_t *digits = text.bytes + *at;
    size_t left = text.len - *at;
    if (left == 0) {
        *status = MALFORMED;
        return false;
    }
    if (digits[0] < '0' || digits[0] > '9') {
        *octet = digits[0];
        *at += 1;
        return true;
    }
    uint64_t value;
    if (left < 3 || text_read_u64(span_of(digits, 3), UINT8_MAX, &value) != OK) {
        *status = MALFORMED;
        return false;
    }
    *octet = (uint8_t)value;
    *at += 3;
    return true;
}

static enum status parse_octets(struct rdata_input *input, const struct rdata_token *token)
{
    enum status status = OK;
    uint8_t octet;
    for (size_t at = 0; rdata_next_octet(token->text, &at, &octet, &status);) {
        writer_u8(input->out, octet);
    }
    return status == OK ? OK : rdata_expected(input, token, "\\X or \\DDD (000 to 255) as escape");
}

static enum status parse_string_token(struct rdata_input *input, const struct rdata_token *token)
{
    size_t length_at = input->out->len;
    writer_u8(input->out, 0);
    enum status status = parse_octets(input, token);
    if (status != OK || input->out->status != OK) {
        return status;
    }
    size_t len = input->out->len - length_at - 1;
    if (len > UINT8_MAX) {
        return rdata_expected(input, token, "a text of at most 255 octets");
    }
    input->out->bytes[length_at] = (uint8_t)len;
    return OK;
}

static enum status parse_string(struct rdata_input *input)
{
    const struct rdata_token *token = rdata_take(input, "a text");
    return token == NULL ? MALFORMED : parse_string_token(input, token);
}

static enum status parse_string_optional(struct rdata_input *input)
{
    return input->at < input->count ? parse_string(input) : OK;
}

static enum status parse_strings(struct rdata_input *input)
{
    enum status status;
    do {
        status = parse_string(input);
    } while (status == OK && input->at < input->count);
    return status;
}

static enum status parse_tag(struct rdata_input *input)
{
    const char *expected = "a property tag of letters and digits";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    bool is_good = token->text.len != 0 && token->text.len <= UINT8_MAX;
    for (size_t i = 0; is_good && i < token->text.len; i++) {
        uint8_t octet = token->text.bytes[i];
        is_good =
            (octet >= '0' && octet <= '9') || ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'z');
    }
    return is_good ? parse_string_token(input, token) : rdata_expected(input, token, expected);
}

static enum status parse_text(struct rdata_input *input)
{
    const struct rdata_token *token = rdata_take(input, "a text in quotes");
    return token == NULL ? MALFORMED : parse_octets(input, token);
}

/* A group of four digits that a blank may cut anywhere. */
struct base64_group {
    uint8_t digits[4];
    size_t held;
    bool is_ended; /* padding came */
};

static enum status decode_base64(struct base64_group *group, struct span text, struct writer *out)
{
    if (text.len == 0) {
        return OK;
    }
    if (group->is_ended) {
        return MALFORMED;
    }
    group->is_ended = text.bytes[text.len - 1] == '=';
    return text_read_base64(text, out) == MALFORMED ? MALFORMED : OK;
}

static enum status parse_base64_token(struct base64_group *group, struct span text,
                                      struct writer *out)
{
    size_t at = 0;
    while (group->held != 0 && group->held < 4 && at < text.len) {
        group->digits[group->held++] = text.bytes[at++];
    }
    if (group->held == 4) {
        group->held = 0;
        if (decode_base64(group, span_of(group->digits, 4), out) != OK) {
            return MALFORMED;
        }
    }
    size_t whole = (text.len - at) / 4 * 4;
    if (decode_base64(group, span_part(text, at, whole), out) != OK) {
        return MALFORMED;
    }
    for (at += whole; at < text.len; at++) {
        group->digits[group->held++] = text.bytes[at];
    }
    return OK;
}

enum status rdata_parse_base64(struct rdata_input *input)
{
    struct base64_group group = {.held = 0};
    const struct rdata_token *token = NULL;
    while (input->at < input->count) {
        token = &input->tokens[input->at++];
        if (parse_base64_token(&group, token->text, input->out) != OK) {
            return rdata_expected(input, token, "base64");
        }
    }
    return group.held == 0 ? OK : rdata_expected(input, token, "base64 in groups of four");
}

static enum status parse_base64_dash(struct rdata_input *input)
{
    const struct rdata_token *token = rdata_take(input, "base64, or \"-\" for nothing");
    if (token == NULL) {
        return MALFORMED;
    }
    if (span_equal(token->text, SPAN_LITERAL("-"))) {
        return OK;
    }
    input->at--;
    return rdata_parse_base64(input);
}

/* One token as octets behind a length octet. */
static enum status parse_counted(struct rdata_input *input, const struct rdata_token *token,
                                 enum status (*decode)(struct span text, struct writer *bytes),
                                 const char *expected)
{
    size_t length_at = input->out->len;
    writer_u8(input->out, 0);
    enum status status = decode(token->text, input->out);
    size_t len = input->out->len - length_at - (status == OK);
    if (status == MALFORMED || (status == OK && (len == 0 || len > UINT8_MAX))) {
        return rdata_expected(input, token, expected);
    }
    if (status == OK) {
        input->out->bytes[length_at] = (uint8_t)len;
    }
    return OK; /* a full writer is told at the end */
}

static enum status parse_salt(struct rdata_input *input)
{
    const char *expected = "a salt of hexadecimal digits, or \"-\" for none";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    if (span_equal(token->text, SPAN_LITERAL("-"))) {
        writer_u8(input->out, 0);
        return OK;
    }
    return parse_counted(input, token, text_read_base16, expected);
}

static enum status parse_hash(struct rdata_input *input)
{
    const char *expected = "a hash in base32hex";
    const struct rdata_token *token = rdata_take(input, expected);
    return token == NULL ? MALFORMED : parse_counted(input, token, text_read_base32hex, expected);
}

/* Only the windows in use are cleared: a bitmap is set up for each NSEC of a zone. */
struct type_bitmap {
    uint8_t lens[256];
    uint8_t bits[256][32];
};

static void set_type(struct type_bitmap *bitmap, uint16_t type)
{
    uint8_t *bits = bitmap->bits[type >> 8];
    uint8_t len = (uint8_t)((type & 0xff) / 8 + 1);
    if (bitmap->lens[type >> 8] == 0) {
        memset(bits, 0, sizeof bitmap->bits[0]);
    }
    if (bitmap->lens[type >> 8] < len) {
        bitmap->lens[type >> 8] = len;
    }
    bits[(type & 0xff) / 8] |= (uint8_t)(0x80 >> (type % 8));
}

static enum status take_types(struct rdata_input *input, uint16_t type_min, uint16_t type_max,
                              struct type_bitmap *bitmap)
{
    memset(bitmap->lens, 0, sizeof bitmap->lens);
    while (input->at < input->count) {
        const struct rdata_token *token = &input->tokens[input->at++];
        uint16_t type;
        if (type_parse(token->text, &type) != OK || type < type_min || type > type_max) {
            return rdata_expected(input, token, "an RR type");
        }
        set_type(bitmap, type);
    }
    return OK;
}

static enum status parse_bitmap(struct rdata_input *input)
{
    struct type_bitmap bitmap;
    enum status status = take_types(input, 0, UINT16_MAX, &bitmap);
    for (size_t window = 0; status == OK && window < LEN(bitmap.lens); window++) {
        if (bitmap.lens[window] != 0) {
            writer_u8(input->out, (uint8_t)window);
            writer_u8(input->out, bitmap.lens[window]);
            writer_span(input->out, span_of(bitmap.bits[window], bitmap.lens[window]));
        }
    }
    return status;
}

static enum status parse_bitmap_nxt(struct rdata_input *input)
{
    struct type_bitmap bitmap;
    const struct rdata_token *token = rdata_take(input, "an RR type below 128");
    if (token == NULL) {
        return MALFORMED;
    }
    input->at--;
    enum status status = take_types(input, 1, 127, &bitmap);
    if (status == OK) {
        writer_span(input->out, span_of(bitmap.bits[0], bitmap.lens[0]));
    }
    return status;
}

/* An unknown type, or one that has no presentation form. */
static enum status parse_opaque(struct rdata_input *input)
{
    const char *expected = "\\# and the rdata in hexadecimal (RFC 3597 §5)";
    const struct rdata_token *token = rdata_take(input, expected);
    return token == NULL ? MALFORMED : rdata_expected(input, token, expected);
}

static enum status (*const PARSERS[])(struct rdata_input *input) = {
    [FIELD_NAME_COMPRESSED] = rdata_parse_name,
    [FIELD_NAME_DECOMPRESSED] = rdata_parse_name,
    [FIELD_NAME_LOWERED] = rdata_parse_name,
    [FIELD_NAME] = rdata_parse_name,
    [FIELD_NAMES] = parse_names,
    [FIELD_U8] = parse_u8,
    [FIELD_U16] = parse_u16,
    [FIELD_U32] = parse_u32,
    [FIELD_U64] = parse_u64,
    [FIELD_PERIOD] = parse_period,
    [FIELD_TIME] = parse_time,
    [FIELD_TYPE] = parse_type,
    [FIELD_ALGORITHM] = parse_algorithm,
    [FIELD_CERT_TYPE] = parse_cert_type,
    [FIELD_SCHEME] = parse_scheme,
    [FIELD_IPV4] = parse_ipv4,
    [FIELD_IPV6] = parse_ipv6,
    [FIELD_EUI48] = parse_eui48,
    [FIELD_EUI64] = parse_eui64,
    [FIELD_LOCATOR] = parse_locator,
    [FIELD_STRING] = parse_string,
    [FIELD_STRING_OPTIONAL] = parse_string_optional,
    [FIELD_STRINGS] = parse_strings,
    [FIELD_TAG] = parse_tag,
    [FIELD_TEXT] = parse_text,
    [FIELD_BASE64] = rdata_parse_base64,
    [FIELD_BASE64_DASH] = parse_base64_dash,
    [FIELD_HEX] = rdata_parse_hex,
    [FIELD_SALT] = parse_salt,
    [FIELD_HASH] = parse_hash,
    [FIELD_BITMAP] = parse_bitmap,
    [FIELD_BITMAP_NXT] = parse_bitmap_nxt,
    [FIELD_SERVICES] = rdata_parse_services,
    [FIELD_PREFIXES] = rdata_parse_prefixes,
    [FIELD_LOCATION] = rdata_parse_location,
    [FIELD_PARAMETERS] = rdata_parse_parameters,
    [FIELD_GATEWAY] = rdata_parse_gateway,
    [FIELD_RELAY] = rdata_parse_relay,
    [FIELD_HOST_IDENTITY] = rdata_parse_host_identity,
    [FIELD_NSAP] = rdata_parse_nsap,
    [FIELD_ATM_ADDRESS] = rdata_parse_atm_address,
    [FIELD_A6_SUFFIX] = rdata_parse_a6_suffix,
    [FIELD_A6_NAME] = rdata_parse_a6_name,
    [FIELD_OPAQUE] = parse_opaque,
};
static_assert(LEN(PARSERS) == FIELD_KIND_COUNT, "one parser for each kind of field");

enum status rdata_parse_field(enum rdata_field kind, struct rdata_input *input)
{
    require(kind > FIELD_END && kind < FIELD_KIND_COUNT);
    return PARSERS[kind](input);
}
