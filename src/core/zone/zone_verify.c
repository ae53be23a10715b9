/* The course of a verification: the apex first, then the whole zone or what differs, then ZONEMD;
 * and what is added up from the threads. */
#include "core/zone/zone_verify.h"

#include "core/zone/verify_run.h"

#include <stdlib.h>

static enum status run_open(struct verify_run *run)
{
    const struct parallel *parallel = run->options->parallel;
    run->worker_count = parallel == NULL ? 1 : parallel->width;
    require(run->worker_count >= 1 && run->worker_count <= PARALLEL_WIDTH_MAX);
    arena_open(&run->arena, SIZE_MAX / 2); /* in proportion to the zone */
    atomic_init(&run->is_undecided, false);
    run->workers = arena_take_array(&run->arena, run->worker_count, sizeof *run->workers);
    if (run->workers == NULL) {
        return NO_MEMORY;
    }
    for (unsigned i = 0; i < run->worker_count; i++) {
        run->workers[i].run = run;
        arena_open(&run->workers[i].arena, SIZE_MAX / 2);
    }
    run->workers[0].faults = &run->own_faults;
    return OK;
}

static void run_close(struct verify_run *run)
{
    for (unsigned i = 0; run->workers != NULL && i < run->worker_count; i++) {
        verify_signatures_close(&run->workers[i]);
        arena_close(&run->workers[i].arena);
    }
    for (size_t i = 0; i < run->key_count; i++) {
        key_close(run->keys[i].key);
    }
    arena_close(&run->arena);
}

static void run_add_up(struct verify_run *run)
{
    struct zone_verify_report *report = run->report;
    for (unsigned i = 0; i < run->worker_count; i++) {
        const struct zone_verify_report *counts = &run->workers[i].counts;
        report->rrsigs_checked += counts->rrsigs_checked;
        for (size_t j = 0; j < run->key_count; j++) {
            report->keys[j].rrsigs += counts->keys[j].rrsigs;
        }
    }
}

static void report_keys(const struct verify_run *run)
{
    run->report->key_count = run->key_count;
    for (size_t i = 0; i < run->key_count; i++) {
        run->report->keys[i] = (struct zone_verify_key){.algorithm = run->keys[i].dnskey.algorithm,
                                                        .tag = run->keys[i].dnskey.tag};
    }
}

/* Names, signatures and denial. */
static void verify_names(struct verify_run *run)
{
    report_keys(run);
    if (run->options->before != NULL && verify_change(run)) {
        return;
    }
    report_keys(run);
    run->report->is_whole = true;
    if (run->workers[0].status == OK) {
        verify_whole(run);
    }
    run_add_up(run);
}

enum status zone_verify(const struct zone *zone, const struct zone_verify_options *options,
                        void (*fault)(void *user, const struct problem *problem), void *user,
                        struct zone_verify_report *report)
{
    *report = (struct zone_verify_report){.earliest_expiration_s = zone_earliest_expiration_s(zone),
                                          .judged_at_s = options->now_s};
    struct verify_run run = {.zone = zone,
                             .options = options,
                             .fault = fault,
                             .user = user,
                             .report = report,
                             .apex = zone_apex(zone)};
    enum status status = run_open(&run);
    if (status == OK) {
        struct verify_worker *own = &run.workers[0];
        bool has_keys = verify_apex(own);
        if (has_keys) {
            verify_chains_read(own);
        }
        verify_tell_own(&run);
        if (has_keys && own->status == OK) {
            verify_names(&run);
        }
        if (own->status == OK) {
            verify_zonemd(own);
            verify_tell_own(&run);
        }
        status = own->status;
    }
    run_close(&run);
    if (status != OK) {
        return status;
    }
    return report->faults == 0 ? OK : MISMATCH;
}
