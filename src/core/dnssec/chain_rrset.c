/* Whether an RRset is signed by keys of its zone, and the sentence that says why not. The place
 * where signature checks are counted. */
#include "core/base/text.h"
#include "core/dnssec/chain_parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* Why an RRset was not accepted; of several reasons the last of this list is told. */
enum failure {
    FAILURE_NO_RRSIG,
    FAILURE_MALFORMED,
    FAILURE_UNKNOWN_ALGORITHM,
    FAILURE_WRONG_SIGNER,
    FAILURE_NO_KEY,
    FAILURE_NO_ZONE_KEY,
    FAILURE_ALGORITHM_MISSING,
    FAILURE_BAD_LABELS,
    FAILURE_BAD_KEY,
    FAILURE_BAD_SIGNATURE,
    FAILURE_NOT_YET_VALID,
    FAILURE_EXPIRED,
    FAILURE_COUNT
};

static const enum ede FAILURE_EDES[] = {
    [FAILURE_NO_RRSIG] = EDE_RRSIGS_MISSING,
    [FAILURE_MALFORMED] = EDE_BOGUS,
    [FAILURE_UNKNOWN_ALGORITHM] = EDE_UNSUPPORTED_ALGORITHM,
    [FAILURE_WRONG_SIGNER] = EDE_BOGUS,
    [FAILURE_NO_KEY] = EDE_DNSKEY_MISSING,
    [FAILURE_NO_ZONE_KEY] = EDE_NO_ZONE_KEY_BIT,
    [FAILURE_ALGORITHM_MISSING] = EDE_RRSIGS_MISSING,
    [FAILURE_BAD_LABELS] = EDE_BOGUS,
    [FAILURE_BAD_KEY] = EDE_BOGUS,
    [FAILURE_BAD_SIGNATURE] = EDE_BOGUS,
    [FAILURE_NOT_YET_VALID] = EDE_SIGNATURE_NOT_YET_VALID,
    [FAILURE_EXPIRED] = EDE_SIGNATURE_EXPIRED,
};
static_assert(LEN(FAILURE_EDES) == FAILURE_COUNT, "a code for each failure");

static const enum failure OF_RESULT[] = {
    [VERIFY_BAD_SIGNATURE] = FAILURE_BAD_SIGNATURE,
    [VERIFY_EXPIRED] = FAILURE_EXPIRED,
    [VERIFY_NOT_YET_VALID] = FAILURE_NOT_YET_VALID,
    [VERIFY_WRONG_SIGNER] = FAILURE_WRONG_SIGNER,
    [VERIFY_BAD_LABELS] = FAILURE_BAD_LABELS,
    [VERIFY_BAD_KEY] = FAILURE_BAD_KEY,
    [VERIFY_UNKNOWN_ALGORITHM] = FAILURE_UNKNOWN_ALGORITHM,
};
static_assert(LEN(OF_RESULT) == VERIFY_RESULT_COUNT, "a failure for each result");

/* The checks of one RRset so far. */
struct attempt {
    const struct rrset *rrset;
    const struct chain_keys *keys;
    enum failure failure;
    struct rrsig rrsig; /* the one it is about */
    int64_t now_s;
    unsigned checks;
    bool is_spent; /* the query's budget */
};

enum chain_outcome chain_say(struct chain *chain, enum chain_outcome outcome, enum ede ede,
                             const char *format, ...)
{
    static const enum verdict VERDICTS[] = {
        [CHAIN_SECURE] = VERDICT_SECURE,
        [CHAIN_INSECURE] = VERDICT_INSECURE,
        [CHAIN_BOGUS] = VERDICT_BOGUS,
        [CHAIN_INDETERMINATE] = VERDICT_INDETERMINATE,
    };
    require((unsigned)outcome < LEN(VERDICTS));
    chain->judgement.verdict = VERDICTS[outcome];
    chain->judgement.ede = ede;
    va_list args;
    va_start(args, format);
    vsnprintf(chain->judgement.reason, sizeof chain->judgement.reason, format, args);
    va_end(args);
    return outcome;
}

struct chain_section chain_answer_of(const struct evidence *evidence)
{
    return (struct chain_section){evidence->answer, evidence->answer_count};
}

struct chain_section chain_authority_of(const struct evidence *evidence)
{
    return (struct chain_section){evidence->authority, evidence->authority_count};
}

const struct rrset *chain_find(struct chain_section section, struct name owner, uint16_t type)
{
    for (size_t i = 0; i < section.count; i++) {
        const struct rrset *rrset = &section.rrsets[i];
        if (rrset->type == type && rrset->count != 0 && name_equal(rrset->owner, owner)) {
            return rrset;
        }
    }
    return NULL;
}

