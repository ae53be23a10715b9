/* UPDATEs of a zone with ZONEMD: several are made into one version, in the order they came, each is
 * told its own RCODE when that version is handed out, and one that fails fails alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/store/fake_disk.h"
#include "core/zone/test_zone.h"
#include "service/signer/signer.h"

enum { NOW = 1785542400, TICKETS_MAX = 200, NOT_TOLD = 0xeeee };

struct bench {
    struct fake_disk files;
    struct disk disk;
    struct outbox outbox;
    struct name_buffer name_buffer, key_buffer, stranger_buffer;
    struct name stranger;
    struct update_rule rule;
    struct signer_zone_options zone_options;
    struct signer *signer;
    struct zone *published; /* last handed out */
    size_t publish_count;
    uint16_t told[TICKETS_MAX]; /* by ticket */
    uint64_t last_told;
    uint64_t timer; /* last set, and for when */
    int64_t timer_mono_ns;
};

static const struct moment now = {(int64_t)NOW * MOMENT_NS_PER_S, (int64_t)NOW *MOMENT_NS_PER_S};

static struct zone *bench_load(void *user, const char *file, struct name apex,
                               struct problem *problem)
{
    (void)problem;
    static const char *const lines[] = {
        "example. SOA ns.example. root.example. 7 3600 900 604800 300",
        "example. NS ns.example.",
        "ns.example. A 192.0.2.1",
    };
    (void)user;
    (void)file;
    (void)apex;
    return test_zone("example.", lines, LEN(lines));
}

static void bench_publish(void *user, struct zone *version, struct moment at)
{
    struct bench *bench = user;
    test_verify_good(version, NULL, moment_wall_s(at));
    zone_release(bench->published);
    bench->published = version;
    bench->publish_count++;
}

/* Whoever is told finds the version handed out. */
static void bench_updated(void *user, uint64_t ticket, uint16_t rcode, struct moment at)
{
    struct bench *bench = user;
    (void)at;
    assert_true(ticket > bench->last_told && ticket < TICKETS_MAX);
    assert_int_equal(bench->told[ticket], NOT_TOLD);
    bench->last_told = ticket;
    bench->told[ticket] = rcode;
}

static void log_nothing(void *self, enum log_level level, const char *sentence)
{
    (void)self;
    (void)level;
    (void)sentence;
}

static void act(struct bench *bench)
{
    for (size_t i = 0; i < bench->outbox.count; i++) {
        const struct effect *effect = &bench->outbox.effects[i];
        if (effect->kind == EFFECT_TIMER && effect->timer.timer != 0) {
            bench->timer = effect->timer.timer;
            bench->timer_mono_ns = effect->timer.at_mono_ns;
        }
    }
    outbox_reset(&bench->outbox);
}

static void handle(struct bench *bench, struct event event)
{
    event.now = now;
    signer_handle(bench->signer, &event, &bench->outbox);
    act(bench);
}

static void bench_open(struct bench *bench, bool has_zonemd)
{
    *bench = (struct bench){.timer_mono_ns = TIMER_NEVER_NS};
    bench->disk = fake_disk_open(&bench->files);
    outbox_open(&bench->outbox, 64 << 20);
    bench->stranger = test_name("stranger.", &bench->stranger_buffer);
    bench->rule = (struct update_rule){
        .key = test_name("key.", &bench->key_buffer), .match = UPDATE_ZONE, .has_any_type = true};
    bench->zone_options = (struct signer_zone_options){
        .name = test_name("example.", &bench->name_buffer),
        .file = "example.zone",
        .is_signed = true,
        .algorithm = ALGORITHM_ECDSAP256SHA256,
        .policy = {.serial = ZONE_SERIAL_INCREMENT, .has_zonemd = has_zonemd},
        .update_rules = &bench->rule,
        .update_rule_count = 1};
    static const struct log silence = {log_nothing, NULL};
    struct signer_options options = {.zones = &bench->zone_options,
                                     .zone_count = 1,
                                     .disk = &bench->disk,
                                     .log = &silence,
                                     .load = bench_load,
                                     .publish = bench_publish,
                                     .updated = bench_updated,
                                     .user = bench};
    struct problem problem = {0};
    assert_int_equal(signer_open(&options, &bench->signer, &problem), OK);
    handle(bench, (struct event){.kind = EVENT_START});
    assert_int_equal(bench->publish_count, 1);
    for (size_t i = 0; i < TICKETS_MAX; i++) {
        bench->told[i] = NOT_TOLD;
    }
}

