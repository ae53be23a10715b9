#pragma once
/* What the files of the resolver share: its state, and the two things that walk step tables. A
 * `query` is one client's question; a `fetch` is one (name, type) asked of name servers, for any
 * number of queries and other fetches that wait for it. */
#include "core/dns/message.h"
#include "service/resolver/cache.h"
#include "service/resolver/quota.h"
#include "service/resolver/resolver.h"
#include "service/resolver/resolver_limits.h"
#include "service/resolver/response.h"
#include "service/resolver/servers.h"

/* What one client's question may cost, with all that it causes. Counted, because a fetch may live
 * longer than the query that began it. */
struct account {
    uint32_t holders;
    uint32_t upstream_left;
    uint32_t missing_left; /* name servers that may turn out to have no address */
};

/* Where an entry came from, for the query that had it fetched. */
struct origin {
    struct address server; /* ADDRESS_NONE: the cache */
    bool has_others;       /* other servers of the zone could still be asked */
};

enum fetch_step {
    FETCH_FIND_SERVERS,  /* the deepest known delegation towards the name is wanted */
    FETCH_FIND_ADDRESS,  /* its servers are known; one to ask now is wanted */
    FETCH_AWAIT_ADDRESS, /* another fetch looks up the address of a name server */
    FETCH_ASK,           /* the server is chosen */
    FETCH_AWAIT_ANSWER,  /* its answer, or the end of waiting, is awaited */
    FETCH_JUDGE,         /* a message that answers our query is here, for this event only */
    FETCH_DONE,          /* `result` is what the waiting get */
    FETCH_STEP_COUNT
};

struct query;

struct fetch {
    enum fetch_step step;
    uint32_t slot;
    struct name name;
    struct name_buffer name_octets;
    uint16_t type;
    uint8_t depth;
    struct account *account;
    uint32_t queries_left;
    uint32_t referrals_left;
    /* Where it asks. */
    struct cache_entry *delegation;         /* held; NULL: root hints or configured servers */
    const struct resolver_zone *configured; /* that says whom to ask; NULL: iteration */
    struct name zone;
    struct server_candidate candidates[RESOLVER_SERVERS_MAX];
    size_t candidate_count;
    size_t chosen;               /* index of the candidate asked */
    uint32_t target_at;          /* next name server to look up: twice its index, odd for AAAA */
    uint32_t lookups_left;       /* for this delegation */
    struct fetch *awaits;        /* the fetch for an address */
    struct cache_entry *address; /* held: what that fetch gave */
    struct address avoided[RESOLVER_RETRIES_MAX]; /* they gave bogus data */
    size_t avoided_count;
    /* How much of the name is asked (RFC 9156). */
    uint8_t shown_labels;
    uint8_t minimise_count; /* questions with a part of it */
    bool is_shown_whole;    /* it turned out that only the whole name gets an answer */
    /* The query under way. */
    enum transport transport;
    bool has_edns;
    uint16_t id;
    struct name sent_name; /* with the case as sent */
    struct name_buffer sent_octets;
    uint64_t ask;        /* 0: none open */
    uint32_t zone_quota; /* what it counts as, for quota_zone_end; 0: nothing */
    int64_t sent_ns;
    uint32_t ignored_count;
    bool has_bad_cookie;         /* the server of this try wanted another cookie once */
    const struct message *heard; /* FETCH_JUDGE */
    /* The outcome. */
    struct judgement failure; /* EDE and reason of the last thing that went wrong */
    struct name agent;        /* who is told of failures, as the server says; no octets: nobody */
    struct name_buffer agent_octets;
    struct cache_entry *result;
    struct origin origin; /* of the result */
    /* Who waits. */
    struct query *waiting_queries;
    struct fetch *waiting_fetches;
    uint32_t waiting_count;
    bool is_priming;         /* the resolver itself waits */
    struct fetch *wait_next; /* in the list of the fetch it awaits */
    struct fetch *hash_next;
    struct fetch *run_next;
    bool is_queued;
};

