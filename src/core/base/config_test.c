/* The grammar of configuration files: what is read, and one sentence with its place for each fault.
 */
#include "core/base/config.h"

#include "core/base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_MAX = 1 << 20 };

static const struct config_section SECTIONS[] = {
    {"server", false, "How the server listens."},
    {"zone", true, "A zone."},
    {"mail", false, "Where mail goes."},
};
static const struct config_option OPTIONS[] = {
    {.section = "server",
     .name = "listen",
     .kind = CONFIG_ADDRESS,
     .default_value = "127.0.0.1@53",
     .is_list = true,
     .help = "An address."},
    {.section = "server",
     .name = "threads",
     .kind = CONFIG_NUMBER,
     .default_value = "1",
     .min = 1,
     .max = 64,
     .help = "How many."},
    {.section = "server",
     .name = "identity",
     .kind = CONFIG_TEXT,
     .help = "What it says of itself."},
    {.section = "server", .name = "any-number", .kind = CONFIG_NUMBER, .help = "Any."},
    {.section = "server",
     .name = "minimal",
     .kind = CONFIG_BOOL,
     .default_value = "yes",
     .help = "Short answers."},
    {.section = "zone",
     .name = "name",
     .kind = CONFIG_NAME,
     .is_required = true,
     .help = "Its apex."},
    {.section = "zone", .name = "file", .kind = CONFIG_PATH, .help = "Its file."},
    {.section = "zone",
     .name = "refresh",
     .kind = CONFIG_SECONDS,
     .default_value = "1h",
     .min = 60,
     .max = 86400,
     .help = "How often."},
    {.section = "zone",
     .name = "denial",
     .kind = CONFIG_CHOICE,
     .default_value = "nsec",
     .choices = "nsec|nsec3|optout",
     .help = "Of existence."},
    {.section = "mail",
     .name = "sender",
     .kind = CONFIG_TEXT,
     .is_required = true,
     .help = "Its address."},
};
static const struct config_schema SCHEMA = {SECTIONS, LEN(SECTIONS), OPTIONS, LEN(OPTIONS)};

static enum status read_text(const char *text, struct arena *arena, struct config **config,
                             struct problem *problem)
{
    *problem = (struct problem){0};
    return config_read(&SCHEMA, "vouch.conf", span_of_text(text), arena, config, problem);
}

static void values_are_read(void **state)
{
    (void)state;
    static const char TEXT[] = "# a comment\n"
                               "server:\n"
                               "  listen: 192.0.2.1@5353   # with a comment behind\r\n"
                               "  listen: 2001:db8::1\n"
                               "\tidentity: \"two words, a \\\"quote\\\", a \\\\ and a #\"\n"
                               "\n"
                               "zone:\n"
                               "    name: example.com\n"
                               "    refresh: 2h\n"
                               "zone:\n"
                               "    name: .\n"
                               "    denial: optout\n"
                               "    file: /var/lib/vouch/root.zone";
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    struct config *config;
    struct problem problem;
    assert_int_equal(read_text(TEXT, &arena, &config, &problem), OK);
    assert_int_equal(config_count(config, "server"), 1);
    assert_int_equal(config_list_count(config, "server", 0, "listen"), 2);
    assert_string_equal(config_list_at(config, "server", 0, "listen", 1), "2001:db8::1");
    assert_string_equal(config_text(config, "server", 0, "identity"),
                        "two words, a \"quote\", a \\ and a #");
    assert_int_equal(config_number(config, "server", 0, "threads"), 1);
    assert_true(config_bool(config, "server", 0, "minimal"));
    assert_null(config_text(config, "server", 0, "any-number"));
    assert_int_equal(config_number(config, "server", 0, "any-number"), 0);
    assert_int_equal(config_count(config, "zone"), 2);
    assert_string_equal(config_text(config, "zone", 0, "name"), "example.com");
    assert_int_equal(config_number(config, "zone", 0, "refresh"), 7200);
    assert_string_equal(config_text(config, "zone", 0, "denial"), "nsec");
    assert_null(config_text(config, "zone", 0, "file"));
    assert_string_equal(config_text(config, "zone", 1, "name"), ".");
    assert_int_equal(config_number(config, "zone", 1, "refresh"), 3600);
    assert_string_equal(config_text(config, "zone", 1, "denial"), "optout");
    assert_int_equal(config_line(config, "zone", 1), 10);
    assert_int_equal(config_count(config, "mail"), 0);
    arena_close(&arena);
}

