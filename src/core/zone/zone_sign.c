/* The signed version of a zone: what the signer adds at the apex, which serial it gets, when it
 * wants renewal, and which of two ways leads there: all nodes, or those a change touches. */
#include "core/zone/zone_sign.h"

#include "core/base/text.h"
#include "core/zone/transfer.h"
#include "core/zone/zone_sign_part.h"
#include "core/zone/zone_verify.h"

#include <string.h>

enum {
    VALIDITY_DEFAULT_S = 14 * 86400,
    INCEPTION_OFFSET_DEFAULT_S = 3600,
    SOA_RDATA_LEN_MAX = 2 * NAME_LEN_MAX + 20
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

/* Two keys that nothing tells apart in a signature. */
static bool keys_clash(const struct zone_sign_input *input)
{
    for (size_t i = 0; i < input->key_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct zone_key *one = &input->keys[i];
            const struct zone_key *other = &input->keys[j];
            if (one->signing.key != NULL && other->signing.key != NULL &&
                one->signing.dnskey.tag == other->signing.dnskey.tag &&
                one->signing.dnskey.algorithm == other->signing.dnskey.algorithm) {
                return true;
            }
        }
    }
    return false;
}

static enum status keys_check(struct sign_run *run, const char *name)
{
    const struct zone_sign_input *input = run->input;
    if (input->key_count > ZONE_KEYS_MAX) {
        return problem_set(run->problem, LIMIT_REACHED, "%s has more than %d keys", name,
                           ZONE_KEYS_MAX);
    }
    if (keys_clash(input)) {
        return problem_set(run->problem, BAD_ARGUMENT,
                           "%s has two keys with one tag and algorithm; no resolver could tell "
                           "their signatures apart",
                           name);
    }
    size_t key_signers = 0;
    size_t zone_signers = 0;
    for (size_t i = 0; i < input->key_count; i++) {
        const struct zone_key *key = &input->keys[i];
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

static enum status run_check(struct sign_run *run)
{
    char name[NAME_TEXT_MAX];
    name_print(run->apex, name);
    if (zone_soa(run->input->unsigned_zone) == NULL) {
        return problem_set(run->problem, BAD_ARGUMENT, "%s has no SOA record", name);
    }
    if ((uint64_t)run->policy.refresh_s + run->policy.jitter_s >= run->policy.validity_s) {
        return problem_set(run->problem, BAD_ARGUMENT,
                           "%s: signatures valid for %u s would be due for renewal at once: "
                           "lengthen the validity, or shorten refresh and jitter",
                           name, run->policy.validity_s);
    }
    return keys_check(run, name);
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
uint32_t sign_serial(const struct sign_run *run)
{
    uint32_t owners_serial = run->owners_serial;
    uint32_t wanted = owners_serial;
    switch (run->policy.serial) {
    case ZONE_SERIAL_KEEP:
        break;
    case ZONE_SERIAL_INCREMENT:
        wanted = run->before == NULL ? owners_serial + 1 : owners_serial;
        break;
    case ZONE_SERIAL_UNIXTIME:
        wanted = (uint32_t)run->input->now_s;
        break;
    case ZONE_SERIAL_DATE:
        wanted = serial_of_day(run->input->now_s);
        break;
    }
    if (run->before == NULL || zone_soa(run->before) == NULL) {
        return wanted;
    }
    uint32_t last = zone_serial(run->before);
    return serial_is_newer(wanted, last) ? wanted : last + 1;
}

/* The SOA with another serial. */
static enum status soa_with_serial(const struct rrset *soa, uint32_t serial, struct arena *arena,
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
    rrset_begin(&builder, arena, soa->owner, TYPE_SOA, soa->ttl_s);
    rrset_add(&builder, span_of(bytes, rdata.len));
    return rrset_finish(&builder, changed);
}

/* An RRset that the signer adds at the apex, unless it is empty. */
static enum status apex_add(struct sign_run *run, struct rrset_builder *builder)
{
    struct rrset *rrset = &run->apex_rrsets[run->apex_rrset_count];
    enum status status = rrset_finish(builder, rrset);
    run->apex_rrset_count += status == OK && rrset->count > 0;
    return status;
}

/* What the parent would make of a key, as both of its forms. */
static enum status add_for_parent(const struct sign_run *run, struct span dnskey,
                                  struct rrset_builder *cds, struct rrset_builder *cdnskey)
{
    uint8_t bytes[4 + DIGEST_LEN_MAX];
    struct writer ds = writer_over(bytes, sizeof bytes);
    uint8_t digest = run->policy.cds_digest == 0 ? DS_DIGEST_SHA256 : run->policy.cds_digest;
    enum status status = ds_make(run->apex, dnskey, digest, &ds);
    rrset_add(cds, writer_written(&ds));
    rrset_add(cdnskey, dnskey);
    return status;
}

/* "0 0 0 00" and "0 3 0 AA==" (RFC 8078 §4). */
static void add_deletion(struct rrset_builder *cds, struct rrset_builder *cdnskey)
{
    static const uint8_t no_ds[] = {0, 0, 0, 0, 0};
    static const uint8_t no_key[] = {0, 0, 3, 0, 0};
    rrset_add(cds, span_of(no_ds, sizeof no_ds));
    rrset_add(cdnskey, span_of(no_key, sizeof no_key));
}

static enum status apex_add_keys(struct sign_run *run, uint32_t ttl_s)
{
    struct rrset_builder dnskey, cds, cdnskey, csync;
    rrset_begin(&dnskey, &run->arena, run->apex, TYPE_DNSKEY, ttl_s);
    rrset_begin(&cds, &run->arena, run->apex, TYPE_CDS, ttl_s);
    rrset_begin(&cdnskey, &run->arena, run->apex, TYPE_CDNSKEY, ttl_s);
    rrset_begin(&csync, &run->arena, run->apex, TYPE_CSYNC, ttl_s);
    enum status status = OK;
    for (size_t i = 0; status == OK && i < run->input->key_count; i++) {
        const struct zone_key *key = &run->input->keys[i];
        struct span rdata = key->signing.dnskey.rdata;
        if (key->is_published) {
            rrset_add(&dnskey, rdata);
        }
        bool is_for_parent = run->policy.has_cds && !run->policy.asks_for_no_ds &&
                             key->is_published && key->signs_keys &&
                             (key->signing.dnskey.flags & DNSKEY_FLAG_SEP) != 0;
        if (is_for_parent) {
            status = add_for_parent(run, rdata, &cds, &cdnskey);
        }
    }
    if (run->policy.has_cds && run->policy.asks_for_no_ds) {
        add_deletion(&cds, &cdnskey);
    }
    sign_add_csync(run, &csync);
    struct rrset_builder *builders[] = {&dnskey, &cds, &cdnskey, &csync};
    for (size_t i = 0; status == OK && i < LEN(builders); i++) {
        status = apex_add(run, builders[i]);
    }
    return status;
}

static enum status apex_add_nsec3param(struct sign_run *run)
{
    static const uint8_t rdata[] = {NSEC3_HASH_SHA1, 0, 0, 0, 0}; /* RFC 9276 §3.1 */
    struct rrset_builder builder;
    rrset_begin(&builder, &run->arena, run->apex, TYPE_NSEC3PARAM, run->denial_ttl_s);
    if (run->policy.denial != ZONE_NSEC) {
        rrset_add(&builder, span_of(rdata, sizeof rdata));
    }
    return apex_add(run, &builder);
}

/* A newer number in the owner's SOA is a change by itself where the policy follows the owner. */
static bool asks_for_serial(const struct sign_run *run)
{
    bool follows_owner =
        run->policy.serial == ZONE_SERIAL_KEEP || run->policy.serial == ZONE_SERIAL_INCREMENT;
    return follows_owner && run->before != NULL && zone_soa(run->before) != NULL &&
           serial_is_newer(run->owners_serial, zone_serial(run->before));
}

static enum status run_prepare(struct sign_run *run)
{
    const struct zone *data = run->input->unsigned_zone;
    const struct rrset *soa = zone_soa(data);
    run->owners_serial = zone_serial(data);
    run->denial_ttl_s = zone_negative_ttl_s(data);
    run->is_changed = asks_for_serial(run);
    uint32_t serial = run->before == NULL ? run->owners_serial : zone_serial(run->before);
    enum status status = soa_with_serial(soa, serial, &run->arena, &run->soa);
    if (status == OK) {
        status = apex_add_keys(run, run->policy.dnskey_ttl_s == 0 ? soa->ttl_s
                                                                  : run->policy.dnskey_ttl_s);
    }
    if (status == OK) {
        status = apex_add_nsec3param(run);
    }
    for (size_t i = 0; run->before != NULL && i < run->input->key_count; i++) {
        run->was_published[i] = key_was_published(run, &run->input->keys[i].signing.dnskey);
    }
    return status == OK ? sign_workers_open(run) : status;
}

/* Puts an RRset in with its signatures. */
static enum status put_signed(struct sign_run *run, struct zone_builder *builder,
                              const struct rrset *rrset)
{
    struct sign_worker *worker = sign_worker_take(run);
    struct rrset rrsigs;
    enum status status = sign_worker_rrsigs(worker, rrset, &rrsigs);
    if (status == OK) {
        status = zone_build_set(builder, rrset);
    }
    if (status == OK) {
        status = zone_build_set(builder, &rrsigs);
    }
    sign_worker_give(worker);
    return status;
}

static enum status finish_soa(struct sign_run *run, struct zone_builder *builder)
{
    struct rrset soa;
    enum status status = soa_with_serial(&run->soa, sign_serial(run), &run->arena, &soa);
    return status == OK ? put_signed(run, builder, &soa) : status;
}

/* The version with the digest of all of it (RFC 8976 §3.1), in place of it. */
static enum status finish_zonemd(struct sign_run *run, struct zone **version)
{
    uint8_t bytes[6 + DIGEST_LEN_MAX];
    struct writer rdata = writer_over(bytes, sizeof bytes);
    writer_u32(&rdata, zone_serial(*version));
    writer_u8(&rdata, 1); /* scheme SIMPLE */
    writer_u8(&rdata, 1); /* SHA-384 */
    size_t len = 0;
    enum status status = zone_digest(*version, 1, bytes + 6, &len);
    if (status != OK) {
        return status;
    }
    struct rrset zonemd;
    struct rrset_builder rrset;
    struct zone_builder *builder = NULL;
    rrset_begin(&rrset, &run->arena, run->apex, TYPE_ZONEMD, zone_soa(*version)->ttl_s);
    rrset_add(&rrset, span_of(bytes, 6 + len));
    status = rrset_finish(&rrset, &zonemd);
    if (status == OK) {
        status = zone_build(run->apex, *version, &builder);
    }
    if (status == OK) {
        status = put_signed(run, builder, &zonemd);
    }
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    zone_release(*version);
    *version = zone_build_finish(builder);
    return *version == NULL ? NO_MEMORY : OK;
}

/* The new version gets its serial, and then what depends on everything else. */
static enum status run_finish(struct sign_run *run, struct zone_builder *builder,
                              struct zone **next)
{
    enum status status = run_fail(run, finish_soa(run, builder), "signing the SOA");
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    *next = zone_build_finish(builder);
    if (*next == NULL) {
        return run_fail(run, NO_MEMORY, "signing");
    }
    status = run->policy.has_zonemd ? finish_zonemd(run, next) : OK;
    if (status != OK) {
        zone_release(*next);
        *next = NULL;
    }
    return run_fail(run, status, "making ZONEMD");
}

/* How many nodes of the version before were looked at; and what the workers saw change. */
static size_t run_sum_up(struct sign_run *run)
{
    size_t nodes_before = 0;
    for (unsigned i = 0; i < run->parallel->width; i++) {
        run->is_changed = run->is_changed || run->workers[i].is_changed;
        nodes_before += run->workers[i].nodes_before;
    }
    return nodes_before;
}

/* Everything but the SOA and ZONEMD; `*builder` is NULL when nothing needs to change. */
static enum status run_nodes(struct sign_run *run, struct zone_sign_report *report,
                             struct zone_builder **builder)
{
    enum status status = sign_change_serves(run) ? sign_change(run, builder) : OK;
    struct zone *version = NULL;
    report->is_incremental = *builder != NULL;
    if (status == OK && *builder == NULL) {
        run->is_given_away = run->input->gives_away;
        status = sign_whole(run, &version);
    }
    if (status != OK) {
        return run_fail(run, status, "signing");
    }
    size_t nodes_before = run_sum_up(run);
    bool is_gone =
        version != NULL && run->before != NULL && nodes_before != zone_node_count(run->before);
    run->is_changed = run->is_changed || run->before == NULL || is_gone;
    if (run->is_changed && version != NULL) {
        status = zone_build(run->apex, version, builder);
    }
    zone_release(version);
    if (!run->is_changed) {
        zone_build_cancel(*builder);
        *builder = NULL;
    }
    return run_fail(run, status, "signing");
}

/* A little after the earliest is due, so that what is spread over a day makes a few versions and
 * not one for each RRset. */
static int64_t run_refresh_at_s(const struct sign_run *run, const struct zone *version)
{
    uint32_t gather_s = run->policy.jitter_s / 16;
    uint32_t gather_max_s = run->policy.refresh_s / 2;
    int64_t earliest_s = version == NULL ? INT64_MAX : zone_earliest_expiration_s(version);
    if (earliest_s == INT64_MAX) {
        return INT64_MAX;
    }
    return earliest_s - run->policy.refresh_s + (gather_s < gather_max_s ? gather_s : gather_max_s);
}

static enum status run_all(struct sign_run *run, struct zone **next,
                           struct zone_sign_report *report)
{
    struct zone_builder *builder = NULL;
    enum status status = run_check(run);
    if (status == OK) {
        status = run_fail(run, run_prepare(run), "adding the keys");
    }
    if (status == OK) {
        status = run_nodes(run, report, &builder);
    }
    if (status != OK) {
        zone_build_cancel(builder);
        return status;
    }
    return builder == NULL ? OK : run_finish(run, builder, next);
}

enum status zone_sign(const struct zone_sign_input *input, struct zone **next,
                      struct zone_sign_report *report, struct problem *problem)
{
    struct sign_run run = {.input = input,
                           .before = input->signed_before,
                           .policy = input->policy,
                           .parallel = input->parallel == NULL ? parallel_none() : input->parallel,
                           .problem = problem};
    name_copy_to(zone_apex(input->unsigned_zone), &run.apex_buffer, &run.apex);
    policy_fill(&run.policy);
    arena_open(&run.arena, SIZE_MAX / 2); /* in proportion to the zone, which has its own limits */
    *next = NULL;
    *report = (struct zone_sign_report){.refresh_at_s = INT64_MAX};
    enum status status = run_all(&run, next, report);
    if (status == OK) {
        report->refresh_at_s = run_refresh_at_s(&run, *next != NULL ? *next : run.before);
    }
    for (unsigned i = 0; run.workers != NULL && i < run.parallel->width; i++) {
        report->rrsigs_made += run.workers[i].rrsigs_made;
        report->rrsigs_kept += run.workers[i].rrsigs_kept;
    }
    if (input->gives_away && !run.is_given_away) {
        zone_release((struct zone *)(uintptr_t)input->unsigned_zone);
    }
    sign_workers_close(&run);
    arena_close(&run.arena);
    return status;
}
