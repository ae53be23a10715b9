/* What is done in each step, and what must hold behind it. */
#include "scenario/essence.h"

#include <string.h>

enum {
    FINISH_S = 900, /* for an operation, over crashes and lost messages */
    TRIES_MAX = 20,
    FAILURES = 3,
    VISIBLE_S = 300, /* for what the registry knows to be what the resolver says */
    CACHES_S = 65,   /* a resolver remembers forged data, and their TTL is 60 */
};
static const int64_t DOWN_NS = 3LL * MOMENT_NS_PER_S;

void essence_open(struct essence *essence, const struct lab_keys *keys,
                  const struct essence_plan *plan)
{
    *essence = (struct essence){.keys = keys, .plan = plan};
    essence->lab = lab_open(keys, &plan->lab);
    watch_open(&essence->watch, essence->lab);
}

void essence_close(struct essence *essence)
{
    lab_close(essence->lab);
}

static void arm(struct essence *essence, enum essence_step step)
{
    struct sim *sim = lab_sim(essence->lab);
    for (size_t i = 0; i < essence->plan->fault_count; i++) {
        const struct essence_fault *fault = &essence->plan->faults[i];
        size_t node = lab_node(essence->lab, fault->role);
        if (fault->step != step) {
            continue;
        }
        int64_t wait_ns = (int64_t)fault->amount * MOMENT_NS_PER_MS;
        switch (fault->kind) {
        case ESSENCE_CRASH:
            sim_crash_in(sim, node, wait_ns, DOWN_NS);
            break;
        case ESSENCE_STOP:
            sim_stop_in(sim, node, wait_ns, DOWN_NS);
            break;
        case ESSENCE_CRASH_AT_WRITE:
            sim_crash_at_write(sim, node, fault->amount);
            break;
        case ESSENCE_DISK_FAILS:
            sim_fail_at_write(sim, node, fault->amount, FAILURES);
            break;
        }
    }
}

/* The TLD's server says the same as the resolver should. */
static void await_ds(struct essence *essence, bool is_wanted)
{
    bool is_answered = false, has_ds = !is_wanted;
    int64_t begin_s = lab_now_s(essence->lab), end_s = begin_s + VISIBLE_S;
    while (watch_is_good(&essence->watch) && (!is_answered || has_ds != is_wanted) &&
           lab_now_s(essence->lab) < end_s) {
        has_ds = lab_has_ds(essence->lab, &is_answered);
        watch_pass(&essence->watch, WATCH_EACH_S);
    }
    int64_t wait_s = lab_now_s(essence->lab) - begin_s;
    essence->ds_wait_s = wait_s > essence->ds_wait_s ? wait_s : essence->ds_wait_s;
    if (!is_answered || has_ds != is_wanted) {
        watch_fault(&essence->watch, "the TLD's server %s a DS of the domain",
                    is_wanted ? "does not publish" : "still publishes");
    }
}

static void step_register(struct essence *essence)
{
    owner_open(&essence->owner, &essence->watch);
    watch_await(&essence->watch, LAB_VIEW_INSECURE, VISIBLE_S);
    watch_expect(&essence->watch, false, true);
    (void)owner_finish(&essence->owner, FINISH_S);
    await_ds(essence, false);
}

/* The preflight asks real servers: where one of them is down, or the network loses too much, the
 * registrar says so, and the owner tries again. */