static void an_empty_file_has_the_defaults(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    struct config *config;
    struct problem problem;
    assert_int_equal(read_text("", &arena, &config, &problem), OK);
    assert_int_equal(config_count(config, "server"), 1);
    assert_int_equal(config_line(config, "server", 0), 0);
    assert_int_equal(config_list_count(config, "server", 0, "listen"), 1);
    assert_string_equal(config_text(config, "server", 0, "listen"), "127.0.0.1@53");
    assert_int_equal(config_count(config, "zone"), 0);
    assert_int_equal(config_count(config, "mail"), 0);
    arena_close(&arena);
}

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void each_fault_has_its_place_and_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *words; /* stand in the sentence */
    } ROWS[] = {
        {"sever:\n", 1, 1, "no section sever: did you mean server:?"},
        {"xyzzyxyzzy:\n", 1, 1, "no section xyzzyxyzzy:"},
        {"listen: 192.0.2.1\n", 1, 1, "stands before any section"},
        {"server:\n  lisen: 192.0.2.1\n", 2, 3, "did you mean listen?"},
        {"server:\n  name: example\n", 2, 3, "belongs to section zone:"},
        {"server:\n  xyzzyxyzzy: 1\n", 2, 3, "no option xyzzyxyzzy in section server:"},
        {"server:\n  threads 4\n", 2, 10, "a colon is missing behind threads"},
        {"server:\n  threads:\n", 2, 3, "threads needs a value"},
        {"server:\n  threads: # none\n", 2, 3, "threads needs a value"},
        {"server: yes\n", 1, 1, "before any section"},
        {"server:\nzone: x\n", 2, 7, "nothing may follow zone:"},
        {"server:\n  threads: 1 2\n", 2, 14, "a value with blanks must stand in double quotes"},
        {"server:\n  identity: \"a\n", 2, 13, "closing quote is missing"},
        {"server:\n  identity: \"a\"b\n", 2, 16, "closing quote directly"},
        {"server:\n  identity: \"a\\n\"\n", 2, 15, "may follow a backslash"},
        {"server:\n  identity: a#b\n", 2, 14, "character # must stand in double quotes"},
        {"server:\n  identity: a\"b\n", 2, 14, "character \" must stand in double quotes"},
        {"server:\n  identity: a\x1b[2J\n", 2, 14, "control character 0x1B"},
        {"server:\n  : 1\n", 2, 3, "expected here, not ':'"},
        {"\xef\xbb\xbfserver:\n", 1, 1, "not octet 0xEF"},
        {"server:\n  threads: 0\n", 2, 12, "must lie in 1 to 64"},
        {"server:\n  threads: 65\n", 2, 12, "must lie in 1 to 64"},
        {"server:\n  threads: -1\n", 2, 12, "a whole number, not \"-1\""},
        {"server:\n  threads: 99999999999999999999\n", 2, 12, "a whole number"},
        {"server:\n  threads: 1\n  threads: 1\n", 3, 3, "given twice; the first is on line 2"},
        {"server:\n  minimal: true\n", 2, 12, "must be yes or no, not \"true\""},
        {"server:\n  listen: 192.0.2.256\n", 2, 11, "must be an address such as"},
        {"server:\n  listen: 192.0.2.1@70000\n", 2, 11, "must be an address such as"},
        {"server:\n  listen: ::1\n  listen: ::1\n", 3, 11, "already on line 2"},
        {"server:\nserver:\n", 2, 1, "a second time; the first is on line 1"},
        {"zone:\n  file: x\n", 1, 1, "section zone: needs the option name (Its apex.)"},
        {"zone:\n  name: a\nzone:\n", 3, 1, "needs the option name"},
        {"zone:\n  name: a..b\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: .a\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: a\\25\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: a\\256\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: a\\\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: \"\"\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: " LABEL_63 "x\n", 2, 9, "must be a domain name"},
        {"zone:\n  name: " LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 "\n", 2, 9,
         "must be a domain name"},
        {"zone:\n  name: a\n  file: \"\"\n", 3, 9, "must be a path"},
        {"zone:\n  name: a\n  refresh: soon\n", 3, 12, "a time such as 90, 15m or 1d12h"},
        {"zone:\n  name: a\n  refresh: 59\n", 3, 12, "in 60 to 86400 seconds"},
        {"zone:\n  name: a\n  denial: nsec4\n", 3, 11,
         "must be nsec, nsec3 or optout, not \"nsec4\"; did you mean nsec?"},
        {"mail:\n", 1, 1, "section mail: needs the option sender"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        struct arena arena;
        arena_open(&arena, ARENA_MAX);
        struct config *config = NULL;
        struct problem problem;
        enum status status = read_text(ROWS[i].text, &arena, &config, &problem);
        if (status != MALFORMED || problem.line != ROWS[i].line ||
            problem.column != ROWS[i].column || strstr(problem.sentence, ROWS[i].words) == NULL ||
            config != NULL) {
            fail_msg("row %zu (%s): got %d at %u:%u \"%s\"", i, ROWS[i].words, (int)status,
                     problem.line, problem.column, problem.sentence);
        }
        assert_string_equal(problem.place, "vouch.conf");
        arena_close(&arena);
    }
}

