/* The canonical request of Signature Version 4, the string that is signed, and the chain of keys
 * that signs it. */
#include "core/proto/aws.h"

#include <string.h>

#include "core/base/text.h"
#include "core/base/writer.h"
#include "core/crypto/digest.h"

static const char SCHEME[] = "AWS4-HMAC-SHA256";

enum { PARAMETERS_MAX = 128 };

static struct span blanks_trim(struct span text)
{
    while (text.len > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text = span_part(text, 1, text.len - 1);
    }
    while (text.len > 0 && (text.bytes[text.len - 1] == ' ' || text.bytes[text.len - 1] == '\t')) {
        text = span_part(text, 0, text.len - 1);
    }
    return text;
}

/* Cuts `text` at the first `octet`; the part before it is returned, `rest` is what follows. */
static struct span part_cut(struct span text, uint8_t octet, struct span *rest)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.bytes, octet, text.len);
    size_t len = found == NULL ? text.len : (size_t)(found - text.bytes);
    size_t next = found == NULL ? len : len + 1;
    *rest = span_part(text, next, text.len - next);
    return span_part(text, 0, len);
}

static enum status scope_read(struct span credential, struct aws_authorization *authorization)
{
    struct span rest;
    authorization->access_key = part_cut(credential, '/', &rest);
    authorization->scope = rest;
    authorization->date = part_cut(rest, '/', &rest);
    authorization->region = part_cut(rest, '/', &rest);
    authorization->service = part_cut(rest, '/', &rest);
    bool is_good = authorization->access_key.len > 0 && authorization->date.len == 8 &&
                   authorization->region.len > 0 && authorization->service.len > 0 &&
                   span_equal(rest, SPAN_LITERAL("aws4_request"));
    return is_good ? OK : MALFORMED;
}

enum status aws_read_authorization(struct span value, struct aws_authorization *authorization,
                                   struct problem *problem)
{
    *authorization = (struct aws_authorization){0};
    struct span rest;
    if (!span_equal(part_cut(value, ' ', &rest), span_of_text(SCHEME))) {
        return problem_set(problem, MALFORMED, "the Authorization field is not %s", SCHEME);
    }
    struct span credential = SPAN_EMPTY;
    while (rest.len > 0) {
        struct span word;
        struct span part = blanks_trim(part_cut(rest, ',', &rest));
        struct span name = part_cut(part, '=', &word);
        if (span_equal(name, SPAN_LITERAL("Credential"))) {
            credential = word;
        } else if (span_equal(name, SPAN_LITERAL("SignedHeaders"))) {
            authorization->signed_headers = word;
        } else if (span_equal(name, SPAN_LITERAL("Signature"))) {
            authorization->signature = word;
        }
    }
    if (credential.len == 0 || authorization->signed_headers.len == 0) {
        return problem_set(problem, MALFORMED,
                           "the Authorization field needs Credential, SignedHeaders and Signature");
    }
    if (scope_read(credential, authorization) != OK) {
        return problem_set(problem, MALFORMED,
                           "the Credential is not KEY/DATE/REGION/SERVICE/aws4_request");
    }
    if (authorization->signature.len != (size_t)2 * AWS_MAC_LEN) {
        return problem_set(problem, MALFORMED, "the Signature is not 64 hexadecimal digits");
    }
    return OK;
}

static bool is_unreserved(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= '0' && octet <= '9') || (octet != 0 && strchr("-_.~", octet) != NULL);
}

static void encoded_write(struct writer *writer, struct span text, const char *kept)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.bytes[i];
        if (is_unreserved(octet) || (octet != 0 && strchr(kept, octet) != NULL)) {
            writer_u8(writer, octet);
        } else {
            writer_print(writer, "%%%02X", octet);
        }
    }
}

/* The parameters of the query, sorted; they arrive encoded as the client encoded them, which is how
 * it signed them. */
