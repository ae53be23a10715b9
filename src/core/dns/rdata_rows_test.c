/* Presentation form type by type: the rows of tests/peer/rrtypes.tsv, which the peer test gives to
 * another implementation too. What is read has the octets of its row and comes back from text, from
 * generic form and in any case of letters; what is refused names its column and what was expected.
 */
#include "core/dns/rdata.h"

#include "core/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_SIZE = 4096, OCTETS_SIZE = 2048, TEXT_SIZE = 16384, ROWS_MIN_EACH = 2 };

struct row {
    uint16_t type;
    const char *mnemonic, *verdict, *outcome, *why, *text;
};

/* Cuts a line at its tabs, in place. */
static struct row row_read(char *line)
{
    const char *cells[6];
    char *rest = line;
    for (size_t i = 0; i < LEN(cells); i++) {
        cells[i] = strsep(&rest, i == LEN(cells) - 1 ? "\n" : "\t");
        assert_non_null(cells[i]);
    }
    struct row row = {0, cells[0], cells[1], cells[2], cells[4], cells[5]};
    assert_int_equal(type_parse(span_of_text(row.mnemonic), &row.type), OK);
    return row;
}

static bool row_fail(const struct row *row, const char *what, const char *found)
{
    print_error("%s %s (%s): %s: %s\n", row->mnemonic, row->text, row->why, what, found);
    return false;
}

static bool parses_to(const struct row *row, struct span text, struct span expected,
                      const char *what)
{
    static uint8_t bytes[OCTETS_SIZE];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {OK};
    if (rdata_parse_text(row->type, text, NULL, &rdata, &problem) != OK) {
        return row_fail(row, what, problem.sentence);
    }
    if (!span_equal(writer_written(&rdata), expected)) {
        char hex[2 * OCTETS_SIZE + 1];
        struct writer found = writer_over(hex, sizeof hex - 1);
        text_write_base16(&found, writer_written(&rdata));
        hex[found.len] = '\0';
        return row_fail(row, what, hex);
    }
    return true;
}

static bool reads_holds(const struct row *row)
{
    static uint8_t octets[OCTETS_SIZE];
    static char printed[TEXT_SIZE], again[TEXT_SIZE];
    struct writer writer = writer_over(octets, sizeof octets);
    if (strcmp(row->outcome, "-") != 0) {
        assert_int_equal(text_read_base16(span_of_text(row->outcome), &writer), OK);
    }
    struct span wire = writer_written(&writer);
    if (rdata_check(row->type, wire) != OK) {
        return row_fail(row, "octets", "the check refuses them");
    }
    struct writer text = writer_over(printed, sizeof printed);
    rdata_write_text(row->type, wire, &text);
    struct writer generic = writer_over(again, sizeof again);
    rdata_write_generic(wire, &generic);
    return parses_to(row, span_of_text(row->text), wire, "text") &&
           parses_to(row, writer_written(&text), wire, "its own text") &&
           parses_to(row, writer_written(&generic), wire, "generic form");
}

static bool refused_holds(const struct row *row)
{
    static uint8_t bytes[OCTETS_SIZE];
    unsigned column = 0;
    int word_at = 0;
    assert_int_equal(sscanf(row->outcome, "%u %n", &column, &word_at), 1);
    struct writer rdata = writer_over(bytes, sizeof bytes);
    struct problem problem = {OK};
    if (rdata_parse_text(row->type, span_of_text(row->text), NULL, &rdata, &problem) == OK) {
        return row_fail(row, "refused", "it is read");
    }
    if (problem.column != column || strstr(problem.sentence, row->outcome + word_at) == NULL) {
        char found[PROBLEM_SENTENCE_MAX + 32];
        snprintf(found, sizeof found, "column %u: %s", problem.column, problem.sentence);
        return row_fail(row, row->outcome, found);
    }
    return true;
}

static size_t read_counts[UINT16_MAX + 1], refused_counts[UINT16_MAX + 1];

