/* The numbers of the registrar, a row each: for monitoring and for the operator's `stats`. */
#include "service/registrar/metrics.h"

#include "service/registrar/state.h"

static const struct metric_family OPERATIONS = {"vouch_registrar_operations", METRIC_GAUGE, "state",
                                                "Operations in the records by their state"};
static const struct metric_family SESSIONS = {
    "vouch_registrar_session_ready", METRIC_GAUGE, "registry",
    "1 while we are signed in at the registry and it answers"};
static const struct metric_family FAILURES = {"vouch_registrar_session_failures", METRIC_GAUGE,
                                              "registry",
                                              "Attempts to open the session that failed in a row"};
static const struct metric_family RESPONSES = {"vouch_registrar_responses_total", METRIC_COUNTER,
                                               "code",
                                               "Responses of registries by their result code"};
static const struct metric_family REQUESTS = {"vouch_registrar_requests_total", METRIC_COUNTER,
                                              NULL, "HTTP requests to the console and the API"};
static const struct metric_family DOMAINS = {"vouch_registrar_domains", METRIC_GAUGE, NULL,
                                             "Domains of all accounts"};
static const struct metric_family MAILS = {"vouch_registrar_mails_waiting", METRIC_GAUGE, NULL,
                                           "Mails that are not delivered yet"};

static void add_operations(struct turn *turn, struct metrics *metrics)
{
    struct records_rows rows;
    if (RECORDS_RUN(turn->records,
                    "SELECT state, COUNT(*) FROM operation WHERE state <> ? GROUP BY state "
                    "ORDER BY state",
                    turn->scratch, &rows, records_integer(0)) != OK) {
        return;
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct records_value *cells = rows.rows[i].values;
        const char *state = operation_state_name((enum operation_state)cells[0].integer);
        metrics_add(metrics, &OPERATIONS, span_of_text(state), cells[1].integer);
    }
}

static void add_count(struct turn *turn, const struct metric_family *family, const char *sql,
                      struct metrics *metrics)
{
    struct records_rows rows;
    if (RECORDS_RUN(turn->records, sql, turn->scratch, &rows, records_integer(0)) == OK &&
        rows.count == 1) {
        metrics_add(metrics, family, SPAN_EMPTY, rows.rows[0].values[0].integer);
    }
}

static void add_sessions(const struct registrar *registrar, struct metrics *metrics)
{
    for (size_t i = 0; i < registrar->options.registry_count; i++) {
        const struct epp_session *session = &registrar->sessions[i];
        struct span name = span_of_text(session->registry->name);
        metrics_add(metrics, &SESSIONS, name, session->state >= SESSION_READY);
        metrics_add(metrics, &FAILURES, name, session->failures);
    }
}

void metrics_collect(struct turn *turn, struct metrics *metrics)
{
    const struct registrar *registrar = turn->registrar;
    add_sessions(registrar, metrics);
    metrics_add(metrics, &REQUESTS, SPAN_EMPTY, (int64_t)registrar->requests);
    for (size_t i = 0; i < LEN(registrar->responses); i++) {
        const char *code = registrar->responses[i] == 0
                               ? NULL
                               : arena_print(turn->scratch, "%zu", (size_t)EPP_OK + i);
        if (code != NULL) {
            metrics_add(metrics, &RESPONSES, span_of_text(code), (int64_t)registrar->responses[i]);
        }
    }
    add_operations(turn, metrics);
    add_count(turn, &DOMAINS, "SELECT COUNT(*) FROM domain WHERE 0 = ?", metrics);
    add_count(turn, &MAILS, "SELECT COUNT(*) FROM mail WHERE closed_s = ?", metrics);
}
