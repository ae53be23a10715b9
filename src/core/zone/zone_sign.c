/* The signed version of a zone: what must stand in it, which signatures of the version before still
 * serve, and when a new serial is due. */
#include "core/zone/zone_sign.h"

#include "core/base/text.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_chain.h"
#include "core/zone/zone_verify.h"

#include <string.h>

enum {
    VALIDITY_DEFAULT_S = 14 * 86400,
    INCEPTION_OFFSET_DEFAULT_S = 3600,
    RRSIG_RDATA_LEN_MAX = 18 + NAME_LEN_MAX + KEY_SIGNATURE_LEN_MAX,
    SOA_RDATA_LEN_MAX = 2 * NAME_LEN_MAX + 20,
    SIGN_SCRATCH_MAX = 64 << 20, /* one RRset of 65,535 records and its canonical form */
    DNSKEY_RDATA_LEN_MAX = 4 + KEY_PUBLIC_LEN_MAX
};

struct sign_run {
    const struct zone *before; /* or NULL */
    const struct zone_key *keys;
    size_t key_count;
    struct zone_sign_policy policy; /* with the defaults filled in */
    int64_t now_s;
    struct name apex;
    struct zone *data; /* what is to be signed: the owner's data, keys and denial chain */
    struct zone_builder *next;
    bool is_changed;
    int64_t earliest_s;                /* of all expirations */
    bool was_published[ZONE_KEYS_MAX]; /* in the version before, and told apart by tag there */
    struct arena scratch;              /* dies with each RRset */
    struct problem *problem;
};

static enum status run_fail(struct sign_run *run, enum status status, const char *what)
{
    if (status == OK) {
        return OK;
    }
    char name[NAME_TEXT_MAX];
    if (run->problem != NULL && run->problem->status != OK) {
        return status; /* the first sentence stands */
    }
    return problem_set(run->problem, status, "%s: %s: %s", name_print(run->apex, name), what,
                       status_text(status));
}

static void policy_fill(struct zone_sign_policy *policy)
{
    policy->validity_s = policy->validity_s == 0 ? VALIDITY_DEFAULT_S : policy->validity_s;
    policy->refresh_s = policy->refresh_s == 0 ? policy->validity_s / 2 : policy->refresh_s;
    policy->jitter_s = policy->jitter_s == 0 ? policy->validity_s / 14 : policy->jitter_s;
    if (policy->inception_offset_s == 0) {
        policy->inception_offset_s = INCEPTION_OFFSET_DEFAULT_S;
    }
}

static enum status run_check(struct sign_run *run, const struct zone *unsigned_zone)
{
    char name[NAME_TEXT_MAX];
    name_print(run->apex, name);
    if (zone_soa(unsigned_zone) == NULL) {
        return problem_set(run->problem, BAD_ARGUMENT, "%s has no SOA record", name);
    }
    if (run->key_count > ZONE_KEYS_MAX) {
        return problem_set(run->problem, LIMIT_REACHED, "%s has more than %d keys", name,
                           ZONE_KEYS_MAX);
    }
    if ((uint64_t)run->policy.refresh_s + run->policy.jitter_s >= run->policy.validity_s) {
        return problem_set(run->problem, BAD_ARGUMENT,
                           "%s: signatures valid for %u s would be due for renewal at once: "
                           "lengthen the validity, or shorten refresh and jitter",
                           name, run->policy.validity_s);
    }
    size_t key_signers = 0;
    size_t zone_signers = 0;
    for (size_t i = 0; i < run->key_count; i++) {
        const struct zone_key *key = &run->keys[i];
        require(key->signing.key != NULL || (!key->signs_keys && !key->signs_zone));
        key_signers += key->signs_keys;
        zone_signers += key->signs_zone;
    }
    if (key_signers == 0 || zone_signers == 0) {
        return problem_set(run->problem, BAD_ARGUMENT, "%s has no key that signs the %s", name,
                           key_signers == 0 ? "DNSKEY set" : "zone");
    }
    return OK;
}

/* A signature of the version before is known by tag and algorithm; it is ours only when that named
 * one key there. */
