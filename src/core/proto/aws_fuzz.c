/* Any octets as an Authorization field; what passes is checked against a request. */
#include "core/proto/aws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aws_authorization authorization;
    struct problem problem = {0};
    struct arena scratch;
    arena_open(&scratch, 4 << 20);
    if (aws_read_authorization(span_of(data, size), &authorization, &problem) == OK) {
        const struct aws_field fields[] = {
            {SPAN_LITERAL("host"), SPAN_LITERAL("x")},
            {SPAN_LITERAL("x-amz-date"), SPAN_LITERAL("20150830T123600Z")}};
        struct aws_request request = {SPAN_LITERAL("POST"), span_of(data, size), fields, 2,
                                      SPAN_EMPTY};
        enum status status =
            aws_check_signature(&request, &authorization, SPAN_LITERAL("never known to data"),
                                1440938160, &scratch, &problem);
        require(status != OK);
    }
    arena_close(&scratch);
    return 0;
}