static void bench_close(struct bench *bench)
{
    signer_close(bench->signer);
    zone_release(bench->published);
    outbox_close(&bench->outbox);
    fake_disk_close(&bench->files);
}

static void write_record(struct writer *wire, const char *owner, uint16_t type, uint16_t class_)
{
    struct name_buffer buffer;
    name_write(test_name(owner, &buffer), wire);
    writer_u16(wire, type);
    writer_u16(wire, class_);
    writer_u32(wire, class_ == CLASS_IN ? 300 : 0);
}

/* Adds a TXT record; `needed`, which may be NULL, must own that type before. */
struct wish {
    const char *added, *needed;
    uint16_t needed_type;
    bool is_of_stranger;
};

static uint16_t ask(struct bench *bench, struct wish wish, uint64_t ticket)
{
    uint8_t bytes[512];
    struct writer wire = writer_over(bytes, sizeof bytes);
    const uint16_t head[] = {1, OPCODE_UPDATE << 11, 1, wish.needed != NULL, 1, 0};
    for (size_t i = 0; i < LEN(head); i++) {
        writer_u16(&wire, head[i]);
    }
    name_write(bench->zone_options.name, &wire);
    writer_u16(&wire, TYPE_SOA);
    writer_u16(&wire, CLASS_IN);
    if (wish.needed != NULL) {
        write_record(&wire, wish.needed, wish.needed_type, CLASS_ANY);
        writer_u16(&wire, 0);
    }
    write_record(&wire, wish.added, TYPE_TXT, CLASS_IN);
    writer_u16(&wire, 2);
    writer_u16(&wire, 0x0161);
    struct signer_update update = {bench->zone_options.name,
                                   wish.is_of_stranger ? bench->stranger : bench->rule.key,
                                   writer_written(&wire), ticket};
    uint16_t rcode = signer_update(bench->signer, &update, now, &bench->outbox);
    memset(bytes, 0xff, sizeof bytes); /* the message does not outlive the call */
    act(bench);
    return rcode;
}

static bool has_name(const struct bench *bench, const char *name)
{
    struct name_buffer buffer;
    return zone_find_rrset(bench->published, test_name(name, &buffer), TYPE_TXT) != NULL;
}

static void let_time_pass(struct bench *bench)
{
    assert_int_equal(bench->timer, 1); /* behind the one for signatures */
    assert_true(bench->timer_mono_ns >= now.mono_ns &&
                bench->timer_mono_ns <= now.mono_ns + MOMENT_NS_PER_S);
    handle(bench, (struct event){.kind = EVENT_TIMER, .timer = 1});
    assert_int_equal(bench->timer_mono_ns, TIMER_NEVER_NS);
}

static void test_several_become_one_version(void **state)
{
    (void)state;
    static const struct {
        struct wish wish;
        uint16_t rcode;
        const char *why;
    } rows[] = {
        {{"a.example."}, RCODE_NOERROR, "the first"},
        {{"b.example.", "none.example.", TYPE_TXT}, RCODE_NXRRSET, "fails alone"},
        {{"c.example.", "a.example.", TYPE_TXT}, RCODE_NOERROR, "sees what the first did"},
        {{"d.example.", .is_of_stranger = true}, RCODE_REFUSED, "by a key without a rule"},
        {{"a.example."}, RCODE_NOERROR, "there is nothing left to do"},
    };
    struct bench bench;
    bench_open(&bench, true);
    for (size_t i = 0; i < LEN(rows); i++) {
        assert_int_equal(ask(&bench, rows[i].wish, i + 1), SIGNER_UPDATE_LATER);
        assert_int_equal(bench.last_told, 0);
    }
    assert_int_equal(bench.publish_count, 1);
    let_time_pass(&bench);
    assert_int_equal(bench.publish_count, 2);
    for (size_t i = 0; i < LEN(rows); i++) {
        if (bench.told[i + 1] != rows[i].rcode) {
            fail_msg("%s: told %u", rows[i].why, bench.told[i + 1]);
        }
        assert_int_equal(has_name(&bench, rows[i].wish.added), rows[i].rcode == RCODE_NOERROR);
    }
    bench_close(&bench);
}

