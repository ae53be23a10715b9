#pragma once
/* The configuration of `vouch registrar`, and what of it can be read again while it runs. */
#include "core/base/config.h"
#include "service/registrar/registrar.h"

extern const struct config_schema REGISTRAR_SCHEMA;

/* Everything of the process: what was read, and what runs. */
struct registrar_process {
    struct arena arena;
    const char *file;
    struct config *config;
    struct registrar_options options;
    struct registrar_registry *registries;
    uint16_t upstream_port;
};

/* The file, and the files it names, into `process`. */
enum status registrar_config_read(struct registrar_process *process,
                                  struct problem *problem) MUST_USE;
/* The value of an option of the only section of that name. */
const char *registrar_config_text(const struct registrar_process *process, const char *section,
                                  const char *option);
/* As struct registrar_reader wants it; `self` is the process. What has changed and needs a restart
 * is said in the log. */
enum status registrar_config_reread(void *self, struct arena *arena,
                                    struct registrar_options *fresh,
                                    struct problem *problem) MUST_USE;
