/* The numbers of the resolver, a row each: for monitoring and for the operator's `stats`. */
#include "service/resolver/roll.h"

#include <assert.h>

#include "core/dnssec/verdict.h"

static const struct metric_family QUERIES = {"vouch_resolver_queries_total", METRIC_COUNTER,
                                             "transport", "Questions from clients"};
static const struct metric_family TURNED_AWAY = {"vouch_resolver_refused_total", METRIC_COUNTER,
                                                 NULL, "Questions refused"};
static const struct metric_family FAILURES = {
    "vouch_resolver_failures_total", METRIC_COUNTER, "ede",
    "SERVFAIL answers by their extended DNS error (RFC 8914)"};
static const struct metric_family VERDICTS = {"vouch_resolver_verdicts_total", METRIC_COUNTER,
                                              "verdict", "Answers by the verdict of validation"};
static const struct metric_family HITS = {"vouch_resolver_cache_hits_total", METRIC_COUNTER, NULL,
                                          "Questions answered without asking anybody"};
static const struct metric_family MISSES = {"vouch_resolver_cache_misses_total", METRIC_COUNTER,
                                            NULL, "Questions for which servers were asked"};
static const struct metric_family SYNTHESISED = {
    "vouch_resolver_synthesised_total", METRIC_COUNTER, NULL,
    "Answers made from denials of other names (RFC 8198)"};
static const struct metric_family STALE = {"vouch_resolver_stale_total", METRIC_COUNTER, NULL,
                                           "Answers given after their time (RFC 8767)"};
static const struct metric_family ENTRIES = {"vouch_resolver_cache_entries", METRIC_GAUGE, NULL,
                                             "RRsets, absences and failures kept"};
static const struct metric_family OCTETS = {"vouch_resolver_cache_bytes", METRIC_GAUGE, NULL,
                                            "Memory they take"};
static const struct metric_family EVICTIONS = {"vouch_resolver_cache_evictions_total",
                                               METRIC_COUNTER, NULL,
                                               "Entries that went for want of room"};
static const struct metric_family ANCHORS = {"vouch_resolver_trust_anchors", METRIC_GAUGE, "state",
                                             "Trust anchors by their state (RFC 5011)"};
static const struct metric_family REPORTS = {"vouch_resolver_error_reports_total", METRIC_COUNTER,
                                             NULL, "Failures reported to agents (RFC 9567)"};
static const struct metric_family UPSTREAM = {"vouch_resolver_upstream_queries_total",
                                              METRIC_COUNTER, NULL, "Questions to name servers"};
static const struct metric_family UPSTREAM_TCP = {"vouch_resolver_upstream_tcp_total",
                                                  METRIC_COUNTER, NULL, "Those of them by TCP"};
static const struct metric_family TIMEOUTS = {"vouch_resolver_upstream_timeouts_total",
                                              METRIC_COUNTER, NULL,
                                              "Those of them without an answer"};
static const struct metric_family IGNORED = {"vouch_resolver_upstream_ignored_total",
                                             METRIC_COUNTER, NULL,
                                             "Messages that were no answer to a question of ours"};
static const struct metric_family LIMITED = {
    "vouch_resolver_limited_total", METRIC_COUNTER, "limit",
    "Questions not asked and answers not sent, by the limit of one client or one zone"};
static const struct metric_family CHECKS = {"vouch_resolver_signature_checks_total", METRIC_COUNTER,
                                            NULL, "Signatures checked, good or bad"};
static const struct metric_family HASHES = {"vouch_resolver_nsec3_hashes_total", METRIC_COUNTER,
                                            NULL, "Names hashed to check denials"};
static const struct metric_family WAITING = {"vouch_resolver_clients", METRIC_GAUGE, NULL,
                                             "Questions of clients under way"};
static const struct metric_family FETCHES = {"vouch_resolver_fetches", METRIC_GAUGE, NULL,
                                             "Inner questions under way"};

