/* The signer with a disk in memory and events made by hand: what it hands out, what it keeps over a
 * restart, and what it does when a new version or a new key does not work out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/store/fake_disk.h"
#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_journal.h"
#include "service/signer/signer.h"

enum { NOW = 1785542400 };

struct bench {
    struct fake_disk files;
    struct disk disk;
    struct outbox outbox;
    struct name_buffer name_buffer;
    struct signer_zone_options zone_options;
    struct signer *signer;
    const char *const *lines; /* what the zone's file holds */
    size_t line_count;
    bool has_bad_file;
    struct zone *given; /* what the file holds instead of lines; NULL: the lines */
    uint32_t remembered[ZONE_HISTORY_MAX];
    size_t remembered_count; /* since the last start */
    struct zone *published;  /* last handed out */
    size_t publish_count;
    int64_t timer_mono_ns;
    char answer[4096];
    bool is_failure;
    int64_t now_s;
    struct log log;
    size_t bogus_warnings; /* lines that tell of signatures that end */
};

static void bench_log(void *self, enum log_level level, const char *sentence)
{
    struct bench *bench = self;
    bench->bogus_warnings += level <= LOG_WARNING && strstr(sentence, "first signatures") != NULL;
}

static struct zone *bench_load(void *user, const char *file, struct name apex,
                               struct problem *problem)
{
    (void)problem;
    struct bench *bench = user;
    (void)file;
    (void)apex;
    if (bench->given != NULL) {
        return zone_hold(bench->given);
    }
    return bench->has_bad_file ? NULL : test_zone("example.", bench->lines, bench->line_count);
}

static void bench_remember(void *user, struct zone *version)
{
    struct bench *bench = user;
    assert_true(bench->remembered_count < ZONE_HISTORY_MAX);
    bench->remembered[bench->remembered_count++] = zone_serial(version);
    zone_release(version);
}

static void bench_publish(void *user, struct zone *version, struct moment now)
{
    struct bench *bench = user;
    (void)now;
    if (bench->published != NULL && bench->publish_count > 0) {
        assert_false(serial_is_newer(zone_serial(bench->published), zone_serial(version)));
    }
    zone_release(bench->published);
    bench->published = version;
    bench->publish_count++;
}

static void bench_notify(void *user, struct name zone, struct moment now)
{
    (void)user;
    (void)zone;
    (void)now;
}

static void bench_handle(struct bench *bench, struct event event)
{
    event.now = (struct moment){bench->now_s * MOMENT_NS_PER_S, bench->now_s * MOMENT_NS_PER_S};
    signer_handle(bench->signer, &event, &bench->outbox);
    for (size_t i = 0; i < bench->outbox.count; i++) {
        const struct effect *effect = &bench->outbox.effects[i];
        if (effect->kind == EFFECT_TIMER) {
            bench->timer_mono_ns = effect->timer.at_mono_ns;
        } else if (effect->kind == EFFECT_CONTROL) {
            snprintf(bench->answer, sizeof bench->answer, "%.*s", (int)effect->control.text.len,
                     (const char *)effect->control.text.bytes);
            bench->is_failure = effect->control.is_failure;
        }
    }
    outbox_reset(&bench->outbox);
}

static void bench_ask(struct bench *bench, const char *line)
{
    bench_handle(bench, (struct event){.kind = EVENT_CONTROL,
                                       .control = {.request = 1, .line = span_of_text(line)}});
}

static void bench_start(struct bench *bench)
{
    struct signer_options options = {.zones = &bench->zone_options,
                                     .zone_count = 1,
                                     .disk = &bench->disk,
                                     .log = &bench->log,
                                     .load = bench_load,
                                     .remember = bench_remember,
                                     .publish = bench_publish,
                                     .notify = bench_notify,
                                     .user = bench};
    struct problem problem = {0};
    bench->remembered_count = 0;
    assert_int_equal(signer_open(&options, &bench->signer, &problem), OK);
    bench_handle(bench, (struct event){.kind = EVENT_START});
}

