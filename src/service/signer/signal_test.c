/* What a signer shows of one zone in another (RFC 9615): where, when it follows the child, and
 * where it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/store/fake_disk.h"
#include "core/zone/test_zone.h"
#include "service/signer/signer.h"

enum { NOW = 1785542400, ZONES = 3 };
enum { HOST, CHILD, BARE };

static const char *const NAMES[ZONES] = {
    [HOST] = "op.net.", [CHILD] = "a.test.", [BARE] = "bare.net."};
static const char SIGNAL[] = "_dsboot.a.test._signal.ns1.op.net.";

static const char *const host_lines[] = {
    "op.net. SOA ns1.op.net. h.op.net. 7 3600 900 604800 300",
    "op.net. NS ns1.op.net.",
    "ns1.op.net. A 192.0.2.1",
    "ns2.op.net. A 192.0.2.2",
    "cut.op.net. NS ns.elsewhere.test.",
    "alias.op.net. DNAME other.test.",
};
static const char *const child_lines[] = {
    "a.test. SOA ns1.op.net. h.op.net. 7 3600 900 604800 300",
    "a.test. NS ns1.op.net.",
    "a.test. NS NS.a.test.",
    "a.test. NS ns.elsewhere.org.",
    "a.test. NS ns.cut.op.net.",
    "a.test. NS ns.alias.op.net.",
    "a.test. NS ns1.bare.net.",
    ("a.test. NS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
     "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc."
     "dddddddddddddddddddddddddddddddddddddd.op.net."),
    "ns.a.test. A 192.0.2.3",
};
static const char *const moved_lines[] = {
    "a.test. SOA ns1.op.net. h.op.net. 8 3600 900 604800 300",
    "a.test. NS ns2.op.net.",
};
static const char *const bare_lines[] = {
    "bare.net. SOA ns1.bare.net. h.bare.net. 7 3600 900 604800 300",
    "bare.net. NS ns1.bare.net.",
    "ns1.bare.net. A 192.0.2.1",
};

struct lines {
    const char *const *lines;
    size_t count;
};

struct bench {
    struct fake_disk files;
    struct disk disk;
    struct log log;
    struct outbox outbox;
    struct name_buffer buffers[ZONES];
    struct signer_zone_options options[ZONES];
    struct lines lines[ZONES];
    struct zone *published[ZONES];
    size_t publish_counts[ZONES];
    int64_t timers_ns[2 * ZONES]; /* as the signer numbers them: by the names' order */
    struct signer *signer;
    int64_t now_s;
    char answer[8192];
};

static void bench_log(void *self, enum log_level level, const char *sentence)
{
    (void)self;
    (void)level;
    (void)sentence;
}

static size_t index_of(const struct bench *bench, struct name apex)
{
    for (size_t i = 0; i < ZONES; i++) {
        if (name_equal(bench->options[i].name, apex)) {
            return i;
        }
    }
    fail_msg("a zone that there is not");
    return 0;
}

static struct zone *bench_load(void *user, const char *file, struct name apex,
                               struct problem *problem)
{
    (void)problem;
    struct bench *bench = user;
    (void)file;
    size_t i = index_of(bench, apex);
    return test_zone(NAMES[i], bench->lines[i].lines, bench->lines[i].count);
}

static void bench_publish(void *user, struct zone *version, struct moment now)
{
    struct bench *bench = user;
    (void)now;
    size_t i = index_of(bench, zone_apex(version));
    zone_release(bench->published[i]);
    bench->published[i] = version;
    bench->publish_counts[i]++;
    if (i == HOST) {
        test_verify_good(version, NULL, bench->now_s);
    }
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
            bench->timers_ns[effect->timer.timer] = effect->timer.at_mono_ns;
        } else if (effect->kind == EFFECT_CONTROL) {
            snprintf(bench->answer, sizeof bench->answer, "%.*s", (int)effect->control.text.len,
                     (const char *)effect->control.text.bytes);
        }
    }
    outbox_reset(&bench->outbox);
}

