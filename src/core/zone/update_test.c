/* UPDATE against RFC 2136, a row a rule: prerequisites of all five forms, what is refused and with
 * which RCODE, and what each change does; written as nsupdate's users write it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"
#include "core/zone/update.h"

static const char *const base_lines[] = {
    "example. SOA ns.example. h.example. 7 20 5 120 5",
    "example. NS ns.example.",
    "example. NS ns2.example.",
    "example. TXT apex",
    "ns.example. A 192.0.2.1",
    "ns2.example. A 192.0.2.2",
    "www.example. A 192.0.2.10",
    "www.example. A 192.0.2.11",
    "www.example. TXT one",
    "alias.example. CNAME www.example.",
    "child.example. NS ns.child.example.",
    "ns.child.example. A 192.0.2.9",
    "deep.below.example. A 192.0.2.12",
};

static const char *const rule_lines[] = {
    "all zone ANY", "some subtree www A TXT", "dyn.example self", "one name one", "most zone",
};

/* The message in the making. */
struct writing {
    struct writer wire;
    uint16_t counts[3];
};

static void write_record(struct writing *writing, size_t section, uint16_t class_, uint32_t ttl_s,
                         const char *text)
{
    char owner[300], type_text[40];
    int at = 0;
    struct name_buffer buffer;
    struct writer *wire = &writing->wire;
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    uint16_t type = TYPE_ANY;
    struct problem problem = {0};
    assert_true(sscanf(text, "%299s %n", owner, &at) == 1);
    text += at;
    at = 0;
    if (sscanf(text, "%39s %n", type_text, &at) == 1) {
        if (strcmp(type_text, "ANY") != 0 && strcmp(type_text, "AXFR") != 0) {
            assert_int_equal(type_parse(span_of_text(type_text), &type), OK);
        } else if (strcmp(type_text, "AXFR") == 0) {
            type = TYPE_AXFR;
        }
        text += at;
    }
    if (*text != 0) {
        assert_int_equal(rdata_parse_text(type, span_of_text(text), &NAME_ROOT, &rdata, &problem),
                         OK);
    }
    name_write(test_name(owner, &buffer), wire);
    writer_u16(wire, type);
    writer_u16(wire, class_);
    writer_u32(wire, ttl_s);
    writer_u16(wire, (uint16_t)rdata.len);
    writer_span(wire, writer_written(&rdata));
    writing->counts[section]++;
}

/* One line as nsupdate has it, or "raw SECTION CLASS TTL NAME TYPE RDATA". */
static void write_line(struct writing *writing, const char *line)
{
    static const struct {
        const char *word;
        size_t section;
        uint16_t class_;
        uint32_t ttl_s;
    } words[] = {
        {"nxdomain ", 0, CLASS_NONE, 0}, {"yxdomain ", 0, CLASS_ANY, 0},
        {"nxrrset ", 0, CLASS_NONE, 0},  {"yxrrset ", 0, CLASS_ANY, 0},
        {"yxvalue ", 0, CLASS_IN, 0},    {"add ", 1, CLASS_IN, 3600},
        {"add60 ", 1, CLASS_IN, 60},     {"delete ", 1, CLASS_ANY, 0},
        {"remove ", 1, CLASS_NONE, 0},
    };
    unsigned section, class_, ttl_s;
    int at = 0;
    if (sscanf(line, "raw %u %u %u %n", &section, &class_, &ttl_s, &at) == 3) {
        write_record(writing, section, (uint16_t)class_, ttl_s, line + at);
        return;
    }
    for (size_t i = 0; i < LEN(words); i++) {
        if (strncmp(line, words[i].word, strlen(words[i].word)) == 0) {
            write_record(writing, words[i].section, words[i].class_, words[i].ttl_s,
                         line + strlen(words[i].word));
            return;
        }
    }
    fail_msg("what is \"%s\"?", line);
}

enum { LINES_MAX = 6 };

struct update_row {
    const char *why;
    uint16_t rcode;
    const char *lines[LINES_MAX];
    const char *gone[LINES_MAX]; /* records of the base that must be gone */
    const char *come[LINES_MAX];
    const char *key; /* NULL: the one that may do everything */
};

