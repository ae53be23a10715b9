#pragma once
/* Inside of config: what was read of a file, and the schema in the order in which it is looked
 * through. */
#include "core/base/config.h"
#include "core/base/config_value.h"

/* One `option: value` line. */
struct entry {
    const struct config_option *option;
    struct config_value value;
    uint32_t line;
    struct entry *next;
};

/* One `section:` line with what stands below it. */
struct part {
    const struct config_section *section;
    uint32_t line; /* 0: not in the file, it has only defaults */
    struct entry *first;
    struct entry *last;
    struct part *next;
};

/* All parts of one section's name, in file order. */
struct group {
    struct part **parts;
    size_t count;
};

/* The options of one section, in the order of the schema. */
struct section_options {
    const struct config_option **list;
    size_t count;
};

struct config {
    const struct config_schema *schema;
    struct group *groups;            /* one for each section of the schema */
    struct section_options *options; /* the same */
};

/* Where the section stands in the schema; section_count when it does not. */
size_t config_section_index(const struct config_schema *schema, struct span name);
/* NULL when the section has none of that name. */
const struct config_option *config_find_option(const struct section_options *options,
                                               struct span name);
