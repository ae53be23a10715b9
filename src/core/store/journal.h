#pragma once
/* A log of entries in one file: an entry is there whole or not at all, in its place in the order,
 * after a kill at any octet. A log stands on a base that is kept elsewhere (a snapshot), known by a
 * label; entries older than the base may stay for those who want to know what was. */
#include "core/base/problem.h"
#include "core/store/disk.h"

enum {
    JOURNAL_LABEL_LEN = 32,
    JOURNAL_CHECKSUM_LEN = 16,
    JOURNAL_NAME_MAX = 256,
    JOURNAL_SIZE_MAX = 128 << 20,     /* of the file: it is read whole, in one go */
    JOURNAL_ENTRY_LEN_MAX = 64 << 20, /* of one entry's content */
};

struct journal {
    const struct disk *disk;
    char name[JOURNAL_NAME_MAX];
    bool is_written;        /* the file is there, good up to `size` */
    bool is_tail_unsure;    /* a write failed: something may stand behind `size` */
    uint64_t size;          /* octets of the file */
    uint64_t first;         /* sequence of the first entry in the file */
    uint64_t next;          /* sequence of the next entry; first == next: there is none */
    uint64_t base_sequence; /* the base stands before the entry with this sequence */
    uint8_t label[JOURNAL_LABEL_LEN];
    uint8_t before[JOURNAL_CHECKSUM_LEN];   /* what the first entry's checksum covers */
    uint8_t checksum[JOURNAL_CHECKSUM_LEN]; /* of the last entry; `before` when there is none */
};

struct journal_entry {
    uint64_t sequence;
    struct span content;
};

struct journal_entries {
    const struct journal_entry *entries; /* oldest first */
    size_t count;
};

/* Reads the log of that name; a missing file is an empty log without a base. The entries land in
 * `task`. A tail that was damaged, or that a kill left unfinished, is cut off, and `damage` says so
 * (its status stays OK when there was none). IO_FAILED: the file cannot be read or cut. `disk` must
 * outlive the journal. */
enum status journal_open(struct journal *journal, const struct disk *disk, const char *name,
                         struct arena *task, struct journal_entries *entries,
                         struct problem *damage) MUST_USE;
/* Forgets every entry: the log stands on a new base. The file goes; the first append makes another.
 */
enum status journal_begin(struct journal *journal, const uint8_t label[JOURNAL_LABEL_LEN]) MUST_USE;
/* Durable when it returns OK. LIMIT_REACHED: the file or the entry would be too large. After a
 * failure the log is as before, though a later journal_open may find the entry in it. O(content).
 */
enum status journal_append(struct journal *journal, struct span content) MUST_USE;
/* The base now stands behind the last entry, under `label`. Entries go, the oldest first, until at
 * most `count_max` with `len_max` octets are left; the file is replaced as a whole. After a failure
 * it is not sure which of the two labels the file has. */
enum status journal_rebase(struct journal *journal, const uint8_t label[JOURNAL_LABEL_LEN],
                           size_t count_max, size_t len_max) MUST_USE;
