/* The words for each status. */
#include "core/base/status.h"

#include <assert.h>

static const char *const texts[] = {
    [OK] = "done",
    [MALFORMED] = "malformed",
    [TRUNCATED] = "ends too early",
    [TOO_LONG] = "too long",
    [NO_SPACE] = "no space left in the output",
    [NO_MEMORY] = "memory limit reached",
    [NOT_FOUND] = "not found",
    [EXISTS] = "exists already",
    [UNSUPPORTED] = "not supported",
    [REFUSED] = "refused",
    [MISMATCH] = "does not match",
    [EXPIRED] = "expired",
    [NOT_YET_VALID] = "not valid yet",
    [IO_FAILED] = "input or output failed",
    [TIMED_OUT] = "no answer in time",
    [CLOSED] = "connection closed",
    [BUSY] = "busy",
    [LIMIT_REACHED] = "limit reached",
    [BAD_ARGUMENT] = "not a valid request",
    [CRYPTO_FAILED] = "cryptographic library failed",
};
static_assert(LEN(texts) == STATUS_COUNT, "one text for each status");

const char *status_text(enum status status)
{
    require(status < STATUS_COUNT);
    return texts[status];
}
