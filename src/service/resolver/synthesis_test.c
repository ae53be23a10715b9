/* Denials of an NSEC3 zone that were found secure, and what is denied with them. The zone: its
 * apex, a.x (so that x is an empty non-terminal), and *.w with TXT. */
#include "service/resolver/synthesis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/moment.h"
#include "core/base/text.h"
#include "core/dnssec/denial.h"
#include "service/resolver/cache_denial.h"

enum { NOW_S = 1000, TTL_S = 60, SIZE = 1 << 20, NAMES = 5 };

static void fill(void *self, void *bytes, size_t len)
{
    (void)self;
    memset(bytes, 7, len);
}
static const struct entropy ENTROPY = {.self = NULL, .fill = fill};

struct bench {
    struct resolver resolver;
    struct arena arena;
};

static struct name name_of(struct arena *arena, const char *text)
{
    struct name_buffer buffer;
    struct name name;
    assert_int_equal(name_parse(span_of_text(text), NULL, &buffer, &name, NULL), OK);
    assert_int_equal(name_copy(arena, name, &name), OK);
    return name;
}

static struct rrset rrset_of(struct arena *arena, struct name owner, uint16_t type,
                             struct span rdata)
{
    struct rrset_builder builder;
    struct rrset rrset;
    rrset_begin(&builder, arena, owner, type, TTL_S);
    rrset_add(&builder, rdata);
    assert_int_equal(rrset_finish(&builder, &rrset), OK);
    return rrset;
}

/* Nobody looks at the signature here: it is passed on. */
static struct rrset rrsigs_for(struct arena *arena, const struct rrset *covered)
{
    uint8_t bytes[64] = {0};
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u16(&rdata, covered->type);
    writer_span(&rdata, span_of(bytes + 32, 16));
    writer_u8(&rdata, 0);
    writer_u8(&rdata, 1);
    return rrset_of(arena, covered->owner, TYPE_RRSIG, writer_written(&rdata));
}

static void put(struct bench *bench, const struct rrset *rrset, int64_t until_s)
{
    struct rrset rrsigs = rrsigs_for(&bench->arena, rrset);
    const struct denial_draft draft = {.zone = name_of(&bench->arena, "example."),
                                       .rrset = rrset,
                                       .rrsigs = &rrsigs,
                                       .expires_ns = until_s * MOMENT_NS_PER_S};
    denials_put(cache_denials(bench->resolver.cache), &draft, bench->resolver.now.mono_ns);
}

struct hashed {
    uint8_t hash[NSEC3_HASH_LEN];
    uint16_t types[3];
    size_t type_count;
};

static int hashed_compare(const void *a, const void *b)
{
    return memcmp(a, b, NSEC3_HASH_LEN);
}

static void put_chain(struct bench *bench, uint8_t flags)
{
    static const struct {
        const char *name;
        uint16_t types[3];
        size_t type_count;
    } ROWS[NAMES] = {
        {"example.", {TYPE_NS, TYPE_SOA, TYPE_RRSIG}, 3}, {"x.example.", {0}, 0},
        {"a.x.example.", {TYPE_A, TYPE_RRSIG}, 2},        {"w.example.", {0}, 0},
        {"*.w.example.", {TYPE_TXT, TYPE_RRSIG}, 2},
    };
    struct hashed chain[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        struct name name = name_of(&bench->arena, ROWS[i].name);
        assert_int_equal(nsec3_hash(name, SPAN_EMPTY, 0, chain[i].hash), OK);
        memcpy(chain[i].types, ROWS[i].types, sizeof chain[i].types);
        chain[i].type_count = ROWS[i].type_count;
    }
    qsort(chain, NAMES, sizeof chain[0], hashed_compare);
    for (size_t i = 0; i < NAMES; i++) {
        uint8_t bytes[128];
        uint8_t label[32];
        struct name_buffer buffer;
        struct name owner;
        struct writer rdata = writer_over(bytes, sizeof bytes);
        struct writer text = writer_over(label, sizeof label);
        writer_u8(&rdata, NSEC3_HASH_SHA1);
        writer_u8(&rdata, flags);
        writer_u16(&rdata, 0);
        writer_u8(&rdata, 0);
        writer_u8(&rdata, NSEC3_HASH_LEN);
        writer_span(&rdata, span_of(chain[(i + 1) % NAMES].hash, NSEC3_HASH_LEN));
        bitmap_write(chain[i].types, chain[i].type_count, &rdata);
        text_write_base32hex(&text, span_of(chain[i].hash, NSEC3_HASH_LEN));
        assert_int_equal(name_make_child(writer_written(&text), name_of(&bench->arena, "example."),
                                         &buffer, &owner),
                         OK);
        struct rrset nsec3 = rrset_of(&bench->arena, owner, TYPE_NSEC3, writer_written(&rdata));
        put(bench, &nsec3, NOW_S + TTL_S);
    }
}

static void put_soa(struct bench *bench)
{
    uint8_t bytes[32] = {0};
    struct rrset soa =
        rrset_of(&bench->arena, name_of(&bench->arena, "example."), TYPE_SOA, span_of(bytes, 22));
    put(bench, &soa, NOW_S + TTL_S / 2);
}

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.resolver.options.reuses_denials = true,
                            .resolver.options.is_validating = true,
                            .resolver.now.mono_ns = (int64_t)NOW_S * MOMENT_NS_PER_S};
    arena_open(&bench->arena, SIZE);
    assert_int_equal(cache_open(SIZE, &ENTROPY, NULL, &bench->resolver.cache), OK);
}

