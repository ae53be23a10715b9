/* Any text is a configuration or has one fault with a place. */
#include "core/base/config.h"

enum { ARENA_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct config_section SECTIONS[] = {{"server", false, ""}, {"zone", true, ""}};
    static const struct config_option OPTIONS[] = {
        {.section = "server", .name = "listen", .kind = CONFIG_ADDRESS, .is_list = true},
        {.section = "server", .name = "n", .kind = CONFIG_NUMBER, .max = 9, .default_value = "1"},
        {.section = "server", .name = "text", .kind = CONFIG_TEXT},
        {.section = "zone", .name = "name", .kind = CONFIG_NAME, .is_required = true},
        {.section = "zone", .name = "ttl", .kind = CONFIG_SECONDS},
        {.section = "zone", .name = "kind", .kind = CONFIG_CHOICE, .choices = "a|b|c"},
        {.section = "zone", .name = "on", .kind = CONFIG_BOOL},
        {.section = "zone", .name = "file", .kind = CONFIG_PATH},
    };
    static const struct config_schema SCHEMA = {SECTIONS, LEN(SECTIONS), OPTIONS, LEN(OPTIONS)};
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    struct config *config = NULL;
    struct problem problem = {0};
    enum status status =
        config_read(&SCHEMA, "fuzz", span_of(data, size), &arena, &config, &problem);
    if (status == OK) {
        require(config_count(config, "server") == 1);
        for (size_t i = 0; i < config_count(config, "zone"); i++) {
            require(config_text(config, "zone", i, "name") != NULL);
        }
    } else {
        require(problem.sentence[0] != '\0');
    }
    arena_close(&arena);
    return 0;
}
