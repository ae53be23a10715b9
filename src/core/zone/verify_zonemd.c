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

static enum status check_record(const struct zone *zone, const struct rrset *set, struct span rdata,
                                enum zonemd_verdict *verdict)
{
    struct reader reader = reader_over(rdata);
    uint32_t serial = reader_u32(&reader);
    uint8_t scheme = reader_u8(&reader);
    uint8_t hash = reader_u8(&reader);
    struct span wanted = reader_rest(&reader);
    *verdict = ZONEMD_UNUSABLE;
    if (reader.status != OK || scheme != SCHEME_SIMPLE || !is_only_one(set, rdata)) {
        return OK;
    }
    if (serial != zone_serial(zone)) {
        *verdict = ZONEMD_WRONG;
        return OK;
    }
    uint8_t digest[DIGEST_LEN_MAX];
    size_t len = 0;
    enum status status = zone_digest(zone, hash, digest, &len);
    if (status == OK) {
        *verdict = span_equal(wanted, span_of(digest, len)) ? ZONEMD_GOOD : ZONEMD_WRONG;
    }
    return status == UNSUPPORTED ? OK : status;
}

enum status zone_check_zonemd(const struct zone *zone, enum zonemd_verdict *verdict)
{
    const struct rrset *set = zone_find_rrset(zone, zone_apex(zone), TYPE_ZONEMD);
    *verdict = ZONEMD_ABSENT;
    if (set == NULL) {
        return OK;
    }
    *verdict = ZONEMD_UNUSABLE;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        enum zonemd_verdict one;
        enum status status = check_record(zone, set, rdata, &one);
        if (status != OK) {
            return status;
        }
        if (one == ZONEMD_GOOD) {
            *verdict = one;
            return OK;
        }
        *verdict = one == ZONEMD_WRONG ? one : *verdict;
    }
    return OK;
}

void verify_zonemd(struct verify_worker *worker)
{
    struct name apex = zone_apex(worker->run->zone);
    bool is_needed = worker->run->options->needs_zonemd;
    enum zonemd_verdict verdict;
    enum status status = zone_check_zonemd(worker->run->zone, &verdict);
    if (status != OK) {
        verify_fail(worker, status);
        return;
    }
    switch (verdict) {
    case ZONEMD_GOOD:
        worker->run->report->is_zonemd_checked = true;
        break;
    case ZONEMD_ABSENT:
        if (is_needed) {
            verify_fault(worker, apex, "the zone has no ZONEMD record");
        }
        break;
    case ZONEMD_WRONG:
        verify_fault(worker, apex,
                     "ZONEMD mismatch: the digest over the zone is another than the ZONEMD record "
                     "says; a record was altered, removed or added");
        break;
    case ZONEMD_UNUSABLE:
        if (is_needed) {
            verify_fault(worker, apex,
                         "no ZONEMD record has a scheme and hash that can be checked");
        }
        break;
    }
}
