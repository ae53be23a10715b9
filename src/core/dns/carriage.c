/* The few facts inside a message that decide how HTTP and QUIC treat it. */
#include "core/dns/carriage.h"

#include "core/base/reader.h"
#include "core/dns/message.h"
#include "core/dns/type.h"

enum { SOA_MINIMUM_LEN = 4 };

struct lifetimes {
    uint32_t answer_s, negative_s;
    bool has_answer, has_negative;
};

static uint32_t smaller(uint32_t one, uint32_t other)
{
    return one < other ? one : other;
}

static enum status take_record(void *user, enum section section, const struct rrset *record)
{
    struct lifetimes *lifetimes = user;
    if (section == SECTION_ANSWER) {
        lifetimes->answer_s =
            lifetimes->has_answer ? smaller(lifetimes->answer_s, record->ttl_s) : record->ttl_s;
        lifetimes->has_answer = true;
    } else if (section == SECTION_AUTHORITY && record->type == TYPE_SOA && record->count == 1) {
        struct span rdata = rrset_only(record);
        struct reader reader =
            reader_over(span_part(rdata, rdata.len - SOA_MINIMUM_LEN, SOA_MINIMUM_LEN));
        lifetimes->negative_s = smaller(record->ttl_s, reader_u32(&reader));
        lifetimes->has_negative = true;
    }
    return OK;
}

uint32_t carriage_lifetime_s(struct span answer)
{
    struct name_buffer buffer;
    struct message message;
    struct lifetimes lifetimes = {0};
    if (message_read_query(answer, &buffer, &message) != OK ||
        (message.flags & (FLAG_QR | FLAG_TC)) != FLAG_QR ||
        (message.rcode != RCODE_NOERROR && message.rcode != RCODE_NXDOMAIN) ||
        message_walk_update(answer, take_record, &lifetimes) != OK) {
        return 0;
    }
    if (!lifetimes.has_answer) {
        return lifetimes.has_negative ? lifetimes.negative_s : 0;
    }
    /* NXDOMAIN behind an alias lives no longer than either. */
    return message.rcode == RCODE_NXDOMAIN && lifetimes.has_negative
               ? smaller(lifetimes.answer_s, lifetimes.negative_s)
               : lifetimes.answer_s;
}

bool carriage_is_fit_for_quic(struct span query)
{
    struct name_buffer buffer;
    struct message message;
    struct span option;
    enum status status = message_read_query(query, &buffer, &message);
    return query.len >= MESSAGE_HEADER_LEN && (message.flags & FLAG_QR) == 0 && message.id == 0 &&
           (status != OK || !edns_find(&message.edns, EDNS_OPTION_KEEPALIVE, &option));
}
