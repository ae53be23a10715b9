/* The grammar of configuration files: which lines there are, and what is wrong with one. */
#include "core/base/config_part.h"

#include "core/base/nearest.h"
#include "core/base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    CONFIG_WORDS_MAX = 256,     /* sections or options of one schema */
    CONFIG_VALUE_MAX = 4096,    /* a longer value is a missing quote */
    CONFIG_LINES_MAX = 1000000, /* so that line numbers stay numbers */
    CONFIG_SHOWN_MAX = 60       /* octets of the file in a sentence */
};

struct parse {
    const struct config_schema *schema;
    const char *file;
    struct arena *arena;
    struct arena *bulk;
    struct problem *problem;
    struct span line;
    size_t at;                       /* in the line */
    uint32_t line_number;            /* from 1 */
    struct section_options *options; /* of each section */
    struct part *first;
    struct part *last; /* where options go; NULL before the first section */
};

static struct arena *arena_for(const struct parse *parse, const struct config_section *section)
{
    return section->is_bulk ? parse->bulk : parse->arena;
}

/* ------------------------------------------------------------------ faults */

static enum status fault_at(struct parse *parse, uint32_t line, size_t column, const char *format,
                            ...) PRINTF_LIKE(4, 5);

static enum status fault_at(struct parse *parse, uint32_t line, size_t column, const char *format,
                            ...)
{
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    problem_place(parse->problem, parse->file, line, (uint32_t)column);
    return problem_set(parse->problem, MALFORMED, "%s", sentence);
}

static enum status fault_memory(struct parse *parse)
{
    problem_place(parse->problem, parse->file, parse->line_number, 0);
    return problem_set(parse->problem, NO_MEMORY,
                       "the file is larger than the memory set aside "
                       "for it");
}

static int shown_len(struct span word)
{
    return word.len > CONFIG_SHOWN_MAX ? CONFIG_SHOWN_MAX : (int)word.len;
}

/* ------------------------------------------------------------------ the schema */

/* Most words differ in their first letter. */
static bool is_word(struct span text, const char *word)
{
    return text.len > 0 && text.bytes[0] == (uint8_t)word[0] &&
           span_equal(text, span_of_text(word));
}

size_t config_section_index(const struct config_schema *schema, struct span name)
{
    size_t i = 0;
    while (i < schema->section_count && !is_word(name, schema->sections[i].name)) {
        i++;
    }
    return i;
}

const struct config_option *config_find_option(const struct section_options *options,
                                               struct span name)
{
    for (size_t i = 0; i < options->count; i++) {
        if (is_word(name, options->list[i]->name)) {
            return options->list[i];
        }
    }
    return NULL;
}

/* Zones by the hundred thousand have a few options each: these are found among those of their
 * section. */
static enum status options_sort(struct parse *parse)
{
    const struct config_schema *schema = parse->schema;
    parse->options = arena_take_array(parse->arena, schema->section_count, sizeof *parse->options);
    for (size_t i = 0; parse->options != NULL && i < schema->section_count; i++) {
        struct section_options *options = &parse->options[i];
        options->list =
            arena_take_array(parse->arena, schema->option_count, sizeof options->list[0]);
        if (options->list == NULL) {
            return fault_memory(parse);
        }
        for (size_t k = 0; k < schema->option_count; k++) {
            if (strcmp(schema->options[k].section, schema->sections[i].name) == 0) {
                options->list[options->count++] = &schema->options[k];
            }
        }
    }
    return parse->options == NULL ? fault_memory(parse) : OK;
}

/* An option of the section that is read now. */
static const struct config_option *option_find(const struct parse *parse, struct span name)
{
    size_t index = (size_t)(parse->last->section - parse->schema->sections);
    return config_find_option(&parse->options[index], name);
}

static enum status fault_unknown_section(struct parse *parse, struct span word, size_t column)
{
    const char *words[CONFIG_WORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < parse->schema->section_count && count < CONFIG_WORDS_MAX; i++) {
        words[count++] = parse->schema->sections[i].name;
    }
    const char *meant = nearest_word(word, words, count);
    return fault_at(parse, parse->line_number, column, "there is no section %.*s:%s%s%s",
                    shown_len(word), (const char *)word.bytes,
                    meant == NULL ? "" : " did you mean ", meant == NULL ? "" : meant,
                    meant == NULL ? "" : ":?");
}

