#pragma once
/* What caches may hold of a zone, and on what evidence: every version of its DS set, DNSKEY sets,
 * signers of data and name servers from the moment it is decided until no cache can hold it; the
 * chains judged under DS sets that are gone; and what each server was seen to serve. Values and
 * pure functions; the caller makes each change durable before it acts on it.
 *
 *     alive_decide      before anything is sent: the new version is alive, the old one superseded
 *     alive_refuse      the change was definitely refused and never served
 *     alive_observe     a server answered
 *     alive_settle      time has passed: what died leaves, and leaves its chains
 *     alive_view        what caches may hold now, for `safe`
 *
 * When a version dies:
 *
 *     max over each TTL t it was served with:
 *         last moment it may have been served with t + hops * max(t, floor) + stale + margin
 *
 * The last moment has come when every address of every server of its place has answered with
 * something newer in two rounds at least one SOA refresh apart, with no old answer between; a
 * server that does not answer counts as old until its SOA expire has run out. */
#include "core/base/address.h"
#include "core/base/moment.h"
#include "core/base/reader.h"
#include "core/base/writer.h"
#include "core/keys/caches.h"

enum {
    ALIVE_VERSIONS_MAX = 48,
    ALIVE_TERMS_MAX = 4, /* times that one version was put in place, or TTLs */
    ALIVE_MIXES_MAX = 8,
    ALIVE_SERVERS_MAX = 64, /* addresses of the parent's servers and of all sources' */
    ALIVE_MARKS_MAX = 4,    /* changes that one server has still to show for good */
    ALIVE_ID_LEN = 32,
    ALIVE_HOPS_MAX = 8,
    ALIVE_TTL_MAX_S = 0x7fffffff, /* RFC 2181 §8 */
    ALIVE_FORM_SIZE_MAX = 65536
};

#define ALIVE_NEVER INT64_MIN
#define ALIVE_TIME_MAX_S (INT64_C(1) << 40)

enum alive_list {
    ALIVE_DS,      /* at the parent */
    ALIVE_NS,      /* at the parent: which sources a cache can reach */
    ALIVE_DNSKEY,  /* per source */
    ALIVE_SIGNERS, /* per source: the mixes of signers; several may be current */
    ALIVE_APEX_NS, /* per source: which sources its own NS set leads to */
    ALIVE_LIST_COUNT
};

/* A key is named by a digest of the whole public key: SHA-256 over owner and DNSKEY rdata, as in a
 * DS record of digest type 2. */
struct alive_key {
    uint8_t algorithm; /* 0: the slot is free */
    uint16_t tag;
    uint8_t id[ALIVE_ID_LEN];
    int64_t expires_s; /* of a key that is lost: its first RRSIG to expire; else CACHES_FOREVER */
};

/* The field that the list names. */
struct alive_content {
    struct ds_set ds;
    struct dnskey_set keys;
    uint32_t signers;
    uint8_t sources;
};

/* One stretch of time in which a version was put in place with one TTL. */
struct alive_term {
    uint32_t ttl_s;    /* of an empty set: the negative TTL */
    uint32_t beyond_s; /* NS: the TTL of the NS set at the old apex, and of addresses that moved */
    uint32_t decided;  /* the number of the change that put it in place */
    uint32_t superseded; /* the number of the change that takes its place; 0: it is current */
    int64_t decided_s;   /* ALIVE_NEVER: it was found, and may be of any age */
    int64_t gone_s;    /* the last moment it may have been served; CACHES_FOREVER: not yet known */
    int64_t expires_s; /* the first of its RRSIGs to expire; CACHES_FOREVER while kept fresh */
    /* Evidence: the last answer that showed it. */
    int64_t seen_s; /* ALIVE_NEVER: none did */
    uint16_t seen_type;
    uint8_t seen_server;
};

struct alive_version {
    enum alive_list list;
    uint8_t source; /* 0 for the parent's lists */
    struct alive_content content;
    uint8_t term_count;
    struct alive_term terms[ALIVE_TERMS_MAX];
};

/* Since `since_s` all answers were of the change `number` or newer. */
struct alive_mark {
    uint32_t number;
    int64_t since_s;
    int64_t confirmed_s; /* the second round; ALIVE_NEVER: not yet */
};

enum { ALIVE_LISTS_OF_A_PLACE = 3 };

struct alive_server {
    struct address address;
    bool is_parent;
    uint8_t source;
    uint32_t refresh_s;
    uint32_t expire_s;     /* 0: unknown, it is waited for without end */
    int64_t transferred_s; /* when it last took over the zone, at the latest */
    uint8_t mark_count[ALIVE_LISTS_OF_A_PLACE];
    struct alive_mark marks[ALIVE_LISTS_OF_A_PLACE][ALIVE_MARKS_MAX]; /* rising numbers */
};

struct alive_chain {
    struct ds_set ds;
    struct dnskey_set keys;
    int64_t dies_s;
    uint32_t lasts_s; /* from the death of the DS set, at most */
};

