#pragma once
/* The tour's essence: a domain becomes secure, is attacked, keeps away a key that would break it,
 * and becomes insecure again as its owner wishes; with machines that die meanwhile. */
#include "scenario/owner.h"

enum essence_step {
    ESSENCE_REGISTER, /* insecure */
    ESSENCE_ADD,      /* becomes secure */
    ESSENCE_ATTACK,   /* the forged answer is refused, and secure again */
    ESSENCE_REFUSE,   /* a key that the provider does not have is not forwarded */
    ESSENCE_DELETE,   /* insecure again */
    ESSENCE_STEP_COUNT
};

enum essence_fault_kind {
    ESSENCE_CRASH,          /* `amount` ms after the step's beginning, for some seconds */
    ESSENCE_STOP,           /* the same in good order */
    ESSENCE_CRASH_AT_WRITE, /* in the write after `amount` good ones */
    ESSENCE_DISK_FAILS      /* in some writes after `amount` good ones, and the machine lives on */
};

/* What a machine suffers. */
struct essence_fault {
    enum essence_step step;
    enum lab_role role;
    enum essence_fault_kind kind;
    uint32_t amount;
};

enum { ESSENCE_FAULTS_MAX = 16 };

struct essence_plan {
    struct lab_options lab;
    struct essence_fault faults[ESSENCE_FAULTS_MAX];
    size_t fault_count;
};

struct essence {
    struct lab *lab;
    const struct lab_keys *keys;
    const struct essence_plan *plan;
    struct watch watch;
    struct owner owner;
    int64_t ds_wait_s; /* the longest from a notice to what it says at the TLD's server */
};

void essence_open(struct essence *essence, const struct lab_keys *keys,
                  const struct essence_plan *plan);
void essence_close(struct essence *essence);
/* One step with its faults; what goes wrong is in `watch.fault`, and later steps do nothing. */
void essence_run(struct essence *essence, enum essence_step step);
void essence_run_all(struct essence *essence);
