/* How words and options of a command are read. */
#include "command/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 8, LINE_SIZE = 100 };

/* Words separated by single spaces, as a shell would hand them over. */
static int line_split(const char *words, char line[LINE_SIZE], char *argv[WORDS_MAX])
{
    int argc = 0;
    snprintf(line, LINE_SIZE, "%s", words);
    for (char *at = line; at != NULL && argc < WORDS_MAX; argc++) {
        argv[argc] = at;
        at = strchr(at, ' ');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    return argc;
}

static void parse_sorts_words_from_options(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        const char *line;
        int code;
        int words;
        const char *first_word;
        size_t anchors;
        const char *at;
        size_t quiet;
    } ROWS[] = {
        {"nothing is nothing", "verify", EXIT_DONE, 0, NULL, 0, NULL, 0},
        {"a value in the next word", "verify --at 5 f", EXIT_DONE, 1, "f", 0, "5", 0},
        {"a value behind =", "verify f --at=5", EXIT_DONE, 1, "f", 0, "5", 0},
        {"a value may look like an option", "verify --at --x", EXIT_DONE, 0, NULL, 0, "--x", 0},
        {"an empty value behind =", "verify --at=", EXIT_DONE, 0, NULL, 0, "", 0},
        {"a list", "verify --anchor a --anchor b", EXIT_DONE, 0, NULL, 2, NULL, 0},
        {"a switch", "verify --quiet f", EXIT_DONE, 1, "f", 0, NULL, 1},
        {"standard input", "verify -", EXIT_DONE, 1, "-", 0, NULL, 0},
        {"-- ends the options", "verify -- --quiet", EXIT_DONE, 1, "--quiet", 0, NULL, 0},
        {"given twice", "verify --at 5 --at 6", EXIT_USAGE, 0, NULL, 0, NULL, 0},
        {"unknown", "verify --atx", EXIT_USAGE, 0, NULL, 0, NULL, 0},
        {"unknown short", "verify -x", EXIT_USAGE, 0, NULL, 0, NULL, 0},
        {"a switch with a value", "verify --quiet=1", EXIT_USAGE, 0, NULL, 0, NULL, 0},
        {"no value", "verify --at", EXIT_USAGE, 0, NULL, 0, NULL, 0},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct command_option options[] = {
            {.name = "--anchor", .takes_value = true, .is_list = true},
            {.name = "--at", .takes_value = true},
            {.name = "--quiet"},
        };
        char line[LINE_SIZE];
        char *argv[WORDS_MAX];
        int argc = line_split(ROWS[i].line, line, argv);
        print_message("%s\n", ROWS[i].reason);
        int words = 0;
        assert_int_equal(command_parse(argc, argv, options, LEN(options), &words), ROWS[i].code);
        if (ROWS[i].code != EXIT_DONE) {
            continue;
        }
        assert_int_equal(words, ROWS[i].words);
        assert_int_equal(options[0].count, ROWS[i].anchors);
        assert_int_equal(options[2].count, ROWS[i].quiet);
        if (ROWS[i].first_word != NULL) {
            assert_string_equal(argv[1], ROWS[i].first_word);
        }
        if (ROWS[i].at == NULL) {
            assert_null(command_value(&options[1]));
        } else {
            assert_string_equal(command_value(&options[1]), ROWS[i].at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_sorts_words_from_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