static bool key_was_published(const struct sign_run *run, const struct dnskey *dnskey)
{
    const struct rrset *set = zone_find_rrset(run->before, run->apex, TYPE_DNSKEY);
    if (set == NULL) {
        return false;
    }
    bool is_there = false;
    size_t same_tag = 0;
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(set); rrset_next(&cursor, &rdata);) {
        struct dnskey other;
        if (dnskey_read(rdata, &other) == OK && other.tag == dnskey->tag &&
            other.algorithm == dnskey->algorithm) {
            same_tag++;
            is_there = is_there || span_equal(rdata, dnskey->rdata);
        }
    }
    return is_there && same_tag == 1;
}

/* Whether the key signs RRsets of that type (RFC 8078 §6: CDS and CDNSKEY as DNSKEY). */
static bool key_signs(const struct zone_key *key, uint16_t type)
{
    bool is_key_set = type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
    return is_key_set ? key->signs_keys : key->signs_zone;
}

static bool rrset_is_same(const struct rrset *a, const struct rrset *b)
{
    return a != NULL && b != NULL && a->ttl_s == b->ttl_s &&
           span_equal(span_of(a->rdata, a->rdata_len), span_of(b->rdata, b->rdata_len));
}

/* The signature by that key which stands in the version before and has life left; false if none. */
static bool rrsig_find_reusable(const struct sign_run *run, const struct rrset *rrsigs,
                                const struct zone_key *key, uint32_t ttl_s, struct span *found)
{
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) != OK || rrsig.tag != key->signing.dnskey.tag ||
            rrsig.algorithm != key->signing.dnskey.algorithm) {
            continue;
        }
        int64_t expiration_s = rrsig_time_s(rrsig.expiration_s, run->now_s);
        int64_t inception_s = rrsig_time_s(rrsig.inception_s, run->now_s);
        if (expiration_s - run->now_s > run->policy.refresh_s && inception_s <= run->now_s &&
            rrsig.original_ttl_s == ttl_s && name_equal(rrsig.signer, run->apex)) {
            *found = rdata;
            return true;
        }
    }
    return false;
}

static void run_note_expiration(struct sign_run *run, struct span rrsig_rdata)
{
    struct rrsig rrsig;
    if (rrsig_read(rrsig_rdata, &rrsig) == OK) {
        int64_t expiration_s = rrsig_time_s(rrsig.expiration_s, run->now_s);
        run->earliest_s = expiration_s < run->earliest_s ? expiration_s : run->earliest_s;
    }
}

static enum status rrsig_make(struct sign_run *run, const struct rrset *rrset,
                              const struct zone_key *key, struct writer *rdata)
{
    /* Spread by what is signed, so that not everything is due at once, and the same each time. */
    uint32_t early_s =
        (uint32_t)(name_hash(rrset->owner, rrset->type) % (run->policy.jitter_s + 1ULL));
    struct sign_times times = {.inception_s = run->now_s - run->policy.inception_offset_s,
                               .expiration_s = run->now_s + run->policy.validity_s - early_s};
    return sign_rrset(rrset, run->apex, &key->signing, times, &run->scratch, rdata);
}

/* Where signatures of one RRset may be taken from. */
struct rrsig_sources {
    const struct rrset *reusable; /* RRSIGs of the same RRset before; NULL: none serves */
    bool is_only_counted;         /* make none; say how many would be missing */
    size_t missing;
};

static enum status rrsigs_make(struct sign_run *run, const struct rrset *rrset,
                               struct rrsig_sources *sources, struct rrset *rrsigs)
{
    struct rrset_builder builder;
    rrset_begin(&builder, &run->scratch, rrset->owner, TYPE_RRSIG, rrset->ttl_s);
    for (size_t i = 0; i < run->key_count; i++) {
        const struct zone_key *key = &run->keys[i];
        if (!key_signs(key, rrset->type)) {
            continue;
        }
        uint8_t bytes[RRSIG_RDATA_LEN_MAX];
        struct writer made = writer_over(bytes, sizeof bytes);
        struct span rdata;
        bool is_reused = sources->reusable != NULL && run->was_published[i] &&
                         rrsig_find_reusable(run, sources->reusable, key, rrset->ttl_s, &rdata);
        if (!is_reused) {
            sources->missing++;
            if (sources->is_only_counted) {
                continue;
            }
            enum status status = rrsig_make(run, rrset, key, &made);
            if (status != OK) {
                return status;
            }
            rdata = writer_written(&made);
        }
        run_note_expiration(run, rdata);
        rrset_add(&builder, rdata);
    }
    return rrset_finish(&builder, rrsigs);
}

