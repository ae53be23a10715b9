/* When a version is kept as a change and when whole, in which order the files are written so that a
 * kill anywhere leaves a version that was kept, and how versions come back from them. */
#include "core/zone/zone_journal.h"

#include "core/store/journal.h"
#include "core/zone/zone_change.h"
#include "core/zone/zone_keep.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_MAX = 40, HISTORY_SHARE = 4 /* of the log's length stays for history */ };

static const size_t TASK_MEMORY_MAX = (size_t)1 << 30;
static_assert((int)ZONE_KEEP_DIGEST_LEN == (int)JOURNAL_LABEL_LEN, "a version's digest is a label");
static_assert((int)ZONE_JOURNAL_LEN_MAX <= (int)JOURNAL_ENTRY_LEN_MAX &&
                  2 * (int)ZONE_JOURNAL_LEN_MAX <= (int)JOURNAL_SIZE_MAX,
              "a full log can take one more change");

struct zone_journal {
    const struct disk *disk;
    const char *kind;
    struct name apex;
    struct name_buffer apex_buffer;
    struct journal log;
    struct zone *kept;     /* the last version that is safe; NULL: there is none */
    struct zone_kept base; /* the whole version in its file */
    /* It is not sure on which base the log stands, so that nothing may be put behind it: the next
     * version must be kept whole. */
    bool needs_whole;
    struct zone_change_buffer change;
};

void zone_history_release(struct zone_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        zone_release(history->versions[i]);
    }
    history->count = 0;
}

/* ------------------------------------------------------------------ reading */

/* Versions as they come back: the newest ones stay. Takes over the reference. */
static void history_add(struct zone_history *history, struct zone *version)
{
    if (history->count == ZONE_HISTORY_MAX) {
        zone_release(history->versions[0]);
        memmove(history->versions, history->versions + 1,
                (ZONE_HISTORY_MAX - 1) * sizeof history->versions[0]);
        history->count--;
    }
    history->versions[history->count++] = version;
}

/* The versions before the whole one, by the changes backward. Older ones than a damaged change stay
 * unknown, which costs an AXFR at most. */
static void read_backward(const struct zone *whole, const struct journal_entries *entries,
                          size_t before, struct zone_history *history)
{
    struct zone *found[ZONE_HISTORY_MAX];
    size_t count = 0;
    const struct zone *from = whole;
    while (before > 0 && count < ZONE_HISTORY_MAX - 1) {
        before--;
        if (zone_change_apply(from, entries->entries[before].content, true, &found[count]) != OK) {
            break;
        }
        from = found[count++];
    }
    while (count > 0) {
        history_add(history, found[--count]);
    }
}

/* The versions behind the last one of the history. NO_MEMORY: nothing is wrong with the log. */
static enum status read_forward(struct zone_journal *journal, const struct journal_entries *entries,
                                size_t from, struct zone_history *history, struct problem *damage)
{
    for (size_t i = from; i < entries->count; i++) {
        const struct zone *last = history->versions[history->count - 1];
        struct zone *next = NULL;
        enum status status = zone_change_apply(last, entries->entries[i].content, false, &next);
        if (status == NO_MEMORY) {
            return status;
        }
        if (status != OK) {
            problem_place(damage, journal->log.name, 0, 0);
            problem_set(damage, status,
                        "entry %llu of the log does not fit serial %u: the %zu changes from there "
                        "on are lost",
                        (unsigned long long)entries->entries[i].sequence, zone_serial(last),
                        entries->count - i);
            journal->needs_whole = true;
            return OK;
        }
        history_add(history, next);
    }
    return OK;
}

/* A log that does not stand on the whole version is from before it: a kill came between the two. */
static enum status read_log(struct zone_journal *journal, struct zone *whole,
                            const struct journal_entries *entries, struct zone_history *history,
                            struct problem *damage)
{
    struct journal *log = &journal->log;
    if (!log->is_written || memcmp(log->label, journal->base.digest, JOURNAL_LABEL_LEN) != 0) {
        history_add(history, whole);
        journal->needs_whole = journal_begin(log, journal->base.digest) != OK;
        return OK;
    }
    size_t before = (size_t)(log->base_sequence - log->first);
    journal->needs_whole = log->next < log->base_sequence; /* what was cut stood before the base */
    before = before < entries->count ? before : entries->count;
    if (!journal->needs_whole) {
        read_backward(whole, entries, before, history);
    }
    history_add(history, whole);
    return read_forward(journal, entries, before, history, damage);
}

