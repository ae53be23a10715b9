/* Loading: however the text is cut into parts, whoever marks its octets, and in whatever order its
 * records stand, the zone and the findings are the same. */
#include "core/zone/zonefile.h"

#include "core/zone/zone_gather.h"
#include "core/zone/zonefile_lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t EXAMPLE_OCTETS[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
static const struct name EXAMPLE = {EXAMPLE_OCTETS, sizeof EXAMPLE_OCTETS, 1};

/* A xorshift stream. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 33) % below;
}

enum { OUTPUT_SIZE = 1 << 20 };
struct outcome {
    enum status status;
    size_t len;
    size_t passed;          /* octets */
    char text[OUTPUT_SIZE]; /* findings, different TTLs, then the zone */
};

static void add_text(struct outcome *outcome, const void *text, size_t len)
{
    assert_true(len < OUTPUT_SIZE - outcome->len);
    memcpy(outcome->text + outcome->len, text, len);
    outcome->len += len;
    outcome->text[outcome->len] = '\0';
}

static void take_problem(void *user, const struct problem *problem)
{
    char line[PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 40];
    problem_print(problem, line, sizeof line);
    add_text(user, line, strlen(line));
    add_text(user, "\n", 1);
}

static void take_ttl(void *user, struct name owner, uint16_t type, uint32_t ttl_s)
{
    char line[NAME_TEXT_MAX + 100], name[NAME_TEXT_MAX];
    int len = snprintf(line, sizeof line, "TTL %s %u %u\n", name_print(owner, name), type, ttl_s);
    add_text(user, line, (size_t)len);
}

static void take_zone(void *user, struct span text)
{
    add_text(user, text.bytes, text.len);
}

static void take_passed(void *user, size_t from, size_t to)
{
    struct outcome *outcome = user;
    assert_true(from <= to);
    outcome->passed += to - from;
}

static enum status open_include(void *user, const char *file, struct span *text)
{
    (void)user;
    *text = span_of_text("$TTL 5\ninside A 192.0.2.77\n$ORIGIN other.example.\n A 192.0.2.78\n");
    return strcmp(file, "sub") == 0 ? OK : NOT_FOUND;
}

/* The last piece first. */
static void run_backwards(void *self, void (*work)(void *user, size_t index), void *user,
                          size_t count)
{
    (void)self;
    while (count > 0) {
        work(user, --count);
    }
}
static const struct parallel BACKWARDS = {.width = 3, .run = run_backwards};

static void load(struct span text, const struct parallel *parallel, size_t part_len,
                 struct outcome *outcome)
{
    struct zonefile_source source = {.file = "f",
                                     .text = text,
                                     .origin = EXAMPLE,
                                     .open_include = open_include,
                                     .passed = take_passed,
                                     .passed_user = outcome};
    struct zonefile_target target = {.apex = EXAMPLE,
                                     .parallel = parallel,
                                     .part_len = part_len,
                                     .problem = take_problem,
                                     .ttl_differs = take_ttl,
                                     .user = outcome};
    struct zone *zone;
    outcome->len = 0;
    outcome->passed = 0;
    outcome->text[0] = '\0';
    outcome->status = zonefile_load_into(&source, &target, &zone);
    assert_int_equal(outcome->status == OK, zone != NULL);
    if (zone != NULL) {
        assert_int_equal(zonefile_write(zone, take_zone, outcome), OK);
    }
    zone_release(zone);
}

static struct outcome whole, parts; /* too large for the stack */

static void expect_same(struct span text, uint64_t seed)
{
    static const size_t lens[] = {1, 7, 20, 64, 100, 257, 1000};
    load(text, NULL, 0, &whole);
    assert_int_equal(whole.passed, text.len);
    for (size_t i = 0; i < LEN(lens); i++) {
        load(text, &BACKWARDS, lens[i], &parts);
        if (whole.status != parts.status || strcmp(whole.text, parts.text) != 0) {
            print_error("seed %llu, parts of %zu: %s, %s\n", (unsigned long long)seed, lens[i],
                        status_text(whole.status), status_text(parts.status));
            fprintf(stderr, "%.*s\nwhole:\n%s\nparts:\n%s", (int)text.len, (const char *)text.bytes,
                    whole.text, parts.text);
            fail();
        }
        assert_true(parts.passed >= text.len); /* more when parts were read twice */
    }
}

