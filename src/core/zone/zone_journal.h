#pragma once
/* The versions of a zone on disk: one whole (zone_keep) and a log of the changes before and after
 * it, each as an IXFR has it. To keep the next version costs in proportion to its change; after a
 * restart the last versions are there again, so that IXFR goes on. */
#include "core/base/problem.h"
#include "core/store/disk.h"
#include "core/zone/zone.h"

enum {
    ZONE_HISTORY_MAX = 16,           /* versions that come back: the current one and those before */
    ZONE_JOURNAL_LEN_MIN = 1 << 20,  /* of the log before the zone is kept whole again: as large */
    ZONE_JOURNAL_LEN_MAX = 48 << 20, /* as the whole zone, but not less and not more than these */
};

/* Versions, the oldest first; the last is the current one. */
struct zone_history {
    struct zone *versions[ZONE_HISTORY_MAX]; /* each with one reference */
    size_t count;
};
void zone_history_release(struct zone_history *history);

struct zone_journal;

/* What is kept of the zone under `kind` (".version"; it outlives the journal): an empty history
 * when nothing is. `damage` says what of it was lost, if anything; its status is OK otherwise.
 * IO_FAILED or NO_MEMORY: what is kept cannot be read, and must not be written over. */
enum status zone_journal_open(const struct disk *disk, struct name apex, const char *kind,
                              struct zone_journal **journal, struct zone_history *history,
                              struct problem *damage) MUST_USE;
/* The next version; durable when it returns OK. After a failure the one before is kept, though a
 * later zone_journal_open may give this one. `warning` is filled when the version is safe but the
 * log could not be shortened, which is tried again with the next. O(change), and now and then
 * O(zone): when the log has become as large as the zone. */
enum status zone_journal_keep(struct zone_journal *journal, const struct zone *version,
                              struct problem *warning) MUST_USE;
/* Nothing is kept any more of a zone without an open journal. OK also when nothing was. */
enum status zone_journal_remove(const struct disk *disk, struct name apex,
                                const char *kind) MUST_USE;
void zone_journal_close(struct zone_journal *journal); /* NULL is fine */
