/* How faults found by several threads come out in one order, and how work is cut into pieces. */
#include "core/zone/verify_run.h"

#include <stdarg.h>
#include <stdio.h>

static void fault_insert(struct verify_worker *worker, struct verify_fault *fault)
{
    struct verify_fault **at = worker->faults;
    while (*at != NULL && (*at)->order <= fault->order) {
        at = &(*at)->next;
    }
    fault->next = *at;
    *at = fault;
}

static struct verify_fault *fault_make(struct verify_worker *worker, uint64_t order,
                                       struct name owner, const char *sentence)
{
    struct verify_fault *fault = arena_take(&worker->arena, sizeof *fault);
    char name[NAME_TEXT_MAX];
    if (fault == NULL) {
        verify_fail(worker, NO_MEMORY);
        return NULL;
    }
    fault->order = order;
    fault->owner = owner;
    problem_set(&fault->problem, MISMATCH, "%s", sentence);
    problem_place(&fault->problem, name_print(owner, name), 0, 0);
    fault_insert(worker, fault);
    return fault;
}

uint64_t verify_order(struct verify_worker *worker)
{
    return worker->order++;
}

void verify_fault(struct verify_worker *worker, struct name owner, const char *format, ...)
{
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    (void)fault_make(worker, verify_order(worker), owner, sentence);
}

void verify_fault_at(struct verify_worker *worker, uint64_t order, struct name owner,
                     const char *format, ...)
{
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    (void)fault_make(worker, order, owner, sentence);
}

void verify_fault_of_ancestor(struct verify_worker *worker, struct name owner, const char *sentence)
{
    struct verify_fault *fault = fault_make(worker, verify_order(worker), owner, sentence);
    if (fault != NULL) {
        fault->is_of_ancestor = true;
    }
}

void verify_fail(struct verify_worker *worker, enum status status)
{
    if (worker->status == OK) {
        worker->status = status;
    }
}

/* In canonical order all that is below a name comes in one go. */
static bool is_told(struct verify_run *run, const struct verify_fault *fault)
{
    struct name *told = &run->told[fault->owner.label_count];
    if (!fault->is_of_ancestor) {
        return false;
    }
    if (told->octets != NULL && name_equal(*told, fault->owner)) {
        return true;
    }
    *told = fault->owner;
    return false;
}

void verify_tell(struct verify_run *run, const struct verify_fault *faults)
{
    for (const struct verify_fault *each = faults; each != NULL; each = each->next) {
        if (is_told(run, each)) {
            continue;
        }
        run->report->faults++;
        if (run->fault != NULL) {
            run->fault(run->user, &each->problem);
        }
    }
}

void verify_tell_own(struct verify_run *run)
{
    verify_tell(run, run->own_faults);
    run->own_faults = NULL;
    run->workers[0].faults = &run->own_faults;
    arena_reset(&run->workers[0].arena);
}

/* One call of verify_spread. */
struct spreading {
    struct verify_run *run;
    const struct verify_pieces *pieces;
    atomic_size_t next;
};

static void take_pieces(void *user, size_t index)
{
    struct spreading *spreading = user;
    struct verify_worker *worker = &spreading->run->workers[index];
    const struct verify_pieces *pieces = spreading->pieces;
    for (;;) {
        size_t piece = atomic_fetch_add_explicit(&spreading->next, 1, memory_order_relaxed);
        if (piece >= pieces->count || worker->status != OK) {
            return;
        }
        worker->faults = &pieces->faults[piece];
        pieces->check(worker, pieces->user, piece);
        verify_flush(worker);
    }
}

void verify_spread(struct verify_run *run, const struct verify_pieces *pieces)
{
    struct spreading spreading = {.run = run, .pieces = pieces};
    atomic_init(&spreading.next, 0);
    const struct parallel *parallel = run->options->parallel;
    if (parallel == NULL || pieces->count < 2) {
        take_pieces(&spreading, 0);
        return;
    }
    parallel->run(parallel->self, take_pieces, &spreading, run->worker_count);
}