static const char *const good_lines[] = {
    "example. SOA ns.example. root.example. 7 3600 900 604800 300",
    "example. NS ns.example.",
    "ns.example. A 192.0.2.1",
};
static const char *const changed_lines[] = {
    "example. SOA ns.example. root.example. 7 3600 900 604800 300",
    "example. NS ns.example.",
    "ns.example. A 192.0.2.1",
    "www.example. A 192.0.2.2",
};

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.now_s = NOW, .lines = good_lines, .line_count = LEN(good_lines)};
    bench->disk = fake_disk_open(&bench->files);
    bench->log = (struct log){bench_log, bench};
    outbox_open(&bench->outbox, 16 << 20);
    bench->zone_options = (struct signer_zone_options){
        .name = test_name("example.", &bench->name_buffer),
        .file = "example.zone",
        .is_signed = true,
        .algorithm = ALGORITHM_ECDSAP256SHA256,
        .policy = {.denial = ZONE_NSEC, .serial = ZONE_SERIAL_INCREMENT}};
    bench_start(bench);
}

static void bench_close(struct bench *bench)
{
    signer_close(bench->signer);
    zone_release(bench->published);
    zone_release(bench->given);
    outbox_close(&bench->outbox);
    fake_disk_close(&bench->files);
}

static void bench_restart(struct bench *bench)
{
    signer_close(bench->signer);
    bench_start(bench);
}

static size_t count_keys(const struct bench *bench)
{
    const struct rrset *set =
        zone_find_rrset(bench->published, bench->zone_options.name, TYPE_DNSKEY);
    return set == NULL ? 0 : set->count;
}

static void test_first_start_makes_keys_and_a_good_version(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_int_equal(bench.publish_count, 1);
    assert_int_equal(count_keys(&bench), 2);
    test_verify_good(bench.published, NULL, bench.now_s);
    size_t secrets = 0;
    for (size_t i = 0; i < bench.files.count; i++) {
        bool is_private = strstr(bench.files.files[i].name, ".private") != NULL;
        assert_int_equal(bench.files.files[i].is_secret, is_private);
        secrets += is_private;
    }
    assert_int_equal(secrets, 2);
    bench_close(&bench);
}

static void test_a_restart_signs_nothing_anew(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct zone *before = zone_hold(bench.published);
    bench.now_s += 3600;
    bench_restart(&bench);
    assert_int_equal(zone_serial(bench.published), zone_serial(before));
    uint8_t a[DIGEST_LEN_MAX], b[DIGEST_LEN_MAX];
    size_t len = 0;
    assert_int_equal(zone_digest(before, 1, a, &len), OK);
    assert_int_equal(zone_digest(bench.published, 1, b, &len), OK);
    assert_memory_equal(a, b, len);
    zone_release(before);
    bench_close(&bench);
}

static void test_changes_and_faults_of_the_file(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    uint32_t serial = zone_serial(bench.published);
    bench.has_bad_file = true;
    bench_handle(&bench, (struct event){.kind = EVENT_RELOAD});
    assert_int_equal(zone_serial(bench.published), serial); /* the last good one stays */
    bench_ask(&bench, "reload example");
    assert_true(bench.is_failure);
    bench.has_bad_file = false;
    bench.lines = changed_lines;
    bench.line_count = LEN(changed_lines);
    bench_handle(&bench, (struct event){.kind = EVENT_RELOAD});
    assert_int_equal(zone_serial(bench.published), serial + 1);
    test_verify_good(bench.published, NULL, bench.now_s);
    bench_close(&bench);
}

static void test_signatures_are_renewed_by_timer(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int i = 0; i < 40; i++) {
        assert_true(bench.timer_mono_ns > bench.now_s * MOMENT_NS_PER_S);
        bench.now_s = bench.timer_mono_ns / MOMENT_NS_PER_S + 1;
        bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
        test_verify_good(bench.published, NULL, bench.now_s);
    }
    assert_true(bench.publish_count > 5);
    assert_true(bench.now_s > NOW + 14 * 86400);
    bench_close(&bench);
}

/* A signer that can keep nothing any more tells of the end well before it, and not at each try. */
static void test_the_time_to_bogus_is_warned_of(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.files.fault_at = bench.files.writes + 1;
    bench.files.is_broken_for_good = true;
    int64_t end_s = zone_earliest_expiration_s(bench.published);
    int64_t first_s = 0;
    size_t tries = 0;
    while (bench.now_s < end_s - 3600) {
        bench.now_s += 3600;
        tries++;
        bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
        first_s = first_s == 0 && bench.bogus_warnings > 0 ? bench.now_s : first_s;
    }
    assert_int_equal(bench.publish_count, 1);
    assert_true(first_s != 0 && end_s - first_s > 2 * 86400);
    assert_in_range(bench.bogus_warnings, 4, 12);
    assert_true(tries > 100);
    bench.files.fault_at = 0;
    bench.files.is_broken_for_good = false;
    bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
    assert_int_equal(bench.publish_count, 2);
    size_t told = bench.bogus_warnings;
    bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
    assert_int_equal(bench.bogus_warnings, told);
    bench_close(&bench);
}

