#pragma once
/* Which files a zone was read from and what each was then, so that it is read again only when one
 * of them is another: one number for all of them, as zones are many. */
#include "core/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed it is open and knows nothing. */
struct zonefile_seen {
    uint64_t state; /* of all files; 0: not known */
    char *includes; /* their paths, each with its NUL, and one more NUL; NULL: none */
};

/* What a file is: another number when it is another file, or was written to. 0: that cannot be
 * told. Handed in by the world. */
struct zonefile_states {
    uint64_t (*of)(void *user, const char *path);
    void *user;
};

/* The zone's own file first, then those that it includes, each with its state from before it was
 * read. Without memory nothing is known any more. */
void zonefile_seen_add(struct zonefile_seen *seen, const char *path, uint64_t state);
/* Would all files, the first being `path`, be as they were? False when that is not known. */
bool zonefile_seen_is_same(const struct zonefile_seen *seen, const char *path,
                           const struct zonefile_states *states);
void zonefile_seen_close(struct zonefile_seen *seen); /* then it knows nothing */
