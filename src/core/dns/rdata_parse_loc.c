/* How a LOC record is read: degrees, minutes and seconds of latitude and longitude, then metres
 * (RFC 1876 §3). All arithmetic is in thousandths of a second and in centimetres. */
#include "core/dns/rdata_parse.h"

#include "core/base/text.h"

#include <string.h>

/* A decimal number with at most `places` digits behind the point, in units of its last place. */
static bool read_decimal(struct span text, unsigned places, uint64_t max, uint64_t *value)
{
    const uint8_t *point = text.len == 0 ? NULL : memchr(text.bytes, '.', text.len);
    size_t whole_len = point == NULL ? text.len : (size_t)(point - text.bytes);
    uint64_t whole, part = 0;
    if (text_read_u64(span_part(text, 0, whole_len), UINT32_MAX, &whole) != OK) {
        return false;
    }
    struct span digits =
        point == NULL ? SPAN_EMPTY : span_part(text, whole_len + 1, text.len - whole_len - 1);
    if (digits.len > places ||
        (digits.len != 0 && text_read_u64(digits, UINT32_MAX, &part) != OK)) {
        return false;
    }
    for (size_t i = 0; i < places; i++) {
        whole *= 10;
        part *= i >= digits.len ? 10 : 1;
    }
    *value = whole + part;
    return *value <= max;
}

static bool is_letter(struct span text, char letter)
{
    return text.len == 1 && (text.bytes[0] & ~0x20) == letter;
}

/* d1 [m1 [s1]] {"N"|"S"}, or with "E"|"W" */
static enum status parse_angle(struct rdata_input *input, uint64_t degrees_max,
                               const char direction[2], const char *expected)
{
    static const uint64_t unit[] = {3600000, 60000, 1};
    const uint64_t max[] = {degrees_max, 59, 59999};
    uint64_t angle = 0;
    for (size_t i = 0; i <= LEN(unit); i++) {
        const struct rdata_token *token = rdata_take(input, expected);
        uint64_t value = 0;
        if (token == NULL) {
            return MALFORMED;
        }
        bool is_positive = is_letter(token->text, direction[0]);
        if (i > 0 && (is_positive || is_letter(token->text, direction[1]))) {
            const uint32_t equator = UINT32_C(1) << 31;
            writer_u32(input->out,
                       is_positive ? equator + (uint32_t)angle : equator - (uint32_t)angle);
            return OK;
        }
        if (i == LEN(unit) || !read_decimal(token->text, i == 2 ? 3 : 0, max[i], &value)) {
            return rdata_expected(input, token, expected);
        }
        angle += value * unit[i];
        if (angle > degrees_max * unit[0]) {
            return rdata_expected(input, token, expected);
        }
    }
    return MALFORMED;
}

/* Metres with an optional "m", in centimetres. */
static bool read_metres(struct span text, uint64_t max, uint64_t *centimetres)
{
    if (text.len != 0 && (text.bytes[text.len - 1] | 0x20) == 'm') {
        text.len--;
    }
    return read_decimal(text, 2, max, centimetres);
}

static enum status parse_altitude(struct rdata_input *input)
{
    const char *expected = "an altitude from -100000.00m to 42849672.95m";
    const uint64_t reference = 10000000;
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    struct span text = token->text;
    bool is_below = text.len != 0 && text.bytes[0] == '-';
    uint64_t centimetres;
    if (is_below) {
        text = span_part(text, 1, text.len - 1);
    }
    if (!read_metres(text, is_below ? reference : UINT32_MAX - reference, &centimetres)) {
        return rdata_expected(input, token, expected);
    }
    writer_u32(input->out,
               (uint32_t)(is_below ? reference - centimetres : reference + centimetres));
    return OK;
}

/* One digit and a power of ten; more digits are cut off, as RFC 1876 has no way to keep them. */
static uint8_t size_of_centimetres(uint64_t centimetres)
{
    unsigned exponent = 0;
    while (centimetres > 9) {
        centimetres /= 10;
        exponent++;
    }
    return (uint8_t)(centimetres << 4 | exponent);
}

enum status rdata_parse_location(struct rdata_input *input)
{
    uint8_t sizes[3] = {0x12, 0x16, 0x13}; /* 1 m, 10 km, 10 m: RFC 1876 §3 */
    size_t head_at = writer_reserve(input->out, 4);
    enum status status =
        parse_angle(input, 90, "NS", "a latitude of at most 90 degrees as 52 22 23.000 N");
    if (status == OK) {
        status =
            parse_angle(input, 180, "EW", "a longitude of at most 180 degrees as 4 53 32.000 E");
    }
    if (status == OK) {
        status = parse_altitude(input);
    }
    for (size_t i = 0; status == OK && i < LEN(sizes) && input->at < input->count; i++) {
        const struct rdata_token *token = &input->tokens[input->at++];
        uint64_t centimetres;
        if (!read_metres(token->text, UINT64_C(9000000000), &centimetres)) {
            return rdata_expected(input, token, "metres from 0 to 90000000.00m");
        }
        sizes[i] = size_of_centimetres(centimetres);
    }
    if (status == OK && input->out->status == OK) {
        memcpy(input->out->bytes + head_at + 1, sizes, sizeof sizes);
    }
    return status;
}
