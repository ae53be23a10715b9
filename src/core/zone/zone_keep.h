#pragma once
/* Zone versions on disk: whole, checked by a digest, so that a zone is there at once after a
 * restart. */
#include "core/store/disk.h"
#include "core/zone/zone.h"

enum { ZONE_KEEP_NAME_MAX = 16 + 3 * NAME_LEN_MAX + 80, ZONE_KEEP_DIGEST_LEN = 32 };

/* A file name for what belongs to a zone: its name in lower case, other octets than letters,
 * digits, '-' and '_' as =XX, then `kind` (".wire"). A name too long for a file is cut and told
 * apart by its digest. Returns `text`. */
const char *zone_keep_name(struct name zone, const char *kind, char text[ZONE_KEEP_NAME_MAX]);
/* A whole version in its file, known by the digest of the file. */
struct zone_kept {
    uint8_t digest[ZONE_KEEP_DIGEST_LEN];
    size_t len; /* octets of the file */
};
/* Durable when it returns OK; the file is the new version or, after any crash, the old one. After a
 * failure either may be there. */
enum status zone_keep_write(const struct disk *disk, const struct zone *version, const char *kind,
                            struct zone_kept *kept) MUST_USE;
/* The kept version with one reference. NOT_FOUND when there is none; MALFORMED or MISMATCH when it
 * was damaged. */
enum status zone_keep_read(const struct disk *disk, struct name apex, const char *kind,
                           struct zone **version, struct zone_kept *kept) MUST_USE;