static bool is_about_network(const char *reason)
{
    static const char *const words[] = {"did not answer", "refused the connection",
                                        "closed the connection"};
    for (size_t i = 0; i < LEN(words); i++) {
        if (strstr(reason, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Asks, and asks again where the network was at fault, until the operation ends as it must. */
static void add_key(struct essence *essence, enum lab_zone zone, enum owner_state state,
                    const char *words)
{
    char key[LAB_KEY_TEXT_SIZE];
    const struct owner_operation *operation = NULL;
    bool is_over = false;
    lab_keys_print_public(essence->keys, zone, key);
    for (int i = 0; i < TRIES_MAX && !is_over; i++) {
        if (!owner_add_key(&essence->owner, key)) {
            watch_fault(&essence->watch, "the key is refused: %s", essence->owner.refusal);
        }
        operation = owner_finish(&essence->owner, FINISH_S);
        is_over = operation == NULL || operation->state == OWNER_SUCCESSFUL ||
                  !is_about_network(operation->reason);
    }
    if (operation != NULL &&
        (operation->state != state || strstr(operation->reason, words) == NULL)) {
        watch_fault(&essence->watch, "operation %s has the wrong outcome: %s", operation->id,
                    operation->reason);
    }
}

static void step_add(struct essence *essence)
{
    watch_expect(&essence->watch, true, true);
    add_key(essence, LAB_ZONE_DOMAIN, OWNER_SUCCESSFUL, "");
    await_ds(essence, true);
    watch_await(&essence->watch, LAB_VIEW_SECURE, VISIBLE_S);
    watch_expect(&essence->watch, true, false);
}

static void attacker_told(struct essence *essence, const char *line)
{
    const char *text;
    while (lab_control(essence->lab, LAB_ATTACKER, line, &text) != OK &&
           watch_is_good(&essence->watch)) {
        watch_pass(&essence->watch, WATCH_EACH_S);
    }
}

/* Where the attacker's machine dies too, he begins again. */
static void attack_until_seen(struct essence *essence)
{
    int64_t end_s = lab_now_s(essence->lab) + VISIBLE_S;
    do {
        attacker_told(essence, "attack on");
        watch_pass(&essence->watch, WATCH_EACH_S);
    } while (essence->watch.last.view != LAB_VIEW_BOGUS && lab_now_s(essence->lab) < end_s &&
             watch_is_good(&essence->watch));
    if (essence->watch.last.view != LAB_VIEW_BOGUS || essence->watch.last.reason[0] == '\0') {
        watch_fault(&essence->watch, "the attack is not refused with a reason");
    }
}

static void step_attack(struct essence *essence)
{
    watch_expect_attack(&essence->watch, INT32_MAX);
    attack_until_seen(essence);
    watch_pass(&essence->watch, 10);
    attacker_told(essence, "attack off");
    watch_expect_attack(&essence->watch, CACHES_S);
    watch_await(&essence->watch, LAB_VIEW_SECURE, VISIBLE_S);
}

/* It fails, in one notice with its reason, and nothing changes at the registry; so does what is
 * refused at once. */
static void step_refuse(struct essence *essence)
{
    char key[LAB_KEY_TEXT_SIZE];
    add_key(essence, LAB_ZONE_STRAY, OWNER_FAILED, "does not publish the key");
    lab_keys_print_public(essence->keys, LAB_ZONE_DOMAIN, key);
    (void)owner_add_key(&essence->owner, key);
    const struct owner_operation *operation = owner_finish(&essence->owner, FINISH_S);
    if (operation != NULL && (operation->state != OWNER_FAILED ||
                              strstr(operation->reason, "already present") == NULL)) {
        watch_fault(&essence->watch, "the same key again: %s", operation->reason);
    }
    watch_await(&essence->watch, LAB_VIEW_SECURE, VISIBLE_S);
}

static void step_delete(struct essence *essence)
{
    watch_expect(&essence->watch, true, true);
    if (!owner_delete_key(&essence->owner)) {
        watch_fault(&essence->watch, "the deletion is refused: %s", essence->owner.refusal);
    }
    const struct owner_operation *operation = owner_finish(&essence->owner, FINISH_S);
    if (operation != NULL && operation->state != OWNER_SUCCESSFUL) {
        watch_fault(&essence->watch, "the deletion failed: %s", operation->reason);
    }
    await_ds(essence, false);
    watch_await(&essence->watch, LAB_VIEW_INSECURE, VISIBLE_S);
    watch_expect(&essence->watch, false, true);
    watch_pass(&essence->watch, CACHES_S);
}

void essence_run(struct essence *essence, enum essence_step step)
{
    static void (*const steps[ESSENCE_STEP_COUNT])(struct essence *) = {
        [ESSENCE_REGISTER] = step_register, [ESSENCE_ADD] = step_add,
        [ESSENCE_ATTACK] = step_attack,     [ESSENCE_REFUSE] = step_refuse,
        [ESSENCE_DELETE] = step_delete,
    };
    if (watch_is_good(&essence->watch)) {
        arm(essence, step);
        steps[step](essence);
    }
}

void essence_run_all(struct essence *essence)
{
    for (size_t i = 0; i < ESSENCE_STEP_COUNT; i++) {
        essence_run(essence, (enum essence_step)i);
    }
}
