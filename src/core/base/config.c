/* What was read of a configuration file: the values of options, in sections in the order of the
 * file; and the reference of a schema. */
#include "core/base/config_part.h"

#include "core/base/writer.h"

#include <string.h>

size_t config_count(const struct config *config, const char *section)
{
    size_t index = config_section_index(config->schema, span_of_text(section));
    require(index < config->schema->section_count);
    return config->groups[index].count;
}

uint32_t config_line(const struct config *config, const char *section, size_t index)
{
    size_t group = config_section_index(config->schema, span_of_text(section));
    require(group < config->schema->section_count);
    require(index < config->groups[group].count);
    return config->groups[group].parts[index]->line;
}

bool config_says_any(const struct config *config, const char *section, size_t index,
                     const char *const *options, size_t count)
{
    size_t group = config_section_index(config->schema, span_of_text(section));
    require(group < config->schema->section_count);
    require(index < config->groups[group].count);
    const struct part *part = config->groups[group].parts[index];
    for (const struct entry *entry = part->first; entry != NULL; entry = entry->next) {
        const char *name = entry->option->name;
        for (size_t i = 0; i < count; i++) {
            if (name[0] == options[i][0] && strcmp(name, options[i]) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The `at`-th value of an option, or its default for the 0th; its text is NULL when it is unset. */
static struct config_value value_at(const struct config *config, const char *section, size_t index,
                                    const char *option_name, size_t at)
{
    size_t group = config_section_index(config->schema, span_of_text(section));
    require(group < config->schema->section_count);
    require(index < config->groups[group].count);
    const struct config_option *option =
        config_find_option(&config->options[group], span_of_text(option_name));
    require(option != NULL);
    const struct part *part = config->groups[group].parts[index];
    bool is_given = false;
    for (const struct entry *entry = part->first; entry != NULL; entry = entry->next) {
        if (entry->option == option) {
            is_given = true;
            if (at-- == 0) {
                return entry->value;
            }
        }
    }
    struct config_value value = {0};
    if (!is_given && at == 0 && option->default_value != NULL) {
        char sentence[PROBLEM_SENTENCE_MAX];
        value.text = option->default_value;
        enum status status = config_value_check(option, &value, sentence);
        require(status == OK);
    }
    return value;
}

const char *config_text(const struct config *config, const char *section, size_t index,
                        const char *option)
{
    return value_at(config, section, index, option, 0).text;
}

uint64_t config_number(const struct config *config, const char *section, size_t index,
                       const char *option)
{
    return value_at(config, section, index, option, 0).number;
}

bool config_bool(const struct config *config, const char *section, size_t index, const char *option)
{
    return value_at(config, section, index, option, 0).number != 0;
}

size_t config_list_count(const struct config *config, const char *section, size_t index,
                         const char *option)
{
    size_t count = 0;
    while (value_at(config, section, index, option, count).text != NULL) {
        count++;
    }
    return count;
}

const char *config_list_at(const struct config *config, const char *section, size_t index,
                           const char *option, size_t at)
{
    return value_at(config, section, index, option, at).text;
}

/* ------------------------------------------------------------------ the reference */

static void reference_write_option(const struct config_option *option, struct writer *text)
{
    writer_print(text, "| `%s:` | ", option->name);
    config_value_describe(option, text);
    if (option->is_required) {
        writer_text(text, " | required");
    } else if (option->default_value == NULL) {
        writer_text(text, " | none");
    } else {
        writer_print(text, " | `%s`", option->default_value);
    }
    writer_print(text, " | %s |\n", option->help);
}

void config_write_reference(const struct config_schema *schema, struct writer *text)
{
    for (size_t i = 0; i < schema->section_count; i++) {
        const struct config_section *section = &schema->sections[i];
        writer_print(text, "%s### `%s:`\n\n%s%s\n\n", i == 0 ? "" : "\n", section->name,
                     section->help, section->is_many ? " May stand many times." : "");
        writer_text(text, "| option | value | default | meaning |\n|---|---|---|---|\n");
        for (size_t k = 0; k < schema->option_count; k++) {
            if (strcmp(schema->options[k].section, section->name) == 0) {
                reference_write_option(&schema->options[k], text);
            }
        }
    }
}
