#pragma once
/* Master files (RFC 1035 §5) and what operators write: $ORIGIN, $TTL, $INCLUDE, $GENERATE, TTL
 * units, parentheses, escapes, \# for any type. */
#include "core/base/arena.h"
#include "core/dns/rdata.h"
#include "core/dns/rrset.h"

/* What a file is read with. `open_include` is handed in by the world; NULL: $INCLUDE is refused. */
struct zonefile_source {
    const char *file; /* for messages */
    struct span text;
    struct name origin;
    uint32_t ttl_default_s; /* before any $TTL; 0: there is none and a record needs its own or the
                               last one (RFC 1035) */
    /* The text must stay until the reading ends. A relative path is taken as it is written. */
    enum status (*open_include)(void *user, const char *file, struct span *text);
    void *include_user;
};

struct zonefile_sink {
    /* One record; count 1. Other than OK stops the reading. */
    enum status (*record)(void *user, const struct rrset *record, uint32_t line);
    /* One finding; reading goes on with the next record so that all are reported. */
    void (*problem)(void *user, const struct problem *problem);
    void *user;
};
/* OK when every record was read; MALFORMED when there was any finding; or what the sink returned.
 * A finding in an included file names that file; its line and column count from 1. */
enum status zonefile_read(const struct zonefile_source *source,
                          const struct zonefile_sink *sink) MUST_USE;

struct zone;
/* Reads a file into a new zone; class IN alone; records outside the apex are findings. All findings
 * go to `problem_each`; nothing half-read: zone is NULL on failure. */
enum status zonefile_load(const struct zonefile_source *source, struct name apex,
                          void (*problem_each)(void *user, const struct problem *problem),
                          void *user, struct zone **zone) MUST_USE;
/* The whole zone as text: SOA first, then canonical order; `write` gets pieces. OK or NO_MEMORY. */
enum status zonefile_write(const struct zone *zone, void (*write)(void *user, struct span text),
                           void *user);