static enum status run_put(struct sign_run *run, const struct rrset *rrset,
                           const struct rrset *standing)
{
    if (rrset_is_same(rrset, standing)) {
        return OK;
    }
    run->is_changed = true;
    return zone_build_set(run->next, rrset);
}

static enum status run_sign(struct sign_run *run, const struct rrset *rrset,
                            const struct zone_node *before)
{
    arena_reset(&run->scratch);
    const struct rrset *standing = before == NULL ? NULL : zone_node_rrset(before, rrset->type);
    const struct rrset *standing_rrsigs =
        before == NULL ? NULL : zone_node_rrsigs(before, rrset->type);
    bool is_same = rrset_is_same(rrset, standing);
    struct rrsig_sources sources = {.reusable = is_same ? standing_rrsigs : NULL};
    struct rrset rrsigs;
    enum status status = rrsigs_make(run, rrset, &sources, &rrsigs);
    return status == OK ? run_put(run, &rrsigs, standing_rrsigs) : status;
}

/* The SOA and ZONEMD change with every version, so here it is only asked whether they must. */
static enum status run_examine(struct sign_run *run, const struct rrset *rrset,
                               const struct zone_node *before)
{
    const struct rrset *standing = before == NULL ? NULL : zone_node_rrset(before, rrset->type);
    const struct rrset *rrsigs = before == NULL ? NULL : zone_node_rrsigs(before, rrset->type);
    if (rrsigs == NULL || !rrset_is_same(rrset, standing)) {
        run->is_changed = true;
        return OK;
    }
    arena_reset(&run->scratch);
    struct rrsig_sources sources = {.reusable = rrsigs, .is_only_counted = true};
    struct rrset kept;
    enum status status = rrsigs_make(run, rrset, &sources, &kept);
    if (status == OK && (sources.missing > 0 || !rrset_is_same(&kept, rrsigs))) {
        run->is_changed = true;
    }
    return status;
}

static enum status run_remove(struct sign_run *run, const struct rrset *rrset)
{
    struct rrset none = *rrset;
    none.count = 0;
    none.rdata_len = 0;
    run->is_changed = true;
    return zone_build_set(run->next, &none);
}

/* Does the RRset stand in the new version too, as data or as signatures of signed data? */
static bool is_wanted(const struct sign_run *run, const struct rrset *rrset,
                      const struct zone_node *node, enum chain_place place)
{
    uint16_t type = rrset->type == TYPE_RRSIG ? rrset->covers : rrset->type;
    if (type == TYPE_ZONEMD && run->policy.has_zonemd && name_equal(rrset->owner, run->apex)) {
        return true;
    }
    bool is_there = node != NULL && zone_node_rrset(node, type) != NULL;
    return is_there && (rrset->type != TYPE_RRSIG || chain_signs(place, type));
}

static enum status node_remove_unwanted(struct sign_run *run, const struct zone_node *before,
                                        const struct zone_node *node, enum chain_place place)
{
    enum status status = OK;
    for (uint16_t i = 0; before != NULL && status == OK && i < before->rrset_count; i++) {
        if (!is_wanted(run, before->rrsets[i], node, place)) {
            status = run_remove(run, before->rrsets[i]);
        }
    }
    return status;
}

static enum status node_sign(struct sign_run *run, const struct zone_node *node,
                             enum chain_place place, const struct zone_node *before)
{
    enum status status = node_remove_unwanted(run, before, node, place);
    for (uint16_t i = 0; status == OK && i < node->rrset_count; i++) {
        const struct rrset *rrset = node->rrsets[i];
        if (rrset->type == TYPE_SOA) {
            status = run_examine(run, rrset, before);
            continue;
        }
        status = run_put(run, rrset, before == NULL ? NULL : zone_node_rrset(before, rrset->type));
        if (status == OK && chain_signs(place, rrset->type)) {
            status = run_sign(run, rrset, before);
        }
    }
    return status;
}

