#pragma once
/* Why an operation could not be done. Verdicts about data are values of their own, not statuses. */
#include "core/base/base.h"

enum status {
    OK = 0,
    MALFORMED,     /* the input breaks its own format */
    TRUNCATED,     /* the input ended early */
    TOO_LONG,      /* the input is longer than the format or a limit allows */
    NO_SPACE,      /* the output buffer is full */
    NO_MEMORY,     /* an arena or a table reached its cap */
    NOT_FOUND,     /* what was asked for is not there */
    EXISTS,        /* it is there already */
    UNSUPPORTED,   /* well-formed, but not something we do */
    REFUSED,       /* a rule or the other side said no */
    MISMATCH,      /* a signature, digest, MAC or expectation does not fit */
    EXPIRED,       /* it was valid once */
    NOT_YET_VALID, /* it will be valid later */
    IO_FAILED,     /* the operating system said no */
    TIMED_OUT,     /* no answer in time */
    CLOSED,        /* the other side closed the connection */
    BUSY,          /* somebody else holds it; try again */
    LIMIT_REACHED, /* a limit from limits.h */
    BAD_ARGUMENT,  /* what a person or a client asked makes no sense */
    CRYPTO_FAILED, /* the cryptographic library failed */
    STATUS_COUNT
};

/* A few words for people, never NULL. */
const char *status_text(enum status status);
