/* The numbers of the server, a row each: for monitoring and for the operator's `stats`. */
#include "service/auth/auth_state.h"

#include <assert.h>

static const struct metric_family QUERIES = {"vouch_auth_queries_total", METRIC_COUNTER,
                                             "transport", "Messages from clients"};
static const struct metric_family DNSSEC = {"vouch_auth_queries_dnssec_total", METRIC_COUNTER, NULL,
                                            "Questions that wanted DNSSEC records (DO)"};
static const struct metric_family ANSWERS = {"vouch_auth_answers_total", METRIC_COUNTER, "rcode",
                                             "Answers sent, by RCODE"};
static const struct metric_family CUT_SHORT = {"vouch_auth_answers_truncated_total", METRIC_COUNTER,
                                               NULL, "Answers by UDP that did not fit (TC)"};
static const struct metric_family LIMITED = {"vouch_auth_answers_limited_total", METRIC_COUNTER,
                                             NULL, "Answers that the rate limit dropped or cut"};
static const struct metric_family DROPPED = {"vouch_auth_dropped_total", METRIC_COUNTER, NULL,
                                             "Messages that got no answer: no question, or one "
                                             "that could not be made"};
static const struct metric_family BADCOOKIE = {"vouch_auth_badcookie_total", METRIC_COUNTER, NULL,
                                               "Questions that got BADCOOKIE"};
static const struct metric_family NOTIFY = {"vouch_auth_notify_total", METRIC_COUNTER, "direction",
                                            "NOTIFY messages taken and sent"};
static const struct metric_family UPDATES = {"vouch_auth_updates_total", METRIC_COUNTER, NULL,
                                             "UPDATE messages taken"};
static const struct metric_family OUT = {"vouch_auth_transfers_out_total", METRIC_COUNTER, "kind",
                                         "Zone transfers begun to secondaries"};
static const struct metric_family IN = {"vouch_auth_transfers_in_total", METRIC_COUNTER, "outcome",
                                        "Zone transfers from primaries that ended"};
static const struct metric_family OUT_NOW = {"vouch_auth_transfers_out", METRIC_GAUGE, NULL,
                                             "Zone transfers to secondaries under way"};
static const struct metric_family ZONES = {"vouch_auth_zones", METRIC_GAUGE, "state",
                                           "Zones by what they can be answered from"};
static const struct metric_family SERIAL = {"vouch_auth_zone_serial", METRIC_GAUGE, "zone",
                                            "Serial of the version that is served"};

static const struct {
    const struct metric_family *family;
    const char *label;
} COUNTERS[] = {
    [AUTH_COUNT_UDP] = {&QUERIES, "udp"},
    [AUTH_COUNT_TCP] = {&QUERIES, "tcp"},
    [AUTH_COUNT_TLS] = {&QUERIES, "tls"},
    [AUTH_COUNT_HTTPS] = {&QUERIES, "https"},
    [AUTH_COUNT_QUIC] = {&QUERIES, "quic"},
    [AUTH_COUNT_DROPPED] = {&DROPPED, NULL},
    [AUTH_COUNT_NOERROR] = {&ANSWERS, "NOERROR"},
    [AUTH_COUNT_NXDOMAIN] = {&ANSWERS, "NXDOMAIN"},
    [AUTH_COUNT_REFUSED] = {&ANSWERS, "REFUSED"},
    [AUTH_COUNT_SERVFAIL] = {&ANSWERS, "SERVFAIL"},
    [AUTH_COUNT_FORMERR] = {&ANSWERS, "FORMERR"},
    [AUTH_COUNT_OTHER] = {&ANSWERS, "other"},
    [AUTH_COUNT_TRUNCATED] = {&CUT_SHORT, NULL},
    [AUTH_COUNT_DNSSEC] = {&DNSSEC, NULL},
    [AUTH_COUNT_LIMITED] = {&LIMITED, NULL},
    [AUTH_COUNT_BADCOOKIE] = {&BADCOOKIE, NULL},
    [AUTH_COUNT_NOTIFY_IN] = {&NOTIFY, "in"},
    [AUTH_COUNT_NOTIFY_OUT] = {&NOTIFY, "out"},
    [AUTH_COUNT_UPDATE_IN] = {&UPDATES, NULL},
    [AUTH_COUNT_AXFR_OUT] = {&OUT, "axfr"},
    [AUTH_COUNT_IXFR_OUT] = {&OUT, "ixfr"},
    [AUTH_COUNT_TRANSFER_IN] = {&IN, "taken"},
    [AUTH_COUNT_TRANSFER_IN_FAILED] = {&IN, "failed"},
};
static_assert(LEN(COUNTERS) == AUTH_COUNTER_COUNT, "each counter is told");

static void add_serial(const struct auth_zone *zone, struct metrics *metrics)
{
    const struct zone *version = auth_zone_version(zone);
    char *name = arena_take(metrics->arena, zone->name.len * 4 + 1);
    if (version != NULL && name != NULL) {
        struct writer text = writer_over(name, zone->name.len * 4 + 1);
        name_write_text(zone->name, &text);
        metrics_add(metrics, &SERIAL, writer_written(&text), zone_serial(version));
    }
}

static void add_zones(const struct auth *auth, struct metrics *metrics)
{
    int64_t served = 0, expired = 0, awaited = 0;
    for (size_t i = 0; i < auth->place_count; i++) {
        const struct auth_zone *zone = auth->places[i];
        if (zone == NULL) {
            continue;
        }
        bool is_served = auth_zone_version(zone) != NULL;
        served += is_served;
        expired += !is_served && zone->is_expired;
        awaited += !is_served && !zone->is_expired;
        add_serial(zone, metrics);
    }
    metrics_add(metrics, &ZONES, SPAN_LITERAL("served"), served);
    metrics_add(metrics, &ZONES, SPAN_LITERAL("expired"), expired);
    metrics_add(metrics, &ZONES, SPAN_LITERAL("awaited"), awaited);
}

void auth_add_metrics(const struct auth *auth, struct metrics *metrics)
{
    int64_t streams = 0;
    metrics->part = auth->options.part == NULL ? SPAN_EMPTY : span_of_text(auth->options.part);
    for (size_t i = 0; i < LEN(COUNTERS); i++) {
        struct span label =
            COUNTERS[i].label == NULL ? SPAN_EMPTY : span_of_text(COUNTERS[i].label);
        metrics_add(metrics, COUNTERS[i].family, label, (int64_t)auth->counters[i]);
    }
    for (size_t i = 0; i < LEN(auth->streams); i++) {
        streams += auth->streams[i].transfer != NULL;
    }
    metrics_add(metrics, &OUT_NOW, SPAN_EMPTY, streams);
    add_zones(auth, metrics);
}

void auth_tell_metrics(const struct auth *auth, struct outbox *outbox)
{
    struct metrics metrics = metrics_in(&outbox->scratch);
    auth_add_metrics(auth, &metrics);
    outbox_metrics(outbox, &metrics);
}
