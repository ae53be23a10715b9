/* A control socket's answer for a person: what was refused is no output. */
#include "command/control_show.h"

#include "command/command.h"
#include "core/base/arena.h"
#include "world/real/world.h"

#include <stdio.h>

enum { ANSWER_LEN_MAX = 64 << 20 };

int control_show(const char *command, const char *socket_path, const char *line,
                 int (*print)(struct span answer))
{
    struct arena arena;
    struct problem problem = {0};
    struct span text = SPAN_EMPTY;
    arena_open(&arena, ANSWER_LEN_MAX);
    enum status status = control_ask(socket_path, line, &arena, &text, &problem);
    int code = status == OK ? EXIT_DONE : EXIT_FAILED;
    if (status == REFUSED && text.len > 0) {
        fprintf(stderr, "vouch %s: %.*s", command, (int)text.len, (const char *)text.bytes);
    } else if (status != OK) {
        code = command_failed(command, &problem);
    } else if (print != NULL) {
        code = print(text);
    } else {
        fwrite(text.bytes, 1, text.len, stdout);
    }
    arena_close(&arena);
    return code;
}
