/* The numbers of the registry, a row each: for monitoring and for the operator's `stats`. */
#include "service/registry/registry_state.h"
#include "service/registry/registry_store.h"
#include "service/registry/registry_zone.h"

static const struct metric_family SESSIONS = {"vouch_registry_sessions", METRIC_GAUGE, NULL,
                                              "EPP sessions that are open"};
static const struct metric_family HELD = {"vouch_registry_commands_held", METRIC_GAUGE, NULL,
                                          "Commands that wait while the registry is paused"};
static const struct metric_family PAUSED = {"vouch_registry_paused", METRIC_GAUGE, NULL,
                                            "1 while the registry is paused"};
static const struct metric_family RESPONSES = {"vouch_registry_responses_total", METRIC_COUNTER,
                                               "code", "EPP responses by their result code"};
static const struct metric_family CHANGES = {"vouch_registry_changes_total", METRIC_COUNTER,
                                             "result",
                                             "Commands that change objects, by what came of them"};
static const struct metric_family DOMAINS = {"vouch_registry_domains", METRIC_GAUGE, "tld",
                                             "Domains registered"};
static const struct metric_family SERIAL = {"vouch_registry_zone_serial", METRIC_GAUGE, "tld",
                                            "Serial of the zone version offered"};

static const struct metric_family SCANS = {
    "vouch_registry_notifies_total", METRIC_COUNTER, "result",
    "NOTIFY of new CDS, CDNSKEY or CSYNC of a domain, by what came of them"};

static void add_scans(const struct registry *registry, struct metrics *metrics)
{
    static const char *const results[REGISTRY_SCAN_RESULT_COUNT] = {
        [REGISTRY_SCAN_QUEUED] = "queued",
        [REGISTRY_SCAN_REPEATED] = "repeated",
        [REGISTRY_SCAN_LIMITED] = "limited",
        [REGISTRY_SCAN_REFUSED] = "refused"};
    for (size_t i = 0; i < LEN(results); i++) {
        metrics_add(metrics, &SCANS, span_of_text(results[i]), (int64_t)registry->scan_results[i]);
    }
}

static void add_tlds(struct registry_turn *turn, struct metrics *metrics)
{
    struct registry *registry = turn->registry;
    for (size_t i = 0; i < registry->options.tld_count; i++) {
        struct registry_tld *tld = &registry->tlds[i];
        int64_t count = 0;
        metrics_add(metrics, &SERIAL, tld->text, zone_serial(registry_zone_current(tld)));
        if (registry_store_count_domains(registry->options.records, turn->scratch, tld->text,
                                         &count) == OK) {
            metrics_add(metrics, &DOMAINS, tld->text, count);
        }
    }
}

void registry_add_metrics(struct registry_turn *turn, struct metrics *metrics)
{
    const struct registry *registry = turn->registry;
    metrics_add(metrics, &SESSIONS, SPAN_EMPTY, (int64_t)registry_session_count(registry));
    metrics_add(metrics, &HELD, SPAN_EMPTY, (int64_t)registry->held_count);
    metrics_add(metrics, &PAUSED, SPAN_EMPTY, registry->is_paused);
    metrics_add(metrics, &CHANGES, SPAN_LITERAL("done"), (int64_t)registry->commands_done);
    metrics_add(metrics, &CHANGES, SPAN_LITERAL("refused"), (int64_t)registry->commands_refused);
    for (size_t i = 0; i < LEN(registry->responses); i++) {
        const char *code = registry->responses[i] == 0
                               ? NULL
                               : arena_print(turn->scratch, "%zu", (size_t)EPP_OK + i);
        if (code != NULL) {
            metrics_add(metrics, &RESPONSES, span_of_text(code), (int64_t)registry->responses[i]);
        }
    }
    add_scans(registry, metrics);
    add_tlds(turn, metrics);
}
