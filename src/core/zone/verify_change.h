#pragma once
/* Inside the judge of a change: what its two files share. */
#include "core/zone/verify_run.h"

/* A name that the change touches. */
struct affected {
    struct name name;
    const struct zone_node *before; /* NULL: it was not there */
    const struct zone_node *after;
    enum verify_place place_before;
    enum verify_place place_after;
};

/* Of a touched name, or of one above it. */
struct touched_hash {
    uint8_t hash[NSEC3_HASH_LEN];
};

struct change {
    struct verify_run *run;
    const struct zone *before;
    struct affected *names; /* in canonical order once collected */
    size_t count;
    size_t size;
    struct touched_hash *hashes; /* ascending */
    size_t hash_count;
    struct verify_fault **faults;
    enum status status;
};

/* For the one NSEC3 chain. The hashes of the touched names and of those above them: what a changed
 * record can be for. */
void verify_change_hashes(struct change *change);
/* A touched name and those above it: a record where one must be, none where none may be. */
void verify_change_existence(struct verify_worker *worker, const struct change *change,
                             const struct affected *name);
/* The record at a touched name: what it leads to, what leads to it, and whose it is. */
void verify_change_record(struct verify_worker *worker, const struct change *change,
                          const struct affected *name);
