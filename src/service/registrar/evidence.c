/* How an answer is turned into evidence: the findings and their words. */
#include "service/registrar/evidence.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/dnssec/sign.h"

enum { SIGNATURES_TRIED_MAX = 8, RECORDS_LOOKED_AT_MAX = 64, EDE_TEXT_MAX = 120 };

static void finding_set(struct look_probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);

static void finding_set(struct look_probe *probe, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(probe->finding, sizeof probe->finding, format, args);
    va_end(args);
}

static const struct rrset *answer_find(const struct message *message, struct name owner,
                                       uint16_t type, uint16_t covers)
{
    const struct message_section *section = &message->sections[SECTION_ANSWER];
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *rrset = &section->rrsets[i];
        if (rrset->type == type && rrset->covers == covers && name_equal(rrset->owner, owner)) {
            return rrset;
        }
    }
    return NULL;
}

/* False when the answer is no answer of an authoritative server; the finding says why. */
static bool is_authoritative(const struct message *message, const char *domain,
                             struct look_probe *probe)
{
    if (message->rcode != RCODE_NOERROR) {
        finding_set(probe, "answered %s", rcode_text(message->rcode));
        return false;
    }
    if ((message->flags & FLAG_AA) == 0) {
        finding_set(probe, "does not answer with authority for %s", domain);
        return false;
    }
    return true;
}

static bool key_find(const struct rrset *keys, const struct look_key *wanted, struct dnskey *found)
{
    struct span rdata;
    size_t left = RECORDS_LOOKED_AT_MAX;
    for (struct rrset_cursor c = rrset_first(keys); left > 0 && rrset_next(&c, &rdata); left--) {
        bool is_it = dnskey_read(rdata, found) == OK && found->flags == wanted->flags &&
                     found->protocol == DNSKEY_PROTOCOL && found->algorithm == wanted->algorithm &&
                     span_equal(found->public_key, span_of(wanted->public_key, wanted->public_len));
        if (is_it) {
            return true;
        }
    }
    return false;
}

static const char *time_text(int64_t time_s, char text[32])
{
    struct writer writer = writer_over(text, 31);
    text_write_rfc3339(&writer, time_s);
    text[writer.len] = '\0';
    return text;
}

/* Words for a signature that is not good. */
static void signature_explain(struct look_probe *probe, const struct rrsig *rrsig, uint16_t tag,
                              enum verify_result result, int64_t now_s)
{
    char time[32];
    switch (result) {
    case VERIFY_EXPIRED:
        finding_set(probe, "the signature by key %u over the DNSKEY RRset expired at %s", tag,
                    time_text(rrsig_time_s(rrsig->expiration_s, now_s), time));
        break;
    case VERIFY_NOT_YET_VALID:
        finding_set(probe, "the signature by key %u over the DNSKEY RRset is valid only from %s",
                    tag, time_text(rrsig_time_s(rrsig->inception_s, now_s), time));
        break;
    case VERIFY_GOOD:
    case VERIFY_BAD_SIGNATURE:
    case VERIFY_WRONG_SIGNER:
    case VERIFY_BAD_LABELS:
    case VERIFY_BAD_KEY:
    case VERIFY_UNKNOWN_ALGORITHM:
    case VERIFY_RESULT_COUNT:
        finding_set(probe, "the signature by key %u over the DNSKEY RRset is not valid: %s", tag,
                    verify_result_text(result));
        break;
    }
}

/* Has the key signed the DNSKEY RRset, validly now? */
static bool signature_find(const struct look *look, const struct message *message,
                           const struct rrset *keys, const struct dnskey *dnskey, int64_t now_s,
                           struct arena *scratch, struct look_probe *probe)
{
    const struct rrset *signatures = answer_find(message, look->zone, TYPE_RRSIG, TYPE_DNSKEY);
    finding_set(probe, "publishes the key %u, but no signature made with it over the DNSKEY RRset",
                dnskey->tag);
    if (signatures == NULL) {
        return false;
    }
    struct span rdata;
    size_t tried = 0;
    size_t left = RECORDS_LOOKED_AT_MAX;
    for (struct rrset_cursor c = rrset_first(signatures); left > 0 && rrset_next(&c, &rdata);
         left--) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) != OK || rrsig.tag != dnskey->tag ||
            rrsig.algorithm != dnskey->algorithm || tried++ == SIGNATURES_TRIED_MAX) {
            continue;
        }
        uint8_t labels;
        enum verify_result result =
            verify_rrsig(keys, &rrsig, look->zone, dnskey, now_s, NULL, scratch, &labels);
        if (result == VERIFY_GOOD) {
            return true;
        }
        signature_explain(probe, &rrsig, dnskey->tag, result, now_s);
    }
    return false;
}

