/* How a zone's keys become trusted: a DS of its parent or a trust anchor points at one of them, and
 * that one signs them all (RFC 4035 §5.2, RFC 4509 §3, RFC 6840 §5.2). */
#include "core/dnssec/chain_parts.h"

/* What may point at a key. */
struct pointers {
    struct ds ds[CHAIN_DS_MAX];
    size_t ds_count;
    struct span keys[CHAIN_DS_MAX]; /* DNSKEY anchors, whole */
    size_t key_count;
    bool has_unknown_algorithm;
    bool has_unknown_digest;
};

bool chain_has_algorithm(const struct chain *chain, uint8_t number)
{
    const struct algorithm *algorithm = algorithm_find(number);
    bool is_sha1 = number == ALGORITHM_RSASHA1 || number == ALGORITHM_RSASHA1_NSEC3;
    return algorithm != NULL && algorithm->can_verify && !(is_sha1 && chain->input->refuses_sha1);
}

static bool has_digest(const struct chain *chain, uint8_t type)
{
    return ds_digest_len(type) != 0 && !(type == DS_DIGEST_SHA1 && chain->input->refuses_sha1);
}

static void pointers_add_ds(const struct chain *chain, struct pointers *pointers, struct span rdata)
{
    struct ds ds;
    if (ds_read(rdata, &ds) != OK || pointers->ds_count == CHAIN_DS_MAX) {
        return;
    }
    if (!chain_has_algorithm(chain, ds.algorithm)) {
        pointers->has_unknown_algorithm = true;
    } else if (!has_digest(chain, ds.digest_type)) {
        pointers->has_unknown_digest = true;
    } else {
        pointers->ds[pointers->ds_count++] = ds;
    }
}

static void pointers_add_key(const struct chain *chain, struct pointers *pointers,
                             struct span rdata)
{
    struct dnskey dnskey;
    if (dnskey_read(rdata, &dnskey) != OK || pointers->key_count == CHAIN_DS_MAX) {
        return;
    }
    if (!chain_has_algorithm(chain, dnskey.algorithm)) {
        pointers->has_unknown_algorithm = true;
    } else {
        pointers->keys[pointers->key_count++] = rdata;
    }
}

/* Digests of SHA-1 do not count beside better ones (RFC 4509 §3). */
static void pointers_drop_sha1(struct pointers *pointers)
{
    bool has_better = pointers->key_count != 0;
    for (size_t i = 0; i < pointers->ds_count; i++) {
        has_better = has_better || pointers->ds[i].digest_type != DS_DIGEST_SHA1;
    }
    size_t kept = 0;
    for (size_t i = 0; has_better && i < pointers->ds_count; i++) {
        if (pointers->ds[i].digest_type != DS_DIGEST_SHA1) {
            pointers->ds[kept++] = pointers->ds[i];
        }
    }
    pointers->ds_count = has_better ? kept : pointers->ds_count;
}

static void pointers_read(const struct chain *chain, struct name zone, const struct rrset *ds_rrset,
                          struct pointers *pointers)
{
    struct span rdata;
    if (ds_rrset != NULL) {
        for (struct rrset_cursor cursor = rrset_first(ds_rrset); rrset_next(&cursor, &rdata);) {
            pointers_add_ds(chain, pointers, rdata);
        }
    }
    for (size_t i = 0; ds_rrset == NULL && i < chain->input->anchor_count; i++) {
        const struct trust_anchor *anchor = &chain->input->anchors[i];
        if (name_equal(anchor->zone, zone) && anchor->type == TYPE_DS) {
            pointers_add_ds(chain, pointers, anchor->rdata);
        } else if (name_equal(anchor->zone, zone)) {
            pointers_add_key(chain, pointers, anchor->rdata);
        }
    }
    pointers_drop_sha1(pointers);
}

/* RFC 4035 §2.2: a zone is signed with each algorithm that its DS RRset names. */
static uint32_t algorithms_of(const struct pointers *pointers)
{
    uint32_t algorithms = 0;
    for (size_t i = 0; i < pointers->ds_count; i++) {
        algorithms |= UINT32_C(1) << pointers->ds[i].algorithm;
    }
    for (size_t i = 0; i < pointers->key_count; i++) {
        enum { ALGORITHM_AT = 3 };
        algorithms |= UINT32_C(1) << pointers->keys[i].bytes[ALGORITHM_AT];
    }
    return algorithms;
}

static bool is_anchor_key(const struct pointers *pointers, const struct dnskey *dnskey)
{
    for (size_t i = 0; i < pointers->key_count; i++) {
        if (span_equal(pointers->keys[i], dnskey->rdata)) {
            return true;
        }
    }
    return false;
}

static void add_entry_key(struct dnskey *entry, size_t *entry_count, const struct dnskey *dnskey)
{
    for (size_t i = 0; i < *entry_count; i++) {
        if (span_equal(entry[i].rdata, dnskey->rdata)) {
            return; /* two digests of one key */
        }
    }
    entry[(*entry_count)++] = *dnskey;
}

/* Adds the keys that a DS points at to `entry`; keys that only share its tag are tried up to the
 * limit. */
