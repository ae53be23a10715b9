#pragma once
/* The octets of an RRset that are signed (RFC 4034 §3.1.8.1, §6). */
#include "core/dns/rrset.h"

struct canonical {
    struct span *parts; /* parts[0] is the caller's: the RRSIG rdata without the signature */
    size_t count;
};
/* `owner` as it is signed (of a wildcard, the wildcard itself), `ttl_s` the original TTL. Records
 * in canonical form and order, each once. Lives in `scratch`. O(n log n); O(n) when they are
 * sorted. */
enum status canonical_make(const struct rrset *rrset, struct name owner, uint32_t ttl_s,
                           struct arena *scratch, struct canonical *canonical) MUST_USE;
/* Writes them in one piece: of an RRset whose records are in canonical order already, each once, as
 * a zone holds it. O(n). */
void canonical_write(const struct rrset *rrset, uint32_t ttl_s, struct writer *octets);
/* What that takes at most. */
size_t canonical_len(const struct rrset *rrset);
