/* The lines of a scenario: comments, blocks and repetitions, and the small words that all lines
 * are made of. What the lines mean is in scenario_set_up.c and scenario_step.c. */
#include "service/resolver/scenario_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_SIZE_MAX = 16 << 20, REPEAT_MAX = 2000 };

enum status scenario_fail(struct scenario *scenario, const char *format, ...)
{
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return problem_set(scenario->problem, MISMATCH, "%s", sentence);
}

struct span scenario_word(struct span *line)
{
    size_t begin = 0;
    while (begin < line->len && line->bytes[begin] == ' ') {
        begin++;
    }
    size_t end = begin;
    while (end < line->len && line->bytes[end] != ' ') {
        end++;
    }
    struct span word = span_part(*line, begin, end - begin);
    while (end < line->len && line->bytes[end] == ' ') {
        end++;
    }
    *line = span_part(*line, end, line->len - end);
    return word;
}

bool scenario_is(struct span word, const char *text)
{
    return span_equal(word, span_of_text(text));
}

enum status scenario_number(struct scenario *scenario, struct span word, uint64_t *number)
{
    if (text_read_u64(word, UINT32_MAX, number) != OK) {
        return scenario_fail(scenario, "\"%.*s\" is no number", (int)word.len,
                             (const char *)word.bytes);
    }
    return OK;
}

enum status scenario_name(struct scenario *scenario, struct span word, struct name *name)
{
    struct name_buffer buffer;
    struct name read;
    struct problem problem = {0};
    if (name_parse(word, &NAME_ROOT, &buffer, &read, &problem) != OK) {
        return scenario_fail(scenario, "\"%.*s\": %s", (int)word.len, (const char *)word.bytes,
                             problem.sentence);
    }
    return name_copy(&scenario->arena, read, name);
}

enum status scenario_address(struct scenario *scenario, struct span word, struct address *address)
{
    enum { PORT_DNS = 53 };
    if (address_read(word, PORT_DNS, address) != OK) {
        return scenario_fail(scenario, "\"%.*s\" is no address", (int)word.len,
                             (const char *)word.bytes);
    }
    return OK;
}

/* --- lines --- */

static enum status line_play(struct scenario *scenario, struct span line, bool is_indented)
{
    if (is_indented) {
        switch (scenario->block) {
        case BLOCK_ZONE:
        case BLOCK_SCRIPT:
        case BLOCK_CHANGE:
            return scenario_set_up_more(scenario, line);
        case BLOCK_ASK:
        case BLOCK_BURST:
        case BLOCK_CONTROL:
            return scenario_step_more(scenario, line);
        case BLOCK_NONE:
            return scenario_fail(scenario, "this line belongs to nothing above it");
        }
    }
    enum status status = scenario_end_block(scenario);
    if (status != OK) {
        return status;
    }
    bool is_known = false;
    struct span word = scenario_word(&line);
    status = scenario_set_up(scenario, word, line, &is_known);
    return is_known || status != OK ? status : scenario_step(scenario, word, line);
}

/* "repeat COUNT LINE": the line COUNT times, '%' in it being 0, 1, 2 ... */
static enum status line_repeat(struct scenario *scenario, struct span line, bool is_indented)
{
    uint64_t count = 0;
    enum status status = scenario_number(scenario, scenario_word(&line), &count);
    if (status == OK && count > REPEAT_MAX) {
        return scenario_fail(scenario, "more than %d times", REPEAT_MAX);
    }
    for (uint64_t i = 0; i < count && status == OK; i++) {
        enum { LINE_SIZE = 1024 };
        char *text = arena_take(&scenario->arena, LINE_SIZE);
        if (text == NULL) {
            return NO_MEMORY;
        }
        struct writer writer = writer_over(text, LINE_SIZE);
        for (size_t at = 0; at < line.len; at++) {
            if (line.bytes[at] == '%') {
                writer_print(&writer, "%u", (unsigned)i);
            } else {
                writer_u8(&writer, line.bytes[at]);
            }
        }
        status = line_play(scenario, writer_written(&writer), is_indented);
    }
    return status;
}

static struct span line_trim(struct span line, bool *is_indented)
{
    size_t begin = 0;
    size_t end = line.len;
    while (begin < end && line.bytes[begin] == ' ') {
        begin++;
    }
    for (size_t at = begin; at < end; at++) {
        bool begins_comment = line.bytes[at] == '#' && (at == begin || line.bytes[at - 1] == ' ');
        end = begins_comment ? at : end;
    }
    while (end > begin && line.bytes[end - 1] == ' ') {
        end--;
    }
    *is_indented = begin > 0;
    return span_part(line, begin, end - begin);
}

static enum status text_play(struct scenario *scenario, const char *file, struct span text)
{
    uint32_t number = 0;
    enum status status = OK;
    /* Why it is there is the first thing to read in every scenario. */
    if (text.len == 0 || text.bytes[0] != '#') {
        problem_place(scenario->problem, file, 1, 0);
        return scenario_fail(scenario, "a scenario begins with a comment that says why");
    }
    for (size_t at = 0; at < text.len && status == OK;) {
        const uint8_t *newline = memchr(text.bytes + at, '\n', text.len - at);
        size_t len = newline == NULL ? text.len - at : (size_t)(newline - text.bytes) - at;
        bool is_indented = false;
        struct span line = line_trim(span_part(text, at, len), &is_indented);
        at += len + 1;
        number++;
        problem_place(scenario->problem, file, number, 0);
        struct span rest = line;
        if (line.len == 0) {
            continue;
        }
        if (scenario_is(scenario_word(&rest), "repeat")) {
            status = line_repeat(scenario, rest, is_indented);
        } else {
            status = line_play(scenario, line, is_indented);
        }
    }
    if (status == OK) {
        status = scenario_end_block(scenario);
    }
    if (status == OK && !scenario->is_running) {
        return scenario_fail(scenario, "nothing is asked");
    }
    return status;
}

enum status scenario_play(const char *file, struct span text, struct problem *problem)
{
    struct scenario *scenario = calloc(1, sizeof *scenario);
    if (scenario == NULL) {
        return NO_MEMORY;
    }
    fake_open(&scenario->net);
    arena_open(&scenario->arena, ARENA_SIZE_MAX);
    scenario->problem = problem;
    scenario->options = fake_options(&scenario->net, NULL);
    scenario->options.is_validating = true;
    scenario->client = scenario->net.client;
    enum status status = text_play(scenario, file, text);
    if (status != OK && problem->status == OK) {
        status = scenario_fail(scenario, "%s", status_text(status));
    }
    fake_close(&scenario->net);
    scenario_roll_close(scenario);
    arena_close(&scenario->arena);
    free(scenario);
    return status;
}
