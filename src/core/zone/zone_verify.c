/* The judge of a signed zone: which RRsets must be signed, by which keys, and which must not. */
#include "core/zone/zone_verify.h"

#include "core/zone/verify_run.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    VERIFY_SCRATCH_MAX = 64 << 20, /* one RRset of 65,535 records and its canonical form */
    VERIFY_KEY_CACHE_MAX = 64
};

void verify_fault(struct verify_run *run, struct name owner, const char *format, ...)
{
    struct problem problem = {0};
    char name[NAME_TEXT_MAX];
    char sentence[PROBLEM_SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    problem_set(&problem, MISMATCH, "%s", sentence);
    problem_place(&problem, name_print(owner, name), 0, 0);
    run->report->faults++;
    if (run->fault != NULL) {
        run->fault(run->user, &problem);
    }
}

void verify_fail(struct verify_run *run, enum status status)
{
    if (run->status == OK) {
        run->status = status;
    }
}

void verify_walk_begin(struct verify_walk *walk, const struct zone *zone)
{
    walk->zone = zone;
    walk->cover = NULL;
    zone_walk(zone, &walk->cursor);
}

static bool is_hashed_owner(const struct zone_node *node)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = node->rrsets[i];
        if (rrset->type != TYPE_NSEC3 && rrset->covers != TYPE_NSEC3) {
            return false;
        }
    }
    return true;
}

const struct zone_node *verify_walk_next(struct verify_walk *walk, enum verify_place *place)
{
    const struct zone_node *node = zone_walk_next(&walk->cursor);
    if (node == NULL) {
        return NULL;
    }
    if (is_hashed_owner(node)) {
        *place = VERIFY_HASHED;
        return node;
    }
    if (walk->cover != NULL && name_is_below(node->owner, walk->cover->owner)) {
        *place = VERIFY_HIDDEN;
        return node;
    }
    bool is_apex = node->owner.label_count == zone_apex(walk->zone).label_count;
    bool is_cut = !is_apex && zone_node_rrset(node, TYPE_NS) != NULL;
    bool has_dname = zone_node_rrset(node, TYPE_DNAME) != NULL;
    walk->cover = is_cut || has_dname ? node : NULL;
    *place = is_cut ? VERIFY_CUT : VERIFY_AUTHORITATIVE;
    return node;
}

bool verify_wants_rrsig(enum verify_place place, uint16_t type)
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

static void note_expiration(struct verify_run *run, const struct rrsig *rrsig)
{
    int64_t expiration_s = rrsig_time_s(rrsig->expiration_s, run->options->now_s);
    if (expiration_s < run->report->earliest_expiration_s) {
        run->report->earliest_expiration_s = expiration_s;
    }
}

/* Tries the keys with the signature's tag and algorithm; at most VERIFY_KEYS_MAX. */
static enum verify_result try_keys(struct verify_run *run, const struct rrset *rrset,
                                   const struct rrsig *rrsig, bool *has_key)
{
    enum verify_result result = VERIFY_BAD_SIGNATURE;
    *has_key = false;
    for (size_t i = 0; i < run->key_count; i++) {
        const struct dnskey *key = &run->keys[i];
        if (key->tag != rrsig->tag || key->algorithm != rrsig->algorithm) {
            continue;
        }
        *has_key = true;
        uint8_t labels = 0;
        arena_reset(&run->scratch);
        result = verify_rrsig(rrset, rrsig, zone_apex(run->zone), key, run->options->now_s,
                              run->key_cache, &run->scratch, &labels);
        if (result == VERIFY_GOOD && labels != rrset->owner.label_count) {
            result = VERIFY_BAD_LABELS; /* made for a wildcard, which this name is not */
        }
        if (result == VERIFY_GOOD) {
            return result;
        }
    }
    return result;
}

/* Of a node that was verified in the version before only the times count again. */
static enum verify_result check_times(const struct verify_run *run, const struct rrsig *rrsig)
{
    int64_t now_s = run->options->now_s;
    if (rrsig_time_s(rrsig->expiration_s, now_s) < now_s) {
        return VERIFY_EXPIRED;
    }
    return rrsig_time_s(rrsig->inception_s, now_s) > now_s ? VERIFY_NOT_YET_VALID : VERIFY_GOOD;
}