/* Pieces that cross every kind of cut: most zones are good, some have faults. */
static const char *const GOOD_PIECES[] = {
    "a 60 A 192.0.2.1\n",
    "b 60 A 192.0.2.2\nb 60 A 192.0.2.1\n",
    "a 70 A 192.0.2.3\n",
    "A 60 AAAA ::1\n",
    " 60 TXT blank\n",
    " TXT \"last ttl; (\"\n",
    "c.d 60 NS ns.c.d\nns.c.d 60 A 192.0.2.9\n",
    "$TTL 300\n",
    "$TTL 1h ; one hour\n",
    "$ORIGIN sub.example.\n",
    "$ORIGIN example.\n",
    "e IN 60 MX (\n10\nmx.test. ) ; comment (\n",
    "f 60 TXT ( \"one\"\n;comment\ng\n\nh\n)\n",
    "@ 60 SOA ns.test. h.test. 1 2 3 4 5\n",
    "$GENERATE 1-5 host$ 60 A 192.0.2.$\n",
    "$INCLUDE sub\n",
    "$INCLUDE sub inc\n",
    "\n; a comment\n\n",
    "i\\.j 60 TXT \\\"\n",
    "k 60 TYPE65280 \\# 3 (\nabcdef\n)\n",
    "z 60 A 192.0.2.1\r\nz 60 A 192.0.2.2\r\n",
    "long 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789\n",
};
static const char *const BAD_PIECES[] = {
    "l 60 TXT \"no end\n",
    "m 60 BOGUS x\n",
    "n 60 A ( 192.0.2.1\n",
    ")\n",
    "o 60 A 1\n",
    "$INCLUDE none\n",
    "outside. 60 A 192.0.2.1\n",
    "p 60 CH TXT x\n",
    "$GENERATE 5-1 a A 1\n",
    "..\n",
};

static size_t make_text(uint64_t *state, char *text, size_t size)
{
    size_t len = 0;
    uint32_t pieces = 1 + draw(state, 60);
    bool may_be_bad = draw(state, 3) == 0;
    for (uint32_t i = 0; i < pieces; i++) {
        bool is_bad = may_be_bad && draw(state, 15) == 0;
        const char *piece = is_bad ? BAD_PIECES[draw(state, LEN(BAD_PIECES))]
                                   : GOOD_PIECES[draw(state, LEN(GOOD_PIECES))];
        len += (size_t)snprintf(text + len, size - len, "%s", piece);
    }
    return draw(state, 8) == 0 && len > 0 ? len - 1 : len; /* without the last newline */
}

static void cuts_change_nothing(void **state)
{
    (void)state;
    static char text[60 * 200];
    size_t good = 0;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        uint64_t stream = seed * UINT64_C(0x9e3779b97f4a7c15);
        size_t len = make_text(&stream, text, sizeof text);
        expect_same(span_of(text, len), seed);
        good += whole.status == OK ? 1 : 0;
    }
    assert_true(good > 300 && good < 1400);
}

