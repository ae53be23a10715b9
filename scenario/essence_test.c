/* The tour's essence in the simulator, under many seeds and with machines that die; and that its
 * oracle sees a broken world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/essence.h"

enum { SEEDS = 24, CRASH_SEEDS = 16, WRITES = 10 };

struct outcome {
    uint64_t trace;
    uint32_t deaths; /* of all machines */
};

/* What was seen stays in `essence` when the lab is closed. */
static struct outcome run(const struct lab_keys *keys, const struct essence_plan *plan,
                          struct essence *essence)
{
    struct outcome outcome = {0};
    essence_open(essence, keys, plan);
    essence_run_all(essence);
    outcome.trace = sim_trace(lab_sim(essence->lab));
    for (size_t i = 0; i < LAB_ROLE_COUNT; i++) {
        outcome.deaths += sim_life_count(lab_sim(essence->lab), i) - 1;
    }
    essence_close(essence);
    return outcome;
}

static const char *const fault_texts[] = {[ESSENCE_CRASH] = "at ms",
                                          [ESSENCE_STOP] = "in good order at ms",
                                          [ESSENCE_CRASH_AT_WRITE] = "in write",
                                          [ESSENCE_DISK_FAILS] =
                                              "not, but its disk fails at write"};

static void print_plan(const struct essence_plan *plan)
{
    print_message("seed %llu, %u%% lost, %u%% repeated", (unsigned long long)plan->lab.seed,
                  plan->lab.loss_percent, plan->lab.repeat_percent);
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct essence_fault *fault = &plan->faults[i];
        print_message(", %s dies in step %d %s %u", lab_role_text(fault->role), (int)fault->step,
                      fault_texts[fault->kind], fault->amount);
    }
    print_message("\n");
}

/* Returns the machines' deaths. */
static uint32_t expect_good(const struct lab_keys *keys, const struct essence_plan *plan)
{
    struct essence essence;
    struct outcome outcome = run(keys, plan, &essence);
    if (!watch_is_good(&essence.watch)) {
        print_plan(plan);
        fail_msg("%s", essence.watch.fault);
    }
    return outcome.deaths;
}

static void test_quiet(void **state)
{
    struct essence essence;
    struct essence_plan plan = {.lab = {.seed = 1}};
    (void)run(*state, &plan, &essence);
    assert_string_equal(essence.watch.fault, "");
    assert_true(essence.watch.counts[LAB_VIEW_SECURE] > 5);
    assert_true(essence.watch.counts[LAB_VIEW_INSECURE] > 5);
    assert_true(essence.watch.counts[LAB_VIEW_BOGUS] > 5);
    assert_int_equal(essence.watch.counts[LAB_VIEW_SILENCE], 0);
    assert_int_equal(essence.watch.counts[LAB_VIEW_UNREACHED], 0);
    assert_int_equal(essence.owner.operation_count, 5);
    assert_int_equal(essence.owner.mail_count, 4);
    assert_int_equal(essence.owner.deliveries, 4);
    assert_true(essence.ds_wait_s <= 6); /* NOTIFY, not the refresh, brings the news */
}

static void test_bad_network(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct essence_plan plan = {.lab = {.seed = seed,
                                            .loss_percent = (uint32_t)(seed * 5 % 26),
                                            .repeat_percent = (uint32_t)(seed * 7 % 30)}};
        print_plan(&plan);
        expect_good(*state, &plan);
    }
}

/* A generator of its own, so that a plan follows from its seed. */
static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*random >> 33) % below;
}

/* A bad network, and in every step up to two machines die: at any time, or in any write. */
static void make_plan(uint64_t seed, struct essence_plan *plan)
{
    static const enum essence_fault_kind kinds[] = {ESSENCE_CRASH, ESSENCE_CRASH, ESSENCE_STOP,
                                                    ESSENCE_CRASH_AT_WRITE, ESSENCE_DISK_FAILS};
    uint64_t random = seed;
    *plan = (struct essence_plan){.lab = {.seed = seed,
                                          .loss_percent = draw(&random, 26),
                                          .repeat_percent = draw(&random, 21)}};
    for (size_t i = 0; i < ESSENCE_STEP_COUNT; i++) {
        uint32_t count = draw(&random, 3);
        for (uint32_t j = 0; j < count; j++) {
            enum essence_fault_kind kind = kinds[draw(&random, LEN(kinds))];
            plan->faults[plan->fault_count++] = (struct essence_fault){
                .step = (enum essence_step)i,
                .role = (enum lab_role)draw(&random, LAB_ROLE_COUNT),
                .kind = kind,
                .amount = draw(&random, kind < ESSENCE_CRASH_AT_WRITE ? 6000 : WRITES)};
        }
    }
}