static void add_keys_of_ds(const struct ds *ds, const struct chain_keys *keys, struct dnskey *entry,
                           size_t *entry_count)
{
    unsigned tried = 0;
    for (size_t i = 0; i < keys->count && tried < CHAIN_KEYS_PER_TAG_MAX; i++) {
        const struct dnskey *dnskey = &keys->keys[i];
        if (dnskey->tag != ds->tag || dnskey->algorithm != ds->algorithm ||
            !dnskey_is_zone_key(dnskey)) {
            continue;
        }
        tried++;
        if (ds_matches(ds, keys->zone, dnskey)) {
            add_entry_key(entry, entry_count, dnskey);
            return;
        }
    }
}

/* The keys that are pointed at, in room for CHAIN_DS_MAX of either kind. */
static size_t find_entry_keys(const struct pointers *pointers, const struct chain_keys *keys,
                              struct dnskey entry[2 * CHAIN_DS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < pointers->ds_count; i++) {
        add_keys_of_ds(&pointers->ds[i], keys, entry, &count);
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (dnskey_is_zone_key(&keys->keys[i]) && is_anchor_key(pointers, &keys->keys[i])) {
            add_entry_key(entry, &count, &keys->keys[i]); /* at most one for each anchor */
        }
    }
    return count;
}

static enum chain_outcome read_keys(struct chain *chain, const struct rrset *rrset,
                                    struct chain_keys *keys)
{
    struct dnskey *read = arena_take_array(chain->input->scratch, rrset->count, sizeof *read);
    if (read == NULL) {
        return chain_say(chain, CHAIN_BOGUS, EDE_OTHER, "no memory is left for the DNSKEY RRset");
    }
    keys->keys = read;
    keys->count = 0;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrset); rrset_next(&cursor, &rdata);) {
        if (dnskey_read(rdata, &read[keys->count]) == OK) {
            keys->count++;
        }
    }
    return CHAIN_SECURE;
}

static enum chain_outcome say_useless(struct chain *chain, struct name zone,
                                      const struct pointers *pointers, bool is_anchor)
{
    char text[NAME_TEXT_MAX];
    name_print(zone, text);
    return chain_say(
        chain, CHAIN_INSECURE,
        pointers->has_unknown_algorithm ? EDE_UNSUPPORTED_ALGORITHM : EDE_UNSUPPORTED_DIGEST,
        "%.160s: the %s use only unsupported %s", text, is_anchor ? "trust anchors" : "DS records",
        pointers->has_unknown_algorithm ? "algorithms" : "digests");
}

enum chain_outcome chain_enter_zone(struct chain *chain, struct name zone,
                                    const struct rrset *ds_rrset, struct evidence *evidence,
                                    struct chain_keys *keys)
{
    struct pointers pointers = {0};
    pointers_read(chain, zone, ds_rrset, &pointers);
    if (pointers.ds_count == 0 && pointers.key_count == 0) {
        return say_useless(chain, zone, &pointers, ds_rrset == NULL);
    }
    if (evidence == NULL) {
        chain->next_name = zone;
        chain->next_type = TYPE_DNSKEY;
        return CHAIN_NEEDS_MORE;
    }
    char text[NAME_TEXT_MAX];
    name_print(zone, text);
    if (evidence->is_failed) {
        return chain_say(chain, CHAIN_INDETERMINATE, EDE_NO_REACHABLE_AUTHORITY,
                         "%.160s DNSKEY: no server answers", text);
    }
    const struct rrset *rrset = chain_find(chain_answer_of(evidence), zone, TYPE_DNSKEY);
    if (rrset == NULL) {
        return chain_say(chain, CHAIN_BOGUS, EDE_DNSKEY_MISSING,
                         "%.160s DNSKEY: the answer has none, though a %s points at one", text,
                         ds_rrset == NULL ? "trust anchor" : "DS");
    }
    keys->zone = zone;
    keys->algorithms = chain->input->wants_all_algorithms ? algorithms_of(&pointers) : 0;
    enum chain_outcome outcome = read_keys(chain, rrset, keys);
    if (outcome != CHAIN_SECURE || evidence->step == EVIDENCE_KEYS) {
        return outcome;
    }
    struct dnskey entry[2 * CHAIN_DS_MAX];
    struct chain_keys entry_keys = {zone, entry, find_entry_keys(&pointers, keys, entry),
                                    keys->algorithms};
    if (entry_keys.count == 0) {
        return chain_say(chain, CHAIN_BOGUS, EDE_DNSKEY_MISSING,
                         "%.160s DNSKEY: no zone key fits a %s (key tag %u%s)", text,
                         ds_rrset == NULL ? "trust anchor" : "DS of the parent",
                         pointers.ds_count != 0 ? pointers.ds[0].tag : dnskey_tag(pointers.keys[0]),
                         pointers.ds_count + pointers.key_count > 1 ? " and others" : "");
    }
    struct chain_verified verified;
    outcome = chain_verify(chain, &entry_keys, chain_answer_of(evidence), rrset, &verified);
    if (outcome == CHAIN_SECURE) {
        evidence->step = EVIDENCE_KEYS;
        evidence->life_s = verified.life_s;
    }
    return outcome;
}
