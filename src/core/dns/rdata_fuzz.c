/* Any octets as rdata of any type, alone and in a message: what is accepted survives text and back.
 */
#include "core/dns/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUFFER_SIZE = 70000 };

static void check_round_trip(uint16_t type, struct span rdata)
{
    static uint8_t printed[RDATA_TEXT_LEN_MAX], parsed[BUFFER_SIZE];
    struct problem problem = {OK};
    struct writer text = writer_over(printed, sizeof printed);
    rdata_write_text(type, rdata, &text);
    require(text.status == OK);
    struct writer again = writer_over(parsed, sizeof parsed);
    enum status status = rdata_parse_text(type, writer_written(&text), NULL, &again, &problem);
    require(status == OK && span_equal(writer_written(&again), rdata));
    struct writer canonical = writer_over(parsed, sizeof parsed);
    rdata_write_canonical(type, rdata, &canonical);
    require(canonical.status == OK && canonical.len == rdata.len);
    struct name target;
    (void)rdata_target(type, rdata, &target);
}

/* Two octets choose the type; the rest is a message whose second half is the rdata. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t read[BUFFER_SIZE];
    struct reader reader = reader_over(span_of(data, size));
    uint16_t type = reader_u16(&reader);
    struct span rest = reader_rest(&reader);
    if (rest.len > RDATA_LEN_MAX) {
        return 0;
    }
    if (rdata_check(type, rest) == OK) {
        check_round_trip(type, rest);
    }
    struct reader message = reader_over(rest);
    (void)reader_span(&message, rest.len / 2);
    struct writer rdata = writer_over(read, sizeof read);
    if (rdata_read(&message, type, (uint16_t)reader_left(&message), &rdata) == OK) {
        require(rdata_check(type, writer_written(&rdata)) == OK);
        check_round_trip(type, writer_written(&rdata));
    }
    return 0;
}
