#pragma once
/* One line an event, for the operator. The world decides where lines go. */
#include "core/base/base.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_DETAIL, LOG_LEVEL_COUNT };

struct log {
    void (*line)(void *self, enum log_level level, const char *sentence);
    void *self;
};

/* `log` may be NULL: then nothing is written. Control characters in the text are escaped. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);
