#pragma once
/* What one client, and one zone, may have of the resolver at a time, so that neither wears out what
 * all the others need. The tables have a fixed size; who shares a counter with whom is decided by a
 * secret, so that nobody can choose whom to hold up. */
#include "core/base/address.h"
#include "core/base/entropy.h"
#include "core/base/moment.h"
#include "core/dns/name.h"

struct quota;
enum status quota_open(const struct entropy *entropy, struct quota **quota) MUST_USE;
void quota_close(struct quota *quota);

/* One more question of that client waits for servers; false when `most` do already (0: any number).
 * Of IPv6 the first 64 bits are one client. */
bool quota_client_begin(struct quota *quota, struct address client, uint32_t most) MUST_USE;
void quota_client_end(struct quota *quota, struct address client);
/* May an answer that comes late still go to that client? A few each second may: one person wants to
 * hear of a failure, but what was held back must not come down on somebody all at once (DNSBomb,
 * CVE-2024-33655). */
bool quota_client_may_be_late(struct quota *quota, struct address client,
                              struct moment now) MUST_USE;

struct quota_zone_limits {
    uint32_t at_once;    /* open questions to its servers; 0: any number */
    uint32_t per_second; /* 0: any number */
    uint32_t factor;     /* beyond that, one of so many is let through; 0: none */
};
/* One more question to servers of the zone: a number for quota_zone_end, or 0 when there are too
 * many. */
uint32_t quota_zone_begin(struct quota *quota, struct name zone,
                          const struct quota_zone_limits *limits, struct moment now) MUST_USE;
void quota_zone_end(struct quota *quota, uint32_t number);
