/* The presentation form of SVCB parameters (RFC 9460 §2.1 and appendix A). */
#include "core/dns/rdata_text.h"

#include "core/base/text.h"

const char *const SVCB_KEYS[SVCB_KEY_COUNT] = {
    [SVCB_MANDATORY] = "mandatory",
    [SVCB_ALPN] = "alpn",
    [SVCB_NO_DEFAULT_ALPN] = "no-default-alpn",
    [SVCB_PORT] = "port",
    [SVCB_IPV4HINT] = "ipv4hint",
    [SVCB_ECH] = "ech",
    [SVCB_IPV6HINT] = "ipv6hint",
    [SVCB_DOHPATH] = "dohpath",
    [SVCB_OHTTP] = "ohttp",
    [SVCB_TLS_GROUPS] = "tls-supported-groups",
    [SVCB_DOCPATH] = "docpath",
};

static void text_key(struct writer *text, uint16_t key)
{
    if (key < SVCB_KEY_COUNT) {
        writer_text(text, SVCB_KEYS[key]);
    } else {
        writer_print(text, "key%u", key);
    }
}

/* An item of a comma-separated list: commas and backslashes get a backslash of the list's, which is
 * itself escaped once more as part of the quoted value. */
static void text_item(struct writer *text, struct span item)
{
    for (size_t i = 0; i < item.len; i++) {
        if (item.bytes[i] == ',' || item.bytes[i] == '\\') {
            writer_text(text, "\\\\");
        }
        rdata_text_octet(text, item.bytes[i]);
    }
}

static void text_alpn(struct writer *text, struct reader *value)
{
    writer_u8(text, '"');
    for (size_t count = 0; reader_left(value) != 0; count++) {
        writer_text(text, count == 0 ? "" : ",");
        text_item(text, reader_span(value, reader_u8(value)));
    }
    writer_u8(text, '"');
}

static void text_numbers(struct writer *text, struct reader *value, bool is_keys)
{
    for (size_t count = 0; reader_left(value) != 0; count++) {
        writer_text(text, count == 0 ? "" : ",");
        uint16_t number = reader_u16(value);
        if (is_keys) {
            text_key(text, number);
        } else {
            rdata_text_number(text, number);
        }
    }
}

static void text_addresses(struct writer *text, struct reader *value, size_t address_len)
{
    for (size_t count = 0; reader_left(value) != 0; count++) {
        writer_text(text, count == 0 ? "" : ",");
        rdata_text_address(text, reader_span(value, address_len));
    }
}

static void text_value(struct writer *text, uint16_t key, struct span octets)
{
    struct reader value = reader_over(octets);
    switch (key) {
    case SVCB_MANDATORY:
        text_numbers(text, &value, true);
        break;
    case SVCB_PORT:
    case SVCB_TLS_GROUPS:
        text_numbers(text, &value, false);
        break;
    case SVCB_ALPN:
    case SVCB_DOCPATH:
        text_alpn(text, &value);
        break;
    case SVCB_IPV4HINT:
        text_addresses(text, &value, 4);
        break;
    case SVCB_IPV6HINT:
        text_addresses(text, &value, 16);
        break;
    case SVCB_ECH:
        text_write_base64(text, octets);
        break;
    default:
        rdata_text_quoted(text, octets);
    }
}

/* Text demands more than the wire does: RFC 9460 §7.1.1 wants alpn beside no-default-alpn from
 * those who write zone files. */
static bool has_form(uint16_t key, struct span value, size_t count, bool has_alpn)
{
    return key != SVCB_KEY_INVALID && count < SVCB_PARAMETERS_MAX &&
           (key != SVCB_MANDATORY || value.len / 2 <= SVCB_MANDATORY_MAX) &&
           (key != SVCB_NO_DEFAULT_ALPN || has_alpn);
}

void rdata_text_parameters(struct reader *rdata, size_t start, struct writer *text)
{
    (void)start;
    bool has_alpn = false;
    for (size_t count = 0; reader_left(rdata) != 0; count++) {
        writer_text(text, count == 0 ? "" : " ");
        uint16_t key = reader_u16(rdata);
        struct span value = reader_span(rdata, reader_u16(rdata));
        has_alpn = has_alpn || key == SVCB_ALPN;
        if (!has_form(key, value, count, has_alpn)) {
            writer_fail(text, UNSUPPORTED);
        }
        text_key(text, key);
        if (value.len != 0) {
            writer_u8(text, '=');
            text_value(text, key, value);
        }
    }
}