static void bench_close(struct bench *bench)
{
    cache_close(bench->resolver.cache);
    arena_close(&bench->arena);
}

static struct cache_entry *find(struct bench *bench, const char *name, uint16_t type,
                                uint16_t flags)
{
    struct query query = {.client.question = {.type = type, .class_ = CLASS_IN},
                          .client.flags = flags};
    query.name = name_of(&bench->arena, name);
    query.client.question.name = query.name;
    return synthesis_find(&bench->resolver, &query);
}

enum outcome { NOTHING, NXDOMAIN, NODATA };

static enum outcome outcome_of(const struct cache_entry *entry)
{
    return entry == NULL ? NOTHING : entry->kind == CACHE_NXDOMAIN ? NXDOMAIN : NODATA;
}

static void test_nsec3(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        uint16_t flags;
        enum outcome outcome;
        const char *why;
    } ROWS[] = {
        {"b.example.", TYPE_A, 0, NXDOMAIN, "no such name below the apex"},
        {"deep.below.b.example.", TYPE_A, 0, NXDOMAIN, "nor below it"},
        {"b.x.example.", TYPE_A, 0, NXDOMAIN, "the closest encloser is an empty non-terminal"},
        {"x.example.", TYPE_A, 0, NODATA, "an empty non-terminal has no data"},
        {"a.x.example.", TYPE_TXT, 0, NODATA, "a name without the type"},
        {"a.x.example.", TYPE_A, 0, NOTHING, "the type is there"},
        {"b.w.example.", TYPE_A, 0, NODATA, "a wildcard without the type"},
        {"b.w.example.", TYPE_TXT, 0, NOTHING, "a wildcard with the type, its data not known"},
        {"b.example.", TYPE_A, FLAG_CD, NOTHING, "CD asks for what the servers say"},
        {"example.", TYPE_DS, 0, NOTHING, "the parent's to tell"},
        {"b.example.", TYPE_DS, 0, NXDOMAIN, "a DS of a name that does not exist"},
        {"other.", TYPE_A, 0, NOTHING, "another zone"},
        {"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.b.example.", TYPE_A, 0, NXDOMAIN, "many labels"},
    };
    struct bench bench;
    bench_open(&bench);
    put_chain(&bench, 0);
    assert_null(find(&bench, "b.example.", TYPE_A, 0)); /* without an SOA it has no life */
    put_soa(&bench);
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct cache_entry *entry = find(&bench, ROWS[i].name, ROWS[i].type, ROWS[i].flags);
        if (outcome_of(entry) != ROWS[i].outcome) {
            fail_msg("%s %u: %s", ROWS[i].name, ROWS[i].type, ROWS[i].why);
        }
        if (entry != NULL) {
            int64_t now_ns = bench.resolver.now.mono_ns;
            assert_int_equal(cache_entry_verdict(entry, now_ns), VERDICT_SECURE);
            assert_int_equal(cache_entry_ttl(entry, now_ns), TTL_S / 2); /* the SOA's */
            assert_int_equal(entry->authority[0].type, TYPE_SOA);
        }
        cache_entry_release(entry);
    }
    bench_close(&bench);
}

static void test_opt_out(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    put_chain(&bench, NSEC3_FLAG_OPT_OUT);
    put_soa(&bench);
    assert_null(find(&bench, "b.example.", TYPE_A, 0));
    bench_close(&bench);
}

static void test_bounds(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct denials *denials = cache_denials(bench.resolver.cache);
    size_t before = denials_size(denials);
    for (uint32_t i = 0; i < 5000; i++) {
        char owner[64];
        uint8_t bytes[64];
        snprintf(owner, sizeof owner, "n%u.z%u.", i, i % 7);
        struct arena scratch;
        arena_open(&scratch, SIZE);
        struct writer rdata = writer_over(bytes, sizeof bytes);
        name_write(name_of(&scratch, "zz."), &rdata);
        bitmap_write((const uint16_t[]){TYPE_A}, 1, &rdata);
        struct rrset nsec =
            rrset_of(&scratch, name_of(&scratch, owner), TYPE_NSEC, writer_written(&rdata));
        struct rrset rrsigs = rrsigs_for(&scratch, &nsec);
        const struct denial_draft draft = {.zone = name_parent(nsec.owner),
                                           .rrset = &nsec,
                                           .rrsigs = &rrsigs,
                                           .expires_ns = INT64_MAX};
        denials_put(denials, &draft, 0);
        assert_true(denials_size(denials) <= SIZE / 8);
        struct denial_zone *zone = denials_find(denials, nsec.owner);
        assert_non_null(zone);
        struct cache_entry *entry = denial_zone_before(zone, nsec.owner, 0);
        assert_non_null(entry);
        assert_true(name_equal(entry->name, nsec.owner));
        arena_close(&scratch);
    }
    denials_forget(denials, NAME_ROOT);
    assert_int_equal(denials_size(denials), before);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nsec3),
        cmocka_unit_test(test_opt_out),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
