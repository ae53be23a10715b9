#pragma once
/* A registry for one or several top-level domains: EPP in (RFC 5730, 5731, 5910), the unsigned zone
 * of each TLD out by SOA, IXFR and AXFR, with NOTIFY to its signers. Nothing is answered before it
 * is durable in the records: objects, the zone's serial, its difference and the response itself are
 * one transaction. */
#include "core/base/entropy.h"
#include "core/base/log.h"
#include "core/base/problem.h"
#include "core/dns/tsig.h"
#include "core/node/node.h"
#include "core/store/records.h"

enum {
    REGISTRY_TLDS_MAX = 4096,
    REGISTRY_SERVERS_MAX = 13,  /* of a TLD */
    REGISTRY_ADDRESSES_MAX = 4, /* of one server */
    REGISTRY_PEERS_MAX = 16,    /* to notify, or allowed to transfer */
    REGISTRY_KEYS_MAX = 13,     /* of a domain, what the largest registries take */
    REGISTRY_REGISTRARS_MAX = 10000
};

/* How a registrar hands in keys. */
enum registry_form {
    REGISTRY_FORM_DS,  /* digests alone; an embedded key is checked against them */
    REGISTRY_FORM_KEY, /* keys alone; the registry makes the DS */
    REGISTRY_FORM_EITHER,
    REGISTRY_FORM_COUNT
};

/* One of the TLD's own name servers. */
struct registry_server {
    struct name name;
    struct address addresses[REGISTRY_ADDRESSES_MAX];
    size_t address_count;
};

struct registry_soa {
    struct name mailbox;
    uint32_t refresh_s, retry_s, expire_s, minimum_s;
};

struct registry_tld_options {
    struct name name; /* one label */
    bool has_dnssec;
    uint32_t keys_max; /* keys of one domain, not DS records: 1..REGISTRY_KEYS_MAX */
    enum registry_form form;
    const struct registry_server *servers; /* the first is the primary of the SOA */
    size_t server_count;
    struct registry_soa soa;
    uint32_t apex_ttl_s, delegation_ttl_s, ds_ttl_s;
    /* Whom DNS operators of the domains tell of new CDS, CDNSKEY and CSYNC, as DSYNC at "*._dsync"
     * (RFC 9859); without octets: nobody, and there is no DSYNC. Its address leads to this service.
     */
    struct name dsync_target;
    uint16_t dsync_port;
    const struct address *notify; /* signers, told of each new serial */
    size_t notify_count;
    const struct tsig_key *transfer_key;  /* NULL: transfers are unsigned */
    const struct address *allow_transfer; /* hosts; with a key and an empty list: any host */
    size_t allow_transfer_count;
};

/* Put into the records at start, in place of what was there under that id. */
struct registry_registrar_options {
    struct span id;                 /* 3..16 octets */
    struct span password_hash;      /* as `password_matches` reads it */
    struct span certificate_digest; /* SHA-256, or empty: any certificate */
};

struct registry_options {
    const char *server_name; /* in the greeting, 3..64 octets */
    const struct registry_tld_options *tlds;
    size_t tld_count;
    const struct registry_registrar_options *registrars;
    size_t registrar_count;
    struct records *records;
    const struct entropy *entropy;
    const struct log *log; /* may be NULL */
    /* The one expensive step, so that core needs no password library. */
    bool (*password_matches)(void *user, struct span password_hash, struct span given);
    void *password_user;
};

struct registry;

/* Applies the migrations, puts the registrars into the records and builds every zone from them. The
 * options and all they point to outlive the service. `now` gives a zone that never was its first
 * serial. */
enum status registry_open(const struct registry_options *options, struct moment now,
                          struct registry **registry, struct problem *problem) MUST_USE;
void registry_handle(void *registry, const struct event *event, struct outbox *outbox);
void registry_close(struct registry *registry); /* NULL is fine */
