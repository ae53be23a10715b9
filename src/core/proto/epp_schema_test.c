/* EPP against a second opinion: every form of frame that we write fits the grammar made from the
 * RFCs' rules (tests/peer/epp/frame.rng, judged by libxml2), and of the frames in frames.tsv those
 * that break it are refused by our reader too, with the code and the sentence of the row. The peer
 * test of EPP gives the same frames to a running registry. */
#include "core/proto/epp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/epp_grammar.h"
#include "core/proto/epp_samples.h"

static int grammar_open(void **state)
{
    static struct epp_grammar grammar;
    *state = &grammar;
    return epp_grammar_open(&grammar) ? 0 : -1;
}

static int grammar_close(void **state)
{
    epp_grammar_close(*state);
    xmlCleanupParser();
    return 0;
}

static void test_commands_fit(void **state)
{
    static struct epp_command commands[SAMPLE_COMMANDS_MAX];
    size_t count;
    commands_make(commands, &count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[8192];
        struct writer frame = writer_over(bytes, sizeof bytes);
        assert_int_equal(epp_command_write(&commands[i], &frame), OK);
        if (!epp_grammar_fits(*state, writer_written(&frame))) {
            fail_msg("command %zu does not fit: %.*s", i, (int)frame.len, bytes);
        }
    }
}

static void test_responses_fit(void **state)
{
    static struct epp_response responses[SAMPLE_RESPONSES_MAX];
    size_t count;
    responses_make(responses, &count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[8192];
        struct writer frame = writer_over(bytes, sizeof bytes);
        assert_int_equal(epp_response_write(&responses[i], &frame), OK);
        if (!epp_grammar_fits(*state, writer_written(&frame))) {
            fail_msg("response %zu does not fit: %.*s", i, (int)frame.len, bytes);
        }
    }
}

/* What the schema would refuse is not written in the first place. */
static void test_a_long_reason_is_not_written(void **state)
{
    (void)state;
    struct epp_response response = {
        .code = EPP_OK,
        .server_transaction = SPAN_LITERAL("SV-1"),
        .verb = EPP_DOMAIN_CHECK,
        .checks = {{NAME, false, SPAN_LITERAL("thirty-three characters are here.")}},
        .check_count = 1};
    uint8_t bytes[2048];
    struct writer frame = writer_over(bytes, sizeof bytes);
    assert_int_equal(epp_response_write(&response, &frame), BAD_ARGUMENT);
    response.checks[0].reason.len--;
    frame = writer_over(bytes, sizeof bytes);
    assert_int_equal(epp_response_write(&response, &frame), OK);
    assert_true(epp_grammar_fits(*state, writer_written(&frame)));
}

struct row {
    const char *verdict, *sentence, *why, *body;
    int code;
};

/* Cuts a line at its tabs, in place. */
static struct row row_read(char *line)
{
    char *cells[5] = {NULL};
    char *rest = line;
    for (size_t i = 0; i < LEN(cells); i++) {
        cells[i] = strsep(&rest, i == LEN(cells) - 1 ? "\n" : "\t");
        assert_non_null(cells[i]);
    }
    int code = 0;
    assert_int_equal(sscanf(cells[1], "%d", &code), 1);
    return (struct row){cells[0], cells[2], cells[3], cells[4], code};
}

static bool row_holds(struct epp_grammar *grammar, const struct row *row)
{
    char bytes[4096];
    struct writer frame = writer_over(bytes, sizeof bytes);
    writer_text(&frame, "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\" "
                        "xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\" "
                        "xmlns:s=\"urn:ietf:params:xml:ns:secDNS-1.1\">");
    writer_text(&frame, row->body);
    writer_text(&frame, "</epp>");
    assert_int_equal(frame.status, OK);
    bool fits = epp_grammar_fits(grammar, writer_written(&frame));
    bool grammar_agrees = fits == (strcmp(row->verdict, "fits") == 0);
    if (!grammar_agrees) {
        print_error("%s: the grammar says that it %s\n", row->why, fits ? "fits" : "breaks");
    }
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct epp_command command;
    enum epp_code code;
    struct problem problem = {.status = OK};
    enum status status =
        epp_command_read(writer_written(&frame), &arena, &command, &code, &problem);
    arena_close(&arena);
    int answer = status == OK ? EPP_OK : (int)code;
    bool reader_agrees =
        answer == row->code && (status == OK || strstr(problem.sentence, row->sentence) != NULL);
    if (!reader_agrees) {
        print_error("%s: %d \"%s\", not %d \"%s\"\n", row->why, answer, problem.sentence, row->code,
                    row->sentence);
    }
    return grammar_agrees && reader_agrees;
}

static void test_reader_agrees(void **state)
{
    FILE *table = fopen(EPP_GRAMMAR_FOLDER "frames.tsv", "r");
    assert_non_null(table);
    char line[4096];
    size_t fit_count = 0, broken_count = 0, failed_count = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        if (line[0] == '#') {
            continue;
        }
        struct row row = row_read(line);
        failed_count += row_holds(*state, &row) ? 0 : 1;
        if (strcmp(row.verdict, "fits") == 0) {
            fit_count++;
        } else {
            broken_count++;
        }
    }
    fclose(table);
    assert_int_equal(failed_count, 0);
    assert_true(fit_count >= 30 && broken_count >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_fit),
        cmocka_unit_test(test_responses_fit),
        cmocka_unit_test(test_a_long_reason_is_not_written),
        cmocka_unit_test(test_reader_agrees),
    };
    return cmocka_run_group_tests(tests, grammar_open, grammar_close);
}
