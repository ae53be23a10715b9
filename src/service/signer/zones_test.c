/* Zones that come to a running signer, change and go; and what it costs a host of signals that one
 * of its many children changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/store/fake_disk.h"
#include "core/zone/test_zone.h"
#include "service/signer/signer_state.h"

enum { NOW = 1785542400, CHILDREN = 48, PAGES_MAX = 6 };

struct bench {
    struct fake_disk files;
    struct disk disk;
    struct log log;
    struct outbox outbox;
    struct signer *signer;
    struct zone *published; /* the last of any zone */
    char held_back[PROBLEM_SENTENCE_MAX];
    bool is_file_broken;
    int64_t now_s;
};

static void bench_log(void *self, enum log_level level, const char *sentence)
{
    (void)self;
    (void)level;
    (void)sentence;
}

/* The file says which name server the zone has. */
static struct zone *bench_load(void *user, const char *file, struct name apex,
                               struct problem *problem)
{
    struct bench *bench = user;
    if (bench->is_file_broken) {
        problem_set(problem, MALFORMED, "line 7 is broken");
        return NULL;
    }
    char zone[NAME_TEXT_MAX], soa[3 * NAME_TEXT_MAX], ns[2 * NAME_TEXT_MAX], a[2 * NAME_TEXT_MAX];
    name_print(apex, zone);
    snprintf(soa, sizeof soa, "%s SOA %s h.%s 7 3600 900 604800 300", zone, file, zone);
    snprintf(ns, sizeof ns, "%s NS %s", zone, file);
    snprintf(a, sizeof a, "ns.%s A 192.0.2.1", zone);
    const char *lines[] = {soa, ns, a};
    return test_zone(zone, lines, LEN(lines));
}

static void bench_publish(void *user, struct zone *version, struct moment now)
{
    struct bench *bench = user;
    (void)now;
    zone_release(bench->published);
    bench->published = version;
}

static void bench_held_back(void *user, struct name zone, const char *sentence, struct moment now)
{
    struct bench *bench = user;
    (void)zone;
    (void)now;
    snprintf(bench->held_back, sizeof bench->held_back, "%s", sentence);
}

static struct moment bench_now(const struct bench *bench)
{
    return (struct moment){bench->now_s * MOMENT_NS_PER_S, bench->now_s * MOMENT_NS_PER_S};
}

static void bench_handle(struct bench *bench, struct event event)
{
    event.now = bench_now(bench);
    outbox_reset(&bench->outbox);
    signer_handle(bench->signer, &event, &bench->outbox);
}

static struct signer_zone_options make_options(const char *zone, const char *server,
                                               struct name_buffer *buffer)
{
    return (struct signer_zone_options){
        .name = test_name(zone, buffer),
        .file = server,
        .is_signed = true,
        .algorithm = ALGORITHM_ED25519,
        .is_csk = true,
        .policy = {.serial = ZONE_SERIAL_INCREMENT, .has_cds = true}};
}

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.now_s = NOW};
    bench->disk = fake_disk_open(&bench->files);
    bench->log = (struct log){bench_log, bench};
    outbox_open(&bench->outbox, 16 << 20);
    const struct signer_options options = {.disk = &bench->disk,
                                           .log = &bench->log,
                                           .load = bench_load,
                                           .publish = bench_publish,
                                           .held_back = bench_held_back,
                                           .user = bench};
    assert_int_equal(signer_open(&options, &bench->signer, NULL), OK);
    bench_handle(bench, (struct event){.kind = EVENT_START});
}

static void bench_close(struct bench *bench)
{
    signer_close(bench->signer);
    zone_release(bench->published);
    outbox_close(&bench->outbox);
    fake_disk_close(&bench->files);
}

static enum status add(struct bench *bench, const struct signer_zone_options *options)
{
    struct problem problem = {0};
    outbox_reset(&bench->outbox);
    return signer_add(bench->signer, options, bench_now(bench), &bench->outbox, &problem);
}

static void remove_zone(struct bench *bench, struct name name)
{
    outbox_reset(&bench->outbox);
    assert_int_equal(signer_remove(bench->signer, name, bench_now(bench), &bench->outbox), OK);
}

/* What is to be signed again is. */
static void settle(struct bench *bench)
{
    for (int i = 0; i < 3; i++) {
        bench->now_s++;
        for (size_t place = 0; place < bench->signer->place_count; place++) {
            const struct signer_zone *zone = bench->signer->places[place];
            if (zone != NULL && zone->is_signal_due) {
                bench_handle(bench,
                             (struct event){.kind = EVENT_TIMER,
                                            .timer = signer_timer_id(zone, SIGNER_TIMER_RENEW)});
            }
        }
    }
}

static const struct rrset *dnskey(const struct bench *bench)
{
    return zone_find_rrset(bench->published, zone_apex(bench->published), TYPE_DNSKEY);
}

static void test_a_zone_goes_and_comes_back(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer, other_buffer;
    bench_open(&bench);
    struct signer_zone_options options = make_options("a.test.", "ns.a.test.", &buffer);
    struct signer_zone_options other = make_options("b.test.", "ns.b.test.", &other_buffer);
    assert_int_equal(add(&bench, &options), OK);
    test_verify_good(bench.published, NULL, bench.now_s);
    assert_int_equal(add(&bench, &options), EXISTS);
    uint32_t serial = zone_serial(bench.published);
    struct zone *before = zone_hold(bench.published);
    remove_zone(&bench, options.name);
    assert_null(signer_find(bench.signer, options.name));
    assert_int_equal(signer_remove(bench.signer, options.name, bench_now(&bench), &bench.outbox),
                     NOT_FOUND);
    bench_handle(&bench, (struct event){.kind = EVENT_TIMER, .timer = 0}); /* nobody's now */
    assert_int_equal(add(&bench, &other), OK);                             /* in its place */
    assert_int_equal(add(&bench, &options), OK); /* with its keys, and its serial */
    assert_true(zone_serial(bench.published) >= serial);
    assert_true(rrset_equal(dnskey(&bench), zone_find_rrset(before, options.name, TYPE_DNSKEY)));
    zone_release(before);
    bench_close(&bench);
}

