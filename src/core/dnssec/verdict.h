#pragma once
/* What validation says about data (RFC 4035 §4.3). Not an error: a value with a reason for people.
 */
#include "core/base/base.h"

enum verdict {
    VERDICT_SECURE,
    VERDICT_INSECURE,
    VERDICT_BOGUS,
    VERDICT_INDETERMINATE,
    VERDICT_COUNT
};
const char *verdict_text(enum verdict verdict); /* "secure" ... */

/* Extended DNS error codes (RFC 8914) we give; EDE_NONE is ours for "none". */
enum ede {
    EDE_NONE = -1,
    EDE_OTHER = 0,
    EDE_UNSUPPORTED_ALGORITHM = 1,
    EDE_UNSUPPORTED_DIGEST = 2,
    EDE_STALE = 3,
    EDE_FORGED = 4,
    EDE_INDETERMINATE = 5,
    EDE_BOGUS = 6,
    EDE_SIGNATURE_EXPIRED = 7,
    EDE_SIGNATURE_NOT_YET_VALID = 8,
    EDE_DNSKEY_MISSING = 9,
    EDE_RRSIGS_MISSING = 10,
    EDE_NO_ZONE_KEY_BIT = 11,
    EDE_NSEC_MISSING = 12,
    EDE_CACHED_ERROR = 13,
    EDE_NOT_READY = 14,
    EDE_PROHIBITED = 18,
    EDE_STALE_NXDOMAIN = 19,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_NO_REACHABLE_AUTHORITY = 22,
    EDE_NETWORK_ERROR = 23,
    EDE_INVALID_DATA = 24,
    EDE_NEGATIVE_TRUST_ANCHOR = 33
};

enum { VERDICT_REASON_MAX = 300 };

struct judgement {
    enum verdict verdict;
    enum ede ede;
    char reason[VERDICT_REASON_MAX]; /* names the zone, the record and the key; empty when secure */
};
