/* Which denials together prove something about a name that was never asked for, and what the answer
 * is then. Whether they prove it is for core/dnssec/denial to say, as for any other answer. */
#include "service/resolver/synthesis.h"

#include <string.h>

#include "core/base/text.h"
#include "core/dnssec/denial.h"
#include "service/resolver/cache_denial.h"
#include "service/resolver/nta.h"

enum {
    PROOF_RECORDS_MAX = 3,
    PROOF_RRSETS_MAX = 2 * (PROOF_RECORDS_MAX + 1), /* with the SOA, each with its RRSIGs */
    /* Rounds of SHA-1 for one look: a name with more labels or a zone with more iterations is asked
     * for as if nothing were known. */
    HASH_ROUNDS_MAX = 200,
    HASH_LABEL_LEN = 32
};

/* --- learning --- */

static const struct rrset *rrsigs_of(const struct rrset *rrsets, size_t count,
                                     const struct rrset *covered)
{
    for (size_t i = 0; i < count; i++) {
        if (rrsets[i].type == TYPE_RRSIG && rrsets[i].covers == covered->type &&
            name_equal(rrsets[i].owner, covered->owner)) {
            return &rrsets[i];
        }
    }
    return NULL;
}

static void denial_learn(struct resolver *resolver, const struct cache_entry *entry,
                         struct name zone, const struct rrset *rrset)
{
    int64_t now_ns = resolver->now.mono_ns;
    int64_t limit_ns = now_ns + (int64_t)resolver->options.negative_ttl_max_s * MOMENT_NS_PER_S;
    struct denial_draft draft = {
        .zone = zone,
        .rrset = rrset,
        .rrsigs = rrsigs_of(entry->authority, entry->authority_count, rrset),
        .expires_ns = entry->expires_ns < limit_ns ? entry->expires_ns : limit_ns};
    if (draft.rrsigs != NULL && draft.expires_ns > now_ns) {
        denials_put(cache_denials(resolver->cache), &draft, now_ns);
    }
}

/* The RRset under the name that it was signed for, which is an answer for that name, too. */
static void wildcard_learn(struct resolver *resolver, const struct cache_entry *entry,
                           uint8_t encloser_labels)
{
    struct name_buffer buffer;
    struct name wildcard;
    if (entry->answer_count < 2 || entry->kind != CACHE_POSITIVE ||
        name_make_wildcard(name_ancestor(entry->name, encloser_labels), &buffer, &wildcard) != OK) {
        return;
    }
    struct rrset pair[] = {entry->answer[0], entry->answer[1]};
    pair[0].owner = wildcard;
    pair[1].owner = wildcard;
    const struct cache_draft draft = {.name = wildcard,
                                      .type = entry->type,
                                      .kind = CACHE_POSITIVE,
                                      .rank = CACHE_RANK_ANSWER,
                                      .answer = pair,
                                      .answer_count = LEN(pair)};
    struct cache_entry *made = cache_entry_make(&draft, entry->expires_ns);
    if (made != NULL) {
        struct judgement secure = {.verdict = VERDICT_SECURE, .ede = EDE_NONE};
        cache_entry_judge(made, &secure, made->expires_ns);
        cache_put(resolver->cache, made, resolver->now.mono_ns);
        cache_entry_release(made);
    }
}

void synthesis_learn(struct resolver *resolver, const struct cache_entry *entry,
                     const struct chain_result *result)
{
    if (!resolver->options.reuses_denials || result->judgement.verdict != VERDICT_SECURE) {
        return;
    }
    const struct chain_proof *proof = &result->proof;
    for (size_t i = 0; i < proof->count; i++) {
        denial_learn(resolver, entry, proof->zone, proof->rrsets[i]);
    }
    for (size_t i = 0; i < entry->authority_count && proof->count > 0; i++) {
        const struct rrset *rrset = &entry->authority[i];
        if (rrset->type == TYPE_SOA && name_equal(rrset->owner, proof->zone)) {
            denial_learn(resolver, entry, proof->zone, rrset);
        }
    }
    if (result->is_wildcard && proof->count > 0) {
        wildcard_learn(resolver, entry, proof->wildcard_labels);
    }
}

/* --- finding --- */

/* What is to be proved about `name`, and the records that may do so. records[0] covers the name, or
 * the one that is closer to it than its closest encloser, or is at the name. */
struct proof {
    struct denial_zone *zone;
    struct name name;
    int64_t now_ns;
    enum denial_kind kind;
    struct cache_entry *records[PROOF_RECORDS_MAX];
    size_t count;
    bool has_wildcard; /* there is one for the name: `wildcard` */
    struct name wildcard;
    struct name_buffer wildcard_octets;
};