/* True when the signature is good; else the fault is reported. */
static bool verify_one(struct verify_run *run, const struct rrset *rrset, struct span rdata,
                       bool is_known_good, struct rrsig *rrsig)
{
    char type[TYPE_TEXT_MAX];
    type_print(rrset->type, type);
    if (rrsig_read(rdata, rrsig) != OK) {
        verify_fault(run, rrset->owner, "an RRSIG over %s is malformed", type);
        return false;
    }
    note_expiration(run, rrsig);
    bool has_key = true;
    enum verify_result result = VERIFY_GOOD;
    if (is_known_good) {
        result = check_times(run, rrsig);
    } else {
        run->report->rrsigs_checked++;
        result = try_keys(run, rrset, rrsig, &has_key);
    }
    if (!has_key) {
        verify_fault(run, rrset->owner,
                     "the RRSIG over %s is by key %u of algorithm %u, which is not in the DNSKEY "
                     "set",
                     type, rrsig->tag, rrsig->algorithm);
        return false;
    }
    if (result != VERIFY_GOOD) {
        verify_fault(run, rrset->owner, "the RRSIG over %s by key %u is not good: %s", type,
                     rrsig->tag, verify_result_text(result));
        return false;
    }
    if (rrsig->original_ttl_s != rrset->ttl_s) {
        verify_fault(run, rrset->owner, "the TTL of %s is %u, but %u was signed", type,
                     rrset->ttl_s, rrsig->original_ttl_s);
        return false;
    }
    return true;
}

/* Each signature good, and one of each algorithm in the DNSKEY set (RFC 4035 §2.2). */
static void verify_rrset(struct verify_run *run, const struct zone_node *node,
                         const struct rrset *rrset, bool is_known_good)
{
    char type[TYPE_TEXT_MAX];
    type_print(rrset->type, type);
    const struct rrset *rrsigs = zone_node_rrsigs(node, rrset->type);
    if (rrsigs == NULL) {
        verify_fault(run, node->owner, "%s has no RRSIG", type);
        return;
    }
    if (rrsigs->ttl_s != rrset->ttl_s) {
        verify_fault(run, node->owner, "the RRSIG over %s has the TTL %u, the RRset %u", type,
                     rrsigs->ttl_s, rrset->ttl_s);
    }
    bool has_algorithm[256] = {false};
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (verify_one(run, rrset, rdata, is_known_good, &rrsig)) {
            has_algorithm[rrsig.algorithm] = true;
        } else if (rdata.len > 2) {
            has_algorithm[rdata.bytes[2]] = true; /* reported; once is enough */
        }
    }
    for (unsigned algorithm = 0; algorithm < 256; algorithm++) {
        if (run->is_algorithm_needed[algorithm] && !has_algorithm[algorithm]) {
            verify_fault(run, node->owner,
                         "%s has no RRSIG of algorithm %u, of which the DNSKEY set has keys", type,
                         algorithm);
        }
    }
}

/* Signatures where none belong: over nothing, over a delegation's NS, over glue. */
static void verify_stray_rrsigs(struct verify_run *run, const struct zone_node *node,
                                enum verify_place place)
{
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = node->rrsets[i];
        if (rrset->type != TYPE_RRSIG) {
            continue;
        }
        char type[TYPE_TEXT_MAX];
        type_print(rrset->covers, type);
        if (zone_node_rrset(node, rrset->covers) == NULL) {
            verify_fault(run, node->owner, "an RRSIG covers %s, which is not there", type);
        } else if (!verify_wants_rrsig(place, rrset->covers)) {
            verify_fault(run, node->owner, "an RRSIG covers %s, which is %s and must not be signed",
                         type,
                         place == VERIFY_CUT && rrset->covers == TYPE_NS ? "the NS of a delegation"
                                                                         : "glue or hidden");
        }
    }
}

static void verify_node(struct verify_run *run, const struct zone_node *node,
                        enum verify_place place)
{
    bool is_known_good = run->is_known_good && zone_find(run->options->before, node->owner) == node;
    for (uint16_t i = 0; i < node->rrset_count; i++) {
        const struct rrset *rrset = node->rrsets[i];
        if (rrset->type != TYPE_RRSIG && verify_wants_rrsig(place, rrset->type)) {
            verify_rrset(run, node, rrset, is_known_good);
        }
    }
    verify_stray_rrsigs(run, node, place);
}

static bool read_keys(struct verify_run *run, const struct rrset *set)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        struct dnskey key;
        if (dnskey_read(rdata, &key) != OK) {
            verify_fault(run, set->owner, "a DNSKEY record is malformed");
            continue;
        }
        if ((key.flags & DNSKEY_FLAG_ZONE) == 0 || key.protocol != DNSKEY_PROTOCOL) {
            continue;
        }
        if (run->key_count == VERIFY_KEYS_MAX) {
            verify_fault(run, set->owner, "the DNSKEY set has more than %d keys", VERIFY_KEYS_MAX);
            return false;
        }
        run->keys[run->key_count++] = key;
        if (dnskey_is_zone_key(&key)) {
            run->is_algorithm_needed[key.algorithm] = true;
        }
    }
    if (run->key_count == 0) {
        verify_fault(run, set->owner, "the DNSKEY set has no zone key");
    }
    return run->key_count > 0;
}

