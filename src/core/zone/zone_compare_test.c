/* Comparing versions and asking for expirations, against walks over everything: the same answers,
 * and a cost that follows the change and not the zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_tree.h"

static struct name numbered_name(size_t number, struct name_buffer *buffer)
{
    char text[40];
    snprintf(text, sizeof text, "n%zu.example.", number);
    return test_name(text, buffer);
}

static void add_text(struct zone_builder *builder, size_t number, uint32_t value)
{
    struct name_buffer buffer;
    uint8_t rdata[] = {3, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16)};
    assert_int_equal(zone_build_add(builder, numbered_name(number, &buffer), TYPE_TXT, 300,
                                    span_of(rdata, sizeof rdata)),
                     OK);
}

/* In place of the RRSIGs of TXT that stood there. */
static void set_rrsig(struct zone_builder *builder, size_t number, uint32_t expiration_s)
{
    struct name_buffer buffer;
    uint8_t bytes[100];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u16(&rdata, 0); /* the length in front */
    writer_u16(&rdata, TYPE_TXT);
    writer_u8(&rdata, ALGORITHM_ED25519);
    writer_u8(&rdata, 2);
    writer_u32(&rdata, 300);
    writer_u32(&rdata, expiration_s);
    writer_u32(&rdata, 1);
    writer_u16(&rdata, 4711);
    writer_u8(&rdata, 0); /* signer */
    writer_u32(&rdata, expiration_s ^ 0x5a5a5a5aU);
    bytes[1] = (uint8_t)(rdata.len - 2);
    struct rrset rrset = {.owner = numbered_name(number, &buffer),
                          .type = TYPE_RRSIG,
                          .covers = TYPE_TXT,
                          .class_ = CLASS_IN,
                          .count = 1,
                          .ttl_s = 300,
                          .rdata_len = (uint32_t)rdata.len,
                          .rdata = bytes};
    assert_int_equal(zone_build_set(builder, &rrset), OK);
}

static void remove_type(struct zone_builder *builder, size_t number, uint16_t type, uint16_t covers)
{
    struct name_buffer buffer;
    struct rrset none = {.owner = numbered_name(number, &buffer),
                         .type = type,
                         .covers = covers,
                         .class_ = CLASS_IN};
    assert_int_equal(zone_build_set(builder, &none), OK);
}

static struct zone *zone_of_numbers(size_t count, size_t step)
{
    struct zone_builder *builder = test_change("example.", NULL);
    test_add(builder, "example. SOA a. b. 1 1 1 1 1");
    for (size_t i = 0; i < count; i++) {
        add_text(builder, i * step, 0);
        if (i % 3 == 0) {
            set_rrsig(builder, i * step, (uint32_t)(1000000 + i));
        }
    }
    struct zone *zone = zone_build_finish(builder);
    assert_non_null(zone);
    return zone;
}

static struct zone *edit(const struct zone *zone, size_t range, size_t edits, uint64_t *random)
{
    struct zone_builder *builder = test_change("example.", zone);
    for (size_t i = 0; i < edits; i++) {
        size_t number = test_random(random) % range;
        switch (test_random(random) % 5) {
        case 0:
            add_text(builder, number, test_random(random));
            break;
        case 1:
            set_rrsig(builder, number, 1000000 + test_random(random) % 1000);
            break;
        case 2:
            remove_type(builder, number, TYPE_RRSIG, TYPE_TXT);
            break;
        default: /* often, so that pages empty and merge */
            remove_type(builder, number, TYPE_TXT, 0);
            remove_type(builder, number, TYPE_RRSIG, TYPE_TXT);
            break;
        }
    }
    struct zone *edited = zone_build_finish(builder);
    assert_non_null(edited);
    return edited;
}

static bool rrsets_are_same(const struct zone_node *a, const struct zone_node *b)
{
    bool is_same = a->rrset_count == b->rrset_count;
    for (uint16_t i = 0; is_same && i < a->rrset_count; i++) {
        is_same =
            a->rrsets[i].ttl_s == b->rrsets[i].ttl_s && rrset_equal(&a->rrsets[i], &b->rrsets[i]);
    }
    return is_same;
}

/* The next difference by walking everything. */
struct model {
    struct zone_cursor before_cursor, after_cursor;
    const struct zone_node *before, *after;
};

static bool model_next(struct model *model, struct zone_change *change)
{
    while (model->before != NULL || model->after != NULL) {
        int order = model->before == NULL ? 1
                    : model->after == NULL
                        ? -1
                        : name_compare(model->before->owner, model->after->owner);
        *change = (struct zone_change){order <= 0 ? model->before : NULL,
                                       order >= 0 ? model->after : NULL};
        if (order <= 0) {
            model->before = zone_walk_next(&model->before_cursor);
        }
        if (order >= 0) {
            model->after = zone_walk_next(&model->after_cursor);
        }
        if (order != 0 || !rrsets_are_same(change->before, change->after)) {
            return true;
        }
    }
    return false;
}

static size_t check_comparison(const struct zone *before, const struct zone *after,
                               size_t *pages_entered)
{
    struct model model;
    zone_walk(before, &model.before_cursor);
    zone_walk(after, &model.after_cursor);
    model.before = zone_walk_next(&model.before_cursor);
    model.after = zone_walk_next(&model.after_cursor);
    struct zone_comparison comparison;
    zone_compare(before, after, &comparison);
    size_t count = 0;
    for (;;) {
        struct zone_change expected;
        struct zone_change found;
        bool is_expected = model_next(&model, &expected);
        assert_int_equal(zone_compare_next(&comparison, &found), is_expected);
        if (!is_expected) {
            break;
        }
        assert_ptr_equal(found.before, expected.before);
        assert_ptr_equal(found.after, expected.after);
        count++;
    }
    *pages_entered = comparison.pages_entered;
    return count;
}

