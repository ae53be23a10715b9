/* Zone versions against a simple model: random changes, every old version still as it was, and the
 * questions of zone.h answered by looking at all names. */
#include "core/zone/zone.h"

#include "core/dns/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODEL_MAX = 4096, NAMES = 300 };

/* The model: a plain list of records, each a number for its name, type and address. */
struct model_record {
    uint16_t name;
    uint16_t type;
    uint8_t value;
};
struct model {
    struct model_record records[MODEL_MAX];
    size_t count;
};

struct names {
    struct name_buffer buffers[NAMES];
    struct name names[NAMES];
};

/* A small repeatable stream (xorshift), so that a failure can be run again by its seed. */
static uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

static struct name name_of(const char *text, struct name_buffer *buffer)
{
    struct name name;
    assert_int_equal(name_parse(span_of_text(text), NULL, buffer, &name, NULL), OK);
    return name;
}

static void names_make(struct names *names, uint64_t *random)
{
    static const char *const labels[] = {"a", "b", "B-c", "*", "\\000", "\\001x", "zz", "A"};
    for (size_t i = 0; i < NAMES; i++) {
        char text[200] = "";
        size_t depth = next_random(random) % 4;
        for (size_t j = 0; j < depth; j++) {
            strncat(text, labels[next_random(random) % LEN(labels)], 20);
            if (next_random(random) % 3 == 0) {
                char more[8];
                snprintf(more, sizeof more, "%u", next_random(random) % 90);
                strncat(text, more, 8);
            }
            strncat(text, ".", 2);
        }
        strncat(text, "example.", 10);
        names->names[i] = name_of(text, &names->buffers[i]);
    }
    for (size_t i = 0; i < NAMES; i++) { /* equal names get one number */
        for (size_t j = 0; j < i; j++) {
            if (name_equal(names->names[i], names->names[j])) {
                names->names[i] = names->names[j];
            }
        }
    }
}

static bool model_same(const struct names *names, struct model_record a, struct model_record b)
{
    return name_equal(names->names[a.name], names->names[b.name]) && a.type == b.type &&
           a.value == b.value;
}

static size_t model_find(const struct model *model, const struct names *names,
                         struct model_record record)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model_same(names, model->records[i], record)) {
            return i;
        }
    }
    return model->count;
}

static struct span record_rdata(const struct model_record *record, uint8_t bytes[16])
{
    memset(bytes, 0, 16);
    bytes[0] = record->value;
    return span_of(bytes, record->type == TYPE_A ? 4 : 16);
}

static void model_add(struct model *model, const struct names *names, struct zone_builder *builder,
                      struct model_record record)
{
    uint8_t bytes[16];
    struct span rdata = record_rdata(&record, bytes);
    assert_int_equal(zone_build_add(builder, names->names[record.name], record.type, 300, rdata),
                     OK);
    if (model_find(model, names, record) == model->count) {
        model->records[model->count++] = record;
    }
}

static void model_remove(struct model *model, const struct names *names,
                         struct zone_builder *builder, struct model_record record)
{
    uint8_t bytes[16];
    struct span rdata = record_rdata(&record, bytes);
    size_t at = model_find(model, names, record);
    enum status expected = at == model->count ? NOT_FOUND : OK;
    assert_int_equal(zone_build_remove(builder, names->names[record.name], record.type, rdata),
                     expected);
    if (expected == OK) {
        model->records[at] = model->records[--model->count];
    }
}

static bool model_owns(const struct model *model, const struct names *names, struct name name,
                       bool or_below)
{
    for (size_t i = 0; i < model->count; i++) {
        struct name owner = names->names[model->records[i].name];
        if (name_equal(owner, name) || (or_below && name_is_below(owner, name))) {
            return true;
        }
    }
    return false;
}

