/* Any text as the presentation form of any type: what is accepted is well-formed, and a refusal
 * says why. */
#include "core/dns/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two octets choose the type; the rest is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t parsed[70000], printed[RDATA_TEXT_LEN_MAX], again[70000];
    struct reader reader = reader_over(span_of(data, size));
    struct problem problem = {OK};
    uint16_t type = reader_u16(&reader);
    struct writer rdata = writer_over(parsed, sizeof parsed);
    if (rdata_parse_text(type, reader_rest(&reader), &NAME_ROOT, &rdata, &problem) != OK) {
        require(problem.status != OK && problem.sentence[0] != '\0');
        return 0;
    }
    require(rdata_check(type, writer_written(&rdata)) == OK);
    struct writer text = writer_over(printed, sizeof printed);
    rdata_write_text(type, writer_written(&rdata), &text);
    struct writer second = writer_over(again, sizeof again);
    enum status status =
        rdata_parse_text(type, writer_written(&text), &NAME_ROOT, &second, &problem);
    require(status == OK && span_equal(writer_written(&second), writer_written(&rdata)));
    return 0;
}