/* The option is not in this section: say where it belongs, or what was probably meant. */
static enum status fault_unknown_option(struct parse *parse, struct span word, size_t column)
{
    const char *section = parse->last->section->name;
    const char *words[CONFIG_WORDS_MAX];
    size_t count = 0;
    const char *elsewhere = NULL;
    for (size_t i = 0; i < parse->schema->option_count && count < CONFIG_WORDS_MAX; i++) {
        const struct config_option *option = &parse->schema->options[i];
        if (strcmp(option->section, section) == 0) {
            words[count++] = option->name;
        } else if (span_equal(word, span_of_text(option->name))) {
            elsewhere = option->section;
        }
    }
    if (elsewhere != NULL) {
        return fault_at(parse, parse->line_number, column,
                        "option %.*s belongs to section %s:, not to section %s:", shown_len(word),
                        (const char *)word.bytes, elsewhere, section);
    }
    const char *meant = nearest_word(word, words, count);
    return fault_at(parse, parse->line_number, column,
                    "there is no option %.*s in section %s:%s%s%s", shown_len(word),
                    (const char *)word.bytes, section, meant == NULL ? "" : " did you mean ",
                    meant == NULL ? "" : meant, meant == NULL ? "" : "?");
}

/* ------------------------------------------------------------------ words of a line */

static bool line_has(const struct parse *parse)
{
    return parse->at < parse->line.len;
}

static uint8_t line_peek(const struct parse *parse)
{
    return line_has(parse) ? parse->line.bytes[parse->at] : 0;
}

static bool octet_is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t';
}

static bool octet_is_word(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= '0' && octet <= '9') || octet == '-' || octet == '_';
}

/* Also goes over a comment. */
static void line_skip(struct parse *parse)
{
    while (octet_is_blank(line_peek(parse))) {
        parse->at++;
    }
    if (line_peek(parse) == '#') {
        parse->at = parse->line.len;
    }
}

/* Nothing that a terminal would obey may reach a value or a sentence. */
static enum status line_check_octets(struct parse *parse)
{
    for (size_t i = 0; i < parse->line.len; i++) {
        uint8_t octet = parse->line.bytes[i];
        if ((octet < 0x20 && octet != '\t') || octet == 0x7f) {
            return fault_at(parse, parse->line_number, i + 1,
                            "the control character 0x%02X may not stand in this file", octet);
        }
    }
    return OK;
}

static enum status value_read_quoted(struct parse *parse, struct writer *value)
{
    size_t opened = parse->at++;
    while (line_has(parse) && line_peek(parse) != '"') {
        if (line_peek(parse) == '\\') {
            parse->at++;
            if (line_peek(parse) != '"' && line_peek(parse) != '\\') {
                return fault_at(parse, parse->line_number, parse->at,
                                "only \\\" and \\\\ may follow a backslash in quotes");
            }
        }
        writer_u8(value, line_peek(parse));
        parse->at++;
    }
    if (!line_has(parse)) {
        return fault_at(parse, parse->line_number, opened + 1, "the closing quote is missing");
    }
    parse->at++;
    if (line_has(parse) && !octet_is_blank(line_peek(parse))) {
        return fault_at(parse, parse->line_number, parse->at + 1,
                        "nothing may follow the closing quote directly");
    }
    return OK;
}

static enum status value_read_plain(struct parse *parse, struct writer *value)
{
    while (line_has(parse) && !octet_is_blank(line_peek(parse))) {
        uint8_t octet = line_peek(parse);
        if (octet == '"' || octet == '#') {
            return fault_at(parse, parse->line_number, parse->at + 1,
                            "a value with the character %c must stand in double quotes", octet);
        }
        writer_u8(value, octet);
        parse->at++;
    }
    return OK;
}

static enum status value_read(struct parse *parse, const char **text)
{
    char value[CONFIG_VALUE_MAX];
    struct writer writer = writer_over(value, sizeof value);
    size_t column = parse->at + 1;
    enum status status = line_peek(parse) == '"' ? value_read_quoted(parse, &writer)
                                                 : value_read_plain(parse, &writer);
    if (status != OK) {
        return status;
    }
    if (writer.status != OK) {
        return fault_at(parse, parse->line_number, column, "the value is longer than %d octets",
                        CONFIG_VALUE_MAX);
    }
    line_skip(parse);
    if (line_has(parse)) {
        return fault_at(parse, parse->line_number, parse->at + 1,
                        "a value with blanks must stand in double quotes");
    }
    *text = arena_text(arena_for(parse, parse->last->section), writer_written(&writer));
    return *text == NULL ? fault_memory(parse) : OK;
}