/* Does that key make a good signature over the DNSKEY set? */
static bool key_signs_keys(struct verify_run *run, const struct rrset *set,
                           const struct dnskey *key)
{
    const struct zone_node *apex = zone_find(run->zone, zone_apex(run->zone));
    const struct rrset *rrsigs = zone_node_rrsigs(apex, TYPE_DNSKEY);
    struct span rdata;
    if (rrsigs == NULL) {
        return false;
    }
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        uint8_t labels;
        arena_reset(&run->scratch);
        if (rrsig_read(rdata, &rrsig) == OK && rrsig.tag == key->tag &&
            rrsig.algorithm == key->algorithm &&
            verify_rrsig(set, &rrsig, zone_apex(run->zone), key, run->options->now_s,
                         run->key_cache, &run->scratch, &labels) == VERIFY_GOOD) {
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

/* The chain from the anchors: one anchored key that signs the DNSKEY set (RFC 4035 §5.2). */
static void verify_anchors(struct verify_run *run, const struct rrset *set)
{
    const struct zone_verify_options *options = run->options;
    bool has_sep = false;
    for (size_t i = 0; i < run->key_count; i++) {
        has_sep = has_sep || (run->keys[i].flags & DNSKEY_FLAG_SEP) != 0;
    }
    for (size_t i = 0; i < run->key_count; i++) {
        const struct dnskey *key = &run->keys[i];
        bool is_anchored =
            options->anchor_count == 0 && (!has_sep || (key->flags & DNSKEY_FLAG_SEP) != 0);
        for (size_t j = 0; j < options->anchor_count; j++) {
            is_anchored = is_anchored || (name_equal(options->anchors[j].zone, set->owner) &&
                                          anchor_is_key(&options->anchors[j], key));
        }
        if (is_anchored && dnskey_is_zone_key(key) && key_signs_keys(run, set, key)) {
            return;
        }
    }
    verify_fault(run, set->owner,
                 options->anchor_count == 0
                     ? "no key of the DNSKEY set signs it"
                     : "no trust anchor leads to a key that signs the DNSKEY set");
}

static bool verify_keys(struct verify_run *run)
{
    struct name apex = zone_apex(run->zone);
    const struct rrset *set = zone_find_rrset(run->zone, apex, TYPE_DNSKEY);
    if (zone_soa(run->zone) == NULL) {
        verify_fault(run, apex, "the zone has no SOA");
    }
    if (set == NULL) {
        verify_fault(run, apex, "the zone has no DNSKEY records: it is not signed");
        return false;
    }
    if (!read_keys(run, set)) {
        return false;
    }
    const struct zone *before = run->options->before;
    const struct rrset *set_before =
        before == NULL ? NULL : zone_find_rrset(before, apex, TYPE_DNSKEY);
    run->is_known_good = set_before != NULL && rrset_equal(set, set_before);
    verify_anchors(run, set);
    return true;
}

static void verify_signatures(struct verify_run *run)
{
    struct verify_walk walk;
    verify_walk_begin(&walk, run->zone);
    enum verify_place place;
    for (const struct zone_node *node;
         run->status == OK && (node = verify_walk_next(&walk, &place)) != NULL;) {
        verify_node(run, node, place);
    }
}

static void verify_denial(struct verify_run *run)
{
    const struct zone_node *apex = zone_find(run->zone, zone_apex(run->zone));
    bool has_nsec = zone_node_rrset(apex, TYPE_NSEC) != NULL;
    bool has_nsec3 = zone_node_rrset(apex, TYPE_NSEC3PARAM) != NULL;
    if (has_nsec) {
        verify_nsec_chain(run);
    }
    if (has_nsec3) {
        verify_nsec3_chain(run);
    }
    if (!has_nsec && !has_nsec3) {
        verify_fault(run, zone_apex(run->zone),
                     "the apex has neither NSEC nor NSEC3PARAM: nothing can be denied");
    }
}

enum status zone_verify(const struct zone *zone, const struct zone_verify_options *options,
                        void (*fault)(void *user, const struct problem *problem), void *user,
                        struct zone_verify_report *report)
{
    *report = (struct zone_verify_report){.earliest_expiration_s = INT64_MAX};
    struct verify_run run = {
        .zone = zone, .options = options, .fault = fault, .user = user, .report = report};
    arena_open(&run.scratch, VERIFY_SCRATCH_MAX);
    arena_open(&run.arena, SIZE_MAX / 2); /* in proportion to the zone */
    run.status = key_cache_open(VERIFY_KEY_CACHE_MAX, &run.key_cache);
    if (run.status == OK && verify_keys(&run)) {
        verify_signatures(&run);
        verify_denial(&run);
    }
    if (run.status == OK) {
        verify_zonemd(&run);
    }
    key_cache_close(run.key_cache);
    arena_close(&run.scratch);
    arena_close(&run.arena);
    if (run.status != OK) {
        return run.status;
    }
    return report->faults == 0 ? OK : MISMATCH;
}
