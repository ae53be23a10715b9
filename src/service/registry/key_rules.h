#pragma once
/* Which keys a registry takes for a domain, as a table of rules, each with its result code and its
 * sentence. */
#include "service/registry/registry_state.h"

/* What a command asks of a domain's keys. */
struct key_request {
    const struct registry_tld_options *tld;
    struct name owner;
    const struct epp_key *added, *removed;
    size_t added_count, removed_count;
    bool removes_all;
    bool has_hosts; /* name servers that the domain has after the command */
};
struct key_refusal {
    enum epp_code code;
    char sentence[REGISTRY_SENTENCE_MAX];
};

/* Applies the request to `keys` (`*count` of REGISTRY_DS_MAX): first what goes, then what comes
 * (RFC 5910 §5.2.5). REFUSED with the reason, and then `keys` means nothing; NO_MEMORY. New keys
 * live in `arena`. */
enum status key_rules_apply(const struct key_request *request, struct arena *arena,
                            struct registry_key *keys, size_t *count,
                            struct key_refusal *refusal) MUST_USE;

/* Keys, not DS records: two digests of one key are one. */
size_t key_rules_count(const struct registry_key *keys, size_t count);