static void query_write(struct writer *writer, struct span query)
{
    struct span parameters[PARAMETERS_MAX];
    size_t count = 0;
    while (query.len > 0) {
        struct span parameter = part_cut(query, '&', &query);
        if (parameter.len == 0) {
            continue;
        }
        if (count == PARAMETERS_MAX) {
            writer_fail(writer, LIMIT_REACHED);
            return;
        }
        size_t at = count++;
        while (at > 0 && span_compare(parameters[at - 1], parameter) > 0) {
            parameters[at] = parameters[at - 1];
            at--;
        }
        parameters[at] = parameter;
    }
    for (size_t i = 0; i < count; i++) {
        struct span value;
        struct span name = part_cut(parameters[i], '=', &value);
        writer_text(writer, i == 0 ? "" : "&");
        encoded_write(writer, name, "%");
        writer_u8(writer, '=');
        encoded_write(writer, value, "%");
    }
}

/* Blanks at both ends gone, runs of blanks one blank. */
static void value_write(struct writer *writer, struct span value)
{
    value = blanks_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool is_repeated = value.bytes[i] == ' ' && i > 0 && value.bytes[i - 1] == ' ';
        if (!is_repeated) {
            writer_u8(writer, value.bytes[i]);
        }
    }
}

static void header_write(struct writer *writer, const struct aws_request *request, struct span name)
{
    writer_span(writer, name);
    writer_u8(writer, ':');
    bool is_found = false;
    for (size_t i = 0; i < request->field_count; i++) {
        if (span_equal_nocase(request->fields[i].name, name)) {
            writer_text(writer, is_found ? "," : "");
            value_write(writer, request->fields[i].value);
            is_found = true;
        }
    }
    if (!is_found) {
        writer_fail(writer, MISMATCH);
    }
    writer_u8(writer, '\n');
}

static enum status canonical_digest(const struct aws_request *request,
                                    const struct aws_authorization *authorization,
                                    struct arena *scratch, uint8_t digest[AWS_MAC_LEN])
{
    size_t size = 1024 + request->target.len * 3 + authorization->signed_headers.len * 2;
    for (size_t i = 0; i < request->field_count; i++) {
        size += request->fields[i].value.len + 1;
    }
    uint8_t *bytes = arena_take(scratch, size);
    uint8_t body_digest[AWS_MAC_LEN];
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    enum status status = digest_make(DIGEST_SHA256, &request->body, 1, body_digest);
    if (status != OK) {
        return status;
    }
    struct writer writer = writer_over(bytes, size);
    struct span query;
    struct span path = part_cut(request->target, '?', &query);
    writer_span(&writer, request->method);
    writer_u8(&writer, '\n');
    encoded_write(&writer, path, "/");
    writer_u8(&writer, '\n');
    query_write(&writer, query);
    writer_u8(&writer, '\n');
    for (struct span names = authorization->signed_headers; names.len > 0;) {
        header_write(&writer, request, part_cut(names, ';', &names));
    }
    writer_u8(&writer, '\n');
    writer_span(&writer, authorization->signed_headers);
    writer_u8(&writer, '\n');
    for (size_t i = 0; i < sizeof body_digest; i++) {
        writer_print(&writer, "%02x", body_digest[i]);
    }
    struct span canonical = writer_written(&writer);
    return writer.status != OK ? writer.status : digest_make(DIGEST_SHA256, &canonical, 1, digest);
}

/* kSecret -> kDate -> kRegion -> kService -> kSigning. */
static enum status key_derive(const struct aws_authorization *authorization, struct span secret,
                              uint8_t key[AWS_MAC_LEN])
{
    uint8_t first[4 + AWS_SECRET_LEN_MAX];
    if (secret.len > AWS_SECRET_LEN_MAX) {
        return TOO_LONG;
    }
    struct writer writer = writer_over(first, sizeof first);
    writer_text(&writer, "AWS4");
    writer_span(&writer, secret);
    const struct span steps[] = {authorization->date, authorization->region, authorization->service,
                                 SPAN_LITERAL("aws4_request")};
    struct span by = writer_written(&writer);
    enum status status = OK;
    for (size_t i = 0; i < LEN(steps) && status == OK; i++) {
        uint8_t next[AWS_MAC_LEN];
        status = digest_hmac(DIGEST_SHA256, by, &steps[i], 1, next);
        memcpy(key, next, sizeof next);
        by = span_of(key, AWS_MAC_LEN);
    }
    secret_wipe(first, sizeof first);
    return status;
}