const struct rrset *chain_find_rrsig(struct chain_section section, const struct rrset *covered)
{
    for (size_t i = 0; i < section.count; i++) {
        const struct rrset *rrset = &section.rrsets[i];
        if (rrset->type == TYPE_RRSIG && rrset->covers == covered->type && rrset->count != 0 &&
            name_equal(rrset->owner, covered->owner)) {
            return rrset;
        }
    }
    return NULL;
}

static void attempt_note(struct attempt *attempt, enum failure failure, const struct rrsig *rrsig)
{
    if (failure > attempt->failure) {
        attempt->failure = failure;
        attempt->rrsig = *rrsig;
    }
}

static bool is_tried(const struct dnskey *dnskey, const struct rrsig *rrsig)
{
    return dnskey->tag == rrsig->tag && dnskey->algorithm == rrsig->algorithm;
}

static bool costs_a_check(enum verify_result result)
{
    return result == VERIFY_GOOD || result == VERIFY_BAD_SIGNATURE || result == VERIFY_BAD_KEY;
}

/* One signature with each key it may be by. */
static bool attempt_rrsig(struct chain *chain, struct attempt *attempt, const struct rrsig *rrsig,
                          uint8_t *wildcard_labels)
{
    const struct chain_input *input = chain->input;
    unsigned tried = 0;
    attempt_note(attempt, FAILURE_NO_KEY, rrsig);
    for (size_t i = 0; i < attempt->keys->count && tried < CHAIN_KEYS_PER_TAG_MAX; i++) {
        const struct dnskey *dnskey = &attempt->keys->keys[i];
        if (!is_tried(dnskey, rrsig)) {
            continue;
        }
        if (!dnskey_is_zone_key(dnskey)) {
            attempt_note(attempt, FAILURE_NO_ZONE_KEY, rrsig);
            continue;
        }
        if (chain->budget->signatures_left == 0) {
            attempt->is_spent = true;
            return false;
        }
        enum verify_result result =
            verify_rrsig(attempt->rrset, rrsig, attempt->keys->zone, dnskey, input->now_s,
                         input->keys, input->scratch, wildcard_labels);
        tried++;
        if (costs_a_check(result)) {
            chain->budget->signatures_left--;
            attempt->checks++;
        }
        if (result == VERIFY_GOOD) {
            return true;
        }
        attempt_note(attempt, OF_RESULT[result], rrsig);
    }
    return false;
}

/* RFC 4035 §5.3.3. */
static uint32_t life_of(const struct rrset *rrset, const struct rrset *rrsigs,
                        const struct rrsig *rrsig, int64_t now_s)
{
    int64_t life_s = rrsig_time_s(rrsig->expiration_s, now_s) - now_s;
    life_s = rrset->ttl_s < life_s ? rrset->ttl_s : life_s;
    life_s = rrsigs->ttl_s < life_s ? rrsigs->ttl_s : life_s;
    return (uint32_t)(rrsig->original_ttl_s < life_s ? rrsig->original_ttl_s : life_s);
}

/* The words about the failure, behind owner and type. */
static void describe(const struct attempt *attempt, char *words, size_t size)
{
    const struct rrsig *rrsig = &attempt->rrsig;
    const struct algorithm *algorithm = algorithm_find(rrsig->algorithm);
    char zone[NAME_TEXT_MAX], key[64], time[24] = "";
    name_print(attempt->keys->zone, zone);
    snprintf(key, sizeof key, "%u (%s)", rrsig->tag,
             algorithm == NULL ? "unknown algorithm" : algorithm->mnemonic);
    struct writer writer = writer_over(time, sizeof time - 1);
    switch (attempt->failure) {
    case FAILURE_NO_RRSIG:
        snprintf(words, size, "no RRSIG, though the zone %.100s is signed", zone);
        break;
    case FAILURE_MALFORMED:
        snprintf(words, size, "no RRSIG that is well-formed");
        break;
    case FAILURE_UNKNOWN_ALGORITHM:
        snprintf(words, size, "RRSIG by key %u uses the unsupported algorithm %u", rrsig->tag,
                 rrsig->algorithm);
        break;
    case FAILURE_WRONG_SIGNER: {
        char signer[NAME_TEXT_MAX];
        name_print(rrsig->signer, signer);
        snprintf(words, size, "RRSIG is by %.80s, not by the zone %.80s", signer, zone);
        break;
    }
    case FAILURE_NO_KEY:
        snprintf(words, size, "RRSIG is by key %s, which the zone %.100s does not have", key, zone);
        break;
    case FAILURE_NO_ZONE_KEY:
        snprintf(words, size, "key %s of %.100s is no zone key", key, zone);
        break;
    case FAILURE_ALGORITHM_MISSING:
        snprintf(words, size, "no good RRSIG of the algorithm %s, which the zone has by its DS",
                 algorithm == NULL ? "unknown" : algorithm->mnemonic);
        break;
    case FAILURE_BAD_LABELS:
        snprintf(words, size, "RRSIG by key %s has a wrong Labels field", key);
        break;
    case FAILURE_BAD_KEY:
        snprintf(words, size, "key %s of %.100s is malformed", key, zone);
        break;
    case FAILURE_BAD_SIGNATURE:
        snprintf(words, size, "RRSIG by key %s does not fit the data", key);
        break;
    case FAILURE_NOT_YET_VALID:
        text_write_rfc3339(&writer, rrsig_time_s(rrsig->inception_s, attempt->now_s));
        snprintf(words, size, "RRSIG by key %s is not valid before %s", key, time);
        break;
    case FAILURE_EXPIRED:
        text_write_rfc3339(&writer, rrsig_time_s(rrsig->expiration_s, attempt->now_s));
        snprintf(words, size, "RRSIG by key %s expired %s", key, time);
        break;
    case FAILURE_COUNT:
        break;
    }
}

