/* Any text as a file of trust anchors: it is read, or refused with a sentence. */
#include "core/dnssec/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_open(&arena, 1 << 22);
    const struct trust_anchor *anchors;
    size_t count;
    struct problem problem = {0};
    enum status status =
        trust_anchors_read(span_of(data, size), &arena, &anchors, &count, &problem);
    require(status == OK ? count != 0 : problem.status != OK || status == NO_MEMORY);
    arena_close(&arena);
    return 0;
}