enum status aws_make_signature(const struct aws_request *request,
                               const struct aws_authorization *authorization, struct span time,
                               struct span secret, struct arena *scratch, uint8_t mac[AWS_MAC_LEN])
{
    uint8_t digest[AWS_MAC_LEN];
    uint8_t key[AWS_MAC_LEN];
    enum status status = canonical_digest(request, authorization, scratch, digest);
    if (status != OK) {
        return status;
    }
    uint8_t hex[2 * AWS_MAC_LEN];
    struct writer writer = writer_over(hex, sizeof hex);
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof digest; i++) {
        writer_u8(&writer, (uint8_t)digits[digest[i] >> 4]);
        writer_u8(&writer, (uint8_t)digits[digest[i] & 15]);
    }
    const struct span parts[] = {span_of_text(SCHEME),    SPAN_LITERAL("\n"),   time,
                                 SPAN_LITERAL("\n"),      authorization->scope, SPAN_LITERAL("\n"),
                                 span_of(hex, sizeof hex)};
    status = key_derive(authorization, secret, key);
    if (status == OK) {
        status = digest_hmac(DIGEST_SHA256, span_of(key, sizeof key), parts, LEN(parts), mac);
    }
    secret_wipe(key, sizeof key);
    return status;
}

static bool is_signed(struct span name, struct span signed_headers)
{
    while (signed_headers.len > 0) {
        if (span_equal_nocase(part_cut(signed_headers, ';', &signed_headers), name)) {
            return true;
        }
    }
    return false;
}

/* What is not signed can be replaced by whoever sees the request: the action is in an X-Amz field.
 */
static bool covers_enough(const struct aws_request *request, struct span signed_headers)
{
    if (!is_signed(SPAN_LITERAL("host"), signed_headers)) {
        return false;
    }
    for (size_t i = 0; i < request->field_count; i++) {
        struct span name = request->fields[i].name;
        bool is_amz =
            name.len > 6 && span_equal_nocase(span_part(name, 0, 6), SPAN_LITERAL("x-amz-"));
        if (is_amz && !is_signed(name, signed_headers)) {
            return false;
        }
    }
    return true;
}

/* YYYYMMDDTHHMMSSZ. */
static enum status time_read(struct span time, int64_t *time_s)
{
    if (time.len != 16 || time.bytes[8] != 'T' || time.bytes[15] != 'Z') {
        return MALFORMED;
    }
    uint8_t digits[14];
    memcpy(digits, time.bytes, 8);
    memcpy(digits + 8, time.bytes + 9, 6);
    return text_read_time14(span_of(digits, sizeof digits), time_s);
}

enum status aws_check_signature(const struct aws_request *request,
                                const struct aws_authorization *authorization, struct span secret,
                                int64_t now_s, struct arena *scratch, struct problem *problem)
{
    struct span time = SPAN_EMPTY;
    for (size_t i = 0; i < request->field_count; i++) {
        if (span_equal_nocase(request->fields[i].name, SPAN_LITERAL("x-amz-date"))) {
            time = request->fields[i].value;
        }
    }
    int64_t time_s;
    if (time_read(time, &time_s) != OK || !span_equal(span_part(time, 0, 8), authorization->date)) {
        return problem_set(problem, MALFORMED,
                           "X-Amz-Date is missing or not of the Credential's day");
    }
    if (time_s < now_s - AWS_CLOCK_SKEW_S || time_s > now_s + AWS_CLOCK_SKEW_S) {
        return problem_set(problem, EXPIRED, "the request was signed more than %d seconds from now",
                           AWS_CLOCK_SKEW_S);
    }
    if (!covers_enough(request, authorization->signed_headers)) {
        return problem_set(problem, MISMATCH, "Host and every X-Amz field must be signed");
    }
    uint8_t mac[AWS_MAC_LEN];
    uint8_t given[AWS_MAC_LEN];
    struct writer writer = writer_over(given, sizeof given);
    enum status status = aws_make_signature(request, authorization, time, secret, scratch, mac);
    if (status == OK) {
        status = text_read_base16(authorization->signature, &writer);
    }
    if (status != OK || writer.len != sizeof given ||
        !secret_equal(span_of(mac, sizeof mac), span_of(given, sizeof given))) {
        return problem_set(problem, MISMATCH,
                           "the signature does not fit the request and the secret key");
    }
    return OK;
}