static struct span write_message(const struct update_row *row, uint8_t *bytes, size_t size)
{
    struct writing writing = {.wire = writer_over(bytes, size)};
    struct name_buffer buffer;
    struct writer *wire = &writing.wire;
    writer_u16(wire, 1);
    writer_u16(wire, OPCODE_UPDATE << 11);
    writer_u16(wire, 1);
    size_t at = writer_reserve(wire, 6);
    name_write(test_name("example.", &buffer), wire);
    writer_u16(wire, TYPE_SOA);
    writer_u16(wire, CLASS_IN);
    for (size_t i = 0; i < LINES_MAX && row->lines[i] != NULL; i++) {
        write_line(&writing, row->lines[i]);
    }
    writer_patch_u16(wire, at, writing.counts[0]);
    writer_patch_u16(wire, at + 2, writing.counts[1]);
    assert_int_equal(wire->status, OK);
    return writer_written(wire);
}

struct fixture {
    struct arena arena;
    struct zone *base;
    struct update_rule rules[LEN(rule_lines)];
};

static void fixture_open(struct fixture *fixture)
{
    struct name_buffer buffer;
    *fixture = (struct fixture){0};
    arena_open(&fixture->arena, 1 << 24);
    fixture->base = test_zone("example.", base_lines, LEN(base_lines));
    for (size_t i = 0; i < LEN(rule_lines); i++) {
        struct problem problem = {0};
        if (update_rule_parse(span_of_text(rule_lines[i]), test_name("example.", &buffer),
                              &fixture->arena, &fixture->rules[i], &problem) != OK) {
            fail_msg("%s: %s", rule_lines[i], problem.sentence);
        }
    }
}

static void fixture_close(struct fixture *fixture)
{
    zone_release(fixture->base);
    arena_close(&fixture->arena);
}

static uint16_t apply(struct fixture *fixture, const struct update_row *row, struct zone **next,
                      struct problem *problem)
{
    uint8_t bytes[4096];
    struct name_buffer buffer;
    struct update update;
    *next = NULL;
    uint16_t rcode =
        update_read(write_message(row, bytes, sizeof bytes), &fixture->arena, &update, problem);
    if (rcode != RCODE_NOERROR) {
        return rcode;
    }
    struct update_basis basis = {.data = fixture->base,
                                 .seen = fixture->base,
                                 .key = test_name(row->key == NULL ? "all" : row->key, &buffer),
                                 .rules = fixture->rules,
                                 .rule_count = LEN(rule_lines)};
    return update_apply(&update, &basis, &fixture->arena, next, problem);
}

static bool has_record(const struct zone *zone, const char *line)
{
    struct test_record record;
    test_record_read(line, &record);
    const struct rrset *rrset = zone_find_rrset(zone, record.owner, record.type);
    return rrset != NULL && rrset_has(rrset, record.rdata);
}

static void run_row(const struct update_row *row)
{
    struct fixture fixture;
    struct problem problem = {0};
    struct zone *next;
    fixture_open(&fixture);
    uint16_t rcode = apply(&fixture, row, &next, &problem);
    if (rcode != row->rcode) {
        fail_msg("%s: %s instead of %s (%s)", row->why, rcode_text(rcode), rcode_text(row->rcode),
                 problem.sentence);
    }
    bool is_changed = row->gone[0] != NULL || row->come[0] != NULL;
    if (is_changed != (next != NULL)) {
        fail_msg("%s: a new version: %s", row->why, next != NULL ? "yes" : "no");
    }
    if (rcode != RCODE_NOERROR && problem.status == OK) {
        fail_msg("%s: nothing says why", row->why);
    }
    size_t count = zone_record_count(fixture.base);
    for (size_t i = 0; i < LINES_MAX && row->gone[i] != NULL; i++, count--) {
        if (!has_record(fixture.base, row->gone[i]) || has_record(next, row->gone[i])) {
            fail_msg("%s: %s is not gone", row->why, row->gone[i]);
        }
    }
    for (size_t i = 0; i < LINES_MAX && row->come[i] != NULL; i++, count++) {
        if (has_record(fixture.base, row->come[i]) || !has_record(next, row->come[i])) {
            fail_msg("%s: %s has not come", row->why, row->come[i]);
        }
    }
    if (next != NULL && (zone_record_count(next) != count ||
                         !serial_is_newer(zone_serial(next), zone_serial(fixture.base)))) {
        fail_msg("%s: %zu records instead of %zu, serial %u", row->why, zone_record_count(next),
                 count, zone_serial(next));
    }
    zone_release(next);
    fixture_close(&fixture);
}

