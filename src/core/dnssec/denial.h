#pragma once
/* Denial of existence, NSEC (RFC 4034 §4, RFC 4035 §5.4, RFC 6840 §4) and NSEC3 (RFC 5155, RFC
 * 9276), proved from a zone and checked from an answer, side by side. */
#include "core/dns/rrset.h"
#include "core/dnssec/verdict.h"

/* Type bit maps (RFC 4034 §4.1.2). `types` ascending. */
void bitmap_write(const uint16_t *types, size_t count, struct writer *rdata);
bool bitmap_has(struct span bitmap, uint16_t type);
enum status bitmap_check(struct span bitmap) MUST_USE;

struct nsec {
    struct name next;
    struct span bitmap;
};
enum status nsec_read(struct span rdata, struct nsec *nsec) MUST_USE;

struct nsec3 {
    uint8_t algorithm, flags;
    uint16_t iterations;
    struct span salt, next_hash, bitmap;
};
enum {
    NSEC3_FLAG_OPT_OUT = 1,
    NSEC3_HASH_SHA1 = 1,
    NSEC3_HASH_LEN = 20,
    NSEC3_ITERATIONS_MAX = 50
};
enum status nsec3_read(struct span rdata, struct nsec3 *nsec3) MUST_USE;
/* RFC 5155 §5, of the name in lower case. */
enum status nsec3_hash(struct name name, struct span salt, uint16_t iterations,
                       uint8_t hash[NSEC3_HASH_LEN]) MUST_USE;

/* What an answer's authority section can prove, when its NSEC or NSEC3 RRsets have been verified
 * already. */
enum denial_kind {
    DENIAL_NAME, /* `name` does not exist, and no wildcard could have made it (NXDOMAIN) */
    DENIAL_TYPE, /* `name` exists (or an ENT, or a wildcard for it does) without `type` (NODATA) */
    DENIAL_DS,   /* `name` is an unsigned delegation: NS without DS (and not the apex), or opt-out
                    covers it */
    DENIAL_CLOSER_NAME /* `name` itself does not exist, so that the wildcard under the ancestor with
                        * `encloser_labels` may answer for it (RFC 4035 §3.1.3.3) */
};
struct denial_question {
    enum denial_kind kind;
    struct name zone; /* every record must be of this zone */
    struct name name;
    uint16_t type;           /* DENIAL_TYPE */
    uint8_t encloser_labels; /* DENIAL_CLOSER_NAME */
};
enum denial_result {
    DENIAL_PROVED,
    DENIAL_PROVED_OPT_OUT, /* true, but an opt-out span covers it: insecure, AD must be clear (RFC
                              5155 §9.2) */
    DENIAL_TOO_COSTLY,     /* iterations above the limit: treat as insecure (RFC 9276 §3.2) */
    DENIAL_NOT_PROVED
};
struct denial_budget {
    uint32_t hashes_left; /* NSEC3 hash computations, one more for every ten iterations; when there
                             are too few nothing more is proved */
};
/* `rrsets`: verified NSEC or NSEC3 RRsets; an NSEC made from a wildcard must have been left out.
 * `reason` (of VERDICT_REASON_MAX) says what is missing. */
enum denial_result denial_check(const struct denial_question *question,
                                const struct rrset *const *rrsets, size_t count,
                                struct denial_budget *budget, char *reason);
