/* What a type bit map means for the question, whichever kind of denial it stands in, and the choice
 * between the two kinds. */
#include "core/dnssec/denial.h"

#include "core/dnssec/denial_rules.h"

#include <stdio.h>

bool denial_is_delegation(struct span bitmap)
{
    return bitmap_has(bitmap, TYPE_NS) && !bitmap_has(bitmap, TYPE_SOA);
}

bool denial_hides_below(struct span bitmap)
{
    return denial_is_delegation(bitmap) || bitmap_has(bitmap, TYPE_DNAME);
}

bool denial_is_unsigned_cut(struct span bitmap)
{
    return denial_is_delegation(bitmap) && !bitmap_has(bitmap, TYPE_DS);
}

bool denial_types_lack(struct span bitmap, uint16_t type, struct name name)
{
    if (type == TYPE_ANY || bitmap_has(bitmap, type) || bitmap_has(bitmap, TYPE_CNAME)) {
        return false; /* anything at all would have answered ANY */
    }
    if (type == TYPE_DS) { /* the child's side of a cut says nothing about it (RFC 6840 §4.4) */
        return !bitmap_has(bitmap, TYPE_SOA) || name_is_root(name);
    }
    return !denial_is_delegation(bitmap);
}

enum denial_result denial_lacks(char *reason, const char *what, struct name name)
{
    char text[NAME_TEXT_MAX];
    name_print(name, text);
    snprintf(reason, VERDICT_REASON_MAX, "%s %.160s", what, text);
    return DENIAL_NOT_PROVED;
}

static bool has_type(const struct rrset *const *rrsets, size_t count, uint16_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (rrsets[i]->type == type) {
            return true;
        }
    }
    return false;
}

enum denial_result denial_check(const struct denial_question *question,
                                const struct rrset *const *rrsets, size_t count,
                                struct denial_budget *budget, char *reason)
{
    require(name_is_at_or_below(question->name, question->zone));
    reason[0] = '\0';
    enum denial_result result = DENIAL_NOT_PROVED;
    if (has_type(rrsets, count, TYPE_NSEC)) {
        result = denial_check_nsec(question, rrsets, count, reason);
    }
    if (result == DENIAL_NOT_PROVED && has_type(rrsets, count, TYPE_NSEC3)) {
        result = denial_check_nsec3(question, rrsets, count, budget, reason);
    }
    if (result == DENIAL_NOT_PROVED && reason[0] == '\0') {
        return denial_lacks(reason, "no NSEC or NSEC3 speaks about", question->name);
    }
    return result;
}