static enum status read_kept(struct zone_journal *journal, struct arena *task,
                             struct zone_history *history, struct problem *damage)
{
    char kind[KIND_MAX];
    char name[ZONE_KEEP_NAME_MAX];
    struct journal_entries entries;
    struct zone *whole = NULL;
    snprintf(kind, sizeof kind, "%s-log", journal->kind);
    zone_keep_name(journal->apex, kind, name);
    enum status status =
        zone_keep_read(journal->disk, journal->apex, journal->kind, &whole, &journal->base);
    if (status == MALFORMED || status == MISMATCH) {
        char file[ZONE_KEEP_NAME_MAX];
        problem_place(damage, zone_keep_name(journal->apex, journal->kind, file), 0, 0);
        problem_set(damage, status, "the kept version is damaged and of no use (%s)",
                    status_text(status));
    } else if (status != OK && status != NOT_FOUND) {
        return status;
    }
    struct problem log_damage = {0};
    status = journal_open(&journal->log, journal->disk, name, task, &entries, &log_damage);
    if (status != OK) {
        zone_release(whole);
        return status;
    }
    if (whole == NULL) {
        journal->needs_whole = true;
        return OK;
    }
    *damage = log_damage.status != OK ? log_damage : *damage;
    status = read_log(journal, whole, &entries, history, damage);
    if (status != OK) {
        zone_history_release(history);
        return status;
    }
    journal->kept = zone_hold(history->versions[history->count - 1]);
    return OK;
}

enum status zone_journal_open(const struct disk *disk, struct name apex, const char *kind,
                              struct zone_journal **journal, struct zone_history *history,
                              struct problem *damage)
{
    struct zone_journal *made = calloc(1, sizeof *made);
    struct arena task;
    *history = (struct zone_history){0};
    if (made == NULL) {
        return NO_MEMORY;
    }
    made->disk = disk;
    made->kind = kind;
    name_copy_to(apex, &made->apex_buffer, &made->apex);
    arena_open(&task, TASK_MEMORY_MAX);
    enum status status = read_kept(made, &task, history, damage);
    arena_close(&task);
    if (status != OK) {
        zone_journal_close(made);
        return status;
    }
    *journal = made;
    return OK;
}

/* The log goes first: alone it is worth nothing, and a version without it is whole. */
enum status zone_journal_remove(const struct disk *disk, struct name apex, const char *kind)
{
    char log_kind[KIND_MAX];
    char name[ZONE_KEEP_NAME_MAX];
    snprintf(log_kind, sizeof log_kind, "%s-log", kind);
    enum status status = disk->remove(disk->self, zone_keep_name(apex, log_kind, name));
    if (status == OK || status == NOT_FOUND) {
        status = disk->remove(disk->self, zone_keep_name(apex, kind, name));
    }
    return status == NOT_FOUND ? OK : status;
}

void zone_journal_close(struct zone_journal *journal)
{
    if (journal != NULL) {
        zone_release(journal->kept);
        zone_change_close(&journal->change);
        free(journal);
    }
}

/* ------------------------------------------------------------------ writing */

/* How long the log may be before the zone is kept whole again: then what that costs is spread over
 * as many octets of changes as the zone has. */
static size_t log_len_max(const struct zone_journal *journal)
{
    size_t len = journal->base.len;
    return len < ZONE_JOURNAL_LEN_MIN   ? ZONE_JOURNAL_LEN_MIN
           : len > ZONE_JOURNAL_LEN_MAX ? ZONE_JOURNAL_LEN_MAX
                                        : len;
}

static void set_kept(struct zone_journal *journal, const struct zone *version)
{
    struct zone *held = zone_hold(version);
    zone_release(journal->kept);
    journal->kept = held;
}

/* The whole version first, then the log on it. A kill between the two leaves a log with another
 * label, all of whose changes the whole version has. */
static enum status keep_whole(struct zone_journal *journal, const struct zone *version,
                              bool is_in_log)
{
    journal->needs_whole = true; /* until both are done */
    enum status status = zone_keep_write(journal->disk, version, journal->kind, &journal->base);
    if (status != OK) {
        return status;
    }
    status = is_in_log ? journal_rebase(&journal->log, journal->base.digest, ZONE_HISTORY_MAX - 1,
                                        log_len_max(journal) / HISTORY_SHARE)
                       : journal_begin(&journal->log, journal->base.digest);
    journal->needs_whole = status != OK;
    return status;
}

static enum status keep_change(struct zone_journal *journal, const struct zone *version,
                               struct problem *warning)
{
    struct zone_change_buffer *change = &journal->change;
    enum status status = journal_append(&journal->log, span_of(change->bytes, change->len));
    if (status != OK) {
        return status;
    }
    set_kept(journal, version);
    if (journal->log.size > log_len_max(journal)) {
        status = keep_whole(journal, version, true);
        if (status != OK) {
            problem_set(warning, status,
                        "the version is safe, but the log %s cannot be shortened: %s",
                        journal->log.name, status_text(status));
        }
    }
    return OK;
}

enum status zone_journal_keep(struct zone_journal *journal, const struct zone *version,
                              struct problem *warning)
{
    if (version == journal->kept && !journal->needs_whole) {
        return OK;
    }
    require(zone_soa(version) != NULL && name_equal(zone_apex(version), journal->apex));
    enum status status = LIMIT_REACHED;
    if (!journal->needs_whole) {
        journal->change.len_max = log_len_max(journal);
        status = zone_change_write(journal->kept, version, &journal->change);
    }
    if (status == OK) {
        return keep_change(journal, version, warning);
    }
    if (status != LIMIT_REACHED) {
        return status;
    }
    status = keep_whole(journal, version, false);
    if (status == OK) {
        set_kept(journal, version);
    }
    return status;
}