#define SOA_AFTER "example. SOA ns.example. h.example. 8 20 5 120 5"
#define SOA_BEFORE "example. SOA ns.example. h.example. 7 20 5 120 5"

static const struct update_row prerequisite_rows[] = {
    {"nothing asked, nothing done", RCODE_NOERROR, {0}},
    {"name in use, and it is", RCODE_NOERROR, {"yxdomain www.example."}},
    {"name in use, and it is not", RCODE_NXDOMAIN, {"yxdomain no.example."}},
    {"an empty non-terminal is not in use", RCODE_NXDOMAIN, {"yxdomain below.example."}},
    {"name not in use, and it is not", RCODE_NOERROR, {"nxdomain no.example."}},
    {"name not in use, but it is", RCODE_YXDOMAIN, {"nxdomain www.example."}},
    {"RRset exists", RCODE_NOERROR, {"yxrrset www.example. A"}},
    {"RRset does not exist", RCODE_NXRRSET, {"yxrrset www.example. AAAA"}},
    {"RRset wanted away, and it is", RCODE_NOERROR, {"nxrrset www.example. AAAA"}},
    {"RRset wanted away, but it is there", RCODE_YXRRSET, {"nxrrset www.example. A"}},
    {"RRset with those values, in any order",
     RCODE_NOERROR,
     {"yxvalue www.example. A 192.0.2.11", "yxvalue www.example. A 192.0.2.10"}},
    {"a value said twice is one",
     RCODE_NOERROR,
     {"yxvalue www.example. TXT one", "yxvalue WWW.example. TXT one"}},
    {"one value too few", RCODE_NXRRSET, {"yxvalue www.example. A 192.0.2.11"}},
    {"one value too many",
     RCODE_NXRRSET,
     {"yxvalue www.example. A 192.0.2.11", "yxvalue www.example. A 192.0.2.10",
      "yxvalue www.example. A 192.0.2.12"}},
    {"another value", RCODE_NXRRSET, {"yxvalue www.example. TXT two"}},
    {"values of two RRsets, the second wrong",
     RCODE_NXRRSET,
     {"yxvalue www.example. TXT one", "yxvalue ns.example. A 192.0.2.7"}},
    {"the first that fails decides",
     RCODE_YXDOMAIN,
     {"nxdomain www.example.", "yxrrset www.example. AAAA"}},
    {"a name of another zone", RCODE_NOTZONE, {"yxdomain www.test."}},
    {"a TTL in a prerequisite", RCODE_FORMERR, {"raw 0 255 1 www.example. A"}},
    {"class ANY with rdata", RCODE_FORMERR, {"raw 0 255 0 www.example. A 192.0.2.1"}},
    {"class NONE with rdata", RCODE_FORMERR, {"raw 0 254 0 www.example. A 192.0.2.1"}},
    {"class CH", RCODE_FORMERR, {"raw 0 3 0 www.example. A 192.0.2.1"}},
    {"a transfer is no type of records", RCODE_FORMERR, {"raw 0 255 0 www.example. AXFR"}},
    {"prerequisites hold, and the change is made",
     RCODE_NOERROR,
     {"yxdomain www.example.", "add new.example. A 192.0.2.20"},
     {SOA_BEFORE},
     {"new.example. A 192.0.2.20", SOA_AFTER}},
    {"prerequisites fail, and nothing is changed",
     RCODE_NXDOMAIN,
     {"yxdomain no.example.", "add new.example. A 192.0.2.20"}},
};

