/* Whether a ZONEMD record speaks for the zone (RFC 8976 §4). */
#include "core/crypto/digest.h"
#include "core/zone/verify_run.h"

enum { SCHEME_SIMPLE = 1, ZONEMD_DIGEST_AT = 6 };

/* Two records of one scheme and hash make both unusable (RFC 8976 §2). */
static bool is_only_one(const struct rrset *set, struct span rdata)
{
    size_t count = 0;
    struct span other;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &other);) {
        count += other.len > ZONEMD_DIGEST_AT && other.bytes[4] == rdata.bytes[4] &&
                 other.bytes[5] == rdata.bytes[5];
    }
    return count == 1;
}

enum zonemd_result { ZONEMD_GOOD, ZONEMD_WRONG, ZONEMD_UNUSABLE };

static enum zonemd_result zonemd_check(struct verify_worker *worker, const struct rrset *set,
                                       struct span rdata)
{
    struct reader reader = reader_over(rdata);
    uint32_t serial = reader_u32(&reader);
    uint8_t scheme = reader_u8(&reader);
    uint8_t hash = reader_u8(&reader);
    struct span wanted = reader_rest(&reader);
    if (reader.status != OK || scheme != SCHEME_SIMPLE || !is_only_one(set, rdata)) {
        return ZONEMD_UNUSABLE;
    }
    if (serial != zone_serial(worker->run->zone)) {
        return ZONEMD_WRONG;
    }
    uint8_t digest[DIGEST_LEN_MAX];
    size_t len = 0;
    enum status status = zone_digest(worker->run->zone, hash, digest, &len);
    if (status == UNSUPPORTED) {
        return ZONEMD_UNUSABLE;
    }
    if (status != OK) {
        verify_fail(worker, status);
        return ZONEMD_UNUSABLE;
    }
    return span_equal(wanted, span_of(digest, len)) ? ZONEMD_GOOD : ZONEMD_WRONG;
}

void verify_zonemd(struct verify_worker *worker)
{
    struct name apex = zone_apex(worker->run->zone);
    const struct rrset *set = zone_find_rrset(worker->run->zone, apex, TYPE_ZONEMD);
    if (set == NULL) {
        if (worker->run->options->needs_zonemd) {
            verify_fault(worker, apex, "the zone has no ZONEMD record");
        }
        return;
    }
    bool has_wrong = false;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        enum zonemd_result result = zonemd_check(worker, set, rdata);
        if (result == ZONEMD_GOOD) {
            worker->run->report->is_zonemd_checked = true;
            return;
        }
        has_wrong = has_wrong || result == ZONEMD_WRONG;
    }
    if (has_wrong) {
        verify_fault(worker, apex,
                     "ZONEMD mismatch: the digest over the zone is another than the ZONEMD record "
                     "says; a record was altered, removed or added");
    } else if (worker->run->options->needs_zonemd) {
        verify_fault(worker, apex, "no ZONEMD record has a scheme and hash that can be checked");
    }
}
