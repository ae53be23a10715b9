/* A file of keys from anywhere: what is read is written so that it reads the same. */
#include "core/dnssec/anchor_roll.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { NOW_S = 1800000000 };
    static struct anchor_point point, again;
    static uint8_t first[ANCHOR_FILE_LEN_MAX], second[ANCHOR_FILE_LEN_MAX];
    struct problem problem = {0};
    if (anchor_file_read(span_of(data, size), NOW_S, &point, &problem) != OK) {
        return 0;
    }
    struct writer text = writer_over(first, sizeof first);
    anchor_file_write(&point, &text);
    require(text.status == OK);
    enum status status = anchor_file_read(writer_written(&text), NOW_S, &again, &problem);
    require(status == OK);
    struct writer text_again = writer_over(second, sizeof second);
    anchor_file_write(&again, &text_again);
    require(span_equal(writer_written(&text), writer_written(&text_again)));
    return 0;
}