static void a_guess_that_fails_is_mended(void **state)
{
    (void)state;
    static const char *const texts[] = {
        /* the beginning says another origin, TTL or class than the end */
        ("$ORIGIN a.example.\nx 60 A 192.0.2.1\n$ORIGIN b.example.\nx 60 A 192.0.2.1\n"
         "y 60 A 192.0.2.1\n$ORIGIN c.example.\nx 60 A 192.0.2.1\ny 60 A 192.0.2.1\n"),
        "$TTL 1\nx A 192.0.2.1\n$TTL 2\ny A 192.0.2.1\nz A 192.0.2.1\n$TTL 3\nw A 192.0.2.1\n",
        "x 1 A 192.0.2.1\ny A 192.0.2.1\nz A 192.0.2.1\nw 2 A 192.0.2.1\nv A 192.0.2.1\n",
        /* the class stays, and is none of a zone's */
        "x 1 A 192.0.2.1\nx 1 CH TXT x\ny 1 TXT x\nz 1 IN TXT x\nz 1 TXT x\n",
        /* a parenthesis that is never closed */
        "x 1 A 192.0.2.1\ny 1 TXT (\nz 1 A 192.0.2.1\nw 1 A 192.0.2.1\nv 1 A 192.0.2.1\n",
        "x 1 TXT \"\\\"(\"\ny 1 TXT \\(\nz 1 A 192.0.2.1 ; (\nw 1 A 192.0.2.1\n",
    };
    for (size_t i = 0; i < LEN(texts); i++) {
        expect_same(span_of_text(texts[i]), i);
    }
}

static void more_findings_are_counted(void **state)
{
    (void)state;
    enum { LINES = 2500 };
    char *text = test_malloc(LINES * 10);
    size_t len = 0;
    for (int i = 0; i < LINES; i++) {
        len += (size_t)snprintf(text + len, 10, "a 1 A x\n");
    }
    load(span_of(text, len), NULL, 0, &whole);
    load(span_of(text, len), &BACKWARDS, 300, &parts);
    test_free(text);
    assert_int_equal(whole.status, MALFORMED);
    assert_string_equal(whole.text, parts.text);
    assert_non_null(strstr(whole.text, "f:1000:7: "));
    assert_null(strstr(whole.text, "f:1001:7: "));
    assert_non_null(strstr(whole.text, "f: 1500 more findings are not shown"));
}

static void the_last_ttl_counts(void **state)
{
    (void)state;
    load(span_of_text("a 1 A 192.0.2.1\na 2 A 192.0.2.2\nb 1 A 192.0.2.1\nb 1 A 192.0.2.1\n"
                      "c 1 A 192.0.2.1\nd 1 A 192.0.2.1\nc 3 A 192.0.2.1\n"),
         NULL, 0, &whole);
    assert_string_equal(whole.text,
                        "TTL a.example. 1 2\nTTL c.example. 1 3\n"
                        "a.example.\t2\tIN\tA\t192.0.2.1\na.example.\t2\tIN\tA\t192.0.2.2\n"
                        "b.example.\t1\tIN\tA\t192.0.2.1\nc.example.\t3\tIN\tA\t192.0.2.1\n"
                        "d.example.\t1\tIN\tA\t192.0.2.1\n");
}

static void an_order_mark_is_told(void **state)
{
    (void)state;
    load(span_of_text("\xef\xbb\xbf"
                      "a 1 A 192.0.2.1\n"),
         NULL, 0, &whole);
    assert_int_equal(whole.status, MALFORMED);
    assert_non_null(strstr(whole.text, "f:1:1: "));
    assert_non_null(strstr(whole.text, "byte order mark"));
}

/* Records in any order, against the other way to make a zone. */

struct drawn {
    struct name owner;
    struct name_buffer octets;
    uint16_t type;
    uint32_t ttl_s;
    uint8_t rdata[8];
    size_t len;
};

static void draw_record(uint64_t *state, struct drawn *record)
{
    char text[64];
    struct problem problem;
    uint32_t form = draw(state, 4);
    snprintf(text, sizeof text,
             form == 0   ? "%c.%c.example."
             : form == 1 ? "%c%c.example."
                         : "%c.example.",
             (int)("aAbBcDxyz0")[draw(state, 10)], (int)("aAbBcDxyz0")[draw(state, 10)]);
    assert_int_equal(
        name_parse(span_of_text(text), NULL, &record->octets, &record->owner, &problem), OK);
    static const uint16_t types[] = {TYPE_A, TYPE_TXT, TYPE_NS, TYPE_A};
    record->type = types[draw(state, LEN(types))];
    record->ttl_s = 60 + draw(state, 2);
    record->len = record->type == TYPE_A ? 4 : 3;
    memcpy(record->rdata, record->type == TYPE_A ? "\xc0\0\2\0" : "\1b\0", 4);
    record->rdata[record->type == TYPE_A ? 3 : 1] = (uint8_t)("ABab12345")[draw(state, 9)];
    if (record->type == TYPE_TXT) {
        record->len = 2;
    }
}

