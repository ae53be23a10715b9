/* The text that Prometheus reads, and the lines that people read, from the same numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/proto/metrics.h"

static const struct metric_family QUERIES = {"vouch_auth_queries_total", METRIC_COUNTER,
                                             "transport", "Questions that came"};
static const struct metric_family ZONES = {"vouch_auth_zones", METRIC_GAUGE, NULL,
                                           "Zones, a \\ in the help, and\na new line"};

static void fill(struct metrics *metrics)
{
    metrics_add(metrics, &QUERIES, SPAN_LITERAL("udp"), 7);
    metrics_add(metrics, &ZONES, SPAN_EMPTY, -1);
    metrics_add(metrics, &QUERIES, SPAN_LITERAL("a\"b\\c\nd"), INT64_MAX);
}

static void families_stand_together_and_are_escaped(void **state)
{
    (void)state;
    static const char EXPECTED[] =
        "# HELP vouch_auth_queries_total Questions that came.\n"
        "# TYPE vouch_auth_queries_total counter\n"
        "vouch_auth_queries_total{transport=\"udp\"} 7\n"
        "vouch_auth_queries_total{transport=\"a\\\"b\\\\c\\nd\"} 9223372036854775807\n"
        "# HELP vouch_auth_zones Zones, a \\\\ in the help, and\\na new line.\n"
        "# TYPE vouch_auth_zones gauge\n"
        "vouch_auth_zones -1\n";
    struct arena arena;
    char bytes[1024];
    arena_open(&arena, 1 << 20);
    struct metrics metrics = metrics_in(&arena);
    fill(&metrics);
    assert_in_range(sizeof EXPECTED - 1, 1, metrics_len_max(metrics.rows, metrics.count));
    struct writer text = writer_over(bytes, sizeof bytes);
    metrics_write(metrics.rows, metrics.count, &text);
    assert_int_equal(text.status, OK);
    assert_int_equal(text.len, sizeof EXPECTED - 1);
    assert_memory_equal(bytes, EXPECTED, text.len);
    arena_close(&arena);
}

static void parts_of_a_process_are_told_apart(void **state)
{
    (void)state;
    static const char EXPECTED[] = "vouch_auth_queries_total{transport=\"udp\",part=\"pull\"} 1\n"
                                   "vouch_auth_zones{part=\"pull\"} 2\n";
    struct arena arena;
    char bytes[1024], rows[1024] = "";
    arena_open(&arena, 1 << 20);
    struct metrics metrics = metrics_in(&arena);
    metrics.part = SPAN_LITERAL("pull");
    metrics_add(&metrics, &QUERIES, SPAN_LITERAL("udp"), 1);
    metrics_add(&metrics, &ZONES, SPAN_EMPTY, 2);
    struct writer text = writer_over(bytes, sizeof bytes - 1);
    metrics_write(metrics.rows, metrics.count, &text);
    bytes[text.len] = '\0';
    size_t len = 0;
    for (const char *line = bytes; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t line_len = (size_t)(strchr(line, '\n') + 1 - line);
        if (*line != '#') {
            memcpy(rows + len, line, line_len);
            len += line_len;
        }
    }
    assert_string_equal(rows, EXPECTED);
    arena_close(&arena);
}

static void a_list_grows_and_a_full_arena_is_its_end(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 16);
    struct metrics metrics = metrics_in(&arena);
    for (int i = 0; i < 10000; i++) {
        metrics_add(&metrics, &ZONES, SPAN_EMPTY, i);
    }
    assert_in_range(metrics.count, 100, 9999);
    for (size_t i = 0; i < metrics.count; i++) {
        assert_int_equal(metrics.rows[i].value, i);
    }
    arena_close(&arena);
}

static void people_read_short_names(void **state)
{
    (void)state;
    struct arena arena;
    char bytes[256];
    arena_open(&arena, 1 << 20);
    struct metrics metrics = metrics_in(&arena);
    metrics_add(&metrics, &QUERIES, SPAN_LITERAL("udp"), 7);
    metrics_add(&metrics, &ZONES, SPAN_EMPTY, 3);
    struct writer text = writer_over(bytes, sizeof bytes);
    metrics_write_lines(&metrics, &text);
    static const char EXPECTED[] = "queries[udp]: 7\nzones: 3\n";
    assert_int_equal(text.len, sizeof EXPECTED - 1);
    assert_memory_equal(bytes, EXPECTED, text.len);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_stand_together_and_are_escaped),
        cmocka_unit_test(parts_of_a_process_are_told_apart),
        cmocka_unit_test(a_list_grows_and_a_full_arena_is_its_end),
        cmocka_unit_test(people_read_short_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
