#pragma once
/* Signature Version 4: how a client of the AWS protocols proves that a request is its own. Only the
 * form with an Authorization field; of its times and digests nothing is taken on trust. */
#include "core/base/arena.h"
#include "core/base/problem.h"

enum { AWS_SECRET_LEN_MAX = 128, AWS_FIELDS_MAX = 64, AWS_CLOCK_SKEW_S = 300, AWS_MAC_LEN = 32 };

struct aws_field {
    struct span name, value;
};

struct aws_request {
    struct span method;
    struct span target; /* as sent: path and query */
    const struct aws_field *fields;
    size_t field_count;
    struct span body;
};

struct aws_authorization { /* views into the field it was read from */
    struct span access_key;
    struct span date; /* YYYYMMDD */
    struct span region;
    struct span service;
    struct span scope;          /* date/region/service/aws4_request */
    struct span signed_headers; /* lower case names separated by ';' */
    struct span signature;      /* 64 hexadecimal digits */
};

/* Reads the value of an Authorization field that begins with AWS4-HMAC-SHA256. */
enum status aws_read_authorization(struct span value, struct aws_authorization *authorization,
                                   struct problem *problem) MUST_USE;
/* The MAC that the request must carry; `time` is its X-Amz-Date. */
enum status aws_make_signature(const struct aws_request *request,
                               const struct aws_authorization *authorization, struct span time,
                               struct span secret, struct arena *scratch,
                               uint8_t mac[AWS_MAC_LEN]) MUST_USE;
/* OK; MISMATCH (the signature does not fit, or leaves Host or an X-Amz field unsigned), EXPIRED
 * (more than AWS_CLOCK_SKEW_S from `now_s`), MALFORMED. */
enum status aws_check_signature(const struct aws_request *request,
                                const struct aws_authorization *authorization, struct span secret,
                                int64_t now_s, struct arena *scratch,
                                struct problem *problem) MUST_USE;
