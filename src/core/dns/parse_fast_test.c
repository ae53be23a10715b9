/* The fast ways of reading names and addresses give what the careful ways give, for texts that are
 * right and for texts that are nearly so. */
#include "core/dns/rdata_parse.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 200000, TEXT_MAX = 600 };

/* A xorshift stream. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 33) % below;
}

/* Changes an octet, or takes one away, or does nothing. */
static size_t spoil(uint64_t *state, char *text, size_t len, const char *octets)
{
    if (len == 0) {
        return 0;
    }
    size_t at = draw(state, (uint32_t)len);
    switch (draw(state, 4)) {
    case 0:
        memmove(text + at, text + at + 1, len - at - 1);
        return len - 1;
    case 1:
        text[at] = octets[draw(state, (uint32_t)strlen(octets))];
        return len;
    default:
        return len;
    }
}

static void addresses_are_those_of_the_c_library(void **state)
{
    (void)state;
    uint64_t stream = 7;
    size_t right[2] = {0, 0};
    for (int round = 0; round < ROUNDS; round++) {
        char text[64];
        uint8_t octets[16], ours[16], theirs[16];
        bool is_ipv6 = draw(&stream, 2) == 0;
        for (size_t i = 0; i < sizeof octets; i++) {
            octets[i] = draw(&stream, 3) == 0 ? (uint8_t)draw(&stream, 256) : 0;
        }
        inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, octets, text, sizeof text);
        size_t len = spoil(&stream, text, strlen(text), "0123456789abcdefABCDEF::::....g ");
        len = spoil(&stream, text, len, "0:.");
        text[len] = '\0';
        for (int family = 0; family < 2; family++) {
            size_t address_len = family == 0 ? 4 : 16;
            bool is_right = inet_pton(family == 0 ? AF_INET : AF_INET6, text, theirs) == 1;
            enum status status = rdata_read_address(span_of(text, len), address_len, ours);
            if ((status == OK) != is_right ||
                (is_right && memcmp(ours, theirs, address_len) != 0)) {
                fail_msg("%s", text);
            }
            right[family] += is_right ? 1 : 0;
        }
    }
    assert_true(right[0] > ROUNDS / 10 && right[1] > ROUNDS / 10);
}

static size_t draw_name(uint64_t *state, char *text)
{
    size_t len = 0;
    uint32_t labels = 1 + draw(state, draw(state, 20) == 0 ? 130 : 5);
    for (uint32_t i = 0; i < labels && len < 300; i++) {
        uint32_t label_len = 1 + draw(state, draw(state, 30) == 0 ? 66 : 12);
        for (uint32_t j = 0; j < label_len; j++) {
            text[len++] = "abcdefghijklmnopqrstuvwxyzABC-_*0123456789@"[draw(state, 43)];
        }
        text[len++] = '.';
    }
    return draw(state, 2) == 0 ? len : len - 1;
}

/* The same name with one octet written as \DDD, which only the careful way reads. */
static size_t escape_one(uint64_t *state, const char *text, size_t len, char *escaped)
{
    size_t at;
    do {
        at = draw(state, (uint32_t)len);
    } while (text[at] == '.');
    memcpy(escaped, text, at);
    snprintf(escaped + at, 5, "\\%03u", (unsigned char)text[at]);
    memcpy(escaped + at + 4, text + at + 1, len - at - 1);
    return len + 3;
}

static void names_are_those_of_the_careful_way(void **state)
{
    (void)state;
    static const uint8_t origin_octets[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    static const struct name origin = {origin_octets, sizeof origin_octets, 1};
    uint64_t stream = 11;
    size_t right = 0, wrong = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char text[TEXT_MAX], escaped[TEXT_MAX];
        struct name_buffer fast_octets, careful_octets;
        struct name fast, careful;
        struct problem fast_problem, careful_problem;
        size_t len = draw_name(&stream, text);
        if (draw(&stream, 20) == 0) {
            text[draw(&stream, (uint32_t)len)] = '.'; /* perhaps an empty label */
        }
        if (strspn(text, ".") >= len || (len == 1 && text[0] == '@')) {
            continue;
        }
        size_t escaped_len = escape_one(&stream, text, len, escaped);
        enum status fast_status =
            name_parse(span_of(text, len), &origin, &fast_octets, &fast, &fast_problem);
        enum status careful_status = name_parse(span_of(escaped, escaped_len), &origin,
                                                &careful_octets, &careful, &careful_problem);
        if (fast_status != careful_status) {
            fail_msg("%.*s", (int)len, text);
        }
        if (fast_status != OK) {
            assert_string_equal(fast_problem.sentence, careful_problem.sentence);
            wrong++;
            continue;
        }
        assert_true(span_equal(name_span(fast), name_span(careful)));
        assert_int_equal(fast.label_count, careful.label_count);
        right++;
    }
    assert_true(right > ROUNDS / 2 && wrong > ROUNDS / 50);
}

/* As name.h says it, octet by octet. */
static size_t key_carefully(struct name name, uint8_t *key)
{
    size_t len = 0;
    for (uint8_t i = name.label_count; i > 0; i--) {
        struct span label = name_label(name, (uint8_t)(i - 1));
        for (size_t at = 0; at < label.len; at++) {
            uint8_t octet = label.bytes[at];
            octet = octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + 32) : octet;
            if (octet <= 1) {
                key[len++] = 1;
                octet++;
            }
            key[len++] = octet;
        }
        key[len++] = 0;
    }
    return len;
}

static void keys_are_those_of_the_careful_way(void **state)
{
    (void)state;
    uint64_t stream = 13;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t octets[NAME_LEN_MAX], key[NAME_KEY_MAX], careful[NAME_KEY_MAX];
        size_t len = 0, low = draw(&stream, 2) == 0 ? 3 : 256; /* many zeros and ones, or few */
        uint32_t label_max = draw(&stream, 4) == 0 ? 63 : 12;
        while (draw(&stream, 6) != 0) {
            size_t label_len = 1 + draw(&stream, label_max);
            if (len + label_len + 2 > sizeof octets) {
                break;
            }
            octets[len++] = (uint8_t)label_len;
            for (size_t i = 0; i < label_len; i++) {
                octets[len++] = (uint8_t)draw(&stream, (uint32_t)low);
            }
        }
        octets[len++] = 0;
        struct reader reader = reader_over(span_of(octets, len));
        struct name name = name_read(&reader);
        assert_int_equal(reader.status, OK);
        size_t key_len = name_key(name, key);
        assert_int_equal(key_len, key_carefully(name, careful));
        assert_memory_equal(key, careful, key_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_those_of_the_c_library),
        cmocka_unit_test(names_are_those_of_the_careful_way),
        cmocka_unit_test(keys_are_those_of_the_careful_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
