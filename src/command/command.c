/* How every command reads its words and says what is wrong with them. */
#include "command/command.h"
#include "core/base/nearest.h"
#include "core/base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 64, PROBLEM_TEXT_MAX = PROBLEM_SENTENCE_MAX + PROBLEM_PLACE_MAX + 40 };

int command_usage_error(const char *name, const char *format, ...)
{
    fprintf(stderr, "vouch %s: ", name);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

int command_failed(const char *name, const struct problem *problem)
{
    char text[PROBLEM_TEXT_MAX];
    fprintf(stderr, "vouch %s: %s\n", name, problem_print(problem, text, sizeof text));
    return EXIT_FAILED;
}

static int unknown_option(const char *command, struct span typed,
                          const struct command_option *options, size_t option_count)
{
    const char *names[OPTIONS_MAX];
    for (size_t i = 0; i < option_count; i++) {
        names[i] = options[i].name;
    }
    const char *meant = nearest_word(typed, names, option_count);
    if (meant != NULL) {
        return command_usage_error(command, "there is no option %.*s; did you mean %s?",
                                   (int)typed.len, (const char *)typed.bytes, meant);
    }
    return command_usage_error(command, "there is no option %.*s; see `vouch help %s`",
                               (int)typed.len, (const char *)typed.bytes, command);
}

static struct command_option *option_find(struct span name, struct command_option *options,
                                          size_t option_count)
{
    for (size_t i = 0; i < option_count; i++) {
        if (span_equal(name, span_of_text(options[i].name))) {
            return &options[i];
        }
    }
    return NULL;
}

/* Takes the option at argv[*at], and its value where it has one. */
static int option_take(int argc, char **argv, int *at, struct command_option *options,
                       size_t option_count)
{
    const char *word = argv[*at];
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    struct span name = equals == NULL ? span_of_text(word) : span_of(word, (size_t)(equals - word));
    struct command_option *option = option_find(name, options, option_count);
    if (option == NULL) {
        return unknown_option(argv[0], name, options, option_count);
    }
    if (option->count != 0 && !option->is_list) {
        return command_usage_error(argv[0], "option %s is given twice", option->name);
    }
    if (option->count == COMMAND_VALUES_MAX) {
        return command_usage_error(argv[0], "option %s is given more than %d times", option->name,
                                   COMMAND_VALUES_MAX);
    }
    if (!option->takes_value && equals != NULL) {
        return command_usage_error(argv[0], "option %s takes no value", option->name);
    }
    if (option->takes_value && equals == NULL && *at + 1 == argc) {
        return command_usage_error(argv[0], "option %s needs a value", option->name);
    }
    const char *value = NULL;
    if (option->takes_value) {
        value = equals != NULL ? equals + 1 : argv[++*at];
    }
    option->values[option->count++] = value;
    return EXIT_DONE;
}

int command_parse(int argc, char **argv, struct command_option *options, size_t option_count,
                  int *word_count)
{
    require(option_count <= OPTIONS_MAX);
    *word_count = 0;
    bool is_open = true;
    for (int at = 1; at < argc; at++) {
        char *word = argv[at];
        if (is_open && strcmp(word, "--") == 0) {
            is_open = false;
        } else if (is_open && word[0] == '-' && word[1] != '\0') {
            int code = option_take(argc, argv, &at, options, option_count);
            if (code != EXIT_DONE) {
                return code;
            }
        } else {
            argv[++*word_count] = word;
        }
    }
    return EXIT_DONE;
}

const char *command_value(const struct command_option *option)
{
    return option->count == 0 ? NULL : option->values[0];
}

enum log_level command_log_level(const char *word)
{
    static const char *const words[LOG_LEVEL_COUNT] = {"error", "warning", "notice", "detail"};
    for (size_t i = 0; i < LEN(words); i++) {
        if (strcmp(words[i], word) == 0) {
            return (enum log_level)i;
        }
    }
    return LOG_NOTICE;
}

void command_write_quoted(struct writer *text, const char *value, size_t len)
{
    writer_text(text, "\"");
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '"' || value[i] == '\\') {
            writer_text(text, "\\");
        }
        writer_u8(text, (uint8_t)value[i]);
    }
    writer_text(text, "\"\n");
}
