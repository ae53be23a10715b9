/* When the parameters of an SVCB or HTTPS record are well-formed on the wire (RFC 9460 §2.2, §7,
 * §8; RFC 9461, RFC 9540, RFC 9953). */
#include "core/dns/rdata_table.h"

static bool is_list_of_strings(struct span value)
{
    struct reader list = reader_over(value);
    do {
        uint8_t len = reader_u8(&list);
        (void)reader_span(&list, len);
        if (len == 0) {
            return false;
        }
    } while (reader_left(&list) != 0);
    return list.status == OK;
}

/* RFC 9460 §8: not empty, in rising order, without itself. */
static bool is_mandatory_list(struct span value)
{
    struct reader list = reader_over(value);
    uint16_t before = SVCB_MANDATORY;
    do {
        uint16_t key = reader_u16(&list);
        if (key <= before) {
            return false;
        }
        before = key;
    } while (reader_left(&list) != 0);
    return list.status == OK;
}

static bool is_multiple(struct span value, size_t unit)
{
    return value.len != 0 && value.len % unit == 0;
}

static bool is_value(uint16_t key, struct span value)
{
    switch (key) {
    case SVCB_MANDATORY:
        return is_mandatory_list(value);
    case SVCB_ALPN:
        return is_list_of_strings(value);
    case SVCB_DOCPATH: /* RFC 9953 §3.2: no segment is the root path */
        return value.len == 0 || is_list_of_strings(value);
    case SVCB_NO_DEFAULT_ALPN:
    case SVCB_OHTTP:
        return value.len == 0;
    case SVCB_PORT:
        return value.len == 2;
    case SVCB_IPV4HINT:
        return is_multiple(value, 4);
    case SVCB_IPV6HINT:
        return is_multiple(value, 16);
    case SVCB_TLS_GROUPS:
        return is_multiple(value, 2);
    case SVCB_ECH:
    case SVCB_DOHPATH:
        return value.len != 0;
    default:
        return true; /* a key of somebody else's: any octets */
    }
}

/* Both in rising order, so one walk tells whether each mandatory key is there. */
void rdata_check_parameters(struct reader *rdata)
{
    struct reader wanted = reader_over(SPAN_EMPTY);
    int key_before = -1;
    uint16_t key_wanted = 0; /* 0: none is awaited */
    while (reader_left(rdata) != 0) {
        uint16_t key = reader_u16(rdata);
        struct span value = reader_span(rdata, reader_u16(rdata));
        if (rdata->status != OK || key <= key_before || !is_value(key, value)) {
            reader_fail(rdata, MALFORMED);
            return;
        }
        if (key == SVCB_MANDATORY) {
            wanted = reader_over(value);
            key_wanted = reader_u16(&wanted);
        } else if (key == key_wanted) {
            key_wanted = reader_left(&wanted) != 0 ? reader_u16(&wanted) : 0;
        }
        key_before = key;
    }
    if (key_wanted != 0) {
        reader_fail(rdata, MALFORMED);
    }
}
