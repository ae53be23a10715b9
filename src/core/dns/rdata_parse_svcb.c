/* How SVCB parameters are read from KEY=VALUE tokens (RFC 9460 §2.1, appendix A), sorted for the
 * wire and checked against each other (§7.1.1, §8). */
#include "core/dns/rdata_parse.h"

#include "core/base/text.h"

#include <string.h>

struct parameter {
    const struct rdata_token *token;
    uint16_t key;
    bool has_value;
    struct span value; /* without its quotes, escapes left in */
};

static bool read_key(struct span text, uint16_t *key)
{
    for (uint16_t i = 0; i < SVCB_KEY_COUNT; i++) {
        if (span_equal_nocase(text, span_of_text(SVCB_KEYS[i]))) {
            *key = i;
            return true;
        }
    }
    uint64_t number;
    if (text.len < 4 || !span_equal_nocase(span_part(text, 0, 3), SPAN_LITERAL("key")) ||
        text_read_u64(span_part(text, 3, text.len - 3), SVCB_KEY_INVALID - 1, &number) != OK ||
        (text.bytes[3] == '0' && text.len > 4)) {
        return false;
    }
    *key = (uint16_t)number;
    return true;
}

static enum status read_parameter(struct rdata_input *input, const struct rdata_token *token,
                                  struct parameter *parameter)
{
    struct span text = token->text;
    const uint8_t *equals = text.len == 0 ? NULL : memchr(text.bytes, '=', text.len);
    size_t key_len = equals == NULL ? text.len : (size_t)(equals - text.bytes);
    *parameter = (struct parameter){.token = token, .has_value = equals != NULL};
    if (token->is_quoted || !read_key(span_part(text, 0, key_len), &parameter->key)) {
        return rdata_expected(input, token, "a parameter as alpn=h2 or key65000=value");
    }
    if (equals == NULL) {
        return OK;
    }
    struct span value = span_part(text, key_len + 1, text.len - key_len - 1);
    if (value.len >= 2 && value.bytes[0] == '"' && value.bytes[value.len - 1] == '"') {
        value = span_part(value, 1, value.len - 2);
    } else if (value.len != 0 && memchr(value.bytes, '"', value.len) != NULL) {
        return rdata_expected(input, token, "a value wholly within quotes, or none");
    }
    parameter->value = value;
    return OK;
}

/* Up to the next comma; false at the end. For values without escapes. */
static bool next_item(struct span value, size_t *at, struct span *item)
{
    if (*at > value.len || value.len == 0) {
        return false;
    }
    const uint8_t *from = value.bytes + *at;
    size_t left = value.len - *at;
    const uint8_t *comma = left == 0 ? NULL : memchr(from, ',', left);
    *item = span_of(from, comma == NULL ? left : (size_t)(comma - from));
    *at += item->len + 1;
    return true;
}

static bool write_octets(struct span value, struct writer *out)
{
    enum status status = OK;
    uint8_t octet;
    for (size_t at = 0; rdata_next_octet(value, &at, &octet, &status);) {
        writer_u8(out, octet);
    }
    return status == OK && value.len != 0;
}

/* Two layers of escapes: those of the text, and below them \, and \\ of the list (appendix A.1). */
static bool write_alpn(struct span value, struct writer *out)
{
    enum status status = OK;
    uint8_t octet;
    size_t length_at = writer_reserve(out, 1);
    size_t len = 0;
    for (size_t at = 0; rdata_next_octet(value, &at, &octet, &status);) {
        bool is_escaped = octet == '\\';
        if (is_escaped && !rdata_next_octet(value, &at, &octet, &status)) {
            return false;
        }
        if (is_escaped || octet != ',') {
            writer_u8(out, octet);
            len++;
            continue;
        }
        if (len == 0 || len > UINT8_MAX || out->status != OK) {
            return false;
        }
        out->bytes[length_at] = (uint8_t)len;
        length_at = writer_reserve(out, 1);
        len = 0;
    }
    if (status != OK || len == 0 || len > UINT8_MAX || out->status != OK) {
        return false;
    }
    out->bytes[length_at] = (uint8_t)len;
    return true;
}

static bool write_addresses(struct span value, size_t len, struct writer *out)
{
    struct span item;
    uint8_t octets[16];
    bool is_good = value.len != 0;
    for (size_t at = 0; is_good && next_item(value, &at, &item);) {
        is_good = rdata_read_address(item, len, octets) == OK;
        if (is_good) {
            writer_span(out, span_of(octets, len));
        }
    }
    return is_good;
}

static bool write_numbers(struct span value, size_t count_max, struct writer *out)
{
    struct span item;
    uint64_t number;
    size_t count = 0;
    bool is_good = value.len != 0;
    for (size_t at = 0; is_good && next_item(value, &at, &item); count++) {
        is_good = text_read_u64(item, UINT16_MAX, &number) == OK && count < count_max;
        if (is_good) {
            writer_u16(out, (uint16_t)number);
        }
    }
    return is_good;
}

/* In rising order and without repetition; `keys` has room for SVCB_MANDATORY_MAX. */
static bool insert_key(uint16_t *keys, size_t *count, uint16_t key)
{
    size_t at = *count;
    while (at > 0 && keys[at - 1] > key) {
        at--;
    }
    if (*count == SVCB_MANDATORY_MAX || (at > 0 && keys[at - 1] == key)) {
        return false;
    }
    memmove(keys + at + 1, keys + at, (*count - at) * sizeof *keys);
    keys[at] = key;
    *count += 1;
    return true;
}

