/* What NSEC3 records prove: hashes between an owner's and the next one belong to no name (RFC 5155
 * §8), and what that may cost (RFC 9276 §3.2). */
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/dnssec/denial_rules.h"

#include <stdio.h>
#include <string.h>

enum { HASH_LABEL_LEN = 32 }; /* 20 octets in base32hex */

enum status nsec3_read(struct span rdata, struct nsec3 *nsec3)
{
    struct reader reader = reader_over(rdata);
    nsec3->algorithm = reader_u8(&reader);
    nsec3->flags = reader_u8(&reader);
    nsec3->iterations = reader_u16(&reader);
    nsec3->salt = reader_span(&reader, reader_u8(&reader));
    nsec3->next_hash = reader_span(&reader, reader_u8(&reader));
    nsec3->bitmap = reader_rest(&reader);
    if (nsec3->next_hash.len == 0) {
        reader_fail(&reader, MALFORMED);
    }
    enum status status = reader_end(&reader);
    return status != OK ? status : bitmap_check(nsec3->bitmap);
}

enum status nsec3_hash(struct name name, struct span salt, uint16_t iterations,
                       uint8_t hash[NSEC3_HASH_LEN])
{
    uint8_t input[NAME_LEN_MAX + UINT8_MAX];
    struct name lower;
    if (salt.len > UINT8_MAX) {
        return TOO_LONG;
    }
    struct name_buffer buffer;
    name_lower_to(name, &buffer, &lower);
    memcpy(input, lower.octets, lower.len);
    size_t len = lower.len;
    for (uint32_t i = 0; i <= iterations; i++) {
        if (salt.len > 0) {
            memcpy(input + len, salt.bytes, salt.len);
        }
        digest_sha1(span_of(input, len + salt.len), hash);
        memcpy(input, hash, NSEC3_HASH_LEN);
        len = NSEC3_HASH_LEN;
    }
    return OK;
}

/* The records to prove with. All of one set of parameters: those of the first that is usable. */
struct nsec3_records {
    struct name zone;
    const struct rrset *const *rrsets;
    size_t count;
    struct span salt;
    uint16_t iterations;
    struct denial_budget *budget;
    bool is_spent; /* the budget ended in the middle */
};

struct nsec3_record {
    struct nsec3 nsec3;
    uint8_t owner[NSEC3_HASH_LEN];
};

/* False for what RFC 5155 §8.1 and §8.2 tell us to ignore, and for a record that is not directly
 * below the zone: a child's NSEC3 must not speak for its parent. */
static bool nsec3_open(const struct rrset *rrset, struct name zone, struct nsec3_record *record)
{
    if (rrset->type != TYPE_NSEC3 || rrset->count != 1 ||
        rrset->owner.label_count != zone.label_count + 1 || !name_is_below(rrset->owner, zone) ||
        nsec3_read(rrset_only(rrset), &record->nsec3) != OK ||
        record->nsec3.algorithm != NSEC3_HASH_SHA1 ||
        (record->nsec3.flags & ~NSEC3_FLAG_OPT_OUT) != 0 ||
        record->nsec3.next_hash.len != NSEC3_HASH_LEN) {
        return false;
    }
    const struct span label = name_label(rrset->owner, 0);
    struct writer owner = writer_over(record->owner, sizeof record->owner);
    return label.len == HASH_LABEL_LEN && text_read_base32hex(label, &owner) == OK &&
           owner.status == OK && owner.len == NSEC3_HASH_LEN;
}

static bool record_at(const struct nsec3_records *records, size_t index,
                      struct nsec3_record *record)
{
    return nsec3_open(records->rrsets[index], records->zone, record) &&
           record->nsec3.iterations == records->iterations &&
           span_equal(record->nsec3.salt, records->salt);
}

/* False when the budget is spent; with iterations a hash counts for more than one. */
static bool records_hash(struct nsec3_records *records, struct name name,
                         uint8_t hash[NSEC3_HASH_LEN])
{
    enum { ITERATIONS_PER_HASH = 10 };
    uint32_t cost = 1 + records->iterations / ITERATIONS_PER_HASH;
    if (records->budget->hashes_left < cost) {
        records->budget->hashes_left = 0;
        records->is_spent = true;
        return false;
    }
    records->budget->hashes_left -= cost;
    return nsec3_hash(name, records->salt, records->iterations, hash) == OK;
}

