#pragma once
/* What the files of `safe` share. */
#include "core/keys/safe.h"

/* One way through the caches: from a DS set or an earlier chain to the data. */
struct combination {
    bool is_chain;
    const struct ds_set *ds;
    const struct dnskey_set *keys;
    uint32_t signers;
    bool is_published; /* all of it now, by one source */
    uint8_t keys_source, signers_source;
    int64_t until_s; /* the first death in it */
};

struct fault {
    enum safe_clause clause; /* 0: the combination is good */
    uint8_t algorithm, digest_type;
};

/* For the real validators, or for checkers as well, if the policy is strict. */
enum level { LEVEL_VALIDATES, LEVEL_STRICT, LEVEL_COUNT };

/* A DS set that is empty makes nothing bogus, whatever the rest is. */
struct fault safe_judge(const struct caches *caches, const struct safe_policy *policy,
                        const struct combination *way, enum level level);
enum safe_seen_by safe_seen_by(const struct caches *caches, const struct combination *way,
                               const struct fault *fault);
/* Is there a validator that goes through on the way `from` and would not on the way `to`? Lenient
 * ones of every set of algorithms and digest types; those that demand every DS algorithm are
 * answered for by the ones that know one. */
bool safe_loses_audience(const struct caches *caches, const struct combination *from,
                         const struct combination *to);
