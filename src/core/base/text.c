/* Bytes as text and back. Knows the alphabets of RFC 4648, TTL units and the two written forms of a
 * time. */
#include "core/base/text.h"

#include <string.h>

static const char base16[] = "0123456789ABCDEF";
static const char base32hex[] = "0123456789abcdefghijklmnopqrstuv";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* In one piece: most of the octets of a signed zone's text are written here. Any base of 2^bits:
 * the bits of the octets in order, the last group filled with zeros. */
static void write_base(struct writer *writer, struct span bytes, const char *alphabet,
                       unsigned bits)
{
    unsigned held = 0, held_bits = 0;
    size_t at = writer_reserve(writer, (bytes.len * 8 + bits - 1) / bits);
    if (writer->status != OK) {
        return;
    }
    uint8_t *digits = writer->bytes + at;
    for (size_t i = 0; i < bytes.len; i++) {
        held = held << 8 | bytes.bytes[i];
        held_bits += 8;
        while (held_bits >= bits) {
            held_bits -= bits;
            *digits++ = (uint8_t)alphabet[held >> held_bits & ((1U << bits) - 1)];
        }
        held &= (1U << held_bits) - 1;
    }
    if (held_bits > 0) {
        *digits++ = (uint8_t)alphabet[held << (bits - held_bits) & ((1U << bits) - 1)];
    }
}

void text_write_base16(struct writer *writer, struct span bytes)
{
    write_base(writer, bytes, base16, 4);
}

void text_write_base32hex(struct writer *writer, struct span bytes)
{
    write_base(writer, bytes, base32hex, 5);
}

void text_write_base64url(struct writer *writer, struct span bytes)
{
    write_base(writer, bytes, base64url, 6);
}

void text_write_base64(struct writer *writer, struct span bytes)
{
    size_t whole = bytes.len / 3;
    size_t at = writer_reserve(writer, whole * 4);
    if (writer->status != OK) {
        return;
    }
    uint8_t *digits = writer->bytes + at;
    for (size_t i = 0; i < whole; i++, digits += 4) { /* three octets are four digits */
        const uint8_t *three = bytes.bytes + 3 * i;
        uint32_t bits = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
        digits[0] = (uint8_t)base64[bits >> 18];
        digits[1] = (uint8_t)base64[bits >> 12 & 63];
        digits[2] = (uint8_t)base64[bits >> 6 & 63];
        digits[3] = (uint8_t)base64[bits & 63];
    }
    write_base(writer, span_part(bytes, 3 * whole, bytes.len - 3 * whole), base64, 6);
    for (size_t i = bytes.len % 3; i != 0 && i < 3; i++) {
        writer_u8(writer, '=');
    }
}

/* -1 for an octet outside the alphabet. */
static int digit(const char *alphabet, size_t size, uint8_t octet)
{
    const char *at = octet == 0 ? NULL : memchr(alphabet, octet, size);
    return at == NULL ? -1 : (int)(at - alphabet);
}

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
}

static enum status read_base(struct span text, struct writer *bytes, const char *alphabet,
                             unsigned bits, bool ignores_case)
{
    unsigned held = 0, held_bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = ignores_case ? lower(text.bytes[i]) : text.bytes[i];
        int value = digit(alphabet, (size_t)1 << bits, octet);
        if (value < 0) {
            return MALFORMED;
        }
        held = held << bits | (unsigned)value;
        held_bits += bits;
        if (held_bits >= 8) {
            held_bits -= 8;
            writer_u8(bytes, (uint8_t)(held >> held_bits));
            held &= (1U << held_bits) - 1;
        }
    }
    /* What is left over must be less than one digit, and zero. */
    if (held_bits >= bits || held != 0) {
        return MALFORMED;
    }
    return bytes->status;
}