static enum chain_outcome attempt_failed(struct chain *chain, const struct attempt *attempt)
{
    char owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], words[VERDICT_REASON_MAX] = "";
    name_print(attempt->rrset->owner, owner);
    type_print(attempt->rrset->type, type);
    if (attempt->is_spent) {
        return chain_say(chain, CHAIN_BOGUS, EDE_OTHER,
                         "%.120s %s: the limit of signature checks for one query was reached",
                         owner, type);
    }
    describe(attempt, words, sizeof words);
    return chain_say(chain, CHAIN_BOGUS, FAILURE_EDES[attempt->failure], "%.120s %s: %s", owner,
                     type, words);
}

/* Of several signatures what the strictest of them says holds. */
static void verified_add(struct chain_verified *verified, uint8_t labels, uint32_t life_s)
{
    verified->wildcard_labels =
        labels < verified->wildcard_labels ? labels : verified->wildcard_labels;
    verified->life_s = life_s < verified->life_s ? life_s : verified->life_s;
}

static uint8_t lowest_bit(uint32_t bits)
{
    uint8_t bit = 0;
    while (bit < 31 && (bits >> bit & 1) == 0) {
        bit++;
    }
    return bit;
}

enum chain_outcome chain_verify(struct chain *chain, const struct chain_keys *keys,
                                struct chain_section section, const struct rrset *rrset,
                                struct chain_verified *verified)
{
    struct attempt attempt = {.rrset = rrset, .keys = keys, .now_s = chain->input->now_s};
    uint32_t missing = keys->algorithms;
    *verified = (struct chain_verified){.wildcard_labels = UINT8_MAX, .life_s = UINT32_MAX};
    const struct rrset *rrsigs = chain_find_rrsig(section, rrset);
    if (rrsigs == NULL) {
        return attempt_failed(chain, &attempt);
    }
    struct span rdata;
    for (struct rrset_cursor cursor = rrset_first(rrsigs); rrset_next(&cursor, &rdata);) {
        struct rrsig rrsig;
        if (rrsig_read(rdata, &rrsig) != OK) {
            attempt_note(&attempt, FAILURE_MALFORMED, &(struct rrsig){0});
            continue;
        }
        uint8_t labels = 0;
        if (!chain_has_algorithm(chain, rrsig.algorithm)) {
            attempt_note(&attempt, FAILURE_UNKNOWN_ALGORITHM, &rrsig);
        } else if (!name_equal(rrsig.signer, keys->zone)) {
            attempt_note(&attempt, FAILURE_WRONG_SIGNER, &rrsig);
        } else if (attempt_rrsig(chain, &attempt, &rrsig, &labels)) {
            missing &= ~(UINT32_C(1) << rrsig.algorithm);
            verified_add(verified, labels, life_of(rrset, rrsigs, &rrsig, attempt.now_s));
            if (missing == 0) {
                return CHAIN_SECURE;
            }
        }
        if (attempt.is_spent || attempt.checks >= CHAIN_CHECKS_PER_RRSET_MAX) {
            break;
        }
    }
    if (verified->life_s != UINT32_MAX) {
        attempt_note(&attempt, FAILURE_ALGORITHM_MISSING,
                     &(struct rrsig){.algorithm = lowest_bit(missing)});
    }
    return attempt_failed(chain, &attempt);
}
