#pragma once
/* Asking a running service through its control socket, for the commands that do. */
#include "core/base/span.h"

/* Sends the line and prints the answer by `print`, or as it is (NULL); what the service refuses
 * goes to stderr. An exit code. */
int control_show(const char *command, const char *socket_path, const char *line,
                 int (*print)(struct span answer));