void evidence_judge_keys(const struct look *look, const struct message *message, int64_t now_s,
                         struct arena *scratch, struct look_probe *probe)
{
    if (!is_authoritative(message, look->domain, probe)) {
        return;
    }
    const struct rrset *keys = answer_find(message, look->zone, TYPE_DNSKEY, 0);
    if (keys == NULL || keys->count == 0) {
        finding_set(probe, "has no DNSKEY record of %s: the zone is not signed there",
                    look->domain);
        return;
    }
    char worst[LOOK_FINDING_SIZE] = "";
    for (size_t i = 0; i < look->key_count; i++) {
        struct dnskey dnskey;
        if (!key_find(keys, &look->keys[i], &dnskey)) {
            finding_set(probe, "does not publish the key %u (algorithm %u, flags %u)",
                        look->keys[i].tag, look->keys[i].algorithm, look->keys[i].flags);
        } else if (signature_find(look, message, keys, &dnskey, now_s, scratch, probe)) {
            probe->keys_good |= (uint64_t)1 << i;
            continue;
        }
        if (worst[0] == '\0') {
            memcpy(worst, probe->finding, sizeof worst);
        }
    }
    if (worst[0] != '\0') {
        memcpy(probe->finding, worst, sizeof worst);
    } else {
        finding_set(probe, "publishes %s and a valid signature by it over the DNSKEY RRset",
                    look->key_count == 1 ? "the key" : "each key");
    }
}

void evidence_judge_ds(struct look *look, const struct message *message, struct look_probe *probe)
{
    if (!is_authoritative(message, look->domain, probe)) {
        return;
    }
    const struct rrset *rrset = answer_find(message, look->zone, TYPE_DS, 0);
    if (rrset == NULL || rrset->count == 0) {
        finding_set(probe, "has no DS record of %s", look->domain);
        return;
    }
    if (rrset->ttl_s > look->ds_ttl_s) {
        look->ds_ttl_s = rrset->ttl_s;
    }
    struct span rdata;
    size_t left = RECORDS_LOOKED_AT_MAX;
    for (struct rrset_cursor c = rrset_first(rrset); left > 0 && rrset_next(&c, &rdata); left--) {
        struct ds ds;
        if (ds_read(rdata, &ds) != OK || ds.digest_type != DS_DIGEST_SHA256) {
            continue;
        }
        for (size_t i = 0; i < look->key_count; i++) {
            const struct look_key *key = &look->keys[i];
            if (ds.tag == key->tag && ds.algorithm == key->algorithm &&
                span_equal(ds.digest, span_of(key->digest, KEY_DIGEST_LEN))) {
                probe->keys_good |= (uint64_t)1 << i;
            }
        }
    }
    finding_set(probe, "has %u DS record%s of %s, %s that of the key", rrset->count,
                rrset->count == 1 ? "" : "s", look->domain,
                probe->keys_good != 0 ? "with" : "without");
}

/* Does this extended error of a SERVFAIL (RFC 8914 §4) speak of the chain of trust? Others tell of
 * servers that could not be reached or of the resolver's own troubles, and prove nothing. */
static bool is_of_chain(uint16_t code)
{
    static const uint16_t codes_of_others[] = {
        13, /* cached error */
        14, /* not ready */
        20, /* not authoritative */
        21, /* not supported */
        22, /* no reachable authority */
        23, /* network error */
    };
    for (size_t i = 0; i < LEN(codes_of_others); i++) {
        if (codes_of_others[i] == code) {
            return false;
        }
    }
    return true;
}

void evidence_judge_chain(struct look *look, const struct message *message,
                          struct look_probe *probe)
{
    if (message->rcode == RCODE_SERVFAIL) {
        struct span ede;
        int text_len = 0;
        const char *text = "";
        look->chain = DOMAIN_CHAIN_BOGUS;
        if (edns_find(&message->edns, EDNS_OPTION_EDE, &ede) && ede.len >= 2) {
            text = (const char *)ede.bytes + 2;
            text_len = (int)(ede.len - 2 < EDE_TEXT_MAX ? ede.len - 2 : EDE_TEXT_MAX);
            uint16_t code = (uint16_t)(ede.bytes[0] << 8 | ede.bytes[1]);
            look->chain = is_of_chain(code) ? DOMAIN_CHAIN_BOGUS : DOMAIN_CHAIN_UNKNOWN;
        }
        finding_set(probe, "answered SERVFAIL%s%.*s", text_len > 0 ? ": " : "", text_len, text);
        return;
    }
    if (message->rcode != RCODE_NOERROR && message->rcode != RCODE_NXDOMAIN) {
        finding_set(probe, "answered %s", rcode_text(message->rcode));
        return;
    }
    bool is_secure = (message->flags & FLAG_AD) != 0;
    look->chain = is_secure ? DOMAIN_CHAIN_SECURE : DOMAIN_CHAIN_INSECURE;
    finding_set(probe, is_secure ? "validated %s (AD)" : "answered for %s without AD: insecure",
                look->domain);
}
