#pragma once
/* Semantic checks of a zone before it is signed or served, as a table; every finding is reported.
 */
#include "core/base/parallel.h"
#include "core/base/problem.h"
#include "core/zone/zone.h"

enum zone_severity {
    ZONE_NOTE,    /* unusual */
    ZONE_WARNING, /* some will not get what was meant */
    ZONE_ERROR,   /* the zone must not be served */
    ZONE_SEVERITY_COUNT
};
extern const char *const ZONE_SEVERITY_WORDS[ZONE_SEVERITY_COUNT];

struct zone_finding {
    enum zone_severity severity;
    const char *check; /* the row of the table: "glue-missing" */
    struct name owner;
    uint16_t type; /* of the records that it is about; 0: the name as a whole */
    const char *sentence;
};

/* Findings beyond are counted, but not told: a fault may be a million times in a zone. */
enum { ZONE_CHECK_FINDINGS_MAX = 1000 };

struct zone_check_aim {
    const struct parallel *parallel; /* NULL: no other threads */
    int64_t now_s;                   /* for signatures that are over; 0: not looked at */
    /* In canonical order, from the caller's thread. The finding dies with the call. */
    void (*finding)(void *user, const struct zone_finding *finding);
    void *user;
};
/* The number of findings of each severity, told or not. The same for every width of `parallel`. */
struct zone_check_count {
    size_t of[ZONE_SEVERITY_COUNT];
};
/* One pass over the zone. OK or NO_MEMORY. */
enum status zone_check_all(const struct zone *zone, const struct zone_check_aim *aim,
                           struct zone_check_count *count) MUST_USE;

/* The same in this thread, each finding as a problem whose place is the owner. Returns
 * the number of ZONE_ERRORs. */
size_t zone_check(const struct zone *zone,
                  void (*finding)(void *user, enum zone_severity severity,
                                  const struct problem *problem),
                  void *user);

/* The same over what differs from `before`, which was checked already (NULL: over all): the names
 * that changed, what lies right below a new DNAME, and the apex. Returns the number of ZONE_ERRORs;
 * an error that a change caused elsewhere is none that zone_check would call an error. */
size_t zone_check_change(const struct zone *zone, const struct zone *before,
                         void (*finding)(void *user, enum zone_severity severity,
                                         const struct problem *problem),
                         void *user);

/* The rows of the table, for help texts and tests: the name of the check and what it asks for. NULL
 * behind the last. */
const char *zone_check_name(size_t row, enum zone_severity *severity, const char **sentence);