static struct cache_entry *proof_add(struct proof *proof, struct cache_entry *record)
{
    for (size_t i = 0; i < proof->count; i++) {
        if (proof->records[i] == record) {
            return record;
        }
    }
    if (record != NULL) {
        proof->records[proof->count++] = record;
    }
    return record;
}

/* False where no such name can exist. */
static bool wildcard_make(struct proof *proof, uint8_t encloser_labels)
{
    return name_make_wildcard(name_ancestor(proof->name, encloser_labels), &proof->wildcard_octets,
                              &proof->wildcard) == OK;
}

static bool gather_nsec(struct proof *proof)
{
    struct cache_entry *at =
        proof_add(proof, denial_zone_before(proof->zone, proof->name, proof->now_ns));
    struct nsec nsec;
    if (at == NULL || nsec_read(rrset_only(&at->answer[0]), &nsec) != OK) {
        return false;
    }
    proof->kind = DENIAL_TYPE;
    if (name_equal(at->name, proof->name) || name_is_below(nsec.next, proof->name)) {
        return true;
    }
    if (name_compare(proof->name, nsec.next) >= 0 && !name_equal(nsec.next, proof->zone->name)) {
        return false;
    }
    uint8_t with_owner = name_common_labels(proof->name, at->name);
    uint8_t with_next = name_common_labels(proof->name, nsec.next);
    proof->kind = DENIAL_NAME;
    if (!wildcard_make(proof, with_owner > with_next ? with_owner : with_next)) {
        return true;
    }
    struct cache_entry *wild =
        proof_add(proof, denial_zone_before(proof->zone, proof->wildcard, proof->now_ns));
    proof->has_wildcard = wild != NULL && name_equal(wild->name, proof->wildcard);
    proof->kind = proof->has_wildcard ? DENIAL_TYPE : DENIAL_NAME;
    return wild != NULL;
}

/* The record at the hash of `name` or before it. */
static struct cache_entry *hashed_before(const struct proof *proof, struct name name, bool *is_at)
{
    const struct denial_zone *zone = proof->zone;
    uint8_t hash[NSEC3_HASH_LEN];
    uint8_t label[HASH_LABEL_LEN];
    struct name_buffer buffer;
    struct name owner;
    struct writer writer = writer_over(label, sizeof label);
    *is_at = false;
    if (nsec3_hash(name, span_of(zone->salt, zone->salt_len), zone->iterations, hash) != OK) {
        return NULL;
    }
    text_write_base32hex(&writer, span_of(hash, sizeof hash));
    if (name_make_child(writer_written(&writer), zone->name, &buffer, &owner) != OK) {
        return NULL;
    }
    struct cache_entry *record = denial_zone_before(proof->zone, owner, proof->now_ns);
    *is_at = record != NULL && name_equal(record->name, owner);
    return record;
}

/* The closest encloser proof of RFC 5155 §7.2.1. The name itself first, then from the apex down: a
 * long name that nobody has costs as little as a short one, and nobody is asked about it. */
static bool gather_nsec3(struct proof *proof)
{
    bool is_at = false;
    int rounds_left = HASH_ROUNDS_MAX - (proof->zone->iterations + 1);
    struct cache_entry *record = hashed_before(proof, proof->name, &is_at);
    struct cache_entry *encloser = NULL;
    uint8_t labels = proof->zone->name.label_count;
    proof->kind = DENIAL_TYPE;
    if (is_at) {
        return proof_add(proof, record) != NULL;
    }
    for (;; labels++) {
        rounds_left -= proof->zone->iterations + 1;
        record = rounds_left < 0 || labels > proof->name.label_count
                     ? NULL
                     : hashed_before(proof, name_ancestor(proof->name, labels), &is_at);
        if (record == NULL) {
            return false;
        }
        if (!is_at) {
            break;
        }
        encloser = record;
    }
    proof_add(proof, record);
    if (encloser == NULL || !wildcard_make(proof, (uint8_t)(labels - 1))) {
        return false;
    }
    proof_add(proof, encloser);
    struct cache_entry *wild = hashed_before(proof, proof->wildcard, &proof->has_wildcard);
    proof->kind = proof->has_wildcard ? DENIAL_TYPE : DENIAL_NAME;
    return proof_add(proof, wild) != NULL;
}

static bool is_proved(const struct proof *proof, const struct denial_question *question,
                      size_t record_count)
{
    struct denial_budget budget = {.hashes_left = CHAIN_HASHES_MAX};
    const struct rrset *rrsets[PROOF_RECORDS_MAX];
    char reason[VERDICT_REASON_MAX];
    for (size_t i = 0; i < record_count; i++) {
        rrsets[i] = &proof->records[i]->answer[0];
    }
    return denial_check(question, rrsets, record_count, &budget, reason) == DENIAL_PROVED;
}

/* --- making --- */

/* The answer while it is put together. */
struct made {
    struct rrset authority[PROOF_RRSETS_MAX];
    struct cache_draft draft;
    int64_t expires_ns;
};