/* A second passes, and what is due happens. */
static void bench_wait(struct bench *bench)
{
    bench->now_s++;
    for (uint64_t i = 0; i < LEN(bench->timers_ns); i++) {
        if (bench->timers_ns[i] != 0 && bench->timers_ns[i] <= bench->now_s * MOMENT_NS_PER_S) {
            bench->timers_ns[i] = 0;
            bench_handle(bench, (struct event){.kind = EVENT_TIMER, .timer = i});
        }
    }
}

static void bench_ask(struct bench *bench, const char *line)
{
    bench_handle(bench, (struct event){.kind = EVENT_CONTROL,
                                       .control = {.request = 1, .line = span_of_text(line)}});
}

static void bench_start(struct bench *bench)
{
    struct signer_options options = {.zones = bench->options,
                                     .zone_count = ZONES,
                                     .disk = &bench->disk,
                                     .log = &bench->log,
                                     .load = bench_load,
                                     .publish = bench_publish,
                                     .notify = bench_notify,
                                     .user = bench};
    assert_int_equal(signer_open(&options, &bench->signer, NULL), OK);
    bench_handle(bench, (struct event){.kind = EVENT_START});
}

static void bench_open(struct bench *bench, bool is_signalled)
{
    *bench = (struct bench){.now_s = NOW,
                            .lines = {[HOST] = {host_lines, LEN(host_lines)},
                                      [CHILD] = {child_lines, LEN(child_lines)},
                                      [BARE] = {bare_lines, LEN(bare_lines)}}};
    bench->disk = fake_disk_open(&bench->files);
    bench->log = (struct log){bench_log, bench};
    outbox_open(&bench->outbox, 16 << 20);
    for (size_t i = 0; i < ZONES; i++) {
        bench->options[i] =
            (struct signer_zone_options){.name = test_name(NAMES[i], &bench->buffers[i]),
                                         .file = "file",
                                         .is_signed = i != BARE,
                                         .algorithm = ALGORITHM_ED25519,
                                         .is_signalled = is_signalled && i == CHILD,
                                         .policy = {.denial = i == HOST ? ZONE_NSEC3 : ZONE_NSEC,
                                                    .serial = ZONE_SERIAL_INCREMENT,
                                                    .has_cds = true}};
    }
    bench_start(bench);
    bench_wait(bench);
}

static void bench_close(struct bench *bench)
{
    signer_close(bench->signer);
    for (size_t i = 0; i < ZONES; i++) {
        zone_release(bench->published[i]);
    }
    outbox_close(&bench->outbox);
    fake_disk_close(&bench->files);
}

static void bench_restart(struct bench *bench)
{
    signer_close(bench->signer);
    memset(bench->timers_ns, 0, sizeof bench->timers_ns);
    bench_start(bench);
}

static const struct rrset *shown(const struct bench *bench, const char *text, uint16_t type)
{
    struct name_buffer buffer;
    return zone_find_rrset(bench->published[HOST], test_name(text, &buffer), type);
}

static bool is_like_child(const struct bench *bench, const char *text)
{
    static const uint16_t types[] = {TYPE_CDS, TYPE_CDNSKEY};
    for (size_t i = 0; i < LEN(types); i++) {
        const struct rrset *set = shown(bench, text, types[i]);
        const struct rrset *own =
            zone_find_rrset(bench->published[CHILD], bench->options[CHILD].name, types[i]);
        if (set == NULL || own == NULL || set->ttl_s != own->ttl_s ||
            !span_equal(span_of(set->rdata, set->rdata_len), span_of(own->rdata, own->rdata_len))) {
            return false;
        }
    }
    return true;
}

static size_t count_signals(const struct bench *bench)
{
    size_t count = 0;
    struct zone_cursor cursor;
    zone_walk(bench->published[HOST], &cursor);
    for (const struct zone_node *node; (node = zone_walk_next(&cursor)) != NULL;) {
        count += ds_is_signal(node->owner);
    }
    return count;
}

