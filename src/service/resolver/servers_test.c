/* Which addresses may be asked at all, and which of several comes first. */
#include "service/resolver/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state = 1;

static void fill(void *self, void *bytes, size_t len)
{
    (void)self;
    uint8_t *out = bytes;
    for (size_t i = 0; i < len; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(random_state >> 56);
    }
}
static const struct entropy entropy = {fill, NULL};

static struct address parsed(const char *text)
{
    struct address address;
    assert_int_equal(address_read(span_of_text(text), 53, &address), OK);
    return address;
}

static void test_usable(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_usable, is_usable_in_lab;
    } rows[] = {
        {"192.0.2.1", true, true},
        {"0.0.0.0", false, false},
        {"127.0.0.1", false, true},
        {"224.0.0.1", false, false},
        {"255.255.255.255", false, false},
        {"2001:db8::1", true, true},
        {"::", false, false},
        {"::1", false, true},
        {"ff02::1", false, false},
        {"::ffff:127.0.0.1", false, false},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_int_equal(servers_is_usable(parsed(rows[i].text), false), rows[i].is_usable);
        assert_int_equal(servers_is_usable(parsed(rows[i].text), true), rows[i].is_usable_in_lab);
    }
}

static void test_choice(void **state)
{
    (void)state;
    struct servers *servers;
    struct moment now = {0, MOMENT_NS_PER_S};
    assert_int_equal(servers_open(&entropy, &servers), OK);
    struct server_candidate candidates[] = {{.address = parsed("192.0.2.1")},
                                            {.address = parsed("192.0.2.2")},
                                            {.address = parsed("192.0.2.3")}};
    size_t counts[3] = {0};
    for (int i = 0; i < 300; i++) {
        counts[servers_choose(servers, candidates, 3, NAME_ROOT, now)]++;
    }
    assert_true(counts[0] > 50 && counts[1] > 50 && counts[2] > 50); /* like speeds share */
    for (int i = 0; i < 8; i++) {
        servers_note_timeout(servers, candidates[0].address); /* slow now */
    }
    servers_note_lame(servers, candidates[1].address, NAME_ROOT, now);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(servers_choose(servers, candidates, 3, NAME_ROOT, now), 2);
    }
    candidates[2].tries = 1; /* the least tried first, however slow */
    assert_int_equal(servers_choose(servers, candidates, 3, NAME_ROOT, now), 0);
    candidates[0].is_out = true;
    assert_int_equal(servers_choose(servers, candidates, 3, NAME_ROOT, now), 2);
    candidates[2].tries = 2;
    assert_int_equal(servers_choose(servers, candidates, 3, NAME_ROOT, now), 3);
    candidates[2].is_out = true;
    struct server_candidate lone = {.address = parsed("192.0.2.9"), .tries = 2};
    assert_int_equal(servers_choose(servers, &lone, 1, NAME_ROOT, now), 0); /* nobody else is */
    lone.tries = 3;
    assert_int_equal(servers_choose(servers, &lone, 1, NAME_ROOT, now), 1);
    now.mono_ns += 31LL * MOMENT_NS_PER_S; /* lameness is forgiven */
    assert_int_equal(servers_choose(servers, candidates, 3, NAME_ROOT, now), 1);
    servers_close(servers);
}

static void test_timeouts(void **state)
{
    (void)state;
    struct servers *servers;
    assert_int_equal(servers_open(&entropy, &servers), OK);
    struct address fast = parsed("192.0.2.1");
    uint32_t unknown_ms = servers_timeout_ms(servers, fast, 0);
    for (int i = 0; i < 50; i++) {
        servers_note_answer(servers, fast, 10LL * MOMENT_NS_PER_MS);
    }
    uint32_t known_ms = servers_timeout_ms(servers, fast, 0);
    assert_true(known_ms < unknown_ms && known_ms >= 100);
    assert_int_equal(servers_timeout_ms(servers, fast, 1), 2 * known_ms);
    assert_true(servers_timeout_ms(servers, fast, 200) <= 3000);
    servers_note_timeout(servers, fast);
    assert_int_equal(servers_timeout_ms(servers, fast, 0), 2 * known_ms);
    assert_int_equal(servers_timeout_ms(servers, fast, 1), 2 * known_ms);
    servers_note_timeout(servers, fast);
    assert_int_equal(servers_timeout_ms(servers, fast, 0), 4 * known_ms);
    servers_note_answer(servers, fast, 10LL * MOMENT_NS_PER_MS);
    assert_int_equal(servers_timeout_ms(servers, fast, 0), known_ms); /* one answer forgives */
    for (int i = 0; i < 100; i++) { /* every second datagram is lost, for long */
        servers_note_timeout(servers, fast);
        servers_note_answer(servers, fast, 10LL * MOMENT_NS_PER_MS);
    }
    assert_int_equal(servers_timeout_ms(servers, fast, 0), known_ms);
    struct moment now = {0, MOMENT_NS_PER_S};
    assert_true(servers_has_edns(servers, fast, now));
    servers_note_no_edns(servers, fast, now);
    assert_false(servers_has_edns(servers, fast, now));
    servers_forget(servers);
    assert_true(servers_has_edns(servers, fast, now));
    servers_close(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usable),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_timeouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
