#pragma once
/* Key pairs as BIND keeps them in a folder: K<zone>+<algorithm>+<tag>.private and .key. */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "core/zone/zone_sign.h"

enum { KEY_FILES_MAX = ZONE_KEYS_MAX, KEY_PATH_MAX = 4096 };

struct key_file {
    char path[KEY_PATH_MAX]; /* without .private or .key */
    struct name zone;
    struct name_buffer zone_buffer;
    struct key *key; /* owned; NULL: only the public half was read */
    struct dnskey dnskey;
    uint8_t rdata[4 + KEY_PUBLIC_LEN_MAX]; /* what `dnskey` views */
};

struct key_files {
    struct key_file *files; /* in `arena` */
    size_t count;
    struct arena arena;
};

void key_files_open(struct key_files *files);
/* Reads a pair. `path` names either file of it, or what both have in common. */
enum status key_files_read(struct key_files *files, const char *path, bool with_private,
                           struct problem *problem) MUST_USE;
/* A new pair in `folder`, the private file readable by its owner alone; it is added to `files`. A
 * pair whose tag is there already is made anew, so that tags tell the keys of a zone apart. */
struct key_order {
    const char *folder;
    struct name zone;
    uint8_t algorithm;
    uint16_t bits;  /* 0: the algorithm's default */
    uint16_t flags; /* of the DNSKEY */
};
enum status key_files_generate(struct key_files *files, const struct key_order *order,
                               struct problem *problem) MUST_USE;
/* Every K*.key in the folder, in order of name. */
enum status key_files_list(struct key_files *files, const char *folder,
                           struct problem *problem) MUST_USE;
void key_files_close(struct key_files *files); /* wipes */