enum query_step {
    QUERY_LOOK_UP,        /* the cache is asked for the name that the chain has reached */
    QUERY_AWAIT_FETCH,    /* a fetch for it is under way */
    QUERY_FOLLOW,         /* an entry for it is here: the last link, or one that leads on */
    QUERY_VALIDATE,       /* all links are here; verdicts are wanted */
    QUERY_AWAIT_EVIDENCE, /* a fetch for a DS or DNSKEY RRset is under way */
    QUERY_ANSWER,         /* everything is known that will be */
    QUERY_DONE,           /* answered */
    QUERY_STEP_COUNT
};

/* One RRset, alias or denial on the way from the question to the answer. */
struct link {
    struct name name;          /* asked at this link; lives in the query's arena */
    struct cache_entry *entry; /* held */
    struct origin origin;
    struct name target;   /* of an alias */
    enum verdict verdict; /* VERDICT_COUNT: not judged */
};

/* Where an answer goes, and what its client said in the query. */
struct client {
    uint64_t channel;
    struct address peer;
    enum transport transport;
    uint16_t id;
    uint16_t flags; /* as it sent them */
    uint8_t opcode;
    bool has_question;
    bool has_edns;
    bool wants_dnssec;
    uint16_t udp_size;
    uint32_t keepalive_ms;    /* what it asked to be told (RFC 7828); 0: it did not ask */
    struct question question; /* its case kept */
};

/* For whom a query is: of all but the first, no client waits. */
enum query_purpose {
    QUERY_FOR_CLIENT,
    QUERY_FOR_NTA,    /* does a zone validate again? (nta_hear) */
    QUERY_FOR_CACHE,  /* it gets what servers say now */
    QUERY_FOR_ROLL,   /* the keys of a zone with anchors that follow its rolls (roll_hear) */
    QUERY_FOR_SERVER, /* it is told something by being asked; what it says is of no interest */
    QUERY_FOR_AGENT   /* the same, unless the cache knows that it was told (RFC 9567) */
};

struct query {
    enum query_purpose purpose;
    enum query_step step;
    struct client client;
    struct name_buffer name_octets; /* of client.question */
    int64_t deadline_ns;
    /* The way. */
    struct arena task;
    struct account *account;
    struct link links[RESOLVER_CHAIN_LINKS_MAX];
    size_t link_count;
    struct name name;            /* the chain has reached */
    struct cache_entry *reached; /* held: the entry for it */
    struct origin reached_origin;
    bool has_fetched;          /* not answered by the cache alone */
    bool is_waiting;           /* counted among those of its client */
    struct cache_entry *stale; /* held: what the cache had, when it had nothing fresh */
    bool has_tried_stale;      /* its client has waited long enough, and there was nothing */
    /* Validation. */
    struct chain_budget budget;
    /* In `task`, NULL before validation: [0] is the link being judged, then what the chain needed;
     * the entries are held, NULL where a fetch failed. */
    struct evidence *evidence;
    struct cache_entry **evidence_entries;
    struct origin *evidence_origins;
    size_t evidence_count;
    struct name needed_name; /* asked by QUERY_AWAIT_EVIDENCE */
    uint16_t needed_type;    /* 0: nothing is */
    /* Servers not to be asked again for the same question, and what their data were. */
    struct avoided {
        uint64_t question;
        struct address server;
    } avoided[RESOLVER_RETRIES_MAX];
    size_t avoided_count;
    const struct judgement *bogus;   /* NULL: nothing was */
    struct cache_entry *bogus_entry; /* held: the last of the data, its life cut off */
    int64_t bogus_until_ns;          /* how long it would have been kept */
    /* The answer. */
    bool is_failed; /* SERVFAIL, for the reason in `judgement` */
    uint16_t rcode; /* of an answer that did not fail */
    struct judgement judgement;
    /* Lists. */
    struct fetch *awaits;
    struct cache_entry *fetched; /* held: what the awaited fetch gave */
    struct origin fetched_origin;
    struct name agent; /* of the server that answered last; no octets: nobody */
    struct name_buffer agent_octets;
    struct query *wait_next;
    struct query *older, *newer; /* by deadline */
    struct query *run_next;
    bool is_queued;
};