static const char *const TRANSPORTS[] = {
    [TRANSPORT_UDP] = "udp",     [TRANSPORT_TCP] = "tcp",   [TRANSPORT_TLS] = "tls",
    [TRANSPORT_HTTPS] = "https", [TRANSPORT_QUIC] = "quic",
};
static_assert(LEN(TRANSPORTS) == TRANSPORT_COUNT, "a label for each transport");

static void add_failures(const struct resolver_stats *stats, struct metrics *metrics)
{
    enum { NONE = RESOLVER_EDE_COUNT - 1 };
    for (int code = 0; code < RESOLVER_EDE_COUNT; code++) {
        const char *label = code == NONE ? "none" : arena_print(metrics->arena, "%d", code);
        if (stats->failures[code] > 0 && label != NULL) {
            metrics_add(metrics, &FAILURES, span_of_text(label), (int64_t)stats->failures[code]);
        }
    }
}

static void add_limits(const struct resolver_stats *stats, struct metrics *metrics)
{
    const struct {
        const char *limit;
        uint64_t count;
    } ROWS[] = {
        {"client", stats->clients_limited},
        {"zone", stats->zones_limited},
        {"late", stats->late_dropped},
        {"room", stats->jostled},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        metrics_add(metrics, &LIMITED, span_of_text(ROWS[i].limit), (int64_t)ROWS[i].count);
    }
}

static void add_anchors(const struct resolver *resolver, struct metrics *metrics)
{
    uint32_t counts[ANCHOR_STATE_COUNT];
    roll_count(resolver, counts);
    for (int i = ANCHOR_ADD_PENDING; i < ANCHOR_STATE_COUNT; i++) {
        metrics_add(metrics, &ANCHORS, span_of_text(anchor_state_text((enum anchor_state)i)),
                    (int64_t)counts[i]);
    }
}

void resolver_add_metrics(const struct resolver *resolver, struct metrics *metrics)
{
    const struct resolver_stats *stats = &resolver->stats;
    const struct {
        const struct metric_family *family;
        uint64_t value;
    } ROWS[] = {
        {&TURNED_AWAY, stats->refused},
        {&HITS, stats->cache_hits},
        {&MISSES, stats->cache_misses},
        {&SYNTHESISED, stats->synthesised},
        {&STALE, stats->stale},
        {&ENTRIES, cache_count(resolver->cache)},
        {&OCTETS, cache_size(resolver->cache)},
        {&EVICTIONS, cache_evictions(resolver->cache)},
        {&REPORTS, stats->reports},
        {&UPSTREAM, stats->upstream_queries},
        {&UPSTREAM_TCP, stats->upstream_tcp},
        {&TIMEOUTS, stats->upstream_timeouts},
        {&IGNORED, stats->ignored_messages},
        {&CHECKS, stats->signature_checks},
        {&HASHES, stats->denial_hashes},
        {&WAITING, resolver->query_count},
        {&FETCHES, resolver->fetch_count},
    };
    for (size_t i = 0; i < TRANSPORT_COUNT; i++) {
        metrics_add(metrics, &QUERIES, span_of_text(TRANSPORTS[i]),
                    (int64_t)stats->client_queries[i]);
    }
    for (size_t i = 0; i < LEN(ROWS); i++) {
        metrics_add(metrics, ROWS[i].family, SPAN_EMPTY, (int64_t)ROWS[i].value);
    }
    for (int i = 0; i < VERDICT_COUNT; i++) {
        metrics_add(metrics, &VERDICTS, span_of_text(verdict_text((enum verdict)i)),
                    (int64_t)stats->verdicts[i]);
    }
    add_failures(stats, metrics);
    add_limits(stats, metrics);
    add_anchors(resolver, metrics);
}

void resolver_tell_metrics(const struct resolver *resolver, struct outbox *outbox)
{
    struct metrics metrics = metrics_in(&outbox->scratch);
    resolver_add_metrics(resolver, &metrics);
    outbox_metrics(outbox, &metrics);
}