/* One walk over the data and the version before, side by side. */
static enum status run_walk(struct sign_run *run)
{
    struct chain_walk walk;
    chain_walk_begin(&walk, run->data);
    struct zone_cursor before_cursor;
    const struct zone_node *before = NULL;
    if (run->before != NULL) {
        zone_walk(run->before, &before_cursor);
        before = zone_walk_next(&before_cursor);
    }
    enum chain_place place;
    enum status status = OK;
    const struct zone_node *node = chain_walk_next(&walk, &place);
    while (status == OK && (node != NULL || before != NULL)) {
        int order = node == NULL     ? 1
                    : before == NULL ? -1
                                     : name_compare(node->owner, before->owner);
        if (order > 0) {
            status = node_remove_unwanted(run, before, NULL, CHAIN_BELOW);
        } else {
            status = node_sign(run, node, place, order == 0 ? before : NULL);
            node = chain_walk_next(&walk, &place);
        }
        if (order >= 0) {
            before = zone_walk_next(&before_cursor);
        }
    }
    return run_fail(run, status, "signing");
}

/* YYYYMMDD00 in UTC, as operators number versions by hand. */
static uint32_t serial_of_day(int64_t now_s)
{
    uint8_t text[16];
    struct writer writer = writer_over(text, sizeof text);
    text_write_time14(&writer, now_s);
    uint64_t day = 0;
    if (writer.len < 8 || text_read_u64(span_of(text, 8), 99999999, &day) != OK) {
        return 0;
    }
    return (uint32_t)(day * 100);
}

/* A serial that is newer than the version before, whatever the policy and the owner's file say. */
static uint32_t serial_choose(const struct sign_run *run, uint32_t owners_serial)
{
    uint32_t wanted = owners_serial;
    switch (run->policy.serial) {
    case ZONE_SERIAL_KEEP:
        break;
    case ZONE_SERIAL_INCREMENT:
        wanted = run->before == NULL ? owners_serial + 1 : owners_serial;
        break;
    case ZONE_SERIAL_UNIXTIME:
        wanted = (uint32_t)run->now_s;
        break;
    case ZONE_SERIAL_DATE:
        wanted = serial_of_day(run->now_s);
        break;
    }
    if (run->before == NULL || zone_soa(run->before) == NULL) {
        return wanted;
    }
    uint32_t last = zone_serial(run->before);
    return serial_is_newer(wanted, last) ? wanted : last + 1;
}

/* The SOA with another serial, in scratch. */
static enum status soa_with_serial(struct sign_run *run, const struct rrset *soa, uint32_t serial,
                                   struct rrset *changed)
{
    uint8_t bytes[SOA_RDATA_LEN_MAX];
    struct span rdata = rrset_only(soa);
    if (rdata.len > sizeof bytes || rdata.len < 20) {
        return MALFORMED;
    }
    memcpy(bytes, rdata.bytes, rdata.len);
    struct writer writer = writer_over(bytes + rdata.len - 20, 4);
    writer_u32(&writer, serial);
    struct rrset_builder builder;
    rrset_begin(&builder, &run->scratch, soa->owner, TYPE_SOA, soa->ttl_s);
    rrset_add(&builder, span_of(bytes, rdata.len));
    return rrset_finish(&builder, changed);
}

static enum status add_keys(struct sign_run *run, struct zone_builder *builder, uint32_t ttl_s)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < run->key_count; i++) {
        const struct zone_key *key = &run->keys[i];
        struct span rdata = key->signing.dnskey.rdata;
        if (key->is_published) {
            status = zone_build_add(builder, run->apex, TYPE_DNSKEY, ttl_s, rdata);
        }
        bool is_for_parent = run->policy.has_cds && key->is_published && key->signs_keys &&
                             (key->signing.dnskey.flags & DNSKEY_FLAG_SEP) != 0;
        if (status != OK || !is_for_parent) {
            continue;
        }
        uint8_t bytes[4 + DIGEST_LEN_MAX];
        struct writer ds = writer_over(bytes, sizeof bytes);
        status = ds_make(run->apex, rdata, DS_DIGEST_SHA256, &ds);
        if (status == OK) {
            status = zone_build_add(builder, run->apex, TYPE_CDS, ttl_s, writer_written(&ds));
        }
        if (status == OK) {
            status = zone_build_add(builder, run->apex, TYPE_CDNSKEY, ttl_s, rdata);
        }
    }
    return status;
}

