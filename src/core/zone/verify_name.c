/* The rules for one name of a signed zone: which of its RRsets are signed, by which algorithms, and
 * which must not be. */
#include "core/zone/verify_run.h"

static bool wants_rrsig(enum verify_place place, uint16_t type)
{
    switch (place) {
    case VERIFY_AUTHORITATIVE:
        return true;
    case VERIFY_CUT:
        return type == TYPE_DS || type == TYPE_NSEC || type == TYPE_NSEC3;
    case VERIFY_HIDDEN:
    case VERIFY_HASHED:
        return type == TYPE_NSEC3;
    }
    return false;
}

/* The RRSIGs over that RRset in the version that was verified, when the RRset is the same there. */
static const struct rrset *find_verified(const struct zone_node *before, const struct rrset *rrset)
{
    const struct rrset *same = before == NULL ? NULL : zone_node_rrset(before, rrset->type);
    if (same == NULL ||
        (same != rrset && (same->ttl_s != rrset->ttl_s || !rrset_equal(same, rrset)))) {
        return NULL;
    }
    return zone_node_rrsigs(before, rrset->type);
}

/* Each signature good, and one of each algorithm in the DNSKEY set (RFC 4035 §2.2). */
static void verify_rrset(struct verify_worker *worker, const struct zone_node *node,
                         const struct rrset *rrset, const struct zone_node *before)
{
    char type[TYPE_TEXT_MAX];
    const struct rrset *rrsigs = zone_node_rrsigs(node, rrset->type);
    if (rrsigs == NULL) {
        verify_fault(worker, node->owner, "%s has no RRSIG", type_print(rrset->type, type));
        return;
    }
    if (rrsigs->ttl_s != rrset->ttl_s) {
        verify_fault(worker, node->owner, "the RRSIG over %s has the TTL %u, the RRset %u",
                     type_print(rrset->type, type), rrsigs->ttl_s, rrset->ttl_s);
    }
    const struct rrset *verified = find_verified(before, rrset);
    bool has_algorithm[256] = {false};
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        verify_signature(worker, rrset, rdata, verified != NULL && rrset_has(verified, rdata));
        if (rdata.len > 2) {
            has_algorithm[rdata.bytes[2]] = true; /* a bad one is reported; once is enough */
        }
    }
    for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
        if (worker->run->is_algorithm_needed[algorithm] && !has_algorithm[algorithm]) {
            verify_fault(worker, node->owner,
                         "%s has no RRSIG of algorithm %u, of which the DNSKEY set has keys",
                         type_print(rrset->type, type), algorithm);
        }
    }
}

/* Signatures where none belong: over nothing, over a delegation's NS, over glue. */
static void verify_stray(struct verify_worker *worker, const struct zone_node *node,
                         enum verify_place place)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type != TYPE_RRSIG) {
            continue;
        }
        char type[TYPE_TEXT_MAX];
        type_print(rrset->covers, type);
        if (zone_node_rrset(node, rrset->covers) == NULL) {
            verify_fault(worker, node->owner, "an RRSIG covers %s, which is not there", type);
        } else if (!wants_rrsig(place, rrset->covers)) {
            verify_fault(worker, node->owner,
                         "an RRSIG covers %s, which is %s and must not be signed", type,
                         place == VERIFY_CUT && rrset->covers == TYPE_NS ? "the NS of a delegation"
                                                                         : "glue or hidden");
        }
    }
}

/* Another zone's, shown for those who may secure its delegation (RFC 9615). */
static bool may_be_below(const struct zone_node *node, uint16_t type)
{
    return (type == TYPE_CDS || type == TYPE_CDNSKEY) && ds_is_signal(node->owner);
}

/* Types that have a meaning at some places alone. */
static void verify_types(struct verify_worker *worker, const struct zone_node *node,
                         enum verify_place place)
{
    static const uint16_t apex_types[] = {TYPE_SOA, TYPE_DNSKEY, TYPE_CDS, TYPE_CDNSKEY,
                                          TYPE_NSEC3PARAM};
    if (place != VERIFY_AUTHORITATIVE && place != VERIFY_CUT) {
        return;
    }
    char type[TYPE_TEXT_MAX];
    bool is_apex = node->owner.label_count == worker->run->apex.label_count;
    for (size_t i = 0; !is_apex && i < LEN(apex_types); i++) {
        if (zone_node_rrset(node, apex_types[i]) != NULL && !may_be_below(node, apex_types[i])) {
            verify_fault(worker, node->owner, "%s stands below the apex",
                         type_print(apex_types[i], type));
        }
    }
    if (!is_apex && place == VERIFY_AUTHORITATIVE && zone_node_rrset(node, TYPE_DS) != NULL) {
        verify_fault(worker, node->owner, "a DS stands where there is no delegation");
    }
}

void verify_name(struct verify_worker *worker, const struct zone_node *node,
                 enum verify_place place, const struct zone_node *before)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = &node->rrsets[i];
        if (rrset->type != TYPE_RRSIG && wants_rrsig(place, rrset->type)) {
            verify_rrset(worker, node, rrset, before);
        }
    }
    verify_stray(worker, node, place);
    verify_types(worker, node, place);
}
