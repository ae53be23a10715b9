#pragma once
/* Master files (RFC 1035 §5) and what operators write: $ORIGIN, $TTL, $INCLUDE, $GENERATE, TTL
 * units, parentheses, escapes, \# for any type. */
#include "core/base/arena.h"
#include "core/base/parallel.h"
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
    /* Told now and then, from any of the threads that read, that this part of the text was read; it
     * may be looked at again later. NULL: nobody is told. */
    void (*passed)(void *user, size_t from, size_t to);
    void *passed_user;
};

/* What is told at most; then one more says how many there were in all. */
enum { ZONEFILE_FINDINGS_MAX = 1000 };

struct zonefile_sink {
    /* One record; count 1. Other than OK stops the reading. */
    enum status (*record)(void *user, const struct rrset *record, uint32_t line);
    /* One finding; reading goes on with the next record so that all are reported. */
    void (*problem)(void *user, const struct problem *problem);
    void *user;
    /* Told when the records that follow come from another file; at first they come from the
     * source's. NULL: nobody is told. */
    void (*file)(void *user, const char *file);
};
/* OK when every record was read; MALFORMED when there was any finding; or what the sink returned.
 * A finding in an included file names that file; its line and column count from 1. */
enum status zonefile_read(const struct zonefile_source *source,
                          const struct zonefile_sink *sink) MUST_USE;

struct zone;
/* Where a loading leads. */
struct zonefile_target {
    struct name apex;
    const struct parallel *parallel; /* NULL: no other threads */
    size_t part_len;                 /* of what one thread reads at a time; 0: what suits */
    /* A finding: the zone is not made. In the order of the file, from the caller's thread. */
    void (*problem)(void *user, const struct problem *problem);
    /* Of a zone that is made: a name with an RRset that has records of different TTLs (RFC 2181
     * §5.2), the lowest such type, and the TTL that it has now, which is the last one. */
    void (*ttl_differs)(void *user, struct name owner, uint16_t type, uint32_t ttl_s);
    void *user;
};
/* Reads a file into a new zone with one reference; class IN alone; records outside the apex are
 * findings. Nothing half-read: the zone is NULL on failure. MALFORMED when there was any finding;
 * NO_MEMORY or LIMIT_REACHED (records of one RRset) when the zone cannot be kept, which is a
 * finding too. The zone and the findings are the same for every width of `parallel`. */
enum status zonefile_load_into(const struct zonefile_source *source,
                               const struct zonefile_target *target, struct zone **zone) MUST_USE;
/* The same in the caller's thread alone. */
enum status zonefile_load(const struct zonefile_source *source, struct name apex,
                          void (*problem_each)(void *user, const struct problem *problem),
                          void *user, struct zone **zone) MUST_USE;
/* The whole zone as text: SOA first, then canonical order; `write` gets pieces. OK or NO_MEMORY. */
enum status zonefile_write(const struct zone *zone, void (*write)(void *user, struct span text),
                           void *user);
/* The same text, made in several threads; `write` is called in order, by one of them at a time. */
enum status zonefile_write_spread(const struct zone *zone, const struct parallel *parallel,
                                  void (*write)(void *user, struct span text), void *user) MUST_USE;
