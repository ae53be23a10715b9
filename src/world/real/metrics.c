/* The page that a monitoring system reads: the service's numbers of the moment, and what the world
 * knows of the process. */
#include "core/proto/metrics.h"
#include "world/real/clock.h"
#include "world/real/inside.h"

#include <string.h>
#include <sys/resource.h>

static const struct metric_family START = {"process_start_time_seconds", METRIC_GAUGE, NULL,
                                           "Unix time at which the process began"};
static const struct metric_family CPU = {"vouch_process_cpu_milliseconds_total", METRIC_COUNTER,
                                         NULL, "CPU time of all its threads"};
static const struct metric_family MEMORY = {"vouch_process_resident_max_bytes", METRIC_GAUGE, NULL,
                                            "The most memory that it had"};

/* Exists while EVENT_METRICS is handled. */
struct metrics_page {
    struct arena arena;
    struct metrics all;
};

/* The labels die with the event, and numbers of one family may come from several services. */
void metrics_take(struct world *world, const struct effect_metrics *effect)
{
    struct metrics_page *page = world->metrics;
    for (size_t i = 0; page != NULL && i < effect->count; i++) {
        const struct metric *row = &effect->rows[i];
        struct span label;
        if (arena_copy(&page->arena, row->label, &label) != OK ||
            arena_copy(&page->arena, row->part, &page->all.part) != OK) {
            return;
        }
        metrics_add(&page->all, row->family, label, row->value);
    }
}

static int64_t milliseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static void add_process(const struct world *world, struct metrics *metrics)
{
    struct rusage used;
    metrics->part = SPAN_EMPTY;
    metrics_add(metrics, &START, SPAN_EMPTY, world->started_wall_s);
    if (getrusage(RUSAGE_SELF, &used) == 0) {
        metrics_add(metrics, &CPU, SPAN_EMPTY,
                    milliseconds(used.ru_utime) + milliseconds(used.ru_stime));
        metrics_add(metrics, &MEMORY, SPAN_EMPTY, (int64_t)used.ru_maxrss * 1024);
    }
}

static struct span page_write(struct metrics_page *page)
{
    size_t size = metrics_len_max(page->all.rows, page->all.count);
    uint8_t *bytes = arena_take(&page->arena, size);
    struct writer text = writer_over(bytes, bytes == NULL ? 0 : size);
    metrics_write(page->all.rows, page->all.count, &text);
    return text.status == OK ? writer_written(&text) : SPAN_EMPTY;
}

static void refuse(struct effect_http *response, uint16_t status, const char *sentence)
{
    response->status = status;
    response->fields[0] = (struct http_field){SPAN_LITERAL("Content-Type"),
                                              SPAN_LITERAL("text/plain; charset=utf-8")};
    response->field_count = 1;
    response->body = span_of_text(sentence);
}

void metrics_respond(struct world *world, const struct event_http *request,
                     void (*respond)(void *user, const struct effect_http *response), void *user)
{
    struct effect_http response = {.status = 200};
    bool is_get = span_equal(request->method, SPAN_LITERAL("GET")) ||
                  span_equal(request->method, SPAN_LITERAL("HEAD"));
    if (!span_equal(request->path, SPAN_LITERAL("/metrics"))) {
        refuse(&response, 404, "There is /metrics and nothing else.\n");
        respond(user, &response);
        return;
    }
    if (!is_get) {
        refuse(&response, 405, "/metrics is for GET.\n");
        response.fields[response.field_count++] =
            (struct http_field){SPAN_LITERAL("Allow"), SPAN_LITERAL("GET, HEAD")};
        respond(user, &response);
        return;
    }
    struct metrics_page page = {0};
    arena_open(&page.arena, METRICS_PAGE_MAX);
    page.all = metrics_in(&page.arena);
    world->metrics = &page;
    struct event event = {.kind = EVENT_METRICS};
    world_deliver(world, &event);
    world->metrics = NULL;
    add_process(world, &page.all);
    response.body = page_write(&page);
    response.fields[0] =
        (struct http_field){SPAN_LITERAL("Content-Type"), SPAN_LITERAL(METRICS_CONTENT_TYPE)};
    response.field_count = 1;
    if (response.body.len == 0) {
        refuse(&response, 503, "There is no memory for all the numbers.\n");
    }
    respond(user, &response);
    arena_close(&page.arena);
}
