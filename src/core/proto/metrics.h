#pragma once
/* Prometheus' text exposition format, version 0.0.4: what a monitoring system reads. */
#include "core/base/metric.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Every family once, with its HELP and TYPE, and all its numbers together, in the order in which
 * they first come. NO_SPACE is the writer's. O(rows * families). */
void metrics_write(const struct metric *rows, size_t count, struct writer *text);
/* How long the text is at most. */
size_t metrics_len_max(const struct metric *rows, size_t count);
