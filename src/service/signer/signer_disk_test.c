/* The signer on a disk that fails, or loses its power, at the n-th write, for every n: what is
 * handed out is always good, never older than what was handed out before, and after a restart
 * everything that was confirmed is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/zone/test_zone.h"
#include "core/zone/transfer.h"
#include "service/signer/signer.h"
#include "world/sim/sim.h"

enum { NOW = 1785542400, NAMES_MAX = 40, RUNS_MAX = 400 };

struct bench {
    struct sim *sim;
    size_t node;
    struct disk disk;
    struct signer *signer;
    struct name_buffer name_buffer, key_buffer;
    struct update_rule rule;
    struct signer_zone_options zone;
    const char *host;       /* the address that the file gives to www */
    uint32_t file_serial;   /* of the file */
    struct zone *published; /* last handed out, in any life */
    size_t publish_count;
    uint16_t rcode; /* of the last UPDATE */
    char confirmed[NAMES_MAX][20];
    size_t confirmed_count, asked_count;
};

static struct zone *bench_load(void *user, const char *file, struct name apex,
                               struct problem *problem)
{
    (void)problem;
    const struct bench *bench = user;
    char soa[100], www[60];
    (void)file;
    (void)apex;
    snprintf(soa, sizeof soa, "example. SOA ns.example. h.example. %u 3600 900 604800 300",
             bench->file_serial);
    snprintf(www, sizeof www, "www.example. A %s", bench->host);
    const char *const lines[] = {soa, "example. NS ns.example.", "ns.example. A 192.0.2.1", www};
    return test_zone("example.", lines, LEN(lines));
}

static void bench_publish(void *user, struct zone *version, struct moment now)
{
    struct bench *bench = user;
    if (zone_find_rrset(version, bench->zone.name, TYPE_DNSKEY) != NULL) {
        test_verify_good(version, NULL, moment_wall_s(now));
    }
    if (bench->published != NULL) {
        assert_false(serial_is_newer(zone_serial(bench->published), zone_serial(version)));
    }
    zone_release(bench->published);
    bench->published = version;
    bench->publish_count++;
}

static void bench_remember(void *user, struct zone *version)
{
    (void)user;
    zone_release(version);
}

static void bench_notify(void *user, struct name zone, struct moment now)
{
    (void)user;
    (void)zone;
    (void)now;
}

/* An UPDATE that adds a TXT record at that name. */
static struct span write_update(struct bench *bench, const char *name, uint8_t bytes[512])
{
    struct writer wire = writer_over(bytes, 512);
    struct name_buffer buffer;
    static const uint16_t head[] = {1, OPCODE_UPDATE << 11, 1, 0, 1, 0};
    for (size_t i = 0; i < LEN(head); i++) {
        writer_u16(&wire, head[i]);
    }
    name_write(bench->zone.name, &wire);
    writer_u16(&wire, TYPE_SOA);
    writer_u16(&wire, CLASS_IN);
    name_write(test_name(name, &buffer), &wire);
    writer_u16(&wire, TYPE_TXT);
    writer_u16(&wire, CLASS_IN);
    writer_u32(&wire, 300);
    writer_u16(&wire, 2);
    writer_u16(&wire, 0x0161);
    return writer_written(&wire);
}

/* The operator also speaks "update NAME"; all else is the signer's. */
static void bench_handle(void *state, const struct event *event, struct outbox *outbox)
{
    struct bench *bench = state;
    char line[64] = "", name[40];
    if (event->kind == EVENT_CONTROL) {
        snprintf(line, sizeof line, "%.*s", (int)event->control.line.len,
                 (const char *)event->control.line.bytes);
    }
    if (sscanf(line, "update %39s", name) != 1) {
        signer_handle(bench->signer, event, outbox);
        return;
    }
    uint8_t bytes[512];
    struct signer_update update = {bench->zone.name, bench->rule.key,
                                   write_update(bench, name, bytes)};
    bench->rcode = signer_update(bench->signer, &update, event->now, outbox);
    outbox_add(outbox, EFFECT_CONTROL)->control = (struct effect_control){
        event->control.request, bench->rcode != RCODE_NOERROR, SPAN_LITERAL("done\n")};
}

static struct node bench_live(void *user, struct moment now)
{
    struct bench *bench = user;
    struct problem problem = {0};
    struct signer_options options = {.zones = &bench->zone,
                                     .zone_count = 1,
                                     .disk = &bench->disk,
                                     .log = sim_log(bench->sim, bench->node),
                                     .load = bench_load,
                                     .remember = bench_remember,
                                     .publish = bench_publish,
                                     .notify = bench_notify,
                                     .user = bench};
    (void)now;
    assert_int_equal(signer_open(&options, &bench->signer, &problem), OK);
    return (struct node){bench_handle, bench};
}

static void bench_die(void *user)
{
    struct bench *bench = user;
    signer_close(bench->signer);
    bench->signer = NULL;
}