static struct name model_neighbour(const struct model *model, const struct names *names,
                                   struct name name, bool is_after)
{
    struct name best = {NULL, 0, 0};
    for (size_t i = 0; i < model->count; i++) {
        struct name owner = names->names[model->records[i].name];
        int order = name_compare(owner, name);
        bool fits = is_after ? order > 0 : order <= 0;
        if (fits && (best.len == 0 || (name_compare(owner, best) < 0) == is_after)) {
            best = owner;
        }
    }
    return best;
}

static void check_neighbour(const struct zone_node *node, struct name expected)
{
    assert_int_equal(node == NULL, expected.len == 0);
    if (node != NULL) {
        assert_true(name_equal(node->owner, expected));
    }
}

static void check_name(const struct zone *zone, const struct model *model,
                       const struct names *names, struct name name)
{
    assert_int_equal(zone_find(zone, name) != NULL, model_owns(model, names, name, false));
    assert_int_equal(zone_has_name(zone, name), model_owns(model, names, name, true));
    uint8_t labels = name.label_count;
    while (labels > 1 && !model_owns(model, names, name_ancestor(name, labels), true)) {
        labels--;
    }
    assert_int_equal(zone_closest_encloser(zone, name), labels);
    check_neighbour(zone_at_or_before(zone, name), model_neighbour(model, names, name, false));
    check_neighbour(zone_after(zone, name), model_neighbour(model, names, name, true));
}

static void check_walk(const struct zone *zone, const struct model *model,
                       const struct names *names)
{
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    size_t records = 0;
    size_t nodes = 0;
    struct name last = {NULL, 0, 0};
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL; nodes++) {
        assert_true(last.len == 0 || name_compare(last, node->owner) < 0);
        last = node->owner;
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            struct span rdata;
            for (struct rrset_cursor c = rrset_first(&node->rrsets[i]); rrset_next(&c, &rdata);) {
                records++;
                bool is_there = false;
                for (size_t j = 0; j < model->count; j++) {
                    const struct model_record *record = &model->records[j];
                    is_there = is_there || (record->value == rdata.bytes[0] &&
                                            record->type == node->rrsets[i].type &&
                                            name_equal(names->names[record->name], node->owner));
                }
                assert_true(is_there);
            }
        }
    }
    assert_int_equal(records, model->count);
    assert_int_equal(zone_record_count(zone), model->count);
    assert_int_equal(zone_node_count(zone), nodes);
    assert_null(zone_walk_next(&cursor));
}

