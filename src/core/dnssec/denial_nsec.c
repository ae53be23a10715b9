/* What NSEC records prove: names between an owner and the next one do not exist (RFC 4035 §5.4, RFC
 * 6840 §4.1 to §4.4, RFC 9824). */
#include "core/dnssec/denial_rules.h"

enum status nsec_read(struct span rdata, struct nsec *nsec)
{
    struct reader reader = reader_over(rdata);
    nsec->next = name_read(&reader);
    nsec->bitmap = reader_rest(&reader);
    enum status status = reader_end(&reader);
    return status != OK ? status : bitmap_check(nsec->bitmap);
}

/* The records to prove with, and the zone they must be of. */
struct nsec_records {
    struct name zone;
    const struct rrset *const *rrsets;
    size_t count;
};

/* False for anything that is not one NSEC whose owner and next name lie in the zone: a next name of
 * a sibling would deny names there. */
static bool nsec_open(const struct nsec_records *records, size_t index, struct nsec *nsec)
{
    const struct rrset *rrset = records->rrsets[index];
    return rrset->type == TYPE_NSEC && rrset->count == 1 &&
           name_is_at_or_below(rrset->owner, records->zone) &&
           nsec_read(rrset_only(rrset), nsec) == OK &&
           name_is_at_or_below(nsec->next, records->zone);
}

static bool nsec_at(const struct nsec_records *records, struct name name, struct nsec *nsec)
{
    for (size_t i = 0; i < records->count; i++) {
        if (nsec_open(records, i, nsec) && name_equal(records->rrsets[i]->owner, name)) {
            return true;
        }
    }
    return false;
}

/* `name` lies between owner and next name; behind the last owner, where next is the apex, too. A
 * cut or a DNAME at the owner means that nothing is said about names below it. */
static bool nsec_covers(struct name owner, const struct nsec *nsec, struct name name,
                        struct name zone)
{
    if (name_compare(owner, name) >= 0 ||
        (name_is_below(name, owner) && denial_hides_below(nsec->bitmap))) {
        return false;
    }
    return name_compare(name, nsec->next) < 0 || name_equal(nsec->next, zone);
}

/* A name that no NSEC is at: how it does not exist. */
struct nsec_gap {
    uint8_t encloser_labels;    /* of the closest encloser */
    bool is_empty_non_terminal; /* it exists after all: the next name is below it */
};

static bool nsec_find_gap(const struct nsec_records *records, struct name name,
                          struct nsec_gap *gap)
{
    struct nsec nsec;
    for (size_t i = 0; i < records->count; i++) {
        if (!nsec_open(records, i, &nsec) ||
            !nsec_covers(records->rrsets[i]->owner, &nsec, name, records->zone)) {
            continue;
        }
        uint8_t with_owner = name_common_labels(name, records->rrsets[i]->owner);
        uint8_t with_next = name_common_labels(name, nsec.next);
        gap->encloser_labels = with_owner > with_next ? with_owner : with_next;
        gap->is_empty_non_terminal = name_is_below(nsec.next, name);
        return true;
    }
    return false;
}

/* The wildcard that would stand for `name`; false when there is no room for it, so that it cannot
 * exist. */
static bool wildcard_for(struct name name, uint8_t encloser_labels, struct name_buffer *buffer,
                         struct name *wildcard)
{
    return name_make_wildcard(name_ancestor(name, encloser_labels), buffer, wildcard) == OK;
}

static enum denial_result prove_no_name(const struct denial_question *question,
                                        const struct nsec_records *records, char *reason)
{
    struct nsec nsec;
    if (nsec_at(records, question->name, &nsec)) {
        if (bitmap_has(nsec.bitmap, TYPE_NXNAME)) { /* RFC 9824 §3 */
            return DENIAL_PROVED;
        }
        return denial_lacks(reason, "an NSEC record shows the existence of", question->name);
    }
    struct nsec_gap gap;
    if (!nsec_find_gap(records, question->name, &gap)) {
        return denial_lacks(reason, "no NSEC record covers", question->name);
    }
    if (gap.is_empty_non_terminal) {
        return denial_lacks(reason, "an NSEC record shows names below", question->name);
    }
    struct name_buffer buffer;
    struct name wildcard;
    struct nsec_gap wildcard_gap;
    if (!wildcard_for(question->name, gap.encloser_labels, &buffer, &wildcard)) {
        return DENIAL_PROVED;
    }
    if (nsec_find_gap(records, wildcard, &wildcard_gap) && !wildcard_gap.is_empty_non_terminal) {
        return DENIAL_PROVED;
    }
    return denial_lacks(reason, "no NSEC record denies the wildcard", wildcard);
}

static enum denial_result prove_no_type(const struct denial_question *question,
                                        const struct nsec_records *records, char *reason)
{
    struct nsec nsec;
    if (nsec_at(records, question->name, &nsec)) {
        return denial_types_lack(nsec.bitmap, question->type, question->name)
                   ? DENIAL_PROVED
                   : denial_lacks(reason, "the NSEC record does not deny the type at",
                                  question->name);
    }
    struct nsec_gap gap;
    if (!nsec_find_gap(records, question->name, &gap)) {
        return denial_lacks(reason, "no NSEC record speaks about", question->name);
    }
    if (gap.is_empty_non_terminal) {
        return DENIAL_PROVED;
    }
    struct name_buffer buffer;
    struct name wildcard = {0};
    if (!wildcard_for(question->name, gap.encloser_labels, &buffer, &wildcard) ||
        !nsec_at(records, wildcard, &nsec)) {
        /* An ENT wildcard has no NSEC of its own. */
        struct nsec_gap wildcard_gap;
        return wildcard.len != 0 && nsec_find_gap(records, wildcard, &wildcard_gap) &&
                       wildcard_gap.is_empty_non_terminal
                   ? DENIAL_PROVED
                   : denial_lacks(reason, "no NSEC record shows a wildcard without the type for",
                                  question->name);
    }
    return denial_types_lack(nsec.bitmap, question->type, wildcard)
               ? DENIAL_PROVED
               : denial_lacks(reason, "the NSEC record does not deny the type at", wildcard);
}

static enum denial_result prove_unsigned_cut(const struct denial_question *question,
                                             const struct nsec_records *records, char *reason)
{
    struct nsec nsec;
    if (!name_equal(question->name, question->zone) && nsec_at(records, question->name, &nsec) &&
        denial_is_unsigned_cut(nsec.bitmap)) {
        return DENIAL_PROVED;
    }
    return denial_lacks(reason, "no NSEC record shows an unsigned delegation at", question->name);
}

static enum denial_result prove_no_closer_name(const struct denial_question *question,
                                               const struct nsec_records *records, char *reason)
{
    struct nsec_gap gap;
    if (nsec_find_gap(records, question->name, &gap) && !gap.is_empty_non_terminal &&
        gap.encloser_labels == question->encloser_labels) {
        return DENIAL_PROVED;
    }
    return denial_lacks(reason, "no NSEC record shows that a wildcard may answer for",
                        question->name);
}

enum denial_result denial_check_nsec(const struct denial_question *question,
                                     const struct rrset *const *rrsets, size_t count, char *reason)
{
    const struct nsec_records records = {question->zone, rrsets, count};
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