struct alive {
    uint32_t last_change; /* the number of the newest change */
    uint8_t waived;       /* sources whose own NS set a person need not see changed, as bits */
    int64_t wall_ns;      /* of the last alive_clock */
    int64_t mono_ns;      /* ALIVE_NEVER: another process took it */
    int64_t left_s[CACHES_SOURCES_MAX]; /* when the last NS version that led there died */
    size_t version_count, server_count, chain_count;
    struct alive_key keys[CACHES_KEYS_MAX];
    struct alive_version versions[ALIVE_VERSIONS_MAX];
    struct alive_server servers[ALIVE_SERVERS_MAX];
    struct alive_chain chains[CACHES_CHAINS_MAX];
};

struct alive_policy {
    uint32_t hops;          /* 1; 2 where forwarders answer with the original TTL */
    uint32_t floor_s;       /* minimum TTL that caches impose */
    uint32_t stale_s;       /* serve-stale caches (RFC 8767) in front of other validators */
    uint32_t margin_s;      /* transport, rounding and clock skew */
    bool asks_old_provider; /* an NS version lives while a source that was left still serves itself
                               in its own NS set, unless waived */
};

void alive_open(struct alive *alive);

/* The index of the key; the slot is its own until it is removed. EXISTS when another key has its
 * tag and algorithm; LIMIT_REACHED. */
enum status alive_add_key(struct alive *alive, const struct alive_key *key,
                          uint8_t *index) MUST_USE;
enum status alive_remove_key(struct alive *alive, uint8_t index) MUST_USE; /* BUSY: still alive */
/* A server is watched from now on: versions that are not known to be gone wait for it too. Its
 * marks are empty. EXISTS, LIMIT_REACHED. */
enum status alive_add_server(struct alive *alive, const struct alive_server *server,
                             uint8_t *index) MUST_USE;
void alive_remove_server(struct alive *alive, uint8_t index); /* the last one takes its index */
int alive_find_server(const struct alive *alive, struct address address); /* or -1 */

struct alive_decision {
    enum alive_list list;
    uint8_t source;
    uint8_t count; /* 1; more only for signers */
    struct alive_content contents[ALIVE_MIXES_MAX];
    uint32_t ttl_s;
    uint32_t beyond_s;
    int64_t expires_s; /* of the RRSIGs, when they will not be renewed; else CACHES_FOREVER */
    /* The first RRSIG to expire in what is superseded, which nobody renews from now on;
     * CACHES_FOREVER when it has none. */
    int64_t left_expires_s;
};

/* What will be served from now on takes the place of what was current in its list. What stays, with
 * the same TTL, stays as it is. `number` names the change. LIMIT_REACHED changes nothing. */
enum status alive_decide(struct alive *alive, const struct alive_decision *decision, int64_t now_s,
                         uint32_t *number) MUST_USE;
/* The change `number` was refused: what it brought was never served. What was seen stays all the
 * same. */
void alive_refuse(struct alive *alive, uint32_t number);

enum alive_news {
    ALIVE_EXPECTED,
    ALIVE_RETURNED, /* an alarm: an old version that was gone is served again */
    ALIVE_UNKNOWN   /* an alarm: a version that nobody decided, or that was dead. It is alive and
                       current from now on, beside what was, until somebody decides */
};

struct alive_observation {
    uint8_t server;
    enum alive_list list;
    struct alive_content content;
    uint32_t ttl_s;
    uint32_t beyond_s;
    uint16_t type;   /* of the RRset that was seen */
    uint32_t number; /* the change that the answer's SOA serial stands for; 0: judge by content */
};

enum status alive_observe(struct alive *alive, const struct alive_observation *observation,
                          int64_t now_s, enum alive_news *news) MUST_USE;

/* True when the wall clock jumped by more than the margin: the waits that depend on it have been
 * started anew. Called before anything else of the event. */
bool alive_clock(struct alive *alive, const struct alive_policy *policy, struct moment now);

/* When no cache can hold the version any more; CACHES_FOREVER while it may still be served. */
int64_t alive_dies(const struct alive *alive, const struct alive_policy *policy,
                   const struct alive_version *version, int64_t now_s);
/* Dead versions and chains leave; a DS set that dies leaves its chains. LIMIT_REACHED when there is
 * no room for them: the DS set then stays alive. */
enum status alive_settle(struct alive *alive, const struct alive_policy *policy,
                         int64_t now_s) MUST_USE;
/* After alive_settle at the same time (a DS set that has died and left no chains yet counts as
 * alive). LIMIT_REACHED when there is more than a view can hold, NOT_FOUND when of a list that
 * caches come to no version is known; nothing may be changed then. */
enum status alive_view(const struct alive *alive, const struct alive_policy *policy, int64_t now_s,
                       struct caches *caches) MUST_USE;
/* When the next version or chain dies, unless something else happens; CACHES_FOREVER: none does. */
int64_t alive_next_death(const struct alive *alive, const struct alive_policy *policy,
                         int64_t now_s);
/* What RRSIGs that are published now must at least reach. */
int64_t alive_expiry_wanted(const struct alive_policy *policy, int64_t now_s, uint32_t resign_s,
                            uint32_t soa_expire_s, uint32_t ttl_s);

/* The durable form: all but what is free. */
void alive_write(const struct alive *alive, struct writer *form);
/* MALFORMED, TRUNCATED, UNSUPPORTED (a newer form), LIMIT_REACHED. */
enum status alive_read(struct span form, struct alive *alive) MUST_USE;
