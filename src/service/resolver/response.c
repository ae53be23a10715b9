/* Which records of a response are believed. Everything else in it is as if it had not come: an
 * authoritative server may speak about the name it was asked for, inside the zone it was asked for,
 * and about nothing else (RFC 5452 §6, RFC 2181 §5.4.1). */
#include "service/resolver/response.h"

#include "core/dns/rdata.h"
#include "core/dnssec/dnskey.h"
#include "service/resolver/resolver_limits.h"

static bool is_in_zone(struct name name, const struct response_question *question)
{
    return name_is_at_or_below(name, question->zone);
}

static const struct rrset *section_find(const struct message *message, enum section section,
                                        struct name owner, uint16_t type, uint16_t covers)
{
    const struct message_section *found = &message->sections[section];
    for (size_t i = 0; i < found->count; i++) {
        const struct rrset *rrset = &found->rrsets[i];
        if (rrset->type == type && rrset->covers == covers && rrset->class_ == CLASS_IN &&
            rrset->count > 0 && name_equal(rrset->owner, owner)) {
            return rrset;
        }
    }
    return NULL;
}

static void fail(struct response *response, enum response_kind kind, const char *reason)
{
    response->kind = kind;
    response->reason = reason;
}

/* RFC 2181 §8: a TTL with the top bit set is 0. */
static uint32_t ttl_of(const struct rrset *rrset)
{
    return rrset->ttl_s > INT32_MAX ? 0 : rrset->ttl_s;
}

static uint32_t ttl_smallest(const struct cache_draft *draft)
{
    uint32_t ttl_s = INT32_MAX;
    for (size_t i = 0; i < draft->answer_count; i++) {
        uint32_t one_s = ttl_of(&draft->answer[i]);
        ttl_s = one_s < ttl_s ? one_s : ttl_s;
    }
    for (size_t i = 0; i < draft->authority_count; i++) {
        uint32_t one_s = ttl_of(&draft->authority[i]);
        ttl_s = one_s < ttl_s ? one_s : ttl_s;
    }
    return ttl_s;
}

/* An RRset and the signatures over it, from one section. */
static enum status pair_take(const struct message *message, enum section section,
                             const struct rrset *rrset, struct arena *scratch,
                             const struct rrset **pair, size_t *count)
{
    const struct rrset *rrsig =
        section_find(message, section, rrset->owner, TYPE_RRSIG, rrset->type);
    struct rrset *taken = arena_take_array(scratch, 2, sizeof *taken);
    if (taken == NULL) {
        return NO_MEMORY;
    }
    taken[0] = *rrset;
    *count = 1;
    if (rrsig != NULL) {
        taken[(*count)++] = *rrsig;
    }
    *pair = taken;
    bool is_large = rrset->count > RESOLVER_RECORDS_MAX ||
                    (rrsig != NULL && rrsig->count > RESOLVER_RECORDS_MAX);
    return is_large ? LIMIT_REACHED : OK;
}

static bool is_denial_type(uint16_t type)
{
    return type == TYPE_NSEC || type == TYPE_NSEC3;
}

/* The zone's denial records with their signatures, and the SOA when `soa` is not NULL. */
static void proofs_take(const struct message *message, const struct response_question *question,
                        const struct rrset *soa, struct arena *scratch, struct cache_draft *draft)
{
    const struct message_section *authority = &message->sections[SECTION_AUTHORITY];
    struct rrset *taken = arena_take_array(scratch, RESOLVER_PROOF_RRSETS_MAX, sizeof *taken);
    if (taken == NULL) {
        return;
    }
    size_t count = 0;
    if (soa != NULL) {
        taken[count++] = *soa;
    }
    for (size_t i = 0; i < authority->count && count < RESOLVER_PROOF_RRSETS_MAX; i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        bool is_soa_rrsig = soa != NULL && rrset->type == TYPE_RRSIG && rrset->covers == TYPE_SOA &&
                            name_equal(rrset->owner, soa->owner);
        bool is_denial = is_denial_type(rrset->type) ||
                         (rrset->type == TYPE_RRSIG && is_denial_type(rrset->covers));
        if ((is_soa_rrsig || is_denial) && rrset->class_ == CLASS_IN &&
            is_in_zone(rrset->owner, question) && rrset->count <= RESOLVER_RECORDS_MAX) {
            taken[count++] = *rrset;
        }
    }
    draft->authority = taken;
    draft->authority_count = count;
}

