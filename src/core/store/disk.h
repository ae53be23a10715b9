#pragma once
/* Files as a service sees them: by name, durable when a call returns. The real world keeps
 * them in one folder per service, the simulator in memory with losses. Names are relative, without
 * "..", and of [A-Za-z0-9._+=-] and '/'. */
#include "core/base/arena.h"

struct disk {
    void *self;
    /* The whole file, in `arena`; NOT_FOUND when there is none; TOO_LONG above `size_max`. */
    enum status (*read)(void *self, const char *name, size_t size_max, struct arena *arena,
                        struct span *content);
    /* The file is the new content or, after any crash, the old: write, fsync, rename, fsync of the
     * folder. */
    enum status (*replace)(void *self, const char *name, struct span content);
    /* As read, but only up to `size` octets from the offset `at` on, into `bytes`; `*len` is less
     * than `size` only at the end of the file. */
    enum status (*read_at)(void *self, const char *name, uint64_t at, void *bytes, size_t size,
                           size_t *len);
    /* As replace, for content too large to be in memory at once: `next` gives it part by part, an
     * empty one at the end. Other than OK gives it up, and is returned. */
    enum status (*replace_by_parts)(void *self, const char *name,
                                    enum status (*next)(void *user, struct span *part), void *user);
    /* As replace, readable by the owner alone (mode 0600); for keys. */
    enum status (*replace_secret)(void *self, const char *name, struct span content);
    /* At the end, durable; after a crash a part of it may be there: give it a checksum. A failed
     * one may have left a part as well. */
    enum status (*append)(void *self, const char *name, struct span content);
    /* What stands behind the first `size` octets goes, durable; a shorter file stays as it is. */
    enum status (*cut)(void *self, const char *name, uint64_t size);
    enum status (*remove)(void *self, const char *name);
    /* Calls `each` with every file name that begins with `prefix`, sorted. */
    enum status (*list)(void *self, const char *prefix, void (*each)(void *user, const char *name),
                        void *user);
};
