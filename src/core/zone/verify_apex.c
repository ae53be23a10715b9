/* The apex of a signed zone: the SOA, the keys and whether they can be told apart, the chain from
 * the trust anchors to them, and what CDS and CDNSKEY ask of the parent. */
#include "core/dnssec/dnskey.h"
#include "core/zone/verify_run.h"

static const struct rrset *apex_rrset(const struct verify_run *run, uint16_t type)
{
    return zone_find_rrset(run->zone, run->apex, type);
}

/* KEYTRAP (CVE-2023-50387): resolvers limit the keys they try for a signature, so each needs a tag
 * of its own. */
static void check_tags(struct verify_worker *worker, struct name owner)
{
    const struct verify_run *run = worker->run;
    for (size_t i = 0; i < run->key_count; i++) {
        for (size_t j = i + 1; j < run->key_count; j++) {
            const struct dnskey *one = &run->keys[i].dnskey;
            const struct dnskey *other = &run->keys[j].dnskey;
            if (one->tag == other->tag && one->algorithm == other->algorithm) {
                verify_fault(worker, owner,
                             "two keys of the DNSKEY set have the tag %u and algorithm %u: "
                             "resolvers need not try both",
                             one->tag, one->algorithm);
            }
        }
    }
}

static void decode_key(struct verify_worker *worker, struct name owner, struct verify_key *key)
{
    struct problem problem = {0};
    const struct dnskey *dnskey = &key->dnskey;
    const struct algorithm *algorithm = algorithm_find(dnskey->algorithm);
    enum status status = key_of_public(dnskey->algorithm, dnskey->public_key, &key->key, &problem);
    if (status == OK) {
        return;
    }
    key->key = NULL;
    bool is_unknown = algorithm == NULL || status == UNSUPPORTED;
    key->result = is_unknown ? VERIFY_UNKNOWN_ALGORITHM : VERIFY_BAD_KEY;
    if (status == NO_MEMORY) {
        verify_fail(worker, status);
    } else if (!is_unknown) {
        verify_fault(worker, owner, "key %u of the DNSKEY set is malformed: %s", dnskey->tag,
                     problem.sentence);
    }
}

static bool read_keys(struct verify_worker *worker, const struct rrset *set)
{
    struct verify_run *run = worker->run;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        struct dnskey dnskey;
        if (dnskey_read(rdata, &dnskey) != OK) {
            verify_fault(worker, set->owner, "a DNSKEY record is malformed");
            continue;
        }
        if ((dnskey.flags & DNSKEY_FLAG_ZONE) == 0 || dnskey.protocol != DNSKEY_PROTOCOL) {
            continue;
        }
        if (run->key_count == ZONE_VERIFY_KEYS_MAX) {
            verify_fault(worker, set->owner, "the DNSKEY set has more than %d keys",
                         ZONE_VERIFY_KEYS_MAX);
            return false;
        }
        struct verify_key *key = &run->keys[run->key_count++];
        *key = (struct verify_key){.dnskey = dnskey};
        decode_key(worker, set->owner, key);
        if (dnskey_is_zone_key(&dnskey)) {
            run->is_algorithm_needed[dnskey.algorithm] = true;
        }
    }
    if (run->key_count == 0) {
        verify_fault(worker, set->owner, "the DNSKEY set has no zone key");
    }
    check_tags(worker, set->owner);
    return run->key_count > 0;
}

/* Does that key make a good signature over the DNSKEY set? */
static bool signs_keys(struct verify_worker *worker, const struct rrset *set, size_t key)
{
    const struct dnskey *dnskey = &worker->run->keys[key].dnskey;
    const struct zone_node *apex = zone_find(worker->run->zone, worker->run->apex);
    const struct rrset *rrsigs = zone_node_rrsigs(apex, TYPE_DNSKEY);
    struct span rdata;
    if (rrsigs == NULL) {
        return false;
    }
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) == OK && rrsig.tag == dnskey->tag &&
            rrsig.algorithm == dnskey->algorithm &&
            verify_signature_is_good(worker, set, &rrsig, key)) {
            return true;
        }
    }
    return false;
}

static bool anchor_is_key(const struct trust_anchor *anchor, const struct dnskey *key)
{
    if (anchor->type == TYPE_DNSKEY) {
        return span_equal(anchor->rdata, key->rdata);
    }
    struct ds ds;
    return anchor->type == TYPE_DS && ds_read(anchor->rdata, &ds) == OK &&
           ds_matches(&ds, anchor->zone, key);
}

static bool is_anchored(const struct verify_run *run, const struct dnskey *key, bool has_sep)
{
    const struct zone_verify_options *options = run->options;
    if (!dnskey_is_zone_key(key)) {
        return false;
    }
    for (size_t i = 0; i < options->anchor_count; i++) {
        if (name_equal(options->anchors[i].zone, run->apex) &&
            anchor_is_key(&options->anchors[i], key)) {
            return true;
        }
    }
    return options->anchor_count == 0 && (!has_sep || (key->flags & DNSKEY_FLAG_SEP) != 0);
}

