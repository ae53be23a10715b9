/* SipHash-2-4 by the vectors of its authors' reference: key 00 to 0f, input 00, 01, 02 ... */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/crypto/siphash.h"

static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
        const char *why;
    } rows[] = {
        {0, 0x726fdb47dd0e0e31u, "nothing"},
        {1, 0x74f839c593dc67fdu, "less than a word"},
        {7, 0xab0200f58b01d137u, "one octet less than a word"},
        {8, 0x93f5f5799a932462u, "a word, and an empty rest"},
        {15, 0xa129ca6149be45e5u, "the example of the paper"},
        {63, 0x958a324ceb064572u, "the last of the reference"},
    };
    uint8_t key[SIPHASH_KEY_LEN];
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
        key[i % sizeof key] = (uint8_t)(i % sizeof key);
    }
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t hash = siphash_2_4(key, span_of(bytes, rows[i].len));
        if (hash != rows[i].hash) {
            fail_msg("%s: %016llx", rows[i].why, (unsigned long long)hash);
        }
    }
}

static void test_octets(void **state)
{
    (void)state;
    static const uint8_t expected[SIPHASH_LEN] = {0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72};
    uint8_t key[SIPHASH_KEY_LEN];
    uint8_t hash[SIPHASH_LEN];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    siphash_2_4_write(key, SPAN_EMPTY, hash);
    assert_memory_equal(hash, expected, sizeof hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors),
                                       cmocka_unit_test(test_octets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
