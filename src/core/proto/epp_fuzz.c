/* Any bytes as a frame from a client and from a server. What is read can be written, and what was
 * written reads the same. */
#include "core/proto/epp.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAME_SIZE = 8 * EPP_FRAME_LEN_MAX }; /* escapes make a text up to six times as long */
static uint8_t first[FRAME_SIZE], second[FRAME_SIZE];

static void command_try(struct span frame, struct arena *arena)
{
    struct epp_command command;
    enum epp_code code;
    struct problem problem = {.status = OK};
    if (epp_command_read(frame, arena, &command, &code, &problem) != OK) {
        require(code >= EPP_UNKNOWN_COMMAND && problem.sentence[0] != '\0');
        return;
    }
    struct writer writer = writer_over(first, sizeof first);
    require(epp_command_write(&command, &writer) == OK);
    if (writer.len > EPP_FRAME_LEN_MAX) {
        return;
    }
    require(epp_command_read(writer_written(&writer), arena, &command, &code, &problem) == OK);
    struct writer again = writer_over(second, sizeof second);
    require(epp_command_write(&command, &again) == OK);
    require(span_equal(writer_written(&writer), writer_written(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_open(&arena, 16 << 20);
    command_try(span_of(data, size), &arena);
    struct epp_response response;
    struct problem problem = {.status = OK};
    if (epp_response_read(span_of(data, size), &arena, &response, &problem) == OK) {
        struct writer writer = writer_over(first, sizeof first);
        (void)!epp_response_write(&response, &writer);
    }
    arena_close(&arena);
    return 0;
}
