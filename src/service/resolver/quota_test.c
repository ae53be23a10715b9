/* The counters of clients and zones: when they are full, for whom, and how they empty. */
#include "service/resolver/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "service/resolver/resolver_limits.h"

static void same_fill(void *self, void *bytes, size_t len)
{
    (void)self;
    memset(bytes, 7, len);
}

static struct quota *quota_new(void)
{
    static const struct entropy ENTROPY = {same_fill, NULL};
    struct quota *quota = NULL;
    assert_int_equal(quota_open(&ENTROPY, &quota), OK);
    return quota;
}

static struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_read(span_of_text(text), 53, &address), OK);
    return address;
}

static struct moment at_s(int64_t seconds)
{
    return (struct moment){.mono_ns = seconds * MOMENT_NS_PER_S};
}

static void test_clients(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        const char *second;
        bool is_same;
        const char *why;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true, "one address"},
        {"192.0.2.1", "192.0.2.2", false, "two addresses of one network are two clients"},
        {"192.0.2.1@1", "192.0.2.1@2", true, "a client has any number of ports"},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::9", true, "a /64 is one client"},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false, "and the next one another"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct quota *quota = quota_new();
        struct address first = address_of(rows[i].first);
        struct address second = address_of(rows[i].second);
        assert_true(quota_client_begin(quota, first, 2));
        assert_true(quota_client_begin(quota, first, 2));
        assert_false(quota_client_begin(quota, first, 2));
        if (quota_client_begin(quota, second, 2) == rows[i].is_same) {
            fail_msg("%s", rows[i].why);
        }
        quota_client_end(quota, first);
        assert_true(quota_client_begin(quota, first, 2));
        assert_true(quota_client_begin(quota, first, 0)); /* no limit */
        quota_close(quota);
    }
}

static void test_late_answers(void **state)
{
    (void)state;
    struct quota *quota = quota_new();
    struct address client = address_of("192.0.2.1");
    for (int second = 1; second <= 2; second++) {
        for (int i = 0; i < RESOLVER_LATE_ANSWERS_MAX; i++) {
            assert_true(quota_client_may_be_late(quota, client, at_s(second)));
        }
        assert_false(quota_client_may_be_late(quota, client, at_s(second)));
        assert_true(quota_client_may_be_late(quota, address_of("192.0.2.2"), at_s(second)));
    }
    quota_close(quota);
}

static struct name name_of(const char *text, struct name_buffer *buffer)
{
    struct name name;
    assert_int_equal(name_parse(span_of_text(text), &NAME_ROOT, buffer, &name, NULL), OK);
    return name;
}

static void test_zone_at_once(void **state)
{
    (void)state;
    struct quota *quota = quota_new();
    struct name_buffer octets, upper_octets, other_octets;
    struct name zone = name_of("example.com.", &octets);
    struct name upper = name_of("EXAMPLE.com.", &upper_octets);
    struct name other = name_of("example.net.", &other_octets);
    struct quota_zone_limits limits = {.at_once = 2};
    uint32_t first = quota_zone_begin(quota, zone, &limits, at_s(1));
    assert_int_not_equal(first, 0);
    assert_int_not_equal(quota_zone_begin(quota, upper, &limits, at_s(1)), 0);
    assert_int_equal(quota_zone_begin(quota, zone, &limits, at_s(2)), 0); /* time frees nothing */
    assert_int_not_equal(quota_zone_begin(quota, other, &limits, at_s(1)), 0);
    quota_zone_end(quota, first);
    assert_int_not_equal(quota_zone_begin(quota, zone, &limits, at_s(2)), 0);
    quota_close(quota);
}

static void test_zone_rate(void **state)
{
    (void)state;
    static const struct {
        struct quota_zone_limits limits;
        uint32_t let_through; /* of a hundred in one second */
        const char *why;
    } rows[] = {
        {{0, 0, 0}, 100, "no limit"},
        {{0, 20, 0}, 20, "so many, and no more"},
        {{0, 20, 10}, 28, "beyond them each tenth"},
        {{5, 20, 10}, 5, "the other limit counts too"},
        {{0, 1, 1}, 100, "one of one is all"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct quota *quota = quota_new();
        struct name_buffer octets;
        struct name zone = name_of("example.com.", &octets);
        for (int second = 5; second < 7; second++) {
            uint32_t numbers[100];
            uint32_t count = 0;
            for (int j = 0; j < 100; j++) {
                uint32_t number = quota_zone_begin(quota, zone, &rows[i].limits, at_s(second));
                numbers[count] = number;
                count += number != 0 ? 1 : 0;
            }
            if (count != rows[i].let_through) {
                fail_msg("%s: %u", rows[i].why, count);
            }
            for (uint32_t j = 0; j < count; j++) {
                quota_zone_end(quota, numbers[j]);
            }
        }
        quota_close(quota);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_late_answers),
        cmocka_unit_test(test_zone_at_once),
        cmocka_unit_test(test_zone_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