static void the_rows_hold(void **state)
{
    (void)state;
    FILE *table = fopen(VOUCH_SOURCE_ROOT "/tests/peer/rrtypes.tsv", "r");
    assert_non_null(table);
    static char line[LINE_SIZE];
    size_t failed_count = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        struct row row = row_read(line);
        bool is_read = strcmp(row.verdict, "reads") == 0;
        bool holds = is_read ? reads_holds(&row) : refused_holds(&row);
        failed_count += holds ? 0 : 1;
        ++*(is_read ? &read_counts[row.type] : &refused_counts[row.type]);
    }
    fclose(table);
    assert_int_equal(failed_count, 0);
}

/* Runs behind the other: every registered type that may stand in a zone has rows of both kinds. */
static void every_type_has_its_rows(void **state)
{
    (void)state;
    for (uint32_t type = 1; type <= UINT16_MAX; type++) {
        char mnemonic[TYPE_TEXT_MAX];
        type_print((uint16_t)type, mnemonic);
        bool is_registered = strncmp(mnemonic, "TYPE", 4) != 0;
        if (is_registered && !type_is_meta((uint16_t)type) &&
            (read_counts[type] < ROWS_MIN_EACH || refused_counts[type] < ROWS_MIN_EACH)) {
            fail_msg("%s has %zu rows that are read and %zu that are refused", mnemonic,
                     read_counts[type], refused_counts[type]);
        }
    }
}

/* Rdata has at most 65535 octets in every form: texts, hexadecimal, base64, bitmaps of all types.
 */
static void the_longest_rdata_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *mnemonic, *before, *piece, *after;
        size_t pieces_max; /* with one more it is too long */
    } rows[] = {
        {"URI", "0 0 \"", "u", "\"", 65531},          {"TLSA", "0 0 0 ", "ab", "", 65532},
        {"DNSKEY", "0 0 0 ", "AAAA", "", 21843},      {"OPENPGPKEY", "", "AAAA", "", 21845},
        {"TYPE65280", "\\# 65535 ", "ab", "", 65535}, {"CAA", "0 a \"", "\\000", "\"", 65532},
    };
    enum { LONG_SIZE = 1 << 19 };
    static char text[LONG_SIZE];
    static uint8_t bytes[RDATA_LEN_MAX + 16], printed[LONG_SIZE], again[RDATA_LEN_MAX + 16];
    for (size_t i = 0; i < LEN(rows); i++) {
        uint16_t type = 0;
        assert_int_equal(type_parse(span_of_text(rows[i].mnemonic), &type), OK);
        for (size_t extra = 0; extra < 2; extra++) {
            struct writer writer = writer_over(text, sizeof text);
            writer_text(&writer, rows[i].before);
            for (size_t j = 0; j < rows[i].pieces_max + extra; j++) {
                writer_text(&writer, rows[i].piece);
            }
            writer_text(&writer, rows[i].after);
            struct writer rdata = writer_over(bytes, sizeof bytes);
            struct problem problem = {OK};
            enum status status =
                rdata_parse_text(type, writer_written(&writer), NULL, &rdata, &problem);
            if ((status == OK) != (extra == 0)) {
                fail_msg("%s of %zu: %s", rows[i].mnemonic, rows[i].pieces_max + extra,
                         problem.sentence);
            }
            if (status == OK) {
                struct writer back = writer_over(printed, sizeof printed);
                struct writer second = writer_over(again, sizeof again);
                rdata_write_text(type, writer_written(&rdata), &back);
                assert_int_equal(back.status, OK);
                assert_int_equal(
                    rdata_parse_text(type, writer_written(&back), NULL, &second, &problem), OK);
                assert_true(span_equal(writer_written(&second), writer_written(&rdata)));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_hold),
        cmocka_unit_test(every_type_has_its_rows),
        cmocka_unit_test(the_longest_rdata_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
