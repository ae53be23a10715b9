/* How the presentation forms that are more than lists of values are read: WKS, APL, LOC, IPSECKEY,
 * AMTRELAY, HIP, NSAP and A6. */
#include "core/dns/rdata_parse.h"

#include "core/base/text.h"

#include <string.h>

/* The services that RFC 1010 gave names and that still stand in old zones. */
static const struct service {
    const char *name;
    uint16_t port;
} SERVICES[] = {
    {"ftp-data", 20}, {"ftp", 21},    {"ssh", 22},     {"telnet", 23}, {"smtp", 25},
    {"time", 37},     {"domain", 53}, {"tftp", 69},    {"gopher", 70}, {"finger", 79},
    {"http", 80},     {"pop3", 110},  {"sunrpc", 111}, {"ident", 113}, {"nntp", 119},
    {"ntp", 123},     {"imap2", 143}, {"https", 443},
};

static bool read_port(struct span text, uint16_t *port)
{
    uint64_t number;
    for (size_t i = 0; i < LEN(SERVICES); i++) {
        if (span_equal_nocase(text, span_of_text(SERVICES[i].name))) {
            *port = SERVICES[i].port;
            return true;
        }
    }
    if (text_read_u64(text, UINT16_MAX, &number) != OK) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

static enum status parse_protocol(struct rdata_input *input)
{
    const char *expected = "TCP, UDP or a protocol's number";
    const struct rdata_token *token = rdata_take(input, expected);
    uint64_t protocol = 0;
    if (token == NULL) {
        return MALFORMED;
    }
    if (span_equal_nocase(token->text, SPAN_LITERAL("TCP"))) {
        protocol = 6;
    } else if (span_equal_nocase(token->text, SPAN_LITERAL("UDP"))) {
        protocol = 17;
    } else if (text_read_u64(token->text, UINT8_MAX, &protocol) != OK) {
        return rdata_expected(input, token, expected);
    }
    writer_u8(input->out, (uint8_t)protocol);
    return OK;
}

enum status rdata_parse_services(struct rdata_input *input)
{
    enum status status = parse_protocol(input);
    uint8_t bits[65536 / 8] = {0};
    size_t len = 0;
    while (status == OK && input->at < input->count) {
        const struct rdata_token *token = &input->tokens[input->at++];
        uint16_t port;
        if (!read_port(token->text, &port)) {
            return rdata_expected(input, token, "a port number");
        }
        bits[port / 8] |= (uint8_t)(0x80 >> (port % 8));
        len = (size_t)port / 8 + 1 > len ? (size_t)port / 8 + 1 : len;
    }
    writer_span(input->out, span_of(bits, len));
    return status;
}

/* [!]AFI:ADDRESS/PREFIX */
static bool read_prefix(struct span text, struct writer *out)
{
    bool is_negated = text.len != 0 && text.bytes[0] == '!';
    size_t from = is_negated ? 1 : 0;
    bool has_family = text.len >= from + 2 && text.bytes[from + 1] == ':' &&
                      (text.bytes[from] == '1' || text.bytes[from] == '2');
    const uint8_t *slash = has_family ? memchr(text.bytes, '/', text.len) : NULL;
    if (slash == NULL) {
        return false;
    }
    size_t address_len = text.bytes[from] == '1' ? 4 : 16;
    size_t slash_at = (size_t)(slash - text.bytes);
    uint8_t octets[16];
    uint64_t prefix_len;
    if (slash_at < from + 2 ||
        rdata_read_address(span_part(text, from + 2, slash_at - from - 2), address_len, octets) !=
            OK ||
        text_read_u64(span_part(text, slash_at + 1, text.len - slash_at - 1), address_len * 8,
                      &prefix_len) != OK) {
        return false;
    }
    while (address_len != 0 && octets[address_len - 1] == 0) {
        address_len--; /* RFC 3123 §4 */
    }
    writer_u16(out, (uint16_t)(text.bytes[from] - '0'));
    writer_u8(out, (uint8_t)prefix_len);
    writer_u8(out, (uint8_t)(address_len | (is_negated ? 0x80 : 0)));
    writer_span(out, span_of(octets, address_len));
    return true;
}

enum status rdata_parse_prefixes(struct rdata_input *input)
{
    while (input->at < input->count) {
        const struct rdata_token *token = &input->tokens[input->at++];
        if (!read_prefix(token->text, input->out)) {
            return rdata_expected(input, token, "a prefix as 1:192.0.2.0/24 or !2:2001:db8::/32");
        }
    }
    return OK;
}

static enum status parse_gateway(struct rdata_input *input, uint8_t gateway_type)
{
    const struct rdata_token *token;
    switch (gateway_type) {
    case 0:
        token = rdata_take(input, "\".\" for no gateway");
        if (token == NULL) {
            return MALFORMED;
        }
        return span_equal(token->text, SPAN_LITERAL("."))
                   ? OK
                   : rdata_expected(input, token, "\".\", as the gateway's type is 0");
    case 1:
        return rdata_parse_address(input, 4);
    case 2:
        return rdata_parse_address(input, 16);
    case 3:
        return rdata_parse_name(input);
    default:
        return rdata_expected(input, &input->tokens[input->at - 1], "a gateway type from 0 to 3");
    }
}

enum status rdata_parse_gateway(struct rdata_input *input)
{
    if (input->out->status != OK) {
        return OK; /* told at the end */
    }
    uint8_t gateway_type = input->out->bytes[input->start + TYPE_IPSECKEY_GATEWAY_AT];
    if (gateway_type > 3) { /* behind it came the algorithm */
        return rdata_expected(input, &input->tokens[TYPE_IPSECKEY_GATEWAY_AT],
                              "a gateway type from 0 to 3");
    }
    return parse_gateway(input, gateway_type);
}

enum status rdata_parse_relay(struct rdata_input *input)
{
    uint64_t discovery = 0, relay_type = 0;
    enum status status = rdata_parse_number(input, 1, "0 or 1 for discovery optional", &discovery);
    if (status == OK) {
        status = rdata_parse_number(input, 3, "a relay type from 0 to 3", &relay_type);
    }
    if (status != OK) {
        return status;
    }
    writer_u8(input->out, (uint8_t)(discovery << 7 | relay_type));
    return parse_gateway(input, (uint8_t)relay_type);
}

/* ALGORITHM HIT KEY in text; the two lengths and the algorithm come first in octets. */
enum status rdata_parse_host_identity(struct rdata_input *input)
{
    uint64_t algorithm;
    enum status status = rdata_parse_number(input, UINT8_MAX, "a public key algorithm", &algorithm);
    const struct rdata_token *tag = status == OK ? rdata_take(input, "a host identity tag") : NULL;
    const struct rdata_token *key = tag != NULL ? rdata_take(input, "a public key") : NULL;
    if (key == NULL) {
        return MALFORMED;
    }
    struct writer *out = input->out;
    size_t lengths_at = writer_reserve(out, 4);
    size_t tag_at = out->len;
    if (text_read_base16(tag->text, out) == MALFORMED ||
        (out->status == OK && (out->len == tag_at || out->len - tag_at > UINT8_MAX))) {
        return rdata_expected(input, tag, "a host identity tag in hexadecimal digits");
    }
    size_t key_at = out->len;
    if (text_read_base64(key->text, out) == MALFORMED ||
        (out->status == OK && (out->len == key_at || out->len - key_at > UINT16_MAX))) {
        return rdata_expected(input, key, "a public key in base64");
    }
    if (out->status == OK) {
        out->bytes[lengths_at] = (uint8_t)(key_at - tag_at);
        out->bytes[lengths_at + 1] = (uint8_t)algorithm;
        writer_patch_u16(out, lengths_at + 2, (uint16_t)(out->len - key_at));
    }
    return OK;
}

/* Hexadecimal digits, which dots may part anywhere. */
static bool read_dotted_hex(struct span text, struct writer *out)
{
    uint8_t pair[2];
    size_t held = 0;
    bool is_good = text.len != 0;
    for (size_t i = 0; is_good && i < text.len; i++) {
        if (text.bytes[i] == '.') {
            continue;
        }
        pair[held++] = text.bytes[i];
        if (held == 2) {
            held = 0;
            is_good = text_read_base16(span_of(pair, 2), out) != MALFORMED;
        }
    }
    return is_good && held == 0;
}

enum status rdata_parse_nsap(struct rdata_input *input)
{
    const char *expected = "0x and hexadecimal digits";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    struct span text = token->text;
    bool has_start = text.len > 2 && text.bytes[0] == '0' && (text.bytes[1] | 0x20) == 'x';
    return has_start && read_dotted_hex(span_part(text, 2, text.len - 2), input->out)
               ? OK
               : rdata_expected(input, token, expected);
}

enum status rdata_parse_atm_address(struct rdata_input *input)
{
    const char *expected = "hexadecimal digits, or + and a telephone number";
    const struct rdata_token *token = rdata_take(input, expected);
    if (token == NULL) {
        return MALFORMED;
    }
    struct span text = token->text;
    bool is_number = text.len != 0 && text.bytes[0] == '+';
    writer_u8(input->out, is_number ? ATM_FORMAT_E164 : ATM_FORMAT_AESA);
    if (!is_number) {
        return read_dotted_hex(text, input->out) ? OK : rdata_expected(input, token, expected);
    }
    for (size_t i = 1; i < text.len; i++) {
        if (text.bytes[i] == '.') {
            continue;
        }
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return rdata_expected(input, token, expected);
        }
        writer_u8(input->out, text.bytes[i]);
    }
    return OK;
}

enum status rdata_parse_a6_suffix(struct rdata_input *input)
{
    uint64_t prefix_len;
    const char *expected = "an IPv6 address";
    enum status status =
        rdata_parse_number(input, 128, "a prefix length from 0 to 128", &prefix_len);
    if (status != OK) {
        return status;
    }
    writer_u8(input->out, (uint8_t)prefix_len);
    if (prefix_len == 128) {
        return OK;
    }
    const struct rdata_token *token = rdata_take(input, expected);
    uint8_t octets[16];
    if (token == NULL) {
        return MALFORMED;
    }
    if (rdata_read_address(token->text, 16, octets) != OK) {
        return rdata_expected(input, token, expected);
    }
    size_t from = (size_t)prefix_len / 8;
    octets[from] &= (uint8_t)(0xff >> (prefix_len % 8)); /* RFC 2874 §3.1: pad bits are zero */
    writer_span(input->out, span_of(octets + from, sizeof octets - from));
    return OK;
}

enum status rdata_parse_a6_name(struct rdata_input *input)
{
    if (input->out->status != OK || input->out->bytes[input->start] == 0) {
        return OK;
    }
    return rdata_parse_name(input);
}
