/* The registry's rules for keys. Each rule is a row: what must hold, the code when it does not, and
 * the sentence that reaches the domain's owner by mail, so it says what is wrong and with which
 * key. */
#include "service/registry/key_rules.h"

#include "core/dnssec/dnskey.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One key on its way in or out. */
struct key_case {
    const struct key_request *request;
    const struct epp_key *offered;
    bool is_added;
    struct dnskey dnskey; /* of the offered key, where there is one */
    struct registry_key key;
    const struct registry_key *keys; /* those the domain has at this point */
    size_t count;
    struct key_refusal *refusal;
};

static bool refuse(struct key_refusal *refusal, const char *format, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct key_refusal *refusal, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(refusal->sentence, sizeof refusal->sentence, format, args);
    va_end(args);
    return false;
}

enum { TLD_TEXT_MAX = NAME_TEXT_MAX };

static uint8_t key_algorithm_of(const struct epp_key *offered)
{
    return offered->has_ds ? offered->ds_algorithm : offered->key_algorithm;
}

/* Rules of the TLD. */

static bool tld_has_dnssec(struct key_case *key)
{
    char name[TLD_TEXT_MAX];
    return key->request->tld->has_dnssec ||
           refuse(key->refusal, "the registry of %s does not support DNSSEC",
                  name_print(key->request->tld->name, name));
}

static bool form_is_taken(struct key_case *key)
{
    static const struct {
        bool takes_ds, takes_key;
        const char *sentence;
    } forms[REGISTRY_FORM_COUNT] = {
        [REGISTRY_FORM_DS] = {true, false,
                              "keys are taken as DS records (dsData) here, not as keyData"},
        [REGISTRY_FORM_KEY] = {false, true,
                               "keys are taken as public keys (keyData) here, not as dsData"},
        [REGISTRY_FORM_EITHER] = {true, true, ""},
    };
    enum registry_form form = key->request->tld->form;
    return (key->offered->has_ds ? forms[form].takes_ds : forms[form].takes_key) ||
           refuse(key->refusal, "%s", forms[form].sentence);
}

/* Rules of the key itself. */

static bool protocol_is_3(struct key_case *key)
{
    return !key->offered->has_key || key->offered->key_protocol == DNSKEY_PROTOCOL ||
           refuse(key->refusal, "the protocol of a key must be 3, not %u (RFC 4034, 2.1.2)",
                  key->offered->key_protocol);
}

static bool is_zone_key(struct key_case *key)
{
    return !key->offered->has_key || (key->offered->key_flags & DNSKEY_FLAG_ZONE) != 0 ||
           refuse(key->refusal,
                  "the flags %u lack the zone key bit: only keys that sign zones are taken"
                  " (256 or 257)",
                  key->offered->key_flags);
}

static bool is_not_revoked(struct key_case *key)
{
    return !key->offered->has_key || (key->offered->key_flags & DNSKEY_FLAG_REVOKE) == 0 ||
           refuse(key->refusal, "the flags %u say that the key is revoked (RFC 5011)",
                  key->offered->key_flags);
}

static bool flags_are_known(struct key_case *key)
{
    uint16_t flags = key->offered->key_flags;
    return !key->offered->has_key || flags == DNSKEY_FLAGS_ZSK || flags == DNSKEY_FLAGS_KSK ||
           refuse(key->refusal, "the flags of a key must be 256 or 257, not %u", flags);
}

/* RFC 9904 and 9905: no SHA-1; what cannot be verified here is not taken either. */
static bool algorithm_is_taken(struct key_case *key)
{
    uint8_t number = key_algorithm_of(key->offered);
    const struct algorithm *algorithm = algorithm_find(number);
    if (number == ALGORITHM_RSASHA1 || number == ALGORITHM_RSASHA1_NSEC3) {
        return refuse(key->refusal,
                      "algorithm %u (%s) rests on SHA-1 and is not taken for new keys (RFC 9905)",
                      number, algorithm == NULL ? "RSASHA1" : algorithm->mnemonic);
    }
    return (algorithm != NULL && algorithm->can_sign) ||
           refuse(key->refusal,
                  "algorithm %u is not taken: use 13 (ECDSAP256SHA256), 8, 10, 14, 15 or 16",
                  number);
}