static const struct update_row change_rows[] = {
    {"a record is added to an RRset",
     RCODE_NOERROR,
     {"add www.example. A 192.0.2.12"},
     {SOA_BEFORE},
     {"www.example. A 192.0.2.12", SOA_AFTER}},
    {"a record that is there changes nothing", RCODE_NOERROR, {"add www.example. A 192.0.2.10"}},
    {"a CNAME where there are others is passed over",
     RCODE_NOERROR,
     {"add www.example. CNAME ns.example."}},
    {"others where there is a CNAME are passed over",
     RCODE_NOERROR,
     {"add alias.example. A 192.0.2.1"}},
    {"a CNAME takes the place of the CNAME",
     RCODE_NOERROR,
     {"add alias.example. CNAME ns.example."},
     {"alias.example. CNAME www.example.", SOA_BEFORE},
     {"alias.example. CNAME ns.example.", SOA_AFTER}},
    {"a CNAME behind an address of the same update is passed over",
     RCODE_NOERROR,
     {"add new.example. A 192.0.2.1", "add new.example. CNAME ns.example."},
     {SOA_BEFORE},
     {"new.example. A 192.0.2.1", SOA_AFTER}},
    {"a name turns into a CNAME",
     RCODE_NOERROR,
     {"delete www.example.", "add www.example. CNAME ns.example."},
     {"www.example. A 192.0.2.10", "www.example. A 192.0.2.11", "www.example. TXT one", SOA_BEFORE},
     {"www.example. CNAME ns.example.", SOA_AFTER}},
    {"an SOA with a lower serial is passed over",
     RCODE_NOERROR,
     {"add example. SOA ns.example. h.example. 6 20 5 120 5"}},
    {"an SOA with the same serial is passed over",
     RCODE_NOERROR,
     {"add example. SOA ns.example. h.example. 7 99 5 120 5"}},
    {"an SOA with a newer serial is taken as it is",
     RCODE_NOERROR,
     {"add example. SOA ns.example. h.example. 100 20 5 120 5"},
     {SOA_BEFORE},
     {"example. SOA ns.example. h.example. 100 20 5 120 5"}},
    {"an SOA below the apex is passed over",
     RCODE_NOERROR,
     {"add www.example. SOA ns.example. h.example. 100 20 5 120 5"}},
    {"an RRset is deleted",
     RCODE_NOERROR,
     {"delete www.example. A"},
     {"www.example. A 192.0.2.10", "www.example. A 192.0.2.11", SOA_BEFORE},
     {SOA_AFTER}},
    {"an RRset that is not there is deleted", RCODE_NOERROR, {"delete www.example. AAAA"}},
    {"all of a name is deleted",
     RCODE_NOERROR,
     {"delete www.example."},
     {"www.example. A 192.0.2.10", "www.example. A 192.0.2.11", "www.example. TXT one", SOA_BEFORE},
     {SOA_AFTER}},
    {"of the apex SOA and NS stay",
     RCODE_NOERROR,
     {"delete example."},
     {"example. TXT apex", SOA_BEFORE},
     {SOA_AFTER}},
    {"the apex NS cannot be deleted as an RRset", RCODE_NOERROR, {"delete example. NS"}},
    {"the SOA cannot be deleted", RCODE_NOERROR, {"delete example. SOA"}},
    {"nor as a record", RCODE_NOERROR, {"remove example. SOA ns.example. h.example. 7 20 5 120 5"}},
    {"one NS of two may go",
     RCODE_NOERROR,
     {"remove example. NS ns2.example."},
     {"example. NS ns2.example.", SOA_BEFORE},
     {SOA_AFTER}},
    {"the last NS of the apex stays",
     RCODE_NOERROR,
     {"remove example. NS ns2.example.", "remove example. NS ns.example."},
     {"example. NS ns2.example.", SOA_BEFORE},
     {SOA_AFTER}},
    {"a delegation may go",
     RCODE_NOERROR,
     {"delete child.example. NS", "delete ns.child.example."},
     {"child.example. NS ns.child.example.", "ns.child.example. A 192.0.2.9", SOA_BEFORE},
     {SOA_AFTER}},
    {"one record is deleted",
     RCODE_NOERROR,
     {"remove www.example. A 192.0.2.10"},
     {"www.example. A 192.0.2.10", SOA_BEFORE},
     {SOA_AFTER}},
    {"one that is not there is deleted", RCODE_NOERROR, {"remove www.example. A 192.0.2.99"}},
    {"added and deleted again is nothing",
     RCODE_NOERROR,
     {"add new.example. A 192.0.2.1", "delete new.example."}},
    {"deleted and added again is nothing",
     RCODE_NOERROR,
     {"remove www.example. TXT one", "add www.example. TXT one"}},
    {"another zone's name", RCODE_NOTZONE, {"add www.test. A 192.0.2.1"}},
    {"all or nothing: one bad among good ones",
     RCODE_NOTZONE,
     {"add new.example. A 192.0.2.1", "add www.test. A 192.0.2.1"}},
    {"type ANY cannot be added", RCODE_FORMERR, {"raw 1 1 0 www.example. ANY"}},
    {"a record without rdata cannot be added", RCODE_FORMERR, {"raw 1 1 60 www.example. A"}},
    {"a deletion with a TTL", RCODE_FORMERR, {"raw 1 255 60 www.example. A"}},
    {"an RRset deleted with rdata", RCODE_FORMERR, {"raw 1 255 0 www.example. A 192.0.2.1"}},
    {"a transfer cannot be deleted", RCODE_FORMERR, {"raw 1 255 0 www.example. AXFR"}},
    {"type ANY is no record", RCODE_FORMERR, {"raw 1 254 0 www.example. ANY"}},
    {"a record deleted with a TTL", RCODE_FORMERR, {"raw 1 254 60 www.example. A 192.0.2.1"}},
    {"another class", RCODE_FORMERR, {"raw 1 3 60 www.example. A 192.0.2.1"}},
};

