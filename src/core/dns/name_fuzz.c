/* Any octets as a name in a message and as text: no crash, and what is accepted survives a round
 * trip. */
#include "core/dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct name name)
{
    char text[NAME_TEXT_MAX];
    struct name_buffer buffer;
    struct name again;
    struct problem problem;
    enum status status =
        name_parse(span_of_text(name_print(name, text)), NULL, &buffer, &again, &problem);
    require(status == OK && name_equal(name, again) && name.len == again.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct name_buffer buffer;
    struct reader reader = reader_over(span_of(data, size));
    reader.at = size / 2;
    struct name name = name_read_compressed(&reader, &buffer);
    if (reader.status == OK) {
        check_round_trip(name);
    }
    struct problem problem;
    if (name_parse(span_of(data, size), &NAME_ROOT, &buffer, &name, &problem) == OK) {
        check_round_trip(name);
    }
    return 0;
}
