/* CSYNC, by which the parent takes over the delegation's name servers and their addresses (RFC
 * 7477): what it says, and since which version. */
#include "core/zone/zone_sign_part.h"

/* The operator has switched it on, so nobody needs to be asked (immediate); and the parent must not
 * act upon a version from before the change (soaminimum), RFC 7477 §2.1.1. */
enum { FLAG_IMMEDIATE = 1, FLAG_SOAMINIMUM = 2, RDATA_LEN_MAX = 6 + 2 + 4 };

static bool is_same_set(const struct rrset *a, const struct rrset *b)
{
    return a == b || (a != NULL && b != NULL && rrset_equal(a, b));
}

static bool is_inside(const struct sign_run *run, struct name host)
{
    return name_equal(host, run->apex) || name_is_below(host, run->apex);
}

static bool has_same_addresses(const struct sign_run *run, struct name host)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    for (size_t i = 0; i < LEN(types); i++) {
        if (!is_same_set(zone_find_rrset(run->before, host, types[i]),
                         zone_find_rrset(run->input->unsigned_zone, host, types[i]))) {
            return false;
        }
    }
    return true;
}

/* Does the parent's side of the delegation stay as the version before asks for it? Also tells
 * whether any name server is inside the zone, so that its addresses are the parent's glue. */
static bool is_as_before(const struct sign_run *run, const struct rrset *servers, bool *has_inside)
{
    bool is_same = run->before != NULL &&
                   is_same_set(zone_find_rrset(run->before, run->apex, TYPE_NS), servers);
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(servers); rrset_next(&cursor, &rdata);) {
        struct reader reader = reader_over(rdata);
        struct name host = name_read(&reader);
        if (is_inside(run, host)) {
            *has_inside = true;
            is_same = is_same && has_same_addresses(run, host);
        }
    }
    return is_same;
}

/* That of the version before, when it asks for the same. */
static bool find_standing(const struct sign_run *run, struct span wanted, struct span *standing)
{
    const struct rrset *csync = zone_find_rrset(run->before, run->apex, TYPE_CSYNC);
    if (csync == NULL || csync->count != 1) {
        return false;
    }
    *standing = rrset_only(csync);
    return standing->len == wanted.len && span_equal(span_part(*standing, 4, standing->len - 4),
                                                     span_part(wanted, 4, wanted.len - 4));
}

void sign_add_csync(const struct sign_run *run, struct rrset_builder *csync)
{
    static const uint16_t types[] = {TYPE_A, TYPE_NS, TYPE_AAAA};
    const struct rrset *servers = zone_find_rrset(run->input->unsigned_zone, run->apex, TYPE_NS);
    if (!run->policy.has_csync || servers == NULL) {
        return;
    }
    bool has_inside = false;
    bool is_same = is_as_before(run, servers, &has_inside);
    uint8_t bytes[RDATA_LEN_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u32(&rdata, sign_serial(run));
    writer_u16(&rdata, FLAG_IMMEDIATE | FLAG_SOAMINIMUM);
    bitmap_write(has_inside ? types : &types[1], has_inside ? LEN(types) : 1, &rdata);
    struct span standing = SPAN_EMPTY;
    bool is_kept = is_same && find_standing(run, writer_written(&rdata), &standing);
    rrset_add(csync, is_kept ? standing : writer_written(&rdata));
}