static void bench_open(struct bench *bench, uint64_t seed)
{
    struct sim_options options = {
        .seed = seed, .wall_s = NOW, .delay_min_us = 100, .delay_max_us = 200};
    *bench = (struct bench){.sim = sim_open(&options), .host = "192.0.2.10", .file_serial = 7};
    bench->node =
        sim_add_node(bench->sim, "signer", (struct sim_life){bench_live, bench_die, bench});
    bench->disk = sim_disk(bench->sim, bench->node, "state");
    bench->rule = (struct update_rule){
        .key = test_name("key.", &bench->key_buffer), .match = UPDATE_ZONE, .has_any_type = true};
    bench->zone = (struct signer_zone_options){
        .name = test_name("example.", &bench->name_buffer),
        .file = "example.zone",
        .is_signed = true,
        .algorithm = ALGORITHM_ECDSAP256SHA256,
        .policy = {.denial = ZONE_NSEC, .serial = ZONE_SERIAL_INCREMENT},
        .update_rules = &bench->rule,
        .update_rule_count = 1};
    sim_start(bench->sim, bench->node);
}

static void bench_close(struct bench *bench)
{
    sim_close(bench->sim);
    zone_release(bench->published);
}

static bool has_name(const struct bench *bench, const char *name)
{
    struct name_buffer buffer;
    return zone_find_rrset(bench->published, test_name(name, &buffer), TYPE_TXT) != NULL;
}

/* OK when the line was obeyed. A node that died over it lives again afterwards. */
static enum status ask(struct bench *bench, const char *line)
{
    struct arena arena;
    struct span text;
    arena_open(&arena, 1 << 20);
    enum status status = sim_control(bench->sim, bench->node, line, &arena, &text);
    arena_close(&arena);
    if (!sim_is_alive(bench->sim, bench->node)) {
        sim_start(bench->sim, bench->node);
    }
    return status;
}

static void update(struct bench *bench)
{
    char line[64], name[20];
    snprintf(name, sizeof name, "u%zu.example.", bench->asked_count++);
    snprintf(line, sizeof line, "update %s", name);
    if (ask(bench, line) != OK) {
        return;
    }
    assert_true(has_name(bench, name)); /* who is told yes finds it handed out */
    snprintf(bench->confirmed[bench->confirmed_count++], sizeof name, "%s", name);
}

/* Everything confirmed is in the version that a restart hands out. */
static void check_after_restart(struct bench *bench)
{
    sim_fail_at_write(bench->sim, bench->node, 0, 0);
    sim_crash(bench->sim, bench->node);
    size_t count = bench->publish_count;
    sim_start(bench->sim, bench->node);
    sim_run(bench->sim, 2 * MOMENT_NS_PER_S);
    assert_true(bench->publish_count > count);
    for (size_t i = 0; i < bench->confirmed_count; i++) {
        if (!has_name(bench, bench->confirmed[i])) {
            fail_msg("%s was confirmed and is lost", bench->confirmed[i]);
        }
    }
    size_t confirmed = bench->confirmed_count;
    update(bench); /* and it goes on */
    assert_int_equal(bench->confirmed_count, confirmed + 1);
}

static void work_with_updates(struct bench *bench)
{
    for (size_t i = 0; i < 4; i++) {
        update(bench);
    }
    (void)!ask(bench, "key-add example ksk");
    update(bench);
    (void)!ask(bench, "unsign example");
    update(bench);
    (void)!ask(bench, "sign example");
    update(bench);
    sim_run(bench->sim, (int64_t)200 * MOMENT_NS_PER_S); /* what failed is tried again */
    update(bench);
}

static void work_with_files(struct bench *bench)
{
    update(bench);
    bench->confirmed_count = 0; /* the file does not have it */
    bench->file_serial = 8;
    bench->host = "192.0.2.11";
    bool is_taken = ask(bench, "reload") == OK;
    sim_run(bench->sim, (int64_t)200 * MOMENT_NS_PER_S);
    update(bench);
    assert_true(!is_taken || bench->published != NULL);
    bench->file_serial = 9;
    bench->host = "192.0.2.12";
    (void)!ask(bench, "reload");
    sim_run(bench->sim, (int64_t)200 * MOMENT_NS_PER_S);
    bench->confirmed_count = 0;
    update(bench);
}

/* Every write of the work in turn, until there is none left to fail. */
static void run_all(void (*work)(struct bench *bench), uint32_t faults, bool is_power)
{
    uint32_t writes = 1;
    for (uint32_t at = 0; at < writes; at++) {
        struct bench bench;
        bench_open(&bench, 1000 + at);
        uint32_t before = sim_write_count(bench.sim, bench.node);
        if (is_power) {
            sim_crash_at_write(bench.sim, bench.node, at);
        } else {
            sim_fail_at_write(bench.sim, bench.node, at, faults);
        }
        work(&bench);
        writes = sim_write_count(bench.sim, bench.node) - before;
        assert_true(writes < RUNS_MAX);
        if (!is_power || at < writes) {
            check_after_restart(&bench);
        }
        bench_close(&bench);
    }
}

static void test_a_write_fails(void **state)
{
    (void)state;
    run_all(work_with_updates, 1, false);
    run_all(work_with_files, 1, false);
}

static void test_writes_fail_for_a_while(void **state)
{
    (void)state;
    run_all(work_with_updates, 5, false);
    run_all(work_with_files, 5, false);
}

static void test_writes_fail_for_good(void **state)
{
    (void)state;
    run_all(work_with_updates, RUNS_MAX, false);
    run_all(work_with_files, RUNS_MAX, false);
}

static void test_the_power_goes_inside_a_write(void **state)
{
    (void)state;
    run_all(work_with_updates, 0, true);
    run_all(work_with_files, 0, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_write_fails),
        cmocka_unit_test(test_writes_fail_for_a_while),
        cmocka_unit_test(test_writes_fail_for_good),
        cmocka_unit_test(test_the_power_goes_inside_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
