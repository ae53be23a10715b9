#pragma once
/* A registered domain as the registrar keeps it: owner, name servers, keys that the registry has
 * confirmed, and what was last seen of its chain. */
#include "core/store/records.h"
#include "service/registrar/key.h"
#include "service/registrar/policy.h"

enum {
    DOMAIN_TEXT_SIZE = 256, /* lower case, without a final dot */
    DOMAIN_HOSTS_MAX = 13,
    HOST_ADDRESSES_MAX = 4,
    EMAIL_SIZE = 256
};

struct domain_host {
    const char *name; /* without a final dot */
    struct address addresses[HOST_ADDRESSES_MAX];
    size_t address_count;
};

/* What the chain of the domain was when it was last looked at. */
enum domain_chain {
    DOMAIN_CHAIN_UNKNOWN,
    DOMAIN_CHAIN_SECURE,
    DOMAIN_CHAIN_INSECURE,
    DOMAIN_CHAIN_BOGUS,
    DOMAIN_CHAIN_COUNT
};

/* What the vigil over the chain knows, and what the registrant was told of it. */
enum vigil_state {
    VIGIL_NEW,     /* never secure since there are keys */
    VIGIL_WELL,    /* secure when last confirmed; nothing is to be told */
    VIGIL_DOUBTED, /* well, and then bogus once: another look decides */
    VIGIL_BROKEN,  /* bogus, and the registrant was told */
    VIGIL_STATE_COUNT
};

struct domain {
    const char *text;
    struct name name;
    const struct tld *tld;
    int64_t account;
    const char *email; /* of the registrant contact */
    int64_t created_s, expires_s;
    uint32_t ds_ttl_s; /* as last seen at the parent; 0: never seen */
    enum domain_chain chain;
    int64_t chain_s;          /* when */
    const char *chain_reason; /* what the resolver said, as half a sentence; may be empty */
    enum vigil_state vigil;
    int64_t vigil_s;   /* since when */
    int64_t changed_s; /* last change of keys or name servers */
    struct domain_host hosts[DOMAIN_HOSTS_MAX];
    size_t host_count;
    struct domain_key keys[DOMAIN_KEYS_MAX];
    size_t key_count;
};

/* A name as typed into its one form: LDH labels, directly below a TLD of the policy. MALFORMED or
 * NOT_FOUND (TLD), with a sentence. Lives in `arena`. */
enum status domain_read_name(const struct policy *policy, struct span text, struct arena *arena,
                             const char **domain, struct name *name, const struct tld **tld,
                             struct problem *problem) MUST_USE;
/* The domain of that account, or of any with `account` 0; NOT_FOUND for others' domains too. */
enum status domain_load(struct records *records, const struct policy *policy, const char *text,
                        int64_t account, struct arena *arena, struct domain *domain) MUST_USE;
const struct domain_key *domain_find_key(const struct domain *domain, struct span id);

/* "NS[=ADDRESS[,ADDRESS...]] ..." separated by blanks, as typed and as kept. */
enum status domain_read_hosts(struct span text, struct arena *arena, struct domain_host *hosts,
                              size_t *count, struct problem *problem) MUST_USE;
const char *domain_print_hosts(const struct domain_host *hosts, size_t count,
                               struct arena *arena); /* NULL: no memory */

/* Changes, inside the caller's transaction. */
enum status domain_insert(struct records *records, const char *text, int64_t account,
                          int64_t created_s, int64_t expires_s) MUST_USE;
enum status domain_put_hosts(struct records *records, const char *text,
                             const struct domain_host *hosts, size_t count) MUST_USE;
enum status domain_put_key(struct records *records, const char *text, const struct domain_key *key,
                           int64_t now_s) MUST_USE;
enum status domain_remove_key(struct records *records, const char *text, const char *id) MUST_USE;
enum status domain_put_ttl(struct records *records, const char *text, uint32_t ttl_s) MUST_USE;