static const struct update_row refused_rows[] = {
    {"DNSKEY is the signer's",
     RCODE_REFUSED,
     {"add example. DNSKEY 257 3 13 "
      "oHvVkZfrnS3XbzEAcFOh4iNPkZ2bi2XkzX1yVoW5wHfkeA1cIcGbDmrlqYx1pN6nD5RzkJjHWWFvZmCzK8R9dg=="}},
    {"and so is its deletion", RCODE_REFUSED, {"delete example. DNSKEY"}},
    {"CDS", RCODE_REFUSED, {"add example. CDS 0 0 0 00"}},
    {"CDNSKEY", RCODE_REFUSED, {"add example. CDNSKEY 0 3 0 AA=="}},
    {"NSEC", RCODE_REFUSED, {"delete www.example. NSEC"}},
    {"NSEC3", RCODE_REFUSED, {"delete www.example. NSEC3"}},
    {"NSEC3PARAM", RCODE_REFUSED, {"add example. NSEC3PARAM 1 0 0 -"}},
    {"RRSIG", RCODE_REFUSED, {"delete www.example. RRSIG"}},
    {"ZONEMD", RCODE_REFUSED, {"delete example. ZONEMD"}},
    {"an unknown key", RCODE_REFUSED, {"add www.example. A 192.0.2.1"}, {0}, {0}, "nobody"},
    {"a key on its subtree",
     RCODE_NOERROR,
     {"add x.www.example. A 192.0.2.1"},
     {SOA_BEFORE},
     {"x.www.example. A 192.0.2.1", SOA_AFTER},
     "some"},
    {"the same key with another type",
     RCODE_REFUSED,
     {"add x.www.example. AAAA ::1"},
     {0},
     {0},
     "some"},
    {"the same key beside its subtree",
     RCODE_REFUSED,
     {"add x.example. A 192.0.2.1"},
     {0},
     {0},
     "some"},
    {"a key on the name it is called",
     RCODE_NOERROR,
     {"add dyn.example. A 192.0.2.1"},
     {SOA_BEFORE},
     {"dyn.example. A 192.0.2.1", SOA_AFTER},
     "dyn.example"},
    {"and below it", RCODE_REFUSED, {"add x.dyn.example. A 192.0.2.1"}, {0}, {0}, "dyn.example"},
    {"a key on one name below which it has no right",
     RCODE_REFUSED,
     {"add x.one.example. A 192.0.2.1"},
     {0},
     {0},
     "one"},
    {"a rule without types leaves NS out",
     RCODE_REFUSED,
     {"add x.example. NS ns.example."},
     {0},
     {0},
     "most"},
    {"and DS", RCODE_REFUSED, {"delete child.example. DS"}, {0}, {0}, "most"},
    {"all of a name takes the right to each of its RRsets",
     RCODE_REFUSED,
     {"delete child.example."},
     {0},
     {0},
     "most"},
    {"and is granted with it",
     RCODE_NOERROR,
     {"delete www.example."},
     {"www.example. A 192.0.2.10", "www.example. A 192.0.2.11", "www.example. TXT one", SOA_BEFORE},
     {SOA_AFTER},
     "some"},
    {"the only address of a server of the zone does not go",
     RCODE_REFUSED,
     {"delete ns.example. A"}},
    {"no DNAME above names", RCODE_REFUSED, {"add below.example. DNAME test."}},
    {"no DS at the apex",
     RCODE_REFUSED,
     {"add example. DS 1 13 2 "
      "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"}},
};