static struct zone *version_make(const struct zone *from, struct model *model,
                                 const struct names *names, uint64_t *random, size_t changes)
{
    struct name_buffer buffer;
    struct zone_builder *builder;
    assert_int_equal(zone_build(name_of("example.", &buffer), from, &builder), OK);
    for (size_t i = 0; i < changes; i++) {
        struct model_record record = {.name = (uint16_t)(next_random(random) % NAMES),
                                      .type = next_random(random) % 3 ? TYPE_A : TYPE_AAAA,
                                      .value = (uint8_t)(next_random(random) % 3)};
        bool is_removed = next_random(random) % 100 < (model->count > 700 ? 90 : 45);
        if (is_removed && model->count > 0 && next_random(random) % 4 != 0) {
            record = model->records[next_random(random) % model->count];
        }
        if (is_removed) {
            model_remove(model, names, builder, record);
        } else {
            model_add(model, names, builder, record);
        }
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

static void test_random_versions_match_the_model(void **state)
{
    (void)state;
    enum { VERSIONS = 40 };
    static struct model models[VERSIONS];
    struct zone *zones[VERSIONS];
    uint64_t seed = 20260731;
    print_message("seed %llu\n", (unsigned long long)seed);
    uint64_t random = seed;
    static struct names names;
    names_make(&names, &random);
    for (size_t i = 0; i < VERSIONS; i++) {
        if (i > 0) {
            models[i] = models[i - 1];
        }
        size_t changes = i % 8 == 7 ? 3000 : 1 + next_random(&random) % 60;
        zones[i] = version_make(i == 0 ? NULL : zones[i - 1], &models[i], &names, &random, changes);
    }
    for (size_t i = 0; i < VERSIONS; i++) {
        check_walk(zones[i], &models[i], &names);
    }
    for (size_t i = 0; i < NAMES; i++) {
        check_name(zones[VERSIONS - 1], &models[VERSIONS - 1], &names, names.names[i]);
    }
    for (size_t i = 0; i < VERSIONS; i++) { /* not in the order they were made */
        zone_release(zones[i * 7 % VERSIONS]);
    }
}

static void test_all_removed_leaves_an_empty_zone(void **state)
{
    (void)state;
    uint64_t random = 7;
    static struct names names;
    static struct model model;
    names_make(&names, &random);
    struct zone *full = version_make(NULL, &model, &names, &random, 900);
    struct name_buffer buffer;
    struct zone_builder *builder;
    assert_int_equal(zone_build(name_of("example.", &buffer), full, &builder), OK);
    while (model.count > 0) {
        model_remove(&model, &names, builder, model.records[next_random(&random) % model.count]);
    }
    struct zone *empty = zone_build_finish(builder);
    assert_non_null(empty);
    assert_int_equal(zone_node_count(empty), 0);
    assert_null(zone_first(empty));
    assert_true(zone_node_count(full) > 0);
    zone_release(full);
    zone_release(empty);
}

static void zone_add(struct zone_builder *builder, const char *owner, uint16_t type,
                     const char *text)
{
    struct name_buffer buffer;
    uint8_t bytes[1024];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {0};
    assert_int_equal(rdata_parse_text(type, span_of_text(text), NULL, &rdata, &problem), OK);
    assert_int_equal(
        zone_build_add(builder, name_of(owner, &buffer), type, 3600, writer_written(&rdata)), OK);
}

static struct zone *delegating_zone(void)
{
    struct name_buffer buffer;
    struct zone_builder *builder;
    assert_int_equal(zone_build(name_of("example.", &buffer), NULL, &builder), OK);
    zone_add(builder, "example.", TYPE_SOA, "ns.example. root.example. 7 3600 900 604800 300");
    zone_add(builder, "example.", TYPE_NS, "ns.example.");
    zone_add(builder, "ns.example.", TYPE_A, "192.0.2.1");
    zone_add(builder, "sub.example.", TYPE_NS, "ns.sub.example.");
    zone_add(builder, "ns.sub.example.", TYPE_A, "192.0.2.2");
    zone_add(builder, "deep.sub.example.", TYPE_NS, "ns.sub.example.");
    zone_add(builder, "old.example.", TYPE_DNAME, "new.example.");
    zone_add(builder, "ent.a.b.example.", TYPE_A, "192.0.2.3");
    return zone_build_finish(builder);
}

static void test_cuts_dnames_and_encloser(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *cut;   /* NULL: none */
        const char *dname; /* NULL: none */
        uint8_t encloser_labels;
        bool exists;
        const char *why;
    } rows[] = {
        {"example.", NULL, NULL, 1, true, "the apex owns NS but is no cut"},
        {"sub.example.", "sub.example.", NULL, 2, true, "the cut itself"},
        {"x.deep.sub.example.", "sub.example.", NULL, 3, false, "the highest cut counts"},
        {"old.example.", NULL, NULL, 2, true, "a DNAME does not redirect its own owner"},
        {"x.y.old.example.", NULL, "old.example.", 2, false, "a DNAME redirects what is below"},
        {"a.b.example.", NULL, NULL, 3, true, "an empty non-terminal exists"},
        {"x.b.example.", NULL, NULL, 2, false, "an empty non-terminal encloses"},
        {"OLD.EXAMPLE.", NULL, NULL, 2, true, "case does not matter"},
        {"zz.example.", NULL, NULL, 1, false, "behind the last name"},
    };
    struct zone *zone = delegating_zone();
    assert_int_equal(zone_serial(zone), 7);
    assert_int_equal(zone_negative_ttl_s(zone), 300);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct name_buffer buffer;
        struct name name = name_of(rows[i].name, &buffer);
        char text[NAME_TEXT_MAX];
        const struct zone_node *cut = zone_find_cut(zone, name);
        const struct zone_node *dname = zone_find_dname(zone, name);
        const char *cut_text = cut == NULL ? NULL : name_print(cut->owner, text);
        if ((cut_text == NULL) != (rows[i].cut == NULL) ||
            (cut_text != NULL && strcmp(cut_text, rows[i].cut) != 0)) {
            fail_msg("%s: cut %s (%s)", rows[i].name, cut_text, rows[i].why);
        }
        const char *dname_text = dname == NULL ? NULL : name_print(dname->owner, text);
        if ((dname_text == NULL) != (rows[i].dname == NULL)) {
            fail_msg("%s: DNAME %s (%s)", rows[i].name, dname_text, rows[i].why);
        }
        if (zone_closest_encloser(zone, name) != rows[i].encloser_labels ||
            zone_has_name(zone, name) != rows[i].exists) {
            fail_msg("%s: encloser %u, exists %d (%s)", rows[i].name,
                     zone_closest_encloser(zone, name), zone_has_name(zone, name), rows[i].why);
        }
    }
    zone_release(zone);
}

