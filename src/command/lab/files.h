#pragma once
/* The lab's configuration and zone files, as tables of templates. */
#include "core/base/base.h"

struct lab_file {
    const char *path;
    const char *text; /* see lab_write for {tokens} */
    bool is_kept;     /* written once: a person may change it; else written at every start */
};
extern const struct lab_file LAB_FILES[];
extern const size_t LAB_FILES_COUNT;

/* Files that get a random secret each, of so many octets in base64. */
struct lab_secret {
    const char *path;
    size_t octets;
};
extern const struct lab_secret LAB_SECRETS[];
extern const size_t LAB_SECRETS_COUNT;