static bool write_mandatory(struct span value, struct writer *out)
{
    struct span item;
    uint16_t keys[SVCB_MANDATORY_MAX];
    size_t count = 0;
    for (size_t at = 0; next_item(value, &at, &item);) {
        uint16_t key;
        if (!read_key(item, &key) || key == SVCB_MANDATORY || !insert_key(keys, &count, key)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        writer_u16(out, keys[i]);
    }
    return count != 0;
}

static bool write_value(const struct parameter *parameter, struct writer *out)
{
    struct span value = parameter->value;
    switch (parameter->key) {
    case SVCB_MANDATORY:
        return write_mandatory(value, out);
    case SVCB_ALPN:
        return write_alpn(value, out);
    case SVCB_DOCPATH:
        return value.len == 0 || write_alpn(value, out);
    case SVCB_NO_DEFAULT_ALPN:
    case SVCB_OHTTP:
        return !parameter->has_value;
    case SVCB_PORT:
        return write_numbers(value, 1, out);
    case SVCB_IPV4HINT:
        return write_addresses(value, 4, out);
    case SVCB_IPV6HINT:
        return write_addresses(value, 16, out);
    case SVCB_ECH:
        return value.len != 0 && text_read_base64(value, out) != MALFORMED;
    case SVCB_TLS_GROUPS:
        return write_numbers(value, UINT16_MAX, out);
    case SVCB_DOHPATH:
        return write_octets(value, out);
    default:
        return value.len == 0 || write_octets(value, out);
    }
}

static const char *expected_value(uint16_t key)
{
    static const char *const VALUES[SVCB_KEY_COUNT] = {
        [SVCB_MANDATORY] = "mandatory= with different keys, comma-separated, without itself",
        [SVCB_ALPN] = "alpn= with protocol names of 1 to 255 octets, comma-separated",
        [SVCB_NO_DEFAULT_ALPN] = "no-default-alpn without a value",
        [SVCB_PORT] = "port= with a number from 0 to 65535",
        [SVCB_IPV4HINT] = "ipv4hint= with IPv4 addresses, comma-separated",
        [SVCB_ECH] = "ech= with base64",
        [SVCB_IPV6HINT] = "ipv6hint= with IPv6 addresses, comma-separated",
        [SVCB_DOHPATH] = "dohpath= with a URI template",
        [SVCB_OHTTP] = "ohttp without a value",
        [SVCB_TLS_GROUPS] = "tls-supported-groups= with numbers, comma-separated",
        [SVCB_DOCPATH] = "docpath= with path segments of 1 to 255 octets, comma-separated",
    };
    return key < SVCB_KEY_COUNT ? VALUES[key] : "a value with \\X or \\DDD as escapes";
}

static enum status write_parameter(struct rdata_input *input, const struct parameter *parameter)
{
    writer_u16(input->out, parameter->key);
    size_t length_at = writer_reserve(input->out, 2);
    size_t value_at = input->out->len;
    bool is_good = write_value(parameter, input->out);
    if (input->out->status != OK) {
        return OK; /* told at the end */
    }
    if (!is_good) {
        return rdata_expected(input, parameter->token, expected_value(parameter->key));
    }
    if (input->out->len - value_at > UINT16_MAX) {
        return rdata_expected(input, parameter->token, "a value of at most 65535 octets");
    }
    writer_patch_u16(input->out, length_at, (uint16_t)(input->out->len - value_at));
    return OK;
}

/* What one parameter asks of the others. `list` is what was written. */
static enum status check_together(struct rdata_input *input, const struct parameter *parameters,
                                  size_t count, struct span list)
{
    bool has_alpn = false;
    for (size_t i = 0; i < count; i++) {
        has_alpn = has_alpn || parameters[i].key == SVCB_ALPN;
        if (parameters[i].key == SVCB_NO_DEFAULT_ALPN && !has_alpn) {
            return rdata_expected(input, parameters[i].token, "alpn beside no-default-alpn");
        }
    }
    struct reader reader = reader_over(list);
    rdata_check_parameters(&reader);
    if (reader_end(&reader) != OK && count != 0) {
        return rdata_expected(input, parameters[0].token,
                              "each mandatory key among the parameters");
    }
    return OK;
}

enum status rdata_parse_parameters(struct rdata_input *input)
{
    struct parameter parameters[SVCB_PARAMETERS_MAX];
    size_t count = 0;
    size_t list_at = input->out->len;
    for (; input->at < input->count; count++) {
        const struct rdata_token *token = &input->tokens[input->at++];
        struct parameter parameter;
        if (count == SVCB_PARAMETERS_MAX) {
            return rdata_expected(input, token, "at most 64 parameters");
        }
        enum status status = read_parameter(input, token, &parameter);
        if (status != OK) {
            return status;
        }
        size_t at = count;
        while (at > 0 && parameters[at - 1].key > parameter.key) {
            at--;
        }
        if (at > 0 && parameters[at - 1].key == parameter.key) {
            return rdata_expected(input, token, "each key once");
        }
        memmove(parameters + at + 1, parameters + at, (count - at) * sizeof *parameters);
        parameters[at] = parameter;
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = write_parameter(input, &parameters[i]);
        if (status != OK) {
            return status;
        }
    }
    if (input->out->status != OK) {
        return OK; /* told at the end */
    }
    struct span list = span_part(writer_written(input->out), list_at, input->out->len - list_at);
    return check_together(input, parameters, count, list);
}