/* Fewer labels signed than the owner has: made from a wildcard, which needs a proof (RFC 4035
 * §5.3.4). */
static bool is_from_wildcard(const struct rrset *rrsigs)
{
    struct rrset_cursor cursor = rrset_first(rrsigs);
    for (struct span rdata; rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) == OK && rrsig.labels < rrsigs->owner.label_count) {
            return true;
        }
    }
    return false;
}

static void read_positive(const struct message *message, const struct response_question *question,
                          const struct rrset *rrset, struct arena *scratch,
                          struct response *response)
{
    struct cache_draft *draft = &response->draft;
    *draft = (struct cache_draft){.name = rrset->owner,
                                  .type = rrset->type,
                                  .kind = CACHE_POSITIVE,
                                  .rank = CACHE_RANK_ANSWER};
    enum status status =
        pair_take(message, SECTION_ANSWER, rrset, scratch, &draft->answer, &draft->answer_count);
    if (status != OK) {
        fail(response, RESPONSE_FAILED, "an RRset with too many records");
        return;
    }
    if (draft->answer_count == 2 && is_from_wildcard(&draft->answer[1])) {
        proofs_take(message, question, NULL, scratch, draft);
    }
    response->kind = RESPONSE_DATA;
    response->ttl_s = ttl_smallest(draft);
}

/* The DNAME that covers the name, when there is one in the answer. Names below a DNAME do not exist
 * (RFC 6672 §2.4), so it comes before any record of the name itself: the CNAME beside it is
 * synthesised and unsigned. */
static const struct rrset *dname_find(const struct message *message,
                                      const struct response_question *question)
{
    const struct message_section *answer = &message->sections[SECTION_ANSWER];
    for (size_t i = 0; i < answer->count; i++) {
        const struct rrset *rrset = &answer->rrsets[i];
        if (rrset->type == TYPE_DNAME && rrset->class_ == CLASS_IN && rrset->count == 1 &&
            name_is_below(question->name, rrset->owner) && is_in_zone(rrset->owner, question)) {
            return rrset;
        }
    }
    return NULL;
}

static const struct rrset *positive_find(const struct message *message,
                                         const struct response_question *question)
{
    const struct rrset *dname = dname_find(message, question);
    if (dname != NULL) {
        return dname;
    }
    const struct rrset *exact =
        section_find(message, SECTION_ANSWER, question->name, question->type, 0);
    if (exact != NULL) {
        return exact;
    }
    return section_find(message, SECTION_ANSWER, question->name, TYPE_CNAME, 0);
}

/* The SOA of a zone that the name is in, and that the server may speak for. For a DS question it is
 * the parent's, so never that of the name itself (RFC 4035 §3.1.4.1), unless it is the root's. */
static const struct rrset *soa_find(const struct message *message,
                                    const struct response_question *question)
{
    const struct message_section *authority = &message->sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        bool is_child = question->type == TYPE_DS && rrset->owner.label_count > 0 &&
                        name_equal(question->name, rrset->owner);
        if (rrset->type == TYPE_SOA && rrset->class_ == CLASS_IN && rrset->count == 1 &&
            name_is_at_or_below(question->name, rrset->owner) && !is_child &&
            is_in_zone(rrset->owner, question)) {
            return rrset;
        }
    }
    return NULL;
}

/* RFC 2308 §5: the smaller of the SOA's TTL and its MINIMUM field. */
static uint32_t negative_ttl(const struct rrset *soa, uint32_t ttl_s)
{
    struct span rdata = rrset_only(soa);
    if (rdata.len < 4) {
        return 0;
    }
    struct reader reader = reader_over(span_part(rdata, rdata.len - 4, 4));
    uint32_t minimum_s = reader_u32(&reader);
    return minimum_s < ttl_s ? minimum_s : ttl_s;
}

static void read_negative(const struct message *message, const struct response_question *question,
                          const struct rrset *soa, struct arena *scratch, struct response *response)
{
    bool is_nxdomain = message->rcode == RCODE_NXDOMAIN;
    struct cache_draft *draft = &response->draft;
    /* A DS is denied by the parent: that says nothing about other types of the name. */
    bool is_whole_name = is_nxdomain && question->type != TYPE_DS;
    *draft = (struct cache_draft){.name = question->name,
                                  .type = is_whole_name ? 0 : question->type,
                                  .asked_type = question->type,
                                  .kind = is_nxdomain ? CACHE_NXDOMAIN : CACHE_NODATA,
                                  .rank = CACHE_RANK_ANSWER};
    proofs_take(message, question, soa, scratch, draft);
    response->kind = RESPONSE_DATA;
    /* Without an SOA nobody says for how long: passed on, not kept (RFC 2308 §5). */
    response->ttl_s = soa == NULL ? 0 : negative_ttl(soa, ttl_smallest(draft));
}

