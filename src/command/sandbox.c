/* From the options of the sandbox to what the world has for them. */
#include "command/sandbox.h"

void sandbox_set(const struct config *config, struct world_options *options)
{
    options->is_sandboxed = config_bool(config, "server", 0, "sandbox");
    options->user = config_text(config, "server", 0, "username");
}

void sandbox_keep(const struct config *config, const char *file, struct world *world)
{
    world_keep_file(world, file, false);
    for (size_t i = 0; i < config_list_count(config, "server", 0, "sandbox-folder"); i++) {
        world_keep_folder(world, config_list_at(config, "server", 0, "sandbox-folder", i), false);
    }
}