static enum status add_nsec3param(struct sign_run *run, struct zone_builder *builder,
                                  uint32_t ttl_s)
{
    static const uint8_t rdata[] = {1 /* SHA-1 */, 0, 0, 0, 0}; /* RFC 9276 §3.1 */
    if (run->policy.denial == ZONE_NSEC) {
        return OK;
    }
    return zone_build_add(builder, run->apex, TYPE_NSEC3PARAM, ttl_s, span_of(rdata, sizeof rdata));
}

/* The owner's data with everything a signer adds at the apex; the serial is the one before, so that
 * equal versions are seen to be equal. */
static enum status make_plain(struct sign_run *run, const struct zone *unsigned_zone,
                              struct zone **plain)
{
    struct zone *stripped = NULL;
    enum status status = zone_strip(unsigned_zone, &stripped);
    if (status != OK) {
        return status;
    }
    const struct rrset *soa = zone_soa(stripped);
    uint32_t ttl_s = run->policy.dnskey_ttl_s == 0 ? soa->ttl_s : run->policy.dnskey_ttl_s;
    struct zone_builder *builder = NULL;
    status = zone_build(run->apex, stripped, &builder);
    if (status == OK && run->before != NULL) {
        struct rrset numbered;
        status = soa_with_serial(run, soa, zone_serial(run->before), &numbered);
        if (status == OK) {
            status = zone_build_set(builder, &numbered);
        }
    }
    if (status == OK) {
        status = add_keys(run, builder, ttl_s);
    }
    if (status == OK) {
        status = add_nsec3param(run, builder, zone_negative_ttl_s(stripped));
    }
    zone_release(stripped);
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *plain = zone_build_finish(builder);
    return *plain == NULL ? NO_MEMORY : OK;
}

static enum status make_data(struct sign_run *run, const struct zone *unsigned_zone)
{
    struct zone *plain = NULL;
    enum status status = make_plain(run, unsigned_zone, &plain);
    if (status != OK) {
        return run_fail(run, status, "adding the keys");
    }
    struct zone_builder *builder = NULL;
    status = zone_build(run->apex, plain, &builder);
    if (status == OK) {
        status = chain_build(plain, run->policy.denial, run->policy.has_zonemd, builder);
    }
    zone_release(plain);
    if (status != OK) {
        zone_build_cancel(builder);
        return run_fail(run, status, "making the denial chain");
    }
    run->data = zone_build_finish(builder);
    return run_fail(run, run->data == NULL ? NO_MEMORY : OK, "making the denial chain");
}

/* Signs an RRset anew and puts both in. */
static enum status put_signed(struct sign_run *run, const struct rrset *rrset)
{
    struct rrsig_sources sources = {.reusable = NULL};
    struct rrset rrsigs;
    enum status status = zone_build_set(run->next, rrset);
    if (status == OK) {
        status = rrsigs_make(run, rrset, &sources, &rrsigs);
    }
    return status == OK ? zone_build_set(run->next, &rrsigs) : status;
}

static enum status finish_soa(struct sign_run *run, const struct zone *unsigned_zone)
{
    arena_reset(&run->scratch);
    struct rrset soa;
    enum status status = soa_with_serial(run, zone_soa(unsigned_zone),
                                         serial_choose(run, zone_serial(unsigned_zone)), &soa);
    return status == OK ? put_signed(run, &soa) : status;
}