/* What only a published version can tell is asked of one. */
static void test_what_the_signer_makes_is_seen(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, true);
    assert_int_equal(ask(&bench, (struct wish){"a.example."}, 1), SIGNER_UPDATE_LATER);
    assert_int_equal(ask(&bench, (struct wish){"b.example.", "example.", TYPE_DNSKEY}, 2),
                     SIGNER_UPDATE_LATER);
    let_time_pass(&bench);
    assert_int_equal(bench.publish_count, 3);
    assert_int_equal(bench.told[1], RCODE_NOERROR);
    assert_int_equal(bench.told[2], RCODE_NOERROR);
    assert_true(has_name(&bench, "a.example.") && has_name(&bench, "b.example."));
    bench_close(&bench);
}

static void test_what_cannot_be_kept_is_tried_alone(void **state)
{
    (void)state;
    for (int is_for_good = 0; is_for_good < 2; is_for_good++) {
        struct bench bench;
        bench_open(&bench, true);
        assert_int_equal(ask(&bench, (struct wish){"a.example."}, 1), SIGNER_UPDATE_LATER);
        assert_int_equal(ask(&bench, (struct wish){"b.example."}, 2), SIGNER_UPDATE_LATER);
        bench.files.fault_at = bench.files.writes + 1;
        bench.files.is_broken_for_good = is_for_good != 0;
        let_time_pass(&bench);
        uint16_t expected = is_for_good ? RCODE_SERVFAIL : RCODE_NOERROR;
        assert_int_equal(bench.publish_count, is_for_good ? 1 : 3);
        assert_int_equal(bench.told[1], expected);
        assert_int_equal(bench.told[2], expected);
        assert_int_equal(has_name(&bench, "b.example."), !is_for_good);
        bench_close(&bench);
    }
}

static void test_what_waits_comes_first(void **state)
{
    (void)state;
    static const struct event events[] = {
        {.kind = EVENT_STOP},
        {.kind = EVENT_RELOAD},
        {.kind = EVENT_TIMER, .timer = 0},
        {.kind = EVENT_CONTROL, .control = {.request = 1, .line = SPAN_LITERAL("status")}},
    };
    for (size_t i = 0; i < LEN(events); i++) {
        struct bench bench;
        bench_open(&bench, true);
        assert_int_equal(ask(&bench, (struct wish){"a.example."}, 1), SIGNER_UPDATE_LATER);
        handle(&bench, events[i]);
        assert_int_equal(bench.told[1], RCODE_NOERROR);
        assert_true(has_name(&bench, "a.example."));
        bench_close(&bench);
    }
    struct bench bench;
    bench_open(&bench, true);
    assert_int_equal(ask(&bench, (struct wish){"a.example."}, 1), SIGNER_UPDATE_LATER);
    struct wish at_once = {"b.example.", "a.example.", TYPE_TXT};
    assert_int_equal(ask(&bench, at_once, 0), RCODE_NOERROR);
    assert_int_equal(bench.told[1], RCODE_NOERROR);
    bench_close(&bench);
}

static void test_no_more_than_can_be_kept(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, true);
    for (uint64_t ticket = 1; ticket < TICKETS_MAX; ticket++) {
        char name[20];
        snprintf(name, sizeof name, "u%u.example.", (unsigned)ticket);
        assert_int_equal(ask(&bench, (struct wish){name}, ticket), SIGNER_UPDATE_LATER);
    }
    assert_int_equal(bench.publish_count, 2); /* those that were too many to wait */
    let_time_pass(&bench);
    assert_int_equal(bench.publish_count, 3);
    for (uint64_t ticket = 1; ticket < TICKETS_MAX; ticket++) {
        assert_int_equal(bench.told[ticket], RCODE_NOERROR);
    }
    bench_close(&bench);
}

static void test_others_do_not_wait(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, false);
    assert_int_equal(ask(&bench, (struct wish){"a.example."}, 1), RCODE_NOERROR);
    assert_true(has_name(&bench, "a.example."));
    assert_int_equal(bench.told[1], NOT_TOLD);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_become_one_version),
        cmocka_unit_test(test_what_the_signer_makes_is_seen),
        cmocka_unit_test(test_what_cannot_be_kept_is_tried_alone),
        cmocka_unit_test(test_what_waits_comes_first),
        cmocka_unit_test(test_no_more_than_can_be_kept),
        cmocka_unit_test(test_others_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
