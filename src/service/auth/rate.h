#pragma once
/* How many answers of one kind a network gets in a second: so that nobody is flooded with ours in
 * another's name (response rate limiting, as NSD, Knot and BIND have it). */
#include "core/base/address.h"
#include "core/base/entropy.h"
#include "core/base/moment.h"
#include "core/dns/name.h"

/* What is counted apart: who asks for random names gets one answer, and so one account. */
enum rate_kind {
    RATE_POSITIVE, /* by the name asked for */
    RATE_WILDCARD, /* by the wildcard */
    RATE_NEGATIVE, /* by the zone */
    RATE_REFERRAL, /* by the delegation */
    RATE_ERROR,    /* all together */
};

struct rate_options {
    uint32_t per_second; /* 0: no limit */
    uint32_t slip;       /* of so many limited answers one is sent truncated; 0: none */
    size_t accounts;     /* at once; a power of two is taken that is not less */
    uint8_t ipv4_prefix_len, ipv6_prefix_len;
};

enum rate_verdict { RATE_SEND, RATE_TRUNCATE, RATE_DROP };

struct rate;
/* NULL when there is no memory. Nothing is allocated later. */
struct rate *rate_open(const struct rate_options *options, const struct entropy *entropy);
void rate_close(struct rate *rate); /* NULL is fine */
/* The account that an answer of that kind goes to. What it takes from memory is fetched meanwhile,
 * so that it is worth while to do this for many before the first is judged. */
uint64_t rate_account(const struct rate *rate, struct address client, enum rate_kind kind,
                      struct name name);
/* Books one answer. A network that was silent may have a second's worth at once. From any thread,
 * without a lock. */
enum rate_verdict rate_judge(struct rate *rate, uint64_t account, struct moment now);
