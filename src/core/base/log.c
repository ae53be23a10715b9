/* Makes a line safe to print: a name from the network must not move the operator's cursor. */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_LEN = 1000 };

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (log == NULL) {
        return;
    }
    char sentence[LINE_MAX_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    for (char *at = sentence; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || (unsigned char)*at == 0x7f) {
            *at = '?';
        }
    }
    log->line(log->self, level, sentence);
}
