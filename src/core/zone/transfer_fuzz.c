/* Any octets as the messages of an AXFR and of an IXFR. */
#include "core/zone/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone *make_held(struct name apex)
{
    static const uint8_t soa[] = {0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    struct zone_builder *builder;
    if (zone_build(apex, NULL, &builder) != OK) {
        return NULL;
    }
    if (zone_build_add(builder, apex, TYPE_SOA, 300, span_of(soa, sizeof soa)) != OK) {
        zone_build_cancel(builder);
        return NULL;
    }
    return zone_build_finish(builder);
}

/* The first octet chooses; messages are 2 octets of length and that many octets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t apex_octets[] = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    struct name apex = {apex_octets, sizeof apex_octets, 1};
    struct reader reader = reader_over(span_of(data, size));
    struct zone *held = reader_u8(&reader) % 2 == 0 ? NULL : make_held(apex);
    struct transfer_in *transfer;
    if (transfer_in_open(apex, held, &transfer) == OK) {
        enum transfer_state state = TRANSFER_MORE;
        while (state == TRANSFER_MORE && reader_left(&reader) > 2) {
            struct span message = reader_span(&reader, reader_u16(&reader));
            struct problem problem = {0};
            state = transfer_in_add(transfer, message, &problem);
        }
        if (state == TRANSFER_DONE) {
            zone_release(transfer_in_finish(transfer));
        }
        transfer_in_close(transfer);
    }
    zone_release(held);
    return 0;
}