static bool algorithms_agree(struct key_case *key)
{
    const struct epp_key *offered = key->offered;
    return !offered->has_ds || !offered->has_key ||
           offered->ds_algorithm == offered->key_algorithm ||
           refuse(key->refusal, "the DS record says algorithm %u but its key says %u",
                  offered->ds_algorithm, offered->key_algorithm);
}

static bool key_is_well_formed(struct key_case *key)
{
    if (!key->offered->has_key) {
        return true;
    }
    struct key *opened = NULL;
    struct problem problem = {.status = OK};
    enum status status =
        key_of_public(key->offered->key_algorithm, key->offered->key_public, &opened, &problem);
    key_close(opened);
    return status == OK ||
           refuse(key->refusal, "this is not a public key of algorithm %u: %s",
                  key->offered->key_algorithm,
                  problem.sentence[0] == '\0' ? status_text(status) : problem.sentence);
}

/* Rules of a DS record. */

static bool digest_is_taken(struct key_case *key)
{
    uint8_t type = key->offered->ds_digest_type;
    if (!key->offered->has_ds || type == DS_DIGEST_SHA256 || type == DS_DIGEST_SHA384) {
        return true;
    }
    return type == DS_DIGEST_SHA1
               ? refuse(key->refusal, "digest type 1 (SHA-1) is not taken for new DS records"
                                      " (RFC 9905): use 2 (SHA-256)")
               : refuse(key->refusal, "digest type %u is not taken: use 2 (SHA-256) or 4 (SHA-384)",
                        type);
}

static bool digest_has_its_length(struct key_case *key)
{
    const struct epp_key *offered = key->offered;
    return !offered->has_ds || offered->ds_digest.len == ds_digest_len(offered->ds_digest_type) ||
           refuse(key->refusal, "a digest of type %u has %zu octets, not %zu",
                  offered->ds_digest_type, ds_digest_len(offered->ds_digest_type),
                  offered->ds_digest.len);
}

static bool ds_fits_its_key(struct key_case *key)
{
    const struct epp_key *offered = key->offered;
    if (!offered->has_ds || !offered->has_key) {
        return true;
    }
    const struct ds ds = {offered->ds_tag, offered->ds_algorithm, offered->ds_digest_type,
                          offered->ds_digest};
    if (ds.tag != key->dnskey.tag) {
        return refuse(key->refusal, "the key tag is %u but that of the key given with it is %u",
                      ds.tag, key->dnskey.tag);
    }
    char owner[NAME_TEXT_MAX];
    return ds_matches(&ds, key->request->owner, &key->dnskey) ||
           refuse(key->refusal,
                  "the digest with key tag %u is not that of the key given with it,"
                  " for %s",
                  ds.tag, name_print(key->request->owner, owner));
}

/* Rules of the set. */

static size_t key_find(const struct registry_key *keys, size_t count, struct span ds)
{
    size_t at = 0;
    while (at < count && !span_equal(keys[at].ds, ds)) {
        at++;
    }
    return at;
}

static uint16_t ds_tag_of(struct span ds)
{
    struct reader reader = reader_over(ds);
    return reader_u16(&reader);
}

static bool is_not_there_yet(struct key_case *key)
{
    return key_find(key->keys, key->count, key->key.ds) == key->count ||
           refuse(key->refusal, "the key with tag %u is there already", ds_tag_of(key->key.ds));
}

static bool is_there(struct key_case *key)
{
    return key_find(key->keys, key->count, key->key.ds) < key->count ||
           refuse(key->refusal, "there is no key with tag %u and this content to remove",
                  ds_tag_of(key->key.ds));
}

