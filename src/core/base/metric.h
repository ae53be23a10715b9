#pragma once
/* Numbers that a service tells of itself: one list for the operator's `stats` and for monitoring.
 * To add one is to add a row to a service's table; the name, the help and the kind stand there. */
#include "core/base/arena.h"
#include "core/base/writer.h"

enum metric_kind {
    METRIC_COUNTER, /* only grows, from the start of the process; its name ends in _total */
    METRIC_GAUGE,
    METRIC_KIND_COUNT
};

/* What all numbers of one name have in common. Static. */
struct metric_family {
    const char *name; /* vouch_SERVICE_WHAT_UNIT, as Prometheus' conventions have it */
    enum metric_kind kind;
    const char *label; /* what tells several of them apart; NULL: there is one */
    const char *help;  /* a sentence without its stop */
};

struct metric {
    const struct metric_family *family;
    struct span label; /* the value of the family's label */
    struct span part;  /* of a process that holds a service several times, which; else empty */
    int64_t value;
};

/* A list that grows in an arena; what does not fit is left out. */
struct metrics {
    struct arena *arena;
    struct span part; /* of all that is added */
    struct metric *rows;
    size_t count;
    size_t size;
};

struct metrics metrics_in(struct arena *arena);
/* `label` must live as long as the list. */
void metrics_add(struct metrics *metrics, const struct metric_family *family, struct span label,
                 int64_t value);
/* For people: a line each, "queries[udp]: 7" for vouch_auth_queries_total{transport="udp"}. */
size_t metrics_lines_len_max(const struct metrics *metrics);
void metrics_write_lines(const struct metrics *metrics, struct writer *text);