static void made_add(struct made *made, const struct cache_entry *record)
{
    for (size_t i = 0; i < record->answer_count; i++) {
        made->authority[made->draft.authority_count++] = record->answer[i];
    }
    made->expires_ns =
        record->expires_ns < made->expires_ns ? record->expires_ns : made->expires_ns;
}

static struct cache_entry *made_keep(struct resolver *resolver, struct made *made,
                                     const struct proof *proof, size_t record_count)
{
    for (size_t i = 0; i < record_count; i++) {
        made_add(made, proof->records[i]);
    }
    made->draft.authority = made->authority;
    made->draft.rank = CACHE_RANK_ANSWER;
    struct cache_entry *entry = cache_entry_make(&made->draft, made->expires_ns);
    if (entry != NULL) {
        struct judgement secure = {.verdict = VERDICT_SECURE, .ede = EDE_NONE};
        cache_entry_judge(entry, &secure, entry->expires_ns);
        cache_put(resolver->cache, entry, resolver->now.mono_ns);
        resolver->stats.synthesised++;
    }
    return entry;
}

static struct cache_entry *make_denial(struct resolver *resolver, const struct proof *proof,
                                       uint16_t type)
{
    const struct denial_question question = {
        .kind = proof->kind, .zone = proof->zone->name, .name = proof->name, .type = type};
    const struct cache_entry *soa = proof->zone->soa;
    if (soa == NULL || soa->expires_ns <= proof->now_ns ||
        !is_proved(proof, &question, proof->count)) {
        return NULL;
    }
    bool is_name = proof->kind == DENIAL_NAME;
    /* As of an answer from the zone: a DS is denied by the parent, which says nothing about other
     * types. */
    struct made made = {.draft = {.name = proof->name,
                                  .type = is_name && type != TYPE_DS ? 0 : type,
                                  .kind = is_name ? CACHE_NXDOMAIN : CACHE_NODATA},
                        .expires_ns = INT64_MAX};
    made_add(&made, soa);
    return made_keep(resolver, &made, proof, proof->count);
}

static struct cache_entry *secure_find(struct resolver *resolver, struct name name, uint16_t type)
{
    int64_t now_ns = resolver->now.mono_ns;
    struct cache_entry *entry = cache_find(resolver->cache, name, type, now_ns);
    bool is_secure = entry != NULL && entry->kind == CACHE_POSITIVE && entry->answer_count == 2 &&
                     cache_entry_verdict(entry, now_ns) == VERDICT_SECURE;
    return is_secure ? entry : NULL;
}

/* RFC 8198 §5.3. */
static struct cache_entry *make_from_wildcard(struct resolver *resolver, const struct proof *proof,
                                              uint16_t type)
{
    const struct denial_question question = {.kind = DENIAL_CLOSER_NAME,
                                             .zone = proof->zone->name,
                                             .name = proof->name,
                                             .encloser_labels =
                                                 (uint8_t)(proof->wildcard.label_count - 1)};
    const struct cache_entry *source = secure_find(resolver, proof->wildcard, type);
    if (source == NULL && type != TYPE_CNAME && type != TYPE_DS) {
        source = secure_find(resolver, proof->wildcard, TYPE_CNAME);
    }
    if (source == NULL || !is_proved(proof, &question, 1)) {
        return NULL;
    }
    struct rrset pair[] = {source->answer[0], source->answer[1]};
    pair[0].owner = proof->name;
    pair[1].owner = proof->name;
    struct made made = {.draft = {.name = proof->name,
                                  .type = source->type,
                                  .kind = CACHE_POSITIVE,
                                  .answer = pair,
                                  .answer_count = LEN(pair)},
                        .expires_ns = source->expires_ns};
    return made_keep(resolver, &made, proof, 1);
}

struct cache_entry *synthesis_find(struct resolver *resolver, const struct query *query)
{
    uint16_t type = query->client.question.type;
    bool is_parents = type == TYPE_DS && !name_is_root(query->name);
    if (!resolver->options.reuses_denials || query_looks_only(query) ||
        (query->client.flags & FLAG_CD) != 0) {
        return NULL;
    }
    struct denials *denials = cache_denials(resolver->cache);
    struct proof proof = {
        .zone = denials_find(denials, is_parents ? name_parent(query->name) : query->name),
        .name = query->name,
        .now_ns = resolver->now.mono_ns};
    if (proof.zone == NULL || nta_find(resolver, query->name, type) != NULL ||
        !(proof.zone->type == TYPE_NSEC3 ? gather_nsec3(&proof) : gather_nsec(&proof))) {
        return NULL;
    }
    struct cache_entry *entry =
        proof.has_wildcard ? make_from_wildcard(resolver, &proof, type) : NULL;
    return entry != NULL ? entry : make_denial(resolver, &proof, type);
}