/* The chain from the anchors: one anchored key that signs the DNSKEY set (RFC 4035 §5.2). */
static void check_anchors(struct verify_worker *worker, const struct rrset *set)
{
    const struct verify_run *run = worker->run;
    bool has_sep = false;
    for (size_t i = 0; i < run->key_count; i++) {
        has_sep = has_sep || (run->keys[i].dnskey.flags & DNSKEY_FLAG_SEP) != 0;
    }
    for (size_t i = 0; i < run->key_count; i++) {
        if (is_anchored(run, &run->keys[i].dnskey, has_sep) && signs_keys(worker, set, i)) {
            return;
        }
    }
    verify_fault(worker, set->owner,
                 run->options->anchor_count == 0
                     ? "no key of the DNSKEY set signs it"
                     : "no trust anchor leads to a key that signs the DNSKEY set");
}

/* "0 0 0 00" and "0 3 0 AA==" ask the parent to take the DS away (RFC 8078 §4). */
static bool is_delete(uint16_t type, struct span rdata)
{
    static const uint8_t cds[] = {0, 0, 0, 0, 0};
    static const uint8_t cdnskey[] = {0, 0, 3, 0, 0};
    return span_equal(rdata, type == TYPE_CDS ? span_of(cds, sizeof cds)
                                              : span_of(cdnskey, sizeof cdnskey));
}

static bool cds_is_key(const struct verify_run *run, uint16_t type, struct span rdata,
                       const struct dnskey *key)
{
    struct ds ds;
    if (type == TYPE_CDNSKEY) {
        return span_equal(rdata, key->rdata);
    }
    return ds_read(rdata, &ds) == OK && ds_matches(&ds, run->apex, key);
}

/* What the parent would take over must lead to a key that signs the DNSKEY set (RFC 7344 §4.1). */
static void check_cds(struct verify_worker *worker, const struct rrset *keys, uint16_t type)
{
    const struct verify_run *run = worker->run;
    const struct rrset *set = apex_rrset(run, type);
    char text[TYPE_TEXT_MAX];
    if (set == NULL) {
        return;
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        if (is_delete(type, rdata)) {
            if (set->count > 1) {
                verify_fault(worker, set->owner,
                             "%s asks both to delete the DS records and to replace them",
                             type_print(type, text));
            }
            return;
        }
        for (size_t i = 0; i < run->key_count; i++) {
            const struct dnskey *key = &run->keys[i].dnskey;
            if (dnskey_is_zone_key(key) && cds_is_key(run, type, rdata, key) &&
                signs_keys(worker, keys, i)) {
                return;
            }
        }
    }
    verify_fault(worker, set->owner,
                 "no %s is for a key that signs the DNSKEY set: the delegation would break",
                 type_print(type, text));
}

/* Both sets mean the same keys (RFC 7344 §4): each CDNSKEY has a CDS, and the other way round. */
static void check_cds_pairs(struct verify_worker *worker)
{
    const struct verify_run *run = worker->run;
    const struct rrset *cds_set = apex_rrset(run, TYPE_CDS);
    const struct rrset *cdnskey_set = apex_rrset(run, TYPE_CDNSKEY);
    size_t matched = 0;
    if (cds_set == NULL || cdnskey_set == NULL) {
        return;
    }
    struct span cds;
    struct span cdnskey;
    for (struct rrset_cursor outer = rrset_first(cds_set); rrset_next(&outer, &cds);) {
        bool is_matched = false;
        for (struct rrset_cursor inner = rrset_first(cdnskey_set); rrset_next(&inner, &cdnskey);) {
            struct dnskey key;
            is_matched = is_matched ||
                         (is_delete(TYPE_CDS, cds) && is_delete(TYPE_CDNSKEY, cdnskey)) ||
                         (dnskey_read(cdnskey, &key) == OK && cds_is_key(run, TYPE_CDS, cds, &key));
        }
        matched += is_matched;
    }
    /* A key may have a CDS of each digest. */
    if (matched != cds_set->count || cds_set->count < cdnskey_set->count) {
        verify_fault(worker, run->apex, "CDS and CDNSKEY are not for the same keys");
    }
}

bool verify_apex(struct verify_worker *worker)
{
    struct verify_run *run = worker->run;
    const struct rrset *set = apex_rrset(run, TYPE_DNSKEY);
    const struct rrset *soa = apex_rrset(run, TYPE_SOA);
    if (soa == NULL) {
        verify_fault(worker, run->apex, "the zone has no SOA");
    } else if (soa->count != 1) {
        verify_fault(worker, run->apex, "the zone has more than one SOA");
    }
    if (apex_rrset(run, TYPE_NS) == NULL) {
        verify_fault(worker, run->apex, "the zone has no NS records at its apex");
    }
    if (set == NULL) {
        verify_fault(worker, run->apex, "the zone has no DNSKEY records: it is not signed");
        return false;
    }
    if (!read_keys(worker, set)) {
        return false;
    }
    check_anchors(worker, set);
    check_cds(worker, set, TYPE_CDS);
    check_cds(worker, set, TYPE_CDNSKEY);
    check_cds_pairs(worker);
    return true;
}