static struct zone *gather(const struct drawn *records, size_t count, size_t gatherings)
{
    struct zone_gathering *made[4];
    struct zone *zone;
    for (size_t i = 0; i < gatherings; i++) {
        assert_int_equal(zone_gather_open(&made[i]), OK);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(zone_gather_add(made[i * gatherings / count], records[i].owner,
                                         records[i].type, records[i].ttl_s,
                                         span_of(records[i].rdata, records[i].len)),
                         OK);
    }
    struct zone_gather_aim aim = {.apex = EXAMPLE, .parallel = &BACKWARDS};
    assert_int_equal(zone_gather_join(&aim, made, gatherings, &zone), OK);
    for (size_t i = 0; i < gatherings; i++) {
        zone_gather_close(made[i]);
    }
    return zone;
}

static struct zone *build(const struct drawn *records, size_t count)
{
    struct zone_builder *builder;
    assert_int_equal(zone_build(EXAMPLE, NULL, &builder), OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(zone_build_add(builder, records[i].owner, records[i].type,
                                        records[i].ttl_s,
                                        span_of(records[i].rdata, records[i].len)),
                         OK);
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

static void expect_same_zone(const struct zone *a, const struct zone *b)
{
    struct zone_cursor a_cursor, b_cursor;
    assert_int_equal(zone_record_count(a), zone_record_count(b));
    assert_int_equal(zone_node_count(a), zone_node_count(b));
    zone_walk(a, &a_cursor);
    zone_walk(b, &b_cursor);
    const struct zone_node *left, *right;
    while ((left = zone_walk_next(&a_cursor)) != NULL) {
        right = zone_walk_next(&b_cursor);
        assert_non_null(right);
        assert_true(span_equal(name_span(left->owner), name_span(right->owner))); /* in its case */
        assert_int_equal(left->rrset_count, right->rrset_count);
        for (uint16_t i = 0; i < left->rrset_count; i++) {
            assert_true(rrset_equal(&left->rrsets[i], &right->rrsets[i]));
            assert_int_equal(left->rrsets[i].ttl_s, right->rrsets[i].ttl_s);
        }
        assert_ptr_equal(zone_find(a, left->owner), left);
    }
    assert_null(zone_walk_next(&b_cursor));
}

static void any_order_gives_the_same_zone(void **state)
{
    (void)state;
    static struct drawn records[600];
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t stream = seed * UINT64_C(0x9e3779b97f4a7c15);
        size_t count = 1 + draw(&stream, LEN(records));
        for (size_t i = 0; i < count; i++) {
            draw_record(&stream, &records[i]);
        }
        struct zone *built = build(records, count);
        for (size_t gatherings = 1; gatherings <= 4; gatherings++) {
            struct zone *gathered = gather(records, count, gatherings);
            expect_same_zone(built, gathered);
            zone_release(gathered);
        }
        zone_release(built);
    }
}

static void an_rrset_has_a_limit(void **state)
{
    (void)state;
    struct zone_gathering *gathering;
    struct zone *zone;
    assert_int_equal(zone_gather_open(&gathering), OK);
    for (uint32_t i = 0; i <= RRSET_RECORDS_MAX; i++) {
        uint8_t rdata[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        assert_int_equal(
            zone_gather_add(gathering, EXAMPLE, TYPE_A, 60, span_of(rdata, sizeof rdata)), OK);
    }
    struct zone_gather_aim aim = {.apex = EXAMPLE, .parallel = parallel_none()};
    assert_int_equal(zone_gather_join(&aim, &gathering, 1, &zone), LIMIT_REACHED);
    assert_null(zone);
    zone_gather_close(gathering);
}

static void all_marks_are_the_same(void **state)
{
    (void)state;
    enum { BLOCKS = 16 };
    static uint8_t text[BLOCKS * 64 + 1];
    static struct zonefile_marks plain[BLOCKS], fast[BLOCKS];
    zonefile_scan *best = zonefile_scan_best();
    uint64_t stream = 42;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof text; i++) {
            bool is_any = draw(&stream, 2) == 0;
            text[i] = is_any ? (uint8_t)draw(&stream, 256)
                             : (uint8_t)(" \t\r\n\"\\;()ab")[draw(&stream, 11)];
        }
        size_t from = draw(&stream, 2); /* aligned or not */
        zonefile_scan_portable(text + from, BLOCKS, plain);
        best(text + from, BLOCKS, fast);
        assert_memory_equal(plain, fast, sizeof plain);
    }
}