enum { RESOLVER_EDE_COUNT = EDE_NEGATIVE_TRUST_ANCHOR + 2 };

/* Its timers. */
enum {
    RESOLVER_TIMER_QUERIES = 1,
    RESOLVER_TIMER_NTAS = 2,
    RESOLVER_TIMER_PRIMING = 3,
    RESOLVER_TIMER_STALE = 4,
    RESOLVER_TIMER_ROLLS = 5
};

struct nta;

struct resolver_stats {
    uint64_t client_queries[TRANSPORT_COUNT];
    uint64_t cache_hits;   /* answered without asking anybody */
    uint64_t cache_misses; /* at least one fetch was begun or joined */
    uint64_t stale;        /* answers after their time */
    uint64_t synthesised;  /* answers made from the denials of others */
    uint64_t refused;
    uint64_t clients_limited; /* one client had too many questions waiting */
    uint64_t zones_limited;   /* questions that were not asked, of one zone too many were */
    uint64_t late_dropped;    /* answers that came too late to be worth the risk */
    uint64_t jostled;         /* questions that gave way to others */
    uint64_t signature_checks;
    uint64_t denial_hashes;
    uint64_t failures[RESOLVER_EDE_COUNT]; /* SERVFAIL answers by their extended error, and behind
                                              those of them that have none */
    uint64_t reports;                      /* of failures, to those who want to hear of them */
    uint64_t upstream_queries;
    uint64_t upstream_tcp;
    uint64_t upstream_timeouts;
    uint64_t ignored_messages;        /* that were not answers to our queries */
    uint64_t verdicts[VERDICT_COUNT]; /* of answers that were validated or known from the cache */
};

enum { FETCH_BUCKETS = 1024 };

struct resolver {
    struct resolver_options options;
    bool may_ask_loopback; /* the operator's own servers are there */
    struct cache *cache;
    struct servers *servers;
    struct quota *quota;
    struct key_cache *keys;
    struct nta *ntas; /* NULL: there never was one */
    size_t nta_count;
    struct trust_anchor *anchors; /* the configured ones and those that follow rolls, as of now */
    size_t anchor_count;
    uint32_t report_count; /* under way */
    struct resolver_stats stats;
    _Atomic uint64_t quick_answers[VERDICT_COUNT]; /* by other threads, not in `stats` yet */
    uint64_t seed;
    uint64_t serial;                             /* of the last ask */
    struct fetch *fetches[RESOLVER_FETCHES_MAX]; /* by slot */
    struct fetch *buckets[FETCH_BUCKETS];
    uint32_t fetch_count;
    uint32_t slot_next; /* where the search for a free slot begins */
    struct query *oldest, *newest;
    uint32_t query_count;
    uint32_t waiting_count; /* of them, those of clients that wait for servers */
    bool has_stale_timer;
    struct fetch *run_fetches;
    struct query *run_queries;
    /* During one event. */
    struct moment now;
    struct outbox *outbox;
};

/* metrics.c: the numbers, for monitoring and for the operator. */
void resolver_add_metrics(const struct resolver *resolver, struct metrics *metrics);
void resolver_tell_metrics(const struct resolver *resolver, struct outbox *outbox);

struct account *account_open(void) MUST_USE;
struct account *account_hold(struct account *account);
void account_release(struct account *account);
/* Are the servers that this fetch asks resolvers? */
static inline bool fetch_is_forwarded(const struct fetch *fetch)
{
    return fetch->configured != NULL && !fetch->configured->is_stub;
}

/* The query validates its answer as if there were no negative trust anchors and no other data. */
static inline bool query_looks_only(const struct query *query)
{
    return query->purpose == QUERY_FOR_NTA || query->purpose == QUERY_FOR_ROLL;
}

/* A sentence for EDE_... that a query or a fetch failed with. */
void judgement_set(struct judgement *judgement, enum ede ede, const char *format, ...)
    PRINTF_LIKE(3, 4);
