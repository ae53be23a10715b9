/* The table of types against the dated copy of IANA's registry, and numbered forms. */
#include "core/dns/type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The registry as our copy has it; values that it does not have stay empty. */
static void registry_read(char (*mnemonics)[32], size_t *count)
{
    FILE *registry = fopen(VOUCH_SOURCE_ROOT "/data/iana-rr-types.tsv", "r");
    assert_non_null(registry);
    char line[256];
    *count = 0;
    while (fgets(line, sizeof line, registry) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        char *rest = line;
        const char *mnemonic = strsep(&rest, "\t");
        const char *number = strsep(&rest, "\t");
        const char *meaning = strsep(&rest, "\t");
        const char *reference = strsep(&rest, "\t\n");
        unsigned value = 0;
        if (meaning == NULL || reference == NULL || reference[0] != '[' ||
            strlen(mnemonic) >= sizeof mnemonics[0] || sscanf(number, "%u", &value) != 1) {
            fail_msg("no row of the registry: %s", mnemonic);
        }
        assert_true(value <= UINT16_MAX);
        assert_int_equal(mnemonics[value][0], '\0');
        memcpy(mnemonics[value], mnemonic, strlen(mnemonic));
        ++*count;
    }
    fclose(registry);
}

/* And no other. */
static void the_registered_types_are_known(void **state)
{
    (void)state;
    static char mnemonics[UINT16_MAX + 1][32];
    size_t count, known_count = 0;
    registry_read(mnemonics, &count);
    assert_int_equal(count, 97);
    for (uint32_t value = 0; value <= UINT16_MAX; value++) {
        char printed[TYPE_TEXT_MAX], numbered[TYPE_TEXT_MAX];
        snprintf(numbered, sizeof numbered, "TYPE%u", value);
        const char *expected = mnemonics[value][0] != '\0' ? mnemonics[value] : numbered;
        assert_string_equal(type_print((uint16_t)value, printed), expected);
        known_count += strcmp(printed, numbered) != 0 ? 1 : 0;
        uint16_t type = 0;
        assert_int_equal(type_parse(span_of_text(expected), &type), OK);
        assert_int_equal(type, value);
    }
    assert_int_equal(known_count, count);
}

static void names_and_numbers_are_inverse(void **state)
{
    (void)state;
    for (uint32_t value = 0; value <= UINT16_MAX; value++) {
        char printed[TYPE_TEXT_MAX];
        uint16_t type = 0;
        struct span text = span_of_text(type_print((uint16_t)value, printed));
        assert_int_equal(type_parse(text, &type), OK);
        assert_int_equal(type, value);
        uint8_t bytes[32];
        struct writer writer = writer_over(bytes, sizeof bytes);
        class_write((uint16_t)value, &writer);
        assert_int_equal(class_parse(writer_written(&writer), &type), OK);
        assert_int_equal(type, value);
    }
}

static void words_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        uint16_t type;
        const char *why;
    } ROWS[] = {
        {"aaaa", OK, 28, "lower case"},
        {"Type65280", OK, 65280, "RFC 3597 §5 in any case"},
        {"TYPE1", OK, 1, "a known type by its number"},
        {"TYPE0", OK, 0, "zero"},
        {"TYPE01", NOT_FOUND, 0, "a leading zero"},
        {"TYPE65536", NOT_FOUND, 0, "above 16 bits"},
        {"TYPE", NOT_FOUND, 0, "no number"},
        {"TYPE1x", NOT_FOUND, 0, "more than a number"},
        {"TYPE99999999999", NOT_FOUND, 0, "many digits"},
        {"", NOT_FOUND, 0, "nothing"},
        {"AA", NOT_FOUND, 0, "between A and AAAA"},
        {"AAAAA", NOT_FOUND, 0, "longer than AAAA"},
        {"ZZZ", NOT_FOUND, 0, "behind all"},
        {"NSAP-PTR", OK, 23, "with a hyphen"},
    };
    for (size_t i = 0; i < LEN(ROWS); i++) {
        uint16_t type = 0;
        assert_int_equal(type_parse(span_of_text(ROWS[i].text), &type), ROWS[i].status);
        assert_int_equal(type, ROWS[i].type);
    }
    uint16_t class_ = 0;
    assert_int_equal(class_parse(SPAN_LITERAL("ch"), &class_), OK);
    assert_int_equal(class_, CLASS_CH);
    assert_int_equal(class_parse(SPAN_LITERAL("INN"), &class_), NOT_FOUND);
}

static void kinds_of_types(void **state)
{
    (void)state;
    assert_true(type_is_meta(TYPE_OPT));
    assert_true(type_is_meta(128));
    assert_true(type_is_meta(TYPE_ANY));
    assert_false(type_is_meta(TYPE_A));
    assert_false(type_is_meta(256));
    assert_true(type_is_singleton(TYPE_SOA));
    assert_false(type_is_singleton(TYPE_NS));
    assert_string_equal(rcode_text(RCODE_NXDOMAIN), "NXDOMAIN");
    assert_string_equal(rcode_text(4000), "unassigned RCODE");
    assert_string_equal(opcode_text(OPCODE_NOTIFY), "NOTIFY");
    assert_string_equal(opcode_text(15), "unassigned OPCODE");
    uint8_t bytes[32];
    struct writer writer = writer_over(bytes, sizeof bytes);
    rcode_write(4000, &writer);
    assert_true(span_equal(writer_written(&writer), SPAN_LITERAL("RCODE4000")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_registered_types_are_known),
        cmocka_unit_test(names_and_numbers_are_inverse),
        cmocka_unit_test(words_are_read),
        cmocka_unit_test(kinds_of_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
