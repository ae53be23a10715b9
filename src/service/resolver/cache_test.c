/* The cache by itself: what is found and for how long, who replaces whom, and that memory has an
 * end. */
#include "service/resolver/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/moment.h"

static void fill(void *self, void *bytes, size_t len)
{
    (void)self;
    memset(bytes, 7, len);
}
static const struct entropy entropy = {fill, NULL};

static const int64_t SECOND_NS = MOMENT_NS_PER_S;

static struct cache_entry *made(const char *text, uint16_t type, enum cache_kind kind,
                                enum cache_rank rank, int64_t expires_s)
{
    static const uint8_t RDATA[] = {0, 4, 192, 0, 2, 1};
    struct name_buffer buffer;
    struct name name;
    assert_int_equal(name_parse(span_of_text(text), NULL, &buffer, &name, NULL), OK);
    struct rrset rrset = {.owner = name,
                          .type = type,
                          .class_ = CLASS_IN,
                          .count = 1,
                          .ttl_s = 60,
                          .rdata = RDATA,
                          .rdata_len = sizeof RDATA};
    struct cache_draft draft = {.name = name,
                                .type = type,
                                .kind = kind,
                                .rank = rank,
                                .answer = &rrset,
                                .answer_count = 1};
    struct cache_entry *entry = cache_entry_make(&draft, expires_s * SECOND_NS);
    assert_non_null(entry);
    return entry;
}

static void put(struct cache *cache, struct cache_entry *entry, int64_t now_s)
{
    cache_put(cache, entry, now_s * SECOND_NS);
    cache_entry_release(entry);
}

static struct cache_entry *find(struct cache *cache, const char *text, uint16_t type, int64_t now_s)
{
    struct name_buffer buffer;
    struct name name;
    assert_int_equal(name_parse(span_of_text(text), NULL, &buffer, &name, NULL), OK);
    return cache_find(cache, name, type, now_s * SECOND_NS);
}

static void test_find(void **state)
{
    (void)state;
    struct cache *cache;
    assert_int_equal(cache_open(1 << 20, &entropy, NULL, &cache), OK);
    put(cache, made("a.test.", TYPE_A, CACHE_POSITIVE, CACHE_RANK_ANSWER, 100), 0);
    put(cache, made("gone.test.", 0, CACHE_NXDOMAIN, CACHE_RANK_ANSWER, 100), 0);
    put(cache, made("cut.test.", TYPE_NS, CACHE_DELEGATION, CACHE_RANK_REFERRAL, 100), 0);
    put(cache, made("bad.test.", TYPE_A, CACHE_FAILURE, CACHE_RANK_ANSWER, 100), 0);
    assert_non_null(find(cache, "A.TEST.", TYPE_A, 99));
    assert_null(find(cache, "a.test.", TYPE_A, 100)); /* over at its end, not after it */
    assert_null(find(cache, "a.test.", TYPE_AAAA, 0));
    assert_non_null(find(cache, "gone.test.", TYPE_TXT, 0));
    assert_null(find(cache, "gone.test.", TYPE_DS, 0)); /* DS is the parent's to deny */
    assert_null(find(cache, "cut.test.", TYPE_NS, 0));  /* a referral answers nobody */
    assert_null(find(cache, "bad.test.", TYPE_A, 0));
    assert_int_equal(cache_entry_ttl(find(cache, "a.test.", TYPE_A, 40), 40 * SECOND_NS), 60);
    cache_close(cache);
}

static void test_rank(void **state)
{
    (void)state;
    struct cache *cache;
    assert_int_equal(cache_open(1 << 20, &entropy, NULL, &cache), OK);
    put(cache, made("d.test.", TYPE_DS, CACHE_POSITIVE, CACHE_RANK_ANSWER, 100), 0);
    put(cache, made("d.test.", TYPE_DS, CACHE_POSITIVE, CACHE_RANK_REFERRAL, 500), 50);
    assert_int_equal(find(cache, "d.test.", TYPE_DS, 50)->expires_ns, 100 * SECOND_NS);
    put(cache, made("d.test.", TYPE_DS, CACHE_POSITIVE, CACHE_RANK_REFERRAL, 500), 100);
    assert_int_equal(find(cache, "d.test.", TYPE_DS, 100)->expires_ns, 500 * SECOND_NS);
    put(cache, made("d.test.", TYPE_DS, CACHE_POSITIVE, CACHE_RANK_ANSWER, 300), 100);
    assert_int_equal(find(cache, "d.test.", TYPE_DS, 100)->expires_ns, 300 * SECOND_NS);
    assert_int_equal(cache_count(cache), 1);
    cache_close(cache);
}

