#pragma once
/* The options of section "server" about what a process may still do once everything is open. */
#include "core/base/config.h"
#include "world/real/world.h"

/* Into the options of a world: whether it has a sandbox, and as which user it runs. */
void sandbox_set(const struct config *config, struct world_options *options);
/* Before world_run: the configuration's own file, read again on SIGHUP, and each
 * `sandbox-folder`. */
void sandbox_keep(const struct config *config, const char *file, struct world *world);

/* Their rows of a table of options. */
#define SANDBOX_OPTIONS                                                                            \
    {.section = "server",                                                                          \
     .name = "sandbox",                                                                            \
     .kind = CONFIG_BOOL,                                                                          \
     .default_value = "yes",                                                                       \
     .help =                                                                                       \
         "give up what is not needed once all sockets are open: other files than those in the "    \
         "folders named here at the start, other system calls, root's powers"},                    \
        {.section = "server",                                                                      \
         .name = "sandbox-folder",                                                                 \
         .kind = CONFIG_PATH,                                                                      \
         .is_list = true,                                                                          \
         .help = "folder that may be read in the sandbox too, such as one of which files are "     \
                 "named or included later"},                                                       \
    {                                                                                              \
        .section = "server", .name = "username", .kind = CONFIG_TEXT,                              \
        .help = "user to run as, where root starts it; unset: who starts it"                       \
    }