static void test_shown_in_the_host_and_only_where_it_can_be(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "authsignal ns1.op.net.: shown",
        "authsignal NS.a.test.: not needed",
        "authsignal ns.elsewhere.org.: no: the name is in no zone",
        "authsignal ns.cut.op.net.: no: the name is below a delegation",
        "authsignal ns.alias.op.net.: no: the name is below a delegation or a DNAME",
        "authsignal ns1.bare.net.: no: the zone that the name is in is not signed",
        "dddd.op.net.: no: the name would be too long",
    };
    struct bench bench;
    bench_open(&bench, true);
    assert_true(is_like_child(&bench, SIGNAL));
    assert_int_equal(count_signals(&bench), 1);
    bench_ask(&bench, "zone-status a.test.");
    for (size_t i = 0; i < LEN(lines); i++) {
        if (strstr(bench.answer, lines[i]) == NULL) {
            fail_msg("\"%s\" is not in:\n%s", lines[i], bench.answer);
        }
    }
    size_t count = bench.publish_counts[HOST];
    for (size_t i = 0; i < 5; i++) {
        bench_wait(&bench);
    }
    assert_int_equal(bench.publish_counts[HOST], count); /* once is enough */
    bench_close(&bench);
}

static void test_nothing_is_shown_where_nobody_asked_for_it(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, false);
    assert_int_equal(count_signals(&bench), 0);
    bench_close(&bench);
}

static void test_it_follows_the_child(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, true);
    bench_ask(&bench, "key-add a.test. ksk");
    assert_false(is_like_child(&bench, SIGNAL));
    bench_wait(&bench);
    assert_true(is_like_child(&bench, SIGNAL));
    bench.lines[CHILD] = (struct lines){moved_lines, LEN(moved_lines)};
    bench_ask(&bench, "reload a.test.");
    bench_wait(&bench);
    assert_null(shown(&bench, SIGNAL, TYPE_CDS));
    assert_true(is_like_child(&bench, "_dsboot.a.test._signal.ns2.op.net."));
    assert_int_equal(count_signals(&bench), 1);
    bench_ask(&bench, "unsign a.test.");
    bench_wait(&bench);
    assert_int_equal(count_signals(&bench), 0);
    bench_close(&bench);
}

static void test_a_restart_does_not_take_it_away(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, true);
    size_t count = bench.publish_counts[HOST];
    bench_restart(&bench);
    assert_true(is_like_child(&bench, SIGNAL));
    assert_int_equal(bench.publish_counts[HOST], count + 1); /* as it was, and no other */
    bench_close(&bench);
}

/* Where the owner's data come from the version that was kept, what was shown is none of them. */
static void test_what_was_shown_is_not_the_owners(void **state)
{
    (void)state;
    static const char *const own_lines[] = {
        "op.net. SOA ns1.op.net. h.op.net. 7 3600 900 604800 300",
        "op.net. NS ns1.op.net.",
        "ns1.op.net. A 192.0.2.1",
        "cut.op.net. NS ns.elsewhere.test.",
        "alias.op.net. NS ns.elsewhere.test.",
        "_dsboot.foreign.test._signal.ns1.op.net. CDS 0 0 0 00"};
    struct bench bench;
    bench_open(&bench, true);
    bench.lines[HOST] = (struct lines){own_lines, LEN(own_lines)};
    bench_ask(&bench, "reload op.net.");
    assert_int_equal(count_signals(&bench), 2);
    bench.options[HOST].file = NULL;
    bench.options[CHILD].is_signalled = false;
    bench_restart(&bench);
    bench_ask(&bench, "key-add op.net. zsk"); /* a reason for the next version */
    for (size_t i = 0; i < 70; i++) {
        bench_wait(&bench);
    }
    assert_null(shown(&bench, SIGNAL, TYPE_CDS));
    assert_int_equal(count_signals(&bench), 1);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shown_in_the_host_and_only_where_it_can_be),
        cmocka_unit_test(test_nothing_is_shown_where_nobody_asked_for_it),
        cmocka_unit_test(test_it_follows_the_child),
        cmocka_unit_test(test_a_restart_does_not_take_it_away),
        cmocka_unit_test(test_what_was_shown_is_not_the_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