static void check_expirations(const struct zone *zone, int64_t before_s)
{
    int64_t earliest_s = INT64_MAX;
    struct zone_cursor cursor;
    zone_walk(zone, &cursor);
    const struct zone_node *found = zone_next_expiring(zone, NULL, before_s);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        int64_t own_s = zone_node_expiration_s(node);
        earliest_s = own_s < earliest_s ? own_s : earliest_s;
        if (own_s < before_s) {
            assert_ptr_equal(found, node);
            found = zone_next_expiring(zone, &node->owner, before_s);
        }
    }
    assert_null(found);
    assert_true(zone_earliest_expiration_s(zone) == earliest_s);
}

/* All keys of a page begin with its prefix, and go on with their heads. */
static void check_keys(const struct zone_page *page)
{
    for (uint16_t i = 0; i < page->count; i++) {
        struct span key =
            zone_entry_key(page->is_leaf ? zone_page_entries(page)[i] : zone_page_firsts(page)[i]);
        assert_true(key.len >= page->prefix_len);
        assert_memory_equal(key.bytes, page->prefix, page->prefix_len);
        assert_true(page->heads[i] == zone_key_head(key, page->prefix_len));
    }
}

/* What a page keeps beside its slots is what stands below them. */
static void check_pages(const struct zone_page *page)
{
    if (page != NULL) {
        check_keys(page);
    }
    for (uint16_t i = 0; page != NULL && i < page->count; i++) {
        if (page->is_leaf) {
            assert_int_equal(zone_page_expires_s(page)[i],
                             zone_node_earliest_s(&zone_page_entries(page)[i]->node));
            continue;
        }
        assert_int_equal(zone_page_expires_s(page)[i],
                         zone_page_earliest_s(zone_page_children(page)[i]));
        assert_ptr_equal(zone_page_firsts(page)[i], zone_page_first(zone_page_children(page)[i]));
        check_pages(zone_page_children(page)[i]);
    }
}

static void test_random_edits(void **state)
{
    (void)state;
    uint64_t random = 20260801;
    static const size_t sizes[] = {0, 1, 40, 3000};
    for (size_t row = 0; row < LEN(sizes); row++) {
        size_t range = sizes[row] + 10;
        struct zone *before = zone_of_numbers(sizes[row], 1);
        for (size_t version = 0; version < 60; version++) {
            size_t edits = 1 + test_random(&random) % (version % 10 == 9 ? range : 12);
            struct zone *after = edit(before, range, edits, &random);
            size_t pages;
            check_comparison(before, after, &pages);
            check_comparison(after, before, &pages);
            check_expirations(after, 1000000 + test_random(&random) % 1200);
            check_pages(after->root);
            zone_release(before);
            before = after;
        }
        zone_release(before);
    }
}

static void test_versions_that_share_nothing(void **state)
{
    (void)state;
    struct zone *one = zone_of_numbers(500, 1);
    struct zone *other = zone_of_numbers(500, 2);
    struct zone *same = zone_of_numbers(500, 1);
    size_t pages;
    assert_true(check_comparison(one, other, &pages) >= 500);
    assert_int_equal(check_comparison(one, same, &pages), 0);
    struct zone_comparison comparison;
    struct zone_change change;
    size_t count = 0;
    zone_compare(NULL, one, &comparison);
    while (zone_compare_next(&comparison, &change)) {
        assert_null(change.before);
        count++;
    }
    assert_int_equal(count, 501);
    zone_compare(NULL, NULL, &comparison);
    assert_false(zone_compare_next(&comparison, &change));
    zone_release(one);
    zone_release(other);
    zone_release(same);
}

static size_t cost_of_edits(size_t names)
{
    uint64_t random = 99;
    struct zone *before = zone_of_numbers(names, 1);
    struct zone *after = edit(before, names, 10, &random);
    struct zone_comparison comparison;
    struct zone_change change;
    zone_compare(before, after, &comparison);
    while (zone_compare_next(&comparison, &change)) {
    }
    zone_release(before);
    zone_release(after);
    return comparison.pages_entered;
}

static void test_cost_follows_the_change(void **state)
{
    (void)state;
    size_t small = cost_of_edits(1000);
    size_t large = cost_of_edits(100000);
    print_message("pages entered: %zu of 1000 names, %zu of 100000\n", small, large);
    assert_true(large <= 3 * small);
    assert_true(large < 120);
}

static enum status count_record(void *user, bool is_added, const struct rrset *record)
{
    size_t *counts = user;
    assert_int_equal(record->count, 1);
    counts[is_added]++;
    return OK;
}

static void test_difference_of_records(void **state)
{
    (void)state;
    struct zone *before = zone_of_numbers(100, 1);
    struct zone_builder *builder = test_change("example.", before);
    add_text(builder, 7, 1);               /* one more beside it */
    remove_type(builder, 9, TYPE_TXT, 0);  /* the RRSIG stays */
    set_rrsig(builder, 12, 77);            /* one for another */
    add_text(builder, 500, 3);             /* a name comes */
    remove_type(builder, 10, TYPE_TXT, 0); /* a name goes */
    add_text(builder, 11, 0);              /* the same again */
    struct zone *after = zone_build_finish(builder);
    size_t counts[2] = {0, 0};
    assert_int_equal(zone_diff(before, after, count_record, counts), OK);
    assert_int_equal(counts[false], 3);
    assert_int_equal(counts[true], 3);
    zone_release(before);
    zone_release(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_edits),
        cmocka_unit_test(test_versions_that_share_nothing),
        cmocka_unit_test(test_cost_follows_the_change),
        cmocka_unit_test(test_difference_of_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
