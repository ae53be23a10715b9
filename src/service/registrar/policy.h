#pragma once
/* Which TLDs exist, whether their registries do DNSSEC, how many keys they take and in which form
 * (S22, S23, S26, S27; D1). */
#include "core/base/arena.h"
#include "core/base/problem.h"
#include "service/registrar/registrar.h"

enum tld_form { TLD_FORM_DS, TLD_FORM_KEY };

struct tld {
    const char *name; /* lower case, without dots */
    bool has_dnssec;  /* the root zone has a DS for it */
    uint16_t keys_max;
    enum tld_form form;
    const struct registrar_registry *registry; /* NULL: this registrar does not sell it */
};

struct policy {
    const struct tld *tlds; /* sorted by name */
    size_t count;
};

/* From the root zone, the policy file and the registries of `options`; lives in `arena`. */
enum status policy_read(const struct registrar_options *options, struct arena *arena,
                        struct policy *policy, struct problem *problem) MUST_USE;
/* Without case; NULL when the root zone does not delegate it. */
const struct tld *policy_find(const struct policy *policy, struct span name);
const char *policy_form_text(enum tld_form form); /* "DS record", "public key" */
