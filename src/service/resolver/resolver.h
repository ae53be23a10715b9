#pragma once
/* The resolver: answers clients' questions by asking name servers from the root down, or by
 * forwarding, keeps what it learned, and validates it (RFC 1034 §5.3, RFC 4035 §4). Events it
 * knows: START, QUERY, ANSWER, TIMER, CONTROL; it ignores the others. */
#include "core/base/address.h"
#include "core/base/log.h"
#include "core/dnssec/anchor_roll.h"
#include "core/node/grace.h"
#include "core/node/node.h"
#include "core/store/disk.h"

struct resolver_prefix {
    struct address address;
    uint8_t bits;
};
/* "192.0.2.0/24", "2001:db8::/32", or an address alone. */
enum status resolver_prefix_read(struct span text, struct resolver_prefix *prefix) MUST_USE;

/* Is the address inside one of them? */
bool resolver_prefix_covers(const struct resolver_prefix *prefixes, size_t count,
                            struct address address);

/* A server that the operator named. */
struct resolver_server {
    struct address address; /* port included */
    bool is_tls;            /* asked over TLS alone */
    uint32_t tls_peer;      /* as which it must prove itself (effect_ask) */
};

/* Who is asked about the names at or below `zone`; of several zones the longest counts. */
struct resolver_zone {
    struct name zone;
    bool is_stub; /* its servers are authoritative for the zone; else they are resolvers */
    const struct resolver_server *servers;
    size_t server_count;
};

/* A zone whose anchors follow its rolls (RFC 5011). `point` is what the file says, or how it
 * begins; the resolver changes it, and then writes the file. */
struct resolver_roll {
    struct anchor_point *point;
    const struct disk *disk;
    const char *file;
};
/* Reads the file. NOT_FOUND: there is none, and `point` is as it was. */
enum status resolver_roll_load(const struct resolver_roll *roll, int64_t now_s,
                               struct problem *problem) MUST_USE;
/* Writes it whole, or after any crash it is the one before. */
enum status resolver_roll_save(const struct resolver_roll *roll) MUST_USE;

struct resolver_options {               /* all pointers live as long as the resolver */
    bool is_validating;                 /* otherwise nothing is checked and AD is never set */
    const struct trust_anchor *anchors; /* the root's or any zones' */
    size_t anchor_count;
    const struct resolver_roll *rolls; /* their zones have no other anchors than these */
    size_t roll_count;
    const struct name *insecure; /* zones that are not validated; at most RESOLVER_NTAS_MAX */
    size_t insecure_count;
    const struct address *root_hints; /* port included */
    size_t root_hint_count;
    bool primes_root; /* asks them who the root's servers are (RFC 9609), and then those */
    const struct resolver_zone *zones; /* that are forwarded or have servers of their own */
    size_t zone_count;
    const struct resolver_prefix *allowed; /* clients; none: every one */
    size_t allowed_count;
    const struct resolver_prefix
        *ask_only; /* servers beyond these are never asked; none: all may */
    size_t ask_only_count;
    const struct resolver_prefix *never_asked; /* servers that are never asked; none: all may be */
    size_t never_asked_count;
    size_t cache_size;  /* octets */
    uint32_t ttl_min_s; /* of data; signed ones are not kept longer than their signatures allow */
    uint32_t ttl_max_s;
    uint32_t negative_ttl_max_s;
    bool reuses_denials; /* aggressive use of NSEC and NSEC3 (RFC 8198), when validating */
    bool prefetches;     /* what is used in the last tenth of its life is fetched again */
    bool serves_stale;   /* answers after their time, when there is nothing better (RFC 8767) */
    uint32_t stale_ttl_max_s;   /* so long after it; 0: without an end */
    uint32_t stale_reply_ttl_s; /* what clients are told */
    uint32_t stale_wait_ms;     /* a client waits so long for something better; 0: not at all */
    uint32_t late_ms; /* of answers that take longer by UDP, a client gets a few a second; 0: all */
    uint32_t client_waiting_max; /* questions of one client that wait for servers; 0: any number */
    uint32_t zone_open_max;      /* questions to one zone's servers at a time; 0: any number */
    uint32_t zone_rate_max;      /* and in a second; 0: any number */
    uint32_t zone_rate_factor;   /* beyond it one of so many is let through; 0: none */
    bool avoids_ipv4;            /* ask name servers over IPv6 alone */
    bool uses_ipv6;              /* ask name servers over IPv6 too */
    bool minimises_names;        /* QNAME minimisation (RFC 9156) */
    bool accepts_sha1; /* else algorithms 5 and 7 and digest 1 are as if unknown (RFC 9905) */
    bool wants_all_algorithms; /* of the DS RRset, not any one (RFC 6840 §5.11) */
    bool obeys_sentinels;      /* root key sentinels (RFC 8509) */
    bool signals_anchors;      /* tells zones which of their keys are trusted (RFC 8145) */
    bool reports_errors;       /* to the agents that zones name (RFC 9567) */
    bool mixes_case;           /* "0x20": random case in upstream questions */
    const struct entropy *entropy;
    const struct log *log;     /* may be NULL */
    const struct grace *grace; /* of the threads that call resolver_answer; NULL: there are none */
};

struct resolver;
enum status resolver_open(const struct resolver_options *options,
                          struct resolver **resolver) MUST_USE;
void resolver_handle(void *resolver, const struct event *event, struct outbox *outbox);
/* From the cache, at once, what can be answered so (node.answer): by any thread, at any time
 * between resolver_open and resolver_close. */
void resolver_answer(void *resolver, struct moment now, struct datagram *datagrams, size_t count);
void resolver_close(struct resolver *resolver);
