#pragma once
/* What the two kinds of denial share; for denial*.c only. */
#include "core/dnssec/denial.h"

enum { TYPE_NXNAME = 128 }; /* RFC 9824 §2 */

/* Whether the types at a name that exists (or at the wildcard that stands for it) prove that `type`
 * is not there. */
bool denial_types_lack(struct span bitmap, uint16_t type, struct name name);
/* NS without SOA: the parent's side of a cut, which knows nothing but DS and NS (RFC 6840 §4.1). */
bool denial_is_delegation(struct span bitmap);
/* The types at `name` say that nothing is known of names below: a cut or a DNAME. */
bool denial_hides_below(struct span bitmap);
/* An unsigned delegation. */
bool denial_is_unsigned_cut(struct span bitmap);
/* Prints what is missing into `reason` ("%s %s" of the name and words) and returns NOT_PROVED. */
enum denial_result denial_lacks(char *reason, const char *what, struct name name);

enum denial_result denial_check_nsec(const struct denial_question *question,
                                     const struct rrset *const *rrsets, size_t count, char *reason);
enum denial_result denial_check_nsec3(const struct denial_question *question,
                                      const struct rrset *const *rrsets, size_t count,
                                      struct denial_budget *budget, char *reason);