/* ------------------------------------------------------------------ lines */

static enum status section_open(struct parse *parse, const struct config_section *section,
                                size_t column)
{
    if (!section->is_many) {
        for (const struct part *part = parse->first; part != NULL; part = part->next) {
            if (part->section == section) {
                return fault_at(parse, parse->line_number, column,
                                "section %s: stands here a second time; the first is on line %u",
                                section->name, part->line);
            }
        }
    }
    struct part *part = arena_take(arena_for(parse, section), sizeof *part);
    if (part == NULL) {
        return fault_memory(parse);
    }
    *part = (struct part){.section = section, .line = parse->line_number};
    if (parse->last == NULL) {
        parse->first = part;
    } else {
        parse->last->next = part;
    }
    parse->last = part;
    return OK;
}

static enum status option_check_repeated(struct parse *parse, const struct entry *entry,
                                         size_t column, size_t value_column)
{
    for (const struct entry *other = parse->last->first; other != NULL; other = other->next) {
        if (other->option != entry->option) {
            continue;
        }
        if (!entry->option->is_list) {
            return fault_at(parse, parse->line_number, column,
                            "option %s is given twice; the first is on line %u",
                            entry->option->name, other->line);
        }
        if (strcmp(other->value.text, entry->value.text) == 0) {
            return fault_at(parse, parse->line_number, value_column,
                            "option %s has this value already on line %u", entry->option->name,
                            other->line);
        }
    }
    return OK;
}

static enum status option_add(struct parse *parse, const struct config_option *option,
                              size_t column)
{
    size_t value_column = parse->at + 1;
    struct entry *entry = arena_take(arena_for(parse, parse->last->section), sizeof *entry);
    if (entry == NULL) {
        return fault_memory(parse);
    }
    *entry = (struct entry){.option = option, .line = parse->line_number};
    enum status status = value_read(parse, &entry->value.text);
    if (status != OK) {
        return status;
    }
    char sentence[PROBLEM_SENTENCE_MAX];
    if (config_value_check(option, &entry->value, sentence) != OK) {
        return fault_at(parse, parse->line_number, value_column, "%s", sentence);
    }
    status = option_check_repeated(parse, entry, column, value_column);
    if (status != OK) {
        return status;
    }
    if (parse->last->first == NULL) {
        parse->last->first = entry;
    } else {
        parse->last->last->next = entry;
    }
    parse->last->last = entry;
    return OK;
}

/* `word:` with nothing behind it is a section, or an option that lacks its value. */
static enum status line_take_section(struct parse *parse, struct span word, size_t column)
{
    size_t index = config_section_index(parse->schema, word);
    if (index < parse->schema->section_count) {
        return section_open(parse, &parse->schema->sections[index], column);
    }
    if (parse->last != NULL && option_find(parse, word) != NULL) {
        return fault_at(parse, parse->line_number, column, "option %.*s needs a value",
                        shown_len(word), (const char *)word.bytes);
    }
    return fault_unknown_section(parse, word, column);
}

static enum status line_take_option(struct parse *parse, struct span word, size_t column)
{
    if (parse->last == NULL) {
        return fault_at(parse, parse->line_number, column, "option %.*s stands before any section",
                        shown_len(word), (const char *)word.bytes);
    }
    const struct config_option *option = option_find(parse, word);
    if (option != NULL) {
        return option_add(parse, option, column);
    }
    if (config_section_index(parse->schema, word) < parse->schema->section_count) {
        return fault_at(parse, parse->line_number, parse->at + 1,
                        "nothing may follow %.*s: on its line", shown_len(word),
                        (const char *)word.bytes);
    }
    return fault_unknown_option(parse, word, column);
}

static enum status line_take(struct parse *parse)
{
    enum status status = line_check_octets(parse);
    if (status != OK) {
        return status;
    }
    line_skip(parse);
    if (!line_has(parse)) {
        return OK;
    }
    size_t start = parse->at;
    while (octet_is_word(line_peek(parse))) {
        parse->at++;
    }
    struct span word = span_part(parse->line, start, parse->at - start);
    if (word.len == 0) {
        uint8_t octet = line_peek(parse);
        return fault_at(parse, parse->line_number, start + 1,
                        octet < 0x7f ? "a section or an option is expected here, not '%c'"
                                     : "a section or an option is expected here, not octet 0x%02X",
                        octet);
    }
    line_skip(parse);
    if (line_peek(parse) != ':') {
        return fault_at(parse, parse->line_number, start + word.len + 1,
                        "a colon is missing behind %.*s", shown_len(word),
                        (const char *)word.bytes);
    }
    parse->at++;
    line_skip(parse);
    return line_has(parse) ? line_take_option(parse, word, start + 1)
                           : line_take_section(parse, word, start + 1);
}

