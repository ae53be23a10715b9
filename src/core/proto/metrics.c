/* The grammar of Prometheus' text format: which octets are escaped where, and what belongs
 * together.
 */
#include "core/proto/metrics.h"

#include <string.h>

enum { FAMILIES_MAX = 256, NUMBER_LEN_MAX = 20, FRAME_LEN_MAX = 64 };

static const char *const KINDS[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge"};
_Static_assert(LEN(KINDS) == METRIC_KIND_COUNT, "a word for each kind");

static void write_escaped(struct span value, bool is_label, struct writer *text)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t octet = value.bytes[i];
        if (octet == '\n') {
            writer_text(text, "\\n");
            continue;
        }
        if (octet == '\\' || (is_label && octet == '"')) {
            writer_text(text, "\\");
        }
        writer_u8(text, octet);
    }
}

static void write_label(const char *name, struct span value, const char *before,
                        struct writer *text)
{
    writer_text(text, before);
    writer_text(text, name);
    writer_text(text, "=\"");
    write_escaped(value, true, text);
    writer_text(text, "\"");
}

static void write_row(const struct metric *metric, struct writer *text)
{
    bool has_label = metric->label.len > 0;
    writer_text(text, metric->family->name);
    if (has_label) {
        write_label(metric->family->label, metric->label, "{", text);
    }
    if (metric->part.len > 0) {
        write_label("part", metric->part, has_label ? "," : "{", text);
    }
    writer_text(text, has_label || metric->part.len > 0 ? "} " : " ");
    writer_print(text, "%lld\n", (long long)metric->value);
}

static void write_family(const struct metric_family *family, struct writer *text)
{
    writer_text(text, "# HELP ");
    writer_text(text, family->name);
    writer_text(text, " ");
    write_escaped(span_of_text(family->help), false, text);
    writer_text(text, ".\n# TYPE ");
    writer_text(text, family->name);
    writer_text(text, " ");
    writer_text(text, KINDS[family->kind]);
    writer_text(text, "\n");
}

void metrics_write(const struct metric *rows, size_t count, struct writer *text)
{
    const struct metric_family *written[FAMILIES_MAX];
    size_t written_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct metric_family *family = rows[i].family;
        bool is_written = false;
        for (size_t j = written_count; j > 0 && !is_written; j--) { /* it is most often the last */
            is_written = written[j - 1] == family;
        }
        if (is_written) {
            continue;
        }
        require(written_count < FAMILIES_MAX);
        written[written_count++] = family;
        write_family(family, text);
        for (size_t j = i; j < count; j++) {
            if (rows[j].family == family) {
                write_row(&rows[j], text);
            }
        }
    }
}

size_t metrics_len_max(const struct metric *rows, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const struct metric_family *family = rows[i].family;
        len += strlen(family->name) + 2 * rows[i].label.len + 2 * rows[i].part.len +
               NUMBER_LEN_MAX + FRAME_LEN_MAX;
        if (i == 0 || rows[i - 1].family != family) {
            len += 2 * strlen(family->name) + 2 * strlen(family->help) + FRAME_LEN_MAX;
        }
        len += family->label == NULL ? 0 : strlen(family->label);
    }
    return len;
}