static void test_nothing_leaves_that_is_not_durable(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    size_t count = bench.publish_count;
    bench.files.fault_at = bench.files.writes + 1;
    bench.files.is_broken_for_good = true;
    bench.lines = changed_lines;
    bench.line_count = LEN(changed_lines);
    bench_handle(&bench, (struct event){.kind = EVENT_RELOAD});
    bench_ask(&bench, "key-add example ksk");
    assert_true(bench.is_failure);
    bench_ask(&bench, "unsign example");
    assert_true(bench.is_failure);
    assert_int_equal(bench.publish_count, count);
    bench.files.fault_at = 0;
    bench_handle(&bench, (struct event){.kind = EVENT_RELOAD});
    assert_int_equal(bench.publish_count, count + 1);
    assert_int_equal(count_keys(&bench), 2);
    bench_close(&bench);
}

static void test_sign_and_unsign_last_over_a_restart(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_ask(&bench, "unsign example");
    assert_false(bench.is_failure);
    assert_int_equal(count_keys(&bench), 0);
    bench_restart(&bench);
    assert_int_equal(count_keys(&bench), 0);
    bench_ask(&bench, "sign example");
    assert_int_equal(count_keys(&bench), 2);
    test_verify_good(bench.published, NULL, bench.now_s);
    bench_close(&bench);
}

static void test_a_key_is_rolled(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_ask(&bench, "key-retire example oldest");
    assert_true(bench.is_failure); /* the only one of its role */
    bench_ask(&bench, "key-add example ksk");
    assert_false(bench.is_failure);
    assert_int_equal(count_keys(&bench), 3);
    bench_ask(&bench, "key-retire example oldest");
    assert_true(bench.is_failure); /* caches may not have its successor */
    bench.now_s += 3602;
    bench_ask(&bench, "key-retire example oldest");
    assert_false(bench.is_failure);
    assert_int_equal(count_keys(&bench), 2);
    test_verify_good(bench.published, NULL, bench.now_s);
    bench_close(&bench);
}

static void test_a_key_that_cannot_serve_is_not_kept(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench_ask(&bench, "key-add example zsk ED25519");
    assert_true(bench.is_failure && strstr(bench.answer, "csk") !=
                                        NULL); /* no key of that algorithm would sign the keys */
    assert_int_equal(count_keys(&bench), 2);
    bench.lines = changed_lines;
    bench.line_count = LEN(changed_lines);
    size_t count = bench.publish_count;
    bench_handle(&bench, (struct event){.kind = EVENT_RELOAD}); /* and the zone goes on */
    assert_int_equal(bench.publish_count, count + 1);
    bench_ask(&bench, "key-add example csk ED25519");
    assert_false(bench.is_failure);
    assert_int_equal(count_keys(&bench), 3);
    test_verify_good(bench.published, NULL, bench.now_s);
    bench_close(&bench);
}

static void bench_reload(struct bench *bench, const char *const *lines, size_t count)
{
    bench->lines = lines;
    bench->line_count = count;
    bench_handle(bench, (struct event){.kind = EVENT_RELOAD});
}

static void test_history_comes_back(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < 20; i++) {
        bench_reload(&bench, i % 2 == 0 ? changed_lines : good_lines,
                     i % 2 == 0 ? LEN(changed_lines) : LEN(good_lines));
    }
    uint32_t serial = zone_serial(bench.published);
    assert_int_equal(bench.remembered_count, 0);
    bench_restart(&bench);
    assert_int_equal(zone_serial(bench.published), serial);
    assert_int_equal(bench.remembered_count, ZONE_HISTORY_MAX - 1);
    for (size_t i = 0; i < bench.remembered_count; i++) {
        assert_int_equal(bench.remembered[i], serial - (ZONE_HISTORY_MAX - 1) + i);
    }
    bench_close(&bench);
}