static void test_prerequisites(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(prerequisite_rows); i++) {
        run_row(&prerequisite_rows[i]);
    }
}

static void test_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(change_rows); i++) {
        run_row(&change_rows[i]);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(refused_rows); i++) {
        run_row(&refused_rows[i]);
    }
}

static void test_a_ttl_counts_for_the_rrset(void **state)
{
    (void)state;
    struct fixture fixture;
    struct problem problem = {0};
    struct zone *next;
    struct name_buffer buffer;
    const struct update_row row = {.lines = {"add60 www.example. A 192.0.2.10"}};
    fixture_open(&fixture);
    assert_int_equal(apply(&fixture, &row, &next, &problem), RCODE_NOERROR);
    const struct rrset *set = zone_find_rrset(next, test_name("www.example.", &buffer), TYPE_A);
    assert_true(set->ttl_s == 60 && set->count == 2);
    zone_release(next);
    fixture_close(&fixture);
}

/* A version cut short anywhere is no UPDATE, and none crashes. */
static void test_cut_messages(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t bytes[4096];
    const struct update_row row = {.lines = {"yxdomain www.example.",
                                             "yxvalue www.example. TXT one", "add a.example. TXT x",
                                             "delete www.example. A"}};
    fixture_open(&fixture);
    struct span wire = write_message(&row, bytes, sizeof bytes);
    for (size_t len = 0; len < wire.len; len++) {
        struct update update;
        struct problem problem = {0};
        assert_int_equal(update_read(span_part(wire, 0, len), &fixture.arena, &update, &problem),
                         RCODE_FORMERR);
    }
    fixture_close(&fixture);
}

static void test_bad_rules_get_a_sentence(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "key",
        "key everything",
        "key name",
        "key subtree www.test.",
        "key self NONSENSE",
        "key zone AXFR",
        "key name bad..name",
        "key zone A NS MX TXT SRV AAAA PTR SOA CNAME DNAME A A A A A A A A A A A A A A A A A A A A "
        "A "
        "A A A A A",
    };
    struct arena arena;
    arena_open(&arena, 1 << 20);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct name_buffer buffer;
        struct update_rule rule;
        struct problem problem = {0};
        enum status status = update_rule_parse(
            span_of_text(rows[i]), test_name("example.", &buffer), &arena, &rule, &problem);
        if (status == OK || problem.sentence[0] == 0) {
            fail_msg("\"%s\" passes for a rule", rows[i]);
        }
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prerequisites), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_a_ttl_counts_for_the_rrset),
        cmocka_unit_test(test_cut_messages),  cmocka_unit_test(test_bad_rules_get_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