/* --- referrals --- */

static const struct rrset *ns_find(const struct message *message)
{
    const struct message_section *authority = &message->sections[SECTION_AUTHORITY];
    for (size_t i = 0; i < authority->count; i++) {
        const struct rrset *rrset = &authority->rrsets[i];
        if (rrset->type == TYPE_NS && rrset->class_ == CLASS_IN && rrset->count > 0) {
            return rrset;
        }
    }
    return NULL;
}

/* The first RESOLVER_NS_KEPT_MAX records. */
static struct rrset ns_cut_short(const struct rrset *ns)
{
    struct rrset kept = *ns;
    if (ns->count <= RESOLVER_NS_KEPT_MAX) {
        return kept;
    }
    struct rrset_cursor cursor = rrset_first(ns);
    struct span rdata;
    for (kept.count = 0; kept.count < RESOLVER_NS_KEPT_MAX && rrset_next(&cursor, &rdata);) {
        kept.count++;
    }
    kept.rdata_len = (uint32_t)(cursor.at - ns->rdata);
    return kept;
}

static bool is_target(const struct rrset *ns, struct name owner)
{
    struct rrset_cursor cursor = rrset_first(ns);
    for (struct span rdata; rrset_next(&cursor, &rdata);) {
        struct name target;
        if (rdata_target(TYPE_NS, rdata, &target) && name_equal(target, owner)) {
            return true;
        }
    }
    return false;
}

/* Addresses of the NS inside the zone asked. Others are looked up where they belong. */
static void glue_take(const struct message *message, const struct response_question *question,
                      const struct rrset *ns, struct arena *scratch, struct cache_draft *draft)
{
    const struct message_section *additional = &message->sections[SECTION_ADDITIONAL];
    struct rrset *taken = arena_take_array(scratch, RESOLVER_SERVERS_MAX, sizeof *taken);
    if (taken == NULL) {
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < additional->count && count < RESOLVER_SERVERS_MAX; i++) {
        const struct rrset *rrset = &additional->rrsets[i];
        bool is_address = rrset->type == TYPE_A || rrset->type == TYPE_AAAA;
        if (is_address && rrset->class_ == CLASS_IN && rrset->count <= RESOLVER_SERVERS_MAX &&
            is_in_zone(rrset->owner, question) && is_target(ns, rrset->owner)) {
            taken[count++] = *rrset;
        }
    }
    draft->authority = taken;
    draft->authority_count = count;
}

static void read_referral(const struct message *message, const struct response_question *question,
                          const struct rrset *ns, struct arena *scratch, struct response *response)
{
    /* DS belongs to the parent: a referral to the very name leads away from it. */
    bool is_towards = question->type == TYPE_DS ? name_is_below(question->name, ns->owner)
                                                : name_is_at_or_below(question->name, ns->owner);
    if (!is_towards || !name_is_below(ns->owner, question->zone) || question->is_forwarded) {
        fail(response, RESPONSE_LAME, "a referral that leads nowhere");
        return;
    }
    struct rrset *kept = arena_take(scratch, sizeof *kept);
    if (kept == NULL) {
        fail(response, RESPONSE_FAILED, "out of memory");
        return;
    }
    *kept = ns_cut_short(ns);
    response->kind = RESPONSE_REFERRAL;
    response->draft = (struct cache_draft){.name = ns->owner,
                                           .type = TYPE_NS,
                                           .kind = CACHE_DELEGATION,
                                           .rank = CACHE_RANK_REFERRAL,
                                           .answer = kept,
                                           .answer_count = 1};
    glue_take(message, question, kept, scratch, &response->draft);
    response->ttl_s = ttl_smallest(&response->draft);
    const struct rrset *ds = section_find(message, SECTION_AUTHORITY, ns->owner, TYPE_DS, 0);
    if (ds == NULL) {
        return;
    }
    response->ds = (struct cache_draft){
        .name = ns->owner, .type = TYPE_DS, .kind = CACHE_POSITIVE, .rank = CACHE_RANK_REFERRAL};
    /* Without its signature it would only spoil the cache: then the DS is asked for. */
    response->has_ds = pair_take(message, SECTION_AUTHORITY, ds, scratch, &response->ds.answer,
                                 &response->ds.answer_count) == OK &&
                       response->ds.answer_count == 2;
    response->ds_ttl_s = ttl_smallest(&response->ds);
}