static void names_at_their_limits_are_read(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "zone:\n  name: " LABEL_63 "\n",
        "zone:\n  name: " LABEL_63 "." LABEL_63 "." LABEL_63 ".abcdefghijabcdefghijabcdefghij"
        "abcdefghijabcdefghijabcdefghija.\n", /* 255 octets with the root */
        "zone:\n  name: \"a\\.b\\032c.example.\"\n",
    };
    for (size_t i = 0; i < LEN(TEXTS); i++) {
        struct arena arena;
        arena_open(&arena, ARENA_MAX);
        struct config *config;
        struct problem problem;
        enum status status = read_text(TEXTS[i], &arena, &config, &problem);
        /* The last holds backslashes that only plain values keep as they are. */
        assert_int_equal(status, i == 2 ? MALFORMED : OK);
        arena_close(&arena);
    }
    struct arena arena;
    arena_open(&arena, ARENA_MAX);
    struct config *config;
    struct problem problem;
    assert_int_equal(read_text("zone:\n  name: a\\.b\\032c.example.\n", &arena, &config, &problem),
                     OK);
    assert_string_equal(config_text(config, "zone", 0, "name"), "a\\.b\\032c.example.");
    arena_close(&arena);
}

static void a_small_arena_is_no_crash(void **state)
{
    (void)state;
    static const char TEXT[] = "server:\n  listen: ::1\nzone:\n  name: a\nzone:\n  name: b\n";
    for (size_t size = 0;; size += 16) {
        struct arena arena;
        arena_open(&arena, size);
        struct config *config = NULL;
        struct problem problem;
        enum status status = read_text(TEXT, &arena, &config, &problem);
        arena_close(&arena);
        if (status == OK) {
            assert_true(size > 0);
            break;
        }
        assert_int_equal(status, NO_MEMORY);
        assert_true(problem.sentence[0] != '\0');
    }
}

static void the_reference_shows_every_option(void **state)
{
    (void)state;
    char text[8192];
    struct writer writer = writer_over(text, sizeof text - 1);
    config_write_reference(&SCHEMA, &writer);
    assert_int_equal(writer.status, OK);
    text[writer.len] = '\0';
    for (size_t i = 0; i < LEN(OPTIONS); i++) {
        assert_non_null(strstr(text, OPTIONS[i].name));
        assert_non_null(strstr(text, OPTIONS[i].help));
    }
    assert_non_null(strstr(text, "### `zone:`\n\nA zone. May stand many times.\n"));
    assert_non_null(strstr(text, "| `threads:` | number 1 to 64 | `1` | How many. |\n"));
    assert_non_null(strstr(text, "| `denial:` | one of `nsec`, `nsec3`, `optout` | `nsec` |"));
    assert_non_null(strstr(text, "| `name:` | domain name | required | Its apex. |\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(an_empty_file_has_the_defaults),
        cmocka_unit_test(each_fault_has_its_place_and_sentence),
        cmocka_unit_test(names_at_their_limits_are_read),
        cmocka_unit_test(a_small_arena_is_no_crash),
        cmocka_unit_test(the_reference_shows_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
