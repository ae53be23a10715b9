#pragma once
/* Every limit of the resolver, with its reason. None of them resets inside one client query: work
 * that an outsider can cause is bounded by what one question may cost. */

enum {
    /* One account a client query, shared by all that it causes (CAMP, NXNSAttack). */
    RESOLVER_UPSTREAM_QUERIES_MAX = 100,
    /* Of one inner question, so that it cannot spend the whole account on dead servers. */
    RESOLVER_FETCH_QUERIES_MAX = 32,
    /* Addresses of name servers of addresses of name servers ... */
    RESOLVER_DEPTH_MAX = 7,
    RESOLVER_CHAIN_LINKS_MAX = 11,
    RESOLVER_REFERRALS_MAX = 30,
    /* Name servers without an address that are looked up for one delegation. */
    RESOLVER_MISSING_LOOKUPS_MAX = 5,
    /* Of those, how many may turn out to have none, in one client query (NXNSAttack). */
    RESOLVER_MISSING_FAILURES_MAX = 5,
    RESOLVER_NS_KEPT_MAX = 20,
    RESOLVER_SERVERS_MAX = 40,
    /* Servers whose bogus data are not taken as the last word, in one client query. */
    RESOLVER_RETRIES_MAX = 4,
    RESOLVER_TRIES_PER_SERVER_MAX = 2,
    /* Of a zone's only address: nobody else can be asked when datagrams are lost. All tries
     * together stay below RESOLVER_QUERY_MS_MAX. */
    RESOLVER_TRIES_PER_LONE_SERVER_MAX = 3,
    /* Datagrams that are not our answer before TCP is used instead: somebody is guessing. */
    RESOLVER_IGNORED_MAX = 8,
    RESOLVER_RECORDS_MAX = 100,
    /* RRsets of an authority section that are kept as proofs. */
    RESOLVER_PROOF_RRSETS_MAX = 24,
    RESOLVER_EVIDENCE_MAX = 96,
    RESOLVER_CLIENTS_MAX = 2000, /* that wait for servers */
    /* When there is no room for another, that which has waited longest gives way if it has waited
     * so long: what can be answered at all is answered sooner. */
    RESOLVER_JOSTLE_MS = 200,
    /* Answers in one second to one client, of those that come late. */
    RESOLVER_LATE_ANSWERS_MAX = 8,
    RESOLVER_QUOTA_CLIENTS = 4096, /* counters */
    RESOLVER_QUOTA_ZONES = 8192,
    RESOLVER_WAITING_MAX = 100, /* clients for one inner question */
    RESOLVER_FETCHES_MAX = 4096,
    RESOLVER_QUERY_MS_MAX = 8000, /* then the client gets SERVFAIL */
    RESOLVER_UDP_SIZE = 1232,
    RESOLVER_TASK_SIZE_MAX = 1 << 20,
    /* RFC 9520 §3.2: at least 1 s, at most 5 minutes. */
    RESOLVER_FAILURE_TTL_S = 5,
    /* RFC 4035 §4.7: the BAD cache. */
    RESOLVER_BOGUS_TTL_MAX_S = 60,
    RESOLVER_LAME_TTL_S = 30, /* short: a zone may just be being set up */
    /* Negative trust anchors: a week at most (RFC 7646 §2), and a look at their zones now and then.
     */
    RESOLVER_NTAS_MAX = 256,
    RESOLVER_NTA_S_MAX = 7 * 24 * 3600,
    RESOLVER_NTA_S_DEFAULT = 3600,
    RESOLVER_NTA_RECHECK_S = 300,
    /* Error reports at a time: whoever makes failures must not make as many questions to another.
     */
    RESOLVER_REPORTS_MAX = 16,
    RESOLVER_SERVER_ENTRIES = 8192,
    RESOLVER_LAME_ENTRIES = 1024
};