/* What each digit is worth, plus one: 0 is no digit. */
static const uint8_t BASE16_VALUES[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};
static const uint8_t BASE64_VALUES[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

enum status text_read_base16(struct span text, struct writer *bytes)
{
    size_t len = text.len / 2;
    if (text.len % 2 != 0 || bytes->status != OK || writer_left(bytes) < len) {
        return read_base(text, bytes, "0123456789abcdef", 4, true);
    }
    uint8_t *to = bytes->bytes + bytes->len;
    bool is_good = true;
    for (size_t i = 0; i < len; i++) {
        uint8_t high = BASE16_VALUES[text.bytes[2 * i]], low = BASE16_VALUES[text.bytes[2 * i + 1]];
        is_good = is_good && high != 0 && low != 0;
        to[i] = (uint8_t)((high - 1u) << 4 | (low - 1u));
    }
    bytes->len += is_good ? len : 0;
    return is_good ? OK : MALFORMED;
}

enum status text_read_base32hex(struct span text, struct writer *bytes)
{
    return read_base(text, bytes, base32hex, 5, true);
}

enum status text_read_base64url(struct span text, struct writer *bytes)
{
    return read_base(text, bytes, base64url, 6, false);
}

/* Whole groups of four digits, three octets each. */
static enum status read_base64_groups(struct span text, struct writer *bytes)
{
    uint8_t *to = bytes->bytes + bytes->len;
    uint32_t all = 0; /* a digit that is none is above 63 */
    for (size_t i = 0; i < text.len; i += 4, to += 3) {
        uint32_t group[4];
        for (size_t j = 0; j < 4; j++) {
            group[j] = (uint32_t)BASE64_VALUES[text.bytes[i + j]] - 1;
        }
        all |= group[0] | group[1] | group[2] | group[3];
        uint32_t value = group[0] << 18 | group[1] << 12 | group[2] << 6 | group[3];
        to[0] = (uint8_t)(value >> 16);
        to[1] = (uint8_t)(value >> 8);
        to[2] = (uint8_t)value;
    }
    bytes->len += all < 64 ? text.len / 4 * 3 : 0;
    return all < 64 ? OK : MALFORMED;
}

enum status text_read_base64(struct span text, struct writer *bytes)
{
    if (text.len % 4 != 0) {
        return MALFORMED;
    }
    size_t len = text.len;
    while (len > 0 && text.len - len < 2 && text.bytes[len - 1] == '=') {
        len--;
    }
    size_t whole = len / 4 * 4;
    if (bytes->status == OK && writer_left(bytes) >= whole / 4 * 3) {
        enum status status = read_base64_groups(span_part(text, 0, whole), bytes);
        return status != OK
                   ? status
                   : read_base(span_part(text, whole, len - whole), bytes, base64, 6, false);
    }
    return read_base(span_part(text, 0, len), bytes, base64, 6, false);
}

/* Up to so many digits cannot overflow 64 bits. */
enum { DIGITS_SAFE = 19 };

enum status text_read_u64(struct span text, uint64_t max, uint64_t *value)
{
    uint64_t read = 0;
    bool is_over = false;
    if (text.len == 0) {
        return MALFORMED;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t next = (uint8_t)(text.bytes[i] - '0');
        if (next > 9) {
            return MALFORMED;
        }
        if (i < DIGITS_SAFE) {
            read = read * 10 + next;
        } else {
            is_over = is_over || __builtin_mul_overflow(read, 10, &read) ||
                      __builtin_add_overflow(read, next, &read);
        }
    }
    if (is_over || read > max) {
        return TOO_LONG;
    }
    *value = read;
    return OK;
}

static uint32_t unit_s(uint8_t letter)
{
    switch (lower(letter)) {
    case 'w':
        return 604800;
    case 'd':
        return 86400;
    case 'h':
        return 3600;
    case 'm':
        return 60;
    case 's':
        return 1;
    default:
        return 0;
    }
}

enum status text_read_ttl(struct span text, uint32_t *ttl_s)
{
    const uint64_t ttl_max = INT32_MAX; /* RFC 2181 §8 */
    uint64_t total = 0;
    size_t from = 0;
    if (text_read_u64(text, ttl_max, &total) == OK) { /* as most are written */
        *ttl_s = (uint32_t)total;
        return OK;
    }
    for (size_t i = 0; i <= text.len; i++) {
        bool is_end = i == text.len;
        if (is_end && from == i && i > 0) {
            break; /* a unit was last */
        }
        uint32_t unit = is_end ? 1 : unit_s(text.bytes[i]);
        if (!is_end && unit == 0) {
            continue; /* a digit, or what text_read_u64 refuses */
        }
        uint64_t value;
        enum status status = text_read_u64(span_part(text, from, i - from), ttl_max, &value);
        if (status != OK) {
            return status;
        }
        total += value * unit;
        if (total > ttl_max) {
            return TOO_LONG;
        }
        from = i + 1;
    }
    *ttl_s = (uint32_t)total;
    return OK;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back (H. Hinnant's method, by eras
 * of 400 years). */
static int64_t days_of_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

struct date_time {
    int64_t year;
    unsigned month, day, hour, minute, second;
};

static struct date_time date_of_time(int64_t wall_s)
{
    int64_t days = wall_s / 86400;
    int64_t second = wall_s % 86400;
    if (second < 0) {
        second += 86400;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    unsigned month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    return (struct date_time){year_of_era + era * 400 + (month <= 2),
                              month,
                              (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1),
                              (unsigned)(second / 3600),
                              (unsigned)(second / 60 % 60),
                              (unsigned)(second % 60)};
}

static uint8_t *write_two(uint8_t *digits, unsigned value)
{
    digits[0] = (uint8_t)('0' + value / 10);
    digits[1] = (uint8_t)('0' + value % 10);
    return digits + 2;
}

void text_write_time14(struct writer *writer, int64_t wall_s)
{
    struct date_time at = date_of_time(wall_s);
    if (at.year >= 0 && at.year <= 9999) {
        uint8_t digits[14];
        uint8_t *end =
            write_two(write_two(digits, (unsigned)at.year / 100), (unsigned)at.year % 100);
        end = write_two(write_two(end, at.month), at.day);
        end = write_two(write_two(write_two(end, at.hour), at.minute), at.second);
        writer_span(writer, span_of(digits, (size_t)(end - digits)));
        return;
    }
    writer_print(writer, "%04lld%02u%02u%02u%02u%02u", (long long)at.year, at.month, at.day,
                 at.hour, at.minute, at.second);
}

void text_write_rfc3339(struct writer *writer, int64_t wall_s)
{
    struct date_time at = date_of_time(wall_s);
    writer_print(writer, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)at.year, at.month, at.day,
                 at.hour, at.minute, at.second);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* The digits of a time at the given places. */
static enum status read_time(struct span text, const uint8_t places[6], int64_t *wall_s)
{
    static const uint8_t lens[6] = {4, 2, 2, 2, 2, 2};
    uint64_t part[6];
    for (size_t i = 0; i < 6; i++) {
        if (text_read_u64(span_part(text, places[i], lens[i]), 9999, &part[i]) != OK) {
            return MALFORMED;
        }
    }
    if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
        part[2] > days_in_month((int64_t)part[0], (unsigned)part[1]) || part[3] > 23 ||
        part[4] > 59 || part[5] > 59) {
        return MALFORMED;
    }
    *wall_s = days_of_date((int64_t)part[0], (unsigned)part[1], (unsigned)part[2]) * 86400 +
              (int64_t)(part[3] * 3600 + part[4] * 60 + part[5]);
    return OK;
}

enum status text_read_time14(struct span text, int64_t *wall_s)
{
    static const uint8_t places[6] = {0, 4, 6, 8, 10, 12};
    return text.len == 14 ? read_time(text, places, wall_s) : MALFORMED;
}

enum status text_read_rfc3339(struct span text, int64_t *wall_s)
{
    static const uint8_t places[6] = {0, 5, 8, 11, 14, 17};
    static const uint8_t marks[6][2] = {{4, '-'},  {7, '-'},  {10, 'T'},
                                        {13, ':'}, {16, ':'}, {19, 'Z'}};
    if (text.len != 20) {
        return MALFORMED;
    }
    for (size_t i = 0; i < LEN(marks); i++) {
        if (text.bytes[marks[i][0]] != marks[i][1]) {
            return MALFORMED;
        }
    }
    return read_time(text, places, wall_s);
}