/* One signature of the kept version is missing: none of the others may go into the next one. */
static void test_a_bad_kept_version_lends_nothing(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer;
    bench_open(&bench);
    struct zone *good = zone_hold(bench.published);
    struct zone_builder *builder = test_change("example.", good);
    struct rrset none = {.owner = test_name("ns.example.", &buffer),
                         .type = TYPE_RRSIG,
                         .covers = TYPE_A,
                         .class_ = CLASS_IN};
    assert_int_equal(zone_build_set(builder, &none), OK);
    struct zone *bad = zone_build_finish(builder);
    struct zone_journal *journal;
    struct zone_history history;
    struct problem problem = {0};
    signer_close(bench.signer);
    assert_int_equal(zone_journal_open(&bench.disk, bench.zone_options.name, ".version", &journal,
                                       &history, &problem),
                     OK);
    assert_int_equal(zone_journal_keep(journal, bad, &problem), OK);
    zone_history_release(&history);
    zone_journal_close(journal);
    bench_start(&bench);
    test_verify_good(bench.published, NULL, bench.now_s);
    assert_true(serial_is_newer(zone_serial(bench.published), zone_serial(bad)));
    struct zone_cursor cursor;
    zone_walk(bench.published, &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        const struct zone_node *old = zone_find(good, node->owner);
        for (uint16_t i = 0; i < node->rrset_count; i++) {
            const struct rrset *rrset = &node->rrsets[i];
            assert_false(rrset->type == TYPE_RRSIG && old != NULL &&
                         rrset_equal(rrset, zone_node_rrsigs(old, rrset->covers)));
        }
    }
    zone_release(bad);
    zone_release(good);
    bench_close(&bench);
}

/* Nobody gives the data any more: what was kept stays signed all the same. */
static void test_without_a_file_signatures_stay_fresh(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.has_bad_file = true;
    bench_restart(&bench);
    for (int i = 0; i < 60; i++) {
        bench.now_s = bench.timer_mono_ns / MOMENT_NS_PER_S + 1;
        bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
        test_verify_good(bench.published, NULL, bench.now_s);
    }
    assert_true(bench.now_s > NOW + 20 * 86400);
    bench_ask(&bench, "zone-status example");
    assert_non_null(strstr(bench.answer, "held back")); /* and the file's faults stay told */
    bench_close(&bench);
}

static void test_a_zone_that_is_not_signed_goes_out_as_it_came(void **state)
{
    (void)state;
    struct bench bench;
    struct test_keys keys = {0};
    const struct zone_sign_policy policy = {.denial = ZONE_NSEC};
    bench_open(&bench);
    bench_ask(&bench, "unsign example");
    struct zone *plain = test_zone("example.", changed_lines, LEN(changed_lines));
    test_keys_add(&keys, ALGORITHM_ECDSAP256SHA256, true, true);
    struct zone_builder *builder = test_change("example.", plain);
    test_remove(builder, changed_lines[0]);
    test_add(builder, "example. SOA ns.example. root.example. 100 3600 900 604800 300");
    struct zone *newer = zone_build_finish(builder);
    bench.given = test_sign(newer, NULL, &keys, &policy, bench.now_s);
    bench_handle(&bench, (struct event){.kind = EVENT_RELOAD});
    assert_ptr_equal(bench.published,
                     bench.given); /* signed elsewhere: not an octet of it changes */
    bench_restart(&bench);
    assert_int_equal(zone_serial(bench.published), zone_serial(bench.given));
    assert_int_equal(count_keys(&bench), 1);
    struct zone *again = test_sign(newer, NULL, &keys, &policy, bench.now_s + 1);
    zone_release(bench.given);
    bench.given = again;
    size_t count = bench.publish_count;
    bench_ask(&bench, "reload example");
    assert_true(bench.is_failure); /* other records under the same serial */
    assert_non_null(strstr(bench.answer, "signed elsewhere"));
    assert_int_equal(bench.publish_count, count);
    zone_release(plain);
    zone_release(newer);
    test_keys_close(&keys);
    bench_close(&bench);
}

