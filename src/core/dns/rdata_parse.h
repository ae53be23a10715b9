#pragma once
/* Inside of rdata: how presentation form is read token by token. Each parser takes the tokens of
 * one field and writes its octets; where a token does not fit it says what was expected instead. */
#include "core/dns/rdata_table.h"

struct rdata_input {
    const struct rdata_token *tokens;
    size_t count;
    size_t at;                 /* the next token */
    const struct name *origin; /* NULL: names without a final dot are taken as absolute */
    struct writer *out;
    size_t start; /* where in `out` the rdata begins */
    struct problem *problem;
};

/* The next token, or NULL and a problem that says that `expected` is missing. */
const struct rdata_token *rdata_take(struct rdata_input *input, const char *expected);
/* MALFORMED, with the place of the token and what was expected there. */
enum status rdata_expected(struct rdata_input *input, const struct rdata_token *token,
                           const char *expected);
/* Decimal, at most `max`. */
enum status rdata_parse_number(struct rdata_input *input, uint64_t max, const char *expected,
                               uint64_t *number) MUST_USE;
enum status rdata_parse_name(struct rdata_input *input) MUST_USE;
/* An address of 4 or 16 octets from `text`. */
enum status rdata_read_address(struct span text, size_t len, uint8_t octets[16]) MUST_USE;
enum status rdata_parse_address(struct rdata_input *input, size_t len) MUST_USE;
/* The next octet of a text with escapes; false at its end. A bad escape is MALFORMED in `status`.
 */
bool rdata_next_octet(struct span text, size_t *at, uint8_t *octet, enum status *status);
/* Base64 in as many tokens as are left, written as octets. */
enum status rdata_parse_base64(struct rdata_input *input) MUST_USE;

/* The tokens of one field of that kind. */
enum status rdata_parse_field(enum rdata_field kind, struct rdata_input *input) MUST_USE;
enum status rdata_parse_hex(struct rdata_input *input) MUST_USE; /* in as many tokens as are left */
enum status rdata_parse_services(struct rdata_input *input) MUST_USE;
enum status rdata_parse_prefixes(struct rdata_input *input) MUST_USE;
enum status rdata_parse_location(struct rdata_input *input) MUST_USE;
enum status rdata_parse_parameters(struct rdata_input *input) MUST_USE;
enum status rdata_parse_gateway(struct rdata_input *input) MUST_USE;
enum status rdata_parse_relay(struct rdata_input *input) MUST_USE;
enum status rdata_parse_host_identity(struct rdata_input *input) MUST_USE;
enum status rdata_parse_nsap(struct rdata_input *input) MUST_USE;
enum status rdata_parse_atm_address(struct rdata_input *input) MUST_USE;
enum status rdata_parse_a6_suffix(struct rdata_input *input) MUST_USE;
enum status rdata_parse_a6_name(struct rdata_input *input) MUST_USE;
