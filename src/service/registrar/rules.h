#pragma once
/* The one set of rules about keys, asked by console, API and command line alike: what is admitted,
 * what is refused and why, what must be confirmed first. */
#include "service/registrar/operation.h"

enum { CONSEQUENCE_SIZE = 320, REFUSAL_SENTENCE_SIZE = 480, OPERATIONS_OPEN_MAX = 50 };

enum refusal_code {
    REFUSAL_NONE,
    REFUSAL_INVALID_INPUT,
    REFUSAL_NOT_FOUND,         /* no such domain in the account, or no such key at the domain */
    REFUSAL_DUPLICATE_REQUEST, /* another change is in progress, or the key is there already */
    REFUSAL_OPERATION_LIMIT,
    REFUSAL_TLD_RULES,
    REFUSAL_UNSUPPORTED_TLD,
    REFUSAL_DNSSEC_LIMIT,
    REFUSAL_NEEDS_CONFIRMATION,
    REFUSAL_INTERNAL, /* the records failed: try again */
    REFUSAL_CODE_COUNT
};

struct refusal {
    enum refusal_code code;
    enum key_fault fault; /* which field of the form */
    char sentence[REFUSAL_SENTENCE_SIZE];
    char consequence[CONSEQUENCE_SIZE]; /* REFUSAL_NEEDS_CONFIRMATION: what must be repeated */
    char operation[OPERATION_ID_SIZE];  /* by which it is told; empty: it is only shown */
};

#define RULES_INTERNAL_SENTENCE                                                                    \
    "The request could not be stored just now. Nothing was changed; try again."

/* The name of a refusal in the API. */
const char *rules_error_name(enum refusal_code code);

struct rules_request {
    int64_t account;
    struct span domain;
    const char *channel;
};

/* The domain of the account, with its keys. */
bool rules_find_domain(struct turn *turn, const struct rules_request *request,
                       struct domain *domain, struct refusal *refusal);
/* Adds a key: accepted and durable with its operation id, or refused. */
bool rules_add_key(struct turn *turn, const struct rules_request *request,
                   const struct key_input *input, char operation[OPERATION_ID_SIZE],
                   struct refusal *refusal);

/* Is there a key to delete at all? On success the domain and the key. */
bool rules_find_key(struct turn *turn, const struct rules_request *request, struct span key_id,
                    struct domain *domain, const struct domain_key **key, struct refusal *refusal);
/* What deleting the key would mean: an empty sentence when nothing that needs confirming. `look`
 * shows the keys that would stay; NULL when none would. */
void rules_consequence(const struct domain *domain, const struct look *look,
                       char consequence[CONSEQUENCE_SIZE]);
/* Deletes a key, once the consequence is known and was repeated where there is one. */
bool rules_delete_key(struct turn *turn, const struct rules_request *request, struct span key_id,
                      const char *consequence, struct span confirmation,
                      char operation[OPERATION_ID_SIZE], struct refusal *refusal);
/* Registration and name servers, asked by the operator. */
bool rules_register(struct turn *turn, const struct rules_request *request, struct span hosts,
                    char operation[OPERATION_ID_SIZE], struct refusal *refusal);
bool rules_set_hosts(struct turn *turn, const struct rules_request *request, struct span hosts,
                     char operation[OPERATION_ID_SIZE], struct refusal *refusal);
/* How long a DS may live in caches after a change, in seconds: the TTL seen, or the usual day. */
uint32_t rules_ds_ttl_s(const struct domain *domain);