static enum status lines_take(struct parse *parse, struct span text)
{
    size_t at = 0;
    while (at < text.len) {
        const uint8_t *end = memchr(text.bytes + at, '\n', text.len - at);
        size_t next = end == NULL ? text.len : (size_t)(end - text.bytes) + 1;
        size_t len = (end == NULL ? text.len : next - 1) - at;
        if (end != NULL && len != 0 && text.bytes[at + len - 1] == '\r') {
            len--;
        }
        parse->line = span_part(text, at, len);
        parse->at = 0;
        parse->line_number++;
        if (parse->line_number > CONFIG_LINES_MAX) {
            return fault_at(parse, parse->line_number, 1, "the file has more than %d lines",
                            CONFIG_LINES_MAX);
        }
        enum status status = line_take(parse);
        if (status != OK) {
            return status;
        }
        at = next;
    }
    return OK;
}

/* ------------------------------------------------------------------ the whole */

static bool has_defaults(const struct section_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        if (options->list[i]->default_value != NULL) {
            return true;
        }
    }
    return false;
}

static enum status group_fill(struct parse *parse, size_t index, struct group *group)
{
    const struct config_section *section = &parse->schema->sections[index];
    size_t count = 0;
    for (const struct part *part = parse->first; part != NULL; part = part->next) {
        count += part->section == section ? 1 : 0;
    }
    bool is_implied = count == 0 && !section->is_many && has_defaults(&parse->options[index]);
    group->parts = arena_take_array(arena_for(parse, section), count + 1, sizeof group->parts[0]);
    struct part *implied = is_implied ? arena_take(parse->arena, sizeof *implied) : NULL;
    if (group->parts == NULL || (is_implied && implied == NULL)) {
        return fault_memory(parse);
    }
    for (struct part *part = parse->first; part != NULL; part = part->next) {
        if (part->section == section) {
            group->parts[group->count++] = part;
        }
    }
    if (is_implied) {
        implied->section = section;
        group->parts[group->count++] = implied;
    }
    return OK;
}

static const struct entry *part_find(const struct part *part, const struct config_option *option)
{
    for (const struct entry *entry = part->first; entry != NULL; entry = entry->next) {
        if (entry->option == option) {
            return entry;
        }
    }
    return NULL;
}

static enum status group_check_required(struct parse *parse, size_t index,
                                        const struct group *group)
{
    const struct section_options *options = &parse->options[index];
    for (size_t i = 0; i < group->count; i++) {
        const struct part *part = group->parts[i];
        for (size_t k = 0; k < options->count; k++) {
            const struct config_option *option = options->list[k];
            if (option->is_required && part_find(part, option) == NULL) {
                return fault_at(parse, part->line, part->line == 0 ? 0 : 1,
                                "section %s: needs the option %s (%s)", part->section->name,
                                option->name, option->help);
            }
        }
    }
    return OK;
}

enum status config_read(const struct config_schema *schema, const char *file, struct span text,
                        struct arena *arena, struct config **config, struct problem *problem)
{
    return config_read_apart(schema, file, text, arena, arena, config, problem);
}

enum status config_read_apart(const struct config_schema *schema, const char *file,
                              struct span text, struct arena *arena, struct arena *bulk,
                              struct config **config, struct problem *problem)
{
    struct parse parse = {
        .schema = schema, .file = file, .arena = arena, .bulk = bulk, .problem = problem};
    enum status status = options_sort(&parse);
    status = status == OK ? lines_take(&parse, text) : status;
    if (status != OK) {
        return status;
    }
    struct config *read = arena_take(arena, sizeof *read);
    struct group *groups = arena_take_array(arena, schema->section_count, sizeof groups[0]);
    if (read == NULL || groups == NULL) {
        return fault_memory(&parse);
    }
    for (size_t i = 0; i < schema->section_count; i++) {
        status = group_fill(&parse, i, &groups[i]);
        status = status == OK ? group_check_required(&parse, i, &groups[i]) : status;
        if (status != OK) {
            return status;
        }
    }
    *read = (struct config){.schema = schema, .groups = groups, .options = parse.options};
    *config = read;
    return OK;
}
