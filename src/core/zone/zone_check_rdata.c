/* What records say that no resolver will take, or that will soon hurt: SOA timers, digests of the
 * wrong length, keys that are none, signatures that are over. */
#include "core/zone/zone_check_run.h"

#include "core/base/reader.h"
#include "core/dns/rdata.h"

#include <string.h>

enum { TYPE_SPF = 99 };

void check_soa_times(struct check_run *run, const struct check_place *place)
{
    enum { NUMBERS_LEN = 20, MINIMUM_MAX_S = 86400 };
    struct span rdata = rrset_only(zone_node_rrset(place->node, TYPE_SOA));
    struct reader reader = reader_over(span_part(rdata, rdata.len - NUMBERS_LEN, NUMBERS_LEN));
    (void)reader_u32(&reader); /* serial */
    uint32_t refresh_s = reader_u32(&reader);
    uint32_t retry_s = reader_u32(&reader);
    uint32_t expire_s = reader_u32(&reader);
    uint32_t minimum_s = reader_u32(&reader);
    if (expire_s < (uint64_t)refresh_s + retry_s) {
        check_report(run, place, TYPE_SOA,
                     "the SOA's expire of %u s is less than refresh and retry together", expire_s);
    }
    if (minimum_s > MINIMUM_MAX_S) {
        check_report(run, place, TYPE_SOA,
                     "the SOA's minimum of %u s is more than a day: so long a name that is new may "
                     "stay unknown (RFC 2308 §5)",
                     minimum_s);
    }
}

void check_soa_serial(struct check_run *run, const struct check_place *place)
{
    if (zone_serial(run->zone) == 0) {
        check_report(run, place, TYPE_SOA,
                     "the serial is 0, which some secondaries take for no serial");
    }
}

static size_t digest_len(uint8_t digest_type)
{
    static const uint8_t lens[] = {[1] = 20, [2] = 32, [3] = 32, [4] = 48, [5] = 32, [6] = 32};
    return digest_type < LEN(lens) ? lens[digest_type] : 0;
}

void check_ds_digest(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_DS, TYPE_CDS};
    for (size_t i = 0; i < LEN(types); i++) {
        const struct rrset *rrset = zone_node_rrset(place->node, types[i]);
        struct rrset_cursor cursor = {NULL, NULL};
        struct span rdata;
        if (rrset != NULL) {
            cursor = rrset_first(rrset);
        }
        while (rrset_next(&cursor, &rdata)) {
            size_t wanted = digest_len(rdata.bytes[3]); /* checked rdata: there is a digest */
            char text[TYPE_TEXT_MAX];
            if (wanted != 0 && rdata.len - 4 != wanted) {
                check_report(run, place, types[i],
                             "a %s digest of type %u has %zu octets instead of %zu",
                             type_print(types[i], text), rdata.bytes[3], rdata.len - 4, wanted);
            }
        }
    }
}

void check_dnskey(struct check_run *run, const struct check_place *place)
{
    enum { FLAG_ZONE = 0x0100, PROTOCOL_DNSSEC = 3 };
    struct span rdata;
    struct rrset_cursor cursor = rrset_first(zone_node_rrset(place->node, TYPE_DNSKEY));
    while (rrset_next(&cursor, &rdata)) {
        struct reader reader = reader_over(rdata);
        uint16_t flags = reader_u16(&reader);
        uint8_t protocol = reader_u8(&reader);
        if (protocol != PROTOCOL_DNSSEC) {
            check_report(run, place, TYPE_DNSKEY,
                         "a DNSKEY has protocol %u instead of 3 (RFC 4034 §2.1.2)", protocol);
        }
        if ((flags & FLAG_ZONE) == 0) {
            check_report(run, place, TYPE_DNSKEY,
                         "a DNSKEY has no zone flag (flags %u) and verifies nothing (RFC 4034 "
                         "§2.1.1)",
                         flags);
        }
    }
}

