/* Type bit maps, the hashes of RFC 5155 appendix A, and what is no NSEC or NSEC3. The rules of
 * proof are in chain_test.c. */
#include "core/base/text.h"
#include "core/dnssec/dnssec_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fixture fixture;

static int setup(void **state)
{
    (void)state;
    fixture_open(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&fixture);
    return 0;
}

static void bitmaps_hold_what_was_written(void **state)
{
    (void)state;
    /* The example of RFC 4034 §4.3: A, MX, RRSIG, NSEC, TYPE1234. */
    static const uint16_t TYPES[] = {TYPE_A, TYPE_MX, TYPE_RRSIG, TYPE_NSEC, 1234};
    static const uint8_t EXPECTED[8 + 29] = {0x00, 0x06, 0x40, 0x01, 0x00,           0x00,
                                             0x00, 0x03, 0x04, 0x1b, [8 + 28] = 0x20};
    uint8_t bytes[64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    bitmap_write(TYPES, LEN(TYPES), &writer);
    assert_true(span_equal(writer_written(&writer), span_of(EXPECTED, sizeof EXPECTED)));
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        bool is_written = false;
        for (size_t i = 0; i < LEN(TYPES); i++) {
            is_written = is_written || TYPES[i] == type;
        }
        assert_int_equal(bitmap_has(writer_written(&writer), (uint16_t)type), is_written);
    }
    writer = writer_over(bytes, sizeof bytes);
    bitmap_write(NULL, 0, &writer);
    assert_int_equal(writer.len, 0);
}

static void broken_bitmaps_are_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *octets; /* base16 */
        enum status status;
    } ROWS[] = {
        {"empty", "", OK},
        {"one window", "000140", OK},
        {"two windows", "000140010180", OK},
        {"a window of 32 octets",
         "00200000000000000000000000000000000000000000000000000000000000000001", OK},
        {"a window twice", "000140000140", MALFORMED},
        {"windows in the wrong order", "010140000140", MALFORMED},
        {"a window of no octets", "0000", MALFORMED},
        {"a window of 33 octets",
         "0021000000000000000000000000000000000000000000000000000000000000000001", MALFORMED},
        {"a window that ends early", "000240", TRUNCATED},
        {"half a head", "00", TRUNCATED},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t bytes[64];
        struct writer writer = writer_over(bytes, sizeof bytes);
        assert_int_equal(text_read_base16(span_of_text(ROWS[i].octets), &writer), OK);
        if (bitmap_check(writer_written(&writer)) != ROWS[i].status) {
            fail_msg("%s", ROWS[i].why);
        }
    }
}

static void hashes_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hash;
    } ROWS[] = {
        {"example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"},
        {"a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"},
        {"AI.Example.", "gjeqe526plbf1g8mklp59enfd789njgi"},
        {"ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"},
        {"*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"},
        {"x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"},
        {"xx.example.", "t644ebqk9bibcna874givr6joj62mlhv"},
    };
    static const uint8_t SALT[] = {0xaa, 0xbb, 0xcc, 0xdd};
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint8_t hash[NSEC3_HASH_LEN];
        char text[64];
        assert_int_equal(
            nsec3_hash(fixture_name(&fixture, ROWS[i].name), span_of(SALT, sizeof SALT), 12, hash),
            OK);
        struct writer writer = writer_over(text, sizeof text);
        text_write_base32hex(&writer, span_of(hash, sizeof hash));
        assert_true(span_equal(writer_written(&writer), span_of_text(ROWS[i].hash)));
    }
}

static void cut_rdata_is_refused(void **state)
{
    (void)state;
    static const uint8_t NSEC[] = {1, 'a', 0, 0, 1, 0x40};
    static const uint8_t NSEC3[] = {1, 0, 0, 1, 1, 0xaa, 2, 3, 4, 0, 1, 0x40};
    struct nsec nsec;
    struct nsec3 nsec3;
    for (size_t len = 0; len <= sizeof NSEC; len++) {
        bool is_whole = len == 3 || len == sizeof NSEC; /* an empty bit map is one */
        assert_int_equal(nsec_read(span_of(NSEC, len), &nsec) == OK, is_whole);
    }
    for (size_t len = 0; len <= sizeof NSEC3; len++) {
        bool is_whole = len == 9 || len == sizeof NSEC3;
        assert_int_equal(nsec3_read(span_of(NSEC3, len), &nsec3) == OK, is_whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmaps_hold_what_was_written),
        cmocka_unit_test(broken_bitmaps_are_malformed),
        cmocka_unit_test(hashes_are_those_of_the_rfc),
        cmocka_unit_test(cut_rdata_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
