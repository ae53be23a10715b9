/* How a list of numbers grows, and what is left of a metric's name for people who know which
 * service they have asked. */
#include "core/base/metric.h"

#include <string.h>

enum { SIZE_FIRST = 64, LINE_FRAME_LEN = 28 };

struct metrics metrics_in(struct arena *arena)
{
    return (struct metrics){.arena = arena};
}

void metrics_add(struct metrics *metrics, const struct metric_family *family, struct span label,
                 int64_t value)
{
    require((family->label != NULL) == (label.len > 0));
    if (metrics->count == metrics->size) {
        size_t size = metrics->size == 0 ? SIZE_FIRST : metrics->size * 2;
        struct metric *rows = arena_take_array(metrics->arena, size, sizeof *rows);
        if (rows == NULL) {
            return;
        }
        if (metrics->count > 0) {
            memcpy(rows, metrics->rows, metrics->count * sizeof *rows);
        }
        metrics->rows = rows;
        metrics->size = size;
    }
    metrics->rows[metrics->count++] =
        (struct metric){.family = family, .label = label, .part = metrics->part, .value = value};
}

/* Without "vouch_SERVICE_" and "_total". */
static struct span name_core(const char *name)
{
    static const char TOTAL[] = "_total";
    for (int i = 0; i < 2; i++) {
        const char *mark = strchr(name, '_');
        name = mark == NULL ? name : mark + 1;
    }
    struct span core = span_of_text(name);
    bool is_total =
        core.len > sizeof TOTAL - 1 &&
        memcmp(core.bytes + core.len - (sizeof TOTAL - 1), TOTAL, sizeof TOTAL - 1) == 0;
    return is_total ? span_part(core, 0, core.len - (sizeof TOTAL - 1)) : core;
}

size_t metrics_lines_len_max(const struct metrics *metrics)
{
    size_t len = 1;
    for (size_t i = 0; i < metrics->count; i++) {
        len += strlen(metrics->rows[i].family->name) + metrics->rows[i].label.len + LINE_FRAME_LEN;
    }
    return len;
}

void metrics_write_lines(const struct metrics *metrics, struct writer *text)
{
    for (size_t i = 0; i < metrics->count; i++) {
        const struct metric *metric = &metrics->rows[i];
        struct span core = name_core(metric->family->name);
        for (size_t at = 0; at < core.len; at++) {
            writer_u8(text, core.bytes[at] == '_' ? '-' : core.bytes[at]);
        }
        if (metric->label.len > 0) {
            writer_text(text, "[");
            writer_span(text, metric->label);
            writer_text(text, "]");
        }
        writer_print(text, ": %lld\n", (long long)metric->value);
    }
}
