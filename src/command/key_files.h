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
/* A pair from another place goes to `order->folder` under BIND's name, as key_files_generate would
 * write it. `path` is either file of a pair, or PKCS#8 PEM, for which zone, algorithm (0: by the
 * kind of key) and flags are those of the order. EXISTS when the folder has a key with that tag. */
enum status key_files_import(struct key_files *files, const char *path,
                             const struct key_order *order, struct problem *problem) MUST_USE;
/* The private half of a pair that was read with it, to a new file that its owner alone can read. */
enum status key_files_export_pem(const struct key_file *file, const char *path,
                                 struct problem *problem) MUST_USE;
/* Hexadecimal SHA-256 of the whole public key (the DNSKEY rdata): what a key is known by, as tags
 * repeat. */
enum { KEY_ID_TEXT_SIZE = 2 * 32 + 1 };
const char *key_file_id(const struct key_file *file, char text[KEY_ID_TEXT_SIZE]);
/* Every K*.key in the folder, in order of name. */
enum status key_files_list(struct key_files *files, const char *folder,
                           struct problem *problem) MUST_USE;
void key_files_close(struct key_files *files); /* wipes */
