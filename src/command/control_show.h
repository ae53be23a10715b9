#pragma once
/* Asks a control socket and shows its answer on standard output, or why there is none on standard
 * error. Returns the exit code. */
#include "core/base/span.h"

#include <stdbool.h>

enum control_form {
    CONTROL_AS_TEXT,   /* as it came */
    CONTROL_AS_JSON,   /* {"done": true, "answer": [{"KEY": VALUE...}...], "text": ["LINE"...]} */
    CONTROL_AS_OBJECT, /* the first object of "answer" alone */
};

/* In JSON each line "KEY: VALUE" is a member, an empty line begins the next object, and all other
 * lines are text; a value of decimal digits is a number. What was refused has "done": false, and is
 * on standard output too. */
int control_show(const char *command, const char *socket_path, const char *line,
                 enum control_form form);