bool response_read_root(const struct message *message, const struct response *response,
                        struct arena *scratch, struct cache_draft *draft, uint32_t *ttl_s)
{
    const struct response_question question = {
        .name = NAME_ROOT, .type = TYPE_NS, .zone = NAME_ROOT};
    struct rrset *kept = arena_take(scratch, sizeof *kept);
    if (kept == NULL || response->kind != RESPONSE_DATA || response->draft.kind != CACHE_POSITIVE ||
        response->draft.answer[0].type != TYPE_NS) {
        return false;
    }
    *kept = ns_cut_short(&response->draft.answer[0]);
    *draft = (struct cache_draft){.name = NAME_ROOT,
                                  .type = TYPE_NS,
                                  .kind = CACHE_DELEGATION,
                                  .rank = CACHE_RANK_REFERRAL,
                                  .answer = kept,
                                  .answer_count = 1};
    glue_take(message, &question, kept, scratch, draft);
    *ttl_s = ttl_smallest(draft);
    return draft->authority_count > 0;
}

/* --- the whole --- */

static bool read_rcode(const struct message *message, const struct response_question *question,
                       struct response *response)
{
    switch (message->rcode) {
    case RCODE_NOERROR:
    case RCODE_NXDOMAIN:
    case RCODE_YXDOMAIN: /* with the DNAME that made the name too long (RFC 6672 §2.2) */
        return true;
    case RCODE_FORMERR:
    case RCODE_NOTIMP:
    case RCODE_BADVERS:
        /* Who answers with OPT understands it (RFC 6891 §7): the rcode is about something else. */
        if (question->has_edns && (!message->edns.is_present || message->rcode == RCODE_BADVERS)) {
            fail(response, RESPONSE_NO_EDNS, "no EDNS");
        } else {
            fail(response, RESPONSE_FAILED, "the server does not understand the query");
        }
        return false;
    case RCODE_REFUSED:
    case RCODE_NOTAUTH:
        fail(response, question->is_forwarded ? RESPONSE_FAILED : RESPONSE_LAME, "refused");
        return false;
    case RCODE_SERVFAIL:
        fail(response, RESPONSE_FAILED, "server failure");
        return false;
    default:
        fail(response, RESPONSE_FAILED, "an unexpected rcode");
        return false;
    }
}

void response_read(const struct message *message, const struct response_question *question,
                   struct arena *scratch, struct response *response)
{
    *response = (struct response){.kind = RESPONSE_FAILED, .reason = ""};
    if ((message->flags & FLAG_TC) != 0) {
        response->kind = RESPONSE_TRUNCATED;
        return;
    }
    if (!read_rcode(message, question, response)) {
        return;
    }
    bool is_authoritative = (message->flags & FLAG_AA) != 0 || question->is_forwarded;
    const struct rrset *positive = positive_find(message, question);
    const struct rrset *soa = soa_find(message, question);
    const struct rrset *ns = ns_find(message);
    bool has_data = positive != NULL || soa != NULL || message->rcode == RCODE_NXDOMAIN;
    if (!is_authoritative && has_data && (message->flags & FLAG_RA) != 0) {
        fail(response, RESPONSE_LAME, "a resolver's cache answered in the zone's place");
    } else if (positive != NULL) {
        read_positive(message, question, positive, scratch, response);
    } else if (message->rcode == RCODE_YXDOMAIN) {
        fail(response, RESPONSE_FAILED, "YXDOMAIN without a DNAME");
    } else if (has_data) {
        read_negative(message, question, soa, scratch, response);
    } else if (ns != NULL && !(is_authoritative && name_equal(ns->owner, question->zone))) {
        read_referral(message, question, ns, scratch, response);
    } else if (is_authoritative) {
        read_negative(message, question, NULL, scratch, response);
    } else {
        fail(response, RESPONSE_LAME, "neither an answer nor a referral");
    }
}