static void test_verdict(void **state)
{
    (void)state;
    struct cache_entry *entry = made("v.test.", TYPE_A, CACHE_POSITIVE, CACHE_RANK_ANSWER, 100);
    assert_int_equal(cache_entry_verdict(entry, 0), VERDICT_COUNT);
    struct judgement bogus = {VERDICT_BOGUS, EDE_BOGUS, "forged"};
    cache_entry_judge(entry, &bogus, 60 * SECOND_NS);
    assert_int_equal(cache_entry_verdict(entry, 59 * SECOND_NS), VERDICT_BOGUS);
    assert_string_equal(entry->judgement->reason, "forged");
    assert_int_equal(cache_entry_verdict(entry, 60 * SECOND_NS), VERDICT_COUNT);
    struct judgement secure = {.verdict = VERDICT_SECURE, .ede = EDE_NONE};
    cache_entry_judge(entry, &secure, 90 * SECOND_NS);
    assert_int_equal(cache_entry_verdict(entry, 60 * SECOND_NS), VERDICT_SECURE);
    cache_entry_release(entry);
}

/* A forged NXDOMAIN does not take the name's other types away. */
static void test_bogus_nxdomain(void **state)
{
    (void)state;
    struct cache *cache;
    assert_int_equal(cache_open(1 << 20, &entropy, NULL, &cache), OK);
    put(cache, made("gone.test.", 0, CACHE_NXDOMAIN, CACHE_RANK_ANSWER, 100), 0);
    struct cache_entry *entry = find(cache, "gone.test.", TYPE_A, 0);
    assert_non_null(entry);
    entry->asked_type = TYPE_A;
    struct judgement bogus = {VERDICT_BOGUS, EDE_BOGUS, "forged"};
    cache_entry_judge(entry, &bogus, 60 * SECOND_NS);
    assert_ptr_equal(find(cache, "gone.test.", TYPE_A, 1), entry);
    assert_null(find(cache, "gone.test.", TYPE_MX, 1));
    assert_ptr_equal(find(cache, "gone.test.", TYPE_MX, 60), entry); /* to be judged anew */
    cache_close(cache);
}

/* Ten times what fits: the memory stays below its bound, a name in use stays, and everything in
 * the table can still be found (the gaps of evicted entries are closed). */
static void test_memory(void **state)
{
    (void)state;
    enum { SIZE = 256 * 1024, NAMES = 12000 };
    struct cache *cache;
    assert_int_equal(cache_open(SIZE, &entropy, NULL, &cache), OK);
    put(cache, made("hot.test.", TYPE_A, CACHE_POSITIVE, CACHE_RANK_ANSWER, 1000), 0);
    char text[40];
    for (int i = 0; i < NAMES; i++) {
        snprintf(text, sizeof text, "n%d.test.", i);
        put(cache, made(text, TYPE_A, CACHE_POSITIVE, CACHE_RANK_ANSWER, 1000), 1);
        assert_true(cache_size(cache) <= SIZE);
        assert_non_null(find(cache, text, TYPE_A, 1));
        assert_non_null(find(cache, "hot.test.", TYPE_A, 1));
    }
    assert_true(cache_evictions(cache) > 0);
    size_t found = 1;
    for (int i = 0; i < NAMES; i++) {
        snprintf(text, sizeof text, "n%d.test.", i);
        found += find(cache, text, TYPE_A, 1) != NULL ? 1 : 0;
    }
    assert_int_equal(found, cache_count(cache));
    struct name_buffer buffer;
    struct name name;
    assert_int_equal(name_parse(SPAN_LITERAL("test."), NULL, &buffer, &name, NULL), OK);
    assert_int_equal(cache_flush_name(cache, name), found);
    assert_int_equal(cache_count(cache), 0);
    assert_int_equal(cache_size(cache), 0);
    cache_close(cache);
}

/* An entry that a query holds outlives its place in the cache. */
static void test_hold(void **state)
{
    (void)state;
    struct cache *cache;
    assert_int_equal(cache_open(1 << 20, &entropy, NULL, &cache), OK);
    put(cache, made("h.test.", TYPE_A, CACHE_POSITIVE, CACHE_RANK_ANSWER, 100), 0);
    struct cache_entry *held = cache_entry_hold(find(cache, "h.test.", TYPE_A, 0));
    cache_flush(cache);
    assert_null(find(cache, "h.test.", TYPE_A, 0));
    assert_int_equal(held->answer[0].count, 1);
    cache_entry_release(held);
    cache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),    cmocka_unit_test(test_rank),
        cmocka_unit_test(test_verdict), cmocka_unit_test(test_bogus_nxdomain),
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
