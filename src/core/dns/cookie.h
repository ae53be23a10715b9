#pragma once
/* DNS cookies (RFC 7873) as servers of different makers make them from one secret (RFC 9018): a
 * client that shows ours gets its answers at the address it claims. */
#include "core/base/address.h"
#include "core/crypto/siphash.h"

enum {
    COOKIE_CLIENT_LEN = 8,
    COOKIE_SERVER_LEN = 16, /* of ours; others may have 8 to 32 */
    COOKIE_LEN = COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN,
    COOKIE_SECRET_LEN = SIPHASH_KEY_LEN,
};

enum cookie_verdict {
    COOKIE_MALFORMED, /* no length that a cookie may have: FORMERR */
    COOKIE_NEW,       /* the client's half alone */
    COOKIE_BAD,       /* not made with this secret, for another address, or too old */
    COOKIE_AGING,     /* good, but to be renewed */
    COOKIE_GOOD,
};

/* What the value of a COOKIE option is worth; `now_s` is seconds since 1970. Compares in constant
 * time. */
enum cookie_verdict cookie_check(struct span option, struct address client,
                                 const uint8_t secret[COOKIE_SECRET_LEN], int64_t now_s);
/* The value of the option to answer with; `option` is not MALFORMED. */
void cookie_make(struct span option, struct address client, const uint8_t secret[COOKIE_SECRET_LEN],
                 int64_t now_s, uint8_t cookie[COOKIE_LEN]);