static bool find_match(const struct nsec3_records *records, const uint8_t hash[NSEC3_HASH_LEN],
                       struct nsec3_record *record)
{
    for (size_t i = 0; i < records->count; i++) {
        if (record_at(records, i, record) && memcmp(record->owner, hash, NSEC3_HASH_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static bool covers(const struct nsec3_record *record, const uint8_t hash[NSEC3_HASH_LEN])
{
    const uint8_t *next = record->nsec3.next_hash.bytes;
    bool is_behind_owner = memcmp(record->owner, hash, NSEC3_HASH_LEN) < 0;
    bool is_before_next = memcmp(hash, next, NSEC3_HASH_LEN) < 0;
    if (memcmp(record->owner, next, NSEC3_HASH_LEN) < 0) {
        return is_behind_owner && is_before_next;
    }
    /* The last record of the chain; of a chain of one, it covers all but itself. */
    return is_behind_owner || (is_before_next && memcmp(record->owner, hash, NSEC3_HASH_LEN) != 0);
}

static bool find_cover(const struct nsec3_records *records, const uint8_t hash[NSEC3_HASH_LEN],
                       struct nsec3_record *record)
{
    for (size_t i = 0; i < records->count; i++) {
        if (record_at(records, i, record) && covers(record, hash)) {
            return true;
        }
    }
    return false;
}

/* RFC 5155 §8.3. */
struct nsec3_encloser {
    bool is_name_itself;       /* an NSEC3 matches the name: `match` */
    struct nsec3_record match; /* of the closest encloser */
    uint8_t labels;            /* of the closest encloser */
    bool is_next_closer_covered;
    bool is_opt_out; /* by a span that may hide unsigned delegations */
};

/* From the apex down, because the names that cost most are long ones that nobody has: their closest
 * encloser is near the apex, and what is below the next closer name need not be hashed
 * (CVE-2023-50868). A match further down counts only where the name below the upper one is not
 * covered. */
static bool find_encloser(struct nsec3_records *records, struct name name,
                          struct nsec3_encloser *encloser)
{
    uint8_t hash[NSEC3_HASH_LEN];
    struct nsec3_record match;
    *encloser = (struct nsec3_encloser){0};
    if (!records_hash(records, name, hash)) {
        return false;
    }
    encloser->is_name_itself = find_match(records, hash, &encloser->match);
    encloser->labels = name.label_count;
    if (encloser->is_name_itself) {
        return true;
    }
    bool is_found = false;
    bool is_match = false; /* of the name one label higher */
    for (uint8_t labels = records->zone.label_count; labels <= name.label_count; labels++) {
        struct nsec3_record cover;
        if (!records_hash(records, name_ancestor(name, labels), hash)) {
            return false;
        }
        if (is_match && find_cover(records, hash, &cover)) {
            encloser->is_next_closer_covered = !denial_hides_below(encloser->match.nsec3.bitmap);
            encloser->is_opt_out =
                encloser->is_next_closer_covered && (cover.nsec3.flags & NSEC3_FLAG_OPT_OUT) != 0;
            return true;
        }
        is_match = find_match(records, hash, &match);
        if (is_match) {
            is_found = true;
            encloser->match = match;
            encloser->labels = labels;
        }
    }
    return is_found;
}

static enum denial_result encloser_lacks(const struct nsec3_records *records, char *reason,
                                         struct name name)
{
    return denial_lacks(reason,
                        records->is_spent
                            ? "the limit of NSEC3 hashes was reached in the proof about"
                            : "no NSEC3 records show a closest encloser and cover what follows for",
                        name);
}

/* Hashes the wildcard below the closest encloser; false also when no such name can exist. */
static bool hash_wildcard(struct nsec3_records *records, struct name name,
                          const struct nsec3_encloser *encloser, uint8_t hash[NSEC3_HASH_LEN])
{
    struct name_buffer buffer;
    struct name wildcard;
    return name_make_wildcard(name_ancestor(name, encloser->labels), &buffer, &wildcard) == OK &&
           records_hash(records, wildcard, hash);
}

static enum denial_result prove_no_name(const struct denial_question *question,
                                        struct nsec3_records *records, char *reason)
{
    struct nsec3_encloser encloser;
    if (!find_encloser(records, question->name, &encloser)) {
        return encloser_lacks(records, reason, question->name);
    }
    if (encloser.is_name_itself) {
        return denial_lacks(reason, "an NSEC3 record shows the existence of", question->name);
    }
    if (!encloser.is_next_closer_covered) {
        return encloser_lacks(records, reason, question->name);
    }
    uint8_t hash[NSEC3_HASH_LEN];
    struct nsec3_record cover;
    if (!hash_wildcard(records, question->name, &encloser, hash) ||
        !find_cover(records, hash, &cover)) {
        return denial_lacks(reason, "no NSEC3 record denies a wildcard for", question->name);
    }
    return encloser.is_opt_out ? DENIAL_PROVED_OPT_OUT : DENIAL_PROVED;
}

static enum denial_result prove_no_type(const struct denial_question *question,
                                        struct nsec3_records *records, char *reason)
{
    struct nsec3_encloser encloser;
    if (!find_encloser(records, question->name, &encloser)) {
        return encloser_lacks(records, reason, question->name);
    }
    if (encloser.is_name_itself) {
        return denial_types_lack(encloser.match.nsec3.bitmap, question->type, question->name)
                   ? DENIAL_PROVED
                   : denial_lacks(reason, "the NSEC3 record does not deny the type at",
                                  question->name);
    }
    if (!encloser.is_next_closer_covered) {
        return encloser_lacks(records, reason, question->name);
    }
    uint8_t hash[NSEC3_HASH_LEN];
    struct nsec3_record match;
    if (hash_wildcard(records, question->name, &encloser, hash) &&
        find_match(records, hash, &match)) {
        if (!denial_types_lack(match.nsec3.bitmap, question->type, question->name)) {
            return denial_lacks(reason, "the NSEC3 record does not deny the type at a wildcard for",
                                question->name);
        }
        return encloser.is_opt_out ? DENIAL_PROVED_OPT_OUT : DENIAL_PROVED;
    }
    /* An unsigned delegation, or an ENT above only such (RFC 5155 §7.1, §8.6). */
    return encloser.is_opt_out
               ? DENIAL_PROVED_OPT_OUT
               : denial_lacks(reason, "no NSEC3 record shows a wildcard without the type for",
                              question->name);
}

static enum denial_result prove_unsigned_cut(const struct denial_question *question,
                                             struct nsec3_records *records, char *reason)
{
    struct nsec3_encloser encloser;
    if (name_equal(question->name, question->zone) ||
        !find_encloser(records, question->name, &encloser)) {
        return encloser_lacks(records, reason, question->name);
    }
    if (encloser.is_name_itself) {
        return denial_is_unsigned_cut(encloser.match.nsec3.bitmap)
                   ? DENIAL_PROVED
                   : denial_lacks(reason, "the NSEC3 record shows no unsigned delegation at",
                                  question->name);
    }
    return encloser.is_opt_out
               ? DENIAL_PROVED_OPT_OUT
               : denial_lacks(reason, "no NSEC3 record shows an unsigned delegation at",
                              question->name);
}

static enum denial_result prove_no_closer_name(const struct denial_question *question,
                                               struct nsec3_records *records, char *reason)
{
    require(question->encloser_labels < question->name.label_count);
    struct name next_closer =
        name_ancestor(question->name, (uint8_t)(question->encloser_labels + 1));
    uint8_t hash[NSEC3_HASH_LEN];
    struct nsec3_record cover;
    if (!records_hash(records, next_closer, hash) || !find_cover(records, hash, &cover)) {
        return denial_lacks(reason, "no NSEC3 record shows that a wildcard may answer for",
                            question->name);
    }
    return (cover.nsec3.flags & NSEC3_FLAG_OPT_OUT) != 0 ? DENIAL_PROVED_OPT_OUT : DENIAL_PROVED;
}

/* Chooses the parameters; TOO_COSTLY when all usable records ask for more than the limit. */
static enum denial_result choose_parameters(struct nsec3_records *records, char *reason)
{
    uint16_t costly = 0;
    for (size_t i = 0; i < records->count; i++) {
        struct nsec3_record record;
        if (!nsec3_open(records->rrsets[i], records->zone, &record)) {
            continue;
        }
        if (record.nsec3.iterations <= NSEC3_ITERATIONS_MAX) {
            records->salt = record.nsec3.salt;
            records->iterations = record.nsec3.iterations;
            return DENIAL_PROVED;
        }
        costly = record.nsec3.iterations;
    }
    if (costly != 0) {
        snprintf(reason, VERDICT_REASON_MAX,
                 "NSEC3 with %u iterations, more than %d, is not computed (RFC 9276)", costly,
                 NSEC3_ITERATIONS_MAX);
        return DENIAL_TOO_COSTLY;
    }
    return denial_lacks(reason, "there is no usable NSEC3 record directly below the zone",
                        records->zone);
}

enum denial_result denial_check_nsec3(const struct denial_question *question,
                                      const struct rrset *const *rrsets, size_t count,
                                      struct denial_budget *budget, char *reason)
{
    struct nsec3_records records = {
        .zone = question->zone, .rrsets = rrsets, .count = count, .budget = budget};
    enum denial_result result = choose_parameters(&records, reason);
    if (result != DENIAL_PROVED) {
        return result;
    }
    switch (question->kind) {
    case DENIAL_NAME:
        return prove_no_name(question, &records, reason);
    case DENIAL_TYPE:
        return prove_no_type(question, &records, reason);
    case DENIAL_DS:
        return prove_unsigned_cut(question, &records, reason);
    case DENIAL_CLOSER_NAME:
        return prove_no_closer_name(question, &records, reason);
    }
    return DENIAL_NOT_PROVED;
}
