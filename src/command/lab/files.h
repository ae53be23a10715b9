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

/* Files that get a random secret each. */
extern const char *const LAB_SECRETS[];
extern const size_t LAB_SECRETS_COUNT;