static void test_machines_die(void **state)
{
    uint32_t deaths = 0;
    for (uint64_t seed = 101; seed <= 100 + CRASH_SEEDS; seed++) {
        struct essence_plan plan;
        make_plan(seed, &plan);
        print_plan(&plan);
        deaths += expect_good(*state, &plan);
    }
    print_message("%u deaths\n", deaths);
    assert_true(deaths > 2 * CRASH_SEEDS);
}

/* Each of the writes of a step fails, of each machine that keeps something: the power goes, or the
 * service is told. Returns the machines' deaths. */
static uint32_t fail_writes(const struct lab_keys *keys, enum lab_role role,
                            enum essence_fault_kind kind)
{
    static const enum essence_step steps[] = {ESSENCE_ADD, ESSENCE_REFUSE, ESSENCE_DELETE};
    uint32_t deaths = 0;
    for (size_t i = 0; i < LEN(steps); i++) {
        for (uint32_t writes = 0; writes < WRITES; writes++) {
            struct essence_plan plan = {.lab = {.seed = 1000 * role + 100 * i + writes},
                                        .faults = {{steps[i], role, kind, writes}},
                                        .fault_count = 1};
            deaths += expect_good(keys, &plan);
        }
    }
    return deaths;
}

static const struct {
    enum lab_role role;
    uint32_t deaths_min; /* so many writes it has in those steps, at least */
} writers[] = {{LAB_REGISTRAR, 20}, {LAB_REGISTRY, 4}, {LAB_TLD_SIGNER, 6}, {LAB_TLD, 2}};

static void test_power_goes_in_writes(void **state)
{
    for (size_t i = 0; i < LEN(writers); i++) {
        uint32_t deaths = fail_writes(*state, writers[i].role, ESSENCE_CRASH_AT_WRITE);
        print_message("%s: %u deaths\n", lab_role_text(writers[i].role), deaths);
        assert_true(deaths >= writers[i].deaths_min);
    }
}

static void test_disks_fail_in_writes(void **state)
{
    for (size_t i = 0; i < LEN(writers); i++) {
        assert_int_equal(fail_writes(*state, writers[i].role, ESSENCE_DISK_FAILS), 0);
    }
}

static void test_the_seed_alone_decides(void **state)
{
    struct essence_plan plan = {
        .lab = {.seed = 7, .loss_percent = 10, .repeat_percent = 10},
        .faults = {{ESSENCE_ADD, LAB_REGISTRAR, ESSENCE_CRASH, 400},
                   {ESSENCE_DELETE, LAB_REGISTRY, ESSENCE_CRASH_AT_WRITE, 1}},
        .fault_count = 2};
    struct essence essence;
    uint64_t first = run(*state, &plan, &essence).trace;
    assert_true(first == run(*state, &plan, &essence).trace);
    plan.lab.seed++;
    assert_true(first != run(*state, &plan, &essence).trace);
}

/* ------------------------------------------------------------------ broken worlds */

static void told(struct essence *essence, enum lab_role role, const char *line)
{
    const char *text;
    assert_int_equal(lab_control(essence->lab, role, line, &text), OK);
}

/* The provider changes its key; the DS at the registry stays that of the old one. */
static void break_rolled_key(struct essence *essence)
{
    told(essence, LAB_PROVIDER_SIGNER, "key-add example.com ksk ED25519");
    watch_pass(&essence->watch, 20);
    assert_string_equal(essence->watch.fault, "");
    told(essence, LAB_PROVIDER_SIGNER, "key-retire example.com oldest");
    watch_pass(&essence->watch, 60);
}

static void break_attack(struct essence *essence)
{
    told(essence, LAB_ATTACKER, "attack on");
    watch_pass(&essence->watch, 60);
}

static void break_promise(struct essence *essence)
{
    snprintf(essence->owner.accepted[essence->owner.accepted_count++], OWNER_ID_SIZE, "promised");
    owner_check(&essence->owner);
}

static void break_registry(struct essence *essence)
{
    told(essence, LAB_REGISTRY, "pause");
    essence_run(essence, ESSENCE_DELETE);
}

/* The TLD's signer may publish nothing that it cannot keep. */
static void break_disk(struct essence *essence)
{
    sim_fail_at_write(lab_sim(essence->lab), lab_node(essence->lab, LAB_TLD_SIGNER), 0, UINT32_MAX);
    essence_run(essence, ESSENCE_DELETE);
}