static bool ds_records_have_room(struct key_case *key)
{
    return key->count < REGISTRY_DS_MAX ||
           refuse(key->refusal, "a domain may have at most %d DS records", REGISTRY_DS_MAX);
}

/* When a rule is asked. */
enum key_moment {
    KEY_ADDED,   /* of each key that comes */
    KEY_REMOVED, /* of each key that goes */
    KEY_ALWAYS   /* of both */
};

static const struct key_rule {
    enum key_moment moment;
    enum epp_code code;
    bool (*holds)(struct key_case *key);
} rules[] = {
    {KEY_ALWAYS, EPP_DATA_POLICY, tld_has_dnssec},
    {KEY_ALWAYS, EPP_POLICY_ERROR, form_is_taken},
    {KEY_ADDED, EPP_POLICY_ERROR, protocol_is_3},
    {KEY_ADDED, EPP_POLICY_ERROR, is_zone_key},
    {KEY_ADDED, EPP_POLICY_ERROR, is_not_revoked},
    {KEY_ADDED, EPP_POLICY_ERROR, flags_are_known},
    {KEY_ADDED, EPP_POLICY_ERROR, algorithm_is_taken},
    {KEY_ADDED, EPP_POLICY_ERROR, algorithms_agree},
    {KEY_ADDED, EPP_VALUE_SYNTAX, key_is_well_formed},
    {KEY_ADDED, EPP_POLICY_ERROR, digest_is_taken},
    {KEY_ADDED, EPP_VALUE_SYNTAX, digest_has_its_length},
    {KEY_ADDED, EPP_POLICY_ERROR, ds_fits_its_key},
    {KEY_ADDED, EPP_EXISTS, is_not_there_yet},
    {KEY_ADDED, EPP_DATA_POLICY, ds_records_have_room},
    {KEY_REMOVED, EPP_DOES_NOT_EXIST, is_there},
};

static enum status rules_ask(struct key_case *key)
{
    for (size_t i = 0; i < LEN(rules); i++) {
        bool is_asked =
            rules[i].moment == KEY_ALWAYS || (rules[i].moment == KEY_ADDED) == key->is_added;
        if (is_asked && !rules[i].holds(key)) {
            key->refusal->code = rules[i].code;
            return REFUSED;
        }
    }
    return OK;
}

/* The records of the offered key: its DNSKEY where given, and its DS as given or, in the key form,
 * as made here with SHA-256. */
static enum status case_make(struct key_case *key, struct arena *arena)
{
    const struct epp_key *offered = key->offered;
    enum { DNSKEY_FIXED_LEN = 4, DS_FIXED_LEN = 4 };
    if (offered->has_key) {
        size_t len = DNSKEY_FIXED_LEN + offered->key_public.len;
        uint8_t *bytes = arena_take(arena, len);
        if (bytes == NULL) {
            return NO_MEMORY;
        }
        struct writer rdata = writer_over(bytes, len);
        writer_u16(&rdata, offered->key_flags);
        writer_u8(&rdata, offered->key_protocol);
        writer_u8(&rdata, offered->key_algorithm);
        writer_span(&rdata, offered->key_public);
        key->key.dnskey = writer_written(&rdata);
        if (dnskey_read(key->key.dnskey, &key->dnskey) != OK) {
            key->dnskey = (struct dnskey){0}; /* the rules say what is wrong with it */
        }
    }
    size_t len = DS_FIXED_LEN + (offered->has_ds ? offered->ds_digest.len : DIGEST_LEN_MAX);
    uint8_t *bytes = arena_take(arena, len);
    if (bytes == NULL) {
        return NO_MEMORY;
    }
    struct writer rdata = writer_over(bytes, len);
    if (!offered->has_ds) {
        enum status status =
            ds_make(key->request->owner, key->key.dnskey, DS_DIGEST_SHA256, &rdata);
        key->key.ds = writer_written(&rdata);
        return status;
    }
    writer_u16(&rdata, offered->ds_tag);
    writer_u8(&rdata, offered->ds_algorithm);
    writer_u8(&rdata, offered->ds_digest_type);
    writer_span(&rdata, offered->ds_digest);
    key->key.ds = writer_written(&rdata);
    return OK;
}

