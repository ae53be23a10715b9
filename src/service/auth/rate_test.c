/* Response rate limiting: what shares an account, how it fills again, how answers slip through, and
 * that a flood of strangers does not take memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service/auth/auth_test.h"
#include "service/auth/rate.h"

static struct rate *open_rate(uint32_t per_second, uint32_t slip, size_t accounts)
{
    static uint64_t seed = 11;
    static const struct entropy entropy = {test_fill, &seed};
    struct rate_options options = {per_second, slip, accounts, 24, 56};
    struct rate *rate = rate_open(&options, &entropy);
    assert_non_null(rate);
    return rate;
}

static struct address address(const char *text)
{
    struct address made;
    assert_int_equal(address_read(span_of_text(text), 53, &made), OK);
    return made;
}

static enum rate_verdict judge(struct rate *rate, struct address client, enum rate_kind kind,
                               struct name name, struct moment now)
{
    return rate_judge(rate, rate_account(rate, client, kind, name), now);
}

static size_t sent(struct rate *rate, const char *client, enum rate_kind kind, const char *name,
                   int64_t now_ms, int count)
{
    struct name_buffer buffer;
    size_t answers = 0;
    for (int i = 0; i < count; i++) {
        struct moment now = {.mono_ns = now_ms * (MOMENT_NS_PER_S / 1000)};
        answers += judge(rate, address(client), kind, test_name(name, &buffer), now) == RATE_SEND;
    }
    return answers;
}

static void test_accounts(void **state)
{
    (void)state;
    static const struct {
        const char *client;
        enum rate_kind kind;
        const char *name;
        bool is_same;
        const char *why;
    } rows[] = {
        {"192.0.2.1", RATE_POSITIVE, "a.example.", true, "the same"},
        {"192.0.2.254", RATE_POSITIVE, "a.example.", true, "the same /24"},
        {"192.0.2.1", RATE_POSITIVE, "A.Example.", true, "the same name in another case"},
        {"192.0.3.1", RATE_POSITIVE, "a.example.", false, "another /24"},
        {"192.0.2.1", RATE_POSITIVE, "b.example.", false, "another name"},
        {"192.0.2.1", RATE_NEGATIVE, "a.example.", false, "another kind"},
        {"2001:db8::1", RATE_POSITIVE, "a.example.", false, "another family"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rate *rate = open_rate(5, 2, 1000);
        assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.example.", 1000, 9), 5);
        size_t more = sent(rate, rows[i].client, rows[i].kind, rows[i].name, 1000, 1);
        if (more != !rows[i].is_same) {
            fail_msg("%s: %zu", rows[i].why, more);
        }
        rate_close(rate);
    }
    struct rate *rate = open_rate(5, 2, 1000);
    assert_int_equal(sent(rate, "2001:db8:0:1::1", RATE_ERROR, "a.", 1000, 9), 5);
    assert_int_equal(sent(rate, "2001:db8:0:ff::1", RATE_ERROR, "b.", 1000, 9), 0); /* one /56 */
    assert_int_equal(sent(rate, "2001:db8:0:100::1", RATE_ERROR, "a.", 1000, 9), 5);
    rate_close(rate);
}

static void test_time(void **state)
{
    (void)state;
    struct rate *rate = open_rate(10, 2, 1000);
    assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", 50, 100), 10);
    assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", 149, 100), 0);
    assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", 150, 100), 1);
    assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", 650, 100), 5);
    assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", 100000, 100), 10);
    /* A year of silence, longer than the clock of the accounts goes. */
    assert_int_equal(sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", 31536000000, 100), 10);
    rate_close(rate);
}

static void test_slip(void **state)
{
    (void)state;
    static const struct {
        uint32_t slip;
        size_t truncated;
    } rows[] = {{0, 0}, {1, 60}, {2, 30}, {3, 20}};
    for (size_t i = 0; i < LEN(rows); i++) {
        struct rate *rate = open_rate(10, rows[i].slip, 1000);
        struct name_buffer buffer;
        size_t truncated = 0;
        for (int j = 0; j < 70; j++) {
            truncated += judge(rate, address("192.0.2.1"), RATE_POSITIVE, test_name("a.", &buffer),
                               test_moment(0)) == RATE_TRUNCATE;
        }
        assert_int_equal(truncated, rows[i].truncated);
        rate_close(rate);
    }
}

/* A victim's account holds while a hundred thousand others come and go. */
static void test_flood(void **state)
{
    (void)state;
    struct rate *rate = open_rate(5, 0, 4096);
    size_t answers = 0;
    for (int i = 0; i < 100000; i++) {
        struct address other = {.family = ADDRESS_IPV4,
                                .octets = {10, (uint8_t)(i >> 8), (uint8_t)i, 1}};
        struct name_buffer buffer;
        struct moment now = {.mono_ns = (int64_t)i * 1000};
        (void)judge(rate, other, RATE_POSITIVE, test_name("a.", &buffer), now);
        if (i % 10 == 0) {
            answers += sent(rate, "192.0.2.1", RATE_POSITIVE, "a.", i / 1000, 1);
        }
    }
    assert_true(answers >= 5 && answers < 50);
    rate_close(rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_slip),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