void check_nsec3param(struct check_run *run, const struct check_place *place)
{
    struct span rdata;
    struct rrset_cursor cursor = rrset_first(zone_node_rrset(place->node, TYPE_NSEC3PARAM));
    while (rrset_next(&cursor, &rdata)) {
        struct reader reader = reader_over(rdata);
        (void)reader_u16(&reader); /* algorithm, flags */
        uint16_t iterations = reader_u16(&reader);
        if (iterations != 0) {
            check_report(run, place, TYPE_NSEC3PARAM,
                         "NSEC3 with %u iterations: RFC 9276 §3.1 asks for 0, and resolvers may "
                         "take such answers for insecure or refuse them",
                         iterations);
        }
    }
}

void check_rrsig(struct check_run *run, const struct check_place *place)
{
    for (uint16_t i = 0; run->now_s != 0 && i < place->node->rrset_count; i++) {
        const struct rrset *rrset = &place->node->rrsets[i];
        struct span rdata;
        struct rrset_cursor cursor = rrset_first(rrset);
        while (rrset->type == TYPE_RRSIG && rrset_next(&cursor, &rdata)) {
            struct reader reader = reader_over(rdata);
            (void)reader_span(&reader, 8); /* covers, algorithm, labels, original TTL */
            uint32_t expiration_s = reader_u32(&reader);
            char text[TYPE_TEXT_MAX];
            if ((int32_t)(expiration_s - (uint32_t)run->now_s) < 0) { /* RFC 4034 §3.1.5 */
                check_report(run, place, TYPE_RRSIG, "the signature of %s is over since %u s",
                             type_print(rrset->covers, text), (uint32_t)run->now_s - expiration_s);
            }
        }
    }
}

/* RFC 9460 §2.4: priority 0 makes an alias, which has no parameters and stands alone. */
static void check_svcb_of(struct check_run *run, const struct check_place *place,
                          const struct rrset *rrset)
{
    bool has_alias = false, has_service = false;
    char text[TYPE_TEXT_MAX];
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        struct reader reader = reader_over(rdata);
        bool is_alias = reader_u16(&reader) == 0;
        (void)name_read(&reader);
        if (is_alias && reader_left(&reader) != 0) {
            check_report(run, place, rrset->type,
                         "a %s record of priority 0 is an alias; its parameters are ignored",
                         type_print(rrset->type, text));
        }
        has_alias = has_alias || is_alias;
        has_service = has_service || !is_alias;
    }
    if (has_alias && (has_service || rrset->count > 1)) {
        check_report(run, place, rrset->type,
                     "a %s record of priority 0 is an alias and stands beside others",
                     type_print(rrset->type, text));
    }
}

void check_svcb(struct check_run *run, const struct check_place *place)
{
    static const uint16_t types[] = {TYPE_SVCB, TYPE_HTTPS};
    for (size_t i = 0; i < LEN(types); i++) {
        const struct rrset *rrset = zone_node_rrset(place->node, types[i]);
        if (rrset != NULL) {
            check_svcb_of(run, place, rrset);
        }
    }
}

static bool is_spf(struct span rdata)
{
    static const char version[] = "v=spf1";
    size_t len = sizeof version - 1;
    return rdata.len > len && rdata.bytes[0] >= len && memcmp(rdata.bytes + 1, version, len) == 0 &&
           (rdata.bytes[0] == len || rdata.bytes[1 + len] == ' ');
}

void check_spf(struct check_run *run, const struct check_place *place)
{
    const struct rrset *text = zone_node_rrset(place->node, TYPE_TXT);
    size_t count = 0;
    struct span rdata;
    struct rrset_cursor cursor = {NULL, NULL};
    if (text != NULL) {
        cursor = rrset_first(text);
    }
    while (rrset_next(&cursor, &rdata)) {
        count += is_spf(rdata) ? 1 : 0;
    }
    if (count > 1) {
        check_report(run, place, TYPE_TXT,
                     "%zu TXT records begin with v=spf1: together they are an error (RFC 7208 "
                     "§4.5)",
                     count);
    }
    if (count == 0 && zone_node_rrset(place->node, TYPE_SPF) != NULL) {
        check_report(run, place, TYPE_SPF,
                     "nobody looks at records of type SPF any more (RFC 7208 §3.1)");
    }
}
