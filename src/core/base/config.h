#pragma once
/* Configuration files in one grammar for all services: `section:` lines, `option: value` lines
 * below them, '#' comments, values in double quotes where they hold blanks. What is allowed is a
 * schema table, from which the reference is generated. */
#include "core/base/arena.h"
#include "core/base/problem.h"

enum config_kind {
    CONFIG_TEXT,
    CONFIG_NUMBER,
    CONFIG_BOOL /* yes, no */,
    CONFIG_SECONDS /* TTL units */,
    CONFIG_ADDRESS /* ADDR[@PORT] */,
    CONFIG_NAME /* a domain name */,
    CONFIG_PATH,
    CONFIG_CHOICE /* one of `choices` */
};

struct config_option {
    const char *section;
    const char *name;
    enum config_kind kind;
    const char *default_value; /* text as in a file; NULL: none, the option stays unset */
    const char *choices;       /* CONFIG_CHOICE: words separated by '|' */
    uint64_t min, max;         /* CONFIG_NUMBER, CONFIG_SECONDS; both 0: any */
    bool is_list;              /* may be given many times */
    bool is_required;          /* in each section of that name that counts (config_count) */
    const char *help;          /* one line */
};
struct config_section {
    const char *name;
    bool is_many; /* may stand many times, as `zone:` */
    const char *help;
    bool is_bulk; /* so many that they live in an arena of their own (config_read_apart) */
};
struct config_schema {
    const struct config_section *sections;
    size_t section_count;
    const struct config_option *options;
    size_t option_count;
};

struct config; /* lives in the arena it was read into */
/* All of the file or none of it; the first fault with line and column, unknown words with the
 * nearest known one. */
enum status config_read(const struct config_schema *schema, const char *file, struct span text,
                        struct arena *arena, struct config **config,
                        struct problem *problem) MUST_USE;
/* The same, but what is_bulk lives in `bulk`, which may be closed first: then nobody asks for those
 * sections any more. */
enum status config_read_apart(const struct config_schema *schema, const char *file,
                              struct span text, struct arena *arena, struct arena *bulk,
                              struct config **config, struct problem *problem) MUST_USE;
/* How often a section stands there (a section not in the file but with defaults counts as 1 unless
 * is_many). */
size_t config_count(const struct config *config, const char *section);
/* Where the `index`-th section of that name stands, for faults that only the service can see; 0
 * when it is not in the file. */
uint32_t config_line(const struct config *config, const char *section, size_t index);
/* The value of an option in the `index`-th section of that name; defaults filled in; NULL when
 * unset (then config_number gives 0 and config_bool false). Asking for an option that is not in the
 * schema, or for a section that is not there, is a broken promise. */
const char *config_text(const struct config *config, const char *section, size_t index,
                        const char *option);
uint64_t config_number(const struct config *config, const char *section, size_t index,
                       const char *option); /* also SECONDS */
bool config_bool(const struct config *config, const char *section, size_t index,
                 const char *option);
/* Does the section itself, and not a default, say any of these? For sections by the thousands. */
bool config_says_any(const struct config *config, const char *section, size_t index,
                     const char *const *options, size_t count);
/* Values of an is_list option. */
size_t config_list_count(const struct config *config, const char *section, size_t index,
                         const char *option);
const char *config_list_at(const struct config *config, const char *section, size_t index,
                           const char *option, size_t at);
/* The reference of a schema in Markdown: a heading and a table for each section. */
struct writer;
void config_write_reference(const struct config_schema *schema, struct writer *text);