/* Another sender, which says what it is told to. */
static void impostor_handle(void *state, const struct event *event, struct outbox *outbox)
{
    (void)state;
    if (event->kind == EVENT_CONTROL) {
        outbox_add(outbox, EFFECT_MAIL)->mail =
            (struct effect_mail){.sender = SPAN_LITERAL("domains@vouch.test"),
                                 .recipient = SPAN_LITERAL("owner@example.test"),
                                 .message_id = SPAN_LITERAL("again@vouch.test"),
                                 .message = event->control.line};
        outbox_add(outbox, EFFECT_CONTROL)->control =
            (struct effect_control){event->control.request, false, SPAN_LITERAL("sent")};
    }
}

static struct node impostor_open(void *user, struct moment now)
{
    (void)now;
    return (struct node){impostor_handle, user};
}

static void impostor_close(void *user)
{
    (void)user;
}

static void send_mail(struct essence *essence, const char *message)
{
    struct sim *sim = lab_sim(essence->lab);
    struct sim_life life = {impostor_open, impostor_close, NULL};
    size_t node = sim_add_node(sim, "impostor", life);
    struct arena arena;
    struct span text;
    arena_open(&arena, 1 << 16);
    sim_start(sim, node);
    assert_int_equal(sim_control(sim, node, message, &arena, &text), OK);
    arena_close(&arena);
    owner_check(&essence->owner);
}

static void break_mailbox(struct essence *essence)
{
    owner_check(&essence->owner);
    assert_string_equal(essence->watch.fault, "");
    send_mail(essence, essence->owner.operations[0].id);
}

static void break_silence(struct essence *essence)
{
    send_mail(essence, "Dear customer!");
}

static const struct {
    const char *what;
    bool is_credulous;
    void (*break_it)(struct essence *essence); /* behind the addition of the key */
    const char *seen;                          /* in the oracle's words */
} broken[] = {
    {"the DS is of a key that the zone has no more", false, break_rolled_key, "says bogus"},
    {"an attack of which nobody knows", false, break_attack, "says bogus"},
    {"a resolver that believes everything", true, NULL, "secure was awaited"},
    {"an accepted operation is gone", false, break_promise, "was accepted and is gone"},
    {"a registry that never answers", false, break_registry, "is not over after"},
    {"a parent whose signer has a full disk", false, break_disk, "still publishes a DS"},
    {"a second notice of one operation", false, break_mailbox, "is told of twice"},
    {"a notice of nothing", false, break_silence, "tells of 0 operations"},
};

static void test_the_oracle_sees_broken_worlds(void **state)
{
    for (size_t i = 0; i < LEN(broken); i++) {
        struct essence_plan plan = {
            .lab = {.seed = 500 + i, .is_credulous = broken[i].is_credulous}};
        struct essence essence;
        essence_open(&essence, *state, &plan);
        essence_run(&essence, ESSENCE_REGISTER);
        essence_run(&essence, ESSENCE_ADD);
        if (broken[i].break_it != NULL) {
            assert_string_equal(essence.watch.fault, "");
            broken[i].break_it(&essence);
        }
        essence_close(&essence);
        if (strstr(essence.watch.fault, broken[i].seen) == NULL) {
            fail_msg("%s: \"%s\" is not in \"%s\"", broken[i].what, broken[i].seen,
                     essence.watch.fault);
        }
    }
}

static int setup(void **state)
{
    *state = lab_keys_open();
    return 0;
}

static int teardown(void **state)
{
    lab_keys_close(*state);
    return 0;
}

/* `FIRST COUNT [loud]`: random plans of so many seeds, to look for what the fixed ones do not
 * meet; loud: with the services' log. */
static int explore(const char *first, const char *count, bool is_loud)
{
    struct lab_keys *keys = lab_keys_open();
    uint64_t seed = strtoull(first, NULL, 10);
    uint64_t end = seed + strtoull(count, NULL, 10);
    int bad = 0;
    for (; seed < end; seed++) {
        struct essence_plan plan;
        struct essence essence;
        make_plan(seed, &plan);
        plan.lab.is_loud = is_loud;
        (void)run(keys, &plan, &essence);
        if (!watch_is_good(&essence.watch)) {
            print_plan(&plan);
            print_message("    %s\n", essence.watch.fault);
            bad++;
        }
    }
    lab_keys_close(keys);
    return bad > 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_bad_network),
        cmocka_unit_test(test_machines_die),
        cmocka_unit_test(test_power_goes_in_writes),
        cmocka_unit_test(test_disks_fail_in_writes),
        cmocka_unit_test(test_the_seed_alone_decides),
        cmocka_unit_test(test_the_oracle_sees_broken_worlds),
    };
    if (argc >= 3) {
        return explore(argv[1], argv[2], argc > 3);
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