/* Nothing is plain: every line is cut octet by octet. */
static void mark_all_special(const uint8_t *text, size_t count, struct zonefile_marks *marks)
{
    zonefile_scan_portable(text, count, marks);
    for (size_t i = 0; i < count; i++) {
        marks[i].specials = UINT64_MAX;
    }
}

/* All entries of a text, whatever they are. */
static void cut(struct span text, zonefile_scan *scan, struct outcome *outcome)
{
    static struct zonefile_lexer lexer;
    static struct rdata_token tokens[ZONEFILE_TOKENS_MIN];
    struct zonefile_entry entry = {tokens, LEN(tokens), 0, false};
    struct problem problem;
    char line[PROBLEM_SENTENCE_MAX + 100];
    outcome->len = 0;
    outcome->text[0] = '\0';
    zonefile_lexer_open(&lexer, text, scan);
    while (zonefile_lexer_next(&lexer, &entry, &problem)) {
        int len = snprintf(line, sizeof line, "%d %d %s\n", entry.has_blank_owner, problem.status,
                           problem.status == OK ? "" : problem.sentence);
        add_text(outcome, line, (size_t)len);
        for (size_t i = 0; problem.status == OK && i < entry.count; i++) {
            len = snprintf(line, sizeof line, " %u:%u %d %zu+%zu\n", tokens[i].line,
                           tokens[i].column, tokens[i].is_quoted,
                           (size_t)(tokens[i].text.bytes - text.bytes), tokens[i].text.len);
            add_text(outcome, line, (size_t)len);
        }
    }
}

static void every_way_of_cutting_is_the_same(void **state)
{
    (void)state;
    static char text[60 * 200];
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        uint64_t stream = seed * UINT64_C(0x9e3779b97f4a7c15);
        size_t len = make_text(&stream, text, sizeof text);
        for (uint32_t faults = draw(&stream, 4); faults > 0; faults--) {
            text[draw(&stream, (uint32_t)len + 1)] = (" \t\r\n\"\\;()a")[draw(&stream, 10)];
        }
        cut(span_of(text, len), mark_all_special, &whole);
        cut(span_of(text, len), zonefile_scan_best(), &parts);
        assert_string_equal(whole.text, parts.text);
        cut(span_of(text, len), zonefile_scan_portable, &parts);
        assert_string_equal(whole.text, parts.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(a_guess_that_fails_is_mended),
        cmocka_unit_test(more_findings_are_counted),
        cmocka_unit_test(the_last_ttl_counts),
        cmocka_unit_test(an_order_mark_is_told),
        cmocka_unit_test(any_order_gives_the_same_zone),
        cmocka_unit_test(an_rrset_has_a_limit),
        cmocka_unit_test(all_marks_are_the_same),
        cmocka_unit_test(every_way_of_cutting_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