static void test_faults_from_a_primary_stay_told(void **state)
{
    (void)state;
    static const char *const bad_lines[] = {
        "example. SOA ns.example. root.example. 9 3600 900 604800 300",
        "example. NS nowhere.example.",
    };
    struct bench bench;
    bench_open(&bench);
    size_t count = bench.publish_count;
    struct zone *bad = test_zone("example.", bad_lines, LEN(bad_lines));
    struct zone *good = test_zone("example.", changed_lines, LEN(changed_lines));
    struct moment now = {bench.now_s * MOMENT_NS_PER_S, bench.now_s * MOMENT_NS_PER_S};
    signer_take(bench.signer, bad, now, &bench.outbox);
    outbox_reset(&bench.outbox);
    assert_int_equal(bench.publish_count, count);
    bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
    bench_ask(&bench, "zone-status example");
    assert_non_null(strstr(bench.answer, "held back"));
    assert_non_null(strstr(bench.answer, "nowhere.example."));
    signer_take(bench.signer, good, now, &bench.outbox);
    outbox_reset(&bench.outbox);
    assert_int_equal(bench.publish_count, count + 1);
    bench_ask(&bench, "zone-status example");
    assert_null(strstr(bench.answer, "held back"));
    zone_release(bad);
    zone_release(good);
    bench_close(&bench);
}

/* What cannot be read is not written over: the keys are the same when the disk comes back. */
static void test_an_unreadable_disk_costs_no_keys(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer;
    bench_open(&bench);
    struct zone *before = zone_hold(bench.published);
    size_t count = bench.publish_count;
    bench.files.is_unreadable = true;
    bench.lines = changed_lines;
    bench.line_count = LEN(changed_lines);
    bench_restart(&bench);
    assert_int_equal(bench.publish_count, count);
    bench_ask(&bench, "key-add example ksk");
    assert_true(bench.is_failure);
    bench_ask(&bench, "zone-status example");
    assert_non_null(strstr(bench.answer, "cannot be read"));
    bench.files.is_unreadable = false;
    bench.now_s = bench.timer_mono_ns / MOMENT_NS_PER_S + 1;
    bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0});
    assert_true(bench.publish_count > count);
    struct name apex = test_name("example.", &buffer);
    assert_true(rrset_equal(zone_find_rrset(before, apex, TYPE_DNSKEY),
                            zone_find_rrset(bench.published, apex, TYPE_DNSKEY)));
    assert_non_null(zone_find_rrset(bench.published, test_name("www.example.", &buffer), TYPE_A));
    bench_ask(&bench, "zone-status example");
    assert_null(strstr(bench.answer, "held back"));
    zone_release(before);
    bench_close(&bench);
}

static void test_reload_without_a_name_reads_all(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    size_t count = bench.publish_count;
    bench.lines = changed_lines;
    bench.line_count = LEN(changed_lines);
    bench_ask(&bench, "reload");
    assert_false(bench.is_failure);
    assert_int_equal(bench.publish_count, count + 1);
    bench.has_bad_file = true;
    bench_ask(&bench, "reload");
    assert_true(bench.is_failure && strstr(bench.answer, "1 of 1") != NULL);
    bench_close(&bench);
}

static void test_bad_lines_get_one_sentence(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "nonsense",
        "zone-status",
        "zone-status other",
        "key-add example",
        "key-add example x",
        "key-retire example 99999999999",
        "key-export example 1x",
        "sign ..",
    };
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < LEN(lines); i++) {
        bench_ask(&bench, lines[i]);
        if (!bench.is_failure || strlen(bench.answer) < 5) {
            fail_msg("\"%s\" was answered \"%s\"", lines[i], bench.answer);
        }
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_start_makes_keys_and_a_good_version),
        cmocka_unit_test(test_a_restart_signs_nothing_anew),
        cmocka_unit_test(test_changes_and_faults_of_the_file),
        cmocka_unit_test(test_signatures_are_renewed_by_timer),
        cmocka_unit_test(test_the_time_to_bogus_is_warned_of),
        cmocka_unit_test(test_nothing_leaves_that_is_not_durable),
        cmocka_unit_test(test_sign_and_unsign_last_over_a_restart),
        cmocka_unit_test(test_a_key_is_rolled),
        cmocka_unit_test(test_a_key_that_cannot_serve_is_not_kept),
        cmocka_unit_test(test_history_comes_back),
        cmocka_unit_test(test_a_bad_kept_version_lends_nothing),
        cmocka_unit_test(test_without_a_file_signatures_stay_fresh),
        cmocka_unit_test(test_a_zone_that_is_not_signed_goes_out_as_it_came),
        cmocka_unit_test(test_faults_from_a_primary_stay_told),
        cmocka_unit_test(test_an_unreadable_disk_costs_no_keys),
        cmocka_unit_test(test_reload_without_a_name_reads_all),
        cmocka_unit_test(test_bad_lines_get_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
