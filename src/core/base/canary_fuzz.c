/* A planted fault that the fuzzing machinery must find: if this target ever passes, no other one
 * can be trusted. */
#include "core/base/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_over(span_of(data, size));
    bool is_planted = reader_u8(&reader) == 'D' && reader_u8(&reader) == 'S';
    require(!is_planted);
    return 0;
}