static enum status finish_zonemd(struct sign_run *run, struct zone *version, struct zone **next)
{
    uint8_t bytes[6 + DIGEST_LEN_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u32(&rdata, zone_serial(version));
    writer_u8(&rdata, 1); /* scheme SIMPLE */
    writer_u8(&rdata, 1); /* SHA-384 */
    size_t len = 0;
    enum status status = zone_digest(version, 1, bytes + 6, &len);
    if (status != OK) {
        return status;
    }
    arena_reset(&run->scratch);
    struct rrset zonemd;
    struct rrset_builder builder;
    rrset_begin(&builder, &run->scratch, run->apex, TYPE_ZONEMD, zone_soa(version)->ttl_s);
    rrset_add(&builder, span_of(bytes, 6 + len));
    status = rrset_finish(&builder, &zonemd);
    if (status == OK) {
        status = zone_build(run->apex, version, &run->next);
    }
    if (status == OK) {
        status = put_signed(run, &zonemd);
    }
    if (status != OK) {
        return status;
    }
    *next = zone_build_finish(run->next);
    run->next = NULL;
    return *next == NULL ? NO_MEMORY : OK;
}

/* The new version gets its serial, and then what depends on everything else. */
static enum status run_finish(struct sign_run *run, const struct zone *unsigned_zone,
                              struct zone **next)
{
    enum status status = finish_soa(run, unsigned_zone);
    if (status != OK) {
        return run_fail(run, status, "signing the SOA");
    }
    struct zone *version = zone_build_finish(run->next);
    run->next = NULL;
    if (version == NULL || !run->policy.has_zonemd) {
        *next = version;
        return run_fail(run, version == NULL ? NO_MEMORY : OK, "signing");
    }
    status = finish_zonemd(run, version, next);
    zone_release(version);
    return run_fail(run, status, "making ZONEMD");
}

static enum status examine_zonemd(struct sign_run *run)
{
    if (!run->policy.has_zonemd || run->before == NULL) {
        return OK;
    }
    const struct zone_node *apex = zone_find(run->before, run->apex);
    const struct rrset *zonemd = apex == NULL ? NULL : zone_node_rrset(apex, TYPE_ZONEMD);
    if (zonemd == NULL) {
        run->is_changed = true;
        return OK;
    }
    return run_examine(run, zonemd, apex);
}

static enum status run_whole(struct sign_run *run, const struct zone *unsigned_zone,
                             struct zone **next)
{
    enum status status = run_check(run, unsigned_zone);
    if (status == OK) {
        status = make_data(run, unsigned_zone);
    }
    if (status == OK) {
        status = run_fail(run, zone_build(run->apex, run->before, &run->next), "signing");
    }
    if (status == OK) {
        status = run_walk(run);
    }
    if (status == OK) {
        status = run_fail(run, examine_zonemd(run), "signing");
    }
    if (status == OK && (run->is_changed || run->before == NULL)) {
        status = run_finish(run, unsigned_zone, next);
    }
    return status;
}

/* A little after the earliest is due, so that what is spread over a day makes a few versions and
 * not one for each RRset. */
static int64_t run_refresh_at_s(const struct sign_run *run)
{
    uint32_t gather_s = run->policy.jitter_s / 16;
    uint32_t gather_max_s = run->policy.refresh_s / 2;
    if (run->earliest_s == INT64_MAX) {
        return INT64_MAX;
    }
    return run->earliest_s - run->policy.refresh_s +
           (gather_s < gather_max_s ? gather_s : gather_max_s);
}

enum status zone_sign(const struct zone *unsigned_zone, const struct zone *before,
                      const struct zone_key *keys, size_t key_count,
                      const struct zone_sign_policy *policy, int64_t now_s, struct zone **next,
                      int64_t *refresh_at_s, struct problem *problem)
{
    struct sign_run run = {.before = before,
                           .keys = keys,
                           .key_count = key_count,
                           .policy = *policy,
                           .now_s = now_s,
                           .apex = zone_apex(unsigned_zone),
                           .earliest_s = INT64_MAX,
                           .problem = problem};
    policy_fill(&run.policy);
    arena_open(&run.scratch, SIGN_SCRATCH_MAX);
    for (size_t i = 0; before != NULL && i < key_count && i < ZONE_KEYS_MAX; i++) {
        run.was_published[i] = key_was_published(&run, &keys[i].signing.dnskey);
    }
    *next = NULL;
    enum status status = run_whole(&run, unsigned_zone, next);
    *refresh_at_s = run_refresh_at_s(&run);
    zone_build_cancel(run.next);
    zone_release(run.data);
    arena_close(&run.scratch);
    return status;
}