static void test_why_there_is_no_version_is_told(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer;
    bench_open(&bench);
    bench.is_file_broken = true;
    struct signer_zone_options options = make_options("a.test.", "ns.a.test.", &buffer);
    assert_int_equal(add(&bench, &options), OK);
    assert_null(bench.published);
    assert_string_equal(bench.held_back, "line 7 is broken");
    remove_zone(&bench, options.name);
    bench.is_file_broken = false;
    options.has_keys_in_hsm = true;
    assert_int_equal(add(&bench, &options), OK);
    assert_null(bench.published);
    assert_non_null(strstr(bench.held_back, "HSM"));
    bench_close(&bench);
}

static void test_another_policy_signs_again(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer;
    struct problem problem = {0};
    bench_open(&bench);
    struct signer_zone_options options = make_options("a.test.", "ns.a.test.", &buffer);
    assert_int_equal(add(&bench, &options), OK);
    assert_null(zone_find_rrset(bench.published, options.name, TYPE_NSEC3PARAM));
    options.policy.denial = ZONE_NSEC3;
    assert_int_equal(
        signer_change(bench.signer, &options, bench_now(&bench), &bench.outbox, &problem), OK);
    assert_non_null(zone_find_rrset(bench.published, options.name, TYPE_NSEC3PARAM));
    test_verify_good(bench.published, NULL, bench.now_s);
    bench_close(&bench);
}

static const struct zone *version_of(const struct bench *bench, const char *zone)
{
    struct name_buffer buffer;
    return signer_find(bench->signer, test_name(zone, &buffer))->published;
}

static bool is_shown(const struct bench *bench, const char *host, const char *child)
{
    char text[300];
    struct name_buffer buffer;
    snprintf(text, sizeof text, "_dsboot.%s_signal.ns.sub.host.test.", child);
    return zone_find_rrset(version_of(bench, host), test_name(text, &buffer), TYPE_CDS) != NULL;
}

static void add_child(struct bench *bench, int number)
{
    char text[40];
    struct name_buffer buffer;
    snprintf(text, sizeof text, "child%d.test.", number);
    struct signer_zone_options options = make_options(text, "ns.sub.host.test.", &buffer);
    options.is_signalled = true;
    assert_int_equal(add(bench, &options), OK);
}

/* The signatures that the host's next version takes do not grow with its children. */
static void test_a_host_pays_for_what_changed(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer buffer, host_buffer;
    bench_open(&bench);
    struct signer_zone_options host = make_options("host.test.", "ns.host.test.", &host_buffer);
    assert_int_equal(add(&bench, &host), OK);
    for (int i = 0; i < CHILDREN; i++) {
        add_child(&bench, i);
    }
    settle(&bench);
    assert_true(is_shown(&bench, "host.test.", "child0.test."));
    assert_true(is_shown(&bench, "host.test.", "child47.test."));
    struct signer_zone *zone = signer_find(bench.signer, host.name);
    struct zone *before = zone_hold(zone->signed_data);
    uint64_t made = zone->signatures_made;
    remove_zone(&bench, test_name("child7.test.", &buffer));
    settle(&bench);
    assert_false(is_shown(&bench, "host.test.", "child7.test."));
    assert_true(is_shown(&bench, "host.test.", "child8.test."));
    assert_in_range(zone->signatures_made - made, 1, 4); /* SOA, and NSEC beside the gap */
    struct zone_comparison comparison;
    struct zone_change change;
    size_t changes = 0;
    zone_compare(before, zone->signed_data, &comparison);
    while (zone_compare_next(&comparison, &change)) {
        changes++;
    }
    assert_int_equal(changes, 1);
    assert_in_range(comparison.pages_entered, 1, PAGES_MAX); /* all else is shared */
    test_verify_good(zone->published, NULL, bench.now_s);
    add_child(&bench, 7);
    settle(&bench);
    assert_true(is_shown(&bench, "host.test.", "child7.test."));
    zone_release(before);
    bench_close(&bench);
}

/* A zone between host and name server takes the signals over, and gives them back when it goes. */
static void test_another_host_comes_and_goes(void **state)
{
    (void)state;
    struct bench bench;
    struct name_buffer host_buffer, sub_buffer;
    bench_open(&bench);
    struct signer_zone_options host = make_options("host.test.", "ns.host.test.", &host_buffer);
    struct signer_zone_options sub =
        make_options("sub.host.test.", "ns.sub.host.test.", &sub_buffer);
    add_child(&bench, 0);
    assert_int_equal(add(&bench, &host), OK); /* after its child */
    settle(&bench);
    assert_true(is_shown(&bench, "host.test.", "child0.test."));
    assert_int_equal(add(&bench, &sub), OK);
    settle(&bench);
    assert_true(is_shown(&bench, "sub.host.test.", "child0.test."));
    assert_false(is_shown(&bench, "host.test.", "child0.test."));
    remove_zone(&bench, sub.name);
    settle(&bench);
    assert_true(is_shown(&bench, "host.test.", "child0.test."));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_zone_goes_and_comes_back),
        cmocka_unit_test(test_why_there_is_no_version_is_told),
        cmocka_unit_test(test_another_policy_signs_again),
        cmocka_unit_test(test_a_host_pays_for_what_changed),
        cmocka_unit_test(test_another_host_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