static void test_building(void **state)
{
    (void)state;
    struct zone *zone = delegating_zone();
    struct name_buffer buffer;
    struct name outside = name_of("example.net.", &buffer);
    struct zone_builder *builder;
    assert_int_equal(zone_build(zone_apex(zone), zone, &builder), OK);
    assert_int_equal(
        zone_build_add(builder, outside, TYPE_A, 300, span_of((uint8_t[]){1, 2, 3, 4}, 4)),
        BAD_ARGUMENT);
    zone_add(builder, "NS.example.", TYPE_A, "192.0.2.9");
    zone_add(builder, "ns.example.", TYPE_A, "192.0.2.9");
    struct name ns = name_of("ns.example.", &buffer);
    const struct rrset *rrset = zone_build_rrset(builder, ns, TYPE_A, 0);
    assert_non_null(rrset);
    assert_int_equal(rrset->count, 2);
    struct rrset none = *rrset;
    none.count = 0;
    none.rdata_len = 0;
    assert_int_equal(zone_build_set(builder, &none), OK);
    assert_null(zone_build_rrset(builder, ns, TYPE_A, 0));
    struct zone *next = zone_build_finish(builder);
    assert_null(zone_find(next, ns));
    assert_int_equal(zone_record_count(next), zone_record_count(zone) - 1);
    assert_non_null(zone_find(zone, ns));
    zone_release(zone);
    zone_release(next);
}

static void test_rrsigs_are_kept_by_what_they_cover(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SOA 13 1 3600 20260901000000 20260801000000 1 example. AAAA",
        "NS 13 1 3600 20260901000000 20260801000000 1 example. AAAA",
        "NS 8 1 3600 20260901000000 20260801000000 2 example. AAAA",
    };
    struct name_buffer buffer;
    struct name apex = name_of("example.", &buffer);
    struct zone_builder *builder;
    assert_int_equal(zone_build(apex, NULL, &builder), OK);
    for (size_t i = 0; i < LEN(texts); i++) {
        zone_add(builder, "example.", TYPE_RRSIG, texts[i]);
    }
    struct zone *zone = zone_build_finish(builder);
    const struct zone_node *node = zone_find(zone, apex);
    assert_int_equal(node->rrset_count, 2);
    assert_int_equal(zone_node_rrsigs(node, TYPE_NS)->count, 2);
    assert_int_equal(zone_node_rrsigs(node, TYPE_SOA)->count, 1);
    assert_null(zone_node_rrsigs(node, TYPE_A));
    zone_release(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_versions_match_the_model),
        cmocka_unit_test(test_all_removed_leaves_an_empty_zone),
        cmocka_unit_test(test_cuts_dnames_and_encloser),
        cmocka_unit_test(test_building),
        cmocka_unit_test(test_rrsigs_are_kept_by_what_they_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
