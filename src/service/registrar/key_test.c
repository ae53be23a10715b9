/* Public keys as people paste them, and the id that follows from the content. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "service/registrar/key.h"

/* RFC 6605 §6.1. */
#define KEY                                                                                        \
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
#define KEY_CUT                                                                                    \
    "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb\r\n  "                                           \
    "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA== "

static void test_intake(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct key_input input;
        enum key_fault fault;
        const char *words; /* NULL: taken */
    } rows[] = {
#define INPUT(type, algorithm, key) {SPAN_LITERAL(type), SPAN_LITERAL(algorithm), SPAN_LITERAL(key)}
        {"three fields", INPUT("ksk", "13", KEY), KEY_FAULT_NONE, NULL},
        {"a mnemonic", INPUT("257", "ecdsap256sha256", KEY), KEY_FAULT_NONE, NULL},
        {"broken into lines", INPUT("KSK", "13", KEY_CUT), KEY_FAULT_NONE, NULL},
        {"a whole record", INPUT("", "", "example.net. 3600 IN DNSKEY 257 3 13 ( " KEY " )"),
         KEY_FAULT_NONE, NULL},
        {"with a comment", INPUT("", "", "example.net. IN DNSKEY 257 3 13 " KEY_CUT "; KSK; 1"),
         KEY_FAULT_NONE, NULL},
        {"only its rdata", INPUT("ksk", "13", "257 3 13 " KEY), KEY_FAULT_NONE, NULL},
        {"record and type differ", INPUT("zsk", "13", "257 3 13 " KEY), KEY_FAULT_TYPE,
         "says otherwise"},
        {"record and algorithm differ", INPUT("ksk", "15", "257 3 13 " KEY), KEY_FAULT_ALGORITHM,
         "names algorithm 13"},
        {"another protocol", INPUT("", "", "x. DNSKEY 257 4 13 " KEY), KEY_FAULT_PUBLIC_KEY,
         "must be 3"},
        {"a revoked key", INPUT("", "", "x. DNSKEY 385 3 13 " KEY), KEY_FAULT_PUBLIC_KEY,
         "flags 257"},
        {"no type", INPUT("", "13", KEY), KEY_FAULT_TYPE, "Choose the key type"},
        {"no algorithm", INPUT("ksk", "", KEY), KEY_FAULT_ALGORITHM, "Choose the algorithm"},
        {"no key", INPUT("ksk", "13", " \n"), KEY_FAULT_PUBLIC_KEY, "Paste the public key"},
        {"of another algorithm", INPUT("ksk", "15", KEY), KEY_FAULT_PUBLIC_KEY,
         "has 32 octets, this one has 64"},
        {"cut short", INPUT("ksk", "13", "GojIhhXUN/u4v54ZQqGSnyhWJwaubC"), KEY_FAULT_PUBLIC_KEY,
         "not valid base64"},
        {"RSA with SHA-1", INPUT("ksk", "RSASHA1", KEY), KEY_FAULT_ALGORITHM, "SHA-1"},
        {"an unknown one", INPUT("ksk", "12", KEY), KEY_FAULT_ALGORITHM, "not supported"},
#undef INPUT
    };
    struct name_buffer buffer;
    struct name domain;
    struct problem problem = {0};
    struct arena arena;
    char first[KEY_ID_SIZE] = "";
    arena_open(&arena, 1 << 20);
    assert_int_equal(name_parse(SPAN_LITERAL("EXAMPLE.net."), NULL, &buffer, &domain, &problem),
                     OK);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct domain_key key;
        enum key_fault fault;
        problem = (struct problem){0};
        enum status status = key_intake(domain, &rows[i].input, &arena, &key, &fault, &problem);
        bool is_right = fault == rows[i].fault && (status == OK) == (rows[i].words == NULL) &&
                        (status == OK || strstr(problem.sentence, rows[i].words) != NULL);
        if (!is_right) {
            fail_msg("%s: %s", rows[i].why, problem.sentence);
        }
        if (status == OK) {
            assert_int_equal(key.tag, 55648); /* RFC 6605 §6.1 */
            memcpy(first, first[0] == '\0' ? key.id : first, KEY_ID_SIZE);
            assert_string_equal(key.id, first);
            assert_string_equal(key.base64, KEY);
        }
    }
    arena_close(&arena);
}

static void test_id(void **state)
{
    (void)state;
    struct arena arena;
    struct name_buffer buffers[2];
    struct name names[2];
    struct problem problem;
    struct domain_key key, other;
    arena_open(&arena, 1 << 20);
    assert_int_equal(name_parse(SPAN_LITERAL("a.net."), NULL, &buffers[0], &names[0], &problem),
                     OK);
    assert_int_equal(name_parse(SPAN_LITERAL("b.net."), NULL, &buffers[1], &names[1], &problem),
                     OK);
    assert_int_equal(key_restore(names[0], 257, 13, KEY, &arena, &key), OK);
    assert_int_equal(strlen(key.id), KEY_ID_SIZE - 1);
    assert_int_equal(key_restore(names[1], 257, 13, KEY, &arena, &other), OK);
    assert_string_not_equal(key.id, other.id);
    assert_int_equal(key_restore(names[0], 256, 13, KEY, &arena, &other), OK);
    assert_string_not_equal(key.id, other.id);
    assert_string_equal(key_describe(&key, &arena), "KSK 55648 (ECDSAP256SHA256)");
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_intake), cmocka_unit_test(test_id)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