static enum status key_remove(struct key_case *key, struct registry_key *keys, size_t *count)
{
    enum status status = rules_ask(key);
    if (status == OK) {
        size_t at = key_find(keys, *count, key->key.ds);
        memmove(&keys[at], &keys[at + 1], (*count - at - 1) * sizeof keys[0]);
        (*count)--;
    }
    return status;
}

static enum status key_add(struct key_case *key, struct registry_key *keys, size_t *count)
{
    enum status status = rules_ask(key);
    if (status == OK) {
        keys[(*count)++] = key->key;
    }
    return status;
}

/* Two DS records may be two digests of one key, or of two keys. Where both keys are known, that
 * decides; else the same tag and algorithm under different digest types is taken as one key. */
static bool is_same_key(const struct registry_key *a, const struct registry_key *b)
{
    struct ds a_ds, b_ds;
    if (a->dnskey.len > 0 && b->dnskey.len > 0) {
        return span_equal(a->dnskey, b->dnskey);
    }
    return ds_read(a->ds, &a_ds) == OK && ds_read(b->ds, &b_ds) == OK && a_ds.tag == b_ds.tag &&
           a_ds.algorithm == b_ds.algorithm && a_ds.digest_type != b_ds.digest_type;
}

size_t key_rules_count(const struct registry_key *keys, size_t count)
{
    /* Each earlier record may stand for one later record: three digests of two types are two
     * keys. */
    bool is_paired[REGISTRY_DS_MAX] = {false};
    size_t key_count = 0;
    require(count <= REGISTRY_DS_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < i && (is_paired[j] || !is_same_key(&keys[j], &keys[i]))) {
            j++;
        }
        if (j < i) {
            is_paired[i] = is_paired[j] = true;
        } else {
            key_count++;
        }
    }
    return key_count;
}

static enum status result_check(const struct key_request *request, const struct registry_key *keys,
                                size_t count, struct key_refusal *refusal)
{
    size_t key_count = key_rules_count(keys, count);
    char name[NAME_TEXT_MAX];
    if (request->added_count > 0 && key_count > request->tld->keys_max) {
        refusal->code = EPP_DATA_POLICY;
        refuse(refusal, "the registry of %s takes at most %u keys for a domain; this would be %zu",
               name_print(request->tld->name, name), request->tld->keys_max, key_count);
        return REFUSED;
    }
    if (count > 0 && !request->has_hosts) {
        refusal->code = EPP_DATA_POLICY;
        refuse(refusal, "a domain without name servers cannot have keys");
        return REFUSED;
    }
    return OK;
}

enum status key_rules_apply(const struct key_request *request, struct arena *arena,
                            struct registry_key *keys, size_t *count, struct key_refusal *refusal)
{
    enum status status = OK;
    if (request->removes_all) {
        *count = 0;
    }
    for (size_t i = 0; status == OK && i < request->removed_count + request->added_count; i++) {
        bool is_added = i >= request->removed_count;
        struct key_case key = {.request = request,
                               .offered = is_added ? &request->added[i - request->removed_count]
                                                   : &request->removed[i],
                               .is_added = is_added,
                               .keys = keys,
                               .count = *count,
                               .refusal = refusal};
        status = case_make(&key, arena);
        if (status == OK) {
            status = is_added ? key_add(&key, keys, count) : key_remove(&key, keys, count);
        }
    }
    return status == OK ? result_check(request, keys, *count, refusal) : status;
}
